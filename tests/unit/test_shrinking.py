"""Averaging areas by halves first gives what averaging them at once gives."""

import cv2
import numpy as np
import pytest

from videoscan.reading.shrinking import area_averaged


@pytest.mark.parametrize("shape", [(1080, 1920), (720, 1280), (480, 640), (1080, 1920, 3), (1082, 1922), (101, 77)])
@pytest.mark.parametrize("size", [(160, 90), (139, 104), (320, 180)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_it_is_the_mean_of_each_area(shape, size, kind):
    made = np.random.default_rng(3).integers(0, 256, shape).astype(kind)
    picture = cv2.GaussianBlur(made, (31, 31), 0)
    small = area_averaged(picture, *size)
    assert (small.shape[:2], small.dtype) == (size[::-1], kind)
    apart = small.astype(float) - cv2.resize(picture.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    assert abs(apart).max() <= 1.5
    assert abs(apart.mean()) < 0.5, "three roundings of halves up, of an eighth each where pixels differ"


def test_a_single_pixel_and_one_that_is_to_grow():
    assert area_averaged(np.full((1, 1), 7, np.uint8), 1, 1).tolist() == [[7]]
    assert area_averaged(np.full((2, 2), 7, np.uint8), 4, 4).tolist() == [[7] * 4] * 4
