"""The decisions of a pass, put down on disk one by one and read back in any order."""

from __future__ import annotations

import tempfile
from array import array
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
import orjson

from videoscan.folder import storing
from videoscan.model import Reason

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from videoscan.model import Box, Gray, Sample

REASONS = tuple(Reason)
MASKS = 1000
"""At most so many different masks are remembered, 2 kB each; a mask that comes after them is not."""
_STANDING = 256
"""A deduplicator remembers 64 kept frames at most; a cap may let their place be taken by one shown a little earlier."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A sampled frame as it was put down. `number` counts the samples from 0. `mask` is a number for `Shelf.masks`."""

    number: int
    frame: int
    time: float
    kept: bool
    reason: Reason
    change: float
    regions: tuple[Box, ...]
    keyframe: bool
    mask: int | None
    thumbnail: bytes
    picture: bytes
    crop: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """One entry per sample: seconds, score, whether it was kept, why (a place in `REASONS`), and which sample stands for it.

    A kept one stands for itself; where none does, `leaders` has -1.
    """

    times: NDArray[np.float64]
    changes: NDArray[np.float64]
    kept: NDArray[np.bool_]
    reasons: NDArray[np.uint8]
    leaders: NDArray[np.int64]

    def of(self, reason: Reason) -> NDArray[np.bool_]:
        """Which were kept or dropped for it."""
        return np.asarray(self.reasons == REASONS.index(reason), bool)


class Shelf:
    """Takes the samples of one pass, in order; afterwards tells about them all at once, and gives back any one of them.

    Memory: 34 bytes a sample, and `MASKS` masks. The pictures lie in a nameless file in `folder`, which is gone when the shelf is
    closed. Raises `StoreError` when that is full.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with storing(folder):
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder, prefix=".videoscan-")  # noqa: SIM115  # closed by `close`
        self._times, self._changes = array("d"), array("d")
        self._kept, self._reasons = bytearray(), bytearray()
        self._leaders, self._places = array("q"), array("Q", [0])
        self._standing: OrderedDict[int, int] = OrderedDict()
        self._masks: dict[bytes, int] = {}
        self._shape = (0, 0)
        self._last: tuple[Gray, int | None] | None = None
        self.places_named = False
        """Whether any sample says where it changed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._times)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self._file.close()

    def put(self, sample: Sample, *, picture: bytes = b"", crop: bytes = b"") -> None:
        """The next sample. `picture` and `crop` are a kept frame's, as small as a page may want them at most."""
        mark = sample.mark
        number = len(self)
        if mark.kept:
            self._standing[mark.frame] = number
            while len(self._standing) > _STANDING:
                self._standing.popitem(last=False)
        leader = number if mark.kept else self._standing.get(mark.same_as, -1) if mark.same_as is not None else -1
        thumbnail = sample.thumbnail or b""
        regions = mark.regions or ((mark.region,) if mark.region is not None else ())
        self.places_named |= bool(regions)
        head = orjson.dumps(
            (
                mark.frame,
                regions,
                sample.keyframe,
                self._mask(mark.ignored) if mark.kept else None,
                len(thumbnail),
                len(picture),
                len(crop),
            )
        )
        with storing(self._folder):
            self._file.write(b"".join((head, b"\n", thumbnail, picture, crop)))
        self._places.append(self._places[-1] + len(head) + 1 + len(thumbnail) + len(picture) + len(crop))
        self._times.append(mark.time)
        self._changes.append(mark.change)
        self._kept.append(mark.kept)
        self._reasons.append(REASONS.index(mark.reason))
        self._leaders.append(leader)

    def get(self, number: int) -> Decision:
        """One of them, with its pictures."""
        start, end = self._places[number], self._places[number + 1]
        with storing(self._folder):
            self._file.seek(start)
            head, _, blobs = self._file.read(end - start).partition(b"\n")
        frame, regions, keyframe, mask, thumbnail, picture, _ = orjson.loads(head)
        return Decision(
            number=number,
            frame=frame,
            time=self._times[number],
            kept=bool(self._kept[number]),
            reason=REASONS[self._reasons[number]],
            change=self._changes[number],
            regions=tuple(tuple(box) for box in regions),
            keyframe=keyframe,
            mask=mask,
            thumbnail=blobs[:thumbnail],
            picture=blobs[thumbnail : thumbnail + picture],
            crop=blobs[thumbnail + picture :],
        )

    def columns(self) -> Columns:
        """All of them at once, without pictures."""
        return Columns(
            times=np.array(self._times),
            changes=np.array(self._changes),
            kept=np.array(self._kept, bool),
            reasons=np.array(self._reasons, np.uint8),
            leaders=np.array(self._leaders),
        )

    @property
    def masks(self) -> list[Gray]:
        """The different masks of kept frames, each 1 where the picture was ignored, shape (rows, columns)."""
        rows, columns = self._shape
        return [
            np.unpackbits(np.frombuffer(packed, np.uint8), count=rows * columns).reshape(rows, columns) for packed in self._masks
        ]

    def _mask(self, ignored: Gray | None) -> int | None:
        if ignored is None or not ignored.any():
            return None
        # Marks share one array until it changes, so most need no look at all.
        if self._last is not None and self._last[0] is ignored:
            return self._last[1]
        if not self._masks:
            self._shape = (ignored.shape[0], ignored.shape[1])
        packed = np.packbits(ignored != 0).tobytes()
        known = self._masks.get(packed)
        if known is None and len(self._masks) < MASKS and ignored.shape == self._shape:
            known = self._masks[packed] = len(self._masks)
        self._last = (ignored, known)
        return known
