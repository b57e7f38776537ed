"""What every child process of the service does first: it ends with its parent, and keeps to the limits of what it will read."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from videoscan import guarding

if TYPE_CHECKING:
    from videoscan.document import Timeline


def die_with_parent() -> None:
    """End this process when its standard input ends: it never outlives the service."""
    threading.Thread(target=_wait, daemon=True).start()


def keep_limits(timeline: Timeline) -> None:
    """Hold this process to the limits under which the footage was scanned: what lies there now may be another file."""
    said = timeline.profile.get("source")
    limits = said if isinstance(said, dict) else {}
    most = {name: limits.get(f"max_{name}") for name in ("memory", "cpu", "streams")}
    guarding.enforce(guarding.Guard(**most, alone=True))


def _wait() -> None:
    # Not through `sys.stdin`, whose lock a thread that waits would hold while the interpreter ends.
    while os.read(0, 4096):
        pass
    os._exit(1)
