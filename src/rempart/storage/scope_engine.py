"""Where facts of foreign logs are asked: all of them by DuckDB or Spark, suspects' ones by DuckDB.

The questions that touch every line of the logs run where the logs are, and only their answers
come here. Everything after is about the suspect accounts' rows, in an embedded database that lives
in the work folder and ends with it. Refuses to write anything else.
"""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

import duckdb
import pyarrow as pa
import sqlglot

from rempart.kernel.errors import SetupError, Unavailable
from rempart.storage.analytics import Means, open_spark
from rempart.storage.queries import load_queries
from rempart.storage.segment_files import SegmentStore

_BATCH_ROWS: Final = 1 << 16
_DATABASE: Final = "scope.duckdb"
_FACTS: Final = load_queries("embedded/scope_facts")


class FactsEngine(Protocol):
    """Answers the questions over every fact, into tables of the embedded database."""

    def answer(self, query: str, table: str) -> None:
        """Make a table of an answer.

        Args:
            query: A query of `scope_facts.sql` over `fact`, `near_fact` and `suspect`.
            table: Its name in the embedded database.

        Raises:
            Unavailable: the engine, or a file, cannot be read.
        """
        ...

    def name_suspects(self, accounts: Sequence[str], *, from_ms: int, to_ms: int) -> None:
        """Say which accounts `suspect` is, as the logs spell them, and when `near_fact` is."""
        ...


@contextlib.contextmanager
def open_scratch(work: Path, means: Means) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the embedded database of a work folder: bounded memory, and the rest on disk beside it.

    It is made anew each time and gone at the end: what must last is in the facts.

    Raises:
        SetupError: the bounds cannot be.
        Unavailable: the folder cannot be written.
    """
    path = work / _DATABASE
    _remove(path)
    try:
        connection = duckdb.connect(
            str(path),
            config={
                "memory_limit": means.memory,
                "temp_directory": str(work / "overflow"),
                "threads": means.threads,
                "autoinstall_known_extensions": False,
                "preserve_insertion_order": False,
            },
        )
    except duckdb.IOException as failure:
        raise Unavailable(
            f"{work} cannot be written: free some space, or give another folder with --work"
        ) from failure
    except duckdb.Error as failure:
        raise SetupError(
            "DuckDB refuses its bounds: give --memory a size such as 2GB, --threads a number"
        ) from failure
    try:
        yield connection
    finally:
        connection.close()
        _remove(path)


@contextlib.contextmanager
def open_facts(
    connection: duckdb.DuckDBPyConnection, glob: str, means: Means
) -> Iterator[FactsEngine]:
    """Open what reads every fact: DuckDB here, or Spark when the means name a cluster."""
    if means.spark is None:
        yield DuckDbFacts(connection, glob)
        return
    with open_spark(SegmentStore(str(Path(glob).parent)), means.spark) as engine:
        yield SparkFacts(connection, glob, engine.session)


class DuckDbFacts:
    """The embedded database reads the facts itself.

    Args:
        connection: The embedded database.
        glob: The Parquet files of the facts.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, glob: str) -> None:
        self._connection = connection
        with telling_failures():
            connection.read_parquet(glob).create_view("fact", replace=True)

    def answer(self, query: str, table: str) -> None:
        """Make a table of an answer: see `FactsEngine`."""
        with telling_failures():
            self._connection.sql(_FACTS[query]).create(table)

    def name_suspects(self, accounts: Sequence[str], *, from_ms: int, to_ms: int) -> None:
        """Say which accounts are suspect, and when: see `FactsEngine`."""
        t_ms, instant = duckdb.ColumnExpression("t_ms"), duckdb.ConstantExpression
        near = (t_ms >= instant(from_ms)) & (t_ms < instant(to_ms))
        with telling_failures():
            self._connection.view("fact").filter(near).create_view("near_fact", replace=True)
        self._connection.register("suspect", pa.table({"account": pa.array(accounts, pa.string())}))


class SparkFacts:
    """A Spark cluster reads the facts, whose folder all its machines must reach under one name.

    Args:
        connection: The embedded database, which gets the answers.
        glob: The Parquet files of the facts.
        session: Of Spark, open.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, glob: str, session: Any) -> None:
        self._connection = connection
        self._session = session
        with telling_failures():
            session.read.parquet(f"file://{glob}").createOrReplaceTempView("fact")

    def answer(self, query: str, table: str) -> None:
        """Make a table of an answer: see `FactsEngine`. One batch at a time comes here."""
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        with telling_failures("Spark", (PySparkException, Py4JError)):
            asked = self._session.sql(translate_for_spark(_FACTS[query]))
            schema = _describe(asked.schema)
            self._connection.from_arrow(schema.empty_table()).create(table)
            rows = asked.toLocalIterator(prefetchPartitions=True)
            while batch := list(islice(rows, _BATCH_ROWS)):
                columns = zip(*batch, strict=True)
                arrays = [pa.array(c, t) for c, t in zip(columns, schema.types, strict=True)]
                self._connection.from_arrow(pa.table(arrays, schema=schema)).insert_into(table)

    def name_suspects(self, accounts: Sequence[str], *, from_ms: int, to_ms: int) -> None:
        """Say which accounts are suspect, and when: see `FactsEngine`."""
        facts = self._session.table("fact")
        near = facts.where((facts.t_ms >= from_ms) & (facts.t_ms < to_ms))
        near.createOrReplaceTempView("near_fact")
        rows = self._session.createDataFrame([(one,) for one in accounts], "account string")
        rows.createOrReplaceTempView("suspect")


def translate_for_spark(query: str) -> str:
    """Return a query in Spark's SQL."""
    [translated] = sqlglot.transpile(query, read="duckdb", write="spark")
    return str(translated)


@contextlib.contextmanager
def telling_failures(
    engine: str = "DuckDB", kinds: tuple[type[Exception], ...] = (duckdb.IOException,)
) -> Iterator[None]:
    """Say in one line that an engine failed; its own message may hold what the logs hold."""
    try:
        yield
    except duckdb.OutOfMemoryException as failure:
        raise Unavailable(
            "the memory given is not enough and the disk beside it is full: free some space, "
            "or raise --memory"
        ) from failure
    except kinds as failure:
        raise Unavailable(
            f"{engine} could not read the facts ({type(failure).__name__}): see that every machine "
            "reaches the work folder, delete it if it was damaged, and run the command again"
        ) from failure


def _describe(schema: Any) -> pa.Schema:
    """Return an Arrow schema for the few types the questions have."""
    types = {
        "bigint": pa.int64(),
        "int": pa.int32(),
        "boolean": pa.bool_(),
        "string": pa.string(),
    }
    return pa.schema([pa.field(one.name, types[one.dataType.simpleString()]) for one in schema])


def _remove(path: Path) -> None:
    for one in (path, path.with_name(path.name + ".wal")):
        one.unlink(missing_ok=True)
