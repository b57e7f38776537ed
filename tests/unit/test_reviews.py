"""What a person says of a timeline is laid over it, found again, and taken back without a trace."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import examples
import pytest
from shared import hold_to_contract

from videoscan import publish
from videoscan.document import Evidence, Timeline
from videoscan.errors import ConfigError, StoreError
from videoscan.eval import judge, truth_of
from videoscan.folder import OutputFolder
from videoscan.reviewing import selection
from videoscan.reviewing.correcting import Corrector, changes
from videoscan.reviewing.reviews import Book, bare, merged, standing
from videoscan.summary import overview, summarize


@pytest.fixture(scope="module")
def told():
    """A timeline nobody has reviewed yet."""
    return bare(examples.carpark())


@pytest.fixture
def folder(tmp_path, told):
    """Its output folder, without pictures."""
    events = tuple(
        event.model_copy(update={"evidence": tuple(dataclasses.replace(each, picture=None) for each in event.evidence)})
        for event in told.events
    )
    (tmp_path / "timeline.json").write_text(told.model_copy(update={"events": events}).to_json(), encoding="utf-8")
    return tmp_path


def corrected(timeline, *makes, before=()):
    corrector = Corrector(timeline, before, by="Lin")
    for make in makes:
        make(corrector)
    return merged(timeline, [*before, *corrector.made]).timeline, [*before, *corrector.made]


def event_of(timeline, identity):
    return next(event for event in timeline.events if event.id == identity)


# Merged, and taken back


def test_the_model_s_words_come_back_whole_when_the_corrections_go(told):
    first, second, third = (event.id for event in told.events[:3])
    shown, _ = corrected(
        told,
        lambda c: c.accept(first),
        lambda c: c.reject(second),
        lambda c: c.edit(third, changes(title="A fox", tags=["fox"], attributes={"count": 2}, end=told.events[2].end - 0.5)),
        lambda c: c.add(changes(title="Gate opens", start=1, end=3)),
    )
    assert event_of(shown, first).review.state == "accepted"
    assert event_of(shown, second).review.state == "rejected"
    edited = event_of(shown, third)
    assert (edited.title, edited.tags, edited.attributes["count"]) == ("A fox", ("fox",), 2)
    assert edited.review.changes == {"title": "A fox", "tags": ["fox"], "attributes": {"count": 2}, "end": edited.end}
    assert edited.review.was["title"] == told.events[2].title
    assert edited.end == edited.end_before == told.events[2].end - 0.5
    (added,) = (event for event in shown.events if event.title == "Gate opens")
    assert (added.origin, added.evidence, added.review.state, added.review.by) == ("person", (), "added", "Lin")
    assert [event.start for event in shown.events] == sorted(event.start for event in shown.events)
    assert bare(shown).model_dump() == told.model_dump()
    assert bare(Timeline.from_json(shown.to_json())).model_dump(mode="json") == told.model_dump(mode="json")


def test_merging_twice_is_merging_once(told):
    shown, made = corrected(told, lambda c: c.edit(told.events[0].id, changes(start=told.events[0].start - 0.25)))
    assert merged(shown, made).timeline == shown


def test_a_moved_or_added_event_belongs_to_the_chapter_it_begins_in(told):
    shown, _ = corrected(told, lambda c: c.add(changes(title="Gate opens", start=1, end=3)))
    (added,) = (event.id for event in shown.events if event.title == "Gate opens")
    assert [added in chapter.events for chapter in shown.chapters] == [
        chapter.start <= 1 < chapter.end for chapter in shown.chapters
    ]
    assert bare(shown).chapters == told.chapters


def test_the_last_word_counts_and_an_undo_takes_back_one(told):
    first = told.events[0].id
    shown, made = corrected(told, lambda c: c.edit(first, changes(title="A")), lambda c: c.edit(first, changes(title="B")))
    assert event_of(shown, first).title == "B"
    shown, made = corrected(told, lambda c: c.undo(first), before=made)
    assert event_of(shown, first).title == "A"
    shown, made = corrected(told, lambda c: c.reject(first), before=made)
    assert (event_of(shown, first).review.state, event_of(shown, first).title) == ("rejected", "A")
    shown, made = corrected(told, lambda c: c.undo(), lambda c: c.undo(), before=made)
    assert shown == told
    with pytest.raises(ConfigError, match="no correction"):
        corrected(told, lambda c: c.undo(), before=made)
    assert standing(made) == []


def test_a_person_s_own_event_can_be_edited_accepted_and_undone(told):
    shown, made = corrected(told, lambda c: c.add(changes(title="Gate", start=1, end=3)))
    (own,) = (event.id for event in shown.events if event.origin == "person")
    shown, made = corrected(told, lambda c: c.edit(own, changes(start=0.5, title="Gate opens")), before=made)
    assert (event_of(shown, own).start, event_of(shown, own).title, event_of(shown, own).review.state) == (
        0.5,
        "Gate opens",
        "added",
    )
    shown, made = corrected(told, lambda c: c.reject(own), before=made)
    assert event_of(shown, own).review.state == "rejected"
    shown, _ = corrected(told, lambda c: c.undo(own), lambda c: c.undo(own), lambda c: c.undo(own), before=made)
    assert shown == told


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"start": 5, "end": 4}, "cannot be from"),
        ({"end": 1e9}, "the recording lasts"),
        ({"start": 0.0, "end": 0.01}, "rests on what was seen"),
        ({}, "nothing is to be changed"),
    ],
)
def test_an_impossible_edit_is_refused_and_says_why(told, given, words):
    with pytest.raises(ConfigError) as caught:
        Corrector(told, ()).edit(told.events[3].id, changes(**given))
    assert words in str(caught.value)


def test_values_that_cannot_be_are_refused():
    for given in ({"title": "  "}, {"start": -1}, {"end": float("nan")}, {"tags": [""]}):
        with pytest.raises(ConfigError):
            changes(**given)


def test_an_unknown_event_is_refused(told):
    with pytest.raises(ConfigError, match="'e99999999'"):
        Corrector(told, ()).accept("e99999999")


# A later scan


def rescanned(told, old, **update):
    events = [event.model_copy(update=update) if event.id == old else event for event in told.events]
    return told.model_copy(update={"events": tuple(events)})


def test_a_correction_finds_its_event_by_alias_and_by_the_frame_it_begins_with(told):
    event = told.events[2]
    _, made = corrected(told, lambda c: c.edit(event.id, changes(title="A fox")))
    again = rescanned(told, event.id, id="e99999999", aliases=(event.id,), evidence=())
    assert event_of(merged(again, made).timeline, "e99999999").title == "A fox"
    again = rescanned(told, event.id, id="e99999999", title="Something else")
    found = event_of(merged(again, made).timeline, "e99999999")
    assert found.title == "A fox"
    assert any(repr(event.title) in flag for flag in found.flags), "it says that the describer had told something else then"
    assert bare(merged(again, made).timeline).model_dump() == again.model_dump()


def test_a_correction_whose_event_is_gone_is_kept_and_told(told):
    event = told.events[2]
    _, made = corrected(told, lambda c: c.reject(event.id))
    again = told.model_copy(update={"events": tuple(each for each in told.events if each.id != event.id)})
    merge = merged(again, made)
    assert merge.timeline == again
    assert [each.event for each in merge.orphans] == [event.id]


def test_a_person_s_times_yield_where_the_evidence_lies_elsewhere_now(told):
    event = told.events[2]
    _, made = corrected(told, lambda c: c.edit(event.id, changes(title="A fox", end=event.end - 0.5)))
    moved = tuple(Evidence(frame=each.frame, time=each.time + 1000) for each in event.evidence)
    again = rescanned(told, event.id, start=event.start + 1000, end=event.end + 1000, evidence=moved)
    found = event_of(merged(again, made).timeline, event.id)
    assert (found.title, found.start, found.end) == ("A fox", event.start + 1000, event.end + 1000)
    assert any("times were set by a person" in flag for flag in found.flags)


def test_a_summary_that_cites_what_a_person_corrected_says_so(told):
    event = told.events[0]
    told = told.model_copy(update={"summary": f"Much happened [{event.id}]."})
    shown, _ = corrected(told, lambda c: c.reject(event.id))
    assert any("corrected events since" in flag for flag in shown.flags)
    assert bare(shown).flags == told.flags


def by_rule(told):
    """The timeline with the summary and the chapters that are written without a model."""
    quiet = overview.quiet(told.events, told.coverage)
    unseen = sum(span.end - span.start for span in told.coverage if span.state not in {"described", "unchanged"})
    made = summarize.plain(told.events, told.coverage[-1].end, unseen=unseen, quiet=quiet)
    return told.model_copy(update={"summary": made.summary, "chapters": made.chapters})


def test_a_summary_by_rule_is_written_again_of_what_a_person_left_standing(told):
    told = by_rule(told)
    first, second = told.events[0], told.events[1]

    def correct(corrector):
        corrector.reject(first.id)
        corrector.edit(second.id, changes(title="A fox trots by"))

    shown, _ = corrected(told, correct)
    assert first.id not in shown.summary
    assert first.id in told.summary
    assert "A fox trots by" in shown.summary
    assert shown.flags == told.flags, "it is not older than the corrections"
    assert sorted(each for chapter in shown.chapters for each in chapter.events) == sorted(each.id for each in told.events)
    assert shown.told.summary == told.summary
    assert bare(shown) == told
    assert by_rule(shown).summary == shown.summary


def test_what_a_model_said_of_nothing_but_rejected_events_is_left_out_until_they_are_accepted(told):
    one, two = "e00000010", "e00000020"
    renamed = zip((one, two), told.events, strict=False)
    events = (*(event.model_copy(update={"id": name}) for name, event in renamed), *told.events[2:])
    chapters = tuple(each.model_copy(update={"events": ()}) for each in told.chapters)
    told = told.model_copy(update={"events": events, "chapters": chapters})
    summary = f"A man breaks into the van [{one}]. Then a woman walks by [{two}], as before [{one}, {two}]."
    chapters = tuple(each.model_copy(update={"summary": f"一个人打开车门[{one}]。之后很安静。"}) for each in chapters[:1])
    told = told.model_copy(update={"summary": summary, "chapters": (*chapters, *told.chapters[1:])})
    shown, made = corrected(told, lambda c: c.reject(one))
    assert shown.summary == f"Then a woman walks by [{two}], as before [{one}, {two}]."
    assert shown.chapters[0].summary == "之后很安静。"
    assert any("rejected is left out" in flag for flag in shown.flags)
    assert bare(shown) == told
    assert merged(shown, made).timeline == shown, "merging twice is merging once"
    again, _ = corrected(told, lambda c: (c.reject(one), c.accept(one)))
    assert (again.summary, again.flags, again.told) == (summary, told.flags, None)


# The folder


def test_a_corrected_folder_keeps_the_contract_and_shows_it_everywhere(folder, told):
    from videoscan import registry

    for name in ("timeline.csv", "report.html"):
        (folder / name).write_text("old")
    _, timeline = publish.correct(OutputFolder(folder), lambda c: c.edit(told.events[0].id, changes(title="Ein Fuchs")), by="Lin")
    assert registry.names("exporters")
    hold_to_contract(folder)
    for name in ("timeline.json", "timeline.csv", "report.html"):
        assert "Ein Fuchs" in (folder / name).read_text(encoding="utf-8"), name
    assert not (folder / "timeline.srt").exists(), "nothing that nobody asked for"
    assert selection.read(folder / "timeline.json") == timeline
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_torn_line_costs_only_itself(folder, told):
    first, second = told.events[0].id, told.events[1].id
    publish.correct(OutputFolder(folder), lambda c: c.accept(first))
    path = folder / "reviews.jsonl"
    path.write_bytes(path.read_bytes() + b'{"review":"r1","action":"rej\xff')
    publish.correct(OutputFolder(folder), lambda c: c.reject(second))
    path.write_bytes(path.read_bytes() + b'{"review":"r2","action":"reject","event":"' + second.encode())
    states = {event.id: event.review.state for event in selection.read(folder / "timeline.json").events if event.review}
    assert states == {first: "accepted", second: "rejected"}


def test_corrections_that_came_without_their_file_are_taken_over(folder, told):
    place = OutputFolder(folder)
    publish.correct(place, lambda c: (c.edit(told.events[0].id, changes(title="A")), c.add(changes(title="B", start=1, end=2))))
    publish.correct(place, lambda c: c.reject(told.events[1].id))
    (folder / "reviews.jsonl").unlink()
    _, timeline = publish.correct(place, lambda c: c.accept(told.events[2].id))
    assert [event.review.state for event in timeline.events if event.review is not None] == [
        "added",
        "edited",
        "rejected",
        "accepted",
    ]
    assert event_of(timeline, told.events[0].id).title == "A"
    assert len(Book(folder).read()) == 4


def test_what_is_refused_writes_nothing(folder, told):
    def make(corrector):
        corrector.accept(told.events[0].id)
        corrector.accept("e99999999")

    with pytest.raises(ConfigError):
        publish.correct(OutputFolder(folder), make)
    assert not (folder / "reviews.jsonl").exists()


def test_a_full_disk_is_one_sentence_and_leaves_the_file_as_it_was(folder, told, monkeypatch):
    import os

    publish.correct(OutputFolder(folder), lambda c: c.accept(told.events[0].id))
    before = (folder / "reviews.jsonl").read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"No space left"):
        publish.correct(OutputFolder(folder), lambda c: c.reject(told.events[1].id))
    monkeypatch.undo()
    assert (folder / "reviews.jsonl").read_bytes() == before
    assert event_of(selection.read(folder / "timeline.json"), told.events[1].id).review is None


def test_two_processes_at_once_lose_nothing(folder, told):
    program = """
