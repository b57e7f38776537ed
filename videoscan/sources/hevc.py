"""What the headers of an H.265 picture say of the pictures that it refers to (ITU-T H.265, 7.3 and 8.3).

Only as much is understood as it takes to know that for certain; the rest raises `Unusual`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from videoscan.sources.bits import Bits, Unusual, Writer

SPS, PPS = 33, 34
PICTURES = range(32)
"""Kinds of units that hold pictures."""
IRAP = range(16, 24)
IDR = range(19, 21)
_BROKEN = range(16, 19)
_LEADING = range(6, 10)
_LAST_NOT_REFERRED_TO = 14
_PROFILES = {1, 2, 3, 4}
_B, _P = 0, 1

Set = tuple[tuple[int, bool], ...]
"""Reference pictures: how far away in order of output, and whether the picture itself may refer to it. Those before it, nearest
first, then those behind it, nearest first."""


@dataclass(frozen=True)
class Sequence:
    """Of a sequence parameter set."""

    order_bits: int
    sets: tuple[Set, ...]
    address_bits: int
    separate: bool
    colour: bool
    sao: bool
    motion: bool


@dataclass(frozen=True)
class Parameters:
    """Of a picture parameter set."""

    sequence: int
    dependent: bool
    output: bool
    extra: int
    cabac: bool
    active: tuple[int, int]
    chroma_offsets: bool
    weighted: bool
    weighted_both: bool
    points: bool
    across: bool
    override: bool
    unfiltered: bool
    extension: bool


@dataclass(frozen=True)
class Slice:
    """Of a slice's header: `order` are the low bits of the picture's place in order of output."""

    kind: int
    first: bool
    order: int
    order_bits: int
    references: Set
    used: frozenset[int]
    """Distances of those that are really referred to."""
    bits: Bits
    set_at: tuple[int, int]
    """Where in the bits the reference pictures are told."""
    end: int
    """Where the alignment begins."""
    sets: int


def sequence(bits: Bits) -> tuple[int, Sequence]:
    """A sequence parameter set (7.3.2.2) up to where it is of interest, and its number."""
    bits.u(4)
    layers = bits.u(3)
    bits.u(1)
    _profile(bits, layers)
    number = bits.ue()
    chroma = bits.ue()
    separate = chroma == 3 and bits.flag()
    width, height = bits.ue(), bits.ue()
    if bits.flag():
        for _ in range(4):
            bits.ue()
    bits.ue(), bits.ue()
    order_bits = bits.ue() + 4
    for _ in range(1 if not bits.flag() else layers + 1):
        bits.ue(), bits.ue(), bits.ue()
    block = bits.ue() + 3 + bits.ue()
    for _ in range(4):
        bits.ue()
    if bits.flag() and bits.flag():
        _scaling(bits)
    bits.u(1)
    sao = bits.flag()
    if bits.flag():
        bits.u(8), bits.ue(), bits.ue(), bits.u(1)
    sets: list[Set] = []
    count = bits.ue()
    if order_bits > 16 or count > 64 or not 3 < block < 7:
        raise Unusual("the header is damaged")
    for _ in range(count):
        sets.append(_set(bits, sets, count))
    if bits.flag():
        raise Unusual("long-term references")
    motion = bits.flag()
    blocks = -(-width >> block) * -(-height >> block)
    return number, Sequence(
        order_bits, tuple(sets), max(0, blocks - 1).bit_length(), separate, chroma != 0 and not separate, sao, motion
    )


def _profile(bits: Bits, layers: int) -> None:
    bits.u(3)
    if bits.u(5) not in _PROFILES:
        raise Unusual("a profile with tools of its own")
    bits.u(88)
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.u(2 * (8 - layers))
    for profile, level in present:
        bits.u(88 * profile + 8 * level)


def _scaling(bits: Bits) -> None:
    for size, step in ((0, 1), (1, 1), (2, 1), (3, 3)):
        for _ in range(0, 6, step):
            if not bits.flag():
                bits.ue()
                continue
            for _ in range(min(64, 1 << (4 + 2 * size)) + (size > 1)):
                bits.se()


def _set(bits: Bits, sets: list[Set] | tuple[Set, ...], count: int) -> Set:
    """Reference pictures (7.3.7), told as they are or by their difference from another set."""
    here = len(sets)
    if here and bits.flag():
        back = bits.ue() + 1 if here == count else 1
        if back > here:
            raise Unusual("a set that is not there")
        return _derived(bits, sets[here - back])
    before, behind = bits.ue(), bits.ue()
    if before + behind > 16:
        raise Unusual("too many reference pictures")
    found: list[tuple[int, bool]] = []
    for sign, number in ((-1, before), (1, behind)):
        far = 0
        for _ in range(number):
            far += sign * (bits.ue() + 1)
            found.append((far, bits.flag()))
    return tuple(found)


def _derived(bits: Bits, other: Set) -> Set:
    negative = bits.flag()
    delta = bits.ue() + 1
    delta = -delta if negative else delta
    found: list[tuple[int, bool]] = []
    for far in (*(far for far, _ in other), 0):
        used = bits.flag()
        if (used or bits.flag()) and far + delta:
            found.append((far + delta, used))
    if len({far for far, _ in found}) < len(found):
        raise Unusual("the same picture twice")
    return tuple(sorted(found, key=lambda each: (each[0] > 0, abs(each[0]))))


def parameters(bits: Bits) -> tuple[int, Parameters]:
    """A picture parameter set (7.3.2.3), and its number."""
    number, belongs = bits.ue(), bits.ue()
    dependent, output = bits.flag(), bits.flag()
    extra = bits.u(3)
    bits.u(1)
    cabac = bits.flag()
    active = bits.ue() + 1, bits.ue() + 1
    bits.se()
    bits.u(2)
    if bits.flag():
        bits.ue()
    bits.se(), bits.se()
    chroma_offsets, weighted, weighted_both = bits.flag(), bits.flag(), bits.flag()
    bits.u(1)
    tiles, rows = bits.flag(), bits.flag()
    if tiles:
        columns, lines = bits.ue(), bits.ue()
        if not bits.flag():
            for _ in range(columns + lines):
                bits.ue()
        bits.u(1)
    across = bits.flag()
    override = unfiltered = False
    if bits.flag():
        override, unfiltered = bits.flag(), bits.flag()
        if not unfiltered:
            bits.se(), bits.se()
    if bits.flag():
        _scaling(bits)
    if bits.flag():
        raise Unusual("lists of references in an order of their own")
    bits.ue()
    extension = bits.flag()
    if bits.flag():
        raise Unusual("an extension")
    return number, Parameters(
        belongs, dependent, output, extra, cabac, active, chroma_offsets, weighted, weighted_both,
        tiles or rows, across, override, unfiltered, extension,
    )  # fmt: skip


def slice_of(kind: int, bits: Bits, sequences: dict[int, Sequence], known: dict[int, Parameters]) -> Slice | None:
    """A slice's header (7.3.6.1) behind the unit's first two bytes. None: it continues the slice before it."""
    first = bits.flag()
    if kind in IRAP:
        bits.u(1)
    number = bits.ue()
    if number not in known or known[number].sequence not in sequences:
        raise Unusual("its parameters are not known")
    pps = known[number]
    sps = sequences[pps.sequence]
    if not first:
        if pps.dependent and bits.flag():
            return None
        bits.u(sps.address_bits)
    bits.u(pps.extra)
    sort = bits.ue()
    if pps.output:
        bits.u(1)
    if sps.separate:
        bits.u(2)
    order, start, end, motion = 0, 0, 0, False
    references: Set = ()
    if kind not in IDR:
        order = bits.u(sps.order_bits)
        start = bits.at
        references = _references(bits, sps)
        end = bits.at
        motion = sps.motion and bits.flag()
    sao = [bits.flag(), sps.colour and bits.flag()] if sps.sao else [False]
    used: frozenset[int] = frozenset()
    if sort in {_B, _P}:
        used = _referred_to(bits, sps, pps, references, both=sort == _B, motion=motion)
    bits.se()
    if pps.chroma_offsets:
        bits.se(), bits.se()
    unfiltered = pps.unfiltered
    if pps.override and bits.flag():
        unfiltered = bits.flag()
        if not unfiltered:
            bits.se(), bits.se()
    if pps.across and (any(sao) or not unfiltered):
        bits.u(1)
    if pps.points and (points := bits.ue()):
        length = bits.ue() + 1
        bits.u(points * length)
    if pps.extension:
        bits.u(8 * bits.ue())
    header = bits.at
    if not bits.flag() or bits.u(-bits.at % 8):
        raise Unusual("the header does not end where it should")
    return Slice(kind, first, order, sps.order_bits, references, used, bits, (start, end), header, len(sps.sets))


def _references(bits: Bits, sps: Sequence) -> Set:
    if not bits.flag():
        return _set(bits, sps.sets, len(sps.sets))
    place = bits.u(max(0, len(sps.sets) - 1).bit_length())
    if place >= len(sps.sets):
        raise Unusual("a set that is not there")
    return sps.sets[place]


def _referred_to(bits: Bits, sps: Sequence, pps: Parameters, references: Set, *, both: bool, motion: bool) -> frozenset[int]:
    """Which of the reference pictures are on the lists that blocks choose from (8.3.4)."""
    active = [pps.active[0], pps.active[1] if both else 0]
    if bits.flag():
        active = [bits.ue() + 1, bits.ue() + 1 if both else 0]
    if max(active) > 16:
        raise Unusual("the header is damaged")
    if both:
        bits.u(1)
    if pps.cabac:
        bits.u(1)
    if motion:
        other = both and not bits.flag()
        if active[other] > 1:
            bits.ue()
    if pps.weighted_both if both else pps.weighted:
        _weights(bits, active, colour=sps.colour)
    bits.ue()
    before = [far for far, used in references if used and far < 0]
    behind = [far for far, used in references if used and far > 0]
    return frozenset((before + behind)[: active[0]] + (behind + before)[: active[1]])


def _weights(bits: Bits, active: list[int], *, colour: bool) -> None:
    bits.ue()
    if colour:
        bits.se()
    for count in active:
        luma = [bits.flag() for _ in range(count)]
        chroma = [colour and bits.flag() for _ in range(count)]
        for light, tint in zip(luma, chroma, strict=True):
            for _ in range(2 * light + 4 * tint):
                bits.se()


def without(header: Slice, gone: frozenset[int]) -> bytes:
    """The slice's header with the reference pictures of these distances left out, aligned."""
    kept = [(far, used) for far, used in header.references if far not in gone]
    writer = Writer()
    start, end = header.set_at
    writer.u(*header.bits.between(0, start))
    writer.u(0, 1)
    if header.sets:
        writer.u(0, 1)
    sides = [[each for each in kept if each[0] < 0], [each for each in kept if each[0] > 0]]
    for side in sides:
        writer.ue(len(side))
    for side in sides:
        for (nearer, _), (far, used) in itertools.pairwise([(0, False), *side]):
            writer.ue(abs(far - nearer) - 1)
            writer.u(int(used), 1)
    writer.u(*header.bits.between(end, header.end))
    return writer.aligned()


def place_in_order(header: Slice, anchor: int) -> int:
    """The picture's place in order of output (8.3.1); `anchor` is that of the last picture that counts for it (see `counts`)."""
    if header.kind in IDR:
        return 0
    if header.kind in _BROKEN:
        return header.order
    cycle = 1 << header.order_bits
    place = anchor - anchor % cycle + header.order
    if place - anchor >= cycle // 2:
        return place - cycle
    return place + cycle if anchor - place > cycle // 2 else place


def counts(kind: int, layer: int) -> bool:
    """Whether the places of the pictures after it are told relative to this one's."""
    return layer == 0 and kind not in _LEADING and not (kind <= _LAST_NOT_REFERRED_TO and kind % 2 == 0)


def restarts(kind: int) -> bool:
    """Whether nothing behind it refers to anything before it."""
    return kind in IDR or kind in _BROKEN
