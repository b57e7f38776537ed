"""Many timelines in one file: what goes in, what is found, and what happens to a file that others write, damage or made anew."""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import sqlite3
import subprocess
import sys

import examples
import pytest

from videoscan import publish
from videoscan.document import Review
from videoscan.errors import StoreError
from videoscan.folder import OutputFolder
from videoscan.library import common, schema
from videoscan.library.checking import check
from videoscan.library.search import COUNTED, search
from videoscan.library.store import Library
from videoscan.reviewing import selection
from videoscan.reviewing.correcting import changes
from videoscan.reviewing.selection import Filters


def timeline(
    *titles, camera="Gate", clock="2026-11-21T22:00:00+01:00", uri="/footage/gate.mp4", duration=3600.0, every=10.0, **more
):
    """A recording with one event every so many seconds."""
    base = examples.quiet()
    template = examples.busy(count=2, pictures=1).events[0]
    events = tuple(
        template.model_copy(
            update={
                "id": f"e{number:08d}",
                "title": title if isinstance(title, str) else title[0],
                "start": number * every,
                "end": number * every + 5.0,
                "start_after": number * every,
                "end_before": number * every + 5.0,
                "description": "",
                "tags": (),
                "attributes": {},
                "evidence": tuple(
                    dataclasses.replace(each, picture=f"frames/{number:08d}.jpg") for each in template.evidence[:1]
                ),
                "review": None,
                **(title[1] if not isinstance(title, str) else {}),
                **more,
            }
        )
        for number, title in enumerate(titles)
    )
    source = base.source.model_copy(update={"uri": uri, "camera": camera, "clock": clock, "duration": duration})
    return base.model_copy(update={"events": events, "source": source})


@pytest.fixture
def library(tmp_path):
    with Library(tmp_path / "all.db", create=True) as opened:
        yield opened


def put(library, *titles, name="gate", **more):
    return library.put(timeline(*titles, **more), library.path.parent / name / "timeline.json")


def titles(library, query, filters=None, **more):
    return [hit.title for hit in search(library, query, filters, **more).hits]


# Words


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("red car", {"A red car stops", "Cars, all of them red"}),
        ('"red car"', {"A red car stops"}),
        ("car -red", {"A car, blue"}),
        ("stop* OR blue", {"A red car stops", "A car, blue"}),
        ("ROTER", {"Ein röter Wagen"}),
        ("汽车", {"一辆红色汽车驶入"}),
        ("红色汽车", {"一辆红色汽车驶入"}),
        ("入", {"一辆红色汽车驶入"}),
        ("辆", {"一辆红色汽车驶入"}),
        ("色红", set()),
        ("سيارة", {"سيارة حمراء"}),
        ("🦊", {"🦊 crosses"}),
        ("자동차", {"빨간 자동차가 멈춘다"}),
        ("!!", set()),
    ],
)
def test_words_are_found(library, query, expected):
    put(library, "A red car stops", "Cars, all of them red", "A car, blue", "Ein röter Wagen", "一辆红色汽车驶入", "سيارة حمراء", "🦊 crosses", "빨간 자동차가 멈춘다")  # fmt: skip
    assert set(titles(library, query)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("bicy*", {"Bicycles at the gate", "A bicycle"}),
        ("bus*", {"A bus stops", "Busy hour"}),
        ("vehicle*", {"Two vehicles"}),
        ("runni*", {"Somebody is running"}),
        ("carrie*", {"She carries a box"}),
        ("walk*", {"He walked by"}),
        ("gate bicy*", {"Bicycles at the gate"}),
        ("-bicy* gate", set()),
        ("маш*", {"Красная машина"}),
    ],
)
def test_words_are_found_by_how_they_begin_whatever_the_index_makes_of_the_beginning(library, query, expected):
    put(library, "Bicycles at the gate", "A bicycle", "A bus stops", "Busy hour", "A builder bumps", "Two vehicles")
    put(library, "Somebody is running", "She carries a box", "He walked by", "Красная машина", name="other")
    assert set(titles(library, query)) == expected


