"""Foreign logs to persons: a whole answer from facts, beside a query by hand on the same facts.

    python -m bench scope --entries 10000000

The query by hand finds the persons whom some accounts saw in the window, and no more: it reads five
days of sixty. The answer needs every account of the logs, and four weeks of past: a second ratio is
to three queries by hand that read as much, without judgement, registry or insurers. Rounds are
interleaved; seconds are the processor's, and the time to read the registry is told apart.
"""

import resource
import shutil
import statistics
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from bench.machinery import DATA, Stopwatch, save_results
from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024, Field
from rempart.exchange.foreign_facts import FACTS
from rempart.incidents.evidence import Window
from rempart.storage import scope
from rempart.storage.analytics import Means
from rempart.storage.scope import Measures
from rempart.storage.scope_engine import open_facts, open_scratch
from rempart.workflows.scope.sessions import Known, judge_foreign_sessions

ROUNDS = 3
PART = 2_500_000
ACCOUNTS, STOLEN, PERSONS = 20_000, 40, 200_000
DAY_MS = 86_400_000
START_MS = 1_704_067_200_000
DAYS = 60
WINDOW = Window(starts_ms=START_MS + 55 * DAY_MS, ends_ms=START_MS + 60 * DAY_MS)
MEMORY, THREADS = "2GB", 2
SHARED = int(Field.NIR | Field.INSURER | Field.CONTRACT_NUMBER)
MEASURES = Measures(
    session_gap_ms=1_800_000, claim_days=7, shared_fields=SHARED, nir_field=int(Field.NIR)
)
BY_HAND = """
SELECT person, bit_or(shown), bit_or(shown & ~typed), count(*), min(t_ms), max(t_ms)
FROM read_parquet($facts)
WHERE account IN (SELECT unnest($accounts)) AND t_ms >= $from_ms AND t_ms < $to_ms
  AND outcome = 'shown' AND person IS NOT NULL
GROUP BY person ORDER BY person
"""

ACCOUNTS_BY_HAND = """
SELECT account, count(*), min(t_ms), max(t_ms) FROM read_parquet($facts) GROUP BY account
"""
SESSIONS_BY_HAND = """
SELECT account, session, t_ms >= $from_ms, address, agent, count(*), min(t_ms), max(t_ms),
       count(DISTINCT person), bool_or(presence)
FROM read_parquet($facts)
WHERE account IN (SELECT unnest($accounts)) AND t_ms >= $past_ms AND t_ms < $to_ms
GROUP BY ALL
"""


