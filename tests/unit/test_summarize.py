"""Summaries and chapters: by rule, and how what a model wrote is held to the events."""

from __future__ import annotations

import pytest

from videoscan.document import CoverageSpan, Event, Review
from videoscan.summary import overview
from videoscan.summary.summarize import (
    MOST_CHAPTERS,
    chapters_for,
    cited,
    digest,
    items_of,
    lifted,
    parts_of,
    plain,
    prompt_for,
    read,
    sentences,
)


def happens(start, end, title="A person walks", *, importance=0.5, aliases=(), **more):
    return Event(
        id=f"e{round(start * 10):08d}", aliases=aliases, origin="model", start=start, end=end, start_after=start, end_before=end,
        title=title, importance=importance, **more,
    )  # fmt: skip


NIGHT = [
    happens(10, 14, "A fox crosses the yard", importance=0.2),
    happens(20, 25, "A van stops at the gate", importance=0.6, aliases=("e00000222",)),
    happens(400, 420, "A man climbs the fence", importance=0.9),
    happens(425, 430, "The man runs off", importance=0.8),
]
VAN, MAN = NIGHT[1].id, NIGHT[2].id


# --- by rule


def test_a_plain_summary_tells_what_matters_most_in_order_and_every_sentence_cites_an_event():
    made = plain(NIGHT, 600.0)
    assert made.summary.startswith("A fox crosses the yard [e00000100]. A van stops at the gate [e00000200].")
    assert cited(made.summary, NIGHT) == (made.summary, [])


def test_a_sentence_ends_with_the_full_stop_of_its_script():
    events = [happens(10, 14, "白色面包车驶入。"), happens(20, 25, "男子离开"), happens(30, 35, "The lamp goes out")]
    made = plain(events, 40.0)
    assert made.summary == "白色面包车驶入 [e00000100]。 男子离开 [e00000200]。 The lamp goes out [e00000300]."
    assert cited(made.summary, events) == (made.summary, [])
    assert len(sentences(made.summary)) == 3


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("unchanged", "Nothing happened for 6 min 15 s (1 picture described), between [e00000200] and [e00004000]."),
        ("described", "Nothing was reported for 6 min 15 s, between [e00000200] and [e00004000]."),
        ("failed", "more"),
        ("lost", "more"),
        ("skipped", "more"),
    ],
)
def test_only_what_was_looked_at_is_called_quiet(state, says):
    between = CoverageSpan(start=30, end=395, state=state, same_as=250 if state == "unchanged" else None)
    coverage = [
        CoverageSpan(start=0, end=30, state="described"),
        between,
        CoverageSpan(start=395, end=430, state="described"),
        CoverageSpan(start=430, end=600, state="lost"),
    ]
    made = plain(NIGHT, 600.0, quiet=overview.quiet(NIGHT, coverage)).summary
    assert cited(made, NIGHT) == (made, [])
    if says == "more":
        assert "Nothing" not in made, "nobody knows what happened there"
    else:
        assert says in made


def test_replays_are_told_apart_and_never_as_what_matters():
    again = happens(430, 440, "Replay: a man climbs the fence", importance=1.0, tags=("replay",), replay_of=MAN)
    made = plain([*NIGHT, again], 600.0)
    assert made.summary.count("climbs") == 1
    assert f"1 replay [{again.id}]." in made.summary
    assert "Replay" not in " ".join(chapter.title for chapter in made.chapters)
    assert f"shows [{MAN}] again" in items_of([*NIGHT, again])[-1].text
    assert "Replay" in plain([again], 600.0).chapters[0].title, "where there is nothing else it has to do"


def test_plain_chapters_tile_the_source_and_begin_where_something_happens_again():
    made = plain(NIGHT, 600.0)
    assert [(chapter.start, chapter.end) for chapter in made.chapters] == [(0.0, 400), (400, 600.0)]
    assert made.chapters[1].title == "A man climbs the fence"
    assert made.chapters[1].events == (NIGHT[2].id, NIGHT[3].id)


