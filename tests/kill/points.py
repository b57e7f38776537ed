"""``python -m tests.kill.points N FOLDER COMMAND...``: runs videoscan and kills it before its Nth file operation in FOLDER.

A file operation is what changes something on disk: opening for writing, renaming, removing, making a folder, and (where everything
that was written before becomes lasting) syncing. With N = 0 nothing is killed, and what there was is printed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


def main() -> int:
    point, folder, *command = sys.argv[1:]
    seen: list[str] = []
    guard = threading.Lock()

    def count(what: str) -> None:
        with guard:
            seen.append(what)
            if len(seen) == int(point):
                os.kill(os.getpid(), signal.SIGKILL)

    def hook(name: str, given: tuple[Any, ...]) -> None:
        writes = name == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if (writes or name in _CHANGES) and str(given[0]).startswith(folder):
            count(f"{name} {Path(str(given[0])).name}")

    real = os.fsync

    def fsync(descriptor: int) -> None:
        count("sync")
        real(descriptor)

    sys.addaudithook(hook)
    os.fsync = fsync

    from videoscan import cli

    code = cli.run(command)
    if point == "0":
        print(*(f"op: {what}" for what in seen), sep="\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
