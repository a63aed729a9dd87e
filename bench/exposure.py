"""The list of an incident over sealed segments, beside a DuckDB query written by hand.

    python -m bench exposure --entries 16000000

400 stolen accounts whose owners go on working: one session of each is the thief's, every tenth of
them shared with the owner; the others are judged by the sums. The window is all the files but the
first day. The same rows come from both ways, as columns in memory. Then the whole analysis is run
as the command runs it: evidence, sessions, verdicts, list, tries, written and compared. Each way is
told in seconds and in processor seconds, which other work on the machine does not change; memory is
what DuckDB may use, and what the process used at most.
"""

import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from bench.ledger_files import BITS, DAY_MS, START_MS, Part, make_parts, stolen_sessions
from bench.ledger_questions import BILLION, MEMORY, TARGET_RATIO, THREADS, declare_parts, open_files
from bench.machinery import DATA, running_database, save_results
from rempart.disclosure.acts import Author
from rempart.incidents.attribution import SessionVerdict, Verdict
from rempart.incidents.evidence import Window
from rempart.storage.connect import Database
from rempart.storage.incidents import Incident
from rempart.storage.segment_files import SegmentStore
from rempart.storage.suspect_lookups import ExposedList, find_lookups, gather_lookups
from rempart.workflows.incidents.expose_persons import ExposureAnswer, expose_persons
from rempart.workflows.ledger.record_act import ActsLog

ROUNDS = 3

BY_HAND = """
SELECT insurer_id, person_ref,
       min(CASE WHEN session_ref IN (SELECT unnest($thief)) THEN 'A'
                WHEN session_ref IN (SELECT unnest($mixed)) AND mode = 2 THEN 'B' ELSE 'C' END),
       bit_or(fields), count(*)
FROM read_parquet($files)
WHERE account_ref IN (SELECT unnest($accounts)) AND kind IN (1, 2) AND person_ref <> 0
  AND t_ms >= $from_ms AND t_ms < $to_ms
  AND (mode = 2 OR session_ref NOT IN (SELECT unnest($usual)))
GROUP BY insurer_id, person_ref
ORDER BY insurer_id, person_ref
"""


class _NoActs:
    """Records nothing: what recording costs is measured elsewhere."""

    def append(self, acts: Sequence[Any]) -> Sequence[Any]:
        return [None] * len(acts)


@dataclass(frozen=True)
class Cost:
    """What one way took: seconds, and processor seconds of this process."""

    seconds: float
    processor: float


