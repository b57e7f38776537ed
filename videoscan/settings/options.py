"""The options of the main path as strict, frozen values: what may stand in a profile, with ranges and defaults.

Every field's docstring says what it means; error messages, `configs/default.toml` and the reference follow these models.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from videoscan import attributes
from videoscan.alerts.rules import AlertRule
from videoscan.errors import ConfigError
from videoscan.model import Regions
from videoscan.recordings import clock as clocks
from videoscan.settings.strict import STRICT
from videoscan.spending import money

if TYPE_CHECKING:
    from collections.abc import Callable

ZOOM_SHARE = 0.02
"""Share of the picture under which `windows.zoom = true` shows a changed region as a crop: a square of 14 % of the side of one."""

LEAST_AREA = 1e-7
"""Of the picture that a polygon must enclose: less than a pixel of 8K footage."""
MOST_POLYGONS, MOST_CORNERS = 100, 1000
"""Polygons of `regions.include`, and as many of `exclude`, and corners of one: far more than anybody draws."""

Kind = dict[str, Any]
"""A plug point's raw table, ``{"kind": name, **options}``; `videoscan.registry` finds the kind and validates its options."""


class Options(BaseModel):
    """Base of every kind's options: frozen, an unknown key is an error, infinity and nan are no numbers."""

    model_config = STRICT


class SourceOptions(Options):
    """The `source` table: how a video is read, which camera it is, and when it was recorded."""

    backend: Literal["auto", "pyav", "opencv"] = "auto"
    """Who decodes. `auto` takes PyAV for files (correct on open GOPs and damage) and OpenCV for pictures."""
    camera: str | None = None
    """The camera's name, as it is to stand in the timeline."""
    clock: Literal["none", "metadata", "pattern"] = "none"
    """Where the wall time of second 0 comes from: nowhere, the container's creation time, or `clock_pattern` on the path."""
    clock_pattern: str | None = None
    """A strptime-like pattern found in the file's relative path, such as ``%Y%m%d_%H%M%S``; see `videoscan.recordings.clock`."""
    clock_zone: str | None = None
    """IANA time zone of a clock that does not say its own, such as ``Europe/Berlin``; also the zone that times are given in."""
    clock_start: str | None = None
    """The wall time of second 0 itself, ISO 8601. Wins over `clock`, whatever that says."""
    isolation: Literal["thread", "process"] = "thread"
    """`process` decodes in a child, so that a decoder's crash or hang is an error of that file only; for strangers' files. Of a camera it is a
    gap: it is begun anew."""
    patience: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """Seconds without any progress of an isolated decoder before it is killed."""
    max_memory: Annotated[int, Field(ge=1 << 29)] | None = None
    """Bytes that an isolated decoder may take, 512 MiB at least; more is an error of that file. On Linux and other systems that hold it."""
    max_cpu: Annotated[float, Field(gt=0)] | None = None
    """Seconds of processor time that an isolated decoder may take, of all cores together."""
    max_pixels: Annotated[int, Field(ge=1)] | None = None
    """Pixels that a picture may have."""
    max_duration: Annotated[float, Field(gt=0)] | None = None
    """Seconds that a source may last, as it says and as it goes on."""
    max_fps: Annotated[float, Field(gt=0)] | None = None
    """Pictures per second that a source may have."""
    max_streams: Annotated[int, Field(ge=1)] | None = None
    """Tracks that a file may have, of whatever kind; where it is decoded in isolation."""
    parallel: Annotated[int, Field(ge=1, le=64)] = 2
    """Stretches of a long recording that are read side by side. It changes the speed and the memory, not the result."""
    image_rate: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """Pictures per second of a folder of pictures, which has no clock of its own."""

    @field_validator("clock_pattern")
    @classmethod
    def _pattern_is_one(cls, value: str | None) -> str | None:
        return _accepted(clocks.Pattern, value)

    @field_validator("clock_zone")
    @classmethod
    def _zone_is_one(cls, value: str | None) -> str | None:
        return _accepted(clocks.time_zone, value)

    @field_validator("clock_start")
    @classmethod
    def _start_is_one(cls, value: str | None) -> str | None:
        return _accepted(clocks.moment, value)

    @model_validator(mode="after")
    def _a_pattern_to_look_for(self) -> Self:
        if self.clock == "pattern" and not self.clock_pattern and not self.clock_start:
            raise ValueError("clock = 'pattern' needs clock_pattern, for example '%Y%m%d_%H%M%S'")
        return self


