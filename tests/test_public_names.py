"""What `videoscan` exports: complete, sorted, resolvable, and cheap to import."""

import inspect
import subprocess
import sys

import pytest

import videoscan
from videoscan import errors

HEAVY = {"aiohttp", "av", "click", "cv2", "numpy", "orjson", "pydantic", "rich"}


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('\\n'.join(sys.modules))"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_videoscan_loads_nothing_heavy():
    loaded = modules_after("import videoscan")
    assert loaded & HEAVY == set()
    assert not [name for name in loaded if name.startswith("videoscan.")]


def test_the_list_of_public_names_is_sorted_and_each_name_resolves():
    assert videoscan.__all__ == sorted(videoscan.__all__)
    for name in videoscan.__all__:
        assert getattr(videoscan, name) is not None
    assert set(videoscan.__all__) <= set(dir(videoscan))


def test_every_error_is_public():
    tree = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, errors.VideoscanError)}
    assert tree <= set(videoscan.__all__)


def test_every_lazy_name_is_what_its_own_module_means_by_it():
    from videoscan import document, pipeline
    from videoscan.recordings import inputs

    assert videoscan.scan is pipeline.scan
    assert videoscan.scan_sync is pipeline.scan_sync
    assert videoscan.Timeline is document.Timeline
    assert videoscan.Event is document.Event
    assert videoscan.Input is inputs.Input
    assert videoscan.ConfigError is errors.ConfigError


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        videoscan.nonsense  # noqa: B018 - the access is what is tested


def test_scan_and_its_synchronous_twin_take_the_same_source():
    assert inspect.iscoroutinefunction(videoscan.scan)
    assert not inspect.iscoroutinefunction(videoscan.scan_sync)