WORDS_OF_A_LOG = ["is", "nearby", "a", "man", "gate", "red", "box", "walks", "fox"]


@pytest.mark.parametrize("few", [0, 5, 150])
def test_leaving_words_that_are_everywhere_to_the_end_changes_nothing_in_what_is_found(library, monkeypatch, few):
    rng = random.Random(7)
    put(library, *[f"a {rng.choice(WORDS_OF_A_LOG)} {rng.choice(WORDS_OF_A_LOG)} is nearby" for _ in range(600)])
    asked = ["a man", '"is nearby"', '"man is nearby" gate', '"a man gate is nearby"', "a fox -is", '"fox a"', "is OR fox man"]
    asked += ['red "is nea*"', "a nearb* fox", '"man is" "box is" OR gate', "a is nearby", "man gate nearby zeppelin"]
    filters = Filters(until=2000.0)

    def found(query, order):
        every = search(library, query, filters, order=order, limit=1000)
        return every.count, every.more, [hit.key for hit in every.hits]

    plainly = {(query, order): found(query, order) for query in asked for order in ("newest", "oldest", "best")}
    assert sum(count > 0 for count, _, _ in plainly.values()) > 20
    monkeypatch.setattr(common, "LARGE", 0)
    monkeypatch.setattr(common, "FEW", few)
    with library.reading() as connection:
        assert [word for word in WORDS_OF_A_LOG if common.everywhere(connection, word)] == ["is", "nearby", "a"]
    for (query, order), expected in plainly.items():
        count, more, keys = found(query, order)
        assert (count, more, sorted(keys)) == (*expected[:2], sorted(expected[2])), query
        if order != "best":
            assert keys == expected[2], query


def test_descriptions_tags_and_attributes_are_searched_too(library):
    put(
        library,
        ("A", {"description": "It limps."}),
        ("B", {"tags": ("person", "night shift")}),
        ("C", {"attributes": {"plate": "B-XY 123", "count": 3}}),
    )
    assert titles(library, "limps") == ["A"]
    assert titles(library, '"night shift"') == ["B"]
    assert titles(library, '"person night"') == [], "no phrase reaches from one tag into the next"
    assert titles(library, "XY plate") == ["C"]


def test_the_words_found_are_marked_in_the_text(library):
    text = "Nothing at first. " * 12 + "Then a red fox, 一辆红色汽车, and quiet again. " + "Nothing more. " * 12
    put(library, ("Night", {"description": text, "tags": ("a fox", "cars")}))
    (hit,) = search(library, "fox 汽车").hits
    assert [passage.field for passage in hit.context] == ["description", "tags"]
    marked = [[passage.text[start:end] for start, end in passage.matches] for passage in hit.context]
    assert marked == [["fox", "汽车"], ["fox"]]
    assert len(hit.context[0].text) < 180
    assert hit.context[0].text[0] == hit.context[0].text[-1] == "…"
    (hit,) = search(library, "car").hits
    assert [passage.text[slice(*passage.matches[0])] for passage in hit.context] == ["cars"]


def test_words_found_in_attributes_are_shown_with_the_attributes_name(library):
    facts = {"colour": "blau", "plate": "B-XY 123", "score": None, "seen": ["a red van", "汽车"], "n": 3}
    put(library, ("C", {"attributes": facts}))

    def shown(query: str) -> list[tuple[str, str, list[str]]]:
        (hit,) = search(library, query).hits
        return [(each.field, each.text, [each.text[a:b] for a, b in each.matches]) for each in hit.context]

    assert shown("xy") == [("attributes", "plate: B-XY 123", ["XY"])]
    assert shown("blau red 汽车") == [("attributes", "colour: blau; seen: a red van, 汽车", ["blau", "red", "汽车"])]
    assert shown("plate 3") == [("attributes", "plate: B-XY 123; n: 3", ["plate", "3"])]
    assert shown("C") == [("title", "C", ["C"])]


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "AND",
        "(",
        "NEAR(",
        "title:x",
        "*",
        "'; DROP TABLE words",
        "\0",
        "\ud800",
        "x" * 20_000,
        '"a" ' * 300,
        "-a",
        "·",
        "{title}: y",
    ],
)
def test_no_query_is_an_error(library, query):
    put(library, "A red car stops")
    search(library, query)
    assert titles(library, "red") == ["A red car stops"]


