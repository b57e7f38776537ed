"""The real clips and tools that lie beside the project where it is developed and in CI; a lone clone has none of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def clip(name: str) -> Path:
    """A real clip, such as ``surv/one-by-one-person.mp4``."""
    path = SHARED / "data" / name
    if not path.exists():
        pytest.skip("the real clips of ../shared/data are not here (a lone clone)")
    return path


def tool(name: str) -> Path:
    """A program of ../shared/tools."""
    path = SHARED / "tools" / name
    if not path.exists():
        pytest.skip("the programs of ../shared/tools are not here (a lone clone)")
    return path


def hold_to_contract(folder: Path) -> None:
    """Run the independent checker over an output folder."""
    done = subprocess.run(
        [sys.executable, str(tool("check_timeline.py")), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
