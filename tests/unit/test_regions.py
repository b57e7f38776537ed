"""Regions of the picture that count, and the black over the rest."""

import numpy as np
import pytest
from building import ArrayPixels
from pydantic import ValidationError

from videoscan.model import EVERYWHERE, Regions
from videoscan.reading.regions import Blackened, mask
from videoscan.settings.options import RegionOptions

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
MIDDLE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))


def test_everything_counts_where_nothing_is_said():
    assert mask(EVERYWHERE, 8, 4).all()
    assert not EVERYWHERE


def test_only_what_is_included_counts_and_what_is_excluded_does_not():
    assert mask(Regions(include=(LEFT_HALF,)), 8, 4)[:, :4].all()
    assert not mask(Regions(include=(LEFT_HALF,)), 8, 4)[:, 5:].any()
    assert not mask(Regions(exclude=(LEFT_HALF,)), 8, 4)[:, :4].any()
    both = mask(Regions(include=(LEFT_HALF,), exclude=(MIDDLE,)), 80, 40)
    assert both[5, 10]
    assert not both[20, 30]
    assert not both[5, 60]


@pytest.mark.parametrize("size", [(1920, 1080), (160, 90), (7, 5), (1, 1)])
def test_nothing_of_what_is_excluded_is_left_at_any_size(size):
    width, height = size
    counts = mask(Regions(exclude=(MIDDLE,)), width, height)
    for row in range(height):
        for column in range(width):
            if 0.25 <= (column + 0.5) / width <= 0.75 and 0.25 <= (row + 0.5) / height <= 0.75:
                assert not counts[row, column]
        if height > 100:
            break


def test_blackened_pixels_are_black_at_every_size_and_leave_the_original_alone():
    white = np.full((90, 160, 3), 255, np.uint8)
    black = Blackened(ArrayPixels(white), Regions(exclude=(LEFT_HALF,), black_out=True))
    assert black.size == (160, 90)
    for picture in (black.bgr(), black.bgr(40), black.gray(160, 90), black.gray(16, 9)):
        half = picture.shape[1] // 2
        assert not picture[:, :half].any()
        assert (picture[:, half + 1 :] > 250).all()
    assert white.all()


def test_the_options_become_regions():
    options = RegionOptions(exclude=[[list(corner) for corner in MIDDLE]], black_out=True)
    assert options.regions == Regions((), (MIDDLE,), True)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"black_out": True}, "nothing would be black"),
        ({"exclude": [[[0, 0], [1, 1]]]}, "at least 3"),
        ({"exclude": [[[0, 0], [0.5, 0.5], [1, 1]]]}, "lie on one line"),
        ({"include": [[[0, 0], [120, 0], [120, 90]]]}, "less than or equal to 1"),
        ({"exclude": [[[0, 0, 0], [1, 0, 0], [1, 1, 0]]]}, "at most 2"),
    ],
)
def test_regions_that_make_no_sense_are_refused(table, says):
    with pytest.raises(ValidationError, match=says):
        RegionOptions(**table)
