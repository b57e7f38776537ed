"""The command line as its users meet it: what is printed where, what is written, and the exit code."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from shared import hold_to_contract

from videoscan import cli
from videoscan.testing.model_server import ModelServer, event, fails, ok

ENTRY = [sys.executable, "-m", "videoscan"]
NEVER = 600.0


def film(path, seconds=4, *, size="160x120", rate=10):
    """A clip in which every frame differs from the last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"testsrc2=s={size}:r={rate}:d={seconds}"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-g", "10", "-y", path], check=True
    )
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clips") / "match.mp4")


@pytest.fixture
def videoscan(capsys):
    """Runs a command in this process; returns (exit code, stdout, stderr)."""

    def run(*arguments):
        code = cli.run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


def left_over(folder):
    """Temporary files: what a reader must never see."""
    return [path for path in folder.rglob("*") if path.name.startswith(".")]


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
        ["scan", "--budget", "5USD", "a.mp4"],
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


def bad_file(folder, kind):
    path = folder / f"{kind}.mp4"
    if kind == "text":
        path.write_text("not a video at all\n" * 50)
    elif kind == "empty":
        path.touch()
    elif kind == "audio":
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", path], check=True)
    elif kind == "no-moov":
        path.write_bytes(film(folder / "whole.mp4", 1).read_bytes()[:2000])
    return path


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


# --- scan, with a model


FEW = ("--set", "windows.max_frames=3", "--set", "windows.overlap_frames=0")


def test_where_pictures_go_is_said_before_they_go(videoscan, clip, tmp_path):
    with ModelServer.in_thread() as server:
        code, out, err = videoscan("scan", clip, "--endpoint", server.url, "--model", "test-model", *FEW, "--out", tmp_path)
    assert code == 0, err
    assert "pictures go to 127.0.0.1 (model test-model), at most 3 a window" in err
    assert "Saw 3 frames" in out
    assert "test-model" in out


def test_the_environment_stands_in_for_flags(videoscan, clip, tmp_path, monkeypatch):
    with ModelServer.in_thread(key="secret-of-mine") as server:
        monkeypatch.setenv("VIDEOSCAN_ENDPOINT", server.url)
        monkeypatch.setenv("VIDEOSCAN_MODEL", "test-model")
        monkeypatch.setenv("VIDEOSCAN_API_KEY", "secret-of-mine")
        code, out, err = videoscan("scan", clip, "--out", tmp_path)
        assert server.requests
    assert code == 0
    assert "secret-of-mine" not in out + err
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"secret-of-mine" in path.read_bytes()]


def test_a_failed_window_is_a_gap_exit_code_6_and_the_next_run_asks_for_it_alone(videoscan, clip, tmp_path):
    refuse = True

    def script(received):
        broken = refuse and received.labels and "00:00:00.000" in received.labels[0]
        return fails(400, "I do not like this one") if broken else ok([event("A thing", 1, 1)])

    with ModelServer.in_thread(script) as server:
        arguments = ["scan", clip, "--endpoint", server.url, "--model", "test-model", *FEW, "--out", tmp_path, "--json"]
        code, out, _ = videoscan(*arguments)
        first, total = lines(out)
        assert code == 6
        assert first["coverage"]["failed"] > 0
        assert not first["complete"]
        assert not total["total"]["complete"]
        refuse = False
        before = len(server.requests)
        code, out, _ = videoscan(*arguments)
        assert code == 0
        assert len(server.requests) == before + 1
        assert lines(out)[0]["complete"]
    hold_to_contract(tmp_path / "match")


def test_gaps_are_told_in_a_sentence(videoscan, clip, tmp_path):
    with ModelServer.in_thread(lambda _: fails(400, "never")) as server:
        _, out, _ = videoscan("scan", clip, "--endpoint", server.url, "--model", "test-model", "--out", tmp_path)
    assert "Gaps:" in out
    assert "windows failed" in out


def test_a_refused_key_is_exit_code_4_and_ends_the_run(videoscan, clip, tmp_path):
    other = film(tmp_path / "in" / "other.mp4", 1)
    with ModelServer.in_thread(key="right") as server:
        code, out, err = videoscan(
            "scan", clip, other, "--endpoint", server.url, "--model", "test-model", "--out", tmp_path / "out", "--json"
        )
        assert len(server.requests) <= 4
    first, second, total = lines(out)
    assert code == 4
    assert "Traceback" not in err
    assert first["error"]["exit_code"] == second["error"]["exit_code"] == 4
    assert "not tried" in second["error"]["message"]
    assert total["total"]["failed"] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_is_described_and_the_same_command_goes_on(videoscan, clip, tmp_path, number):
    held = threading.Event()
    wait = True

    def script(received):
        if received.index >= 1 and wait:
            held.set()
            return ok(delay=NEVER)
        return ok([event(f"Window {received.index}", 1, 1)])

    with ModelServer.in_thread(script) as server:
        arguments = ["scan", clip, "--endpoint", server.url, "--model", "test-model", "--out", tmp_path, *FEW]
        arguments += ["--set", "describer.concurrency=1"]
        process = subprocess.Popen([*ENTRY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert held.wait(60)
            process.send_signal(number)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == 130
        assert out == ""
        assert "the same command goes on" in err
        assert "Traceback" not in err
        folder = tmp_path / "match"
        assert not (folder / "timeline.json").exists()
        assert not left_over(tmp_path)
        described = (folder / "journal.jsonl").read_text().count('"key"')
        assert described == 1

        wait = False
        before = len(server.requests)
        code, _, err = videoscan(*arguments)
        assert code == 0, err
        windows = json.loads((folder / "timeline.json").read_text())["windows"]
        assert len(server.requests) - before == len(windows) - described
    hold_to_contract(folder)


# --- plan


def test_a_plan_counts_what_a_scan_would_send_and_sends_nothing(videoscan, clip, tmp_path):
    model = ("--model", "qwen3-vl-test", *FEW)
    with ModelServer.in_thread(models=["qwen3-vl-test"]) as server:
        code, out, _ = videoscan("plan", clip, "--endpoint", server.url, *model, "--json")
        assert code == 0
        assert server.requests == []
        planned, total = lines(out)
        videoscan("scan", clip, "--endpoint", server.url, *model, "--out", tmp_path)
    timeline = json.loads((tmp_path / "match" / "timeline.json").read_text())
    assert planned["windows"] == planned["requests"] == len(timeline["windows"])
    assert planned["images"] == timeline["usage"]["images"]
    assert planned["frames"] == timeline["frames"]
    assert planned["tokens"]["prompt"] == planned["tokens"]["pictures"] + planned["tokens"]["text"] > 0
    assert total["total"]["requests"] == planned["requests"]


def test_a_plan_without_an_endpoint_says_that_nothing_would_be_sent(videoscan, clip, tmp_path):
    # The options of a scan are taken, so that the same line can be tried first.
    code, out, err = videoscan("plan", clip, "--out", tmp_path / "out", "--to", "csv", "--fresh")
    assert code == 0
    assert "match.mp4" in out
    assert not (tmp_path / "out").exists()
    assert "sends nothing" in err


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


def test_frames_without_json_is_a_table(videoscan, clip):
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
