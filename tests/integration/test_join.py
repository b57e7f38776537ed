"""`--join`: the recordings of a camera become one timeline, as if the recorder had never begun a new file."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import recordings
from shared import hold_to_contract

from videoscan import cli
from videoscan.document import Timeline
from videoscan.reading import segments
from videoscan.reading.sampling import latest
from videoscan.testing.model_server import ModelServer, event, ok

VISITS = ((4.0, 9.0), (13.0, 27.0), (33.0, 36.0), (44.0, 55.0))
TIMES = (0.0, 12.0, 20.0, 34.0, 46.0)
OPTIONS = ("--set", "source.clock_zone=UTC")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return recordings.film(tmp_path_factory.mktemp("film") / "whole.mp4", 60.0, VISITS)


def scan(*arguments, out, code=0, command="scan"):
    done = cli.run([command, *map(str, arguments), "--out", str(out), *OPTIONS])
    assert done == code
    return out


def timeline(folder):
    hold_to_contract(folder)
    return Timeline.from_json((folder / "timeline.json").read_bytes())


def told(found):
    return [(event.id, event.start, event.end, event.title, event.tags) for event in found.events]


def spans(found, state):
    return [(span.start, span.end, span.reason) for span in found.coverage if span.state == state]


def test_pieces_of_one_recording_give_what_the_whole_gives(whole, tmp_path):
    recordings.cut(whole, tmp_path / "rec", TIMES, recordings.by_clock())
    joined = timeline(scan(tmp_path / "rec", "--join", out=tmp_path / "out") / "cam1")
    alone = timeline(scan(whole, out=tmp_path / "alone") / "whole")
    assert told(joined) == told(alone)
    assert len(joined.events) >= 4
    assert joined.coverage == alone.coverage
    assert [window.frames for window in joined.windows] == [window.frames for window in alone.windows]
    assert (joined.source.duration, joined.source.camera) == (alone.source.duration, "cam1")
    assert [(part.start, part.duration) for part in joined.source.parts] == [(0, 12), (12, 8), (20, 14), (34, 12), (46, 14)]
    assert [part.clock for part in joined.source.parts][2:4] == ["2026-03-01T23:55:20+00:00", "2026-03-01T23:55:34+00:00"]
    assert joined.source.clock == "2026-03-01T23:55:00+00:00"


def test_what_lies_between_recordings_is_absent(whole, tmp_path):
    pieces = recordings.cut(whole, tmp_path / "rec", TIMES, recordings.by_clock())
    pieces[2].unlink()
    found = timeline(scan(tmp_path / "rec", "--join", out=tmp_path / "out") / "cam1")
    assert spans(found, "absent") == [(20.0, 34.0, "no recording of this time")]
    assert [part.start for part in found.source.parts] == [0, 12, 34, 46]
    assert found.complete
    assert not [event for event in found.events if event.start < 34 and event.end > 20]


def test_a_recording_that_cannot_be_read_costs_only_itself(whole, tmp_path, capsys):
    pieces = recordings.cut(whole, tmp_path / "rec", TIMES, recordings.by_clock())
    pieces[2].write_bytes(b"no video at all" * 50)
    found = timeline(scan(tmp_path / "rec", "--join", out=tmp_path / "out", code=6) / "cam1")
    ((start, end, reason),) = spans(found, "lost")
    assert (start, end) == (20.0, 34.0)
    assert pieces[2].name in reason
    assert {event.start for event in found.events if event.start >= 34} == {34.0, 44.0}


def test_each_camera_of_a_folder_gets_its_own_timeline(whole, tmp_path, capsys):
    recordings.cut(whole, tmp_path / "rec", (0.0, 20.0), recordings.by_clock("cam1_"))
    recordings.cut(whole, tmp_path / "rec", (0.0, 30.0), recordings.by_clock("back/2026-03-01/", "%H.%M.%S"))
    scan(tmp_path / "rec", "--join", "--json", out=tmp_path / "out")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["back", "cam1"]
    assert lines[-1]["total"]["scanned"] == 2
    assert [part.start for part in timeline(tmp_path / "out" / "back").source.parts] == [0.0, 30.0]


def test_recordings_without_a_clock_are_refused_with_what_to_do(whole, tmp_path, capsys):
    recordings.cut(whole, tmp_path / "rec", (0.0, 20.0), lambda start: f"part{start:.0f}")
    scan(tmp_path / "rec", "--join", out=tmp_path / "out", code=2)
    said = capsys.readouterr().err
    assert "clock_pattern" in said
    assert "--by-name" in said
    assert "--clock-start" in said
    assert not (tmp_path / "out").exists()


def test_the_order_of_names_and_a_clock_from_the_command_line_stand_in_for_clocks(whole, tmp_path):
    recordings.cut(whole, tmp_path / "rec", (0.0, 20.0, 40.0), lambda start: f"part{start:.0f}")
    out = scan(tmp_path / "rec", "--join", "--by-name", "--clock-start", "2026-03-01T23:55:00+01:00", out=tmp_path / "out")
    found = timeline(out / "rec")
    assert [(part.start, part.clock) for part in found.source.parts] == [
        (0.0, "2026-03-01T22:55:00+00:00"),
        (20.0, "2026-03-01T22:55:20+00:00"),
        (40.0, "2026-03-01T22:55:40+00:00"),
    ]


@pytest.fixture
def readers(monkeypatch):
    """The segments that were decoded, each of 10 s."""
    made = []

    class Spy(segments.Reader):
        def __init__(self, spec, segment, footage):
            made.append(segment.start)
            super().__init__(spec, segment, footage)

    monkeypatch.setattr(segments, "Reader", Spy)
    monkeypatch.setattr(segments, "SEGMENT", 10.0)
    monkeypatch.setattr(segments, "WARM_UP", 4.0)
    return made


def by_the_window(request):
    return ok([event(f"Seen at {request.labels[0]}", 1, request.frames)])


def test_a_further_recording_is_added_without_asking_or_decoding_what_came_before(whole, tmp_path, readers):
    pieces = recordings.cut(whole, tmp_path / "all", (0.0, 12.0, 24.0, 36.0, 48.0), recordings.by_clock())
    (tmp_path / "rec").mkdir()
    with ModelServer.in_thread(by_the_window) as server:
        told_before, asked, decoded = [], [], []
        for number, piece in enumerate(pieces):
            shutil.copy2(piece, tmp_path / "rec" / piece.name)
            if number == 0:
                continue
            readers.clear()
            before = len(server.requests)
            arguments = ("--join", "--endpoint", server.url, "--model", "tiny", "--set", "windows.max_frames=4")
            found = timeline(scan(tmp_path / "rec", *arguments, out=tmp_path / "out") / "cam1")
            asked.append(len(server.requests) - before)
            decoded.append(list(readers))
            ids = [event.id for event in found.events]
            # The last window may have got further pictures; all before it stays, under the same names.
            assert ids[: len(told_before) - 1] == told_before[:-1]
            told_before = ids
            assert len(found.windows) >= sum(asked) - number
        assert decoded == [[0.0, 10.0, 20.0], [20.0, 30.0], [30.0, 40.0], [40.0, 50.0]]
        readers.clear()
        before = len(server.requests)
        scan(tmp_path / "rec", *arguments, out=tmp_path / "out")
        assert not readers
        assert len(server.requests) == before
    scan(tmp_path / "rec", *arguments[:1], out=tmp_path / "fresh")
    assert timeline(tmp_path / "fresh" / "cam1").source.parts == found.source.parts


def test_a_recording_that_became_another_is_read_again_with_all_that_comes_after_it(whole, tmp_path, readers):
    pieces = recordings.cut(whole, tmp_path / "rec", (0.0, 12.0, 24.0, 36.0, 48.0), recordings.by_clock())
    with ModelServer.in_thread(by_the_window) as server:
        arguments = (tmp_path / "rec", "--join", "--endpoint", server.url, "--model", "tiny")
        scan(*arguments, out=tmp_path / "out")
        os.utime(pieces[2], (1, 1))
        readers.clear()
        before = len(server.requests)
        scan(*arguments, out=tmp_path / "out")
        assert readers == [20.0, 30.0, 40.0, 50.0]
        assert len(server.requests) == before
        assert latest(tmp_path / "out" / "cam1").whole
