"""A watch ends within two seconds of being told to, whatever its camera or its model is doing just then."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import threading
import time

import pytest
from commanding import ENTRY, film
from serving import serving
from stopwatch import Stopwatch
from streaming import Web
from streams import STREAMS, WATCH, until

from tests.faults.camera import free_port
from videoscan.live.reader import LEAVING
from videoscan.live.stream import LiveOptions, RealtimeSource, StreamOptions, StreamSource
from videoscan.testing.model_server import ModelServer, Turn, ok
from videoscan.watching.camera import Shared
from videoscan.watching.starting import Planned

SOON = 2.0


@contextlib.contextmanager
def silent():
    """A server that lets everybody connect and says nothing; its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        yield f"rtsp://127.0.0.1:{listening.getsockname()[1]}/cam"


@contextlib.contextmanager
def stalling():
    """A camera that stops in the middle."""
    with Web(rate=60, stalls_after=150) as server:
        yield f"{server.address}/mjpeg"


@contextlib.contextmanager
def refusing():
    with Web(login="admin:right") as server:
        yield f"{server.address}/mjpeg"


@contextlib.contextmanager
def nobody():
    yield f"rtsp://127.0.0.1:{free_port()}/cam"


def left():
    return [thread for thread in threading.enumerate() if thread.name == LEAVING]


@pytest.fixture(autouse=True)
def _nothing_hangs_on():
    """What was left in a connection ends by itself, when the time for it is over."""
    yield
    for thread in left():
        thread.join(10)
    assert left() == []


def stopped(watch, at) -> float:
    """Seconds from the word to the end, said when `at` says so of the watch's state."""

    async def status():
        return watch.status()

    async def run():
        task = asyncio.create_task(watch.run())
        await until(status, at, seconds=30)
        with Stopwatch() as watched:
            watch.stop()
            await task
        return watched.seconds

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("camera", "state"),
    [(silent, "connecting"), (stalling, "stalled"), (refusing, "waiting"), (nobody, "waiting")],
    ids=["connecting", "in a read that hangs", "after a refusal", "between two tries"],
)
def test_a_watch_is_stopped_at_once_whatever_its_camera_does(camera, state, tmp_path):
    # The connection is given up long after this test; only the stall is told soon.
    source = StreamSource(StreamOptions(connect_timeout=5.0, stall=3.0, longest_wait=60.0))
    with camera() as address:
        watch = Planned("yard", address, source, "default").watch(tmp_path, Shared(), sets=("watch.latency=1",))
        assert stopped(watch, lambda status: status.state == state) < SOON
    assert watch.status().state == "ended"


def test_a_watch_is_stopped_at_once_though_the_model_takes_its_time(tmp_path):
    clip = film(tmp_path / "gate.mp4", 20)
    slow = threading.Event()
    with ModelServer.in_thread(lambda _request: Turn(content=ok().content, delay=0.0 if slow.is_set() else 20.0)) as server:
        sets = (
            "describer.kind=openai",
            f"describer.endpoint={server.url}",
            "describer.model=test-model",
            "watch.latency=1",
        )
        watch = Planned("yard", str(clip), RealtimeSource(LiveOptions()), "default").watch(tmp_path / "out", Shared(), sets=sets)
        assert stopped(watch, lambda status: status.describing > 0) < SOON
    status = watch.status()
    assert status.described == 0
    (day,) = (tmp_path / "out" / "yard").glob("20*")
    assert '"not described yet"' in (day / "timeline.json").read_text(encoding="utf-8"), "it is asked about when the day goes on"


def test_sigterm_ends_the_command_while_it_connects(tmp_path):
    with silent() as address:
        arguments = ["watch", address, "--out", tmp_path / "out", "--camera", "gate"]
        process = subprocess.Popen([*ENTRY, *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            folder = tmp_path / "out" / "gate" / ".lock"
            until_then = time.monotonic() + 60
            while not folder.exists() and time.monotonic() < until_then:
                time.sleep(0.05)
            with Stopwatch() as watched:
                process.send_signal(signal.SIGTERM)
                _, said = process.communicate(timeout=30)
        finally:
            process.kill()
            process.wait()
    assert watched.seconds < SOON
    assert process.returncode == 130
    assert "everything so far is kept" in said


def test_a_service_lets_go_of_its_streams_at_once(tmp_path):
    async def work():
        async with serving(tmp_path, private_addresses=True) as served:
            for camera, state in ((silent, "connecting"), (nobody, "waiting")):
                with camera() as address:
                    body = {"name": state, "url": address, "profile": WATCH}
                    job = (await served.call("POST", STREAMS, 201, json=body))["id"]
                    await until(
                        lambda job=job: served.call("GET", f"{STREAMS}/{job}"),
                        lambda one, state=state: one["live"]["state"] == state,
                    )
                    with Stopwatch() as watched:
                        await served.call("DELETE", f"{STREAMS}/{job}", 204)
                        await served.until(job)
                    assert watched.seconds < SOON, state

    asyncio.run(work())
