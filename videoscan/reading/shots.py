"""Where one shot of edited footage ends and the next begins: cuts, fades, dissolves and wipes, told from motion, pans and flashes.

Everything rests on one question about two pictures: is the later one explained by the earlier? The earlier one is warped along the
motion between them (dense inverse search, Kroeger et al. 2016), and what is left is judged by structure: luma less its local mean,
block by block, so that neither light nor a moving camera counts. Four signs of another shot follow from it:

- a cut: a picture that the one before does not explain, and a step larger than the steps before it;
- a fade: nothing at all in the picture for a while, and then something else than before;
- a dissolve: for a third of a second to two seconds the pictures are mixtures of the first and the last, the one falling, the
  other rising, and the last is not explained by the first;
- a wipe: patch after patch goes unexplained, altogether more than a whole picture, as when a graphic sweeps across before a replay.
  Of wipes without one only half are found.

Whatever the sign, the decision falls when the picture has been quiet again for `SETTLED` seconds, by comparing what is there now
with what was there before: a flash, a blink, somebody passing close to the lens bring the same shot back, and are no boundary.

The constants were tuned with ``benchmarks/scenes.py`` (real clips, and edits made of them at 8 and 25 pictures a second) and
checked on other edits at 12.5, 30 and 50: of 209 cuts there none was missed.
"""

from __future__ import annotations

import functools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Collection

    from videoscan.model import Gray

Plane: TypeAlias = NDArray[np.float32]

SETTLED = 0.25
"""Seconds without another jump after which a new shot is believed; a flash may last as long."""
MEMORY = 2.0
"""Seconds that the detector looks back: the longest dissolve that is found."""
EVERY = 0.08
"""Least seconds between two pictures that are remembered for finding dissolves."""
_SLACK = 1e-6

_NEIGHBOURHOOD = (21, 21)
_BLOCK = 10  # cells
_COARSE = 0.15  # of the cells' number per side; finer ones lose what moves during a dissolve
_NOISE = 4.0  # squared grey levels of detail that mean nothing
_TEXTURE = 9.0  # squared grey levels from which on a block shows something
_PLAIN_BLOCKS, _PLAIN_ENERGY, _PLAIN_LEVELS = 0.25, 40.0, 8.0  # a watermark on black is still black

_STILL = 2.0  # mean grey levels between two pictures, below which nothing happens
_STEP = 8.0  # and from which on it may be a cut
_RISE = 1.5  # times the usual difference
_CUT_STRUCTURE, _CUT_BLOCKS = 0.62, 0.60
_PEAK, _PEAK_STRUCTURE, _PEAK_BLOCKS = 3.0, 0.40, 0.75
_SAME_STRUCTURE, _SAME_BLOCKS = 0.40, 0.50
_TO_PLAIN, _PLAIN_TO_PLAIN = 16.0, 40.0
_LONGEST_JUMP, _LONGEST_PLAIN = 1.0, 0.6  # seconds after which it is decided in any case

_STIR, _STIR_WHOLE, _STIR_LONGEST = 0.10, 1.0, 2.0
_WIPE_STRUCTURE, _WIPE_BLOCKS = 0.60, 0.75

_BLEND_UNLIKE, _BLEND_REST, _BLEND_WORST = 0.50, 0.25, 0.40
_BLEND_STRUCTURE, _BLEND_BLOCKS = 0.55, 0.50
_BLEND_HOLD = 0.16  # seconds after the last mixture
_RISING = 1.15  # contrast that still grows is a fade that still goes on
_RISE_OVER = 0.2  # seconds
_LONGEST_FADE = 2.0  # seconds after the first sight of something


@dataclass(frozen=True, slots=True)
class Boundary:
    """A change of shot, from the first picture that is touched by it (`start`, seconds) to the first that is not (`end`).

    A cut has both at the new shot's first picture.
    """

    kind: Literal["cut", "fade", "dissolve", "wipe"]
    start: float
    end: float

    @property
    def time(self) -> float:
        """The middle, in seconds."""
        return (self.start + self.end) / 2


