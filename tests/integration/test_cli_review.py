"""`review` as its users meet it, on a folder that a scan wrote."""

from __future__ import annotations

import io
import json
import shutil
import sys

import examples
import pytest
from commanding import lines
from shared import hold_to_contract

from videoscan import cli
from videoscan.reviewing.reviews import bare


@pytest.fixture(scope="module")
def scanned(tmp_path_factory, clip):
    out = tmp_path_factory.mktemp("scanned")
    assert cli.run(["scan", str(clip), "--out", str(out), "--to", "srt"]) == 0
    return out / "match"


@pytest.fixture
def folder(scanned, tmp_path):
    return shutil.copytree(scanned, tmp_path / "match")


def ids(folder):
    return [event["id"] for event in json.loads((folder / "timeline.json").read_text())["events"]]


def test_events_are_listed_corrected_and_listed_again(videoscan, folder):
    (first, *_) = ids(folder)
    code, out, _ = videoscan("review", folder)
    assert code == 0
    assert first in out
    code, out, _ = videoscan("review", folder, "--edit", first, "--title", "A match", "--tag", "sport", "--by", "Lin")
    assert (code, out.split()[:2]) == (0, ["edited", first])
    code, out, _ = videoscan(
        "review", folder, "--add", "--title", "Whistle", "--start", "1", "--end", "0:02", "--attribute", "loud=true", "--json"
    )
    (added,) = lines(out)
    assert added["event"]["origin"] == "person"
    hold_to_contract(folder)
    *events, total = lines(videoscan("review", folder, "--json")[1])
    assert total["total"] == {"events": len(events), "accepted": 0, "rejected": 0, "edited": 1, "added": 1}
    assert {event["title"] for event in events if event["review"]} == {"A match", "Whistle"}
    assert "A match" in videoscan("export", folder, "--to", "srt")[1]
    assert "A match" in (folder / "timeline.srt").read_text()
    assert "A match" in (folder / "report.html").read_text()
    assert "edited by Lin" in videoscan("review", folder)[1]


def test_a_rejected_event_leaves_the_exports_and_an_undo_brings_it_back(videoscan, folder):
    (first, *_) = ids(folder)
    title = json.loads((folder / "timeline.json").read_text())["events"][0]["title"]
    assert title in videoscan("export", folder, "--to", "srt")[1]
    assert videoscan("review", folder, "--reject", first)[0] == 0
    assert title not in videoscan("export", folder, "--to", "srt")[1]
    code, out, _ = videoscan("review", folder, "--undo", "last")
    assert (code, out.startswith("undone: reject")) == (0, True)
    assert title in videoscan("export", folder, "--to", "srt")[1]
    *history, total = lines(videoscan("review", folder, "--history", "--json")[1])
    assert [(each["action"], each["state"]) for each in history] == [("reject", "undone"), ("undo", "counts")]
    assert total["total"]["count"] == 0


def test_corrections_survive_a_scan_that_starts_over(videoscan, clip, folder):
    (first, *_) = ids(folder)
    videoscan("review", folder, "--edit", first, "--title", "A match")
    videoscan("review", folder, "--add", "--title", "Whistle", "--start", "1", "--end", "2")
    code, out, _ = videoscan("scan", clip, "--out", folder.parent, "--fresh")
    assert code == 0
    assert "A match" in out
    assert "Whistle" in out
    hold_to_contract(folder)
    videoscan("review", folder, "--undo", first, "--undo", "last")
    assert "A match" not in videoscan("review", folder)[1]


def test_eval_takes_what_people_said_as_the_truth(videoscan, clip, folder, tmp_path):
    assert videoscan("eval", folder, folder)[0] == 3, "nobody has reviewed it"
    (first, *_) = ids(folder)
    videoscan("review", folder, "--accept", first)
    videoscan("scan", clip, "--out", tmp_path / "again")
    for truth in (folder, folder / "timeline.json", folder.parent):
        code, out, err = videoscan("eval", truth, tmp_path / "again", "--json")
        assert code == 0, err
        assert lines(out)[0]["recall"] == 1.0
    assert videoscan("eval", folder, tmp_path / "again", "--min-recall", "1")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--accept", "e99999999"], "no event 'e99999999'"),
        (["--title", "A"], "--title says nothing without --edit"),
        (["--add", "--title", "A"], "needs --start and --end"),
        (["--edit", "FIRST", "--start", "3", "--end", "2"], "cannot be from"),
        (["--edit", "FIRST"], "nothing is to be changed"),
        (["--edit", "FIRST", "--attribute", "count"], "NAME=VALUE"),
        (["--undo", "last"], "no correction to undo"),
    ],
)
def test_what_cannot_be_is_bad_usage_and_writes_nothing(videoscan, folder, arguments, words):
    code, _, err = videoscan("review", folder, *[ids(folder)[0] if each == "FIRST" else each for each in arguments])
    assert code == 2
    assert words in err
    assert not (folder / "reviews.jsonl").exists()


def test_what_is_no_output_folder_is_said(videoscan, folder, tmp_path):
    assert videoscan("review", tmp_path / "nowhere")[0] == 3
    (tmp_path / "other.json").write_bytes((folder / "timeline.json").read_bytes())
    assert videoscan("review", tmp_path / "other.json", "--history")[0] == 2
    (folder / "timeline.json").write_text('{"schema": "videoscan.timeline/2"}')
    assert videoscan("review", folder)[0] == 3


def test_a_walk_through_the_events_takes_one_key_each(videoscan, tmp_path, monkeypatch):
    folder = tmp_path / "night"
    folder.mkdir()
    (folder / "timeline.json").write_text(bare(examples.carpark()).to_json(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO("a\nu\nr\ns\nq\n"))
    code, out, _ = videoscan("review", folder, "-i", "--by", "Lin")
    assert code == 0
    assert "(a)ccept" in out
    *history, _ = lines(videoscan("review", folder, "--history", "--json")[1])
    assert [each["action"] for each in history] == ["accept", "undo", "reject"]
