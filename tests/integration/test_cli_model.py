"""`videoscan scan` with a model: exit codes, what is said and what is kept."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading

import pytest
from commanding import ENTRY, FEW, NEVER, film, left_over, lines
from shared import hold_to_contract

from videoscan.testing.model_server import ModelServer, event, fails, ok

# --- scan, with a model


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
        (first,) = lines(out)
        assert code == 6
        assert first["coverage"]["failed"] > 0
        assert not first["complete"]
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
