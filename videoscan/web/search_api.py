"""Search and questions over all timelines of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, Field

from videoscan.answering import NOTE
from videoscan.jobs.records import ID
from videoscan.library.search import MATCHES_WORDS
from videoscan.reviewing import selection
from videoscan.web import routes
from videoscan.web.problems import Problem
from videoscan.web.routes import BASE, SERVICE, Answer, Route
from videoscan.web.schemas import Asked

if TYPE_CHECKING:
    from aiohttp import web

    from videoscan.jobs.shelf import Shelf
    from videoscan.library.search import Hit

Reviewed = Literal["yes", "no", "accepted", "edited", "added", "rejected"]


class Narrowed(Asked):
    """What narrows a search."""

    job: list[Annotated[str, Field(pattern=ID)]] = Field(
        default=[],
        max_length=50,
        description="Only what these jobs came to; a folder or a stream stands for all that is in it.",
    )
    camera: list[str] = Field(default=[], max_length=50, description="Names or patterns, such as `gate*`.")
    since: str | None = Field(default=None, alias="from", max_length=64, description="Video time or wall clock (ISO 8601).")
    until: str | None = Field(
        default=None,
        validation_alias=AliasChoices("to_time", "to-time"),
        serialization_alias="to_time",
        max_length=64,
        description="Video time or wall clock (ISO 8601). `to-time`, as on the command line, is taken as well.",
    )
    tag: list[str] = Field(default=[], max_length=50)
    text: str | None = Field(default=None, max_length=500, description="Words that must stand in title, description or tags.")
    reviewed: list[Reviewed] = Field(default=[], max_length=6)

    def filters(self) -> selection.Filters:
        """For the library. Raises `ConfigError` for a time that is none."""
        return selection.Filters(
            cameras=tuple(self.camera),
            since=None if self.since is None else selection.edge(self.since, what="from"),
            until=None if self.until is None else selection.edge(self.until, what="to_time"),
            tags=tuple(self.tag),
            text=self.text,
            reviewed=frozenset(self.reviewed),
        )


class Search(Narrowed):
    """What is looked for."""

    q: str = Field(min_length=1, max_length=1000, description='Words, `"phrases"`, beginnings (`park*`), `-without`.')
    order: Literal["best", "newest", "oldest"] = "best"
    limit: int = Field(default=20, ge=1, le=200)
    offset: int = Field(default=0, ge=0, le=100_000)


class Question(Narrowed):
    """A question about everything that was seen."""

    question: str = Field(min_length=1, max_length=4000)
    pictures: bool = Field(
        default=False, description="Send the events' pictures again, so that the model looks before it answers."
    )


class Shown(BaseModel):
    """An event that was found. Without a `job` it comes from a timeline that was scanned elsewhere."""

    job: str | None
    id: str
    camera: str | None
    source: str
    start: float
    end: float
    wall_start: str | None
    wall_end: str | None
    title: str
    description: str
    tags: list[str]
    attributes: dict[str, Any]
    confidence: float | None
    importance: float | None
    origin: str
    review: str | None
    picture: str | None = Field(description="The address of its first picture.")
    context: list[dict[str, Any]] = Field(
        description="Where the words stand: `field`, `text`, and `matches` as [start, end) in it."
    )


class Results(BaseModel):
    """What a search came to. `count` is exact unless there are `more` than were counted."""

    hits: list[Shown]
    count: int
    more: bool
    order: str
    notes: list[str]


class Answered(BaseModel):
    """An answer, and the events that it rests on, each under the label by which its text cites it."""

    question: str
    answer: str
    known: bool
    citations: dict[str, Shown]
    words: list[str]
    found: int
    shown: int
    pictures: int
    flags: list[str]
    notes: list[str]
    usage: dict[str, Any]


async def search(request: web.Request) -> web.StreamResponse:
    """Events that hold the words."""
    service = request.app[SERVICE]
    asked = routes.query(request, Search)
    found = await service.shelf.search(
        asked.q, asked.filters(), jobs=await service.within(asked.job), order=asked.order, limit=asked.limit, offset=asked.offset
    )
    hits = [_shown(hit, service.shelf, service.settings.shown(hit.source)) for hit in found.hits]
    notes = [*found.notes, MATCHES_WORDS]
    return routes.answer(Results(hits=hits, count=found.count, more=found.more, order=found.order, notes=notes))


async def ask(request: web.Request) -> web.StreamResponse:
    """An answer with citations."""
    service = request.app[SERVICE]
    asked = await routes.body(request, Question)
    if not service.can_ask:
        raise Problem(
            409, "this service asks no model: it only measures", hint="start it with --endpoint; `GET /search` needs none"
        )
    answer, usage = await service.shelf.ask(
        asked.question, asked.filters(), jobs=await service.within(asked.job), pictures=asked.pictures
    )
    cited = {each.label: _shown(each.hit, service.shelf, service.settings.shown(each.hit.source)) for each in answer.citations}
    return routes.answer(
        Answered(
            question=answer.question,
            answer=answer.text,
            known=answer.known,
            citations=cited,
            words=list(answer.words),
            found=answer.found,
            shown=answer.shown,
            pictures=answer.pictures,
            flags=list(answer.flags),
            notes=[NOTE],
            usage=usage.model_dump(mode="json"),
        )
    )


def _shown(hit: Hit, shelf: Shelf, source: str) -> Shown:
    job, frame = shelf.job_of(hit), shelf.picture_of(hit)
    record = {name: value for name, value in hit.record().items() if name in Shown.model_fields}
    picture = f"{BASE}/jobs/{job}/frames/{frame}.jpg" if frame is not None else None
    return Shown.model_validate({**record, "job": job, "source": source, "picture": picture})


ROUTES = (
    Route("GET", f"{BASE}/search", search, "Search all timelines", {200: Answer("What was found.", Results)}, query=Search),
    Route(
        "POST",
        f"{BASE}/ask",
        ask,
        "Ask about all timelines",
        {200: Answer("The answer.", Answered)},
        scope="submit",
        body=Question,
    ),
)
