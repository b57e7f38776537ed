"""The nouns of the main path: frozen values without I/O, from a video file to the answer about a group of pictures.

Times are seconds on the source's own clock, zero at its first frame. Spans are half-open, ``[start, end)``. A frame's `index` is
its place in presentation order; a pass that does not decode every picture estimates it, but it is unique and rises with time.
Regions are ``(x0, y0, x1, y1)`` in 0..1 of the upright picture, origin at the top left; polygons are corners ``(x, y)`` there.
"""

from __future__ import annotations

import bisect
import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from videoscan import attributes

    Gray: TypeAlias = NDArray[np.uint8]
    """Luma, shape (height, width), 0..255."""
    Bgr: TypeAlias = NDArray[np.uint8]
    """OpenCV's colour order, shape (height, width, 3), 0..255."""

Box: TypeAlias = tuple[float, float, float, float]
Polygon: TypeAlias = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Sound:
    """A file's sound, of which nothing is decoded here: editing programs want to be told."""

    channels: int
    sample_rate: int


@dataclass(frozen=True, slots=True)
class Recording:
    """One of the files of a source that was joined from several: where it lies on the source's clock, in seconds.

    `clock` is the wall time of `start`, ISO 8601. The file's first `skipped` seconds are not shown: the recording before shows the
    same time. `seekable` and `sound` as in `SourceInfo`.
    """

    uri: str
    start: float
    duration: float
    clock: str | None = None
    skipped: float = 0.0
    seekable: bool = False
    sound: Sound | None = None

    @property
    def end(self) -> float:
        """Where it ends on the source's clock."""
        return round(self.start + self.duration, 6)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that has no place in a joined source, and why."""

    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source says of itself before anything is decoded.

    `seekable`: reading can begin at any keyframe, without what lies before it. `width` and `height` are of the upright picture.
    `rotation` is the turn, clockwise in degrees (0, 90, 180 or 270), that makes the coded picture upright. `start_time` is the first frame's place on the container's clock. `declared_duration` is
    the container's word, `None` where it gives none. `clock` is the recording's start from metadata, ISO 8601. `flags` are
    sentences about what had to be assumed, such as frame times from the declared rate. `parts` are the recordings that were joined
    into one source, in order and without overlap; none for a single file. `left_out` are those that have no place in it. `sound` is that
    of the file's first audio stream; `None` where there is none, where FFmpeg has no decoder for it, and for joined recordings.

    A `live` source goes on for as long as somebody listens: `clock` is the wall time of its second 0, nothing is seekable, and its size
    and rate are 0 and `None` until the first picture came.
    """

    uri: str
    width: int
    height: int
    fps: float | None
    rotation: int = 0
    start_time: float = 0.0
    declared_duration: float | None = None
    codec: str | None = None
    clock: str | None = None
    flags: tuple[str, ...] = ()
    seekable: bool = False
    parts: tuple[Recording, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    live: bool = False
    sound: Sound | None = None

    def begins_anywhere(self, time: float) -> bool:
        """Whether reading can begin at `time` without reading much before it: not within a joined recording that is not seekable."""
        place = bisect.bisect_right(self.parts, time, key=lambda part: part.start) - 1
        part = self.parts[place] if place >= 0 else None
        return self.seekable and (part is None or part.seekable or not part.start < time < part.end)


@dataclass(frozen=True, slots=True)
class Regions:
    """Where a camera's picture counts: inside of any `include` polygon (everywhere without one), outside of all `exclude`.

    With `black_out` the rest is black in everything that leaves the decoder. `videoscan.reading.regions` draws them.
    """

    include: tuple[Polygon, ...] = ()
    exclude: tuple[Polygon, ...] = ()
    black_out: bool = False

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude)


EVERYWHERE = Regions()


