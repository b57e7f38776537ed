"""A made-up night with its pictures on disk, for the tests of what is made from a timeline."""

import examples
import pytest


@pytest.fixture(scope="session")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("night")
    return examples.carpark(folder), folder
