"""Jobs' timelines as the service holds them: read once for each state, sent as they are, and bounded."""

from __future__ import annotations

import gzip
import json
import os

import examples
import pytest

from videoscan.folder import TIMELINE
from videoscan.jobs import documents
from videoscan.jobs.documents import NOTHING, Documents


@pytest.fixture
def place(tmp_path):
    def write(job, timeline):
        folder = tmp_path / job
        folder.mkdir(exist_ok=True)
        (folder / TIMELINE).write_text(timeline.to_json(), encoding="utf-8")
        return folder / TIMELINE

    write.held = Documents(lambda job: tmp_path / job, lambda uri: f"shown of {uri.rpartition('/')[2]}")
    return write


def test_a_text_names_its_source_as_callers_see_it_and_is_read_once_for_each_state(place):
    place("a", examples.quiet())
    text = place.held.text("a")
    assert json.loads(text.body)["source"]["uri"] == "shown of night.mp4"
    assert json.loads(text.body)["windows"]
    assert place.held.text("a") is text
    file = place("a", examples.quiet(missing=True))
    os.utime(file, ns=(1, 1))
    again = place.held.text("a")
    assert again.stamp != text.stamp
    assert [each["state"] for each in json.loads(again.body)["coverage"]].count("lost") == 1


def test_a_head_has_the_scan_and_none_of_the_lists(place):
    place("a", examples.carpark())
    head, stamp = place.held.head("a")
    assert (head.source.uri, head.profile["prompt"]["question"]) == (
        "/footage/停车场/car park 3 🌙.mp4",
        "Who comes near the cars, and what do they do?",
    )
    assert (head.events, head.windows, head.coverage, head.chapters) == ((), (), (), ())
    assert stamp == place.held.text("a").stamp == place.held.stamp("a")
    assert place.held.head("a")[0] is head


def test_what_is_gone_is_not_held(place):
    assert place.held.text("a") is None
    assert place.held.head("a") == (None, NOTHING)
    file = place("a", examples.quiet())
    assert place.held.text("a") is not None
    assert place.held.head("a")[0] is not None
    file.unlink()
    assert place.held.text("a") is None
    assert place.held.head("a") == (None, NOTHING)


def test_packed_it_is_the_same_and_far_smaller(place):
    place("a", examples.busy(count=300))
    text = place.held.text("a")
    assert gzip.decompress(text.packed) == text.body
    assert len(text.packed) * 5 < len(text.body)
    assert text.packed is text.packed


def test_no_more_is_held_than_was_said(place, monkeypatch):
    for job in "abc":
        place(job, examples.quiet())
    size = len(place.held.text("a").body)
    monkeypatch.setattr(documents, "_HELD_BYTES", 2 * size)
    monkeypatch.setattr(documents, "_HEADS", 1)
    texts = {job: place.held.text(job) for job in "bca"}
    assert place.held.text("a") is texts["a"]
    assert place.held.text("c") is texts["c"]
    assert place.held.text("b") is not texts["b"], "the one that was looked at longest ago made room"
    heads = {job: place.held.head(job)[0] for job in "ab"}
    assert place.held.head("b")[0] is heads["b"]
    assert place.held.head("a")[0] is not heads["a"]
    monkeypatch.setattr(documents, "_HELD_BYTES", 0)
    last = place.held.text("c")
    assert place.held.text("c") is last, "the last one stays, however large"
