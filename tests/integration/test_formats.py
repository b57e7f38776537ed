"""Every format from footage to server, over a real socket: the type that is declared is that of the bytes, no picture is over the limit, all decode."""

import base64
import re

import cv2
import numpy as np
import pytest
from shared import hold_to_contract

import videoscan
from videoscan import patience
from videoscan.testing.model_server import ModelServer
from videoscan.testing.received import MAGIC

LIMIT = 10_000_000
"""Characters of one picture's Base64 text, unless an endpoint is known to take more or less (CONTRACT, section 5)."""


@pytest.fixture(scope="module")
def stills(tmp_path_factory):
    """A drawn picture, and noise of 1900 x 1450 pixels: 8.3 MB as it is, 11 MB as Base64 text."""
    folder = tmp_path_factory.mktemp("stills")
    plain = np.full((1450, 1900, 3), (90, 120, 60), np.uint8)
    cv2.circle(plain, (1000, 700), 300, (20, 20, 220), -1)
    cv2.imwrite(str(folder / "0.png"), plain)
    noise = np.random.default_rng(1).integers(0, 256, plain.shape, np.uint8)
    cv2.imwrite(str(folder / "1.bmp"), noise)
    return folder


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "bmp", "tiff"])
def test_what_a_server_gets_is_what_it_is_said_to_be_and_shows_what_was_filmed(stills, tmp_path, form):
    sets = (f"windows.format={form}", "windows.long_side=1900", "windows.quality=100", "describer.probe=never")
    with ModelServer.in_thread() as server, patience.instantly():
        timeline = videoscan.scan_sync(stills, out=tmp_path / "out", endpoint=server.url, model="test-model", sets=sets)
    (request,) = server.requests
    parts = [part["image_url"]["url"] for part in request.body["messages"][-1]["content"] if part["type"] == "image_url"]
    assert len(parts) == 2
    for url, saved in zip(parts, sorted((tmp_path / "out" / "frames").iterdir()), strict=True):
        declared, text = re.fullmatch(r"data:image/([a-z]+);base64,([A-Za-z0-9+/]+={0,2})", url).groups()
        data = base64.b64decode(text, validate=True)
        assert declared == form
        assert data.startswith(MAGIC[f"image/{form}"])
        assert len(text) <= LIMIT
        assert data == saved.read_bytes()
        assert saved.suffix == (".jpg" if form == "jpeg" else f".{form}")
    drawn, noise = (cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in request.pictures)
    height, width = drawn.shape[:2]
    assert np.allclose(drawn[height // 2, round(width * 1000 / 1900)], (20, 20, 220), atol=6)
    assert np.allclose(drawn[10, 10], (90, 120, 60), atol=6)
    # Only what is too large is made smaller, and no smaller than it must be.
    assert noise.shape[1] / noise.shape[0] == pytest.approx(1900 / 1450, rel=0.01)
    assert noise.shape[1] >= 0.7 * 1900
    assert (noise.shape[1] < 1900) == (form in {"png", "bmp", "tiff"})
    assert timeline.complete
    hold_to_contract(tmp_path / "out")
