"""A made scene: draws the picture of any moment, with and without what happens in it, as samples, as a coded stream or as a film."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext

from videoscan.model import Frame
from videoscan.reading.bursts import MOST
from videoscan.testing.disturbances.coding import Coding
from videoscan.testing.disturbances.light import FIELD
from videoscan.testing.disturbances.planes import plane
from videoscan.testing.scenes import ArrayPixels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from videoscan.model import Bgr, Gray
    from videoscan.testing.disturbances.cast import Actor
    from videoscan.testing.disturbances.coding import Coded
    from videoscan.testing.disturbances.lens import Air, Clock, Infrared, Noise, Shake
    from videoscan.testing.disturbances.light import Lamp, Light
    from videoscan.testing.disturbances.planes import Plane
    from videoscan.testing.disturbances.scenery import Scenery
    from videoscan.testing.disturbances.stage import Stage
    from videoscan.testing.disturbances.truth import Truth

INDEX_RATE = 25
"""Source pictures per second that the frames' indices stand for."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A scene and its truth. Everything depends on the time and the seed alone, so any moment may be asked for in any order."""

    name: str
    stage: Stage
    truth: Truth
    cast: tuple[Actor, ...]
    noise: Noise
    scenery: tuple[Scenery, ...] = ()
    lights: tuple[Light, ...] = ()
    lamps: tuple[Lamp, ...] = ()
    """The lights whose switching is an event."""
    air: tuple[Air, ...] = ()
    shake: Shake | None = None
    infrared: Infrared | None = None
    clocks: tuple[Clock, ...] = ()
    coded: Coded | None = None
    """How its samples are coded before a deduplicator gets them; `None`: not at all."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.stage.width, self.stage.height

    def picture(self, time: float, *, empty: bool = False) -> Gray:
        """Luma (height, width) at `time`, not coded.

        `empty`: as if nothing had happened by then (the car still parked), with the same disturbance to the last bit of its noise.
        """
        return self.noise_and_clock(self.light(time, empty=empty), time)

    def light(self, time: float, *, empty: bool = False) -> Plane:
        """What falls on the sensor: the picture before its noise and the clock."""
        canvas = self.stage.luma.copy()
        for part in self.scenery:
            part.draw(canvas, time)
        for actor in self.cast:
            actor.draw(canvas, self.stage, -math.inf if empty else time)
        self._lighten(canvas, time, empty=empty)
        seen = self._through_the_lens(canvas, time, empty=empty)
        for thing in self.air:
            thing.draw(seen, time)
        if self.infrared and self.infrared.on(time):
            seen = self.infrared.seen(seen)
        return seen

    def noise_and_clock(self, light: Plane, time: float) -> Gray:
        """What the sensor and the camera's writing make of the light, in whole grey levels."""
        luma = self.noise.over(light, time)
        for clock in self.clocks:
            clock.over(luma, time)
        return luma

    def bgr(self, time: float) -> Bgr:
        """The picture in colour; without any while the camera sees by infrared."""
        return np.asarray(cv2.cvtColor(self._yuv(time), cv2.COLOR_YUV2BGR_I420), np.uint8)

    def times(self, every: float = 1.0) -> list[float]:
        """When it is sampled."""
        return [number * every for number in range(math.ceil(self.truth.duration / every - 1e-9))]

    def frames(self, every: float = 1.0) -> Iterator[Frame]:
        """The scene sampled once in `every` seconds, coded and decoded on the way if the scene is a coded one.

        What follows a frame (`videoscan.model.Frame`) is what a camera of `INDEX_RATE` would have shown; a coded scene has nothing there.
        """
        pictures = self._decoded(every) if self.coded else ((self.picture(time), True) for time in self.times(every))
        step = max(1, round(every * INDEX_RATE))
        for number, (time, (luma, keyframe)) in enumerate(zip(self.times(every), pictures, strict=True)):
            after = None if self.coded else functools.partial(self._following, time)
            yield Frame(number * step, time, keyframe=keyframe, pixels=ArrayPixels(luma), following=after)

    def _following(self, time: float) -> Iterator[ArrayPixels]:
        return (ArrayPixels(self.picture(time + number / INDEX_RATE)) for number in range(1, MOST + 1))

    def film(
        self,
        path: Path,
        *,
        codec: str = "libx264",
        gop: int = 50,
        fps: int = 10,
        bitrate: int | None = None,
        crf: int = 23,
        bframes: int = 0,
    ) -> Truth:
        """Write the scene as a video file, and its truth as ``PATH.truth.json`` beside it. The suffix chooses the container.

        `gop` is pictures from keyframe to keyframe, `bitrate` bits per second; without one, `crf` sets the quality.
        """
        coding = Coding(codec, gop, Fraction(fps).limit_denominator(1001), bitrate, crf, bframes)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(coding.codec, rate=coding.fps, options=coding.options())
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = *self.size, "yuv420p"
            for frame in self._shown(coding):
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        self.truth.write(path.with_name(path.name + ".truth.json"))
        return self.truth

    def _lighten(self, canvas: Plane, time: float, *, empty: bool) -> None:
        whole, places = 1.0, None
        for light in (*self.lights, *(() if empty else self.lamps)):
            gain = light.gain(time)
            if isinstance(gain, float | int):
                whole *= gain
            else:
                places = gain if places is None else places * gain
        if places is not None:
            assert places.shape == FIELD
            cv2.multiply(canvas, cv2.resize(plane(places * whole), canvas.shape[::-1], interpolation=cv2.INTER_LINEAR), canvas)
        elif whole != 1:
            canvas *= whole

    def _through_the_lens(self, canvas: Plane, time: float, *, empty: bool) -> Plane:
        width, height = self.size
        margin = self.stage.margin
        if self.shake is None:
            return canvas[margin : margin + height, margin : margin + width]
        moved = [pixels * height / 720 for pixels in self.shake.offset(time, knocked=not empty)]
        whole = [math.floor(pixels) for pixels in moved]
        top, left = (min(margin, max(-margin, pixels)) for pixels in (whole[1], whole[0]))
        kernels = [_between(pixels - base) for pixels, base in zip(moved, whole, strict=True)]
        canvas = plane(cv2.sepFilter2D(canvas, -1, kernels[0], kernels[1], borderType=cv2.BORDER_REPLICATE))
        return canvas[margin - top : margin - top + height, margin - left : margin - left + width].copy()

    def _yuv(self, time: float) -> Gray:
        width, height = self.size
        whole = np.full((height * 3 // 2, width), 128, np.uint8)
        whole[:height] = self.picture(time)
        if not (self.infrared and self.infrared.on(time)):
            whole[height:] = np.concatenate([colour.reshape(-1) for colour in self.stage.chroma]).reshape(-1, width)
        return whole

    def _shown(self, coding: Coding) -> Iterator[av.VideoFrame]:
        for number in range(math.ceil(self.truth.duration * coding.fps - 1e-9)):
            frame = av.VideoFrame.from_ndarray(self._yuv(float(number / coding.fps)), format="yuv420p")
            frame.pts, frame.time_base = number, 1 / coding.fps
            yield frame

    def _decoded(self, every: float) -> Iterator[tuple[Gray, bool]]:
        assert self.coded
        coding = self.coded.coding(every, self.size)
        height = self.size[1]
        reader = av.CodecContext.create("h264" if coding.codec == "libx264" else "hevc", "r")
        assert isinstance(reader, VideoCodecContext)
        reader.thread_count = 1
        step = round(float(coding.fps) * every)
        number = 0
        for packet in itertools.chain(self._packets(coding), (None,)):
            for frame in reader.decode(packet):
                if number % step == 0:
                    yield np.ascontiguousarray(frame.to_ndarray()[:height]), bool(frame.key_frame)
                number += 1

    def _packets(self, coding: Coding) -> Iterator[av.Packet[av.VideoStream]]:
        coder = av.CodecContext.create(coding.codec, "w")
        assert isinstance(coder, VideoCodecContext)
        (coder.width, coder.height), coder.pix_fmt = self.size, "yuv420p"
        coder.time_base, coder.framerate = 1 / coding.fps, coding.fps
        coder.options = coding.options()
        for frame in itertools.chain(self._shown(coding), (None,)):
            yield from coder.encode(frame)


def _between(fraction: float) -> Plane:
    """Catmull and Rom's weights of four neighbours (Keys 1981, a = -0.5) that move a signal by a fraction of a pixel, 0..1."""
    away = np.abs(np.arange(-2, 3) + fraction)
    near, far = 1 + away**2 * (1.5 * away - 2.5), 2 + away * (-4 + away * (2.5 - 0.5 * away))
    return plane(np.where(away < 1, near, np.where(away < 2, far, 0))).reshape(-1, 1)