def test_titles_and_tags_count_more_than_descriptions(library):
    put(library, ("Quiet", {"description": "no dog here"}), "A dog", ("Rain", {"tags": ("dog",)}))
    assert titles(library, "dog")[-1] == "Quiet"
    assert titles(library, "dog", order="oldest") == ["Quiet", "A dog", "Rain"]
    assert titles(library, "dog", order="newest", limit=1) == ["Rain"]
    assert titles(library, "dog", order="newest", limit=1, offset=1) == ["A dog"]


def test_with_very_many_matches_the_newest_come_and_it_is_said(library):
    put(library, *(f"car {number}" for number in range(COUNTED + 5)), every=1.0)
    found = search(library, "car", limit=2)
    assert [hit.title for hit in found.hits] == [f"car {COUNTED + 4}", f"car {COUNTED + 3}"]
    assert (found.count, found.more, found.order) == (COUNTED, True, "newest")
    assert any("newest" in note for note in found.notes)


# Filters


def reviewed(state):
    return {"review": Review(state=state)}


def test_filters_narrow_a_search(library):
    put(library, "car", ("car two", {"tags": ("Person", "night")}), name="a", camera="Gate", uri="/footage/north/1.mp4")
    put(
        library,
        "car three",
        ("car four", reviewed("accepted")),
        name="b",
        camera="Yard 2",
        clock="2026-11-22T08:00:00+01:00",
        uri="/footage/south/2.mp4",
    )
    put(
        library,
        "car five",
        ("car six", reviewed("rejected")),
        name="c",
        camera=None,
        clock=None,
        uri="/footage/south/car park.mp4",
    )

    def found(**filters):
        return titles(library, "car", Filters(**filters), order="oldest")

    assert found(cameras=("gate",)) == ["car", "car two"]
    assert found(cameras=("yard*", "car park")) == ["car five", "car three", "car four"]
    assert found(cameras=("nowhere",)) == []
    assert found(tags=("person",)) == ["car two"]
    assert found(tags=("nothing",)) == []
    assert found(reviewed=frozenset({"yes"})) == ["car four"]
    assert found(reviewed=frozenset({"rejected"})) == ["car six"]
    assert found(reviewed=frozenset({"no"})) == ["car five", "car", "car two", "car three"]
    assert found(text="TW") == ["car two"]
    assert found(since=selection.edge("2026-11-22T00:00:00+01:00", what="t")) == ["car three", "car four"]
    assert found(until=selection.edge("2026-11-21T21:00:03Z", what="t")) == ["car"]
    assert found(since=selection.edge("2026-11-21T22:00:10", what="t"), until=selection.edge("2026-11-21T23:00", what="t")) == [
        "car two"
    ]
    assert found(since=7.0) == ["car two", "car four"]
    assert found(until=7.0) == ["car five", "car", "car three"]
    assert titles(library, "", Filters(cameras=("gate",)), order="oldest") == ["car", "car two"]
    assert titles(library, "car", sources=["north"], order="oldest") == ["car", "car two"]
    assert titles(library, "car", sources=["*/south/*.mp4"], order="oldest") == ["car five", "car three", "car four"]


def test_a_library_and_a_selection_agree_on_what_is_within(library, tmp_path):
    made = timeline("a", "b", "c", "d", "e", "f", clock="2026-11-21T22:00:00")
    library.put(made, tmp_path / "x" / "timeline.json")
    for text in ("2026-11-21T22:00:12", "2026-11-21T22:00:12+05:00", "2026-11-21T22:00:30Z", "12", "0", "3000"):
        for name in ("since", "until"):
            filters = Filters(**{name: selection.edge(text, what="t")})
            chosen = selection.select([selection.Member(made)], filters)
            expected = [event.title for event in chosen[0].events] if chosen else []
            assert titles(library, "", filters, order="oldest") == expected, (name, text)


