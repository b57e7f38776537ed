"""Profiles in layers, and what is refused."""

import json

import pytest
from configuring import load, refused, written

from videoscan import config
from videoscan.errors import ConfigError
from videoscan.settings import layers


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A config folder of the test's own; returns where a user's profiles go."""
    folder = tmp_path / "user" / "profiles"
    folder.mkdir(parents=True)
    monkeypatch.setattr(layers, "user_folder", lambda: folder)
    return folder


# Layers and origins


def test_every_layer_lies_over_the_ones_before_it(tmp_path):
    path = written(tmp_path, "mine.toml", '[describer]\nendpoint = "https://a.example/v1"\nmodel = "from-profile"\n')
    environ = {"VIDEOSCAN_MODEL": "from-environment"}
    assert load(path).profile.describer["model"] == "from-profile"
    assert load(path, environ=environ).profile.describer["model"] == "from-environment"
    flag = {"describer.model": "from-flag"}
    assert load(path, environ=environ, overrides=flag).profile.describer["model"] == "from-flag"
    last = load(path, environ=environ, overrides=flag, sets=["describer.model=from-set"])
    assert last.profile.describer["model"] == "from-set"


def test_every_value_knows_where_it_came_from(tmp_path):
    path = written(tmp_path, "mine.toml", 'extends = "surveillance"\n[windows]\nquality = 70\n')
    got = load(
        path,
        environ={"VIDEOSCAN_ENDPOINT": "https://a.example/v1"},
        overrides={"prompt": {"question": "Who?"}, "source.camera": "Yard"},
        sets=["sampler.every=2"],
    )
    assert got.origins["windows.quality"] == str(path)
    assert got.origins["windows.max_seconds"] == "configs/surveillance.toml"
    assert got.origins["windows.format"] == "configs/default.toml"
    assert got.origins["describer.endpoint"] == "VIDEOSCAN_ENDPOINT"
    assert got.origins["prompt.question"] == "--question"
    assert got.origins["source.camera"] == "argument"
    assert got.origins["sampler.every"] == "--set"
    rows = {row.key: row for row in config.explain(got)}
    assert rows["windows.quality"] == ("windows.quality", 70, str(path))
    assert rows["windows.max_tokens"] == ("windows.max_tokens", None, "built in")
    assert "VIDEOSCAN_ENDPOINT" in rows["describer.kind"].origin


def test_a_profile_without_extends_stands_on_the_defaults(tmp_path):
    got = load(written(tmp_path, "little.toml", "[windows]\nmax_frames = 5\n"))
    assert got.profile.name == "little"
    assert got.profile.windows.max_frames == 5
    assert got.origins["sampler.every"] == "configs/default.toml"


def test_extends_names_a_file_beside_the_one_it_stands_in(tmp_path):
    written(tmp_path, "base.toml", "[windows]\nmax_frames = 5\nquality = 60\n")
    child = written(tmp_path, "child.toml", 'extends = "base.toml"\n[windows]\nquality = 61\n')
    got = load(child).profile.windows
    assert (got.max_frames, got.quality) == (5, 61)


def test_a_circle_of_extends_is_refused_with_its_members(tmp_path):
    written(tmp_path, "a.toml", 'extends = "b.toml"\n')
    written(tmp_path, "b.toml", 'extends = "a.toml"\n')
    said = refused(tmp_path / "a.toml")
    assert "circle" in said
    assert said.index("a.toml") < said.index("b.toml")


def test_a_users_profile_is_found_by_name_and_hides_the_shipped_one(home):
    written(home, "night.toml", 'extends = "surveillance"\n[sampler]\nevery = 3\n')
    written(home, "sports.toml", 'extends = "sports"\n[sampler]\nevery = 0.25\n')
    assert load("night").profile.sampler["every"] == 3
    own = load("sports").profile
    assert own.sampler["every"] == 0.25
    assert own.prompt.template == "sports"
    assert config.available()["sports"] == home / "sports.toml"


def test_a_users_own_default_lies_under_the_shipped_profiles(home):
    written(home, "default.toml", '[describer]\nendpoint = "https://mine.example/v1"\n')
    for name in ("default", "surveillance"):
        assert load(name).profile.describer["endpoint"] == "https://mine.example/v1"


def test_an_unknown_profile_is_refused_with_the_known_ones():
    said = refused("survaillance")
    assert "did you mean `surveillance`" in said
    assert "sports" in said


@pytest.mark.parametrize("name", ["nothing.toml", "no/such/profile", "."])
def test_a_path_that_is_no_file_is_refused(name, tmp_path):
    assert "profile" in refused(tmp_path / name)


def test_a_syntax_error_names_file_and_line(tmp_path):
    said = refused(written(tmp_path, "broken.toml", "[windows]\nmax_frames = many\n"))
    assert "broken.toml" in said
    assert "line 2" in said


def test_text_that_is_not_utf8_is_refused_and_a_byte_order_mark_is_not(tmp_path):
    path = tmp_path / "odd.toml"
    path.write_bytes(b'[source]\ncamera = "\xe9"\n')
    assert "UTF-8" in refused(path)
    path.write_bytes(b'\xef\xbb\xbf[source]\ncamera = "Hof"\n')
    assert load(path).profile.source.camera == "Hof"


def test_a_table_is_a_profile_too():
    got = load({"extends": "sports", "windows": {"max_frames": 4}})
    assert got.profile.name == "inline"
    assert got.profile.windows.max_frames == 4
    assert got.profile.prompt.template == "sports"


# --set


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prompt.question=Is anyone there?", "Is anyone there?"),
        ('prompt.question="Is anyone there?"', "Is anyone there?"),
        ("prompt.question=7", "7"),
        ("prompt.question=true", "true"),
        ("prompt.question=a=b", "a=b"),
        ("prompt.question=1\nrole = 2", "1\nrole = 2"),
    ],
)
def test_a_set_text_is_text_whatever_it_looks_like(text, expected):
    assert load(sets=[text]).profile.prompt.question == expected


def test_a_set_takes_toml_values_and_reaches_into_tables():
    got = load(
        overrides={"describer.endpoint": "https://a.example/v1"},
        sets=["describer.extra_body.temperature=0.2", "describer.extra_body.stop=['a', 'b']", "windows.close_at_cut=false"],
    )
    assert got.profile.describer["extra_body"] == {"temperature": 0.2, "stop": ["a", "b"]}
    assert got.profile.windows.close_at_cut is False


def test_an_empty_set_puts_a_key_back_to_its_built_in_default():
    assert load("sports", sets=["windows.long_side="]).profile.windows.long_side == 1280
    assert "every" not in load(sets=["sampler.every="]).profile.sampler


def test_the_last_of_equal_sets_wins_and_their_order_does_not_matter_to_a_kind():
    assert load(sets=["windows.quality=70", "windows.quality=60"]).profile.windows.quality == 60
    for sets in (["dedup.kind=phash", "dedup.refresh=60"], ["dedup.refresh=60", "dedup.kind=phash"]):
        assert load(sets=sets).profile.dedup == {"kind": "phash", "refresh": 60}


@pytest.mark.parametrize("text", ["windows.quality", "quality=3", ".quality=3", "windows.=3", "=3"])
def test_a_malformed_set_is_refused_with_its_form(text):
    assert "table.key=value" in refused(sets=[text])


# Wrong keys, types and values


def test_an_unknown_key_is_refused_with_its_path_its_file_and_a_suggestion(tmp_path):
    path = written(tmp_path, "typo.toml", "[windows]\nmax_framse = 3\n")
    said = refused(path)
    assert "windows.max_framse" in said
    assert "unknown key" in said
    assert "did you mean `max_frames`" in said
    assert str(path) in said


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("windows.max_frames=many", ("windows.max_frames", '"many"', "whole number", "1 to 1000", "default 12")),
        ('windows.max_frames="3"', ('"3"', "whole number")),
        ("windows.max_frames=3.0", ("whole number",)),
        ("windows.max_frames=0", ("out of range", "1 to 1000")),
        ("windows.close_at_cut=1", ("true or false",)),
        ("windows.max_seconds=inf", ("windows.max_seconds",)),
        ("windows.quality=101", ("1 to 100",)),
        ("windows.format=gif", ("jpeg, png, webp, bmp, tiff",)),
        ("windows.overlap_frames=12", ("overlap_frames = 12", "max_frames = 12")),
        ("source.backend=ffmpeg", ("auto, pyav, opencv",)),
        ("source.clock_pattern=%Q", ("%Q", "%Y")),
        ("source.clock_zone=Europe/Berln", ("Europe/Berln", "Europe/Berlin")),
        ("source.clock_start=noon", ("noon", "2024-01-15T14:32:10")),
        ("source.clock=pattern", ("clock_pattern",)),
        ("prompt.order=text-last", ("pictures-first, text-first",)),
        ("sampler.kind=3", ("sampler.kind", "text is expected")),
        ("tables.kind=3", ("tables", "unknown key")),
        ("budget.cost=5", ("budget.cost", "'5' is no limit", "5USD")),
        ("budget.cost=5dollars", ("'dollars'", "5USD")),
        ("budget.tokens=5USD", ("no number of tokens", "2Mtok")),
        ("budget.per=week", ("budget.per", "run, day")),
        ("budget.prices.prompt=3", ("budget.prices.currency: missing",)),
        ("budget.prices.promt=3", ("budget.prices.promt", "unknown key", "did you mean `prompt`?")),
        (
            'budget.prices={currency = "USD", as_of = "2026-11-28", models = {big = {prompt = "much"}}}',
            ("budget.prices.models.big.prompt", '"much"', "a number is expected"),
        ),
        ('budget.prices={currency = "usd", as_of = "2026-11-28"}', ("budget.prices.currency", "'usd'", "three capital letters")),
        ('budget.prices={currency = "USD", as_of = "today"}', ("budget.prices.as_of", "'today'", "2026-11-28")),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(setting, words):
    said = refused(sets=[setting])
    for word in words:
        assert word in said


@pytest.mark.parametrize("table", [{"windows": 3}, {"sampler": "interval"}, {"cameras": {"match": "*"}}, {"extends": 3}])
def test_a_value_where_a_table_belongs_is_refused(table):
    assert "is expected" in refused(table)


def test_the_work_is_done_here_and_a_runner_that_there_is_not_is_never_ignored():
    assert load({"runner": {"kind": "local"}}).profile.runner.kind == "local"
    assert "allowed: local" in refused({"runner": {"kind": "ray"}})


# Secrets


@pytest.mark.parametrize(
    "table",
    [
        {"describer": {"api_key": "hunter2"}},
        {"describer": {"extra_body": {"Authorization": "hunter2"}}},
        {"describer": {"extra_body": {"headers": [{"X-API-Key": "hunter2"}]}}},
        {"describer": {"model": "sk-hunter2hunter2hunter2hunter2"}},
        {"describer": {"api_key_env": "sk-hunter2hunter2hunter2hunter2"}},
        {"describer": {"api_key_env": "hunter2 with spaces"}},
        {"describer": {"language": "Aa1hunter2hunter2hunter2hunter2hunter2"}},
        {"describer": {"endpoint": "https://me:hunter2@a.example/v1"}},
        {"describer": {"endpoint": "https://a.example/v1?api_key=hunter2"}},
        {"cameras": [{"match": "rtsp://me:hunter2@10.0.0.1/*"}]},
    ],
)
def test_a_secret_in_a_profile_is_refused_and_not_repeated(table):
    said = refused(table)
    assert "hunter2" not in said
    assert "environment" in said


def test_a_secret_in_a_flag_or_variable_is_refused_and_not_repeated():
    for given in (
        {"sets": ["describer.api_key=hunter2"]},
        {"sets": ["describer.endpoint=https://me:hunter2@a.example/v1"]},
        {"overrides": {"describer.endpoint": "https://me:hunter2@a.example/v1"}},
        {"environ": {"VIDEOSCAN_ENDPOINT": "https://me:hunter2@a.example/v1"}},
    ):
        assert "hunter2" not in refused(**given)


@pytest.mark.parametrize("model", ["Qwen/Qwen3-VL-235B-A22B-Instruct-FP8", "qwen2.5-vl-72b-instruct", "gpt-4o-2024-11-20"])
def test_the_names_of_models_do_not_look_like_keys(model):
    got = load(overrides={"describer.endpoint": "https://a.example/v1", "describer.model": model})
    assert got.profile.describer["model"] == model


# Cameras


CAMERAS = """
extends = "surveillance"
[[cameras]]
match = "garage/*"
name = "Garage"
windows = { long_side = 1600 }
[[cameras]]
match = "*"
name = "Elsewhere"
[cameras.sampler]
kind = "keyframe"
"""


@pytest.mark.parametrize(
    ("uri", "camera"),
    [
        ("garage/1.mp4", "Garage"),
        ("/data/garage/2026/1.mp4", "Garage"),
        ("D:\\data\\garage\\1.mp4", "Garage"),
        ("rtsp://me:secret@10.0.0.1/garage/main", "Garage"),
        ("/data/mygarage/1.mp4", "Elsewhere"),
        ("gate.mp4", "Elsewhere"),
        (None, None),
    ],
)
def test_the_first_camera_rule_that_fits_the_path_or_url_wins(tmp_path, uri, camera):
    got = load(written(tmp_path, "site.toml", CAMERAS), uri=uri)
    assert got.profile.source.camera == camera
    assert got.profile.windows.long_side == (1600 if camera == "Garage" else 1280)
    assert got.profile.sampler["kind"] == ("keyframe" if camera == "Elsewhere" else "interval")


def test_a_camera_rule_lies_over_the_profile_and_under_the_flags(tmp_path):
    path = written(tmp_path, "site.toml", CAMERAS)
    got = load(path, uri="garage/1.mp4", sets=["windows.long_side=900"])
    assert got.profile.windows.long_side == 900
    assert got.origins["source.camera"] == f"{path}, [[cameras]] garage/*"


def test_a_profiles_own_camera_rules_come_before_those_it_extends(tmp_path):
    written(tmp_path, "site.toml", CAMERAS)
    child = written(tmp_path, "child.toml", 'extends = "site.toml"\n[[cameras]]\nmatch = "garage/2*"\nname = "Second"\n')
    assert load(child, uri="garage/2.mp4").profile.source.camera == "Second"
    assert load(child, uri="garage/1.mp4").profile.source.camera == "Garage"


def test_a_camera_rule_that_fits_nothing_today_is_checked_all_the_same(tmp_path):
    path = written(tmp_path, "site.toml", '[[cameras]]\nmatch = "x"\nwindows = { max_framse = 3 }\n')
    said = refused(path)
    assert "cameras[0].windows.max_framse" in said
    assert "max_frames" in said
    assert "match" in refused({"cameras": [{"name": "No match"}]})
    path = written(tmp_path, "site.toml", '[[cameras]]\nmatch = "x"\nwindows = { max_frames = "3" }\n')
    with pytest.raises(ConfigError, match=r"windows\.max_frames"):
        config.load_every_camera(path, environ={})


# The clock


def test_a_toml_date_is_as_good_as_a_quoted_one(tmp_path):
    path = written(tmp_path, "dated.toml", "[source]\nclock_start = 2024-01-15T14:32:10+01:00\n")
    assert load(path).profile.source.clock_start == "2024-01-15T14:32:10+01:00"
    assert load(sets=["source.clock_start=2024-01-15T14:32:10"]).profile.source.clock_start == "2024-01-15T14:32:10"


def test_a_pattern_that_nobody_uses_is_noted():
    (note,) = load(sets=["source.clock_pattern=%Y%m%d_%H%M%S"]).notes
    assert "source.clock" in note


def test_a_resolved_profile_is_plain_data():
    got = load("surveillance")
    assert json.loads(json.dumps(got.profile.model_dump(mode="json")))["windows"]["max_seconds"] == 120
    with pytest.raises(ValueError, match="frozen"):
        got.profile.name = "other"
