"""Clips and reels, looked at by FFmpeg: the right pictures, the sound with them, black where it must be."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from commanding import left_over, lines
from cutouts import about, clips, numbered, reel, seen

from videoscan.clips import preview
from videoscan.clips.naming import MOST, safe
from videoscan.document import Evidence, Part, Review
from videoscan.errors import ConfigError, SourceError, SourceUnsupported

CORNER = {"exclude": [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [0.0, 0.5]]], "black_out": True}


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return numbered(tmp_path_factory.mktemp("footage") / "gate.mp4", tone_from=2.0)


# A preview


def test_a_preview_leaves_pictures_out_but_none_that_is_evidence(footage, tmp_path):
    told = about(footage, (1.24, 1.6), (2.0, 2.4), (3.96, 4.0))
    events = [replace(event, evidence=(Evidence(frame=round(event.start * 25), time=event.start),)) for event in told.events]
    path = tmp_path / "preview.mp4"
    with path.open("wb") as out:
        preview.make(
            told.model_copy(update={"events": tuple(events)}), str(footage), out, preview.Bounds(rate=2.0), lambda _: None
        )
    made = seen(path)
    assert made.numbers == [0, 13, 25, 31, 38, 50, 63, 75, 88, 99]
    assert made.times == pytest.approx([number / 25 for number in made.numbers], abs=0.001)


# Exact


def test_an_exact_clip_has_the_events_pictures_and_no_other(footage, tmp_path):
    (path,) = clips(tmp_path, about(footage, (1.2, 2.4)))
    made = seen(path)
    assert made.numbers == list(range(30, 60))
    assert made.times == pytest.approx([number / 25 for number in range(30)], abs=0.001)
    assert made.duration == pytest.approx(1.2, abs=0.03)
    assert made.size == (160, 120)
    assert not left_over(tmp_path)


def test_a_clip_that_begins_between_two_pictures_begins_with_what_is_on_screen(footage, tmp_path):
    (path,) = clips(tmp_path, about(footage, (1.21, 1.39)))
    made = seen(path)
    assert made.numbers == [30, 31, 32, 33, 34]
    assert made.times == pytest.approx([0, 0.03, 0.07, 0.11, 0.15], abs=0.002)
    assert made.duration == pytest.approx(0.18, abs=0.03)


def test_padding_shows_more_on_either_side_as_far_as_the_recording_goes(footage, tmp_path):
    made = [seen(path) for path in clips(tmp_path, about(footage, (1.2, 1.6), (3.6, 3.8)), pad="0.4,0.8")]
    assert (made[0].numbers[0], made[0].numbers[-1]) == (20, 59)
    assert (made[1].numbers[0], made[1].numbers[-1]) == (80, 99)


def test_sound_is_kept_and_stays_with_the_picture(footage, tmp_path):
    for path in clips(tmp_path / "exact", about(footage, (1.0, 3.0))) + clips(
        tmp_path / "copy", about(footage, (1.0, 3.0)), cut="copy"
    ):
        made = seen(path)
        assert made.codecs == ("h264", "aac")
        assert len(made.heard) / 48000 == pytest.approx(2.0, abs=0.06)
        assert made.loudness(0.05, 0.9) < 0.001
        assert made.loudness(1.1, 1.9) > 0.05


def test_an_instant_is_long_enough_to_be_seen(footage, tmp_path):
    (path,) = clips(tmp_path, about(footage, (1.0, 1.0)))
    assert seen(path).duration == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001", "60000/1001"])
def test_odd_rates_keep_every_picture_and_its_time(tmp_path, rate):
    source = numbered(tmp_path / "ntsc.mp4", rate=rate, frames=90)
    up, down = map(int, rate.split("/"))
    start, end = 30 * down / up, 60 * down / up
    (path,) = clips(tmp_path / "out", about(source, (start, end), duration=90 * down / up, fps=up / down))
    made = seen(path)
    assert made.numbers == list(range(30, 60))
    assert made.times == pytest.approx([number * down / up for number in range(30)], abs=0.0001)
    assert made.duration == pytest.approx(end - start, abs=0.03)


def test_a_variable_rate_stays_what_it_is(tmp_path):
    times = "setpts='if(lt(N,40),N/25,1.6+(N-40)/5)/TB'"
    source = numbered(tmp_path / "vfr.mkv", frames=50, extra=("-vf", times, "-fps_mode", "vfr", "-enc_time_base", "1/1000"))
    (path,) = clips(tmp_path / "out", about(source, (1.4, 2.6), duration=3.6))
    made = seen(path)
    assert made.numbers == [35, 36, 37, 38, 39, 40, 41, 42, 43, 44]
    assert made.times == pytest.approx([0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.4, 0.6, 0.8, 1.0], abs=0.002)
    assert made.duration == pytest.approx(1.2, abs=0.03)


def test_a_recording_on_its_side_comes_out_upright(tmp_path):
    source = numbered(tmp_path / "flat.mp4")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", source, "-metadata:s:v", "rotate=90", "-c", "copy", tmp_path / "side.mp4"], check=True
    )
    (path,) = clips(tmp_path / "out", about(tmp_path / "side.mp4", (1.0, 2.0)))
    assert seen(path).size == (120, 160)


# Copied


def test_a_copied_clip_holds_the_very_packets_from_the_keyframe_before(footage, tmp_path):
    (path,) = clips(tmp_path, about(footage, (1.6, 2.4)), cut="copy")
    made = seen(path)
    assert made.numbers[0] == 25
    assert {*range(40, 60)} <= {*made.numbers}
    assert max(made.numbers) <= 63

    def hashes(file):
        done = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", file, "-map", "0:v", "-c", "copy", "-f", "framemd5", "-"],
            check=True,
            capture_output=True,
            text=True,
        )
        return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if not line.startswith("#")]

    ours, all_of_it = hashes(path), hashes(footage)
    assert all_of_it[25 : 25 + len(ours)] == ours


def test_what_cannot_be_copied_says_so_and_is_cut_exactly_instead(tmp_path):
    source = numbered(tmp_path / "raw.h264", extra=("-f", "h264"))
    with pytest.raises(SourceUnsupported, match="carry no times"):
        clips(tmp_path / "out", about(source, (1.0, 2.0)), cut="copy", missing=lambda _: None)
    assert len(clips(tmp_path / "out", about(source, (1.0, 2.0)))) == 1


# What must stay black


@pytest.mark.parametrize("end", [1.4, 2.4])
def test_what_is_blacked_out_is_black_in_every_picture_of_a_clip(footage, tmp_path, end):
    (path,) = clips(tmp_path, about(footage, (1.2, end), regions=CORNER))
    assert seen(path, (0, 0, 78, 58)).lightest <= 17
    assert seen(path, (0, 64, 160, 120)).numbers == list(range(30, round(end * 25)))


def test_a_reel_is_black_there_too_and_a_copy_is_refused(footage, tmp_path):
    reel(tmp_path / "reel.mp4", about(footage, (1.2, 1.6), regions=CORNER))
    assert seen(tmp_path / "reel.mp4", (0, 0, 78, 58)).lightest <= 17
    with pytest.raises(ConfigError, match=r"regions\.black_out"):
        clips(tmp_path / "out", about(footage, (1.2, 1.6), regions=CORNER), cut="copy")
    assert not (tmp_path / "out").exists()


def test_regions_that_are_only_ignored_are_shown_and_copied(footage, tmp_path):
    shown = {**CORNER, "black_out": False}
    assert len(clips(tmp_path, about(footage, (1.2, 1.6), regions=shown), cut="copy")) == 1


@pytest.mark.parametrize(
    "regions", [{"black_out": True}, {"exclude": "everything", "black_out": True}, {"exclude": [[[0, 0], [1, 1]]]}]
)
def test_regions_that_cannot_be_read_show_nothing(footage, tmp_path, regions):
    with pytest.raises(SourceUnsupported, match="not known what must be black"):
        clips(tmp_path, about(footage, (1.2, 1.6), regions=regions), missing=lambda _: None)
    assert not list(tmp_path.glob("*.mp4"))


def test_an_answer_about_another_folders_pictures_obeys_that_folders_profile(footage, tmp_path):
    first = about(footage, (1.2, 1.6), regions=CORNER)
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "timeline.json").write_text(first.to_json())
    again = about(footage, (1.2, 1.6))
    again = again.model_copy(update={"source": again.source.model_copy(update={"kept_from": str(tmp_path / "first")})})
    (path,) = clips(tmp_path / "out", again)
    assert seen(path, (0, 0, 78, 58)).lightest <= 17
    (tmp_path / "first" / "timeline.json").unlink()
    with pytest.raises(SourceUnsupported, match="what its first scan blacked out is not known"):
        clips(tmp_path / "other", again, missing=lambda _: None)


def test_ffprobe_finds_nothing_wrong_with_clip_and_reel(footage, tmp_path):
    reel(tmp_path / "reel.mp4", about(footage, (0.4, 0.8)))
    for path in (
        *clips(tmp_path / "a", about(footage, (1.0, 2.0))),
        *clips(tmp_path / "b", about(footage, (1.0, 2.0)), cut="copy"),
        tmp_path / "reel.mp4",
    ):
        done = subprocess.run(
            ["ffmpeg", "-v", "warning", "-xerror", "-i", path, "-f", "null", "-"], capture_output=True, text=True, check=True
        )
        assert not done.stderr


# Names


def test_names_carry_the_camera_the_wall_time_and_what_happened(footage, tmp_path):
    night = about(
        footage, (1.2, 1.6, "Man: opens/closes door?"), (1.2, 1.6, "man: opens/closes door?"), clock="2026-11-21T22:00:00+01:00"
    )
    assert [path.name for path in clips(tmp_path, night)] == [
        "Gate 2026-11-21 22-00-01 Man- opens-closes door-.mp4",
        "Gate 2026-11-21 22-00-01 man- opens-closes door- (2).mp4",
    ]
    assert [path.name for path in clips(tmp_path / "b", about(footage, (1.2, 1.6, "x"), camera=None))] == ["gate 00-00-01 x.mp4"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("a\x00b\nc\td", "ab c d"),
        ("\u202egnp.exe", "gnp.exe"),
        ("con", "_con"),
        ("LPT1.txt", "_LPT1.txt"),
        ("-rf ~", "rf ~"),
        (" . ", "clip"),
        ("", "clip"),
        ('<>:"|?*', "clip"),
        ("一名男子 🦊", "一名男子 🦊"),
        ("\ud800x", "x"),
    ],
)
def test_names_are_safe_on_every_file_system(text, name):
    assert safe(text) == name


@pytest.mark.parametrize("text", ["一" * 300, "x" * 300, "🦊" * 99])
def test_long_names_are_cut_at_a_character(text):
    assert len(safe(text).encode()) <= MOST
    assert set(safe(text)) == set(text)


# What is not there


def test_an_event_that_a_person_rejected_is_not_shown(footage, tmp_path):
    night = about(footage, (1.0, 1.4), (2.0, 2.4))
    rejected = night.events[0].model_copy(update={"review": Review(state="rejected")})
    made = reel(tmp_path / "reel.mp4", night.model_copy(update={"events": (rejected, night.events[1])}))
    assert made.numbers == list(range(50, 60))


def test_joined_recordings_are_cut_from_the_files_that_an_event_lies_in(footage, tmp_path):
    other = numbered(tmp_path / "second.mp4", frames=50)
    night = about(footage, (3.8, 6.4), duration=8.0)
    parts = (Part(uri=str(footage), start=0, duration=4), Part(uri=str(other), start=6, duration=2))
    night = night.model_copy(update={"source": night.source.model_copy(update={"parts": parts})})
    made = [seen(path) for path in clips(tmp_path / "out", night)]
    assert [video.numbers for video in made] == [list(range(95, 100)), list(range(10))]
    assert reel(tmp_path / "reel.mp4", night).numbers == [*range(95, 100), *range(10)]


def test_a_joined_file_whose_beginning_was_shown_already_is_cut_where_the_picture_is(footage, tmp_path):
    parts = (Part(uri=str(footage), start=0, duration=4), Part(uri=str(footage), start=4, duration=3, skipped=1))
    night = about(footage, (4.2, 4.6), duration=7.0)
    night = night.model_copy(update={"source": night.source.model_copy(update={"parts": parts})})
    (path,) = clips(tmp_path / "out", night)
    assert seen(path).numbers == list(range(30, 40))


def test_footage_that_is_gone_costs_only_its_own_clips(footage, tmp_path):
    heard: list[str] = []
    gone = about(tmp_path / "gone.mp4", (1.0, 2.0, "Lost"))
    assert len(clips(tmp_path / "a", gone, about(footage, (1.0, 1.4)), missing=heard.append)) == 1
    assert len(heard) == 1
    assert "'Lost'" in heard[0]
    assert "gone.mp4" in heard[0]
    with pytest.raises(SourceError, match=r"gone\.mp4"):
        clips(tmp_path / "b", gone, missing=heard.append)
    assert reel(tmp_path / "reel.mp4", gone, about(footage, (1.0, 1.4)), missing=heard.append).numbers == list(range(25, 35))


@pytest.mark.parametrize("uri", ["rtsp://user:pass@camera/1", "https://host/a.mp4", ""])
def test_a_live_source_cannot_be_cut_and_says_so(tmp_path, uri):
    with pytest.raises(SourceError):
        clips(tmp_path, about(uri, (1.0, 2.0)), missing=lambda _: None)


# The command


@pytest.fixture
def folders(footage, tmp_path):
    for name, spans in (("gate", [(1.0, 1.4, "One"), (2.0, 2.4, "Two")]), ("gone", [(1.0, 1.4, "Three")])):
        (tmp_path / "out" / name).mkdir(parents=True)
        film = footage if name == "gate" else tmp_path / "gone.mp4"
        (tmp_path / "out" / name / "timeline.json").write_text(about(film, *spans, camera=name).to_json())
    return tmp_path / "out"


def test_the_command_writes_clips_into_a_folder_and_tells_each(videoscan, folders, tmp_path):
    code, out, _ = videoscan("export", folders / "gate", "--to", "clips", "-o", tmp_path / "clips", "--pad", "0.2", "--json")
    *files, total = lines(out)
    assert code == 0
    assert sorted(line["written"] for line in files) == sorted(map(str, (tmp_path / "clips").iterdir()))
    assert total == {"total": {"timelines": 1, "written": 2}}


def test_the_command_says_what_is_missing_with_code_6_and_3_when_all_is(videoscan, folders, tmp_path):
    code, _, err = videoscan("export", folders, "--to", "reel", "-o", tmp_path / "reel.mp4")
    assert code == 6
    assert "'Three' is not in the reel" in err
    assert seen(tmp_path / "reel.mp4").numbers == [*range(25, 35), *range(50, 60)]
    code, _, err = videoscan("export", folders / "gone", "--to", "clips", "-o", tmp_path / "clips")
    assert code == 3
    code, _, err = videoscan("export", folders / "gone", "--to", "reel", "-o", tmp_path / "other.mp4")
    assert code == 3
    assert not (tmp_path / "other.mp4").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "clips"], "-o FOLDER"),
        (["--to", "reel"], "-o FILE"),
        (["--to", "csv", "--pad", "3"], "--pad means nothing to csv"),
        (["--to", "reel", "--cut", "copy", "-o", "x.mp4"], "--cut means nothing to reel"),
        (["--to", "clips", "--pad", "soon", "-o", "x"], "soon"),
        (["--to", "clips", "--pad", "1,2,3", "-o", "x"], "BEFORE,AFTER"),
    ],
)
def test_a_command_that_cannot_be_meant_is_exit_code_2(videoscan, folders, arguments, said):
    code, out, err = videoscan("export", folders / "gate", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_selection_without_events_writes_no_clip_and_is_no_fault(videoscan, folders, tmp_path):
    code, _, err = videoscan("export", folders / "gate", "--to", "clips", "-o", tmp_path / "clips", "--text", "nothing")
    assert code == 0
    assert "no event is in this selection" in err


def test_scan_takes_no_format_that_is_many_files(videoscan, footage, tmp_path):
    code, _, err = videoscan("scan", footage, "--to", "clips", "--out", tmp_path / "out")
    assert code == 2
    assert "videoscan export" in err
    assert not (tmp_path / "out").exists()
