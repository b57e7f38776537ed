"""A person's corrections of events: accept, reject, edit, add, undo. They are kept beside the model's words, as `videoscan review` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from videoscan.document import Event
from videoscan.reviewing.reviews import Changes
from videoscan.stores.sqlite import Conflict
from videoscan.web import jobs_api, routes
from videoscan.web.problems import Problem
from videoscan.web.routes import BASE, SERVICE, Answer, Route
from videoscan.web.schemas import Asked
from videoscan.web.security import caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from videoscan.document import Timeline
    from videoscan.jobs.records import Job
    from videoscan.reviewing.correcting import Corrector


class Seen(Asked):
    """The state of an event's review that a person saw, as `review` has it."""

    state: Literal["accepted", "rejected", "edited", "added"] | None = None
    by: str | None = Field(default=None, max_length=200)
    at: str | None = Field(default=None, max_length=64)

    def check(self, event: Event | None) -> None:
        """Raises `Conflict` when somebody has said something of the event since."""
        review = event.review if event is not None else None
        now = (review.state, review.by, review.at) if review is not None else (None, None, None)
        if now != (self.state, self.by, self.at):
            who = (review.by if review is not None else None) or "somebody"
            raise Conflict(f"{who} has corrected this event meanwhile: nothing was changed")


class Correction(Asked):
    """What a person says of an event."""

    action: Literal["accept", "reject", "edit", "undo"]
    changes: Changes | None = Field(default=None, description="What is otherwise: for `edit`.")
    comment: str | None = Field(default=None, max_length=2000)
    by: str | None = Field(default=None, max_length=200, description="Who says so; with a key it is the key's name.")
    seen: Seen | None = Field(
        default=None,
        description="What was known of its review: 409 where that is not so any more, and nothing is overwritten unseen.",
    )


class NewEvent(Asked):
    """Something that nobody told."""

    changes: Changes = Field(description="At least title, start and end.")
    comment: str | None = Field(default=None, max_length=2000)
    by: str | None = Field(default=None, max_length=200, description="Who says so; with a key it is the key's name.")


class Corrected(BaseModel):
    """The event as it is shown now; null where an added one was taken back."""

    event: Event | None


async def correct(request: web.Request) -> web.StreamResponse:
    """A correction of one event."""
    job = await _ended(request)
    asked = await routes.body(request, Correction)
    identity = request.match_info["event"]
    if (asked.action == "edit") != (asked.changes is not None):
        raise Problem(422, "`changes` goes with the action `edit`, and with no other")

    def make(corrector: Corrector) -> str:
        if asked.seen is not None:
            events = corrector.timeline.events
            asked.seen.check(next((each for each in events if identity in {each.id, *each.aliases}), None))
        if asked.action == "undo":
            return corrector.undo(identity).event
        if asked.changes is not None:
            return corrector.edit(identity, asked.changes).id
        return (corrector.accept if asked.action == "accept" else corrector.reject)(identity).id

    found, told = await _correct(
        request,
        job,
        make,
        by=await _by(request, asked.by),
        comment=asked.comment,
        about=None if asked.action == "undo" else identity,
    )
    return routes.answer(Corrected(event=next((each for each in told.events if each.id == found), None)))


async def add(request: web.Request) -> web.StreamResponse:
    """An event of a person's own."""
    job = await _ended(request)
    asked = await routes.body(request, NewEvent)
    found, told = await _correct(
        request, job, lambda corrector: corrector.add(asked.changes).id, by=await _by(request, asked.by), comment=asked.comment
    )
    return routes.answer(Corrected(event=next((each for each in told.events if each.id == found), None)), status=201)


async def _correct(
    request: web.Request,
    job: Job,
    make: Callable[[Corrector], str],
    *,
    by: str | None,
    comment: str | None,
    about: str | None = None,
) -> tuple[str, Timeline]:
    try:
        return await request.app[SERVICE].correct(job, make, by=by, comment=comment, about=about)
    except KeyError as fault:
        what = f"event {about}" if about is not None and fault.args[0] == about else "timeline"
        raise Problem(404, f"there is no {what} in this job") from None


async def _ended(request: web.Request) -> Job:
    job = await jobs_api.found(request)
    if job.kind == "folder":
        raise Problem(409, "a folder has no events of its own", hint="each of its children has")
    # A day that is watched is never settled: corrections lie beside it, and hold as it grows.
    if job.state in {"queued", "running"} and job.kind not in {"stream", "day"}:
        raise Problem(409, f"the job is {job.state}: its events are not settled yet", hint="correct them when it has ended")
    return job


async def _by(request: web.Request, said: str | None) -> str | None:
    key = await caller(request)
    return key.name if key is not None else said


_EVENT = {**jobs_api.PATTERN, "event": r"[A-Za-z0-9_.-]{1,64}"}
_SHOWN = "The event as it is shown now."

ROUTES = (
    Route(
        "PATCH",
        f"{BASE}/jobs/{{id}}/events/{{event}}",
        correct,
        "Correct an event",
        {200: Answer(_SHOWN, Corrected)},
        scope="submit",
        body=Correction,
        patterns=_EVENT,
    ),
    Route(
        "POST",
        f"{BASE}/jobs/{{id}}/events",
        add,
        "Add an event",
        {201: Answer(_SHOWN, Corrected)},
        scope="submit",
        body=NewEvent,
        patterns=jobs_api.PATTERN,
    ),
)
