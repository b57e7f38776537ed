"""Bars for what a service does: an upload, a job that is awaited. Without a terminal, nothing is said that is not asked for."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from videoscan import timecode
from videoscan.cli import output
from videoscan.cli.progress import new_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def uploading(name: str) -> Iterator[Callable[[int, int], None]]:
    """Told how many bytes of how many are sent."""
    with _bar(name) as update:

        def told(sent: int, size: int) -> None:
            update(sent / size if size else 1.0, "uploading", f"{sent / 1e6:,.0f} of {size / 1e6:,.0f} MB")

        yield told


@contextlib.contextmanager
def following(name: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Told what a job's feed says."""
    with _bar(name) as update:

        def told(event: dict[str, Any]) -> None:
            if event["event"] == "note":
                output.say(f"{name}: {event['data']['text']}")
            progress = event.get("progress") if event["event"] == "progress" else None
            if progress and progress["duration"]:
                left = f" · {timecode.short(event['eta'])} left" if event.get("eta") is not None else ""
                windows = f"{progress['described']}/{progress['windows']}{'' if progress['decoded'] else '+'} windows"
                update(min(1.0, progress["position"] / progress["duration"]), event["state"], windows + left)

        yield told


@contextlib.contextmanager
def _bar(name: str) -> Iterator[Callable[[float, str, str], None]]:
    if not sys.stderr.isatty():
        yield lambda _share, _stage, _figures: None
        return
    with new_bar(name) as bar:
        yield lambda share, stage, figures: bar.update(bar.task_ids[0], total=1.0, completed=share, stage=stage, figures=figures)
