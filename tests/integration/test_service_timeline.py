"""A timeline over the API as it goes over the wire: packed where that is worth it and the caller takes it, and only where it is new."""

from __future__ import annotations

import gzip
import http.client
import json

import examples
import pytest
from planted import plant
from recordings import film
from serving import API, Standing


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage").resolve()
    film(root / "reel.mp4", 1)
    with Standing(tmp_path_factory.mktemp("service") / "data", roots=(root,), at_once=0) as standing:
        yield standing


def ask(service, job, **headers):
    connection = http.client.HTTPConnection(service.base.removeprefix("http://"))
    try:
        connection.request(
            "GET", f"{API}/jobs/{job}/timeline", headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_a_long_timeline_is_packed_for_whoever_takes_that(service):
    job = plant(service, "reel.mp4", lambda folder: examples.busy(count=200))
    status, plain, body = ask(service, job)
    assert (status, plain["Content-Encoding"], plain["Vary"]) == (200, None, "Accept-Encoding")
    status, packed, small = ask(service, job, Accept_Encoding="gzip, deflate")
    assert (status, packed["Content-Encoding"]) == (200, "gzip")
    assert gzip.decompress(small) == body
    assert len(small) * 5 < len(body)
    assert len(json.loads(body)["events"]) == 200
    for headers in ({}, {"Accept_Encoding": "gzip"}):
        status, _, nothing = ask(service, job, If_None_Match=plain["ETag"], **headers)
        assert (status, nothing) == (304, b"")


def test_what_was_corrected_is_in_the_next_answer(service):
    job = plant(service, "reel.mp4", lambda folder: examples.busy(count=3))
    _, before, _ = ask(service, job)
    service.call("PATCH", f"/jobs/{job}/events/e-1", json={"action": "reject", "by": "Ada"})
    status, after, body = ask(service, job, If_None_Match=before["ETag"])
    assert (status, after["ETag"] != before["ETag"]) == (200, True)
    assert json.loads(body)["events"][1]["review"]["by"] == "Ada"
