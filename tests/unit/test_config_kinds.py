"""Which describer a scan gets, and what becomes of a kind's options when another kind takes its place."""

import pytest
from configuring import load, refused, written

from videoscan import config
from videoscan.describers.local import LocalOptions
from videoscan.describers.openai import OpenAiOptions

# The describer


def test_auto_means_the_model_when_an_endpoint_is_known_and_the_offline_describer_otherwise():
    assert load().profile.describer == {"kind": "offline"}
    for given in (
        {"environ": {"VIDEOSCAN_ENDPOINT": "http://127.0.0.1:8080/v1"}},
        {"overrides": {"describer.endpoint": "http://127.0.0.1:8080/v1"}},
        {"sets": ["describer.endpoint=http://127.0.0.1:8080/v1"]},
    ):
        got = load(**given).profile.describer
        assert got == {"kind": "openai", "endpoint": "http://127.0.0.1:8080/v1"}


def test_the_model_describer_without_an_endpoint_says_how_to_give_one():
    said = refused(sets=["describer.kind=openai"])
    assert "--endpoint" in said
    assert "VIDEOSCAN_ENDPOINT" in said


@pytest.mark.parametrize(
    "endpoint", ["a.example/v1", "ftp://a.example", "https://", "http://[::1/v1", "http://a.example:port/v1"]
)
def test_an_endpoint_that_is_no_address_is_refused(endpoint):
    assert "describer.endpoint" in refused(overrides={"describer.endpoint": endpoint})


def test_a_model_file_means_llamacpp_inside_and_a_shipped_profiles_pace_is_not_for_it():
    got = load("surveillance", overrides={"describer.model_file": "/models/a.gguf", "describer.projector": "/models/b.gguf"})
    assert got.profile.describer == {"kind": "local", "model_file": "/models/a.gguf", "projector": "/models/b.gguf"}
    assert got.notes == ()
    assert got.origins["describer.kind"] == "auto, as the model file is known (--model-file)"
    assert load("surveillance", sets=["describer.kind=local", "describer.model_file=a.gguf"]).profile.describer["kind"] == "local"
    assert "--model-file" in refused(sets=["describer.kind=local"])


def test_every_option_of_a_model_is_known_where_it_must_be_dropped():
    """Or a profile with one would be refused as soon as another kind of describer takes its place."""
    remote, local = set(OpenAiOptions.model_fields), set(LocalOptions.model_fields)
    assert set(config._MODEL_KEYS) == remote
    assert set(config._LOCAL_KEYS) == local - remote
    assert set(config._BOTH_KEYS) == local & remote


def test_between_an_endpoint_and_a_model_file_the_later_word_counts(tmp_path):
    file = {"describer.model_file": "a.gguf"}
    endpoint = {"describer.endpoint": "http://127.0.0.1:8080/v1"}
    got = load(environ={"VIDEOSCAN_ENDPOINT": "https://a.example/v1", "VIDEOSCAN_MODEL": "m"}, overrides=file)
    assert got.profile.describer == {"kind": "local", "model_file": "a.gguf"}
    assert any("VIDEOSCAN_ENDPOINT" in note and "VIDEOSCAN_MODEL" in note for note in got.notes)
    theirs = written(tmp_path, "theirs.toml", '[describer]\nkind = "openai"\nendpoint = "https://a.example/v1"\nretries = 2\n')
    got = load(theirs, overrides=file)
    assert got.profile.describer == {"kind": "local", "model_file": "a.gguf"}
    assert any("endpoint" in note and "retries" in note for note in got.notes)
    mine = written(tmp_path, "mine.toml", '[describer]\nkind = "local"\nmodel_file = "a.gguf"\ncontext = 9000\nlanguage = "de"\n')
    assert load(mine).profile.describer == {"kind": "local", "model_file": "a.gguf", "context": 9000, "language": "de"}
    got = load(mine, overrides=endpoint)
    assert got.profile.describer == {"kind": "openai", "endpoint": "http://127.0.0.1:8080/v1", "language": "de"}
    assert any("context" in note and "model_file" in note for note in got.notes)
    both = written(tmp_path, "both.toml", '[describer]\nmodel_file = "a.gguf"\nendpoint = "https://a.example/v1"\n')
    assert "leave one of them out" in refused(both)
    assert load(both, sets=["describer.kind=local"]).profile.describer["kind"] == "local"
    quiet = written(tmp_path, "quiet.toml", '[describer]\nkind = "offline"\n')
    assert "--set describer.kind=local" in refused(quiet, overrides=file)


def test_an_endpoint_keeps_its_query_string():
    address = "https://a.example/v1/chat/completions?api-version=2025-01-01"
    assert load(overrides={"describer.endpoint": address}).profile.describer["endpoint"] == address


def test_model_options_of_a_shipped_profile_go_silently_when_there_is_no_model():
    got = load("surveillance")
    assert got.profile.describer == {"kind": "offline"}
    assert got.notes == ()
    with_model = load("surveillance", overrides={"describer.endpoint": "https://a.example/v1"})
    assert with_model.profile.describer["concurrency"] == 4


def test_model_options_that_somebody_asked_for_go_with_a_note():
    got = load(overrides={"describer.model": "some-model"})
    assert got.profile.describer == {"kind": "offline"}
    (note,) = got.notes
    assert "model (--model)" in note
    assert "--endpoint" in note


def test_a_profile_that_stays_offline_is_not_overruled_by_the_environment(tmp_path):
    path = written(tmp_path, "quiet.toml", '[describer]\nkind = "offline"\n')
    got = load(path, environ={"VIDEOSCAN_ENDPOINT": "https://a.example/v1"})
    assert got.profile.describer == {"kind": "offline"}
    assert any("VIDEOSCAN_ENDPOINT" in note for note in got.notes)


def test_an_endpoint_flag_against_an_offline_profile_is_a_contradiction(tmp_path):
    path = written(tmp_path, "quiet.toml", '[describer]\nkind = "offline"\n')
    said = refused(path, overrides={"describer.endpoint": "https://a.example/v1"})
    assert "--endpoint" in said
    assert "quiet.toml" in said
    assert load(path, overrides={"describer.endpoint": "https://a.example/v1", "describer.kind": "openai"}).profile.describer


def test_offline_can_be_asked_for_although_an_endpoint_is_known():
    got = load(environ={"VIDEOSCAN_ENDPOINT": "https://a.example/v1"}, sets=["describer.kind=offline"])
    assert got.profile.describer == {"kind": "offline"}


# Kinds


def test_changing_a_kind_drops_the_old_kinds_options_with_a_note(tmp_path):
    path = written(tmp_path, "keys.toml", '[sampler]\nkind = "keyframe"\nleast = 1.0\n')
    got = load(path)
    assert got.profile.sampler == {"kind": "keyframe", "least": 1.0}
    (note,) = got.notes
    for word in ("keyframe", "keys.toml", "interval", "configs/default.toml", "every", "snap"):
        assert word in note
    assert "sampler.every" not in got.origins


def test_naming_the_same_kind_again_keeps_its_options():
    got = load("surveillance", sets=["dedup.kind=tiles", "dedup.remember=5"])
    assert got.profile.dedup["refresh"] == 300
    assert got.profile.dedup["remember"] == 5
    assert got.notes == ()


def test_a_rate_takes_the_place_of_an_interval_from_a_layer_below():
    assert load(sets=["sampler.rate=2"]).profile.sampler == {"kind": "interval", "snap": True, "rate": 2}
