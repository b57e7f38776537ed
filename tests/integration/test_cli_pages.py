"""`videoscan frames --report` and `--mask-editor` on the command line: what is written when, and what is left when it cannot be."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest
import shared
from commanding import ENTRY, bad_file, left_over, lines

from videoscan.pages import decisions

CARPARK = Path(__file__).parents[2] / "samples" / "carpark-night.mp4"


def test_the_report_has_the_decisions_that_the_lines_have(videoscan, tmp_path):
    page = tmp_path / "new" / "report.html"
    code, out, err = videoscan("frames", CARPARK, "--end", "40", "--json", "--report", page)
    assert code == 0, err
    assert str(page) in err
    text = page.read_text()
    told = {
        int(re.search(r'data-frame="(\d+)"', button)[1]): re.search(r'data-reason="(\w+)"', button)[1]
        for button in re.findall(r'<button[^>]*data-what="frame"[^>]*>', text)
    }
    assert told == {line["frame"]: line["reason"] for line in lines(out)}
    assert "kind = &#34;tiles&#34;" in text
    assert left_over(page.parent) == []
    assert page.stat().st_size < decisions.PICTURE_BYTES + 1_000_000


def test_the_lines_are_the_same_with_and_without_the_report(videoscan, clip, tmp_path):
    _, plain, _ = videoscan("frames", clip, "--json")
    _, explained, _ = videoscan("frames", clip, "--json", "--report", tmp_path / "report.html")
    assert plain == explained


def test_the_editor_alone_looks_at_one_frame_and_prints_nothing(videoscan, clip, tmp_path):
    page = tmp_path / "editor.html"
    code, out, err = videoscan("frames", clip, "--mask-editor", page, "--start", "2")
    assert (code, out) == (0, ""), err
    assert "A still at 00:00:02.000" in page.read_text()
    code, out, _ = videoscan("frames", clip, "--mask-editor", page, "--json")
    assert (code, len(lines(out))) == (0, 4), "with anything else that is asked for, the frames are listed as ever"


def test_a_folder_of_pictures_has_a_report_and_an_editor_as_well(videoscan, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=90x160:r=1:d=3", folder / "%d.png"], check=True)
    code, _, err = videoscan("frames", folder, "--report", tmp_path / "r.html", "--mask-editor", tmp_path / "e.html")
    assert code == 0, err
    assert '<body class="tall">' in (tmp_path / "r.html").read_text()
    assert "90 × 160" in (tmp_path / "e.html").read_text()


def test_losses_stand_on_the_report_and_are_exit_code_6(videoscan, tmp_path):
    clip = shared.clip("odd/corrupted.mp4")
    code, _, _ = videoscan(
        "frames", clip, "--set", "sampler.every=0.1", "--set", "sampler.snap=false", "--report", tmp_path / "r.html"
    )
    assert code == 6
    assert "Could not be read" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize("option", ["--report", "--mask-editor"])
def test_a_source_that_cannot_be_read_leaves_no_page_and_no_folder(videoscan, tmp_path, option):
    code, _, err = videoscan("frames", bad_file(tmp_path, "text"), option, tmp_path / "new" / "page.html")
    assert code == 3, err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("option", ["--report", "--mask-editor"])
def test_where_no_page_can_be_written_nothing_is_decoded(videoscan, clip, tmp_path, option):
    (tmp_path / "file").touch()
    code, out, err = videoscan("frames", clip, option, tmp_path / "file" / "page.html")
    assert (code, out) == (5, "")
    assert "cannot write" in err
    code, out, _ = videoscan("frames", clip, option, tmp_path)
    assert (code, out) == (2, ""), "a folder is no file"


def test_an_earlier_page_stays_until_the_next_is_whole(videoscan, clip, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("the page of yesterday")
    code, _, _ = videoscan("frames", clip, "--start", "99", "--report", page)
    assert code == 2
    assert page.read_text() == "the page of yesterday"
    code, _, _ = videoscan("frames", clip, "--start", "99", "--mask-editor", page)
    assert code != 0
    assert page.read_text() == "the page of yesterday"
    assert left_over(tmp_path) == []


def test_an_interrupt_leaves_nothing_behind(tmp_path):
    page = tmp_path / "new" / "page.html"
    command = [*ENTRY, "frames", CARPARK, "--report", page, "--set", "sampler.every=0.1", "--set", "sampler.snap=false"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(5):
        running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert not (tmp_path / "new").exists()
