"""Films a scene into a video file and writes its truth: what happens in it and exactly when, measured on the drawn pictures.

A scene says by script what is drawn when; the truth is not copied from the script but looked up in the pictures: an act is there in
those frames in which leaving it out changes the picture. The times are the presentation times that the finished file holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import av
import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Picture = NDArray[np.uint8]

TIMESCALE = 90_000
"""Ticks per second of every made file: MPEG's own clock, which holds the usual frame rates exactly."""

VISIBLE_LEVELS = 6
"""An act shows in a pixel that it changes by at least this many of 255 grey levels (before the sensor's noise)."""

VISIBLE_PIXELS = 8
"""An act is visible in a frame in which it shows in at least this many pixels."""


@dataclass(frozen=True)
class Act:
    """Something that happens: drawn in ``[start, end)`` at most, in seconds of the script.

    ``rest`` is the time at which it becomes part of the scene (a car has parked): the event ends there, the picture stays changed.
    With ``measured=False`` the script's times hold as they are: what a camera shows from one cut to the next has no picture without it.
    """

    name: str
    start: float
    end: float
    what: str
    tags: tuple[str, ...]
    slack: float = 0.3
    rest: float | None = None
    minor: bool = False
    measured: bool = True


@dataclass(frozen=True)
class Span:
    """A stretch of time ``[start, end)`` in seconds, and what it is, if it has a name."""

    start: float
    end: float
    what: str | None = None

    def document(self) -> dict[str, object]:
        """As it stands in the file."""
        times: dict[str, object] = {"start": self.start, "end": self.end}
        return times if self.what is None else {**times, "what": self.what}


@dataclass(frozen=True)
class TrueEvent:
    """One thing that really happens in ``[start, end)``, in seconds from the first frame."""

    start: float
    end: float
    what: str
    tags: tuple[str, ...]
    slack: float
    minor: bool = False

    def document(self) -> dict[str, object]:
        """As it stands in the file."""
        plain: dict[str, object] = {
            "start": self.start,
            "end": self.end,
            "what": self.what,
            "tags": list(self.tags),
            "slack": self.slack,
        }
        return {**plain, "minor": True} if self.minor else plain


@dataclass(frozen=True)
class Truth:
    """What is true of a clip; the format of a truth file."""

    duration: float
    events: tuple[TrueEvent, ...]
    cuts: tuple[float, ...] = ()
    quiet: tuple[Span, ...] = ()
    gradual: tuple[Span, ...] = ()
    not_cuts: tuple[Span, ...] = ()
    note: str = ""

    def document(self) -> dict[str, object]:
        """As it stands in the file."""
        return {
            "duration": self.duration,
            "events": [event.document() for event in self.events],
            "cuts": list(self.cuts),
            "quiet": [[span.start, span.end] for span in self.quiet],
            "gradual": [span.document() for span in self.gradual],
            "not_cuts": [span.document() for span in self.not_cuts],
            "judged": "by the program that drew it, from the pictures it drew",
            "note": self.note,
        }

    def write(self, path: Path) -> None:
        """Write it as JSON, one event to a line, so that a change shows as one."""
        lines = []
        for key, value in self.document().items():
            if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
                rows = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in value)
                lines.append(f' "{key}": [\n  {rows}\n ]')
            else:
                lines.append(f' "{key}": {json.dumps(value, ensure_ascii=False)}')
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def steady(duration: float, fps: float) -> list[float]:
    """When the frames of a clip of `duration` seconds are shown, `fps` a second, and after them the end of the last."""
    return [index / fps for index in range(round(duration * fps) + 1)]


class Scene(Protocol):
    """A place with a script: it can draw itself at any time, with or without any of its acts."""

    @property
    def note(self) -> str:
        """What a reader of the truth should know."""

    @property
    def restful(self) -> bool:
        """Whether nothing happens between its acts; in a game, something always does."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture, in pixels."""

    @property
    def times(self) -> Sequence[float]:
        """When each frame is shown, in seconds from the first, rising, and after them the end of the last."""

    @property
    def acts(self) -> Sequence[Act]:
        """What happens."""

    @property
    def cuts(self) -> Sequence[float]:
        """When another camera takes over at once, in seconds of the script."""

    @property
    def gradual(self) -> Sequence[Span]:
        """Transitions that take a while."""

    @property
    def not_cuts(self) -> Sequence[Span]:
        """What may look like a cut and is none."""

    def draw(self, time: float, without: frozenset[str] = frozenset()) -> Picture:
        """The picture (height, width, 3) at ``time`` as a perfect sensor would take it, leaving out the named acts."""

    def expose(self, picture: Picture, index: int) -> Picture:
        """What the camera makes of it: the noise of its sensor, and what it burns in."""


