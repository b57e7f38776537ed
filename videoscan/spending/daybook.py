"""What was spent today, by every run and process of this user that draws on the same budget per day.

One file a day, ``DATE-LEDGER.jsonl`` in the user's state folder, one line per event, only ever appended to under a lock: ``hold`` when a
request is about to be sent, ``spent`` when it is known what it took. A hold that was never settled (its process was killed) counts
as a whole, because the request may have been billed. A torn last line is passed over, and the next write begins on a line of its
own. A day is one of this machine's local clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videoscan.errors import StoreError
from videoscan.spending.money import Spent

if TYPE_CHECKING:
    from collections.abc import Callable

    from videoscan.spending.money import Budget

FOLDER_VARIABLE = "VIDEOSCAN_STATE_DIR"
"""The environment variable that moves what videoscan remembers between scans: the days' books, and what it knows of endpoints."""
_PATIENCE = 30.0
"""Seconds to wait for another process that holds the lock; it holds it for a millisecond."""


def folder() -> Path:
    """Where the days' books lie: ``budget`` in videoscan's state folder of this user."""
    return state() / "budget"


def state() -> Path:
    """Videoscan's state folder of this user: `FOLDER_VARIABLE`, or where the system wants it. Need not exist."""
    given = os.environ.get(FOLDER_VARIABLE, "").strip()
    if given:
        return Path(given).expanduser()
    import platformdirs

    return platformdirs.user_state_path("videoscan", appauthor=False)


def _today() -> dt.date:
    return dt.datetime.now().astimezone().date()


class DayBook:
    """The open book of one ledger. Processes share the file; within one, tasks may share the object."""

    def __init__(self, ledger: str = "default", *, place: Path | None = None, today: Callable[[], dt.date] = _today) -> None:
        """`place` is the folder; see `folder`. Nothing is written yet."""
        self._place = place or folder()
        self._name = re.sub(r"[^A-Za-z0-9._-]", "_", ledger)
        self._today = today
        self._me = secrets.token_hex(6)
        self._count = 0
        self._page = _Page(self._place / f"{self.day()}-{self._name}.jsonl")
        self.known = Spent()
        """What the book said when it was last read."""

    def day(self) -> str:
        """Today, ISO 8601."""
        return self._today().isoformat()

    def new_identity(self) -> str:
        """A name for one reservation."""
        self._count += 1
        return f"{self.day()}/{self._me}/{self._count}"

    async def hold(self, identity: str, worst: Spent, mine: Spent, budget: Budget) -> str | None:
        """Write a hold down, unless that would pass the budget: then the limit it would pass, and nothing is written.

        `mine` is what this process holds back, this one included. Raises `StoreError` when the book cannot be kept.
        """
        return await asyncio.to_thread(self._hold, identity, worst, mine, budget)

    async def settle(self, identity: str, actual: Spent, currency: str | None) -> None:
        """Write down what a held request took. Raises `StoreError`."""
        await asyncio.to_thread(self._settle, identity, actual, currency)

    def spent(self, currency: str | None = None) -> Spent:
        """What was spent and is held today, by everybody. Raises `StoreError`."""
        page = self._today_page()
        with _storing(page.path):
            page.read()
        self.known = page.settled(currency) + page.held(currency)
        return self.known

    def _hold(self, identity: str, worst: Spent, mine: Spent, budget: Budget) -> str | None:
        page = self._today_page()
        with _storing(page.path), page.locked():
            page.read()
            others = page.settled(budget.currency) + page.held(budget.currency, but=self._me)
            self.known = others
            # `mine` is of a moment ago: what this process has written since is in the book, what it is about to write is not.
            written = page.settled(budget.currency) + page.held(budget.currency) + worst
            limit = budget.passed_by(others + mine) or budget.passed_by(written)
            if limit is None:
                page.append({"hold": identity, **_table(worst, budget.currency)})
        return limit

    def _settle(self, identity: str, actual: Spent, currency: str | None) -> None:
        # To the day that it was held on, should midnight lie between.
        page = _Page(self._place / f"{identity.partition('/')[0]}-{self._name}.jsonl")
        page = self._page if self._page.path == page.path else page
        with _storing(page.path), page.locked():
            page.append({"spent": identity, **_table(actual, currency)})

    def _today_page(self) -> _Page:
        path = self._place / f"{self.day()}-{self._name}.jsonl"
        if self._page.path != path:
            self._page = _Page(path)
        return self._page


class _Page:
    """One day's file, read as far as it was complete."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_to = 0
        self._holds: dict[str, tuple[str | None, Spent]] = {}
        self._settled: dict[str | None, Spent] = {}

    @contextlib.contextmanager
    def locked(self) -> Any:
        from filelock import FileLock, Timeout

        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path.with_suffix(".lock"), timeout=_PATIENCE):
                yield
        except Timeout:
            raise StoreError(f"another process holds {self.path} for more than {_PATIENCE:g} s", hint="end it") from None

    def read(self) -> None:
        """Take in what was added since the last time, up to the last whole line."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._read_to)
                added = file.read()
        except FileNotFoundError:
            return
        whole = added.rfind(b"\n") + 1
        self._read_to += whole
        for line in added[:whole].splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):  # a torn line
                self._take(json.loads(line))

    def _take(self, entry: dict[str, Any]) -> None:
        amount = Spent(float(entry["cost"]), int(entry["tokens"]), int(entry["requests"]))
        if "hold" in entry:
            self._holds[entry["hold"]] = entry["currency"], amount
        else:
            self._holds.pop(entry["spent"], None)
            currency = entry["currency"]
            self._settled[currency] = self._settled.get(currency, Spent()) + amount

    def settled(self, currency: str | None) -> Spent:
        """What was spent. Money in other currencies is not counted, their tokens and requests are."""
        return _sum([(of, amount) for of, amount in self._settled.items()], currency)

    def held(self, currency: str | None, *, but: str | None = None) -> Spent:
        """What is held, by other processes than `but`."""
        return _sum([row for identity, row in self._holds.items() if identity.split("/")[1] != but], currency)

    def append(self, entry: dict[str, Any]) -> None:
        """Add a line, and be sure that it is on the disk. Under the lock."""
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with self.path.open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def _sum(rows: list[tuple[str | None, Spent]], currency: str | None) -> Spent:
    total = Spent()
    for of, amount in rows:
        total += amount if of == currency else Spent(0.0, amount.tokens, amount.requests)
    return total


def _table(amount: Spent, currency: str | None) -> dict[str, Any]:
    return {"cost": amount.cost, "tokens": amount.tokens, "requests": amount.requests, "currency": currency}


@contextlib.contextmanager
def _storing(path: Path) -> Any:
    try:
        yield
    except OSError as fault:
        raise StoreError(
            f"cannot keep the day's budget in {path}: {fault.strerror or fault}",
            hint=f"make the folder writable ({FOLDER_VARIABLE} moves it), or use budget.per = run",
        ) from fault
