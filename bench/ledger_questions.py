"""The two questions over sealed segments, beside DuckDB queries written by hand on the same files.

    python -m bench questions --entries 100000000

Files are made once, in `.rempart/bench`, and taken up again where a run stopped. Everything goes
the way an operator's question goes: the database says which segments, DuckDB reads them, rows are
merged. Rounds are interleaved. Spark gives the same answer on a slice, on a cluster of two workers.
"""

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table
from scripts.spark_cluster import running_cluster

from bench.ledger_files import (
    ATTACK_DAYS,
    BITS,
    DAY_MS,
    LOG,
    PERSONS,
    START_MS,
    Part,
    make_parts,
    stolen_sessions,
)
from bench.machinery import DATA, Stopwatch, running_database, save_results
from rempart.storage.analytics import Means, SealedFiles, open_duckdb, open_engine, open_spark
from rempart.storage.connect import Database, Transaction
from rempart.storage.ledger_expressions import ask_seen_by, ask_who_saw
from rempart.storage.ledger_questions import seen_by, who_saw
from rempart.storage.ledger_sources import find_sources
from rempart.storage.segment_files import SegmentStore

ROUNDS = 3
PEOPLE = 30
_BATCH = 1 << 16
MEMORY, THREADS = "2GB", 2
TARGET_RATIO = 1.5
BILLION = 1_000_000_000
ATTACK = {
    "from_ms": START_MS + ATTACK_DAYS[0] * DAY_MS,
    "to_ms": START_MS + ATTACK_DAYS[1] * DAY_MS,
}

SEEN_BY_HAND = """
SELECT person_ref, insurer_id, bit_or(fields), count(*), min(t_ms), max(t_ms)
FROM read_parquet($files)
WHERE session_ref IN (SELECT unnest($sessions)) AND kind IN (1, 2) AND person_ref <> 0
  AND t_ms >= $from_ms AND t_ms < $to_ms
GROUP BY person_ref, insurer_id
ORDER BY person_ref, insurer_id
"""
WHO_SAW_HAND = """
SELECT idx, kind, t_ms, account_ref, session_ref, person_ref, insurer_id, purpose, mode, domain,
       care_day, outcome, fields, schema_version, data_version
FROM read_parquet($files) WHERE person_ref = $person ORDER BY t_ms, idx
"""


def run(*, entries: int) -> None:
    """Make the files, measure, print the ratios, save them."""
    folder = DATA / f"segments-{BITS}"
    store, console = SegmentStore(str(folder)), Console()
    with Stopwatch() as making:
        parts = list(make_parts(store, entries))
    size = sum(
        (folder / name).stat().st_size for p in parts for name in (p.by_account, p.by_person)
    )
    console.print(
        f"{entries:,} entries in {len(parts)} segments, {size / 1e9:.1f} GB "
        f"({size / entries:.0f} bytes an entry in both files), {making.seconds:.0f} s"
    )
    results: dict[str, Any] = {"entries": entries, "bytes": size, "segments": len(parts)}
    everything = {"from_ms": 0, "to_ms": parts[-1].last_ms + 1}
    with running_database(DATA / "home-questions") as database:
        declare_parts(database, parts)
        with database.transaction("auditor") as tx:
            results["seen_by_attack"] = measure_seen_by(tx, store, parts, **ATTACK)
            results["seen_by_everything"] = measure_seen_by(tx, store, parts, **everything)
            results["who_saw"] = measure_who_saw(tx, store, parts)
    results["slope"] = _measure_slope(store, parts)
    _print(console, results)
    results["spark"] = spark = _compare_with_spark(store, parts[0])
    console.print(
        f"Spark, two workers, {spark['rows']:,} entries: "
        f"{'agrees' if spark['agree'] else 'DISAGREES'}, "
        f"{spark['spark_seconds']:.0f} s (DuckDB {spark['duckdb_seconds']:.1f} s)"
    )
    console.print(f"saved in {save_results(f'ledger-questions-{entries}', results)}")