Share = Annotated[float, Field(ge=0, le=1)]
Corners = Annotated[tuple[tuple[Share, Share], ...], Field(min_length=3, max_length=MOST_CORNERS)]


class RegionOptions(Options):
    """The `regions` table: where the picture counts, as polygons of corners ``[x, y]`` in 0..1 of the upright picture.

    Left and top are 0. `videoscan frames VIDEO --mask-editor FILE.html` draws them on a still and writes this table.
    """

    include: Annotated[tuple[Corners, ...], Field(max_length=MOST_POLYGONS)] = ()
    """Only what lies in one of these counts as a change; everything, when there are none."""
    exclude: Annotated[tuple[Corners, ...], Field(max_length=MOST_POLYGONS)] = ()
    """What lies in one of these does not count, wherever else it lies."""
    black_out: bool = False
    """Whether what does not count is black in everything that is sent, stored, exported and served."""

    @model_validator(mode="after")
    def _something_to_black_out(self) -> Self:
        if self.black_out and not self.include and not self.exclude:
            raise ValueError("black_out = true needs polygons in exclude (or include): without any, nothing would be black")
        for name, polygons in (("include", self.include), ("exclude", self.exclude)):
            for place, corners in enumerate(polygons):
                if not _encloses(corners):
                    raise ValueError(f"{name}[{place}] encloses nothing: its {len(corners)} corners lie on one line")
        return self

    @property
    def regions(self) -> Regions:
        """The same as a noun of the main path."""
        return Regions(self.include, self.exclude, self.black_out)


class WindowOptions(Options):
    """The `windows` table: which pictures are described together, and how they are encoded."""

    max_frames: Annotated[int, Field(ge=1, le=1000)] = 12
    """Pictures in one window at most, those of the overlap included."""
    max_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """Seconds of video in one window at most."""
    overlap_frames: Annotated[int, Field(ge=0, le=999)] = 1
    """The last so many pictures of a window are shown again at the start of the next. Below `max_frames`."""
    close_at_cut: bool = True
    """Whether a scene cut starts a new window (without overlap)."""
    long_side: Annotated[int, Field(ge=16, le=8192)] = 1280
    """Longer side of a sent picture in pixels; smaller pictures are never enlarged."""
    quality: Annotated[int, Field(ge=1, le=100)] = 85
    """JPEG and WebP quality; other formats lose nothing and ignore it."""
    format: Literal["jpeg", "png", "webp", "bmp", "tiff"] = "jpeg"
    """Encoding of the sent and stored pictures."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Estimated prompt tokens of a window's pictures at most; no limit of its own when absent."""

    choose: bool = False
    """What happens when there are more kept frames than `max_frames`: false closes the window early and begins another; true
    leaves the window `max_seconds` long and shows those frames of it that cover its time and its changes best (the rest is
    `thinned` and stands in the timeline as skipped). It bounds the cost of busy scenes."""
    zoom: Annotated[float, Field(ge=0, le=1)] = 0.0
    """A changed region that covers less than this share of the picture is shown a second time, as a crop from the full-size
    frame: 0.02 is a good start where small things matter. 0 is never, `true` stands for 0.02."""

    @field_validator("zoom", mode="before")
    @classmethod
    def _zoom_is_a_share(cls, value: object) -> object:
        return ZOOM_SHARE if value is True else 0.0 if value is False else value

    @model_validator(mode="after")
    def _the_overlap_leaves_room(self) -> Self:
        if self.overlap_frames >= self.max_frames:
            raise ValueError(
                f"overlap_frames = {self.overlap_frames} must be below max_frames = {self.max_frames}: "
                "a window needs at least one new picture"
            )
        return self


