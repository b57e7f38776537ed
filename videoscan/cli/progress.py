"""What a running scan says on stderr: a bar where stderr is a terminal, and otherwise only what must be said, a line each."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from videoscan import observe, timecode
from videoscan.cli import output
from videoscan.cli.tables import plain
from videoscan.model import Loading

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress

    from videoscan.observe import Fact

# Before so many seconds have passed, a speed is only noise.
_SETTLED = 0.5


@dataclass(slots=True)
class Advance:
    """How far a scan has come, out of the facts it tells. Plain arithmetic: a bar only prints it.

    Two things must happen to every second: it is read, and the window it lies in is described. `share` is the mean of both, of
    the span between `start` and `end` (or the declared end), and `None` as long as that is not known.
    """

    start: float = 0.0
    end: float | None = None
    began: float = field(default_factory=time.monotonic)
    stage: str = "opening"
    position: float = 0.0
    windows: int | None = None
    ready: int = 0
    done: int = 0
    failed: int = 0
    resumed: int = 0
    at_once: int | None = None
    loading: float | None = None
    looks: int = 0
    looked: int = 0
    _open: dict[int, float] = field(default_factory=dict)
    _described: float = 0.0
    _read_for: float | None = None

    def take(self, fact: Fact) -> None:
        """Learn from one fact."""
        match fact:
            case observe.Opened(info):
                self.stage = "reading"
                self.position = self.start
                lengths = [length for length in (self.end, info.declared_duration) if length is not None]
                self.end = min(lengths) if lengths else None
            case observe.Sampled(position):
                self.position = position
            case observe.WindowReady(window):
                self.ready += 1
                self._open[window.index] = window.end - window.start
            case observe.WindowDone(index, description):
                self.done += 1
                self.resumed += fact.resumed
                self.failed += description.failure is not None
                self.at_once = fact.at_once
                self._described += self._open.pop(index, 0.0)
            case observe.Decoded(windows):
                self.windows = windows
                self._read_for = time.monotonic() - self.began
                self.stage = "describing" if self.done < windows else "writing"
            case observe.LookingAgain(looks):
                self.stage, self.looks = "looking again", looks
            case observe.LookDone():
                self.looked += 1
                self.stage = "looking again" if self.looked < self.looks else "writing"
            case Loading(_, _, seconds, done):
                self.loading = None if done else seconds
            case observe.Finished():
                self.stage = "done"
            case _:
                pass
        if self.windows is not None and self.done >= self.windows and self.stage == "describing":
            self.stage = "writing"

    @property
    def share(self) -> float | None:
        """0..1, or `None` while the length is not known."""
        if self.end is None or self.end <= self.start:
            return None
        length = self.end - self.start
        read = 1.0 if self.windows is not None else (self.position - self.start) / length
        described = self.done / self.windows if self.windows else self._described / length
        return min(1.0, max(0.0, (read + described) / 2))

    def speed(self, now: float) -> float | None:
        """Seconds of video read per second, as long as reading went on."""
        spent = self._read_for if self._read_for is not None else now - self.began
        return (self.position - self.start) / spent if spent > _SETTLED else None

    def left(self, now: float) -> float | None:
        """Seconds that remain, if it goes on as it did so far."""
        share = self.share
        if not share or now - self.began < _SETTLED:
            return None
        return (now - self.began) * (1 - share) / share

    def words(self, now: float) -> str:
        """The figures beside the bar."""
        speed, left = self.speed(now), self.left(now)
        parts = [
            f"loading the model, {self.loading:.0f} s" if self.loading is not None else "",
            f"{speed:.1f}x" if speed is not None else "",
            f"{timecode.short(left)} left" if left is not None and self.stage not in {"writing", "looking again"} else "",
            f"{self.done}/{self.windows if self.windows is not None else f'{self.ready}+'} windows" if self.ready else "",
            f"{self.failed} failed" if self.failed else "",
            f"{self.looked}/{self.looks} second looks" if self.stage == "looking again" else "",
            f"{self.at_once} at once" if self.at_once and self.stage != "writing" else "",
        ]
        return " · ".join(part for part in parts if part)


class Reporter:
    """An observer for one input. A context manager: the bar is gone when it closes."""

    def __init__(self, title: str, *, start: float = 0.0, end: float | None = None) -> None:
        self.advance = Advance(start, end)
        self.opened = False
        self._title = title
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = new_bar(self._title)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, fact: Fact) -> None:
        """Never raises: a terminal that went away is no reason to lose a scan."""
        self.advance.take(fact)
        match fact:
            case observe.Opened(info):
                self.opened = True
                for flag in info.flags:
                    self._line(flag)
            case observe.Note(text):
                self._line(text)
            case Loading():
                self._loading(fact)
            case observe.Sending(host, model, pictures, again, at_once):
                many = f"up to {pictures:,} pictures" if pictures is not None else "pictures"
                named = f" (model {model})" if model else ""
                most = f", at most {at_once} a window" if at_once else ""
                more = f"; second looks may add {again:,}" if again else ""
                self._line(f"{many} go to {host}{named}{most}{more}")
            case _:
                pass
        if self._bar is not None:
            now = time.monotonic()
            share = self.advance.share
            with contextlib.suppress(OSError):
                self._bar.update(
                    self._bar.task_ids[0],
                    total=None if share is None else 1.0,
                    completed=share or 0.0,
                    stage=self.advance.stage,
                    figures=self.advance.words(now),
                )

    def _loading(self, fact: Loading) -> None:
        """A line when it begins and one when it is done; in between the bar's `stage` tells the seconds."""
        if fact.done:
            self._line(f"{fact.model} is loaded ({fact.seconds:.1f} s)")
        elif not fact.seconds:
            why = "llama.cpp crashed; " if fact.again else ""
            self._line(
                f"{why}loading {fact.model} ({fact.size / 1e6:,.0f} MB); it runs on this machine, and no picture leaves it"
            )

    def _line(self, text: str) -> None:
        line = f"{self._title}: {plain(text)}"
        if self._bar is None:
            output.say(line)
        else:
            with contextlib.suppress(OSError):
                self._bar.console.print(line, markup=False, highlight=False, emoji=False)


def new_bar(title: str) -> Progress:
    """A bar on stderr, not yet started; its fields are `stage` and `figures`."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.fields[stage]}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[figures]}"),
        console=Console(stderr=True),
        transient=True,
        expand=True,
        refresh_per_second=5,
    )
    bar.add_task(plain(title)[-30:], total=None, stage="opening", figures="")
    return bar
