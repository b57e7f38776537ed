"""Servers, clips and the command that the integration tests use."""

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from commanding import film

from videoscan import cli
from videoscan.reading import segments

TOOLS = Path(__file__).parents[3] / "shared" / "tools"


@dataclass(frozen=True)
class LlamaCpp:
    """llama.cpp's own server with a tiny random Qwen3-VL: pictures are really decoded, answers are random words."""

    url: str
    key: str = "sk-local"
    model: str = "tiny-qwen3-vl"
    context: int = 4096
    """Tokens that one request may take: 8192 shared by two slots."""


@pytest.fixture(scope="session")
def llamacpp(tmp_path_factory):
    """The server, started once for all tests that want it."""
    missing = [name for name in ("xllamacpp", "gguf") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed: pip install '.[server-tests]'")
    if not TOOLS.is_dir():
        pytest.skip("the scripts that make and serve the tiny model are not beside this checkout (../shared/tools)")
    folder = tmp_path_factory.mktemp("tiny-qwen3-vl")
    subprocess.run([sys.executable, TOOLS / "make_tiny_gguf.py", folder], check=True, capture_output=True, timeout=60)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "server.log").open("wb")
    server = subprocess.Popen([sys.executable, TOOLS / "serve_llamacpp.py", folder, str(port)], stdout=log, stderr=log)
    try:
        _wait_until_healthy(server, port, folder / "server.log")
        yield LlamaCpp(url=f"http://127.0.0.1:{port}/v1")
    finally:
        server.kill()
        server.wait()
        log.close()


def _wait_until_healthy(server: subprocess.Popen, port: int, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)  # a program's start has no event to wait for
    pytest.fail(f"llama.cpp's server did not start: {log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clips") / "match.mp4")


@pytest.fixture
def videoscan(capsys):
    """Runs a command in this process; returns (exit code, stdout, stderr)."""

    def run(*arguments):
        code = cli.run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """A service's one folder: a reel of twelve samples, six windows of two, and a folder of two clips."""
    root = tmp_path_factory.mktemp("footage")
    film(root / "reel.mp4", 11)
    (root / "pair").mkdir()
    film(root / "pair" / "a.mp4", 2)
    film(root / "pair" / "b.mp4", 2)
    return (root.resolve(),)


@pytest.fixture
def readers(monkeypatch):
    """The segments that were decoded."""
    made = []

    class Spy(segments.Reader):
        def __init__(self, *given):
            made.append(given)
            super().__init__(*given)

    monkeypatch.setattr(segments, "Reader", Spy)
    return made
