"""Checks an evidence bundle without unpacking it: every byte against the manifest, the manifest against its signature.

A bundle may come from anybody. Nothing is written, names that could leave a folder are refused, and what a file claims to unpack to
is bounded by what it packs; memory is a block of one file and the small files that are read whole.
"""

from __future__ import annotations

import hashlib
import re
import stat
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from videoscan.document import Timeline
from videoscan.errors import ConfigError, SourceNotFound, SourceUnsupported
from videoscan.evidence import layout, signing
from videoscan.evidence.layout import Bundle, SourceFile, harmless

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_BLOCK = 1 << 20

_SMALL = 256 << 20
"""Bytes of a file that is read whole: manifest, bundle.json, a timeline."""

_MOST_FILES = 1_000_000

_RATIO, _FREE = 250, 64 << 20
"""How many times its packed size a file may unpack to, once it is larger than the second. Deflate comes to 1030 on nothing but zeros;
a journal of one sentence over and over comes to 120."""

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")

_BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)
"""What the zip reader makes of damage: cut short, wrong checksum, another compression, encrypted."""

_SOURCES = TypeAdapter(list[SourceFile])


@dataclass
class Verdict:
    """What a check came to. `faults` say why the bundle cannot be trusted; `notes` what a reader should know of a sound one.

    `signer` is the fingerprint of the key whose signature holds; `vouched` whether it is the key that was asked for.
    """

    files: int = 0
    bytes: int = 0
    bundle: Bundle | None = None
    signer: str | None = None
    vouched: bool = False
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.faults


def verify(path: str | Path, *, key: str | None = None, footage: Sequence[str] = ()) -> Verdict:
    """Check a bundle; `key` is the file of a public key that must have signed it, `footage` files that must be among its sources.

    Raises `SourceNotFound` or `SourceUnsupported` where there is no bundle that could be read, `ConfigError` for a bad key.
    """
    path = Path(path)
    trusted = signing.public_key_of(key) if key is not None else None
    if not path.is_file():
        raise SourceNotFound(f"{path} is not a file" if path.exists() else f"{path} does not exist", hint="name the zip itself")
    try:
        with zipfile.ZipFile(path) as packed:
            check = _Check(packed, path.stat().st_size)
            check.run(trusted)
            check.footage(footage)
            return check.verdict
    except OSError as fault:
        raise SourceUnsupported(f"cannot read {path}: {fault.strerror or fault}") from fault
    except _BROKEN as fault:
        raise SourceUnsupported(
            f"{path} is not a zip that can be read ({_said(fault)})",
            hint="it was cut short or damaged on its way: fetch it again",
        ) from fault


