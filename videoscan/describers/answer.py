"""Reads what a model wrote: finds the JSON object in the text, mends it where that is sound, and holds its values to their ranges.

Pure. Nothing that a model says is believed beyond its place: frame numbers become places in the window, numbers are clamped, texts
are cut to bounds, and every such correction leaves a flag. Times are never read from an answer.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videoscan import attributes
from videoscan.language import plainly
from videoscan.model import Told

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from videoscan.attributes import Field
    from videoscan.model import Box

MOST_TEXT = 1_000_000
"""Characters of an answer that are looked at; a full answer of a window is a few thousand."""
_MOST_STARTS = 500
ANSWERS = frozenset({"events", "observations"})
"""Keys that tell the answer about a window from other JSON in a text."""
_LONG, _SHORT = 4_000, 300


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer's content, held to its ranges. `whole` is false when it was cut off and mended; then complete events were kept."""

    observations: tuple[str, ...] = ()
    events: tuple[Told, ...] = ()
    summary: str | None = None
    flags: tuple[str, ...] = ()
    whole: bool = True


def read(text: str, places: Sequence[int], fields: Mapping[str, Field] | None = None) -> Reading | None:
    """The answer in `text`, or `None` where there is none to be read.

    `places[n - 1]` is the place in the window of the frame that the request called number n. `fields` are the attributes that were
    asked for.
    """
    found = find_object(text)
    if found is None:
        return None
    answer, whole = found
    flags: list[str] = [] if whole else ["answer cut off: only its complete events were kept"]
    if answer.get(_BARE):
        flags.append("the answer was its events alone, without the form around them")
    events: list[Told] = []
    listed = answer.get("events")
    for item in listed if isinstance(listed, list) else ([listed] if isinstance(listed, dict) else []):
        event = _event(item, places, fields or {})
        if event is None:
            flags.append("an event without words or frames was left out")
        elif any(same.title == event.title and (same.first, same.last) == (event.first, event.last) for same in events):
            flags.append("an event told twice was left out")
        else:
            events.append(event)
    observations = _texts(answer.get("observations"), MOST_TEXT, 50)
    said = plainly.plain(_clean(answer.get("summary"), MOST_TEXT), "summary", flags, longest=_LONG) or None
    told = (text for event in events for text in (event.title, event.description))
    if plainly.instructs(said, *observations, *told):
        flags.append(plainly.INSTRUCTED)
    if not events and plainly.tells_of_something(said):
        flags.append(plainly.UNHEARD)
    return Reading(
        observations=tuple(plainly.plain(text, "observations", flags, longest=_LONG) for text in observations),
        events=tuple(events),
        summary=said,
        flags=tuple(dict.fromkeys(flags)),
        whole=whole,
    )


_THOUGHT_OPENS = re.compile(r"<(?:think|thinking|thought|reasoning)>|◁think▷", re.IGNORECASE)
_THOUGHT_ENDS = re.compile(r"</(?:think|thinking|thought|reasoning)>|◁/think▷", re.IGNORECASE)


def _after_thinking(text: str) -> str:
    """What stands after the last thought. A template that opens the thought itself leaves only its end, a cut-off one its beginning."""
    ends = [found.end() for found in _THOUGHT_ENDS.finditer(text)]
    said = text[ends[-1] :] if ends else text
    opened = _THOUGHT_OPENS.search(said)
    return said[: opened.start()] if opened else said


def find_object(text: str, keys: Collection[str] = ANSWERS) -> tuple[dict[str, Any], bool] | None:
    """The last answer object (one with any of `keys`) in a text with fences, prose and thinking around it, and whether it is whole.

    The last, because a model that thinks aloud drafts before it answers. One that was cut off is closed after its last complete
    event; with no complete list and no complete event there is nothing sound to keep. Events without the object around them, as a
    list or one after the other, make an answer as well.
    """
    text = text[:MOST_TEXT]
    if not text.lstrip().startswith("{"):
        text = _after_thinking(text)
    best = _last_answer(text, keys)
    if best is None:
        # The commonest slip of a model that is not held to a grammar, and no two readings of it.
        best = _last_answer(_TRAILING_COMMA.sub(lambda found: found["quoted"] or "", text), keys)
    if best is not None:
        return best, True
    mended = _close(text)
    return _bare_events(text) if mended is None else (mended, False)


