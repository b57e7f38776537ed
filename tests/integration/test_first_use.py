"""The first use of an unknown endpoint: two requests with cards, remembered, counted, told; it stops no scan."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest
import seeing
from commanding import FEW, film

from videoscan import patience, prompts
from videoscan.describers import known
from videoscan.describers.openai import OpenAiDescriber, OpenAiOptions
from videoscan.errors import EndpointRefused
from videoscan.model import Call, Note
from videoscan.testing.model_server import ModelServer, drops, fails, ok, throttled
from videoscan.testing.pictures import window

PROMPT = prompts.build("default")


@pytest.fixture(autouse=True)
def _first_use(monkeypatch, tmp_path):
    monkeypatch.delenv(known.PROBE_VARIABLE)
    monkeypatch.setenv("VIDEOSCAN_STATE_DIR", str(tmp_path / "state"))


def describe(script=(), *, count=4, windows=1, size=(640, 360), server=None, **options):
    """Windows of so many pictures through one session; returns the server, descriptions and facts."""

    async def work():
        facts = []
        async with server or ModelServer(script) as serving:
            given = {"endpoint": serving.url, "model": "test-model", **options}
            session = OpenAiDescriber(OpenAiOptions(**given)).session(facts.append)
            try:
                with patience.instantly():
                    shown = [window(count, index=n, first=n * count, width=size[0], height=size[1]) for n in range(windows)]
                    done = await asyncio.gather(*(session.describe(each, PROMPT) for each in shown))
            finally:
                await session.close()
            return serving, done, facts

    return asyncio.run(work())


def notes(facts):
    return [fact.text for fact in facts if isinstance(fact, Note)]


def kept():
    return list(known.all_known())


def test_it_makes_two_requests_of_the_same_shape_and_counts_them():
    server, [described], facts = describe(seeing.Eyes())
    one, all_of_them, real = server.requests
    assert [request.frames for request in server.requests] == [1, 4, 4]
    assert {seeing.size_of(picture) for request in server.requests for picture in request.pictures} == {(640, 360)}
    assert one.schema is not None
    assert one.system
    assert all_of_them.labels[3].startswith("Frame 4 · ")
    assert real.text.endswith(PROMPT.instructions[-40:])
    assert described.failure is None
    assert (described.usage.requests, described.usage.images, described.attempts) == (3, 9, 1)
    assert described.usage.prompt_tokens > 8 * 220
    assert described.usage.retries == 0
    assert len([fact for fact in facts if isinstance(fact, Call)]) == 3, "--log-calls has them too"
    assert "first use of" in notes(facts)[0]
    assert len(notes(facts)) == 1, "all is well: nothing more to say"


def test_it_is_remembered_for_the_endpoint_and_model():
    server = ModelServer(seeing.Eyes())
    describe(server=server, windows=3)
    assert len(server.requests) == 2 + 3
    assert {each.by for each in kept()} == {"probe"}
    (found,) = kept()
    assert (found.sight.sent, found.sight.counted, found.tells_usage) == (4, 4, True)


def test_the_second_scan_of_the_same_server_asks_at_once(videoscan, clip, tmp_path):
    with ModelServer.in_thread(seeing.Eyes()) as server:
        arguments = ["scan", clip, "--endpoint", server.url, "--model", "test-model", *FEW]
        code, _, err = videoscan(*arguments, "--out", tmp_path / "a")
        assert code == 0
        assert "first use of 127.0.0.1" in err
        first = len(server.requests)
        code, _, err = videoscan(*arguments, "--out", tmp_path / "b")
        assert code == 0
        assert "first use" not in err
        assert len(server.requests) == first + (first - 2)
        usage = json.loads((tmp_path / "a" / "match" / "timeline.json").read_text())["usage"]
        assert usage["requests"] == first
        assert json.loads((tmp_path / "b" / "match" / "timeline.json").read_text())["usage"]["requests"] == first - 2


def test_going_on_after_a_scan_that_probed_asks_nothing_again(videoscan, clip, tmp_path):
    """What the probe learned must not cut the windows otherwise: their answers are kept by their pictures."""
    with ModelServer.in_thread(seeing.Eyes(takes=2)) as server:
        arguments = ["scan", clip, "--endpoint", server.url, "--model", "test-model", *FEW, "--out", tmp_path]
        assert videoscan(*arguments)[0] == 0
        before = len(server.requests)
        (tmp_path / "match" / "timeline.json").unlink()
        code, _, err = videoscan(*arguments)
        assert code == 0, err
        assert len(server.requests) == before


def test_pictures_dropped_silently_are_told_with_the_remedy():
    script = seeing.Eyes(context=800)
    _, [described], facts = describe(script, count=8, dialect="ollama")
    assert described.failure is None
    (text,) = [text for text in notes(facts) if "drop pictures silently" in text]
    assert "of 8 in a request about 3 " in text
    assert "OLLAMA_CONTEXT_LENGTH" in text
    assert "videoscan doctor --endpoint" in text
    (found,) = kept()
    assert found.sight.counted == 3
    assert found.warnings == (text,)


def test_a_proxy_that_keeps_only_the_last_picture_is_told():
    _, _, facts = describe(seeing.Eyes(reach=lambda pictures: pictures[-1:]), count=6)
    assert any("of 6 in a request one can be" in text for text in notes(facts))


def test_a_larger_window_than_was_probed_is_watched():
    """The first window had two pictures, which fit; later ones have twelve, which do not."""

    async def work(server):
        facts = []
        session = OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="m", dialect="ollama")).session(facts.append)
        try:
            with patience.instantly():
                shown = [window(n, index=n, width=640, height=360) for n in (2, 3, 12, 11)]
                done = [await session.describe(each, PROMPT) for each in shown]
        finally:
            await session.close()
        return done, notes(facts)

    with ModelServer.in_thread(seeing.Eyes(context=2600)) as server:
        done, told = asyncio.run(work(server))
    dropped = [[flag for flag in each.flags if "dropped silently" in flag] for each in done]
    assert [bool(flags) for flags in dropped] == [False, False, True, True]
    assert "pictures seem to be dropped silently: of 12 about" in dropped[2][0]
    (said,) = [text for text in told if "dropped silently" in text]
    assert "OLLAMA_CONTEXT_LENGTH" in said, "once, with the remedy"


def test_a_known_fault_is_told_again_by_the_next_scan():
    server = ModelServer(seeing.Eyes(context=800))
    _, _, facts = describe(server=server, count=8)
    (known_fault,) = kept()[0].warnings

    async def again():
        facts = []
        session = OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="test-model", retries=0)).session(facts.append)
        try:
            with patience.instantly(), pytest.raises(Exception, match="reached"):
                await session.describe(window(1), PROMPT)
        finally:
            await session.close()
        return facts

    assert known_fault in notes(asyncio.run(again()))
    assert known_fault in notes(facts)


def test_a_model_that_cannot_read_cards_is_not_complained_about():
    _, [described], facts = describe(seeing.Eyes(reads=False))
    assert described.failure is None
    assert len(notes(facts)) == 1


def test_a_server_that_does_not_count_is_not_complained_about():
    _, [described], facts = describe(seeing.Eyes(counts=False))
    assert described.failure is None
    assert len(notes(facts)) == 1
    assert kept()[0].tells_usage is False
    assert kept()[0].sight.counted is None


def test_pictures_too_small_to_be_told_from_words_are_not_judged():
    _, _, facts = describe(lambda _: ok(), size=(64, 36))
    assert len(notes(facts)) == 1


def test_a_limit_of_pictures_is_learned_before_the_first_window():
    server, [described], facts = describe(seeing.Eyes(takes=3), count=8)
    assert described.failure is None
    (told,) = [text for text in notes(facts) if "asked in parts" in text]
    assert "takes 3 pictures in a request at most" in told
    assert "--set windows.max_frames=3" in told
    assert "first-use probe" not in told, "it is no fault of anybody's"
    assert told.count(server.url.split("/")[2]) == 1
    assert [request.frames for request in server.requests] == [1, 8, 2, 3, 3]
    assert kept()[0].pictures == 3
    assert described.usage.requests == 5


def test_a_schema_that_is_refused_is_learned():
    server, [described], _ = describe(seeing.Eyes(schema="refused"))
    assert described.failure is None
    assert [request.schema is not None for request in server.requests] == [True, False, False, False]
    assert kept()[0].json_schema == "refused"


def test_the_other_name_of_the_token_limit_is_learned():
    server, [described], _ = describe(seeing.Eyes(key="max_completion_tokens"))
    assert described.failure is None
    assert ["max_tokens" in request.body for request in server.requests] == [True, False, False, False]
    assert kept()[0].limit_key == "max_completion_tokens"


@pytest.mark.parametrize(
    "turns",
    [
        [fails(400, "I do not like cards")] * 2,
        [fails(403, "content filter", code="content_filter")],
        [fails(500)] * 4,
        [throttled()] * 6,
        [drops()] * 7,
        [ok(), fails(500), fails(500), fails(500), fails(500)],
        [ok(body=b"no JSON at all"), ok()],
        [ok(body=b'{"choices": []}'), ok()],
    ],
)
def test_no_fault_of_the_probe_stops_the_scan(turns):
    def script(request):
        return turns[request.index] if request.index < len(turns) else ok()

    _, [described], facts = describe(script)
    assert described.failure is None
    assert any("first-use probe" in text for text in notes(facts))


def test_a_passing_fault_is_not_remembered():
    describe([throttled()] * 6)
    assert kept() == []


@pytest.mark.parametrize("status", [401, 404])
def test_a_refusal_surfaces_as_ever(status):
    server = ModelServer([fails(status, "no")] * 3)
    with pytest.raises(EndpointRefused, match=str(status)):
        describe(server=server)
    assert len(server.requests) == 1
    assert kept() == []


def test_it_is_turned_off_by_the_profile():
    server, [described], facts = describe(probe="never")
    assert len(server.requests) == described.usage.requests == 1
    assert notes(facts) == []
    assert kept() == []


def test_windows_wait_for_it_and_only_one_makes_it():
    server, done, _ = describe(seeing.Eyes(), windows=4)
    assert len(server.requests) == 2 + 4
    assert sorted(each.usage.requests for each in done) == [1, 1, 1, 3]
    assert [request.frames for request in server.requests[:2]] == [1, 4]


def test_a_state_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "state").write_text("in the way")
    _, [described], facts = describe(seeing.Eyes())
    assert described.failure is None
    assert any("not kept" in text for text in notes(facts))


def test_the_only_model_is_taken_and_its_profile_found():
    server, _, _ = describe(seeing.Eyes(), model=None)
    assert {request.body["model"] for request in server.requests} == {"test-model"}
    assert kept()[0].model == "test-model"


def test_what_one_video_taught_does_not_cut_the_next_ones_windows_otherwise(videoscan, clip, tmp_path):
    """Else a run that goes on, and has not learned it, would plan other windows and pay for all of them again."""
    other = film(tmp_path / "in" / "other.mp4", 5)
    with ModelServer.in_thread(seeing.Eyes(takes=2)) as server:
        arguments = ["scan", clip, other, "--endpoint", server.url, "--model", "test-model", "--out", tmp_path / "out"]
        assert videoscan(*arguments)[0] == 0
        before = len(server.requests)
        (timeline,) = [path for path in (tmp_path / "out").rglob("timeline.json") if "other" in str(path)]
        timeline.unlink()
        assert videoscan(*arguments)[0] == 0
        assert len(server.requests) == before


# --- a model that is still loading


def test_a_server_that_loads_when_asked_has_time_for_its_first_answer_only():
    def slow_at_first(request):
        return dataclasses.replace(ok(), delay=0.6 if request.index == 0 else 0.0)

    _, [described], _ = describe(slow_at_first, dialect="ollama", timeout=0.2, retries=0, probe="never")
    assert described.failure is None
    _, [described], _ = describe(slow_at_first, dialect="vllm", timeout=0.2, retries=0, probe="never")
    assert described.failure.kind == "EndpointUnreachable"


def test_a_model_that_is_still_loading_is_waited_for_and_said_to_be_once():
    server = ModelServer(seeing.Eyes(), loading=40)
    _, [described], facts = describe(server=server)
    assert described.failure is None
    assert sum("still loading its model" in text for text in notes(facts)) == 1


def test_the_list_of_models_waits_as_well():
    _, [described], facts = describe(server=ModelServer(seeing.Eyes(), loading=5), model=None)
    assert described.failure is None
    assert any("still loading its model" in text for text in notes(facts))


def test_a_model_that_never_loads_is_given_up():
    _, [described], _ = describe(server=ModelServer(loading=1_000_000), probe="never")
    assert described.failure.kind == "EndpointThrottled"
    assert "Loading model" in described.failure.message
