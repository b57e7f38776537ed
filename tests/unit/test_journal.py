"""The journal: an answer is written down before it is used, and found again only for exactly the same question."""

from __future__ import annotations

import json
import resource
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest
from building import frame, samples

from videoscan.config import WindowOptions
from videoscan.errors import StoreError
from videoscan.journal import Journal, key_of
from videoscan.model import Box, Description, Failure, Measured, Prompt, Told, Usage
from videoscan.recordings import naming
from videoscan.seams import Limits
from videoscan.windows import windows

PROMPT = Prompt("You look at pictures.", "Say what happens.", {"type": "object"})
ASKED = {"kind": "openai", "model": "qwen"}
BOX: Box = (0.1, 0.2, 0.3, 0.4)


@pytest.fixture(scope="module")
def window():
    (made,) = windows(samples([frame(i, noise=1) for i in range(3)]), WindowOptions(), Limits(), duration=lambda: 3.0)
    return made


ANSWER = Description(
    observations=("A car stands there.",),
    events=(Told("Car stops", "…", 0, 2, ("car",), 0.5, None, None, {"plate": "B 1"}, {1: BOX}),),
    summary="A car stops. 一辆车停下。",
    usage=Usage(1, 0, 3, 1000, 700, 50),
    seconds=1.5,
)


def test_an_answer_is_found_again_by_the_next_run(tmp_path, window):
    key = key_of(window, PROMPT, ASKED, measured=False)
    journal = Journal(tmp_path, "clip.mp4")
    assert journal.answer(key) is None
    journal.record(key, window, ANSWER)
    journal.close()
    again = Journal(tmp_path, "clip.mp4")
    assert again.answer(key) == ANSWER
    assert len(again) == 1
    again.close()


def test_a_person_can_read_it(tmp_path, window):
    journal = Journal(tmp_path, "clip.mp4")
    journal.record("k", window, ANSWER)
    journal.close()
    head, line = (tmp_path / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(head) == {"journal": "videoscan.journal/1", "source": "clip.mp4"}
    entry = json.loads(line)
    assert (entry["window"], entry["start"], entry["end"], entry["frames"]) == (0, 0.0, 3.0, [0, 1, 2])
    assert "一辆车停下" in line


def test_a_last_line_that_is_torn_anywhere_costs_only_itself(tmp_path, window):
    with closing(Journal(tmp_path, "clip.mp4")) as journal:
        journal.record("one", window, ANSWER)
        journal.record("two", window, ANSWER)
    path = tmp_path / "journal.jsonl"
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for size in range(last, len(whole)):
        path.write_bytes(whole[:size])
        with closing(Journal(tmp_path, "clip.mp4")) as again:
            assert again.answer("one") == ANSWER
            assert again.answer("two") == (ANSWER if size == len(whole) - 1 else None), "whole but for its end, it counts"
            again.record("three", window, ANSWER)
            assert again.answer("three") == ANSWER
        with closing(Journal(tmp_path, "clip.mp4")) as last_time:
            assert last_time.answer("one") == last_time.answer("three") == ANSWER
            assert (last_time.answer("two") is None) == (size < len(whole) - 1)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(lambda line: bytes(len(line)), id="zeros"),
        pytest.param(lambda line: line[:40] + bytes(4096) + line[40:], id="zeros within"),
        pytest.param(lambda line: line[:-1] + bytes(512), id="zeros instead of the line's end"),
        pytest.param(lambda line: b"\xff\xfe\x80" * 300 + b"\n", id="no text"),
        pytest.param(lambda line: b"[" * 100_000 + b"\n", id="brackets"),
        pytest.param(lambda line: b'{"key":"' + b"\n", id="a beginning"),
        pytest.param(lambda line: b'{"key":"two"}\n', id="a key alone"),
        pytest.param(lambda line: b'{"key":["two"],"description":7}\n', id="another shape"),
        pytest.param(lambda line: b'"finished"\n7\nnull\n[]\n{}\n\n', id="other JSON"),
    ],
)
def test_what_a_power_cut_left_in_the_middle_costs_only_itself(tmp_path, window, garbage):
    with closing(Journal(tmp_path, "clip.mp4")) as journal:
        for key in ("one", "two", "three"):
            journal.record(key, window, ANSWER)
        journal.finish("abc")
    path = tmp_path / "journal.jsonl"
    head, one, two, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([head, one, garbage(two), *rest]))
    with closing(Journal(tmp_path, "clip.mp4")) as again:
        assert again.answer("two") is None
        assert again.answer("one") == ANSWER
        # A line that lost nothing but its end takes the next one with it.
        assert again.answer("three") == (None if garbage(two).startswith(two[:-1]) else ANSWER)
        assert again.finished == "abc"
        again.record("two", window, ANSWER)
        assert again.answer("two") == ANSWER


