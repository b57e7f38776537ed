"""What the tests of profiles share."""

import pytest

from videoscan import config
from videoscan.errors import ConfigError


def load(profile="default", **given):
    return config.load(profile, environ=given.pop("environ", {}), **given)


def refused(profile="default", **given):
    with pytest.raises(ConfigError) as caught:
        load(profile, **given)
    return str(caught.value)


def written(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
