"""The page of ``videoscan frames --report``: every decision to keep or drop a frame, with its score and what stands for what.

It is written in two goes. While a pass runs, its samples go onto a shelf on disk; when it has ended and everything is known (how many
there are, how many were kept), sizes are chosen and the page is written group by group.

The page's size is bounded: `PICTURE_BYTES` of pictures, 0.4 kB for each of `MOST` dropped frames at most and for each kept one, 2 MB of
masks, 0.3 MB for the strip, 50 kB for the rest. Memory: what `videoscan.pages.shelf` holds, and one group's frame at a time.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np

from videoscan import __version__, timecode, webpage
from videoscan.exporters import wording
from videoscan.exporters.report.view import ticks
from videoscan.model import EVERYWHERE, Reason
from videoscan.pages import choosing, shapes, sizes
from videoscan.pages.groups import Groups, digits
from videoscan.pages.shelf import REASONS, Shelf
from videoscan.pages.strip import HIGH, WIDE, strip, usual_step
from videoscan.reading.regions import mask as counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from videoscan.model import Regions, Sample, SourceInfo, Tally
    from videoscan.pages.shelf import Columns
    from videoscan.seams import Scale

PICTURE_BYTES = 15_000_000
"""All pictures together, as Base64: with more of them, each gets smaller."""
MOST = 10_000
"""So many dropped frames are shown one by one at most; with more, those without a picture are told together."""
LARGE_SHARE = 0.4
"""Of the pictures' bytes that kept frames may take where dropped ones need them too."""
MASK_BYTES = 2_000_000
LAZY = 60
"""More groups than this are laid out by the browser only when they come near."""
_EXAMPLES = 16

LABELS = {
    Reason.FIRST: "First frame",
    Reason.CHANGED: "Changed",
    Reason.CUT: "Cut",
    Reason.REFRESH: "Shown again",
    Reason.UNCHANGED: "Unchanged",
    Reason.THINNED: "Thinned",
}


