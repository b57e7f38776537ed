"""What the made scenes are painted on: pictures of light in 32-bit floats."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import cv2

Plane: TypeAlias = NDArray[np.float32]
"""Shape (height, width), in grey levels or shares, as whoever paints it says."""


def plane(array: NDArray[np.floating] | NDArray[np.integer] | cv2.typing.MatLike) -> Plane:
    """As float32, without a copy where it is already."""
    return np.asarray(array, np.float32)
