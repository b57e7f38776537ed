"""Adds to every judged frame what OpenCV can say of it: light, texture, displacement, and what is there that usually is not.

Runs after a deduplicator, and only for describers whose `Limits.measures` is true. It sees every sample, the dropped ones too,
so that what it says does not depend on what was kept. State lives in the generator's locals: one background, a few planes of
14,400 cells (under 1.5 MB), whatever the length of the video.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from videoscan.model import EVERYWHERE, Measured
from videoscan.reading.difference import LIGHT, Comparator, brighter, displacement, is_cut, patches, plain_difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from videoscan.model import Box, Regions, Sample
    from videoscan.reading.difference import Labels, Plane, View

    Inside: TypeAlias = NDArray[np.bool_]

REGIONS = 4
"""At most so many active regions are reported for a frame, largest first."""
ABSORB = 60.0
"""Seconds after which what hardly moves belongs to the scene: more than half of its cells have been still for so long."""
SETTLE = 4.0
"""Seconds after which a thing all of which came to rest at one moment belongs to the scene: a bottle put down, a parked car. Of
somebody standing, some cells rest long and others move again and again (95 % of the cells still for 5 of 9 seconds at most, over
the six visits of a real indoor clip, and 98 % for less; a bottle put down: all of them for the same 3 of 3)."""
GHOST = 1.0
"""Seconds without movement after which a region that is emptier than the background there is taken for what was left behind."""
_SETTLED_CELLS = (
    120  # cells of its box and two around; below that, too few cells to tell somebody standing from a thing: only `ABSORB` counts
)
_AT_ONCE = 0.8  # share of the median rest that 98 % of the cells must have, to have come to rest at one moment
_EMPTIER = 1.25  # edges along a region's outline are so many times stronger in the background than in the picture: a ghost
_WEAK, _WEAK_REST = 3.0, 2.0  # times the threshold, below which what is still for so many seconds and stands alone joins too
_LONE = 1.5  # times the threshold, above which a single cell counts
_ALIKE, _ALIKE_CELLS = 0.8, 3  # correlation with the background, above which so large a region is the same under another light
_SWAY = 2.0  # times the usual step of a cell (leaves, water) that is no difference; its median is followed at
_PACE = 2.0  # grey levels per second, up to
_RESTLESS = 30.0  # grey levels
_NEAR, _BESIDE = np.ones((3, 3), np.uint8), np.ones((25, 25), np.uint8)
_DRIFT = 1.0  # grey levels per second by which the background follows what is not active
_BLACK_LIGHT, _BLACK_TEXTURE = 24.0, 6.0  # video luma has its black at 16, and sources give luma as it was coded
_COVERED_SHARE, _COVERED_FROM = 0.3, 6.0
_SHIFT_SURE, _SHIFT_CELLS, _SHIFT_FAR = 0.25, 1.0, 0.1
_SHIFT_GAIN = 0.6  # undoing a displacement must leave at most this share of the difference, or it was a thing that moved


class Flag(enum.StrEnum):
    """What `Measured.flags` may say of a sample, all against the sample before it except `black` and `covered`."""

    CUT = "cut"
    LIGHT_ON = "light on"
    LIGHT_OFF = "light off"
    MOVED = "camera moved"
    BLACK = "black"
    COVERED = "covered"


def measure(samples: Iterable[Sample], regions: Regions = EVERYWHERE) -> Iterator[Sample]:
    """The same samples, lazily, with `mark.measured` set. Every one must have its `cells`; what lies outside of `regions` is never active.

    `active` are the regions that differ from the usual scene by more than five units of noise (`videoscan.reading.difference`), clocks
    left out. The usual scene is a background that follows slowly what is not active (sign of the difference times one grey level
    per second, after Manzanera and Richefeu 2007), so a person who stands still stays active. A region joins the background
    when it hardly moved for `ABSORB` seconds, came to rest at once and stayed so for `SETTLE` seconds, or is only the background
    under another light; or when it did not move for `GHOST` seconds and its outline is an edge of the background rather
    than of the picture: then something that stood there is gone, and the empty place is no activity. After a cut,
    a light switch or a large camera move everything is background again.

    `covered`: the texture fell below 0.3 of what it usually is here. `black`: light below 24, and that or texture below 6.
    `camera moved`: displaced by a cell or more, and undoing that explains the difference; nothing is active in such a frame.
    """
    comparator = Comparator(regions=regions)
    scene: _Scene | None = None
    before: View | None = None
    time, usual = 0.0, 0.0
    hidden = False
    for sample in samples:
        assert sample.cells is not None, "samples are reduced with their cells where somebody measures"
        now = comparator.take(sample.cells)
        seconds = max(0.0, sample.mark.time - time)
        texture = float(now.detail.std())
        flags: list[Flag] = []
        shift: tuple[float, float] | None = None
        active: tuple[Box, ...] = ()
        was_hidden, hidden = hidden, False
        blind = usual > _COVERED_FROM and texture < _COVERED_SHARE * usual
        if now.light < _BLACK_LIGHT and (blind or texture < _BLACK_TEXTURE):
            flags.append(Flag.BLACK)
            hidden = True
        elif blind:
            flags.append(Flag.COVERED)
            hidden = True
        if before is None or scene is None:
            scene = None if hidden else _Scene(now)
        elif not hidden:
            right, down, sure = displacement(now, before)
            rows, columns = now.detail.shape
            shift = (right / columns, down / rows) if sure > _SHIFT_SURE else None
            lit = brighter(now, before)
            if not was_hidden and is_cut(now, before, comparator.threshold):
                flags.append(Flag.CUT)
                scene = _Scene(now)
                usual = texture
            elif not was_hidden and shift and _moved(now, before, right, down):
                flags.append(Flag.MOVED)
                if not scene.follow(now, right, down):
                    scene = _Scene(now)
            elif not was_hidden and abs(lit) > LIGHT:
                flags.append(Flag.LIGHT_ON if lit > 0 else Flag.LIGHT_OFF)
                scene = _Scene(now)
            else:
                active = scene.active(now, before, comparator, seconds)
                if was_hidden and _mostly(active):
                    scene, active = _Scene(now), ()
        if not hidden:
            usual = texture if usual == 0 else usual + min(1.0, seconds / 30) * (texture - usual)
            before = now
        time = sample.mark.time
        seen = Measured(now.light, texture, shift, active, tuple(flags))
        yield replace(sample, mark=replace(sample.mark, measured=seen))


@dataclass(frozen=True, slots=True, eq=False)
class _Patch:
    """A connected region that differs. `where` is its surroundings in the plane, two cells on each side; `inside` lies in them."""

    box: Box
    where: tuple[slice, slice]
    inside: Inside
    cells: int
    strength: float

    @classmethod
    def of(cls, box: Box, label: int, labels: Labels, difference: Plane, threshold: float) -> _Patch:
        rows, columns = labels.shape
        left, right = round(box[0] * columns), round(box[2] * columns)
        top, bottom = round(box[1] * rows), round(box[3] * rows)
        where = slice(max(0, top - 2), bottom + 2), slice(max(0, left - 2), right + 2)
        inside = labels[where] == label
        return cls(box, where, inside, int(np.count_nonzero(inside)), float(difference[where][inside].max()) / threshold)


class _Scene:
    """What is usually seen: the background's details and luma, how long each cell has been still, and how restless it is."""

    def __init__(self, now: View) -> None:
        self._detail = now.detail.copy()
        self._luma = now.luma.astype(np.float32)
        self._still = np.zeros_like(now.detail)
        self._restless = np.zeros_like(now.detail)

    def active(self, now: View, before: View, comparator: Comparator, seconds: float) -> tuple[Box, ...]:
        """The regions that differ, largest first; learns from the picture as well."""
        step: Plane = np.asarray(cv2.absdiff(now.detail, before.detail), np.float32)
        self._still += np.float32(seconds)
        self._still[step > comparator.threshold] = 0.0
        difference = self._difference(now, comparator)
        self._learn_restless(step, seconds)
        busy = np.zeros(step.shape, bool)
        found: list[Box] = []
        if difference.max(initial=0.0) > comparator.threshold:
            found, gone = self._sort(now, difference, comparator.threshold, busy)
            for patch in gone:
                self._take_over(patch, now)
        self._drift(now, busy, seconds)
        found.sort(key=_area, reverse=True)
        return tuple(found[:REGIONS])

    def follow(self, now: View, right: float, down: float) -> bool:
        """The camera moved: shift the background along. False when the move was too large, and the scene is another."""
        rows, columns = now.detail.shape
        if abs(right) > _SHIFT_FAR * columns or abs(down) > _SHIFT_FAR * rows:
            return False
        self._detail = _shifted(self._detail, right, down, now.detail)
        self._luma = _shifted(self._luma, right, down, now.luma.astype(np.float32))
        self._still.fill(0.0)
        return True

    def _difference(self, now: View, comparator: Comparator) -> Plane:
        # A cell differs when it lies outside of what the background shows within one cell of it: leaves and a shaking camera
        # move the picture by less than that.
        over = cv2.subtract(now.detail, cv2.dilate(self._detail, _NEAR))
        under = cv2.subtract(cv2.erode(self._detail, _NEAR), now.detail)
        difference: Plane = np.asarray(cv2.max(over, under), np.float32)
        # Taking off the local mean puts a halo round a thing; in the luma itself there is none.
        np.minimum(difference, plain_difference(now.luma, self._luma), out=difference)
        if comparator.open is not None:
            difference *= comparator.open
        difference -= _SWAY * self._restless
        return difference

    def _sort(self, now: View, difference: Plane, threshold: float, busy: Inside) -> tuple[list[Box], list[_Patch]]:
        """Which patches are active (their cells set in `busy`), and which belong to the background from now on."""
        found: list[Box] = []
        gone: list[_Patch] = []
        weak: list[_Patch] = []
        edges, usual_edges = _edges(now.detail), _edges(self._detail)
        labels, boxes = patches(difference, threshold, reach=2)
        for label, box in enumerate(boxes, 1):
            patch = _Patch.of(box, label, labels, difference, threshold)
            if patch.cells < 2 and patch.strength < _LONE:
                continue
            if self._joins(patch, now, edges, usual_edges):
                gone.append(patch)
            elif patch.strength < _WEAK:
                weak.append(patch)
            else:
                busy[patch.where] |= patch.inside
                found.append(box)
        near = cv2.dilate(busy.astype(np.uint8), _BESIDE).astype(bool) if weak else busy
        for patch in weak:
            # Beside something strong it is a part of that; alone and still it is a shadow's edge or the light.
            rest = float(np.median(self._still[patch.where][patch.inside]))
            if rest >= _WEAK_REST and not near[patch.where][patch.inside].any():
                gone.append(patch)
            else:
                busy[patch.where] |= patch.inside
                found.append(patch.box)
        return found, gone

    def _joins(self, patch: _Patch, now: View, edges: Plane, usual_edges: Plane) -> bool:
        still = np.sort(self._still[patch.where][patch.inside])
        least, rest = float(still[int(0.02 * still.size)]), float(still[still.size // 2])
        if rest >= ABSORB:
            return True
        if _box_cells(patch) >= _SETTLED_CELLS and least >= max(SETTLE, _AT_ONCE * rest):
            return True
        body = patch.inside.astype(np.uint8)
        wide = np.asarray(cv2.dilate(body, _NEAR), np.uint8).astype(bool)
        here, usual = now.detail[patch.where][wide], self._detail[patch.where][wide]
        alike = float(here @ usual) > _ALIKE * math.sqrt(float(here @ here) * float(usual @ usual))
        if alike and patch.cells >= _ALIKE_CELLS:
            return True
        if rest < GHOST:
            return False
        if alike:
            return True
        outline: Inside = wide & ~np.asarray(cv2.erode(body, _NEAR), np.uint8).astype(bool)
        return float(usual_edges[patch.where][outline].sum()) > _EMPTIER * float(edges[patch.where][outline].sum())

    def _learn_restless(self, step: Plane, seconds: float) -> None:
        self._restless += np.float32(_PACE * min(seconds, 2.0)) * np.sign(step - self._restless)
        np.clip(self._restless, 0.0, _RESTLESS, out=self._restless)

    def _take_over(self, patch: _Patch, now: View) -> None:
        around = np.asarray(cv2.dilate(patch.inside.astype(np.uint8), np.ones((5, 5), np.uint8)), np.uint8).astype(bool)
        np.copyto(self._detail[patch.where], now.detail[patch.where], where=around)
        np.copyto(self._luma[patch.where], now.luma[patch.where], where=around)

    def _drift(self, now: View, busy: Inside, seconds: float) -> None:
        for plane, target in ((self._detail, now.detail), (self._luma, now.luma)):
            step = np.clip(target - plane, -_DRIFT * seconds, _DRIFT * seconds)
            step[busy] = 0.0
            np.add(plane, step, out=plane)


def _box_cells(patch: _Patch) -> int:
    down, across = patch.where
    return int((down.stop - down.start) * (across.stop - across.start))


def _moved(now: View, before: View, right: float, down: float) -> bool:
    if max(abs(right), abs(down)) < _SHIFT_CELLS:
        return False
    back = _shifted(before.detail, right, down, now.detail)
    apart = float(cv2.mean(cv2.absdiff(now.detail, before.detail))[0])
    return float(cv2.mean(cv2.absdiff(now.detail, back))[0]) < _SHIFT_GAIN * apart


def _shifted(plane: Plane, right: float, down: float, beyond: Plane) -> Plane:
    rows, columns = plane.shape
    move = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return np.asarray(cv2.warpAffine(plane, move, (columns, rows), beyond.copy(), borderMode=cv2.BORDER_TRANSPARENT), np.float32)


def _edges(plane: Plane) -> Plane:
    return np.asarray(cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), np.float32)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _mostly(boxes: tuple[Box, ...]) -> bool:
    return sum(_area(box) for box in boxes) > 0.6
