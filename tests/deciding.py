"""Made samples with decisions, for tests of the page that shows them."""

from __future__ import annotations

import functools
import io

import cv2
import numpy as np

from videoscan.model import Mark, Picture, Reason, Sample, SourceInfo, Tally
from videoscan.pages.decisions import About, Decisions
from videoscan.seams import Scale

NOISE = Scale("times that place's own noise", 5.0)
KEPT = {Reason.FIRST, Reason.CHANGED, Reason.CUT, Reason.REFRESH}


def jpeg(number, width, height):
    """One of a hundred pictures: noise, and a bright square that moves with the number."""
    return _drawn(number % 100, width, height)


@functools.cache
def _drawn(number, width, height):
    image = np.random.default_rng(number).integers(60, 90, (height, width, 3), np.uint8)
    left = number * 7 % max(1, width - height // 4)
    image[height // 3 : height // 2, left : left + height // 4] = 230
    return cv2.imencode(".jpg", image)[1].tobytes()


def sample(frame, reason, change=0.0, *, same_as=None, time=None, regions=(), ignored=None, size=(320, 180), zoom=False):
    """A sample as the core gives it to whoever wants explanations; its time is its frame's number over 10 unless given."""
    kept = reason in KEPT
    time = frame / 10 if time is None else time
    pictures = []
    if kept:
        pictures.append(Picture(frame, time, jpeg(frame, *size), b"", "image/jpeg", *size))
        if zoom:
            pictures.append(Picture(frame, time, jpeg(frame, 90, 90), b"", "image/jpeg", 90, 90, zoom_of=frame))
    mark = Mark(
        frame, time, kept, reason, same_as, change, regions[0] if regions else None, regions=tuple(regions), ignored=ignored
    )
    return Sample(mark, keyframe=frame % 50 == 0, pictures=tuple(pictures), thumbnail=jpeg(frame, 160, 90))


def still(kept=0, count=3, change=1.0, *, start=None, **more):
    """`count` dropped samples, one a second, that `kept` stands for."""
    start = kept + 10 if start is None else start
    return [sample(start + 10 * i, Reason.UNCHANGED, change, same_as=kept, **more) for i in range(count)]


def day():
    """A small day: something comes, nearly nothing happens twice, the first scene is back, it is shown again, something is thinned."""
    mask = np.zeros((90, 160), np.uint8)
    mask[2:8, 4:60] = 1
    return [
        sample(0, Reason.FIRST),
        *still(0, 4, 1.5),
        sample(50, Reason.CHANGED, 27.0, regions=((0.4, 0.5, 0.5, 0.8), (0.1, 0.1, 0.12, 0.14)), ignored=mask, zoom=True),
        sample(60, Reason.UNCHANGED, 4.6, same_as=50),
        sample(70, Reason.CHANGED, 5.4, regions=((0.45, 0.5, 0.55, 0.8),), ignored=mask),
        *still(0, 2, 2.0, start=80),
        sample(100, Reason.REFRESH, 1.0),
        *still(100, 30, 1.2),
        sample(410, Reason.CUT, 60.0),
        sample(420, Reason.THINNED, 40.0, same_as=410),
        sample(430, Reason.THINNED, 41.0, same_as=410),
    ]


INFO = SourceInfo("/footage/gate.mp4", 320, 180, 10.0, codec="h264")


def about(**more):
    return About(**{"uri": "/footage/gate.mp4", "info": INFO, "settings": '[dedup]\nkind = "tiles"', "scale": NOISE, **more})


def page(samples, folder, told=None, *, tally=None, out=None, **options):
    """The page's text."""
    out = io.BytesIO() if out is None else out
    samples = list(samples)
    with Decisions(folder, **options) as decisions:
        for each in samples:
            decisions.add(each)
        end = samples[-1].mark.time + 1.0 if samples else 0.0
        decisions.write(out, told or about(), tally or Tally(end, len(samples)))
    return out.getvalue().decode() if isinstance(out, io.BytesIO) else None
