"""Every page on a model service is run: its commands as they stand, its profiles, and the errors that it explains.

Services that cannot be run here are stood in for by what their makers document (`videoscan.testing.presets`); llama.cpp is real. An
address on the internet is reached through a proxy that is the stand-in, so that the page's own host name is what videoscan sees.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from commanding import film
from markdown_it import MarkdownIt

from videoscan.testing.presets import serving

PAGES = Path(__file__).parents[2] / "docs" / "how-to"

# Programs of others that a page starts, and that are not here.
ABSENT = ("pip", "vllm", "python", "ollama", "llama-server")


@dataclass(frozen=True)
class Page:
    """A page, the stand-in for its service, and the address on this machine that it names, if it does."""

    name: str
    service: str
    local: str | None = None


STOOD_IN = (
    Page("modelarts.md", "modelarts"),
    Page("modelarts.zh-CN.md", "modelarts"),
    Page("openai.md", "openai"),
    Page("dashscope.md", "dashscope"),
    Page("vllm.md", "vllm", "127.0.0.1:8000"),
    Page("sglang.md", "sglang", "127.0.0.1:30000"),
    Page("ollama.md", "ollama", "127.0.0.1:11434"),
)
by_page = pytest.mark.parametrize("page", STOOD_IN, ids=lambda page: page.name)


def blocks(name: str, language: str) -> list[str]:
    tokens = MarkdownIt("commonmark").parse((PAGES / name).read_text(encoding="utf-8"))
    return [token.content for token in tokens if token.type == "fence" and token.info.strip() == language]


@pytest.fixture(scope="session")
def video(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clips") / "video.mp4", 3, size="640x360", rate=5)


@dataclass
class Desk:
    """A folder with a video in it, and a shell that finds our command, and in place of the absent programs ones that note their call."""

    folder: Path
    env: dict[str, str]

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a block; what it exports holds for the following ones, as in the terminal of somebody who reads the page."""
        self.env |= dict(re.findall(r"^export (\w+)=(\S+)", script, re.MULTILINE))
        return subprocess.run(
            ["sh", "-e", "-c", script], cwd=self.folder, env=self.env, capture_output=True, text=True, check=False, timeout=240
        )

    @property
    def started(self) -> list[list[str]]:
        """The calls of programs that are not here."""
        log = self.folder / "started"
        return [shlex.split(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def desk(tmp_path, video):
    programs = tmp_path / "programs"
    programs.mkdir()
    scripts = {"videoscan": f'exec {shlex.quote(sys.executable)} -m videoscan "$@"'}
    for name in ABSENT:
        scripts[name] = f'printf "%s\\n" "{name} $*" >> {shlex.quote(str(tmp_path / "desk" / "started"))}'
    for name, script in scripts.items():
        path = programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "desk").mkdir()
    shutil.copy(video, tmp_path / "desk" / "video.mp4")
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return Desk(
        tmp_path / "desk", kept | {"PATH": f"{programs}:{os.environ['PATH']}", "XDG_CONFIG_HOME": str(tmp_path / "no-profiles")}
    )


def settle(desk: Desk, page: Page, server) -> None:
    """Write the page's profiles, and see that its addresses lead to the server."""
    for profile in blocks(page.name, "toml"):
        found = re.match(r"# (\S+\.toml)\n", profile)
        assert found, f"{page.name}: a profile does not begin with its file's name"
        (desk.folder / found[1]).write_text(leading(profile, page, server))
    if page.local is None:
        desk.env["http_proxy"] = server.url[: server.url.index("/", 8)]


def leading(text: str, page: Page, server) -> str:
    host = server.url.split("/")[2]
    text = text.replace("https://", "http://") if page.local is None else text.replace(page.local, host)
    return re.sub(r"(?<=_KEY=)\S+", server.key or "unused", text)


@pytest.mark.slow
@by_page
def test_every_command_of_the_page_runs_as_it_stands(page, desk):
    with serving(page.service) as server:
        settle(desk, page, server)
        commands = blocks(page.name, "sh")
        scans = 0
        for block in commands:
            done = desk.run(leading(block, page, server))
            assert done.returncode == 0, f"{block}\n{done.stderr}"
            assert "Traceback" not in done.stderr
            before, scans = scans, scans + len(re.findall(r"^videoscan scan", block, re.MULTILINE))
            if scans > before:
                assert "All of 3.0 s was looked at" in done.stdout or "All of 3 s was looked at" in done.stdout, done.stdout
        assert scans >= 2
        assert server.requests
        assert not server.problems
        if page.local is None:
            named = set(re.findall(r"https?://([^/\s\"`]+)/", (PAGES / page.name).read_text()))
            assert named, "an address of the page's own"


@by_page
def test_the_page_says_what_it_was_run_against(page):
    text = (PAGES / page.name).read_text(encoding="utf-8")
    last = text.rstrip().rsplit("---", 1)[-1]
    assert "stand-in" in last or "模拟服务" in last
    assert "not against" in last or "没有在真实服务上运行" in last or "against vLLM itself" in last


def test_servers_are_started_with_the_flags_that_the_page_explains(desk):
    for name, program in (("vllm.md", "vllm"), ("sglang.md", "python"), ("llamacpp.md", "llama-server")):
        text = (PAGES / name).read_text()
        explained = set(re.findall(r"`(--?[a-z][a-z-]*)", re.findall(r"\| flag \|.*?\n\n", text, re.DOTALL)[0]))
        start = next(block for block in blocks(name, "sh") if re.search(rf"^{program} ", block, re.MULTILINE))
        assert desk.run(start).returncode == 0
        words = next(call for call in reversed(desk.started) if call[0] == program)
        missing = {flag for flag in explained if flag not in words} - {"--mm-max-concurrent-calls", "--api-key"}
        assert not missing, f"{name}: {missing} are explained, but not in the command"
        assert "127.0.0.1" in words, f"{name}: a server for everybody"


# --- what errors mean: each is brought about, and said in the words that the page names


@dataclass(frozen=True)
class Error:
    """What is narrowed at the service, what is different in the command, the exit code, and what the page and videoscan both say."""

    page: str
    service: str
    says: tuple[str, ...]
    code: int = 4
    key: str | None = None
    model: str | None = None
    base: str | None = None
    options: tuple[str, ...] = ()
    narrowed: tuple[tuple[str, object], ...] = ()


def _second(received) -> bool:
    return any("00:00:02" in label for label in received.labels)


ERRORS = (
    Error("modelarts.md", "modelarts", ("ModelArts.81003",), key="wrong"),
    Error("modelarts.md", "modelarts", ("ModelArts.81002",), key=""),
    Error("modelarts.md", "modelarts", ("ModelArts.81009",), model="Qwen9-VL"),
    Error("modelarts.md", "modelarts", ("APIG.0101",), base="/v2/nothing/v1"),
    Error("modelarts.md", "modelarts", ("ContentFiltered", "ModelArts.81011"), code=6, narrowed=(("filtered", _second),)),
    Error("openai.md", "openai", ("answered 401", "Incorrect API key"), key="wrong"),
    Error("openai.md", "openai", ("answered 404", "does not exist or you do not have access"), model="gpt-9"),
    Error("openai.md", "openai", ("ContentFiltered",), code=6, narrowed=(("filtered", _second),)),
    Error("dashscope.md", "dashscope", ("answered 401", "invalid_api_key"), key="wrong"),
    Error("dashscope.md", "dashscope", ("answered 404", "model_not_found"), model="qwen9"),
    Error("dashscope.md", "dashscope", ("ContentFiltered",), code=6, narrowed=(("filtered", _second),)),
    Error("vllm.md", "vllm", ("answered 404",), model="another"),
    Error("vllm.md", "vllm", ("answered 401",), key="wrong", narrowed=(("key", "right"),)),
    Error("sglang.md", "sglang", ("answered 404",), model="another"),
    Error("ollama.md", "ollama", ("not found, try pulling it first", "answered 404"), model="another"),
)


@pytest.mark.slow
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{error.page}-{'-'.join(error.says)}".replace(" ", "-"))
def test_an_error_is_said_in_the_words_that_the_page_explains(videoscan, video, tmp_path, monkeypatch, error):
    page = (PAGES / error.page).read_text(encoding="utf-8")
    with serving(error.service, **dict(error.narrowed)) as server:
        key = server.key if error.key is None else error.key
        if key:
            monkeypatch.setenv("VIDEOSCAN_API_KEY", key)
        endpoint = server.url.replace(server.service.base, error.base) if error.base else server.url
        code, out, err = videoscan(
            "scan", video, "--endpoint", endpoint, "--model", error.model or server.service.models[0], "--out", tmp_path,
            "--set", f"describer.dialect={error.service}", "--set", "windows.max_frames=1", "--set", "windows.overlap_frames=0",
            *error.options,
        )  # fmt: skip
    assert code == error.code, err
    kept = tmp_path / "video" / "timeline.json"
    said = err + out + (kept.read_text() if kept.exists() else "")
    for words in error.says:
        assert words in said
        assert words in page, f"{error.page} does not explain {words!r}"


LEARNED = (
    ("vllm.md", "vllm", {"pictures": 2}, "At most"),
    ("vllm.md", "vllm", {"context": 1800}, "is longer than the maximum model length"),
    ("sglang.md", "sglang", {"context": 1800}, "is longer than the model's context length"),
    ("modelarts.md", "modelarts", {"pictures": 2}, "refusal is learned from"),
    ("openai.md", "openai", {}, "notices once"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "service", "narrowed", "words"), LEARNED, ids=lambda value: str(value)[:20])
def test_a_limit_is_learned_and_the_timeline_is_whole(videoscan, video, tmp_path, monkeypatch, name, service, narrowed, words):
    assert words in (PAGES / name).read_text(encoding="utf-8")
    with serving(service, **narrowed) as server:
        monkeypatch.setenv("VIDEOSCAN_API_KEY", server.key or "")
        model = "o4-mini" if service == "openai" else server.service.models[0]
        code, out, err = videoscan(
            "scan", video, "--endpoint", server.url, "--model", model, "--out", tmp_path,
            "--set", f"describer.dialect={service}", "--set", "describer.max_tokens=600",
        )  # fmt: skip
        assert len(server.requests) >= 2, "the first was refused"
    assert code == 0, err
    assert "All of" in out


def test_what_the_limits_of_an_account_refuse_is_waited_for(tmp_path, video, monkeypatch):
    """429 with 81101 in the body and no Retry-After: the same request again, until it is taken."""
    import asyncio

    from describing import PROMPT

    from videoscan import patience
    from videoscan.describers.openai import OpenAiDescriber, OpenAiOptions
    from videoscan.testing.pictures import window
    from videoscan.testing.presets import preset

    async def work():
        async with preset("modelarts", requests_per_minute=1) as server:
            monkeypatch.setenv("VIDEOSCAN_API_KEY", server.key)
            options = OpenAiOptions(endpoint=server.url, model=server.service.models[0], dialect="modelarts", retries=3)
            session = OpenAiDescriber(options).session()
            try:
                with patience.instantly():
                    first = await session.describe(window(1), PROMPT)
                    server._answered.clear()
                    server._rate = 0
                    second = await session.describe(window(1, index=1), PROMPT)
            finally:
                await session.close()
            return first, second, len(server.requests)

    first, second, requests = asyncio.run(work())
    assert first.failure is None
    assert second.failure.kind == "EndpointThrottled"
    assert "81101" in second.failure.message
    assert requests == 1 + 4


@pytest.mark.slow
def test_ollamas_silent_cut_is_called_out_and_the_remedy_of_the_page_is_one(videoscan):
    page = (PAGES / "ollama.md").read_text(encoding="utf-8")
    asked = ("--model", "qwen3-vl:8b", "--quick", "--set", "describer.dialect=ollama")
    for context, cut in ((4096, True), (32_768, False)):
        with serving("ollama", context=context) as server:
            code, out, err = videoscan("doctor", "--endpoint", server.url, *asked)
        assert code == 0, err
        said = out + err
        assert ("PICTURES ARE DROPPED SILENTLY" in said) == cut
        assert ("OLLAMA_CONTEXT_LENGTH" in said) == cut
    assert "PICTURES ARE DROPPED SILENTLY" in page
    assert "OLLAMA_CONTEXT_LENGTH=32768 ollama serve" in page


@pytest.mark.slow
def test_every_command_of_llamacpps_page_runs_against_the_real_server(desk, llamacpp):
    page = Page("llamacpp.md", "llamacpp", "127.0.0.1:8080")

    @dataclass
    class Real:
        url: str
        key: str

    server = Real(llamacpp.url, llamacpp.key)
    for block in blocks(page.name, "sh"):
        if "videoscan" not in block:
            continue  # the server: it runs already
        settle(desk, page, server)
        # Random words end where they like: some windows stay unreadable, which is exit code 6 and not the page's fault.
        done = desk.run(f"export VIDEOSCAN_API_KEY={llamacpp.key}\n" + leading(block, page, server))
        assert done.returncode in {0, 6}, f"{block}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        assert "401" not in done.stderr
