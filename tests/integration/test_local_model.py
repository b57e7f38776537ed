"""`--model-file`: llama.cpp inside the scan, with real files, real processes and real signals."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
import tiny_model
from commanding import ENTRY, film
from shared import hold_to_contract
from tiny_model import children, gone, profile

from videoscan import config, patience, prompts, registry
from videoscan.describers.local import LocalDescriber, LocalOptions
from videoscan.errors import ConfigError, EndpointFailed
from videoscan.model import Call, Loading
from videoscan.seams import Writer
from videoscan.testing.pictures import window

# The tiny model spells most words letter by letter.
PROMPT = dataclasses.replace(prompts.build("default"), system="You watch.", instructions="What happens?")
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    tiny_model.needed()
    return tiny_model.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clips") / "short.mp4", 4)


@pytest.fixture(autouse=True)
def _no_llamacpp_left():
    yield
    assert not children(), "a test left llama.cpp running"


def scan_arguments(clip, tiny, tmp_path, **describer):
    return [
        "scan",
        clip,
        "--profile",
        profile(tmp_path, **describer),
        "--model-file",
        tiny / "text.gguf",
        "--out",
        tmp_path / "out",
    ]


# --- the command


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_a_model_file_describes_a_clip_and_nothing_is_left_running(videoscan, short_clip, tiny, tmp_path, isolation):
    arguments = scan_arguments(short_clip, tiny, tmp_path)
    code, out, err = videoscan(*arguments, "--set", f"source.isolation={isolation}", "--log-calls", tmp_path / "calls.jsonl")
    assert code == 0, err
    assert not children()
    assert "loading tiny-qwen3-vl" in err
    assert "tiny-qwen3-vl is loaded" in err
    assert "go to" not in err, "no picture leaves this machine, and nothing says so"
    assert "described by tiny-qwen3-vl" in out
    folder = tmp_path / "out" / "short"
    hold_to_contract(folder)
    timeline = json.loads((folder / "timeline.json").read_text())
    assert timeline["describer"] == {"kind": "local", "model": "tiny-qwen3-vl", "endpoint": None, "note": None}
    assert [event["title"] for event in timeline["events"]] == ["A car arrives"] * len(timeline["events"])
    assert timeline["events"]
    calls = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert all(call["status"] == 200 and call["host"].startswith("127.0.0.1:") for call in calls)


def test_what_is_described_is_not_asked_again_wherever_the_file_lies_and_another_model_is_asked(
    videoscan, short_clip, tiny, tmp_path
):
    arguments = scan_arguments(short_clip, tiny, tmp_path)
    assert videoscan(*arguments)[0] == 0
    moved = tmp_path / "elsewhere"
    shutil.copytree(tiny, moved)
    (moved / "text.gguf").rename(moved / "other-name.gguf")
    code, _, err = videoscan(*(moved / "other-name.gguf" if each == tiny / "text.gguf" else each for each in arguments))
    assert code == 0
    assert "loading" not in err, "the same weights under another name gave these answers already"
    code, _, err = videoscan(*arguments, "--set", "describer.threads=2", "--set", "describer.context=6000")
    assert "loading" not in err, "how fast it computes changes no answer"
    changed = bytearray((tiny / "text.gguf").read_bytes())
    changed[-1] ^= 1
    (moved / "other-name.gguf").write_bytes(changed)
    code, _, err = videoscan(*(moved / "other-name.gguf" if each == tiny / "text.gguf" else each for each in arguments))
    assert code == 0
    assert "loading" in err, "other weights under the same name were never asked"


def test_several_inputs_share_one_loaded_model(videoscan, short_clip, tiny, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shutil.copy(short_clip, folder / name)
    code, _, err = videoscan(*scan_arguments(folder, tiny, tmp_path))
    assert code == 0, err
    assert err.count("tiny-qwen3-vl is loaded") == 1
    assert not children()


def test_plan_starts_no_model_and_takes_its_measure_from_the_files(videoscan, short_clip, tiny, tmp_path):
    arguments = scan_arguments(short_clip, tiny, tmp_path)
    began = {child.pid for child in psutil.Process().children(recursive=True)}
    code, out, err = videoscan("plan", *arguments[1:], "--json")
    assert code == 0, err
    assert {child.pid for child in children()} <= began
    first = json.loads(out.splitlines()[0])
    # 160 x 120 at 32 x 32 pixels a token, and two markers.
    assert first["tokens"]["pictures"] == first["images"] * (5 * 4 + 2)


def test_doctor_names_the_version_of_llamacpp(videoscan, tiny):
    code, out, _ = videoscan("doctor", "--json")
    assert code == 0
    assert json.loads(out)["versions"]["xllamacpp"]


# --- what is wrong is said before anything is decoded


def refused(videoscan, *arguments):
    code, _, err = videoscan("scan", *arguments)
    assert "Traceback" not in err
    return code, err


def test_files_that_are_none_are_named(videoscan, short_clip, tiny, tmp_path):
    out = ("--out", tmp_path / "out")
    code, err = refused(videoscan, short_clip, "--model-file", tmp_path / "none.gguf", *out)
    assert code == 2
    assert "none.gguf" in err
    assert "no such file" in err
    code, err = refused(videoscan, short_clip, "--model-file", short_clip, *out)
    assert code == 2
    assert "not a GGUF file" in err
    code, err = refused(videoscan, short_clip, "--model-file", tiny / "mmproj.gguf", "--projector", tiny / "text.gguf", *out)
    assert code == 2
    assert "is a projector, not a model" in err
    code, err = refused(videoscan, short_clip, "--model-file", tiny / "text.gguf", "--projector", tiny / "text.gguf", *out)
    assert code == 2
    assert "is a model (tiny-qwen3-vl), not a projector" in err
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(tiny / "text.gguf", alone)
    code, err = refused(videoscan, short_clip, "--model-file", alone / "text.gguf", *out)
    assert code == 2
    assert "--projector FILE" in err
    shutil.copy(tiny / "mmproj.gguf", alone / "mmproj-f16.gguf")
    shutil.copy(tiny / "mmproj.gguf", alone / "mmproj-q8.gguf")
    code, err = refused(videoscan, short_clip, "--model-file", alone / "text.gguf", *out)
    assert code == 2
    assert "mmproj-f16.gguf, mmproj-q8.gguf" in err
    assert not (tmp_path / "out" / "short").exists()


def test_without_the_extra_it_says_what_to_install(videoscan, short_clip, tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)  # as Python itself marks what is not there
    code, err = refused(videoscan, short_clip, "--model-file", tiny / "text.gguf", "--out", tmp_path / "out")
    assert code == 2
    assert "pip install 'videoscan[local]'" in err


def test_a_context_without_room_for_pictures_is_refused_with_a_number(videoscan, short_clip, tiny, tmp_path):
    code, err = refused(videoscan, *scan_arguments(short_clip, tiny, tmp_path, context=2048)[1:])
    assert code == 2
    assert "raise describer.context to 2816" in err


def test_a_projector_of_another_model_is_told_from_a_damaged_file_and_from_too_little_memory(
    videoscan, short_clip, tiny, tmp_path
):
    other = tiny_model.make(tmp_path / "other", width=64)
    arguments = scan_arguments(short_clip, tiny, tmp_path)
    code, _, err = videoscan(*arguments, "--projector", other / "mmproj.gguf")
    assert code == 4
    assert "the projector belongs to another model" in err
    cut = tmp_path / "cut.gguf"
    cut.write_bytes((tiny / "text.gguf").read_bytes()[:1_000_000])
    arguments[arguments.index(tiny / "text.gguf")] = cut
    code, _, err = videoscan(*arguments, "--projector", tiny / "mmproj.gguf")
    assert code == 4
    assert "incomplete or damaged" in err


@posix
def test_too_little_memory_is_said_with_what_helps(short_clip, tiny, tmp_path):
    arguments = scan_arguments(short_clip, tiny, tmp_path, context=1_048_576, concurrency=8)
    command = [*ENTRY, *map(str, arguments)]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -v 4000000; exec "$@"', "sh", *command], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 4, done.stderr
    assert "not enough memory" in done.stderr
    assert "lower describer.context" in done.stderr


# --- it ends with the scan, however that ends


def until(condition, seconds: float = 60.0):
    """Poll for something that another process does and nobody announces."""
    ends = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)
    return found


@posix
@pytest.mark.parametrize("moment", ["loading", "serving"])
def test_it_dies_with_a_scan_that_is_killed(short_clip, tiny, tmp_path, moment):
    """kill -9 leaves nobody to clean up, and while a model loads no thread of the child can run."""
    arguments = [*ENTRY, *map(str, scan_arguments(short_clip, tiny, tmp_path))]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        [child] = until(lambda: children(process.pid))
        if moment == "serving":
            assert process.stderr is not None
            until(lambda: "is loaded" in process.stderr.readline())
        process.kill()
        process.wait()
        assert gone(child)
    finally:
        process.kill()
        process.communicate()


@posix
def test_ctrl_c_ends_it_without_a_word_of_its_own(short_clip, tiny, tmp_path):
    arguments = [*ENTRY, *map(str, scan_arguments(short_clip, tiny, tmp_path))]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        [child] = until(lambda: children(process.pid))
        assert process.stderr is not None
        until(lambda: "is loaded" in process.stderr.readline())
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert "the same command goes on" in err
        assert "Traceback" not in err
        assert "crashed" not in err
        assert gone(child)
    finally:
        process.kill()
        process.communicate()


def describing(tiny, tmp_path, work, *, when_loaded=lambda: None, **options):
    """Run `work(session)` over a session of the describer; `when_loaded` is called each time that the model is. Also what was told."""
    table = config.load(profile(tmp_path, **options), environ={}, overrides={"describer.model_file": str(tiny / "text.gguf")})
    facts: list[Loading | Call] = []

    def told(fact):
        facts.append(fact)
        if isinstance(fact, Loading) and fact.done:
            when_loaded()

    async def run():
        session = registry.make("describers", table.profile.describer).session(told)
        try:
            with patience.instantly():
                return await work(session)
        finally:
            await session.close()

    return asyncio.run(run()), facts


def kill():
    for child in children():
        child.kill()


def loads(facts):
    return [fact.again for fact in facts if isinstance(fact, Loading) and fact.done]


@posix
def test_after_a_crash_it_is_loaded_again_and_the_window_is_asked_again(tiny, tmp_path):
    async def work(session):
        first = await session.describe(window(1, width=64, height=64), PROMPT)
        kill()
        second = await session.describe(window(1, width=64, height=64), PROMPT)
        return first, second

    (first, second), facts = describing(tiny, tmp_path, work)
    assert first.failure is None
    assert second.failure is None
    assert loads(facts) == [False, True]


@posix
def test_a_crash_under_several_windows_is_answered_once(tiny, tmp_path):
    async def work(session):
        windows = [window(2, index=number, first=2 * number, width=64, height=64) for number in range(3)]
        return await asyncio.gather(*(session.describe(each, PROMPT) for each in windows))

    crashes = iter([kill])

    def crash_once():
        next(crashes, int)()

    described, facts = describing(tiny, tmp_path, work, when_loaded=crash_once, concurrency=2)
    assert [each.failure for each in described] == [None] * 3
    assert loads(facts) == [False, True]


@posix
def test_two_crashes_in_a_row_end_the_scan(tiny, tmp_path):
    async def work(session):
        with pytest.raises(EndpointFailed, match=r"crashed 2 times in a row \(SIGKILL") as info:
            await session.describe(window(3, width=64, height=64), PROMPT)
        return info.value

    error, facts = describing(tiny, tmp_path, work, when_loaded=kill)
    assert error.exit_code == 4
    assert "describer.context" in error.hint, "a process that was killed was probably too large"
    assert loads(facts) == [False, True]


def test_it_writes_as_well_without_pictures(tiny, tmp_path):
    async def work(session):
        assert isinstance(session, Writer)
        return await session.write(PROMPT, max_tokens=200, keys=("summary",))

    written, facts = describing(tiny, tmp_path, work)
    assert written.failure is None
    assert json.loads(written.raw)["summary"] == "Random."
    assert loads(facts) == [False]


def test_others_on_this_machine_need_the_key(tiny, tmp_path):
    import urllib.error
    import urllib.request

    async def work(session):
        await session.describe(window(1, width=64, height=64), PROMPT)
        url = session.server.url
        assert url.startswith("http://127.0.0.1:")
        body = b'{"messages": [{"role": "user", "content": "hello"}], "max_tokens": 1}'

        def ask():
            with pytest.raises(urllib.error.HTTPError) as info:
                urllib.request.urlopen(urllib.request.Request(f"{url}/chat/completions", body), timeout=10)
            info.value.close()
            return info.value.code

        status = await asyncio.to_thread(ask)
        seen = psutil.Process(session.server.pid)
        shown = " ".join(seen.cmdline()) + str(seen.environ())
        return status, session.server.key in shown

    (status, shown), facts = describing(tiny, tmp_path, work)
    assert status == 401
    assert not shown, "arguments and environment can be read by others"
    assert not any(fact for fact in facts if "sk-" in str(fact))


def test_windows_are_made_to_fit_the_context(tiny):
    def limits(**options):
        async def made():
            session = LocalDescriber(LocalOptions(model_file=str(tiny / "text.gguf"), **options)).session()
            await session.close()
            return session.limits

        return asyncio.run(made())

    assert limits().tokens == 12_288
    assert limits().cost.tokens(1280, 720) == 40 * round(720 / 32) + 2
    assert limits(context=8192).tokens == 8192 - 2048 - 2048
    assert limits(max_tokens=30_000).tokens == 32_768 - 30_000 - 2048, "never longer than the model was made for"
    with pytest.raises(ConfigError, match="no room for pictures"):
        limits(max_tokens=31_000)
