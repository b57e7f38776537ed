"""How far a process has come in what it reads, kept where whoever started it can read it after it has died.

Shared memory, so that a process that is ended in the middle of an instruction has told all the same. Two doubles: the number of the
recording that is being read, and the time on that recording's own clock, in seconds, of the last frame that came out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext

Board: TypeAlias = Any
"""A ``multiprocessing.RawArray`` of doubles, whose type has no name of its own."""

NOWHERE = -1
"""Nothing is being read."""
OPENED, LOOKING = -1.0, -2.0
"""Times before any frame came: it has been opened to be read; it is being looked at."""

_board: Board | None = None
_furthest: dict[int, float] = {}


def board(context: SpawnContext) -> Board:
    """What the process that is started is given."""
    return context.RawArray("d", [NOWHERE, LOOKING])


def noted(written: Board) -> tuple[int, float]:
    """The number of the recording in which the process was, and the furthest time at which a frame has come out of it."""
    return int(written[0]), float(written[1])


def write_on(given: Board) -> None:
    """This process tells from now on where it is."""
    global _board  # noqa: PLW0603  - a property of the process
    _board = given
    _furthest.clear()


def note(recording: int, time: float) -> None:
    """It is in this recording, and has come so far; a recording that is entered once more stays as far as it was. Nothing where nobody asked."""
    if _board is not None:
        _furthest[recording] = time = max(time, _furthest.get(recording, LOOKING))
        _board[0] = NOWHERE  # who dies between these lines was in none
        _board[1] = time
        _board[0] = recording


def leave() -> None:
    """It is in no recording any more."""
    if _board is not None:
        _board[0] = NOWHERE