class FieldOptions(Options):
    """One ``[prompt.fields.NAME]``: what a profile wants to know of every event beyond the words.

    The value stands in the event's `attributes`, or null where the pictures do not show it.
    """

    type: attributes.Type
    """text, int, number, bool, choice (one of `choices`) or list (of texts, or of any of `choices`)."""
    meaning: Annotated[str, Field(min_length=1, max_length=400)]
    """What it means, in words for the model: "the score as the scoreboard shows it, home team first"."""
    choices: tuple[Annotated[str, Field(min_length=1, max_length=60)], ...] = ()
    """All values that it can have."""
    min: float | None = None
    """The least that a number can be."""
    max: float | None = None
    """The most that a number can be."""

    @model_validator(mode="after")
    def _of_a_piece(self) -> Self:
        if self.type == "choice" and not self.choices:
            raise ValueError('type = "choice" needs choices, such as choices = ["low", "high"]')
        if self.choices and self.type not in {"choice", "list"}:
            raise ValueError(f'choices do not go with type = "{self.type}"; they are for "choice" and "list"')
        if len(self.choices) > attributes.MOST_CHOICES:
            raise ValueError(f"{len(self.choices)} choices are too many; a model is given {attributes.MOST_CHOICES} at most")
        if len({choice.strip().casefold() for choice in self.choices}) < len(self.choices):
            raise ValueError("choices: two of them are the same but for case")
        bounds = [bound for bound in (self.min, self.max) if bound is not None]
        if bounds and self.type not in {"int", "number"}:
            raise ValueError(f'min and max do not go with type = "{self.type}"; they bound numbers')
        if self.type == "int" and any(not bound.is_integer() for bound in bounds):
            raise ValueError("min and max of a whole number are whole numbers")
        if bounds != sorted(bounds):
            raise ValueError(f"min = {bounds[0]:g} is above max = {bounds[-1]:g}")
        return self

    @property
    def field(self) -> attributes.Field:
        """The same as a noun of the main path."""
        return attributes.Field(self.type, self.meaning.strip(), self.choices, self.min, self.max)


class PromptOptions(Options):
    """The `prompt` table: what is asked about the pictures."""

    template: Annotated[str, Field(min_length=1)] = "default"
    """A prompt template: default, surveillance, sports, content-moderation, lecture or site-inspection, or a TOML file of your own like theirs
    (``--prompt-file``)."""
    role: str | None = None
    """Replaces the template's role text, the system message."""
    question: str | None = None
    """What somebody wants to know of this footage; stands last in the instructions."""
    order: Literal["pictures-first", "text-first"] = "pictures-first"
    """Whether the instructions follow or precede the pictures."""
    boxes: bool = False
    """Asks where in the picture each event is; the boxes become its evidence's regions. For models that can point."""
    context: Literal["none", "rolling"] = "none"
    """What the model is told of the window before: nothing, or ("rolling") which events were still going on at its end, so that they
    are told on under the same name. Then windows are asked about one after another within five minutes of video, and stretches of
    five minutes side by side."""
    context_tokens: Annotated[int, Field(ge=100, le=4000)] = 300
    """Tokens (estimated) that `context` may add to a prompt. Names of events come first, the most important ones, then descriptions."""
    fields: dict[str, FieldOptions] = {}
    """What else to ask of every event, by name: ``[prompt.fields.score]``. ``score = false`` under ``[prompt.fields]`` takes one out
    again that the profile extended by this one asks for."""

    @field_validator("fields")
    @classmethod
    def _few_and_well_named(cls, value: dict[str, FieldOptions]) -> dict[str, FieldOptions]:
        for name in value:
            if not attributes.NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name: a letter, then letters, digits, _ and -, 40 at most")
        if len({name.casefold().replace("-", "_") for name in value}) < len(value):
            raise ValueError("two fields have the same name but for case")
        if len(value) > attributes.MOST_FIELDS:
            raise ValueError(f"{len(value)} fields are too many: {attributes.MOST_FIELDS} at most, and each costs tokens")
        return value

    @property
    def asked(self) -> dict[str, attributes.Field]:
        """The fields as nouns of the main path, by name."""
        return {name: field.field for name, field in self.fields.items()}


