"""What was measured of endpoints is kept readably, whole, without secrets, and laid over what is known of their kind."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing

import pytest

from videoscan.describers import dialects, known
from videoscan.describers.endpoint import Address
from videoscan.describers.known import Known, Sight
from videoscan.errors import StoreError
from videoscan.model import PictureCost

ENDPOINT = "https://models.example/v1/chat/completions"


@pytest.fixture(autouse=True)
def _own_state(monkeypatch, tmp_path):
    monkeypatch.setenv("VIDEOSCAN_STATE_DIR", str(tmp_path / "state"))


def made(**given):
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    return Known(**{"endpoint": ENDPOINT, "model": "qwen/qwen3-vl:8b", "by": "doctor", "measured": now, **given})


def test_what_is_remembered_comes_back_and_can_be_read_by_a_person():
    kept = made(pictures=4, cost=PictureCost("patch", size=32, base=2), sight=Sight(sent=12, counted=4, read=0))
    path = known.remember(kept)
    assert known.recall(ENDPOINT, kept.model) == kept
    assert path.name.startswith("models.example_qwen-qwen3-vl-8b_")
    assert json.loads(path.read_text())["pictures"] == 4
    assert not [each for each in path.parent.iterdir() if each.name.endswith(".part")]


def test_endpoints_and_models_are_not_taken_for_each_other():
    known.remember(made(pictures=4))
    known.remember(made(model="qwen-qwen3-vl-8b", pictures=5))
    known.remember(made(endpoint="https://models.example/v2/chat/completions", pictures=6))
    assert known.recall(ENDPOINT, "qwen/qwen3-vl:8b").pictures == 4
    assert known.recall(ENDPOINT, "qwen-qwen3-vl-8b").pictures == 5
    assert known.recall(ENDPOINT, "another") is None
    assert len(list(known.all_known())) == 3


def test_without_a_model_the_only_one_that_is_known_there_is_taken():
    assert known.recall(ENDPOINT, None) is None
    known.remember(made(pictures=4))
    assert known.recall(ENDPOINT, None).pictures == 4
    known.remember(made(model="another"))
    assert known.recall(ENDPOINT, None) is None


def test_a_key_in_the_query_is_nowhere(monkeypatch):
    address = Address.parse("https://models.example/v1?key=sk-secret-of-mine")
    path = known.remember(made(endpoint=address.shown))
    assert "secret" not in path.read_text() + path.name
    assert known.recall(address.shown, "qwen/qwen3-vl:8b") is not None


@pytest.mark.parametrize("text", ["", "{", '{"format": "videoscan.endpoint/9"}', "[]", "\x00\xff"])
def test_a_damaged_file_is_as_good_as_none_and_is_replaced(text):
    path = known.path_of(ENDPOINT, "m")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert known.recall(ENDPOINT, "m") is None
    known.remember(made(model="m", pictures=3))
    assert known.recall(ENDPOINT, "m").pictures == 3


def test_fields_of_a_later_version_are_passed_over():
    path = known.remember(made(pictures=3))
    path.write_text(json.dumps({**json.loads(path.read_text()), "colour": "blue"}))
    assert known.recall(ENDPOINT, "qwen/qwen3-vl:8b").pictures == 3


def test_a_probe_does_not_replace_an_examination_but_an_examination_does():
    known.remember(made(by="probe", pictures=2))
    known.remember(made(pictures=3))
    known.remember(made(by="probe", pictures=4))
    assert known.recall(ENDPOINT, "qwen/qwen3-vl:8b").pictures == 3


def test_forgetting_takes_one_model_or_all():
    for model in ("a", "b", "c"):
        known.remember(made(model=model))
    known.remember(made(endpoint="https://other.example/v1/chat/completions"))
    assert len(known.forget(ENDPOINT, "a")) == 1
    assert len(known.forget(ENDPOINT, None)) == 2
    assert len(list(known.all_known())) == 1
    assert known.forget(ENDPOINT, None) == []


def test_a_file_in_the_way_is_a_store_error(tmp_path):
    (tmp_path / "state").write_text("not a folder")
    with pytest.raises(StoreError, match="state"):
        known.remember(made())
    assert known.recall(ENDPOINT, "m") is None


def _remember(pictures):
    known.remember(made(pictures=pictures))


def test_processes_that_write_at_once_leave_one_whole_file():
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.map(_remember, range(1, 13))
    assert known.recall(ENDPOINT, "qwen/qwen3-vl:8b").pictures in range(1, 13)
    assert len(list(known.folder().glob("*.json"))) == 1


def test_only_an_examination_is_laid_over_the_row():
    row = dialects.OPENAI
    measured = made(pictures=8, body_bytes=9_000_000, json_schema="ignored", cost=PictureCost("flat", base=258))
    over = measured.over(row)
    assert (over.pictures, over.body_bytes, over.json_schema, over.cost) == (8, 9_000_000, False, PictureCost("flat", base=258))
    assert made(pictures=900).over(row).pictures == 500, "the row's limit is the server's own word"
    assert made().over(row) == row
    assert made(by="probe", pictures=8).over(row) == row, "windows must not change after a scan's own first probe"


def test_old_measurements_say_so():
    old = made(measured=dt.datetime.now(dt.UTC) - dt.timedelta(days=known.STALE_DAYS + 3), pictures=8)
    assert old.stale
    assert f"{known.STALE_DAYS + 3} days old" in old.sentence()
    assert "days old" not in made(pictures=8).sentence()
    assert "at most 8 pictures a request" in old.sentence()


@pytest.mark.parametrize(("option", "variable", "may"), [("auto", "", True), ("auto", "never", False), ("never", "", False)])
def test_probing_can_be_turned_off(monkeypatch, option, variable, may):
    monkeypatch.setenv(known.PROBE_VARIABLE, variable)
    assert known.may_probe(option) is may