@dataclass(frozen=True)
class Coding:
    """How a clip is coded. ``start`` is the time of its first frame in the file; ``rotation`` turns the display clockwise.

    With a variable rate let ``bframes`` be 0, as phones do: MP4 holds the steps between decoding times, and where pictures are
    reordered the last one's own duration has no place.
    """

    crf: float = 28
    gop_seconds: float = 3.0
    preset: str = "slow"
    start: float = 0.0
    rotation: int = 0
    bframes: int = 2
    options: dict[str, str] = field(default_factory=dict)


def visible(scene: Scene, act: Act, time: float) -> bool:
    """Whether leaving the act out would change the picture at that time."""
    difference = cv2.absdiff(scene.draw(time), scene.draw(time, frozenset({act.name})))
    return int((difference.max(axis=2) >= VISIBLE_LEVELS).sum()) >= VISIBLE_PIXELS


def visible_frames(scene: Scene, act: Act) -> tuple[int, int] | None:
    """The first frame in which the act is visible and the one after the last; None if it never is."""
    times = scene.times
    frames = [i for i in range(len(times) - 1) if act.start - 1e-9 <= times[i] < act.end - 1e-9]
    if not act.measured:
        return (frames[0], frames[-1] + 1) if frames else None
    first = next((i for i in frames if visible(scene, act, times[i])), None)
    if first is None:
        return None
    last = next(i for i in reversed(frames) if visible(scene, act, times[i]))
    after = last + 1
    if act.rest is not None:
        at_rest = next((i for i, time in enumerate(times) if time >= act.rest), len(times) - 1)
        after = max(first + 1, min(after, at_rest))
    return first, after


def truth_of(scene: Scene, shown: Sequence[float] | None = None) -> Truth:
    """The truth about a scene, on the times that a file really holds (``shown``; the script's own if not given)."""
    times = scene.times
    exact = [round(float(time), 6) for time in (times if shown is None else shown)]

    def shown_at(time: float) -> float:
        return exact[next((i for i, scripted in enumerate(times) if scripted >= time - 1e-9), len(times) - 1)]

    def settled(spans: Sequence[Span]) -> tuple[Span, ...]:
        inside = [span for span in spans if span.start < times[-1]]
        return tuple(Span(shown_at(span.start), shown_at(span.end), span.what) for span in inside)

    events = []
    for act in scene.acts:
        frames = visible_frames(scene, act)
        if frames is not None:
            events.append(TrueEvent(exact[frames[0]], exact[frames[1]], act.what, act.tags, act.slack, act.minor))
    events.sort(key=lambda event: (event.start, event.end))
    cuts = tuple(shown_at(time) for time in scene.cuts if 0 < time < times[-1])
    busy = [(event.start, event.end) for event in events] + [(cut, cut) for cut in cuts]
    return Truth(
        duration=exact[-1], events=tuple(events), cuts=cuts, quiet=tuple(gaps(busy, exact[-1])) if scene.restful else (),
        gradual=settled(scene.gradual), not_cuts=settled(scene.not_cuts), note=scene.note,
    )  # fmt: skip


def gaps(busy: Sequence[tuple[float, float]], end: float, least: float = 1.0) -> Iterator[Span]:
    """The stretches of ``[0, end)`` of at least ``least`` seconds that none of the busy ones touches."""
    clear = 0.0
    for start, stop in [*sorted(busy), (end, end)]:
        if start - clear >= least:
            yield Span(clear, start)
        clear = max(clear, stop)


