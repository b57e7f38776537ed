"""`--join` where a recording kills or hangs the decoder: it costs itself from there on, and nothing else changes."""

from __future__ import annotations

import pytest
import recordings
from shared import hold_to_contract

from videoscan import cli
from videoscan.config import WindowOptions
from videoscan.core import Core, CoreSpec
from videoscan.document import Timeline
from videoscan.isolation import Surviving
from videoscan.model import Lost, SourceInfo, Tally, Window
from videoscan.seams import Limits
from videoscan.whereabouts import LOOKING, OPENED

VISITS = ((3.0, 7.0), (15.0, 19.0), (21.0, 23.0))

# Python imports it when it starts, in the child too. Whoever comes so far in a recording of such a name is ended by the system, or hangs.
DEADLY = """
import os, signal, time
from videoscan.sources.pyav import PyAvSource

deadly, hangs = {deadly!r}, {hangs!r}
opened = PyAvSource.open

def open(self, uri):
    footage = opened(self, uri)
    for name, until in deadly.items():
        if name in uri:
            if until < -1.5:
                os.kill(os.getpid(), signal.SIGSEGV)
            footage.__class__ = type("Deadly", (footage.__class__,), dict(frames=frames, until=until, hangs=name in hangs))
    return footage

def frames(self, *args, **options):
    for frame in super(type(self), self).frames(*args, **options):
        if frame.time > self.until:
            if self.hangs:
                time.sleep(600)
            os.kill(os.getpid(), signal.SIGSEGV)
        yield frame

PyAvSource.open = open
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four recordings, of 0 to 6, 10, 16 and 24 seconds."""
    place = tmp_path_factory.mktemp("crash")
    whole = recordings.film(place / "whole.mp4", 24.0, VISITS)
    recordings.cut(whole, place / "rec", (0.0, 6.0, 10.0, 16.0), recordings.by_clock())
    return place / "rec"


@pytest.fixture
def deadly(tmp_path, monkeypatch):
    """Make recordings, by a part of their names, ones that kill or hang whoever reads so far in them, in a process that is started."""

    def make(*hangs, **until):
        place = tmp_path / "deadly"
        place.mkdir()
        (place / "sitecustomize.py").write_text(DEADLY.format(deadly=until, hangs=hangs))
        monkeypatch.setenv("PYTHONPATH", str(place))

    return make


def spec(folder, *faults):
    files = [{"uri": str(path), "clock": f"2026-03-01T23:55:{path.stem[-2:]}+00:00"} for path in sorted(folder.iterdir())]
    for place, reason, until in faults:
        files[place] |= {"fault": reason, "until": until}
    source = {"kind": "joined", "files": files, "order": "clock"}
    return CoreSpec(
        "cam1",
        source,
        {"kind": "interval", "every": 0.5},
        {"kind": "tiles"},
        WindowOptions(max_frames=3, max_seconds=600),
        Limits(sends=False),
    )


def without_timing(items):
    info, *windows, tally = items
    assert isinstance(info, SourceInfo)
    assert all(isinstance(each, Window) for each in windows)
    assert isinstance(tally, Tally)
    return info, windows, (tally.duration, tally.lost, tally.absent, tally.flags, tally.next_index)


def test_recordings_that_kill_or_hang_the_decoder_cost_themselves_from_there_on(folder, deadly):
    deadly("_235510", _235506=OPENED, _235510=3.2)
    told = []
    got = list(Surviving(spec(folder), told.append, patience=4.0))
    crash, hang = "the decoder crashed on it (SIGSEGV)", "the decoder made no progress on it for 4 s and was stopped"
    assert without_timing(got) == without_timing(list(Core(spec(folder, (1, crash, OPENED), (2, hang, 3.0)))))
    assert got[-1].lost == (Lost(6.0, 10.0, crash), Lost(13.0, 16.0, hang))
    assert got[-1].duration == 24.0
    assert [mark.time for window in got[1:-1] for mark in window.marks][-1] == 23.6
    assert [each.position for each in told] == sorted({each.position for each in told})


def test_a_scan_of_it_is_that_of_a_recording_that_cannot_be_read(folder, deadly, tmp_path):
    deadly(_235510=LOOKING)
    code = cli.run(["scan", str(folder), "--join", "--set", "source.isolation=process", "--out", str(tmp_path / "killed")])
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in folder.iterdir():
        (broken / path.name).write_bytes(b"\0" * 5000 if "235510" in path.name else path.read_bytes())
    assert code == cli.run(["scan", str(broken), "--join", "--out", str(tmp_path / "unread")]) == 6
    killed, unread = (
        Timeline.from_json((tmp_path / each / "cam1" / "timeline.json").read_bytes()) for each in ("killed", "unread")
    )
    hold_to_contract(tmp_path / "killed" / "cam1")
    assert killed.events == unread.events
    assert killed.windows == unread.windows
    (lost,) = [span for span in killed.coverage if span.state == "lost"]
    assert (lost.start, lost.end, lost.reason) == (10.0, 16.0, "the decoder crashed on it (SIGSEGV)")
