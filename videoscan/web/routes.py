"""One table of routes, from which both the application and its OpenAPI document are made, so that they cannot disagree."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from videoscan import __version__
from videoscan.web.problems import MEDIA_TYPE, Problem, ProblemDocument, invalid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from videoscan.jobs.service import Service

M = TypeVar("M", bound=BaseModel)

BASE = "/api/v1"

SERVICE: web.AppKey[Service] = web.AppKey("service", object)  # type: ignore[arg-type]  # known to type checkers only

LARGEST_JSON = 1 << 20
"""Bytes of a JSON body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One kind of answer: its body's model or media types, and what it means."""

    meaning: str
    model: type[BaseModel] | None = None
    media: tuple[str, ...] = ("application/json",)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `scope` is what a key must allow, `None` where nobody is asked for one; `patterns` are those of path parameters."""

    method: Literal["GET", "POST", "PATCH", "DELETE", "HEAD"]
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    summary: str
    answers: Mapping[int, Answer]
    scope: Literal["read", "submit", "admin"] | None = "read"
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    other_bodies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    headers: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    patterns: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """As aiohttp takes it."""
        address = self.path
        for name, pattern in self.patterns.items():
            address = address.replace(f"{{{name}}}", f"{{{name}:{pattern}}}")
        return address


ROUTES: web.AppKey[dict[object, Route]] = web.AppKey("routes", dict)
"""By aiohttp's own route: what is known of the one that a request was matched with."""


def add(app: web.Application, routes: Iterable[Route]) -> None:
    """Put them into an application. What can be got can be asked for its headers alone (RFC 9110, 9.3.2), but for streams without end."""
    for route in routes:
        methods = ("GET", "HEAD") if route.method == "GET" and not _endless(route) else (route.method,)
        for method in methods:
            app[ROUTES][app.router.add_route(method, route.address, route.handler)] = route


def _endless(route: Route) -> bool:
    return any("text/event-stream" in answer.media for answer in route.answers.values())


def matched(request: web.Request) -> Route | None:
    """The route that a request was matched with, `None` where there is none (404, 405)."""
    return request.app[ROUTES].get(request.match_info.route)


def query(request: web.Request, model: type[M]) -> M:
    """The query, validated. A parameter that is given twice is a list. Raises `Problem` 422."""
    values: dict[str, Any] = {}
    for name in request.query:
        several = request.query.getall(name)
        values[name] = several if name in _lists(model) else several[-1]
    try:
        return model.model_validate(values)
    except ValidationError as fault:
        raise invalid(fault, "query") from None


@functools.cache
def _lists(model: type[BaseModel]) -> frozenset[str]:
    """The parameters of a query that may be given more than once."""
    properties = model.model_json_schema()["properties"]
    return frozenset(name for name, form in properties.items() if "array" in json.dumps(form))


async def body(request: web.Request, model: type[M]) -> M:
    """The JSON body, validated. Raises `Problem` 413, 415 or 422."""
    if request.content_type != "application/json":
        raise Problem(415, f"the body is {request.content_type}, and this route takes application/json")
    if (request.content_length or 0) > LARGEST_JSON:
        raise Problem(413, f"the body is larger than {LARGEST_JSON} bytes")
    data = await request.content.read(LARGEST_JSON + 1)
    while len(data) <= LARGEST_JSON and (more := await request.content.read(LARGEST_JSON)):
        data += more
    if len(data) > LARGEST_JSON:
        raise Problem(413, f"the body is larger than {LARGEST_JSON} bytes")
    try:
        return model.model_validate_json(data)
    except ValidationError as fault:
        raise invalid(fault, "body") from None
    except (RecursionError, UnicodeDecodeError) as fault:
        raise Problem(422, f"the body is no JSON that can be read: {type(fault).__name__}") from None


