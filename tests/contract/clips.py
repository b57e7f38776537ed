"""Clips that trip decoders up, made with the ffmpeg program; and ffprobe's word on what is in them."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from videoscan.testing.sources import Clip

needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="the ffmpeg program, which makes the clips, is not installed"
)

X264 = "-c:v libx264 -preset veryfast -pix_fmt yuv420p"
PICTURE = "-f lavfi -i testsrc2=size=192x108:rate=30:duration={seconds}"

RECIPES = {
    "bframes.mp4": f"{PICTURE.format(seconds=4)} {X264} -g 30 -bf 3",
    "longgop.mp4": f"{PICTURE.format(seconds=10)} {X264} -g 250 -bf 2",
    "vfr.mp4": f"{PICTURE.format(seconds=8)} -vf select='lt(mod(n\\,37)\\,9)+not(mod(n\\,50))' -vsync vfr {X264} -g 12 -bf 2",
    "gap.mp4": f"{PICTURE.format(seconds=8)} -vf select='lt(t\\,3)+gt(t\\,6.5)' -vsync vfr {X264} -g 20 -bf 3",
    "offset.ts": f"{PICTURE.format(seconds=4)} {X264} -g 30 -bf 2 -output_ts_offset 100",
    "offset.mkv": f"{PICTURE.format(seconds=4)} {X264} -g 30 -bf 2 -output_ts_offset 101.4",
    "opengop.mp4": f"{PICTURE.format(seconds=6)} {X264} -g 30 -x264-params open-gop=1:scenecut=0:bframes=3:b-adapt=0",
    "opengop.ts": f"{PICTURE.format(seconds=6)} {X264} -g 30 -x264-params open-gop=1:scenecut=0:bframes=3:b-adapt=0",
    "mpeg4.avi": f"{PICTURE.format(seconds=3)} -c:v mpeg4 -g 15",
    "mpeg2.ts": f"{PICTURE.format(seconds=3)} -c:v mpeg2video -g 15 -bf 2 -q:v 6",
    "motion.mkv": f"{PICTURE.format(seconds=2)} -c:v mjpeg -q:v 8 -pix_fmt yuvj420p",
    "vp9.webm": f"{PICTURE.format(seconds=2)} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 20",
    "hevc.mp4": f"{PICTURE.format(seconds=3)} -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=30",
    "oddsize.mp4": "-f lavfi -i testsrc2=size=101x67:rate=10:duration=3 -c:v libx264 -pix_fmt yuv444p -g 10",
    "sound.mp4": f"{PICTURE.format(seconds=4)} -f lavfi -i sine=duration=4.2 {X264} -g 30 -c:a aac",
    "single.mp4": f"{PICTURE.format(seconds=0.03)} {X264}",
}
"""What ffmpeg is told, by the clip's name."""


def ffmpeg(arguments: str, target: Path, *inputs: Path) -> Path:
    given = [part for path in inputs for part in ("-i", str(path))]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *given, *arguments.split(), str(target)], check=True)
    return target


@cache
def made(folder: Path, name: str) -> Path:
    target = folder / name
    return target if target.exists() else ffmpeg(RECIPES[name], target)


def turned(folder: Path, degrees: int) -> Path:
    target = folder / f"turned{degrees}.mp4"
    if not target.exists():
        ffmpeg(f"-c copy -metadata:s:v rotate={degrees}", target, made(folder, "bframes.mp4"))
    return target


def damaged(source: Path, target: Path, *, start: float, end: float) -> Path:
    """A copy with the bytes from `start` to `end` (shares of its size) zeroed."""
    data = bytearray(source.read_bytes())
    first, last = int(len(data) * start), int(len(data) * end)
    data[first:last] = bytes(last - first)
    target.write_bytes(data)
    return target


def truncated(source: Path, target: Path, share: float) -> Path:
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


@cache
def probe(path: Path) -> Clip:
    """ffprobe's times (best effort), keyframes, size and rotation."""
    answer = subprocess.run(
        ["ffprobe", "-v", "quiet", "-select_streams", "v:0", "-show_frames", "-show_streams", "-of", "json", str(path)],
        check=True,
        capture_output=True,
    )
    found = json.loads(answer.stdout)
    stream = found["streams"][0]
    stamped = [(float(frame["best_effort_timestamp_time"]), frame["key_frame"]) for frame in found["frames"]]
    zero = stamped[0][0]
    turn = next((side["rotation"] for side in stream.get("side_data_list", []) if "rotation" in side), 0)
    rotation = -round(turn) % 360
    width, height = stream["width"], stream["height"]
    if rotation in {90, 270}:
        width, height = height, width
    return Clip(
        str(path),
        times=tuple(time - zero for time, _ in stamped),
        width=width,
        height=height,
        rotation=rotation,
        start_time=zero,
        keyframes=tuple(time - zero for time, key in stamped if key),
    )


def first_picture(path: Path, width: int, height: int) -> bytes:
    """The first picture as ffmpeg shows it: upright, blue first."""
    answer = subprocess.run(
        ["ffmpeg", "-v", "quiet", "-i", str(path), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "bgr24", "-"],
        check=True,
        capture_output=True,
    )
    assert len(answer.stdout) == width * height * 3
    return answer.stdout
