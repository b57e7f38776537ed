"""How long a running job will probably take from now."""

from __future__ import annotations

import pytest

from videoscan.jobs.records import Job, Progress, new_id
from videoscan.jobs.worker import Running


@pytest.fixture
def running(monkeypatch):
    """A job that was begun ten seconds ago."""
    monkeypatch.setattr("videoscan.jobs.worker.time.monotonic", lambda: 100.0)
    made = Running(Job(id=new_id(), name="gate.mp4", source="gate.mp4", created="2026-03-01T10:00:00Z"))
    monkeypatch.setattr("videoscan.jobs.worker.time.monotonic", lambda: 110.0)
    return made


@pytest.mark.parametrize(
    ("progress", "eta"),
    [
        ({}, None),
        ({"duration": 100.0}, None),
        ({"duration": 100.0, "position": 20.0}, 40.0),
        # Of what was sampled half is described, and four times as much is to come.
        ({"duration": 100.0, "position": 20.0, "windows": 4, "described": 2}, 90.0),
        # All is sampled but for its end: what is left is the model's work, and no estimate is better than none.
        ({"duration": 100.0, "position": 99.9, "windows": 6}, None),
        ({"duration": 100.0, "position": 99.9, "windows": 6, "described": 2}, 20.0),
        ({"decoded": True, "windows": 6, "described": 2, "failed": 1}, 10.0),
        ({"decoded": True, "windows": 6, "described": 6}, None),
        ({"decoded": True, "windows": 100_000, "described": 99_999}, 0.1),
        ({"windows": 3, "described": 1}, None),
    ],
)
def test_it_counts_what_is_to_be_sampled_and_what_is_to_be_described(running, progress, eta):
    running.progress = Progress(**progress)
    assert running.eta() == (None if eta is None else pytest.approx(eta, abs=0.1))
