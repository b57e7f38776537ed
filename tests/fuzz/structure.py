"""Where a container keeps its sizes, counts and times, so that mutations can strike there: just enough parsing, and never strict.

Each finder takes the whole file and returns the fields that it recognised; it stops without a word where it no longer does.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Field:
    """`width` bytes at `start`, most significant first unless `little`. `what` names it for people."""

    start: int
    width: int
    kind: Literal["size", "time"]
    what: str
    little: bool = False


_BOXES_OF_BOXES = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"moof", b"traf", b"mvex", b"udta"})
_COUNTED = {b"stts": 8, b"ctts": 8, b"stsc": 12, b"stco": 4, b"co64": 8, b"stss": 4, b"elst": 12, b"sdtp": 1}
"""Boxes with a count and then entries of so many bytes."""


def mp4(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """ISO/IEC 14496-12, 4.2: size and name of each box, those inside included."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, start)
        label = name.decode("latin-1")
        head = 8
        if size == 1 and start + 16 <= end:
            size, head = struct.unpack_from(">Q", data, start + 8)[0], 16
        if size == 0:
            size = end - start
        if size < head or start + size > end + (1 << 20):
            return
        yield Field(start, 4, "size", f"{label} size")
        body, stop = start + head, min(start + size, end)
        if name in _BOXES_OF_BOXES:
            yield from mp4(data, body, stop)
        elif name in _COUNTED and body + 8 <= stop:
            yield Field(body + 4, 4, "size", f"{label} count")
            for at in range(body + 8, stop - 3, max(4, _COUNTED[name])):
                kind: Literal["size", "time"] = "time" if name in {b"stts", b"ctts", b"elst"} else "size"
                yield Field(at, 4, kind, f"{label} entry")
                if name in {b"stts", b"ctts"} and at + 8 <= stop:
                    yield Field(at + 4, 4, "time", f"{label} ticks")
        elif name == b"stsz" and body + 12 <= stop:
            yield Field(body + 4, 4, "size", "stsz constant size")
            yield Field(body + 8, 4, "size", "stsz count")
            for at in range(body + 12, stop - 3, 4):
                yield Field(at, 4, "size", "stsz entry")
        elif name in {b"mvhd", b"mdhd"} and body + 20 <= stop:
            yield Field(body + 12, 4, "time", f"{label} timescale")
            yield Field(body + 16, 4, "time", f"{label} duration")
        elif name == b"tkhd" and body + 24 <= stop:
            yield Field(body + 20, 4, "time", "tkhd duration")
            yield Field(stop - 8, 4, "size", "tkhd width")
        elif name == b"tfdt" and body + 8 <= stop:
            yield Field(body + 4, 4, "time", "tfdt time")
        elif name in {b"trun", b"tfhd", b"sidx", b"trex", b"mfhd"} and body + 8 <= stop:
            for at in range(body, stop - 3, 4):
                yield Field(at, 4, "size" if at < body + 12 else "time", f"{label} word")
        elif name == b"stsd" and body + 24 <= stop:
            for at in range(body, min(stop - 3, body + 120), 4):
                yield Field(at, 4, "size", "stsd word")
        start += size


_EBML_PARENTS = {
    0x1A45DFA3,
    0x18538067,
    0x1654AE6B,
    0xAE,
    0xE0,
    0x1F43B675,
    0xA0,
    0x1549A966,
    0x1C53BB6B,
    0xBB,
    0xB7,
    0x114D9B74,
    0x4DBB,
}
_EBML_TIMES = {0x2AD7B1: "timestamp scale", 0x4489: "duration", 0xE7: "cluster time", 0x9B: "block duration", 0xB3: "cue time",
               0x23E383: "default duration", 0xFB: "reference"}  # fmt: skip


def _vint(data: bytes, at: int, *, keep: bool) -> tuple[int, int] | None:
    """RFC 8794, 4: the value (with its marker, if `keep`) and its width."""
    if at >= len(data) or not data[at]:
        return None
    width = 9 - data[at].bit_length()
    if at + width > len(data):
        return None
    value = int.from_bytes(data[at : at + width], "big")
    return (value if keep else value & ((1 << 7 * width) - 1)), width


