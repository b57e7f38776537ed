"""Keys and logins."""

from __future__ import annotations

import datetime as dt

from aiohttp import web

from videoscan.jobs.records import ID
from videoscan.web import routes
from videoscan.web.problems import Problem
from videoscan.web.routes import BASE, SERVICE, Answer, Route
from videoscan.web.schemas import Keys, Login, MadeKey, NewKey, Who
from videoscan.web.security import COOKIE, KEY, caller

_DAYS = 7


async def login(request: web.Request) -> web.StreamResponse:
    """A key becomes a cookie that scripts cannot read and other sites cannot send."""
    store, guard = request.app[SERVICE].store, request.app[KEY]
    guard.take(f"login {request.remote}", 60)
    asked = await routes.body(request, Login)
    key = await store.who(asked.key)
    if key is None:
        raise Problem(401, "this key is not known", headers={"WWW-Authenticate": "Bearer"})
    ends = dt.datetime.now(dt.UTC) + dt.timedelta(days=_DAYS)
    token = await store.log_in(key.id, ends.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    answer = routes.answer(Who(open=guard.open, name=key.name, scopes=key.scopes))
    answer.set_cookie(COOKIE, token, max_age=_DAYS * 86400, httponly=True, samesite="Strict", secure=request.secure, path="/")
    return answer


async def logout(request: web.Request) -> web.StreamResponse:
    """The cookie is worth nothing from now on."""
    if token := request.cookies.get(COOKIE):
        await request.app[SERVICE].store.log_out(token)
    answer = web.Response(status=204)
    answer.del_cookie(COOKIE, path="/")
    return answer


async def who(request: web.Request) -> web.StreamResponse:
    """Who is asking, and what they may."""
    return routes.answer(await asking(request))


async def asking(request: web.Request) -> Who:
    """Who sent a request, and what they may."""
    key = await caller(request)
    scopes = ["read", "submit", "admin"] if request.app[KEY].open else key.scopes if key else []
    return Who.model_validate({"open": request.app[KEY].open, "name": key.name if key else None, "scopes": scopes})


async def listed(request: web.Request) -> web.StreamResponse:
    """Every key, without the keys."""
    return routes.answer(Keys(keys=await request.app[SERVICE].store.keys()))


async def made(request: web.Request) -> web.StreamResponse:
    """A new key. From the first one on, nobody is let in without one."""
    asked = await routes.body(request, NewKey)
    if request.app[KEY].open and "admin" not in asked.scopes:
        raise Problem(409, "the first key must allow admin, or nobody could make another")
    key, text = await request.app[SERVICE].store.add_key(asked.name, asked.scopes)
    request.app[KEY].open = False
    return routes.answer(MadeKey(**key.model_dump(), key=text), status=201)


async def removed(request: web.Request) -> web.StreamResponse:
    """A key that is worth nothing from now on."""
    if not await request.app[SERVICE].store.remove_key(request.match_info["id"]):
        raise Problem(404, f"there is no key {request.match_info['id']}")
    return web.Response(status=204)


ROUTES = (
    Route(
        "POST",
        f"{BASE}/login",
        login,
        "Log in with a key",
        {200: Answer("Who you are; the cookie comes along.", Who)},
        scope=None,
        body=Login,
    ),
    Route("POST", f"{BASE}/logout", logout, "Log out", {204: Answer("The login is over.", media=())}, scope=None),
    Route("GET", f"{BASE}/me", who, "Who is asking", {200: Answer("Who you are.", Who)}, scope=None),
    Route("GET", f"{BASE}/keys", listed, "List keys", {200: Answer("Every key.", Keys)}, scope="admin"),
    Route(
        "POST",
        f"{BASE}/keys",
        made,
        "Make a key",
        {201: Answer("The key; it is told this once.", MadeKey)},
        scope="admin",
        body=NewKey,
    ),
    Route(
        "DELETE",
        f"{BASE}/keys/{{id}}",
        removed,
        "Take a key away",
        {204: Answer("It is gone.", media=())},
        scope="admin",
        patterns={"id": ID.strip("^$")},
    ),
)
