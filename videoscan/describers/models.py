"""Which models an endpoint lists, and the only one where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from videoscan.describers import refusals
from videoscan.describers.dialects import DIALECTS, GENERIC, Meaning
from videoscan.describers.endpoint import Broken
from videoscan.errors import ConfigError, EndpointRefused
from videoscan.patience import Deadline, sleep

if TYPE_CHECKING:
    from collections.abc import Callable

    from videoscan.describers.endpoint import Endpoint

LOADING_SECONDS = 600.0
"""How long a server is waited for that says it is loading its model: thirty billion parameters from a slow disk."""
_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """The names in an endpoint's list of models. `owners` is who they belong to there, which gives the kind of server away."""

    names: tuple[str, ...]
    owners: tuple[str, ...] = ()

    @property
    def dialect(self) -> str | None:
        """The row of `dialects` that the owners fit, if any."""
        return next((row.name for row in DIALECTS.values() if self.owners and set(self.owners) <= set(row.owners)), None)


async def listed(endpoint: Endpoint, *, key_variable: str, seconds: float, waiting: Callable[[str], None]) -> Listed | None:
    """What the endpoint lists; `None` where it has no list. A server that is loading is waited for.

    Raises `EndpointRefused` for 401 and 403, and what kept it from being reached.
    """
    deadline, asked = Deadline(LOADING_SECONDS), 0
    while True:
        try:
            answered = await endpoint.get_models(seconds=seconds)
        except Broken as broken:
            raise broken.error from None
        if answered.status == 200:
            break
        refusal = refusals.judge(answered.status, answered.headers, answered.data, GENERIC)
        if refusal.meaning is Meaning.LOADING and deadline.left > 0:
            waiting(loading(endpoint.address.host, deadline.left))
            await sleep(loading_pause(asked, deadline))
            asked += 1
            continue
        if answered.status in {401, 403}:
            raise EndpointRefused(
                f"{endpoint.address.host} answered {answered.status}: {endpoint.mask(refusal.message)}",
                hint=f"check the key in the environment variable {key_variable}",
                status=answered.status,
                request_id=refusal.request_id,
            )
        return None
    try:
        rows = orjson.loads(answered.data)["data"]
        names = tuple(str(row["id"]) for row in rows)
        return Listed(names, tuple(dict.fromkeys(str(row["owned_by"]) for row in rows if row.get("owned_by"))))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def only(endpoint: Endpoint, listed: Listed | None) -> str:
    """The only name among them. Raises `ConfigError`, which lists what there is."""
    names = listed.names if listed is not None else ()
    if len(names) == 1:
        return names[0]
    rest = f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    known = f"it offers {', '.join(names[:_NAMED])}{rest}" if names else "it lists none"
    raise ConfigError(f"describer.model: no model is named for {endpoint.address.host}", hint=f"name one; {known}")


def loading_pause(asked: int, deadline: Deadline) -> float:
    """Seconds until a loading server is asked again, having been asked so many times: not long at first, then seldom."""
    return min(_PAUSES[min(asked, len(_PAUSES) - 1)], deadline.left)


def loading(host: str, left: float) -> str:
    """What is said while a server loads its model."""
    return f"{host} is still loading its model; waiting, for {left:.0f} s at most"
