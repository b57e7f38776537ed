"""Turns many files into few inputs: the recordings of each camera become one, in order of time.

Which camera a file is of, and when it was made, is told by its path: by the rules of the profile, or by the names that recorders give
(`videoscan.recordings.recorders`). What the path does not tell, the file's metadata do (`videoscan.sources.joined`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias

from videoscan import config
from videoscan.errors import ConfigError, VideoscanError
from videoscan.recordings import clock, recorders
from videoscan.recordings.inputs import Found, Input, Refused, natural
from videoscan.recordings.naming import Wish, settle

if TYPE_CHECKING:
    from videoscan.config import SourceOptions

Settings: TypeAlias = Callable[[str], "SourceOptions"]
"""The `source` table for a file, by its path."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a camera. `time` as its name says it: `None` where it says none."""

    given: Input
    time: dt.datetime | None


@dataclass
class _Camera:
    """What is to become one timeline. `source` is its recordings as a path, with ``*`` for what varies."""

    name: str
    source: str
    settings: SourceOptions
    files: list[_File] = field(default_factory=list)


def join(found: Found, settings_of: Settings, *, out: Path | None = None, by_name: bool = False) -> Found:
    """The videos among `found` joined into one input for each camera; pictures and former output stay as they are.

    With `by_name` they follow one another in the order of their names, whatever their clocks say. A video of which nothing says when it was
    made is refused where others of the same camera say it.
    """
    refused = list(found.refused)
    notes = list(found.notes)
    cameras: dict[tuple[str, str], _Camera] = {}
    for given in found.inputs:
        if given.kind == "video":
            try:
                _add(given, settings_of(given.uri), cameras, by_name=by_name)
            except VideoscanError as error:
                refused.append(Refused(given.uri, error))
    joined: list[Input] = []
    for camera in cameras.values():
        clocked = [file for file in camera.files if file.time is not None]
        if clocked and len(clocked) < len(camera.files):
            refused += [Refused(file.given.uri, _without_clock(file, camera)) for file in camera.files if file.time is None]
            camera.files = clocked
        joined.append(_joined(camera, notes, by_name=by_name))
    rest = [given for given in found.inputs if given.kind != "video"]
    names = settle([Wish(given.uri, (given.name,)) for given in (*joined, *rest)], out)
    inputs = tuple(given.renamed(name) for given, name in zip((*joined, *rest), names, strict=True))
    return Found(inputs, tuple(refused), tuple(dict.fromkeys(notes)))


def settings_of(
    profile: str | Path | Mapping[str, Any] = "default", *, sets: Sequence[str] = (), overrides: Mapping[str, Any] | None = None
) -> Settings:
    """The `source` table by path. A profile is read once, however many files there are. Raises `ConfigError`."""
    every = config.load_every_camera(profile, sets=sets, overrides=overrides)
    rules = every[0].profile.cameras

    def of(path: str) -> SourceOptions:
        place = next((number for number, rule in enumerate(rules, 1) if config.fits(rule.match, path)), 0)
        return every[place].profile.source

    return of


def _add(given: Input, settings: SourceOptions, cameras: dict[tuple[str, str], _Camera], *, by_name: bool) -> None:
    """Find the camera that a file is of, and when it was made."""
    base = (
        given.uri[: -len(given.relative)]
        if given.uri.replace("\\", "/").endswith(given.relative)
        else str(Path(given.uri).parent)
    )
    base = base.rstrip("/\\") or "/"
    time: dt.datetime | None = None
    folder = str(PurePosixPath(given.relative).parent)
    name = source = "" if folder == "." else folder
    if settings.clock == "pattern" and settings.clock_pattern:
        read = clock.Pattern(settings.clock_pattern).locate(given.relative)
        if read is not None:
            time = read.time
            name, source = recorders.camera_of(read.before, "", read.after)
    elif settings.clock == "none":
        named = recorders.read(given.relative)
        if named is not None:
            time, name, source = named.time, named.camera, named.source
    if settings.camera:
        key, place = ("camera", settings.camera), f"{base}/{settings.camera}"
        name = settings.camera
    else:
        key = ("path", f"{base}/{source}")
        place = f"{base}/{source}".rstrip("/")
    camera = cameras.setdefault(key, _Camera(name, str(Path(place)), settings))
    camera.files.append(_File(given, None if by_name else time))


def _without_clock(file: _File, camera: _Camera) -> ConfigError:
    other = next(each for each in camera.files if each.time is not None)
    return ConfigError(
        f"{file.given.relative} does not say when it was recorded, and {other.given.relative} does: it has no place in their timeline",
        hint="rename it, or scan it alone",
    )


def _joined(camera: _Camera, notes: list[str], *, by_name: bool) -> Input:
    files = sorted(camera.files, key=lambda file: natural(file.given.relative))
    settings = camera.settings
    clocks: list[tuple[str | None, str | None]] = []
    for file in files:
        placed = clock.placed(file.time, settings.clock_zone) if file.time is not None else clock.WallTime()
        notes += (
            [note for note in placed.notes if "clock_zone" in note][:1] if not any("clock_zone" in note for note in notes) else []
        )
        clocks.append((placed.start, _again(file.time, settings.clock_zone)))
    order = sorted(range(len(files)), key=lambda place: (_key(clocks[place][0]), place))
    folder, _, last = camera.name.rpartition("/")
    title = re.sub(r'[<>:"|?*\\\x00-\x1f]+', "_", camera.name).strip(" ./") or Path(camera.source).name.strip("*") or "recordings"
    return Input(
        uri=camera.source,
        kind="joined",
        name=title,
        files=tuple(files[place].given.uri for place in order),
        relative=files[order[0]].given.relative,
        clocks=tuple(clocks[place] for place in order),
        camera=settings.camera or last or folder or None,
        by_name=by_name,
    )


def _key(start: str | None) -> float:
    return dt.datetime.fromisoformat(start).timestamp() if start else 0.0


def _again(time: dt.datetime | None, zone: str | None) -> str | None:
    """The same reading of a clock an hour later, where clocks showed that hour twice."""
    if time is None or time.tzinfo is not None or not zone:
        return None
    where = clock.time_zone(zone)
    first, second = time.replace(tzinfo=where), time.replace(tzinfo=where, fold=1)
    if first.utcoffset() == second.utcoffset() or first.astimezone(dt.UTC) > second.astimezone(dt.UTC):
        return None
    return second.isoformat()
