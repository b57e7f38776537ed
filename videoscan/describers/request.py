"""One request about some pictures: its body, made once, how it adapts to what the endpoint does not take, and what it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from videoscan.describers import shape, wire
from videoscan.describers.dialects import Meaning
from videoscan.model import Estimate, Usage
from videoscan.patience import Deadline
from videoscan.spending import tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videoscan.describers.dialects import Detail, Dialect
    from videoscan.describers.endpoint import Learned
    from videoscan.describers.refusals import Refusal
    from videoscan.describers.wire import Body
    from videoscan.model import Picture, Prompt


@dataclass(slots=True)
class Meter:
    """What one window has cost so far, and when it must have ended."""

    window: int = 0
    usage: Usage = Usage()
    flags: list[str] = field(default_factory=list)
    deadline: Deadline = field(default_factory=lambda: Deadline(math.inf))

    def request(self, pictures: Sequence[Picture], *, again: bool, sent: bool) -> None:
        """Count a request; `again` for all but the first of its kind, `sent` when the pictures left this machine."""
        self.usage += Usage(
            requests=1,
            retries=int(again),
            images=len(pictures) if sent else 0,
            image_bytes=sum(len(picture.data) for picture in pictures) if sent else 0,
        )

    def flag(self, text: str) -> None:
        """Say something about the window's description, once."""
        if text not in self.flags:
            self.flags.append(text)


class Request:
    """One request as it stands, its body made once and kept until something about it changes."""

    def __init__(
        self,
        pictures: Sequence[Picture],
        prompt: Prompt,
        *,
        model: str | None,
        dialect: Dialect,
        learned: Learned,
        max_tokens: int,
        instruct: bool,
        extra: Mapping[str, Any],
        detail: Detail | None = None,
    ) -> None:
        self.pictures = pictures
        self.numbering = wire.number(pictures)
        self.dialect = dialect
        self.model = model
        self._learned, self._extra, self._detail = learned, extra, detail
        self._prompt = prompt
        self._max_tokens = max_tokens
        self._instruct = instruct
        self._without_schema = False
        self._made: tuple[tuple[bool, bool, str], Body] | None = None
        cost = dialect.cost
        self._shown = [picture.tokens or cost.tokens(picture.width, picture.height) for picture in pictures]

    @property
    def schema(self) -> dict[str, Any] | None:
        """The schema that goes as `response_format`, if any."""
        row = self.dialect
        if self._without_schema or self._learned.json_schema is False or row.json_schema is False or not self._prompt.schema:
            return None
        if row.plain_schema:
            return shape.without_bounds(self._prompt.schema)
        return shape.with_frames(self._prompt.schema, max(1, len(self.numbering.places)))

    def body(self) -> Body:
        """The body as it stands now."""
        schema = self.schema
        # Where it is not known whether response_format is heeded, the words ask for the form as well.
        instruct = bool(self._prompt.schema) and (self._instruct or schema is None or self.dialect.json_schema is None)
        form = (schema is not None, instruct, self._learned.limit_key)
        if self._made is None or self._made[0] != form:
            made = wire.body(
                self.pictures,
                self._prompt,
                labels=self.numbering.labels,
                model=self.model,
                max_tokens=self._max_tokens,
                schema=schema,
                instruct=instruct,
                limit_key=self._learned.limit_key,
                detail=self._detail or self.dialect.detail,
                stream_usage=self.dialect.stream_usage,
                extra=self._extra,
            )
            self._made = (form, made)
        return self._made[1]

    @property
    def size(self) -> int:
        """Bytes of the body last made."""
        return 0 if self._made is None else self._made[1].size

    @property
    def sent_schema(self) -> bool:
        """Whether the body last made asks for `response_format`; a neighbour may have learned better since."""
        return self._made is not None and self._made[0][0]

    def tokens(self) -> int:
        """An estimate of what it counts against the tokens per minute: prompt, and a quarter of the longest answer."""
        words = len(self._prompt.system) + len(self._prompt.instructions)
        return sum(self._shown) + words // 4 + self._max_tokens // 4

    def estimate(self, seconds: float) -> Estimate:
        """The most that it may take: the prompt by formula, the longest answer that it allows, its time limit of `seconds`."""
        shown = tokens.of_pictures(self._shown)
        # Whether the form goes as words is settled when the body is made; a budget must not hang on it.
        form = shape.drawn(self._prompt.schema) if self._prompt.schema else ""
        longest = self._extra.get("max_completion_tokens", self._extra.get("max_tokens", self._max_tokens))
        return Estimate(
            shown + tokens.of_words(self._prompt, form), longest if isinstance(longest, int) else self._max_tokens, seconds
        )

    def adapt(self, refusal: Refusal) -> bool:
        """Change what the endpoint does not take, each thing once; false when there is nothing to change."""
        if refusal.meaning is Meaning.NO_SCHEMA and self.sent_schema:
            self._without_schema = True
            if refusal.sure:
                self._learned.json_schema = False
            return True
        if refusal.meaning is Meaning.COMPLETION_TOKENS and self._made is not None and self._made[0][2] == "max_tokens":
            self._learned.limit_key = "max_completion_tokens"
            return True
        return False

    def succeeded(self) -> None:
        """It was taken as it stands: what was left out on a guess was rightly left out."""
        if self._without_schema:
            self._learned.json_schema = False
