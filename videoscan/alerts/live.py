"""The rules over a camera that is watched: judged as events are found, told at once, and told again when they are complete.

::

    alerting = Alerting(heard)                       # `heard` hears of events as well
    watch = CameraWatch(..., heard=alerting.heard)
    async with alerting.over(watch, shared):
        await watch.run()

Rules without a question are judged on the spot. The rest (questions, what was told before, messages) is done by one task, event by event in
their order, so that a model that is slow holds up no watch. What is to be sent durably is sent by another.

Memory: the events that wait for a model's answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from videoscan import flow, observe, outbox, registry
from videoscan.alerts import notices, pictures
from videoscan.alerts.judging import misses, place
from videoscan.alerts.questions import Questioner
from videoscan.alerts.scanning import notes
from videoscan.alerts.state import FILE, AlertRecord, Posting
from videoscan.errors import DescribeError, StoreError
from videoscan.patience import Patience
from videoscan.seams import Notice, Sent
from videoscan.spending.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from videoscan.alerts.notices import Answer, State
    from videoscan.alerts.rules import AlertRule
    from videoscan.alerts.state import Due
    from videoscan.document import Event, SourceRecord
    from videoscan.observe import Observer
    from videoscan.seams import SinkSession
    from videoscan.watching.camera import CameraWatch, Shared
    from videoscan.watching.telling import Found, Heard

_log = logging.getLogger("videoscan.alerts")

GRACE = 5.0
"""Seconds after a watch has ended in which questions are still answered and messages still sent. What is left is sent at the next start."""
PATIENCE = Patience(tries=300, first=5.0, longest=300.0)
"""About a day; and whoever was away is told within five minutes of being back."""
_LAST = 1.0
"""Seconds more for telling those whose messages do not wait on disk of what was found at the very end."""
_HOUSE = "house"
_PICTURE_BYTES = 200_000
_DAYS = 3
"""Days whose events' names are remembered."""


@dataclass(slots=True)
class _Way:
    """Somebody who is told: how a message is put, who sends it, and the name of the messages for it. `durable`: they wait on disk."""

    hook: str
    render: Callable[[Notice], str]
    session: SinkSession
    durable: bool


