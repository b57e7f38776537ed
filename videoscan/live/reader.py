"""The thread that reads a stream for as long as it lives: connects, reads, notices the end, waits, and connects again."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from av.packet import Packet

from videoscan.live.backlog import Arrival, Backlog, Began
from videoscan.live.link import LinkEnded, LinkFailed
from videoscan.live.stamps import StreamClock
from videoscan.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.video.stream import VideoStream

    from videoscan.live.edge import Edge
    from videoscan.model import Bgr

    Read: TypeAlias = "Packet[VideoStream] | Bgr"

State: TypeAlias = Literal["connecting", "playing", "waiting", "ended"]

LET_GO = 1.0
"""Seconds that are waited for the thread that reads when a stream is closed."""

LEAVING = "leaving camera"
"""What that thread is called when it was waited for long enough."""

_AT_ONCE = 0.005
"""Seconds. A packet that was read faster was there already: it was kept while FFmpeg looked at the stream's beginning."""

_TIMED_OUT = 0.95
"""Share of a read's patience after which a packet is none that has just come."""

_OPENING = 500
"""Packets of such a beginning at most."""

_LONG_ENOUGH = 10.0
"""Seconds that a connection must have lasted to count as a good one: then the next try comes soon."""

_REFUSED = Patience(first=15.0, longest=300.0)
"""Cameras lock whoever comes with a wrong password a few times in a row."""

_USUAL = 1 / 25
_SHORTEST_SPACING, _LONGEST_SPACING = 0.001, 60.0
_DISTANCES = 9
"""Distances of packets in time of which the middle one counts: an interruption changes nothing, and a slow camera is soon known."""


def _stamp(read: Read) -> int | None:
    """The decoding time in ticks; streams without reordered pictures may give only the other one."""
    if not isinstance(read, Packet):
        return None
    return read.pts if read.dts is None else read.dts


def _distance(reads: list[Read]) -> int:
    """Ticks between the last two: who waited for half of that has read what has just come, however busy the computer is."""
    last, before = _stamp(reads[-1]), _stamp(reads[-2]) if len(reads) > 1 else None
    return max(0, last - before) if last is not None and before is not None else 0


class Connection(Protocol):
    """What a reader reads from; `videoscan.live.link.Link` is one."""

    paced: bool
    timed: bool
    patience: float
    """Seconds that one read may take."""
    codec: str | None
    extradata: bytes | None
    rate: float | None
    base: float

    def packets(self) -> Iterator[Read]:
        """Packets in decoding order, or pictures. Raises `LinkFailed` when they end."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Recorder(Protocol):
    """Writes what is read, on the reader's thread. Never raises."""

    def begin(self, codec: str, extradata: bytes | None) -> None:
        """A connection stands."""
        ...

    def write(self, arrival: Arrival) -> None:
        """The next packet."""
        ...

    def cut(self) -> None:
        """The connection is over."""
        ...


@dataclass(frozen=True, slots=True)
class Status:
    """How the reader stands, for the other thread. `reason` is what was wrong last. `since` is when this began, on the live edge."""

    state: State
    reason: str | None
    since: float


