"""A pass over one source, cut into segments: decode, sample, deduplicate and reduce, several segments at a time, in order.

A segment is a fixed stretch of the source's own clock, ``[n * SEGMENT, (n + 1) * SEGMENT)``. Sampling and deduplication start afresh
in each, warmed up on the `WARM_UP` seconds before it, whether they are read one after another or side by side. So what is kept does
not depend on how the file was cut, a resumed scan need not begin at its beginning, and any segment may be read anywhere. The price:
each segment's first sample is kept (about as often as an unchanged scene is shown again anyway), and its warm-up is decoded twice.
Where nothing lies before it (the source's beginning), the first `WARM_UP` seconds are read twice instead: a clock in the picture is
known from the first sample on. A deduplicator that learns nothing is not warmed up.

Only sources that say they are `seekable` are cut; the others, and what lies within one segment, are read in one go.

With a store (`videoscan.reading.sampling`) a segment that was read to its end before is taken from disk, so a scan that was killed decodes
no more than the segments it was in.

Memory: for each of `parallel` segments what `videoscan.reading.reader` says, and a row for each sample of the one that is being given out.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videoscan import registry
from videoscan.errors import SourceUnsupported
from videoscan.folder import SAMPLING
from videoscan.model import Picture, Reason, Sample, SourceInfo, Tally
from videoscan.reading.choosing import Chooser
from videoscan.reading.former import latest
from videoscan.reading.reader import Reader
from videoscan.reading.reducing import blackened, cells_of, refitted
from videoscan.reading.sampling import SamplingStore
from videoscan.reading.spec import SEGMENT, WARM_UP, WARM_UP_SAMPLES, CoreSpec, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from videoscan.seams import Footage, Limits

__all__ = ["CoreSpec", "Pass", "Segment", "cut"]


def cut(info: SourceInfo, spec: CoreSpec) -> list[Segment]:
    """The segments of a pass, in order. The last one reads on to the source's end, however long that proves to be."""
    warms_up = spec.look is None and _learns(spec.dedup)
    warm_up = max(WARM_UP, _step(spec.sampler) * WARM_UP_SAMPLES) if warms_up else 0.0
    length = info.declared_duration if spec.end is None else min(spec.end, info.declared_duration or spec.end)
    if spec.excerpt and info.seekable:
        return [Segment(spec.start, spec.end, min(warm_up, spec.start) if spec.start else warm_up, seek=spec.start > 0)]
    if not info.seekable or length is None:
        return [Segment(spec.start, spec.end, warm_up)]
    first, last = math.floor(spec.start / SEGMENT), max(math.floor(spec.start / SEGMENT), math.ceil(length / SEGMENT) - 1)
    places = [number * SEGMENT for number in range(first + 1, last + 1)]
    edges = [spec.start, *(place for place in places if info.begins_anywhere(place))]
    return [
        Segment(start, end, min(warm_up, start) if start else warm_up, seek=place > 0)
        for place, (start, end) in enumerate(zip(edges, [*edges[1:], spec.end], strict=True))
    ]


def _stamps(info: SourceInfo, spec: CoreSpec, segments: list[Segment]) -> dict[tuple[float, float | None], str]:
    """For each segment of joined recordings what it and the frame indices in it depend on: all recordings up to its end."""
    made_of, parts = hashlib.sha256(), deque(info.parts)
    # Pictures are given as files as well, but by their names alone.
    files = spec.source.get("files", ()) if parts else ()
    faulty = {file["uri"]: (file["fault"], file["until"]) for file in files if file.get("fault")}
    stamps = {}
    for segment in segments if parts else ():
        while parts and (segment.end is None or parts[0].start < segment.end):
            part = parts.popleft()
            made_of.update(repr((part, _state(part.uri), *faulty.get(part.uri, ()))).encode())
        stamps[segment.span] = made_of.hexdigest()[:16]
    return stamps


def _state(file: str) -> tuple[int, int] | None:
    try:
        stat = Path(file).stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _learns(dedup: Mapping[str, Any]) -> bool:
    return bool(registry.factory("dedups", str(dedup["kind"])).learns)


