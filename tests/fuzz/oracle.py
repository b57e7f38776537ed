"""What must be true of a pass over a damaged file. Each check yields sentences about what is not.

Two things stand against the project's pass: the truth about the clean clip, and a witness, a plain loop over the same library
on the same damaged bytes. What the witness sees, and what lies in the file untouched by the damage, was delivered, lies between two
looks of a sampler, or stands in the losses. Times are compared on the container's own clock, on which they do not move when the
first pictures are gone.
"""

from __future__ import annotations

import bisect
import itertools
import math
from typing import TYPE_CHECKING

from tests.fuzz import clips
from tests.fuzz.cases import SAMPLERS, Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.fuzz.mutations import Mutated
    from tests.fuzz.reading import Pass, Truth, Witness
    from videoscan.errors import VideoscanError

_NEAR = 0.002
"""Seconds by which two names of one time may differ."""

_COUNTED = frozenset({
    ".264", ".265", ".apng", ".dnxhd", ".dv", ".fits", ".gif", ".h261", ".h263", ".m1v", ".m2v", ".mjpeg", ".obu", ".pipe", ".roq",
    ".swf", ".y4m",
})  # fmt: skip
"""Formats whose pictures carry no times of their own: what comes behind a lost one comes earlier."""

_WRAPPED = frozenset({".asf", ".dv", ".mpg", ".ogv", ".rm", ".ts", ".vob", ".wmv", ".wtv"})
"""Containers that put pictures into packets of their own, whose heads lie among the pictures' bytes."""

_FRAGMENTED = frozenset({"ismv", "mp4"})

_FEW = 10
"""Pictures."""

_OTHERS = 1.0
"""Seconds by which the other streams of a file may be longer than its pictures where only all of it has a declared length."""


def error(fault: VideoscanError, path: str, seen: Witness) -> Iterator[str]:
    """What a person is told of a file that cannot be read, and whether it could have been."""
    text = str(fault)
    if path not in text:
        yield f"the error does not name the file: {text}"
    if not fault.hint:
        yield f"the error gives no hint: {text}"
    if "\n" in text:
        yield f"the error has more than one line: {text!r}"
    refused_for_a_reason = "interlaced" in text or "a cover picture" in text
    if seen.times and not refused_for_a_reason:
        yield f"refused ({text}), though a plain loop decodes {len(seen.times)} whole pictures"


def promises(found: Pass) -> Iterator[str]:
    """What holds for every pass over anything."""
    for earlier, later in itertools.pairwise(found.times):
        if later <= earlier:
            yield f"time runs back from {earlier} to {later}"
    for before, after in itertools.pairwise(found.indices):
        if after <= before:
            yield f"indices do not rise from {before} to {after}"
    if not math.isfinite(found.duration) or found.duration < 0:
        yield f"the duration is {found.duration}"
    if found.times and not 0 <= found.times[0] <= found.times[-1] < found.duration:
        yield f"frames from {found.times[0]} to {found.times[-1]} s do not lie in [0, {found.duration})"
    if found.decoded < len(found.times):
        yield f"{len(found.times)} frames came of {found.decoded} decoded pictures"
    for start, end, reason in found.lost:
        if not 0 <= start < end <= found.duration:
            yield f"lost [{start}, {end}) does not lie in [0, {found.duration})"
        if not reason or "\n" in reason:
            yield f"lost [{start}, {end}) has the reason {reason!r}"
    for (_, end, _), (start, _, _) in itertools.pairwise(found.lost):
        if start < end:
            yield f"losses overlap at {start}"
    info = found.info
    if info["width"] < 1 or info["height"] < 1 or not math.isfinite(info["start_time"]):
        yield f"impossible source: {info}"
    if info["fps"] is not None and not 0 < info["fps"] < 1e6:
        yield f"impossible rate: {info['fps']}"


def _clock_is_kept(found: Pass) -> bool:
    """Whether times can be compared with those of anybody else: they are neither counted nor continued after a jump."""
    return not any("timestamp" in flag or "no time" in flag for flag in (*found.flags, *found.info["flags"]))


