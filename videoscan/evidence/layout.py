"""What lies in an evidence bundle, and under which names."""

from __future__ import annotations

import unicodedata
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

SCHEMA: Literal["videoscan.evidence/1"] = "videoscan.evidence/1"

MANIFEST = "manifest.sha256"
"""A line for every other file but the signature: ``sha256sum -c`` takes it."""
SIGNATURE = "manifest.sha256.sig"
"""64 bytes: Ed25519 over the manifest's bytes."""
SIGNER = "signer.pem"
"""The public key to that, which proves nothing by itself: whoever checks must have it from somewhere else."""
BUNDLE = "bundle.json"
README = "README.txt"

TIMELINE, SELECTION, REPORT = "timeline.json", "selection.json", "report.html"
SOURCES, PROMPT, REVIEWS, JOURNAL = "sources.json", "prompt.json", "reviews.jsonl", "journal.jsonl"
STILLS, PICTURES = "stills", "frames"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class About(_Record):
    """One timeline of a bundle. `folder` is where its files lie in the bundle; `selection` what it was narrowed by."""

    folder: str
    source: str
    camera: str | None = None
    events: list[str]
    selection: str | None = None


class Bundle(_Record):
    """``bundle.json``. `missing` are sentences about what could not be had when the bundle was made."""

    evidence: Literal["videoscan.evidence/1"] = SCHEMA
    created: str
    versions: dict[str, str]
    timelines: list[About]
    missing: list[str]


class SourceFile(_Record):
    """A file of the footage in ``sources.json``; `sha256` and `bytes` are null, with the reason, where it is gone."""

    uri: str
    name: str
    start: float
    duration: float
    clock: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    modified: str | None = None
    error: str | None = None
    files: list[dict[str, Any]] | None = None
    """For a folder of pictures: name, bytes and sha256 of each."""


def still_name(frame: int) -> str:
    """The full-size picture of a frame."""
    return f"{STILLS}/{frame:08d}.png"


def harmless(name: str) -> bool:
    """Whether a name can be unpacked anywhere without leaving its folder, and is listed as it is by ``sha256sum``."""
    parts = name.split("/")
    return (
        0 < len(name.encode("utf-8", "surrogateescape")) <= 1024
        and not any(part in {"", ".", ".."} for part in parts)
        and "\\" not in name
        and ":" not in name
        and not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name)
    )
