"""Pages that stand alone: one HTML file with its style, script and pictures inside, and a policy that forbids everything else."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

import jinja2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def asset(package: str, *path: str) -> str:
    """A text that travels in `package`. Line ends as a browser's parser makes them, or the policy's hashes would not fit a CRLF checkout."""
    text = resources.files(package).joinpath(*path).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


def joined(scripts: Iterable[str]) -> str:
    """Scripts as one, in a scope of their own: they see each other, and the page's globals stay what they are."""
    return "(() => {\n" + "\n".join(scripts) + "})();\n"


def policy(style: str, script: str) -> str:
    """The content security policy: this very style and script, pictures from inside the file, nothing else from anywhere."""
    return (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def template(text: str, **filters: Callable[..., Any]) -> jinja2.Template:
    """A page's template: every value is escaped, a missing one is an error, and white space between tags is left out."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(filters)
    # Line breaks between tags would be a third of a long page's nodes, and a browser builds each of them.
    return environment.from_string(re.sub(r"(?<=[>}])\n\s*(?=[<{])", "", text))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
