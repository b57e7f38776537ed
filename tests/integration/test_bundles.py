"""What a job's events are taken away as over the API: clips, a reel, an evidence bundle; bounded, and never more than may be seen."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import time
import zipfile

import av
import pytest
from cutouts import about, numbered
from planted import plant
from recordings import film
from serving import API, Standing

from videoscan.document import Review
from videoscan.evidence.verifying import verify
from videoscan.jobs import bundles

CORNER = {"exclude": [[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]], "black_out": True}
SPANS = ((0.4, 1.2, "First <b>"), (2.0, 2.4, "Second"), (3.0, 3.4, "Third"))


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage").resolve()
    numbered(root / "gate.mp4")
    numbered(root / "doomed.mp4")
    film(root / "two" / "a.mp4", 1)
    film(root / "long.mp4", 300, [(0, 300)], size=(320, 180))
    return root


@pytest.fixture(scope="module")
def service(tmp_path_factory, footage):
    with Standing(tmp_path_factory.mktemp("service") / "data", roots=(footage,), at_once=0) as standing:
        yield standing


@pytest.fixture(scope="module")
def job(service, footage):
    """Three events, of which the third was rejected."""

    def make(folder):
        told = about(footage / "gate.mp4", *SPANS, folder=folder)
        rejected = told.events[2].model_copy(update={"review": Review(state="rejected", by="Lin")})
        (folder / "journal.jsonl").write_text('{"journal":"videoscan.journal/1","source":"gate.mp4"}\n')
        return told.model_copy(update={"events": (*told.events[:2], rejected)})

    return plant(service, "gate.mp4", make)


@contextlib.contextmanager
def asking(service, job, what, method="GET"):
    connection = http.client.HTTPConnection(service.base.removeprefix("http://"), timeout=60)
    try:
        connection.request(method, f"{API}/jobs/{job}/{what}")
        yield connection
    finally:
        connection.close()


def ask(service, job, what, status=200):
    with asking(service, job, what) as connection:
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == status, (answer.status, body[:500])
        return answer.headers, body


def packed(body):
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def pictures(body):
    with av.open(io.BytesIO(body)) as container:
        return [frame.to_ndarray(format="gray8") for frame in container.decode(video=0)]


def left(service):
    return sorted((service.served.service.settings.data / "bundles").glob("*"))


def cleared(service):
    """Once nothing of any download is left; its folder goes just after the last byte."""
    until = time.monotonic() + 60
    while left(service) or service.served.service.bundles._asked:
        assert time.monotonic() < until, left(service)
        service.call("GET", "/service")
    return True


def test_every_event_that_nobody_rejected_is_a_clip(service, job):
    headers, body = ask(service, job, "clips.zip")
    assert headers["Content-Type"] == "application/zip"
    assert headers["Content-Disposition"] == "attachment"
    clips = packed(body)
    assert [name.rpartition("00-00-")[2] for name in clips] == ["00 First -b-.mp4", "02 Second.mp4"]
    first, second = clips.values()
    assert (len(pictures(first)), len(pictures(second))) == (20, 10)
    assert pictures(second)[0][60, 40] == pytest.approx(30 + 20 * 5, abs=5), "it begins with frame 50"
    assert cleared(service)


def test_chosen_events_come_with_what_lies_around_them(service, job):
    clips = packed(ask(service, job, "clips.zip?event=e-1&pad=0.2")[1])
    assert [len(pictures(clip)) for clip in clips.values()] == [20]
    assert b"there is no event e-9" in ask(service, job, "clips.zip?event=e-9", 404)[1]
    assert ask(service, job, "reel.mp4?event=e-2", 422)[1].count(b"rejected") == 1
    ask(service, job, "clips.zip?pad=-1", 422)


def test_for_the_headers_alone_nothing_is_made(service, job, monkeypatch):
    monkeypatch.setattr(bundles.Bundles, "making", None)
    for what, status in (
        ("clips.zip", 200),
        ("evidence.zip?event=e-0", 200),
        ("reel.mp4?event=e-2", 422),
        ("clips.zip?event=x", 404),
    ):
        with asking(service, job, what, "HEAD") as connection:
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (status, b"")


def test_a_reel_is_one_video(service, job):
    headers, body = ask(service, job, "reel.mp4")
    assert headers["Content-Type"] == "video/mp4"
    assert len(pictures(body)) == 30
    with av.open(io.BytesIO(body)) as container:
        assert [chapter["metadata"]["title"].rpartition(" ")[2] for chapter in container.chapters()] == ["<b>", "Second"]


def test_a_bundle_can_be_verified_and_tells_nothing_of_this_machine(service, job, footage, tmp_path):
    headers, body = ask(service, job, "evidence.zip?event=e-0")
    assert headers["Content-Type"] == "application/zip"
    (tmp_path / "bundle.zip").write_bytes(body)
    assert verify(tmp_path / "bundle.zip").faults == []
    files = packed(body)
    about = json.loads(files["bundle.json"])
    assert about["missing"] == []
    assert about["timelines"][0]["events"] == ["e-0"]
    sources = next(json.loads(data) for name, data in files.items() if name.endswith("sources.json"))
    assert (sources[0]["uri"], sources[0]["bytes"]) == (f"{footage.name}/gate.mp4", (footage / "gate.mp4").stat().st_size)
    data = service.served.service.settings.data
    for name, content in files.items():
        assert str(footage.parent).encode() not in content, name
        assert str(data.parent).encode() not in content, name
    assert cleared(service)


def test_what_is_to_be_black_is_black(service, footage):
    job = plant(service, "gate.mp4", lambda folder: about(footage / "gate.mp4", (2.0, 2.4, "Dark"), regions=CORNER))
    seen = pictures(ask(service, job, "reel.mp4")[1])
    assert {int(picture[60, 40]) <= 18 for picture in seen} == {True}
    assert {int(picture[60, 120]) > 18 for picture in seen[1:]} == {True}


def test_what_cannot_be_made_is_said_with_the_reason(service, footage, monkeypatch):
    doomed = plant(service, "doomed.mp4", lambda folder: about(footage / "doomed.mp4", *SPANS, folder=folder))
    os.truncate(footage / "doomed.mp4", 1000)
    assert json.loads(ask(service, doomed, "clips.zip", 422)[1])["detail"]
    (footage / "doomed.mp4").unlink()
    assert b"not here any more" in ask(service, doomed, "reel.mp4", 422)[1]
    gone = json.loads(packed(ask(service, doomed, "evidence.zip")[1])["bundle.json"])["missing"]
    assert any("no hash of the footage" in sentence for sentence in gone), "a bundle says itself what it lacks"
    waiting = service.submit("gate.mp4")["id"]
    assert b"no timeline yet" in ask(service, waiting, "reel.mp4", 409)[1]
    assert b"folder" in ask(service, service.submit("two")["id"], "clips.zip", 409)[1]
    long = plant(service, "gate.mp4", lambda folder: about(footage / "gate.mp4", (0.0, 8000.0, "Long"), duration=9000.0))
    problem = json.loads(ask(service, long, "clips.zip", 422)[1])
    assert "at most 120 min are cut at once" in problem["detail"]
    monkeypatch.setattr(bundles, "_AT_ONCE", 0)
    assert ask(service, doomed, "evidence.zip", 503)[0]["Retry-After"] == "30"
    assert cleared(service)


def test_whoever_goes_makes_room_for_the_next(service, footage, job):
    long = plant(service, "long.mp4", lambda folder: about(footage / "long.mp4", (0.0, 300.0, "Long"), duration=300.0, fps=5.0))
    with asking(service, long, "clips.zip"):
        while not left(service):
            service.call("GET", f"/jobs/{long}")
    # One is made at a time: this one begins when the other's child has ended and its folder is gone.
    ask(service, job, "reel.mp4")
    assert cleared(service)
