"""Puts the service together: its routes, its rules, its health."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

from videoscan.jobs.records import Entry
from videoscan.web import (
    about_api,
    bundles_api,
    endpoint_api,
    events_api,
    feed,
    hooks_api,
    jobs_api,
    keys_api,
    media,
    pages,
    posters,
    routes,
    search_api,
    streams_api,
    uploads,
)
from videoscan.web.problems import Problem, as_problems
from videoscan.web.routes import BASE, ROUTES, SERVICE, Answer, Route
from videoscan.web.schemas import Health, Options
from videoscan.web.security import KEY, Guard, allowed, headed, hosted, same_origin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videoscan.jobs.service import Service

_STATES = ("queued", "running", "done", "failed", "cancelled")


async def healthz(_request: web.Request) -> web.StreamResponse:
    """The program answers."""
    return routes.answer(Health(status="ok"))


async def readyz(request: web.Request) -> web.StreamResponse:
    """Jobs are taken and worked off."""
    service = request.app[SERVICE]
    await service.store.counts()
    if not service.alive:
        raise Problem(503, "no jobs are worked off: the worker has ended", hint="the log says why; restart the service")
    return routes.answer(Health(status="ok"))


async def metrics(request: web.Request) -> web.StreamResponse:
    """Counts for Prometheus."""
    service = request.app[SERVICE]
    counts = await service.store.counts()
    running = [each.progress for each in service.worker.running.values()]
    lines = ["# HELP videoscan_jobs Jobs by state.", "# TYPE videoscan_jobs gauge"]
    lines += [f'videoscan_jobs{{state="{state}"}} {counts.get(state, 0)}' for state in _STATES]
    gauges: tuple[tuple[str, str, float], ...] = (
        ("videoscan_loop_late_seconds", "Longest that the event loop was held up within a minute.", service.pulse.longest),
        (
            "videoscan_loop_own_seconds",
            "The same, of the loop's own work, without the time in which others had the processor.",
            service.pulse.own,
        ),
        ("videoscan_running_windows", "Windows made by the jobs that run.", sum(each.windows for each in running)),
        ("videoscan_running_described", "Windows described by the jobs that run.", sum(each.described for each in running)),
        ("videoscan_running_failed", "Windows that failed in the jobs that run.", sum(each.failed for each in running)),
        ("videoscan_running_seconds", "Seconds of video sampled by the jobs that run.", sum(each.position for each in running)),
    )
    for name, meaning, value in gauges:
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge", f"{name} {value}"]
    return web.Response(
        body="\n".join([*lines, ""]).encode(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )


async def described(request: web.Request) -> web.StreamResponse:
    """The OpenAPI document of this very service."""
    return web.Response(body=request.app[DOCUMENT], content_type="application/json")


DOCUMENT: web.AppKey[bytes] = web.AppKey("openapi", bytes)

_HEALTH = {200: Answer("It is.", Health)}

_METRICS = Route("GET", f"{BASE}/metrics", metrics, "Counts for Prometheus", {200: Answer("The counts.", media=("text/plain",))})

TABLE: tuple[Route, ...] = (
    *jobs_api.ROUTES,
    *feed.ROUTES,
    *events_api.ROUTES,
    *search_api.ROUTES,
    *media.ROUTES,
    *bundles_api.ROUTES,
    *posters.ROUTES,
    *uploads.ROUTES,
    *keys_api.ROUTES,
    *hooks_api.ROUTES,
    *streams_api.ROUTES,
    *about_api.ROUTES,
    *endpoint_api.ROUTES,
    _METRICS,
    Route(
        "GET",
        f"{BASE}/openapi.json",
        described,
        "This document",
        {200: Answer("OpenAPI 3.1.", media=("application/json",))},
        scope=None,
    ),
    Route("GET", "/healthz", healthz, "Whether the program answers", _HEALTH, scope=None),
    Route("GET", "/readyz", readyz, "Whether jobs are worked off", _HEALTH, scope=None),
)


def application(service: Service, *, hosts: Iterable[str], open_to_all: bool, per_minute: int = 1200) -> web.Application:
    """The application of a service that is open already. `hosts` are the names in Host headers that it answers to."""
    app = web.Application(
        # The outermost first: whatever goes wrong inside, the answer has its headers and is a problem document.
        middlewares=[headed, as_problems, hosted, same_origin, allowed],
        client_max_size=1 << 20,
    )
    app[SERVICE] = service
    app[KEY] = Guard(hosts, open_to_all=open_to_all, per_minute=per_minute)
    app[ROUTES] = {}
    app[endpoint_api.EXAMINER] = endpoint_api.Examiner()
    app.cleanup_ctx.append(endpoint_api.standing)
    app[about_api.PROFILES] = about_api.KnownProfiles()
    app[uploads.ARRIVING] = set()
    app[DOCUMENT] = json.dumps(routes.document(TABLE, models=(Entry, Options))).encode()
    routes.add(app, TABLE)
    routes.add(app, [replace(_METRICS, path="/metrics")])  # where Prometheus looks unless told otherwise
    pages.add(app)
    # Feeds are open for hours: they are told to end before connections are waited for.
    app.on_shutdown.append(_end_feeds)
    return app


async def _end_feeds(app: web.Application) -> None:
    app[SERVICE].board.close()