def film(scene: Scene, path: Path, coding: Coding | None = None) -> Truth:
    """Draw the scene into an H.264 file at ``path``, write ``path`` + ``.truth.json`` beside it, and return the truth.

    Raises:
        AssertionError: The file does not hold the frames at the times they were drawn for.
    """
    coding = coding or Coding()
    encode(scene, path, coding)
    if coding.rotation:
        turn(path, coding.rotation)
    shown = shown_times(path)
    assert len(shown) == len(scene.times), f"{path.name} holds {len(shown) - 1} frames, {len(scene.times) - 1} were drawn"
    worst = max(abs(a - b) for a, b in zip(shown, scene.times, strict=True))
    assert worst <= 1.5 / TIMESCALE, f"{path.name} shows a frame {worst:.6f} s away from the time it was drawn for"
    truth = truth_of(scene, shown)
    truth.write(path.with_name(path.name + ".truth.json"))
    return truth


def encode(scene: Scene, path: Path, coding: Coding) -> None:
    """Draw and code every frame. One thread codes, so that any machine makes the same bytes of the same library."""
    ticks = [round((time + coding.start) * TIMESCALE) for time in scene.times]
    frames = len(ticks) - 1
    lasts = {one: two - one for one, two in pairwise(ticks)}
    rate = Fraction(round(frames * 100 / float(scene.times[-1])), 100)
    width, height = scene.size if coding.rotation % 180 == 0 else scene.size[::-1]
    options = {
        "crf": str(coding.crf), "preset": coding.preset, "bf": str(coding.bframes), "threads": "1",
        "g": str(max(1, round(float(rate) * coding.gop_seconds))), **coding.options,
    }  # fmt: skip
    # Left alone, the muxer would move the first frame to zero.
    with av.open(str(path), "w", options={"avoid_negative_ts": "disabled", "movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TIMESCALE)
        stream.time_base = Fraction(1, TIMESCALE)
        for index in range(frames):
            picture = scene.expose(scene.draw(scene.times[index]), index)
            stored = np.ascontiguousarray(np.rot90(picture, coding.rotation // 90))
            frame = av.VideoFrame.from_ndarray(stored, format="bgr24")
            frame.pts, frame.time_base, frame.duration = ticks[index], Fraction(1, TIMESCALE), ticks[index + 1] - ticks[index]
            container.mux(with_durations(stream.encode(frame), lasts))
        container.mux(with_durations(stream.encode(None), lasts))


def with_durations(packets: list[av.Packet[av.VideoStream]], lasts: dict[int, int]) -> list[av.Packet[av.VideoStream]]:
    """The packets, each with how long its picture is shown: the coder would give the last one the average."""
    for packet in packets:
        assert packet.pts is not None
        packet.duration = lasts[packet.pts]
    return packets


def shown_times(path: Path) -> list[float]:
    """When the file shows each frame, in seconds from its first, and after them the end of the last."""
    with av.open(str(path)) as container:
        packets = sorted((packet.pts, packet.duration) for packet in container.demux(video=0) if packet.pts is not None)
        base = container.streams.video[0].time_base
        assert base is not None
    first = packets[0][0]
    assert first is not None
    ends = [packets[-1][0] + (packets[-1][1] or 0)]
    return [float((pts - first) * base) for pts in [*(pts for pts, _ in packets), *ends]]


def turn(path: Path, degrees: int) -> None:
    """Write a display matrix into an MP4 file that turns its picture clockwise by 90, 180 or 270 degrees.

    The matrix is the one of the track header (ISO/IEC 14496-12, 8.3.2): nine 32-bit numbers, 16.16 but for the last column, 2.30.
    """
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    # Version 1 of the box has three 64-bit times where version 0 has 32-bit ones.
    matrix_at = at + (52 if data[at] == 1 else 40)
    one, zero, unit = 0x10000, 0, 0x40000000
    rows = {
        90: (zero, one, zero, -one, zero, zero, zero, zero, unit),
        180: (-one, zero, zero, zero, -one, zero, zero, zero, unit),
        270: (zero, -one, zero, one, zero, zero, zero, zero, unit),
    }[degrees]
    data[matrix_at : matrix_at + 36] = b"".join(number.to_bytes(4, "big", signed=True) for number in rows)
    path.write_bytes(data)
