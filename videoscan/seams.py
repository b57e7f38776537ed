"""The seams: protocols of one or two methods over the nouns of `videoscan.model`.

Every kind of part is found through an entry point (`videoscan.registry`); the built-in ones come through the same door as a
stranger's. A part is a class with an `Options` model, made as ``Part(options)``. An instance is only its options: state lives in
the session it opens, so one instance may serve many jobs and threads at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from videoscan.model import EVERYWHERE, PictureCost

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from pydantic import BaseModel

    from videoscan.document import Timeline
    from videoscan.model import (
        Call,
        Camera,
        Description,
        Estimate,
        Frame,
        Identity,
        LiveItem,
        Loading,
        Login,
        Note,
        Prompt,
        Recording,
        Regions,
        SourceInfo,
        Tally,
        Usage,
        Window,
    )

INFINITY = float("inf")


def unheard(_fact: Call | Loading | Note) -> None:
    """Nobody wants to hear of a request, of a model being loaded, or what a person should know."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What a sampler wants next, said before pixels are decoded, so that a source can skip what nobody will look at.

    The next frame taken is the first keyframe whose time lies in ``[keyframe_from, keyframe_until]``; failing that, the first
    frame in ``[time, reference_until]`` that other frames refer to, because the others can then be left out; failing that, the
    first frame of any kind at or after `time`. `time` may be infinite: keyframes only. A source that cannot tell such frames
    apart takes the first frame at or after `time`.
    """

    time: float
    keyframe_from: float = INFINITY
    keyframe_until: float = -INFINITY
    reference_until: float = -INFINITY


@dataclass(frozen=True, slots=True)
class Back:
    """What a session answers to a frame before which it has overlooked something: go back to the first frame at or after `time`.

    The frame that was shown counts as not seen, and may come again. `time` lies after the last frame that was not answered with
    `Back` (a source keeps no more than the packets since then, within its own bound in bytes). A source that cannot go back
    (`SourceInfo.seekable` is False, or its bound is passed) just goes on: the next frame then lies behind the one that was shown.
    """

    time: float


class SamplerSession(Protocol):
    """One pass of a sampler over one source."""

    def aim(self) -> Aim:
        """The next wanted frame. Constant until `saw` is called."""
        ...

    def saw(self, frame: Frame) -> bool | Back:
        """A frame that met the aim was decoded: is it a sample, or must the source go `Back`? Moves the aim forward in any case."""
        ...


class Sampler(Protocol):
    """Chooses which frames of a source are looked at."""

    Options: ClassVar[type[BaseModel]]

    def session(self, info: SourceInfo) -> SamplerSession:
        """Start a pass. The first aim of a pass accepts the source's first frame."""
        ...


class Footage(Protocol):
    """An opened source. Not shared between threads, but `close` may be called from any of them.

    Authors: add yours to `videoscan.testing.sources`; one conformance suite runs over every source.
    """

    info: SourceInfo

    def frames(
        self, sampler: Sampler, *, start: float = 0.0, end: float | None = None, warm_up: float = 0.0, seek: bool = False
    ) -> Iterator[Frame]:
        """The sampled frames with time in ``[start, end)``, in order of time, indices rising. May be called once.

        With `warm_up`, sampling begins so many seconds before `start` (at 0 at the earliest), and those frames come out too.
        With `seek` (only where `SourceInfo.seekable`), nothing is read that lies further back than that and the keyframe before
        it; then indices count from the first frame at or after `start`, which has 0, the ones before it are negative, and
        `tally` speaks of ``[start, end)`` only. The samples do not depend on `seek`.

        Damage never ends the iteration early: what can be read is read, the rest goes into `tally`. Raises `SourceLost` when
        reading cannot go on at all, `SourceUnsupported` when not one picture could be decoded.
        """
        ...

    def tally(self) -> Tally:
        """What the pass came to. Valid once the iterator of `frames` has ended."""
        ...

    def close(self) -> None:
        """Let go of files and decoders. Idempotent; a running `frames` ends at its next picture."""
        ...


