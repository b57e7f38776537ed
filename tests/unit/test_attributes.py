"""Fields of events: what a model's value is read as, what is left out, and how two tellings are joined."""

import jsonschema
import pytest

from videoscan import attributes, config, registry
from videoscan.attributes import Field
from videoscan.describers import answer, shape, split
from videoscan.errors import ConfigError
from videoscan.testing.model_server import answer as written
from videoscan.testing.model_server import event

FIELDS = {
    "score": Field("text", "the score"),
    "people": Field("int", "how many", min=0, max=20),
    "speed": Field("number", "m/s", min=0),
    "masked": Field("bool", "whether"),
    "severity": Field("choice", "how bad", choices=("low", "High alarm", "none")),
    "doors": Field("list", "which doors"),
    "teams": Field("list", "whose", choices=("home", "away")),
}


def read(**told):
    flags = []
    values = attributes.read(told, FIELDS, flags)
    assert list(values) == list(FIELDS), "a declared field is always there"
    return {name: value for name, value in values.items() if value is not None}, flags


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("score", "2:1"),
        ("people", 3),
        ("people", 0),
        ("speed", 1.5),
        ("speed", 2),
        ("masked", False),
        ("severity", "low"),
        ("severity", "none"),
        ("doors", ["a", "b"]),
        ("doors", []),
        ("teams", ["away"]),
    ],
)
def test_a_value_of_the_right_type_is_taken_as_it_is(name, value):
    values, flags = read(**{name: value})
    assert values == {name: value}
    assert type(values[name]) is type(value)
    assert flags == []


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("people", "3", 3),
        ("people", " 12 ", 12),
        ("speed", "1.5", 1.5),
        ("score", 3, "3"),
        ("masked", "Yes", True),
        ("masked", 0, False),
        ("severity", "LOW", "low"),
        ("severity", "high-alarm", "High alarm"),
        ("doors", "front, back", ["front", "back"]),
        ("doors", ["front", 2, "front"], ["front", "2"]),
        ("teams", ["Home", "reds"], ["home"]),
        ("score", "x" * 500, "x" * 200),
    ],
)
def test_what_can_be_read_without_guessing_is_converted_and_flagged(name, value, held):
    values, flags = read(**{name: value})
    assert values == {name: held}
    assert type(values[name]) is type(held)
    assert len(flags) == 1
    assert flags[0].startswith(f"{name}: ")
    assert " read as " in flags[0]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("people", "three", "no whole number"),
        ("people", "3 people", "no whole number"),
        ("people", 2.5, "no whole number"),
        ("people", True, "no whole number"),
        ("people", 21, "not from 0 to 20"),
        ("people", -1, "not from 0 to 20"),
        ("people", 10**40, "no whole number"),
        ("speed", "1,5", "no number"),
        ("speed", -0.1, "not from 0"),
        ("speed", float("inf"), "no number"),
        ("masked", 2, "neither true nor false"),
        ("masked", "maybe", "neither true nor false"),
        ("severity", "terrible", "none of the choices"),
        ("severity", ["low"], "none of the choices"),
        ("score", {"home": 1}, "no text"),
        ("score", True, "no text"),
        ("doors", 3, "no list of texts"),
        ("teams", ["reds", "blues"], "none of the choices"),
    ],
)
def test_what_cannot_is_left_out_and_flagged(name, value, why):
    values, flags = read(**{name: value})
    assert values == {}
    assert len(flags) == 1
    assert why in flags[0]
    assert flags[0].endswith("left out")


@pytest.mark.parametrize("nothing", [None, "", "  ", "null", "N/A", "unknown", "-"])
def test_nothing_is_null_and_no_fault(nothing):
    assert read(score=nothing, people=nothing, teams=nothing) == ({}, [])


def test_what_was_not_asked_for_is_left_out_and_named():
    values, flags = read(score="1:0", mood="tense", a="1", b="2", c="3")
    assert values == {"score": "1:0"}
    assert flags == [f"{attributes.NOT_ASKED}mood, a, b and 1 more"]


