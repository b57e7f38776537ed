"""What requests to an endpoint took before, from the journals of finished scans.

How long answers are, how long they take, and how the server's counts compare with the estimates.
"""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

from videoscan.folder import JOURNAL, SAMPLING, TIMELINE
from videoscan.planning.forecast import ASSUMED_PROMPT, Band, Experience
from videoscan.spending import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FEWEST = 3
"""Answers below which a scan's figures say nothing about the next one's."""
_FOLDERS = 200
_ANSWERS = 2_000
"""At most, of each: the newest. Reading them takes a second."""


def of_folder(out: Path, endpoint: str, model: str, *, words: int = 0) -> Experience | None:
    """What the output folders below `out` tell of a model at an endpoint; `None` where they tell too little.

    `words` is what the text of a prompt is estimated at.
    """
    answers: list[_Answer] = []
    for folder in _folders(out, endpoint, model):
        answers += _answers(folder, words)
        if len(answers) >= _ANSWERS:
            break
    if len(answers) < _FEWEST:
        return None
    return Experience(
        answer=_spread([each.completion for each in answers if each.completion is not None]) or Experience().answer,
        prompt=_spread([each.prompt for each in answers if each.prompt is not None]) or ASSUMED_PROMPT,
        latency=_spread([each.seconds for each in answers]),
        source=f"measured on {len(answers):,} answers of this model to earlier scans below {out}",
    )


class _Answer:
    """One window's: seconds and completion tokens a request, and its prompts' count as a factor of their estimate."""

    __slots__ = ("completion", "prompt", "seconds")

    def __init__(self, seconds: float, completion: float | None, prompt: float | None) -> None:
        self.seconds, self.completion, self.prompt = seconds, completion, prompt


def _folders(out: Path, endpoint: str, model: str) -> Iterator[Path]:
    """The newest output folders of that model, newest first."""
    try:
        found = [(path.stat().st_mtime, path) for path in out.rglob(TIMELINE)]
    except OSError:
        return
    for _, path in sorted(found, reverse=True)[:_FOLDERS]:
        try:
            describer = json.loads(path.read_bytes())["describer"]
        except (OSError, ValueError, LookupError, TypeError):
            continue
        if (describer.get("endpoint"), describer.get("model")) == (endpoint, model):
            yield path.parent


def _answers(folder: Path, words: int) -> Iterator[_Answer]:
    estimates = _estimates(folder)
    for entry in _lines(folder / JOURNAL):
        try:
            told = entry["description"]
            usage, seconds = told["usage"], float(told["seconds"])
            requests = int(usage["requests"])
            if requests < 1 or seconds <= 0:
                continue
            prompt = None
            if usage["prompt_tokens"] and requests == 1 and all(frame in estimates for frame in entry["frames"]):
                estimate = words + tokens.of_pictures(estimates[frame] for frame in entry["frames"])
                prompt = usage["prompt_tokens"] / estimate
            completion = usage["completion_tokens"]
            yield _Answer(seconds / requests, None if completion is None else completion / requests, prompt)
        except (LookupError, TypeError, ValueError):
            continue


def _estimates(folder: Path) -> dict[int, int]:
    """What each kept frame's pictures are estimated at."""
    found: dict[int, int] = {}
    for entry in _lines(folder / SAMPLING):
        for row in entry.get("samples", ()):
            if row.get("pictures"):
                found[int(row["frame"])] = sum(int(each["tokens"]) for each in row["pictures"])
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    yield entry
    except OSError:
        return


def _spread(values: list[float]) -> Band | None:
    """The middle four fifths and the mean: sums of many go by the mean, and the rest is what a day can be like."""
    if len(values) < _FEWEST:
        return None
    ordered = sorted(values)
    mean = statistics.fmean(ordered)
    low, high = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
    return Band(min(low, mean), mean, max(high, mean))