@dataclass
class Reader:
    """Reads into a backlog from its own thread, from `start` to `close`.

    `connect` makes a connection and is given how long its reads may take. `stall` is how long a picture may stay away from a usual camera;
    one that sends less often is given more after it was found too slow once.
    """

    connect: Callable[[float], Connection]
    edge: Edge
    patience: Patience
    stall: float
    recorder: Recorder | None = None
    backlog: Backlog = field(default_factory=Backlog)
    spacing: float = _USUAL
    """Seconds from one picture to the next, as they came of late."""
    arrived: float = 0.0
    """When the last packet came, on the live edge."""
    connections: int = 0

    def __post_init__(self) -> None:
        self.status = Status("connecting", None, 0.0)
        self._stop = threading.Event()
        self._again = threading.Event()
        self._count = 0
        self._distances: deque[float] = deque(maxlen=_DISTANCES)
        # The other thread tells of a stall first; then the connection is given up.
        self._read = self._quick = 1.2 * self.stall
        self._floor = 0.0
        """No picture of this connection is older than the try to make it."""
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()
        self._let_go_by: float | None = None
        self._fault: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="videoscan-camera", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End, and wait for it, `LET_GO` seconds from the first call on at most. Idempotent, from any thread.

        FFmpeg cannot be called off: a thread that hangs in a connection or in a read ends when the time for that is over, and touches
        nothing any more but the connection.
        """
        with self._guard:
            if self._let_go_by is None:
                self._let_go_by = time.monotonic() + LET_GO
        self._stop.set()
        self.backlog.wake()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, self._let_go_by - time.monotonic()))
            if thread.is_alive():
                thread.name = LEAVING

    def renew(self) -> None:
        """Give this connection up, and make another one."""
        self._again.set()

    @property
    def fault(self) -> BaseException | None:
        """What ended the thread though it should not have."""
        return self._fault

    def _run(self) -> None:
        try:
            self._go_on()
        except BaseException as fault:
            # The other thread raises it: a fault of our own must not look like a camera that is away.
            self._fault = fault
        finally:
            self._say("ended", self.status.reason)
            self.backlog.wake()

    def _say(self, state: State, reason: str | None) -> None:
        self.status = Status(state, reason, self.edge.now())

    def _go_on(self) -> None:
        failures = refusals = 0
        reason: str | None = None
        while not self._stop.is_set():
            self._say("connecting", reason)
            began = self._floor = self.edge.now()
            good = False
            try:
                link = self.connect(self._read)
            except LinkFailed as failed:
                reason = failed.reason
                refusals = refusals + 1 if failed.refused else 0
            else:
                refusals = 0
                try:
                    reason = self._play(link, reason)
                except LinkEnded as ended:
                    self._say("ended", ended.reason)
                    return
                finally:
                    link.close()
                    if self.recorder is not None:
                        self.recorder.cut()
                good = self.edge.now() - began > _LONG_ENOUGH
            failures = 0 if good else failures + 1
            self._say("waiting", reason)
            wait = _REFUSED.wait(refusals) if refusals else self.patience.wait(max(1, failures))
            self.edge.clock.wait(self._stop, wait)

    def _play(self, link: Connection, why: str | None) -> str:
        """Read until it ends; why it did."""
        self.connections += 1
        self._again.clear()
        clock = StreamClock(link.base, paced=link.paced)
        if link.rate and link.timed:
            self.spacing = 1 / link.rate
        if self.recorder is not None and link.codec is not None:
            self.recorder.begin(link.codec, link.extradata)
        self.backlog.put(Began(link.codec, link.extradata, link.rate, why))
        came = 0
        before = self.arrived = self.edge.now()
        try:
            for read, arrived in self._timed(link):
                if self._stop.is_set():
                    return "it was closed"
                if self._again.is_set():
                    return "pictures came, but none that could be decoded"
                if (jump := self.edge.take_jump()) > 0:
                    clock.jump(jump)
                if not came and isinstance(read, Packet) and not read.is_keyframe:
                    continue  # nothing can be seen before the first keyframe
                self._put(read, clock, max(arrived, self._floor), timed=link.timed)
                came += 1
                if came > 1 and not link.paced:
                    self._distances.append(arrived - before)
                    usual = sorted(self._distances)[len(self._distances) // 2]
                    self.spacing = min(
                        max(usual, 1 / link.rate if link.rate and link.timed else _SHORTEST_SPACING), _LONGEST_SPACING
                    )
                before = arrived
        except LinkFailed as failed:
            if isinstance(failed, LinkEnded):
                raise
            silent = self.edge.now() - before
            if came and silent >= 0.9 * self._read:
                # It may be a camera that sends seldom: the next connection is given more time, until its pace is known.
                self._read = min(2 * self._read, 8 * self._quick)
                return f"no picture came for {silent:.1f} s"
            self._read = max(self._quick, 3 * self.spacing) if came > _DISTANCES else self._read
            return failed.reason
        return "the camera ended the connection"

    def _timed(self, link: Connection) -> Iterator[tuple[Read, float]]:
        """Each with when it came. What was there from the beginning came as much earlier than its last as their timestamps say."""
        packets = link.packets()
        if not link.paced:
            opening: list[Read] = []
            failed: LinkFailed | None = None
            try:
                while len(opening) < _OPENING:
                    before = self.edge.clock.monotonic()
                    opening.append(next(packets))
                    if self.edge.clock.monotonic() - before > max(_AT_ONCE, _distance(opening) * link.base / 2):
                        break
            except LinkFailed as error:
                failed = error
            stamps = [_stamp(read) if link.timed else None for read in opening]
            last = next((stamp for stamp in reversed(stamps) if stamp is not None), None)
            ages = [max(0.0, (last - stamp) * link.base) if last is not None and stamp is not None else 0.0 for stamp in stamps]
            # The first packets of RTSP have no times yet: they are as old as those after them, at least.
            ages = [max(ages[place:]) for place in range(len(ages))]
            now = self.edge.now()
            for read, age in zip(opening, ages, strict=True):
                yield read, max(0.0, now - age)
            if failed is not None:
                raise failed
        while True:
            before, edge = self.edge.clock.monotonic(), self.edge.now()
            read = next(packets)
            if self.edge.clock.monotonic() - before < _TIMED_OUT * link.patience:
                yield read, self.edge.now()
                continue
            # FFmpeg holds one picture back until the next one begins, and lets go of it when its patience ends: nothing has come.
            yield read, edge + self.spacing
            raise LinkFailed(f"no picture came for {link.patience:g} s")

    def _put(self, read: Read, clock: StreamClock, arrived: float, *, timed: bool) -> None:
        self._count += 1
        if isinstance(read, Packet):
            placed = clock.place(read.dts if timed else None, read.pts if timed else None, arrived, self.spacing)
            decoded, shown = max(self._floor, placed.decoded), max(self._floor, placed.shown)
            # Pictures that are shown before others that came earlier count in the order in which they are shown.
            index = self._count + (round((shown - decoded) / self.spacing) if shown > decoded else 0)
            arrival = Arrival(decoded, shown, read.is_keyframe, read.size, index, packet=read)
        else:
            arrival = Arrival(arrived, arrived, key=True, size=read.nbytes, index=self._count, picture=read)
        if clock.paced:
            self.edge.clock.wait(self._stop, arrival.decoded - self.edge.now())
            arrived = max(arrived, arrival.decoded)
        self.arrived = max(self.arrived, arrived)
        if self.status.state != "playing":
            self._say("playing", None)
        if self.recorder is not None and arrival.packet is not None:
            self.recorder.write(arrival)
        self.backlog.put(arrival)
