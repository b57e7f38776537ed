"""Which events of which timelines a command works on."""

from __future__ import annotations

import json

import click
import examples
import pytest
from click.testing import CliRunner

from videoscan.cli import selection as options_of
from videoscan.document import Review, Timeline
from videoscan.errors import ConfigError, SourceNotFound, SourceUnsupported
from videoscan.exporters.wording import NARROWED
from videoscan.reviewing.selection import Filters, Member, by_clock, edge, files, load, read, select


@pytest.fixture(scope="module")
def night():
    return examples.carpark()


def titles(timeline, **filters):
    chosen = select([Member(timeline)], Filters(**filters))
    return [event.title for each in chosen for event in each.events]


def test_without_filters_all_of_everything_is_chosen_and_nothing_is_rewritten(night):
    (chosen,) = select([Member(night)], Filters())
    assert chosen.events == night.events
    assert chosen.narrowed() is night
    assert chosen.span == (0.0, 28800.0)


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"tags": ("PERSON",)}, 2),
        ({"tags": ("person", "animal")}, 3),
        ({"text": "door HANDLE"}, 0),
        ({"text": "dark cars"}, 1),
        ({"text": "外套"}, 1),
        ({"text": "🦊"}, 1),
        ({"since": 4210.0, "until": 12500.0}, 2),
        ({"since": 760.0, "until": 761.0}, 1),
        ({"since": 791.0, "until": 1804.0}, 0),
        ({"until": 751.0}, 0),
        ({"reviewed": frozenset({"yes"})}, 1),
        ({"reviewed": frozenset({"no"})}, 6),
        ({"reviewed": frozenset({"rejected"})}, 1),
        ({"reviewed": frozenset({"rejected", "added"})}, 2),
        ({"cameras": ("car*",)}, 8),
        ({"cameras": ("gate", "CAR PARK 3")}, 8),
        ({"cameras": ("park",)}, 0),
        ({"tags": ("person",), "text": "barrier"}, 1),
    ],
)
def test_filters_narrow_by_what_they_name(night, filters, count):
    assert len(titles(night, **filters)) == count


@pytest.mark.parametrize(
    "since",
    ["2026-11-21T22:30:00", "2026-11-21T22:30:00+01:00", "2026-11-21T21:30:00Z", "2026-11-21 22:30", "30:00", "1800"],
)
def test_wall_time_and_video_time_name_the_same_place(night, since):
    found = titles(night, since=edge(since, what="--from"), until=edge("1900", what="--to-time"))
    assert found == [examples.CHINESE, examples.SCRIPT]


def test_a_wall_time_leaves_out_recordings_of_another_night_and_those_without_a_clock(night):
    wanted = Filters(since=edge("2026-11-22T00:00:00+01:00", what="--from"))
    other = night.model_copy(update={"source": night.source.model_copy(update={"clock": "2026-11-20T22:00:00+01:00"})})
    assert [each.timeline for each in select(map(Member, (night, other, examples.quiet())), wanted)] == [night]


def test_a_clock_without_offset_is_compared_as_it_shows():
    morning = examples.busy(count=10)  # its clock is 2026-11-21T06:00:00
    wanted = Filters(since=edge("2026-11-21T06:01:00+05:00", what="--from"))
    assert len(titles(morning, since=wanted.since)) == 5


def test_a_recording_without_a_camera_is_known_by_its_file():
    quiet = examples.quiet()
    assert select([Member(quiet)], Filters(cameras=("night",)))
    assert select([Member(quiet)], Filters(cameras=("night.mp4",)))
    assert not select([Member(quiet)], Filters(cameras=("day",)))


def test_a_recording_in_which_nothing_was_found_stays(night):
    (chosen,) = select([Member(night)], Filters(tags=("no such tag",)))
    assert chosen.events == ()


def test_a_narrowed_timeline_says_so_and_keeps_its_account_of_time(night):
    (chosen,) = select([Member(night)], Filters(tags=("person",), since=0.0))
    narrowed = chosen.narrowed()
    assert [event.id for event in narrowed.events] == [event.id for event in chosen.events]
    assert narrowed.flags[-1] == f"{NARROWED}2 of 8 events: from 0:00, tag person"
    assert narrowed.coverage == night.coverage
    assert {each for chapter in narrowed.chapters for each in chapter.events} == {event.id for event in chosen.events}
    assert Timeline.from_json(narrowed.to_json()) == narrowed


def test_an_event_that_was_edited_counts_as_reviewed(night):
    edited = night.events[0].model_copy(update={"review": Review(state="edited", by="Lin")})
    changed = night.model_copy(update={"events": (edited, *night.events[1:])})
    assert len(titles(changed, reviewed=frozenset({"yes"}))) == 2