# In, out and anew


def test_hits_say_when_and_where(library):
    put(library, "A red car stops", clock="2026-11-21T22:00:00+01:00")
    (hit,) = search(library, "red").hits
    assert (hit.wall_start, hit.wall_end) == ("2026-11-21T22:00:00.000+01:00", "2026-11-21T22:00:05.000+01:00")
    assert (hit.camera, hit.source, hit.start, hit.end, hit.id) == ("Gate", "/footage/gate.mp4", 0.0, 5.0, "e00000000")
    assert hit.picture == library.path.parent / "gate" / "frames" / "00000000.jpg"


def test_many_events_in_one_moment_keep_apart(library):
    for name in "abc":
        put(library, *["car"] * 50, name=name, every=0.0, camera=name)
        put(library, *["car"] * 50, name=f"{name}-without", every=0.0, clock=None)
    assert search(library, "car", limit=1000).count == 300
    put(library, "car", name="a", camera="a")
    assert search(library, "car", limit=1000).count == 251


@pytest.mark.parametrize("clock", ["0001-01-01T00:00:00", "9999-12-31T23:00:00+00:00", "nonsense", None])
def test_any_clock_can_be_kept(library, clock):
    put(library, "car", clock=clock)
    assert titles(library, "car") == ["car"]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "out" / "gate"
    place.mkdir(parents=True)
    (place / "timeline.json").write_text(timeline("A red car stops", "A fox").to_json(), encoding="utf-8")
    return place


def test_a_timeline_added_again_replaces_itself(library, folder):
    file = folder / "timeline.json"
    assert library.add(file).state == "added"
    assert library.add(file).state == "unchanged"
    file.write_text(timeline("A van").to_json(), encoding="utf-8")
    assert library.add(file).state == "replaced"
    assert titles(library, "") == ["A van"]
    assert titles(library, "fox") == []
    assert [entry.events for entry in library.timelines()] == [1]
    library.remove(library.find(str(folder)).id)
    assert titles(library, "") == []
    assert library.timelines() == []


def test_what_a_person_corrects_is_found_after_a_refresh(library, folder):
    library.add(folder / "timeline.json")
    publish.correct(
        OutputFolder(folder), lambda c: (c.edit("e00000000", changes(title="A blue car stops")), c.reject("e00000001"))
    )
    assert [added.state for added in library.refresh()] == ["replaced"]
    assert library.refresh() == []
    assert titles(library, "") == ["A blue car stops"]
    shutil.rmtree(folder)
    assert library.refresh() == []
    assert titles(library, "blue") == ["A blue car stops"], "it answers when the folder is gone"


def test_whole_timelines_come_out_as_they_went_in(library, folder):
    library.add(folder / "timeline.json")
    (member,) = library.members()
    assert member.timeline == selection.read(folder / "timeline.json")
    assert member.folder == folder
    assert list(library.members(Filters(cameras=("yard",)))) == []


def test_control_characters_and_markup_are_kept_harmlessly(library):
    put(library, ("\x00\x1b[31m<b>رجل\u202e", {"description": "a\x00b", "tags": ("\x07",)}))
    (hit,) = search(library, "رجل").hits
    assert hit.title == "\x00\x1b[31m<b>رجل\u202e"


@pytest.mark.skipif(sys.platform == "win32", reason="paths are text there")
def test_a_path_that_is_no_text_is_kept(library, tmp_path):
    place = tmp_path / os.fsdecode(b"\xff\xfe")
    place.mkdir()
    (place / "timeline.json").write_text(timeline("A fox").to_json(), encoding="utf-8")
    library.add(place / "timeline.json")
    assert [entry.path for entry in library.timelines()] == [place / "timeline.json"]
    assert library.add(place / "timeline.json").state == "unchanged"