class Source(Protocol):
    """Opens what a URI names."""

    Options: ClassVar[type[BaseModel]]

    def open(self, uri: str) -> Footage:
        """Raises `SourceNotFound` or `SourceUnsupported`, naming the URI and what was wrong."""
        ...


class Clock(Protocol):
    """Where a live source takes its time from; `videoscan.patience.SYSTEM` is the computer's own. Others make a week pass in a minute."""

    def monotonic(self) -> float:
        """Seconds since whenever; never runs back and is never set."""
        ...

    def wall(self) -> float:
        """Seconds since 1970, as the computer believes. May be set at any time."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Return when `event` is set or so many seconds are over. Whether it is set."""
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """What a live source is opened with, besides its options.

    `camera` is its name for people, and for the variables of the environment that hold its login. `clock`: `None` for the computer's own. `zero`: the wall time of second 0 in seconds since 1970, `None` for now (for a folder: the begin
    of its first recording). `seen`: pictures up to this second were shown before, by a process that ended; a folder leaves them out, and
    times of a stream begin after it. `login` wins over what the address and the environment say. `record`: the folder for recorded
    segments, `None` for none. `black_out`: parts of the picture must leave the decoder black, so a stream copy is not kept. `told` hears what a person
    should know, without secrets.
    """

    camera: str = ""
    clock: Clock | None = None
    zero: float | None = None
    seen: float = 0.0
    login: Login | None = field(default=None, repr=False)
    record: Path | None = None
    black_out: bool = False
    told: Callable[[Note], None] = unheard


AS_IT_IS = Setting()
"""Nothing is said about it."""


class LiveFootage(Protocol):
    """A live source at work. `close` may be called from any thread; the rest belongs to one."""

    @property
    def info(self) -> SourceInfo:
        """What is known by now; the size and the codec change when the camera's do."""
        ...

    @property
    def decoded(self) -> int:
        """Pictures that came out of the decoder so far, those that nobody wanted included."""
        ...

    def items(self, sampler: Sampler, *, duration: float | None = None) -> Iterator[LiveItem]:
        """Frames as they are sampled, and what else is to be told, for ever: see `videoscan.model.LiveItem`. May be called once.

        Ends after `close`, or at `duration` seconds after it began. No fault of the camera or the network ends it. Times start at 0 and
        never run back, indices rise. A sampler's `Back` is not honoured. Whoever reads too slowly loses the oldest pictures, told as a
        gap. Closing the generator closes the source.
        """
        ...

    def recent(self, start: float, end: float, *, every: float = 0.0) -> Iterator[Frame]:
        """What is still held of the frames in ``[start, end)``, at least `every` seconds apart: a second look. From any thread.

        The ring holds undecoded pictures, so many bytes at most, so this decodes again, from the keyframe before `start`. Indices are those
        of `items`.
        """
        ...

    def recorded(self, start: float, end: float) -> tuple[Recording, ...]:
        """The recorded segments that are on the disk and touch ``[start, end)``, the one being written included. From any thread."""
        ...

    def close(self) -> None:
        """Let go of everything: no thread, connection or file is left when it returns, a second later at most. Idempotent.

        Only a connection that hangs may be left to its thread, which ends, and closes it, when its time is over: seconds later.
        """
        ...


class LiveSource(Protocol):
    """Listens to what a URI names."""

    Options: ClassVar[type[BaseModel]]

    def open(self, uri: str, setting: Setting = AS_IT_IS) -> LiveFootage:
        """Makes no connection yet: a camera may be away when its watching begins.

        Raises `SourceNotFound`, `SourceUnsupported` or `ConfigError` for what can never work, such as an unknown scheme.
        """
        ...

    def cameras(self, uri: str) -> tuple[Camera, ...]:
        """The cameras to be found there just now, by name; one for a stream. A folder's may become more: ask again now and then."""
        ...


