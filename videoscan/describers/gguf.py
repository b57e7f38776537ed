"""Reads what a GGUF file says of itself, without loading it: which model it is, what it can take, and what tells it from others.

The format: ``GGUF``, a version, two counts, then that many keys with typed values, then the tensors (ggml, docs/gguf.md). Files come from
strangers, so every count is held to a bound and every length to what the file has.
"""

from __future__ import annotations

import hashlib
import mmap
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAGIC = b"GGUF"
_MOST_KEYS = 65_536
_MOST_STRING = 65_536  # bytes of a text value that are kept; chat templates are shorter
_STRING, _ARRAY = 8, 9
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

_PIECES, _PIECE = 64, 65_536  # 4 MiB in all: a hundredth of a second from a disk's cache, and fine-tunes touch every layer
_PART = re.compile(r"(?P<stem>.+)-(?P<part>\d{5})-of-(?P<count>\d{5})\.gguf")


@dataclass(frozen=True, slots=True)
class Gguf:
    """A GGUF file's header. `values` holds its numbers, truth values and texts by key; lists are left out."""

    path: Path
    values: Mapping[str, Any]

    @property
    def architecture(self) -> str:
        """The kind of network, such as ``qwen3vl``; ``clip`` for a projector."""
        return str(self.values.get("general.architecture", ""))

    @property
    def is_projector(self) -> bool:
        """Whether it turns pictures into a model's tokens, and is no model itself."""
        return self.architecture == "clip"

    @property
    def sees(self) -> bool:
        """Whether a projector is for pictures; there are some for sound only."""
        return bool(self.values.get("clip.has_vision_encoder", False))

    @property
    def name(self) -> str:
        """The model's own name, or the file's."""
        return str(self.values.get("general.name") or self.path.stem)

    def of_model(self, key: str) -> int | None:
        """A whole number under the architecture's own prefix, such as ``context_length``."""
        value = self.values.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def read(path: Path, *, key: str) -> Gguf:
    """The header of a file. Raises `ConfigError` that names the option `key`, when it is none or is damaged."""
    try:
        with path.open("rb") as file:
            if file.read(4) != _MAGIC:
                raise ConfigError(f"{key} = {str(path)!r} is not a GGUF file", hint=_what_instead(path))
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return Gguf(path, _header(data))
    except OSError as fault:
        raise ConfigError(
            f"{key} = {str(path)!r} cannot be read: {fault.strerror or fault}", hint="give the path of a .gguf file"
        ) from None
    except (struct.error, ValueError) as fault:
        raise ConfigError(f"{key} = {str(path)!r} is damaged: {fault}", hint="fetch the file again") from None


def _what_instead(path: Path) -> str:
    if path.suffix in {".safetensors", ".bin", ".pt", ".pth"}:
        return "llama.cpp reads GGUF only: look for a GGUF edition of the model, or convert it with llama.cpp's convert_hf_to_gguf.py"
    return "it does not begin with the letters GGUF; give the path of a .gguf file"


def _header(data: mmap.mmap) -> dict[str, Any]:
    version, _tensors, count = struct.unpack_from("<IQQ", data, 4)
    if version not in {2, 3}:
        raise ValueError(f"version {version} of the format is not known")
    if count > _MOST_KEYS:
        raise ValueError(f"it claims to have {count} keys")
    place, values = 24, {}
    for _ in range(count):
        name, place = _text(data, place)
        (kind,) = struct.unpack_from("<I", data, place)
        value, place = _value(data, place + 4, kind, depth=0)
        if value is not None:
            values[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return values


def _value(data: mmap.mmap, place: int, kind: int, *, depth: int) -> tuple[Any, int]:
    """A value and where the next begins; `None` for a list, which is only passed over."""
    if kind in _NUMBERS:
        form = f"<{_NUMBERS[kind]}"
        return struct.unpack_from(form, data, place)[0], place + struct.calcsize(form)
    if kind == _STRING:
        return _text(data, place)
    if kind != _ARRAY or depth > 4:
        raise ValueError(f"a value of the unknown type {kind}")
    inner, count = struct.unpack_from("<IQ", data, place)
    place += 12
    if inner in _NUMBERS:
        place += count * struct.calcsize(f"<{_NUMBERS[inner]}")
    else:
        # Each element takes 8 bytes at least, so a false count ends at the file's end.
        for _ in range(count):
            _, place = _passed(data, place) if inner == _STRING else _value(data, place, inner, depth=depth + 1)
    if place > len(data):
        raise ValueError("it ends inside its header")
    return None, place


def _passed(data: mmap.mmap, place: int) -> tuple[None, int]:
    (length,) = struct.unpack_from("<Q", data, place)
    end = place + 8 + length
    if end > len(data):
        raise ValueError("it ends inside its header")
    return None, end


def _text(data: mmap.mmap, place: int) -> tuple[bytes, int]:
    _, end = _passed(data, place)
    return data[place + 8 : min(end, place + 8 + _MOST_STRING)], end


def parts(path: Path, *, key: str) -> tuple[Path, ...]:
    """All files of a model: usually one; for ``NAME-00001-of-00003.gguf`` all three. Raises `ConfigError` when one is missing."""
    found = _PART.fullmatch(path.name)
    if not found:
        return (path,)
    if int(found["part"]) != 1:
        raise ConfigError(
            f"{key} = {str(path)!r} is not the first part of its model",
            hint=f"give {found['stem']}-00001-of-{found['count']}.gguf",
        )
    files = tuple(
        path.with_name(f"{found['stem']}-{number:05}-of-{found['count']}.gguf") for number in range(1, int(found["count"]) + 1)
    )
    for file in files:
        if not file.is_file():
            raise ConfigError(f"{key} = {str(path)!r}: its part {file.name} is missing", hint="all parts must lie in one folder")
    return files


def digest(files: tuple[Path, ...]) -> str:
    """What tells these files from others with other weights, whatever they are called: their sizes, and 64 pieces of each.

    The pieces are spread evenly from the first byte to the last. All of a file would take minutes for one of twenty gigabytes.
    """
    found = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            found.update(f"{size}\n".encode())
            last = max(0, size - _PIECE)
            for place in sorted({last * piece // (_PIECES - 1) for piece in range(_PIECES)}):
                file.seek(place)
                found.update(file.read(_PIECE))
    return found.hexdigest()[:32]
