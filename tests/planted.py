"""Jobs that have ended with a timeline of a test's own making, in a service that works nothing off (`at_once=0`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from videoscan.folder import TIMELINE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving import Standing

    from videoscan.document import Timeline


def plant(standing: Standing, source: str, make: Callable[[Path], Timeline], *, state: Any = "done", **options: Any) -> str:
    """A job of `source`, which lies below a root, that came to what `make` makes in its output folder; its id."""
    service = standing.served.service
    job = standing.submit(source, **options)["id"]
    folder = service.settings.output(job)
    folder.mkdir(parents=True)
    timeline = make(folder)
    (folder / TIMELINE).write_text(timeline.to_json(), encoding="utf-8")

    async def settle() -> None:
        await service.store.settle(job, state, usage=timeline.usage.model_dump(mode="json"), error=None)
        await service.shelf.take(job)
        service.board.changed(job, None)

    standing.do(settle())
    return job
