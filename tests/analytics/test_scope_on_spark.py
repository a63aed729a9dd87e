"""What touches every line of foreign logs: a Spark cluster gives the answers of DuckDB."""

from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.scope_samples import START_MS, WINDOW, make_fact

from rempart.exchange.foreign_facts import FACTS
from rempart.storage import scope
from rempart.storage.analytics import Means
from rempart.storage.queries import load_queries
from rempart.storage.scope import Measures
from rempart.storage.scope_engine import (
    DuckDbFacts,
    FactsEngine,
    SparkFacts,
    open_scratch,
    translate_for_spark,
)
from rempart.workflows.scope.sessions import Known, judge_foreign_sessions

MEANS = Means(memory="300MB", threads=1)
MEASURES = Measures(session_gap_ms=1_800_000, claim_days=7, shared_fields=0, nir_field=0)
SUSPECTS = ["a1", "a3"]


def write_facts(folder: Path) -> str:
    """Write facts of five accounts in three files; return how engines find them."""
    folder.mkdir(parents=True)
    random = Random(5)
    for part in range(3):
        rows = [
            make_fact(
                START_MS + random.randrange(3 * 86_400_000) - 86_400_000,
                line=number,
                source=part,
                account=f"a{random.randrange(5)}",
                session=random.choice([None, "s1", "s2"]),
                person=random.choice([None, f"P{random.randrange(300)}"]),
                insurer=random.choice([None, "M"]),
                presence=random.random() < 0.1,
                outcome=random.choice(["shown", "nobody"]),
            )
            for number in range(800)
        ]
        pq.write_table(pa.Table.from_pylist(rows, FACTS), folder / f"part-{part}.parquet")
    return str(folder / "*.parquet")


def ask(engine: FactsEngine, connection: Any) -> dict[str, Any]:
    """Everything that comes of the facts, up to persons."""
    scope.prepare(connection)
    accounts, bounds = scope.read_logs(engine, connection)
    scope.gather_sessions(engine, connection, accounts=SUSPECTS, window=WINDOW, measures=MEASURES)
    judged = judge_foreign_sessions(connection, Known())
    scope.settle_registry(connection, window=WINDOW)
    scope.find_exposed(
        connection,
        [(one.label.session_ref, "thief", False, False) for one in judged],
        measures=MEASURES,
    )
    return {
        "accounts": accounts,
        "bounds": bounds,
        "judged": judged,
        "persons": scope.fetch(connection, "list_strangers"),
    }


def test_spark_on_two_workers_finds_the_sessions_and_persons_of_duckdb(
    spark, make_reachable_directory, tmp_path
):
    with make_reachable_directory() as path:
        glob = write_facts(path / "facts")
        with open_scratch(tmp_path, MEANS) as connection:
            here = ask(DuckDbFacts(connection, glob), connection)
        with open_scratch(tmp_path, MEANS) as connection:
            there = ask(SparkFacts(connection, glob, spark.session), connection)
    assert len(here["persons"]) > 100
    assert here["bounds"].facts == 2_400
    assert there == here


def test_the_questions_that_touch_every_line_are_said_in_sparks_words_too():
    queries = load_queries("embedded/scope_facts")
    assert {name: "SELECT" in translate_for_spark(text) for name, text in queries.items()} == {
        "count_accounts": True,
        "list_suspect_facts": True,
    }
