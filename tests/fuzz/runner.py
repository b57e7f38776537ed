"""Runs cases in children, several at once, and says what came of them.

A child that crashes, hangs or takes too much memory is replaced, and the case it was at is run again in a child of its own: what
happens there stands in the result.
"""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

SECONDS = 20.0
"""Of the processor, that the scan of one clip of a few seconds may take. A hundred times the usual."""

STALLED = 120.0
"""Seconds on the clock, for what hangs without computing; many, because the machine may be busy with other things."""

GROWTH = 1 << 30
"""Bytes that a child's memory may grow by during one case."""

Result = dict[str, Any]


@dataclass
class _Child:
    command: Sequence[str]
    number: int | None = None
    alone: bool = False
    stage: str = "start"
    began: float = field(default_factory=time.monotonic)
    spent: float = 0.0
    resident: int = 0
    highest: int = 0
    rest: bytes = b""

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip
        self.watched = psutil.Process(self.process.pid)

    def give(self, number: int, *, alone: bool) -> None:
        self.number, self.alone = number, alone
        self.process.stdin.write(b"%d\n" % number)
        self.process.stdin.flush()
        self.enter("given")

    def enter(self, stage: str) -> None:
        self.stage, self.began, self.spent = stage, time.monotonic(), self._processor()
        self.resident = self.highest = self._resident()

    def trouble(self) -> str | None:
        """Why this child has to go, if it has to."""
        if self.number is None:
            return None
        self.highest = max(self.highest, self._resident())
        spent, waited = self._processor() - self.spent, time.monotonic() - self.began
        if spent > SECONDS * (3 if self.stage != "scan" else 1):
            return f"{self.stage}: took more than {spent:.0f} s of the processor"
        if waited > STALLED:
            return f"{self.stage}: did not come to an end in {waited:.0f} s, having computed for {spent:.1f} s"
        if self.highest - self.resident > GROWTH * 1.5:
            return f"{self.stage}: took {(self.highest - self.resident) >> 20} MiB of memory"
        return None

    def _processor(self) -> float:
        try:
            times = self.watched.cpu_times()
        except psutil.Error:
            return self.spent
        return times.user + times.system

    def _resident(self) -> int:
        try:
            return self.watched.memory_info().rss
        except psutil.Error:
            return self.resident

    def end(self) -> int | None:
        self.process.stdin.close()
        self.process.kill()
        code = self.process.wait()
        self.process.stdout.close()
        return code


def worker(folder: Path) -> list[str]:
    """The command of a child whose clips are in `folder`."""
    return [sys.executable, "-m", "tests.fuzz.worker", str(folder)]


def run(numbers: Iterable[int], command: Sequence[str], *, workers: int, told: Callable[[Result], None]) -> list[Result]:
    """Run these cases in children started by `command`; `told` hears of each as it ends."""
    waiting = deque(numbers)
    again: deque[int] = deque()
    results: list[Result] = []
    selector = selectors.DefaultSelector()
    children: list[_Child] = []

    def begin() -> None:
        child = _Child(command)
        children.append(child)
        selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def dismiss(child: _Child) -> int | None:
        selector.unregister(child.process.stdout)
        children.remove(child)
        return child.end()

    def record(result: Result) -> None:
        results.append(result)
        told(result)

    def next_for(child: _Child) -> None:
        if again:
            # Whoever took the last child with it gets one that has done nothing before.
            dismiss(child)
            begin_alone(again.popleft())
        elif waiting:
            child.give(waiting.popleft(), alone=False)
        else:
            dismiss(child)

    def begin_alone(number: int) -> None:
        begin()
        children[-1].number, children[-1].alone = number, True

    def failed(child: _Child, why: str) -> None:
        number, alone, stage = child.number, child.alone, child.stage
        code = dismiss(child)
        if number is not None and not alone:
            again.append(number)
        elif number is not None:
            ended = f" (signal {-code})" if code is not None and code < 0 and "crash" in why else ""
            record(_bug(number, f"{why}{ended} in {stage}"))
        if again:
            begin_alone(again.popleft())
        elif waiting:
            begin()

    try:
        for _ in range(min(workers, len(waiting))):
            begin()
        while children:
            for key, _ in selector.select(0.1):
                child = key.data
                data = key.fileobj.read1(1 << 20)
                if not data:
                    failed(child, "the decoder crashed")
                    continue
                *lines, child.rest = (child.rest + data).split(b"\n")
                for line in lines:
                    message = json.loads(line)
                    if "ready" in message:
                        if child.alone:
                            child.give(child.number, alone=True)
                        else:
                            next_for(child)
                    elif "stage" in message:
                        child.enter(message["stage"])
                    else:
                        _weigh(message)
                        record(message)
                        child.number, child.alone = None, False
                        next_for(child)
            for child in children:
                why = child.trouble()
                if why:
                    failed(child, why)
    finally:
        for child in children:
            dismiss(child)
        selector.close()
    return sorted(results, key=lambda result: result["case"])


def _weigh(result: Result) -> None:
    if result.get("memory", 0) > GROWTH:
        result["problems"].append(f"took {result['memory'] >> 20} MiB of memory")
        result["outcome"] = "bug"


def _bug(number: int, why: str) -> Result:
    from tests.fuzz.cases import case

    return {"case": number, "what": str(case(number)), "outcome": "bug", "problems": [why]}


def summary(results: list[Result]) -> str:
    """How many cases came to what, and the worst of them."""
    count = {name: sum(result["outcome"] == name for result in results) for name in ("frames", "lossy", "error", "absent", "bug")}
    lines = [
        (
            f"{len(results)} cases: {count['frames']} frames, {count['lossy']} frames with loss in the coverage, "
            f"{count['error']} a clear error, {count['absent']} clip not here, {count['bug']} bugs"
        )
    ]
    ran = [result for result in results if "cpu" in result]
    if ran:
        slow, big = max(ran, key=lambda result: result["cpu"]), max(ran, key=lambda result: result["memory"])
        lines.append(f"slowest: {slow['cpu']:.1f} s of the processor, {slow['what']}")
        lines.append(f"most memory: {big['memory'] >> 20} MiB more than before, {big['what']}")
    for result in results:
        if result["outcome"] == "bug":
            lines.append(f"BUG {result['what']} ({result.get('mutation', '')})")
            lines += [f"    {problem}" for problem in result["problems"]]
    bugs = [str(result["case"]) for result in results if result["outcome"] == "bug"]
    if bugs:
        lines.append(f"again: python -m tests.fuzz --case {' '.join(bugs)}")
    return "\n".join(lines)