class Shots:
    """Finds the boundaries of one pass, shown every picture in turn, at whatever rate.

    Memory: the luma of ``MEMORY / EVERY`` pictures and a tenth as much beside it, 0.5 MB at 160 x 90 cells.
    """

    def __init__(self) -> None:
        self._motion = _Motion()
        self._last: _Look | None = None
        self._looks: deque[_Look] = deque()
        self._apart: deque[float] = deque(maxlen=4)
        self._calm: deque[float] = deque(maxlen=4)
        self._jump: _Unrest | None = None
        self._stir: _Unrest | None = None
        self._blend: _Unrest | None = None
        self._plain: _Plain | None = None

    def take(self, time: float, cells: Gray) -> Boundary | None:
        """Look at the next picture, its luma downscaled to always the same shape, of 60 cells or more each way.

        A boundary is told once, with some delay: at the picture at which the new shot is up and quiet.
        """
        now = _Look(time, cells)
        before, self._last = self._last, now
        if before is None:
            self._plain = _Plain(time, None) if now.plain else None
            self._remember(now)
            return None
        jumped = self._link(before, now)
        found = None if jumped else self._quiet(now)
        if found is None and self._jump is None and time - self._looks[-1].time >= EVERY - _SLACK:
            found = self._faded(now) or self._dissolved(now)
        if found is not None:
            self._looks.clear()
            self._stir = self._blend = None
        self._remember(now)
        return found

    def _link(self, before: _Look, now: _Look) -> bool:
        """Whether the picture jumped. Notes jumps, and patches that the picture before does not explain."""
        apart = cv2.norm(now.cells, before.cells, cv2.NORM_L1) / now.cells.size
        usual, calm = _usual(self._apart), _usual(self._calm)
        unrest = self._jump is not None or self._stir is not None
        self._apart.append(apart)
        if self._stir is None:
            self._calm.append(apart)
        if apart < _STILL or not (unrest or apart >= _RISE * calm):
            structure = blocks = 0.0
            jumped = False
        elif before.plain or now.plain:
            structure = blocks = 0.0
            jumped = apart >= (_PLAIN_TO_PLAIN if before.plain and now.plain else _TO_PLAIN)
        else:
            structure, blocks = self._motion.unexplained(now, before)
            clear = structure >= _CUT_STRUCTURE and blocks >= _CUT_BLOCKS
            peak = structure >= _PEAK_STRUCTURE and blocks >= _PEAK_BLOCKS and apart >= _PEAK * usual
            jumped = apart >= max(_STEP, _RISE * usual) and (clear or peak)
        if jumped:
            self._jump = _Unrest.at(self._jump, before, now.time)
        if blocks >= _STIR:
            self._stir = _Unrest.at(self._stir, before, now.time)
        if self._stir is not None:
            self._stir.total += blocks
        return jumped

    def _quiet(self, now: _Look) -> Boundary | None:
        """When a jump or a stir has come to rest: was it the way to another shot?"""
        jump, stir = self._jump, self._stir
        if jump is not None:
            since = now.time - jump.last
            unready = now.plain or now.energy > _RISING * self._looks[-1].energy + _NOISE / 2
            settled = since >= SETTLED - _SLACK and (since > _LONGEST_PLAIN or not unready)
            if not settled and now.time - jump.start <= _LONGEST_JUMP:
                return None
            self._jump = self._stir = None
            self._plain = _Plain(jump.start, None) if now.plain else None
            return Boundary("cut", jump.start, jump.start) if self._another(jump.before, now) else None
        if stir is None:
            return None
        if now.time - stir.start > _STIR_LONGEST:
            self._stir = None
        elif now.time - stir.last >= SETTLED - _SLACK:
            self._stir = None
            if stir.total >= _STIR_WHOLE and not (now.plain or stir.before.plain):
                structure, blocks = self._motion.unexplained(now, stir.before)
                if structure >= _WIPE_STRUCTURE and blocks >= _WIPE_BLOCKS:
                    return Boundary("wipe", stir.start, stir.last)
        return None

    def _another(self, before: _Look, now: _Look) -> bool:
        if before.plain or now.plain:
            return before.plain != now.plain or abs(now.light - before.light) > _PLAIN_TO_PLAIN
        structure, blocks = self._motion.unexplained(now, before)
        return structure >= _SAME_STRUCTURE and blocks >= _SAME_BLOCKS

    def _faded(self, now: _Look) -> Boundary | None:
        plain = self._plain
        if plain is None:
            if now.plain:
                self._plain = _Plain(now.time, max(self._looks, key=lambda look: look.energy, default=None))
            return None
        if now.plain:
            plain.until = None
            return None
        plain.until = now.time if plain.until is None else plain.until
        earlier = next((look for look in reversed(self._looks) if now.time - look.time >= _RISE_OVER - _SLACK), None)
        growing = earlier is None or now.energy > _RISING * earlier.energy + _NOISE / 2
        if growing and now.time - plain.until < _LONGEST_FADE:
            return None
        self._plain = None
        if plain.before is None or self._another(plain.before, now):
            return Boundary("fade", plain.start, now.time)
        return None

    def _dissolved(self, now: _Look) -> Boundary | None:
        if self._plain is not None or now.plain:
            return None
        found = self._mixture(now)
        if found is not None:
            before, settled = found
            if self._dissimilar(before, now):
                if settled:
                    return Boundary("dissolve", before.time, now.time)
                self._blend = _Unrest.at(self._blend, before, now.time)
        blend = self._blend
        if blend is not None and now.time - blend.last >= _BLEND_HOLD - _SLACK:
            self._blend = None
            if self._dissimilar(blend.before, now):
                return Boundary("dissolve", blend.before.time, now.time)
        return None

    def _dissimilar(self, before: _Look, now: _Look) -> bool:
        structure, blocks = self._motion.unexplained(now, before)
        return structure >= _BLEND_STRUCTURE and blocks >= _BLEND_BLOCKS

    def _mixture(self, now: _Look) -> tuple[_Look, bool] | None:
        """The latest look since which all pictures are mixtures of it and `now`, with ever more of `now`; and whether that is over.

        It is over when the last two steps towards `now` are less than half as large as the largest.
        """
        looks = list(self._looks)
        if len(looks) < 4:
            return None
        rows = np.stack([look.coarse for look in looks])
        own = np.einsum("ij,ij->i", rows, rows)
        with_now = rows @ now.coarse
        now_now = float(now.coarse @ now.coarse)
        floor = _NOISE / 13 * now.coarse.size
        unlike = with_now <= _BLEND_UNLIKE * np.sqrt(own * now_now)
        for place in range(len(looks) - 4, -1, -1):
            if not unlike[place] or looks[place].plain:
                continue
            # Least squares of every look between on the two ends.
            ends = float(with_now[place])
            first, last = rows[place + 1 :] @ rows[place], with_now[place + 1 :]
            one, other = float(own[place]) + floor, now_now + floor
            divisor = one * other - ends * ends
            old, new = (other * first - ends * last) / divisor, (one * last - ends * first) / divisor
            energy = own[place + 1 :]
            left = energy - 2 * (old * first + new * last) + old * old * own[place] + 2 * old * new * ends + new * new * now_now
            left = left / (energy + floor)
            mixed = np.count_nonzero((old > 0.15) & (old < 0.85) & (new > 0.15) & (new < 0.85))
            if mixed < 2 or left.mean() > _BLEND_REST or left.max() > _BLEND_WORST:
                continue
            steps = np.diff(new, prepend=0.0, append=1.0)
            if steps[1:-1].min() >= -0.2 and steps.max() <= 0.6:
                return looks[place], bool(steps[-2:].max() <= 0.5 * steps.max())
        return None

    def _remember(self, now: _Look) -> None:
        if not self._looks or now.time - self._looks[-1].time >= EVERY - _SLACK:
            now.lighten()
            self._looks.append(now)
        while now.time - self._looks[0].time > MEMORY + EVERY:
            self._looks.popleft()


