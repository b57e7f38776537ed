"""A folder with one video per event."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from videoscan.clips import copying, exact
from videoscan.clips.naming import clip_name, numbered
from videoscan.clips.options import ClipOptions, Piece, wanted
from videoscan.errors import ConfigError, SourceError
from videoscan.folder import OutputFolder
from videoscan.recordings.footage import masks

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from videoscan.seams import Told


class ClipsExporter:
    """One video per event that nobody rejected, with its sound: MP4 with H.264 and AAC, or the recording's own streams.

    Names carry camera, wall time (video time where it is not known) and title. `--cut copy` is refused where the profile blacks
    something out.
    """

    Options: ClassVar[type[ClipOptions]] = ClipOptions
    suffix: ClassVar[str] = ".mp4"
    media_type: ClassVar[str] = "video/mp4"

    def __init__(self, options: ClipOptions | None = None) -> None:
        self.options = options or ClipOptions()

    def write_files(self, parts: Sequence[Told], folder: Path, missing: Callable[[str], None]) -> Generator[Path]:
        """Write every clip; see `videoscan.seams.FolderExporter`. Raises `SourceError` when not one could be cut."""
        for part in parts:
            self._check(part)
        place, taken = OutputFolder(folder), set[str]()
        faults: list[SourceError] = []
        done = 0
        for piece in wanted(parts, self.options.pad):
            try:
                yield self._write(piece, place, taken)
                done += 1
            except SourceError as fault:
                faults.append(fault)
                missing(f"no clip of {piece.cut.title!r}: {fault.message}")
        if faults and not done:
            raise faults[0]

    def _check(self, part: Told) -> None:
        if self.options.cut == "copy" and masks(part.timeline):
            raise ConfigError(
                f"--cut copy would show what regions.black_out covers in {part.timeline.source.uri}",
                hint="--cut exact blacks it out and encodes anew",
            )

    def _write(self, piece: Piece, place: OutputFolder, taken: set[str]) -> Path:
        copied = self.options.cut == "copy"
        suffix = copying.suffix(piece.stretch.file) if copied else self.suffix
        # A piece that cannot be cut must not take a name from one that can.
        name = f"{numbered(clip_name(piece.cut, piece.at), taken)}{suffix}"
        with place.writing(name) as out:
            if copied:
                copying.cut(piece.stretch, out, piece.cut.title, form=suffix)
            else:
                exact.cut(piece.stretch, out, piece.cut.title)
        return place.path / name
