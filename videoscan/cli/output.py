"""Where a command's words go: results to stdout, everything else to stderr, in UTF-8 whatever the console thinks."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from videoscan.errors import StoreError, VideoscanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GAPS = 6
"""The exit code of what finished, but with something missing."""

INTERRUPTED = 130


def speak_utf8() -> None:
    """Make stdout and stderr take every character: a Windows pipe is cp1252 by default, and paths may hold undecodable bytes.

    What UTF-8 cannot say (half of a surrogate pair, from such a path) comes out as an escape, which JSON reads back.
    """
    # Python has no stream at all for a descriptor that was closed before it started (`>&-`, some service managers).
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # as long as the program
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError, ValueError):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")


class ReaderGone(Exception):
    """Nobody reads our stdout any more. Not an `OSError`: click would end the program for one, with code 1."""


def put(text: str = "") -> None:
    """One line of a result. Raises `ReaderGone`, or `StoreError` when stdout is a file on a full disk."""
    with _to_stdout():
        click.echo(text)


def terminal() -> bool:
    """Whether stdout is a terminal: a person reads it."""
    return sys.stdout.isatty()


def styled() -> bool:
    """Whether stdout is a terminal, where bold can be seen."""
    return terminal() and "NO_COLOR" not in os.environ


def put_bytes(data: bytes) -> None:
    """A result as it is. Raises as `put` does."""
    with _to_stdout():
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


@contextlib.contextmanager
def _to_stdout() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as fault:
        stop_writing()
        raise StoreError(f"cannot write the result to stdout: {fault.strerror or fault}") from fault


def put_json(value: Mapping[str, Any]) -> None:
    """One line of a result for programs. Raises as `put` does."""
    import json

    put(json.dumps(value, ensure_ascii=False, allow_nan=False))


def say(text: str) -> None:
    """One line for a person, on stderr. Nobody listening is no reason to stop."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def complain(error: BaseException, *, about: str | None = None) -> None:
    """An error as one sentence and its hint; the traceback only for those who set ``VIDEOSCAN_DEBUG``."""
    if debugging():
        import traceback

        say("".join(traceback.format_exception(error)).rstrip())
    where = f"{about}: " if about is not None and about not in sentence(error) else ""
    say(f"videoscan: {where}{sentence(error)}")
    hint = hint_of(error)
    if hint:
        say(f"  hint: {hint}")


def sentence(error: BaseException) -> str:
    """What was wrong, on one line."""
    if isinstance(error, VideoscanError):
        return " ".join(error.message.split())
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(f"unexpected fault: {type(error).__name__}: {error}".split())


def hint_of(error: BaseException) -> str | None:
    """What to do next."""
    if isinstance(error, VideoscanError):
        return error.hint
    return None if debugging() else "VIDEOSCAN_DEBUG=1 shows where it happened; please report it"


def error_record(error: BaseException) -> dict[str, Any]:
    """An error for ``--json``."""
    return {"kind": type(error).__name__, "message": sentence(error), "hint": hint_of(error), "exit_code": code_of(error)}


def code_of(error: BaseException) -> int:
    """The exit code that an error stands for."""
    if isinstance(error, VideoscanError):
        return error.exit_code
    return 1


def debugging() -> bool:
    """Whether the user asked for tracebacks."""
    return os.environ.get("VIDEOSCAN_DEBUG", "") not in {"", "0"}


def stop_writing() -> None:
    """After a broken pipe: let the interpreter's last flush of stdout go nowhere instead of failing."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