class _Look:
    """One picture. What follows from its cells is worked out when somebody asks."""

    def __init__(self, time: float, cells: Gray) -> None:
        self.time = time
        self.cells = cells

    @functools.cached_property
    def detail(self) -> Plane:
        return detail(self.cells)

    @functools.cached_property
    def energy(self) -> float:
        """Mean square of the detail: contrast."""
        return cv2.norm(self.detail, cv2.NORM_L2SQR) / self.cells.size

    @functools.cached_property
    def coarse(self) -> Plane:
        rows, columns = self.cells.shape
        size = max(1, round(columns * _COARSE)), max(1, round(rows * _COARSE))
        return np.asarray(cv2.resize(self.detail, size, interpolation=cv2.INTER_AREA), np.float32).ravel()

    @functools.cached_property
    def light(self) -> float:
        return float(cv2.mean(self.cells)[0])

    @functools.cached_property
    def plain(self) -> bool:
        """Nothing to see: nearly all of it has one brightness, and no structure worth the name."""
        if self.energy >= _PLAIN_ENERGY:
            return False
        light = blocks(np.asarray(self.cells, np.float32))
        busy = (blocks(self.detail * self.detail) > _TEXTURE) | (np.abs(light - np.median(light)) > _PLAIN_LEVELS)
        return bool(np.count_nonzero(busy) < _PLAIN_BLOCKS * busy.size)

    def lighten(self) -> None:
        """Keep what later looks are compared with, and let go of the detail."""
        _ = self.coarse, self.energy, self.plain
        del self.detail


