"""The timeline as people and programs receive it: `timeline.json`, schema id ``videoscan.timeline/1`` (CONTRACT section 2).

Readers ignore fields they do not know, so these models do too. Times are seconds of the source's own clock; spans are half-open.
`videoscan/timeline.schema.json` is made from here and a test holds the two together.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_ID: Literal["videoscan.timeline/1"] = "videoscan.timeline/1"

Seconds = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Region = tuple[Share, Share, Share, Share]


class Document(BaseModel):
    """Base of everything in a timeline: frozen, tolerant of fields from a newer version."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Part(Document):
    """One file of a source; several when recordings were joined."""

    uri: str
    start: Seconds
    duration: Seconds
    clock: str | None = None


class SourceRecord(Document):
    """Where the pictures came from. `clock` is the wall time of second 0; `start_time` the container's clock at the first frame."""

    uri: str
    camera: str | None = None
    duration: Seconds
    width: int
    height: int
    fps: float | None = None
    rotation: int = 0
    start_time: float = 0.0
    clock: str | None = None
    parts: tuple[Part, ...] = ()
    flags: tuple[str, ...] = ()


class DescriberRecord(Document):
    """Who described it. `note` says what a reader should know, such as that the offline describer is no language model."""

    kind: str
    model: str | None = None
    endpoint: str | None = None
    note: str | None = None


class Chapter(Document):
    """A stretch of the timeline under one title."""

    start: Seconds
    end: Seconds
    title: str
    summary: str | None = None
    events: tuple[str, ...] = ()


class Evidence(Document):
    """A frame that was shown and that the event rests on. `picture` is relative to the output folder."""

    frame: int
    time: Seconds
    picture: str | None = None
    region: Region | None = None


class Review(Document):
    """What a person said of an event."""

    state: Literal["accepted", "rejected", "edited", "added"]
    by: str | None = None
    at: str | None = None
    changes: dict[str, Any] | None = None


class Event(Document):
    """Something that happened. The truth of its start lies in ``(start_after, start]``, of its end in ``(.., end_before]``."""

    id: str
    aliases: tuple[str, ...] = ()
    origin: Literal["model", "measured", "person"]
    start: Seconds
    end: Seconds
    start_after: Seconds
    end_before: Seconds
    title: Annotated[str, Field(min_length=1)]
    description: str = ""
    tags: tuple[str, ...] = ()
    confidence: Share | None = None
    importance: Share | None = None
    attributes: dict[str, Any] = {}
    evidence: tuple[Evidence, ...] = ()
    windows: tuple[int, ...] = ()
    alerts: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    review: Review | None = None


class ErrorRecord(Document):
    """Why a window failed. `raw` is the answer that could not be read."""

    kind: str
    message: str
    raw: str | None = None


class UsageRecord(Document):
    """What was sent and billed; token counts are null where the server did not say."""

    requests: int = 0
    retries: int = 0
    images: int = 0
    image_bytes: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: dict[str, Any] | None = None


class WindowRecord(Document):
    """Pictures that were described together."""

    index: int
    start: Seconds
    end: Seconds
    frames: tuple[int, ...]
    status: Literal["described", "failed", "skipped"]
    summary: str | None = None
    observations: tuple[str, ...] = ()
    error: ErrorRecord | None = None
    attempts: int = 0
    usage: UsageRecord | None = None
    flags: tuple[str, ...] = ()


class CoverageSpan(Document):
    """What is known about a stretch. The spans tile ``[0, duration)``."""

    start: Seconds
    end: Seconds
    state: Literal["described", "unchanged", "failed", "lost", "absent", "skipped"]
    same_as: int | None = None
    reason: str | None = None


class FrameCounts(Document):
    """`decoded` pictures came out of the decoder, `sampled` were looked at, `kept` were shown."""

    decoded: int | None = None
    sampled: int
    kept: int


class Timing(Document):
    """Wall seconds: of the whole, of decoding, of encoding, and of waiting for the describer."""

    wall: float = 0.0
    decode: float = 0.0
    encode: float = 0.0
    describe_wait: float = 0.0


class Timeline(Document):
    """One source, understood: events with evidence, and an account of every second."""

    # The alias keeps the contract's key; a plain `schema` would shadow a method of pydantic's.
    schema_id: Literal["videoscan.timeline/1"] = Field(default=SCHEMA_ID, alias="schema")
    source: SourceRecord
    created: str
    videoscan: str
    profile: dict[str, Any]
    describer: DescriberRecord
    summary: str | None = None
    chapters: tuple[Chapter, ...] = ()
    events: tuple[Event, ...] = ()
    windows: tuple[WindowRecord, ...] = ()
    coverage: tuple[CoverageSpan, ...] = ()
    frames: FrameCounts
    usage: UsageRecord = UsageRecord()
    timing: Timing = Timing()

    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    @property
    def complete(self) -> bool:
        """Whether nothing failed, was lost, or was left out for want of budget."""
        return not any(
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
_MAY_BE_MISSING = {"SourceRecord": {"flags"}, "DescriberRecord": {"note"}, "ErrorRecord": {"raw"}, "WindowRecord": {"flags"}}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `timeline.json`: every field of the contract is required, unknown ones are allowed."""
    schema = Timeline.model_json_schema(mode="serialization")
    for name, part in {"Timeline": schema, **schema["$defs"]}.items():
        part["required"] = [key for key in part["properties"] if key not in _MAY_BE_MISSING.get(name, ())]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:videoscan:timeline:1", **schema}


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
