"""Puts what a benchmark measured into a document that a person wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_END = "<!-- End of what was made. -->"


def put(document: Path, program: str, part: str) -> None:
    """Put `part` between the marks that `program` has in `document`; what stands around them stays."""
    begin = f"<!-- Made by benchmarks/{program} --write; do not edit. -->"
    before, mark, rest = document.read_text(encoding="utf-8").partition(begin)
    if not mark:
        raise SystemExit(f"{document}: there is no line {begin!r} to write behind")
    document.write_text(f"{before}{begin}\n\n{part.strip()}\n\n{_END}{rest.partition(_END)[2]}", encoding="utf-8")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """A table whose first `words` columns are words, and the others numbers."""
    lines = [head, ["---"] * words + ["--:"] * (len(head) - words), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
