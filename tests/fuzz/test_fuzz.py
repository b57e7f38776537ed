"""A sample of the damaged clips, and proof that the run would see what it is there to see. All of it: ``make fuzz``."""

from __future__ import annotations

import json
import sys
import textwrap
from dataclasses import replace

import av
import pytest

from tests.fuzz import clips, oracle, runner
from tests.fuzz.cases import DAMAGED, FURTHER, Case, case, mutated, sample
from tests.fuzz.mutations import KINDS, Mutated
from tests.fuzz.reading import Pass, Truth, Witness, dense, truth, witness
from tests.fuzz.table import ALIASES, CONTAINERS, MAIN, PAIRS, RECIPES, UNUSABLE_ENCODERS, UNUSABLE_MUXERS
from videoscan.errors import SourceUnsupported


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz-clips")


def test_a_sample_of_damaged_clips_in_every_codec_and_container(folder):
    chosen = sorted(sample(), key=lambda number: case(number).recipe.name)
    assert len(chosen) < 130
    results = runner.run(chosen, runner.worker(folder), workers=2, told=lambda result: None)
    assert [result["case"] for result in results] == sorted(chosen)
    told = runner.summary(results)
    assert not [result for result in results if result["outcome"] in {"bug", "absent"}], told
    assert {result["outcome"] for result in results} == {"frames", "lossy", "error"}, told


def test_what_longer_runs_found_is_told_as_lost(folder):
    # An ASF demuxer that goes on elsewhere in the file, nine pictures later, complains of nothing.
    (result,) = runner.run([13098], runner.worker(folder), workers=1, told=lambda result: None)
    assert result["outcome"] == "lossy", result["problems"]


def test_a_case_is_the_same_wherever_it_runs(folder, tmp_path):
    for name in ("h264-mp4-b.mp4", "h264-matroska-b.mkv", "mpeg2video-mxf-tape.mxf", "vp8-ogg-ogg.ogv", "hevc-mpegts-cam.ts"):
        assert clips.make(RECIPES[name], folder).read_bytes() == clips.make(RECIPES[name], tmp_path).read_bytes(), name
    for number in (0, 7, 123, 1999, DAMAGED, FURTHER + 5):
        given = case(number)
        assert given == case(number)
        assert mutated(given, bytes(range(256)) * 40, folder) == mutated(given, bytes(range(256)) * 40, tmp_path)


def test_every_kind_of_damage_damages(folder):
    clean = clips.make(RECIPES["h264-mp4-b.mp4"], folder).read_bytes()
    for kind in KINDS:
        given = Case(1, RECIPES["h264-mp4-b.mp4"], kind, "pyav", "dense", whole=False)
        assert mutated(given, clean, folder).data != clean, kind


HARDWARE = ("_amf", "_mediacodec", "_mf", "_nvenc", "_omx", "_qsv", "_v4l2m2m", "_vaapi", "_videotoolbox", "_vulkan", "_d3d12va")


def test_every_encoder_and_container_of_this_ffmpeg_is_in_the_table_or_it_says_why_not(tmp_path):
    used = {recipe.codec for recipe in (*MAIN, *PAIRS)}
    missing = [name for name in _encoders() if name not in used | ALIASES.keys() | UNUSABLE_ENCODERS.keys()]
    assert not missing, f"make clips with these, or say in UNUSABLE_ENCODERS why not: {missing}"
    missing = [name for name in _muxers(tmp_path) if name not in CONTAINERS.keys() | UNUSABLE_MUXERS.keys()]
    assert not missing, f"make clips in these, or say in UNUSABLE_MUXERS why not: {missing}"


def _encoders():
    for name in sorted(av.codecs_available):
        try:
            codec = av.Codec(name, "w")
        except ValueError:
            continue
        if codec.type == "video" and not name.endswith(HARDWARE):
            yield name


def _muxers(tmp_path):
    for name in sorted(av.formats_available):
        try:
            av.ContainerFormat(name, "w")
        except ValueError:
            continue
        if av.open(str(tmp_path / "nothing"), "w", format=name).default_video_codec != "none":
            yield name


CHILD = """
import json, os, sys, time
print(json.dumps({"ready": os.getpid()}), flush=True)
for line in sys.stdin:
    number = int(line)
    print(json.dumps({"case": number, "stage": "scan"}), flush=True)
    if number == 1: os.abort()
    if number == 2: time.sleep(600)
    if number == 3: held = bytearray(os.urandom(1 << 20)) * 400; time.sleep(600)
    if number == 4:
        while True: pass
    if number == 5 and not os.path.exists(sys.argv[1]): open(sys.argv[1], "w").close(); os.abort()
    print(json.dumps({"case": number, "what": "", "outcome": "frames", "problems": [], "memory": 0, "cpu": 0.0}), flush=True)
"""


