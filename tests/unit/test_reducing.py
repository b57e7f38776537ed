"""What is left of a judged frame: pictures, crops of small changes, cells, thumbnails."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from building import ArrayPixels, frame

from videoscan.config import WindowOptions
from videoscan.model import Mark, PictureCost, Reason
from videoscan.reading.difference import grid
from videoscan.reading.reducing import THUMBNAIL, Reducer, Remembered, pictures, zoom_box
from videoscan.seams import Limits

ZOOMING = WindowOptions(zoom=True, long_side=960)
SIZE = (1920, 1080)


def changed(*boxes):
    return Mark(3, 3.0, kept=True, reason=Reason.CHANGED, region=boxes[0] if boxes else None, regions=boxes)


def painted(box, size=SIZE):
    """A grey picture with a white box."""
    width, height = size
    image = np.full((height, width, 3), 90, np.uint8)
    x0, y0, x1, y1 = box
    image[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)] = 255
    return replace(frame(3), pixels=ArrayPixels(image), mark=changed(box))


def test_a_small_change_is_shown_again_from_the_full_size_picture():
    box = (0.70, 0.40, 0.71, 0.42)
    whole, crop = pictures(painted(box), ZOOMING, Limits())
    assert (whole.zoom_of, crop.zoom_of) == (None, 3)
    assert (whole.name, crop.name) == ("00000003.jpg", "00000003-zoom1.jpg")
    assert crop.data.startswith(b"\xff\xd8\xff")
    seen = cv2.imdecode(np.frombuffer(crop.data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert seen.shape[::-1] == (crop.width, crop.height)
    # 19 x 22 pixels of 1920 x 1080 fill a far larger share of the crop than of the picture.
    assert (seen > 200).mean() > 20 * 0.01 * 0.02
    rows, columns = np.nonzero(seen > 200)
    assert abs(rows.mean() / crop.height - 0.5) < 0.1
    assert abs(columns.mean() / crop.width - 0.5) < 0.1


@pytest.mark.parametrize("corner", [(0, 0), (0.99, 0), (0, 0.98), (0.99, 0.98)])
def test_a_crop_stays_within_the_picture(corner):
    x, y = corner
    box = zoom_box(changed((x, y, x + 0.01, y + 0.02)), 0.02, SIZE, 960)
    assert box is not None
    assert 0 <= box[0] <= x < x + 0.01 <= box[2] <= 1 + 1e-9
    assert 0 <= box[1] <= y < y + 0.02 <= box[3] <= 1 + 1e-9


def test_nothing_is_cropped_out_where_the_change_is_large_or_nowhere():
    assert zoom_box(changed((0.1, 0.1, 0.5, 0.5)), 0.02, SIZE, 960) is None
    assert zoom_box(changed(), 0.02, SIZE, 960) is None
    assert len(pictures(painted((0.1, 0.1, 0.9, 0.9)), ZOOMING, Limits())) == 1
    assert len(pictures(painted((0.5, 0.5, 0.51, 0.51)), WindowOptions(), Limits())) == 1


def test_the_strongest_small_change_is_cropped_when_the_strongest_one_is_large():
    box = zoom_box(changed((0.0, 0.0, 0.6, 0.9), (0.8, 0.5, 0.82, 0.53)), 0.02, SIZE, 960)
    assert box is not None
    assert box[0] > 0.6


def test_an_endpoint_that_takes_one_picture_gets_no_crop():
    assert len(pictures(painted((0.5, 0.5, 0.51, 0.51)), ZOOMING, Limits(pictures=1))) == 1


def test_a_crop_obeys_the_same_limits_as_a_picture():
    limits = Limits(picture_bytes=4000, cost=PictureCost("patch", 32, 2))
    for picture in pictures(painted((0.5, 0.5, 0.51, 0.51)), ZOOMING, limits):
        assert len(picture.base64) <= 4000
        assert picture.tokens == limits.cost.tokens(picture.width, picture.height)


def test_a_picture_that_is_small_itself_is_not_shown_twice_at_the_same_size():
    box = (0.4, 0.4, 0.52, 0.52)
    assert zoom_box(changed(box), 0.02, (4000, 4000), 4000) is None


def test_a_dropped_frame_leaves_its_decision_and_its_cells_only():
    judged = replace(frame(1, kept=False, same_as=0), pixels=ArrayPixels(np.zeros((90, 160, 3), np.uint8)))
    made = Reducer(WindowOptions(), Limits(), cells=True)(judged)
    assert made.pictures == ()
    assert made.thumbnail is None
    assert made.cells.shape == grid((160, 90))[::-1]
    assert Reducer(WindowOptions(), Limits())(judged).cells is None


def test_whoever_wants_an_explanation_gets_a_thumbnail_of_every_frame_and_the_mask():
    ignored = np.zeros((9, 16), np.uint8)
    judged = painted((0.5, 0.5, 0.51, 0.51))
    judged = replace(judged, mark=replace(judged.mark, ignored=ignored))
    made = Reducer(WindowOptions(), Limits(), explain=True)(judged)
    assert made.mark.ignored is ignored
    assert max(cv2.imdecode(np.frombuffer(made.thumbnail, np.uint8), cv2.IMREAD_COLOR).shape) == THUMBNAIL
    assert Reducer(WindowOptions(), Limits())(judged).mark.ignored is None


def test_pixels_reduce_their_luma_once_for_everybody():
    asked = []

    class Counting(ArrayPixels):
        def gray(self, width, height):
            asked.append((width, height))
            return super().gray(width, height)

    one = Remembered.of(replace(frame(0), pixels=Counting(np.zeros((90, 160, 3), np.uint8))))
    first, again = one.pixels.gray(16, 9), one.pixels.gray(16, 9)
    assert first is again
    assert asked == [(16, 9)]
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1