def test_only_the_longest_gaps_part_chapters_when_there_are_too_many():
    events = [happens(100.0 * n, 100.0 * n + 5 + n % 7) for n in range(200)]
    made = plain(events, 20_000.0)
    assert len(made.chapters) <= MOST_CHAPTERS
    assert sum(len(chapter.events) for chapter in made.chapters) == 200


def test_more_events_than_are_told_are_counted():
    events = [happens(5.0 * n, 5.0 * n + 2, f"Car {n} passes", importance=n / 100) for n in range(20)]
    assert plain(events, 200.0).summary.endswith(f"15 more events between [{events[0].id}] and [{events[14].id}].")


def test_what_happens_again_and_again_is_said_once():
    events = [happens(5.0 * n, 5.0 * n + 2) for n in range(4)]
    assert plain(events, 60.0).summary == "A person walks (×4) [e00000000, e00000050, e00000100, e00000150]."


def test_without_events_there_is_a_sentence_and_no_chapter():
    made = plain([], 90.0)
    assert (made.summary, made.chapters) == ("Nothing was reported in 1 min 30 s.", ())


def test_what_a_person_added_is_told_once_and_cited_like_any_other():
    added = happens(5, 8, "A ladder is left at the wall").model_copy(
        update={"id": "p1dce9350", "origin": "person", "evidence": ()}
    )
    told = plain([added, *NIGHT], 600.0).summary
    assert told.count("p1dce9350") == 1
    assert cited(told, [added, *NIGHT]) == (told, [])


def test_what_a_person_rejected_is_not_told():
    events = [NIGHT[0], NIGHT[1].model_copy(update={"review": Review(state="rejected")})]
    assert "van" not in plain(events, 60.0).summary
    assert all("van" not in item.text for item in items_of(events))


# --- citations


@pytest.mark.parametrize(
    ("text", "held", "flagged"),
    [
        (f"A van stops [{VAN}].", f"A van stops [{VAN}].", 0),
        (f"A van stops. [{VAN}] A man comes [{MAN}, {VAN}].", f"A van stops. [{VAN}] A man comes [{MAN}, {VAN}].", 0),
        ("A van stops [e00000222].", f"A van stops [{VAN}].", 0),
        (f"A van stops [{VAN}, e99999999].", f"A van stops [{VAN}].", 1),
        ("A dragon lands [e99999999].", "A dragon lands.", 2),
        (f"A van stops [{VAN}]. And it was good.", f"A van stops [{VAN}]. And it was good.", 1),
        (f"2.5 t of sand fall off the van [{VAN}].", f"2.5 t of sand fall off the van [{VAN}].", 0),
        (f"面包车停在门口 [{VAN}]。一名男子翻墙 [{MAN}]。", f"面包车停在门口 [{VAN}]。一名男子翻墙 [{MAN}]。", 0),
        (f"面包车停在门口。一名男子翻墙 [{MAN}]。", f"面包车停在门口。一名男子翻墙 [{MAN}]。", 1),
        (f"At 03:12 a van stops [{VAN}].", f"At 03:12 a van stops [{VAN}].", 1),
        ("", "", 0),
    ],
)  # fmt: skip
def test_citations_are_held_to_the_events(text, held, flagged):
    kept, flags = cited(text, NIGHT)
    assert kept == held
    assert len(flags) == flagged, flags


def test_a_citation_behind_the_full_stop_belongs_to_the_sentence_before():
    assert sentences(f"One. [{VAN}] Two [{MAN}]. Three") == [f"One. [{VAN}]", f"Two [{MAN}].", "Three"]


def test_a_score_that_an_event_tells_is_no_time():
    events = [happens(10, 14, "The score is 12:10")]
    assert cited(f"The score is 12:10 [{events[0].id}].", events)[1] == []


# --- by a model


def test_an_event_is_one_line_with_id_times_words_and_facts():
    (item,) = items_of(
        [happens(72, 80, "Goal", description="From\nfar out.", tags=("goal",), attributes={"score": "2:1", "team": None})]
    )
    assert item.text == "[e00000720] 1:12 to 1:20: Goal. From far out. (goal, score: 2:1, importance 0.5)"