def answer(model: BaseModel, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A model as JSON."""
    return web.Response(
        status=status, body=model.model_dump_json().encode(), content_type="application/json", headers=dict(headers or {})
    )


def document(routes: Iterable[Route], *, models: Iterable[type[BaseModel]] = ()) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a table of routes."""
    routes = list(routes)
    used: dict[str, tuple[type[BaseModel], Literal["validation", "serialization"]]] = {}
    for route in routes:
        if route.body is not None:
            used[route.body.__name__] = (route.body, "validation")
        for each in route.answers.values():
            if each.model is not None:
                used[each.model.__name__] = (each.model, "serialization")
    used["ProblemDocument"] = (ProblemDocument, "serialization")
    for model in models:
        used.setdefault(model.__name__, (model, "serialization"))
    names, definitions = models_json_schema(list(used.values()), ref_template="#/components/schemas/{model}")
    schemas = definitions.get("$defs", {})
    refs: dict[tuple[type[Any], str], Any] = {(model, mode): schema for (model, mode), schema in names.items()}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "videoscan",
            "version": __version__,
            "description": "Turns hours of video into a timeline a person can trust.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key from `videoscan keys add`."},
                "login": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "videoscan",
                    "description": "What `POST /api/v1/login` sets.",
                },
            },
        },
    }


def _operation(route: Route, refs: Mapping[tuple[type[Any], str], Any]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = []
    for piece in route.path.split("/"):
        for name in (part.split("}", 1)[0] for part in piece.split("{")[1:]):
            schema: dict[str, Any] = {"type": "string"}
            if pattern := route.patterns.get(name):
                schema["pattern"] = f"^{pattern}$"
            parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    if route.query is not None:
        described = route.query.model_json_schema()
        for name, property_ in described["properties"].items():
            told = dict(property_)
            parameters.append(
                {
                    "name": name,
                    "in": "query",
                    "required": name in described.get("required", ()),
                    **({"description": told.pop("description")} if "description" in told else {}),
                    "schema": told,
                }
            )
    for name, (meaning, form) in route.headers.items():
        parameters.append({"name": name, "in": "header", "required": False, "description": meaning, "schema": dict(form)})
    operation: dict[str, Any] = {
        "summary": route.summary,
        "tags": [_area(route.path)],
        "operationId": f"{route.method.lower()}_{_words(route.path)}",
        "parameters": parameters,
        "responses": {str(status): _response(told, refs) for status, told in route.answers.items()},
        "security": [{"key": []}, {"login": []}] if route.scope else [],
    }
    problem = {MEDIA_TYPE: {"schema": refs[ProblemDocument, "serialization"]}}
    # Such as a request line of 9,000 characters: the server gives up before it knows which route was meant.
    operation["responses"].setdefault(
        "400", {"description": "This is no HTTP that is read.", "content": {**problem, "text/plain": {}}}
    )
    operation["responses"]["default"] = {"description": "Something was wrong: what, and what to do next.", "content": problem}
    content = {"application/json": {"schema": refs[route.body, "validation"]}} if route.body is not None else {}
    content |= {media: dict(told) for media, told in route.other_bodies.items()}
    if content:
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _response(told: Answer, refs: Mapping[tuple[type[Any], str], Any]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": told.meaning}
    if told.model is not None:
        response["content"] = {media: {"schema": refs[told.model, "serialization"]} for media in told.media}
    elif told.media and told.media != ("application/json",):
        response["content"] = {media: {} for media in told.media}
    if told.headers:
        response["headers"] = {
            name: {"description": meaning, "schema": {"type": "string"}} for name, meaning in told.headers.items()
        }
    return response


def _area(path: str) -> str:
    """What a route is about, for the documents and clients that are made of this one."""
    first = path.removeprefix(BASE).strip("/").partition("/")[0]
    return first if first in {"jobs", "uploads", "search", "ask", "streams", "webhooks", "keys", "profiles"} else "service"


def _words(path: str) -> str:
    return (
        "_".join(
            filter(None, (part.strip("{}").replace(".", "_") for part in path.removeprefix(BASE).replace("{", "by_").split("/")))
        )
        or "root"
    )
