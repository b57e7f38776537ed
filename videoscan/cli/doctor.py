"""``videoscan doctor``: versions, what can really be decoded, free disk, and the licences of the FFmpeg builds inside the wheels.

With an endpoint it examines that instead; see `videoscan.cli.examined`.

Codecs are measured, not believed: each clip in ``cli/codecs/`` (a second of FFmpeg's ``testsrc2``, 64 x 48) is decoded by both
backends and its pictures are counted. OpenCV's wheel, for one, opens AV1 and yields nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from videoscan.cli import options, output

_CLIPS = Path(__file__).parent / "codecs"

# Pictures in each clip: five, but MPEG-2 knows no rate below 23.976.
_PICTURES = {"mpeg2video": 25}
_USUAL_PICTURES = 5

_PACKAGES = ("av", "numpy", "aiohttp", "pydantic", "click", "rich", "xllamacpp")
_OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")

# Libraries that are under the GPL themselves: a build that carries one is, as a whole, GPL, whatever its own notice says.
_GPL_PARTS = ("libx264", "libx265", "libxvid", "libdavs2", "libxavs", "frei0r", "librubberband", "libvidstab", "libcdio")


@dataclass(frozen=True, slots=True)
class Build:
    """One FFmpeg build that a wheel brought along. `None` where the build does not tell."""

    used_by: str
    version: str | None
    licence: str | None
    gpl_parts: tuple[str, ...] = ()
    libraries: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Codec:
    """How many of a clip's pictures each backend really gave."""

    name: str
    pictures: int
    pyav: int
    opencv: int


@click.command
@click.option(
    "--endpoint",
    metavar="URL",
    help="Examine this model server instead: what it takes, what it really sees, what it costs. [the key: VIDEOSCAN_API_KEY]",
)
@click.option(
    "--model", metavar="NAME", help="Which model there. Without it the only one that is listed.  [env: VIDEOSCAN_MODEL]"
)
@click.option(
    "--profile",
    metavar="NAME|FILE.toml",
    default="default",
    help="Take endpoint, key's variable and picture size from a profile.",
)
@click.option("--set", "sets", multiple=True, metavar="TABLE.KEY=VALUE", help="Change one value of the profile. Repeatable.")
@click.option("--quick", is_flag=True, help="Fewer requests: about half of them, and a third of the tokens.")
@click.option(
    "--body-mb", type=click.FloatRange(1, 500), default=32.0, show_default=True, help="The largest request that is tried, in MB."
)
@click.option("--forget", is_flag=True, help="Take away what was measured of the endpoint, and measure nothing.")
@options.json_lines
def command(
    *,
    endpoint: str | None,
    model: str | None,
    profile: str,
    sets: tuple[str, ...],
    quick: bool,
    body_mb: float,
    forget: bool,
    as_json: bool,
) -> int:
    """Say what is installed and can be decoded, or what a model can do.

    Without options: versions, codecs as measured, free disk, and under which licences the FFmpeg builds inside the packages are.

    With --endpoint it sends test cards to a model server and measures: reachability, the key, json_schema, how many pictures are
    really seen, tokens per picture, the largest body, requests at once, streaming. How many requests that takes is said before.
    The result is kept, and scan and plan go by it.
    """
    if endpoint or model or profile != "default" or sets or quick or forget:
        from videoscan import examining
        from videoscan.cli import examined

        chosen, long_side = examining.options_from(profile, sets, {"describer.endpoint": endpoint, "describer.model": model})
        if forget:
            return examined.forget(chosen.endpoint, chosen.model, as_json=as_json)
        return examined.run(chosen, long_side=long_side, quick=quick, body_mb=body_mb, as_json=as_json)
    versions, builds, codecs, disks, problems = _versions(), [_pyav_build(), _opencv_build()], _codecs(), _disks(), _problems()
    if as_json:
        output.put_json(
            {
                "versions": versions,
                "ffmpeg": [asdict(build) for build in builds],
                "codecs": [asdict(codec) for codec in codecs],
                "free_disk": disks,
                "problems": problems,
            }
        )
        return 0
    _print(versions, builds, codecs, disks, problems)
    return 0


