"""The timeline as people and programs receive it: `timeline.json`, schema id ``videoscan.timeline/1``.

Readers ignore fields they do not know, so these models do too. Times are seconds of the source's own clock; spans are half-open.
`videoscan/timeline.schema.json` is made from here and a test holds the two together.
"""

from __future__ import annotations

import bisect
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pydantic.dataclasses
from pydantic import BaseModel, ConfigDict, Field

from videoscan.slotted import MANY, Slotted
from videoscan.spans import CoverageSpan, Seconds, Spans, State

if TYPE_CHECKING:
    from videoscan.model import Usage
    from videoscan.spending.money import Prices

SCHEMA_ID: Literal["videoscan.timeline/1"] = "videoscan.timeline/1"

Share = Annotated[float, Field(ge=0, le=1)]
Region = tuple[Share, Share, Share, Share]

__all__ = ["CoverageSpan", "Seconds", "State"]


class Document(BaseModel):
    """Base of everything in a timeline: frozen, tolerant of fields from a newer version."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class SoundRecord(Document):
    """A file's sound. Nothing of it is decoded; exports for editing programs have a track for it."""

    channels: int
    """How many."""
    sample_rate: int
    """Samples a second."""


class Part(Document):
    """One file of a source; several when recordings were joined."""

    uri: str
    """Path or URL of this file."""
    start: Seconds
    """Where it begins on the source's clock."""
    duration: Seconds
    """How long it lasts."""
    clock: str | None = None
    """Wall time of `start`, ISO 8601."""
    skipped: Seconds = 0.0
    """Seconds at the file's beginning that are not shown, because the part before it shows that time already."""
    sound: SoundRecord | None = None
    """Its sound; null where it has none, or nobody looked."""


class LeftOutRecord(Document):
    """A file that has no place among the joined ones."""

    uri: str
    """Path of this file."""
    reason: str
    """Why it is left out."""


class SourceRecord(Document):
    """Where the pictures came from. `clock` is the wall time of second 0; `start_time` the container's clock at the first frame."""

    uri: str
    """Path or URL, without credentials."""
    camera: str | None = None
    """The camera's name, from `source.camera` or a ``[[cameras]]`` rule."""
    duration: Seconds
    """End of the last picture, or the declared length if that is longer: then the tail is `lost`."""
    width: int
    """Pixels of the upright picture."""
    height: int
    """Pixels of the upright picture."""
    fps: float | None = None
    """Declared pictures per second; no time is computed from it. Null where none is declared."""
    rotation: int = 0
    """Clockwise turn in degrees (0, 90, 180, 270) that was applied to make the picture upright."""
    start_time: float = 0.0
    """The first frame's place on the container's own clock, in seconds."""
    clock: str | None = None
    """Wall time of second 0, ISO 8601; null when nobody knows it."""
    parts: tuple[Part, ...] = ()
    """The files, in order of time."""
    flags: tuple[str, ...] = ()
    """Sentences about what had to be assumed, such as times from a declared rate."""
    left_out: tuple[LeftOutRecord, ...] = ()
    """Files that were to be joined and have no place in this timeline."""
    kept_from: str | None = None
    """The output folder whose kept pictures were asked again, when this is such an answer: nothing was decoded for it."""

    def origin(self, seconds: float) -> str | None:
        """The wall time of second 0 as the clocks of `seconds` show it: over months of recordings they are put forward and back."""
        place = bisect.bisect_right(self.parts, seconds, key=lambda part: part.start) - 1
        shown = self.parts[place].clock if place > 0 else None
        if shown is None or self.clock is None:
            return self.clock
        try:
            first, now = dt.datetime.fromisoformat(self.clock), dt.datetime.fromisoformat(shown)
        except ValueError:  # somebody else's timeline
            return self.clock
        return self.clock if first.utcoffset() == now.utcoffset() else first.astimezone(now.tzinfo).isoformat()


class DescriberRecord(Document):
    """Who described it. `note` says what a reader should know, such as that the offline describer is no language model."""

    kind: str
    """The describer's kind: `openai`, `offline` or a stranger's."""
    model: str | None = None
    """The model's name at the endpoint."""
    endpoint: str | None = None
    """The endpoint's address, without credentials."""
    note: str | None = None
    """What a reader should know of this describer."""


