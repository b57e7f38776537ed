"""``--log-calls``: what a log of calls holds, and what it never holds."""

from __future__ import annotations

import json

from commanding import FEW

from videoscan.testing.model_server import ModelServer, event, fails, ok, throttled

SECRET = "sk-very-secret-key"


def test_every_request_is_a_line_and_no_picture_word_or_key_is_in_it(videoscan, clip, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_API_KEY", SECRET)
    log = tmp_path / "logs" / "calls.jsonl"
    script = [throttled(retry_after="0"), fails(500, f"broken by {SECRET}"), ok([event("A secret event", 1, 1)])]
    with ModelServer.in_thread(script) as server:
        arguments = ["scan", clip, "--endpoint", server.url, "--model", "test-model", "--out", tmp_path / "out", *FEW]
        code, _, err = videoscan(*arguments, "--question", "Who opened the safe?", "--log-calls", log)
    assert code == 0, err
    text = log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) == len(server.requests)
    assert [line["status"] for line in lines[:3]].count(200) <= 1
    assert {429, 500, 200} <= {line["status"] for line in lines}
    for line in lines:
        assert line["model"] == "test-model"
        assert line["pictures"] == len(line["frames"]) > 0
        assert line["seconds"] >= 0
        assert line["body_bytes"] > 10_000
        assert (line["error"] is None) == (line["status"] == 200)
    answered = [line for line in lines if line["status"] == 200]
    assert all(line["prompt_tokens"] and line["finish"] == "stop" for line in answered)
    for word in (SECRET, "base64", "safe", "A secret event"):
        assert word not in text


def test_a_log_that_cannot_be_written_is_said_before_anything_is_sent(videoscan, clip, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with ModelServer.in_thread([ok()]) as server:
        arguments = ["scan", clip, "--endpoint", server.url, "--model", "m", "--out", tmp_path / "out"]
        code, _, err = videoscan(*arguments, "--log-calls", tmp_path / "taken" / "calls.jsonl")
    assert code == 5, err
    assert "taken" in err
    assert server.requests == []