def _versions() -> dict[str, str | None]:
    import importlib.metadata
    import platform

    from videoscan import __version__

    versions: dict[str, str | None] = {
        "videoscan": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    for package in (*_PACKAGES, *_OPENCV):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


def _problems() -> list[str]:
    installed = [name for name in _OPENCV if _is_installed(name)]
    if len(installed) > 1:
        return [
            f"{' and '.join(installed)} are both installed and overwrite each other's files; uninstall all but the headless one"
        ]
    return []


def _is_installed(package: str) -> bool:
    import importlib.metadata

    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _pyav_build() -> Build:
    import av
    import av._core

    about: dict[str, dict[str, Any]] = getattr(av._core, "library_meta", {})  # noqa: SLF001 - told nowhere else, nor by every version
    codec = about.get("libavcodec", {})
    return Build(
        used_by="PyAV",
        version=getattr(av, "ffmpeg_version_info", None),
        licence=codec.get("license"),
        gpl_parts=_gpl_parts(codec.get("configuration", "")),
        libraries={name: ".".join(map(str, version)) for name, version in av.library_versions.items()},
    )


def _opencv_build() -> Build:
    import ctypes

    import cv2

    text = cv2.getBuildInformation()
    libraries = {
        f"lib{name}": version for name, version in re.findall(r"^\s+((?:av|sw)\w+):\s+YES \(([\d.]+)\)", text, re.MULTILINE)
    }
    licence = configuration = None
    library = _libavcodec_of(Path(cv2.__file__).parent)
    if library is not None:
        with contextlib.suppress(OSError, AttributeError):
            loaded = ctypes.CDLL(str(library))
            for name in ("avcodec_license", "avcodec_configuration"):
                getattr(loaded, name).restype = ctypes.c_char_p
            licence, configuration = loaded.avcodec_license().decode(), loaded.avcodec_configuration().decode()
    return Build("OpenCV", None, licence, _gpl_parts(configuration or ""), libraries)


def _libavcodec_of(package: Path) -> Path | None:
    """Where wheels put it: beside the package on Linux, inside it on macOS. On Windows it is linked in and tells nothing."""
    for folder in (*sorted(package.parent.glob("opencv_*.libs")), package / ".dylibs"):
        for library in sorted(folder.glob("libavcodec*")):
            return library
    return None


def _gpl_parts(configuration: str) -> tuple[str, ...]:
    return tuple(part for part in _GPL_PARTS if f"--enable-{part}" in configuration.split())


def _codecs() -> list[Codec]:
    # OpenCV reads this when it opens its first file; what FFmpeg has to say about a missing codec is said by the table.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    return [
        Codec(clip.stem, _PICTURES.get(clip.stem, _USUAL_PICTURES), _by_pyav(clip), _by_opencv(clip))
        for clip in sorted(_CLIPS.iterdir())
    ]


def _by_pyav(clip: Path) -> int:
    import av
    import av.logging

    av.logging.set_level(None)
    count = 0
    with contextlib.suppress(av.FFmpegError), av.open(str(clip)) as container:
        for _ in container.decode(video=0):
            count += 1
    return count


def _by_opencv(clip: Path) -> int:
    import cv2

    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
    count = 0
    try:
        while capture.read()[0]:
            count += 1
    finally:
        capture.release()
    return count


def _disks() -> dict[str, int]:
    """Free bytes where outputs go by default, and where temporary files go."""
    import shutil
    import tempfile

    return {place: shutil.disk_usage(place).free for place in dict.fromkeys((str(Path.cwd()), tempfile.gettempdir()))}


def _print(
    versions: dict[str, str | None], builds: list[Build], codecs: list[Codec], disks: dict[str, int], problems: list[str]
) -> None:
    from videoscan.cli import tables

    output.put(tables.table(("installed", "version"), [(name, str(version)) for name, version in versions.items()], give=(1,)))
    output.put()
    rows = [(codec.name, _verdict(codec.pyav, codec.pictures), _verdict(codec.opencv, codec.pictures)) for codec in codecs]
    output.put(tables.table(("decodes", "PyAV (default)", "OpenCV"), rows))
    output.put()
    for build in builds:
        version = build.version or ", ".join(f"{name} {number}" for name, number in build.libraries.items()) or "unknown"
        output.put(f"FFmpeg in {build.used_by}: {version}; it says: {build.licence or 'nothing of its licence'}")
        if build.gpl_parts:
            output.put(
                f"  carries {', '.join(build.gpl_parts)}, under the GPL: mind that before you pass the wheel on with your product"
            )
    output.put()
    for place, free in disks.items():
        output.put(f"free disk at {place}: {free / 1e9:.1f} GB")
    for problem in problems:
        output.put(f"problem: {problem}")


def _verdict(got: int, wanted: int) -> str:
    return "yes" if got == wanted else "no" if got == 0 else f"{got} of {wanted} pictures"
