"""Cuts a window's pictures into parts that an endpoint takes, and joins the parts' answers into one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rapidfuzz import fuzz

from videoscan import attributes
from videoscan.describers.answer import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Picture, Told

SAME_TITLE = 85
"""Likeness of two titles (0 to 100, rapidfuzz `token_sort_ratio`) from which two events that meet at a cut are one."""


@dataclass(frozen=True, slots=True)
class Part:
    """Pictures that are asked about together; `offset` is the place of the first among all of them."""

    pictures: tuple[Picture, ...]
    offset: int


def cut(pictures: Sequence[Picture], most: int | None, body_bytes: int | None, *, halve: bool = False) -> list[Part]:
    """As few parts as `most` pictures and `body_bytes` bytes of Base64 text each allow, as even as they can be.

    A crop stays with its frame; it is left out where the endpoint takes fewer pictures than the two. A single frame may be larger
    than the bytes asked for. `halve` makes two parts at least, where there are two frames.
    """
    if most is None and body_bytes is None and not halve:
        return [Part(tuple(pictures), 0)]
    frames = _frames(pictures)
    count = 1
    if most is not None:
        count = max(count, -(-len(pictures) // max(1, most)))
    if body_bytes is not None:
        count = max(count, -(-sum(len(picture.base64) for picture in pictures) // max(1, body_bytes)))
    count = min(max(count, 2 if halve else 1), max(1, len(frames)))
    while True:
        parts = _even(frames, count)
        fits = all(
            (most is None or len(part.pictures) <= most)
            and (body_bytes is None or sum(len(picture.base64) for picture in part.pictures) <= body_bytes)
            for part in parts
        )
        if fits:
            return parts
        if count >= len(frames):
            # One frame a request is as few as there can be: what does not fit then is its crop.
            return [
                part if most is None or len(part.pictures) <= most else Part(part.pictures[:1], part.offset) for part in parts
            ]
        count += 1


def _frames(pictures: Sequence[Picture]) -> list[list[Picture]]:
    """Each frame with the crops that follow it."""
    frames: list[list[Picture]] = []
    for picture in pictures:
        if picture.zoom_of is not None and frames:
            frames[-1].append(picture)
        else:
            frames.append([picture])
    return frames


def _even(frames: Sequence[Sequence[Picture]], count: int) -> list[Part]:
    parts: list[Part] = []
    offset = 0
    for index in range(count):
        low, high = index * len(frames) // count, (index + 1) * len(frames) // count
        pictures = tuple(picture for frame in frames[low:high] for picture in frame)
        parts.append(Part(pictures, offset))
        offset += len(pictures)
    return parts


def merge(read: Sequence[tuple[Part, Reading]]) -> Reading:
    """One answer from those of consecutive parts, places shifted to the whole window's.

    An event that lasts to the end of one part and one of like title that starts at the beginning of the next are one.
    """
    events: list[Told] = []
    ended = -1
    for part, reading in read:
        for told in reading.events:
            event = replace(
                told,
                first=told.first + part.offset,
                last=told.last + part.offset,
                regions={place + part.offset: box for place, box in told.regions.items()},
            )
            before = next((old for old in events if told.first == 0 and old.last == ended and _alike(old, event)), None)
            if before is None:
                events.append(event)
            else:
                events[events.index(before)] = _joined(before, event)
        ended = part.offset + max(place for place, picture in enumerate(part.pictures) if picture.zoom_of is None)
    return Reading(
        observations=tuple(text for _part, reading in read for text in reading.observations),
        events=tuple(events),
        summary=" ".join(reading.summary for _part, reading in read if reading.summary) or None,
        flags=tuple(dict.fromkeys(flag for _part, reading in read for flag in reading.flags)),
        whole=all(reading.whole for _part, reading in read),
    )


def _alike(before: Told, after: Told) -> bool:
    return fuzz.token_sort_ratio(before.title.casefold(), after.title.casefold()) >= SAME_TITLE


def _joined(before: Told, after: Told) -> Told:
    def larger(a: float | None, b: float | None) -> float | None:
        return max((value for value in (a, b) if value is not None), default=None)

    values, flags = attributes.joined(before.attributes, after.attributes, attributes.changed_in(before.flags))
    return replace(
        before,
        last=after.last,
        description=before.description
        if after.description == before.description
        else f"{before.description} {after.description}".strip(),
        tags=tuple(dict.fromkeys((*before.tags, *after.tags))),
        confidence=larger(before.confidence, after.confidence),
        importance=larger(before.importance, after.importance),
        attributes=values,
        regions={**before.regions, **after.regions},
        flags=tuple(dict.fromkeys((*before.flags, *after.flags, *flags.values()))),
    )