def _last_answer(text: str, keys: Collection[str]) -> dict[str, Any] | None:
    best: dict[str, Any] | None = None
    at, starts = text.find("{"), 0
    while at >= 0 and starts < _MOST_STARTS:
        starts += 1
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
            continue
        if isinstance(value, dict) and not value.keys().isdisjoint(keys):
            best = value
            at = text.find("{", end)
        else:
            at = text.find("{", at + 1)  # the answer may be wrapped in another object
    return best


_TRAILING_COMMA = re.compile(r'(?P<quoted>"(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)


def _whole_number(digits: str) -> int | float:
    # Python refuses to read a whole number of thousands of digits; a model that is stuck writes one.
    return int(digits) if len(digits) <= 300 else float(digits)


_DECODER = json.JSONDecoder(parse_int=_whole_number, parse_constant=lambda _name: None, strict=False)


_BARE = "only events"


def _bare_events(text: str) -> tuple[dict[str, Any], bool] | None:
    """The events of an answer that consists of nothing else, and whether it looks whole."""
    events: list[dict[str, Any]] = []
    at, starts = text.find("{"), 0
    while at >= 0 and starts < _MOST_STARTS:
        starts += 1
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            # Only what cites frames: prose about JSON, or a draft of something else, has objects in it too.
            if isinstance(value, dict) and "first_frame" in value and ("title" in value or "description" in value):
                events.append(value)
        at = text.find("{", end)
    if not events:
        return None
    return {"events": events, _BARE: True}, text.rstrip().rstrip("`").rstrip().endswith(("]", "}"))


def _close(text: str) -> dict[str, Any] | None:
    """The object that was cut off, closed after its last complete event or list of events."""
    start = re.search(r"\{\s*\"", text)
    if start is None:
        return None
    open_: list[str] = []
    cut, tail, quoted, escaped = -1, "", False, False
    for at in range(start.start(), len(text)):
        char = text[at]
        if quoted:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in "{[":
            open_.append(char)
        elif char in "}]":
            if not open_:
                break
            open_.pop()
            if (char == "}" and open_ == ["{", "["]) or (char == "]" and open_ == ["{"]):
                cut, tail = at + 1, "]}" if char == "}" else "}"
    if cut < 0:
        return None
    try:
        value = _DECODER.decode(text[start.start() : cut] + tail)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("events"), list) else None


def _event(item: Any, places: Sequence[int], fields: Mapping[str, Field]) -> Told | None:
    if isinstance(item, str):
        item = {"title": item}
    if not isinstance(item, dict) or not places:
        return None
    flags: list[str] = []
    title = plainly.plain(_clean(item.get("title"), MOST_TEXT), "title", flags, longest=_SHORT)
    description = plainly.plain(_clean(item.get("description"), MOST_TEXT), "description", flags, longest=_LONG)
    if not title:
        title = description if len(description) <= 80 else description[:79].rstrip() + "…"
    if not title:
        return None
    first, last = _span(item, len(places), flags)
    continues = item.get("continues")
    tags = item.get("tags")
    return Told(
        title=title,
        description=description,
        first=places[first - 1],
        last=places[last - 1],
        tags=plainly.tags(_texts(tags.split(",") if isinstance(tags, str) else tags, _SHORT, 20), flags),
        confidence=_share(item.get("confidence"), "confidence", flags),
        importance=_share(item.get("importance"), "importance", flags),
        continues=plainly.plain(_clean(continues, _SHORT), "continues", flags, longest=_SHORT) or None
        if isinstance(continues, str)
        else None,
        attributes=attributes.read(_told(item, fields), fields, flags),
        regions=_regions(item.get("boxes"), places, flags),
        flags=tuple(flags),
    )


