"""What goes over the wire, besides jobs and timelines themselves."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from videoscan.jobs.records import HOOK_KINDS, USUAL_KINDS, Delivery, Entry, Hook, HookKind, Job, Key, Stream

__all__ = [
    "Entry",
    "Health",
    "Job",
    "JobList",
    "JobRequest",
    "Jobs",
    "Key",
    "Keys",
    "Login",
    "MadeKey",
    "NewKey",
    "Options",
    "Who",
]


class Asked(BaseModel):
    """A body. A field that nobody reads is an error: it was probably meant to do something."""

    model_config = ConfigDict(extra="forbid")


class Options(Asked):
    """How a source is to be scanned: the part `options` of an upload."""

    profile: str | dict[str, Any] | None = Field(
        default=None, description="A profile's name, or its tables; not where pictures are sent, which is the service's to say."
    )
    question: str | None = Field(default=None, max_length=10_000, description="What to ask of every window.")


class JobRequest(Options):
    """A source to be scanned."""

    source: str = Field(
        min_length=1,
        max_length=4096,
        description="A path below one of the service's folders, an http(s) or s3 address, or `upload:ID` of a finished upload.",
    )
    join: bool = Field(
        default=False,
        description="Of a folder: its recordings of each camera become one timeline, in the order of their clocks.",
    )


class Jobs(Asked):
    """Which jobs are listed. The newest come first."""

    state: list[Literal["queued", "running", "done", "failed", "cancelled"]] = Field(default=[], description="Only these states.")
    parent: str | None = Field(default=None, max_length=64, description="The jobs of this folder.")
    q: str | None = Field(default=None, max_length=200, description="Only jobs whose name holds this.")
    limit: int = Field(default=50, ge=1, le=500)
    cursor: int | None = Field(default=None, ge=1, le=2**53, description="`next` of the page before.")


class Outcome(BaseModel):
    """What a job came to, in short."""

    events: int
    duration: float = Field(description="Seconds.")
    camera: str | None
    clock: str | None = Field(description="ISO 8601 wall time of second 0, where it is known.")


class JobList(BaseModel):
    """A page of jobs. `next` is the following page's `cursor`, null at the end."""

    jobs: list[Job]
    outcomes: dict[str, Outcome] = Field(description="What those that are done came to, by job.")
    within: dict[str, dict[str, int]] = Field(description="The jobs of those that are folders, by state.")
    counts: dict[str, int] = Field(description="All jobs of the service by state, a folder's included.")
    next: int | None


class Latest(Asked):
    """Which of the last entries of a feed."""

    kind: list[str] = Field(default=[], max_length=10, description="Only these kinds.")
    limit: int = Field(default=20, ge=1, le=200)


class EntryList(BaseModel):
    """Entries of a feed, the newest first."""

    entries: list[Entry]


class Credentials(Asked):
    """With what a camera is spoken to. Kept in the service's database, and never given out again."""

    username: str = Field(
        min_length=1, max_length=200, validation_alias=AliasChoices("username", "user"), description="`user` is taken as well."
    )
    password: str = Field(max_length=500)


class NewStream(Asked):
    """A live source to be watched."""

    name: str = Field(min_length=1, max_length=100, description="The camera's name, as it stands in timelines and alerts.")
    url: str = Field(
        min_length=1,
        max_length=2048,
        description="rtsp, rtsps, http (MJPEG, HLS) or https; a login in it is taken out and kept like `credentials`. Or a file below one of the"
        " service's folders, which is played as if it were live, to try things out.",
    )
    profile: str | dict[str, Any] | None = Field(
        default=None, description="A profile's name, or its tables, with `[[alerts]]`; the service's own without it."
    )
    credentials: Credentials | str | None = Field(
        default=None, description="A login, or `user:password`; it wins over one in the address."
    )


class StreamList(BaseModel):
    """Every live source that is watched, in the order in which they were added."""

    streams: list[Stream]


class Login(Asked):
    """A key, for a login that a browser keeps as a cookie."""

    key: str = Field(min_length=1, max_length=200)


class Who(BaseModel):
    """Who is asking. `open`: the service takes everybody on this machine, for want of a key."""

    open: bool
    name: str | None
    scopes: list[Literal["read", "submit", "admin"]]


class NewKey(Asked):
    """A key to be made."""

    name: str = Field(min_length=1, max_length=100)
    scopes: list[Literal["read", "submit", "admin"]] = Field(min_length=1, max_length=3)


class MadeKey(BaseModel):
    """A new key. `key` is told this once; only its hash is kept."""

    id: str
    name: str
    scopes: list[Literal["read", "submit", "admin"]]
    created: str
    key: str


class Keys(BaseModel):
    """Every key, without the keys."""

    keys: list[Key]


class NewHook(Asked):
    """A webhook to be made."""

    url: str = Field(
        min_length=1,
        max_length=2048,
        pattern=r"^https?://[!-~]+$",
        description="Where it is posted to; redirects are not followed.",
    )
    kinds: list[HookKind] = Field(
        default=list(USUAL_KINDS),
        min_length=1,
        max_length=len(HOOK_KINDS),
        description="What is told; all but `event.found` by default.",
    )


class MadeHook(BaseModel):
    """A new webhook. `secret` is told this once: what its messages are signed with."""

    id: str
    url: str
    kinds: list[HookKind]
    created: str
    secret: str


class HookList(BaseModel):
    """Every webhook, without the secrets."""

    webhooks: list[Hook]


class Deliveries(Asked):
    """Which deliveries are listed. The newest come first."""

    limit: int = Field(default=50, ge=1, le=500)
    cursor: int | None = Field(default=None, ge=1, le=2**53, description="`next` of the page before.")


class DeliveryList(BaseModel):
    """A page of deliveries. `next` is the following page's `cursor`, null at the end."""

    deliveries: list[Delivery]
    next: int | None


class TimelineOf(BaseModel):
    """How a timeline is asked for."""

    if_any: bool = Field(default=False, description="Answer 204 where there is none yet, or none at all: that is no fault then.")


class Health(BaseModel):
    """Whether the service lives, or is ready."""

    status: Literal["ok"]