def run(*, entries: int) -> None:
    """Make facts, answer, ask by hand, print and save the ratio."""
    console = Console()
    folder = DATA / f"scope-{entries}"
    glob = _make_facts(folder, entries)
    stolen = [f"ps-{number:06d}" for number in range(STOLEN)]
    size = sum(one.stat().st_size for one in (folder / "facts").glob("*.parquet"))
    console.print(f"{entries:,} facts, {size / 1e6:,.0f} MB; {STOLEN} of {ACCOUNTS:,} accounts")
    rounds: list[dict[str, float]] = []
    persons = by_hand = 0
    for _ in range(ROUNDS):
        with Stopwatch() as hand:
            by_hand = _ask_by_hand(glob, stolen, BY_HAND)
        with Stopwatch() as more:
            _ask_by_hand(glob, stolen, ACCOUNTS_BY_HAND)
            _ask_by_hand(glob, stolen, SESSIONS_BY_HAND)
        steps = _answer(folder, glob, stolen)
        persons = int(steps.pop("persons"))
        whole = sum(value for name, value in steps.items() if name != "registry")
        rounds.append(
            {
                "hand": hand.processor,
                "reach": hand.processor + more.processor,
                "answer": whole,
                **steps,
            }
        )
    if persons != by_hand:
        raise AssertionError(f"the answer has {persons} persons, the query by hand {by_hand}")
    ratio = statistics.median(one["answer"] / one["hand"] for one in rounds)
    reach = statistics.median(one["answer"] / one["reach"] for one in rounds)
    answer = statistics.median(one["answer"] for one in rounds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    by_hand_seconds = statistics.median(one["hand"] for one in rounds)
    console.print(
        f"{persons:,} persons exposed. By hand {by_hand_seconds:.2f} s, answer {answer:.2f} s of "
        f"the processor ({entries / answer:,.0f} facts a second), ratio {ratio:.2f}; "
        f"{reach:.2f} to queries that read as much; peak memory {peak:.1f} GB"
    )
    for name in ("facts", "sessions", "registry", "exposure"):
        console.print(f"  {name}: {statistics.median(one[name] for one in rounds):.2f} s")
    results = {"entries": entries, "persons": persons, "ratio": ratio, "reach_ratio": reach}
    results |= {"peak_gb": peak}
    console.print(f"saved in {save_results(f'scope-{entries}', {**results, 'rounds': rounds})}")


def _answer(folder: Path, glob: str, stolen: list[str]) -> dict[str, float]:
    """Answer as the command does, without writing files; return what each step took."""
    steps: dict[str, float] = {}
    means = Means(memory=MEMORY, threads=THREADS)
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    with open_scratch(work, means) as connection:
        scope.prepare(connection)
        with Stopwatch() as step:
            for first in range(0, PERSONS, 100_000):
                scope.insert_rows(connection, _make_registry(first, 100_000))
            scope.settle_registry(connection, window=WINDOW)
        steps["registry"] = step.processor
        with open_facts(connection, glob, means) as engine:
            with Stopwatch() as step:
                scope.read_logs(engine, connection)
            steps["facts"] = step.processor
            with Stopwatch() as step:
                scope.gather_sessions(
                    engine, connection, accounts=stolen, window=WINDOW, measures=MEASURES
                )
                judged = judge_foreign_sessions(connection, Known())
            steps["sessions"] = step.processor
        with Stopwatch() as step:
            verdicts = [(one.label.session_ref, "thief", False, False) for one in judged]
            scope.find_exposed(connection, verdicts, measures=MEASURES)
        steps["exposure"] = step.processor
        [[persons]] = connection.sql("SELECT count(DISTINCT person_id) FROM exposure").fetchall()
        steps["persons"] = persons
    return steps


def _ask_by_hand(glob: str, stolen: list[str], query: str) -> int:
    config: dict[str, Any] = {"memory_limit": MEMORY, "threads": THREADS}
    values = {
        "facts": glob,
        "accounts": stolen,
        "from_ms": WINDOW.starts_ms,
        "to_ms": WINDOW.ends_ms,
        "past_ms": WINDOW.starts_ms - scope.PAST_DAYS * DAY_MS,
    }
    with duckdb.connect(config=config) as connection:
        named = {name: value for name, value in values.items() if f"${name}" in query}
        return len(connection.execute(query, named).fetchall())


def _make_facts(folder: Path, entries: int) -> str:
    """Write facts of two months, in order of time, as a portal's files are; once."""
    facts = folder / "facts"
    done = facts / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        facts.mkdir(parents=True)
        for part, first in enumerate(range(0, entries, PART)):
            count = min(PART, entries - first)
            pq.write_table(
                _invent(part, first, count, entries),
                facts / f"part-{part:04d}.parquet",
                compression="zstd",
            )
        done.touch()
    return str(facts / "*.parquet")


def _invent(part: int, first: int, count: int, entries: int) -> pa.Table:
    random = np.random.default_rng(part)
    span = DAYS * DAY_MS
    t_ms = START_MS + (np.arange(first, first + count) * (span / entries)).astype("i8")
    account = random.integers(0, ACCOUNTS, count)
    person = random.integers(0, PERSONS, count)
    names = np.char.add("ps-", np.char.zfill(np.arange(ACCOUNTS).astype("U6"), 6))
    sessions = np.char.add("s", np.arange(ACCOUNTS * DAYS).astype("U8"))
    day = (t_ms - START_MS) // DAY_MS
    nirs = pa.array([f"180{n // 1_000_000 + 1:02d}00{n % 1_000_000:06d}" for n in person.tolist()])
    columns = {
        "source": pa.array(np.full(count, part), pa.int32()),
        "line": pa.array(np.arange(count)),
        "t_ms": pa.array(t_ms),
        "session": pa.array(sessions[account * DAYS + day]),
        "account": pa.array(names[account]),
        "address": pa.array(np.char.add("192.0.2.", (account % 250).astype("U3"))),
        "agent": pa.array(np.full(count, "Firefox")),
        "view": pa.array(np.full(count, "fiche")),
        "outcome": pa.array(np.where(random.random(count) < 0.95, "shown", "nobody")),
        "person": nirs,
        "insurer": pa.nulls(count, pa.string()),
        "presence": pa.array(np.zeros(count, bool)),
        "shown": pa.array(np.full(count, int(EIGHT_FIELDS_OF_2024))),
        "typed": pa.array(np.full(count, int(Field.NIR))),
        "family": pa.array(np.zeros(count, bool)),
        "query_only": pa.array(np.zeros(count, bool)),
        "digest": pa.array(np.arange(count)),
    }
    return pa.table([columns[name] for name in FACTS.names], schema=FACTS)


def _make_registry(first: int, count: int) -> pa.Table:
    serials = range(first, first + count)
    columns: dict[str, Any] = {
        "seq": serials,
        "amc": [f"99{20_000_000 + n % 100:08d}" for n in serials],
        "contract": [f"C{n}" for n in serials],
        "member": [f"M{n}" for n in serials],
        "insured_nir": [f"180{n // 1_000_000 + 1:02d}00{n % 1_000_000:06d}" for n in serials],
        "own_nir": [""] * count,
        "previous_nir": [""] * count,
        "family_name": ["EXEMPLE"] * count,
        "birth_date": ["19800101"] * count,
        "birth_rank": ["1"] * count,
        "quality": [1] * count,
        "starts": [date(2020, 1, 1)] * count,
        "ends": [date.max] * count,
        "agreed_from": [date(1900, 1, 1)] * count,
        "agreed_to": [date.max] * count,
        "removes": [False] * count,
    }
    schema = scope.REGISTRY_COLUMNS
    return pa.table([pa.array(columns[one.name], one.type) for one in schema], schema=schema)