def test_recordings_are_put_in_order_of_their_clocks(night):
    chosen = select(map(Member, (examples.quiet(), night, examples.busy(count=10))), Filters())
    assert [each.timeline.source.camera for each in by_clock(chosen)] == ["Gate", "Car park 3", None]


@pytest.mark.parametrize("text", ["", "soon", "-3", "2026-11-21", "2026-13-01T10:00", "25:61:00"])
def test_a_time_that_is_none_is_said_so(text):
    with pytest.raises(ConfigError):
        edge(text, what="--from")


# Files


def test_files_and_folders_mean_the_timelines_in_them_each_once(night, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "timeline.json").write_text(night.to_json())
    found = load([str(tmp_path), str(tmp_path / "a"), str(tmp_path / "b" / "timeline.json")])
    assert [member.folder for member in found] == [tmp_path / "a", tmp_path / "b"]
    with pytest.raises(SourceNotFound):
        files(str(tmp_path / "c"))


def spoilt(night, change):
    made = json.loads(night.to_json())
    change(made)
    return json.dumps(made)


def of(key, value, *path):
    def change(made):
        place = made
        for step in path:
            place = place[step]
        place[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (of("schema", "videoscan.timeline/2"), "has the schema 'videoscan.timeline/2'"),
        (of("title", "", "events", 2), "events[2].title"),
        (of("start", "soon", "events", 0), "events[0].start"),
        (of("start", -1, "events", 0), "greater than or equal to 0, not -1"),
        (of("end", 3, "events", 0), "ends at 3 s, before it starts at 751 s"),
        (of("start", 1e9, "events", 7), "before it starts"),
        (of("end", float("inf"), "events", 1), "a time that is no number"),
        (of("duration", float("nan"), "source"), "duration"),
        (of("end", float("nan"), "coverage", 0), "coverage[0]"),
        (of("events", {}), "events"),
        (lambda made: made["source"].pop("uri"), "source.uri: field required"),
        (lambda made: made["events"].append(made["events"][-1]), "has the id of another event"),
        (lambda made: made.pop("schema"), "is not a timeline of schema"),
    ],
)
def test_what_was_changed_by_hand_and_wrong_is_named_with_its_place(night, tmp_path, change, said):
    file = tmp_path / "timeline.json"
    file.write_text(spoilt(night, change))
    with pytest.raises(SourceUnsupported) as found:
        read(file)
    assert said in found.value.message
    assert str(file) in found.value.message
    assert len(found.value.message) < 400


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "no whole JSON"), (b"[1]", "not a timeline"), (b"\xff\xfe", "no whole JSON"), (b"[" * 200_000, "no whole JSON")],
)
def test_what_is_no_timeline_at_all_is_said_so(tmp_path, data, said):
    file = tmp_path / "timeline.json"
    file.write_bytes(data)
    with pytest.raises(SourceUnsupported, match=said):
        read(file)


def test_a_timeline_that_was_cut_short_is_said_so(night, tmp_path):
    file = tmp_path / "timeline.json"
    file.write_text(night.to_json()[:2000])
    with pytest.raises(SourceUnsupported, match="no whole JSON"):
        read(file)


def test_events_out_of_order_are_put_in_order(night, tmp_path):
    file = tmp_path / "timeline.json"
    file.write_text(spoilt(night, lambda made: made["events"].reverse()))
    assert read(file).events == night.events


# The options


@click.command(cls=options_of.Command)
@click.argument("names", nargs=-1)
@options_of.options
def probe(*, names, filters):
    click.echo(json.dumps([names, sorted(filters.reviewed), filters.words()]))


@pytest.mark.parametrize(
    ("arguments", "reviewed"),
    [
        (["--reviewed", "out"], ["yes"]),
        (["out", "--reviewed"], ["yes"]),
        (["--reviewed", "rejected", "out"], ["rejected"]),
        (["--reviewed=no", "--reviewed=added", "out"], ["added", "no"]),
        (["out"], []),
    ],
)
def test_reviewed_stands_alone_or_with_a_state(arguments, reviewed):
    done = CliRunner().invoke(probe, arguments)
    assert json.loads(done.output)[:2] == [["out"], reviewed]


def test_the_options_come_to_filters():
    done = CliRunner().invoke(
        probe, ["--camera", "a", "--camera", "b", "--from", "90", "--to-time", "2026-11-21T06:00", "--text", "x"]
    )
    assert json.loads(done.output)[2] == "camera a or b, from 1:30, to 2026-11-21T06:00:00, text x"


def test_a_selection_without_any_timeline_is_an_error_that_says_why(night, tmp_path):
    (tmp_path / "timeline.json").write_text(night.to_json())
    with pytest.raises(SourceNotFound, match="camera gate"):
        options_of.resolve([str(tmp_path)], Filters(cameras=("gate",)))