class Chapter(Document):
    """A stretch of the timeline under one title."""

    start: Seconds
    """Where it begins."""
    end: Seconds
    """Where it ends."""
    title: str
    """A few words."""
    summary: str | None = None
    """A few sentences."""
    events: tuple[str, ...] = ()
    """Ids of the events in it."""


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=MANY)
class Evidence(Slotted):
    """A frame that was shown and that the event rests on. `picture` is relative to the output folder."""

    frame: int
    """The source frame's index, in presentation order."""
    time: Seconds
    """Its presentation time in seconds."""
    picture: str | None = None
    """Path of the saved picture, relative to the output folder; null when none was saved."""
    region: Region | None = None
    """Where in the picture, as ``[x0, y0, x1, y1]`` in 0..1; null for the whole picture."""


class Review(Document):
    """What a person said of an event."""

    state: Literal["accepted", "rejected", "edited", "added"]
    """What became of the event."""
    by: str | None = None
    """Who said it."""
    at: str | None = None
    """When, ISO 8601."""
    changes: dict[str, Any] | None = None
    """The fields that were changed, with their new values."""
    comment: str | None = None
    """Why, in the person's words."""
    was: dict[str, Any] | None = None
    """What the event said before, by field: the describer's own words."""


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=MANY)
class Event(Slotted):
    """Something that happened. The truth of its start lies in ``(start_after, start]``, of its end in ``(.., end_before]``."""

    id: str
    """Stays the same when a scan is resumed, and in a re-scan that cites the same first frame."""
    aliases: tuple[str, ...] = ()
    """Ids that were merged into this one."""
    origin: Literal["model", "measured", "person"]
    """Who says so: a model, a measurement of the program, or a person."""
    start: Seconds
    """Time of the first evidence frame."""
    end: Seconds
    """Time of the first later sampled frame that the evidence does not stand for, of the first gap, or the source's end."""
    start_after: Seconds
    """Time of the last sampled frame before `start`: the event began after it. `start`, where there is none."""
    end_before: Seconds
    """The event ended before this."""
    title: Annotated[str, Field(min_length=1)]
    """A few words."""
    description: str = ""
    """A sentence or two."""
    tags: tuple[str, ...] = ()
    """Short words to search and filter by."""
    confidence: Share | None = None
    """How sure the describer is; null when it did not say."""
    importance: Share | None = None
    """How much it matters, as the describer judges; null when it did not say."""
    attributes: Annotated[dict[str, Any], Field(json_schema_extra={"default": {}})] = dataclasses.field(default_factory=dict)
    """The values of the fields that a profile declares."""
    evidence: tuple[Evidence, ...] = ()
    """The frames it rests on, in order of time. Only a person's event may have none."""
    windows: tuple[int, ...] = ()
    """Indices of the windows that told it."""
    alerts: tuple[str, ...] = ()
    """Names of the alert rules that it met, in the profile's order. Whether somebody was told of it also depends on a rule's limit of repeats."""
    flags: tuple[str, ...] = ()
    """Sentences about what was corrected or is doubtful."""
    review: Review | None = None
    """What a person said of it; null when nobody did."""
    replay_of: str | None = None
    """For a replay (tag ``replay``), the id of the event that it shows again; null where none was told, and for all else."""
    subject: str | None = None
    """The name of a subject that recurs: what it looks like, as a model told it first. It says nothing about who that is. Null for all else."""


class ErrorRecord(Document):
    """Why a window failed. `raw` is the answer that could not be read."""

    kind: str
    """Name of the error's class; see the page on errors."""
    message: str
    """One sentence."""
    raw: str | None = None
    """The text that came instead of an answer."""


