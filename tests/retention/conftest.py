"""A cellar: people who left, and a keeper."""

from pathlib import Path

import pytest
from tests.retention.practice import Cellar

from rempart.storage.connect import Database
from rempart.wiring.home import Home


@pytest.fixture
def cellar(database: Database, home: Home, tmp_path: Path) -> Cellar:
    return Cellar(database=database, home=home, directory=tmp_path)
