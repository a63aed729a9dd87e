import pytest
from tests.settlement.practice import Till

from rempart.storage.connect import Database


@pytest.fixture
def till(database: Database, tmp_path) -> Till:
    """An installation that pays, with one insurer."""
    till = Till(database, tmp_path)
    till.add_insurer()
    return till