@dataclass(slots=True)
class _Unrest:
    before: _Look
    start: float
    last: float
    total: float = 0.0

    @classmethod
    def at(cls, so_far: _Unrest | None, before: _Look, time: float) -> _Unrest:
        """It begins, or goes on."""
        if so_far is None:
            return cls(before, time, time)
        so_far.last = time
        return so_far


@dataclass(slots=True)
class _Plain:
    """A stretch with nothing to see, the picture with the most contrast shortly before it, and when something came up again."""

    start: float
    before: _Look | None
    until: float | None = None


class _Motion:
    """Asks of two pictures whether motion explains the later one. Not to be shared between threads: OpenCV's flow keeps buffers."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._places: tuple[Plane, ...] | None = None

    def unexplained(self, now: _Look, before: _Look) -> tuple[float, float]:
        """What of `now` the warped `before` does not explain: the share of its structure (above 1: the opposite) and of its blocks.

        A block without texture in both is explained.
        """
        warped = detail(self._warped(now.cells, before.cells))
        shown = now.detail
        both, old, new = blocks(warped * shown), blocks(warped * warped), blocks(shown * shown)
        textured = np.maximum(old, new) > _NOISE
        if np.count_nonzero(textured) <= 0.05 * textured.size:
            share = 0.0
        else:
            like = both / np.sqrt((old + _NOISE) * (new + _NOISE))
            share = float(np.count_nonzero(textured & (like < 0.5)) / np.count_nonzero(textured))
        floor = _NOISE / 4
        return 1.0 - float(both.mean()) / float(np.sqrt((old.mean() + floor) * (new.mean() + floor))), share

    def _warped(self, now: Gray, before: Gray) -> Gray:
        if self._places is None:
            rows, columns = now.shape
            self._places = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
        across, down = self._places
        flow = np.asarray(self._flow.calc(now, before, np.empty((0, 0), np.float32)), np.float32)
        moved = cv2.remap(before, across + flow[..., 0], down + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)


def _usual(steps: Collection[float]) -> float:
    """The median, the lower one of two: a flash is up to two large steps among four."""
    return sorted(steps)[(len(steps) - 1) // 2] if steps else 0.0


def detail(cells: Gray) -> Plane:
    """Luma less its local mean."""
    luma = cells.astype(np.float32)
    return np.asarray(cv2.subtract(luma, cv2.blur(luma, _NEIGHBOURHOOD)), np.float32)


def blocks(plane: Plane) -> Plane:
    """The mean of every block of about ten by ten cells."""
    rows, columns = plane.shape
    size = max(1, round(columns / _BLOCK)), max(1, round(rows / _BLOCK))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)
