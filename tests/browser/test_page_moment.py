"""A click on an event shows the very picture that is its evidence: where a recording begins late, and its pictures come as they like."""

from __future__ import annotations

import functools
import itertools
import shutil
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from serving import Standing

from videoscan.testing.model_server import ModelServer, event, ok

SAMPLES = Path(__file__).parents[2] / "samples"
EVERY = (
    "sampler.kind=interval",
    "sampler.every=0.9",
    "dedup.kind=none",
    "windows.max_frames=2",
    "windows.overlap_frames=0",
    "describer.probe=never",
    "summary.enabled=false",
)
SECOND = 90_000
BITS = 7


def late(path: Path) -> Path:
    """A film that begins at 0.73 s of its file; its pictures come 11 to 140 ms apart, and each shows its own number, in bars."""
    rng = np.random.default_rng(3)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 16 * BITS, 64, "yuv420p", 12
        stream.options = {"preset": "ultrafast", "bf": "2", "crf": "12"}
        stream.codec_context.time_base = stream.time_base = Fraction(1, SECOND)
        at = round(0.73 * SECOND)
        for number in range(1 << BITS):
            bars = np.repeat([235 if number >> bit & 1 else 20 for bit in range(BITS)], 16).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.tile(bars[None, :, None], (64, 1, 3)), format="rgb24")
            frame.pts, frame.time_base = at, stream.codec_context.time_base
            out.mux(stream.encode(frame))
            at += int(rng.integers(11, 140)) * SECOND // 1000 + int(rng.integers(0, 89))
        out.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage").resolve()
    shutil.copy(SAMPLES / "phone-vfr.mp4", root / "phone.mp4")
    late(root / "made.mp4")
    return root


@pytest.fixture(scope="module")
def service(tmp_path_factory, footage):
    number = itertools.count()
    with (
        ModelServer.in_thread(lambda _request: ok([event(f"Seen {next(number)}", 1, 2)])) as model,
        Standing(
            tmp_path_factory.mktemp("moments") / "data", roots=(footage,), endpoint=model.url, model="m", sets=EVERY
        ) as standing,
    ):
        yield standing


SIDE = 64
SHOWN = """side => {
    const video = document.querySelector("video");
    if (!(video?.readyState >= 2)) return null;
    const paint = new OffscreenCanvas(side, side).getContext("2d");
    paint.drawImage(video, 0, 0, side, side);
    return Array.from(paint.getImageData(0, 0, side, side).data.filter((_, at) => at % 4 === 1));
}"""


def pictures(path, turn):
    """All pictures of a file, upright and small."""
    with av.open(str(path)) as container:
        frames = [np.rot90(frame.to_ndarray(format="gray"), -(turn // 90)) for frame in container.decode(video=0)]
    return np.stack([cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for frame in frames]).astype(np.float32)


def shows(page, known, wanted):
    """Waits until the page shows that picture, or one that nobody could tell from it: of all that the file has, the nearest."""
    end = time.monotonic() + 20
    nearest = []
    while time.monotonic() < end:
        shown = page.evaluate(SHOWN, SIDE)
        if shown is None:
            continue
        seen = np.array(shown, np.float32).reshape(SIDE, SIDE)
        away = np.abs(known - seen).mean((1, 2))
        nearest = np.flatnonzero(away <= away.min() + 0.5)
        if wanted in nearest:
            break
    assert wanted in nearest
    return len(nearest)


@pytest.fixture(scope="module")
def scanned(service, footage):
    """A job of a file that is done, what it told, and all pictures of the file."""

    @functools.cache
    def scan(name):
        job = service.submit(name)["id"]
        service.until(job)
        told = service.call("GET", f"/jobs/{job}/timeline")
        return job, told, pictures(footage / name, told["source"]["rotation"])

    return scan


def test_an_event_a_picture_of_it_and_a_link_show_the_very_picture_that_is_the_evidence(open_site, service, scanned):
    job, told, known = scanned("made.mp4")
    frames = [[each["frame"] for each in event["evidence"]] for event in told["events"]]
    page = open_site(service, f"#/jobs/{job}")
    rows = page.locator(".rows .row-event")
    rows.first.wait_for()
    # The last one first: it lies beyond what the browser takes for the end, until it has read on.
    for place in (len(frames) - 1, 1, 2):
        rows.nth(place).click()
        assert shows(page, known, frames[place][0]) == 1, "no other picture is as near"
    page.locator(".shot-picture").last.click()
    shows(page, known, frames[2][-1])
    rows.nth(3).click()
    page.wait_for_url(f"**event={told['events'][3]['id']}")
    page.reload()
    shows(page, known, frames[3][0])


def test_a_browser_that_does_not_say_which_picture_it_shows_shows_the_same(open_site, service, scanned):
    job, told, known = scanned("made.mp4")
    silent = "delete HTMLVideoElement.prototype.requestVideoFrameCallback"
    page = open_site(service, f"#/jobs/{job}?event={told['events'][1]['id']}", before=lambda page: page.add_init_script(silent))
    assert shows(page, known, told["events"][1]["evidence"][0]["frame"]) == 1


def test_a_phone_held_upright_that_began_late_shows_the_moment_the_light_went_off(open_site, service, scanned):
    job, told, known = scanned("phone.mp4")
    assert (told["source"]["start_time"], told["source"]["rotation"]) == (0.48, 90)
    dark = next(n for n, event in enumerate(told["events"]) if event["evidence"][0]["frame"] == 90)
    page = open_site(service, f"#/jobs/{job}")
    page.locator(".rows .row-event").nth(dark).click()
    assert shows(page, known, 90) < 30
    assert np.abs(known[90] - known[89]).mean() > 20, "the picture before would have been told from it"
