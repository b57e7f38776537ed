"""A tiny Qwen3-VL with random weights, made on the spot: real software decodes the pictures, the words it says are random."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

TOOLS = Path(__file__).resolve().parents[2] / "shared" / "tools"

NARROW = {
    "type": "object",
    "properties": {
        "observations": {"type": "array", "items": {"type": "string"}, "maxItems": 0},
        "events": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "title": {"enum": ["A car arrives"]},
                    "description": {"enum": [""]},
                    "first_frame": {"type": "integer", "minimum": 1, "maximum": 1},
                    "last_frame": {"type": "integer", "minimum": 1, "maximum": 2},
                    "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 0},
                    "confidence": {"enum": [0.5]},
                    "importance": {"enum": [0.5]},
                },
                "required": ["title", "description", "first_frame", "last_frame", "tags", "confidence", "importance"],
                "additionalProperties": False,
            },
        },
        "summary": {"enum": ["Random."]},
    },
    "required": ["observations", "events", "summary"],
    "additionalProperties": False,
}
"""An answer so narrow that random words fit into it."""

STEADY = {
    "temperature": 0,
    "seed": 1,
    "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": NARROW}},
}

# The model's vocabulary spells most words letter by letter: the shipped templates would fill its context.
TEMPLATE = """
version = 1
role = "You watch."
instructions = "What happens?"
tags = ["vehicle"]
importance = "0.5"
"""


def make(folder: Path, *, width: int = 128) -> Path:
    """Write ``text.gguf`` and ``mmproj.gguf``, of a model whose vectors have that width."""
    script = (TOOLS / "make_tiny_gguf.py").read_text()
    wide = script.replace("= 128, 256, 2,", f"= {width}, 256, 2,")
    assert width == 128 or wide != script
    subprocess.run([sys.executable, "-c", wide, folder], check=True, capture_output=True, timeout=60)
    return folder


def needed() -> None:
    """Skip the test where the model cannot be made or run."""
    for module in ("xllamacpp", "gguf"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[server-tests]'")
    if not TOOLS.is_dir():
        pytest.skip("the script that makes the tiny model is not beside this checkout (../shared/tools)")


def profile(folder: Path, **describer) -> Path:
    """A profile for it: small pictures, few of them, an answer that random words can give."""
    (folder / "short.toml").write_text(TEMPLATE)
    options = {"context": 4096, "max_tokens": 256, "threads": 1, "extra_body": STEADY, **describer}
    lines = [f"{key} = {_toml(value)}" for key, value in options.items()]
    path = folder / "tiny.toml"
    head = f"[windows]\nmax_frames = 2\noverlap_frames = 0\nlong_side = 160\n[prompt]\ntemplate = {_toml(str(folder / 'short.toml'))}\n"
    path.write_text("\n".join([head, "[describer]", *lines]))
    return path


def _toml(value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def children(pid: int | None = None) -> list[psutil.Process]:
    """The llama.cpp processes below a process; a process that went away has none."""
    try:
        below = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [each for each in below if _is_llamacpp(each)]


def _is_llamacpp(process: psutil.Process) -> bool:
    try:
        return any(part.endswith("llamacpp_child.py") for part in process.cmdline())
    except psutil.Error:
        return False


def gone(process: psutil.Process, *, seconds: float = 20.0) -> bool:
    """Whether it ends within that time."""
    return not psutil.wait_procs([process], timeout=seconds)[1]
