"""What a pass leaves on disk, so that nothing is decoded twice."""

import json
import os
import resource
from dataclasses import replace

import pytest
from building import frame, samples

from videoscan.config import WindowOptions
from videoscan.errors import StoreError
from videoscan.folder import OutputFolder
from videoscan.model import Lost, SourceInfo, Tally
from videoscan.reading.sampling import SAMPLING, SamplingStore, latest
from videoscan.reading.spec import CoreSpec
from videoscan.seams import Limits

INFO = SourceInfo("/footage/夜.mp4", 640, 360, 25.0, flags=("assumed",), declared_duration=600.0, seekable=True)
TALLY = Tally(600.0, 20, (Lost(3.0, 4.0, "damaged"),), ("odd",), next_index=20)


def some(first, count=4):
    frames = [frame(first, noise=1), *(frame(first + n, kept=False, same_as=first) for n in range(1, count))]
    return list(samples(frames))


def kept(folder, spans, key="k"):
    store = SamplingStore(folder, key)
    store.begin(INFO)
    for number, span in enumerate(spans):
        store.remember(span, [store.keep(sample) for sample in some(10 * number)], replace(TALLY, duration=float(number)))
    return store


def test_what_was_kept_comes_back_as_it_was(tmp_path):
    kept(tmp_path, [(0.0, 300.0), (300.0, None)])
    store = SamplingStore(tmp_path, "k")
    assert store.info == INFO
    assert store.spans() == [(0.0, 300.0), (300.0, None)]
    assert store.tally((300.0, None)) == replace(TALLY, duration=1.0)
    back = list(store.recall((300.0, None), base64=True))
    for sample, again in zip(some(10), back, strict=True):
        assert again.mark == replace(sample.mark, region=None)
        assert again.keyframe == sample.keyframe
        assert again.pictures == sample.pictures
    assert next(store.recall((0.0, 300.0), base64=False)).pictures[0].base64 == b""


def test_a_sampling_of_something_else_is_forgotten(tmp_path):
    kept(tmp_path, [(0.0, None)])
    other = SamplingStore(tmp_path, "another key")
    assert other.info is None
    assert not other.has((0.0, None))
    other.begin(INFO)
    assert latest(tmp_path) is None


def test_a_last_line_that_is_torn_anywhere_costs_only_its_own_segment(tmp_path):
    kept(tmp_path, [(0.0, 300.0), (300.0, 600.0)])
    path = tmp_path / SAMPLING
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for size in range(last, len(whole), 7):
        path.write_bytes(whole[:size])
        store = SamplingStore(tmp_path, "k")
        assert store.has((0.0, 300.0))
        assert not store.has((300.0, 600.0))
        store.begin(INFO)
        store.remember((300.0, 600.0), [store.keep(sample) for sample in some(10)], TALLY)
        assert SamplingStore(tmp_path, "k").has((300.0, 600.0))


def test_what_a_power_cut_left_in_the_middle_costs_only_its_own_segment(tmp_path):
    store = kept(tmp_path, [(0.0, 300.0), (300.0, 600.0), (600.0, None)])
    store.end()
    path = tmp_path / SAMPLING
    header, first, second, *rest = path.read_bytes().splitlines(keepends=True)
    for garbage in (
        bytes(900) + b"\n",
        second[:60] + bytes(900) + second[60:],
        b"\xff\x00\x80\n",
        b"[" * 9000 + b"}\n",
        second[:50] + b"}\n",
    ):
        path.write_bytes(b"".join([header, first, garbage, *rest]))
        store = SamplingStore(tmp_path, "k")
        assert store.has((0.0, 300.0))
        assert not store.has((300.0, 600.0))
        assert store.has((600.0, None))
        assert not store.whole
    path.write_bytes(bytes(900) + b"\n" + first + second)
    assert SamplingStore(tmp_path, "k").info is None


def test_a_full_disk_leaves_nothing_of_the_line_that_did_not_fit(tmp_path):
    store = kept(tmp_path, [(0.0, 300.0)])
    before = (tmp_path / SAMPLING).read_bytes()
    rows = [store.keep(sample) for sample in some(10)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
    try:
        with pytest.raises(StoreError, match="free some space"):
            store.remember((300.0, None), rows, TALLY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / SAMPLING).read_bytes() == before
    assert not store.has((300.0, None))
    store.remember((300.0, None), rows, TALLY)
    assert SamplingStore(tmp_path, "k").has((300.0, None))


def test_only_a_pass_that_came_to_its_end_is_whole(tmp_path):
    store = kept(tmp_path, [(0.0, 300.0), (300.0, None)])
    assert not store.whole
    store.end()
    store.end()
    again = SamplingStore(tmp_path, "k")
    assert store.whole
    assert again.whole
    assert (tmp_path / SAMPLING).read_bytes().count(b"complete") == 1
    (tmp_path / "holes").mkdir()
    holes = kept(tmp_path / "holes", [(0.0, 300.0), (600.0, None)])
    holes.end()
    assert not holes.whole


def test_a_segment_whose_picture_is_gone_cut_off_or_another_is_read_again(tmp_path):
    spans = [(0.0, 300.0), (300.0, 600.0), (600.0, None)]
    store = kept(tmp_path, spans)
    first, second, third = sorted((tmp_path / "frames").iterdir())
    first.unlink()
    second.write_bytes(b"half")
    third.write_bytes(bytes(third.stat().st_size))  # a power cut leaves a file's length without its content
    for span in spans:
        assert not store.has(span)
        assert [sample.pictures for sample in store.recall(span, base64=True)] == [()] * 4


def test_the_last_sampling_is_found_whatever_it_is_one_of(tmp_path):
    assert latest(tmp_path) is None
    kept(tmp_path, [(0.0, None)], key="whatever")
    found = latest(tmp_path)
    assert found is not None
    assert found.info == INFO


def test_a_person_can_read_it(tmp_path):
    kept(tmp_path, [(0.0, None)])
    header, line = map(json.loads, (tmp_path / SAMPLING).read_text(encoding="utf-8").splitlines())
    assert header["info"]["uri"] == "/footage/夜.mp4"
    assert [(row["frame"], row["kept"], row["same_as"]) for row in line["samples"]][:2] == [(0, True, None), (1, False, 0)]


def spec(**changes):
    made = CoreSpec("/v.mp4", {"kind": "pyav"}, {"kind": "interval"}, {"kind": "tiles"}, WindowOptions(), Limits())
    return replace(made, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"uri": "/w.mp4"},
        {"version": "other"},
        {"sampler": {"kind": "interval", "every": 2.0}},
        {"dedup": {"kind": "phash"}},
        {"windows": WindowOptions(long_side=640)},
        {"windows": WindowOptions(zoom=0.02)},
        {"start": 3.0},
        {"limits": Limits(picture_bytes=100_000)},
    ],
)
def test_the_key_depends_on_all_that_a_sampling_depends_on(changes):
    assert spec(**changes).key() != spec().key()


@pytest.mark.parametrize("changes", [{"parallel": 4}, {"windows": WindowOptions(max_frames=3, max_seconds=5)}, {"store": None}])
def test_and_on_nothing_else(changes):
    assert spec(**changes).key() == spec().key()


def test_only_one_process_may_write_into_a_folder(tmp_path):
    with OutputFolder(tmp_path).lock():
        with (
            pytest.raises(StoreError, match=rf"another videoscan \(process {os.getpid()} on .+\) is writing into") as told,
            OutputFolder(tmp_path).lock(),
        ):
            pass
        assert "--out" in told.value.hint
    with OutputFolder(tmp_path).lock():
        pass
    assert list(tmp_path.iterdir()) == []
