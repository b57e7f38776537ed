"""Alerts as lines of JSON on stdout, for whatever program reads them there."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, ClassVar

from videoscan.seams import Sent
from videoscan.settings.options import Options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from videoscan.seams import Notice


class StdoutOptions(Options):
    """No options: pictures are told by their path."""


class StdoutSink:
    """A line of JSON on stdout for each alert. Pictures are told by their path. What nobody reads is gone."""

    Options: ClassVar[type[StdoutOptions]] = StdoutOptions
    durable: ClassVar[bool] = False

    def __init__(self, options: StdoutOptions) -> None:
        self.options = options

    def render(self, notice: Notice) -> str:
        """The line, without its end."""
        return json.dumps(notice.told, ensure_ascii=False, allow_nan=False)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[_Lines]:
        """Stdout is open."""
        yield _Lines()


class _Lines:
    async def send(self, id: str, kind: str, body: str, *, camera: str, rule: str) -> Sent:  # noqa: A002, ARG002 - the seam's
        try:
            sys.stdout.write(f"{body}\n")
            sys.stdout.flush()
        except OSError as fault:  # whoever read it went away: the timeline has it
            return Sent(f"stdout cannot be written ({fault.strerror or fault})", final=True)
        return Sent()
