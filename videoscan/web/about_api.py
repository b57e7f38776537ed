"""What a person asks before they submit: what this service is, where pictures would go, which profiles there are and what they mean."""

from __future__ import annotations

import math
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import BaseModel, Field

from videoscan import __version__, config, flow, registry, sample
from videoscan.describers.endpoint import Address
from videoscan.errors import ConfigError
from videoscan.folder import storing
from videoscan.jobs.records import Job, new_id
from videoscan.model import PictureCost
from videoscan.settings import explained, layers
from videoscan.web import routes
from videoscan.web.problems import Problem
from videoscan.web.routes import BASE, SERVICE, Answer, Route

if TYPE_CHECKING:
    from pathlib import Path

    from videoscan.config import Resolved
    from videoscan.jobs.settings import Settings
    from videoscan.settings.options import Profile

_HOUR = 3600.0
_ANSWER = 400
"""Tokens of an answer, for an estimate before anything was measured."""


class Describer(BaseModel):
    """Who describes the pictures. `sends`: they leave this machine, to `host`."""

    kind: str
    host: str | None
    model: str | None
    sends: bool


class About(BaseModel):
    """What a service is and takes."""

    version: str
    describer: Describer
    asks: bool = Field(description="Whether questions are answered: a model is asked, and not only measured.")
    profile: str = Field(description="What a job gets that names none.")
    roots: list[str] = Field(description="Folders whose videos may be named by path.")
    budget: list[str] = Field(description="What each job may spend.")
    at_once: int = Field(description="Jobs that are worked on side by side.")
    most_bytes: int = Field(description="The largest upload.")
    free_bytes: int = Field(description="Bytes that may still be written.")
    counts: dict[str, int] = Field(description="Jobs by state.")


class PerHour(BaseModel):
    """What an hour of video comes to: `least` where nothing happens, `most` where every look shows something new. Estimates."""

    pictures: tuple[int, int]
    requests: tuple[int, int]
    tokens: tuple[int, int] | None = Field(description="Prompt and answer tokens; null where no model is asked.")
    cost: tuple[float, float] | None = Field(description="By the prices that the profile or the service knows; null without any.")
    currency: str | None


class ProfileShown(BaseModel):
    """A profile to choose from."""

    name: str
    about: str = Field(description="What it says of itself in its first line.")
    shipped: bool
    every: float | None = Field(description="Seconds between two looks; null where the sampler decides.")
    fields: list[str] = Field(description="Facts that are asked of every event.")
    per_hour: PerHour | None = Field(description="Null where it cannot be said beforehand.")
    error: str | None = Field(default=None, description="Why it cannot be used.")


class ProfileList(BaseModel):
    """Every profile that a job may name."""

    profiles: list[ProfileShown]


@dataclass
class KnownProfiles:
    """The profiles as they were told last, and of which files: some half a second of work, asked for with every dialog."""

    answer: ProfileList | None = None
    state: str = ""
    at: float = 0.0


PROFILES: web.AppKey[KnownProfiles] = web.AppKey("profiles", KnownProfiles)

_STALE = 60.0
"""Seconds after which they are read anew in any case: a profile may extend a file elsewhere."""


class Value(BaseModel):
    """One value of a profile."""

    key: str
    value: Any
    origin: str = Field(description="Where it comes from.")
    about: str | None = Field(description="What it does, in the words of the profile's own comment.")


class ProfileWhole(BaseModel):
    """A profile with every value."""

    name: str
    about: str
    shipped: bool
    values: list[Value]


async def about(request: web.Request) -> web.StreamResponse:
    """What this service is."""
    service = request.app[SERVICE]
    settings = service.settings

    def look() -> dict[str, Any]:
        settings.data.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(settings.data).free - settings.spare_bytes
        return {"describer": _describer(_resolved(settings.profile, settings)), "free_bytes": max(0, free)}

    found = await flow.in_thread(look)
    return routes.answer(
        About(
            version=__version__,
            asks=found["describer"].kind != "offline",
            profile=settings.profile,
            roots=[root.name for root in settings.roots],
            budget=list(settings.budget),
            at_once=settings.at_once,
            most_bytes=settings.most_bytes,
            counts=await service.store.counts(),
            **found,
        )
    )


