"""A picture that is kept at the sizes it was asked for while it was there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from videoscan.model import Bgr, Gray, Pixels


@dataclass(slots=True, eq=False)
class Held:
    """A picture that is kept at the sizes it was asked for while it was there; other sizes are made from the nearest larger one."""

    size: tuple[int, int]
    live: Pixels | None
    _grays: dict[tuple[int, int], Gray] = field(default_factory=dict)
    _colours: dict[int | None, Bgr] = field(default_factory=dict)

    def gray(self, width: int, height: int) -> Gray:
        """See `videoscan.model.Pixels`. Nobody may write into it."""
        known = self._grays.get((width, height))
        if known is None:
            known = self.live.gray(width, height) if self.live is not None else self._derived(width, height)
            known.flags.writeable = False
            self._grays[width, height] = known
        return known

    def bgr(self, long_side: int | None = None) -> Bgr:
        """See `videoscan.model.Pixels`. Raises `ConfigError` for a size that was never asked for: pictures in colour are large."""
        if long_side not in self._colours:
            if self.live is None:
                raise ConfigError(
                    "this deduplicator asks for pictures in colour only later on, which cannot be tried from memory",
                    hint="try dedup.kind = 'tiles' or 'phash'",
                )
            self._colours[long_side] = self.live.bgr(long_side)
        return self._colours[long_side].copy()

    def let_go(self) -> None:
        """The decoder wants its picture back."""
        self.live = None

    @property
    def bytes(self) -> int:
        """What it takes."""
        return sum(each.nbytes for each in (*self._grays.values(), *self._colours.values()))

    def ask_like(self, other: Held) -> None:
        """Have everything that was asked of another one."""
        for width, height in other._grays:
            self.gray(width, height)
        for long_side in other._colours:
            self.bgr(long_side)

    def _derived(self, width: int, height: int) -> Gray:
        larger = [size for size in self._grays if size[0] >= width and size[1] >= height]
        nearest = min(larger) if larger else max(self._grays)
        return np.asarray(cv2.resize(self._grays[nearest], (width, height), interpolation=cv2.INTER_AREA), np.uint8)