class Pixels(Protocol):
    """A decoded picture that is converted only as far as somebody asks. Everything comes upright (rotation applied)."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    def gray(self, width: int, height: int) -> Gray:
        """Luma, area-averaged to exactly (height, width)."""
        ...

    def bgr(self, long_side: int | None = None) -> Bgr:
        """Colour, shrunk (never enlarged) so that its longer side is at most `long_side` pixels; whole size without it."""
        ...


class Reason(enum.StrEnum):
    """Why a sampled frame was kept or dropped."""

    FIRST = "first"
    CHANGED = "changed"
    CUT = "cut"
    REFRESH = "refresh"
    UNCHANGED = "unchanged"
    THINNED = "thinned"


@dataclass(frozen=True, slots=True)
class Measured:
    """What OpenCV saw in one sampled frame, for describers that want measurements beside (or instead of) pictures.

    `light` is the mean luma, 0..255; `texture` the standard deviation of the luma after the local mean is taken off (a covered
    lens has nearly none); `shift` the picture's displacement against the frame before, in shares of width and height, `None`
    when there is no agreement on one; `active` the regions that differ from the usual scene, largest first.
    """

    light: float
    texture: float
    shift: tuple[float, float] | None = None
    active: tuple[Box, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """The decision about one sampled frame. `same_as` is the kept frame that stands for a dropped one.

    `change` is the largest difference to what it was compared with, in units of that place's own noise; `region` where it
    changed, `None` when nothing did or everything. `regions` are all that changed, the strongest (`region`) first. `ignored` is
    1 where the picture does not count (outside of the regions, or masked as a clock), rows by columns of the deduplicator's
    grid; marks share one array until it changes, and it is `None` where nothing is ignored or a deduplicator has no such thing.
    """

    frame: int
    time: float
    kept: bool
    reason: Reason
    same_as: int | None = None
    change: float = 0.0
    region: Box | None = None
    measured: Measured | None = None
    regions: tuple[Box, ...] = ()
    ignored: Gray | None = field(default=None, repr=False, compare=False)

    def bare(self) -> Mark:
        """The decision alone, small enough to keep for every sampled frame of a night."""
        return Mark(self.frame, self.time, self.kept, self.reason, self.same_as)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture. `mark` is absent until a deduplicator has judged it.

    `following` decodes what comes right after it, a few pictures within a quarter of a second, in order: to be asked once, and before the
    next frame is. Fewer or none come where there are none. `None`: nobody can tell, as with a folder's pictures.
    """

    index: int
    time: float
    keyframe: bool
    pixels: Pixels = field(repr=False)
    mark: Mark | None = None
    following: Callable[[], Iterable[Pixels]] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """A kept frame, encoded.

    `media_type` always matches `data`; `base64` is its standard padded text, made in the worker for describers that send it.

    `tokens` is the describer's estimate of what showing it costs. `zoom_of` marks a crop of another frame's full-size picture,
    `crop` which one of it: 1 is the pass's own, 2 that of a second look, which may show another place of the same frame.
    """

    frame: int
    time: float
    data: bytes = field(repr=False)
    base64: bytes = field(repr=False)
    media_type: str
    width: int
    height: int
    tokens: int = 0
    zoom_of: int | None = None
    crop: int = 1

    @property
    def name(self) -> str:
        """The file's name in an output folder: the frame's index, eight digits, and the format's suffix."""
        zoom = f"-zoom{self.crop}" if self.zoom_of is not None else ""
        return f"{self.frame:08d}{zoom}.{SUFFIXES[self.media_type]}"


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A judged frame as it leaves the decoder's worker, with no raw picture any more.

    `pictures` is empty for a dropped frame; a kept one has its picture, followed by a crop where a small change is shown zoomed.
    `cells` is its luma on the grid of `videoscan.reading.difference`, shape (rows, columns), for those who measure or choose; `thumbnail`
    a small JPEG, only where somebody asked for one of every frame.
    """

    mark: Mark
    keyframe: bool = False
    pictures: tuple[Picture, ...] = ()
    cells: Gray | None = field(default=None, repr=False)
    thumbnail: bytes | None = field(default=None, repr=False)


SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/bmp": "bmp", "image/tiff": "tiff"}


@dataclass(frozen=True, slots=True)
class Window:
    """Pictures that are described together, in order of time; a crop follows the frame it was cut from.

    `[start, end)` runs from its first picture to where the next window's first new picture begins (or to the source's end).
    The first `overlap` frames were already shown in the window before. `marks` are all sampled frames in the span, kept or
    not, so that a describer knows what the pictures stand for.
    """

    index: int
    start: float
    end: float
    pictures: tuple[Picture, ...]
    marks: tuple[Mark, ...] = field(default=(), repr=False)
    overlap: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as a window showed it. `picture` is its path relative to the output folder, `None` when nothing was saved.

    `zoom`: it is a crop of the frame shown before it, and no evidence of its own.
    """

    frame: int
    time: float
    picture: str | None
    region: Box | None
    zoom: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """A stretch that could not be read, or that no recording is there for, and why."""

    start: float
    end: float
    reason: str


