"""An installation for workers."""

import pytest
from tests.jobs.practice import make_installation

from rempart.wiring.database import Installation


@pytest.fixture
def installation(settings, home, database) -> Installation:
    """The home and the database of this test."""
    return make_installation(settings, home, database)