def measure_seen_by(
    tx: Transaction, store: SegmentStore, parts: Sequence[Part], *, from_ms: int, to_ms: int
) -> dict[str, Any]:
    """Ask whom the stolen sessions saw: as a question goes, and by hand."""
    window = {"from_ms": from_ms, "to_ms": to_ms}
    sessions = stolen_sessions()
    concerned = [p for p in parts if p.first_ms < to_ms and p.last_ms >= from_ms]
    files = [store.locate(one.by_account) for one in concerned]

    def ask() -> Iterator[tuple[Any, ...]]:
        sources = find_sources(tx, open_files(store), **window)
        return seen_by(sources, session_refs=sessions, from_ms=from_ms, to_ms=to_ms)

    def ask_by_hand() -> Iterator[tuple[Any, ...]]:
        with _by_hand() as connection:
            values = {"files": files, "sessions": sessions, **window}
            found = connection.execute(SEEN_BY_HAND, values)
            while rows := found.fetchmany(_BATCH):
                yield from rows

    if any(one != other for one, other in zip(ask(), ask_by_hand(), strict=True)):
        raise AssertionError("the question and the query by hand disagree")
    ours, by_hand, persons = compare_ways(ask, ask_by_hand)
    return {
        "segments": len(concerned),
        "rows": sum(one.rows for one in concerned),
        "persons": persons,
        "seconds": ours,
        "by_hand_seconds": by_hand,
        "ratio": statistics.median(a / b for a, b in zip(ours, by_hand, strict=True)),
    }


def measure_who_saw(tx: Transaction, store: SegmentStore, parts: Sequence[Part]) -> dict[str, Any]:
    """Ask who saw some persons, one after the other, over all segments."""
    window = {"from_ms": 0, "to_ms": parts[-1].last_ms + 1}
    files = [store.locate(one.by_person) for one in parts]
    random, ours, by_hand, found = Random(1), [], [], 0
    for _ in range(PEOPLE):
        person = random.randint(1, PERSONS)
        with Stopwatch() as asked:
            answer = who_saw(find_sources(tx, open_files(store), **window), [person], **window)
        with Stopwatch() as handmade, _by_hand() as connection:
            values = {"files": files, "person": person}
            expected = connection.execute(WHO_SAW_HAND, values).fetchall()
        if [one[1:] for one in answer] != expected:
            raise AssertionError("the question and the query by hand disagree")
        ours.append(asked.seconds * 1000)
        by_hand.append(handmade.seconds * 1000)
        found += len(answer)
    return {
        "segments": len(parts),
        "people": PEOPLE,
        "entries_found": found,
        "median_ms": statistics.median(ours),
        "worst_ms": max(ours),
        "by_hand_median_ms": statistics.median(by_hand),
        "ratio": statistics.median(ours) / statistics.median(by_hand),
    }


def _measure_slope(store: SegmentStore, parts: Sequence[Part]) -> dict[str, Any]:
    """Measure the questions over 1, 2, … segments; extend the line to a billion entries."""
    window = {"from_ms": 0, "to_ms": parts[-1].last_ms + 1}
    whom = ask_seen_by(None, stolen_sessions(), **window)
    person = ask_who_saw([PERSONS // 2], **window)
    points = []
    with open_duckdb(store, memory=MEMORY, threads=THREADS) as engine:
        for count in range(1, len(parts) + 1):
            some, best = parts[:count], {"seen_by_s": 1e9, "who_saw_s": 1e9}
            for _ in range(ROUNDS):
                for name, question, files in (
                    ("seen_by_s", whom, [one.by_account for one in some]),
                    ("who_saw_s", person, [one.by_person for one in some]),
                ):
                    with Stopwatch() as asked:
                        sum(1 for _ in engine.answer(question, files))
                    best[name] = min(best[name], asked.seconds)
            points.append({"rows": sum(one.rows for one in some), **best})
    return {
        "points": points,
        "billion_extrapolated_s": {
            name: _extend(points, name) for name in ("seen_by_s", "who_saw_s")
        },
    }


def _extend(points: Sequence[dict[str, float]], name: str) -> float | None:
    """Extend the least-squares line of the points to a billion rows; None with one point only."""
    if len(points) < 2:
        return None
    fit = statistics.linear_regression([p["rows"] for p in points], [p[name] for p in points])
    return fit.slope * BILLION + fit.intercept


def _compare_with_spark(store: SegmentStore, part: Part) -> dict[str, Any]:
    """Ask the same of DuckDB and of a Spark cluster, over the first segment."""
    window = {"from_ms": part.first_ms, "to_ms": part.last_ms + 1}
    question = ask_seen_by(None, stolen_sessions(), **window)
    with open_duckdb(store, memory=MEMORY, threads=THREADS) as engine, Stopwatch() as here:
        expected = list(engine.answer(question, [part.by_account]))
    with (
        tempfile.TemporaryDirectory(prefix="rempart-spark-") as path,
        running_cluster(Path(path)) as address,
        open_spark(store, address) as engine,
        Stopwatch() as there,
    ):
        found = list(engine.answer(question, [part.by_account]))
    return {
        "rows": part.rows,
        "persons": len(expected),
        "agree": found == expected,
        "duckdb_seconds": here.seconds,
        "spark_seconds": there.seconds,
    }


def compare_ways(
    ask: Callable[[], Iterator[Any]], ask_by_hand: Callable[[], Iterator[Any]]
) -> tuple[list[float], list[float], int]:
    """Time both ways, one after the other, rows passing as they would to a file."""
    ours, by_hand, count = [], [], 0
    for _ in range(ROUNDS):
        with Stopwatch() as handmade:
            sum(1 for _ in ask_by_hand())
        with Stopwatch() as asked:
            count = sum(1 for _ in ask())
        ours.append(asked.seconds)
        by_hand.append(handmade.seconds)
    return ours, by_hand, count


def open_files(store: SegmentStore) -> SealedFiles:
    means = Means(memory=MEMORY, threads=THREADS)
    return SealedFiles(store=store, open_engine=lambda: open_engine(store, means), means=means)


@contextmanager
def _by_hand() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"memory_limit": MEMORY, "threads": THREADS}) as connection:
        yield connection