class _Check:
    """One check of one open zip."""

    def __init__(self, packed: zipfile.ZipFile, size: int) -> None:
        self._packed = packed
        self._size = size
        self._listed: dict[str, str] = {}
        self._sources: dict[str, list[SourceFile]] = {}
        self.verdict = Verdict()

    def run(self, trusted: Ed25519PublicKey | None) -> None:
        """All of it but the footage; stops where going on would mean nothing."""
        if not self._harmless():
            return
        names = set(self._packed.namelist())
        if layout.MANIFEST not in names:
            self._wrong(f"there is no {layout.MANIFEST}: this is no evidence bundle")
            return
        manifest = self._small(layout.MANIFEST)
        if manifest is None or not self._read(manifest):
            return
        self._files(names)
        self._signature(names, manifest, trusted)
        self._inside(names)

    def _wrong(self, what: str) -> None:
        self.verdict.faults.append(what)

    def _harmless(self) -> bool:
        """Whether it can be read at all without harm: names, sizes, kinds of file."""
        infos = self._packed.infolist()
        if len(infos) > _MOST_FILES:
            self._wrong(f"it claims to hold {len(infos)} files")
            return False
        seen: set[str] = set()
        for info in infos:
            shown = _shown(info.filename)
            # The reader cuts a name at a zero byte and turns a system's own separator round: what was written counts.
            if info.orig_filename != info.filename or not harmless(info.filename):
                self._wrong(f"the name {shown} could be unpacked outside of its folder, or hides what it is")
            folded = unicodedata.normalize("NFC", info.filename).casefold()
            if folded in seen:
                self._wrong(f"there are two files named {shown}")
            seen.add(folded)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in {0, stat.S_IFREG}:
                self._wrong(f"{shown} is no plain file")
            if info.flag_bits & 1:
                self._wrong(f"{shown} is encrypted")
            if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                self._wrong(f"{shown} is packed in a way that bundles are not")
            if info.file_size > _FREE and info.file_size > _RATIO * max(1, info.compress_size):
                self._wrong(f"{shown} claims to unpack {info.compress_size} bytes to {info.file_size}: a zip bomb")
        if sum(info.compress_size for info in infos) > self._size:
            self._wrong("its files overlap: a zip bomb")
        return self.verdict.sound

    def _read(self, manifest: bytes) -> bool:
        try:
            lines = manifest.decode().splitlines()
        except UnicodeDecodeError:
            lines = ["\x00"]
        for number, line in enumerate(lines, start=1):
            found = _LINE.fullmatch(line)
            if found is None or found[2] in self._listed:
                self._wrong(f"line {number} of {layout.MANIFEST} is not `sha256  name`, each name once")
                return False
            self._listed[found[2]] = found[1]
        return True

    def _files(self, names: set[str]) -> None:
        for name in sorted(names - self._listed.keys() - {layout.MANIFEST, layout.SIGNATURE}):
            self._wrong(f"{_shown(name)} is not in the manifest: it was added later")
        for name, wanted in self._listed.items():
            if name not in names:
                self._wrong(f"{_shown(name)} is missing")
                continue
            try:
                found, size = self._hash(name)
            except (*_BROKEN, OSError) as fault:
                self._wrong(f"{_shown(name)} is damaged ({_said(fault)})")
                continue
            self.verdict.files += 1
            self.verdict.bytes += size
            if found != wanted:
                self._wrong(f"{_shown(name)} is not what it was: SHA-256 {found[:16]}..., in the manifest {wanted[:16]}...")

    def _hash(self, name: str) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        for block in self._blocks(name):
            digest.update(block)
            size += len(block)
        return digest.hexdigest(), size

    def _blocks(self, name: str) -> Iterator[bytes]:
        with self._packed.open(name) as file:
            while block := file.read(_BLOCK):
                yield block

    def _small(self, name: str) -> bytes | None:
        """A file as a whole; `None`, and a fault, for one that cannot be read or is too large for that."""
        if self._packed.getinfo(name).file_size > _SMALL:
            self._wrong(f"{_shown(name)} is too large to be what it is called")
            return None
        try:
            return self._packed.read(name)
        except (*_BROKEN, OSError) as fault:
            self._wrong(f"{_shown(name)} is damaged ({_said(fault)})")
            return None

    def _signature(self, names: set[str], manifest: bytes, trusted: Ed25519PublicKey | None) -> None:
        if layout.SIGNATURE not in names:
            if layout.SIGNER in names:
                self._wrong(f"it names a signer but has no signature: {layout.SIGNATURE} was taken out")
            elif trusted is not None:
                self._wrong("it is not signed, and --key asks for a signature")
            else:
                self.verdict.notes.append("not signed: it shows that nothing was damaged, not who made it")
            return
        signature = self._small(layout.SIGNATURE)
        own = self._small(layout.SIGNER) if layout.SIGNER in names else None
        if signature is None:
            return
        try:
            key = trusted or signing.public_key(own or b"", layout.SIGNER)
            if not signing.signed(key, signature, manifest):
                self._wrong(f"the signature does not hold for {'the key that was given' if trusted else 'its own key'}")
                return
        except ConfigError as fault:
            if "pip install" in (fault.hint or ""):
                self.verdict.notes.append("signed, but that was not checked: pip install 'videoscan[sign]'")
            else:
                self._wrong(f"the signature cannot be checked: {fault.message}")
            return
        self.verdict.signer, self.verdict.vouched = signing.fingerprint(key), trusted is not None
        if trusted is None:
            self.verdict.notes.append("nobody vouches for the signer's key: get it from whoever signed and give it with --key")

    def _inside(self, names: set[str]) -> None:
        """Whether it is whole: everything that its timelines rest on is there, or is said to be missing."""
        if layout.BUNDLE not in names:
            self._wrong(f"there is no {layout.BUNDLE}")
            return
        data = self._small(layout.BUNDLE)
        if data is None:
            return
        try:
            bundle = Bundle.model_validate_json(data)
        except ValidationError as fault:
            self._wrong(f"{layout.BUNDLE} cannot be read: {_first(fault)}")
            return
        self.verdict.bundle = bundle
        self.verdict.notes += [f"when it was made: {sentence}" for sentence in bundle.missing]
        if not bundle.timelines:
            self._wrong("there is no timeline in it")
        for about in bundle.timelines:
            self._timeline(about.folder, about.events, names, told=bool(bundle.missing))

    def _timeline(self, folder: str, events: list[str], names: set[str], *, told: bool) -> None:
        for file in (layout.TIMELINE, layout.REPORT, layout.SOURCES, layout.PROMPT):
            if f"{folder}/{file}" not in names:
                self._wrong(f"there is no {_shown(f'{folder}/{file}')}")
        if f"{folder}/{layout.TIMELINE}" not in names:
            return
        data = self._small(f"{folder}/{layout.TIMELINE}")
        if data is None:
            return
        try:
            timeline = Timeline.from_json(data)
        except ValueError as fault:
            said = _first(fault) if isinstance(fault, ValidationError) else str(fault)
            self._wrong(f"{_shown(folder)}/{layout.TIMELINE} cannot be read: {said}")
            return
        known = {event.id: event for event in timeline.events}
        for wanted in events:
            if wanted not in known:
                self._wrong(f"the event {_shown(wanted)} is not in {_shown(folder)}/{layout.TIMELINE}")
                continue
            for evidence in known[wanted].evidence:
                # What could not be had when it was made is in `missing`, in words: then a gap is no sign of tampering.
                for place in (layout.still_name(evidence.frame), evidence.picture):
                    if place and f"{folder}/{place}" not in names and not told:
                        self._wrong(f"{_shown(f'{folder}/{place}')}, which an event rests on, is missing")
        if f"{folder}/{layout.SOURCES}" in names and (found := self._small(f"{folder}/{layout.SOURCES}")) is not None:
            try:
                self._sources[folder] = _SOURCES.validate_json(found)
            except ValidationError as fault:
                self._wrong(f"{_shown(folder)}/{layout.SOURCES} cannot be read: {_first(fault)}")

    def footage(self, files: Sequence[str]) -> None:
        """Whether each of `files` is, to the byte, one of the files that the bundle's timelines are about."""
        from videoscan.evidence.gathering import file_record

        known: dict[str, str] = {}
        for sources in self._sources.values():
            for source in sources:
                if source.sha256 is not None:
                    known[source.sha256] = source.name
                for each in source.files or ():
                    known[str(each.get("sha256"))] = str(each.get("name"))
        for file in files:
            try:
                digest = file_record(Path(file))["sha256"]
            except OSError as fault:
                raise SourceNotFound(f"{file} cannot be read: {fault.strerror or fault}") from fault
            if digest in known:
                self.verdict.notes.append(f"{file} is {_shown(known[digest])}, to the byte")
            else:
                named = PurePosixPath(file).name in known.values()
                self._wrong(f"{file} is {'not what it was' if named else 'none of the files that this bundle is about'}")


def _shown(name: str) -> str:
    """A stranger's name, for a terminal."""
    clean = "".join(letter if unicodedata.category(letter)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return clean if len(clean) <= 120 else f"{clean[:117]}..."


def _said(fault: BaseException) -> str:
    return _shown(str(fault) or type(fault).__name__)


def _first(fault: ValidationError) -> str:
    error = fault.errors(include_url=False, include_context=False, include_input=False)[0]
    return _shown(f"{'.'.join(map(str, error['loc']))}: {error['msg']}")
