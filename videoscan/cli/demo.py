"""``videoscan demo``: the whole way on a clip that travels with the package, with nothing to set up."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from videoscan.cli import options, output


@click.command
@options.out
@click.option("--no-open", is_flag=True, help="Do not open the report in a browser.")
@options.json_lines
def command(*, out: Path | None, no_open: bool, as_json: bool) -> int:
    """Scan a clip that comes along, and open its report.

    A car park at night, a hundred seconds or so. The built-in describer measures what changes: no network, no model, no key.
    """
    from videoscan.cli.options import Choices
    from videoscan.cli.scan import OUT, scan
    from videoscan.folder import REPORT

    clip = sample()
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


def sample() -> Path:
    """The clip: inside the package where it was installed from a wheel, beside it in a checkout. Raises `SourceNotFound`."""
    import videoscan
    from videoscan.errors import SourceNotFound

    package = Path(videoscan.__file__).parent
    places = [folder / "samples" / "carpark-night.mp4" for folder in (package, package.parent)]
    for place in places:
        if place.is_file():
            return place
    raise SourceNotFound(f"the demo's clip is missing: {places[0]}", hint="install videoscan again, or check out samples/ again")


def _can_show() -> bool:
    """Whether somebody sits in front of a display: not in a pipe, not over ssh, not on a server."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()) or "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform in {"win32", "darwin"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
