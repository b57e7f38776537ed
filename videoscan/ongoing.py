"""What is still going on at the end of a window, for the prompt of the next one (`prompt.context = "rolling"`). Pure.

An event that lasts to a window's last frame is still going on, under the name it was first told by: the title of its first telling,
with a number behind it where two would be called the same. The next window's prompt lists it, and an event there that `continues` it
is the same one: it keeps the name, and the fold joins them (`videoscan.folding.reconcile`).

Behind them the prompt names the subjects that were told before ("person in red jacket", `videoscan.language.appearance`), so that what looks the same
is worded the same. Nothing is joined by that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapidfuzz import fuzz

from videoscan.language import appearance, plainly
from videoscan.spending import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Description, Told, Window

_SAME_NAME = 90.0
"""Likeness, 0..100, from which what an answer quotes is a name that it was given: models drop an article or a full stop."""


@dataclass(frozen=True, slots=True)
class Ongoing:
    """An event that had not ended. `name` is what the model calls it.

    `window` and `event` say who told of it last: the window's index, and the place among the events of its description. `over`: it is only
    the name of a subject that was seen before, and nothing that goes on.
    """

    name: str
    description: str
    importance: float
    window: int
    event: int
    over: bool = False


def continued(told: Told, given: Sequence[Ongoing]) -> Ongoing | None:
    """Which of those that were `given` an event says it goes on from, if any."""
    given = [each for each in given if not each.over]
    if not told.continues or not given:
        return None
    wanted = told.continues.strip().strip("\"'“”«»").casefold()
    exact = next((each for each in given if each.name.casefold() == wanted), None)
    if exact is not None:
        return exact
    likest = max(given, key=lambda each: fuzz.ratio(each.name.casefold(), wanted))
    # "A person (2)" is nearly "A person": where names differ by their number alone, only the exact one will do.
    sure = fuzz.ratio(likest.name.casefold(), wanted) >= _SAME_NAME and _number(likest.name) == _number(wanted)
    return likest if sure else None


def after(given: tuple[Ongoing, ...], window: Window, description: Description) -> tuple[Ongoing, ...]:
    """What is going on at a window's end, most important first, when `given` was at its beginning.

    A window that failed ends nothing: what was going on before it is handed on.
    """
    if description.failure is not None:
        return given
    last = max(place for place, picture in enumerate(window.pictures) if picture.zoom_of is None)
    found: list[Ongoing] = []
    names: set[str] = set()
    for place, told in enumerate(description.events):
        if told.last < last or told.origin != "model":
            continue
        if plainly.instructs(told.title, told.description):
            continue  # what may have been read in a picture is not handed on to those who have not seen it
        before = continued(told, given)
        name = before.name if before is not None and before.name not in names else _fresh(told.title, names, given)
        names.add(name)
        found.append(Ongoing(name, told.description, told.importance or 0.0, window.index, place))
    return (*sorted(found, key=lambda each: -each.importance), *_seen(given, window, description))


def _seen(given: Sequence[Ongoing], window: Window, description: Description) -> list[Ongoing]:
    """The subjects that were told by now, the latest first."""
    names: dict[str, Ongoing] = {}
    for place, told in enumerate(description.events):
        if told.origin == "model" and not plainly.instructs(told.title, told.description):
            found = appearance.read(told.title, told.attributes)
            if found is not None:
                names.setdefault(
                    found[0].casefold(), Ongoing(found[0], "", told.importance or 0.0, window.index, place, over=True)
                )
    for each in given:
        if each.over:
            names.setdefault(each.name.casefold(), each)
    return list(names.values())[:_MOST_SEEN]


def _fresh(title: str, names: set[str], given: Sequence[Ongoing]) -> str:
    """A title as a name that nothing else has."""
    taken = names | {each.name for each in given if not each.over}
    title = " ".join(title.split())
    number = 1
    name = title
    while name in taken:
        number += 1
        name = f"{title} ({number})"
    return name


def _number(name: str) -> str:
    return name.rpartition("(")[2] if name.endswith(")") else ""


_MOST_SEEN = 8
_SEEN = "Seen in earlier frames, by these names: {}. Where something in these frames looks the same, give it the same name in its title; if you cannot tell, do not."
_HEAD = "Still going on when these frames begin, as seen in the frames before them:"
_TAIL = (
    "Where one of these goes on here, report it as an event from the first frame that shows it, even if nothing about it is new, and give "
    "its name, exactly as it stands above, as that event's continues. What is over needs no word. Believe the frames, not this list."
)


def words(given: Sequence[Ongoing], most: int) -> str:
    """The paragraph for the prompt, of at most `most` tokens (estimated); empty where there is nothing to say.

    Names come first, the most important ones, and then, as far as there is room, what was said of them.
    """
    going_on = [each for each in given if not each.over]
    seen = _seen_words([each.name for each in given if each.over], most // 3 if going_on else most)
    left = most - tokens.of_text(f"{_HEAD}\n\n{_TAIL}") - tokens.of_text(seen)
    lines: list[list[str]] = []
    for each in going_on:
        cost = tokens.of_text(f"- {each.name}\n")
        if cost > left:
            break
        left -= cost
        lines.append([each.name])
    for line, each in zip(lines, going_on, strict=False):
        cost = tokens.of_text(f": {each.description}")
        if each.description and each.description.rstrip(".") != each.name.rstrip(".") and cost <= left:
            left -= cost
            line.append(each.description)
    parts = ["\n".join([_HEAD, *(f"- {': '.join(line)}" for line in lines), _TAIL])] if lines else []
    return "\n\n".join([*parts, *([seen] if seen else [])])


def _seen_words(names: Sequence[str], most: int) -> str:
    """The sentence about subjects that were seen before, with as many names as fit."""
    for count in range(len(names), 0, -1):
        sentence = _SEEN.format("; ".join(names[:count]))
        if tokens.of_text(sentence) <= most:
            return sentence
    return ""
