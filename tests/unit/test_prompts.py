"""The words around the pictures, and the schema of the answer."""

import json

import jsonschema
import pytest

from videoscan import prompts
from videoscan.attributes import Field
from videoscan.errors import ConfigError
from videoscan.testing.model_server import answer, event


@pytest.mark.parametrize("name", prompts.names())
def test_every_template_says_what_cannot_be_left_out(name):
    prompt = prompts.build(name)
    words = " ".join(f"{prompt.system} {prompt.instructions}".lower().split())
    assert prompt.version == f"{name}/{prompts.template(name).version}"
    assert "empty" in words  # a quiet stretch is a good answer
    assert "first_frame, last_frame" in words
    assert "left out" in words  # why there are gaps
    for field in ("observations", "events", "summary", *prompt.schema["properties"]["events"]["items"]["properties"]):
        assert field in words
    assert "Frame 1" in prompt.system
    assert len(prompt.instructions) < 6000


def test_the_three_users_each_have_a_template():
    assert set(prompts.names()) >= {"default", "surveillance", "sports"}
    with pytest.raises(ConfigError, match="'sport'") as info:
        prompts.template("sport")
    assert "sports" in info.value.hint


def test_the_question_stands_last_whatever_else_is_asked_for():
    prompt = prompts.build(
        question=" Who left the gate open? ", language="de", boxes=True, fields={"plate": Field("text", "its plate")}
    )
    assert prompt.instructions.endswith("The question: Who left the gate open?")
    assert "German" in prompt.instructions
    assert "plate (text): its plate" in prompt.instructions


def test_a_role_replaces_the_system_text_and_an_empty_one_does_not():
    assert prompts.build(role="You count birds.").system == "You count birds."
    assert prompts.build(role="  ").system == prompts.build().system


def test_the_order_is_a_property_of_the_prompt():
    assert prompts.build().text_first is False
    assert prompts.build(order="text-first").text_first is True


@pytest.mark.parametrize(
    ("given", "named"), [("zh", "Chinese"), ("zh-TW", "Traditional"), ("de-AT", "German"), ("Klingon", "Klingon")]
)
def test_a_language_is_a_code_or_a_name(given, named):
    assert named in prompts.build(language=given).instructions


def test_asking_for_a_language_twice_is_asking_once():
    once = prompts.build(language="fr")
    assert prompts.in_language(once, "fr") == once
    assert prompts.in_language(once, None) == once


def test_the_schema_takes_the_contracts_answer_and_nothing_else():
    schema = prompts.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    good = json.loads(answer([event("A car arrives", 2, 5)]))
    jsonschema.validate(good, schema)
    for wrong in (
        {**good, "observations": []},
        {**good, "observations": ["a"] * 9},
        {**good, "time": "12:00"},
        {key: value for key, value in good.items() if key != "summary"},
        {**good, "events": [event("x", 0)]},
        {**good, "events": [event("x", 1, confidence=2)]},
        {**good, "events": [event("x", 1, start="00:01")]},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_declared_fields_become_attributes_that_may_be_null():
    schema = prompts.schema({"plate": Field("text", "number plate"), "count": Field("int", "how many")}, boxes=True)
    good = json.loads(
        answer([event("x", 1, attributes={"plate": None, "count": 2}, boxes=[{"frame": 1, "box": [0, 0, 0.5, 1]}])])
    )
    jsonschema.validate(good, schema)
    good["events"][0]["attributes"]["count"] = "two"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(good, schema)


def test_every_object_is_closed_and_wants_all_it_names_as_strict_output_needs():
    def walk(node):
        if isinstance(node, dict):
            if node.get("type") == "object":
                assert node["additionalProperties"] is False
                assert node["required"] == list(node["properties"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(prompts.schema({"a": Field("bool", "b")}, boxes=True))


MINE = """
role = "You watch a beehive."
instructions = "Count the bees. If nothing happens, give an empty list."
tags = ["swarm", "wasp"]
version = 3
"""


def test_a_template_of_ones_own_is_a_file_like_those_that_come_along(tmp_path):
    path = tmp_path / "bees.toml"
    path.write_text(MINE, encoding="utf-8")
    prompt = prompts.build(str(path), question="Any wasps?")
    assert prompt.system == "You watch a beehive."
    assert "Count the bees." in prompt.instructions
    assert "such as swarm, wasp" in prompt.instructions
    assert "first_frame, last_frame" in prompt.instructions, "the answer's form is ours"
    assert prompt.instructions.endswith("The question: Any wasps?")
    assert prompt.version == "bees/3"
    path.write_text(MINE.replace("Count", "Weigh"), encoding="utf-8")
    assert "Weigh the bees." in prompts.build(str(path)).instructions, "a file may change between two scans"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("role = 'x'", "lacks instructions"),
        ("role = 'x'\ninstructions = 'y'\nmodel = 'z'", "unknown key 'model'"),
        ("role = 'x'\ninstructions = 3", "a text is expected"),
        ("role = 'x'\ninstructions = ' '", "a text is expected"),
        ("role = 'x'\ninstructions = 'y'\ntags = 'z'", "a list of texts"),
        ("You watch a beehive.", "is no TOML"),
    ],
)
def test_a_template_that_makes_no_sense_is_refused_with_its_path(tmp_path, text, says):
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=says) as told:
        prompts.build(str(path))
    assert "bad.toml" in str(told.value)


def test_a_template_that_is_not_there_is_said_to_be_so(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        prompts.build(str(tmp_path / "none.toml"))
