"""What goes into a bundle besides the timeline: the footage's hashes and stills in full size, the prompt."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from videoscan import config, request
from videoscan.errors import ConfigError, SourceError, VideoscanError
from videoscan.evidence.layout import SourceFile
from videoscan.exporters.cutting import pieces
from videoscan.exporters.wording import file_name
from videoscan.recordings import inputs
from videoscan.recordings.footage import stills

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from videoscan.document import Evidence, Timeline

_CHUNK = 1 << 20

_ALIKE = 6.0
"""Mean difference of luma, 0 to 255, above which a still is not the picture that was sent. Measured on samples/ and sport footage: the
same picture as a JPEG of 320 pixels and quality 30 differs by 0.9 at most, that of another recording by 38 at least. A moment of the
same quiet scene cannot be told apart that way."""


def sources(timeline: Timeline, missing: Callable[[str], None]) -> list[SourceFile]:
    """Name, size and hash of every file of the footage, as they are now."""
    source = timeline.source
    parts = [(part.uri, part.start, part.duration, part.clock) for part in source.parts]
    found = []
    for uri, start, duration, clock in parts or [(source.uri, 0.0, source.duration, source.clock)]:
        known: dict[str, Any] = {
            "uri": as_text(uri),
            "name": as_text(file_name(uri)),
            "start": start,
            "duration": duration,
            "clock": clock,
        }
        try:
            found.append(SourceFile(**known, **_measured(uri)))
        except (OSError, VideoscanError) as fault:
            said = fault.message if isinstance(fault, VideoscanError) else (fault.strerror or str(fault))
            missing(f"no hash of the footage {as_text(uri)}: {said}")
            found.append(SourceFile(**known, error=said))
    return found


def _measured(uri: str) -> dict[str, Any]:
    given = inputs.single(uri)
    path = Path(given.uri)
    if given.kind != "images":
        return file_record(path)
    names = [Path(file) for file in given.files] if given.files else sorted(each for each in path.iterdir() if each.is_file())
    return {"files": [{"name": each.name, **file_record(path / each)} for each in names]}


def file_record(path: Path) -> dict[str, Any]:
    """Bytes, SHA-256 and time of change of a file. Raises `OSError`."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
            size += len(block)
        changed = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).isoformat(timespec="seconds")
    return {"bytes": size, "sha256": digest.hexdigest(), "modified": changed}


@dataclass(frozen=True, slots=True)
class Still:
    """A frame of the footage in full size, as PNG, without loss."""

    frame: int
    data: bytes


def full_size(timeline: Timeline, folder: str | None, missing: Callable[[str], None]) -> Iterator[Still]:
    """A still of every frame that an event of the timeline rests on, black where the profile says so. One pass over each file."""
    wanted: dict[int, Evidence] = {evidence.frame: evidence for event in timeline.events for evidence in event.evidence}
    by_file: dict[str, list[tuple[float, Evidence]]] = {}
    for event in timeline.events:
        for evidence in event.evidence:
            if wanted.pop(evidence.frame, None) is not None:
                for cut in list(pieces(timeline, event, evidence.time, evidence.time))[:1]:
                    by_file.setdefault(cut.file, []).append((cut.start, evidence))
    for file, asked in by_file.items():
        asked.sort(key=lambda each: each[0])
        left = dict.fromkeys(range(len(asked)))
        try:
            for number, shot in stills(timeline, file, [time for time, _ in asked]):
                del left[number]
                evidence = asked[number][1]
                if not _alike(shot.picture, folder, evidence.picture):
                    missing(
                        f"the still of frame {evidence.frame} does not look like the picture that was sent: "
                        f"{as_text(file)} may have been replaced"
                    )
                done, data = cv2.imencode(".png", shot.picture)
                if done:
                    yield Still(evidence.frame, data.tobytes())
            why = "it has no picture at that time"
        except SourceError as fault:
            why = fault.message
        for number in left:
            missing(f"no still of frame {asked[number][1].frame} from {as_text(file)}: {why}")


def _alike(picture: np.ndarray[Any, Any], folder: str | None, sent: str | None) -> bool:
    """Whether a still shows what was sent; true where that cannot be compared."""
    if folder is None or not sent:
        return True
    try:
        data = np.frombuffer((Path(folder) / sent).read_bytes(), np.uint8)
        before = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except (OSError, cv2.error, ValueError):
        return True
    if before is None:
        return True
    size = (48, 27)
    small = [cv2.cvtColor(cv2.resize(each, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY) for each in (picture, before)]
    return float(np.abs(small[0].astype(float) - small[1].astype(float)).mean()) <= _ALIKE


def prompt(timeline: Timeline, missing: Callable[[str], None]) -> dict[str, Any]:
    """What every window was asked, as the stored profile makes it."""
    asked = timeline.profile.get("prompt")
    record: dict[str, Any] = {"profile": asked, "describer": timeline.describer.model_dump(mode="json")}
    if timeline.describer.kind == "offline":
        return {**record, "note": "the built-in describer measures; nothing was asked"}
    try:
        made = request.prompt_of(config.load(timeline.profile).profile)
    except ConfigError as fault:
        missing(f"the words of the prompt cannot be made again: {fault.message}")
        return record
    return {
        **record,
        "system": made.system,
        "instructions": made.instructions,
        "answer_schema": made.schema,
        "version": made.version,
    }


def as_text(path: str) -> str:
    """A path as UTF-8 can say it, without the credentials of an address."""
    head, scheme, rest = path.partition("://")
    if scheme and "@" in rest.partition("/")[0]:
        path = f"{head}://{rest.partition('@')[2]}"
    return path.encode("utf-8", "backslashreplace").decode()
