"""Writes an evidence bundle: all that shows later what was seen, by whom, out of which files, in one zip that can be checked."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import importlib.metadata
import io
import platform
import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

import av
import cv2
import orjson

from videoscan import __version__, config, registry
from videoscan.clips.naming import numbered, safe
from videoscan.errors import StoreError
from videoscan.evidence import gathering, layout, signing
from videoscan.evidence.layout import About, Bundle
from videoscan.exporters.pictures import link
from videoscan.exporters.wording import name, narrowed
from videoscan.folder import JOURNAL, REVIEWS, TIMELINE
from videoscan.seams import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from videoscan.document import Timeline

_CHUNK = 1 << 20
_STORED = (".png", ".jpg", ".webp")
"""Packed already."""

_README = """\
An evidence bundle of videoscan: what a timeline says, and what it rests on.

    sha256sum -c manifest.sha256        every file is what it was when the bundle was made
    videoscan verify BUNDLE.zip         the same without unpacking, and whether it is whole and signed

Each folder is one recording:
    timeline.json    the timeline as it lay in its output folder; selection.json is the part that was asked for
    report.html      the same to read, with pictures inside
    stills/          the frames that events rest on, out of the footage in full size, without loss
    frames/          the pictures that the model was shown
    sources.json     name, size and SHA-256 of every file of the footage
    reviews.jsonl    what people corrected, with name and time
    journal.jsonl    every answer as it came
    prompt.json      what was asked, and whom

bundle.json says when and with which versions this was made, and what could not be had.
With a signature: openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in manifest.sha256 -sigfile manifest.sha256.sig
The key in signer.pem proves nothing by itself: get it from whoever signed, by another way.
"""


class EvidenceExporter:
    """One zip with a manifest that ``sha256sum -c`` takes, signed where a key is given; ``videoscan verify`` checks it.

    What could not be had (footage or pictures that are gone) is said in the bundle itself. Blacked-out regions are black.
    """

    class Options(config.Options):
        """How it is signed."""

        sign: Path | None = None
        """A file with an Ed25519 private key; without it, the key in the variable VIDEOSCAN_SIGNING_KEY, if there is one."""

    suffix: ClassVar[str] = ".zip"
    media_type: ClassVar[str] = "application/zip"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()
        # Read at once: a wrong key is said before hours of footage are hashed.
        self._key = signing.private_key(None if self.options.sign is None else str(self.options.sign))

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:
        """Write all of it; see `videoscan.seams.Exporter`."""
        self.write_all([Told(timeline, folder)], out, lambda _sentence: None)

    def write_all(self, parts: Sequence[Told], out: IO[bytes], missing: Callable[[str], None]) -> None:
        """All in one bundle; see `videoscan.seams.Gatherer`."""
        said: list[str] = []

        def lacking(sentence: str) -> None:
            if sentence not in said:
                said.append(sentence)
                missing(sentence)

        taken: set[str] = set()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
            packing = _Packing(packed)
            packing.add(layout.README, _README.encode())
            about = []
            for number, part in enumerate(parts, start=1):
                place = numbered(f"{number:02d}-{safe(name(part.timeline), most=60)}", taken)
                about.append(_timeline(packing, part, place, lacking))
            bundle = Bundle(
                created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                versions=_versions(),
                timelines=about,
                missing=said,
            )
            packing.add(layout.BUNDLE, _json(bundle.model_dump(mode="json")))
            if self._key is not None:
                packing.add(layout.SIGNER, signing.pem(self._key.public_key()))
            manifest = packing.manifest()
            packing.add(layout.MANIFEST, manifest)
            if self._key is not None:
                packing.add(layout.SIGNATURE, self._key.sign(manifest))


class _Packing:
    """Files on their way into a zip, hashed as they go."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed
        self._hashes: dict[str, str] = {}
        self._now = dt.datetime.now(dt.UTC).timetuple()[:6]

    def add(self, place: str, data: bytes) -> None:
        """A whole file."""
        self.stream(place, io.BytesIO(data))

    def stream(self, place: str, source: IO[bytes]) -> None:
        """A file of any size."""
        info = zipfile.ZipInfo(place, self._now)
        info.external_attr = 0o644 << 16
        info.compress_type = zipfile.ZIP_STORED if place.endswith(_STORED) else zipfile.ZIP_DEFLATED
        digest = hashlib.sha256()
        with self._packed.open(info, "w", force_zip64=True) as file:
            while block := source.read(_CHUNK):
                digest.update(block)
                file.write(block)
        self._hashes[place] = digest.hexdigest()

    def has(self, place: str) -> bool:
        """Whether it is in there."""
        return place in self._hashes

    def manifest(self) -> bytes:
        """As ``sha256sum`` writes it."""
        return "".join(f"{digest}  {place}\n" for place, digest in sorted(self._hashes.items())).encode()


