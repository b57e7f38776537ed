"""Sources in an S3-compatible store, against moto's server: found, refused, and nothing told of the signature."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.request

import pytest
from serving import API, serving

pytest.importorskip("botocore")
server = pytest.importorskip("moto.server")

NAME = "Nordtor 100% #3.mp4"


def run(work):
    return asyncio.run(work)


@pytest.fixture
def store(roots, monkeypatch):
    """A store with one bucket, and one film in it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-told-anybody")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        host, port = running.get_host_and_port()
        base = f"http://{host}:{port}"
        location = b"<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>"
        urllib.request.urlopen(urllib.request.Request(f"{base}/moto-api/reset", b"", method="POST"), timeout=20).close()
        for path, data in (("footage", location), ("footage/gate/Nordtor%20100%25%20%233.mp4", None), ("secrets", location)):
            body = data or (roots[0] / "pair" / "a.mp4").read_bytes()
            put = urllib.request.Request(f"{base}/{path}", body, {"Content-Type": "application/octet-stream"}, method="PUT")
            with urllib.request.urlopen(put, timeout=20) as answer:
                assert answer.status == 200
        yield base
    finally:
        running.stop()


def test_an_object_is_fetched_and_scanned_and_its_signature_stays_here(tmp_path, store, caplog):
    async def work():
        settings = {"buckets": ("footage",), "s3_endpoint": store, "private_addresses": True}
        async with serving(tmp_path, **settings) as served:
            job = await served.submit(f"s3://footage/gate/{NAME}")
            assert job["source"] == f"s3://footage/gate/{NAME}"
            ended = await served.until(job["id"])
            assert ended["state"] == "done", ended
            missing = await served.until((await served.submit("s3://footage/gate/missing.mp4"))["id"])
            assert missing["error"]["kind"] == "SourceNotFound"
            said = json.dumps([ended, missing, await served.feed(job["id"]), await served.feed(missing["id"])])
            timeline = await served.call("GET", f"{API}/jobs/{job['id']}/timeline")
            for text in (said, json.dumps(timeline), caplog.text):
                assert "Signature" not in text
                assert "AKIDEXAMPLE" not in text
            for source in ("s3://secrets/x.mp4", "s3://footage/", "s3://footage", "s3:///x.mp4", "s3://foot%61ge/x.mp4"):
                await served.submit(source, 403)

    with caplog.at_level(logging.DEBUG, logger="videoscan"):
        run(work())


def test_a_store_in_the_neighbourhood_is_refused_as_any_other_address_is(tmp_path, store):
    async def work():
        async with serving(tmp_path, buckets=("footage",), s3_endpoint=store) as served:
            ended = await served.until((await served.submit(f"s3://footage/gate/{NAME}"))["id"])
            assert "private address" in ended["error"]["message"]
        async with serving(tmp_path / "without") as served:
            assert "--bucket" in (await served.submit("s3://footage/x.mp4", 403))["detail"]

    run(work())


def test_without_a_key_it_says_what_is_missing(tmp_path, store, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    async def work():
        async with serving(tmp_path, buckets=("footage",), s3_endpoint=store, private_addresses=True) as served:
            ended = await served.until((await served.submit("s3://footage/x.mp4"))["id"])
            assert ended["error"]["hint"].startswith("AWS_ACCESS_KEY_ID")

    run(work())
