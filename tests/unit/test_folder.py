"""Output folders: files appear whole, and a failed first run leaves nothing."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from building import frame

from videoscan.config import WindowOptions
from videoscan.errors import StoreError
from videoscan.folder import OutputFolder
from videoscan.reducing import encode
from videoscan.seams import Limits


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_appears_whole_and_nothing_is_left_beside_it(tmp_path):
    place = OutputFolder(tmp_path / "out")
    place.prepare()
    place.write("timeline.json", b"{}")
    place.write("timeline.json", b"{2}")
    assert (tmp_path / "out" / "timeline.json").read_bytes() == b"{2}"
    assert files(tmp_path) == ["out/timeline.json"]


def test_a_full_disk_leaves_the_old_file_and_no_half(tmp_path, monkeypatch):
    place = OutputFolder(tmp_path)
    place.write("timeline.json", b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreError, match="No space left") as caught:
        place.write("timeline.json", b"new")
    assert "free some space" in caught.value.hint
    assert files(tmp_path) == ["timeline.json"]
    assert (tmp_path / "timeline.json").read_bytes() == b"old"


def test_a_path_that_cannot_be_made_says_which(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot write .*file.*another place"):
        OutputFolder(tmp_path / "file" / "out").prepare()


def test_a_failed_first_run_takes_its_folders_away_but_never_what_was_there(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    place = OutputFolder(tmp_path / "a" / "b")
    place.prepare()
    place.write("x", b"1")
    place.discard()
    assert files(tmp_path) == ["mine.txt"]
    assert not (tmp_path / "a").exists()
    there = OutputFolder(tmp_path)
    there.prepare()
    there.discard()
    assert files(tmp_path) == ["mine.txt"]


def test_pictures_of_an_earlier_run_that_are_not_shown_any_more_go(tmp_path):
    place = OutputFolder(tmp_path)
    place.save([encode(frame(i), WindowOptions(), Limits()) for i in range(4)])
    place.keep_only({1, 3})
    assert files(tmp_path) == ["frames/00000001.jpg", "frames/00000003.jpg"]


def test_a_picture_that_is_there_is_not_written_again(tmp_path):
    place = OutputFolder(tmp_path)
    picture = encode(frame(1), WindowOptions(), Limits())
    place.save([picture])
    before = (tmp_path / "frames" / picture.name).stat().st_mtime_ns
    place.save([picture])
    assert (tmp_path / "frames" / picture.name).stat().st_mtime_ns == before
