"""A real RTSP camera on loopback that can be stalled and killed, and a wire to it that can be cut, blocked and disturbed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from shared import tool

if TYPE_CHECKING:
    from typing import Self

PYTHON = "/usr/bin/python3"
_NEEDS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


def needed() -> Path:
    """The camera's program. Skips the test where GStreamer's RTSP server is not installed."""
    program = tool("rtsp_camera.py")
    there = Path(PYTHON).exists() and not subprocess.run([PYTHON, "-c", _NEEDS], capture_output=True, check=False).returncode
    if not there:
        pytest.skip("GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0 and its plugins; see .ci/run)")
    return program


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class Camera:
    """GStreamer's RTSP server as a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self.port = free_port()
        self._program, self._arguments = needed(), arguments
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [PYTHON, str(self._program), str(self.port), *self._arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"up\n"

    def stop(self) -> None:
        """It stands still, with its connections open."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Wire:
    """A TCP proxy between whoever watches and the camera. `port` is where it listens."""

    def __init__(self, to: int, seed: int = 1) -> None:
        self.port = free_port()
        self._to, self._random = to, random.Random(seed)
        self._listener: socket.socket | None = None
        self._pairs: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._disturbed = self._blocked = False
        self.listen()

    def listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(16)
        self._listener = listener
        self._run(self._accept, listener)

    def refuse(self) -> None:
        """Nobody listens, and what stood is cut."""
        assert self._listener is not None
        listener, self._listener = self._listener, None
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        self.cut()

    def cut(self) -> None:
        with self._lock:
            pairs = list(self._pairs)
        for end in pairs:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def disturb(self, *, on: bool) -> None:
        """What the camera says is mixed with garbage."""
        self._disturbed = on

    def block(self, *, on: bool) -> None:
        """Nothing comes through any more, and nothing is closed."""
        self._blocked = on

    def close(self) -> None:
        self._blocked = False
        if self._listener is not None:
            self.refuse()
        self.cut()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, what, *arguments) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=what, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._to), timeout=5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._pairs |= {client, server}
            left = [2]
            self._run(self._pump, client, server, False, left)
            self._run(self._pump, server, client, True, left)

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool, left: list[int]) -> None:
        try:
            while data := source.recv(65536):
                while self._blocked:
                    time.sleep(0.02)
                sink.sendall(self._garbled(data) if answers and self._disturbed else data)
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            left[0] -= 1
            if not left[0]:
                self._pairs -= {source, sink}
                source.close()
                sink.close()

    def _garbled(self, data: bytes) -> bytes:
        spoilt = bytearray(data)
        for place in range(0, len(spoilt), 7):
            spoilt[place] = self._random.randrange(256)
        return bytes(spoilt) + self._random.randbytes(self._random.randrange(64))
