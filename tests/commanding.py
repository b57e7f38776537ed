"""What the tests of the command line share."""

from __future__ import annotations

import json
import subprocess
import sys

ENTRY = [sys.executable, "-m", "videoscan"]
NEVER = 600.0
FEW = ("--set", "windows.max_frames=3", "--set", "windows.overlap_frames=0")


def film(path, seconds=4, *, size="160x120", rate=10):
    """A clip in which every frame differs from the last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"testsrc2=s={size}:r={rate}:d={seconds}"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-g", "10", "-y", path], check=True
    )
    return path


def visits(path, seconds=12):
    """A still scene in which somebody shows up two seconds in every four, each time elsewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    boxes = (
        f"drawbox=x={10 + 35 * (n % 4)}:y={5 + 20 * (n % 3)}:w=20:h=30:color=white:t=fill:enable='between(t,{4 * n + 1},{4 * n + 3})'"
        for n in range(seconds // 4 + 1)
    )
    scene = ",".join([f"color=c=0x606060:s=160x90:r=5:d={seconds},noise=alls=4:allf=t", *boxes])
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", scene, "-pix_fmt", "yuv420p", "-g", "10", "-y", path], check=True
    )
    return path


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


def left_over(folder):
    """Temporary files: what a reader must never see."""
    return [path for path in folder.rglob("*") if path.name.startswith(".")]


def bad_file(folder, kind):
    path = folder / f"{kind}.mp4"
    if kind == "text":
        path.write_text("not a video at all\n" * 50)
    elif kind == "empty":
        path.touch()
    elif kind == "audio":
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", path], check=True)
    elif kind == "no-moov":
        path.write_bytes(film(folder / "whole.mp4", 1).read_bytes()[:2000])
    return path
