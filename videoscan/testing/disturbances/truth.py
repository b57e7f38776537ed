"""What happens in a made scene, and when: exact to the moment a figure is whole in sight, because the program that draws it says so."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from videoscan.model import Box

Stretch = tuple[float, float]
"""Seconds, half-open."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens.

    It is whole in sight in ``[start, end)``; the first of it shows at `appears`, the last at `gone`
    (``appears <= start < end <= gone``). `height` is a share of the picture's height; `contrast` grey levels against what is behind
    it, in neutral light, signed; `box` is where it is at `start`, in shares of the picture (0..1); `inside`: it happens in front
    of the part of the picture that the disturbance moves. `minor`: to be reported or not, as you like. `lasting`: it is still
    there when the scene ends, so its end cannot be missed.
    """

    what: str
    kind: str
    start: float
    end: float
    appears: float
    gone: float
    height: float
    contrast: float
    box: Box
    inside: bool = False
    minor: bool = False
    lasting: bool = False

    def shows(self, time: float) -> bool | None:
        """Whether it is in sight at `time`: wholly (True), not at all (False), or in part (`None`)."""
        if self.start <= time < self.end:
            return True
        return None if self.appears < time < self.gone else False


@dataclass(frozen=True, slots=True)
class Truth:
    """All of a scene's events, in order of start, and its `quiet` stretches, in which nothing happens but the disturbance."""

    name: str
    seed: int
    duration: float
    events: tuple[Event, ...]
    quiet: tuple[Stretch, ...]

    @property
    def demanded(self) -> tuple[Event, ...]:
        """The events that must not be missed: all but the minor ones."""
        return tuple(event for event in self.events if not event.minor)

    def as_json(self) -> dict[str, Any]:
        """As truth files are: for `videoscan eval` and its like. Fields beyond theirs say how hard each event is."""
        return {
            "duration": self.duration,
            "events": [_as_json(event) for event in self.events],
            "cuts": [],
            "quiet": [[round(start, 3), round(end, 3)] for start, end in self.quiet],
            "judged": "by the program that drew it",
            "note": f"The made scene {self.name!r}, seed {self.seed}. What goes on all along is no event.",
        }

    def write(self, path: Path) -> None:
        """Write it beside a film."""
        path.write_text(json.dumps(self.as_json(), indent=1) + "\n", encoding="utf-8")


def _as_json(event: Event) -> dict[str, Any]:
    plain = {
        "start": round(event.start, 3),
        "end": round(event.end, 3),
        "what": event.what,
        "tags": [event.kind],
        "slack": round(max(event.start - event.appears, event.gone - event.end), 3) + 0.1,
        "height": event.height,
        "contrast": event.contrast,
        "box": [round(edge, 4) for edge in event.box],
        "inside": event.inside,
    }
    return {**plain, "minor": True} if event.minor else plain


def quiet_between(busy: Iterable[Stretch], duration: float) -> tuple[Stretch, ...]:
    """What is left of ``[0, duration)`` when the busy stretches are taken out."""
    edges = [(0.0, 0.0), *sorted(busy), (duration, duration)]
    reached = list(itertools.accumulate((end for _, end in edges), max))
    return tuple((end, start) for end, (start, _) in zip(reached, edges[1:], strict=False) if start > end)
