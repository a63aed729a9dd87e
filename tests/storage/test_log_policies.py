"""Which process reads and writes which log: acts are in log 0, answers in the others.

Said by hand here, tried with SQL as each process, and tried again with every policy of the ledger
taken away or opened: one that nothing misses protects nothing.
"""

import psycopg
import pytest
from psycopg import errors, sql
from tests.storage.tenants import World, insertion
from tests.storage.test_tenancy import Policy, changed, is_of_tenants, list_policies

from rempart.storage.connect import Database, Login

ACTS, ANSWERS = frozenset({0}), frozenset({1})
BOTH = ACTS | ANSWERS
HASHES = ("log", "checkpoint", "tile", "edge", "log_key")
COUNTED = ("log", "head", "entry", "tile", "checkpoint", "edge", "insurer_counter")
ALL = (*COUNTED, "statement", "log_key", "replay", "session")
MOVED = {"head": "t_ms", "edge": "size", "insurer_counter": "last"}
LOGINS: tuple[Login, ...] = (
    *("gateway", "auditor", "analyst", "archivist", "recorder", "cosigner", "portals"),
    "settler",
)
# Login and way, then the logs of each table. Sessions and replays are of log 1.
LAWFUL = {
    **{
        (login, "read"): dict.fromkeys(ALL[:-2], BOTH) | dict.fromkeys(ALL[-2:], ANSWERS)
        for login in ("gateway", "auditor", "analyst")
    },
    ("archivist", "read"): dict.fromkeys(
        ("log", "head", "entry", "tile", "checkpoint", "statement"), BOTH
    ),
    ("settler", "read"): {"entry": BOTH},  # the answers that promised
    ("recorder", "read"): dict.fromkeys((*COUNTED, "statement", "log_key"), ACTS),
    ("cosigner", "read"): dict.fromkeys(HASHES, BOTH),
    ("portals", "read"): dict.fromkeys((*HASHES, "head"), BOTH),
    ("gateway", "add"): dict.fromkeys((*COUNTED, "replay", "session"), ANSWERS),
    ("recorder", "add"): dict.fromkeys((*COUNTED, "statement", "log_key"), ACTS),
    ("gateway", "move"): dict.fromkeys(MOVED, ANSWERS),
    ("recorder", "move"): dict.fromkeys(MOVED, ACTS),
}


def describe_rows(log: int) -> dict[str, dict[str, object]]:
    """Return one row of each table for a log."""
    key: dict[str, object] = {"log_id": log}
    named = ("kind", "t_ms", "account_ref", "session_ref", "acct_seq", "person_ref", "insurer_id")
    named += ("ins_seq", "purpose", "mode", "domain", "care_day", "outcome", "fields")
    named += ("schema_version", "data_version")
    ids = {"lookup_key": "0" * 32, "request_id": "0" * 32}
    rows: dict[str, dict[str, object]] = {
        "log": {**key, "origin": f"log {log}", "vkey": "v"},
        "head": {**key, "size": 1, "epoch": 1, "root": bytes(32), "t_ms": 1},
        "entry": {**key, "idx": 0, "salt": bytes(16), **dict.fromkeys(named, 1), **ids},
        "tile": {**key, "level": 0, "n": 0, "hashes": bytes(8192)},
        "checkpoint": {**key, "size": 1, "t_ms": 1, "root": bytes(32), "note": "n"},
        "edge": {**key, "size": 1, "hashes": b""},
        "insurer_counter": {**key, "insurer_id": 1, "size": 1, "last": 1},
        "statement": {**key, "idx": 0, "kind": 1, "body": "{}"},
        "log_key": {**key, "from_size": 1, "vkey": "v", "act_log": log, "act_idx": 1},
    }
    if log == 1:
        replay = {"session_ref": 1, "request_id": "0" * 32, "body_digest": b"", "answer": b""}
        words = dict.fromkeys(("method", "address", "agent"), "x")
        session = dict.fromkeys(("session_ref", "account_ref", "client_ref", "opened_ms"), 1)
        rows |= {"replay": {**replay, "t_ms": 1}, "session": {**session, **words}}
    return rows


