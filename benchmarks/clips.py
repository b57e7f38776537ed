"""Long clips for benchmarks: a made one of plausible bits per picture, and any, repeated without encoding it again."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LOOP = 25
"""Seconds that are encoded; a whole number of keyframe distances of 30 and of 250 pictures."""

_CODECS = {
    "h264": "-c:v libx264 -preset veryfast -crf {crf} -g {gop} -keyint_min {gop} -bf 2 "
    "-x264-params b-adapt=0:scenecut=0:ipratio={ratio}",
    "hevc": "-c:v libx265 -preset superfast -crf {crf} -tag:v hvc1 "
    "-x265-params log-level=error:keyint={gop}:min-keyint={gop}:bframes=2:b-adapt=0:scenecut=0:ipratio={ratio}",
}

_QUALITY = {("h264", False): (27, 1.0), ("h264", True): (28, 1.4), ("hevc", False): (28, 1.0), ("hevc", True): (30, 1.4)}
"""By codec, and whether keyframes are to be large: the quality that is asked for, and how much better a keyframe's is."""

_MOVES = (
    ("x='mod(t*140,2100)-160':y=300", 160, 200),
    ("x='1900-mod(t*90,2100)':y=500", 220, 250),
    ("x='900+400*sin(t*0.7)':y='400+200*cos(t*0.9)'", 280, 300),
    ("x='mod(t*33,2000)-200':y=700", 340, 350),
)
"""What passes through the picture: where it is at `t` seconds, its width and height."""


def street(folder: Path, codec: str, gop: int, *, large_keyframes: bool = False) -> Path:
    """`LOOP` seconds of 1080p30 as a fixed camera sees a street: a still ground, sensor noise, four things that move.

    Encoded with two B-frames. A keyframe is about 11 times as large as another picture and takes about 0.37 (HEVC 0.22) bits a
    pixel; in five recordings of fixed cameras these were 8 to 24 times and 0.2 to 2 bits, 15 times and 0.4 bits in the middle. With
    `large_keyframes`, 26 to 45 times: skipping what lies between saves the least there. Needs ffmpeg. A file that is there already is not
    made again.
    """
    target = folder / f"street-{codec}-{gop}{'-large' if large_keyframes else ''}.mp4"
    if target.exists():
        return target
    rng = np.random.default_rng(3)
    stills = [folder / f"street-{number}.png" for number in range(len(_MOVES) + 1)]
    cv2.imwrite(str(stills[0]), _ground(rng))
    for still, (_, width, height) in zip(stills[1:], _MOVES, strict=True):
        cv2.imwrite(str(still), _texture(rng, width, height, 1.5))
    inputs = [part for still in stills for part in ("-loop", "1", "-framerate", "30", "-i", str(still))]
    laid = [
        f"[{'v' if number else ''}{number}][{number + 1}]overlay={move}[v{number + 1}]"
        for number, (move, _, _) in enumerate(_MOVES)
    ]
    graph = ";".join([*laid, f"[v{len(_MOVES)}]noise=alls=13:allf=t,format=yuv420p"])
    unfinished = target.with_suffix(".part.mp4")
    quality, ratio = _QUALITY[codec, large_keyframes]
    encode = [*_CODECS[codec].format(gop=gop, crf=quality, ratio=ratio).split(), str(unfinished)]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", graph, "-t", str(LOOP), *encode], check=True)
    unfinished.rename(target)
    return target


def _texture(rng: np.random.Generator, width: int, height: int, power: float) -> NDArray[np.uint8]:
    """Blue, green, red; amplitudes fall with frequency to the `power`, as in photographs of things (a lens makes it steeper)."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(width) * width, np.fft.fftfreq(height) * height))
    frequency[0, 0] = 1
    planes: list[NDArray[Any]] = []
    for _ in range(3):
        plane = np.real(np.fft.ifft2(np.fft.fft2(rng.standard_normal((height, width))) / frequency**power))
        planes.append((plane - plane.mean()) / plane.std())
    mixed = np.dstack([planes[0] + 0.3 * plane for plane in planes])
    return np.clip(mixed * 45 + 120, 0, 255).astype(np.uint8)


def _ground(rng: np.random.Generator) -> NDArray[np.uint8]:
    ground = _texture(rng, 1920, 1080, 1.6)
    for _ in range(60):
        left, top, width, height = (int(value) for value in rng.integers((0, 0, 20, 20), (1800, 1000, 300, 300)))
        colour = tuple(int(value) for value in rng.integers(30, 220, 3))
        cv2.rectangle(ground, (left, top), (left + width, top + height), colour, int(rng.choice([-1, 2, 3])))
    mixed = cv2.addWeighted(cv2.GaussianBlur(ground, (0, 0), 1.5), 0.85, _texture(rng, 1920, 1080, 1.6), 0.15, 0)
    return np.asarray(cv2.GaussianBlur(mixed, (0, 0), 1.5), np.uint8)


def repeat(clip: Path, seconds: float, out: Path) -> Path:
    """Write `clip` over and over into `out` until it lasts at least `seconds`; the packets are copied."""
    with av.open(str(clip)) as source:
        stream = source.streams.video[0]
        packets = [packet for packet in source.demux(stream) if packet.dts is not None and packet.pts is not None]
        first = min(packet.pts for packet in packets)
        length = max(packet.pts + (packet.duration or 0) for packet in packets) - first
        with av.open(str(out), "w", format="mp4") as target:
            copy = target.add_stream_from_template(stream)
            copy.time_base = stream.time_base
            times = [(packet.pts, packet.dts) for packet in packets]
            offset = 0
            while offset * stream.time_base < seconds:
                for packet, (pts, dts) in zip(packets, times, strict=True):
                    packet.pts, packet.dts, packet.stream = pts + offset, dts + offset, copy
                    target.mux(packet)
                    # Muxing rewrites the packet's clock to the target's; the next round starts from the source's again.
                    packet.time_base = stream.time_base
                offset += length
    return out
