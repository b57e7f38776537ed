"""The clip that travels with the package: a car park at night, a hundred seconds or so."""

from __future__ import annotations

from pathlib import Path

import videoscan
from videoscan.errors import SourceNotFound


def clip() -> Path:
    """The file: inside the package where it was installed from a wheel, beside it in a checkout. Raises `SourceNotFound`."""
    package = Path(videoscan.__file__).parent
    places = [folder / "samples" / "carpark-night.mp4" for folder in (package, package.parent)]
    for place in places:
        if place.is_file():
            return place
    raise SourceNotFound(f"the sample clip is missing: {places[0]}", hint="install videoscan again, or check out samples/ again")
