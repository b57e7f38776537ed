"""Makes the clean clips, the same bytes each time: a moving pattern in which every picture says which one it is."""

from __future__ import annotations

import contextlib
import os
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from tests.fuzz.table import ENCODING, FORMS, SIZES, Recipe

BITS = 8
"""A row of so many blocks, black or white, holds a picture's number."""

ODD = Path(__file__).resolve().parents[3] / "shared" / "data" / "odd"


class NotHere(Exception):
    """This clip cannot be made on this machine."""


def picture(number: int, width: int, height: int) -> np.ndarray:
    """RGB, (height, width, 3): diagonal stripes that move, and `number` as a row of blocks at the top."""
    rows, columns = np.mgrid[0:height, 0:width]
    stripes = ((columns * 3 + rows * 2 + number * 6) % 160 + 40).astype(np.uint8)
    made = np.dstack([stripes, np.roll(stripes, number * 2, 1), np.full_like(stripes, 60 + number * 7 % 120)])
    for bit in range(BITS):
        left, right = bit * width // BITS, (bit + 1) * width // BITS
        made[: height // 3, left:right] = 235 if number >> bit & 1 else 20
    return made


def number(gray: np.ndarray) -> int:
    """Which picture this is, read from its luma, (height, width)."""
    height, width = gray.shape
    centres = [int(gray[height // 9 : height // 4, (2 * bit + 1) * width // (2 * BITS)].mean()) for bit in range(BITS)]
    return sum(1 << bit for bit, light in enumerate(centres) if light > 127)


def stamps(recipe: Recipe) -> list[int]:
    """Presentation times in units of one picture."""
    start = 100 * recipe.rate if recipe.shape == "late" else 0
    pauses = [number + (20 if number >= 20 else 0) + (11 if number >= 33 else 0) for number in range(recipe.pictures)]
    steady = list(range(recipe.pictures))
    return [start + at for at in (pauses if recipe.shape == "vfr" else steady)]


def make(recipe: Recipe, folder: Path) -> Path:
    """The clip, made unless it is there already. Raises `NotHere` when it cannot be."""
    if recipe.muxer == "shared":
        path = ODD / recipe.name.replace("-shared", "")
        if not path.exists():
            raise NotHere("the clips made by others are not here")
        return path
    target = folder / recipe.name
    if target.exists():
        return target
    half = folder / f"{os.getpid()}-{recipe.name}"
    (_pictures if recipe.muxer == "folder" else _video)(recipe, half)
    with contextlib.suppress(OSError):  # another process was quicker
        half.rename(target)
    if half.is_dir():
        shutil.rmtree(half)
    return target


def _pictures(recipe: Recipe, target: Path) -> None:
    target.mkdir()
    for place in range(recipe.pictures):
        bgr = np.ascontiguousarray(picture(place, *recipe.size)[:, :, ::-1])
        done, data = cv2.imencode(f".{recipe.codec}", bgr)
        assert done
        (target / f"{place:03d}.{recipe.codec}").write_bytes(data.tobytes())


def _video(recipe: Recipe, target: Path) -> None:
    try:
        with av.open(str(target), "w", format=recipe.muxer, options={"fflags": "+bitexact", **recipe.muxing}) as out:
            _encode(recipe, out)
    except (av.error.FFmpegError, ValueError, OSError) as error:
        target.unlink(missing_ok=True)
        raise NotHere(f"{recipe.codec} in {recipe.muxer}: {error}") from error


def _encode(recipe: Recipe, out: Any) -> None:
    video = out.add_stream(recipe.codec, rate=recipe.rate)
    width, height = SIZES.get(recipe.codec, recipe.size)
    video.width, video.height, video.pix_fmt = width, height, _form(recipe)
    video.codec_context.time_base = Fraction(1, recipe.rate)
    video.codec_context.gop_size = recipe.group
    video.codec_context.max_b_frames = recipe.reordered
    video.codec_context.thread_count = 1
    video.codec_context.flags |= 1 << 23  # AV_CODEC_FLAG_BITEXACT
    video.options = {"strict": "experimental", **ENCODING.get(recipe.codec, {}), **recipe.encoding}
    sound = _Sound(out, recipe) if recipe.audio else None
    for place, pts in enumerate(stamps(recipe)):
        made = av.VideoFrame.from_ndarray(picture(place, width, height), format="rgb24").reformat(format=video.pix_fmt)
        made.pts, made.time_base = pts, Fraction(1, recipe.rate)
        if sound:
            sound.until(pts / recipe.rate)
        out.mux(video.encode(made))
    out.mux(video.encode(None))
    if sound:
        sound.end()


def _form(recipe: Recipe) -> str:
    if recipe.form or recipe.codec in FORMS:
        return recipe.form or FORMS[recipe.codec]
    possible = [form.name for form in av.Codec(recipe.codec, "w").video_formats or ()]
    return "yuv420p" if not possible or "yuv420p" in possible else possible[0]


class _Sound:
    """A tone beside the pictures."""

    RATE = 44100
    SAMPLES = 1024

    def __init__(self, out: Any, recipe: Recipe) -> None:
        rate = 48000 if recipe.audio == "libopus" or recipe.muxer == "mxf" else self.RATE
        self.out, self.rate = out, rate
        self.stream = out.add_stream(recipe.audio, rate=rate)
        self.stream.layout = "stereo"
        self.stream.bit_rate = 64_000
        self.stream.options = {"strict": "experimental"}
        self.stream.codec_context.flags |= 1 << 23
        self.at = int(stamps(recipe)[0] / recipe.rate * rate)

    def until(self, seconds: float) -> None:
        while self.at < seconds * self.rate:
            wave = np.sin(np.arange(self.at, self.at + self.SAMPLES) * (2 * np.pi * 440 / self.rate)) * 8000
            frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None, :], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = self.rate, self.at, Fraction(1, self.rate)
            self.out.mux(self.stream.encode(frame))
            self.at += self.SAMPLES

    def end(self) -> None:
        self.out.mux(self.stream.encode(None))
