"""The pictures right after a sample, decoded only where somebody asks for them: what tells a drop of rain from somebody who stays.

A sampler that is wrapped here (`Bursts.session`) aims at them between two of its own aims, and neither it nor whoever takes the samples sees
them; the samples are the same with and without them. They cost what decoding them costs: up to `MOST` pictures a sample.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from videoscan.config import Options
from videoscan.model import Frame
from videoscan.seams import Aim, Back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pydantic import BaseModel

    from videoscan.model import Pixels, SourceInfo
    from videoscan.seams import Sampler, SamplerSession

MOST = 6
"""Pictures after a sample."""
STEP = 0.04
"""Seconds from one to the next, at least: in less, a flake far away is still where it was."""
REACH = 0.27
"""Seconds after the sample in which they lie: in more, somebody who runs is beside where they were."""
_SLACK = 1e-6

Item = TypeVar("Item")


class Bursts(Generic[Item]):
    """One pass: wrap its sampler, then its items. Not shared between threads. Memory: one item, and one raw picture at a time."""

    Options: ClassVar[type[BaseModel]] = Options

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._session: _Session | None = None
        self._items: Iterator[Item] = iter(())
        self._waiting: deque[Item] = deque()

    def session(self, info: SourceInfo) -> SamplerSession:
        """See `videoscan.seams.Sampler`."""
        self._session = _Session(self._sampler.session(info))
        return self._session

    def over(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, of which each `Frame` can be asked for what follows it until the next item is asked for. Others pass as they are."""
        self._items = iter(items)
        while True:
            item = self._waiting.popleft() if self._waiting else next(self._items, None)
            if item is None:
                return
            if isinstance(item, Frame):
                yield replace(item, following=self._following(item))
            else:
                yield item

    def _following(self, frame: Frame) -> Callable[[], Iterator[Pixels]]:
        def asked() -> Iterator[Pixels]:
            session = self._session
            for number in range(1, MOST + 1):
                if session is None or self._waiting:
                    return
                session.follow(frame.time + number * STEP - _SLACK, frame.time + REACH)
                item = next(self._items, None)
                session.let_be()
                if item is None:
                    return
                if not (isinstance(item, Frame) and session.is_beside(item)):
                    self._waiting.append(item)
                    return
                yield item.pixels

        return asked


class _Session:
    """A sampler's session, between whose aims there may be others."""

    def __init__(self, inner: SamplerSession) -> None:
        self._inner = inner
        self._due: tuple[float, float] | None = None
        self._beside: Frame | None = None

    def follow(self, time: float, until: float) -> None:
        """The next frame wanted is the first one at or after `time`, if it comes by `until` and the sampler does not want it."""
        aim = self._inner.aim()
        taken = until >= aim.time or (aim.keyframe_from <= until and aim.keyframe_until >= time)
        self._due = None if taken else (time, until)

    def let_be(self) -> None:
        """What the sampler wants is wanted again: something came, be it no frame."""
        self._due = None

    def is_beside(self, frame: Frame) -> bool:
        """Whether this frame, the last one that came, is none of the sampler's own."""
        beside = self._beside
        return beside is not None and (beside.index, beside.time) == (frame.index, frame.time)

    def aim(self) -> Aim:
        return self._inner.aim() if self._due is None else Aim(self._due[0])

    def saw(self, frame: Frame) -> bool | Back:
        due, self._due = self._due, None
        if due is not None:
            if frame.time <= due[1]:
                self._beside = frame
                return True
            aim = self._inner.aim()
            # Where no picture comes for so long the next one may be what the sampler wants; one before that is let go of.
            if not (frame.time >= aim.time or (frame.keyframe and aim.keyframe_from <= frame.time <= aim.keyframe_until)):
                return False
        beside, self._beside = self._beside, None
        verdict = self._inner.saw(frame)
        if isinstance(verdict, Back) and beside is not None and verdict.time <= beside.time:
            return Back(beside.time + _SLACK)
        return verdict
