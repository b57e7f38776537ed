"""The journal: an answer is written down before it is used, and found again only for exactly the same question."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from building import frame, samples

from videoscan.config import WindowOptions
from videoscan.errors import StoreError
from videoscan.journal import Journal, key_of
from videoscan.model import Box, Description, Failure, Measured, Prompt, Told, Usage
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


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_last_line_costs_only_itself(tmp_path, window, cut):
    journal = Journal(tmp_path, "clip.mp4")
    journal.record("one", window, ANSWER)
    journal.record("two", window, ANSWER)
    journal.close()
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    again = Journal(tmp_path, "clip.mp4")
    assert again.answer("one") == ANSWER
    assert again.answer("two") == (ANSWER if cut == 1 else None)
    again.record("three", window, ANSWER)
    again.close()
    last = Journal(tmp_path, "clip.mp4")
    assert last.answer("three") == ANSWER
    last.close()


def test_failures_are_not_remembered(tmp_path, window):
    journal = Journal(tmp_path, "clip.mp4")
    journal.record("k", window, Description(failure=Failure("BadReply", "no")))
    assert journal.answer("k") is None
    journal.close()
    again = Journal(tmp_path, "clip.mp4")
    assert again.answer("k") is None
    again.close()


def test_what_was_finished_is_noted(tmp_path):
    journal = Journal(tmp_path, "clip.mp4")
    assert journal.finished is None
    journal.finish("abc")
    journal.close()
    again = Journal(tmp_path, "clip.mp4")
    assert again.finished == "abc"
    again.close()


def test_the_key_depends_on_everything_the_answer_depends_on(window):
    def key(window=window, prompt=PROMPT, asked=ASKED, *, measured=False):
        return key_of(window, prompt, asked, measured=measured)

    other = replace(window, pictures=(replace(window.pictures[0], data=b"other"), *window.pictures[1:]))
    moved = replace(window, pictures=(replace(window.pictures[0], time=0.5), *window.pictures[1:]))
    fewer = replace(window, pictures=window.pictures[:2])
    seen = replace(window, marks=(replace(window.marks[0], measured=Measured(9.0, 3.0)), *window.marks[1:]))
    keys = {
        key(),
        key(other),
        key(moved),
        key(fewer),
        key(prompt=replace(PROMPT, instructions="Count cars.")),
        key(prompt=replace(PROMPT, text_first=True)),
        key(asked={**ASKED, "model": "other"}),
        key(measured=True),
        key(seen, measured=True),
    }
    assert len(keys) == 9
    assert key(seen) == key(), "what only a measuring describer looks at does not count for one that sees pictures"
    assert key(replace(window, index=7)) == key(), "where a window stands does not change what it shows"


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path):
    file = tmp_path / "a-file"
    file.write_text("in the way")
    with pytest.raises(StoreError, match="cannot write"):
        Journal(file, "clip.mp4")
