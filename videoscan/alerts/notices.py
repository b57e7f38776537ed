"""What an alert says: one envelope for every sink, as the service's webhooks have it. Pure.

``{"type": "alert.started" | "alert.completed", "timestamp": ISO 8601, "data": {...}}``, where `data` holds

========== ==========================================================================================================
`alert`    the alert's id, the same when an early alert is completed
`rule`     the rule's name
`state`    `started` while the event goes on, `completed` when it has ended
`camera`   its name, or the recording's
`source`   path or URL, without credentials
`timeline` the folder that holds the timeline and the pictures; null where there is none
`event`    the event's words and times; `clock_start` and `clock_end` are wall times, null without a clock; `end` is null while it goes on
`answer`   what the model said to the rule's question: `question`, `because`, `confidence`, `frames`; null without one
`picture`  `frame`, `time`, `path` below `timeline`, `media_type`, and `base64` where it goes along; null where there is none
`merged`   alerts of events that turned out to be this one; nothing more comes of those
========== ==========================================================================================================
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from videoscan import timecode
from videoscan.settings import credentials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.document import Event, Evidence, SourceRecord

State = Literal["started", "completed"]

_MEDIA = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "bmp": "image/bmp", "tiff": "image/tiff"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said to a rule's question. `frames` are the source frames that it cites; `because` what it sees in them."""

    question: str
    yes: bool
    because: str
    frames: tuple[int, ...] = ()
    confidence: float | None = None

    def record(self) -> dict[str, Any]:
        """For programs."""
        return {
            "question": self.question,
            "because": self.because,
            "confidence": self.confidence,
            "frames": list(self.frames),
        }


def alert_id(camera: str, rule: str, scope: str, event: str) -> str:
    """The id of what a rule tells of an event: always the same, so that nobody who lost count tells it twice."""
    said = json.dumps([camera, rule, scope, event])
    return f"alert_{hashlib.sha256(said.encode()).hexdigest()[:24]}"


def message_id(alert: str, state: State) -> str:
    """The id of a message, the same at every attempt (`webhook-id`)."""
    return f"msg_{alert.removeprefix('alert_')}_{state}"


def told(
    event: Event,
    source: SourceRecord,
    *,
    alert: str,
    rule: str,
    camera: str,
    state: State,
    folder: str | None = None,
    answer: Answer | None = None,
    merged: Sequence[str] = (),
    now: dt.datetime | None = None,
) -> dict[str, Any]:
    """The envelope. `folder` is where picture paths start; `now` is when it is said."""
    origin = source.origin(event.start)
    over = state == "completed"
    best = picture_of(event, answer)
    picture = None
    if best is not None and best.picture is not None:
        suffix = best.picture.rpartition(".")[2]
        picture = {"frame": best.frame, "time": best.time, "path": best.picture, "media_type": _MEDIA.get(suffix, "image/jpeg")}
    return {
        "type": f"alert.{state}",
        "timestamp": (now or dt.datetime.now(dt.UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {
            "alert": alert,
            "rule": rule,
            "state": state,
            "camera": camera,
            "source": credentials.without_login(source.uri),
            "timeline": folder,
            "event": {
                "id": event.id,
                "aliases": list(event.aliases),
                "origin": event.origin,
                "title": event.title,
                "description": event.description,
                "tags": list(event.tags),
                "confidence": event.confidence,
                "importance": event.importance,
                "attributes": event.attributes,
                "start": event.start,
                "end": event.end if over else None,
                "clock_start": timecode.wall_iso(origin, event.start),
                "clock_end": timecode.wall_iso(origin, event.end) if over else None,
                "frames": [each.frame for each in event.evidence],
            },
            "answer": answer.record() if answer is not None else None,
            "picture": picture,
            "merged": list(merged),
        },
    }


def picture_of(event: Event, answer: Answer | None = None) -> Evidence | None:
    """The evidence whose picture tells most: what the model cited for its answer, else the middle of the frames that show a place."""
    shown = [each for each in event.evidence if each.picture is not None]
    if answer is not None:
        shown = [each for each in shown if each.frame in answer.frames] or shown
    placed = [each for each in shown if each.region is not None] or shown
    return placed[len(placed) // 2] if placed else None
