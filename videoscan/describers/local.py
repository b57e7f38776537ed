"""The `local` describer: a model's weights from this disk, run by llama.cpp inside the scan. No server to set up, no network.

The model is loaded when the first window asks for it, so that planning and going on from a journal that has every answer cost
nothing, and ended with the last scan that uses it. What is said to it and how its answers are read is the `openai` describer's work: llama.cpp speaks
that language, and its JSON Schemas are enforced.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import Field, field_validator

from videoscan.config import Options
from videoscan.describers import dialects, gguf, llamacpp
from videoscan.describers.endpoint import Address, Endpoint
from videoscan.describers.loaded import Loaded
from videoscan.describers.openai import OpenAiOptions, OpenAiSession
from videoscan.errors import ConfigError
from videoscan.model import Identity, Loading, Note, PictureCost
from videoscan.seams import Limits, unheard

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine

    from videoscan.describers.gguf import Gguf
    from videoscan.describers.llamacpp import Server
    from videoscan.model import Call, Description, Prompt, Window
    from videoscan.seams import Ledger, Notebook

TEXTS = 2048
"""Tokens that are kept free for the words of a request: instructions, question, the frames' names."""
PICTURES = 12_288
"""Tokens for pictures in a context that nobody has chosen: twelve of 1280 x 720 pixels at Qwen3-VL's rate, and some to spare."""
LEAST_PICTURES = 512
"""A context with less room for pictures is refused."""

_UNTIL_REAPED = 0.5  # seconds
_INSTALL = "pip install 'videoscan[local]'"


class LocalOptions(Options):
    """Which files, and how much of this machine llama.cpp may use."""

    model_file: Annotated[str, Field(min_length=1)]
    """The model's GGUF file (the first, where it has several parts). A relative path starts at the working directory."""
    projector: str | None = None
    """The GGUF file that turns pictures into the model's tokens, usually called ``mmproj-...``. Without it, the only one beside the model."""
    context: Annotated[int, Field(ge=1024, le=1_048_576)] | None = None
    """Tokens that one request may take: pictures, words and answer. More takes more memory; windows are made to fit. Without it, room for
    twelve pictures of 1280 x 720, or what the model was made for, if that is less."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Threads that llama.cpp computes with. Without it, half of the processors for words and all but one for pictures: one decodes."""
    gpu_layers: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Layers of the model on a graphics card, 0 for none. Without it, as many as there is room for, where the build can use one."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 1
    """Windows that are described at once. Each takes a `context` of memory; more than one only pays on a graphics card."""
    timeout: Annotated[float, Field(gt=0, le=3600)] = 3600.0
    """Seconds for one answer. A large model without a graphics card takes minutes."""
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 2048
    """Longest answer in tokens. An answer that was cut off is asked for again with more."""
    language: str | None = None
    """Language of the answers, a name ("German") or a code ("de", "zh")."""
    extra_body: dict[str, Any] = Field(default={})
    """Fields for the request's body as they are, such as ``temperature`` or ``seed``."""

    @field_validator("extra_body")
    @classmethod
    def _leaves_the_messages_alone(cls, value: dict[str, Any]) -> dict[str, Any]:
        if "messages" in value:
            raise ValueError("messages are what videoscan is for: use prompt.role, prompt.question or a template")
        return value


@dataclass(frozen=True, slots=True)
class Weights:
    """The files of a model that can see: `parts` is the model's own, the first of which llama.cpp is given."""

    model: Gguf
    projector: Gguf
    parts: tuple[Path, ...]

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return sum(path.stat().st_size for path in (*self.parts, self.projector.path))

    @property
    def cost(self) -> PictureCost:
        """What a picture costs in tokens: by the projector's own measures where they say it, else by the family's rule."""
        kind = str(self.projector.values.get("clip.projector_type", ""))
        patch = self.projector.values.get("clip.vision.patch_size")
        if kind.startswith("qwen") and isinstance(patch, int) and patch > 0:
            merged = self.projector.values.get("clip.vision.spatial_merge_size", 2)
            return PictureCost("patch", size=patch * int(merged), base=2)
        family = f"{self.model.name} {self.model.architecture}"
        return dialects.for_endpoint(Address.parse("http://127.0.0.1").chat, family, "llamacpp").cost


