"""What stands in ``[[alerts]]``: which events are worth telling somebody of at once, and whom."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator

from videoscan.alerts.hours import Hours, hours_of
from videoscan.settings.strict import STRICT

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_RULES = 100
"""Rules of one profile."""

Share = Annotated[float, Field(ge=0, le=1)]
Corners = Annotated[tuple[tuple[Share, Share], ...], Field(min_length=3, max_length=100)]

_NAME = re.compile(r"[^\x00-\x1f\x7f/+#]{1,80}")


class AlertRule(BaseModel):
    """One ``[[alerts]]`` rule. An event meets it when it meets every condition that the rule gives; one that is left out is no condition.

    An event that a person rejected meets none. With several rules each is judged on its own.
    """

    model_config = STRICT

    name: str
    """What the rule is called: it stands in the event's `alerts` and in every message. No two have the same."""
    tags: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """The event has one of these tags. Whole tags; case does not count."""
    text: Annotated[str, Field(min_length=1)] | None = None
    """Each of these words stands in the event's title, description or tags, as part of a longer word as well; case does not count."""
    region: Corners | None = None
    """A polygon of corners ``[x, y]`` in 0..1 of the upright picture: any evidence of the event lies in it in part. Evidence without a
    place of its own stands for the whole picture, so it does."""
    hours: tuple[str, ...] = ()
    """Times of day of the camera's clock, such as ``"22:00-06:00"`` (across midnight as well), or of some days of the week, such as
    ``"Mo-Fr 22:00-06:00"`` (which ends on Saturday at six) or ``"Sa,Su"``: any of the event lies in one of these.
    Where a recording has no wall clock such a rule is never met, and that is said."""
    min_confidence: Share | None = None
    """The describer is at least so sure of the event. An event of which it does not say how sure it is does not meet this."""
    min_importance: Share | None = None
    """The event matters at least so much. An event of which nobody says so does not meet this."""
    ask: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """A question with yes or no for an answer, such as ``"Does somebody climb the fence?"``. The model is shown the pictures of an event that
    meets all the rest, and the rule is met when it says yes and cites the frames that show it. Never met without a model."""
    repeat_after: Annotated[float, Field(ge=0, le=604_800)] = 0.0
    """Seconds for which a rule is silent on a camera after an alert; 0 tells of every event. What meets the rule meanwhile stands in the
    timeline all the same."""
    to: tuple[dict[str, Any], ...] = ({"kind": "stdout"},)
    """Whom to tell, while a camera is watched: ``"stdout"``, an address (``"https://host/path"`` for a webhook, ``"mqtt://host/prefix"``), or a
    table ``{kind = "webhook", ...}``. None with ``[]``: then only the timeline says it. A scan of recordings tells nobody."""

    @field_validator("name")
    @classmethod
    def _a_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value) or not value.strip():
            raise ValueError(
                f"{value!r} is no name for a rule: 1 to 80 characters, without / + and #, which mean something in topics"
            )
        return value

    @field_validator("region")
    @classmethod
    def _encloses_something(cls, value: Sequence[tuple[float, float]] | None) -> Sequence[tuple[float, float]] | None:
        if value is not None and abs(_area(value)) < 1e-7:
            raise ValueError(f"region encloses nothing: its {len(value)} corners lie on one line, or it crosses itself")
        return value

    @field_validator("hours", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value

    @field_validator("hours")
    @classmethod
    def _times_of_day(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            hours_of(each)
        return value

    @field_validator("to", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        listed = value if isinstance(value, list | tuple) else [value]
        return tuple(destination(each) for each in listed)

    @property
    def spans(self) -> tuple[Hours, ...]:
        """`hours`, read."""
        return tuple(map(hours_of, self.hours))


def destination(given: object) -> object:
    """A destination as a table: a kind's bare name or an address is short for one. What is neither is for the schema to refuse."""
    if not isinstance(given, str):
        return given
    scheme = urlsplit(given).scheme.lower()
    if scheme in {"http", "https"}:
        return {"kind": "webhook", "url": given}
    if scheme in {"mqtt", "mqtts"}:
        return {"kind": "mqtt", "url": given}
    return {"kind": given}


def _area(corners: Sequence[tuple[float, float]]) -> float:
    """Signed, by the shoelace formula."""
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True)) / 2