# Trouble


def test_a_library_that_is_not_there_is_not_made_by_reading(tmp_path):
    with pytest.raises(StoreError, match="there is no library"):
        Library(tmp_path / "none.db")
    assert not list(tmp_path.iterdir())


def test_what_is_no_library_is_left_alone(tmp_path):
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    (tmp_path / "text.db").write_text("not a database at all, but text that goes on" * 50)
    for path, words in ((other, "no library of videoscan"), (tmp_path / "text.db", "no library")):
        before = path.read_bytes()
        with pytest.raises(StoreError, match=words):
            Library(path, create=True)
        assert path.read_bytes() == before
    with pytest.raises(StoreError, match="cannot open"):
        Library(tmp_path, create=True)


def test_a_newer_version_is_refused_and_left_alone(library, tmp_path):
    library.close()
    connection = sqlite3.connect(library.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match=r"version 99.*update this one"):
        Library(library.path)


def test_migrations_run_once_in_order_and_all_or_none(tmp_path):
    def second(connection):
        connection.execute("ALTER TABLE timelines ADD COLUMN note TEXT")

    def broken(connection):
        connection.execute("CREATE TABLE extra (x)")
        raise sqlite3.OperationalError("the third one fails")

    with Library(tmp_path / "all.db", create=True) as opened:
        connection = opened._connection
        schema.migrate(connection, (*schema.MIGRATIONS, second), "it")
        schema.migrate(connection, (*schema.MIGRATIONS, second), "it")
        with pytest.raises(sqlite3.OperationalError):
            schema.migrate(connection, (*schema.MIGRATIONS, second, broken), "it")
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone() == (0,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_locked_library_is_one_sentence_and_can_still_be_read(library, folder):
    put(library, "A red car stops")
    with library.writing(), Library(library.path, patience=0) as other:
        assert titles(other, "red") == ["A red car stops"]
        with pytest.raises(StoreError, match="locked by another program"):
            other.add(folder / "timeline.json")


def test_a_full_disk_takes_nothing_away(library):
    put(library, "A red car stops")
    library._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError, match="disk is full"):
        put(library, *[(f"car {number}", {"description": "x" * 5000}) for number in range(2000)], name="big", every=1.0)
    library._connection.execute("PRAGMA max_page_count = 1000000")
    assert titles(library, "car") == ["A red car stops"]
    assert [entry.events for entry in library.timelines()] == [1]