def _is_lost(found: Pass, time: float, slack: float) -> bool:
    return any(start - slack <= time < end + slack for start, end, _ in found.lost)


def _unaccounted(given: Case, found: Pass, times: Sequence[float], frame: float) -> list[float]:
    """Which of these pictures were neither delivered, nor lost, nor rightly passed over by the sampler."""
    step = SAMPLERS[given.sampler][1]
    missing = []
    for absolute in times:
        time = absolute - found.start
        place = bisect.bisect_right(found.times, time + _NEAR + frame / 4) - 1
        before = found.times[place] if place >= 0 else 0.0
        lost = sum(max(0.0, min(end, time) - max(start, before)) for start, end, _ in found.lost)
        allowed = 2 * step + 1.5 * frame if step else _NEAR + frame / 2
        if time - before - lost > allowed and not _is_lost(found, time, frame / 2):
            missing.append(absolute)
    return missing


def _frame(times: Sequence[float]) -> float:
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(sorted(times)) if later > earlier)
    return gaps[len(gaps) // 2] if gaps else 0.04


def _brief(times: Sequence[float]) -> str:
    shown = ", ".join(f"{time:.3f}" for time in times[:6])
    return f"{len(times)} ({shown}{', ...' if len(times) > 6 else ''})"


def against_witness(given: Case, found: Pass, seen: Witness) -> Iterator[str]:
    """Nothing that a plain loop decodes is missing without a word."""
    timed = sorted(seen.timed)
    frame = _frame(timed)
    lost = sum(end - start for start, end, _ in found.lost)
    # A piece that is there twice gives pictures of the same times twice: once is enough.
    different = len(set(timed)) + len(seen.times) - len(timed)
    # OpenCV's times are repaired as they come: what lies behind one that is ahead of its time is passed over, for a second at most.
    slack = 1 / frame if given.backend == "opencv" else 3
    if given.sampler == "dense" and len(found.times) + lost / frame < 0.9 * different - slack:
        yield f"{len(found.times)} pictures and {lost:.2f} s lost, where a plain loop decodes {different} pictures"
    if given.backend == "opencv" or not _clock_is_kept(found) or len(timed) != len(seen.times) or seen.timed != timed:
        return
    missing = _unaccounted(given, found, timed, frame)
    early = [time for time in missing if time < found.start - _NEAR]
    if len(missing) > 2:
        yield f"a plain loop decodes pictures at times that are neither delivered nor lost: {_brief(missing)}"
    if len(early) > 2:
        yield f"the source begins at {found.start:.3f} s, where a plain loop decodes pictures before: {_brief(early)}"


def against_truth(given: Case, found: Pass, truth: Truth, done: Mutated) -> Iterator[str]:
    """What the damage did not touch is delivered, what it did is delivered or lost."""
    if not truth.pictures or not _clock_is_kept(truth.clean) or not _clock_is_kept(found) or given.recipe.suffix in _COUNTED:
        return
    yield from _after_holes(given, found, truth, done)
    yield from _after_a_cut(given, found, truth, done)


def _after_holes(given: Case, found: Pass, truth: Truth, done: Mutated) -> Iterator[str]:
    first, last = min(start for _, start, *_ in truth.pictures), max(end for _, _, _, end, _ in truth.pictures)
    if done.touched is None or any(start < first or end > last for start, end in done.touched):
        return  # headers and indexes: anything may follow from those
    clean = truth.clean
    frame = _frame(clean.times)
    if given.kind == "wrong_times" and given.recipe.muxer in _FRAGMENTED:
        return  # the head of a fragment may say that a picture stands for minutes
    if given.recipe.name == "tree-cinepak-shared.avi":
        return  # its pictures' times are counted in empty chunks between them, of which no index tells
    if given.recipe.muxer == "mxf_opatom":
        return  # nothing stands between its pictures: behind damage many come as one
    hit = sum(any(start < b and end > a for a, b in done.touched) for _, start, _, end, _ in truth.pictures)
    # Without an index each packet carries its own time and place: those that were hit may be anywhere, or nowhere.
    allowed = hit + 2 if not truth.indexed else 3 if given.backend == "opencv" else 0
    if truth.shared and not truth.indexed:
        # Where sound lies between, a hole of a few pictures cannot be told from a pause; where it is most of the file, none can.
        allowed += _FEW if sum(end - start for _, start, end, _, _ in truth.pictures) > (last - first) / 2 else len(clean.times)
    every = [time + clean.start for time in clean.times]
    missing = _unaccounted(given, found, every, frame)
    before = [time for time in every if time < found.start - _NEAR]
    # Of a file whose beginning cannot be read nothing tells when it began.
    lead = truth.indexed or not any(start < truth.pictures[0][3] for start, _ in done.touched)
    if len(before) > allowed and lead:
        yield f"{hit} pictures were hit, but the source begins at {found.start:.3f} s, without {_brief(before)}"
    if len(missing) > allowed:
        yield f"{hit} pictures were hit, but more are neither delivered nor lost: {_brief(missing)}"
    small = sum(end - start for start, end in done.touched) <= 64
    end, true = found.start + found.duration, clean.start + clean.duration
    # What is left of a file that declares no length is told by its bytes: at least that something is.
    guessed = end > true and (clean.info["declared_duration"] is None or _is_lost(found, end - found.start - frame, 0))
    if given.kind == "wrong_times" and given.recipe.suffix in {".mpg", ".vob"}:
        return  # many pictures follow one time stamp
    if given.recipe.muxer in _FRAGMENTED and not _only_pictures(truth, done):
        return  # times of many pictures follow from the head of a fragment
    # A program stream or an Ogg file whose last stamps are gone does not say how long it is.
    slack = 1.0 if given.recipe.suffix in {".mpg", ".ogv", ".vob"} else 3 * frame
    if truth.shared and not truth.indexed and given.recipe.suffix not in {".mkv", ".webm"}:
        slack += _OTHERS
    if (truth.indexed or small) and not true - slack < end < true + max(1.0, 3 * frame) and not guessed:
        yield f"the source ends at {end:.3f} s, the clean one at {true:.3f} s"
    yield from _pictures_at_their_times(given, found, truth, done)


def _only_pictures(truth: Truth, done: Mutated) -> bool:
    """Whether nothing was touched but the bytes of pictures."""
    payloads = [(start, stop) for _, start, stop, _, _ in truth.pictures]
    return truth.indexed or all(any(a <= start and end <= b for a, b in payloads) for start, end in done.touched or ())


def _pictures_at_their_times(given: Case, found: Pass, truth: Truth, done: Mutated) -> Iterator[str]:
    """Pictures from an untouched keyframe to the next touched packet are those that the clean clip has at their times."""
    if given.sampler != "dense" or not done.touched or given.recipe.suffix in _WRAPPED or given.recipe.muxer == "shared":
        return
    if not _only_pictures(truth, done):
        return  # also heads of packets, fragments or chunks were hit, in which times may stand
    clean = truth.clean
    shown = {round((time + clean.start) * 500): number for time, number in zip(clean.times, clean.numbers, strict=True)}
    intact: list[tuple[float, float]] = []
    since: float | None = None
    for time, start, _, end, key in truth.pictures:
        touched = any(start < b and end > a for a, b in done.touched)
        if touched and since is not None:
            intact.append((since, time))
        if touched or (key and since is None):
            since = time if key and not touched else None
    if since is not None:
        intact.append((since, math.inf))
    frame = _frame(clean.times)
    wrong = []
    for time, number in zip(found.times, found.numbers, strict=True):
        absolute = time + found.start
        # Pictures next to a border may be reordered across it.
        if any(start <= absolute < end - 4 * frame for start, end in intact):
            true = shown.get(round(absolute * 500))
            if true is not None and true != number:
                wrong.append(absolute)
    if wrong:
        yield f"untouched pictures at other times than in the clean clip: {_brief(wrong)}"


_DECLARE = frozenset({".mp4", ".mov", ".3gp", ".3g2", ".f4v", ".m4v", ".mkv", ".webm", ".avi", ".flv", ".asf", ".wmv"})
"""Containers whose head says how long the whole is."""


def _after_a_cut(given: Case, found: Pass, truth: Truth, done: Mutated) -> Iterator[str]:
    if done.cut is None:
        return
    clean = truth.clean
    frame = _frame(clean.times)
    whole = [time for time, _, _, end, _ in truth.pictures if end <= done.cut]
    within = set(sorted(whole)[:-18]) | {
        time for time in whole if time < min((t for t, _, _, e, _ in truth.pictures if e > done.cut), default=0) - 18 * frame
    }
    missing = _unaccounted(given, found, sorted(within), frame)
    if len(missing) > 2:
        yield f"pictures before the cut are neither delivered nor lost: {_brief(missing)}"
    declares = given.recipe.suffix in _DECLARE and clean.info["declared_duration"] is not None
    if declares and given.recipe.note not in {"frag", "each"} and given.recipe.muxer != "ismv":
        end, true = found.start + found.duration, clean.start + clean.duration
        shared = truth.shared and given.recipe.suffix not in {".mkv", ".webm"}
        if end < true - 3 * frame - (_OTHERS if shared else 0):
            yield f"the file declares {true:.3f} s and was cut off, but ends at {end:.3f} s without a word"


def untouched(given: Case, found: Pass) -> Iterator[str]:
    """A clean clip gives all its pictures, each at its time, and loses none."""
    recipe = given.recipe
    if recipe.muxer == "shared":
        return
    if (
        found.numbers != list(range(recipe.pictures)) and recipe.codec != "phm"
    ):  # made by an encoder that forgets its own pictures
        wrong = [(place, number) for place, number in enumerate(found.numbers) if place != number]
        yield f"{len(found.numbers)} of {recipe.pictures} pictures came of the clean clip, these others than they should: {wrong[:5]}"
    if found.lost:
        yield f"the clean clip lost {found.lost}"
    stamps = clips.stamps(recipe)
    for time, stamp in zip(found.times, stamps, strict=False):
        true = (stamp - stamps[0]) / recipe.rate
        if recipe.suffix not in _OWN_RATE and abs(time - true) > 1.1 / recipe.rate:
            yield f"a picture comes at {time:.3f} s instead of {true:.3f} s"
            return


_OWN_RATE = frozenset({".fits", ".h261", ".h263"})
"""Raw formats that do not say how fast they are to be shown."""

BROKEN = frozenset({
    "libx264rgb-mpeg.mpg",  # its muxer gives two pictures one time
    "h263-mpeg.mpg",  # the demuxer takes it for a codec that nobody has
    "wmv2-wtv.wtv", "huffyuv-wtv.wtv",  # the muxer leaves out what the decoder needs
    "mjpeg-asf_stream.asf", "mpeg4-asf_stream.asf", "dvvideo-asf_stream.asf",  # FFmpeg's own demuxer stumbles over them
    "exr-image2pipe.pipe", "pcx-image2pipe.pipe", "sgi-image2pipe.pipe", "sunrast-image2pipe.pipe", "tiff-image2pipe.pipe",  # no parser
    "av1-avif.avif",  # one picture
})  # fmt: skip
"""Clips that FFmpeg makes and does not read back whole itself."""


def pictures(found: Pass) -> Iterator[str]:
    """Of a folder of pictures, each is delivered, the same as before, passed over by the sampler, or lost."""
    for place, number in zip(found.indices, found.numbers, strict=False):
        del place, number
    if found.duration != 12 / 5:
        yield f"12 pictures, 5 a second, came to {found.duration} s"


def tiles(spans: Sequence[tuple[float, float]], duration: float) -> Iterator[str]:
    """Coverage leaves no hole and has no overlap."""
    at = 0.0
    for start, end in spans:
        if abs(start - at) > 0.0015:
            yield f"coverage has a hole or an overlap between {at} and {start}"
        at = end
    if abs(at - duration) > 0.0015:
        yield f"coverage ends at {at}, the source at {duration}"