@dataclass(frozen=True, slots=True)
class Scale:
    """What a deduplicator's `Mark.change` counts, in words for people, and the value above which a frame counts as another.

    `threshold` is `None` where nothing is compared.
    """

    unit: str
    threshold: float | None = None


class Dedup(Protocol):
    """Drops frames that look like one that was kept. `learns`: its judgement of a place gets better with what it has seen of it."""

    Options: ClassVar[type[BaseModel]]
    learns: ClassVar[bool]

    @property
    def scale(self) -> Scale:
        """What `Mark.change` counts with these options. An unchanged frame's is not above the threshold, a changed one's is."""
        ...

    def apply(self, frames: Iterable[Frame], *, regions: Regions = EVERYWHERE, since: float = -INFINITY) -> Iterator[Frame]:
        """Every frame comes out, in order, with its `mark`: kept, or dropped with the kept frame that stands for it.

        The first frame is always kept. Lazy: a frame comes out before the next one is asked for (what its `Frame.following` gives is no
        frame of the pass). Only what lies in `regions`
        counts as a change. Frames before `since` seconds come first, to learn a place's noise from: they do not come out, and the
        first one at or after `since` is kept.
        """
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What a describer can take in one window. `tokens` is for the pictures of a window together; `None` means no limit.

    `picture_bytes` counts one picture's Base64 text, `body_bytes` all of them. `cost` estimates what a picture costs in prompt
    tokens. `measures`: it wants `Mark.measured`. `sends`: pictures go out as Base64 text; without it `Picture.base64` is empty.
    """

    pictures: int | None = None
    picture_bytes: int | None = None
    body_bytes: int | None = None
    tokens: int | None = None
    concurrency: int = 1
    formats: frozenset[str] = frozenset({"image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff"})
    cost: PictureCost = PictureCost()
    measures: bool = False
    sends: bool = True


class Reservation(Protocol):
    """What is held back of a budget for one request; see `videoscan.spending.ledger`."""

    async def settle(self, usage: Usage) -> None:
        """It was answered, or may have been billed: this is what it took."""
        ...

    async def release(self) -> None:
        """It was never sent."""
        ...

    def drop(self, *, sent: bool = True) -> None:
        """Nobody will say what became of it. Nothing, after one of the others."""
        ...


class Ledger(Protocol):
    """Whoever sends requests to a model asks it before each of them."""

    @property
    def counts_tokens(self) -> bool:
        """Whether anybody is interested in how many tokens a request takes."""
        ...

    async def reserve(self, estimate: Estimate) -> Reservation:
        """Hold back the worst that a request can cost. Raises `BudgetSpent`: then it must not be sent."""
        ...


class DescriberSession(Protocol):
    """A describer at work for one scan: connections, learned limits, counters."""

    limits: Limits

    async def describe(self, window: Window, prompt: Prompt) -> Description:
        """An answer, or a failure as a value. Raises `DescribeError` only when no window at all can be described."""
        ...

    async def close(self) -> None:
        """Let go of connections. Idempotent."""
        ...


class Notebook(Protocol):
    """Where a describer's session writes down what was paid for before a window's answer is whole; a scan's journal, mostly."""

    async def recall(self, part: Window, prompt: Prompt) -> Description | None:
        """The answer about some of a window's pictures, if it was noted before."""
        ...

    async def note(self, part: Window, prompt: Prompt, description: Description) -> None:
        """Write down the answer about some of a window's pictures."""
        ...

    async def probed(self, usage: Usage) -> None:
        """Write down what was used to try out an endpoint. It belongs to the scan, and to no window's usage then."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A describer's session that can make use of a notebook."""

    def remember_in(self, notebook: Notebook) -> None:
        """Use it from now on."""
        ...


@runtime_checkable
class Naming(Protocol):
    """A describer's session that may find out only at work which model it asks."""

    async def named(self) -> str | None:
        """The model's name. Raises what `describe` would when nobody can tell."""
        ...


