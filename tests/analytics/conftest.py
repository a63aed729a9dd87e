"""What the tests of questions share: a store, an engine, and a Spark cluster that is really one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from scripts.spark_cluster import running_cluster

from rempart.storage.analytics import Engine, Means, SparkEngine, open_engine, open_spark
from rempart.storage.segment_files import SegmentStore


@pytest.fixture
def store(tmp_path: Path) -> SegmentStore:
    """A store in a folder of this test alone."""
    return SegmentStore(str(tmp_path / "segments"))


@pytest.fixture
def duckdb_engine(store: SegmentStore) -> Callable[[], AbstractContextManager[Engine]]:
    """Opens DuckDB on that store."""
    return lambda: open_engine(store, Means(memory="200MB", threads=1))


@pytest.fixture(scope="session")
def spark(
    make_reachable_directory: Callable[[], AbstractContextManager[Path]],
) -> Iterator[SparkEngine]:
    """A session on a running Spark cluster with two workers; its own store is empty."""
    with (
        make_reachable_directory() as path,
        running_cluster(path) as address,
        open_spark(SegmentStore(str(path / "segments")), address) as engine,
    ):
        yield engine


@pytest.fixture
def spark_on(spark: SparkEngine) -> Callable[[SegmentStore], SparkEngine]:
    """Returns an engine of the same session, on another store."""
    return lambda store: SparkEngine(spark._session, store)