class Alerting:
    """The rules of one camera at work. `heard` is for `CameraWatch`; the rest is opened with ``async with alerting.over(...)``."""

    def __init__(self, heard: Heard | None = None, *, house: SinkSession | None = None) -> None:
        """`heard` hears of every event first.

        `house` is told of every alert durably, beside the rules' own destinations: a service that has receivers of its own. Then what is only for
        stdout is told to nobody.
        """
        self._before, self._house = heard, house
        self._rules: tuple[AlertRule, ...] = ()
        self._queue: asyncio.Queue[Found] = asyncio.Queue()
        self._noted = False
        self._at: Found | None = None
        """The event that is being judged."""
        self._ends: float | None = None
        """Once the watch has ended and its grace is over: until when those are told who are told at once, on the loop's clock."""
        self._days: dict[str, dict[str, dict[str, None]]] = {}
        self._ways: dict[str, _Way] = {}
        self._news = asyncio.Event()
        self._open = contextlib.AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self.told = 0
        """How many messages were made."""

    def over(self, watch: CameraWatch, shared: Shared, *, camera: str | None = None, observer: Observer = observe.ignore) -> Self:
        """Judge what `watch` finds by the rules of its profile.

        `shared` is what its camera shares, the budget too. `camera` is what it is called in messages, where its folder has another name;
        `observer` is told notes.
        """
        request = watch.request
        self._rules = request.resolved.profile.alerts
        self._request, self._camera, self._observer = request, camera or watch.name, observer
        self._alerted = watch.alerted
        self._account = shared.accounts
        self._record = AlertRecord(watch.folder / FILE)
        return self

    async def __aenter__(self) -> Self:
        """Raises `ConfigError` where a destination lacks a secret, `StoreError` where the folder cannot be written."""
        if not self._rules:
            return self
        try:
            for rule in self._rules:
                for table in rule.to:
                    await self._open_way(table)
            if self._house is not None:
                self._ways[_HOUSE] = _Way(_HOUSE, _with_picture, self._house, durable=True)
            self._open.push_async_callback(self._record.close)
            await self._record.open()
            session = None
            if any(rule.ask for rule in self._rules):
                ledger = Ledger(self._account.of(self._request.budget), self._request.prices)
                session = registry.make("describers", self._request.describer).session(self._observer, ledger)
                self._open.push_async_callback(session.close)
            self._questioner = None
            if session is not None:
                language = self._request.resolved.profile.describer.get("language")
                self._questioner = Questioner(session, asked=self._request.asked, language=language)
        except BaseException:
            await self._open.aclose()
            raise
        deliverer = outbox.Deliverer(self._record, self._send, PATIENCE, _log)
        self._deliverer = deliverer
        self._tasks = [asyncio.create_task(self._judge()), asyncio.create_task(deliverer.run(self._news))]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self._tasks:
            return
        try:
            with contextlib.suppress(TimeoutError, StoreError):
                async with asyncio.timeout(GRACE):
                    await self._queue.join()
                    self._deliverer.idle.clear()
                    self._news.set()
                    await self._deliverer.idle.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            try:
                await self._write_rest()
            finally:
                await self._open.aclose()

    async def _write_rest(self) -> None:
        """Judge what the grace was too short for by the rules that ask no model: what is to be sent then lies on disk for the next start."""
        self._ends = asyncio.get_running_loop().time() + _LAST
        left = [] if self._at is None else [self._at]
        while not self._queue.empty():
            left.append(self._queue.get_nowait())
        for found in left:
            await self._judged(found)

    async def _open_way(self, table: Mapping[str, Any]) -> None:
        hook = _hook(table)
        if hook in self._ways:
            return
        sink = registry.make("sinks", table)
        if self._house is not None and not sink.durable:
            return
        session = await self._open.enter_async_context(sink.open())
        self._ways[hook] = _Way(hook, sink.render, session, durable=sink.durable)

    # --- judging --------------------------------------------------------------------------------------------------------------

    def heard(self, found: Found) -> Iterable[str] | None:
        """An event was found, or is complete: the names of the rules that it is known to meet. Never blocks."""
        if self._before is not None:
            self._before(found)
        if not self._rules:
            return None
        if self._tasks:
            self._queue.put_nowait(found)
        source = _source(found)
        names = self._names(found.folder.name, found.event.id, found.event.aliases)
        for rule in self._rules:
            if rule.ask is None and not misses(rule, found.event, source):
                names[rule.name] = None
        return self._in_order(names)

    def _names(self, scope: str, event: str, aliases: Iterable[str] = ()) -> dict[str, None]:
        """The rules that an event has met, by this id or by those that were merged into it."""
        day = self._days.setdefault(scope, {})
        while len(self._days) > _DAYS:
            del self._days[next(iter(self._days))]
        names = day.setdefault(event, {})
        for alias in aliases:
            names |= day.pop(alias, {})
        return names

    def _in_order(self, names: Iterable[str]) -> tuple[str, ...]:
        met = set(names)
        return tuple(rule.name for rule in self._rules if rule.name in met)

    async def _judge(self) -> None:
        while True:
            self._at = found = await self._queue.get()
            await self._judged(found)
            self._at = None
            self._queue.task_done()

    async def _judged(self, found: Found) -> None:
        try:
            if not self._noted:
                self._noted = True
                can = self._questioner is not None and self._questioner.can
                for note in notes(self._rules, _source(found), model=can):
                    self._note(note)
            await self._take(found)
        except StoreError as fault:
            # The timeline still has the event; the next one may be written again.
            self._note(f"an alert could not be written down: {fault.message}")
        except Exception:
            _log.exception("%s: event %s could not be judged", self._camera, found.event.id)

    async def _take(self, found: Found) -> None:
        event, source, scope = found.event, _source(found), found.folder.name
        ids = (event.id, *event.aliases)
        known = {alert.rule for alert in await self._record.known(scope, ids)}
        met = dict.fromkeys(known)
        for rule in self._rules:
            if rule.name in known:
                if found.complete:
                    await self._complete(rule, found, source, ids)
                continue
            if misses(rule, event, source):
                continue
            answer = None
            if rule.ask is not None:
                answer = await self._answer(rule, event, found.folder)
                if answer is None or not answer.yes:
                    continue
            met[rule.name] = None
            await self._begin(rule, found, source, ids, answer)
        names = self._names(scope, event.id)
        late = met.keys() - names.keys()
        names |= met
        if late:
            self._alerted(scope, event.id, self._in_order(names))

    async def _answer(self, rule: AlertRule, event: Event, folder: Path) -> Answer | None:
        questioner = self._questioner
        if questioner is None or not questioner.can:
            return None
        if self._ends is not None:
            self._note(f"alert {rule.name}: the question about {event.title!r} has no answer: the watch has ended")
            return None
        before = set(questioner.came_to.failures)
        try:
            answer = await questioner.answer(rule, event, folder)
        except DescribeError as fault:
            self._note(f"alert {rule.name}: the question about {event.title!r} has no answer: {fault.message}")
            return None
        for why in questioner.came_to.failures.keys() - before:
            self._note(f"alert {rule.name}: the question about {event.title!r} has no answer: {why}")
        return answer

    async def _begin(
        self, rule: AlertRule, found: Found, source: SourceRecord, ids: Sequence[str], answer: Answer | None
    ) -> None:
        state: State = "completed" if found.complete else "started"
        at_once: list[tuple[_Way, Notice]] = []

        def postings(alert: str) -> list[Posting]:
            notice = self._notice(rule, found, source, state, alert, answer=answer)
            return self._postings(rule, notice, at_once)

        begun = await self._record.begin(
            camera=self._camera,
            rule=rule.name,
            scope=found.folder.name,
            events=ids,
            at=place(found.event, source),
            repeat_after=rule.repeat_after,
            state=state,
            postings=postings,
        )
        if begun is not None and not begun.silent:
            await self._tell(at_once)

    async def _complete(self, rule: AlertRule, found: Found, source: SourceRecord, ids: Sequence[str]) -> None:
        at_once: list[tuple[_Way, Notice]] = []

        def postings(alert: str, merged: tuple[str, ...]) -> list[Posting]:
            notice = self._notice(rule, found, source, "completed", alert, merged=merged)
            return self._postings(rule, notice, at_once)

        if await self._record.complete(rule=rule.name, scope=found.folder.name, events=ids, postings=postings) is not None:
            await self._tell(at_once)

    def _notice(
        self,
        rule: AlertRule,
        found: Found,
        source: SourceRecord,
        state: State,
        alert: str,
        *,
        answer: Answer | None = None,
        merged: Sequence[str] = (),
    ) -> Notice:
        """On the record's thread: it may read the picture."""
        told = notices.told(
            found.event,
            source,
            alert=alert,
            rule=rule.name,
            camera=self._camera,
            state=state,
            folder=str(found.folder),
            answer=answer,
            merged=merged,
        )
        picture = None
        if (where := told["data"]["picture"]) is not None:
            with contextlib.suppress(OSError):  # it may be gone by age or size
                picture = (found.folder / where["path"]).read_bytes()
        return Notice(notices.message_id(alert, state), told["type"], self._camera, rule.name, told, picture)

    def _postings(self, rule: AlertRule, notice: Notice, at_once: list[tuple[_Way, Notice]]) -> list[Posting]:
        """The messages that wait on disk; who is told without that goes to `at_once`."""
        hooks = dict.fromkeys(_hook(table) for table in rule.to)
        if self._house is not None:
            hooks[_HOUSE] = None
        postings = []
        for way in (self._ways[hook] for hook in hooks if hook in self._ways):
            if not way.durable:
                at_once.append((way, notice))
                continue
            # The id tells receivers apart in the table; what is sent is the part before the sign.
            postings.append(Posting(f"{notice.id}@{way.hook}", way.hook, notice.kind, way.render(notice)))
        return postings

    async def _tell(self, at_once: Sequence[tuple[_Way, Notice]]) -> None:
        self.told += 1
        self._news.set()
        for way, notice in at_once:
            try:
                async with asyncio.timeout_at(self._ends):
                    sent = await way.session.send(
                        notice.id, notice.kind, way.render(notice), camera=notice.camera, rule=notice.rule
                    )
            except TimeoutError:
                sent = Sent("the watch has ended")
            if sent.error is not None:
                self._note(f"alert {notice.rule} was not told: {sent.error}")

    async def _send(self, due: Due) -> Sent:
        way = self._ways.get(due.hook)
        if way is None:
            return Sent("no rule names this destination any more", final=True)
        data = (await flow.in_thread(json.loads, due.body))["data"]
        message = due.id.partition("@")[0]
        return await way.session.send(message, due.kind, due.body, camera=data["camera"], rule=data["rule"])

    def _note(self, text: str) -> None:
        self._observer(observe.Note(f"{self._camera}: {text}"))


def _hook(table: Mapping[str, Any]) -> str:
    """A destination by what it says, so that the same one keeps its messages through a restart."""
    said = json.dumps(table, sort_keys=True, default=str)
    return f"{table.get('kind')}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def _source(found: Found) -> SourceRecord:
    assert found.timeline is not None, "a watch tells of events with their timeline"
    return found.timeline.source


def _with_picture(notice: Notice) -> str:
    """As a service's own receivers are told."""
    return pictures.told(notice, "inline", _PICTURE_BYTES)
