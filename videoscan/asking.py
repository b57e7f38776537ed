"""One window's way from pictures to an outcome: saved, looked up in the journal or asked about, written down, and only then used."""

from __future__ import annotations

import asyncio
import functools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from videoscan import flow, observe, ongoing, prompts, registry
from videoscan.doubting import doubt
from videoscan.folder import PICTURES
from videoscan.folding.marks import Marks
from videoscan.folding.outcome import Outcome
from videoscan.journal import key_of
from videoscan.model import Shown
from videoscan.reading.spec import SEGMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.doubting.doubt import Doubt
    from videoscan.folder import OutputFolder
    from videoscan.journal import Journal
    from videoscan.model import Description, Mark, Picture, Prompt, Window
    from videoscan.observe import Observer
    from videoscan.ongoing import Ongoing
    from videoscan.request import Request
    from videoscan.seams import DescriberSession

_CHAINED, _MOST_WAITING = 6, 48
"""With rolling context the windows of a segment wait for each other: so many for each that may be asked about at once are held, and
never more than that in all. At the defaults a segment has five or six."""


class Asker:
    """Asks about the windows of one scan, side by side; with rolling context those of one segment one after another.

    `doubts` are those about answers that a second look may be worth (`videoscan.doubting.second`), by window. `let_be` are the windows that
    keep an earlier failure, because others were chosen to be asked again (`videoscan.retrying`).

    Memory: with rolling context, the pictures of `at_once` windows.
    """

    def __init__(
        self,
        request: Request,
        session: DescriberSession,
        observer: Observer,
        place: OutputFolder | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._request, self._session, self._observer = request, session, observer
        self._place, self._journal = place, journal
        profile = request.resolved.profile
        options = profile.prompt
        # Who measures tells nothing that a next window could be asked to continue.
        self._rolling = options.context == "rolling" and session.limits.sends
        self._context_tokens = options.context_tokens
        self._chains = Chains()
        self.doubts: dict[int, Doubt] = {}
        self.let_be: set[int] = set()
        self._looks = profile.second_look if profile.second_look.share and session.limits.sends else None
        self._scale = registry.make("dedups", profile.dedup).scale
        concurrency = session.limits.concurrency
        self._room = asyncio.Semaphore(concurrency)
        self.at_once = max(concurrency, min(concurrency * _CHAINED, _MOST_WAITING)) if self._rolling else concurrency

    def enter(self, window: Window) -> None:
        """To be called for every window, in order, before `ask`."""
        if self._rolling:
            self._chains.enter(window)

    async def ask(self, window: Window) -> Outcome:
        """What comes of a window."""
        if self._place is not None:
            await flow.in_thread(self._place.save, window.pictures)
        given = await self._chains.given(window) if self._rolling else ()
        prompt = prompts.going_on(self._request.prompt, ongoing.words(given, self._context_tokens))
        async with self._room:
            description, resumed, handed_on, key = await self._description(window, prompt, given)
        if self._rolling:
            self._chains.hand_on(window, handed_on)
        if self._looks is not None:
            found = doubt.judge(window, description, self._scale, least=self._looks.confidence)
            if found is not None:
                self.doubts[window.index] = replace(found, key=key)
        at_once = getattr(self._session, "at_once", None)
        self._observer(observe.WindowDone(window.index, description, resumed=resumed, at_once=at_once))
        return Outcome(
            index=window.index,
            start=window.start,
            end=window.end,
            shown=shown(window.pictures, window.marks, saved=self._place is not None),
            marks=Marks.of(window.marks),
            description=description,
            overlap=window.overlap,
            given=given,
        )

    async def _description(
        self, window: Window, prompt: Prompt, given: tuple[Ongoing, ...]
    ) -> tuple[Description, bool, tuple[Ongoing, ...], str | None]:
        """The description, whether it is an earlier run's, what is going on at the window's end for the next one, and the journal's key."""
        if self._journal is None:
            description = await self._session.describe(window, prompt)
            return description, False, ongoing.after(given, window, description), None
        # Hashing megabytes of pictures takes milliseconds, and so may the disk: not on the event loop.
        of = functools.partial(key_of, window, prompt, self._request.asked, measured=self._session.limits.measures)
        key = await flow.in_thread(of)
        known = await flow.in_thread(self._journal.answer, key)
        if known is None and self._request.retry is not None and (stands := self._request.retry.stands(window)) is not None:
            known = stands
            self.let_be.add(window.index)
        description = known or await self._session.describe(window, prompt)
        if known is None:
            await flow.in_thread(self._journal.record, key, window, description)
        if not self._rolling:
            return description, known is not None, (), key
        if description.failure is not None:
            await flow.in_thread(self._journal.record_failure, key, window, description)
        # What was asked after a window that failed was asked without it. Its late answer leaves that alone.
        late = self._journal.failed(key)
        return description, known is not None, given if late else ongoing.after(given, window, description), key


class Chains:
    """Who waits for whom: the windows that begin in one segment wait for each other, those of different segments do not."""

    def __init__(self) -> None:
        self._tails: dict[int, asyncio.Future[tuple[Ongoing, ...]]] = {}
        self._links: dict[int, tuple[asyncio.Future[tuple[Ongoing, ...]] | None, asyncio.Future[tuple[Ongoing, ...]]]] = {}

    def enter(self, window: Window) -> None:
        """The next window, in order."""
        segment = math.floor(window.start / SEGMENT)
        mine = asyncio.get_running_loop().create_future()
        self._links[window.index] = self._tails.get(segment), mine
        self._tails = {segment: mine}  # they come in order, so nobody waits for an earlier segment any more

    async def given(self, window: Window) -> tuple[Ongoing, ...]:
        """What the window before it hands on, once it is there; nothing for a segment's first."""
        before, _ = self._links[window.index]
        return await before if before is not None else ()

    def hand_on(self, window: Window, going_on: tuple[Ongoing, ...]) -> None:
        """Let the window after it go on."""
        _, mine = self._links.pop(window.index)
        if not mine.done():  # its reader was cancelled
            mine.set_result(going_on)


def shown(pictures: Sequence[Picture], marks: Sequence[Mark], *, saved: bool) -> tuple[Shown, ...]:
    """Pictures as the timeline cites them, each with the region where something changed; without paths unless they are `saved`."""
    regions = {mark.frame: mark.region for mark in marks}
    return tuple(
        Shown(
            frame=picture.frame,
            time=picture.time,
            picture=f"{PICTURES}/{picture.name}" if saved else None,
            region=regions.get(picture.frame),
            zoom=picture.zoom_of is not None,
        )
        for picture in pictures
    )