class LocalDescriber:
    """Describes windows with a model file on this machine."""

    Options: ClassVar[type[LocalOptions]] = LocalOptions
    note: ClassVar[str | None] = None

    def __init__(self, options: LocalOptions) -> None:
        self.options = options

    def identity(self) -> Identity:
        """Which weights these are, wherever they lie: the files' contents are the key, not their names. Raises `ConfigError`."""
        weights = self.weights()
        return Identity(
            model=weights.model.name,
            key=gguf.digest((*weights.parts, weights.projector.path)),
            stands_for=frozenset({"model_file", "projector", "context", "threads", "gpu_layers"}),
        )

    def session(self, told: Callable[[Call | Loading | Note], None] = unheard, ledger: Ledger | None = None) -> LocalSession:
        """Start working. Loads nothing yet; must be called inside a running event loop.

        Raises `ConfigError` for files that are none, and where llama.cpp is not installed.
        """
        if importlib.util.find_spec("xllamacpp") is None:
            raise ConfigError("a model file needs llama.cpp, which is not installed here (no module xllamacpp)", hint=_INSTALL)
        return LocalSession(self.options, self.weights(), told, ledger)

    def weights(self) -> Weights:
        """The files, looked into. Raises `ConfigError`."""
        path = _file(self.options.model_file, "describer.model_file")
        parts = gguf.parts(path, key="describer.model_file")
        model = gguf.read(path, key="describer.model_file")
        if model.is_projector:
            raise ConfigError(
                f"describer.model_file = {str(path)!r} is a projector, not a model",
                hint="give it as --projector, and the model's own file as --model-file",
            )
        named = self.options.projector
        eye = _file(named, "describer.projector") if named else _beside(path)
        projector = gguf.read(eye, key="describer.projector")
        if not projector.is_projector:
            raise ConfigError(
                f"describer.projector = {str(eye)!r} is a model ({projector.name}), not a projector",
                hint="the projector is a file of its own, usually called mmproj-...gguf, on the page where the model came from",
            )
        if not projector.sees:
            raise ConfigError(
                f"describer.projector = {str(eye)!r} is for sound, not for pictures", hint="take the vision projector"
            )
        return Weights(model, projector, parts)


def _file(text: str, key: str) -> Path:
    path = Path(text).expanduser()
    if path.is_dir():
        raise ConfigError(f"{key} = {text!r} is a folder", hint="give the .gguf file in it")
    if not path.is_file():
        raise ConfigError(f"{key} = {text!r}: there is no such file", hint=f"looked for {path.absolute()}")
    return path.absolute()


def _beside(model: Path) -> Path:
    """The only projector in the model's folder."""
    found = sorted(path for path in model.parent.glob("*.gguf") if "mmproj" in path.name.lower() and path != model)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found[:10])
        raise ConfigError(f"describer.projector: several lie beside {model.name}: {names}", hint="name one with --projector FILE")
    raise ConfigError(
        f"describer.projector: none is named, and none lies beside {model.name}",
        hint="a model sees through a second file, usually called mmproj-...gguf, on the page where it came from; give --projector FILE",
    )


def context_of(options: LocalOptions, weights: Weights) -> int:
    """Tokens for one request. Raises `ConfigError` when pictures have no room in it."""
    trained = weights.model.of_model("context_length")
    chosen = options.context or options.max_tokens + TEXTS + PICTURES
    context = chosen if options.context or trained is None else min(chosen, trained)
    if context - options.max_tokens - TEXTS < LEAST_PICTURES:
        least = options.max_tokens + TEXTS + LEAST_PICTURES
        raise ConfigError(
            f"a context of {context} tokens has no room for pictures beside an answer of {options.max_tokens} and {TEXTS} for words",
            hint=f"raise describer.context to {least} or more, or lower describer.max_tokens",
        )
    return context


_Question: TypeAlias = "Callable[[OpenAiSession], Coroutine[Any, Any, Description]]"


