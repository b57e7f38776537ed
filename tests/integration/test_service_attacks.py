"""What somebody tries who read the code: addresses in disguise, names too long, silence, links, files that are not what they say."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from serving import API, PIECE, begun, serving

from videoscan.jobs import fetching, rules
from videoscan.jobs.settings import Settings


def run(work):
    return asyncio.run(work)


@pytest.mark.parametrize("host", ["127.0.0.1", "①②⑦.0.0.1", "127。0。0。1", "localhost"])
def test_whatever_an_address_is_written_like_nobody_on_this_machine_is_connected_to(tmp_path, host):
    """A redirect's address is judged only as text and where it connects; this is the latter."""

    async def work():
        called = []

        async def call(_reader, writer):
            called.append(host)
            writer.close()

        server = await asyncio.start_server(call, "127.0.0.1", 0)
        async with server, aiohttp.ClientSession(connector=fetching.connector(Settings(data=tmp_path))) as session:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises((rules.RuleBroken, aiohttp.ClientConnectorError)):
                await session.get(f"http://{host}:{port}/")
        assert not called

    run(work())


def test_a_redirect_into_the_neighbourhood_is_not_followed(tmp_path, monkeypatch):
    from aiohttp import web

    called = []

    async def answer(request):
        called.append(request.path)
        raise web.HTTPFound(f"http://①②⑦.0.0.1:{request.url.port}/secret")

    async def work():
        app = web.Application()
        app.router.add_get("/{name}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            port = runner.addresses[0][1]
            # The first server stands for a public one.
            monkeypatch.setattr(fetching, "connector", lambda _settings, **options: aiohttp.TCPConnector(**options))
            public = rules.check_address
            monkeypatch.setattr(
                fetching, "check_address", lambda text, settings: text if "/moved" in text else public(text, settings)
            )
            with pytest.raises(fetching.SourceError, match="private address"):
                address = f"http://127.0.0.1:{port}/moved"
                await fetching.fetch(address, tmp_path, Settings(data=tmp_path), room=lambda _size: None)
        finally:
            await runner.cleanup()
        assert called == ["/moved"]

    run(work())


@pytest.mark.parametrize(
    "name", ["监控录像" * 60 + ".mp4", "a" * 400 + ".mp4", "..", "/", "\0", "con.mp4\n", "-rf", "a/../../b.mp4"]
)
def test_a_file_s_name_fits_every_disk_and_leads_nowhere(tmp_path, name):
    made = fetching.file_name(name)
    assert 0 < len(made.encode()) <= 200
    assert not {"/", "\\", "\0", "\n"} & set(made)
    assert not made.startswith((".", "-"))
    (tmp_path / f".{made}.part").write_bytes(b"")
    if name.endswith(".mp4"):
        assert made.endswith(".mp4")


def test_a_video_with_a_long_chinese_name_is_taken(tmp_path, roots):
    data = (roots[0] / "pair" / "a.mp4").read_bytes()

    async def work():
        async with serving(tmp_path, at_once=0) as served:
            form = aiohttp.FormData()
            form.add_field("file", data, filename="北门监控录像" * 30 + ".mp4")
            assert (await served.call("POST", f"{API}/jobs", 202, data=form))["name"].endswith("录像.mp4")
            place = await begun(served, len(data), "北门监控录像" * 30 + ".mp4")
            await served.call("PATCH", place, 204, headers={**PIECE, "Upload-Offset": "0"}, data=data)
            assert (await served.submit(f"upload:{place.rsplit('/', 1)[-1]}"))["name"].endswith("录像.mp4")

    run(work())


def test_a_sender_that_falls_silent_loses_its_place_and_can_go_on(tmp_path):
    async def silent():
        yield b"12345"
        await asyncio.Event().wait()

    async def work():
        async with serving(tmp_path, stall=0.05, at_once=0) as served:
            place = await begun(served, 10)
            headers = {**PIECE, "Upload-Offset": "0"}
            assert "nothing came" in (await served.call("PATCH", place, 408, headers=headers, data=silent()))["detail"]
            await served.call("PATCH", place, 204, headers={**PIECE, "Upload-Offset": "5"}, data=b"67890")
            form = aiohttp.FormData()
            form.add_field("file", silent(), filename="a.mp4")
            await served.call("POST", f"{API}/jobs", 408, data=form)
            assert not list((tmp_path / "jobs").iterdir()), "what was refused leaves nothing behind"

    run(work())


def test_two_parts_of_one_name_are_refused(tmp_path):
    async def work():
        async with serving(tmp_path, at_once=0) as served:
            for twice in ("options", "file"):
                form = aiohttp.FormData(default_to_multipart=True)
                for name in ("file", "options", twice):
                    form.add_field(name, "{}", filename="x.mp4" if name == "file" else None)
                assert twice in (await served.call("POST", f"{API}/jobs", 422, data=form))["detail"]

    run(work())


def test_a_body_that_unpacks_to_more_than_it_may_is_refused(tmp_path):
    import gzip

    packed = gzip.compress(b'{"source": "' + b" " * (64 << 20) + b'"}', 9)

    async def work():
        async with serving(tmp_path, at_once=0) as served:
            headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
            await served.call("POST", f"{API}/jobs", 413, data=packed, headers=headers)

    run(work())


def test_a_drawing_is_not_served_as_one(tmp_path):
    """An SVG may hold scripts, and would run as a page of this service."""

    async def work():
        async with serving(tmp_path, at_once=0) as served:
            form = aiohttp.FormData()
            form.add_field("file", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", filename="x.svg")
            job = await served.call("POST", f"{API}/jobs", 202, data=form)
            async with served.session.get(f"{served.base}{API}/jobs/{job['id']}/video") as answer:
                assert answer.status == 200
                assert answer.content_type == "application/octet-stream"
                assert answer.headers["X-Content-Type-Options"] == "nosniff"

    run(work())


def test_a_folder_of_pictures_with_a_link_out_of_it_is_not_read(tmp_path):
    import cv2
    import numpy as np

    root = tmp_path / "root"
    (root / "stills").mkdir(parents=True)
    for name in ("1.png", "2.png"):
        cv2.imwrite(str(root / "stills" / name), np.zeros((32, 32, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "secret.png"), np.zeros((32, 32, 3), np.uint8))

    async def work():
        async with serving(tmp_path / "service", roots=(root.resolve(),)) as served:
            job = await served.submit("stills")
            assert (await served.until(job["id"]))["state"] == "done"
            (root / "stills" / "3.png").symlink_to(tmp_path / "secret.png")
            await served.submit("stills", 403)
            # Put there after it was submitted: looked at again before it is read.
            await served.call("POST", f"{API}/jobs/{job['id']}/retry", 202)
            ended = await served.until(job["id"])
            assert ended["state"] == "failed", ended
            assert str(tmp_path) not in json.dumps(ended)

    run(work())
