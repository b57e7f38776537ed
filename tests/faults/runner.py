"""Watches a real camera while it and its wire are given faults, and holds what is told to what was done."""

from __future__ import annotations

import datetime as dt
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from tests.faults.camera import Camera, Wire
from videoscan import registry
from videoscan.model import Frame, Gap, Heartbeat, LiveItem
from videoscan.seams import Setting

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from videoscan.seams import LiveFootage

KINDS = ("stop", "kill", "restart", "refuse", "garbage", "cut", "block")
RECOVERY = 10.0
EXACT = 2.0
STALLED = 3.0


@dataclass
class Trial:
    """One fault: what it was, when it began and was over (seconds since second 0), and what is wrong with what was told of it."""

    kind: str
    began: float
    over: float
    recovery: float = 0.0
    noticed: float | None = None
    start_off: float = 0.0
    end_off: float = 0.0
    reason: str = ""
    threads: int = 0
    descriptors: int = 0
    memory: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        noticed = f", noticed after {self.noticed:.1f} s" if self.noticed is not None else ""
        told = f"gap off by {self.start_off:+.2f} and {self.end_off:+.2f} s ({self.reason})"
        held = f"{self.threads} threads, {self.descriptors} descriptors, {self.memory / 1e6:.0f} MB"
        return f"{self.kind:8} {self.over - self.began:4.1f} s: back after {self.recovery:4.1f} s{noticed}, {told}; {held} {self.problems or ''}"


class Watched:
    """The items of a footage as they come, each with when it came, on a thread of its own."""

    def __init__(self, footage: LiveFootage, sampler: str = "keyframe") -> None:
        self.footage = footage
        self.items: list[tuple[float, LiveItem]] = []
        assert footage.info.clock is not None
        self._zero = dt.datetime.fromisoformat(footage.info.clock).timestamp()
        self._changed = threading.Condition()
        self._sampler = registry.make("samplers", {"kind": sampler})
        self._thread = threading.Thread(target=self._run, name="watched")
        self._thread.start()

    def now(self) -> float:
        return time.time() - self._zero

    def wait(self, wanted, seconds: float, since: float = 0.0) -> tuple[float, LiveItem] | None:
        """The first item that came after `since` and is wanted; `None` when none came within so many seconds."""
        end = time.monotonic() + seconds
        with self._changed:
            while True:
                for came, item in self.items:
                    if came >= since and wanted(item):
                        return came, item
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)

    def close(self) -> None:
        self.footage.close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        for item in self.footage.items(self._sampler):
            kept = item if not isinstance(item, Frame) else Frame(item.index, item.time, item.keyframe, None)  # type: ignore[arg-type]
            with self._changed:
                self.items.append((self.now(), kept))
                self._changed.notify_all()


def is_frame(item: LiveItem) -> bool:
    return isinstance(item, Frame)


def fault(kind: str, camera: Camera, wire: Wire, seconds: float) -> None:
    """Do it, and undo it after so long."""
    if kind == "stop":
        camera.stop()
        time.sleep(seconds)
        camera.go_on()
    elif kind in {"kill", "restart"}:
        camera.kill()
        time.sleep(seconds if kind == "kill" else 0.0)
        camera.start()
    elif kind == "refuse":
        wire.refuse()
        time.sleep(seconds)
        wire.listen()
    elif kind == "garbage":
        wire.disturb(on=True)
        time.sleep(seconds)
        wire.disturb(on=False)
    elif kind == "block":
        wire.block(on=True)
        time.sleep(seconds)
        wire.block(on=False)
    else:
        wire.cut()


def run(
    kinds: list[tuple[str, float]], calm: float, record: Path | None = None, said=lambda _trial: None, **options: object
) -> list[Trial]:
    """One camera, watched without a pause, with these faults (kind, seconds) and so many seconds of calm before each."""
    trials = []
    with Camera() as camera, Wire(camera.port) as wire:
        source = registry.make("lives", {"kind": "stream", **options})
        footage = source.open(f"rtsp://127.0.0.1:{wire.port}/cam", Setting(record=record))
        with Watched(footage) as watched:
            assert watched.wait(is_frame, 15) is not None
            for kind, seconds in kinds:
                time.sleep(calm)
                trials.append(_one(kind, seconds, camera, wire, watched))
                said(trials[-1])
            items = [item for _, item in watched.items]
    problems = in_order(items)
    if problems:
        trials[-1].problems += problems
    return trials


