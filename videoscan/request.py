"""What one scan was asked to do, settled before anything is decoded."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videoscan import __version__, config, prompts, registry
from videoscan.errors import ConfigError
from videoscan.seams import Identified
from videoscan.spending.money import Budget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videoscan.config import Profile
    from videoscan.model import Identity, Prompt
    from videoscan.recordings.inputs import Input
    from videoscan.retrying import Retry
    from videoscan.spending.money import Prices

# Options of a describer that change how fast an answer comes, not which.
_PACE = frozenset(
    {"concurrency", "requests_per_minute", "tokens_per_minute", "timeout", "window_timeout", "retries", "api_key_env", "probe"}
)


@dataclass(frozen=True, slots=True)
class Request:
    """One scan of one input. `table` is the whole profile with every default, as a timeline stores it; times are seconds.

    `identity` is whom a describer with a model of its own asks; `None` where the options say it, and before `identified`. `served` is
    the model that an endpoint was found to have, where the options name none. `retry` is which windows without an answer are asked again,
    by default all.
    """

    given: Input
    resolved: config.Resolved
    table: dict[str, Any]
    prompt: Prompt
    start: float = 0.0
    end: float | None = None
    to: tuple[str, ...] = ()
    identity: Identity | None = None
    served: str | None = None
    retry: Retry | None = None

    def identified(self) -> Request:
        """The same, with `identity` looked up. Raises `ConfigError` where the describer's options name nothing that is there."""
        part = registry.make("describers", self.describer)
        return replace(self, identity=part.identity()) if isinstance(part, Identified) else self

    @property
    def describer(self) -> dict[str, Any]:
        """Who is asked, with every option."""
        table: dict[str, Any] = self.table["describer"]
        return table

    @property
    def asked(self) -> dict[str, Any]:
        """The describer's options that an answer depends on."""
        superfluous = _PACE | (self.identity.stands_for if self.identity is not None else frozenset())
        asked = {key: value for key, value in self.describer.items() if key not in superfluous}
        if self.served is not None:
            asked["model"] = self.served
        return asked if self.identity is None else {**asked, "identity": self.identity.key}

    @property
    def model(self) -> str | None:
        """The model's name, as far as it is known beforehand."""
        return self.identity.model if self.identity is not None else self.describer.get("model") or self.served

    @property
    def budget(self) -> Budget:
        """What may be spent, the built-in describer's nothing included."""
        return self.resolved.profile.budget.of(self.describer.get("model")) if self.describer["kind"] != "offline" else Budget()

    @property
    def prices(self) -> Prices | None:
        """What the model costs, where somebody said so."""
        return self.resolved.profile.budget.prices_of(self.describer.get("model") or self.served)

    def check_start(self, duration: float) -> None:
        """Raises `ConfigError` when the pass began behind the end of the source: only the pass shows where that is."""
        if self.start >= duration > 0:
            raise ConfigError(f"--start {self.start:g} is past the end of {self.given.uri}", hint=f"it lasts {duration:g} s")

    def version(self) -> str:
        """What stands for the state of the files that are read, and for this version of the program.

        Recordings that are joined may become more: what each segment was made of is for `videoscan.reading.segments` to say.
        """
        stats = _stats(self.given) if self.given.kind != "joined" else []
        return hashlib.sha256(json.dumps([__version__, stats]).encode()).hexdigest()[:16]

    def fingerprint(self) -> str:
        """What a finished timeline is an answer to: the files as they are, every option that counts, and this version."""
        # More money makes no other answer; other prices make another bill.
        table = {
            **{key: value for key, value in self.table.items() if key not in {"watch", "live"}},
            "describer": self.asked,
            "budget": self.table["budget"]["prices"],
        }
        parts = [__version__, _stats(self.given), table, self.prompt.instructions, self.start, self.end]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def prompt_of(profile: Profile) -> Prompt:
    """The words that a profile puts around every window's pictures. Raises `ConfigError` when its template is not there."""
    asked = profile.prompt
    return prompts.build(
        asked.template,
        role=asked.role,
        question=asked.question,
        order=asked.order,
        language=profile.describer.get("language"),
        fields=asked.asked,
        boxes=asked.boxes,
        zoom=profile.windows.zoom > 0,
        blacked_out=profile.regions.black_out,
    )


def settle(
    given: Input,
    *,
    profile: str | Path | Mapping[str, Any] = "default",
    flags: Mapping[str, Any],
    sets: Sequence[str] = (),
    start: float | None = None,
    end: float | None = None,
    to: Sequence[str] = (),
) -> Request:
    """Settle every option. Raises `ConfigError` for whatever is wrong with any of them."""
    if end is not None and end <= (start or 0.0):
        raise ConfigError(f"--end {end:g} is not after --start {start or 0.0:g}", hint="both are seconds of video time")
    resolved = config.load(profile, sets=sets, overrides=flags, uri=given.path)
    settled = resolved.profile
    if given.kind == "kept":
        _check_kept(given, settled, start, end)
    for name in to:
        part = registry.factory("exporters", name)
        if given.kind == "joined" and getattr(part, "one_recording", False):
            raise ConfigError(
                f"--to {name} is about one file, and these are joined", hint="take --to edl or otio, or leave --join out"
            )
        if part.media_type.startswith(("video/", "application/zip")):
            raise ConfigError(
                f"--to {name} is made of a finished timeline, not while it is written",
                hint=f"videoscan export FOLDER --to {name}",
            )
    return Request(
        given=given,
        resolved=resolved,
        table=registry.complete(settled, origins=resolved.origins),
        prompt=prompt_of(settled),
        start=start or 0.0,
        end=end,
        to=tuple(to),
    )


def _check_kept(given: Input, profile: config.Profile, start: float | None, end: float | None) -> None:
    if start is not None or end is not None:
        raise ConfigError(
            f"--start and --end do not go with {given.uri}, the output of an earlier scan",
            hint="all of its pictures are asked; give the video itself to look at a part of it",
        )
    if profile.describer["kind"] == "offline":
        raise ConfigError(
            f"{given.uri} is the output of an earlier scan: asking it again needs a model",
            hint="give --endpoint and --model; the built-in describer measures footage, not pictures",
        )


def _stats(given: Input) -> list[tuple[str, int, int]]:
    """Name, size and time of every file whose change makes an earlier timeline stale."""
    path = Path(given.uri)
    files = list(given.files) or (sorted(str(each) for each in path.iterdir()) if path.is_dir() else [given.uri])
    stats = []
    for file in files:
        with contextlib.suppress(OSError):
            stat = Path(file).stat()
            stats.append((file, stat.st_size, stat.st_mtime_ns))
    return stats
