"""How a made scene is coded: as a camera does it, at a rate and with keyframes as far apart as one likes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Coding:
    """`gop` pictures from keyframe to keyframe, `fps` pictures per second, `bitrate` bits per second (`None`: quality by `crf`).

    Rate control is a camera's: no look-ahead, no B-pictures unless `bframes` says so, half a second of buffer, so that at a low
    rate each keyframe comes out coarse and is refined by those after it.
    """

    codec: str
    gop: int
    fps: Fraction
    bitrate: int | None = None
    crf: int = 23
    bframes: int = 0
    preset: str = "superfast"

    def options(self) -> dict[str, str]:
        """For FFmpeg. One thread codes, so that any machine makes the same of it; no keyframes but those of the GOP."""
        own = {
            "keyint": self.gop, "min-keyint": self.gop, "scenecut": 0, "bframes": self.bframes, "open-gop": 0,
            "rc-lookahead": self.bframes and self.bframes + 1, "repeat-headers": 1,
        }  # fmt: skip
        if self.bitrate:
            kilobits = max(1, self.bitrate // 1000)
            own |= {"bitrate": kilobits, "vbv-maxrate": kilobits, "vbv-bufsize": max(1, kilobits // 2)}
        else:
            own |= {"crf": self.crf}
        if self.codec == "libx264":
            own |= {"mbtree": 0, "sync-lookahead": 0}
            return {"preset": self.preset, "threads": "1", "x264-params": _joined(own)}
        own |= {"log-level": 0, "pools": 1, "frame-threads": 1, "info": 0}
        return {"preset": self.preset, "x265-params": _joined(own)}


@dataclass(frozen=True, slots=True)
class Coded:
    """How a scene's samples are coded whatever the sampling: a keyframe each `gop` seconds, `bits` per pixel."""

    codec: str
    gop: float
    bits: float
    preset: str = "superfast"
    least: int = 3

    def coding(self, every: float, size: tuple[int, int]) -> Coding:
        """`least` pictures a second or more, such that one of them falls on each sample."""
        fps = Fraction(math.ceil(self.least * every - 1e-9)) / Fraction(every).limit_denominator(1000)
        bitrate = round(self.bits * size[0] * size[1] * fps)
        return Coding(self.codec, max(1, round(self.gop * fps)), fps, bitrate, preset=self.preset)


def _joined(options: dict[str, int]) -> str:
    return ":".join(f"{key}={value}" for key, value in options.items())