def _one(kind: str, seconds: float, camera: Camera, wire: Wire, watched: Watched) -> Trial:
    began = watched.now()
    fault(kind, camera, wire, seconds)
    trial = Trial(kind, began, watched.now())
    back = watched.wait(lambda item: isinstance(item, Frame) and item.time > trial.over - 0.5, 3 * RECOVERY, trial.over)
    time.sleep(0.3)
    if back is None:
        trial.problems.append(f"no picture came within {3 * RECOVERY:g} s")
        return trial
    trial.recovery = max(0.0, back[0] - trial.over)
    if trial.recovery > RECOVERY:
        trial.problems.append(f"back only after {trial.recovery:.1f} s")
    here = [(came, item) for came, item in watched.items if came >= began - 2]
    if kind in {"stop", "block"}:
        said = next(
            (came for came, item in here if came > began and isinstance(item, Heartbeat) and item.state != "playing"), None
        )
        trial.noticed = None if said is None else said - began
        if seconds > STALLED and (trial.noticed is None or trial.noticed > STALLED + 0.1):
            trial.problems.append(f"noticed after {trial.noticed} s")
    gaps = [item for _, item in here if isinstance(item, Gap) and item.end > began - 1]
    if not gaps:
        if kind not in {"garbage", "block"} or seconds > STALLED:
            trial.problems.append("no gap was told")
    else:
        frames = [item.time for _, item in here if isinstance(item, Frame)]
        trial.reason = gaps[0].reason
        trial.start_off = gaps[0].start - began
        trial.end_off = gaps[-1].end - back[0] if gaps[-1].end in frames else 99.0
        if kind == "garbage":
            # What is damaged may still show something for a while, and what came before it may be lost with it: a group of pictures.
            trial.start_off = 0.0 if began - EXACT <= gaps[0].start <= trial.over + EXACT else trial.start_off
            trial.end_off = 0.0 if gaps[-1].end in frames else 99.0
        if abs(trial.start_off) > EXACT or abs(trial.end_off) > EXACT:
            trial.problems.append("the gap is not where it was")
    process = psutil.Process()
    trial.threads, trial.descriptors, trial.memory = threading.active_count(), process.num_fds(), process.memory_info().rss
    return trial


def in_order(items: list[LiveItem]) -> list[str]:
    """What is wrong with the order in which items came: times run back, indices do not rise, a frame lies in a gap, gaps overlap."""
    problems = []
    edge, index, last = 0.0, -1, -1.0
    for item in items:
        if isinstance(item, Frame):
            if item.time < edge - 1e-9 or item.index <= index or item.time <= last:
                problems.append(f"{item} after {edge}, {index}")
            edge, index, last = max(edge, item.time), item.index, item.time
        elif isinstance(item, Gap):
            if item.start < last - 1e-9 or item.end <= item.start or item.end - item.start > 60.0 + 1e-6:
                problems.append(f"{item} after a frame at {last}")
            edge = max(edge, item.end)
        elif isinstance(item, Heartbeat):
            if item.time < edge - 1e-9:
                problems.append(f"{item} after {edge}")
            edge = max(edge, item.time)
    return problems


def planned(number: int, seed: int) -> list[tuple[str, float]]:
    """So many faults of all kinds, in a random order, each of a random length."""
    chosen = random.Random(seed)
    kinds = [KINDS[place % len(KINDS)] for place in range(number)]
    chosen.shuffle(kinds)
    return [(kind, round(chosen.uniform(3.5, 8.0), 1)) for kind in kinds]


def grown(trials: list[Trial], settled: int = 5) -> list[str]:
    """What grew from the first few faults to the last: threads and descriptors not at all, memory by a tenth at most."""
    first, last = trials[min(settled, len(trials) - 1)], trials[-1]
    problems = []
    if last.threads > first.threads + 2:
        problems.append(f"threads: {first.threads} and {last.threads}")
    if last.descriptors > first.descriptors + 4:
        problems.append(f"descriptors: {first.descriptors} and {last.descriptors}")
    if last.memory > 1.1 * first.memory:
        problems.append(f"memory: {first.memory / 1e6:.0f} and {last.memory / 1e6:.0f} MB")
    return problems
