"""A client that a public generator makes from the OpenAPI document alone submits a job and reads its timeline."""

from __future__ import annotations

import asyncio
import importlib
import subprocess
import sys

import aiohttp
import pytest
from serving import API, serving

pytest.importorskip("openapi_python_client")
pytest.importorskip("httpx")

# No formatter is run over what is generated; pictures and films are bytes to it.
CONFIG = """
post_hooks: []
content_type_overrides:
  image/jpeg: application/octet-stream
  image/jpeg, image/png, image/webp, image/bmp, image/tiff: application/octet-stream
  video/mp4: application/octet-stream
  application/offset+octet-stream: application/octet-stream
"""


@pytest.fixture
def generated(tmp_path, monkeypatch):
    """Makes the client of a document, as a package that can be imported."""

    def make(document: bytes):
        (tmp_path / "openapi.json").write_bytes(document)
        (tmp_path / "config.yaml").write_text(CONFIG)
        asked = ["generate", "--path", tmp_path / "openapi.json", "--config", tmp_path / "config.yaml", "--meta", "none"]
        command = [sys.executable, "-m", "openapi_python_client", *asked, "--output-path", tmp_path / "generated_videoscan"]
        made = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert "will not be generated" not in made.stdout + made.stderr, "every route has its function"
        monkeypatch.syspath_prepend(str(tmp_path))
        return importlib.import_module("generated_videoscan")

    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] == "generated_videoscan"]:
        del sys.modules[name]


def test_a_generated_client_submits_a_job_and_reads_its_timeline(tmp_path, roots, generated):
    async def work():
        async with serving(tmp_path / "service", roots=roots, open_to_all=False) as served:
            _, key = await served.service.store.add_key("program", ["submit"])
            document = await served.call("GET", f"{API}/openapi.json")
            async with aiohttp.ClientSession() as session, session.get(f"{served.base}{API}/openapi.json") as answer:
                package = await asyncio.to_thread(generated, await answer.read())
            assert document["openapi"].startswith("3.1")
            jobs = {
                name: importlib.import_module(f"generated_videoscan.api.jobs.{name}")
                for name in ("post_jobs", "get_jobs_by_id", "get_jobs_by_id_timeline", "get_jobs")
            }
            models = importlib.import_module("generated_videoscan.models")
            async with package.AuthenticatedClient(base_url=served.base, token=key) as client:
                job = await jobs["post_jobs"].asyncio(client=client, body=models.JobRequest(source="reel.mp4"))
                assert isinstance(job, models.Job)
                async with asyncio.timeout(60):
                    with served.service.board.watching(job.id) as news:
                        while (await jobs["get_jobs_by_id"].asyncio(job.id, client=client)).state not in {"done", "failed"}:
                            await news.wait()
                            news.clear()
                timeline = await jobs["get_jobs_by_id_timeline"].asyncio(job.id, client=client)
                assert timeline.schema == "videoscan.timeline/1"
                assert timeline.events
                assert timeline.coverage[-1].end == timeline.source.duration
                assert [each.id for each in (await jobs["get_jobs"].asyncio(client=client)).jobs] == [job.id]
                missing = await jobs["get_jobs_by_id"].asyncio("0" * 24, client=client)
                assert missing.status == 404
                assert "no job" in missing.detail

    asyncio.run(work())
