"""The child process that makes one preview: strangers' files are decoded where a crash or a hang costs nothing else.

It is told what to do by one line of JSON on its standard input and answers with lines on its standard output: how far it is in seconds,
or at last ``{"error": ...}``. The end of its input ends it, so it never outlives the service.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path

from videoscan.clips import preview
from videoscan.document import Timeline
from videoscan.errors import VideoscanError
from videoscan.jobs import childhood

_EVERY = 0.25
"""Seconds between two lines that say how far it is."""


def main() -> int:
    """The child's whole life."""
    asked = json.loads(sys.stdin.buffer.readline())
    childhood.die_with_parent()
    with contextlib.suppress(OSError):
        os.nice(5)  # a scan comes first
    timeline = Timeline.from_json(asked["timeline"])
    childhood.keep_limits(timeline)
    told = 0.0

    def report(seconds: float) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= _EVERY:
            told = now
            _say(f"{seconds:.3f}")

    try:
        with Path(asked["out"]).open("wb") as out:
            preview.make(timeline, asked["file"], out, preview.Bounds(bytes=asked["bytes"]), report)
    except VideoscanError as fault:
        _say(json.dumps({"error": fault.message}))
        return 1
    except Exception as fault:  # whatever it is, it belongs to this file and must reach the parent as a sentence
        _say(json.dumps({"error": f"{type(fault).__name__}: {fault}"}))
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