def test_any_number_of_events_goes_into_parts_within_the_budget_and_every_level_is_smaller():
    items = items_of([happens(5.0 * n, 5.0 * n + 2, "A person walks along the fence and looks about") for n in range(5000)])
    parts = parts_of(items, 800)
    assert [item for part in parts for item in part] == items
    assert all(sum(item.tokens for item in part) <= 800 for part in parts)
    assert all(chapters_for(len(part), last=False) <= len(part) / 2 for part in parts)
    # Lines larger than the budget still come two by two.
    assert all(len(part) >= 2 for part in parts_of(items, 1))
    assert parts_of(items[:1], 1) == [items[:1]]


def test_the_events_come_last_and_the_question_before_them():
    prompt = prompt_for(items_of(NIGHT), most=3, question="Who came?", language="German")
    assert prompt.instructions.endswith(items_of(NIGHT)[-1].text)
    assert prompt.instructions.index("German") < prompt.instructions.index("Who came?") < prompt.instructions.index("[e00000100]")
    assert prompt.schema["properties"]["chapters"]["maxItems"] == 3


def answer(*chapters, summary=f"A man comes [{MAN}]."):
    return {
        "chapters": [{"first_event": first, "title": title, "summary": words} for first, title, words in chapters],
        "summary": summary,
    }


def test_a_good_answer_gives_chapters_with_their_events_and_times():
    items = items_of(NIGHT)
    told = read(
        answer((NIGHT[0].id, "Animals", f"A van [{VAN}]."), (MAN, "The break-in", f"A man [{MAN}].")), items, NIGHT, most=5
    )
    made = digest(told, NIGHT, 600.0)
    assert made.summary == f"A man comes [{MAN}]."
    assert [(c.start, c.end, c.title, len(c.events)) for c in made.chapters] == [
        (0, 400, "Animals", 2),
        (400, 600, "The break-in", 2),
    ]
    assert made.flags == ()


def test_a_chapter_that_begins_nowhere_is_left_out_and_the_first_begins_with_the_first_event():
    items = items_of(NIGHT)
    told = read(answer(("e99999999", "Dragons", ""), (MAN, "The break-in", ""), (MAN, "Again", "")), items, NIGHT, most=5)
    assert [chapter[:2] for chapter in told.chapters] == [(0, "The break-in")]
    assert any("Dragons" in flag for flag in told.flags)
    # An event of another part is no beginning either.
    assert read(answer((NIGHT[0].id, "Animals", ""), summary=""), items[2:], NIGHT, most=5) is None


@pytest.mark.parametrize(
    "junk",
    [
        {}, {"chapters": None, "summary": 7}, {"chapters": ["x", {"title": ""}], "summary": ""}, {"events": []},
        {"chapters": {"title": "x"}, "summary": None},
    ],
)  # fmt: skip
def test_an_answer_that_says_nothing_is_none(junk):
    assert read(junk, items_of(NIGHT), NIGHT, most=5) is None


def test_a_summary_without_chapters_gets_those_of_the_rule():
    told = read({"summary": f"A man comes [{MAN}]."}, items_of(NIGHT), NIGHT, most=5)
    assert digest(told, NIGHT, 600.0).chapters == plain(NIGHT, 600.0).chapters


def test_chapters_of_one_level_are_the_lines_of_the_next():
    items = items_of(NIGHT)
    parts = [items[:2], items[2:]]
    reads = [
        read(answer((NIGHT[0].id, "Animals", f"A van [{VAN}]."), summary=""), parts[0], NIGHT, most=1),
        read({"chapters": [], "summary": f"A man comes [{MAN}]."}, parts[1], NIGHT, most=1),
    ]
    assert [(item.place, item.text) for item in lifted(reads, parts, NIGHT)] == [
        (0, f"[e00000100] from 0:10: Animals. A van [{VAN}]."),
        (2, f"[{MAN}] from 6:40: A man climbs the fence. A man comes [{MAN}]."),
    ]
