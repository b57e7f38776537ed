"""Every registered sampler keeps the promises of the seam."""

import pytest

from videoscan import registry
from videoscan.testing import samplers


@pytest.mark.parametrize("check", samplers.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", registry.names("samplers"))
def test_a_sampler_keeps_every_promise(kind, check):
    check(registry.make("samplers", {"kind": kind}))
