"""What a timeline holds by the hundred thousand: slotted dataclasses with the methods that pydantic's models have and readers use.

A slotted dataclass takes a quarter to a tenth of a model's memory and gives the same JSON. Built by its name it is validated like any
model; what the program itself made and knows to be right goes by `Slotted.unchecked`, which takes a quarter of the time.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from typing import Self

T = TypeVar("T")

MANY = ConfigDict(extra="ignore", use_attribute_docstrings=True)
"""The configuration of these dataclasses: tolerant of fields from a newer version, as every part of a timeline is."""


class Slotted:
    """Base of pydantic dataclasses made with ``frozen=True, slots=True``."""

    __slots__ = ()

    @classmethod
    def unchecked(cls, *values: Any) -> Self:
        """One of them from its fields' values, in order, without a look at them; fields behind those have their defaults."""
        rest = _names(cls)[len(values) :]  # type: ignore[arg-type]  # a class has a hash
        if rest:
            fields = {field.name: field for field in dataclasses.fields(cast("Any", cls))}
            for field in map(fields.__getitem__, rest):
                values += (field.default if field.default_factory is dataclasses.MISSING else field.default_factory(),)
        return maker(cls)(*values)

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """A copy with other values in some fields, which are not validated; what pydantic's models call by this name."""
        changes = dict(update or {})
        values = [changes.pop(name) if name in changes else getattr(self, name) for name in _names(type(self))]  # type: ignore[arg-type]
        if changes:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(map(repr, changes))}")
        return self.unchecked(*values)

    def model_dump(self, *, mode: Literal["python", "json"] = "python") -> dict[str, Any]:
        """The fields as a dictionary, all the way down; what pydantic's models call by this name."""
        made: dict[str, Any] = _adapter(type(self)).dump_python(self, mode=mode)  # type: ignore[arg-type]
        return made

    @classmethod
    def model_validate(cls, value: Any) -> Self:
        """One of them from a dictionary of its fields, validated; what pydantic's models call by this name."""
        made: Self = _adapter(cls).validate_python(value)  # type: ignore[arg-type]
        return made


@functools.cache
def _names(cls: Hashable) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cast("Any", cls)))


_makers: dict[type, Callable[..., Any]] = {}


def maker(cls: type[T]) -> Callable[..., T]:
    """`Slotted.unchecked` of a class for whoever makes very many: a function of all its fields' values, in order."""
    if cls not in _makers:
        _makers[cls] = _made(cls)
    return _makers[cls]


def _made(cls: type) -> Callable[..., Any]:
    """Its text is put together as `dataclasses` puts together that of an ``__init__``: a loop over the fields would take five times as long."""
    names = _names(cls)
    # One that is written to like any other, of the same layout, and then becomes what nobody can write to.
    open_ = type(cls.__name__, cls.__bases__, {"__slots__": names})
    known: dict[str, Any] = {"new": object.__new__, "open_": open_, "cls": cls}
    steps = [*(f"made.{name} = {name}" for name in names), "made.__class__ = cls"]
    exec("\n    ".join([f"def make({', '.join(names)}):", "made = new(open_)", *steps, "return made"]), known)  # noqa: S102  # field names
    make: Callable[..., Any] = known["make"]
    return make


@functools.cache
def _adapter(cls: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("type", cls))
