"""What a picture costs in prompt tokens, by least squares over measured sizes. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from videoscan.model import PictureCost

if TYPE_CHECKING:
    from collections.abc import Sequence

TOLERANCE = 0.03
"""Share of the mean cost by which a formula may miss, root mean square, and still be called fitting."""
_MARKS = 8
"""Tokens around a picture's own, at most, that a family is believed to have where little was measured."""
_CAPPED = 0.02
"""Two sizes whose cost differs by less than this share cost the same."""


@dataclass(frozen=True, slots=True)
class Size:
    """A picture of that size was found to cost so many prompt tokens, without its label."""

    width: int
    height: int
    tokens: float


@dataclass(frozen=True, slots=True)
class Fit:
    """The family whose formula fits best, as ``base + each * units``, and how far it misses (root mean square, tokens).

    `cost` is the formula for estimates; `None` where no family fits within `TOLERANCE`. `row` is what the formula in use says of
    the sizes, `off` by how large a share it misses on the whole (0.1: it says 10 % too much).
    """

    family: str
    base: float
    each: float
    miss: float
    cost: PictureCost | None
    row: tuple[int, ...]
    off: float


_FAMILIES = (
    ("one token per 32 x 32 pixels (Qwen3-VL)", PictureCost("patch", size=32)),
    ("one token per 28 x 28 pixels (Qwen2.5-VL)", PictureCost("patch", size=28)),
    ("512-pixel tiles (OpenAI)", PictureCost("tile", size=512, base=0, each=1)),
    ("the same for every size", PictureCost("flat", base=1)),
)


def fitted(sizes: Sequence[Size], row: PictureCost) -> Fit | None:
    """The best family for what was measured; `None` for fewer than two sizes, or where pictures cost nothing.

    A family with two unknowns needs three sizes; with fewer the slope is taken as the family's own (1 token a patch), and its base must
    be no more than a few marks.
    """
    tokens = np.array([size.tokens for size in sizes])
    if len(sizes) < 2 or float(tokens.mean()) < 1.0:
        return None
    said = tuple(row.tokens(size.width, size.height) for size in sizes)
    off = float(sum(said) / tokens.sum() - 1)
    best: Fit | None = None
    for name, unit in _FAMILIES:
        for capped in (False, True) if unit.rule == "patch" and _levels_off(sizes) else (False,):
            found = _least_squares(name, unit, sizes, tokens, said, off, capped=capped)
            if best is None or _is_better(found, best):
                best = found
    return best


def _is_better(found: Fit, best: Fit) -> bool:
    """Whether a formula that makes sense comes instead of one that does not, or misses by plainly less."""
    if (found.cost is None) != (best.cost is None):
        return found.cost is not None
    return found.miss < best.miss - 0.5


def _levels_off(sizes: Sequence[Size]) -> bool:
    """Whether the two largest sizes cost the same: the server shrinks what is larger than it likes."""
    largest = sorted(sizes, key=lambda size: size.width * size.height)[-2:]
    alike = abs(largest[0].tokens - largest[1].tokens) <= _CAPPED * largest[1].tokens
    smaller = sum(size.tokens < largest[1].tokens * (1 - _CAPPED) for size in sizes)
    return alike and smaller >= 1


def _least_squares(
    name: str,
    unit: PictureCost,
    sizes: Sequence[Size],
    tokens: np.ndarray[tuple[int], np.dtype[np.float64]],
    said: tuple[int, ...],
    off: float,
    *,
    capped: bool,
) -> Fit:
    most = max(size.tokens for size in sizes) if capped else math.inf
    free = [place for place, size in enumerate(sizes) if size.tokens < most * (1 - _CAPPED)] if capped else range(len(sizes))
    units = np.array([float(unit.tokens(size.width, size.height)) for size in sizes])
    x, y = units[list(free)], tokens[list(free)]
    if unit.rule == "flat":
        base, each = float(y.mean()), 0.0
    elif len(x) < 3 or float(np.ptp(x)) == 0.0:
        each = 1.0 if unit.rule == "patch" else float(y.mean() / x.mean())
        base = float((y - each * x).mean())
    else:
        each, base = (float(value) for value in np.polyfit(x, y, 1))
    estimate = np.minimum(base + each * units, most)
    miss = float(np.sqrt(np.mean((estimate - tokens) ** 2)))
    few = len(x) < 3 and unit.rule == "patch"
    cost = None if few and not 0 <= round(base) <= _MARKS else _cost(unit, base, each, math.inf if not capped else most)
    fits = miss <= max(2.0, TOLERANCE * float(tokens.mean())) and cost is not None
    return Fit(name, round(base, 1), round(each, 3), round(miss, 1), cost if fits else None, said, round(off, 3))


def _cost(unit: PictureCost, base: float, each: float, most: float) -> PictureCost | None:
    """The formula as a value, where it is of a kind that makes sense: nothing costs less than nothing."""
    cap = 0 if math.isinf(most) else round(most)
    if unit.rule == "flat":
        return replace(unit, base=round(base)) if base >= 1 else None
    if unit.rule == "tile":
        return replace(unit, base=max(0, round(base)), each=round(each)) if each >= 1 else None
    # A patch costs a token; anything else is another way of cutting, which these sizes happen to fit.
    return replace(unit, base=max(0, round(base)), most=cap) if abs(each - 1) <= TOLERANCE and base > -2 else None