class ReconcileOptions(Options):
    """The `reconcile` table: who decides which tellings of neighbouring windows are one event, where the rules can do so only just."""

    ask: bool = False
    """Asks a model about the doubtful pairs, in text-only requests over their times and words: one for some fifty pairs, none without any.
    A budget holds for them too. Without it, or with the built-in describer, the rules decide."""
    model: Annotated[str, Field(min_length=1)] | None = None
    """Which model of the same endpoint is asked; without it the one that describes. A text model does."""
    max_tokens: Annotated[int, Field(ge=1000, le=1_000_000)] = 8_000
    """Tokens that one such request may hold (estimated), pairs and answer together."""


class SummaryOptions(Options):
    """The `summary` table: who writes the summary and the chapters."""

    enabled: bool = False
    """Asks a model for them, in text-only requests over the events: one for some hundred of them. A budget holds for them too. Without it, or with the built-in describer, both are made from the events by rule, at no cost."""
    model: Annotated[str, Field(min_length=1)] | None = None
    """Which model of the same endpoint writes them; without it the one that describes. A text model does."""
    max_tokens: Annotated[int, Field(ge=1000, le=1_000_000)] = 12_000
    """Tokens that one such request may hold (estimated), events and answer together. What does not fit is summarised in parts, and
    then the parts."""


class SecondLookOptions(Options):
    """The `second_look` table: which answers of a model are asked for a second time, with pictures that lie closer together or are cut out.

    In doubt is an answer that could not be read, one that tells of nothing where the picture changed much, and one that is unsure of an
    event. The first answer is kept beside the second. Second looks come after all windows, so they take no money from them.
    """

    share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """At most this share of the windows is asked about again, the most doubtful first, with at most this share more pictures: the bill
    grows by no more than that. One look is always allowed; 0 is none."""
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """An event whose confidence is below this is in doubt."""


Price = Annotated[float, Field(ge=0)]


class ModelPrices(Options):
    """Prices of one model, instead of the table's own: ``[budget.prices.models."qwen3-vl-*"]``."""

    prompt: Price = 0.0
    """Money for a million prompt tokens."""
    completion: Price = 0.0
    """Money for a million tokens of answers."""
    cached: Price | None = None
    """Money for a million prompt tokens that the server had in its cache; as `prompt`, where it is not given."""
    hour: Price = 0.0
    """Money for an hour of an endpoint that is billed while it is deployed."""


class PriceOptions(ModelPrices):
    """The `budget.prices` table: what the endpoint costs. Nobody knows it but you; copy it from your contract, with the date."""

    currency: str
    """Three capital letters, such as USD or CNY. Nothing is ever converted."""
    as_of: str
    """The date at which you looked the prices up, ISO 8601: it stands beside every cost."""
    models: dict[str, ModelPrices] = {}
    """Prices by model, where several are used: the first glob that fits the model's name."""

    @field_validator("currency")
    @classmethod
    def _a_currency(cls, value: str) -> str:
        if not re.fullmatch("[A-Z]{3}", value):
            raise ValueError(f"{value!r} is no currency; write three capital letters, such as USD")
        return value

    @field_validator("as_of")
    @classmethod
    def _a_date(cls, value: str) -> str:
        try:
            dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no date; write one such as 2026-11-28") from None
        return value

    def of(self, model: str | None) -> money.Prices:
        """What a model costs."""
        fitting = next((row for glob, row in self.models.items() if model and fnmatch.fnmatchcase(model, glob)), self)
        return money.Prices(self.currency, self.as_of, fitting.prompt, fitting.completion, fitting.cached, fitting.hour)


