"""What is done to a clip's bytes. A mutation is a pure function of the clean bytes and a seeded generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.fuzz.structure import fields

Donor = Callable[[], bytes]
"""The bytes of another clip."""


@dataclass(frozen=True)
class Mutated:
    """The damaged file. `touched` are the byte ranges that differ while every other byte is still in its place; `None` where
    bytes moved. `cut` is where the file now ends, if that is all that was done to it."""

    data: bytes
    what: str
    touched: tuple[tuple[int, int], ...] | None = None
    cut: int | None = None


Mutation = Callable[[bytes, Random, str, Donor], Mutated]


def _place(data: bytes, random: Random) -> int:
    return random.randrange(len(data))


def one_bit(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """A single flipped bit, anywhere."""
    return _flipped(data, [_place(data, random)], random)


def cluster(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """Many flipped bits within a kilobyte, as a bad sector leaves them."""
    start = _place(data, random)
    return _flipped(data, [min(len(data) - 1, start + random.randrange(1024)) for _ in range(random.randint(4, 200))], random)


def scattered(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """Flipped bits all over, as a bad cable leaves them."""
    return _flipped(data, [_place(data, random) for _ in range(random.randint(2, 2 + len(data) // 1500))], random)


def in_the_head(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """Flipped bits among the first bytes, where headers are."""
    size = min(len(data), random.choice((64, 256, 1024)))
    return _flipped(data, [random.randrange(size) for _ in range(random.randint(1, 6))], random)


def in_the_tail(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """Flipped bits among the last bytes, where indexes are."""
    size = min(len(data), random.choice((256, 1024, 4096)))
    return _flipped(data, [len(data) - 1 - random.randrange(size) for _ in range(random.randint(1, 12))], random)


def _flipped(data: bytes, places: Sequence[int], random: Random) -> Mutated:
    changed = bytearray(data)
    for place in places:
        changed[place] ^= 1 << random.randrange(8)
    touched = tuple((place, place + 1) for place in sorted(set(places)))
    return Mutated(bytes(changed), f"{len(places)} bits flipped from byte {touched[0][0]} of {len(data)}", touched)


def _run(data: bytes, random: Random, fill: Callable[[int], bytes], name: str) -> Mutated:
    longest = max(2, int(len(data) * random.choice((0.002, 0.02, 0.1, 0.4))))
    start = _place(data, random)
    end = min(len(data), start + random.randint(1, longest))
    made = data[:start] + fill(end - start) + data[end:]
    return Mutated(made, f"bytes {start} to {end} of {len(data)} {name}", ((start, end),))


def zeros(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """A run of zeros: a hole that a copy left."""
    return _run(data, random, bytes, "zeroed")


def ones(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """A run of 0xFF: erased flash memory."""
    return _run(data, random, lambda size: b"\xff" * size, "set to 0xFF")


def noise(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """A run of random bytes: another file's sector."""
    return _run(data, random, random.randbytes, "overwritten at random")


def truncated(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """Cut off at any place."""
    end = random.randrange(len(data)) if random.random() < 0.9 else random.randrange(min(len(data), 600))
    return Mutated(data[:end], f"cut off at byte {end} of {len(data)}", cut=end)


def without_middle(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """A piece is missing."""
    start = _place(data, random)
    end = min(len(data), start + random.randint(1, max(2, len(data) // random.choice((3, 10, 100)))))
    return Mutated(data[:start] + data[end:], f"bytes {start} to {end} of {len(data)} taken out")


def doubled(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """A piece is there twice."""
    start = _place(data, random)
    end = min(len(data), start + random.randint(1, max(2, len(data) // 4)))
    return Mutated(data[:end] + data[start:], f"bytes {start} to {end} of {len(data)} doubled")


def swapped(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """Two pieces of one size have changed places, as sectors do."""
    size = random.randint(1, max(1, min(len(data) // 4, random.choice((188, 512, 4096, 65536)))))
    first = random.randrange(max(1, len(data) // 2 - size))
    second = random.randrange(first + size, max(first + size + 1, len(data) - size))
    made = data[:first] + data[second : second + size] + data[first + size : second] + data[first : first + size]
    made += data[second + size :]
    return Mutated(made, f"{size} bytes at {first} and {second} of {len(data)} swapped")


def spliced(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """The head of another file before this one's rest."""
    other = donor()
    head = min(len(other), random.choice((16, 64, 256, 1024, len(other) // 2)))
    start = min(len(data), head if random.random() < 0.7 else random.randrange(len(data)))
    return Mutated(other[:head] + data[start:], f"{head} bytes of another file before byte {start} of {len(data)}")


def joined(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """Another file behind this one."""
    return Mutated(data + donor(), f"another file behind all {len(data)} bytes")


def absurd_sizes(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """Sizes and counts of the container say what cannot be."""
    return _overwritten(data, random, suffix, "size")


def wrong_times(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """The container's times are wrong."""
    return _overwritten(data, random, suffix, "time")


def _overwritten(data: bytes, random: Random, suffix: str, kind: str) -> Mutated:
    found = fields(data, suffix)
    possible = [each for each in found if each.kind == kind] or found
    if not possible:
        return in_the_head(data, random, suffix, lambda: b"")
    # The first fields are the headers' own, and few among many.
    pool = possible[:40] if random.random() < 0.5 else possible
    chosen = sorted(random.sample(pool, min(len(pool), random.choice((1, 1, 2, 5)))), key=lambda field: field.start)
    changed = bytearray(data)
    for field in chosen:
        order = "little" if field.little else "big"
        most = (1 << 8 * field.width) - 1
        old = int.from_bytes(changed[field.start : field.start + field.width], order)
        new = random.choice(
            (0, 1, most, most >> 1, old + 1, old - 1, old * 2, old // 2, old ^ most, random.randint(0, most), 1 << 20)
        )
        changed[field.start : field.start + field.width] = (new & most).to_bytes(field.width, order)
    names = ", ".join(f"{field.what} at {field.start}" for field in chosen)
    return Mutated(bytes(changed), f"overwritten: {names}", tuple((field.start, field.start + field.width) for field in chosen))


def only_magic(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """The right first bytes, then anything."""
    head = random.choice((4, 12, 32, 64, 188))
    return Mutated(data[:head] + random.randbytes(random.randint(0, 60_000)), f"random bytes behind the first {head}")


def empty(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """Nothing at all."""
    return Mutated(b"", "no bytes at all", cut=0)


def untouched(data: bytes, random: Random, suffix: str, donor: Donor) -> Mutated:
    """As it was: the checks must have nothing to say."""
    return Mutated(data, "not damaged", touched=())


KINDS: dict[str, tuple[Mutation, int]] = {
    "one_bit": (one_bit, 4), "cluster": (cluster, 4), "scattered": (scattered, 4), "in_the_head": (in_the_head, 6),
    "in_the_tail": (in_the_tail, 3), "zeros": (zeros, 5), "ones": (ones, 3), "noise": (noise, 5), "truncated": (truncated, 8),
    "without_middle": (without_middle, 5), "doubled": (doubled, 3), "swapped": (swapped, 3), "spliced": (spliced, 5),
    "joined": (joined, 2), "absurd_sizes": (absurd_sizes, 8), "wrong_times": (wrong_times, 8), "only_magic": (only_magic, 2),
    "empty": (empty, 1),
}  # fmt: skip
"""Each with how often it is drawn among the others."""
