"""The engines that read sealed segments: DuckDB on this machine, Spark on a cluster.

Both are given the same question, one Ibis expression, and the same files; each compiles it to its
own SQL. Rows come out in batches: an answer of millions is never held whole. Refuses to write.
"""

import contextlib
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Protocol

import duckdb
import ibis
import pyarrow as pa
from ibis.backends.sql.compilers import DuckDBCompiler, PySparkCompiler
from ibis.expr.operations import UnboundTable

from rempart.kernel.errors import SetupError, Unavailable
from rempart.storage.segment_files import SegmentStore

# The name a question gives to the rows it is about.
ENTRIES: Final = "entries"
# The only column of a list that is given beside a question.
REFERENCE: Final = "ref"
DEFAULT_MEMORY: Final = "1GB"
DEFAULT_THREADS: Final = 2
_BATCH_ROWS: Final = 1 << 16
# Up to this many values Spark hands a list to Parquet, as nested conditions that a stack must hold;
# beyond, the smallest and the largest only.
_LIST_PUSHED_DOWN: Final = 64


# Lists of references that a question names: a list of hundreds that is written into a question
# takes longer to compile, and to compare with, than the files take to read.
Lists = Mapping[str, Sequence[int]]


class Engine(Protocol):
    """Answers questions over the files of sealed segments."""

    def read(
        self, question: ibis.Table, files: Sequence[str], lists: Lists | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of an answer in batches of columns.

        Args:
            question: An expression over the table `ENTRIES`, and over the tables of `lists`.
            files: Names of files in the store, which all exist: the rows of that table.
            lists: References by name of the table that holds them, in its column `REFERENCE`.

        Raises:
            Unavailable: the engine, or a file, cannot be read.
        """
        ...

    def answer(
        self, question: ibis.Table, files: Sequence[str], lists: Lists | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of an answer one by one; for the rest, see `read`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What an engine may use.

    Args:
        spark: Address of a Spark cluster (`spark://host:7077`); None for DuckDB, here.
        memory: DuckDB's bound; what does not fit goes to a temporary directory.
        threads: How many processors DuckDB uses.
    """

    spark: str | None = None
    memory: str = DEFAULT_MEMORY
    threads: int = DEFAULT_THREADS


OpenEngine = Callable[[], contextlib.AbstractContextManager[Engine]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFiles:
    """The files of sealed segments, and what reads them.

    Args:
        store: Where they are.
        open_engine: Opens an engine on that store; not called when there is nothing to read.
        means: What may be used to work on what was read.
    """

    store: SegmentStore
    open_engine: OpenEngine
    means: Means = Means()


@contextlib.contextmanager
def open_engine(store: SegmentStore, means: Means) -> Iterator[Engine]:
    """Open the engine an installation uses: Spark if an address is set, DuckDB otherwise."""
    if means.spark is None:
        with open_duckdb(store, memory=means.memory, threads=means.threads) as engine:
            yield engine
    else:
        with open_spark(store, means.spark) as engine:
            yield engine


@contextlib.contextmanager
def open_duckdb(
    store: SegmentStore, *, memory: str = DEFAULT_MEMORY, threads: int = DEFAULT_THREADS
) -> Iterator["DuckDbEngine"]:
    """Open DuckDB with bounded memory; what it must put aside goes to a directory that ends."""
    with open_embedded(Means(memory=memory, threads=threads)) as connection:
        store.register(connection)
        yield DuckDbEngine(connection, store)


@contextlib.contextmanager
def open_embedded(means: Means) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database in this process; beyond its memory, a directory that ends with it.

    Raises:
        SetupError: the bounds cannot be.
    """
    with tempfile.TemporaryDirectory(prefix="rempart-question-") as overflow:
        try:
            connection = duckdb.connect(
                config={
                    "memory_limit": means.memory,
                    "temp_directory": overflow,
                    "threads": means.threads,
                    "autoinstall_known_extensions": False,
                }
            )
        except duckdb.Error as failure:
            raise SetupError(
                "DuckDB refuses its bounds: set REMPART_QUESTION_MEMORY to a size such as 1GB "
                "and REMPART_QUESTION_THREADS to a number"
            ) from failure
        with connection:
            yield connection


class DuckDbEngine:
    """DuckDB in this process.

    Args:
        connection: Open; the caller closes it.
        store: Where the files are.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, store: SegmentStore) -> None:
        self._connection = connection
        self._store = store

    def read(
        self, question: ibis.Table, files: Sequence[str], lists: Lists | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of an answer in batches: see `Engine`."""
        with _telling_failures("DuckDB", duckdb.Error), self._connection.cursor() as cursor:
            self._view(cursor, question, files, lists or {})
            yield from cursor.sql(compile_for_duckdb(question)).to_arrow_reader(_BATCH_ROWS)

    def answer(
        self, question: ibis.Table, files: Sequence[str], lists: Lists | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of an answer: see `Engine`."""
        for batch in self.read(question, files, lists):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def explain(
        self, question: ibis.Table, files: Sequence[str], lists: Lists | None = None
    ) -> str:
        """Run a question and return what it cost, as DuckDB tells it: row groups read, times."""
        with self._connection.cursor() as cursor:
            self._view(cursor, question, files, lists or {})
            rows = cursor.execute(f"EXPLAIN ANALYZE {compile_for_duckdb(question)}").fetchall()
        return "\n".join(str(row[-1]) for row in rows)

    def _view(
        self,
        cursor: duckdb.DuckDBPyConnection,
        question: ibis.Table,
        files: Sequence[str],
        lists: Lists,
    ) -> None:
        rows = cursor.read_parquet([self._store.locate(name) for name in files])
        rows.select(*_list_columns(question)).create_view(ENTRIES, replace=True)
        for name, references in lists.items():
            cursor.register(name, pa.table({REFERENCE: pa.array(references, pa.int64())}))


@contextlib.contextmanager
def open_spark(store: SegmentStore, address: str) -> Iterator["SparkEngine"]:
    """Open a session on a Spark cluster, whose machines must all reach the segments' store.

    Raises:
        SetupError: Spark or Java is not installed here.
        Unavailable: the cluster does not answer.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as failure:
        raise SetupError(
            "REMPART_SPARK is set and pyspark is not installed: "
            "install it with `pip install rempart[spark]`, or unset REMPART_SPARK"
        ) from failure
    builder = (
        SparkSession.builder.master(address)
        .appName("rempart ledger")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.parquet.pushdown.inFilterThreshold", str(_LIST_PUSHED_DOWN))
    )
    with warnings.catch_warnings():
        # Spark tells that it knows no recent pandas, which nothing here uses.
        warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
        try:
            session = builder.getOrCreate()
        except (PySparkException, OSError) as failure:
            raise Unavailable(
                f"no Spark session ({type(failure).__name__}): see that REMPART_SPARK names a "
                "running master and that Java 17 is installed (apt install openjdk-17-jre-headless)"
            ) from failure
    try:
        yield SparkEngine(session, store)
    finally:
        session.stop()


class SparkEngine:
    """A session on a Spark cluster.

    Args:
        session: Open; the caller stops it.
        store: Where the files are; the cluster's machines must reach it under the same name.
    """

    def __init__(self, session: Any, store: SegmentStore) -> None:
        self._session = session
        self._store = store

    @property
    def session(self) -> Any:
        """The session itself, for what is not about segments."""
        return self._session

    def read(
        self, question: ibis.Table, files: Sequence[str], lists: Lists | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of an answer in batches: see `Engine`."""
        schema = question.schema().to_pyarrow()
        rows = self.answer(question, files, lists)
        while batch := list(islice(rows, _BATCH_ROWS)):
            columns = zip(*batch, strict=True)
            arrays = [pa.array(c, t) for c, t in zip(columns, schema.types, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def answer(
        self, question: ibis.Table, files: Sequence[str], lists: Lists | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of an answer: see `Engine`. One partition at a time comes here."""
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        with _telling_failures("Spark", PySparkException, Py4JError):
            places = [_name_for_spark(self._store.locate(name)) for name in files]
            rows = self._session.read.parquet(*places).select(*_list_columns(question))
            rows.createOrReplaceTempView(ENTRIES)
            for name, references in (lists or {}).items():
                given = self._session.createDataFrame(
                    [(one,) for one in references], f"{REFERENCE} bigint"
                )
                given.createOrReplaceTempView(name)
            for row in self._session.sql(compile_for_spark(question)).toLocalIterator():
                yield tuple(row)


def compile_for_duckdb(question: ibis.Table) -> str:
    """Return the SQL of a question as DuckDB wants it."""
    compiler = DuckDBCompiler()
    return str(compiler.to_sqlglot(question).sql(dialect=compiler.dialect))


def compile_for_spark(question: ibis.Table) -> str:
    """Return the SQL of a question as Spark wants it."""
    compiler = PySparkCompiler()
    return str(compiler.to_sqlglot(question).sql(dialect=compiler.dialect))


def _list_columns(question: ibis.Table) -> list[str]:
    """Return the columns a question is about, in its order: it may ask for all of them by `*`."""
    [described] = [one for one in question.op().find(UnboundTable) if one.name == ENTRIES]
    return list(described.schema.names)


def _name_for_spark(place: str) -> str:
    """Name a file as Hadoop does, which would otherwise look on its own file system."""
    if place.startswith("/"):
        return f"file://{place}"
    return f"s3a://{place.removeprefix('s3://')}" if place.startswith("s3://") else place


@contextlib.contextmanager
def _telling_failures(engine: str, *kinds: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kinds as failure:
        raise Unavailable(
            f"{engine} could not read the sealed segments ({type(failure).__name__}): see that "
            "REMPART_SEGMENTS is reachable and that its files are whole (`rempart ledger audit`)"
        ) from failure