def run(*, entries: int) -> None:
    """Make the files, measure, print the ratios, save them."""
    console, store = Console(), SegmentStore(str(DATA / f"segments-{BITS}-by-account"))
    parts = list(make_parts(store, entries, by_person=False))
    with running_database(DATA / "home-questions") as database:
        declare_parts(database, parts)
        incident_id = _declare(database, parts)
        whole, steps, answer = _analyse(database, store, incident_id)
        most_used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        some = sorted({1, -(-len(parts) // 2), len(parts)})
        points = [_measure(database, store, parts[:count], answer) for count in some]
    results = {
        "entries": points[-1]["entries"],
        "segments": len(parts),
        "accounts": len(_list_accounts()),
        "sessions": len(answer.verdicts),
        "persons": len(answer.persons),
        "points": points,
        "billion_list_seconds": _extend(points, "seconds"),
        "billion_list_processor": _extend(points, "processor"),
        "analysis_seconds": whole.seconds,
        "analysis_processor": whole.processor,
        "steps": steps,
        "memory": MEMORY,
        "most_used_mb": most_used,
    }
    _print(console, results)
    name = f"exposure-{results['entries']}"
    console.print(f"saved in {save_results(name, results)}")


def _list_accounts() -> list[int]:
    return sorted({session // 1000 for session in stolen_sessions()})


def _declare(database: Database, parts: Sequence[Part]) -> int:
    """Write the accounts, where their sessions came from, the incident, what its analyst says."""
    accounts, thieves = _list_accounts(), stolen_sessions()
    days = range((parts[-1].last_ms - START_MS) // DAY_MS + 1)
    own = [(account * 1000 + day % 900, account) for account in accounts for day in days]
    with database.transaction("owner") as tx:
        tx.execute("TRUNCATE incidents.incident, ledger.session, accounts.professional CASCADE")
        cursor = tx.cursor()
        cursor.executemany(
            "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name)"
            " VALUES (%s, %s, 'pharmacist', 'Officine')",
            [(account, f"{99_000_000_000 + account}") for account in accounts],
        )
        cursor.executemany(
            "INSERT INTO ledger.session VALUES (%s, %s, 1, 0, '', %s, %s) ON CONFLICT DO NOTHING",
            [
                *((one, account, f"198.18.{account % 250}.1", "Officine") for one, account in own),
                *((one, one // 1000, "192.0.2.1", "curl/8") for one in thieves),
            ],
        )
        [[incident_id]] = tx.execute(
            "INSERT INTO incidents.incident (title, exercise, starts_ms, ends_ms)"
            " VALUES ('bench', true, %s, %s) RETURNING incident_id",
            [START_MS + DAY_MS, parts[-1].last_ms + 1],
        )
        cursor.executemany(
            "INSERT INTO incidents.suspect_account (incident_id, account_ref) VALUES (%s, %s)",
            [(incident_id, account) for account in accounts],
        )
        cursor.executemany(
            "INSERT INTO incidents.overrule (incident_id, session_ref, verdict, reason, author)"
            " VALUES (%s, %s, %s, 'known to the bench', 'bench')",
            [(incident_id, s, "thief" if n % 10 else "mixed") for n, s in enumerate(thieves)],
        )
    return int(incident_id)


def _analyse(
    database: Database, store: SegmentStore, incident_id: int
) -> tuple[Cost, dict[str, float], ExposureAnswer]:
    """Run the whole analysis, as the command does; what each step took, too."""
    began: list[tuple[str, float]] = []
    acts: ActsLog = _NoActs()
    started, processor = time.perf_counter(), time.process_time()
    with database.transaction("analyst") as tx:
        answer = expose_persons(
            tx,
            incident_id,
            open_files(store),
            acts=acts,
            by=Author(1, 1),
            say=lambda step: began.append((step, time.perf_counter())),
        )
    ended = time.perf_counter()
    cost = Cost(ended - started, time.process_time() - processor)
    ends = [*(at for _, at in began[1:]), ended]
    return (
        cost,
        {step: end - at for (step, at), end in zip(began, ends, strict=True)},
        answer,
    )


def _measure(
    database: Database, store: SegmentStore, parts: Sequence[Part], answer: ExposureAnswer
) -> dict[str, Any]:
    """Make the list of some segments both ways, one after the other."""
    incident = Incident(
        incident_id=answer.incident_id,
        window=Window(starts_ms=START_MS + DAY_MS, ends_ms=parts[-1].last_ms + 1),
        account_refs=tuple(_list_accounts()),
    )

    def ask() -> Any:
        with database.transaction("analyst") as tx:
            sources = find_lookups(tx, incident, open_files(store), past_ms=0)
            with gather_lookups(tx, incident, sources) as lookups:
                return lookups.list_exposed(answer.verdicts)

    def ask_by_hand() -> pa.Table:
        values = _choose(store, parts, incident, answer.verdicts)
        with duckdb.connect(config={"memory_limit": MEMORY, "threads": THREADS}) as connection:
            table: pa.Table = connection.sql(BY_HAND, params=values).to_arrow_table()
            return table

    ours: list[Cost] = []
    by_hand: list[Cost] = []
    for _ in range(ROUNDS):
        expected, cost = _time(ask_by_hand)
        by_hand.append(cost)
        found, cost = _time(ask)
        ours.append(cost)
    _compare(found, expected)
    pairs = list(zip(ours, by_hand, strict=True))
    return {
        "entries": sum(one.rows for one in parts),
        "persons": len(found),
        "seconds": min(one.seconds for one in ours),
        "processor": min(one.processor for one in ours),
        "by_hand_seconds": min(one.seconds for one in by_hand),
        "by_hand_processor": min(one.processor for one in by_hand),
        "ratio": statistics.median(a.seconds / b.seconds for a, b in pairs),
        "processor_ratio": statistics.median(a.processor / b.processor for a, b in pairs),
    }


def _choose(
    store: SegmentStore,
    parts: Sequence[Part],
    incident: Incident,
    verdicts: Sequence[SessionVerdict],
) -> dict[str, Any]:
    """What somebody who writes the query by hand would have to know: whose the sessions are."""
    return {
        "files": [store.locate(one.by_account) for one in parts],
        "accounts": list(incident.account_refs),
        "thief": [v.session_ref for v in verdicts if v.verdict is Verdict.THIEF],
        "mixed": [v.session_ref for v in verdicts if v.verdict is Verdict.MIXED],
        "usual": [v.session_ref for v in verdicts if v.verdict is Verdict.OWNER and v.usual_place],
        "from_ms": incident.window.starts_ms,
        "to_ms": incident.window.ends_ms,
    }


def _compare(found: ExposedList, expected: pa.Table) -> None:
    rows = zip(*(column.to_pylist() for column in expected.columns), strict=True)
    for one, (insurer_id, person_ref, tier, fields, lookups) in zip(found, rows, strict=True):
        ours = (one.insurer_id, one.person_ref, str(one.tier), one.fields, one.lookups)
        if ours != (insurer_id, person_ref, tier, fields, lookups):
            raise AssertionError("the list and the query by hand disagree")


def _time(way: Callable[[], Any]) -> tuple[Any, Cost]:
    started, processor = time.perf_counter(), time.process_time()
    found = way()
    return found, Cost(time.perf_counter() - started, time.process_time() - processor)


def _extend(points: Sequence[dict[str, Any]], name: str) -> float | None:
    """Extend the least-squares line of the points to a billion entries; None with one point."""
    if len(points) < 2:
        return None
    fit = statistics.linear_regression([p["entries"] for p in points], [p[name] for p in points])
    return fit.slope * BILLION + fit.intercept


def _print(console: Console, results: dict[str, Any]) -> None:
    table = Table(title="An incident's list in sealed files, best of three; ratios are medians")
    for column in ("entries", "persons", "s", "by hand", "ratio", "proc. s", "by hand", "ratio"):
        table.add_column(column, justify="right")
    for one in results["points"]:
        table.add_row(
            f"{one['entries']:,}",
            f"{one['persons']:,}",
            *(f"{one[n]:.2f}" for n in ("seconds", "by_hand_seconds", "ratio", "processor")),
            *(f"{one[n]:.2f}" for n in ("by_hand_processor", "processor_ratio")),
        )
    console.print(table)
    console.print(f"target: ratio ≤ {TARGET_RATIO}")
    if results["billion_list_seconds"] is not None:
        console.print(
            f"a billion entries, the line extended: {results['billion_list_seconds']:.0f} s, "
            f"{results['billion_list_processor']:.0f} processor seconds"
        )
    console.print(
        f"the whole analysis: {results['analysis_seconds']:.1f} s, "
        f"{results['analysis_processor']:.1f} processor seconds here, {results['sessions']:,} "
        f"sessions judged, {results['persons']:,} persons; the process used "
        f"{results['most_used_mb']:.0f} MB at most (DuckDB may use {results['memory']}, twice)"
    )
    for step, seconds in results["steps"].items():
        console.print(f"  {step}: {seconds:.1f} s")