@dataclass(frozen=True, slots=True)
class Tally:
    """What a pass over a source came to; known only when it ended.

    `duration` is the end of the last picture, or the declared length where that is longer. `decoded` counts the pictures that
    came out of the decoder. `absent` is what lies between joined recordings, `skipped` what was left out although it could be read. `next_index` is the index of the first picture at or after the end of the span that was read. `flags` add to those of `SourceInfo` what only decoding could show. Seconds are wall time spent in
    the worker, waiting for the consumer not included.
    """

    duration: float
    decoded: int
    lost: tuple[Lost, ...] = ()
    flags: tuple[str, ...] = ()
    decode_seconds: float = 0.0
    encode_seconds: float = 0.0
    next_index: int = 0
    absent: tuple[Lost, ...] = ()
    skipped: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A live source is at work. Comes at least once a second while nothing else does, so that windows can close by the clock.

    `time` is the live edge: no frame that comes later lies before it. While pictures stay away from a stream it goes on with the wall
    clock; of a folder of recordings it is the end of the last one. `waited` is how long, in seconds of real time, no picture has come.
    ``connecting``: the connection is being made (again). ``stalled``: it stands, and nothing comes. ``waiting``: for the next try, or for
    the next recording. `reason` says in a sentence what is wrong, without any secret; `None` while all is well. `behind` is by how many
    seconds the computer's own clock, as it reads now, lies behind these times: 0 unless somebody set that clock back.
    """

    time: float
    state: Literal["connecting", "playing", "stalled", "waiting"]
    reason: str | None = None
    waited: float = 0.0
    behind: float = 0.0


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch ``[start, end)`` of a live source without pictures, and why.

    ``lost``: the camera was away, or its pictures came and could not be read. ``absent``: there was nothing to be read, as between an
    NVR's recordings. Told when it is over; a long one in pieces of at most `LONGEST_GAP` seconds while it lasts, each beginning where the
    one before ended, so that coverage grows with the clock. No frame lies inside.
    """

    start: float
    end: float
    reason: str
    kind: Literal["lost", "absent"] = "lost"


