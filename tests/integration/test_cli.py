"""The command line as its users meet it: what is printed where, what is written, and the exit code."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commanding import ENTRY, bad_file, film, left_over, lines
from shared import hold_to_contract

from videoscan import cli

# --- before anything is done


@pytest.mark.parametrize(
    "arguments", [["--help"], ["scan", "--help"], ["doctor", "--help"], ["profiles", "show", "--help"], ["--version"]]
)
def test_help_and_version_load_no_decoder_no_network_and_no_validation(arguments):
    code = (
        "import sys\nfrom videoscan.cli import run\ncode = run(sys.argv[1:])\n"
        "heavy = {'aiohttp', 'asyncio', 'av', 'cv2', 'numpy', 'pydantic', 'rich', 'ssl'} & set(sys.modules)\n"
        "sys.exit(f'{code} {sorted(heavy)}' if code or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "videoscan" in done.stdout


def test_the_commands_are_listed_in_their_own_words(videoscan):
    import click

    code, out, _ = videoscan("--help")
    context = click.Context(cli.videoscan)
    assert code == 0
    for name, summary in cli.SUMMARIES.items():
        command = cli.videoscan.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(limit=200).rstrip(".") == summary.rstrip(".")
        assert name in out


def test_the_module_runs_as_the_command_does():
    done = subprocess.run([*ENTRY, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("0.1.0")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["scan"],
        ["scan", "--budget", "5dollars", "a.mp4"],
        ["scan", "--start", "soon", "a.mp4"],
        ["export", "somewhere"],
    ],
)
def test_bad_usage_is_exit_code_2(videoscan, arguments):
    code, out, err = videoscan(*arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


# --- scan


def test_a_scan_prints_its_events_and_where_the_report_lies(videoscan, clip, tmp_path):
    code, out, err = videoscan("scan", clip, "--out", tmp_path / "out", "--to", "csv", "--to", "srt")
    assert code == 0, err
    folder = tmp_path / "out" / "match"
    assert {"timeline.json", "report.html", "frames", "timeline.csv", "timeline.srt"} <= {path.name for path in folder.iterdir()}
    assert str(folder / "timeline.json") in out
    assert str(folder / "report.html") in out
    assert "not by a language model" in out
    timeline = json.loads((folder / "timeline.json").read_text())
    for told in timeline["events"]:
        assert told["title"] in out
    assert "\r" not in err
    assert "\x1b" not in out + err
    hold_to_contract(folder)
    assert not left_over(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_terminal_gets_a_bar_and_stdout_stays_clean(clip, tmp_path):
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*ENTRY, "scan", clip, "--out", tmp_path], stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux ends a pseudo-terminal with an error
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert "━".encode() in shown
    assert b"match" in shown
    assert b"\x1b" not in out
    assert b"report:" in out


def test_json_is_one_line_per_input_and_a_total(videoscan, clip, tmp_path):
    other = film(tmp_path / "in" / "other.mp4", 2)
    code, out, _ = videoscan("scan", clip, other, "--out", tmp_path / "out", "--json")
    first, second, total = lines(out)
    assert code == 0
    assert (first["input"], second["input"]) == (str(clip), str(other))
    for line in (first, second):
        assert json.loads(Path(line["timeline"]).read_text())["source"]["uri"] == line["input"]
        assert line["complete"]
        assert line["error"] is None
        assert sum(line["coverage"].values()) == pytest.approx(line["duration"], abs=0.01)
    assert total["total"]["inputs"] == 2
    assert total["total"]["events"] == first["events"] + second["events"]
    assert total["total"]["complete"]


def test_a_folder_gives_one_output_per_video_by_relative_path(videoscan, tmp_path):
    film(tmp_path / "in" / "monday" / "gate.mp4", 1)
    film(tmp_path / "in" / "tuesday" / "gate.mp4", 1)
    code, _, _ = videoscan("scan", tmp_path / "in", "--out", tmp_path / "in" / "out")
    assert code == 0
    assert (tmp_path / "in" / "out" / "monday" / "gate" / "timeline.json").is_file()
    assert (tmp_path / "in" / "out" / "tuesday" / "gate" / "timeline.json").is_file()
    # The output lies inside the input now, and must not become one.
    _, out, _ = videoscan("scan", tmp_path / "in", "--out", tmp_path / "in" / "out", "--json")
    assert lines(out)[-1]["total"]["inputs"] == 2


def test_another_video_of_the_same_name_does_not_overwrite(videoscan, clip, tmp_path):
    other = film(tmp_path / "elsewhere" / "match.mp4", 2)
    videoscan("scan", clip, "--out", tmp_path / "out")
    before = (tmp_path / "out" / "match" / "timeline.json").read_bytes()
    code, out, _ = videoscan("scan", other, "--out", tmp_path / "out", "--json")
    assert code == 0
    assert lines(out)[0]["timeline"] == str(tmp_path / "out" / "match-2" / "timeline.json")
    assert (tmp_path / "out" / "match" / "timeline.json").read_bytes() == before


def test_a_folder_of_pictures_is_a_source_like_any_other(videoscan, clip, tmp_path):
    _, _, _ = videoscan("frames", clip, "--images", tmp_path / "shots", "--json")
    code, out, err = videoscan("scan", tmp_path / "shots", "--out", tmp_path / "out", "--json")
    assert code == 0, err
    assert lines(out)[0]["timeline"] == str(tmp_path / "out" / "shots" / "timeline.json")
    hold_to_contract(tmp_path / "out" / "shots")


def test_names_with_spaces_chinese_characters_and_emoji_work(videoscan, clip, tmp_path):
    odd = tmp_path / "停车场 夜间 🚗.mp4"
    odd.write_bytes(clip.read_bytes())
    code, out, _ = videoscan("scan", odd, "--out", tmp_path / "输出", "--json")
    assert code == 0
    assert lines(out)[0]["timeline"] == str(tmp_path / "输出" / "停车场 夜间 🚗" / "timeline.json")


def test_start_and_end_take_clock_times(videoscan, clip, tmp_path):
    code, out, _ = videoscan("scan", clip, "--start", "0:01", "--end", "00:00:02.5", "--out", tmp_path, "--json")
    coverage = lines(out)[0]["coverage"]
    assert code == 0
    assert coverage["skipped"] == pytest.approx(2.5, abs=0.11)


# --- scan, with bad input


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "audio", "no-moov"])
def test_a_bad_file_is_one_sentence_and_exit_code_3(videoscan, tmp_path, kind):
    path = bad_file(tmp_path, kind)
    code, out, err = videoscan("scan", path, "--out", tmp_path / "out")
    assert (code, out) == (3, "")
    assert path.name in err.splitlines()[0]
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_a_folder_without_video_is_exit_code_3(videoscan, tmp_path):
    code, _, err = videoscan("scan", tmp_path, "--out", tmp_path / "out")
    assert code == 3
    assert "no video" in err


def test_one_bad_input_does_not_stop_the_others(videoscan, clip, tmp_path):
    text = bad_file(tmp_path, "text")
    code, out, err = videoscan("scan", text, tmp_path / "missing.mp4", clip, "--out", tmp_path / "out", "--json")
    *each, total = lines(out)
    assert code == 6
    assert {line["input"] for line in each if line["error"]} == {str(text), str(tmp_path / "missing.mp4")}
    assert [line["input"] for line in each if line["timeline"]] == [str(clip)]
    assert total["total"]["failed"] == 2
    assert not total["total"]["complete"]
    assert "text.mp4" in err
    assert "missing.mp4" in err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--profile", "nope"], "nope"),
        (["--set", "windows.max_frame=3"], "max_frame"),
        (["--set", "windows.max_frames=many"], "max_frames"),
        (["--to", "docx"], "docx"),
        (["--start", "3", "--end", "2"], "--end"),
        (["--start", "1:00:00"], "past the end"),
        (["--endpoint", "not an address"], "endpoint"),
    ],
)
def test_bad_configuration_is_exit_code_2_and_names_the_value(videoscan, clip, tmp_path, arguments, named):
    code, out, err = videoscan("scan", clip, *arguments, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert named in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_exit_code_5(videoscan, clip, tmp_path):
    (tmp_path / "file").touch()
    code, _, err = videoscan("scan", clip, "--out", tmp_path / "file")
    assert code == 5
    assert "Traceback" not in err


def test_the_traceback_is_shown_to_those_who_ask(videoscan, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_DEBUG", "1")
    _, _, err = videoscan("scan", bad_file(tmp_path, "text"), "--out", tmp_path / "out")
    assert "Traceback" in err


def test_a_full_disk_is_one_sentence_exit_code_5_and_nothing_half_written(clip, tmp_path):
    import resource

    def small_disk():
        # No file may grow past 8 kB: the nearest thing to a full disk that needs no rights to make.
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    done = subprocess.run(
        [*ENTRY, "scan", clip, "--out", tmp_path / "out"], capture_output=True, text=True, check=False, preexec_fn=small_disk
    )
    assert done.returncode == 5
    assert "File too large" in done.stderr
    assert "free some space" in done.stderr
    assert "Traceback" not in done.stderr
    assert left_over(tmp_path) == []
    assert not list(tmp_path.rglob("timeline.json"))
