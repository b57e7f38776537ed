"""H.265 pictures that nothing wanted is made of are left out: what comes is to the bit what decoding everything gives."""

import random

import av
import pytest

from tests.contract import clips
from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.sources import hevc, thinning
from videoscan.sources.bits import Bits, Unusual, Writer, escaped, unescaped
from videoscan.sources.pyav import PyAvOptions, PyAvSource

PICTURE = "-f lavfi -i testsrc2=size=208x160:rate=25:duration={seconds} -vf noise=alls=9:allf=t,fade=in:0:50"
X265 = "-c:v libx265 -preset {preset} -x265-params log-level=none:scenecut=0:{told}"
STREAMS = {
    "one reference.mp4": ("ultrafast", "keyint=100", ""),
    "start codes, slices.ts": ("ultrafast", "keyint=75:slices=2", ""),
    "weighted, ten bits.mkv": (
        "medium",
        "keyint=75:ref=1:bframes=4:b-adapt=0:weightp=1:weightb=1:aq-mode=0",
        "-pix_fmt yuv420p10le",
    ),
    "open.mp4": ("superfast", "keyint=40:open-gop=1:ref=1:bframes=4:b-adapt=0", ""),
    "layers, headers repeated.mp4": (
        "superfast",
        "keyint=60:temporal-layers=3:ref=1:bframes=3:b-adapt=0:repeat-headers=1:aud=1",
        "",
    ),
}
"""By name, the encoder's preset, what it is told, and the ffmpeg program."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("thinning")


def made(folder, name, seconds=5):
    preset, told, further = STREAMS[name]
    arguments = f"{PICTURE.format(seconds=seconds)} {X265.format(preset=preset, told=told)} {further}"
    target = folder / name
    return target if target.exists() else clips.ffmpeg(arguments, target)


def looked_at(path, every, snap):
    """Time and picture of every sample, and how many pictures were decoded."""
    footage = PyAvSource(PyAvOptions(threads=1)).open(str(path))
    sampler = IntervalSampler(IntervalOptions(every=every, snap=snap))
    got = [(frame.index, round(frame.time, 4), frame.pixels.frame.to_ndarray().tobytes()) for frame in footage.frames(sampler)]
    tally = footage.tally()
    return got, tally.decoded, (tally.lost, tally.flags)


@clips.needs_ffmpeg
@pytest.mark.parametrize("name", STREAMS)
def test_what_comes_is_to_the_bit_what_decoding_everything_gives(folder, name, monkeypatch):
    path = made(folder, name)
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        everything = [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]
    ways = [(every, snap) for every in (1, 1.7) for snap in (True, False)]
    thinned = [looked_at(path, *way) for way in ways]
    monkeypatch.setattr(thinning.Thinner, "plan", lambda *_: None)
    for (got, decoded, told), (before, decoded_before, told_before) in zip(
        thinned, [looked_at(path, *way) for way in ways], strict=True
    ):
        assert all(picture == everything[index] for index, _, picture in got)
        assert [each[:2] for each in got] == [each[:2] for each in before]
        assert told == told_before == ((), ())
        assert decoded <= decoded_before
    assert sum(decoded for _, decoded, _ in thinned) < 0.8 * sum(looked_at(path, *way)[1] for way in ways)


@clips.needs_ffmpeg
def test_damage_costs_no_more_than_without_it(folder, tmp_path, monkeypatch):
    data = made(folder, "one reference.mp4").read_bytes()
    chance = random.Random(3)
    hurt = []
    for number in range(8):
        changed = bytearray(data)
        for _ in range(1 + number):
            changed[chance.randrange(200, len(data) - 3000)] ^= 1 << chance.randrange(8)
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(changed)
        hurt.append(path)
    thinned = [looked_at(path, 1, False) for path in hurt]
    monkeypatch.setattr(thinning.Thinner, "plan", lambda *_: None)
    for (got, _, told), path in zip(thinned, hurt, strict=True):
        before, _, told_before = looked_at(path, 1, False)
        assert [each[:2] for each in got] == [each[:2] for each in before]
        assert sum(span.end - span.start for span in told[0]) <= sum(span.end - span.start for span in told_before[0]) + 1e-6


def test_numbers_of_any_length_are_read_as_they_were_written():
    writer = Writer()
    numbers = [0, 1, 2, 3, 7, 30, 255, 65535]
    for number in numbers:
        writer.ue(number)
    written = writer.aligned()
    bits = Bits(written)
    assert [bits.ue() for _ in numbers] == numbers
    assert unescaped(escaped(b"\0\0\0\0\0\1\0\0\3")) == b"\0\0\0\0\0\1\0\0\3"
    assert b"\0\0\1" not in escaped(b"\0\0\1\0\0\0\1")
    with pytest.raises(Unusual):
        Bits(b"\0\0").ue()


@pytest.mark.parametrize(
    ("place", "anchor", "expected"), [(250, 3, -6), (3, 250, 259), (12, 9, 12), (0, 256, 256), (255, 512, 511)]
)
def test_a_place_in_order_is_the_nearest_with_these_low_bits(place, anchor, expected):
    header = hevc.Slice(1, True, place, 8, (), frozenset(), Bits(b""), (0, 0), 0, 0)
    assert hevc.place_in_order(header, anchor) == expected
