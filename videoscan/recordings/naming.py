"""Decides which folder below ``--out`` an input's output goes to, so that nothing is overwritten and the same input comes back.

A folder of an earlier run belongs to the source that its timeline (or its journal's first line) names. The same source returns to
it, whatever else is scanned beside it, so that resuming works. Any other source takes the first of its names that is free; where
two inputs of one run want the same name, each keeps its suffix (``a.mp4`` and ``a.mov``), and where that does not help, a later
one gets ``-2``, ``-3`` and so on.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from videoscan.folder import JOURNAL, PICTURES, TIMELINE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SCHEMA = re.compile(rb'"schema"\s*:\s*"videoscan\.timeline/\d+"')

# The schema id is the first key of a timeline; a timeline of somebody else's need not be read to its end.
_HEAD = 4096

_UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """A source's URI and the names its output may have, best first, with forward slashes; at least one."""

    uri: str
    names: tuple[str, ...]


def is_output(folder: Path) -> bool:
    """Whether `folder` holds a scan's output: a timeline of ours, or a journal."""
    return owner(folder) is not None


def owner(folder: Path) -> str | None:
    """The URI whose output lies in `folder`; `None` if there is no output, an empty text if it does not say whose."""
    try:
        with (folder / TIMELINE).open("rb") as file:
            if _SCHEMA.search(file.read(_HEAD)):
                file.seek(0)
                source = json.load(file)["source"]
                return str(source.get("kept_from") or source["uri"])
    except (OSError, ValueError, LookupError, TypeError):
        pass
    try:
        with (folder / JOURNAL).open("rb") as file:
            header = json.loads(file.readline())
    except OSError:
        return None
    except ValueError:
        return _UNKNOWN
    return str(header.get("source", _UNKNOWN)) if isinstance(header, dict) else _UNKNOWN


def settle(wishes: Sequence[Wish], out: Path | None) -> list[str]:
    """One name per wish, in order, no two alike (nor alike but for case: some file systems make no difference).

    Without `out` nothing on disk is asked.
    """
    settled: list[str | None] = [_home(wish, out) if out is not None else None for wish in wishes]
    taken = {name.casefold() for name in settled if name is not None}
    first = Counter(wish.names[0].casefold() for wish in wishes)
    # The output of `x.mp4` must not lie in a folder that also holds the output of `x/y.mp4`.
    parents = {str(parent).casefold() for wish in wishes for parent in PurePosixPath(wish.names[0]).parents}
    for at, wish in enumerate(wishes):
        if settled[at] is None:
            plain = wish.names[0].casefold()
            crowded = first[plain] > 1 or plain in parents
            name = next(
                name
                for name in _numbered(wish.names[min(1, len(wish.names) - 1)] if crowded else wish.names[0])
                if name.casefold() not in taken and (out is None or _free(out / name))
            )
            settled[at] = name
            taken.add(name.casefold())
    return [name for name in settled if name is not None]


def _home(wish: Wish, out: Path) -> str | None:
    """Where an earlier run put this source's output, if there was one."""
    for name in wish.names:
        for numbered in _numbered(name):
            if same(owner(out / numbered), wish.uri):
                return numbered
            if not (out / numbered).is_dir():
                break
    return None


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in itertools.count(2):
        yield f"{name}-{number}"


def _free(folder: Path) -> bool:
    """Whether a scan may write there: nothing is there, or only folders, none of them a scan's pictures."""
    try:
        return all(entry.is_dir() and entry.name != PICTURES for entry in folder.iterdir() if not entry.name.startswith("."))
    except NotADirectoryError:
        # A file by that name is in the way; a file further up is found out when writing, with a better message.
        return not folder.is_file()
    except OSError:
        return True


def same(recorded: str | None, uri: str) -> bool:
    """Whether a folder's owner (see `owner`) is the source that is called `uri`."""
    return bool(recorded) and os.path.normcase(str(recorded)) == os.path.normcase(uri)