class CostRecord(Document):
    """Money, at the prices that the profile gave: what was paid for this in all, former runs that it continues included."""

    amount: float
    """All of it."""
    currency: str
    """Three letters, such as USD."""
    prices_as_of: str
    """The date of the prices, ISO 8601."""
    estimated: float = 0.0
    """The part for tokens that the server did not count: an upper estimate."""
    time: float = 0.0
    """The part for the hours of a deployed endpoint, of the run that wrote this."""


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=MANY)
class UsageRecord(Slotted):
    """What was sent and billed; token counts are null where the server did not say."""

    requests: int = 0
    """Requests sent, retries and probes included."""
    retries: int = 0
    """How many of them repeated one that had failed."""
    images: int = 0
    """Pictures sent."""
    image_bytes: int = 0
    """Their bytes, before Base64."""
    prompt_tokens: int | None = None
    """As the server counted them; null where it did not say."""
    completion_tokens: int | None = None
    """As the server counted them; null where it did not say."""
    cost: CostRecord | None = None
    """Money; null where `budget.prices` says nothing. A window's does not count the hours of a deployed endpoint."""

    @classmethod
    def of(cls, usage: Usage, prices: Prices | None = None, *, seconds: float = 0.0) -> UsageRecord:
        """The record of what was sent and billed. `seconds` is how long a deployed endpoint was in use for it."""
        return cls.unchecked(
            usage.requests,
            usage.retries,
            usage.images,
            usage.image_bytes,
            usage.prompt_tokens,
            usage.completion_tokens,
            CostRecord(**prices.record(usage, seconds=seconds)) if prices else None,
        )


class ToldRecord(Document):
    """An event as one answer told it, before answers were put together."""

    title: str
    """A few words."""
    description: str = ""
    """A sentence or two."""
    first_frame: int
    """Source frame index of the first frame that was cited."""
    last_frame: int
    """Source frame index of the last one."""
    confidence: Share | None = None
    """How sure the describer was; null when it did not say."""


class AnswerRecord(Document):
    """One of two answers about a window."""

    summary: str | None = None
    """Its summary."""
    observations: tuple[str, ...] = ()
    """Its facts."""
    events: tuple[ToldRecord, ...] = ()
    """What it told of."""
    error: ErrorRecord | None = None
    """Why there is none; null where there is one."""
    flags: tuple[str, ...] = ()
    """Sentences about what was corrected."""


class SecondLookRecord(Document):
    """A window whose answer was in doubt, asked about once more with other pictures; both answers are kept."""

    why: Literal["unreadable", "contradicted", "uncertain"]
    """Could not be read; told of nothing where the picture changed much; was unsure of an event."""
    reason: str
    """The same in a sentence."""
    start: Seconds
    """Time of the first frame that was looked at again."""
    end: Seconds
    """Time of the last one."""
    frames: tuple[int, ...]
    """Source frame indices of the pictures that were shown then, in order. Not all of them were sampled before."""
    first: AnswerRecord
    """The answer that was in doubt."""
    second: AnswerRecord
    """The answer of the second look."""


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=MANY)
class WindowRecord(Slotted):
    """Pictures that were described together."""

    index: int
    """Its place, counted from 0."""
    start: Seconds
    """Time of its first picture."""
    end: Seconds
    """Time of the next window's first new picture, or the source's end."""
    frames: tuple[int, ...]
    """Source frame indices of its pictures, in order; those of a second look among them."""
    status: Literal["described", "failed", "skipped"]
    """What became of it."""
    summary: str | None = None
    """The describer's summary of it: the second look's, where the first answer could not be read or told of nothing."""
    observations: tuple[str, ...] = ()
    """Facts that the describer saw."""
    error: ErrorRecord | None = None
    """Why it failed; null unless it did."""
    attempts: int = 0
    """How often it was asked."""
    usage: UsageRecord | None = None
    """What it took."""
    flags: tuple[str, ...] = ()
    """Sentences about what was corrected, such as numbers out of range."""
    second_look: SecondLookRecord | None = None
    """Why it was asked about twice, and both answers; null where one was enough."""


class BudgetRecord(Document):
    """What was allowed to be spent, and what was made smaller for it."""

    limit: str
    """As it was given, such as ``5USD`` or ``2Mtok and 500req``."""
    per: Literal["run", "day"]
    """What the limit is for."""
    measures: tuple[str, ...] = ()
    """How less was sent so that it fits, in sentences; empty where nothing had to be."""
    planned: str | None = None
    """What was likely to be spent then; null where nothing was planned."""
    skipped_windows: int = 0
    """Windows that were left out because another request could have passed the limit."""


