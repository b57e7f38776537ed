"""``videoscan export``: timelines in somebody else's format."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from videoscan.cli import options, output
from videoscan.cli import selection as selection_of
from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.seams import Exporter


@click.command
@click.argument("selection", nargs=-1, required=True, metavar="SELECTION...")
@click.option(
    "--to", "formats", multiple=True, required=True, metavar="FORMAT", help="json, csv, srt, vtt, markdown or html. Repeatable."
)
@click.option("-o", "--output", "target", metavar="PATH", help="A file, or a folder where several files are to be written.")
@options.json_lines
def command(*, selection: tuple[str, ...], formats: tuple[str, ...], target: str | None, as_json: bool) -> int:
    """Write timelines in another format.

    SELECTION is a timeline.json, an output folder, or a folder that holds output folders. One timeline in one format goes to
    stdout, or to the file named by -o; several go into the folder named by -o. With --json, one line for each file written.
    """
    exporters = {name: options.exporter(name) for name in dict.fromkeys(formats)}
    files = [file for argument in selection for file in selection_of.timelines(argument)]
    files = list(dict.fromkeys(files))
    several = len(files) * len(exporters) > 1
    if several and target is None:
        raise ConfigError(
            f"{len(files)} timeline(s) in {len(exporters)} format(s) do not fit into one output",
            hint="name a folder for them with -o FOLDER",
        )
    if not several and not _is_folder(target):
        (exporter,) = exporters.values()
        data = _exported(exporter, files[0])
        if target is None:
            output.put_bytes(data)
        else:
            _write(Path(target), data)
            _tell(Path(target), files[0], as_json=as_json)
        return 0
    assert target is not None, "without a target there is one output, and it went to stdout"
    if Path(target).is_file():
        raise ConfigError(f"-o {target} is a file, but several files are to be written", hint="name a folder")
    written = set()
    for file, name in zip(files, _names(files), strict=True):
        for exporter in exporters.values():
            path = Path(target) / f"{name}.{exporter.suffix.lstrip('.')}"
            written.add(path)
            _write(path, _exported(exporter, file))
            _tell(path, file, as_json=as_json)
    if as_json:
        output.put_json({"total": {"timelines": len(files), "written": len(written)}})
    return 0


def _tell(path: Path, source: Path, *, as_json: bool) -> None:
    if as_json:
        output.put_json({"input": str(source), "written": str(path)})
    else:
        output.say(f"{path}")


def _is_folder(target: str | None) -> bool:
    return target is not None and (Path(target).is_dir() or target.endswith(("/", os.sep)))


def _exported(exporter: Exporter, file: Path) -> bytes:
    paper = io.BytesIO()
    exporter.write(selection_of.read(file), paper, folder=str(file.parent))
    return paper.getvalue()


def _names(files: Sequence[Path]) -> list[str]:
    """What the outputs are called: after the output folders, with as much of the path as tells them apart."""
    folders = [file.resolve().parent for file in files]
    plain = [folder.name if file.name == "timeline.json" else file.stem for folder, file in zip(folders, files, strict=True)]
    if len(set(plain)) == len(plain):
        return plain
    common = Path(os.path.commonpath(folders))
    return ["/".join((*folder.relative_to(common).parts, file.stem)) for folder, file in zip(folders, files, strict=True)]


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all. Raises `StoreError`."""
    from videoscan.folder import OutputFolder

    OutputFolder(path.parent).write(path.name, data)
