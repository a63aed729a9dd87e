"""The list of an incident over sealed segments, beside a DuckDB query written by hand.

    python -m bench exposure --entries 16000000

400 stolen accounts whose owners go on working: one session of each is the thief's, the others are
the owner's. The list is of persons per insurer with tier and fields, over all the files; both ways
give the same rows. Memory is what DuckDB may use, and what the whole process used at most.
"""

import resource
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from bench.ledger_files import BITS, Part, make_parts, stolen_sessions
from bench.ledger_questions import (
    MEMORY,
    TARGET_RATIO,
    THREADS,
    compare_ways,
    declare_parts,
    open_files,
)
from bench.machinery import DATA, Stopwatch, running_database, save_results
from rempart.storage.connect import Transaction
from rempart.storage.ledger_expressions import Judged
from rempart.storage.ledger_questions import list_exposed
from rempart.storage.ledger_sources import find_sources
from rempart.storage.segment_files import SegmentStore

_BATCH = 1 << 16
# Of each stolen account, the sessions of its owner in the days the files cover.
OWN_SESSIONS = 3

BY_HAND = """
SELECT insurer_id, person_ref,
       min(CASE WHEN session_ref IN (SELECT unnest($thief)) THEN 'A'
                WHEN session_ref IN (SELECT unnest($mixed)) AND mode = 2 THEN 'B' ELSE 'C' END),
       bit_or(fields), count(*)
FROM read_parquet($files)
WHERE account_ref IN (SELECT unnest($accounts)) AND kind IN (1, 2) AND person_ref <> 0
  AND t_ms >= $from_ms AND t_ms < $to_ms
  AND (session_ref IN (SELECT unnest($thief)) OR session_ref IN (SELECT unnest($mixed))
       OR (session_ref IN (SELECT unnest($counter)) AND mode = 2))
GROUP BY insurer_id, person_ref
ORDER BY insurer_id, person_ref
"""


def run(*, entries: int) -> None:
    """Make the files, measure, print the ratio, save it."""
    folder = DATA / f"segments-{BITS}"
    store, console = SegmentStore(str(folder)), Console()
    parts = list(make_parts(store, entries))
    with running_database(DATA / "home-questions") as database:
        declare_parts(database, parts)
        with database.transaction("auditor") as tx:
            results = _measure(tx, store, parts)
    table = Table(title=f"An incident's list over {results['entries']:,} entries in sealed files")
    for column in ("sessions", "persons", "seconds", "by hand", "ratio", "DuckDB", "process"):
        table.add_column(column, justify="right")
    table.add_row(
        str(results["sessions"]),
        f"{results['persons']:,}",
        *(f"{statistics.median(results[name]):.2f}" for name in ("seconds", "by_hand_seconds")),
        f"{results['ratio']:.2f}",
        results["memory"],
        f"{results['most_used_mb']:.0f} MB",
    )
    console.print(table)
    console.print(f"target: ratio ≤ {TARGET_RATIO}")
    name = f"exposure-{results['entries']}"
    console.print(f"saved in {save_results(name, results)}")


def judge() -> tuple[list[int], Judged]:
    """Return the accounts, and their sessions by verdict: every tenth thief is not alone."""
    thieves = stolen_sessions()
    accounts = sorted({session // 1000 for session in thieves})
    own = [account * 1000 + day for account in accounts for day in range(OWN_SESSIONS)]
    return accounts, Judged(
        thief=[one for n, one in enumerate(thieves) if n % 10],
        mixed=thieves[::10],
        owner=[],
        counter=own,
    )


def _measure(tx: Transaction, store: SegmentStore, parts: Sequence[Part]) -> dict[str, Any]:
    window = {"from_ms": 0, "to_ms": parts[-1].last_ms + 1}
    accounts, judged = judge()
    files = [store.locate(one.by_account) for one in parts]

    def ask() -> Iterator[tuple[Any, ...]]:
        sources = find_sources(tx, open_files(store), **window)
        return list_exposed(sources, accounts, judged, **window)

    def ask_by_hand() -> Iterator[tuple[Any, ...]]:
        with duckdb.connect(config={"memory_limit": MEMORY, "threads": THREADS}) as connection:
            sessions = {name: list(getattr(judged, name)) for name in ("thief", "mixed", "counter")}
            values = {"files": files, "accounts": accounts, **sessions, **window}
            found = connection.execute(BY_HAND, values)
            while rows := found.fetchmany(_BATCH):
                yield from rows

    with Stopwatch() as checked:
        if any(one != other for one, other in zip(ask(), ask_by_hand(), strict=True)):
            raise AssertionError("the list and the query by hand disagree")
    ours, by_hand, persons = compare_ways(ask, ask_by_hand)
    return {
        "entries": sum(one.rows for one in parts),
        "segments": len(parts),
        "sessions": len(judged.thief) + len(judged.mixed),
        "accounts": len(accounts),
        "persons": persons,
        "checked_seconds": checked.seconds,
        "seconds": ours,
        "by_hand_seconds": by_hand,
        "ratio": statistics.median(a / b for a, b in zip(ours, by_hand, strict=True)),
        "memory": MEMORY,
        "most_used_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