LONGEST_GAP = 60.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What the program itself saw of a live picture: the very same one again and again (``frozen``), or nothing but black (``black``).

    Told when it began, with `end` at `None` (some seconds after `start`: it takes a while to be sure), and once more, with the same
    `start` and `frame`, when it ended. `frame` is the index of the first frame that shows it, one that came out as an item. A condition
    ends with the connection.
    """

    kind: Literal["frozen", "black"]
    start: float
    end: float | None
    frame: int


LiveItem: TypeAlias = Frame | Heartbeat | Gap | Condition
"""What a live source tells, in order of time: a frame's `time`, a heartbeat's, a gap's `end`. A condition's `start` lies further back."""


@dataclass(frozen=True, slots=True)
class Login:
    """With what a camera is spoken to. Never shown, logged or stored."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that a live source has found, such as one of those whose recordings share a folder. `uri` is what `open` takes."""

    name: str
    uri: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What was sent and billed. Token counts are `None` when the server did not say.

    `cached_tokens` are those of the prompt that the server had in its cache. What is `assumed` belongs to requests whose tokens the
    server did not count (an answer without usage, a connection that broke, a 5xx): an upper estimate, so that no bill is larger.
    """

    requests: int = 0
    retries: int = 0
    images: int = 0
    image_bytes: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    assumed_prompt_tokens: int = 0
    assumed_completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """All tokens, as a budget counts them."""
        counted = (self.prompt_tokens or 0) + (self.completion_tokens or 0)
        return counted + self.assumed_prompt_tokens + self.assumed_completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            self.retries + other.retries,
            self.images + other.images,
            self.image_bytes + other.image_bytes,
            added(self.prompt_tokens, other.prompt_tokens),
            added(self.completion_tokens, other.completion_tokens),
            added(self.cached_tokens, other.cached_tokens),
            self.assumed_prompt_tokens + other.assumed_prompt_tokens,
            self.assumed_completion_tokens + other.assumed_completion_tokens,
        )


def added(a: int | None, b: int | None) -> int | None:
    """The sum of two counts, `None` where neither is known."""
    return None if a is None and b is None else (a or 0) + (b or 0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one request may take, before it is sent: tokens of its prompt by formula, the longest answer, its time limit in seconds."""

    prompt_tokens: int
    completion_tokens: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a model, as it ended: what a log of calls holds. No picture, no word of the prompt, no key.

    `again`: something like it was sent before. `body_bytes` is the size of what was sent. `status` is HTTP's, `None` when no answer
    came; `seconds` from sending to the last byte, waiting for a turn not included. `error` says why there is no usable answer.
    """

    host: str
    model: str | None
    window: int
    frames: tuple[int, ...]
    pictures: int
    body_bytes: int
    again: bool
    status: int | None
    seconds: float
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish: str | None = None
    request_id: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Loading:
    """A model is being loaded on this machine, or (`done`) has been: so many seconds after loading began. `again`: after a crash.

    `size` is in bytes. Told at the beginning, then every second, and at the end.
    """

    model: str
    size: int
    seconds: float
    done: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a describer asks, where its options only say where that one is to be found, such as in a file.

    `key` changes whenever another would answer. `stands_for` are the options that it makes superfluous, or that change no answer.
    """

    model: str
    key: str
    stands_for: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know that is not an error: an assumption made, an option dropped."""

    text: str


@dataclass(frozen=True, slots=True)
class PictureCost:
    """Estimates the prompt tokens of one picture. A value, not a function, so that it can cross to a worker process.

    ``patch``: ``round(w / size) * round(h / size) + base`` (Qwen2.5-VL 28, Qwen3-VL 32). ``tile``: shrunk to fit 2048 x 2048 and
    then to a short side of 768, ``base + each`` per started 512-pixel tile (OpenAI, high detail: 85 + 170). ``flat``: `base`.
    A ``patch`` picture's patches count `times` so many tokens, and with `most` (0: none) it costs no more than that: the server
    shrinks larger ones.
    """

    rule: Literal["patch", "tile", "flat"] = "flat"
    size: int = 32
    base: int = 0
    each: int = 0
    most: int = 0
    times: float = 1.0

    def tokens(self, width: int, height: int) -> int:
        """The estimate for a picture of that size in pixels."""
        if self.rule == "patch":
            patches = max(1, round(width / self.size)) * max(1, round(height / self.size))
            cost = round(patches * self.times) + self.base
            return min(cost, self.most) if self.most else cost
        if self.rule == "tile":
            scale = min(1.0, 2048 / max(width, height))
            scale = min(scale, 768 / (min(width, height) * scale) * scale)
            across, down = -(-int(width * scale) // self.size), -(-int(height * scale) // self.size)
            return self.base + self.each * max(1, across) * max(1, down)
        return self.base


@dataclass(frozen=True, slots=True)
class Told:
    """One event as a describer told it. `first` and `last` are places in the window's pictures, counted from 0, inclusive.

    `regions` gives, by place, where in that picture the event is. `origin` is "model" for what a model said and "measured" for
    what the program itself saw.
    """

    title: str
    description: str
    first: int
    last: int
    tags: tuple[str, ...] = ()
    confidence: float | None = None
    importance: float | None = None
    continues: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    regions: dict[int, Box] = field(default_factory=dict)
    origin: Literal["model", "measured"] = "model"
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a window has no description. `kind` is an error class's name from `videoscan.errors`; `raw` the text that could not be read."""

    kind: str
    message: str
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What came of describing one window: an answer, or (after all retries) a `failure`; never both."""

    observations: tuple[str, ...] = ()
    events: tuple[Told, ...] = ()
    summary: str | None = None
    failure: Failure | None = None
    attempts: int = 1
    usage: Usage = Usage()
    seconds: float = 0.0
    flags: tuple[str, ...] = ()
    raw: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The words around the pictures. `instructions` (with the question last) stand after the pictures unless `text_first`.

    `schema` is the JSON Schema of the answer; `fields` the attributes that the profile declares, by name. With `once` an answer that
    cannot be read is not asked for again.
    """

    system: str
    instructions: str
    schema: dict[str, Any]
    text_first: bool = False
    version: str = ""
    fields: Mapping[str, attributes.Field] = field(default_factory=dict)
    once: bool = False
