"""What every table of options is strict about."""

from __future__ import annotations

from pydantic import ConfigDict

STRICT = ConfigDict(frozen=True, extra="forbid", strict=False, use_attribute_docstrings=True, allow_inf_nan=False)
"""Frozen; an unknown key is an error; infinity and nan are no numbers."""
