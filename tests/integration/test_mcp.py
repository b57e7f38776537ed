"""The tools for agents, through the protocol's own client: in this process, over stdin and stdout, and over HTTP."""

from __future__ import annotations

import asyncio
import json
import socket
import sys

import pytest

from videoscan.jobs.service import Service
from videoscan.jobs.settings import Settings

mcp = pytest.importorskip("mcp", reason="the extra `mcp` is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # those of the SDK are not ours


def told(result):
    assert not result.is_error, result.content
    return result.structured_content


async def until_done(client, job):
    async with asyncio.timeout(60):
        while True:
            found = told(await client.call_tool("status", {"job": job}))
            if found["state"] not in {"queued", "running"}:
                return found


async def walk(client, source):
    """What an agent does: scan, wait, read, look, search."""
    names = {tool.name for tool in (await client.list_tools()).tools}
    assert names == {"scan", "status", "timeline", "search", "frame"}
    job = told(await client.call_tool("scan", {"source": source}))["id"]
    assert (await until_done(client, job))["state"] == "done"
    timeline = told(await client.call_tool("timeline", {"job": job}))
    assert timeline["events"]
    assert "was looked at" in timeline["looked_at"]
    number = timeline["events"][0]["frames"][0]
    picture = (await client.call_tool("frame", {"job": job, "number": number})).content[0]
    assert (picture.type, picture.mime_type) == ("image", "image/jpeg")
    word = timeline["events"][0]["title"].split()[0]
    found = told(await client.call_tool("search", {"query": word}))
    assert {hit["job"] for hit in found["hits"]} == {job}
    return job


def test_an_agent_scans_reads_looks_and_searches(tmp_path, roots):
    from videoscan import agent

    async def work():
        async with (
            Service(Settings(data=tmp_path, roots=roots, spare_bytes=0)) as service,
            mcp.Client(agent.server(service)) as client,
        ):
            job = await walk(client, "reel.mp4")
            assert [each["id"] for each in told(await client.call_tool("status", {}))["jobs"]] == [job]
            for tool, given, said in (
                ("scan", {"source": "/etc/passwd"}, "not below a folder"),
                ("scan", {"source": "http://127.0.0.1/x.mp4"}, "private address"),
                ("scan", {"source": "reel.mp4", "profile": "/etc/passwd"}, "name of a profile"),
                ("status", {"job": "0" * 24}, "no job"),
                ("status", {"job": "../../x"}, "match"),
                ("frame", {"job": job, "number": 999999}, "no picture"),
                ("search", {"query": "x", "since": "soon"}, "since"),
            ):
                result = await client.call_tool(tool, given)
                assert result.is_error, tool
                assert said in result.content[0].text
            whole = told(await client.call_tool("timeline", {"job": job}))
            assert str(roots[0]) not in json.dumps(whole)
            assert told(await client.call_tool("timeline", {"job": job, "since": 10_000}))["events"] == []

    asyncio.run(work())


def test_over_stdin_and_stdout(tmp_path, roots):
    arguments = ["-m", "videoscan", "mcp", "--data", str(tmp_path), "--root", str(roots[0])]

    async def work():
        async with mcp.Client(mcp.StdioServerParameters(command=sys.executable, args=arguments)) as client:
            await walk(client, "pair/a.mp4")

    asyncio.run(work())


def test_over_http_on_this_machine_only(tmp_path, roots):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def work():
        arguments = ["-m", "videoscan", "mcp", "--http", "--port", str(port), "--data", str(tmp_path), "--root", str(roots[0])]
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments)
        try:
            async with asyncio.timeout(60):
                while True:
                    try:
                        _, writer = await asyncio.open_connection("127.0.0.1", port)
                    except OSError:
                        assert process.returncode is None
                        await asyncio.sleep(0.05)
                    else:
                        writer.close()
                        break
            async with mcp.Client(f"http://127.0.0.1:{port}/mcp") as client:
                await walk(client, "pair/a.mp4")
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /mcp HTTP/1.1\r\nHost: attacker.example\r\nContent-Length: 0\r\n\r\n")
            assert (await reader.readline()).split()[1] in {b"421", b"403", b"400"}
            writer.close()
        finally:
            process.terminate()
            await process.wait()

    asyncio.run(work())
