"""`videoscan doctor --endpoint` against scripted servers with real servers' faults: what is found, said, kept and used."""

from __future__ import annotations

import dataclasses
import json
import socket
from types import SimpleNamespace

import pytest
import seeing

from videoscan import patience
from videoscan.describers import dialects, known
from videoscan.model import PictureCost
from videoscan.testing.model_server import ModelServer, fails

SMALL = ("--body-mb", "4", "--set", "windows.long_side=640")


@pytest.fixture(autouse=True)
def _own_state(monkeypatch, tmp_path):
    monkeypatch.setenv("VIDEOSCAN_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def examine(videoscan):
    """Runs `doctor --endpoint` against a script; returns exit code, JSON record, stderr and the server."""

    def run(script=None, *flags, model="test-model", **options):
        with ModelServer.in_thread(script or seeing.Eyes(), **options) as server, patience.instantly():
            named = ["--model", model] if model else []
            code, out, err = videoscan("doctor", "--endpoint", server.url, *named, "--json", *SMALL, *flags)
        return SimpleNamespace(code=code, found=json.loads(out) if out else None, said=err, server=server)

    return run


def test_a_good_server_is_measured_whole(examine):
    eyes = seeing.Eyes()
    done = examine(lambda request: dataclasses.replace(eyes(request), delay=0.05))
    found = done.found
    assert done.code == 0, done.said
    assert found["usable"]
    assert found["error"] is None
    assert found["reach"]["connect"] > 0
    assert found["models"] == ["test-model"]
    assert found["schema"]["verdict"] == "enforced"
    assert (found["streaming"]["works"], found["streaming"]["usage"], found["streaming"]["done"]) == (True, True, True)
    assert (found["ending"]["max_tokens"], found["ending"]["max_completion_tokens"]) == ("obeyed", "obeyed")
    assert [look["sent"] for look in found["sighted"]["looks"]] == [1, 2, 4, 8, 12, 16, 32]
    assert all(look["counted"] == len(look["read"]) == look["sent"] for look in found["sighted"]["looks"])
    assert found["sighted"]["really_seen"] is None
    assert found["fit"]["cost"] == {"rule": "patch", "size": 32, "base": 2, "each": 0, "most": 0, "times": 1.0}
    assert found["body"]["refused"] is None
    assert found["body"]["taken"] == pytest.approx(4e6, rel=0.05)
    assert [level["at_once"] for level in found["levels"]] == [1, 2, 4, 8]
    assert done.server.most_busy == 8
    assert found["warnings"] == []
    assert found["profile"]["by"] == "doctor"
    assert "pictures" not in found["profile"]


def test_requests_are_announced_and_never_more_are_sent(examine):
    done = examine()
    (announced,) = [line for line in done.said.splitlines() if "sends at most" in line]
    most = int(announced.split("at most ")[1].split()[0])
    assert len(done.server.requests) == done.found["requests"] <= most
    tokens = int(announced.split("about ")[1].split()[0].replace(",", ""))
    assert done.found["prompt_tokens"] <= tokens


def test_quick_sends_far_fewer(examine):
    quick, whole = examine(None, "--quick"), examine()
    assert quick.code == 0
    assert quick.found["requests"] < whole.found["requests"] * 0.6
    assert quick.found["prompt_tokens"] < whole.found["prompt_tokens"] / 3
    assert quick.found["fit"]["cost"] == whole.found["fit"]["cost"]
    assert [look["sent"] for look in quick.found["sighted"]["looks"]] == [1, 12]


def test_a_context_that_cuts_silently_is_called_out_with_the_remedy(examine):
    done = examine(seeing.Eyes(context=1100), "--set", "describer.dialect=ollama")
    assert done.code == 0
    (text,) = done.found["warnings"]
    assert text.startswith("PICTURES ARE DROPPED SILENTLY: of 8 pictures in a request about 4 are looked at, the last ones")
    assert "OLLAMA_CONTEXT_LENGTH=32768" in text
    assert done.found["sighted"]["really_seen"] == 4
    assert done.found["profile"]["pictures"] == 4
    assert done.found["profile"]["context"] <= 1100 + 400


def test_a_proxy_that_keeps_only_the_last_picture_is_called_out(examine):
    done = examine(seeing.Eyes(reach=lambda pictures: pictures[-1:]))
    assert any("about 1 is looked at, the last one" in text for text in done.found["warnings"])
    assert done.found["profile"]["pictures"] == 1


def test_it_is_the_cards_that_show_it_where_nothing_is_counted(examine):
    done = examine(seeing.Eyes(reach=lambda pictures: pictures[:3], counts=False))
    (lost,) = [text for text in done.found["warnings"] if "DROPPED" in text]
    assert "of 4 pictures in a request about 3 are looked at, the first ones (by its cards)" in lost
    assert any("no usage" in text for text in done.found["warnings"])
    assert done.found["profile"]["tells_usage"] is False
    assert done.found["fit"] is None


def test_a_model_that_sees_nothing_at_all_is_suspected(examine):
    done = examine(seeing.Eyes(reach=lambda _: []))
    assert done.code == 0
    assert any("no sign that pictures are seen" in text for text in done.found["warnings"])


def test_weak_eyes_are_no_fault(examine):
    done = examine(seeing.Eyes(reads=False))
    assert done.found["warnings"] == []
    assert not done.found["sighted"]["reads_cards"]
    assert [look["counted"] for look in done.found["sighted"]["looks"]] == [1, 2, 4, 8, 12, 16, 32]


@pytest.mark.parametrize("takes", [1, 5, 10, 31])
def test_a_limit_of_pictures_is_found_exactly(examine, takes):
    done = examine(seeing.Eyes(takes=takes))
    assert done.found["profile"]["pictures"] == takes
    assert done.found["sighted"]["told_most"] == takes


def test_a_context_that_is_refused_limits_tokens_not_pictures(examine):
    done = examine(context=600)  # at 100 a picture, in llama.cpp's words
    assert done.found["profile"]["context"] == 600
    assert done.found["sighted"]["most_taken"] == 6
    assert "pictures" not in done.found["profile"]


@pytest.mark.parametrize("verdict", ["enforced", "ignored", "refused"])
def test_json_schema_is_tried(examine, verdict):
    done = examine(seeing.Eyes(schema=verdict), "--quick")
    assert done.found["schema"]["verdict"] == done.found["profile"]["json_schema"] == verdict
    assert any("json_schema" in text for text in done.found["warnings"]) == (verdict == "ignored")


def test_streaming_that_is_ignored_is_told(examine):
    done = examine(seeing.Eyes(streams=False), "--quick")
    assert done.found["streaming"]["works"] is False
    assert done.found["profile"]["streams"] is False


def test_the_name_of_the_token_limit_is_found(examine):
    done = examine(seeing.Eyes(key="max_completion_tokens"), "--quick")
    assert done.code == 0, done.said
    assert (done.found["ending"]["max_tokens"], done.found["ending"]["max_completion_tokens"]) == ("refused", "obeyed")
    assert done.found["profile"]["limit_key"] == "max_completion_tokens"


@pytest.mark.parametrize("limit", [1_000_000, 2_700_000])
def test_the_largest_body_is_found(examine, limit):
    done = examine(most_bytes=limit)
    assert limit * 0.85 <= done.found["body"]["taken"] <= limit < done.found["body"]["refused"] * 1.2
    assert done.found["profile"]["body_bytes"] == done.found["body"]["taken"]


@pytest.mark.parametrize("cost", [dialects.QWEN25, dialects.OPENAI_TILES, PictureCost("flat", base=258)])
def test_what_pictures_cost_is_measured(examine, cost):
    done = examine(seeing.Eyes(cost=cost))
    fitted = PictureCost(**done.found["profile"]["cost"])
    assert [fitted.tokens(*size) for size in ((640, 360), (1920, 1080))] == [
        pytest.approx(cost.tokens(*size), abs=3) for size in ((640, 360), (1920, 1080))
    ]
    assert any("formula in use" in text for text in done.found["warnings"])


def test_a_loading_model_is_waited_for(examine):
    done = examine(loading=7)
    assert done.code == 0
    assert "loading its model" in done.said


# --- what cannot be used


def test_a_wrong_key_is_told_and_exit_code_4(examine, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_API_KEY", "sk-wrong-and-secret")
    done = examine(key="right")
    assert done.code == 4
    assert not done.found["usable"]
    assert "401" in done.found["error"]["message"]
    assert "VIDEOSCAN_API_KEY" in done.found["error"]["hint"]
    assert "sk-wrong" not in json.dumps(done.found) + done.said
    assert done.found["reach"] is not None, "what was found before is told"
    assert list(known.all_known()) == []


@pytest.mark.parametrize(("status", "words"), [(403, "forbids"), (404, "refuses")])
def test_a_model_that_is_not_there_is_exit_code_4(examine, status, words):
    done = examine([fails(status, "no such thing")] * 9)
    assert done.code == 4
    assert words in done.found["error"]["message"]


def test_a_model_without_eyes_is_exit_code_4(examine):
    def blind(request):
        return fails(500, "image input is not supported") if request.pictures else seeing.Eyes()(request)

    done = examine(blind)
    assert done.code == 4
    assert "does not take a single picture" in done.found["error"]["message"]
    assert "vision model" in done.found["error"]["hint"]


def test_a_port_where_nobody_listens_is_exit_code_4(videoscan):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    code, out, err = videoscan("doctor", "--endpoint", url, "--model", "m")
    assert code == 4
    assert "does not answer" in err
    assert "Traceback" not in err + out


def test_several_models_are_listed_and_one_must_be_named(examine):
    done = examine(model=None, models=("a", "b", "c"))
    assert done.code == 2
    assert "it offers a, b, c" in done.said
    assert done.server.requests == []


def test_the_only_model_is_taken(examine):
    assert examine(None, "--quick", model=None).found["model"] == "test-model"


def test_without_an_endpoint_its_options_make_no_sense(videoscan):
    code, _, err = videoscan("doctor", "--quick")
    assert code == 2
    assert "--endpoint" in err


# --- what is kept is used


def test_the_table_says_it_to_people(videoscan):
    with ModelServer.in_thread(seeing.Eyes(takes=10)) as server:
        code, out, _ = videoscan("doctor", "--endpoint", server.url, "--quick", *SMALL)
    assert code == 0
    for words in ("test-model", "json_schema", "enforced", "At most 10 image(s)", "10 of 10", "Qwen3-VL", "at once", "go by it"):
        assert words in out


def test_scan_goes_by_it_and_says_so(videoscan, clip, tmp_path):
    with ModelServer.in_thread(seeing.Eyes(takes=2)) as server:
        assert videoscan("doctor", "--endpoint", server.url, "--quick", *SMALL)[0] == 0
        before = len(server.requests)
        once = ("--set", "windows.overlap_frames=0", "--set", "second_look.share=0")
        code, _, err = videoscan("scan", clip, "--endpoint", server.url, "--out", tmp_path, *once)
        assert code == 0
        assert "goes by what doctor measured" in err
        assert "at most 2 pictures a request" in err
        asked = server.requests[before:]
        assert {request.frames for request in asked} <= {1, 2}
        windows = json.loads((tmp_path / "match" / "timeline.json").read_text())["windows"]
        assert len(windows) == len(asked), "planned so, not split after a refusal"


def test_plan_counts_by_it(videoscan, clip, tmp_path):
    with ModelServer.in_thread(seeing.Eyes(takes=2, cost=PictureCost("flat", base=258))) as server:
        arguments = ["plan", clip, "--endpoint", server.url, "--model", "test-model", "--json"]
        before = json.loads(videoscan(*arguments)[1].splitlines()[0])
        videoscan("doctor", "--endpoint", server.url, "--quick", *SMALL)
        after = json.loads(videoscan(*arguments)[1].splitlines()[0])
        nameless = videoscan("plan", clip, "--endpoint", server.url)
    assert after["requests"] > before["requests"]
    assert after["tokens"]["pictures"] == 258 * after["images"]
    assert "as doctor measured" in nameless[2], "the only model that is known there is meant, where none is named"


@pytest.mark.parametrize(("owner", "kind"), [("llamacpp", "llamacpp"), ("vllm", "vllm"), ("somebody", "generic")])
def test_a_server_on_an_unusual_port_is_told_by_its_list_of_models(examine, owner, kind):
    done = examine(None, "--quick", owner=owner)
    assert done.found["dialect"] == kind
    (kept,) = known.all_known()
    assert kept.dialect == (kind if kind != "generic" else None)


def test_it_is_forgotten_on_request(videoscan, examine):
    done = examine(None, "--quick")
    assert len(list(known.all_known())) == 1
    code, out, _ = videoscan("doctor", "--endpoint", done.server.url, "--forget")
    assert code == 0
    assert "forgotten" in out
    assert list(known.all_known()) == []