@pytest.fixture
def world(database: Database) -> World:
    """A database with a row of each log in each table of the ledger."""
    with database.transaction("owner") as tx:
        for log in (0, 1):
            tx.execute("SELECT ledger.ensure_segment(%s::smallint, 0)", [log])
            for table, row in describe_rows(log).items():
                tx.execute(insertion(f"ledger.{table}", row), row)
    return World(database)


def find_faults(world: World, tables: tuple[str, ...] = ALL) -> list[str]:
    """Return what some process may do with a log, or may not, otherwise than said above."""
    faults = []
    for login in LOGINS:
        with world.database.connect(login) as tx:
            for way in ("read", "add", "move"):
                for table in tables:
                    lawful = LAWFUL.get((login, way), {}).get(table, frozenset())
                    found = _WAYS[way](tx, table)
                    if found != lawful:
                        faults.append(f"{login} {way} {table}: {set(found)}, not {set(lawful)}")
    return faults


def _ask(tx: psycopg.Connection, statement: str) -> frozenset[int]:
    try:
        with tx.transaction(force_rollback=True):
            return frozenset(log for (log,) in tx.execute(sql.SQL(statement)))  # type: ignore[arg-type]
    except errors.InsufficientPrivilege:
        return frozenset()


def _read(tx: psycopg.Connection, table: str) -> frozenset[int]:
    column = {"replay": "1 + 0 * length(request_id::text)", "session": "1 + 0 * session_ref"}
    return _ask(tx, f"SELECT {column.get(table, 'log_id')} FROM ledger.{table}")


def _move(tx: psycopg.Connection, table: str) -> frozenset[int]:
    if table not in MOVED:
        return frozenset()
    return _ask(tx, f"UPDATE ledger.{table} SET {MOVED[table]} = 1 RETURNING log_id")


def _add(tx: psycopg.Connection, table: str) -> frozenset[int]:
    through = set()
    for log in (0, 1):
        row = describe_rows(log).get(table)
        if row is None:
            continue
        try:
            with tx.transaction(force_rollback=True):
                tx.execute(insertion(f"ledger.{table}", row), row)
        except errors.UniqueViolation:
            # The row is there already: nothing else stood in the way.
            through.add(log)
        except errors.InsufficientPrivilege:
            continue
    return frozenset(through)


_WAYS = {"read": _read, "add": _add, "move": _move}


def test_each_process_reads_and_writes_the_logs_that_are_its_own(world: World):
    assert find_faults(world) == []


def list_mutations(policy: Policy) -> list[sql.Composed]:
    """Return what takes a policy away, and what opens it: its condition, or else its roles."""
    told = {policy.using, policy.check} - {None}
    # Nothing is allowed by a policy that is false: without it nothing is either.
    changes = [] if told == {"false"} else [sql.SQL("DROP {}").format(policy.place)]
    if told == {"true"}:
        return [*changes, sql.SQL("ALTER {} TO PUBLIC").format(policy.place)]
    using = sql.SQL("USING (true)" if policy.command != "INSERT" else "")
    check = sql.SQL("WITH CHECK (true)" if policy.command != "SELECT" else "")
    return [*changes, sql.SQL("ALTER {} {} {}").format(policy.place, using, check)]


def test_mutation_each_policy_of_a_log_taken_away_or_opened_is_noticed(world: World):
    policies = [one for one in list_policies(world) if not is_of_tenants(one)]
    assert {one.table for one in policies} == set(ALL)
    unnoticed = []
    with world.database.connect("owner", autocommit=True) as owner:
        for policy in policies:
            for change in list_mutations(policy):
                with changed(owner, policy, change):
                    if not find_faults(world, (policy.table,)):
                        unnoticed.append(change.as_string())
    assert unnoticed == []
