"""Output folders: files appear whole, and a failed first run leaves nothing."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
from building import frame

from videoscan.config import WindowOptions
from videoscan.errors import StoreError
from videoscan.folder import OutputFolder
from videoscan.reading.reducing import encode
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


def test_a_lock_that_a_killed_process_left_holds_nobody_up(tmp_path):
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom videoscan.folder import OutputFolder\n"
        "with OutputFolder(Path(sys.argv[1])).lock():\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdin=PIPE, stdout=PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        said = rf"process {holder.pid} on {re.escape(socket.gethostname())}\) is writing into .*{tmp_path.name}.*--out"
        for _ in range(2):  # the first to be turned away must not take the holder's name along
            with pytest.raises(StoreError, match=said), OutputFolder(tmp_path).lock():
                pass
        holder.kill()
    assert files(tmp_path) == [".lock"]
    with OutputFolder(tmp_path).lock():
        pass
    assert files(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_a_network_has_no_locks_a_file_that_names_its_holder_stands_for_one(tmp_path, monkeypatch, code):
    def no_locks(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with OutputFolder(tmp_path).lock():
        with (
            pytest.raises(StoreError, match=rf"process {os.getpid()} on .*remove .*\.lock-holder"),
            OutputFolder(tmp_path).lock(),
        ):
            pass
        assert ".lock-holder" in files(tmp_path)
    assert files(tmp_path) == []
    # Of a process of this machine that is gone: number 1 more than the largest that there can be.
    (tmp_path / ".lock-holder").write_text(f"{2**22 + 1}\n{socket.gethostname()}\n")
    with OutputFolder(tmp_path).lock():
        pass
    (tmp_path / ".lock-holder").write_text("4\nanother-machine\n")
    with pytest.raises(StoreError, match=r"process 4 on another-machine"), OutputFolder(tmp_path).lock():
        pass


def test_a_lock_that_cannot_be_made_is_a_store_error(tmp_path):
    (tmp_path / ".lock").mkdir()
    with pytest.raises(StoreError, match="cannot write"), OutputFolder(tmp_path).lock():
        pass


def test_what_a_killed_scan_was_writing_is_taken_away_and_nothing_else(tmp_path):
    (tmp_path / "frames").mkdir()
    gone = [
        "frames/.00000001.jpg.0a1b2c3d.part",
        ".timeline.json.0a1b2c3d.part",
        ".timeline.srt.0a1b2c3d.part",
        ".probe-0a1b2c3d",
    ]
    gone += [".report.html.0a1b2c3d.part", ".journal.jsonl.0a1b2c3d.part", ".sampling.jsonl.0a1b2c3d.part"]
    stays = ["frames/00000001.jpg", ".mine.part", "timeline.json", "notes.part", ".chapters.srt.0a1b2c3d.part"]
    for name in [*gone, *stays]:
        (tmp_path / name).write_bytes(b"x")
    with OutputFolder(tmp_path).lock():
        pass
    assert files(tmp_path) == sorted(stays)
