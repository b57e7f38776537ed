"""Turns the INPUT arguments of a command into sources, each with the name of the folder that its output goes to.

What an argument may be: a video file, a folder (searched recursively), an image folder, a picture, a glob pattern that the
shell left alone, or the output folder of an earlier scan, whose kept pictures are asked again. Nothing is decoded here; whether a file really holds a video is for the source to say.

An output is named after its input's path without suffix, relative to the folder that was given or, with several arguments, to
the deepest folder that holds them all. `videoscan.recordings.naming` settles collisions.
"""

from __future__ import annotations

import functools
import glob
import hashlib
import itertools
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from videoscan.errors import ConfigError, SourceError, SourceNotFound, SourceUnsupported, VideoscanError
from videoscan.folder import SAMPLING, TIMELINE
from videoscan.reading.daylog import LOG
from videoscan.recordings.naming import Wish, is_output, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
"""What counts as a picture: the formats that may be sent to a model."""

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".3g2", ".3gp", ".264", ".265", ".asf", ".av1", ".avi", ".dav", ".divx", ".dv", ".f4v", ".flv", ".gif", ".h264", ".h265",
    ".hevc", ".ivf", ".m1v", ".m2p", ".m2ts", ".m2v", ".m4v", ".mj2", ".mjpeg", ".mjpg", ".mk3d", ".mkv", ".mod", ".mov", ".mp4",
    ".mpe", ".mpeg", ".mpg", ".mpv", ".mts", ".mxf", ".nut", ".obu", ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".tod", ".ts", ".vob",
    ".webm", ".wmv", ".wtv", ".y4m",
})
# fmt: on
"""What is taken from a folder. A file that is named outright may have any suffix: FFmpeg goes by its content."""

