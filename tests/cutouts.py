"""What the tests of clips and evidence share: footage whose pictures say their own number, and timelines about it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import examples
import numpy as np
import pytest

from videoscan.clips.exporter import ClipsExporter
from videoscan.clips.options import ClipOptions, PadOptions
from videoscan.clips.reel import ReelExporter
from videoscan.document import Event, Evidence, FrameCounts, SourceRecord, Timeline
from videoscan.seams import Told

if TYPE_CHECKING:
    from pathlib import Path

FIRST, STEP = 30, 20
"""Luma of a 0, and by how much each further digit is lighter: more than any encoder takes for noise."""


def numbered(path: Path, *, frames=100, rate="25", size="160x120", gop=25, tone_from: float | None = None, extra=()) -> Path:
    """A clip whose frame `n` shows its two digits as the light of its halves; with `tone_from`, silence and from that second on a loud tone."""
    seconds = float(frames / Fraction(rate))
    picture = f"color=black:s={size}:r={rate}:d={seconds},format=yuv420p,geq=lum='{FIRST}+{STEP}*if(lt(X,W/2),floor(N/10),mod(N,10))':cb=128:cr=128"
    sound = ["-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds},volume='if(lt(t,{tone_from}),0,1)':eval=frame"]
    subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", picture, *(sound if tone_from is not None else ())),
            *(
                "-frames:v",
                str(frames),
                "-g",
                str(gop),
                "-x264-params",
                "scenecut=0:bframes=2",
                "-c:v",
                "libx264",
                "-qp",
                "4",
                "-c:a",
                "aac",
                "-b:a",
                "128k",
                *extra,
                path,
            ),
        ],
        check=True,
    )
    return path


def about(
    path: Path, *spans, duration=4.0, clock=None, camera="Gate", fps=25.0, regions=None, folder: Path | None = None
) -> Timeline:
    """A timeline of `path` with an event for each ``(start, end, title)``; with `folder`, with a picture of each event's first frame."""
    events = []
    for number, (start, end, *title) in enumerate(spans):
        frame = round(start * fps)
        evidence = ()
        if folder is not None:
            (folder / "frames").mkdir(parents=True, exist_ok=True)
            name = f"frames/{frame:08d}.jpg"
            grab = ["ffmpeg", "-v", "error", "-y", "-i", path, "-vf", f"select=eq(n\\,{frame})", "-frames:v", "1", folder / name]
            subprocess.run(grab, check=True)
            evidence = (Evidence(frame=frame, time=start, picture=name, region=(0.1, 0.1, 0.5, 0.5)),)
        events.append(
            Event(
                id=f"e-{number}",
                origin="model",
                start=start,
                end=end,
                start_after=start,
                end_before=end,
                title=title[0] if title else f"Event {number}",
                evidence=evidence,
            )
        )
    quiet = examples.quiet()
    return Timeline(
        source=SourceRecord(uri=str(path), camera=camera, duration=duration, width=160, height=120, fps=fps, clock=clock),
        created=quiet.created,
        videoscan=quiet.videoscan,
        profile={"regions": regions} if regions else {},
        describer=quiet.describer,
        events=tuple(events),
        coverage=examples.covered(duration, [0.0], []),
        frames=FrameCounts(decoded=100, sampled=10, kept=1),
    )


@dataclass(frozen=True)
class Seen:
    """A video as FFmpeg's decoder reads it: `times` of its pictures, `halves` (luma of the left and the right one) of each."""

    times: list[float]
    halves: list[tuple[float, float]]
    size: tuple[int, int]
    codecs: tuple[str, ...]
    chapters: list[tuple[float, float, str]]
    duration: float
    heard: np.ndarray

    @property
    def numbers(self):
        """The frames of `numbered` that are shown."""
        return [round((left - FIRST) / STEP) * 10 + round((right - FIRST) / STEP) for left, right in self.halves]

    @property
    def lightest(self):
        return max(map(max, self.halves))

    def loudness(self, start, end):
        """Root mean square of the sound in a stretch, 0 to 1."""
        return float(np.sqrt(np.mean(self.heard[round(start * 48000) : round(end * 48000)] ** 2)))


def seen(path: Path, where: tuple[int, int, int, int] | None = None) -> Seen:
    """`where` is the part of the picture that is looked at: left, top, right, bottom in pixels."""
    times, halves, heard = [], [], [np.zeros((1, 0), np.float32)]
    with av.open(str(path)) as file:
        sound = next(iter(file.streams.audio), None)
        resampler = av.AudioResampler("fltp", "mono", 48000)
        for packet in file.demux(*file.streams.video, *file.streams.audio):
            for frame in packet.decode():
                if packet.stream is sound:
                    heard += [made.to_ndarray() for made in resampler.resample(frame)]
                    continue
                left, top, right, bottom = where or (0, 0, frame.width, frame.height)
                luma = frame.reformat(format="yuv420p").to_ndarray()[top:bottom, left:right].astype(float)
                # What lies between the halves, where an encoder smears, is not looked at.
                edge = max(1, luma.shape[1] * 2 // 5)
                times.append(float(frame.pts * frame.time_base))
                halves.append((float(luma[:, :edge].mean()), float(luma[:, -edge:].mean())))
        video = file.streams.video[0]
        chapters = [
            (float(each["start"] * each["time_base"]), float(each["end"] * each["time_base"]), each["metadata"]["title"])
            for each in file.chapters()
        ]
        codecs = tuple(stream.codec_context.name for stream in (*file.streams.video, *file.streams.audio))
        size = video.codec_context.width, video.codec_context.height
        return Seen(times, halves, size, codecs, chapters, file.duration / av.time_base, np.concatenate(heard, axis=1)[0])


def clips(folder, *timelines, missing=pytest.fail, **options):
    """The clips that are written, as paths."""
    exporter = ClipsExporter(ClipOptions(**options))
    return list(exporter.write_files([Told(timeline) for timeline in timelines], folder, missing))


def reel(path, *timelines, missing=pytest.fail, **options):
    """The reel that is written, as it is seen."""
    with path.open("wb") as out:
        ReelExporter(PadOptions(**options)).write_all([Told(timeline) for timeline in timelines], out, missing)
    return seen(path)
