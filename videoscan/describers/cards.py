"""Test cards: pictures with a number and a word each, which a model that sees them can read back."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pybase64

from videoscan.model import SUFFIXES, Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Short, common, and none contained in another or in the words of a question about cards.
WORDS = (
    "APPLE", "BRIDGE", "CANDLE", "DESERT", "ENGINE", "FALCON", "GARDEN", "HAMMER", "ISLAND", "JACKET", "KETTLE", "LEMON", "MARKET",
    "NEEDLE", "ORANGE", "PENCIL", "QUARTZ", "RIVER", "SADDLE", "TEMPLE", "UMBRELLA", "VIOLIN", "WINDOW", "YELLOW", "ZEBRA", "ANCHOR",
    "BASKET", "CASTLE", "DOLPHIN", "EAGLE", "FOREST", "GUITAR", "HELMET", "INSECT", "JUNGLE", "KANGAROO", "LADDER", "MIRROR",
    "NAPKIN", "OCEAN", "PARROT", "ROCKET", "SPIDER", "TICKET", "VALLEY", "WAGON", "BUTTON", "CAMEL", "DRAGON", "FEATHER", "GLOVE",
    "HONEY", "IRON", "JUICE", "KNIFE", "LION", "MONKEY", "NUT", "OWL", "PIANO", "ROBOT", "SHIP", "TIGER", "WHEEL",
)  # fmt: skip
_FONT = cv2.FONT_HERSHEY_DUPLEX


@dataclass(frozen=True, slots=True)
class Card:
    """A picture, and the word that stands on it."""

    word: str
    picture: Picture


def deal(count: int, *, width: int, height: int, media_type: str = "image/jpeg", seed: int | None = None) -> tuple[Card, ...]:
    """So many cards, numbered from 1, each with another word as far as there are words (64).

    Which words is drawn by `seed`: a server that remembers former prompts has not seen them.
    """
    chance = random.Random(seed)
    words = chance.sample(WORDS, len(WORDS))
    return tuple(
        Card(word, _encoded(drawn(number, word, width, height, [chance.randint(200, 250) for _ in range(3)]), number, media_type))
        for number, word in ((number, words[(number - 1) % len(words)]) for number in range(1, count + 1))
    )


def drawn(number: int, word: str, width: int, height: int, paper: Sequence[int]) -> NDArray[np.uint8]:
    """A card's pixels, BGR: its number above, its word below, both as large as they can be. `paper` is its light colour."""
    pixels = np.full((height, width, 3), paper, np.uint8)
    for text, middle, share in ((str(number), 0.3, 0.3), (word, 0.7, 0.8)):
        (wide, high), _ = cv2.getTextSize(text, _FONT, 1.0, 2)
        scale = min(width * share / wide, height * 0.28 / high)
        thickness = max(1, round(2 * scale))
        place = (round((width - wide * scale) / 2), round(height * middle + high * scale / 2))
        cv2.putText(pixels, text, place, _FONT, scale, (20, 20, 20), thickness, cv2.LINE_AA)
    return pixels


def _encoded(pixels: NDArray[np.uint8], number: int, media_type: str) -> Picture:
    good, data = cv2.imencode(f".{SUFFIXES[media_type]}", pixels)
    if not good:
        raise ValueError(f"OpenCV cannot write {media_type}")
    height, width = pixels.shape[:2]
    return of_bytes(number - 1, data.tobytes(), width=width, height=height, media_type=media_type)


def of_bytes(frame: int, data: bytes, *, width: int, height: int, media_type: str = "image/jpeg") -> Picture:
    """An encoded picture as a frame of a request, a second apart from its neighbours."""
    return Picture(
        frame=frame,
        time=float(frame),
        data=data,
        base64=pybase64.b64encode(data),
        media_type=media_type,
        width=width,
        height=height,
    )


def padded(card: Picture, size: int) -> Picture:
    """The same JPEG, made `size` bytes long or a little less by comments inside it, which every decoder passes over."""
    head, rest = card.data[:2], card.data[2:]
    missing = size - len(card.data)
    comments: list[bytes] = []
    while missing > 4:
        length = min(missing, 65_537)
        # Not all zeros: a proxy that compresses would not be tested.
        comments.append(b"\xff\xfe" + (length - 2).to_bytes(2, "big") + np.random.default_rng(missing).bytes(length - 4))
        missing -= length
    return of_bytes(card.frame, head + b"".join(comments) + rest, width=card.width, height=card.height)


def named(cards: Sequence[Card], text: str) -> tuple[int, ...]:
    """The places, from 0, of the cards whose words stand in a text."""
    found = {word.upper() for word in re.findall(r"[A-Za-z]+", text)}
    return tuple(place for place, card in enumerate(cards) if card.word in found)
