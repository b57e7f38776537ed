"""Log lines of a service, each with the job that it is about: as text, or as JSON for a program that collects them."""

from __future__ import annotations

import contextvars
import datetime as dt
import json
import logging
import sys
from typing import Literal

JOB: contextvars.ContextVar[str | None] = contextvars.ContextVar("videoscan-job", default=None)
"""The job that is worked on here: whatever is logged meanwhile is about it."""


class Jobs(logging.Filter):
    """Puts the job on each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record passes."""
        if getattr(record, "job", None) is None:
            record.job = JOB.get()
        return True


class Text(logging.Formatter):
    """A line for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, job, message."""
        job = getattr(record, "job", None)
        text = super().format(record)
        at = _at(record)
        return f"{at} {record.levelname} {record.name} {f'[{job}] ' if job else ''}{text}"


class JsonLines(logging.Formatter):
    """One JSON object a line: ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``job``, ``message``, and ``fault`` with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        told = {
            "time": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "job": getattr(record, "job", None),
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["fault"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def to_stderr(level: int = logging.INFO, form: Literal["text", "json"] = "text") -> None:
    """Have this program log to stderr: ours from `level` on, what libraries say from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Jobs())
    handler.setFormatter(JsonLines() if form == "json" else Text())
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler])
    logging.getLogger("videoscan").setLevel(level)


def _at(record: logging.LogRecord) -> str:
    moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
