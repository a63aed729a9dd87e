"""Row policies leave the indexes their work: a page does not read the whole ledger for them."""

from collections.abc import Mapping

import pytest
from psycopg import sql
from tests.storage.tenant_rows import plant_world

from rempart.storage.connect import Database
from rempart.storage.queries import load_queries

LOOKUPS = load_queries("console").list_lookups
COUNTS = load_queries("console").count_lookups
WINDOW = {"since_ms": 19000, "most": 1000}
FILTER = dict.fromkeys(("insurer_id", "domain", "mode", "outcome", "account_ref", "session_ref"))
PAGE = {"sort": "time", "direction": 1, "limit": 10, "offset": 0}


FILL = """
    INSERT INTO ledger.log VALUES (1, 'test/1', 'v');
    INSERT INTO ledger.head VALUES (1, 20000, 1, sha256(''), 20000);
    INSERT INTO ledger.checkpoint
    SELECT 1, 100 * n, 100 * n, sha256(''), '' FROM generate_series(1, 199) AS n;
    INSERT INTO ledger.entry
    SELECT 1, n, 1, n, decode(md5(''), 'hex'), n % 500, n, 1, n, n % 90, 1, gen_random_uuid(),
           1, 1, 1, 1, 1, 1, 1, 1, gen_random_uuid()
    FROM generate_series(100, 19999) AS n;
    ANALYZE
"""


def explain(database: Database, who: str, query: str, values: Mapping[str, object]) -> str:
    world = plant_world(database)
    with database.connect("owner", autocommit=True) as owner:
        owner.execute(FILL)
    with database.connect("portals") as tx:
        tx.execute("SELECT 1 FROM accounts.enter_session(%s)", [world.digests[who]])
        rows = tx.execute(sql.SQL("EXPLAIN (COSTS OFF) " + query), values)  # type: ignore[arg-type]
        return "\n".join(line for (line,) in rows)


@pytest.mark.parametrize(("query", "more"), [(LOOKUPS, {**FILTER, **PAGE}), (COUNTS, {})])
def test_the_console_reads_its_window_of_the_ledger_and_no_more(
    database: Database, query: str, more: Mapping[str, object]
):
    plan = explain(database, "host ops", query, {**WINDOW, **more})
    assert "AND (idx >= r.starts) AND (idx < r.ends)" in plan


def test_mutation_bounds_computed_beside_the_policy_read_the_whole_log(database: Database):
    plan = explain(database, "host ops", COUNTS.replace("MATERIALIZED", ""), WINDOW)
    assert "AND (idx < h.size)" in plan
    assert "AND (idx >= " not in plan


@pytest.mark.parametrize(
    ("who", "column"), [("member A", "person_ref"), ("holder A", "account_ref")]
)
def test_a_visitors_own_look_ups_are_reached_by_their_index(
    database: Database, who: str, column: str
):
    query = f"SELECT idx FROM ledger.entry WHERE {column} = %(ref)s ORDER BY idx DESC LIMIT 20"
    assert f"Index Cond: ({column} = " in explain(database, who, query, {"ref": 5})
