"""Drops what has nearly the perceptual hash of a kept frame: coarse, quick to explain, for slides and edited video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from videoscan.dedup.keeping import KeepOptions, keep
from videoscan.model import EVERYWHERE
from videoscan.reading.difference import Difference
from videoscan.reading.regions import Blackened
from videoscan.seams import INFINITY, Scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imagehash import ImageHash

    from videoscan.model import Frame, Gray, Regions

SIDE = 64
"""Pixels of the square that is hashed; ImageHash shrinks it to the 32 x 32 that its cosine transform takes."""


class PhashDedup:
    """Compares the 64-bit pHash of the ImageHash library: the signs of the lowest 8 x 8 frequencies of a 32 x 32 picture.

    It sees another slide, shot or composition. It does NOT see what is small: on a night camera at the customary distances it
    dropped every one of 24 persons of 2 to 15 % of the height, and to miss none it has to keep 45 to 100 % of the still
    pictures. Use `tiles` wherever something small may matter. A mark's `change` is in bits here, and it has no region.
    """

    learns: ClassVar[bool] = False

    class Options(KeepOptions):
        """How `phash` keeps."""

        distance: Annotated[int, Field(ge=0, le=64)] = 6
        """Bits of 64 by which two hashes may differ and still count as the same picture."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    @property
    def scale(self) -> Scale:
        """See `videoscan.seams.Dedup`."""
        return Scale("of 64 bits of the perceptual hash", float(self.options.distance))

    def apply(self, frames: Iterable[Frame], *, regions: Regions = EVERYWHERE, since: float = -INFINITY) -> Iterator[Frame]:
        """See `videoscan.seams.Dedup`."""
        return keep(frames, _Hashing(self.options.distance, regions), self.options, since=since)


@dataclass(frozen=True, slots=True)
class _Hashing:
    """Compares hashes as they are; see `videoscan.dedup.keeping.Comparing`."""

    distance: int
    regions: Regions
    ignored: Gray | None = None

    def look(self, frame: Frame) -> ImageHash:
        import imagehash
        from PIL import Image

        pixels = Blackened(frame.pixels, self.regions) if self.regions else frame.pixels
        return imagehash.phash(Image.fromarray(pixels.gray(SIDE, SIDE)))

    def compare(self, now: ImageHash, kept: ImageHash, *, where: bool) -> Difference:  # noqa: ARG002  # a hash does not know where
        distance = int(now - kept)
        return Difference(float(distance), changed=distance > self.distance)

    def hold(self, now: ImageHash, before: ImageHash | None) -> ImageHash:  # noqa: ARG002  # a hash is all there is to hold
        return now

    def stands_for(self, kept: ImageHash, now: ImageHash) -> None:
        """A hash has no noise to average."""