def _timeline(packing: _Packing, part: Told, place: str, missing: Callable[[str], None]) -> About:
    timeline, folder = part.timeline, None if part.folder is None else Path(part.folder)
    whole = _whole(timeline, folder)
    packing.add(f"{place}/{layout.TIMELINE}", whole)
    if narrowed(timeline):
        packing.add(f"{place}/{layout.SELECTION}", _exported("json", timeline, None))
    packing.add(f"{place}/{layout.REPORT}", _exported("html", timeline, part.folder))
    packing.add(
        f"{place}/{layout.SOURCES}", _json([each.model_dump(mode="json") for each in gathering.sources(timeline, missing)])
    )
    packing.add(f"{place}/{layout.PROMPT}", _json(gathering.prompt(timeline, missing)))
    for file, kept in ((REVIEWS, layout.REVIEWS), (JOURNAL, layout.JOURNAL)):
        if folder is None or not (folder / file).is_file():
            if file == JOURNAL:
                missing(f"no answers as they came: there is no {file} beside the timeline of {name(timeline)}")
            continue
        with _reading(folder / file) as source:
            packing.stream(f"{place}/{kept}", source)
    for picture in dict.fromkeys(one.picture for event in timeline.events for one in event.evidence if one.picture):
        _picture(packing, folder, place, picture, missing)
    for still in gathering.full_size(timeline, part.folder, missing):
        packing.add(f"{place}/{layout.still_name(still.frame)}", still.data)
    return About(
        folder=place,
        source=gathering.as_text(timeline.source.uri),
        camera=timeline.source.camera,
        events=[event.id for event in timeline.events],
        selection=narrowed(timeline),
    )


def _picture(packing: _Packing, folder: Path | None, place: str, picture: str, missing: Callable[[str], None]) -> None:
    # A timeline may come from a stranger: what it names must lie in its folder.
    file = (folder / picture).resolve() if folder is not None and link(picture) is not None else None
    inside = file is not None and folder is not None and file.is_relative_to(folder.resolve())
    if file is None or not inside or not file.is_file() or not layout.harmless(picture):
        missing(f"the picture {picture!r} that was sent is not there any more")
        return
    if not packing.has(f"{place}/{picture}"):
        with _reading(file) as source:
            packing.stream(f"{place}/{picture}", source)


def _whole(timeline: Timeline, folder: Path | None) -> bytes:
    """The timeline as it lies in its folder, byte for byte; one that lies nowhere, as it would be written."""
    if folder is not None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), (folder / TIMELINE).open("rb") as file:
            return file.read()
    return _exported("json", timeline, None)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as fault:
        raise StoreError(f"cannot read {path}: {fault.strerror or fault}") from fault


def _exported(kind: str, timeline: Timeline, folder: str | None) -> bytes:
    paper = io.BytesIO()
    registry.make("exporters", {"kind": kind}).write(timeline, paper, folder=folder)
    return paper.getvalue()


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _versions() -> dict[str, str]:
    libraries = {"av": av.__version__, "opencv": cv2.__version__, "numpy": importlib.metadata.version("numpy")}
    ffmpeg = {each: ".".join(map(str, version)) for each, version in av.library_versions.items()}
    return {"videoscan": __version__, "python": platform.python_version(), "system": platform.platform(), **libraries, **ffmpeg}