class BudgetOptions(Options):
    """The `budget` table: what may be spent on a model, and what it costs. ``--budget 5USD`` stands for `cost` and the like."""

    cost: str | None = None
    """Money, with its currency: ``5USD``. Needs `prices` in the same currency."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    """Tokens, prompts and answers together; ``2Mtok`` and ``500ktok`` are understood as well."""
    requests: Annotated[int, Field(ge=1)] | None = None
    """Requests, those sent again included."""
    per: Literal["run", "day"] = "run"
    """What the limits are for: one command with all its inputs, or a day (of this machine's clock) over all runs of this user."""
    fit: bool = True
    """Whether less is sent where the limits would not suffice: fuller windows, smaller pictures, fewer of them. False sends everything as
    the profile says, until a limit is met."""
    ledger: Annotated[str, Field(min_length=1)] = "default"
    """With `per = "day"`: runs that name the same ledger share the day's budget."""
    prices: PriceOptions | None = None
    """What the endpoint costs."""

    @field_validator("cost")
    @classmethod
    def _an_amount(cls, value: str | None) -> str | None:
        return _accepted(money.parse_cost, value)

    @field_validator("tokens", "requests", mode="before")
    @classmethod
    def _a_count(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        try:
            return money.parse_count(value, "tokens" if info.field_name == "tokens" else "requests")
        except ConfigError as error:
            raise ValueError(str(error)) from None

    def prices_of(self, model: str | None) -> money.Prices | None:
        """What a model costs; `None` where nobody said."""
        prices = self.prices.of(model) if self.prices is not None else None
        return prices or None

    def of(self, model: str | None) -> money.Budget:
        """The limits, for that model. Raises `ConfigError` for a limit in money that the prices do not allow to keep."""
        cost, currency = money.parse_cost(self.cost) if self.cost is not None else (None, None)
        if self.cost is not None:
            prices = self.prices_of(model)
            if prices is None:
                named = f" for the model {model}" if self.prices is not None else ""
                raise ConfigError(
                    f"budget.cost = {self.cost}, but no prices are known{named}",
                    hint="write them into the profile: [budget.prices] with currency, as_of, prompt and completion (money per "
                    "million tokens) or hour; or set the limit in tokens, such as --budget 2Mtok",
                )
            if prices.currency != currency:
                raise ConfigError(
                    f"budget.cost = {self.cost}, but budget.prices are in {prices.currency}",
                    hint=f"nothing is converted: give the budget in {prices.currency}",
                )
        return money.Budget(cost, currency, self.tokens, self.requests, self.per, self.ledger, self.fit)


_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kMGT])B")
_FACTORS = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class WatchOptions(Options):
    """The `watch` table: how a live source's pictures become windows, and how long what came of them is kept."""

    latency: Annotated[float, Field(gt=0, le=3600)] = 15.0
    """Seconds from a change to the question about it at most: a window is closed by then, full or not. The answer's own time comes on
    top, and what there was to wait for; both are reported."""
    quiet: Annotated[float, Field(ge=0, le=3600)] = 4.0
    """Seconds without any change after which something is over, and is asked about at once. 0: only `latency` counts."""
    backlog: Annotated[int, Field(ge=1, le=1000)] = 8
    """Windows of a camera that may wait for the describer. When more would, unchanged pictures are left out, the oldest first, then
    windows are thinned, and then the oldest are dropped; the timeline says which."""
    record: bool = False
    """Whether the camera's stream is recorded as well, as it comes, into a folder ``recording`` beside the days. How long that stays, and
    how long its files are, is said under `[live]`. With `regions.black_out` nothing is recorded: it would show what is to be black."""
    keep_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days after which a day's folder is deleted, and what was recorded of it; never, when absent."""
    keep_picture_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days after which a day's pictures are deleted; its timeline stays."""
    keep_size: str | None = None
    """What the folders of one camera may take, its recording included, such as ``50GB``. Above it the oldest day's recording is deleted first,
    then its pictures, and so on day by day; then whole days, the oldest first."""

    @field_validator("keep_size")
    @classmethod
    def _a_size(cls, value: str | None) -> str | None:
        if value is not None and not _SIZE.fullmatch(value):
            raise ValueError(f"{value!r} is no size; write one such as 500MB or 50GB")
        return value

    @property
    def keep_bytes(self) -> int | None:
        """`keep_size` in bytes."""
        found = _SIZE.fullmatch(self.keep_size) if self.keep_size is not None else None
        return int(float(found[1]) * _FACTORS[found[2]]) if found else None