async def profiles(request: web.Request) -> web.StreamResponse:
    """Every profile that a job may name."""
    settings, known = request.app[SERVICE].settings, request.app[PROFILES]
    cost = await _picture_cost(settings)

    def look() -> ProfileList:
        files = sorted(config.available().items())
        stats = [(name, path, path.stat()) for name, path in files]
        state = repr((cost, [(name, str(path), stat.st_mtime_ns, stat.st_size) for name, path, stat in stats]))
        if known.answer is None or known.state != state or time.monotonic() - known.at > _STALE:
            known.answer = ProfileList(profiles=[_shown(name, path, settings, cost) for name, path in files])
            known.state, known.at = state, time.monotonic()
        return known.answer

    return routes.answer(await flow.in_thread(look))


async def profile(request: web.Request) -> web.StreamResponse:
    """One profile, with every value and what it does."""
    settings, name = request.app[SERVICE].settings, request.match_info["name"]

    def look() -> ProfileWhole | None:
        files = config.available()
        path = files.get(name)
        if path is None:
            return None
        told = explained.comments(files["default"]) | explained.comments(path)
        rows = registry.explain(_resolved(name, settings))
        values = [
            Value(key=row.key, value=_plain(row.key, row.value), origin=_placeless(row.origin), about=told.get(row.key))
            for row in rows
            if row.key not in _HIDDEN
        ]
        return ProfileWhole(name=name, about=explained.about(path), shipped=_shipped(path), values=values)

    found = await flow.in_thread(look)
    if found is None:
        raise Problem(404, f"there is no profile {name}")
    return routes.answer(found)


async def try_sample(request: web.Request) -> web.StreamResponse:
    """A job of the clip that travels in the package, for whoever has no video at hand."""
    service, job = request.app[SERVICE], new_id()
    folder = service.settings.folder(job)

    def bring() -> Path:
        clip = sample.clip()
        place = folder / "source" / clip.name
        with storing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(clip, place)
        return place

    try:
        place = await flow.in_thread(bring)
        made, _ = await service.submit(place, profile="surveillance", owned=True, name=place.name, job=job)
    except BaseException:
        await flow.in_thread(shutil.rmtree, folder, True)
        raise
    return routes.answer(service.shown(made), status=202, headers={"Location": f"{BASE}/jobs/{made.id}"})


_HIDDEN = frozenset({"describer.model_file", "describer.api_key_env"})
"""Where things lie on this machine, which is nobody's business who only submits."""


def _resolved(name: str, settings: Settings) -> Resolved:
    return config.load(
        name, sets=settings.sets, overrides={"describer.endpoint": settings.endpoint, "describer.model": settings.model}
    )


def _describer(resolved: Resolved) -> Describer:
    table = resolved.profile.describer
    kind, address = table["kind"], table.get("endpoint")
    return Describer(
        kind=kind,
        host=Address.parse(address).host if kind == "openai" and address else None,
        model=table.get("model") or None,
        sends=kind not in {"offline", "local"},
    )


def _shown(name: str, path: Path, settings: Settings, cost: PictureCost) -> ProfileShown:
    told: dict[str, Any] = {"name": name, "about": explained.about(path), "shipped": _shipped(path)}
    try:
        resolved = _resolved(name, settings)
        whole = registry.complete(resolved.profile, origins=resolved.origins)
        every = _every(whole)
        return ProfileShown(
            **told,
            every=every,
            fields=[field for field, asked in whole["prompt"]["fields"].items() if asked],
            per_hour=None if every is None else per_hour(resolved.profile, whole, every, cost),
        )
    except ConfigError as fault:
        return ProfileShown(**told, every=None, fields=[], per_hour=None, error=fault.message)


