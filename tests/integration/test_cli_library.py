"""`library`, `search` and `scan --library` as their users meet them."""

from __future__ import annotations

import shutil

import pytest
from commanding import film, lines

from videoscan import cli


@pytest.fixture(scope="module")
def scanned(tmp_path_factory, clip):
    """Two recordings, and the library that their scan filled."""
    place = tmp_path_factory.mktemp("library")
    other = film(place / "yard" / "second.mp4", 2)
    made = cli.run(["scan", str(clip), str(other), "--out", str(place / "out"), "--library", str(place / "all.db"), "--json"])
    assert made == 0
    return place


@pytest.fixture
def place(scanned, tmp_path):
    shutil.copytree(scanned / "out", tmp_path / "out")
    shutil.copy(scanned / "all.db", tmp_path / "all.db")
    return tmp_path


def test_a_scan_fills_the_library_and_a_search_finds_its_events(videoscan, scanned, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_LIBRARY", str(scanned / "all.db"))
    *entries, total = lines(videoscan("library", "list", "--json")[1])
    assert len(entries) == total["total"]["timelines"] == 2
    assert "second.mp4" in videoscan("library", "list")[1]
    code, out, _ = videoscan("search", "activity OR scene OR change", "--json")
    assert code == 0
    *hits, total = lines(out)
    assert hits
    assert total["total"]["events"] == len(hits)
    assert "not meaning" in total["total"]["notes"][0]
    for hit in hits:
        assert (scanned / "out").joinpath(hit["picture"]).is_file()
        assert hit["end"] > hit["start"] >= 0
    code, out, _ = videoscan("search", "activity OR scene OR change")
    assert hits[0]["id"] in out
    assert hits[0]["picture"] in out
    assert "words, not meaning" in out


def test_the_timelines_named_are_searched_without_a_library(videoscan, place):
    code, out, _ = videoscan("search", "", place / "out", "--json")
    assert code == 0
    assert {hit["source"].rpartition("/")[2] for hit in lines(out)[:-1]} == {"match.mp4", "second.mp4"}
    code, out, _ = videoscan("search", "", place / "out", "--camera", "second", "--json")
    assert {hit["source"].rpartition("/")[2] for hit in lines(out)[:-1]} == {"second.mp4"}


def test_corrections_are_found_without_adding_anything_again(videoscan, place):
    library = ("--library", place / "own.db")
    videoscan("library", "add", place / "out", *library)
    first = lines(videoscan("search", "", *library, "--json")[1])[0]
    folder = first["timeline"].removesuffix("/timeline.json")
    videoscan("review", folder, "--edit", first["id"], "--title", "Ein Fuchs 狐狸经过")
    code, out, err = videoscan("search", "狐狸", *library, "--json")
    assert code == 0
    assert lines(out)[0]["id"] == first["id"]
    assert lines(out)[0]["review"] == "edited"
    assert "brought up to date" in err
    videoscan("review", folder, "--reject", first["id"])
    assert lines(videoscan("search", "狐狸", *library, "--json")[1])[-1]["total"]["events"] == 0
    assert lines(videoscan("search", "狐狸", *library, "--reviewed", "rejected", "--json")[1])[-1]["total"]["events"] == 1


def test_what_is_added_again_is_replaced_and_what_is_removed_is_gone(videoscan, place):
    library = ("--library", place / "new" / "lib.db")
    code, out, _ = videoscan("library", "add", place / "out", *library, "--json")
    assert code == 0
    assert [each.get("state") for each in lines(out)] == ["added", "added", None]
    assert [each.get("state") for each in lines(videoscan("library", "add", place / "out", *library, "--json")[1])] == [
        "unchanged"
    ] * 2 + [None]
    (match,) = (place / "out").rglob("match")
    assert videoscan("library", "remove", match, "2", *library)[0] == 0
    assert "empty" in videoscan("library", "list", *library)[1]
    code, _, err = videoscan("library", "remove", "7", *library)
    assert (code, "7 is not in the library" in err) == (2, True)
    assert (match / "timeline.json").is_file()


def test_one_that_is_no_timeline_does_not_keep_the_others_out(videoscan, place):
    (place / "bad.json").write_text('{"schema": "videoscan.timeline/2"}')
    code, out, err = videoscan(
        "library", "add", place / "bad.json", place / "nowhere", place / "out", "--library", place / "lib.db", "--json"
    )
    assert code == 6
    assert lines(out)[-1]["total"] == {"timelines": 2, "added": 2, "replaced": 0, "unchanged": 0, "failed": 2}
    assert "videoscan.timeline/2" in err
    assert "nowhere" in err
    assert videoscan("library", "add", place / "bad.json", "--library", place / "lib.db")[0] == 3


def test_a_library_that_cannot_be_used_is_code_5_before_anything_is_scanned(videoscan, clip, place):
    (place / "bad.db").write_text("no database " * 100)
    for arguments in (
        ["search", "car"],
        ["library", "list"],
        ["library", "add", place / "out"],
        ["scan", clip, "--out", place / "o"],
    ):
        code, out, err = videoscan(*arguments, "--library", place / "bad.db")
        assert (code, out) == (5, ""), arguments
        assert "is no library" in err
    assert not (place / "o").exists()
    assert videoscan("search", "car", "--library", place / "none.db")[0] == 5
    assert videoscan("library", "list")[0] == 2
    assert videoscan("search", "car")[0] == 2


def test_a_library_that_breaks_during_a_scan_does_not_cost_the_timeline(videoscan, clip, tmp_path, monkeypatch):
    from videoscan.errors import StoreError
    from videoscan.library.store import Library

    def refuse(*_):
        raise StoreError("the disk is full")

    monkeypatch.setattr(Library, "add", refuse)
    code, _, err = videoscan("scan", clip, "--out", tmp_path / "out", "--library", tmp_path / "all.db")
    assert code == 5
    assert "the disk is full" in err
    assert (tmp_path / "out" / "match" / "timeline.json").is_file()


def test_a_library_can_be_exported_even_when_the_folders_are_gone(videoscan, place):
    library = ("--library", place / "own.db")
    videoscan("library", "add", place / "out", *library)
    named = videoscan("export", place / "out", "--to", "jsonl")[1]
    assert videoscan("export", "--to", "jsonl", *library) == (0, named, "")
    second = lines(videoscan("export", "--to", "jsonl", "--camera", "second", *library)[1])
    assert {event["source"].rpartition("/")[2] for event in second} == {"second.mp4"}
    shutil.rmtree(place / "out")
    assert len(lines(videoscan("export", "--to", "jsonl", *library)[1])) == len(lines(named))
    assert videoscan("export", "--to", "jsonl", "--camera", "nowhere", *library)[0] == 3
    assert videoscan("export", "--to", "jsonl")[0] == 2


def test_a_check_says_what_is_gone_and_what_is_damaged(videoscan, place):
    import sqlite3

    library = ("--library", place / "own.db")
    videoscan("library", "add", place / "out", *library)
    assert videoscan("library", "check", *library) == (0, "all is well: 2 timelines\n", "")
    shutil.rmtree(next((place / "out").rglob("second")))
    code, out, _ = videoscan("library", "check", *library, "--json")
    assert code == 6
    assert {each.get("problem") for each in lines(out)[:-1]} == {"missing", "pictures"}
    connection = sqlite3.connect(place / "own.db")
    connection.execute("DELETE FROM events WHERE timeline = 1")
    connection.commit()
    connection.close()
    assert videoscan("library", "check", *library)[0] == 5
    code, out, _ = videoscan("library", "check", "--repair", *library)
    assert (code, "(repaired)" in out) == (6, True)
    assert videoscan("library", "check", *library)[0] == 6
