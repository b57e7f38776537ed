"""Which timelines a command is to work on: files, output folders, or folders that hold output folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videoscan.errors import SourceNotFound, SourceUnsupported

if TYPE_CHECKING:
    from videoscan.document import Timeline


def timelines(argument: str) -> list[Path]:
    """The `timeline.json` files that an argument means. Raises `SourceNotFound` or `SourceUnsupported`."""
    from videoscan.folder import TIMELINE
    from videoscan.naming import is_output

    path = Path(argument)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SourceNotFound(f"{argument} does not exist", hint="give a timeline.json or the folder that a scan wrote")
    if (path / TIMELINE).is_file():
        return [path / TIMELINE]
    found = sorted(file for file in path.rglob(TIMELINE) if is_output(file.parent))
    if not found:
        raise SourceUnsupported(
            f"there is no timeline in the folder {argument}", hint="an unfinished scan has none yet: run its command again"
        )
    return found


def read(file: Path) -> Timeline:
    """A timeline. Raises `SourceUnsupported` for anything that is not one."""
    from videoscan.document import Timeline

    try:
        return Timeline.from_json(file.read_bytes())
    except OSError as fault:
        raise SourceUnsupported(f"cannot read {file}: {fault.strerror or fault}") from fault
    except ValueError as fault:
        raise SourceUnsupported(
            f"{file} is not a timeline of schema videoscan.timeline/1", hint="give the timeline.json that a scan wrote"
        ) from fault
