"""What a watch tells: events as they are found and again when they are complete, and how things stand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from videoscan.document import Event, Timeline
    from videoscan.watching.backlog import LeftOut


@dataclass(frozen=True, slots=True)
class Found:
    """An event of a day that is being watched. Told when it is found, and again, `complete`, when nothing more will change about it.

    One that is complete when it is found is told once. `folder` is the day's: pictures' paths start there. `clock` is the wall time of the
    day's second 0, ISO 8601, which the event's times count from. `latency` is how many seconds lay between its first picture's arrival and
    its description; `None` for what was found by an earlier process.
    """

    camera: str
    event: Event
    folder: Path
    clock: str
    complete: bool
    latency: float | None = None
    timeline: Timeline | None = field(default=None, repr=False)


Heard: TypeAlias = Callable[[Found], Iterable[str] | None]
"""Called on the event loop for every `Found`; must not block. What it returns are names of alert rules that the event has met: they are put
into the day's timeline. Later ones can be put there with `CameraWatch.alerted`."""


def unheard(_found: Found) -> None:
    """Nobody wants to hear of events."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a camera's watch stands.

    `state` is the source's; `describing` how many windows are being described, `waiting` how many wait. `position` is the wall time of the live
    edge, ISO 8601. `latency` are the median and the 95th percentile, in seconds, of the last `Latencies.kept` windows from the arrival of
    their first picture to their description. `lost` is how many seconds of today were not seen. `picture` is the last one kept, on disk.
    """

    camera: str
    uri: str
    state: Literal["starting", "connecting", "playing", "stalled", "waiting", "ending", "ended"]
    reason: str | None = None
    position: str | None = None
    folder: Path | None = None
    picture: Path | None = None
    events: int = 0
    windows: int = 0
    described: int = 0
    failed: int = 0
    waiting: int = 0
    describing: int = 0
    latency: tuple[float, float] | None = None
    lost: float = 0.0
    gaps: int = 0
    left_out: LeftOut | None = None
    sampled: int = 0
    fault: str | None = None

    def record(self) -> dict[str, Any]:
        """The same for JSON."""
        out = self.left_out
        return {
            "camera": self.camera,
            "uri": self.uri,
            "state": self.state,
            "reason": self.reason,
            "position": self.position,
            "folder": None if self.folder is None else str(self.folder),
            "picture": None if self.picture is None else str(self.picture),
            "events": self.events,
            "windows": self.windows,
            "described": self.described,
            "failed": self.failed,
            "waiting": self.waiting,
            "describing": self.describing,
            "latency": None if self.latency is None else {"p50": self.latency[0], "p95": self.latency[1]},
            "lost": self.lost,
            "gaps": self.gaps,
            "left_out": None if out is None else {"unchanged": out.unchanged, "thinned": out.thinned, "dropped": out.dropped},
            "sampled": self.sampled,
            "fault": self.fault,
        }


class Latencies:
    """The last so many latencies."""

    kept = 512

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=self.kept)

    def add(self, seconds: float) -> None:
        """One more."""
        self._last.append(seconds)

    def percentiles(self) -> tuple[float, float] | None:
        """Median and 95th percentile, by nearest rank; `None` before the first."""
        if not self._last:
            return None
        ranked = sorted(self._last)
        return round(ranked[(len(ranked) - 1) // 2], 3), round(ranked[min(len(ranked) - 1, int(0.95 * len(ranked)))], 3)


class Teller:
    """Tells of a day's events once when they are found, and once when they are complete."""

    def __init__(self) -> None:
        self._found: set[str] = set()
        self._complete: set[str] = set()

    def take(self, timeline: Timeline, described_to: float, *, ended: bool) -> list[tuple[Event, bool]]:
        """What is to be told of now: events that are new, and those that are complete now. `described_to`: nothing waits before it.

        An event is complete when it ended before the day's end so far, and no window that could go on with it is still to be described.
        """
        position = timeline.source.duration
        last = timeline.windows[-1] if timeline.windows else None
        told = []
        for event in timeline.events:
            if event.id in self._complete:
                continue
            over = ended or (
                event.end < position
                and event.end <= described_to
                and (last is None or last.index not in event.windows or not _reaches(event, last.frames))
            )
            if event.id in self._found and not over:
                continue
            if event.id not in self._found and any(alias in self._complete for alias in event.aliases) and not over:
                continue
            self._found.add(event.id)
            if over:
                self._complete.add(event.id)
            told.append((event, over))
        return told

    def known(self, timeline: Timeline) -> None:
        """Events that an earlier process has told of."""
        self._found.update(event.id for event in timeline.events)
        self._complete.update(event.id for event in timeline.events if event.end < timeline.source.duration)

    def __len__(self) -> int:
        return len(self._found)


def _reaches(event: Event, frames: tuple[int, ...]) -> bool:
    """Whether an event cites the last picture of the last window: the next one may go on with it."""
    return bool(frames and event.evidence and event.evidence[-1].frame >= frames[-1])
