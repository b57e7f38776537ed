"""The page of ``videoscan frames --mask-editor``: a person draws, over a still, where the picture counts; it gives the TOML.

The page holds one still of at most `LONG_SIDE` pixels and needs nothing else. The TOML is read back by `videoscan.settings.options.RegionOptions`;
the bounds that its script knows (`LIMITS`) are that model's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

import cv2

from videoscan import __version__, timecode, webpage
from videoscan.core import Core
from videoscan.exporters import wording
from videoscan.pages import sizes
from videoscan.seams import Limits
from videoscan.settings.options import LEAST_AREA, MOST_CORNERS, MOST_POLYGONS

if TYPE_CHECKING:
    from videoscan.core import CoreSpec
    from videoscan.model import Regions

LONG_SIDE = 1920
_QUALITY = 85
_TRIES = 10
"""Samples that are looked at for one that shows something: recordings like to begin black."""
_SHOWS = 10.0
"""Standard deviation of the luma, in grey levels, from which on a picture shows something."""

LIMITS = {"polygons": MOST_POLYGONS, "corners": MOST_CORNERS, "area": LEAST_AREA}


@dataclass(frozen=True, slots=True)
class Still:
    """A frame to draw on, as JPEG. `width` and `height` are the source's own."""

    data: bytes
    frame: int
    time: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class About:
    """What the page begins with. `match` is a glob that fits this camera's recordings; `profile` is where `regions` stand."""

    uri: str
    still: Still
    regions: Regions
    profile: str
    match: str


def still(spec: CoreSpec) -> Still | None:
    """The first sampled frame that shows something; of ten that do not, the one that shows most. `None` when nothing is sampled.

    What the profile blacks out is black here as well: this page is a file like any other.
    """
    drawn = spec.windows.model_copy(update={"long_side": LONG_SIDE, "quality": _QUALITY, "format": "jpeg", "zoom": 0.0})
    core = Core(
        replace(spec, dedup={"kind": "none"}, windows=drawn, limits=Limits(sends=False), max_rate=0.0, parallel=1, explain=False)
    )
    best: tuple[float, Still] | None = None
    samples = core.samples()
    try:
        for number, sample in enumerate(samples, 1):
            assert core.info is not None, "a source that gave a frame is open"
            picture = sample.pictures[0]
            image = sizes.decoded(picture.data)
            shows = 0.0 if image is None else float(cv2.meanStdDev(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))[1][0, 0])
            if best is None or shows > best[0]:
                mark = sample.mark
                best = shows, Still(picture.data, mark.frame, mark.time, core.info.width, core.info.height)
            if shows >= _SHOWS or number == _TRIES:
                break
    finally:
        core.stop()
        for _ in samples:
            pass  # a stopped pass ends at its next packet, and lets go of the file
    return None if best is None else best[1]


def write(out: IO[bytes], about: About) -> None:
    """The whole page."""
    folder = ("videoscan.pages", "assets")
    style = webpage.asset(*folder, "base.css") + webpage.asset(*folder, "editor.css")
    script = webpage.joined(
        webpage.asset(*folder, name) for name in ("regions.js", "toml.js", "drawing.js", "canvas.js", "editor.js")
    )
    inlined = sizes.inlined(about.still.data, sizes.Size(LONG_SIDE, _QUALITY))
    assert inlined is not None, "the core encoded it"
    page = webpage.template(webpage.asset(*folder, "editor.html"), plain=wording.plain).render(
        name=wording.file_name(about.uri),
        uri=about.uri,
        still=about.still,
        picture=inlined,
        exact=timecode.clock(about.still.time),
        regions=about.regions,
        begun=json.dumps(
            {"include": about.regions.include, "exclude": about.regions.exclude, "black_out": about.regions.black_out}
        ),
        limits=json.dumps(LIMITS),
        profile=about.profile,
        match=about.match,
        style=style,
        script=script,
        policy=webpage.policy(style, script),
        version=__version__,
    )
    out.write(page.encode("utf-8", "replace"))
