"""How kept frames become windows, and how a picture is made to fit."""

from __future__ import annotations

import base64
import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from building import frame, samples

from videoscan.config import WindowOptions
from videoscan.errors import ConfigError
from videoscan.model import PictureCost, Reason
from videoscan.reading.reducing import encode
from videoscan.seams import Limits
from videoscan.windows import windows

MAGIC = {"jpeg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n", "webp": b"RIFF", "bmp": b"BM", "tiff": (b"II*\0", b"MM\0*")}


def group(frames, *, duration=1000.0, limits=None, **options):
    settled, limits = WindowOptions(**options), limits or Limits()
    return list(windows(samples(frames, settled, limits), settled, limits, duration=lambda: duration))


def shown(made):
    return [[picture.frame for picture in window.pictures] for window in made]


def test_a_window_is_full_at_max_frames_and_the_overlap_is_shown_again():
    made = group([frame(i) for i in range(8)], max_frames=4, overlap_frames=1, max_seconds=1000)
    assert shown(made) == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7]]
    assert [window.overlap for window in made] == [0, 1, 1]
    assert [window.index for window in made] == [0, 1, 2]


def test_without_overlap_every_frame_is_shown_once():
    made = group([frame(i) for i in range(8)], max_frames=4, overlap_frames=0, max_seconds=1000)
    assert shown(made) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_window_ends_where_the_next_ones_first_new_picture_begins_and_the_last_at_the_sources_end():
    made = group([frame(i) for i in range(5)], max_frames=3, overlap_frames=1, duration=9.5)
    assert [(window.start, window.end) for window in made] == [(0, 3), (2, 9.5)]


def test_a_window_closes_after_max_seconds_counted_from_its_first_new_picture():
    made = group([frame(i) for i in range(0, 100, 10)], max_frames=50, overlap_frames=1, max_seconds=30)
    assert shown(made) == [[0, 10, 20], [20, 30, 40, 50], [50, 60, 70, 80], [80, 90]]


def test_a_cut_closes_the_window_and_is_not_overlapped():
    frames = [frame(i, reason=Reason.CUT if i == 3 else None) for i in range(6)]
    assert shown(group(frames, overlap_frames=1)) == [[0, 1, 2], [3, 4, 5]]
    assert shown(group(frames, overlap_frames=1, close_at_cut=False)) == [[0, 1, 2, 3, 4, 5]]


def test_dropped_frames_stay_with_the_window_of_what_stands_for_them():
    frames = [frame(0), frame(1, kept=False, same_as=0), frame(2), frame(3, kept=False, same_as=2), frame(4)]
    made = group(frames, max_frames=2, overlap_frames=1)
    assert shown(made) == [[0, 2], [2, 4]]
    assert [[mark.frame for mark in window.marks] for window in made] == [[0, 1, 2, 3], [2, 3, 4]]


def test_nothing_happening_for_hours_is_one_window_with_one_picture():
    frames = [frame(0), *(frame(i, kept=False, same_as=0) for i in range(1, 500))]
    made = group(frames, max_seconds=60, duration=500.0)
    assert shown(made) == [[0]]
    assert made[0].end == 500.0
    assert len(made[0].marks) == 500


def test_no_frames_make_no_window():
    assert group([]) == []


def test_a_describers_own_limit_on_pictures_counts_when_it_is_lower():
    made = group([frame(i) for i in range(5)], limits=Limits(pictures=2), max_frames=12, overlap_frames=1)
    assert shown(made) == [[0, 1], [1, 2], [2, 3], [3, 4]]


def test_one_picture_per_window_leaves_no_room_for_an_overlap():
    assert shown(group([frame(i) for i in range(3)], limits=Limits(pictures=1), overlap_frames=1)) == [[0], [1], [2]]


def test_tokens_close_a_window_and_push_the_overlap_out_when_it_does_not_fit():
    cost = Limits(cost=PictureCost("flat", base=100), tokens=250)
    assert shown(group([frame(i) for i in range(5)], limits=cost, overlap_frames=1)) == [[0, 1], [1, 2], [2, 3], [3, 4]]
    tight = Limits(cost=PictureCost("flat", base=100), tokens=150)
    assert shown(group([frame(i) for i in range(3)], limits=tight, overlap_frames=1)) == [[0], [1], [2]]


def test_the_profiles_own_token_limit_counts_too():
    limits = Limits(cost=PictureCost("flat", base=100))
    assert shown(group([frame(i) for i in range(4)], limits=limits, overlap_frames=0, max_tokens=200)) == [[0, 1], [2, 3]]


