"""Questions with pictures: what they cost, how many are taken, how many are really looked at, and how long that takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from videoscan.describers import cards
from videoscan.describers.dialects import Meaning
from videoscan.describers.measuring.fit import Size
from videoscan.describers.measuring.talk import OK, READ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.describers.measuring.client import Client, Outcome
    from videoscan.describers.measuring.talk import Words
    from videoscan.describers.refusals import Refusal

SIZES = ((224, 224), (448, 448), (640, 360), (960, 540), (1280, 720))
"""Sizes that tell the families apart: 28 and 32 pixels divide the first two differently, 512-pixel tiles the last three."""
FEW_SIZES = ((224, 224), (640, 360), (1280, 720))
COUNTS = (1, 2, 4, 8, 12, 16, 32)
FEW_COUNTS = (1, 12)
NARROWING = 4
"""Requests that look for the exact number of pictures between one that was taken and one that was refused."""
_SLOW_SHARE = 0.25
_PROOF = 0.9


async def costs(client: Client, words: Words, sizes: Sequence[tuple[int, int]]) -> tuple[Size, ...]:
    """What one picture of each size costs, without the words around it. Empty where the server does not count."""
    if words.text_tokens is None:
        return ()
    found: list[Size] = []
    for width, height in sizes:
        client.say(f"tokens of a picture of {width} x {height}")
        (card,) = cards.deal(1, width=width, height=height)
        # The question of the request without pictures, so that the difference is the picture and its label.
        outcome = await client.ask(OK, [card.picture], max_tokens=16)
        if outcome.prompt_tokens is not None:
            found.append(Size(width, height, outcome.prompt_tokens - words.text_tokens - (words.label_tokens or 0.0)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Look:
    """One request with `sent` cards. `read` are the places, from 0, of those whose word the model named.

    `counted` is how many of them are in the server's count of the prompt's tokens, `None` where it does not count, or counts the
    same whatever it is shown. `cut`: the answer ended at its limit before all could be named.
    """

    sent: int
    taken: bool
    seconds: float
    body_bytes: int
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    counted: int | None = None
    read: tuple[int, ...] = ()
    cut: bool = False
    why: str | None = None


@dataclass(slots=True)
class Sighted:
    """All looks, in order of their number of pictures, and what they come to."""

    width: int
    height: int
    seed: int = 0
    looks: list[Look] = field(default_factory=list)
    refused: int | None = None
    """The least number of pictures that was refused."""
    told_most: int | None = None
    """The number that the refusal names."""
    context: int | None = None
    """Tokens that fit into a request, where a refusal or a cut prompt shows it."""
    stopped: str | None = None
    """Why more pictures were not tried, other than a refusal."""

    @property
    def taken(self) -> list[Look]:
        """Those that were answered."""
        return [look for look in self.looks if look.taken]

    @property
    def most_taken(self) -> int:
        """The most pictures that a request was answered with."""
        return max((look.sent for look in self.taken), default=0)

    @property
    def reads(self) -> bool:
        """Whether the model can read cards at all: then what it does not name it was not shown."""
        return any(len(look.read) * 2 >= min(look.sent, 4) for look in self.taken)

    def dropped(self) -> Look | None:
        """The first look of which pictures were silently left out, by the count of tokens or by what was read."""
        return next((look for look in self.taken if self._lost_some(look)), None)

    def _lost_some(self, look: Look) -> bool:
        # Who names the words saw the cards, whatever was counted; who misreads one or two is only short-sighted.
        if len(look.read) >= _PROOF * look.sent:
            return False
        return (look.counted is not None and look.counted < look.sent) or self._read_in_part(look)

    def _read_in_part(self, look: Look) -> bool:
        return self.reads and not look.cut and look.sent > 1 and _an_end_is_missing(look)

    def really(self) -> int | None:
        """The most pictures that are taken and looked at, where there is a limit: `None` when none was found."""
        lost = self.dropped()
        seen = None if lost is None else self._seen(lost)
        limits = [limit for limit in (seen, self.most_taken if self.refused is not None else None) if limit]
        return min(limits, default=None)

    def _seen(self, look: Look) -> int:
        return max(1, len(look.read), 0 if self._read_in_part(look) else look.counted or 0)


def _an_end_is_missing(look: Look) -> bool:
    if not look.read:
        return False
    missing = max(look.read[0], look.sent - 1 - look.read[-1])
    return missing >= max(1, look.sent // 4)


async def look(
    client: Client, words: Words, counts: Sequence[int], *, width: int, height: int, slow: float, seed: int
) -> Sighted:
    """Show more and more cards until they are refused, silently dropped, or take more than a quarter of `slow` seconds.

    `seed` chooses the words: others at every examination, so that no cache answers.
    """
    sighted = Sighted(width, height, seed)
    limit = client.dialect.pictures
    wanted = [count for count in counts if limit is None or count <= limit]
    for count in wanted:
        client.say(f"{count} card{'s' if count > 1 else ''} of {width} x {height} at once")
        outcome = await _show(client, words, sighted, count)
        if outcome.refusal is not None and _too_much(outcome.refusal):
            await _narrow(client, words, sighted, count, outcome.refusal)
            break
        if not sighted.looks[-1].taken:
            sighted.stopped = f"{count} pictures: {outcome.why}"
            break
        if sighted.dropped() is not None:
            _context_of_cut(sighted)
            break
        if outcome.seconds > slow * _SLOW_SHARE and count != wanted[-1]:
            sighted.stopped = f"{count} pictures took {outcome.seconds:.0f} s; more were not tried"
            break
    sighted.looks.sort(key=lambda each: each.sent)
    return sighted


async def _show(client: Client, words: Words, sighted: Sighted, count: int) -> Outcome:
    dealt = cards.deal(count, width=sighted.width, height=sighted.height, seed=sighted.seed + count)
    outcome = await client.ask(READ, [card.picture for card in dealt], max_tokens=200 + 16 * count)
    reply = outcome.reply
    if reply is None:
        sighted.looks.append(Look(count, taken=False, seconds=outcome.seconds, body_bytes=outcome.body_bytes, why=outcome.why))
        return outcome
    one = next((each for each in sighted.looks if each.sent == 1 and each.taken), None)
    first = reply.prompt_tokens if count == 1 else one.prompt_tokens if one is not None else None
    sighted.looks.append(
        Look(
            sent=count,
            taken=True,
            seconds=outcome.seconds,
            body_bytes=outcome.body_bytes,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            counted=counted(reply.prompt_tokens, first, count, text=words.question_tokens, label=words.label_tokens),
            read=cards.named(dealt, f"{reply.text} {reply.reasoning}"),
            cut=reply.finish == "length",
        )
    )
    return outcome


def counted(of_all: int | None, of_one: int | None, sent: int, *, text: int | None, label: float | None) -> int | None:
    """How many of `sent` pictures are in a prompt's tokens, going by the same request with one, and by the words alone.

    `None` where it cannot be told: nothing is counted, or a single picture already adds nothing.
    """
    if of_all is None or of_one is None or text is None:
        return None
    words_of_one = label or 0.0
    each = of_one - text - words_of_one
    if each < max(8.0, words_of_one):
        return None
    if sent == 1:
        return 1
    # The growth from one to all: what the fixed words of this question cost falls out.
    more = (of_all - of_one) / (each + words_of_one)
    seen = 1 + more
    return sent if seen >= sent - max(0.5, 0.1 * sent) else max(0, round(seen))


def _too_much(refusal: Refusal) -> bool:
    return refusal.meaning in {Meaning.TOO_MANY, Meaning.REJECTED, Meaning.OVERLOADED}


async def _narrow(client: Client, words: Words, sighted: Sighted, refused: int, refusal: Refusal) -> None:
    """Find the largest number that is still taken, beginning with the one that the refusal names."""
    sighted.refused, sighted.told_most, sighted.context = refused, refusal.pictures, refusal.room
    low, high = sighted.most_taken, refused
    guess = refusal.pictures if refusal.pictures is not None and low < refusal.pictures < high else None
    for _ in range(NARROWING):
        if high - low <= 1:
            break
        count = guess if guess is not None else (low + high) // 2
        guess = None
        client.say(f"{count} cards at once, between {low} that were taken and {high} that were refused")
        outcome = await _show(client, words, sighted, count)
        if sighted.looks[-1].taken:
            low = count
            if refusal.pictures == low:
                break
        elif outcome.refusal is not None and _too_much(outcome.refusal):
            high = count
            sighted.context = sighted.context or outcome.refusal.room
        else:
            break
    sighted.refused = high


def _context_of_cut(sighted: Sighted) -> None:
    """A prompt that was cut silently is as long as the context, give or take what a server leaves for the answer."""
    lost = sighted.dropped()
    if lost is not None and lost.prompt_tokens is not None and lost.counted is not None and lost.counted > 1:
        sighted.context = lost.prompt_tokens + (lost.completion_tokens or 0)
