"""Second looks: when all windows of a scan are described, the most doubtful answers are asked for once more, with other pictures.

They come last, so that no window goes without an answer because another one had two, and the most doubtful first, whatever came in which
order: the same answers are looked at again in a scan that was interrupted. What a look has shown and what came of it is in the journal
under a key of its own. Whatever goes wrong with a look, the first answer stands.

Memory: the pictures of as many looks as may be asked about at once, `windows.max_frames` each.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from videoscan import flow, observe, ongoing, prompts
from videoscan.core import LOOKED_AT, Look, refetch, spec_for
from videoscan.doubting import doubt
from videoscan.doubting.doubt import Allowance, Second
from videoscan.doubting.refetching import renumbered
from videoscan.errors import DescribeError, SourceError
from videoscan.folder import PICTURES
from videoscan.folding.held import SPENT
from videoscan.isolation import core_for
from videoscan.model import Description, Failure, Mark, Reason, Shown, Window
from videoscan.reading.reducing import zoom_box

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from videoscan.doubting.doubt import Doubt
    from videoscan.folder import OutputFolder
    from videoscan.folding.outcome import Outcome
    from videoscan.journal import Journal
    from videoscan.model import Picture, Prompt, SourceInfo
    from videoscan.observe import Observer
    from videoscan.request import Request
    from videoscan.seams import DescriberSession
    from videoscan.spending.ledger import Ledger
    from videoscan.timeline import Folding

Fetch: TypeAlias = "Callable[[Look], Awaitable[list[tuple[Picture, ...]]]]"
"""Gives a look's pictures, as many windows of them as the describer's limits want: one, mostly."""

_FETCHED_AT_ONCE = 2
_FEWEST = 4
"""Pictures of a second look at least, where windows have so many: fewer are no closer look."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A look before it is made: why, at which outcome, what it shows. `plain` is what it shows where the endpoint does not take all of `look` in one window."""

    doubt: Doubt
    outcome: Outcome
    look: Look
    plain: Look

    @property
    def pictures(self) -> int:
        """How many at most."""
        return len(self.look.times) * (2 if self.look.region is not None else 1)


async def looked_at_again(
    request: Request,
    info: SourceInfo,
    outcomes: Sequence[Outcome],
    doubts: Mapping[int, Doubt],
    folding: Folding,
    session: DescriberSession,
    observer: Observer,
    ledger: Ledger,
    place: OutputFolder | None = None,
    journal: Journal | None = None,
) -> list[Outcome]:
    """The outcomes that `doubts` are about, with a second look as far as the profile's `second_look.share` allows.

    `folding` has the other outcomes: the share is one of all.
    """
    if request.retry is not None:
        doubts = {index: each for index, each in doubts.items() if request.retry.looks_at(index)}
    looks = Looks(request, info, session, ledger, place, journal, _once_more(request, session))
    planned = looks.planned(outcomes, doubts, folding)
    if not planned:
        return list(outcomes)
    if request.given.kind == "kept":
        observer(observe.Note(f"{_windows(len(planned))} in doubt, but a second look needs the footage: it is not decoded again"))
        return list(outcomes)
    observer(observe.Note(f"{_windows(len(planned))} looked at again ({doubt.summed_up([each.doubt for each in planned])})"))
    observer(observe.LookingAgain(len(planned)))
    made: dict[int, Second] = {}
    concurrency = session.limits.concurrency
    async with flow.map_as_done(looks.make, _each(planned), concurrency) as seconds:
        async for second in seconds:
            made[second.doubt.window] = second
            observer(observe.LookDone(second.doubt.window, second.description))
    for failure in {second.description.failure.message for second in made.values() if second.description.failure is not None}:
        observer(observe.Note(f"a second look came to nothing, the first answer stands: {failure}"))
    return [replace(outcome, second=made.get(outcome.index)) for outcome in outcomes]


