"""The OpenAPI document: valid, and true: thousands of made requests get no answer that it does not describe, and no 5xx."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from serving import API, serving

from videoscan.web import app
from videoscan.web.routes import document

if TYPE_CHECKING:
    from pathlib import Path

CASES = 2_000
"""At least so many requests."""

# A feed of a job that never ends would be waited for; a key that is made or removed would end what everybody may do.
LEFT_OUT = {f"{API}/login", f"{API}/logout", f"{API}/keys", f"{API}/keys/{{id}}"}


def test_the_document_is_valid_openapi():
    validate = pytest.importorskip("openapi_spec_validator").validate
    made = document(app.TABLE)
    validate(made)
    assert made["openapi"].startswith("3.1")
    addresses = {(route.method, route.path) for route in app.TABLE}
    for method, path in (
        ("POST", "/jobs"), ("GET", "/jobs"), ("GET", "/jobs/{id}"), ("POST", "/jobs/{id}/cancel"), ("POST", "/jobs/{id}/retry"),
        ("POST", "/jobs/{id}/windows/{window}/retry"),
        ("DELETE", "/jobs/{id}"), ("GET", "/jobs/{id}/feed"), ("GET", "/jobs/{id}/timeline"), ("GET", "/jobs/{id}/timeline.{format}"),
        ("GET", "/jobs/{id}/frames/{frame}.jpg"), ("GET", "/jobs/{id}/video"), ("PATCH", "/jobs/{id}/events/{event}"),
        ("POST", "/jobs/{id}/events"), ("POST", "/streams"), ("GET", "/streams"), ("DELETE", "/streams/{id}"), ("GET", "/search"), ("POST", "/ask"), ("GET", "/metrics"), ("GET", "/openapi.json"),
    ):  # fmt: skip
        assert (method, API + path) in addresses


class Background:
    """A service on a thread of its own, for a client that is not asynchronous. It has scanned one clip."""

    def __init__(self, data: Path, root: Path) -> None:
        self._data, self._root = data, root
        self._ready, self._end = threading.Event(), None
        self.base, self.job, self.fault = "", "", None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(60)
        assert self.fault is None, self.fault
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)

    def _run(self):
        async def work():
            self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
            try:
                async with serving(self._data, roots=(self._root,)) as served:
                    self.job = (await served.submit("tiny.mp4"))["id"]
                    await served.until(self.job)
                # From now on jobs are taken and none is worked off: what is asked of them is the matter here.
                async with serving(self._data, roots=(self._root,), at_once=0, most_bytes=1 << 20) as served:
                    self.base = served.base
                    self._ready.set()
                    await self._end.wait()
            except BaseException as fault:
                self.fault = fault
                raise
            finally:
                self._ready.set()

        asyncio.run(work())


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("default")  # those of the tool and its libraries are not ours
def test_no_request_gets_an_answer_that_the_document_does_not_describe(tmp_path):
    schemathesis = pytest.importorskip("schemathesis")
    hypothesis = pytest.importorskip("hypothesis")
    from commanding import film
    from schemathesis import checks

    @schemathesis.serializer("application/offset+octet-stream")
    def piece(_context, value):
        return value if isinstance(value, bytes) else str(value).encode()

    root = tmp_path / "footage"
    film(root / "tiny.mp4", 2)
    wanted = [
        checks.not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    with Background(tmp_path / "service", root.resolve()) as served:
        schema = schemathesis.openapi.from_url(f"{served.base}{API}/openapi.json")
        operations = [each.ok() for each in schema.get_all_operations()]
        operations = [each for each in operations if each.path not in LEFT_OUT and each.method.upper() != "HEAD"]
        asked = 0
        for number, operation in enumerate(operations):
            # As many for each route as it takes; every third case names the job that is there.
            most = CASES // len(operations) + 10
            takes_something = any(True for _ in operation.iter_parameters()) or len(list(operation.body)) > 0
            modes = schemathesis.GenerationMode
            # What takes nothing cannot be asked wrongly.
            strategy = operation.as_strategy(modes.NEGATIVE if takes_something and number % 2 else modes.POSITIVE)

            @hypothesis.seed(1)
            @hypothesis.settings(
                max_examples=most,
                deadline=None,
                database=None,
                phases=[hypothesis.Phase.generate],
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            @hypothesis.given(case=strategy, real=hypothesis.strategies.booleans())
            def ask(case, real):
                nonlocal asked
                # What takes the job away, or has its feed wait for a worker, would leave nothing for the others to see; what a child
                # process makes of it takes a second each time, and is held to its word elsewhere.
                keeps = case.method != "DELETE" and not case.operation.path.endswith(("/retry", "/{cut}", "/evidence.zip"))
                if real and keeps and case.operation.path.startswith(f"{API}/jobs/{{id}}"):
                    case.path_parameters["id"] = served.job
                if case.operation.path.endswith("/feed"):
                    # A feed that stays when its job has ended never ends: its client would wait for its own limit each time.
                    case.query = {name: value for name, value in (case.query or {}).items() if name != "follow"}
                asked += 1
                case.call_and_validate(base_url=served.base, checks=wanted, timeout=20)

            ask()
    assert asked >= CASES