_LONGEST_NAME = 60
"""Letters of a question that a folder's name shows: file systems take 255 bytes, and a Chinese sign has three."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class Input:
    """One source to scan.

    `uri` is an absolute path: of a video file, of an image folder, a glob pattern of pictures, or a folder with the names of
    some of its pictures behind it, ``folder/{a.png,b.png}``; or of an output folder (`kept`: nothing is decoded). `name` is the output's path, relative to ``--out``, with forward
    slashes. `files` are the absolute paths of what is read, in order: the video itself, or the pictures. `relative` is the
    input's path below the folder that was given, suffix and all, with forward slashes: what a clock's pattern is looked for in.

    Several recordings of one camera are one input (`joined`, see `videoscan.recordings.joining`): its `uri` is a name for all of them, such as
    ``/rec/cam1*``. `clocks` are theirs where their names say it, ISO 8601, each with the other reading of it where clocks showed that
    hour twice; `by_name` says that they follow one another as they come.
    """

    uri: str
    kind: Literal["video", "images", "kept", "joined", "live"]
    name: str
    files: tuple[str, ...]
    relative: str
    clocks: tuple[tuple[str | None, str | None], ...] = ()
    camera: str | None = None
    by_name: bool = False

    @property
    def path(self) -> str:
        """What the ``[[cameras]]`` rules of a profile are held against: a path that is there."""
        return self.files[0] if self.kind == "joined" else self.uri

    def renamed(self, name: str) -> Input:
        """The same with another place for its output."""
        return replace(self, name=name)


@dataclass(frozen=True, slots=True)
class Refused:
    """An argument (or a folder below one) that cannot be an input, and why."""

    argument: str
    error: VideoscanError


@dataclass(frozen=True, slots=True)
class Found:
    """What the arguments came to, in the order given; folders in natural order (``cam2`` before ``cam10``)."""

    inputs: tuple[Input, ...]
    refused: tuple[Refused, ...] = ()
    notes: tuple[str, ...] = ()


def find(arguments: Sequence[str], *, out: Path | None = None) -> Found:
    """The inputs that `arguments` mean, named so that no output of an earlier run in `out` is overwritten.

    Raises nothing: what is wrong with one argument stands in `refused`, and the others go on.
    """
    search = _Search()
    for argument in arguments:
        search.take(argument)
    search.end()
    hits = search.hits()
    names = settle([Wish(hit.uri, _names(hit)) for hit in hits], out)
    inputs = tuple(
        Input(hit.uri, hit.kind, name, tuple(map(str, hit.files)), "/".join(_parts(hit)))
        for hit, name in zip(hits, names, strict=True)
    )
    return Found(inputs, tuple(search.refused), tuple(search.notes))


def single(source: str | Path, *, out: Path | None = None) -> Input:
    """The one input that `source` means. Raises `SourceError` or `ConfigError` when it means none or several."""
    found = find([os.fspath(source)], out=out)
    if found.refused:
        raise found.refused[0].error
    if len(found.inputs) != 1:
        raise ConfigError(f"{source} holds {len(found.inputs)} sources", hint="name one of them")
    return found.inputs[0]


def beside(given: Input, question: str | None) -> Path:
    """Where the answer goes that a former output folder gives to another question: beside it, named after the question.

    Asking the same again comes back to the same place; nothing that belongs to another source is overwritten.
    """
    folder = Path(given.uri)
    words = "-".join(re.findall(r"\w+", (question or "again").lower()))
    if len(words) > _LONGEST_NAME:
        words = f"{words[:_LONGEST_NAME].rstrip('-')}-{hashlib.sha256(words.encode()).hexdigest()[:6]}"
    (name,) = settle([Wish(given.uri, (f"{folder.name}-{words}",))], folder.parent)
    return folder.parent / name


@dataclass(frozen=True, slots=True)
class _Hit:
    """A source, the path that its output is named after, and the folder that this name is relative to."""

    uri: str
    kind: Literal["video", "images", "kept"]
    files: tuple[Path, ...]
    named_after: Path
    base: Path


class _Search:
    """What the arguments seen so far came to."""

    def __init__(self) -> None:
        self.refused: list[Refused] = []
        self.notes: list[str] = []
        self._hits: list[_Hit] = []
        self._bases: list[Path] = []
        # Pictures given one by one, by folder, and the place in `_hits` where their sequence stands.
        self._loose: dict[Path, list[Path]] = {}
        self._place: dict[Path, int] = {}
        # Folders that hold nothing but output of earlier scans: a shell's `*` brings them along.
        self._used: list[str] = []

    def take(self, argument: str) -> None:
        """Add what one argument means, or why it means nothing."""
        try:
            self._take(argument)
        except VideoscanError as error:
            self.refused.append(Refused(argument, error))
        except (OSError, ValueError) as fault:  # no right to look there; a NUL in the name
            why = getattr(fault, "strerror", None) or str(fault)
            self.refused.append(Refused(argument, SourceUnsupported(f"cannot look at {argument!r}: {why}")))

    def end(self) -> None:
        """Judge what only the whole can tell: a folder of former output is an error only where it is all there is."""
        for argument in self._used:
            if self._hits or self.refused:
                self.notes.append(f"{argument} holds only output of earlier scans and is passed over")
            else:
                error = SourceUnsupported(
                    f"there is no video and no picture in the folder {argument}, only output of earlier scans",
                    hint="give the videos' own folder",
                )
                self.refused.append(Refused(argument, error))

    def hits(self) -> list[_Hit]:
        """Every source once, with the base of its name settled."""
        hits = list(self._hits)
        for folder, at in self._place.items():
            files = tuple(sorted(set(self._loose[folder]), key=_natural_path))
            # All of a folder's pictures, as a shell's `folder/*.jpg` gives them, are the folder: the same source, the same output.
            some = ",".join(file.name for file in files)
            uri = folder if files == _pictures_in(folder) else folder / f"{{{some}}}"
            hits[at] = replace(hits[at], uri=str(uri), files=files)
        once = {os.path.normcase(hit.uri): hit for hit in reversed(hits)}
        hits = [hit for hit in hits if once[os.path.normcase(hit.uri)] is hit]
        for hit in [hit for hit in hits if not _is_writable(hit)]:
            hits.remove(hit)
            error = SourceUnsupported(
                f"the name of {hit.uri!r} is no UTF-8, so no timeline can tell it", hint="rename it, or give a link to it"
            )
            self.refused.append(Refused(hit.uri, error))
        base = _common(self._bases) if len(self._bases) > 1 else None
        return hits if base is None else [replace(hit, base=base) for hit in hits]

    def _take(self, argument: str) -> None:
        if _ADDRESS.match(argument):
            raise ConfigError(f"{argument} is an address, not a file or a folder", hint="save it as a file and give that")
        if not argument.strip():
            raise ConfigError("an input is an empty text", hint="name a video file or a folder")
        path = _absolute(argument)
        if path.is_dir():
            self._take_folder(argument, path)
        elif path.is_file():
            self._bases.append(path.parent)
            self._take_file(path)
        elif os.path.lexists(path):
            raise SourceUnsupported(
                f"{argument} is neither a file nor a folder", hint="its link leads nowhere, or it is a device or a pipe"
            )
        elif glob.has_magic(argument):
            # Brackets in the current folder's own name are no magic.
            self._take_pattern(argument, _absolute(argument, glob.escape(str(Path.cwd()))))
        else:
            raise SourceNotFound(f"{argument} does not exist", hint=f"nothing is at {path}")

    def _take_file(self, path: Path) -> None:
        if path.suffix.lower() not in PICTURE_SUFFIXES:
            self._hits.append(_video(path, path.parent))
            return
        folder = path.parent
        if folder not in self._place:
            self._place[folder] = len(self._hits)
            self._hits.append(_Hit(str(folder), "images", (), folder, folder.parent))
        self._loose.setdefault(folder, []).append(path)

    def _take_folder(self, argument: str, path: Path) -> None:
        if is_output(path):
            # A day of a watch has a log of its own.
            files = (path / TIMELINE, path / (SAMPLING if (path / SAMPLING).is_file() else LOG))
            if not all(file.is_file() for file in files):
                raise SourceUnsupported(
                    f"{argument} is the output of a scan that did not get so far that it can be asked again",
                    hint="give the video itself: what was sampled and described is kept",
                )
            self._bases.append(path.parent)
            self._hits.append(_Hit(str(path), "kept", files, path, path.parent))
            return
        tree = _Tree(path)
        self.notes += tree.notes
        self.refused += [Refused(str(folder), error) for folder, error in tree.unreadable]
        if not tree.hits and tree.outputs:
            self._used.append(argument)
        elif not tree.hits and not tree.unreadable:
            raise SourceUnsupported(
                f"there is no video and no picture in the folder {argument}",
                hint="hidden files are not looked at; a file with an unusual suffix can be named outright",
            )
        # A lone folder is what names are relative to; among several arguments each folder's own name tells them apart.
        self._bases.append(path.parent)
        self._hits += tree.hits

    def _take_pattern(self, argument: str, pattern: Path) -> None:
        matches = [Path(match) for match in glob.glob(str(pattern), recursive=True)]  # noqa: PTH207 - patterns may be absolute
        used = functools.cache(is_output)
        matches = [match for match in matches if not used(match) and not any(map(used, match.parents))]
        matches.sort(key=_natural_path)
        base = _fixed_part(pattern)
        files = [match for match in matches if match.is_file()]
        if files and all(file.suffix.lower() in PICTURE_SUFFIXES for file in files):
            self._bases.append(base.parent)
            self._hits.append(_Hit(str(pattern), "images", tuple(files), base, base.parent))
            return
        before = len(self._hits)
        for match in matches:
            if match.is_file() and (is_video(match) or match.suffix.lower() in PICTURE_SUFFIXES):
                self._take_file(match)
            elif match.is_dir():
                self._hits += _Tree(match).hits
        if len(self._hits) == before:
            raise SourceNotFound(
                f"no video and no picture matches {argument}", hint="mind upper and lower case; ** looks into folders as well"
            )
        self._bases.append(base)
        self._hits[before:] = [replace(hit, base=base) for hit in self._hits[before:]]


class _Tree:
    """What lies in a folder, and below it. A folder with pictures directly in it, and no video in or below it, is a sequence."""

    def __init__(self, root: Path) -> None:
        self.hits: list[_Hit] = []
        self.notes: list[str] = []
        self.unreadable: list[tuple[Path, SourceError]] = []
        self.outputs = 0
        self._root = root
        self._visited: set[Path] = set()
        self._visit(root)

    def _visit(self, folder: Path) -> int:
        """Collect from `folder` and return how many videos it holds, those below it included."""
        # Links to folders are followed, so the same folder may come round again.
        real = folder.resolve()
        if real in self._visited:
            return 0
        self._visited.add(real)
        try:
            paths = sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=_natural_path)
            folders = {path for path in paths if path.is_dir()}
        except OSError as fault:
            why = fault.strerror or str(fault)
            self.unreadable.append((folder, SourceUnsupported(f"cannot look into the folder {folder}: {why}")))
            return 0
        videos = 0
        pictures: list[Path] = []
        place = len(self.hits)
        for path in paths:
            if path in folders:
                if is_output(path):
                    self.outputs += 1
                else:
                    videos += self._visit(path)
            elif path.suffix.lower() in PICTURE_SUFFIXES:
                pictures.append(path)
            elif is_video(path):
                videos += 1
                self.hits.append(_video(path, self._root))
        if pictures and not videos:
            # The root's own pictures are named after the root; anything deeper after its place below it.
            base = folder.parent if folder == self._root else self._root
            self.hits.insert(place, _Hit(str(folder), "images", tuple(pictures), folder, base))
        elif pictures:
            self.notes.append(f"{folder}: pictures beside videos are passed over ({len(pictures)})")
        return videos


def _is_writable(hit: _Hit) -> bool:
    """Whether its names can stand in a JSON document: a POSIX file name may be any bytes."""
    try:
        "".join([hit.uri, *map(str, hit.files)]).encode()
    except UnicodeEncodeError:
        return False
    return True


def _video(path: Path, base: Path) -> _Hit:
    return _Hit(str(path), "video", (path,), path, base)


def _names(hit: _Hit) -> tuple[str, ...]:
    """The names its output may have, best first: relative without suffix, relative with it, the same two without folders."""
    *folders, last = _parts(hit)
    lasts = [hit.named_after.stem if hit.kind == "video" else last, last]
    # Windows drops spaces and dots at the end of a folder's name, and "." is no name at all.
    lasts = [name.rstrip(" .") or "video" for name in lasts]
    return tuple(dict.fromkeys(["/".join([*folders, name]) for name in lasts] + lasts))


def _parts(hit: _Hit) -> tuple[str, ...]:
    """The path that an output is named after, below its base; never empty."""
    try:
        parts = hit.named_after.relative_to(hit.base).parts
    except ValueError:  # another drive, or a link that leads out of the folder
        parts = ()
    return parts or (hit.named_after.name or "video",)


def is_video(path: Path) -> bool:
    """Whether a file's name says that it is a video; TypeScript is none."""
    suffix = path.suffix.lower()
    if suffix != ".ts":
        return suffix in VIDEO_SUFFIXES
    # TypeScript has that suffix too. A transport stream has its sync byte every 188 bytes (ISO/IEC 13818-1, 2.4.3.2).
    try:
        with path.open("rb") as file:
            head = file.read(189)
    except OSError:
        return True
    return len(head) > 188 and head[0] == head[188] == 0x47


