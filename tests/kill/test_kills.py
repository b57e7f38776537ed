"""A few of the kills of ``make kills``, and proof that the run would see what it is there to see."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.kill import runner, service
from tests.kill.runner import at_points, at_random, make_clip, uninterrupted


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kills")


@pytest.fixture(scope="module")
def wholes(folder):
    clip = make_clip(folder / "clip.mp4")
    return {isolation: uninterrupted(clip, folder / isolation, isolation) for isolation in ("thread", "process")}


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_a_scan_that_is_killed_again_and_again_loses_nothing_and_asks_nothing_twice(wholes, tmp_path, isolation):
    trial = at_random(wholes[isolation], tmp_path, seed=13, most={"thread": 5, "process": 2}[isolation])
    assert trial.problems == []
    assert trial.kills >= 1
    assert trial.windows == wholes[isolation].windows


@pytest.mark.slow
def test_killed_before_a_file_operation_it_goes_on_as_well(wholes, tmp_path):
    # The journal's header; a picture; an answer; and, counted from the end, what the timeline's writing consists of.
    trial = at_points(wholes["thread"], tmp_path, [6, 60, 300])
    assert (trial.problems, trial.kills) == ([], 3)


def test_a_journal_that_forgets_would_be_seen(wholes, tmp_path, monkeypatch):
    def forgetting(folder):
        path = folder / "journal.jsonl"
        told = real(folder)
        if path.exists():
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(line for line in lines if "key" not in json.loads(line)))
        return told

    real = runner._journalled
    monkeypatch.setattr(runner, "_journalled", forgetting)
    whole = wholes["thread"]
    # Late enough that something was answered.
    trial = runner._trial(replace(whole, timeline=b"another"), tmp_path, 1, [runner.killed_after(whole.windows // 2)])
    said = " ".join(trial.problems)
    assert trial.kills == 1
    assert "in the journal and asked again" in said
    assert "calls repeated" in said
    assert "the timeline is another one" in said


@pytest.mark.slow
def test_a_service_that_is_killed_while_it_works_loses_no_job_and_tells_each_end_under_one_id(tmp_path):
    run = service.Trial(tmp_path, seed=3, longest=1.0).make(2)
    assert run.problems == []
    assert (run.kills, run.jobs >= 1) == (2, True)
