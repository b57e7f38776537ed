"""The account of every second: spans of coverage, and many of them in columns.

A month of one camera has more than a million spans. As objects they take 150 bytes each; in the columns of `Spans` they take 20, and
whoever reads one gets it as a `CoverageSpan` made at that moment.
"""

from __future__ import annotations

import operator
from array import array
from collections.abc import Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, overload

import pydantic.dataclasses
from pydantic import Field
from pydantic_core import core_schema

from videoscan.slotted import MANY, Slotted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import GetCoreSchemaHandler

Seconds = Annotated[float, Field(ge=0)]
State = Literal["described", "unchanged", "failed", "lost", "absent", "skipped"]
Kind: TypeAlias = "tuple[State, str | None]"
"""A state and its reason."""

NOTHING = -(1 << 63)
"""Stands for no frame in the column of `same_as`."""


@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=MANY)
class CoverageSpan(Slotted):
    """What is known about a stretch. The spans tile ``[0, duration)``."""

    start: Seconds
    """Where the stretch begins; the first one begins at 0."""
    end: Seconds
    """Where it ends, which is where the next one begins."""
    state: State
    """What is known about it."""
    same_as: int | None = None
    """For `unchanged`: the kept frame that stands for it."""
    reason: str | None = None
    """Why, for everything but `described` and `unchanged`."""


class Spans(Sequence[CoverageSpan]):
    """Spans in columns: a sequence that is read like a tuple of them, equal to any sequence of equal spans. Nothing changes it.

    20 bytes a span, 28 where spans leave holes between them, as in no timeline of this program; a span itself is made when it is read.
    """

    __slots__ = ("_ends", "_kinds", "_places", "_same", "_starts")

    def __init__(self, spans: Iterable[CoverageSpan] = ()) -> None:
        self._starts, self._ends, self._same, self._places = array("d"), array("d"), array("q"), array("i")
        places: dict[Kind, int] = {}
        for span in spans:
            self._starts.append(span.start)
            self._ends.append(span.end)
            self._same.append(NOTHING if span.same_as is None else span.same_as)
            self._places.append(places.setdefault((span.state, span.reason), len(places)))
        self._kinds: tuple[Kind, ...] = tuple(places)
        if self._ends[:-1] == self._starts[1:]:
            self._ends = self._ends[-1:]  # only the last is needed where each ends as the next begins

    @classmethod
    def of_columns(cls, starts: array[float], end: float, same: array[int], places: array[int], kinds: Sequence[Kind]) -> Spans:
        """Spans from whole columns, which become theirs: doubles, int64 with `NOTHING` for none, ints: each one's place in `kinds`.

        Each ends as the next begins, and the last at `end`.
        """
        made = cls()
        made._take(starts, array("d", [end] if starts else []), same, places, kinds)
        return made

    def _take(
        self, starts: array[float], ends: array[float], same: array[int], places: array[int], kinds: Sequence[Kind]
    ) -> None:
        self._starts, self._ends, self._same, self._places, self._kinds = starts, ends, same, places, tuple(kinds)

    def _end(self, place: int) -> float:
        if len(self._ends) == len(self._starts):
            return self._ends[place]
        place %= len(self._starts)
        return self._starts[place + 1] if place + 1 < len(self._starts) else self._ends[-1]

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[CoverageSpan]:
        make, kinds = CoverageSpan.unchecked, self._kinds
        ends = self._ends if len(self._ends) == len(self._starts) else chain(islice(self._starts, 1, None), self._ends)
        for start, end, same, place in zip(self._starts, ends, self._same, self._places, strict=True):
            state, reason = kinds[place]
            yield make(start, end, state, None if same == NOTHING else same, reason)

    @overload
    def __getitem__(self, place: int) -> CoverageSpan: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[CoverageSpan, ...]: ...
    def __getitem__(self, place: int | slice) -> CoverageSpan | tuple[CoverageSpan, ...]:
        if isinstance(place, slice):
            return tuple(self[each] for each in range(*place.indices(len(self))))
        state, reason = self._kinds[self._places[place]]
        same = self._same[place]
        return CoverageSpan.unchecked(self._starts[place], self._end(place), state, None if same == NOTHING else same, reason)

    def starts(self, *, without: frozenset[State] = frozenset()) -> list[float]:
        """Where spans begin that are in none of the states `without`."""
        wanted = [state not in without for state, _ in self._kinds]
        return [start for start, place in zip(self._starts, self._places, strict=True) if wanted[place]]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str) or not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    def __hash__(self) -> int:
        return hash((len(self), *self[:1], *self[-1:]))

    def __repr__(self) -> str:
        return f"Spans({list(self)!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        many = handler.generate_schema(tuple[CoverageSpan, ...])

        def held(value: Any, validated: core_schema.ValidatorFunctionWrapHandler) -> Spans:
            if isinstance(value, cls):
                return value
            try:
                return cls(validated(value))
            except OverflowError as fault:
                raise ValueError(f"no frame has such an index: {fault}") from fault

        return core_schema.no_info_wrap_validator_function(
            held,
            many,
            serialization=core_schema.plain_serializer_function_ser_schema(tuple, return_schema=many),
        )
