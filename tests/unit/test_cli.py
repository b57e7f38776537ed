"""The parts of the command line that are plain functions: tables, progress arithmetic, errors as sentences."""

from __future__ import annotations

import io
import json
import sys

import pytest
from rich.cells import cell_len

from videoscan.cli import output, tables
from videoscan.cli.progress import Advance, Reporter
from videoscan.document import CoverageSpan, DescriberRecord, Event, FrameCounts, SourceRecord, Timeline, WindowRecord
from videoscan.errors import ConfigError, SourceNotFound, StoreError
from videoscan.model import Description, Failure, SourceInfo, Window
from videoscan.observe import Decoded, Finished, LookDone, LookingAgain, Note, Opened, Sampled, Sending, WindowDone, WindowReady
from videoscan.spending import tokens


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        return True


def timeline(*spans, events=(), windows=()):
    duration = max((span.end for span in spans), default=0.0)
    return Timeline(
        source=SourceRecord(uri="/a.mp4", duration=duration, width=1, height=1),
        created="2026-01-01T00:00:00+00:00",
        videoscan="0",
        profile={},
        describer=DescriberRecord(kind="offline"),
        coverage=spans,
        events=events,
        windows=windows,
        frames=FrameCounts(sampled=1, kept=1),
    )


def span(start, end, state="described", reason=None):
    return CoverageSpan(start=start, end=end, state=state, reason=reason)


def event(title, *tags):
    return Event(id="e1", origin="model", start=61, end=3725, start_after=61, end_before=3725, title=title, tags=tags)


# --- tables


def test_a_table_of_events_has_time_title_and_tags():
    text = tables.events(timeline(span(0, 4000), events=[event("A car arrives", "car", "gate")]))
    assert text.splitlines()[1].split("  ") == ["1:01-1:02:05", "A car arrives", "car, gate"]


def test_the_table_says_between_the_events_where_nothing_happened():
    spans = [span(0, 100), span(100, 3800, "unchanged"), span(3800, 3900)]
    text = tables.events(timeline(*spans, events=[event("A car arrives", "car")]))
    assert "Nothing happened" not in text, "the car is there"
    late = [event("A car arrives", "car").model_copy(update={"start": 3850.0, "end": 3860.0})]
    first, second = tables.events(timeline(*spans, events=late)).splitlines()[1:]
    assert " ".join(first.split()) == "0:00-1:04:10 Nothing happened for 1 h 04 min (1 picture described)"
    assert second.startswith("1:04:10-1:04:20  A car arrives")


def test_nothing_is_clipped_where_no_terminal_clips():
    title = "word " * 100
    assert title.strip() in tables.events(timeline(span(0, 4000), events=[event(title)]))


@pytest.mark.parametrize("width", [40, 60, 100])
def test_a_terminal_is_never_wider_than_it_is(monkeypatch, width):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", str(width))
    told = [event("有人从左边走进停车场,打开了一辆白色汽车的后备箱,然后离开" * 2, "person"), event("short", "x" * 80)]
    lines = tables.events(timeline(span(0, 4000), events=told)).splitlines()
    assert max(cell_len(line) for line in lines) <= width
    assert any("…" in line for line in lines)
    assert all(line.startswith(("time", "1:01-1:02:05")) for line in lines)


def test_a_models_words_cannot_steer_a_terminal():
    assert tables.plain("a\x1b[2Jb\r\n\tc\u202ed\u2028e\x9b1m") == "a [2Jb cd e 1m"
    assert tables.plain("正常 🚗 text") == "正常 🚗 text"


# --- gaps


def test_a_complete_timeline_has_no_gaps_to_tell():
    assert tables.gaps(timeline(span(0, 5), span(5, 9, "skipped", "outside --start/--end"))) is None


def test_gaps_are_added_up_by_kind_with_a_reason():
    failed = WindowRecord(index=0, start=0, end=5, frames=(0,), status="failed")
    told = tables.gaps(
        timeline(
            span(0, 5, "failed", "refused"),
            span(5, 6),
            span(6, 8.5, "lost", "damaged"),
            span(8.5, 9, "lost", "cut"),
            windows=[failed],
        )
    )
    assert told == "Gaps: 5.0 s failed (refused); 3.0 s could not be read (damaged); 1 of 1 windows failed."


def test_coverage_is_added_up_over_timelines():
    assert tables.coverage([timeline(span(0, 5), span(5, 6, "lost")), timeline(span(0, 2))]) == {"described": 7.0, "lost": 1.0}


# --- progress


INFO = SourceInfo(uri="/a.mp4", width=1, height=1, fps=25.0, declared_duration=100.0)


def window(index, start, end):
    return Window(index, start, end, ())


