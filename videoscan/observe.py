"""One frozen fact per thing worth knowing about a running scan. A progress bar, a log or a metric is a function over facts.

Facts are told on the event loop's thread, in the order in which they became known. An observer must not block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from videoscan.model import Call, Loading, Note

if TYPE_CHECKING:
    from videoscan.document import Timeline
    from videoscan.model import Description, SourceInfo, Window


__all__ = [
    "Call",
    "Decoded",
    "Fact",
    "Finished",
    "Loading",
    "LookDone",
    "LookingAgain",
    "Note",
    "Observer",
    "Opened",
    "Sampled",
    "Sending",
    "WindowDone",
    "WindowReady",
    "ignore",
]


@dataclass(frozen=True, slots=True)
class Opened:
    """A source was opened; nothing was decoded yet."""

    info: SourceInfo


@dataclass(frozen=True, slots=True)
class Sampled:
    """The core has come as far as `position` seconds into the source. Told a few times a second at most."""

    position: float
    sampled: int
    kept: int


@dataclass(frozen=True, slots=True)
class Sending:
    """Pictures are about to leave this machine for `host`. Told once per scan, before the first request.

    `pictures` is the most frames that can be sampled from this source, `None` where its length is not known; overlapping windows
    show some of them twice. Second looks may show `again` more, beside them. One window holds `at_once` at most.
    """

    host: str
    model: str | None
    pictures: int | None = None
    again: int | None = None
    at_once: int | None = None


@dataclass(frozen=True, slots=True)
class WindowReady:
    """A window was closed and waits for the describer. `window.pictures` will be on disk when it is described."""

    window: Window


@dataclass(frozen=True, slots=True)
class WindowDone:
    """A window was described, or failed for good. `resumed`: the answer came from the journal and nothing was sent.

    `at_once` is how many requests the endpoint is sent at once now, `None` where there is no such thing.
    """

    index: int
    description: Description
    resumed: bool = False
    at_once: int | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """The core has read the whole source; what remains is waiting for descriptions. `windows` is their final number."""

    windows: int


@dataclass(frozen=True, slots=True)
class LookingAgain:
    """All windows have their answers, and so many of them are looked at a second time."""

    looks: int


@dataclass(frozen=True, slots=True)
class LookDone:
    """A second look at a window was answered, or came to nothing."""

    window: int
    description: Description


@dataclass(frozen=True, slots=True)
class Finished:
    """The timeline is folded and on disk."""

    timeline: Timeline


Fact: TypeAlias = (
    Opened | Sampled | Sending | WindowReady | Loading | Call | WindowDone | Decoded | LookingAgain | LookDone | Note | Finished
)
Observer: TypeAlias = Callable[[Fact], None]


def ignore(_fact: Fact) -> None:
    """The observer that nobody asked for."""
