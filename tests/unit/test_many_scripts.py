"""Thirty events at times drawn by lot, told by a describer that makes no mistake: the fold adds none, whatever the windows.

Events alike follow one another after three seconds, go on together, end where a window does and begin where the next one does.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import pytest
from building import told

from videoscan.folding.outcome import Outcome
from videoscan.model import Description, Mark, Reason, Shown, Tally
from videoscan.timeline import fold

EVERY = 0.5
DURATION = 600.0
KINDS = ("person", "car", "dog", "bicycle", "van", "fox")
DOINGS = ("crosses the yard", "waits at the gate", "passes by the wall", "turns round at the corner", "looks for a way out")
FIGURES = [(f"a {KINDS[number % 6]} {DOINGS[number % 5]}", KINDS[number % 6]) for number in range(24)]


@dataclass(frozen=True)
class Act:
    figure: int
    start: float
    end: float

    @property
    def told(self):
        """Title, and from when until when it is seen in what is sampled."""
        return FIGURES[self.figure][0], math.ceil(self.start / EVERY) * EVERY, min(DURATION, math.ceil(self.end / EVERY) * EVERY)


def script(rng):
    acts: list[Act] = []
    while len(acts) < 30:
        figure, start = rng.randrange(24), rng.randrange(2380) / 4
        if acts and rng.random() < 0.3:
            before = rng.choice(acts)
            figure, start = before.figure, before.end + 3
        end = min(DURATION, start + rng.choice((0.5, 0.75, 1.5, 2.25, 4.0, 7.5, 11.0, 40.0)))
        if end - start >= EVERY and not any(
            each.figure == figure and start < each.end + 3 and each.start < end + 3 for each in acts
        ):
            acts.append(Act(figure, start, end))
    return acts


def windows(rng, acts):
    """What a pass with a deduplicator would hand over, with true descriptions, in any order."""
    overlap, size = rng.choice((0, 1, 2)), rng.choice((4, 8, 12))
    marks, kept, before = [], [], None
    for frame in range(round(DURATION / EVERY)):
        there = frozenset(act.figure for act in acts if act.start <= frame * EVERY < act.end)
        keep = there != before or rng.random() < (0.5 if there else 0.05)
        if keep:
            kept.append((frame, there))
        reason = Reason.CHANGED if keep else Reason.UNCHANGED
        marks.append(Mark(frame, frame * EVERY, keep, reason, None if keep else kept[-1][0]))
        before = there
    made = []
    for at in range(0, len(kept), size - overlap):
        group = kept[at : at + size]
        after = kept[at + size][0] if at + size < len(kept) else len(marks)
        made.append(
            Outcome(
                len(made),
                group[0][0] * EVERY,
                after * EVERY,
                tuple(Shown(frame, frame * EVERY, None, None) for frame, _ in group),
                tuple(marks[group[0][0] : after]),
                Description(events=tuple(rng.sample(events := described(group), len(events)))),
                overlap=overlap if made else 0,
            )
        )
        if after == len(marks):
            break
    return rng.sample(made, len(made))


def described(group):
    """Each figure's runs of frames in a row."""
    events = []
    for figure, (title, kind) in enumerate(FIGURES):
        places = [place for place, (_, there) in enumerate(group) if figure in there]
        for first in (place for place in places if place - 1 not in places):
            last = next(place for place in range(first, len(group)) if place + 1 not in places)
            events.append(told(first, last, title, tags=(kind,), confidence=0.9))
    return events


@pytest.mark.parametrize("seed", range(25))
def test_what_happened_is_told_once_each_and_when_it_happened(seed):
    rng = random.Random(seed)
    acts = script(rng)
    folded = fold(windows(rng, acts), Tally(DURATION, round(DURATION / EVERY)))
    assert sorted((event.title, event.start, event.end) for event in folded.events) == sorted(act.told for act in acts)
    assert [span.state for span in folded.coverage if span.state not in {"described", "unchanged"}] == []
    assert all(event.start_after == max(0.0, event.start - EVERY) for event in folded.events)