def declare_parts(database: Database, parts: Sequence[Part]) -> None:
    """Have the database say that these segments are cold, and whose the stolen sessions are."""
    with database.transaction("owner") as tx:
        for table in ("segment", "head", "log", "session"):
            tx.execute(f"DELETE FROM ledger.{table}")
        tx.cursor().executemany(
            "INSERT INTO ledger.session VALUES (%s, %s, 1, 0, '', '', '')",
            [(session, session // 1000) for session in stolen_sessions()],
        )
        tx.execute(
            "INSERT INTO ledger.log (log_id, origin, vkey, segment_bits) VALUES (%s, 'x', 'x', %s)",
            [LOG, BITS],
        )
        size = sum(one.rows for one in parts)
        tx.execute("INSERT INTO ledger.head VALUES (%s, %s, 1, %s, 0)", [LOG, size, bytes(32)])
        tx.cursor().executemany(
            "INSERT INTO ledger.segment VALUES (%s, %s, 'cold', %s, %s, %s, %s, %s, %s, %s, 0, 0)",
            [
                (
                    *(LOG, one.segment, bytes(32), one.first_ms, one.last_ms),
                    *(one.by_account, bytes(32), one.by_person, bytes(32)),
                )
                for one in parts
            ],
        )


def _print(console: Console, results: dict[str, Any]) -> None:
    table = Table(title=f"Questions over {results['entries']:,} entries in sealed files")
    for column in ("", "segments", "answer", "seconds", "by hand", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    for key, name in (("seen_by_attack", "five days"), ("seen_by_everything", "all of it")):
        one = results[key]
        table.add_row(
            f"seen-by of 400 sessions, {name}",
            *(str(one["segments"]), f"{one['persons']:,} persons"),
            *(f"{statistics.median(one[s]):.2f}" for s in ("seconds", "by_hand_seconds")),
            f"{one['ratio']:.2f}",
        )
    one = results["who_saw"]
    table.add_row(
        "who-saw of one person",
        *(str(one["segments"]), f"{one['entries_found'] / one['people']:.0f} entries"),
        *(f"{one[ms] / 1000:.3f}" for ms in ("median_ms", "by_hand_median_ms")),
        f"{one['ratio']:.2f}",
    )
    console.print(table)
    extended = results["slope"]["billion_extrapolated_s"]
    if extended["seen_by_s"] is not None:
        console.print(
            "a billion entries, extrapolated from the slope: "
            f"seen-by {extended['seen_by_s']:.0f} s, who-saw {extended['who_saw_s']:.2f} s"
        )
    console.print(f"target: ratio ≤ {TARGET_RATIO}")