def matroska(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """RFC 8794 and RFC 9559: the size of each element, and those that hold times."""
    end = len(data) if end is None else end
    while start < end:
        name, size = _vint(data, start, keep=True), None
        if name:
            size = _vint(data, start + name[1], keep=False)
        if not name or not size:
            return
        yield Field(start + name[1], size[1], "size", f"{name[0]:X} size")
        body = start + name[1] + size[1]
        unknown = size[0] == (1 << 7 * size[1]) - 1
        stop = end if unknown else body + size[0]
        if name[0] in _EBML_PARENTS:
            yield from matroska(data, body, min(stop, end))
        elif name[0] in _EBML_TIMES and body < stop <= end:
            yield Field(body, stop - body, "time", _EBML_TIMES[name[0]])
        elif name[0] in {0xA3, 0xA1} and body + 4 <= end:
            yield Field(body + 1, 2, "time", "block time")
            yield Field(body, 1, "size", "block track")
        start = stop


def riff(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """AVI: the size of each chunk, and what the headers say of rates and lengths."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        name, size = struct.unpack_from("<4sI", data, start)
        label = name.decode("latin-1")
        yield Field(start + 4, 4, "size", f"{label} size", little=True)
        body = start + 8
        if name in {b"RIFF", b"LIST"}:
            yield from riff(data, body + 4, min(end, body + size))
        elif name in {b"avih", b"strh", b"strf", b"dmlh"}:
            for at in range(body, min(end, body + size) - 3, 4):
                yield Field(at, 4, "time" if name != b"strf" else "size", f"{label} word", little=True)
        elif name == b"idx1":
            for at in range(body, min(end, body + size) - 15, 16):
                yield Field(at + 8, 4, "size", "idx1 offset", little=True)
        start = body + size + size % 2


def flv(data: bytes) -> Iterator[Field]:
    """Each tag's size and time."""
    at = 13
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        yield Field(at + 1, 3, "size", "tag size")
        yield Field(at + 4, 3, "time", "tag time")
        yield Field(at + 7, 1, "time", "tag time, high byte")
        at += 11 + size
        if at + 4 <= len(data):
            yield Field(at, 4, "size", "previous tag size")
        at += 4


def ogg(data: bytes) -> Iterator[Field]:
    """Each page's granule position, sequence number, checksum and count of segments."""
    at = data.find(b"OggS")
    while at >= 0:
        yield Field(at + 6, 8, "time", "granule position", little=True)
        yield Field(at + 18, 4, "size", "page number", little=True)
        yield Field(at + 22, 4, "size", "checksum", little=True)
        yield Field(at + 26, 1, "size", "segments")
        at = data.find(b"OggS", at + 27)


def ts(data: bytes) -> Iterator[Field]:
    """ISO/IEC 13818-1: packet identifiers, adaptation fields with their clocks, and the times of elementary packets."""
    for at in range(0, len(data) - 187, 188):
        if data[at] != 0x47:
            return
        yield Field(at + 1, 2, "size", "PID and flags")
        body = at + 4
        if data[at + 3] & 0x20:
            yield Field(body, 1, "size", "adaptation length")
            if data[body] > 6 and data[body + 1] & 0x10:
                yield Field(body + 2, 4, "time", "PCR")
            body += 1 + data[body]
        if data[at + 1] & 0x40 and body + 19 < at + 188 and data[body : body + 3] == b"\0\0\1":
            yield from _pes(data, body)


def _pes(data: bytes, at: int) -> Iterator[Field]:
    yield Field(at + 4, 2, "size", "PES length")
    if data[at + 6] & 0xC0 == 0x80:
        yield Field(at + 8, 1, "size", "PES header length")
        if data[at + 7] & 0x80:
            yield Field(at + 10, 4, "time", "PTS")
        if data[at + 7] & 0x40:
            yield Field(at + 15, 4, "time", "DTS")


def ps(data: bytes) -> Iterator[Field]:
    """ISO/IEC 11172-1 and 13818-1: clocks of packs and times of elementary packets."""
    at = data.find(b"\0\0\1")
    while 0 <= at < len(data) - 20:
        if data[at + 3] == 0xBA:
            yield Field(at + 4, 4, "time", "SCR")
        elif data[at + 3] >= 0xBD:
            yield from _pes(data, at)
        at = data.find(b"\0\0\1", at + 4)


def ivf(data: bytes) -> Iterator[Field]:
    """The header's words, and each frame's size and time."""
    for at in range(8, 28, 4):
        yield Field(at, 4, "time", "IVF header", little=True)
    at = 32
    while at + 12 <= len(data):
        yield Field(at, 4, "size", "IVF size", little=True)
        yield Field(at + 4, 8, "time", "IVF time", little=True)
        at += 12 + int.from_bytes(data[at : at + 4], "little")


def mxf(data: bytes) -> Iterator[Field]:
    """SMPTE 336M: the length behind each universal label."""
    at = data.find(b"\x06\x0e\x2b\x34")
    while 0 <= at < len(data) - 24:
        wide = data[at + 16] & 0x7F if data[at + 16] & 0x80 else 0
        yield Field(at + 16, 1 + min(wide, 7), "size", "KLV length")
        at = data.find(b"\x06\x0e\x2b\x34", at + 16)


def asf(data: bytes) -> Iterator[Field]:
    """The first objects' sizes, and words of the header."""
    for at in range(16, min(len(data), 1000) - 8, 8):
        yield Field(at, 8, "size", "ASF word", little=True)


def words(data: bytes) -> Iterator[Field]:
    """For every other format: the first words, whatever they mean."""
    for at in range(0, min(len(data), 256) - 4, 2):
        yield Field(at, 4, "size" if at % 4 else "time", "word", little=bool(at % 8))


_FINDERS: dict[str, Callable[[bytes], Iterator[Field]]] = {
    ".mp4": mp4, ".mov": mp4, ".3gp": mp4, ".3g2": mp4, ".m4v": mp4, ".f4v": mp4, ".ismv": mp4, ".avif": mp4,
    ".mkv": matroska, ".webm": matroska, ".avi": riff, ".flv": flv, ".ogv": ogg, ".ts": ts, ".mpg": ps, ".vob": ps,
    ".ivf": ivf, ".mxf": mxf, ".asf": asf, ".wmv": asf,
}  # fmt: skip


def fields(data: bytes, suffix: str) -> list[Field]:
    """All that is recognised, inside the file; of formats that have no such structure, their first words."""
    found = [each for each in _FINDERS.get(suffix, words)(data) if each.start + each.width <= len(data)]
    return found or list(words(data))
