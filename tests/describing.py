"""One describer, one scripted server: what the tests of the openai describer share."""

import asyncio

import pytest

from videoscan import patience, prompts
from videoscan.describers.openai import OpenAiDescriber, OpenAiOptions
from videoscan.model import Description, Window
from videoscan.testing.model_server import (
    ModelServer,
    answer,
    event,
)

PROMPT = prompts.build("default", question="What happens?")
GOOD = answer([event("A car arrives", 2, 3)])


def describe(server: ModelServer, *windows: Window, prompt=PROMPT, **options) -> list[Description]:
    """All windows through one session, one after the other, waits skipped."""

    async def work() -> list[Description]:
        async with server:
            session = OpenAiDescriber(OpenAiOptions(endpoint=server.url, **{"model": "test-model", **options})).session()
            try:
                with patience.instantly() as waits:
                    described = [await session.describe(each, prompt) for each in windows]
                server.waits, server.session = list(waits), session
                return described
            finally:
                await session.close()

    return asyncio.run(work())


def raised(kind: type[Exception], server: ModelServer, *windows: Window, **options) -> Exception:
    with pytest.raises(kind) as info:
        describe(server, *windows, **options)
    return info.value