def _sharing(spec: CoreSpec) -> CoreSpec:
    """The pass with the cores shared out among the segments that are read at once.

    A decoder that may use all cores pays for keeping its threads in step: a fifth more CPU where keyframes lie far apart
    (`benchmarks/decode.py --threads`), and several at once gain nothing by it.
    """
    options = registry.filled("sources", spec.source)
    if options.get("threads") != 0:
        return spec
    return replace(spec, source={**spec.source, "threads": max(1, (os.cpu_count() or 1) // spec.parallel)})


def _step(sampler: Mapping[str, Any]) -> float:
    """Seconds between samples, as far as the options tell."""
    options = registry.filled("samplers", sampler)
    rate = options.get("rate")
    return float(1 / rate if rate else options.get("every") or options.get("most") or 1.0)


class Pass:
    """One pass. Iterate `samples` once, in one thread; `stop` may be called from any."""

    def __init__(self, spec: CoreSpec) -> None:
        self._spec = spec
        self._stopped = threading.Event()
        self._readers: list[Reader] = []
        self._guard = threading.Lock()
        self.info: SourceInfo | None = None
        self.tally: Tally | None = None

    def stop(self) -> None:
        """End the iteration at its next packet. Idempotent."""
        with self._guard:
            self._stopped.set()
            readers = list(self._readers)
        for reader in readers:
            reader.close()

    def samples(self) -> Iterator[Sample]:
        """Every sampled frame, judged and reduced, in order. Leaves `tally` at `None` when it was stopped."""
        spec = self._spec
        if spec.source["kind"] == "kept":
            yield from self._kept()
            return
        footage = registry.make("sources", spec.source).open(spec.uri)
        self.info = footage.info
        spec.guard.check(footage.info)
        segments = cut(footage.info, spec)
        side_by_side = len(segments) > 1 and spec.parallel > 1
        reading = _sharing(spec) if side_by_side else spec
        store = SamplingStore(spec.store, spec.key()) if spec.store is not None else None
        stamps = _stamps(footage.info, spec, segments) if store is not None else {}
        if store is not None:
            store.begin(footage.info, stamps or None)
        waiting = deque(segments)
        running: deque[Reader | _Recalled] = deque()
        tallies: list[Tally] = []
        shift = sampled = 0
        try:
            while waiting or running:
                while waiting and len(running) < max(1, spec.parallel):
                    segment = waiting.popleft()
                    first = footage if segment is segments[0] and reading is spec else None
                    stamp = stamps.get(segment.span, "")
                    running.append(self._part(reading, segment, store, first, stamp, alone=not side_by_side))
                part = running[0]
                rows: list[dict[str, Any]] = []
                for sample in part:
                    if self._stopped.is_set():
                        return
                    if isinstance(part, Reader):
                        sample = _moved(sample, shift, afresh=sampled > 0) if tallies else sample  # noqa: PLW2901
                        if store is not None:
                            rows.append(store.keep(sample))
                    spec.guard.check_time(spec.uri, sample.mark.time)
                    yield sample
                    sampled += 1
                if self._stopped.is_set() or part.tally is None:
                    return
                if store is not None and isinstance(part, Reader):
                    store.remember(part.segment.span, rows, part.tally, stamps.get(part.segment.span, ""))
                tallies.append(part.tally)
                shift += part.tally.next_index
                self._end(running.popleft())
            if not sampled and len(segments) > 1 and spec.start <= 0:
                raise SourceUnsupported(
                    f"not one picture of {spec.uri!r} could be decoded",
                    hint="the recording is damaged or its payload is missing",
                )
            if store is not None:
                store.end()
            self.tally = _together(tallies)
        finally:
            footage.close()
            for part in running:
                self._end(part)

    def _kept(self) -> Iterator[Sample]:
        """What an output folder holds of an earlier pass, whatever footage it was made of."""
        spec = self._spec
        former = latest(Path(spec.uri))
        if former is None or former.info is None or not former.whole:
            raise SourceUnsupported(
                f"{Path(spec.uri) / SAMPLING} cannot be read to its end, so what lies in {spec.uri} cannot be asked again",
                hint="the same scan once more puts it right; or scan the video itself",
            )
        self.info = former.info
        store = SamplingStore(spec.store, spec.key()) if spec.store is not None else None
        if store is not None:
            store.begin(former.info)
        chooser = Chooser()
        there = False
        for span in former.spans():
            rows: list[dict[str, Any]] = []
            for recalled in former.recall(span, base64=spec.limits.sends):
                if self._stopped.is_set():
                    return
                sample = chooser.without(recalled)
                shown = sample.pictures
                there = there or bool(shown)
                if shown and spec.regions.black_out:
                    shown = blackened(shown, spec.regions, spec.windows, spec.limits)
                cells = cells_of(shown[0]) if shown and (spec.max_rate or spec.windows.choose) else None
                sample = replace(sample, pictures=refitted(shown, spec.windows, spec.limits), cells=cells)
                if store is not None:
                    rows.append(store.keep(sample))
                yield sample
            if store is not None and not store.has(span):
                store.remember(span, rows, former.tally(span))
        if not there:
            raise SourceUnsupported(
                f"the pictures of {spec.uri} are gone, so it cannot be asked again",
                hint="give the recording itself, if there is one",
            )
        if store is not None:
            store.end()
        self.tally = _together([former.tally(span) for span in former.spans()])

    def _part(
        self,
        spec: CoreSpec,
        segment: Segment,
        store: SamplingStore | None,
        footage: Footage | None,
        stamp: str,
        *,
        alone: bool,
    ) -> Reader | _Recalled:
        """Who gives the segment's samples: the disk, where they are known already, or a reader that is started here."""
        if store is not None and spec.recalls and store.has(segment.span, stamp):
            return _Recalled(store, segment, spec.limits)
        reader = Reader(spec, segment, footage)
        with self._guard:
            self._readers.append(reader)
            if self._stopped.is_set():
                reader.close()
        if not alone:
            reader.run_ahead()
        return reader

    def _end(self, part: Reader | _Recalled) -> None:
        if isinstance(part, Reader):
            part.close()
            part.join()
            with self._guard:
                self._readers.remove(part)


class _Recalled:
    """A segment that was read before: its samples are on disk, on the whole source's count already."""

    def __init__(self, store: SamplingStore, segment: Segment, limits: Limits) -> None:
        self._store, self._segment, self._limits = store, segment, limits
        self.tally: Tally | None = store.tally(segment.span)

    def __iter__(self) -> Iterator[Sample]:
        cost = self._limits.cost
        for sample in self._store.recall(self._segment.span, base64=self._limits.sends):
            # What a picture costs is up to the model that is asked now, not the one it was sampled for.
            counted = tuple(replace(each, tokens=cost.tokens(each.width, each.height)) for each in sample.pictures)
            yield replace(sample, pictures=counted)


def _moved(sample: Sample, shift: int, *, afresh: bool) -> Sample:
    """A segment's sample with its indices on the whole source's count; its first one is a scene shown again, not the first."""
    mark = sample.mark
    reason = Reason.REFRESH if afresh and mark.reason is Reason.FIRST else mark.reason
    same_as = None if mark.same_as is None else mark.same_as + shift
    return replace(
        sample,
        mark=replace(mark, frame=mark.frame + shift, same_as=same_as, reason=reason),
        pictures=tuple(_moved_picture(picture, shift) for picture in sample.pictures),
    )


def _moved_picture(picture: Picture, shift: int) -> Picture:
    zoom_of = None if picture.zoom_of is None else picture.zoom_of + shift
    return replace(picture, frame=picture.frame + shift, zoom_of=zoom_of)


def _together(tallies: list[Tally]) -> Tally:
    """What the segments came to as a whole. The last one knows how long the source is."""
    return Tally(
        duration=tallies[-1].duration,
        decoded=sum(tally.decoded for tally in tallies),
        lost=tuple(lost for tally in tallies for lost in tally.lost),
        flags=tuple(dict.fromkeys(flag for tally in tallies for flag in tally.flags)),
        decode_seconds=sum(tally.decode_seconds for tally in tallies),
        encode_seconds=sum(tally.encode_seconds for tally in tallies),
        next_index=sum(tally.next_index for tally in tallies),
        absent=tuple(gap for tally in tallies for gap in tally.absent),
    )