@dataclass(frozen=True, slots=True)
class About:
    """What the page says of the pass. `settings` are its tables as TOML; `end` is the asked end in seconds, `None` for the source's own."""

    uri: str
    info: SourceInfo
    settings: str
    scale: Scale
    regions: Regions = EVERYWHERE
    start: float = 0.0
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter: a reason, and how many frames it was."""

    reason: Reason
    label: str
    count: int
    kept: bool


@dataclass(frozen=True, slots=True)
class _Mask:
    number: int
    rows: int
    columns: int
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    large: sizes.Size
    small: sizes.Size
    pictured: choosing.Which


class Decisions:
    """Takes the samples of one pass in order (made with ``explain``), then writes the page. Close it in any case."""

    def __init__(self, folder: Path, *, picture_bytes: int = PICTURE_BYTES, most: int = MOST) -> None:
        """`folder` is where the pictures wait, on disk, until the page is written."""
        self._shelf = Shelf(folder)
        self._picture_bytes = picture_bytes
        self._most = most

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None) -> None:
        self._shelf.close()

    def add(self, sample: Sample) -> None:
        """The next sample."""
        largest = sizes.LARGE[0]
        pictures = [sizes.decoded(picture.data) for picture in sample.pictures[:2]]
        small = [b"" if image is None else sizes.shrunk(image, largest) for image in pictures]
        self._shelf.put(sample, picture=small[0] if small else b"", crop=small[1] if len(small) > 1 else b"")

    def write(self, out: IO[bytes], about: About, tally: Tally | None) -> None:
        """The whole page. `tally` is `None` when the pass was stopped before its end."""
        samples = self._shelf.columns()
        end = float(samples.times[-1]) if len(self._shelf) else 0.0
        duration = max(tally.duration if tally else end, end)
        lost = tally.lost if tally else ()
        close = choosing.near(samples, about.scale.threshold)
        order = choosing.order(samples.leaders)
        plan = self._plan(samples, close, order)
        masks = tuple(self._masks(about.regions))
        # Where nothing is compared, nothing is known to have changed.
        labels = LABELS if about.scale.threshold is not None else {**LABELS, Reason.CHANGED: "Kept"}
        kept, dropped = int(samples.kept.sum()), int((~samples.kept).sum())
        groups = Groups(
            self._shelf,
            samples,
            about.scale,
            large=plan.large,
            small=plan.small,
            pictured=plan.pictured,
            single=~samples.kept if dropped <= self._most else plan.pictured & ~samples.kept,
            near=close,
            order=order,
            masks=frozenset(mask.number for mask in masks),
            digits=digits(usual_step(samples.times)),
        )
        style = webpage.asset("videoscan.pages", "assets", "base.css") + webpage.asset(
            "videoscan.pages", "assets", "decisions.css"
        )
        script = webpage.joined(webpage.asset("videoscan.pages", "assets", name) for name in ("decisions.js", "compare.js"))
        page = webpage.template(webpage.asset("videoscan.pages", "assets", "decisions.html"), plain=wording.plain).stream(
            name=wording.file_name(about.uri),
            uri=about.uri,
            line=" · ".join(_line(about, duration)),
            facts=tuple(_facts(about)),
            settings=about.settings.strip(),
            flags=tuple(dict.fromkeys((*about.info.flags, *(tally.flags if tally else ())))),
            lost=[(wording.span(gap.start, gap.end), timecode.length(gap.end - gap.start), gap.reason) for gap in lost],
            stopped=tally is None,
            sampled=len(self._shelf),
            kept=kept,
            dropped=dropped,
            choices=[
                Choice(reason, labels[reason], count, kept=reason not in {Reason.UNCHANGED, Reason.THINNED})
                for reason in REASONS
                if (count := int(samples.of(reason).sum()))
            ],
            labels=labels,
            places=self._shelf.places_named,
            near=int(close.sum()),
            scale=about.scale,
            unpictured=len(self._shelf) - int(plan.pictured.sum()),
            folded=dropped > self._most,
            regions=about.regions,
            outside=tuple(map(shapes.polygon, about.regions.exclude)),
            inside=tuple(map(shapes.polygon, about.regions.include)),
            masks=masks,
            duration=duration,
            ticks=tuple(ticks(duration)),
            strip=strip(samples, threshold=about.scale.threshold, duration=duration, lost=lost),
            wide=WIDE,
            high=HIGH,
            groups=groups,
            lazy=kept > LAZY or len(self._shelf) > 4 * LAZY,
            tall=about.info.height > about.info.width,
            style=style,
            script=script,
            policy=webpage.policy(style, script),
            version=__version__,
        )
        page.enable_buffering(16)
        for piece in page:
            out.write(piece.encode("utf-8", "replace"))

    def _plan(self, samples: Columns, close: choosing.Which, order: choosing.Places) -> _Plan:
        """How large kept and dropped frames are shown, and which of them with a picture at all."""
        budget, dropped = self._picture_bytes, ~samples.kept
        wanted = min(int(dropped.sum()), self._most)
        # A kept frame is shown once more, as small as what it stands for, to be compared with that.
        twins = np.unique(samples.leaders[dropped]).size
        small_ones = [self._shelf.get(number).thumbnail for number in _spread(dropped)]
        large_ones = [self._shelf.get(number).picture for number in _spread(samples.kept)]
        needed = sizes.fit(small_ones, wanted + twins, budget, sizes.SMALL).bytes
        large = sizes.fit(large_ones, int(samples.kept.sum()), max(round(LARGE_SHARE * budget), budget - needed), sizes.LARGE)
        small = sizes.fit(small_ones, wanted + twins, budget - large.bytes, sizes.SMALL)
        some = choosing.some(dropped, close, samples.leaders, order, min(wanted, max(0, small.count - twins)))
        return _Plan(large.size, small.size, some | choosing.evenly(samples.kept, large.count))

    def _masks(self, regions: Regions) -> Iterator[_Mask]:
        """What was masked for changing all the time, without what lies outside of the regions anyway."""
        left = MASK_BYTES
        for number, ignored in enumerate(self._shelf.masks):
            rows, columns = ignored.shape
            inside = counted(regions, columns, rows) if regions else np.ones_like(ignored)
            path = shapes.cells(np.asarray(ignored & inside, np.uint8))
            left -= len(path)
            if left < 0:
                return
            if path:
                yield _Mask(number, rows, columns, path)


def _spread(which: choosing.Which) -> Iterable[int]:
    """Some of them, evenly."""
    numbers = np.flatnonzero(which)
    step = max(1, -(-numbers.size // _EXAMPLES))
    return [int(number) for number in numbers[step // 2 :: step]]


def _line(about: About, duration: float) -> Iterable[str]:
    yield timecode.length(duration)
    info = about.info
    yield f"{info.width} × {info.height}" + (f", {info.fps:.5g} fps" if info.fps else "")
    if about.start or about.end is not None:
        until = timecode.short(about.end) if about.end is not None else "the end"
        yield f"looked at from {timecode.short(about.start)} to {until}"


def _facts(about: About) -> Iterable[tuple[str, str]]:
    yield "Source", wording.file_name(about.uri)
    if about.info.codec:
        yield "Codec", about.info.codec
    if about.scale.threshold is None:
        yield "Score", f"none, {about.scale.unit}"
    else:
        yield "Score", about.scale.unit
        yield "Threshold", f"above {about.scale.threshold:g} counts as changed"
    yield "Made", f"{dt.datetime.now().astimezone():%Y-%m-%d %H:%M}, videoscan {__version__}"
