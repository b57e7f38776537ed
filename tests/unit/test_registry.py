"""Parts are found by kind, a stranger's like the built-in ones, and their options are validated alike."""

import json
import sys

import pytest

from videoscan import config, registry
from videoscan.errors import ConfigError

STRANGER = '''
from typing import Annotated, Literal
from pydantic import Field
from videoscan.config import Options


class DiceSampler:
    """Looks when the dice say so."""

    class Options(Options):
        sides: Annotated[int, Field(ge=2, le=100)] = 6
        colour: Literal["red", "white"] = "white"
        faces: tuple[float, ...] = (1.0, 2.0)

    def __init__(self, options):
        self.options = options


class NoPart:
    """Has no options model."""


class FakeTiles(DiceSampler):
    """Wants a built-in's place."""
'''


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """A second distribution, installed as pip would have it, with parts of its own."""
    (tmp_path / "dice_parts.py").write_text(STRANGER, encoding="utf-8")
    metadata = tmp_path / "dice_parts-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: dice-parts\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(
        "[videoscan.samplers]\ndice = dice_parts:DiceSampler\nhollow = dice_parts:NoPart\n"
        "gone = dice_parts.nowhere:Sampler\nabsent = dice_parts:Absent\n"
        "[videoscan.dedups]\ntiles = dice_parts:FakeTiles\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("dice_parts", None)


def refused(group, table, **given):
    with pytest.raises(ConfigError) as caught:
        registry.make(group, table, **given)
    return str(caught.value)


BUILT_IN = {
    "sources": {"images", "opencv", "pyav"},
    "samplers": {"interval", "keyframe"},
    "dedups": {"none", "phash", "tiles"},
    "describers": {"offline", "openai"},
    "exporters": {"csv", "html", "json", "markdown", "srt", "vtt"},
}


@pytest.mark.parametrize("group", BUILT_IN)
def test_the_built_in_kinds_come_through_entry_points(group):
    assert set(registry.names(group)) >= BUILT_IN[group]
    for kind in BUILT_IN[group]:
        assert issubclass(registry.factory(group, kind).Options, config.Options)


@pytest.mark.parametrize(("group", "kind"), [(group, kind) for group in BUILT_IN for kind in sorted(BUILT_IN[group])])
def test_every_option_of_every_built_in_kind_says_what_it_means(group, kind):
    for name, field in registry.factory(group, kind).Options.model_fields.items():
        assert field.description, f"{kind}.{name} has no docstring"


def test_a_part_is_made_with_its_options():
    part = registry.make("dedups", {"kind": "tiles", "refresh": 60})
    assert part.options.refresh == 60
    assert part.options.remember == 3


def test_a_strangers_part_is_found_and_validated_like_ours(stranger):
    assert "dice" in registry.names("samplers")
    assert registry.make("samplers", {"kind": "dice", "faces": [3, 4]}).options.faces == (3.0, 4.0)
    origins = {"sampler.sides": "mine.toml"}
    said = refused("samplers", {"kind": "dice", "sides": 1}, origins=origins)
    for word in ("sampler.sides", "mine.toml", "= 1", "2 to 100", "default 6"):
        assert word in said
    assert "red, white" in refused("samplers", {"kind": "dice", "colour": "blue"})
    assert "did you mean `sides`" in refused("samplers", {"kind": "dice", "side": 3})
    assert "sampler.faces[1]" in refused("samplers", {"kind": "dice", "faces": [1, "two"]})


def test_a_stranger_cannot_take_a_built_in_kinds_place(stranger):
    assert registry.factory("dedups", "tiles").__module__ == "videoscan.dedup.tiles"


def test_an_unknown_kind_is_refused_with_the_known_ones():
    said = refused("samplers", {"kind": "intervall"}, origins={"sampler.kind": "--set"})
    for word in ("sampler.kind", "--set", "intervall", "did you mean `interval`", "keyframe"):
        assert word in said
    assert "keyframe" in refused("samplers", {})
    with pytest.raises(ConfigError, match="samplers"):
        registry.factory("sampler", "interval")


