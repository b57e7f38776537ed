"""Bit by bit through the headers of H.265: reading what a unit holds, and writing one of its headers anew."""

from __future__ import annotations

import re

_ESCAPED = re.compile(rb"\x00\x00\x03")
_TO_ESCAPE = re.compile(rb"\x00\x00(?=[\x00-\x03])")


class Unusual(Exception):  # not an error: it is read as it always was
    """Something that is not parsed here, or bits that end too early."""


def unescaped(unit: bytes) -> bytes:
    """The unit's bits without the 3 that keeps a start code from appearing in them (7.4.2)."""
    return _ESCAPED.sub(b"\x00\x00", unit)


def escaped(bits: bytes) -> bytes:
    """The opposite."""
    return _TO_ESCAPE.sub(b"\x00\x00\x03", bits)


class Bits:
    """Reads forwards. Raises `Unusual` behind the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._length = len(data) * 8
        self.at = 0

    def u(self, count: int) -> int:
        """An unsigned number of `count` bits."""
        self.at += count
        if self.at > self._length:
            raise Unusual("a header ends too early")
        return (self._value >> (self._length - self.at)) & ((1 << count) - 1)

    def flag(self) -> bool:
        """One bit."""
        return bool(self.u(1))

    def ue(self) -> int:
        """An unsigned Exp-Golomb number (9.2)."""
        left = self._length - self.at
        rest = self._value & ((1 << left) - 1)
        zeros = left - rest.bit_length()
        if rest == 0 or zeros > 32:
            raise Unusual("a number is too long")
        self.at += zeros
        return self.u(zeros + 1) - 1

    def se(self) -> int:
        """A signed Exp-Golomb number."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)

    def between(self, start: int, end: int) -> tuple[int, int]:
        """The bits in ``[start, end)`` as a number, and how many they are."""
        return (self._value >> (self._length - end)) & ((1 << (end - start)) - 1), end - start


class Writer:
    """Bits, one after another."""

    def __init__(self) -> None:
        self._value, self._length = 0, 0

    def u(self, value: int, count: int) -> None:
        """An unsigned number of `count` bits."""
        self._value = self._value << count | value
        self._length += count

    def ue(self, value: int) -> None:
        """An unsigned Exp-Golomb number."""
        self.u(value + 1, 2 * (value + 1).bit_length() - 1)

    def aligned(self) -> bytes:
        """All of it, with a one and zeros up to a whole byte (``byte_alignment``)."""
        self.u(1, 1)
        self.u(0, -self._length % 8)
        return self._value.to_bytes(self._length // 8, "big")