def _span(item: dict[str, Any], count: int, flags: list[str]) -> tuple[int, int]:
    """First and last frame number, both inside 1..count, in order."""
    first, last = _integer(item.get("first_frame")), _integer(item.get("last_frame"))
    if first is None and last is None:
        flags.append("cites no frame: all of its window's frames stand for it")
        return 1, count
    if first is None or last is None:
        first = last = first if last is None else last
        flags.append("cites one frame only")
    assert first is not None
    assert last is not None
    if first > last:
        first, last = last, first
        flags.append("frames cited in reverse order")
    clamped = min(max(first, 1), count), min(max(last, 1), count)
    if clamped != (first, last):
        flags.append(f"cites frames {first} to {last} of {count}: clamped")
    return clamped


def _integer(value: Any) -> int | None:
    if isinstance(value, str):
        digits = re.search(r"-?\d{1,9}", value)
        return int(digits[0]) if digits else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return round(min(max(value, -1e9), 1e9))


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        digits = re.fullmatch(r"\s*(-?\d{1,9}(?:\.\d{1,20})?)\s*(%?)\s*", value)
        return None if digits is None else float(digits[1]) / (100 if digits[2] else 1)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _share(value: Any, name: str, flags: list[str]) -> float | None:
    if value is None:
        return None
    number = _number(value)
    if number is None:
        flags.append(f"{name} is no number")
        return None
    if 0 <= number <= 1:
        return number
    flags.append(f"{name} {number:g} clamped")
    return min(max(number, 0.0), 1.0)


def _regions(value: Any, places: Sequence[int], flags: list[str]) -> dict[int, Box]:
    regions: dict[int, Box] = {}
    for item in value if isinstance(value, list) else ():
        frame = _integer(item.get("frame")) if isinstance(item, dict) else None
        corners = item.get("box") if isinstance(item, dict) else None
        numbers = [_number(corner) for corner in corners] if isinstance(corners, list) else []
        if frame is None or not 1 <= frame <= len(places) or len(numbers) != 4 or None in numbers:
            flags.append("a box that cannot be read was left out")
            continue
        x0, y0, x1, y1 = (min(max(corner or 0.0, 0.0), 1.0) for corner in numbers)
        if x0 >= x1 or y0 >= y1:
            flags.append("a box outside 0 to 1 was left out")
            continue
        if [x0, y0, x1, y1] != numbers:
            flags.append("a box was clamped to 0 to 1")
        regions.setdefault(places[frame - 1], (x0, y0, x1, y1))
    return regions


def _told(item: dict[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """An event's attributes as they were written, made safe. A model that is held to no grammar writes them beside the others at times."""
    inside = item.get("attributes")
    beside = {name: item[name] for name in fields if name in item and name not in _OWN}
    told = {**beside, **(inside if isinstance(inside, dict) else {})}
    return {_clean(key, 80): _safe(value) for key, value in list(told.items())[:50]}


_OWN = frozenset({
    "title", "description", "first_frame", "last_frame", "tags", "confidence", "importance", "continues", "attributes", "boxes",
})  # fmt: skip
"""Keys of an event that are its own, whatever a field is called."""


def _safe(value: Any) -> Any:
    if isinstance(value, list):
        return [_safe(item) for item in value[:50]]
    if isinstance(value, dict):
        return {}  # no field holds a table: it is enough to say so
    if isinstance(value, str):
        return _clean(value, _LONG)
    # JSON has no NaN.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _texts(value: Any, longest: int, most: int) -> list[str]:
    items = value if isinstance(value, list) else ([] if value is None else [value])
    return [text for text in (_clean(item, longest) for item in items[:most]) if text]


def _clean(value: Any, longest: int) -> str:
    """Text without what would break a file or a terminal: lone surrogates and control characters."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text[:longest]
    if not (text.isascii() and text.isprintable()):
        text = _CONTROL.sub("", text.encode("utf-8", "replace").decode())
    return text.strip()


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
