"""What was measured of endpoints, kept in the user's state folder: one readable JSON file per address and model.

``videoscan doctor --endpoint`` writes a whole profile, the first use of an unknown endpoint a short one (`videoscan.describers.probe`);
`scan` and `plan` work with what stands there. Never a key, and no query of an address: keys are found in queries.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from videoscan import __version__
from videoscan.describers.endpoint import PictureTokens  # pydantic reads it at run time
from videoscan.errors import StoreError
from videoscan.folder import OutputFolder, storing
from videoscan.model import PictureCost  # pydantic reads it at run time
from videoscan.spending.daybook import state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from videoscan.describers.dialects import Dialect

FORMAT = "videoscan.endpoint/1"
PROBE_VARIABLE = "VIDEOSCAN_PROBE"
"""``never`` there keeps every scan from probing, whatever its profile says."""
STALE_DAYS = 30
"""After so many days it is said that a measurement is old: servers are updated and restarted with other settings."""
_LOCK_SECONDS = 5.0


class Sight(BaseModel):
    """How many of so many pictures at once an endpoint was found to look at.

    `counted` goes by the prompt's tokens, `read` by the words on the cards that the model named; each `None` where that tells nothing.
    """

    model_config = ConfigDict(frozen=True)

    sent: int
    counted: int | None = None
    read: int | None = None
    width: int = 0
    height: int = 0


class Speed(BaseModel):
    """What an answer takes, in seconds: ``first + per_picture * pictures + per_token * tokens of the answer``."""

    model_config = ConfigDict(frozen=True)

    first: float
    per_picture: float
    per_token: float
    width: int = 0
    height: int = 0

    def seconds(self, pictures: int, answer_tokens: int) -> float:
        """The estimate for one request."""
        return self.first + self.per_picture * pictures + self.per_token * answer_tokens


class Known(BaseModel):
    """One endpoint and model, as measured on a day. `None` is what was not measured or not found out.

    `dialect`: the kind of server, where it gives itself away. `picture`: what one more picture adds to the prompt's tokens. `pictures`: the most that it takes and looks at in one request. `body_bytes`: the largest body that was taken, where a larger one
    was refused. `context`: the tokens that fit into one request, prompt and answer together, where a longer one was refused or cut.
    `concurrency`: requests at once from which on more only wait. `warnings`: sentences for a person.
    """

    model_config = ConfigDict(frozen=True)

    format: str = FORMAT
    endpoint: str
    model: str
    by: Literal["probe", "doctor"]
    measured: dt.datetime
    videoscan: str = __version__
    requests: int = 0
    dialect: str | None = None
    sight: Sight | None = None
    picture: PictureTokens | None = None
    pictures: int | None = None
    context: int | None = None
    body_bytes: int | None = None
    json_schema: Literal["enforced", "ignored", "refused"] | None = None
    limit_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    cost: PictureCost | None = None
    speed: Speed | None = None
    concurrency: int | None = None
    streams: bool | None = None
    tells_usage: bool | None = None
    warnings: tuple[str, ...] = ()

    @property
    def age_days(self) -> float:
        """Days since it was measured."""
        return (dt.datetime.now(dt.UTC) - self.measured).total_seconds() / 86_400

    @property
    def stale(self) -> bool:
        """Whether it is so old that it should be measured again."""
        return self.age_days > STALE_DAYS

    def over(self, row: Dialect) -> Dialect:
        """The row of an endpoint's kind, with what was measured laid over it.

        Only a whole measurement counts: windows are planned by the row, and a scan that goes on after its own first probe must plan
        the same ones.
        """
        if self.by != "doctor":
            return row
        pictures = min((count for count in (row.pictures, self.pictures) if count is not None), default=None)
        body = min((size for size in (row.body_bytes, self.body_bytes) if size is not None), default=None)
        schema = row.json_schema if self.json_schema is None else self.json_schema == "enforced"
        return replace(row, pictures=pictures, body_bytes=body, json_schema=schema, cost=self.cost or row.cost)

    def sentence(self) -> str:
        """What a scan says about going by it, in one line."""
        day = self.measured.date().isoformat()
        facts = [
            f"at most {self.pictures} pictures a request" if self.pictures is not None else "",
            f"context of {self.context:,} tokens" if self.context is not None else "",
            f"bodies of up to {self.body_bytes / 1e6:.1f} MB" if self.body_bytes is not None else "",
            f"json_schema {self.json_schema}" if self.json_schema is not None else "",
            f"{self.concurrency} request{'' if self.concurrency == 1 else 's'} at once" if self.concurrency is not None else "",
            "a measured cost per picture" if self.cost is not None else "",
        ]
        told = ", ".join(fact for fact in facts if fact) or "no limit found"
        old = f"; that is {self.age_days:.0f} days old, measure again" if self.stale else ""
        who = "doctor" if self.by == "doctor" else "a first-use probe"
        return f"{self.model}: goes by what {who} measured on {day} ({told}){old}"


def folder() -> Path:
    """Where the files lie. Need not exist."""
    return state() / "endpoints"


def path_of(endpoint: str, model: str) -> Path:
    """The file of an endpoint (as `Address.shown` has it) and a model: readable, and different for different ones."""
    digest = hashlib.sha256(f"{endpoint}\n{model}".encode()).hexdigest()[:8]
    host = endpoint.partition("://")[2].partition("/")[0]
    return folder() / f"{_slug(host)}_{_slug(model)}_{digest}.json"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.")[:60] or "unnamed"


def recall(endpoint: str, model: str | None) -> Known | None:
    """What is known of an endpoint and model; without a model, what is known of the only one there.

    A file that cannot be read is as good as none: it is measured again and replaced.
    """
    if model is not None:
        known = _read(path_of(endpoint, model))
        return known if known is not None and (known.endpoint, known.model) == (endpoint, model) else None
    every = [known for known in all_known() if known.endpoint == endpoint]
    return every[0] if len(every) == 1 else None


def all_known() -> Iterator[Known]:
    """Everything that is kept, in order of the files' names."""
    try:
        paths = sorted(folder().glob("*.json"))
    except OSError:
        return
    for path in paths:
        known = _read(path)
        if known is not None:
            yield known


def _read(path: Path) -> Known | None:
    try:
        known = Known.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return known if known.format == FORMAT and known.measured.tzinfo is not None else None


def remember(known: Known) -> Path:
    """Write it down, whole or not at all. A probe does not replace what `doctor` measured. Raises `StoreError`."""
    from filelock import FileLock, Timeout

    path = path_of(known.endpoint, known.model)
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        holding = FileLock(path.parent / ".lock", timeout=_LOCK_SECONDS)
        try:
            holding.acquire()
        except Timeout:
            raise StoreError(f"{path.parent} is locked by another videoscan", hint="try again") from None
    try:
        before = _read(path)
        if before is None or before.by == "probe" or known.by == "doctor":
            OutputFolder(path.parent).write(path.name, known.model_dump_json(indent=2, exclude_none=True).encode() + b"\n")
    finally:
        holding.release()
    return path


def forget(endpoint: str, model: str | None) -> list[Path]:
    """Take away what is known of an endpoint, of all its models when none is named. Raises `StoreError`."""
    gone: list[Path] = []
    for known in list(all_known()):
        if known.endpoint == endpoint and model in {None, known.model}:
            path = path_of(known.endpoint, known.model)
            with storing(path):
                path.unlink(missing_ok=True)
            gone.append(path)
    return gone


def may_probe(option: str) -> bool:
    """Whether the first use of an unknown endpoint may send requests of its own."""
    return option != "never" and os.environ.get(PROBE_VARIABLE, "").strip().lower() != "never"
