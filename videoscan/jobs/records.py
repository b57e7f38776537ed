"""What is known of a job, as the service keeps it and tells it."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import time
from typing import Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field

State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
"""`queued` waits for its turn, again after the service was stopped; the last three are final until somebody retries."""

FINAL: frozenset[State] = frozenset({"done", "failed", "cancelled"})

ID = r"^[0-9a-f]{24}$"


class Record(BaseModel):
    """A frozen value that knows all of its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Progress(Record):
    """How far a running job has come."""

    position: float = Field(default=0.0, ge=0, description="Seconds of the source that were sampled.")
    duration: float | None = Field(
        default=None, ge=0, description="Seconds that the source declares; null where it declares none."
    )
    sampled: int = Field(default=0, ge=0, description="Frames that were looked at.")
    kept: int = Field(default=0, ge=0, description="Frames that were kept, because something changed.")
    windows: int = Field(default=0, ge=0, description="Windows that were made so far.")
    described: int = Field(default=0, ge=0, description="Windows that have an answer.")
    failed: int = Field(default=0, ge=0, description="Windows that have none after all attempts.")
    decoded: bool = Field(default=False, description="Whether the whole source was read: `windows` is final then.")


class Fault(Record):
    """Why a job failed."""

    kind: str = Field(description="The error's name, such as `SourceUnsupported`.")
    message: str
    hint: str | None = Field(default=None, description="What to do next.")


class Job(Record):
    """One video to be scanned, a folder of them (`children`), or a live source that is watched (`stream`) with its days (`children`)."""

    id: str = Field(pattern=ID)
    kind: Literal["scan", "folder", "stream", "day"] = "scan"
    state: State = "queued"
    parent: str | None = Field(
        default=None, description="The job of the folder, or of a day's stream, that this one is a part of."
    )
    name: str = Field(description="What a person calls it: the file's name.")
    source: str = Field(description="The path, without the root's own place on the server's disk, or the address.")
    profile: str | dict[str, Any] = "default"
    question: str | None = None
    created: str = Field(description="ISO 8601, UTC.")
    started: str | None = None
    finished: str | None = None
    attempts: int = Field(default=0, ge=0, description="How often it was begun, after stops of the service too.")
    progress: Progress | None = None
    eta: float | None = Field(
        default=None, ge=0, description="Seconds that it will probably take from now; null where nobody can tell."
    )
    usage: dict[str, Any] | None = Field(default=None, description="What was sent and billed, as a timeline has it.")
    error: Fault | None = None
    windows: list[int] | None = Field(
        default=None, description="The windows that alone are asked again now, by index; null where all are that have no answer."
    )
    joined: bool = Field(default=False, description="Whether it scans several recordings of one camera as one.")
    children: list[str] | None = Field(
        default=None, description="A folder's jobs; of a stream those of its days, the earliest first."
    )


class LiveStatus(Record):
    """How the watching of a stream stands."""

    state: Literal["starting", "connecting", "playing", "stalled", "waiting", "ending", "ended"] = Field(
        description="`playing` is as it should be; while `connecting`, `stalled` or `waiting` the camera is away, and it is tried again."
    )
    reason: str | None = Field(default=None, description="Why it is not playing.")
    position: str | None = Field(default=None, description="The wall time of the live edge, ISO 8601.")
    day: str | None = Field(default=None, description="The local date whose timeline grows.")
    job: str | None = Field(default=None, description="The job of that day, where its timeline is found on later days as well.")
    events: int = Field(default=0, ge=0, description="Events found since the watching began.")
    windows: int = Field(default=0, ge=0)
    described: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0)
    waiting: int = Field(default=0, ge=0, description="Windows that wait for the describer.")
    latency: dict[str, float] | None = Field(
        default=None, description="Seconds from a picture's arrival to its description: `p50` and `p95` of the last windows."
    )
    lost: float = Field(default=0.0, ge=0, description="Seconds of the day that were not seen.")
    gaps: int = Field(default=0, ge=0, description="In how many gaps.")
    left_out: dict[str, int] = Field(
        default_factory=dict,
        description="What the describer was too slow for: pictures `unchanged` and `thinned`, windows `dropped`.",
    )
    fault: str | None = Field(default=None, description="Why the last window could not be described.")


class Stream(Job):
    """A live source that is watched: a job of kind stream, and how it stands."""

    url: str = Field(description="Its address, without login or password; a file's path as a job's `source`.")
    live: LiveStatus
    picture: str | None = Field(description="Where the latest picture is; null before there is one.")


class Entry(Record):
    """One line of a job's feed. `number` rises through all jobs and is never given twice."""

    number: int
    job: str
    at: str
    kind: Literal["state", "window", "event", "note", "stream", "found", "alert"]
    data: dict[str, Any]


class Key(Record):
    """An API key as it is kept: without the key."""

    id: str
    name: str
    scopes: list[Literal["read", "submit", "admin"]]
    created: str


HookKind: TypeAlias = Literal[
    "job.done", "job.failed", "job.cancelled", "event.found", "event.corrected", "alert.started", "alert.completed"
]
"""What a webhook can be told."""

USUAL_KINDS: tuple[HookKind, ...] = (
    "job.done", "job.failed", "job.cancelled", "event.corrected", "alert.started", "alert.completed",
)  # fmt: skip
"""What it is told where nobody says: not every window that has something in it."""

HOOK_KINDS: tuple[HookKind, ...] = get_args(HookKind)


class Hook(Record):
    """A webhook as it is shown: without its secret."""

    id: str = Field(pattern=ID)
    url: str
    kinds: list[HookKind]
    created: str


class Delivery(Record):
    """One message to a webhook. `id` is its `webhook-id`, the same at every attempt."""

    id: str
    kind: HookKind
    state: Literal["waiting", "delivered", "failed"] = Field(description="`failed` is final: nothing more is tried.")
    attempts: int = Field(ge=0, description="How often it was sent.")
    created: str
    due: str | None = Field(description="When it is sent next; null when it is at its end.")
    ended: str | None
    status: int | None = Field(description="The last answer's HTTP status; null where there was none.")
    error: str | None = Field(description="Why the last attempt failed.")


def new_id() -> str:
    """An id that nobody guesses, and that sorts by when it was made."""
    return f"{int(time.time() * 1000):012x}{secrets.token_hex(6)}"


def day_id(stream: str, date: str) -> str:
    """The job of a stream's day (ISO 8601): the same one whenever it is asked for. Like other jobs' ids it sorts by when it began."""
    began = int(dt.datetime.fromisoformat(f"{date}T00:00:00+00:00").timestamp() * 1000)
    return f"{max(0, began):012x}{hashlib.sha256(f'{stream} {date}'.encode()).hexdigest()[:12]}"


def now() -> str:
    """ISO 8601 with milliseconds, UTC."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
