"""The child process that makes one download of a job's events; see `videoscan.jobs.bundles`.

It is told what to make by one line of JSON on its standard input, and writes it to its standard output: a zip as its files come to be, a
reel when it is whole. Why it came to nothing stands in a file of its folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from videoscan import registry
from videoscan.document import Timeline
from videoscan.errors import VideoscanError
from videoscan.jobs import childhood
from videoscan.jobs.bundles import FAULT
from videoscan.seams import FolderExporter, Gatherer, Told

if TYPE_CHECKING:
    from collections.abc import Iterator

_MISSING = "missing.txt"
"""The file of a zip that says what could not be cut, and why."""


def main() -> int:
    """The child's whole life."""
    asked = json.loads(sys.stdin.buffer.readline())
    childhood.die_with_parent()
    place = Path(asked["place"])
    with _output() as out:
        try:
            timeline = Timeline.from_json(asked["timeline"])
            childhood.keep_limits(timeline)
            _limit_files(asked["bytes"])
            os.chdir(place / "footage")
            _make(asked, Told(timeline, str(place / "output")), place, out)
        except VideoscanError as fault:
            return _failed(place, fault.message, fault.hint)
        except BrokenPipeError:  # nobody wants it any more
            return 1
        except Exception as fault:  # whatever it is, it belongs to this file and must reach the parent as a sentence
            return _failed(place, f"{type(fault).__name__}: {fault}", None)
    return 0


def _make(asked: dict[str, Any], part: Told, place: Path, out: IO[bytes]) -> None:
    kind = asked["kind"]
    if kind == "evidence":
        bundler = registry.make("exporters", {"kind": kind})
        assert isinstance(bundler, Gatherer)
        bundler.write_all([part], out, lambda _sentence: None)  # it says so itself
        return
    exporter = registry.make("exporters", {"kind": kind, "pad": ",".join(f"{each:.3f}" for each in asked["pad"])})
    missing: list[str] = []
    if isinstance(exporter, Gatherer):
        # Its index stands first, and is known last.
        with (place / "reel.mp4").open("w+b") as whole:
            exporter.write_all([part], whole, missing.append)
            whole.seek(0)
            shutil.copyfileobj(whole, out, 1 << 20)
        return
    assert isinstance(exporter, FolderExporter)
    with (
        contextlib.ExitStack() as ending,
        contextlib.closing(exporter.write_files([part], place / "clips", missing.append)) as paths,
    ):
        packed: zipfile.ZipFile | None = None
        for path in paths:
            # Begun with the first clip: where not one can be cut, nothing was written, and the parent can say why.
            packed = packed or ending.enter_context(zipfile.ZipFile(out, "w", zipfile.ZIP_STORED))
            with path.open("rb") as clip, packed.open(path.name, "w", force_zip64=True) as entry:
                shutil.copyfileobj(clip, entry, 1 << 20)
            path.unlink()
            out.flush()
        if packed is not None and missing:
            packed.writestr(_MISSING, "".join(f"{sentence}\n" for sentence in missing))


@contextlib.contextmanager
def _output() -> Iterator[IO[bytes]]:
    """Standard output, for what is made and for nothing else: libraries may write to it as well."""
    own = os.dup(1)
    os.dup2(2, 1)
    with contextlib.suppress(BrokenPipeError), os.fdopen(own, "wb", buffering=1 << 18) as out:
        yield out


def _limit_files(most: int) -> None:
    """No file that this process writes gets larger. Where the system cannot hold it to that, only the disk does."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def _failed(place: Path, message: str, hint: str | None) -> int:
    (place / FAULT).write_text(json.dumps({"error": message, "hint": hint}), encoding="utf-8")
    return 1


if __name__ == "__main__":
    sys.exit(main())
