"""``videoscan export``: timelines in somebody else's format."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from videoscan.cli import libraries, options, output
from videoscan.cli import selection as selection_of
from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

    from videoscan.reviewing.selection import Chosen, Filters
    from videoscan.seams import Exporter, FolderExporter, Told


@click.command(cls=selection_of.Command)
@click.argument("selection", nargs=-1, metavar="[SELECTION...]")
@libraries.option
@click.option("--to", "formats", multiple=True, required=True, metavar="FORMAT", help="Which format; see below. Repeatable.")
@click.option("-o", "--output", "target", metavar="PATH", help="A file, or a folder where several files are to be written.")
@click.option(
    "--start-timecode",
    metavar="HH:MM:SS:FF",
    help="edl, otio, fcp7xml: the timecode of the source's first frame, drop-frame as 10:00:00;00; `wall` for the time of day.",
)
@click.option("--pad", metavar="BEFORE,AFTER", help="clips, reel: so many seconds more on either side of an event, such as 5,3.")
@click.option(
    "--cut",
    type=click.Choice(["exact", "copy"]),
    help="clips: `exact` cuts to the picture and encodes anew (the default); `copy` encodes nothing and begins at the keyframe before.",
)
@click.option(
    "--sign",
    type=click.Path(dir_okay=False),
    metavar="KEY.pem",
    help="evidence: sign with this Ed25519 key.  [env: VIDEOSCAN_SIGNING_KEY holds the key's own text]",
)
@selection_of.options
@options.json_lines
def command(
    *,
    selection: tuple[str, ...],
    library: Path | None,
    formats: tuple[str, ...],
    target: str | None,
    start_timecode: str | None,
    pad: str | None,
    cut: str | None,
    sign: str | None,
    filters: Filters,
    as_json: bool,
) -> int:
    """Write timelines, or a part of them, in another format.

    SELECTION is a timeline.json, an output folder, or a folder that holds output folders; without one, all of the library. One
    timeline in one format goes to stdout, or to the file named by -o; several go into the folder named by -o, or, where the format
    can hold them, into one file: as html or markdown, a morning report. With --json, one line for each file written.

    FORMAT is json, jsonl, csv, markdown or html; srt or vtt (subtitles); chapters (as YouTube reads them), vtt-chapters or
    ffmetadata; edl (CMX 3600), otio, fcp7xml or llc (LosslessCut) for editing programs; clips (a video per event, into the folder
    named by -o) or reel (all of them in one video); evidence (a zip to show later what was seen; see `videoscan verify`).
    """
    exporters = _exporters(formats, {"start_timecode": start_timecode, "pad": pad, "cut": cut, "sign": sign})
    chosen = selection_of.resolve(selection, filters, library)
    return _Export(exporters, chosen, as_json=as_json).to(target)


def _exporters(formats: Sequence[str], given: Mapping[str, Any]) -> dict[str, Exporter]:
    """One per format, with the options that were given. Raises `ConfigError` for an option that none of them has."""
    from videoscan import registry

    said = {key: value for key, value in given.items() if value is not None}
    exporters = {name: options.exporter(name, said) for name in dict.fromkeys(formats)}
    for key in said:
        if not any(key in registry.factory("exporters", name).Options.model_fields for name in exporters):
            flag = f"--{key.replace('_', '-')}"
            raise ConfigError(
                f"{flag} means nothing to {', '.join(exporters)}", hint="`videoscan export --help` says what it is for"
            )
    return exporters


class _Export:
    """One run of the command: what is written, and what is said of it."""

    def __init__(self, exporters: Mapping[str, Exporter], chosen: Sequence[Chosen], *, as_json: bool) -> None:
        self._exporters = exporters
        self._chosen = chosen
        self._json = as_json
        self._missing: list[str] = []

    def to(self, target: str | None) -> int:
        """Write everything, and return the exit code."""
        from videoscan.seams import FolderExporter

        folders = [(name, part) for name, part in self._exporters.items() if isinstance(part, FolderExporter)]
        files = [part for part in self._exporters.values() if not isinstance(part, FolderExporter)]
        one = not folders and len(files) == 1 and (len(self._chosen) == 1 or all(map(_gathers, files)))
        if target is None:
            self._check_stdout(folders[0][0] if folders else None, one=one)
        if one and not _is_folder(target, several=len(self._chosen) > 1):
            self._to_one(files[0], target)
            return self._end()
        assert target is not None, "without a target there is one output, and it went to stdout"
        if Path(target).is_file():
            raise ConfigError(f"-o {target} is a file, but several files are to be written", hint="name a folder")
        written = self._to_files(files, Path(target)) if files else 0
        for name, exporter in folders:
            written += self._to_folder(name, exporter, Path(target))
        if self._json:
            output.put_json({"total": {"timelines": len(self._chosen), "written": written}})
        return self._end()

    def _check_stdout(self, folder: str | None, *, one: bool) -> None:
        if folder is not None:
            raise ConfigError(f"--to {folder} writes many files", hint="name a folder for them with -o FOLDER")
        if not one:
            raise ConfigError(
                f"{len(self._chosen)} timeline(s) in {len(self._exporters)} format(s) do not fit into one output",
                hint="name a folder for them with -o FOLDER",
            )
        ((name, exporter),) = self._exporters.items()
        if exporter.media_type.startswith(("video/", "application/zip")):
            raise ConfigError(f"--to {name} is nothing to read on a terminal", hint=f"name a file with -o FILE{exporter.suffix}")

    def _to_one(self, exporter: Exporter, target: str | None) -> None:
        if target is None:
            paper = io.BytesIO()
            self._write(exporter, self._chosen, paper)
            output.put_bytes(paper.getvalue())
        else:
            self._write_file(exporter, self._chosen, Path(target))

    def _to_files(self, exporters: Sequence[Exporter], folder: Path) -> int:
        written = 0
        for each, name in zip(self._chosen, _names(self._chosen), strict=True):
            for exporter in exporters:
                self._write_file(exporter, [each], folder / f"{name}.{exporter.suffix.lstrip('.')}")
                written += 1
        return written

    def _to_folder(self, name: str, exporter: FolderExporter, folder: Path) -> int:
        written = 0
        with contextlib.closing(exporter.write_files(self._parts(self._chosen), folder, self._missing.append)) as paths:
            for path in paths:
                written += 1
                if self._json:
                    output.put_json({"written": str(path)})
                else:
                    output.say(f"{path}")
        if not written:
            output.say(f"videoscan: no event is in this selection, so there is nothing for --to {name}")
        return written

    def _end(self) -> int:
        for sentence in self._missing:
            output.say(f"videoscan: {sentence}")
        return output.GAPS if self._missing else 0

    def _write_file(self, exporter: Exporter, chosen: Sequence[Chosen], path: Path) -> None:
        """Whole or not at all. Raises `StoreError`."""
        from videoscan.folder import OutputFolder

        with OutputFolder(path.parent).writing(path.name) as out:
            self._write(exporter, chosen, out)
        if self._json:
            inputs = [str(each.file) for each in chosen]
            told: dict[str, Any] = {"input": inputs[0]} if len(inputs) == 1 else {"inputs": inputs}
            output.put_json({**told, "written": str(path)})
        else:
            output.say(f"{path}")

    def _write(self, exporter: Exporter, chosen: Sequence[Chosen], out: IO[bytes]) -> None:
        from videoscan.seams import Gatherer

        parts = self._parts(chosen)
        if isinstance(exporter, Gatherer):
            exporter.write_all(parts, out, self._missing.append)
        else:
            (part,) = parts
            exporter.write(part.timeline, out, folder=part.folder)

    @staticmethod
    def _parts(chosen: Sequence[Chosen]) -> list[Told]:
        from videoscan.seams import Told

        return [Told(each.narrowed(), None if each.folder is None else str(each.folder), each.span) for each in chosen]


def _gathers(exporter: Exporter) -> bool:
    from videoscan.seams import Gatherer

    return isinstance(exporter, Gatherer)


def _is_folder(target: str | None, *, several: bool) -> bool:
    """Whether a target is there, or is written, as a folder is: several timelines go into a file only where it has a suffix."""
    if target is None or Path(target).is_file():
        return False
    return Path(target).is_dir() or target.endswith(("/", os.sep)) or (several and not Path(target).suffix)


def _names(chosen: Sequence[Chosen]) -> list[str]:
    """What the outputs are called: after the output folders, with as much of the path as tells them apart."""
    files = [each.file for each in chosen]
    if None in files:  # they lie in no folder of their own
        return [f"{_plain(each)}-{number}" for number, each in enumerate(chosen, start=1)]
    known = [file for file in files if file is not None]
    folders = [file.resolve().parent for file in known]
    plain = [folder.name if file.name == "timeline.json" else file.stem for folder, file in zip(folders, known, strict=True)]
    if len(set(plain)) == len(plain):
        return plain
    common = Path(os.path.commonpath(folders))
    return ["/".join((*folder.relative_to(common).parts, file.stem)) for folder, file in zip(folders, known, strict=True)]


def _plain(each: Chosen) -> str:
    return each.timeline.source.camera or Path(each.timeline.source.uri).stem
