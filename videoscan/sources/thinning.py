"""Which pictures of an H.265 stream need not be decoded, although others may refer to them.

Between two pictures that follow each other in time, an encoder puts some that refer to both (B), and lets the outer ones refer to the
one in the middle. That one counts as referred to, so a decoder that leaves out what no picture refers to decodes it. But what is
wanted lies further on, and is reached without it. The headers tell for certain which pictures each one can be made of: here they are
read, and the rest is left out. Every header lists all the pictures that are to be kept for later, too; those that were left out
are taken off those lists, because the decoder would take a missing one for damage. The pictures themselves come out bit by bit the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import av

from videoscan.sources import hevc
from videoscan.sources.bits import Bits, Unusual, escaped, unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from av.packet import Packet as AvPacket
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

    from videoscan.sources.packets import Packet

AHEAD = 16
"""Packets to look ahead, so that it is known which pictures the later ones still keep."""

_HEADER = 1024
"""Bytes: no header that is understood is longer."""


@dataclass(slots=True)
class _Seen:
    """A picture that was looked at, its place in order of output, and the places it can be made of and keeps for later."""

    place: int
    used: frozenset[int]
    keeps: frozenset[int]
    slices: dict[int, hevc.Slice]
    """The headers, by the number of their unit in the packet."""

    @property
    def kind(self) -> int:
        """Of its first unit."""
        return next(iter(self.slices.values())).kind

    @property
    def free(self) -> bool:
        """Whether it may be left out where nothing needs it."""
        return self.kind not in hevc.IRAP


@dataclass
class Thinner:
    """For one decoder, which is given the packets in order. `plan` and then `fit` every packet."""

    context: VideoCodecContext
    wanted: float | None = None
    """What was planned for last."""
    _sequences: dict[int, hevc.Sequence] = field(default_factory=dict)
    _parameters: dict[int, hevc.Parameters] = field(default_factory=dict)
    _off: bool = False
    """The parameters change in a way that is not followed here."""
    _length: int = 0
    """Bytes of a unit's length before it; 0: start codes lie between units."""
    _anchor: int | None = None
    """Place of the last picture that others' places are told relative to; None: nothing is known yet."""
    _seen: dict[int, _Seen] = field(default_factory=dict)
    """By pts, what was looked at and not given to the decoder yet."""
    _out: set[int] = field(default_factory=set)
    """By pts, what is to be left out."""
    _missing: set[int] = field(default_factory=set)
    """Places of what was left out and is still on a list."""

    def __post_init__(self) -> None:
        data = self.context.extradata or b""
        if len(data) > 22 and data[0] == 1:
            self._length = (data[21] & 3) + 1
            self._learn(_listed(data))
        else:
            self._learn(_between_start_codes(data))

    def restart(self) -> None:
        """The decoder was emptied; a keyframe comes next."""
        self.wanted = self._anchor = None
        self._seen.clear()
        self._out.clear()
        self._missing.clear()

    def plan(self, packets: Sequence[Packet], wanted: float) -> None:
        """Decide on these, the next in order, where pictures with a pts below `wanted` are of use to others only."""
        self.wanted = wanted
        looked = [(packet, self._seen.get(packet.pts) or self._look(packet)) for packet in packets]
        known = [(packet, seen) for packet, seen in looked if seen is not None]
        if len(known) < len(looked) or not known:
            return
        self._seen = {packet.pts: seen for packet, seen in known}
        self._out.clear()
        last = known[-1][1]
        needed = set(last.keeps) | {last.place}
        for packet, seen in reversed(known):
            if seen.place in needed or packet.pts >= wanted or not seen.free:
                needed |= seen.used
            else:
                self._out.add(packet.pts)
            if hevc.restarts(seen.kind):
                needed.clear()

    def fit(self, packet: Packet) -> AvPacket[VideoStream] | None:
        """What the decoder is to be given instead of the packet. None: nothing."""
        seen = self._seen.pop(packet.pts, None)
        if seen is None:
            self._anchor = None
            return packet.raw
        if hevc.restarts(seen.kind):
            self._missing.clear()
        if packet.pts in self._out:
            self._out.discard(packet.pts)
            self._missing.add(seen.place)
            return None
        self._missing &= seen.keeps
        return self._thinned(packet.raw, seen) if self._missing and seen.free else packet.raw

    def _look(self, packet: Packet) -> _Seen | None:
        """None: it is not understood, or nothing before it was."""
        self._off = self._off or packet.raw.has_sidedata("new_extradata")
        if self._off or (self._anchor is None and not packet.key):
            return None
        units = list(self._units(bytes(packet.raw)))
        self._learn(units)
        try:
            slices = dict(self._slices(units))
        except Unusual:
            slices = {}
        if sum(each.first for each in slices.values()) != 1:
            self._anchor = None
            return None
        number, head = next(iter(slices.items()))
        place = hevc.place_in_order(head, self._anchor or 0)
        if self._anchor is None or hevc.counts(head.kind, (units[number][1] & 7) - 1):
            self._anchor = place
        return _Seen(
            place,
            frozenset(place + far for each in slices.values() for far in each.used),
            frozenset(place + far for far, _ in head.references),
            slices,
        )

    def _thinned(self, raw: AvPacket[VideoStream], seen: _Seen) -> AvPacket[VideoStream]:
        gone = frozenset(other - seen.place for other in self._missing)
        made = []
        for number, unit in enumerate(self._units(bytes(raw))):
            header = seen.slices.get(number)
            whole = unit if header is None else unit[:2] + escaped(hevc.without(header, gone)) + unit[_data_at(unit, header) :]
            made += [len(whole).to_bytes(self._length, "big") if self._length else b"\0\0\1", whole]
        packet: AvPacket[Any] = av.Packet(b"".join(made))
        packet.pts, packet.dts, packet.time_base = raw.pts, raw.dts, raw.time_base
        return packet

    def _slices(self, units: Sequence[bytes]) -> Iterator[tuple[int, hevc.Slice]]:
        for number, unit in enumerate(units):
            kind = unit[0] >> 1 & 63
            if (unit[0] & 1) << 5 | unit[1] >> 3:
                raise Unusual("a further layer")
            if kind in hevc.PICTURES:
                bits = Bits(unescaped(unit[2:_HEADER]))
                header = hevc.slice_of(kind, bits, self._sequences, self._parameters)
                if header is not None:
                    yield number, header

    def _learn(self, units: Sequence[bytes]) -> None:
        for unit in units:
            kind = unit[0] >> 1 & 63
            try:
                if kind == hevc.SPS:
                    number, sequence = hevc.sequence(Bits(unescaped(unit[2:])))
                    self._sequences[number] = sequence
                elif kind == hevc.PPS:
                    number, parameters = hevc.parameters(Bits(unescaped(unit[2:])))
                    self._parameters[number] = parameters
            except Unusual:
                # Which one it would have replaced is not known for certain.
                self._parameters.clear()

    def _units(self, data: bytes) -> Iterator[bytes]:
        return _after_lengths(data, self._length) if self._length else iter(_between_start_codes(data))


def _data_at(unit: bytes, header: hevc.Slice) -> int:
    """Where in the unit the slice's data begin, behind the bytes that only prevent start codes."""
    end = 2 + -(-(header.end + 1) // 8)
    at = unit.find(b"\0\0\3", 2)
    while at >= 0 and at + 2 <= end:
        end += 1
        at = unit.find(b"\0\0\3", at + 3)
    return end


def _after_lengths(data: bytes, length: int) -> Iterator[bytes]:
    at = 0
    while at + length < len(data):
        size = int.from_bytes(data[at : at + length], "big")
        unit = data[at + length : at + length + size]
        if len(unit) > 2:
            yield unit
        at += length + size


def _between_start_codes(data: bytes) -> list[bytes]:
    units = [unit.rstrip(b"\0") for unit in data.split(b"\0\0\1")[1:]]
    return [unit for unit in units if len(unit) > 2]


def _listed(record: bytes) -> list[bytes]:
    """The units of an ``hvcC`` record (ISO/IEC 14496-15)."""
    units, at = [], 23
    for _ in range(record[22]):
        count = int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2], "big")
            units.append(record[at + 2 : at + 2 + size])
            at += 2 + size
    return [unit for unit in units if len(unit) > 2]