@pytest.mark.parametrize(("kind", "word"), [("gone", "dice_parts.nowhere"), ("absent", "Absent"), ("hollow", "Options")])
def test_a_part_that_cannot_be_loaded_is_refused_by_name(stranger, kind, word):
    assert word in refused("samplers", {"kind": kind})


def test_a_value_that_cannot_be_stored_is_refused():
    assert "dedup" in refused("dedups", {"kind": "tiles", "refresh": object()})


# The complete profile


def test_a_complete_profile_has_every_default_and_is_json():
    got = registry.complete(config.load("sports", environ={}).profile)
    assert json.loads(json.dumps(got, allow_nan=False)) == got
    assert got["name"] == "sports"
    assert got["sampler"]["every"] == 0.5
    assert got["windows"]["max_tokens"] is None
    assert got["describer"]["kind"] == "offline"
    assert got["dedup"]["kind"] == "tiles"
    assert "cameras" not in got


@pytest.mark.parametrize("sets", [[], ["sampler.rate=2"], ["sampler.kind=keyframe"], ["dedup.kind=none"], ["dedup.kind=phash"]])
@pytest.mark.parametrize("endpoint", [None, "https://a.example/v1"])
def test_a_stored_profile_can_be_loaded_again_and_is_the_same(sets, endpoint):
    first = config.load("surveillance", environ={}, sets=sets, overrides={"describer.endpoint": endpoint}).profile
    stored = registry.complete(first)
    again = config.load(json.loads(json.dumps(stored)), environ={})
    assert registry.complete(again.profile) == stored
    assert registry.make("samplers", again.profile.sampler).options == registry.make("samplers", first.sampler).options


def test_a_complete_profile_holds_no_secret(monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_API_KEY", "hunter2")
    resolved = config.load("default", overrides={"describer.endpoint": "https://a.example/v1"})
    text = json.dumps(registry.complete(resolved.profile))
    assert "hunter2" not in text
    assert "https://a.example/v1" in text


def test_a_wrong_option_of_a_kind_names_the_file_it_stands_in(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[dedup]\nrefrehs = 3\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        registry.check(path, environ={})
    for word in ("dedup.refrehs", str(path), "did you mean `refresh`"):
        assert word in str(caught.value)


def test_checking_a_profile_looks_into_every_camera_rule(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[[cameras]]\nmatch = "a"\n[[cameras]]\nmatch = "b"\ndedup = { refrehs = 3 }\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"dedup\.refrehs"):
        registry.check(path, environ={})
    path.write_text('[[cameras]]\nmatch = "a"\nname = "A"\n[[cameras]]\nmatch = "b"\n', encoding="utf-8")
    assert [each.profile.source.camera for each in registry.check(path, environ={})] == [None, "A", None]


def test_an_unknown_prompt_template_is_refused_with_the_known_ones():
    resolved = config.load(sets=["prompt.template=sport"], environ={})
    with pytest.raises(ConfigError, match="did you mean `sports`"):
        registry.complete(resolved.profile, origins=resolved.origins)


def test_explaining_shows_the_kinds_own_defaults_too():
    rows = {row.key: row for row in registry.explain(config.load(sets=["dedup.kind=phash"], environ={}))}
    assert rows["dedup.kind"].origin == "--set"
    assert rows["dedup.refresh"].origin == "built in"
    assert rows["sampler.every"].origin == "configs/default.toml"


def test_every_option_of_the_model_describer_steps_aside_when_there_is_no_model():
    """One that `config` did not know of would be an unknown key of the offline describer."""
    for name in registry.factory("describers", "openai").Options.model_fields:
        if name != "endpoint":
            resolved = config.load({"describer": {name: "X"}}, environ={})
            assert registry.complete(resolved.profile)["describer"]["kind"] == "offline"
