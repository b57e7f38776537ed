"""The shipped profiles: each loads, says when to change what, and agrees with the built-in defaults."""

import re
import tomllib
from pathlib import Path

import pytest

from videoscan import config, registry
from videoscan.config import BudgetOptions, PromptOptions, SourceOptions, SummaryOptions, WindowOptions
from videoscan.settings import layers
from videoscan.settings.options import FieldOptions, ModelPrices, PriceOptions

SHIPPED = sorted((Path(__file__).parent.parent / "configs").glob("*.toml"))
NAMES = [path.stem for path in SHIPPED]

_KEY = re.compile(r"^(?P<key>[A-Za-z0-9_-]+)\s*=")


def test_the_profiles_that_are_promised_are_there():
    assert {"default", "sports", "surveillance"} <= set(NAMES)
    assert set(config.available()) >= set(NAMES)
    assert layers.shipped_folder() == SHIPPED[0].parent.resolve()


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_profile_loads_and_every_kind_takes_its_options(name):
    for given in ({}, {"describer.endpoint": "https://a.example/v1"}):
        (resolved,) = registry.check(name, environ={}, overrides=given)
        assert resolved.notes == ()
        assert resolved.profile.name == name
        registry.make("samplers", resolved.profile.sampler)
        registry.make("dedups", resolved.profile.dedup)
        registry.make("describers", resolved.profile.describer)


@pytest.mark.parametrize("path", SHIPPED, ids=NAMES)
def test_every_value_has_a_comment_that_is_a_sentence(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    keys = 0
    for number, line in enumerate(lines):
        if _KEY.match(line):
            keys += 1
            above = lines[number - 1]
            assert above.startswith("# "), f"{path.name}:{number + 1} has no comment: {line}"
            assert above.rstrip().endswith("."), f"{path.name}:{number} is no whole sentence: {above}"

    def leaves(table):
        return sum(leaves(value) if isinstance(value, dict) else 1 for value in table.values())

    assert keys == leaves(tomllib.loads("\n".join(lines))), "a value stands where this test does not look"


@pytest.mark.parametrize("path", SHIPPED, ids=NAMES)
def test_a_comment_is_nobody_elses(path):
    """A comment that stands above two values in one file was copied and not thought about."""
    lines = path.read_text(encoding="utf-8").splitlines()
    above = [lines[number - 1] for number, line in enumerate(lines) if _KEY.match(line)]
    assert len(set(above)) == len(above)


def test_the_default_profile_is_the_built_in_defaults():
    table = tomllib.loads((layers.shipped_folder() / "default.toml").read_text(encoding="utf-8"))
    for name, model in (
        ("source", SourceOptions),
        ("windows", WindowOptions),
        ("prompt", PromptOptions),
        ("summary", SummaryOptions),
        ("budget", BudgetOptions),
    ):
        assert model(**table[name]) == model()
    for group, name in (("samplers", "sampler"), ("dedups", "dedup")):
        kind = table[name]["kind"]
        assert registry.make(group, table[name]).options == registry.make(group, {"kind": kind}).options


def test_the_default_profile_shows_every_option_that_has_a_value():
    """What people may change stands in the file that they copy from; only what has no value by default is left out."""
    table = tomllib.loads((layers.shipped_folder() / "default.toml").read_text(encoding="utf-8"))
    kinds = {
        name: registry.factory(group, table[name]["kind"]).Options
        for group, name in (("samplers", "sampler"), ("dedups", "dedup"))
    }
    for name, model in {
        "source": SourceOptions,
        "windows": WindowOptions,
        "prompt": PromptOptions,
        "summary": SummaryOptions,
        "budget": BudgetOptions,
        **kinds,
    }.items():
        expected = {key for key, field in model.model_fields.items() if field.default is not None}
        assert set(table[name]) - {"kind"} == expected


@pytest.mark.parametrize(
    "model", [FieldOptions, SourceOptions, WindowOptions, PromptOptions, SummaryOptions, BudgetOptions, PriceOptions, ModelPrices]
)
def test_every_option_says_what_it_means(model):
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name} has no docstring"


def test_the_profiles_suit_their_users():
    night = config.load("surveillance", environ={}).profile
    assert (night.dedup["kind"], night.dedup["refresh"], night.prompt.template) == ("tiles", 300.0, "surveillance")
    assert 60 <= night.windows.max_seconds <= 120
    match = config.load("sports", environ={}).profile
    assert match.sampler["every"] == 0.5
    assert match.windows.close_at_cut
    assert match.windows.max_seconds < night.windows.max_seconds
    assert match.prompt.template == "sports"


def test_the_examples_inside_the_profiles_comments_work(tmp_path):
    """What surveillance.toml proposes for several cameras is itself a profile."""
    text = (layers.shipped_folder() / "surveillance.toml").read_text(encoding="utf-8")
    example = [line.removeprefix("#").removeprefix("   ") for line in text.splitlines() if line.startswith("#   ")]
    toml = "\n".join(line for line in example if not line.startswith("videoscan "))
    path = tmp_path / "site.toml"
    path.write_text(toml, encoding="utf-8")
    assert registry.check(path, environ={})[1].profile.source.camera == "Garage"