class RunnerOptions(Options):
    """The `runner` table: where the work is done."""

    kind: Literal["local"] = "local"
    """`local`: in this process, several segments of a recording and several windows at once (`source.parallel`, `describer.concurrency`)."""


class CameraRule(Options):
    """One ``[[cameras]]`` rule: values for the sources whose path or URL `match` fits. The first rule that fits wins."""

    match: Annotated[str, Field(min_length=1)]
    """Glob on the path or URL, or on any tail of it that follows a slash; ``*`` and ``?`` also match slashes."""
    name: Annotated[str, Field(min_length=1)] | None = None
    """The camera's name: short for `source.camera`."""
    tables: dict[str, Any] = {}
    """The rule's other tables (`source`, `sampler`, ...) and its `alerts`, raw."""


class Profile(Options):
    """What a scan is to do, resolved. `sampler`, `dedup` and `describer` are raw tables, ``{"kind": name, **options}``."""

    name: str = "default"
    """What it is called: a shipped or a user's profile's name, or the file's name."""
    source: SourceOptions = SourceOptions()
    """How a video is read."""
    sampler: Kind = {"kind": "interval"}
    """Which frames are looked at."""
    dedup: Kind = {"kind": "tiles"}
    """Which of them are kept."""
    regions: RegionOptions = RegionOptions()
    """Where in the picture a change counts."""
    windows: WindowOptions = WindowOptions()
    """Which of these are described together."""
    describer: Kind = {"kind": "offline"}
    """Who describes them."""
    prompt: PromptOptions = PromptOptions()
    """What is asked."""
    second_look: SecondLookOptions = SecondLookOptions()
    """Which answers are asked for again."""
    reconcile: ReconcileOptions = ReconcileOptions()
    """Who decides about doubtful pairs."""
    summary: SummaryOptions = SummaryOptions()
    """Who writes the summary and the chapters."""
    budget: BudgetOptions = BudgetOptions()
    """What it may cost."""
    watch: WatchOptions = WatchOptions()
    """How live sources are watched, and how long what came of them is kept."""
    live: Kind = {}
    """How live sources are connected to, and recorded: raw, each kind of source takes its own."""
    alerts: tuple[AlertRule, ...] = ()
    """Of which events somebody is told at once."""
    runner: RunnerOptions = RunnerOptions()
    """Where the work is done."""
    cameras: tuple[CameraRule, ...] = ()
    """The profile's rules per camera; where one fitted, its values stand in the other tables already."""


def _encloses(corners: tuple[tuple[float, float], ...]) -> bool:
    """Whether a polygon has any area, by triangles on its first corner: none only when all corners lie on one line, whatever crosses."""
    (x0, y0), *rest = corners
    return any(abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)) / 2 >= LEAST_AREA for (x1, y1) in rest for (x2, y2) in rest)


def _accepted(check: Callable[[str], object], value: str | None) -> str | None:
    if value is not None:
        try:
            check(value)
        except ConfigError as error:
            raise ValueError(str(error)) from None
    return value