def most_again(request: Request, pictures: int | None) -> int | None:
    """The most pictures that second looks can add to a scan that sends so many, `None` where that is not known."""
    profile = request.resolved.profile
    share = profile.second_look.share
    if not share or request.given.kind == "kept":
        return 0
    return None if pictures is None else Allowance.of(share, windows=1, images=pictures, room=profile.windows.max_frames).pictures


def _windows(count: int) -> str:
    return "1 window is" if count == 1 else f"{count} windows are"


async def _each(planned: Sequence[Planned]) -> AsyncIterator[Planned]:
    for each in planned:
        yield each


def _once_more(request: Request, session: DescriberSession) -> Fetch:
    """Fetches from the footage, which is opened again."""
    profile = request.resolved.profile
    spec = spec_for(request.given, profile, session.limits, start=request.start, end=request.end)

    async def fetch(look: Look) -> list[tuple[Picture, ...]]:
        worker = core_for(refetch(spec, look), profile.source)
        async with flow.read_ahead(iter(worker), 1, stop=worker.stop) as items:
            return [item.pictures async for item in items if isinstance(item, Window)]

    return fetch


class Looks:
    """Plans and makes looks; `fetch` gives their pictures."""

    def __init__(
        self,
        request: Request,
        info: SourceInfo,
        session: DescriberSession,
        ledger: Ledger,
        place: OutputFolder | None,
        journal: Journal | None,
        fetch: Fetch,
    ) -> None:
        self._fetch = fetch
        self._request, self._info, self._session, self._ledger = request, info, session, ledger
        self._place, self._journal = place, journal
        profile = request.resolved.profile
        self._options, self._windows = profile.second_look, profile.windows
        self._room = min(self._windows.max_frames, session.limits.pictures or self._windows.max_frames)
        self._fetching = asyncio.Semaphore(_FETCHED_AT_ONCE)

    def planned(self, outcomes: Sequence[Outcome], doubts: Mapping[int, Doubt], folding: Folding) -> list[Planned]:
        """The looks that are allowed, the most doubtful first."""
        by_index = {outcome.index: outcome for outcome in outcomes}
        images = folding.pictures + sum(len(outcome.shown) for outcome in outcomes)
        windows = len(folding) + len(outcomes)
        allowed = self.allowance(windows=windows, images=images)
        planned = []
        for each in doubt.ranked(list(doubts.values())):
            plan = self.plan(each, by_index[each.window], allowed)
            if plan is not None:
                planned.append(plan)
        return planned

    def allowance(self, *, windows: int, images: int) -> Allowance:
        """What looks at so many windows, with so many pictures, may send together."""
        return Allowance.of(self._options.share, windows=windows, images=images, room=self._room)

    def plan(self, about: Doubt, outcome: Outcome, allowed: Allowance) -> Planned | None:
        """The look at one outcome, taken from what is allowed; `None` where that does not suffice or would show nothing new."""
        # What could not be read is a gap in the timeline: only who is shown all of it can fill it.
        seen = {shown.time for shown in outcome.shown} if about.why == "unreadable" else set()
        whole = len(seen)
        room = allowed.take(max(whole, min(_FEWEST, self._room)), self._room)
        if not room:
            return None
        planned = self._plan(about, outcome, room)
        if about.why == "unreadable" and planned.look.region is None and seen.issuperset(planned.look.times):
            return None  # the very pictures about which three answers could not be read
        allowed.give(planned.pictures)
        return planned

    def _plan(self, about: Doubt, outcome: Outcome, room: int) -> Planned:
        inside = {each.time for each in outcome.shown if about.start <= each.time <= about.end}
        kept = sorted({about.start, *inside, about.end})
        region = about.region
        size = self._info.width, self._info.height
        mark = Mark(0, 0.0, kept=True, reason=Reason.CHANGED, region=region)
        if region is not None and (room < 2 or zoom_box(mark, LOOKED_AT, size, self._windows.long_side) is None):
            region = None
        frames = room // 2 if region is not None else room
        return Planned(about, outcome, Look(doubt.times(kept, frames), region), Look(doubt.times(kept, min(frames, len(kept)))))

    async def make(self, plan: Planned) -> Second:
        """What comes of a look."""
        outcome = plan.outcome
        prompt = self._prompt(plan)
        key = self._key(plan, prompt)
        known = await flow.in_thread(self._journal.second_look, key) if self._journal is not None and key is not None else None
        if known is not None:
            description, shown = known
            if self._place is not None and await flow.in_thread(self._place.hold, [_name(each) for each in shown]):
                return Second(plan.doubt, shown, description)
        elif self._request.retry is not None and (stands := self._request.retry.looked(outcome.index)) is not None:
            return Second(plan.doubt, (), stands)
        elif self._ledger.ended:
            return Second(plan.doubt, (), _nothing(SPENT, "the budget is used up"))
        try:
            async with self._fetching:
                pictures = await self._fetched(plan)
        except SourceError as error:
            return Second(plan.doubt, (), _nothing(type(error).__name__, error.message))
        if not pictures:
            return Second(plan.doubt, (), _nothing("SourceLost", "its frames cannot be read a second time"))
        if self._place is not None:
            await flow.in_thread(self._place.add, pictures)
        if known is not None:
            return Second(plan.doubt, known[1], known[0])
        window = Window(outcome.index, pictures[0].time, max(outcome.end, pictures[-1].time), pictures)
        description = await self._described(window, prompt)
        shown = tuple(self._shown(picture, plan) for picture in pictures)
        if self._journal is not None and key is not None:
            await flow.in_thread(self._journal.record_second_look, key, window, plan.doubt.why, shown, description)
        return Second(plan.doubt, shown, description)

    def key(self, plan: Planned) -> str | None:
        """The journal's key of a look; `None` where the first answer has none."""
        return self._key(plan, self._prompt(plan))

    def _prompt(self, plan: Planned) -> Prompt:
        words = ongoing.words(plan.outcome.given, self._request.resolved.profile.prompt.context_tokens)
        prompt = doubt.asking(prompts.going_on(self._request.prompt, words), plan.doubt.why)
        return prompts.zooming(prompt) if plan.look.region is not None else prompt

    async def _described(self, window: Window, prompt: Prompt) -> Description:
        try:
            return await self._session.describe(window, prompt)
        except DescribeError as error:  # all windows have had their answers: this is no reason to lose them
            return _nothing(type(error).__name__, error.message)

    async def _fetched(self, plan: Planned) -> tuple[Picture, ...]:
        """The look's pictures, numbered as the pass has numbered its frames."""
        known = [(mark.time, mark.frame) for mark in plan.outcome.marks]
        groups: list[tuple[Picture, ...]] = []
        for look in (plan.look, plan.plain):
            groups = await self._fetch(look)
            if len(groups) == 1:
                break
        return renumbered(groups[0], known) if groups else ()

    def _shown(self, picture: Picture, plan: Planned) -> Shown:
        path = f"{PICTURES}/{picture.name}" if self._place is not None else None
        return Shown(picture.frame, picture.time, path, plan.look.region, zoom=picture.zoom_of is not None)

    def _key(self, plan: Planned, prompt: Prompt) -> str | None:
        """The hash of all that the answer depends on: the first answer's key stands for the footage and for who is asked."""
        if plan.doubt.key is None:
            return None
        look, options = plan.look, self._windows
        parts: list[Any] = [
            "second look",
            plan.doubt.key,
            [prompt.system, prompt.instructions, prompt.schema, prompt.text_first],
            [look.times, look.region, options.long_side, options.quality, options.format],
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _name(shown: Shown) -> str:
    return (shown.picture or "").removeprefix(f"{PICTURES}/")


def _nothing(kind: str, message: str) -> Description:
    return Description(failure=Failure(kind, message), attempts=0)
