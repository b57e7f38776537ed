"""Starts commands out of an interpreter that has imported everything, so that a kill costs a scan and not a start of Python.

Each command is a process of its own, forked from one that never ran a scan: to be killed it is what ``python -m videoscan`` is, two
seconds of computing later. Kills while Python starts hit nothing of ours; those of `tests.kill.runner.at_points` start it whole.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.context import ForkServerContext

_PRELOADED = ["videoscan.cli.scan", "videoscan.pipeline", "videoscan.sources.pyav", "videoscan.describers.openai", __name__]


class Prepared:
    """A running command: as much of `subprocess.Popen` as is needed to kill it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = _context().Process(target=_run, args=(list(command), dict(environment)))
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.exitcode

    def kill(self) -> None:
        """Send it SIGKILL."""
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("videoscan", timeout or 0.0)
        return code


@functools.cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    first = context.Process(target=int)  # with it the importing is done
    first.start()
    first.join()
    return context


def _run(command: list[str], environment: dict[str, str]) -> None:
    from videoscan import cli

    os.environ.update(environment)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.argv = ["videoscan", *command]
    cli.main()
