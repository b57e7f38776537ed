"""The core in a child process: a decoder's crash or hang is an error of that file, and no child outlives its parent.

The sources here come through the strangers' door: a distribution of their own with an entry point, as a plug-in would.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import psutil
import pytest

from videoscan.config import WindowOptions
from videoscan.core import Core, CoreSpec
from videoscan.errors import ConfigError, SourceLost, SourceNotFound
from videoscan.guarding import Guard
from videoscan.isolation import IsolatedCore
from videoscan.model import SourceInfo, Tally, Window
from videoscan.seams import Limits

MODULE = """
import os, signal, sys, time
import numpy as np
from videoscan.config import Options
from videoscan.errors import SourceNotFound
from videoscan.model import Frame, SourceInfo, Tally

class Pixels:
    size = (64, 48)
    def __init__(self, value): self.value = value
    def gray(self, width, height): return np.full((height, width), self.value, np.uint8)
    def bgr(self, long_side=None): return np.full((48, 64, 3), self.value, np.uint8)

class Made:
    def __init__(self, uri): self.info = SourceInfo(uri, 64, 48, 1.0)
    def frames(self, sampler, *, start=0.0, end=None, warm_up=0.0, seek=False):
        for i in range(6):
            if i == 3: self.trouble()
            yield Frame(i, float(i), True, Pixels(40 * i % 250))
    def trouble(self):
        what = self.info.uri
        if what == "crash": os.kill(os.getpid(), signal.SIGSEGV)
        if what == "exit": os._exit(7)
        if what == "hang": time.sleep(600)
        if what == "greedy": np.ones(3 << 30, np.uint8)
        while what == "busy": pass
        if what == "fault": raise ZeroDivisionError("deep inside")
    def tally(self): return Tally(6.0, 6)
    def close(self): pass

class MadeSource:
    class Options(Options): pass
    def __init__(self, options): pass
    def open(self, uri):
        if uri == "missing": raise SourceNotFound("there is no file missing", hint="check the path")
        return Made(uri)
"""


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """A distribution with one source, on the path of this process and of its children."""
    (tmp_path / "stranger_source.py").write_text(MODULE)
    info = tmp_path / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[videoscan.sources]\nmade = stranger_source:MadeSource\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def spec(uri):
    return CoreSpec(uri, {"kind": "made"}, {"kind": "interval"}, {"kind": "none"}, WindowOptions(max_frames=2), Limits())


def shape(items):
    return [
        (type(item).__name__, [picture.frame for picture in item.pictures] if isinstance(item, Window) else None)
        for item in items
    ]


def test_a_child_gives_what_a_thread_gives(stranger):
    alone, child = list(Core(spec("fine"))), list(IsolatedCore(spec("fine")))
    assert shape(alone) == shape(child)
    assert isinstance(child[0], SourceInfo)
    assert isinstance(child[-1], Tally)
    assert child[1:-1] == alone[1:-1]


def test_progress_reaches_the_parent(stranger):
    told = []
    list(IsolatedCore(spec("fine"), told.append))
    assert told[-1].position == 5.0
    assert (told[-1].sampled, told[-1].kept) == (6, 6)


@pytest.mark.parametrize(("uri", "cause"), [("crash", "SIGSEGV"), ("exit", "exit code 7")])
def test_a_crash_of_the_decoder_is_an_error_of_that_file_after_the_windows_before_it(stranger, uri, cause):
    got = []
    with pytest.raises(SourceLost, match=f"crashed on {uri} .*{cause}") as caught:
        for item in IsolatedCore(spec(uri)):
            got.append(item)
    assert shape(got)[0] == ("SourceInfo", None)
    assert caught.value.exit_code == 3


def test_a_hang_ends_within_patience(stranger):
    got = []
    with pytest.raises(SourceLost, match="made no progress on hang for 1 s"):
        for item in IsolatedCore(spec("hang"), patience=1.0):
            got.append(item)
    assert shape(got) == [("SourceInfo", None), ("Window", [0, 1])]


def test_an_error_crosses_with_its_hint(stranger):
    with pytest.raises(SourceNotFound) as caught:
        list(IsolatedCore(spec("missing")))
    assert (caught.value.message, caught.value.hint) == ("there is no file missing", "check the path")


def test_a_process_that_wants_too_much_memory_or_time_is_an_error_of_that_file(stranger):
    with pytest.raises(SourceLost, match="needs more memory than 1073741824 bytes"):
        list(IsolatedCore(replace(spec("greedy"), guard=Guard(memory=1 << 30))))
    with pytest.raises(SourceLost, match="took more than 1 s of processor time"):
        list(IsolatedCore(replace(spec("busy"), guard=Guard(cpu=1.0))))


def test_any_other_fault_becomes_a_sentence(stranger):
    with pytest.raises(SourceLost, match="reading fault failed: ZeroDivisionError: deep inside"):
        list(IsolatedCore(spec("fault")))


def test_a_bad_option_is_a_configuration_error_there_too(stranger):
    bad = CoreSpec("fine", {"kind": "made"}, {"kind": "interval", "evry": 2}, {"kind": "none"}, WindowOptions(), Limits())
    with pytest.raises(ConfigError, match="evry"):
        list(IsolatedCore(bad))


def test_stopping_kills_the_child(stranger):
    core = IsolatedCore(spec("hang"), patience=600)
    items = iter(core)
    next(items)
    (child,) = [each for each in psutil.Process().children() if "spawn_main" in " ".join(each.cmdline())]
    core.stop()
    list(items)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_the_child_dies_with_its_parent_however_that_ends(stranger, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys, psutil
            from videoscan.config import WindowOptions
            from videoscan.core import CoreSpec
            from videoscan.isolation import IsolatedCore
            from videoscan.seams import Limits

            if __name__ == "__main__":
                spec = CoreSpec("hang", {"kind": "made"}, {"kind": "interval"}, {"kind": "none"}, WindowOptions(), Limits())
                items = iter(IsolatedCore(spec, patience=600))
                next(items)
                print(*[c.pid for c in psutil.Process().children() if "spawn_main" in " ".join(c.cmdline())], flush=True)
                next(items)
            """
        )
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
        psutil.wait_procs([child], timeout=10)
        assert not child.is_running()
    finally:
        parent.kill()
        parent.stdout.close()
        parent.wait()
