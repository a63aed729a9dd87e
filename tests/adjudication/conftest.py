"""An installation that shares claims out."""

import pytest
from tests.adjudication.practice import Mill


@pytest.fixture
def mill(database) -> Mill:
    """One insurer, one place."""
    return Mill(database)