def _pictures_in(folder: Path) -> tuple[Path, ...]:
    try:
        found = [path for path in folder.iterdir() if not path.name.startswith(".") and path.suffix.lower() in PICTURE_SUFFIXES]
    except OSError:
        return ()
    return tuple(sorted(found, key=_natural_path))


def _absolute(path: str, start: str = "") -> Path:
    """Absolute and without ``..``, links left as they are: what the user calls it is what its timeline calls it."""
    return Path(os.path.normpath((Path(start) / path).absolute()))


def _natural_path(path: Path) -> tuple[object, ...]:
    return tuple(natural(part) for part in path.parts)


def natural(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Orders ``cam2`` before ``cam10``, whatever the case; the plain text decides between equals."""
    parts = (part for part in re.split(r"([0-9]+)", name.casefold()) if part)
    return tuple((0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts), name


def _fixed_part(pattern: Path) -> Path:
    """The deepest folder of a glob pattern that has no magic in it."""
    parts = pattern.parts
    fixed = itertools.takewhile(lambda part: not glob.has_magic(part), parts[:-1])
    return Path(*fixed)


def _common(bases: Sequence[Path]) -> Path | None:
    """The deepest folder above all of `bases`; `None` where there is none, or only the root of everything."""
    try:
        common = Path(os.path.commonpath(bases))
    except ValueError:  # different drives
        return None
    return None if common.parent == common else common
