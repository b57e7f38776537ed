"""plan, frames, export, profiles, doctor and demo as their users meet them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from commanding import ENTRY, FEW, bad_file, film, left_over, lines
from shared import hold_to_contract

from videoscan import cli
from videoscan.testing.model_server import ModelServer

# --- plan


def test_a_plan_counts_what_a_scan_would_send_and_sends_nothing(videoscan, clip, tmp_path):
    model = ("--model", "qwen3-vl-test", *FEW, "--out", tmp_path)
    with ModelServer.in_thread(models=["qwen3-vl-test"]) as server:
        code, out, _ = videoscan("plan", clip, "--endpoint", server.url, *model, "--json")
        assert code == 0
        assert server.requests == []
        (planned,) = lines(out)
        videoscan("scan", clip, "--endpoint", server.url, *model)
    timeline = json.loads((tmp_path / "match" / "timeline.json").read_text())
    assert planned["windows"] == planned["requests"] == len(timeline["windows"])
    assert planned["images"] == timeline["usage"]["images"]
    assert planned["image_bytes"] == timeline["usage"]["image_bytes"] > 0
    assert planned["frames"] == timeline["frames"]
    assert planned["tokens"]["prompt"] == planned["tokens"]["pictures"] + planned["tokens"]["text"] > 0


def test_a_plan_without_an_endpoint_says_whom_its_figures_are_for(videoscan, clip, tmp_path, monkeypatch):
    # The options of a scan are taken, so that the same line can be tried first.
    monkeypatch.chdir(tmp_path)
    scans = ("--to", "csv", "--fresh", "--library", "all.db", "--log-calls", "calls.jsonl")
    code, out, err = videoscan("plan", clip, *scans)
    assert code == 0
    assert "match.mp4" in out
    assert not list(tmp_path.iterdir())
    assert "no endpoint is set" in err
    assert "qwen3-vl" in err
    (planned,) = lines(videoscan("plan", clip, "--json")[1])
    # 160x120 is 5 x 4 patches of 32 pixels and two markers.
    assert planned["tokens"]["pictures"] == 22 * planned["images"] > 0
    assert planned["image_bytes"] > 0
    assert planned["assumed"] == "qwen3-vl"
    assert videoscan("plan", clip, "--to", "nonsense")[0] == 2
    assert planned["cost"] is None
    assert planned["completion_tokens"]["low"] < planned["completion_tokens"]["likely"] < planned["completion_tokens"]["high"]
    assert "assumed" in planned["figures_from"]


def test_a_plan_of_several_has_a_total_and_goes_on_after_a_bad_one(videoscan, clip, tmp_path):
    code, out, err = videoscan("plan", clip, bad_file(tmp_path, "text"), film(tmp_path / "b.mp4", 1))
    assert code == 6
    assert out.splitlines()[-1].startswith("total")
    assert "text.mp4" in err


# --- frames


def test_frames_prints_one_line_per_sampled_frame(videoscan, clip):
    code, out, _ = videoscan("frames", clip, "--json", "--set", "sampler.every=0.5")
    frames = lines(out)
    assert code == 0
    assert len(frames) == 8
    assert set(frames[0]) == {"frame", "time", "kept", "same_as", "change", "region", "reason"}
    assert frames[0] | {"change": 0, "region": None} == {
        "frame": 0, "time": 0.0, "kept": True, "same_as": None, "change": 0, "region": None, "reason": "first",
    }  # fmt: skip
    assert [frame["time"] for frame in frames] == sorted(frame["time"] for frame in frames)
    kept = {frame["frame"] for frame in frames if frame["kept"]}
    assert all(frame["same_as"] in kept for frame in frames if not frame["kept"])


def test_frames_saves_exactly_what_was_kept(videoscan, clip, tmp_path):
    _, out, _ = videoscan("frames", clip, "--json", "--images", tmp_path / "kept")
    kept = {f"{frame['frame']:08d}.jpg" for frame in lines(out) if frame["kept"]}
    assert {path.name for path in (tmp_path / "kept").iterdir()} == kept


def test_frames_into_a_pipe_are_json_as_well(videoscan, clip):
    assert videoscan("frames", clip)[1] == videoscan("frames", clip, "--json")[1]


def test_frames_at_a_terminal_are_a_table(videoscan, clip, monkeypatch):
    monkeypatch.setattr("videoscan.cli.output.terminal", lambda: True)
    code, out, _ = videoscan("frames", clip)
    assert code == 0
    assert "00:00:00.000" in out
    assert "first" in out
    assert "kept" in out.splitlines()[-1]


def test_frames_of_a_text_file_is_exit_code_3(videoscan, tmp_path):
    assert videoscan("frames", bad_file(tmp_path, "text"))[0] == 3


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe ends otherwise there")
def test_a_reader_that_has_seen_enough_is_no_fault(clip):
    process = subprocess.Popen([*ENTRY, "frames", clip, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes the descriptor")
@pytest.mark.parametrize("closed", [1, 2])
def test_a_closed_stdout_or_stderr_is_no_fault(clip, tmp_path, closed):
    command = shlex.join([*ENTRY, "scan", str(clip), "--out", str(tmp_path / "out")])
    done = subprocess.run(["/bin/sh", "-c", f"{command} {closed}>&-"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "unexpected" not in done.stderr
    assert list((tmp_path / "out").rglob("timeline.json"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is only simulated on Linux")
def test_a_result_that_cannot_be_written_is_exit_code_5():
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*ENTRY, "profiles", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr


# --- export


@pytest.fixture(scope="session")
def scanned(clip, tmp_path_factory):
    out = tmp_path_factory.mktemp("scanned")
    assert cli.run(["scan", str(clip), str(film(out / "other.mp4", 1)), "--out", str(out / "out")]) == 0
    return out / "out"


def one_of(scanned):
    return next(path.parent for path in scanned.rglob("timeline.json") if path.parent.name == "match")


@pytest.mark.parametrize("form", ["json", "csv", "srt", "vtt", "markdown", "html"])
def test_one_timeline_in_one_format_goes_to_stdout(scanned, capsysbinary, tmp_path, form):
    assert cli.run(["export", str(one_of(scanned)), "--to", form]) == 0
    out = capsysbinary.readouterr().out
    assert out
    assert cli.run(["export", str(one_of(scanned) / "timeline.json"), "--to", form, "-o", str(tmp_path / "file")]) == 0
    assert (tmp_path / "file").read_bytes() == out
    assert not left_over(tmp_path)


def test_several_outputs_need_a_folder_and_get_a_file_each(videoscan, scanned, tmp_path):
    code, out, err = videoscan("export", scanned, "--to", "csv", "--to", "srt")
    assert (code, out) == (2, "")
    assert "-o" in err
    code, _, _ = videoscan("export", scanned, "--to", "csv", "--to", "srt", "-o", tmp_path / "exported")
    assert code == 0
    assert {path.name for path in (tmp_path / "exported").iterdir()} == {"match.csv", "match.srt", "other.csv", "other.srt"}


@pytest.mark.parametrize(("what", "code"), [("missing", 3), ("empty-folder", 3), ("text.json", 3)])
def test_what_is_no_timeline_is_said_so(videoscan, tmp_path, what, code):
    (tmp_path / "empty-folder").mkdir()
    (tmp_path / "text.json").write_text("{}")
    got, out, err = videoscan("export", tmp_path / what, "--to", "csv")
    assert (got, out) == (code, "")
    assert what in err


def test_an_unknown_format_names_the_known_ones(videoscan, scanned):
    code, _, err = videoscan("export", one_of(scanned), "--to", "docx")
    assert code == 2
    assert "markdown" in err


def test_an_export_that_cannot_be_written_is_exit_code_5(videoscan, scanned, tmp_path):
    (tmp_path / "file").touch()
    assert videoscan("export", one_of(scanned), "--to", "csv", "-o", tmp_path / "file" / "a.csv")[0] == 5


# --- profiles, doctor, demo


def test_profiles_are_listed_shown_and_explained(videoscan):
    code, out, _ = videoscan("profiles", "list", "--json")
    assert code == 0
    assert {"default", "sports", "surveillance"} <= {row["name"] for row in lines(out)}
    code, out, _ = videoscan("profiles", "show", "sports", "--json")
    assert code == 0
    assert json.loads(out)["prompt"]["template"] == "sports"
    code, out, _ = videoscan("profiles", "show", "sports", "--explain", "--set", "windows.quality=70")
    assert code == 0
    assert any("windows.quality" in line and "70" in line and "--set" in line for line in out.splitlines())
    assert any("sports.toml" in line for line in out.splitlines())


def test_what_profiles_show_prints_is_a_profile(videoscan, tmp_path):
    _, out, _ = videoscan("profiles", "show", "surveillance")
    (tmp_path / "again.toml").write_text(out)
    assert videoscan("profiles", "check", tmp_path / "again.toml")[0] == 0
    _, again, _ = videoscan("profiles", "show", tmp_path / "again.toml")
    assert again == out


def test_a_wrong_profile_is_exit_code_2_and_names_the_key(videoscan, tmp_path):
    (tmp_path / "mine.toml").write_text('extends = "default"\n[windows]\nmax_frame = 3\n')
    code, _, err = videoscan("profiles", "check", tmp_path / "mine.toml")
    assert code == 2
    assert "windows.max_frame" in err


def test_doctor_measures_what_can_be_decoded(videoscan):
    code, out, _ = videoscan("doctor", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["versions"]["videoscan"] == "0.1.0"
    codecs = {codec["name"]: codec for codec in report["codecs"]}
    assert {"h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "mjpeg"} <= set(codecs)
    assert codecs["h264"]["pyav"] == codecs["h264"]["opencv"] == codecs["h264"]["pictures"] == 5
    assert codecs["av1"]["pyav"] == 5
    assert all(build["libraries"] for build in report["ffmpeg"])
    assert min(report["free_disk"].values()) > 0


def test_doctor_is_readable_too(videoscan):
    code, out, _ = videoscan("doctor")
    assert code == 0
    assert "FFmpeg in PyAV" in out
    assert "free disk" in out


def test_the_demo_sends_nothing_and_names_its_report(videoscan, tmp_path, monkeypatch):
    with ModelServer.in_thread() as server:
        monkeypatch.setenv("VIDEOSCAN_ENDPOINT", server.url)
        monkeypatch.setenv("VIDEOSCAN_MODEL", "test-model")
        code, out, err = videoscan("demo", "--out", tmp_path, "--no-open")
        assert server.requests == []
    assert code == 0, err
    assert str(tmp_path / "carpark-night" / "report.html") in out
    hold_to_contract(tmp_path / "carpark-night")


def test_an_export_into_files_tells_json_which(videoscan, scanned, tmp_path):
    code, out, _ = videoscan("export", scanned, "--to", "csv", "-o", f"{tmp_path}/", "--json")
    *files, total = lines(out)
    assert code == 0
    assert total == {"total": {"timelines": len(files), "written": len(files)}}
    assert all(Path(line["written"]).is_file() for line in files)


def test_the_demo_speaks_json_too(videoscan, tmp_path):
    code, out, _ = videoscan("demo", "--out", tmp_path, "--no-open", "--json")
    (one,) = lines(out)
    assert code == 0
    assert one["events"] > 0