def test_the_body_stays_under_its_limit_of_base64_bytes():
    frames = [frame(i, noise=1) for i in range(6)]
    one = len(encode(frames[0], WindowOptions(), Limits()).base64)
    made = group(frames, limits=Limits(body_bytes=int(one * 2.5)), overlap_frames=1)
    assert all(sum(len(picture.base64) for picture in window.pictures) <= one * 2.5 for window in made)
    assert sorted({i for window in shown(made) for i in window}) == list(range(6))
    assert max(map(len, shown(made))) == 2


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "bmp", "tiff"])
def test_the_declared_type_matches_the_bytes_and_the_base64_is_one_padded_line(name):
    picture = encode(frame(3), WindowOptions(format=name), Limits())
    assert picture.media_type == f"image/{name}"
    assert picture.data.startswith(MAGIC[name])
    assert base64.b64decode(picture.base64, validate=True) == picture.data
    assert b"\n" not in picture.base64
    assert cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR).shape == (36, 64, 3)
    assert picture.name == f"00000003.{'jpg' if name == 'jpeg' else name}"


def test_nothing_is_encoded_for_sending_that_is_not_sent():
    picture = encode(frame(3), WindowOptions(), Limits(sends=False))
    assert picture.base64 == b""
    assert picture.data.startswith(MAGIC["jpeg"])


def test_the_longer_side_is_shrunk_and_never_enlarged():
    big = frame(0, size=(720, 1280))
    for long_side, size in ((640, (640, 360)), (4000, (1280, 720))):
        picture = encode(big, WindowOptions(long_side=long_side), Limits())
        assert (picture.width, picture.height) == size


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "bmp"])
def test_a_picture_over_the_endpoints_limit_is_encoded_smaller(name):
    noisy = frame(1, size=(720, 1280), noise=1)
    whole = encode(noisy, WindowOptions(format=name), Limits())
    limit = len(whole.base64) // 5
    small = encode(noisy, WindowOptions(format=name), Limits(picture_bytes=limit))
    assert len(small.base64) <= limit
    assert math.isclose(small.width / small.height, 1280 / 720, rel_tol=0.02)
    # Not needlessly small either: at least a quarter of what was allowed is used.
    assert len(small.base64) > limit / 4


def test_a_limit_that_nothing_can_meet_is_a_clear_error():
    with pytest.raises(ConfigError, match="limit of 100 Base64 bytes"):
        encode(frame(1, noise=1), WindowOptions(), Limits(picture_bytes=100))


def test_a_format_the_endpoint_does_not_take_becomes_jpeg():
    picture = encode(frame(1), WindowOptions(format="tiff"), Limits(formats=frozenset({"image/jpeg", "image/png"})))
    assert picture.media_type == "image/jpeg"
    assert picture.data.startswith(MAGIC["jpeg"])


def test_one_pixel_can_be_encoded():
    assert encode(frame(0, size=(1, 1)), WindowOptions(), Limits()).width == 1


@pytest.mark.parametrize(
    ("cost", "size", "tokens"),
    [
        (PictureCost("patch", 32, base=2), (640, 360), 222),  # Qwen3-VL: 20 * 11 + 2 markers, measured on llama.cpp
        (PictureCost("patch", 28), (640, 360), 23 * 13),
        (PictureCost("tile", 512, base=85, each=170), (1024, 1024), 765),  # OpenAI's own example
        (PictureCost("tile", 512, base=85, each=170), (2048, 4096), 1105),  # and its second one
        (PictureCost("flat", base=258), (3000, 10), 258),
    ],
)
def test_picture_costs_follow_the_vendors_formulas(cost, size, tokens):
    assert cost.tokens(*size) == tokens


def with_crop(index, **more):
    """A kept sample with its picture and a crop of it."""
    (made,) = samples([frame(index, noise=1, **more)])
    picture = made.pictures[0]
    return replace(made, pictures=(picture, replace(picture, zoom_of=picture.frame, width=8, height=8)))


def crops(given, limits=None, **options):
    settled = WindowOptions(**options)
    return list(windows(given, settled, limits or Limits(), duration=lambda: 1000.0))


def test_crops_go_with_their_frames_and_count_where_the_endpoint_counts_pictures():
    given = [with_crop(index) for index in range(4)]
    made = crops(given, max_frames=3, overlap_frames=1)
    assert shown(made) == [[0, 0, 1, 1, 2, 2], [2, 2, 3, 3]]
    assert [window.overlap for window in made] == [0, 1]
    few = crops(given, limits=Limits(pictures=4), max_frames=3, overlap_frames=1)
    assert shown(few) == [[0, 0, 1, 1], [1, 1, 2, 2], [2, 2, 3, 3]]
    assert shown(crops(given[:2], limits=Limits(pictures=1), max_frames=3)) == [[0], [1]]


def test_a_window_that_chooses_is_as_long_as_its_time_and_shows_what_covers_it():
    given = list(samples([frame(index) for index in range(40)]))
    made = crops(given, choose=True, max_frames=5, max_seconds=20, overlap_frames=1)
    assert [len(window.pictures) for window in made] == [4, 5]
    assert [(window.start, window.overlap) for window in made] == [(0, 0), (19, 1)]
    marks = {mark.frame: mark for window in made for mark in window.marks}
    assert len(marks) == 40
    assert sum(mark.reason is Reason.THINNED for mark in marks.values()) == 40 - 8
    for window in made:
        times = [picture.time for picture in window.pictures]
        assert times == sorted(times)