class LocalSession:
    """One scan's use of a model file. Sessions of the same file and settings share what is loaded (`videoscan.describers.loaded`)."""

    def __init__(
        self,
        options: LocalOptions,
        weights: Weights,
        told: Callable[[Call | Loading | Note], None] = unheard,
        ledger: Ledger | None = None,
    ) -> None:
        self._options, self._weights, self._told, self._ledger = options, weights, told, ledger
        context, processors = context_of(options, weights), _processors()
        self._loaded = Loaded.shared(
            llamacpp.Settings(
                model=weights.parts[0],
                projector=weights.projector.path,
                alias=weights.model.name,
                context=context,
                slots=options.concurrency,
                threads=options.threads or max(1, processors // 2),
                batch_threads=options.threads or max(1, processors - 1),
                gpu_layers=options.gpu_layers,
            )
        )
        self._loaded.open()
        self._asking: tuple[Server, OpenAiSession] | None = None
        self._notebook: Notebook | None = None
        self._closed = False
        row = dialects.LLAMACPP
        self.limits = Limits(
            picture_bytes=row.picture_bytes,
            tokens=context - options.max_tokens - TEXTS,
            concurrency=options.concurrency,
            formats=row.formats,
            cost=weights.cost,
        )

    @property
    def server(self) -> Server | None:
        """The llama.cpp that this session asks, once a window has been asked about."""
        return self._asking[0] if self._asking is not None else None

    async def describe(self, window: Window, prompt: Prompt) -> Description:
        """An answer about the window's pictures, or a failure as a value.

        Raises `EndpointRefused` when the model cannot be loaded, `EndpointFailed` when llama.cpp crashes again and again.
        """
        return await self._ask(lambda session: session.describe(window, prompt))

    def remember_in(self, notebook: Notebook) -> None:
        """Write parts of windows down; see `videoscan.seams.Remembering`."""
        self._notebook = notebook

    async def write(self, prompt: Prompt, *, max_tokens: int, keys: Collection[str]) -> Description:
        """The answer to a prompt without pictures; see `videoscan.seams.Writer`."""
        return await self._ask(lambda session: session.write(prompt, max_tokens=max_tokens, keys=keys))

    async def close(self) -> None:
        """Let go of the model; the last session that does ends llama.cpp. Idempotent."""
        if self._closed:
            return
        self._closed = True
        asking, self._asking = self._asking, None
        try:
            if asking is not None:
                await asking[1].close()
        finally:
            await self._loaded.close()

    async def _ask(self, question: _Question) -> Description:
        while True:
            server = await self._loaded.server(self._tell)
            described = await _unless_it_ends(server, question(await self._session_at(server)))
            if described is not None:
                self._loaded.answered()
                return described
            await self._loaded.crashed(server)

    def _tell(self, seconds: float, done: bool) -> None:
        model, size = self._weights.model.name, self._weights.size
        self._told(Loading(model, size, seconds, done=done, again=self._loaded.crashes > 0))

    async def _session_at(self, server: Server) -> OpenAiSession:
        """The session that asks this server; after a crash a new one, because the address and the key are new."""
        if self._asking is not None and self._asking[0] is server:
            return self._asking[1]
        options, model = self._options, self._weights.model.name
        asked = OpenAiOptions(
            endpoint=server.url,
            model=model,
            dialect="llamacpp",
            concurrency=options.concurrency,
            timeout=options.timeout,
            max_tokens=options.max_tokens,
            language=options.language,
            probe="never",  # what this server takes is known
            extra_body=options.extra_body,
        )
        former = self._asking
        session = OpenAiSession(asked, Endpoint.shared(Address.parse(server.url), server.key), self._told, self._ledger)
        if self._notebook is not None:
            session.remember_in(self._notebook)
        self._asking = (server, session)
        if former is not None:
            await former[1].close()
        return session


async def _unless_it_ends(server: Server, question: Coroutine[Any, Any, Description]) -> Description | None:
    """The answer; `None` when llama.cpp ended before there was one."""
    asked = asyncio.ensure_future(question)
    ended = asyncio.ensure_future(server.ended())
    try:
        await asyncio.wait({asked, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            return None
        if asked.exception() is not None or asked.result().failure is not None:
            # The connection may be seen to break before the process is seen to end.
            await asyncio.wait({ended}, timeout=_UNTIL_REAPED)
            if not server.running:
                return None
        return asked.result()
    finally:
        for task in (asked, ended):
            task.cancel()
        await asyncio.gather(asked, ended, return_exceptions=True)


def _processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