import pathlib, sys
from videoscan import publish
from videoscan.reviewing.correcting import changes
from videoscan.folder import OutputFolder
for number in range(3):
    publish.correct(OutputFolder(pathlib.Path(sys.argv[1])), lambda c: c.add(changes(title=f"{sys.argv[2]}{number}", start=1, end=2)), by=sys.argv[2])
"""
    running = [subprocess.Popen([sys.executable, "-c", program, folder, name]) for name in ("a", "b")]
    assert [each.wait() for each in running] == [0, 0]
    corrections = Book(folder).read()
    assert len(corrections) == len({each.event for each in corrections}) == 6
    timeline = Timeline.from_json((folder / "timeline.json").read_bytes())
    assert sorted(event.title for event in timeline.events if event.origin == "person") == sorted(
        f"{name}{number}" for name in "ab" for number in range(3)
    )
    assert json.loads((folder / "reviews.jsonl").read_text().splitlines()[0]) == {
        "reviews": "videoscan.reviewing.reviews/1",
        "source": told.source.uri,
    }


# As truth


def test_what_people_said_is_the_truth_for_others(told):
    first, second = (event.id for event in told.events[:2])
    reviewed, _ = corrected(
        told, lambda c: c.accept(first), lambda c: c.reject(second), lambda c: c.add(changes(title="New", start=1, end=2))
    )
    verdict = judge(truth_of(reviewed), told)
    assert (verdict.events.true, verdict.events.recalled) == (2, 1)
    assert [true.what for _, true in verdict.missed] == ["New"]
    assert verdict.invented == (), "what nobody reviewed is not judged, and the rejected one overlaps such"
    wrong = told.model_copy(update={"events": (told.events[1].model_copy(update={"start": 3590.0, "end": 3591.0}),)})
    assert [event.id for _, event in judge(truth_of(reviewed), wrong).invented] == [second]
    assert judge(truth_of(reviewed), reviewed).events.recall == 1.0