class FrameCounts(Document):
    """`decoded` pictures came out of the decoder, `sampled` were looked at, `kept` were shown."""

    decoded: int | None = None
    """Pictures that came out of the decoder."""
    sampled: int
    """Frames that were looked at."""
    kept: int
    """Frames that were shown to the describer."""


class Timing(Document):
    """Wall seconds: of the whole, of decoding, of encoding, and of waiting for the describer."""

    wall: float = 0.0
    """The whole scan."""
    decode: float = 0.0
    """Decoding, sampling and deduplicating."""
    encode: float = 0.0
    """Encoding pictures."""
    describe_wait: float = 0.0
    """Waiting for descriptions, added up over requests that ran side by side."""
    latency_p50: float | None = None
    """Of a watch: from the arrival of a window's first picture to its description, the median; null for a scan."""
    latency_p95: float | None = None
    """The same, for 95 of 100 windows."""


class Told(Document):
    """Summary and chapters as they were before a person's corrections of the events were taken into them."""

    summary: str | None = None
    """The whole in a few sentences; null where none was made."""
    chapters: tuple[Chapter, ...] = ()
    """The source in chapters."""


class Timeline(Document):
    """One source, understood: events with evidence, and an account of every second."""

    # The alias keeps the file's key; a plain `schema` would shadow a method of pydantic's.
    schema_id: Literal["videoscan.timeline/1"] = Field(default=SCHEMA_ID, alias="schema")
    """The schema's id."""
    source: SourceRecord
    """What was looked at."""
    created: str
    """When the timeline was written, ISO 8601."""
    videoscan: str
    """The version that wrote it."""
    profile: dict[str, Any]
    """Every resolved value of the profile, defaults included, without secrets."""
    describer: DescriberRecord
    """Who described it."""
    summary: str | None = None
    """The whole in a few sentences; null where none was made."""
    chapters: tuple[Chapter, ...] = ()
    """The source in chapters, without a hole between them; none without events."""
    flags: tuple[str, ...] = ()
    """Sentences about what was corrected or is doubtful in summary and chapters, and where a model's word on doubtful pairs was not to be had."""
    told: Told | None = None
    """What summary and chapters said before they were made to match a person's corrections; null while they are as they were written."""
    events: tuple[Event, ...] = ()
    """What happened, in order of start."""
    windows: tuple[WindowRecord, ...] = ()
    """What was described together."""
    coverage: Annotated[Spans, Field(default_factory=Spans, json_schema_extra={"default": []})]
    """What is known about every second."""
    frames: FrameCounts
    """How many frames were decoded, looked at and shown."""
    usage: UsageRecord = UsageRecord()
    """What was sent and billed."""
    budget: BudgetRecord | None = None
    """The budget of the run that wrote this; null where there was none."""
    timing: Timing = Timing()
    """Where the time went."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    @property
    def complete(self) -> bool:
        """Whether nothing failed, was lost, or was left out for want of budget or of a place in time."""
        return not self.source.left_out and not any(
            span.state in {"failed", "lost"} or (span.state == "skipped" and "budget" in (span.reason or ""))
            for span in self.coverage
        )

    def to_json(self, *, indent: int | None = 1) -> str:
        """The text of `timeline.json`."""
        return self.model_dump_json(indent=indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> Timeline:
        """Read a `timeline.json`. Raises `pydantic.ValidationError` (a `ValueError`) on anything that is not one."""
        return cls.model_validate_json(text)


# Fields that came after a timeline could first be written without them. A document that lacks one is still valid; whatever is
# added later goes here too.
_MAY_BE_MISSING = {
    "Timeline": {"flags", "budget", "told"},
    "SourceRecord": {"flags", "left_out"},
    "Part": {"skipped", "sound"},
    "DescriberRecord": {"note"},
    "ErrorRecord": {"raw"},
    "Review": {"comment", "was"},
    "WindowRecord": {"flags", "second_look"},
    "Event": {"replay_of", "subject"},
}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `timeline.json`: every field named here is required, unknown ones are allowed."""
    schema = Timeline.model_json_schema(mode="serialization")
    for name, part in {"Timeline": schema, **schema["$defs"]}.items():
        part["required"] = [key for key in part["properties"] if key not in _MAY_BE_MISSING.get(name, ())]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:videoscan:timeline:1", **schema}


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
