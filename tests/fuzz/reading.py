"""Reads clips three ways: by the project, by a plain loop over each library as a witness, and packet by packet for the truth."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import av
import cv2

from tests.fuzz.cases import SAMPLERS, Case
from tests.fuzz.clips import number
from videoscan import registry
from videoscan.config import load
from videoscan.core import Core, spec_for
from videoscan.model import SourceInfo, Tally, Window
from videoscan.recordings import inputs
from videoscan.seams import Limits
from videoscan.testing.sources import EveryFrame

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE = 64
"""How often in a row a library may refuse before the witness gives up."""


@dataclass
class Pass:
    """What one pass gave: times from the first picture, indices, and (of a dense pass) the numbers read from the pictures."""

    info: dict[str, Any]
    times: list[float]
    indices: list[int]
    numbers: list[int] = field(default_factory=list)
    duration: float = 0.0
    decoded: int = 0
    lost: list[tuple[float, float, str]] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)

    @property
    def start(self) -> float:
        """Where the container's clock stands at time 0."""
        return self.info["start_time"]


def scan(path: Path, given: Case) -> Pass:
    """The project's own pass. Raises `VideoscanError`."""
    return dense(path, given.backend) if given.sampler == "dense" else sparse(path, given)


def _source(backend: str) -> dict[str, Any]:
    return {"kind": backend, "image_rate": 5.0} if backend == "images" else {"kind": backend}


def dense(path: Path, backend: str) -> Pass:
    """Every picture, through the source alone; pixels are asked for as the stages behind it would."""
    footage = registry.make("sources", _source(backend)).open(str(path))
    result = Pass(asdict(footage.info), [], [])
    try:
        for place, frame in enumerate(footage.frames(EveryFrame())):
            result.times.append(frame.time)
            result.indices.append(frame.index)
            gray = frame.pixels.gray(96, 64)
            assert gray.shape == (64, 96)
            result.numbers.append(number(gray))
            if place % 16 == 0:
                assert max(frame.pixels.bgr(48).shape[:2]) <= 48
        tally = footage.tally()
    finally:
        footage.close()
    return _with(result, tally)


def sparse(path: Path, given: Case) -> Pass:
    """The core as a scan runs it: sampled, deduplicated, measured, encoded."""
    options, _ = SAMPLERS[given.sampler]
    backend = "auto" if given.backend == "images" else given.backend
    profile = load({"sampler": options, "source": {"backend": backend, "image_rate": 5.0}}).profile
    spec = spec_for(inputs.single(path), profile, Limits(measures=True, sends=False))
    info: SourceInfo | None = None
    tally: Tally | None = None
    marks = {}
    for item in Core(spec):
        if isinstance(item, SourceInfo):
            info = item
        elif isinstance(item, Window):
            assert item.pictures
            assert all(picture.data for picture in item.pictures)
            assert item.start <= item.pictures[-1].time <= item.end, f"a window {item} ends before its pictures"
            marks |= {mark.frame: mark.time for mark in item.marks}
        elif isinstance(item, Tally):
            tally = item
    assert info is not None, "the core said nothing of its source"
    assert tally is not None, "the core ended without a tally"
    return _with(Pass(asdict(info), list(marks.values()), list(marks)), tally)


def _with(result: Pass, tally: Tally) -> Pass:
    result.duration, result.decoded, result.flags = tally.duration, tally.decoded, list(tally.flags)
    result.lost = [(span.start, span.end, span.reason) for span in tally.lost]
    return result


@dataclass(frozen=True)
class Witness:
    """What a loop that knows nothing finds: times on the container's clock of whole pictures, and how many were damaged."""

    times: tuple[float | None, ...]
    corrupt: int = 0

    @property
    def timed(self) -> list[float]:
        return [time for time in self.times if time is not None]


def witness(path: Path, backend: str) -> Witness:
    if backend == "opencv":
        return _opencv_witness(path)
    found: list[float | None] = []
    corrupt = 0
    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (av.error.FFmpegError, OSError, ValueError):
        return Witness(())
    with container:
        stream = container.streams.best("video")
        if stream is None or stream.codec_context is None:
            return Witness(())
        base = float(stream.time_base or 1)
        refusals = 0
        while refusals < _PATIENCE:
            try:
                for packet in container.demux(stream):
                    refusals = 0
                    with contextlib.suppress(av.error.FFmpegError, OSError):
                        for frame in packet.decode():
                            corrupt += frame.is_corrupt
                            if not frame.is_corrupt:
                                found.append(None if frame.pts is None else frame.pts * base)
            except IndexError:
                continue  # PyAV's word for a packet of a stream that appeared since the file was opened
            except (av.error.FFmpegError, OSError):
                refusals += 1
            else:
                break
    return Witness(tuple(found), corrupt)


def _opencv_witness(path: Path) -> Witness:
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
    try:
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    finally:
        del os.environ["OPENCV_FFMPEG_LOGLEVEL"]
    found: list[float | None] = []
    refusals = 0
    while capture.isOpened() and refusals < _PATIENCE:
        if capture.grab():
            found.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            refusals = 0
        else:
            refusals += 1
    capture.release()
    return Witness(tuple(found))


@dataclass
class Truth:
    """The clean clip: a dense pass over it, and where its pictures lie in the file as (time on the container's clock, start,
    end of its bytes, start of the next packet of any stream, keyframe), in order of the file."""

    clean: Pass
    pictures: list[tuple[float, int, int, int, bool]]
    indexed: bool
    """Sizes and times are in an index apart from the pictures (MP4 without fragments)."""
    shared: bool
    """There are other streams than the pictures."""


def truth(path: Path, backend: str, cache: Path) -> Truth:
    """Read once, then kept as a file in `cache`."""
    kept = cache / f"{path.name}.{backend}.json"
    if kept.exists():
        found = json.loads(kept.read_text())
        return Truth(Pass(**found.pop("clean")), [tuple(each) for each in found.pop("pictures")], **found)
    clean = dense(path, backend)
    made = Truth(clean, *(([], False, False) if path.is_dir() else _layout(path)))
    half = cache / f"{os.getpid()}-{kept.name}"
    half.write_text(json.dumps(asdict(made)))
    half.rename(kept)
    return made


def _layout(path: Path) -> tuple[list[tuple[float, int, int, int, bool]], bool, bool]:
    with av.open(str(path), metadata_errors="ignore") as container:
        stream = container.streams.best("video")
        base = float(stream.time_base or 1)
        indexed = "mov" in container.format.name and b"moof" not in path.read_bytes()
        packets = [packet for packet in container.demux() if packet.size and packet.pos is not None and packet.pos >= 0]
        starts = sorted({packet.pos for packet in packets} | {path.stat().st_size})
        after = dict(itertools.pairwise(starts))
        found = []
        for packet in packets:
            stamp = packet.pts if packet.pts is not None else packet.dts
            if packet.stream.index == stream.index and stamp is not None:
                end = packet.pos + packet.size
                found.append((stamp * base, packet.pos, end, end if indexed else after[packet.pos], packet.is_keyframe))
        return found, indexed, len(container.streams) > 1