def test_a_child_that_crashes_hangs_or_takes_too_much_is_a_bug_of_that_case_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "STALLED", 5.0)
    monkeypatch.setattr(runner, "SECONDS", 0.3)
    monkeypatch.setattr(runner, "GROWTH", 100 << 20)
    script = tmp_path / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    command = [sys.executable, str(script), str(tmp_path / "crashed-once")]
    results = runner.run(range(8), command, workers=2, told=lambda result: None)
    assert [result["case"] for result in results] == list(range(8))
    problems = {result["case"]: result["problems"][0] for result in results if result["outcome"] == "bug"}
    assert problems.keys() == {1, 2, 3, 4}, "what happens once and not again, alone, is the fault of a case before it"
    assert "crashed (signal 6)" in problems[1]
    assert "did not come to an end" in problems[2]
    assert "MiB of memory" in problems[3]
    assert "of the processor" in problems[4]
    assert "again: python -m tests.fuzz --case 1 2 3 4" in runner.summary(results)


@pytest.fixture(scope="module")
def holed(folder, tmp_path_factory):
    """A pass over a clip with a hole in its middle, and what the oracle holds it against."""
    given = Case(0, RECIPES["h264-mp4-vfr.mp4"], "zeros", "pyav", "dense", whole=False)
    clean = clips.make(given.recipe, folder)
    data = bytearray(clean.read_bytes())
    start, end = len(data) * 5 // 10, len(data) * 6 // 10
    data[start:end] = bytes(end - start)
    path = tmp_path_factory.mktemp("holed") / "holed.mp4"
    path.write_bytes(data)
    done = Mutated(bytes(data), "zeroed", ((start, end),))
    return given, dense(path, "pyav"), truth(clean, "pyav", folder), done, witness(path, "pyav")


def complaints(given: Case, found: Pass, true: Truth, done: Mutated, seen: Witness) -> list[str]:
    return [*oracle.promises(found), *oracle.against_witness(given, found, seen), *oracle.against_truth(given, found, true, done)]


def test_the_oracle_has_nothing_to_say_of_an_honest_pass(holed):
    assert holed[1].lost
    assert complaints(*holed) == []


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        (lambda found: {"lost": []}, "neither delivered nor lost"),
        (
            lambda found: {"times": found.times[:30], "indices": found.indices[:30], "numbers": found.numbers[:30]},
            "a plain loop decodes",
        ),
        (lambda found: {"duration": found.times[-1]}, "do not lie in"),
        (lambda found: {"duration": found.duration + 60}, "the source ends at"),
        (lambda found: {"times": [*found.times[1::-1], *found.times[2:]]}, "time runs back"),
        (lambda found: {"indices": [0, *found.indices[:-1]]}, "indices do not rise"),
        (lambda found: {"numbers": [found.numbers[1], *found.numbers[1:]]}, "at other times than in the clean clip"),
        (lambda found: {"lost": [(1.0, 99.0, "damaged")]}, "does not lie in"),
        (lambda found: {"lost": [(*span[:2], "") for span in found.lost]}, "has the reason ''"),
    ],
)
def test_the_oracle_sees_a_lie(holed, lie, told):
    given, found, *rest = holed
    assert any(told in complaint for complaint in complaints(given, replace(found, **lie(found)), *rest))


def test_the_oracle_wants_an_error_that_names_the_file_and_helps():
    good = SourceUnsupported("'/a/b.mp4' is empty (0 bytes)", hint="fetch it again")
    assert list(oracle.error(good, "/a/b.mp4", Witness(()))) == []
    assert "does not name" in " ".join(oracle.error(good, "/a/c.mp4", Witness(())))
    assert "no hint" in " ".join(oracle.error(SourceUnsupported("/a/b.mp4 is bad"), "/a/b.mp4", Witness(())))
    assert "a plain loop decodes 3" in " ".join(oracle.error(good, "/a/b.mp4", Witness((0.0, 0.1, 0.2))))


def test_results_survive_as_lines(folder):
    (result,) = runner.run([DAMAGED], runner.worker(folder), workers=1, told=lambda result: None)
    assert json.loads(json.dumps(result)) == result
    assert (result["outcome"], result["frames"], result["lost"]) == ("frames", 60, 0)
