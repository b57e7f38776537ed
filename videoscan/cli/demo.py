"""``videoscan demo``: the whole way on a clip that travels with the package, with nothing to set up."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from videoscan.cli import options, output

if TYPE_CHECKING:
    from pathlib import Path


@click.command
@options.out
@click.option("--no-open", is_flag=True, help="Do not open the report in a browser.")
@options.json_lines
def command(*, out: Path | None, no_open: bool, as_json: bool) -> int:
    """Scan a clip that comes along, and open its report.

    A car park at night, a hundred seconds or so. The built-in describer measures what changes: no network, no model, no key.
    """
    from videoscan import sample
    from videoscan.cli.options import Choices
    from videoscan.cli.scan import OUT, scan
    from videoscan.folder import REPORT

    clip = sample.clip()
    # A model that the environment names is left out of it: a demonstration sends nothing anywhere.
    for variable in ("VIDEOSCAN_ENDPOINT", "VIDEOSCAN_MODEL"):
        os.environ.pop(variable, None)
    choices = Choices("surveillance", None, None, ("describer.kind=offline",))
    code = scan([str(clip)], choices, out=out, as_json=as_json)
    report = ((out or OUT) / clip.stem / REPORT).resolve()
    if report.is_file() and not no_open and _can_show():
        click.launch(report.as_uri())
    output.say("now scan something of your own: videoscan scan VIDEO")
    return code


def _can_show() -> bool:
    """Whether somebody sits in front of a display: not in a pipe, not over ssh, not on a server."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()) or "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform in {"win32", "darwin"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
