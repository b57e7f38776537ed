"""Turns what a person names (addresses, folders, files) into cameras to watch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videoscan import config, registry
from videoscan.errors import ConfigError
from videoscan.live.address import masked
from videoscan.recordings.inputs import Input
from videoscan.request import settle
from videoscan.watching.camera import CameraWatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videoscan.seams import LiveSource
    from videoscan.watching.camera import Shared

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True)
class Planned:
    """A camera to watch: its name, its address (which may hold a login), who listens, and whether these are recordings."""

    name: str
    uri: str
    source: LiveSource
    profile: str | Path | Mapping[str, Any]
    recordings: bool = False

    def watch(
        self,
        out: Path,
        shared: Shared,
        *,
        sets: Sequence[str] = (),
        overrides: Mapping[str, Any] | None = None,
        to: Sequence[str] = (),
        **more: Any,
    ) -> CameraWatch:
        """The watch over it; `more` as `CameraWatch` takes it. Raises `ConfigError`."""
        shown = masked(self.uri)
        given = Input(shown, "live", self.name, (), shown, camera=self.name)
        request = settle(given, profile=self.profile, flags=dict(overrides or {}), sets=sets, to=to).identified()
        return CameraWatch(request, self.source, self.uri, out, shared, recordings=self.recordings, **more)


def sources(
    arguments: Sequence[str],
    names: Sequence[str],
    profile: str | Path | Mapping[str, Any],
    *,
    realtime: bool = False,
    sets: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    known: Sequence[Planned] = (),
) -> list[Planned]:
    """The cameras that the arguments mean, without those that are `known` already: a recorder's folder may come to hold more.

    `names` are the arguments', in order, or none; `sets` and `overrides` as `videoscan.config.load` takes them. Raises `ConfigError`,
    `SourceError`.
    """
    planned: list[Planned] = list(known)
    for place, argument in enumerate(arguments):
        kind = kind_of(argument, realtime=realtime)
        uri = argument if _ADDRESS.match(argument) else str(Path(argument).absolute())

        def source_of(address: str, kind: str = kind) -> LiveSource:
            settled = config.load(profile, sets=sets, overrides=overrides, uri=address).profile
            return registry.live(settled, kind)

        for camera in source_of(uri).cameras(uri):
            if any(each.uri.removesuffix("#") == camera.uri.removesuffix("#") for each in known):
                continue
            source = source_of(camera.uri)
            name = names[place] if names else _named(profile, camera.uri) or camera.name
            planned.append(Planned(_unique(_as_folder(name), planned), camera.uri, source, profile, recordings=kind == "folder"))
    return planned[len(known) :]


def kind_of(argument: str, *, realtime: bool = False) -> str:
    """Who listens to an argument, as a kind of `lives`. Raises `ConfigError` for what nobody listens to."""
    if realtime:
        if _ADDRESS.match(argument):
            raise ConfigError(f"--realtime plays files, and {argument} is an address", hint="leave --realtime out")
        return "realtime"
    known = registry.names("lives")
    if _ADDRESS.match(argument):
        return "stream"
    path = Path(argument)
    if path.is_dir() and "folder" in known:
        return "folder"
    if "device" in known and (argument.startswith("/dev/video") or path.is_char_device()):
        return "device"
    if path.is_file():
        raise ConfigError(
            f"{argument} is a file, which does not grow", hint="videoscan scan reads it; --realtime plays it as if it were live"
        )
    raise ConfigError(
        f"{argument!r} is no live source", hint="give an address such as rtsp://host/stream, or a file with --realtime"
    )


def _named(profile: str | Path | Mapping[str, Any], uri: str) -> str | None:
    """The name that a profile gives a camera, in `source.camera` or in the ``[[cameras]]`` rule that fits."""
    return config.load(profile, uri=uri).profile.source.camera


def _as_folder(name: str) -> str:
    """A name that every file system takes."""
    made = re.sub(r"[^\w.@+ -]", "_", name).strip(" .")
    if not made:
        raise ConfigError(f"--camera {name!r} is no name", hint="a folder is named after it: use letters and digits")
    return made[:100]


def _unique(name: str, planned: Sequence[Planned]) -> str:
    taken = {each.name for each in planned}
    made, number = name, 2
    while made in taken:
        made, number = f"{name}-{number}", number + 1
    return made
