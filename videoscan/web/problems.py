"""Errors as RFC 9457 problem documents: what was wrong, with which value, what to do next."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, Field, ValidationError

from videoscan.errors import ConfigError, DescribeError, SourceError, StoreError, VideoscanError
from videoscan.jobs.rules import RuleBroken
from videoscan.stores.sqlite import Conflict, QueueFull

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_log = logging.getLogger("videoscan.web")

MEDIA_TYPE = "application/problem+json"


class ProblemDocument(BaseModel):
    """An error. `type` is `about:blank`: `title` says what `status` means, `detail` what was wrong with this request."""

    type: str = "about:blank"
    title: str
    status: int = Field(ge=400, le=599)
    detail: str | None = None
    hint: str | None = Field(default=None, description="What to do next.")
    errors: list[dict[str, Any]] | None = Field(default=None, description="What is wrong with each part of what was sent.")


class Problem(Exception):
    """An answer that is an error. `headers` go along with it."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        hint: str | None = None,
        errors: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.hint = hint
        self.errors = errors
        self.headers = dict(headers or {})

    def answer(self) -> web.Response:
        """The problem document."""
        document = ProblemDocument(
            title=HTTPStatus(self.status).phrase, status=self.status, detail=self.detail, hint=self.hint, errors=self.errors
        )
        return web.Response(
            status=self.status,
            body=document.model_dump_json(exclude_none=True).encode(),
            content_type=MEDIA_TYPE,
            headers=self.headers,
        )


def invalid(fault: ValidationError, where: str) -> Problem:
    """What is wrong with a body or a query. What was sent is not repeated: it may hold what must not be logged."""
    errors = [
        {"at": ".".join(map(str, each["loc"])) or where, "what": each["msg"]}
        for each in fault.errors(include_url=False, include_input=False, include_context=False)
    ]
    return Problem(422, f"the {where} is not as it should be", errors=errors[:20])


@web.middleware
async def as_problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Whatever a handler raises becomes a problem document; what nobody expected is logged and told nobody."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.answer()
    except web.HTTPException as fault:
        if fault.status < 400:
            raise
        kept = {name: value for name, value in fault.headers.items() if name in {"Allow", "Retry-After", "Content-Range"}}
        return Problem(fault.status, _detail(request, fault), headers=kept).answer()
    except (VideoscanError, RuleBroken, Conflict, QueueFull) as fault:
        return of(fault).answer()
    except HttpProcessingError:
        return Problem(400, "the request is no HTTP that can be read").answer()
    except ConnectionResetError:
        raise
    except Exception:
        _log.exception("%s %s ended in an unexpected fault", request.method, request.path)
        return Problem(500, "an unexpected fault; the service's log has it").answer()


def of(fault: Exception) -> Problem:
    """The problem that an error of ours is, to a caller."""
    hint = fault.hint if isinstance(fault, VideoscanError) else None
    message = fault.message if isinstance(fault, VideoscanError) else str(fault)
    if isinstance(fault, QueueFull):
        return Problem(503, message, hint="try again later", headers={"Retry-After": "30"})
    if isinstance(fault, DescribeError):
        return Problem(502, f"the model could not be used: {message}", hint=hint)
    if isinstance(fault, Conflict):
        return Problem(409, message)
    if isinstance(fault, RuleBroken):
        return Problem(403, message)
    if isinstance(fault, (ConfigError, SourceError)):
        return Problem(422, message, hint=hint)
    if isinstance(fault, StoreError):
        _log.error("%s", message)
        return Problem(507, "the service cannot write: its disk may be full", hint="tell whoever runs it; its log says more")
    return Problem(500, "an unexpected fault; the service's log has it")


def _detail(request: web.Request, fault: web.HTTPException) -> str:
    if fault.status == 404:
        return f"there is nothing at {request.path[:200]}"
    if fault.status == 405:
        return f"{request.method} is not for {request.path[:200]}"
    if fault.status == 413:
        return "the body is larger than this route takes"
    return fault.text or fault.reason
