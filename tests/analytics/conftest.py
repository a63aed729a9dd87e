"""What the tests of questions share: a store, an engine, and a Spark cluster that is really one."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rempart.storage.analytics import Engine, Means, open_engine
from rempart.storage.segment_files import SegmentStore


@pytest.fixture
def store(tmp_path: Path) -> SegmentStore:
    """A store in a folder of this test alone."""
    return SegmentStore(str(tmp_path / "segments"))


@pytest.fixture
def duckdb_engine(store: SegmentStore) -> Callable[[], AbstractContextManager[Engine]]:
    """Opens DuckDB on that store."""
    return lambda: open_engine(store, Means(memory="200MB", threads=1))