def test_a_name_counts_whatever_its_case_and_the_exact_one_first():
    assert read(Score="1:0", PEOPLE=2) == ({"score": "1:0", "people": 2}, [])
    fields = {"match_clock": Field("text", "the clock")}
    assert attributes.read({"Match Clock": "12:00"}, fields, []) == {"match_clock": "12:00"}


def test_the_schema_takes_what_reading_takes_without_a_flag_and_refuses_the_rest():
    schema = {"type": "object", "properties": attributes.schema(FIELDS)}
    jsonschema.Draft202012Validator.check_schema(schema)
    good = {"score": "1", "people": 20, "speed": 0.5, "masked": True, "severity": "none", "doors": ["a"], "teams": ["home"]}
    jsonschema.validate(good, schema)
    jsonschema.validate(dict.fromkeys(good), schema)
    assert read(**good) == (good, [])
    for name, value in (("people", 21), ("people", "3"), ("severity", "LOW"), ("teams", ["reds"]), ("score", 1), ("masked", 0)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({name: value}, schema)


def test_the_form_that_is_drawn_in_words_names_types_choices_and_null():
    drawn = shape.drawn({"type": "object", "properties": attributes.schema(FIELDS)})
    assert '"people": integer or null from 0 to 20' in drawn or '"people": integer or null 0 to 20' in drawn
    assert '"severity": "low" or "High alarm" or "none" or null' in drawn
    assert '"doors": [string, ...] or null' in drawn


def test_an_answer_s_attributes_are_read_wherever_the_model_put_them():
    said = written([event("Goal", 1, attributes={"people": "3", "mood": "tense"}, score="1:0"), event("Kick-off", 1)])
    first, second = answer.read(said, [0], FIELDS).events
    assert (first.attributes["score"], first.attributes["people"]) == ("1:0", 3)
    assert first.flags == (f"{attributes.NOT_ASKED}mood", 'people: "3" read as 3')
    assert set(second.attributes.values()) == {None}
    assert second.flags == ()


def test_without_fields_nothing_is_kept_and_an_empty_table_is_no_fault():
    kept, bad = answer.read(written([event("A", 1), event("B", 1, attributes={"x": 1})]), [0]).events
    assert (kept.attributes, kept.flags) == ({}, ())
    assert (bad.attributes, bad.flags) == ({}, (f"{attributes.NOT_ASKED}x",))


def test_an_answer_whose_attributes_are_no_table_is_read():
    for wrong in ([], "score", 3, None):
        (told,) = answer.read(written([event("A", 1, attributes=wrong)]), [0], FIELDS).events
        assert set(told.attributes.values()) == {None}


# Joining


def test_of_two_tellings_a_value_wins_over_null_lists_are_united_and_the_later_one_holds():
    before = {"score": "1:0", "people": None, "doors": ["front"], "speed": 2.0}
    after = {"score": "2:0", "people": 3, "doors": ["back", "front"], "speed": 2.0, "new": 1}
    values, flags = attributes.joined(before, after)
    assert values == {"score": "2:0", "people": 3, "doors": ["front", "back"], "speed": 2.0, "new": 1}
    assert flags == {"score": 'score was "1:0" at first'}
    assert attributes.joined(after, dict.fromkeys(after)) == (after, {})
    assert before["doors"] == ["front"], "what went in is left alone"


def test_what_changes_in_every_window_is_flagged_once_with_its_first_value():
    values, flags = {"score": "0:0", "people": 1}, []
    for number in range(1, 100):
        values, more = attributes.joined(values, {"score": f"{number}:0", "people": number % 2}, attributes.changed_in(flags))
        flags += more.values()
    assert values["score"] == "99:0"
    assert flags == ['score was "0:0" at first', "people was 1 at first"]


def test_the_parts_of_a_window_that_was_split_are_joined_alike():
    def told(first, last, **values):
        return answer.read(written([event("Goal", first, last, attributes=values)]), [0], FIELDS)

    part = split.Part(pictures=(picture(0),), offset=0), split.Part(pictures=(picture(1),), offset=1)
    merged = split.merge([(part[0], told(1, 1, score="1:0")), (part[1], told(1, 1, score="2:0", people=2))])
    (one,) = merged.events
    assert (one.first, one.last) == (0, 1)
    assert (one.attributes["score"], one.attributes["people"]) == ("2:0", 2)
    assert 'score was "1:0" at first' in one.flags


def picture(frame):
    from videoscan.model import Picture

    return Picture(frame=frame, time=float(frame), data=b"", base64=b"", media_type="image/jpeg", width=1, height=1)


# Declaring


def declared(**fields):
    return config.load({"prompt": {"fields": fields}}, environ={}).profile.prompt


def test_a_profile_declares_fields_and_they_are_stored_whole():
    loaded = config.load(
        {
            "prompt": {
                "fields": {"people": {"type": "int", "meaning": "how many", "min": 0}, "比分": {"type": "text", "meaning": "x"}}
            }
        },
        environ={},
    )
    assert loaded.profile.prompt.asked["people"] == Field("int", "how many", min=0)
    assert "比分" in loaded.profile.prompt.asked
    again = config.load(registry.complete(loaded.profile), environ={})
    assert again.profile.prompt == loaded.profile.prompt
    rows = {row.key: row for row in registry.explain(loaded)}
    assert rows["prompt.fields.people.type"].value == "int"
    assert rows["prompt.fields.people.type"].origin == "given profile"


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"type": "float", "meaning": "x"}, "prompt.fields.a.type"),
        ({"type": "text"}, "prompt.fields.a.meaning"),
        ({"type": "text", "meaning": ""}, "must not be empty"),
        ({"type": "choice", "meaning": "x"}, "needs choices"),
        ({"type": "text", "meaning": "x", "choices": ["a"]}, "do not go with"),
        ({"type": "choice", "meaning": "x", "choices": ["a", "A"]}, "the same but for case"),
        ({"type": "text", "meaning": "x", "min": 1}, "min and max do not go with"),
        ({"type": "int", "meaning": "x", "min": 1.5}, "whole numbers"),
        ({"type": "int", "meaning": "x", "min": 2, "max": 1}, "above max"),
        ({"type": "text", "meaning": "x", "chioces": []}, "unknown key"),
        ("text", "a table is expected"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused_with_its_path(field, says):
    with pytest.raises(ConfigError, match=says) as told:
        declared(a=field)
    assert "prompt.fields.a" in str(told.value)


def test_too_many_and_badly_named_fields_are_refused():
    text = {"type": "text", "meaning": "x"}
    with pytest.raises(ConfigError, match="too many"):
        declared(**{f"a{number}": text for number in range(21)})
    for name in ("", "1st", "a b", "=x", "a" * 41):
        with pytest.raises(ConfigError, match="is no name"):
            declared(**{name: text})
    with pytest.raises(ConfigError, match="but for case"):
        declared(a_b=text, **{"A-B": text})


def test_a_profile_takes_out_what_the_one_below_asks_for(tmp_path):
    (tmp_path / "base.toml").write_text(
        '[prompt.fields.a]\ntype = "text"\nmeaning = "x"\n[prompt.fields.b]\ntype = "bool"\nmeaning = "y"\n', encoding="utf-8"
    )
    (tmp_path / "mine.toml").write_text('extends = "base.toml"\n[prompt.fields]\na = false\n', encoding="utf-8")
    assert list(config.load(tmp_path / "mine.toml", environ={}).profile.prompt.fields) == ["b"]
    (tmp_path / "mine.toml").write_text('extends = "base.toml"\n[prompt.fields.b]\nmeaning = "z"\n', encoding="utf-8")
    changed = config.load(tmp_path / "mine.toml", environ={}).profile.prompt.asked["b"]
    assert (changed.type, changed.meaning) == ("bool", "z")
    unset = config.load(tmp_path / "base.toml", environ={}, sets=["prompt.fields.a="])
    assert list(unset.profile.prompt.fields) == ["b"]