async def _picture_cost(settings: Settings) -> PictureCost:
    """What a picture takes of the service's own model, as far as that is known. The describer is started for that; nothing is sent."""
    resolved = await flow.in_thread(_resolved, settings.profile, settings)
    table = registry.complete(resolved.profile, origins=resolved.origins)["describer"]
    if table["kind"] != "openai":
        return PictureCost()
    session = registry.make("describers", table).session()
    try:
        return session.limits.cost
    finally:
        await session.close()


def _every(whole: dict[str, Any]) -> float | None:
    sampler = whole["sampler"]
    if sampler["kind"] != "interval":
        return None
    return 1 / sampler["rate"] if sampler.get("rate") else float(sampler["every"])


def per_hour(profile: Profile, whole: dict[str, Any], every: float, cost: PictureCost) -> PerHour:
    """What an hour of video comes to at least and at most, by the profile alone.

    Most: every look is kept, as far as `dedup.max_rate` allows. Least: only what is shown again every `dedup.refresh` seconds. A request
    holds `max_frames` pictures, `overlap_frames` of them shown before, and at most `max_seconds` of video.
    """
    windows, dedup, describer = profile.windows, whole["dedup"], whole["describer"]
    looks = _HOUR / every
    rate, refresh = dedup.get("max_rate") or 0.0, dedup.get("refresh") or 0.0
    most = min(looks, rate * _HOUR) if rate else looks
    least = looks if dedup["kind"] == "none" else min(most, _HOUR / refresh if refresh else 1.0)
    new = max(1, windows.max_frames - windows.overlap_frames)
    by_time = _HOUR / windows.max_seconds
    requests = (math.ceil(min(least, by_time)), math.ceil(max(most / new, by_time)))
    pictures = (math.ceil(least), math.ceil(most))
    if describer["kind"] != "openai":
        return PerHour(pictures=pictures, requests=requests, tokens=None, cost=None, currency=None)
    each = cost.tokens(windows.long_side, round(windows.long_side * 9 / 16))
    prompts = [
        round((shown + asked * windows.overlap_frames) * each + asked * _ANSWER)
        for shown, asked in zip(pictures, requests, strict=True)
    ]
    answers = [asked * _ANSWER for asked in requests]
    prices = profile.budget.prices_of(describer.get("model"))
    money = [prices.of_tokens(sent, back) for sent, back in zip(prompts, answers, strict=True)] if prices is not None else None
    return PerHour(
        pictures=pictures,
        requests=requests,
        tokens=(prompts[0] + answers[0], prompts[1] + answers[1]),
        cost=None if money is None else (money[0], money[1]),
        currency=None if prices is None else prices.currency,
    )


def _shipped(path: Path) -> bool:
    return path.parent == layers.shipped_folder()


def _plain(key: str, value: Any) -> Any:
    """A value without what may be a secret in an address."""
    return Address.parse(value).shown if key == "describer.endpoint" and value else value


def _placeless(origin: str) -> str:
    """Where a value comes from, without where that lies on this machine."""
    return origin.rsplit("/", 1)[-1]


ROUTES = (
    Route(
        "POST",
        f"{BASE}/jobs/sample",
        try_sample,
        "Submit the sample clip",
        {202: Answer("The job, queued.", Job, headers={"Location": "The job's address."})},
        scope="submit",
    ),
    Route("GET", f"{BASE}/service", about, "What this service is", {200: Answer("What it is and takes.", About)}),
    Route("GET", f"{BASE}/profiles", profiles, "List profiles", {200: Answer("Every profile.", ProfileList)}),
    Route(
        "GET",
        f"{BASE}/profiles/{{name}}",
        profile,
        "One profile, explained",
        {200: Answer("Every value of it.", ProfileWhole)},
        patterns={"name": r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"},
    ),
)
