"""What holds for every test: only loopback is reachable, and nothing of ours is left running."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import threading

import pytest

# A shell that starts the suite in the background has it ignore Ctrl-C, and all that it starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

_CONNECT = socket.socket.connect


def _only_loopback(self: socket.socket, address):
    if self.family in {socket.AF_INET, socket.AF_INET6}:
        host = address[0]
        try:
            local = ipaddress.ip_address(host).is_loopback
        except ValueError:
            local = host == "localhost"
        if not local:
            raise AssertionError(f"a test tried to reach {host}")
    return _CONNECT(self, address)


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", _only_loopback)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path_factory):
    """A developer's own environment and profiles must not change what the tests see."""
    for name in [name for name in os.environ if name.startswith("VIDEOSCAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-profiles"))
    monkeypatch.setenv("VIDEOSCAN_STATE_DIR", str(tmp_path_factory.getbasetemp() / "no-state"))
    # Scripts of model servers count requests; the tests of the first use turn this off again.
    monkeypatch.setenv("VIDEOSCAN_PROBE", "never")


@pytest.fixture(autouse=True)
def _no_worker_left():
    yield
    # A service that stands for a whole file of tests works while they come and go; it is held to ending its threads when it ends.
    if any(thread.name == "standing service" for thread in threading.enumerate()):
        return
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("videoscan")]
    assert not left, f"a test left threads running: {left}"


_skipped: list[str] = []


def pytest_runtest_logreport(report):
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session):
    """In CI everything that a test needs is there; a skip means that something is missing from `.ci/run`."""
    if os.environ.get("NO_SKIPPED_TESTS") and _skipped:
        print("skipped, though NO_SKIPPED_TESTS is set:", *_skipped, sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