@runtime_checkable
class Writer(Protocol):
    """A describer's session that can also put words into other words, without any picture."""

    async def write(self, prompt: Prompt, *, max_tokens: int, keys: Collection[str]) -> Description:
        """The answer to a text-only prompt: a JSON object with any of `keys`, as text in `Description.raw`, or a failure as a value."""
        ...


class Describer(Protocol):
    """Says in words what a window's pictures show. `note` is what a reader of its timelines should know of it, if anything."""

    Options: ClassVar[type[BaseModel]]
    note: ClassVar[str | None]

    def session(self, told: Callable[[Call | Loading | Note], None] = unheard, ledger: Ledger | None = None) -> DescriberSession:
        """Start working. Makes no connection yet; must be called inside a running event loop.

        `told` hears of every request, and what a person should know of the model. `ledger` is asked before each request that costs
        anything; where it has nothing left, `describe` gives a failure of kind ``BudgetSpent``.
        """
        ...


@runtime_checkable
class Identified(Protocol):
    """A describer whose options may come to mean another model without being changed themselves, such as the name of a file."""

    def identity(self) -> Identity:
        """Whom it asks just now. Raises `ConfigError` when that cannot be told."""
        ...


class Exporter(Protocol):
    """Writes a timeline in somebody else's format."""

    Options: ClassVar[type[BaseModel]]
    suffix: ClassVar[str]
    media_type: ClassVar[str]

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:
        """Write all of it. `folder` is where the timeline's picture paths start, `None` when there are no pictures."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """A timeline among others that an exporter puts together; `folder` as in `Exporter.write`.

    `span` is what was asked for of it, in seconds of its own clock; `None` for all of it.
    """

    timeline: Timeline
    folder: str | None = None
    span: tuple[float, float] | None = None


@runtime_checkable
class Gatherer(Protocol):
    """An exporter that can put several timelines into one file."""

    def write_all(self, parts: Sequence[Told], out: IO[bytes], missing: Callable[[str], None]) -> None:
        """Write all of them, in their order; at least one. `missing` hears, in a sentence each, of what could not be had."""
        ...


@runtime_checkable
class FolderExporter(Protocol):
    """An exporter that writes many files; it has no `write`."""

    def write_files(self, parts: Sequence[Told], folder: Path, missing: Callable[[str], None]) -> Generator[Path]:
        """Write them into `folder`, each whole or not at all, and give each one's path. `missing` as in `Gatherer.write_all`."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert as it is told: `id` is the same at every attempt. `kind` is ``alert.started`` or ``alert.completed``.

    `told` is JSON-able (`videoscan.alerts.notices` says what is in it). `picture` is the bytes of the event's picture, for whoever wants to
    send it along, `None` where there is none; its place stands in `told` in any case.
    """

    id: str
    kind: str
    camera: str
    rule: str
    told: Mapping[str, Any]
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """How an attempt to tell somebody ended: told where `error` is `None`.

    `status` is an HTTP status, `wait` the seconds that the other side asks to wait. `final`: it is of no use to try again.
    """

    error: str | None = None
    status: int | None = None
    wait: float | None = None
    final: bool = False


class SinkSession(Protocol):
    """An open way to whoever is told."""

    async def send(self, id: str, kind: str, body: str, *, camera: str, rule: str) -> Sent:  # noqa: A002 - a message's id
        """One attempt with a body that `Sink.render` made. What goes wrong is a value; it does not raise."""
        ...


class Sink(Protocol):
    """Tells somebody of alerts. `durable`: what is to be sent waits on disk until it was, and is tried again; else it is sent once."""

    Options: ClassVar[type[BaseModel]]
    durable: ClassVar[bool]

    def render(self, notice: Notice) -> str:
        """The text that is sent, the picture in it where it goes along."""
        ...

    def open(self) -> AbstractAsyncContextManager[SinkSession]:
        """A session, until it is left. Raises `ConfigError` where the environment lacks a secret that it needs."""
        ...