def test_a_damaged_library_is_one_sentence(library):
    put(library, *["car"] * 3000)
    library.close()
    data = bytearray(library.path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    library.path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"), Library(library.path) as damaged:
        search(damaged, "car")


READ = """
import sys
from videoscan.errors import StoreError
from videoscan.library.checking import check
from videoscan.library.search import search
from videoscan.library.store import Library
try:
    with Library(sys.argv[1]) as library:
        print([hit.title for hit in search(library, "red").hits], [problem.kind for problem in check(library)])
        library.remove(1)
except StoreError as fault:
    print(fault.message)
"""


def read_where_nothing_can_be_written(path):
    """Read a library, look it over and try to change it, in a process that has not even root's right to write to any folder."""
    held = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.geteuid() == 0 else []
    path.parent.chmod(0o555)
    try:
        done = subprocess.run([*held, sys.executable, "-c", READ, path], capture_output=True, text=True, check=True)
    finally:
        path.parent.chmod(0o755)
    return done.stdout


def test_a_library_in_a_folder_that_cannot_be_written_is_read_and_looked_over(tmp_path):
    path = tmp_path / "shelf" / "all.db"
    with Library(path, create=True) as library:
        library.put(timeline("A red car stops"), path.parent / "gate" / "timeline.json")
    said = read_where_nothing_can_be_written(path)
    assert said.startswith("['A red car stops'] ['missing', 'pictures']"), said
    assert "cannot open or write the library" in said
    assert sorted(each.name for each in path.parent.iterdir()) == ["all.db"]


def test_a_library_whose_last_changes_cannot_be_read_is_not_read_without_them(tmp_path):
    path = tmp_path / "shelf" / "all.db"
    with Library(path, create=True) as library:
        library.put(timeline("A red car stops"), path.parent / "gate" / "timeline.json")
        copy = tmp_path / "copy" / "all.db"
        copy.parent.mkdir()
        for name in ("all.db", "all.db-wal"):
            shutil.copyfile(path.with_name(name), copy.with_name(name))
    assert "its last changes are in all.db-wal" in read_where_nothing_can_be_written(copy)
    with Library(copy) as library:
        assert titles(library, "red") == ["A red car stops"]


def test_two_processes_write_at_once_and_nothing_is_lost(library, tmp_path):
    for name in ("a", "b"):
        for number in range(4):
            place = tmp_path / name / str(number)
            place.mkdir(parents=True)
            (place / "timeline.json").write_text(timeline(*[f"car {name}{number}"] * 20).to_json(), encoding="utf-8")
    program = """
import pathlib, sys
from videoscan.library.store import Library
with Library(sys.argv[1]) as library:
    for file in sorted(pathlib.Path(sys.argv[2]).rglob("timeline.json")):
        library.add(file)
"""
    running = [subprocess.Popen([sys.executable, "-c", program, library.path, tmp_path / name]) for name in ("a", "b")]
    assert [each.wait() for each in running] == [0, 0]
    assert len(library.timelines()) == 8
    assert search(library, "car").count == 160


# Looked over


def problems(library, **more):
    return [(problem.kind, problem.repaired) for problem in check(library, **more)]


def test_a_whole_library_has_no_problem(library, folder):
    (folder / "frames").mkdir()
    for number in range(2):
        (folder / "frames" / f"{number:08d}.jpg").write_bytes(b"")
    library.add(folder / "timeline.json")
    assert problems(library) == []
    (folder / "frames" / "00000001.jpg").unlink()
    assert problems(library) == [("pictures", False)]
    (folder / "timeline.json").write_text(timeline("A van").to_json())
    assert problems(library) == [("changed", False), ("pictures", False)]
    shutil.rmtree(folder)
    assert problems(library) == [("missing", False), ("pictures", False)]


def test_rows_that_belong_to_nothing_are_found_and_taken_away(library):
    put(library, "A red car stops", "A fox")
    connection = library._connection
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("INSERT INTO words (rowid, title) VALUES (77, 'lost')")
    connection.execute("INSERT INTO events SELECT key + 99999999, 4711, id, start, end, wall, title, description, tags, attributes, confidence, importance, origin, review, picture FROM events LIMIT 1")  # fmt: skip
    inside = [problem for problem in check(library) if problem.inside]
    assert [(problem.kind, problem.message) for problem in inside] == [
        ("orphaned", "1 events of no timeline"),
        ("orphaned", "1 words of no event"),
    ]
    assert [each for each in problems(library, repair=True) if each[0] == "orphaned"] == [("orphaned", True)] * 2
    assert not [problem for problem in check(library) if problem.inside]
    assert titles(library, "fox") == ["A fox"]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM words WHERE rowid = (SELECT max(rowid) FROM words)",
        "DELETE FROM events WHERE key = (SELECT max(key) FROM events)",
        "UPDATE timelines SET document = x'00'",
        "DELETE FROM words_data WHERE id > 10",
        "UPDATE words_content SET c0 = 'other' WHERE id = (SELECT max(id) FROM words_content)",
    ],
)
def test_what_is_damaged_inside_is_found_and_repaired(library, folder, damage):
    library.add(folder / "timeline.json")
    library._connection.execute(damage)
    assert [problem for problem in check(library) if problem.inside]
    assert all(problem.repaired for problem in check(library, repair=True) if problem.inside)
    assert not [problem for problem in check(library) if problem.inside]
    assert titles(library, "fox") == ["A fox"]
