"""Webhooks: made, listed, removed, and what became of their deliveries."""

from __future__ import annotations

from aiohttp import web

from videoscan.jobs import fetching
from videoscan.jobs.records import ID, Delivery
from videoscan.stores.hooks import MOST
from videoscan.web import routes
from videoscan.web.problems import Problem
from videoscan.web.routes import BASE, SERVICE, Answer, Route
from videoscan.web.schemas import Deliveries, DeliveryList, HookList, MadeHook, NewHook


async def made(request: web.Request) -> web.StreamResponse:
    """A new webhook. Its address is judged like a source's, now and whenever something is sent there."""
    asked = await routes.body(request, NewHook)
    service = request.app[SERVICE]
    await fetching.judged(asked.url, service.settings)
    found = await service.store.hooks.add(asked.url, asked.kinds)
    if found is None:
        raise Problem(409, f"there are {MOST} webhooks already", hint="remove one that is not needed")
    hook, secret = found
    return routes.answer(MadeHook(**hook.model_dump(), secret=secret), status=201)


async def listed(request: web.Request) -> web.StreamResponse:
    """Every webhook, without the secrets."""
    return routes.answer(HookList(webhooks=await request.app[SERVICE].store.hooks.all()))


async def removed(request: web.Request) -> web.StreamResponse:
    """Nothing is sent there from now on, not even what waits."""
    if not await request.app[SERVICE].store.hooks.remove(request.match_info["id"]):
        raise _missing(request)
    return web.Response(status=204)


async def deliveries(request: web.Request) -> web.StreamResponse:
    """What was sent, what waits, and why."""
    asked = routes.query(request, Deliveries)
    hooks = request.app[SERVICE].store.hooks
    found = await hooks.deliveries(request.match_info["id"], before=asked.cursor, most=asked.limit)
    if found is None:
        raise _missing(request)
    return routes.answer(DeliveryList(deliveries=found[0], next=found[1]))


def _missing(request: web.Request) -> Problem:
    return Problem(404, f"there is no webhook {request.match_info['id']}")


_PATTERNS = {"id": ID.strip("^$")}


async def again(request: web.Request) -> web.StreamResponse:
    """It is sent again, with the same id."""
    service = request.app[SERVICE]
    found = await service.store.hooks.again(request.match_info["id"], request.match_info["delivery"])
    if found is None:
        raise Problem(404, f"there is no delivery {request.match_info['delivery']} of this webhook")
    service.board.changed()
    return routes.answer(found, status=202)


ROUTES = (
    Route(
        "POST",
        f"{BASE}/webhooks/{{id}}/deliveries/{{delivery}}/retry",
        again,
        "Send a delivery again",
        {202: Answer("The delivery, which waits to be sent.", Delivery)},
        scope="admin",
        patterns={"id": ID.strip("^$"), "delivery": r"msg_[0-9a-f]{24}"},
    ),
    Route("GET", f"{BASE}/webhooks", listed, "List webhooks", {200: Answer("Every webhook.", HookList)}, scope="admin"),
    Route(
        "POST",
        f"{BASE}/webhooks",
        made,
        "Make a webhook",
        {201: Answer("The webhook; its secret is told this once.", MadeHook)},
        scope="admin",
        body=NewHook,
    ),
    Route(
        "DELETE",
        f"{BASE}/webhooks/{{id}}",
        removed,
        "Remove a webhook",
        {204: Answer("It is gone, with what waited for it.", media=())},
        scope="admin",
        patterns=_PATTERNS,
    ),
    Route(
        "GET",
        f"{BASE}/webhooks/{{id}}/deliveries",
        deliveries,
        "List a webhook's deliveries",
        {200: Answer("A page of deliveries.", DeliveryList)},
        scope="admin",
        query=Deliveries,
        patterns=_PATTERNS,
    ),
)