def test_a_share_is_the_mean_of_what_is_read_and_what_is_described():
    advance = Advance(began=0.0)
    for fact in (Opened(INFO), Sampled(40.0, 40, 40), WindowReady(window(0, 0.0, 20.0)), WindowDone(0, Description())):
        advance.take(fact)
    assert advance.share == pytest.approx((0.4 + 0.2) / 2)
    assert advance.speed(10.0) == pytest.approx(4.0)
    assert advance.left(10.0) == pytest.approx(10.0 * 0.7 / 0.3)


def test_a_share_counts_only_what_was_asked_for():
    advance = Advance(start=50.0, end=70.0, began=0.0)
    advance.take(Opened(INFO))
    advance.take(Sampled(60.0, 10, 10))
    assert advance.share == pytest.approx(0.25)


def test_a_source_that_does_not_say_its_length_has_no_share_until_it_is_read():
    advance = Advance(began=0.0)
    advance.take(Opened(SourceInfo(uri="/a", width=1, height=1, fps=None)))
    advance.take(Sampled(60.0, 10, 10))
    assert advance.share is None
    assert advance.left(10.0) is None


def test_the_line_says_how_many_requests_are_under_way_at_once():
    advance = Advance(began=0.0)
    for fact in (Opened(INFO), WindowReady(window(0, 0, 9)), WindowDone(0, Description(), at_once=6)):
        advance.take(fact)
    assert "6 at once" in advance.words(10.0)
    advance.take(WindowDone(1, Description(), at_once=3))
    assert "3 at once" in advance.words(10.0)


def test_second_looks_are_a_stage_of_their_own():
    advance = Advance(began=0.0)
    for fact in (Opened(INFO), WindowReady(window(0, 0, 9)), Decoded(1), WindowDone(0, Description()), LookingAgain(2)):
        advance.take(fact)
    assert (advance.stage, "0/2 second looks" in advance.words(10.0)) == ("looking again", True)
    advance.take(LookDone(0, Description()))
    assert "1/2 second looks" in advance.words(10.0)
    assert "left" not in advance.words(10.0)
    advance.take(LookDone(1, Description()))
    assert advance.stage == "writing"


def test_stages_follow_each_other():
    advance = Advance(began=0.0)
    seen = [advance.stage]
    failed = Description(failure=Failure("BadReply", "no"))
    facts = (Opened(INFO), WindowReady(window(0, 0, 9)), Decoded(1), WindowDone(0, failed), Finished(timeline(span(0, 9))))
    for fact in facts:
        advance.take(fact)
        seen.append(advance.stage)
    assert seen == ["opening", "reading", "reading", "describing", "writing", "done"]
    assert "1/1 windows" in advance.words(1.0)
    assert "1 failed" in advance.words(1.0)


def test_without_a_terminal_only_what_must_be_said_is_said(capsys):
    with Reporter("gate") as reporter:
        for fact in (
            Opened(INFO),
            Sampled(1.0, 1, 1),
            Note("an assumption"),
            Sending("host.example", "m", at_once=12),
            Decoded(1),
        ):
            reporter(fact)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == ["gate: an assumption", "gate: pictures go to host.example (model m), at most 12 a window"]


# --- errors


def test_an_error_is_a_sentence_and_a_hint(capsys):
    output.complain(ConfigError("windows.quality = 200\nis too much", hint="1 to 100"), about="a.mp4")
    assert capsys.readouterr().err.splitlines() == ["videoscan: a.mp4: windows.quality = 200 is too much", "  hint: 1 to 100"]


def test_an_input_is_not_named_twice(capsys):
    output.complain(SourceNotFound("a.mp4 does not exist"), about="a.mp4")
    assert capsys.readouterr().err == "videoscan: a.mp4 does not exist\n"


def test_a_fault_of_our_own_is_a_sentence_and_says_how_to_see_more(capsys):
    output.complain(KeyError("oops"))
    said = capsys.readouterr().err
    assert "unexpected fault: KeyError" in said
    assert "VIDEOSCAN_DEBUG" in said
    assert "Traceback" not in said


def test_exit_codes_come_from_the_error():
    assert [output.code_of(error) for error in (ConfigError(""), SourceNotFound(""), StoreError(""), KeyError())] == [2, 3, 5, 1]


def test_a_json_line_is_one_line_whatever_it_holds(capsys):
    output.put_json({"title": "two\nlines \u2028 停", "n": None})
    (line,) = capsys.readouterr().out.split("\n")[:-1]
    assert json.loads(line)["title"] == "two\nlines \u2028 停"
    with pytest.raises(ValueError, match="not JSON compliant"):
        output.put_json({"n": float("nan")})


# --- plan


def test_tokens_of_text_are_estimated_by_script():
    assert tokens.of_text("") == 0
    assert tokens.of_text("a" * 40) == 10
    assert tokens.of_text("停车场") == 3