def test_a_journal_appears_whole_so_that_it_always_says_whose_it_is(tmp_path, window):
    (tmp_path / "journal.jsonl").touch()
    for fresh in (False, True):
        with closing(Journal(tmp_path, "clip.mp4", fresh=fresh)) as journal:
            assert len(journal) == 0
            assert naming.owner(tmp_path) == "clip.mp4"
            journal.record("one", window, ANSWER)
    assert [path.name for path in tmp_path.iterdir()] == ["journal.jsonl"]


def test_a_full_disk_leaves_nothing_of_the_line_that_did_not_fit(tmp_path, window):
    with closing(Journal(tmp_path, "clip.mp4")) as journal:
        journal.record("one", window, ANSWER)
        path = tmp_path / "journal.jsonl"
        before = path.read_bytes()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        for room in (1, 17, len(before) // 2):
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, hard))
            try:
                with pytest.raises(StoreError, match=r"cannot write .*journal\.jsonl.*free some space"):
                    journal.record("two", window, ANSWER)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert path.read_bytes() == before
            assert journal.answer("two") is None
        journal.record("two", window, ANSWER)
        assert journal.answer("two") == ANSWER
    assert path.read_bytes().startswith(before)


def test_threads_write_whole_lines(tmp_path, window):
    with closing(Journal(tmp_path, "clip.mp4")) as journal, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: journal.record(f"{number:032x}", window, ANSWER), range(100)))
        assert all(journal.answer(f"{number:032x}") == ANSWER for number in range(100))
    assert len([json.loads(line) for line in (tmp_path / "journal.jsonl").read_bytes().splitlines()]) == 101


def test_a_month_of_answers_is_held_in_little_memory(tmp_path, window):
    with closing(Journal(tmp_path, "clip.mp4")) as journal:
        journal.record("0" * 32, window, ANSWER)
    path = tmp_path / "journal.jsonl"
    head, line = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(head + b"".join(line.replace(b"0" * 32, b"%032x" % number) for number in range(20_000)))
    tracemalloc.start()
    try:
        with closing(Journal(tmp_path, "clip.mp4")) as again:
            held, _ = tracemalloc.get_traced_memory()
            assert len(again) == 20_000
            assert again.answer(f"{19_999:032x}") == ANSWER
    finally:
        tracemalloc.stop()
    assert held < 20_000 * 300, "bytes for each answer"


def test_failures_are_not_remembered(tmp_path, window):
    journal = Journal(tmp_path, "clip.mp4")
    journal.record("k", window, Description(failure=Failure("BadReply", "no")))
    assert journal.answer("k") is None
    journal.close()
    again = Journal(tmp_path, "clip.mp4")
    assert again.answer("k") is None
    again.close()


def test_what_was_finished_is_noted_until_another_timeline_is_about_to_take_its_place(tmp_path):
    def finished(*steps):
        with closing(Journal(tmp_path, "clip.mp4")) as journal:
            for step, fingerprint in steps:
                getattr(journal, step)(fingerprint)
            return journal.finished

    assert finished() is None
    assert finished(("replacing", "abc"), ("finish", "abc")) == "abc"
    assert finished(("replacing", "abc")) == "abc", "the same one may be written again"
    assert finished(("replacing", "other")) is None
    assert finished() is None, "what was killed while it wrote the other one must not pass for the first"
    assert finished(("finish", "other")) == "other"


def test_the_key_depends_on_everything_the_answer_depends_on(window):
    def key(window=window, prompt=PROMPT, asked=ASKED, *, measured=False):
        return key_of(window, prompt, asked, measured=measured)

    other = replace(window, pictures=(replace(window.pictures[0], data=b"other"), *window.pictures[1:]))
    moved = replace(window, pictures=(replace(window.pictures[0], time=0.5), *window.pictures[1:]))
    fewer = replace(window, pictures=window.pictures[:2])
    seen = replace(window, marks=(replace(window.marks[0], measured=Measured(9.0, 3.0)), *window.marks[1:]))
    zoom = replace(window, pictures=(*window.pictures[:2], replace(window.pictures[2], zoom_of=1)))
    keys = {
        key(),
        key(other),
        key(moved),
        key(fewer),
        key(prompt=replace(PROMPT, instructions="Count cars.")),
        key(zoom),
        key(prompt=replace(PROMPT, system="You look away.")),
        key(prompt=replace(PROMPT, schema={"type": "array"})),
        key(prompt=replace(PROMPT, text_first=True)),
        key(asked={**ASKED, "model": "other"}),
        key(measured=True),
        key(seen, measured=True),
        key(replace(window, end=4.0), measured=True),
    }
    assert len(keys) == 13
    assert key(seen) == key(), "what only a measuring describer looks at does not count for one that sees pictures"
    assert key(replace(window, index=7)) == key(), "where a window stands does not change what it shows"


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path):
    file = tmp_path / "a-file"
    file.write_text("in the way")
    with pytest.raises(StoreError, match="cannot write"):
        Journal(file, "clip.mp4")
