"""Files of strangers: what they may ask of this machine, and that they open nothing but themselves."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest
from commanding import film
from serving import serving

from videoscan import guarding, scan_sync
from videoscan.config import WindowOptions
from videoscan.core import Core, CoreSpec
from videoscan.errors import SourceError, SourceLost, SourceUnsupported
from videoscan.guarding import Guard
from videoscan.isolation import IsolatedCore
from videoscan.seams import Limits


def guarded(path, backend="pyav", **limits):
    return CoreSpec(
        str(path), {"kind": backend}, {"kind": "interval"}, {"kind": "none"}, WindowOptions(), Limits(), guard=Guard(**limits)
    )


def encoded(path, size, *options):
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"color=black:s={size}:r=1:d=1", *options, path], check=True)
    return path


def test_a_bomb_of_pixels_is_stopped_by_the_limit_of_memory(tmp_path):
    """Some hundred kilobytes that unpack to 300 MB a picture."""
    bomb = encoded(tmp_path / "bomb.mkv", "10000x9900", "-c:v", "png", "-pix_fmt", "rgb24")
    assert bomb.stat().st_size < 500_000
    with pytest.raises(SourceLost, match=r"needs more memory than 536870912 bytes"):
        list(IsolatedCore(guarded(bomb, memory=1 << 29)))


def test_what_a_file_says_of_itself_is_held_to_its_limits(tmp_path, monkeypatch):
    clip, both = film(tmp_path / "clip.mp4", 2), tmp_path / "both.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", clip, "-f", "lavfi", "-i", "sine=d=2", "-c:v", "copy", "-shortest", both], check=True
    )
    for backend in ("pyav", "opencv"):
        for limits, said in (
            ({"pixels": 1000}, "160x120"),
            ({"fps": 5}, "10 pictures per second"),
            ({"duration": 1.5}, "2 s or longer"),
        ):
            with pytest.raises(SourceUnsupported, match=said):
                list(Core(guarded(both, backend, **limits)))
        monkeypatch.setattr(guarding, "_enforced", Guard(streams=1))
        with pytest.raises(SourceUnsupported, match="more than 1 streams" if backend == "pyav" else None):
            list(Core(guarded(both, backend)))
        monkeypatch.setattr(guarding, "_enforced", Guard(streams=2, alone=True))
        assert list(Core(guarded(both, backend, pixels=19_200, fps=10, duration=3)))


def test_a_file_that_says_little_and_goes_on_is_stopped_where_it_may_go(tmp_path):
    """A raw stream declares no length."""
    film(tmp_path / "clip.mp4", 4)
    raw = tmp_path / "clip.h264"
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "clip.mp4", "-c", "copy", raw], check=True)
    with pytest.raises(SourceUnsupported, match="at most 2 s"):
        list(Core(guarded(raw, duration=2)))


@pytest.mark.parametrize("backend", ["pyav", "opencv"])
@pytest.mark.parametrize("kind", ["hls", "hls behind a tag", "concat", "dash"])
def test_a_playlist_leads_to_no_other_file(tmp_path, monkeypatch, kind, backend):
    """Whatever it is called: FFmpeg goes by what is in it."""
    secret = film(tmp_path / "secret.ts", 2)
    list_ = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)
    manifest = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S">'
        '<Period><AdaptationSet mimeType="video/mp2t"><Representation id="1" bandwidth="1"><BaseURL>secret.ts</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>"
    )
    hostile = tmp_path / "holiday.mp4"
    hostile.write_bytes(
        {
            "hls": list_.encode(),
            "hls behind a tag": tag + list_.encode(),
            "concat": b"ffconcat version 1.0\nfile secret.ts\n",
            "dash": manifest.encode(),
        }[kind]
    )
    if kind == "concat" and backend == "pyav":
        assert list(Core(guarded(hostile))), "without the guard it is read: it is the guard that refuses"
    monkeypatch.setattr(guarding, "_enforced", Guard(alone=True))
    with pytest.raises(SourceError):
        list(Core(guarded(hostile, backend)))


def test_a_service_holds_every_job_to_its_limits(tmp_path, roots):
    async def work():
        async with serving(tmp_path, roots=roots, sets=("source.max_duration=3",)) as served:
            ended = await served.until((await served.submit("reel.mp4"))["id"])
            assert ended["state"] == "failed"
            assert "at most 3 s" in ended["error"]["message"]
            assert str(roots[0]) not in json.dumps(ended)
            listed = roots[0] / "list.mp4"
            listed.write_text("ffconcat version 1.0\nfile reel.mp4\n")
            try:
                ended = await served.until((await served.submit("list.mp4"))["id"])
                assert ended["error"]["kind"] == "SourceUnsupported"
            finally:
                listed.unlink()

    asyncio.run(work())


def test_a_preview_is_made_under_the_same_rules(tmp_path):
    """What lies there now may be another file than the one that was scanned."""
    clip = film(tmp_path / "clip.mp4", 2)
    timeline = scan_sync(clip).to_json(indent=None)

    def made():
        asked = {"timeline": timeline, "file": str(clip), "out": str(tmp_path / "preview.mp4"), "bytes": 1 << 30}
        child = [sys.executable, "-m", "videoscan.jobs.previewing"]
        with subprocess.Popen(child, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            said = process.stdout.read()
        return process.returncode, said

    assert made()[0] == 0
    film(tmp_path / "secret.ts", 2)
    clip.write_text("ffconcat version 1.0\nfile secret.ts\n")
    code, said = made()
    assert (code, "error" in said) == (1, True)
