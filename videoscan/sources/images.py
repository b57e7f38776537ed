"""Reads a folder, a glob or a single picture file as if it were a video: one picture after the other, in natural order."""

from __future__ import annotations

import glob
import re
import threading
import time as wall
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np
from pydantic import Field

from videoscan.config import Options
from videoscan.errors import SourceNotFound, SourceUnsupported
from videoscan.model import Frame, SourceInfo, Tally
from videoscan.sources.paths import head, local_file
from videoscan.sources.pixels import ArrayPixels
from videoscan.sources.times import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL.Image import Image
    from pydantic import BaseModel

    from videoscan.model import Bgr
    from videoscan.seams import Aim, Sampler

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""Of pictures in a folder. A glob or a single file may name others that OpenCV can read."""

_LARGEST = 256_000_000
"""Pixels of a picture that is read: phones make 200 million."""

_DIGITS = re.compile(r"(\d+)")


class ImagesOptions(Options):
    """When the pictures were taken, which the files do not say."""

    image_rate: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Pictures per second: the n-th picture, counted from 0, has the time n / image_rate."""
    files: tuple[str, ...] = ()
    """The picture files in order, where they are known already; the URI is then a name and nothing else."""


def natural(path: Path) -> list[tuple[int, int, str]]:
    """A sorting key that puts img2 before img10."""
    parts = _DIGITS.split(str(path).casefold())
    return [(0, int(part), part) if number % 2 else (1, 0, part) for number, part in enumerate(parts)]


def pictures(uri: str) -> list[Path]:
    """The picture files that `uri` names, in natural order. Raises `SourceNotFound` or `SourceUnsupported`."""
    path = Path(uri.removeprefix("file://")).expanduser()
    if path.is_dir():
        try:
            found = [each for each in path.iterdir() if each.suffix.lower() in SUFFIXES and not each.name.startswith(".")]
        except OSError as error:
            raise SourceUnsupported(
                f"the folder {uri!r} cannot be read: {error.strerror}", hint="check the folder's permissions"
            ) from error
        if not found:
            raise SourceUnsupported(f"there are no pictures in {uri!r}", hint=f"looked for {', '.join(sorted(SUFFIXES))}")
    elif glob.has_magic(uri) and not path.exists():
        # Path.glob takes no absolute pattern.
        found = [each for each in map(Path, glob.glob(str(path), recursive=True)) if each.is_file()]  # noqa: PTH207  # see above
        if not found:
            raise SourceNotFound(f"no file matches {uri!r}", hint="quote the pattern, and check its folder")
    else:
        found = [local_file(uri)]
    return sorted(found, key=natural)


def decode(path: Path) -> Bgr | str:
    """The picture, upright (EXIF orientation applied), 8 bits; or a sentence on why there is none.

    Memory: 3 bytes for each of at most `_LARGEST` pixels, and what the library needs to unpack them.
    """
    size = _size(path)
    if size is not None and size[0] * size[1] > _LARGEST:
        return f"{path.name} has {size[0]} x {size[1]} pixels, more than the {_LARGEST / 1e6:.0f} million that are read"
    level = cv2.utils.logging.getLogLevel()
    # A picture that ends early is told of by whoever asked for it; the library would put a line of its own on stderr.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        # Not imread: it cannot open every path on every system.
        picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        picture = None
    finally:
        cv2.utils.logging.setLogLevel(level)
    return f"{path.name} cannot be read" if picture is None else np.asarray(picture, np.uint8)


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height as the head says, before anything is unpacked; `None` where it is for OpenCV to find out."""
    from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

    # Not Image.open: it has a limit of its own, and warns.
    kinds: dict[bytes, Callable[[Path], Image]] = {
        b"\x89PNG": PngImagePlugin.PngImageFile,
        b"\xff\xd8": JpegImagePlugin.JpegImageFile,
        b"BM": BmpImagePlugin.BmpImageFile,
        b"II": TiffImagePlugin.TiffImageFile,
        b"MM": TiffImagePlugin.TiffImageFile,
        b"RIFF": WebPImagePlugin.WebPImageFile,
    }
    data = head(path, 4)
    kind = next((kind for magic, kind in kinds.items() if data.startswith(magic)), None)
    if kind is None:
        return None
    try:
        with kind(path) as image:
            return image.size
    except Exception:  # whatever a damaged head makes of a parser, OpenCV says whether the picture can be read
        return None


class ImagesSource:
    """Opens picture files."""

    Options: ClassVar[type[BaseModel]] = ImagesOptions

    def __init__(self, options: ImagesOptions | None = None) -> None:
        self.options = options or ImagesOptions()

    def open(self, uri: str) -> ImagesFootage:
        """Lists the files and decodes up to the first readable one. Raises `SourceNotFound` or `SourceUnsupported`."""
        paths = [Path(file) for file in self.options.files] or pictures(uri)
        why = ""
        for path in paths:
            first = decode(path)
            if not isinstance(first, str):
                break
            why = why or first
        else:
            raise SourceUnsupported(
                f"none of the {len(paths)} files of {uri!r} is a picture that can be read: {why}",
                hint="JPEG, PNG, WebP, BMP and TIFF are",
            )
        rate = self.options.image_rate
        info = SourceInfo(
            uri=uri,
            width=first.shape[1],
            height=first.shape[0],
            fps=rate,
            declared_duration=len(paths) / rate,
            codec=paths[0].suffix.lower().removeprefix(".") or None,
            flags=(f"picture times are declared: {rate:g} pictures a second",),
        )
        return ImagesFootage(info, paths, rate)


class ImagesFootage:
    """Picture files, decoded one by one when they are wanted. Their sizes may differ."""

    def __init__(self, info: SourceInfo, paths: list[Path], rate: float) -> None:
        self.info = info
        self._paths = paths
        self._rate = rate
        self._closed = threading.Event()
        self._ledger = Ledger()
        self._decoded = 0
        self._seconds = 0.0

    def frames(
        self,
        sampler: Sampler,
        *,
        start: float = 0.0,
        end: float | None = None,
        warm_up: float = 0.0,
        seek: bool = False,  # noqa: ARG002  # such a source says that it is not seekable
    ) -> Iterator[Frame]:
        """The sampled pictures in ``[start, end)``; see `videoscan.seams.Footage`. Each stands alone, so each is a keyframe."""
        session = sampler.session(self.info)
        start = max(0.0, start - warm_up)
        last = float("inf") if end is None else end
        taken = False
        for number, path in enumerate(self._paths):
            time = number / self._rate
            if time >= last or self._closed.is_set():
                break
            if time < start or not (self._meets(session.aim(), time) or (start > 0 and not taken)):
                continue
            before = wall.perf_counter()
            picture = decode(path)
            self._seconds += wall.perf_counter() - before
            if isinstance(picture, str):
                self._ledger.add(time, time + 1 / self._rate, picture)
                continue
            self._decoded += 1
            taken = True
            frame = Frame(number, time, keyframe=True, pixels=ArrayPixels(picture))
            if session.saw(frame) is True:
                yield frame

    @staticmethod
    def _meets(aim: Aim, time: float) -> bool:
        return time >= aim.time or aim.keyframe_from <= time <= aim.keyframe_until

    def tally(self) -> Tally:
        """What the pass came to; pictures that nobody asked for were not opened."""
        duration = len(self._paths) / self._rate
        return Tally(duration, self._decoded, self._ledger.settled(duration), decode_seconds=self._seconds)

    def close(self) -> None:
        """A running `frames` ends at its next picture."""
        self._closed.set()
