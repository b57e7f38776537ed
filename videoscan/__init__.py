"""videoscan turns hours of video into a timeline a person can trust.

::

    import videoscan

    timeline = videoscan.scan_sync("match.mp4", profile="sports")    # or: await videoscan.scan(...)
    for event in timeline.events:
        print(event.start, event.title)

What stands in `__all__` is public. It is imported when it is first used: `import videoscan` alone loads neither decoders nor the
network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from videoscan.document import Event, Evidence, Timeline
    from videoscan.errors import (
        BadReply,
        BudgetSpent,
        ConfigError,
        ContentFiltered,
        DescribeError,
        EndpointFailed,
        EndpointRefused,
        EndpointThrottled,
        EndpointUnreachable,
        RequestRejected,
        ScanAborted,
        SourceError,
        SourceLost,
        SourceNotFound,
        SourceUnsupported,
        StoreError,
        VideoscanError,
    )
    from videoscan.pipeline import scan, scan_sync
    from videoscan.recordings.inputs import Input

__all__ = [
    "BadReply",
    "BudgetSpent",
    "ConfigError",
    "ContentFiltered",
    "DescribeError",
    "EndpointFailed",
    "EndpointRefused",
    "EndpointThrottled",
    "EndpointUnreachable",
    "Event",
    "Evidence",
    "Input",
    "RequestRejected",
    "ScanAborted",
    "SourceError",
    "SourceLost",
    "SourceNotFound",
    "SourceUnsupported",
    "StoreError",
    "Timeline",
    "VideoscanError",
    "__version__",
    "scan",
    "scan_sync",
]

_HOMES = {
    "Event": "document",
    "Evidence": "document",
    "Input": "recordings.inputs",
    "Timeline": "document",
    "scan": "pipeline",
    "scan_sync": "pipeline",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
