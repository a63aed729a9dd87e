"""The attack: the raw SQL that the pages' login can send, from every visitor on every row."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import errors, sql
from tests.storage.tenants import AUTHOR, HOST, ROLES, Row, World, draw, insertion

from rempart.storage.connect import Transaction

# One lawful-looking change per table that the pages may change rows of.
CHANGES: Mapping[str, str] = {
    "claims.run": "first_by = accounts.my_actor()",
    "retention.run": "first_by = accounts.my_actor()",
    "retention.schedule": "state = 'refused', decided_by = accounts.my_actor()",
    "retention.data_hold": "released_by = accounts.my_actor(), release_reason = 'x'",
    "retention.request": "state = 'answered', answered_by = accounts.my_actor(), answer = 'x'",
    # An employer takes back, an insurer refuses.
    "employers.movement": (
        "decided_by = accounts.my_actor(),"
        " state = CASE WHEN accounts.my_employer() IS NULL THEN 'refused' ELSE 'cancelled' END"
    ),
    "claims.dispute": (
        "state = 'answered', outcome = 'explained', answer = '\\x00',"
        " ended_by = accounts.my_actor(), ended_at = clock_timestamp()"
    ),
    "notices.suspicious": (
        "state = 'answered', verdict = 'fraud', answered_by = accounts.my_actor(),"
        " answered_at = clock_timestamp()"
    ),
    "notices.preference": "language = 'en'",
    "notices.campaign": "per_hour = 10",
    "notices.letter_batch": "downloaded_by = accounts.my_actor()",
    "notices.message": "state = 'dropped', reason = 'told_otherwise'",
    "claims.benefit_file": "state = 'refused', decided_by = accounts.my_actor()",
    "claims.watch": "ended_by = accounts.my_actor(), ended_at = clock_timestamp()",
    "claims.hold": (
        "decision = 'release', decided_by = accounts.my_actor(), decided_at = clock_timestamp()"
    ),
    "accounts.organisation": "suspended_at = clock_timestamp()",
    "accounts.membership": "suspended_at = clock_timestamp()",
    "accounts.actor": "display_name = 'x'",
    "accounts.passkey": "revoked_at = clock_timestamp()",
    "accounts.session": "ended_at = clock_timestamp(), end_reason = 'left'",
    "accounts.invitation": "revoked_at = clock_timestamp()",
    "accounts.recovery_request": "decided_by = accounts.my_actor(), approved = false",
    "accounts.software": "revoked_at = clock_timestamp()",
    "accounts.software_key": "ends_at = clock_timestamp()",
    "accounts.event_report": "handled_by = accounts.my_actor()",
    "accounts.bank_details": "state = 'cancelled'",
    "accounts.inquiry": "state = 'refused', decided_by = accounts.my_actor()",
    "accounts.display_hold": "state = 'refused', decided_by = accounts.my_actor()",
    "accounts.erasure_request": "state = 'refused', decided_by = accounts.my_actor()",
    "retention.hold": ("released_at = clock_timestamp(), released_by = 'x', release_reason = 'x'"),
    "guard.measure": (
        "ended_by = accounts.my_actor(), ended_at = clock_timestamp(), end_reason = 'over'"
    ),
    "incidents.suspect_account": "how = 'named'",
    "incidents.sealing_key": (
        "state = CASE state WHEN 'approved' THEN 'revoked' ELSE 'refused' END"
    ),
    "incidents.package": "state = state",
    "incidents.insurer_note": "done_by = accounts.my_actor(), done_at = clock_timestamp()",
    "notices.incident_page": "withdrawn_by = accounts.my_actor(), withdrawn_for = 'x'",
    "notices.page_version": "written_by = accounts.my_actor()",
    "claims.exposure_watch": "ended_by = accounts.my_actor()",
    "claims.exposure_flag": "decision = 'usual', why = 'x', decided_by = accounts.my_actor()",
    "rights.cut": "ended_by = accounts.my_actor(), ended_at = clock_timestamp()",
    "rights.presence_policy": "required = true, set_by = accounts.my_actor()",
    "accounts.terminal": "revoked_at = clock_timestamp()",
}
# Rows whose key the database draws: whoever inserts one may not name it.
DRAWN_KEYS = frozenset(
    {"incidents.incident", "incidents.overrule", "incidents.doubt", "retention.event"}
)
# Whose rows the pages take away rather than change.
TAKEN_AWAY = frozenset({"rights.code_secret", "rights.presence_policy"})
# Rows whose key is that of what they are about: inserted again under the same one.
OF_SOMETHING = frozenset(
    {
        *("accounts.event_report", "accounts.software_key", "rights.code_secret"),
        *("rights.cut_note", "notices.page_version", "notices.preference", "claims.exposure_watch"),
        "employers.finding",
    }
)
# Rows that the database signs with the visitor's own name, whatever name they give.
SIGNED: Mapping[str, str] = {
    table: AUTHOR[table]
    for table in (
        *("incidents.room_event", "incidents.clock_owner", "incidents.party_trait"),
        *("incidents.severity", "incidents.authority_report", "retention.hold"),
    )
}
Become = Callable[[Transaction, str], None]


@dataclass
class Outcome:
    """What an attack tried; leaks and losses name the visitor, the table and the way."""

    attempts: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nobody got more, or less, than what is theirs."""
        return not self.leaks and not self.losses

    def compare(self, way: str, who: str, table: str, *, found: int, lawful: int) -> None:
        """Count one attempt and note whether it gave more, or less, than is lawful."""
        self.attempts[way] += 1
        if found != lawful:
            told = self.leaks if found > lawful else self.losses
            told.append(f"{who}: {table} {way}: {found} rows, {lawful} lawful")


def enter(world: World) -> Become:
    """Return what makes a transaction a visitor's, as the pages do it."""

    def become(tx: Transaction, who: str) -> None:
        found = tx.execute("SELECT 1 FROM accounts.enter_session(%s)", [world.digests[who]])
        assert found.fetchone() == (1,), who

    return become


def attack(
    world: World,
    *,
    tables: Iterable[str] | None = None,
    visitors: Iterable[str] = tuple(ROLES),
    ways: Iterable[str] = ("select", "probe", "copy", "change", "add", "remove"),
    become: Become | None = None,
    as_nobody: bool = False,
) -> Outcome:
    """Attack tables as visitors; compare what each gets with what is theirs.

    Args:
        world: The planted rows.
        tables: Which tables; all by default.
        visitors: Who attacks.
        ways: What they try.
        become: How the attacker says who they are; with a live session by default.
        as_nobody: Whether nothing at all is lawful.
    """
    outcome = Outcome()
    become = become or enter(world)
    with world.database.connect("portals") as tx:
        for who in visitors:
            become(tx, who)
            for table in tables or world.tables():
                rows = world.of_table(table)
                if as_nobody:
                    rows = [row.closed() for row in rows]
                for way in ways:
                    _WAYS[way](tx, outcome, who, rows, world.actors[who])
            tx.rollback()
    return outcome


def _select(tx: Transaction, outcome: Outcome, who: str, rows: list[Row], _actor: int) -> None:
    table = rows[0].table
    mine = {tuple(row.key.values()) for row in rows if who in row.readers}
    seen: set[tuple[Any, ...]] = set()
    with attempt(tx):
        seen = set(tx.execute(everything(rows)).fetchall())
    outcome.compare("select", who, table, found=len(seen), lawful=len(mine))
    outcome.compare("select others", who, table, found=len(seen - mine), lawful=0)


def _probe(tx: Transaction, outcome: Outcome, who: str, rows: list[Row], _actor: int) -> None:
    table = rows[0].table
    name = sql.Identifier(*table.split("."))
    lawful = [row for row in rows if who in row.readers]

    def compare(way: str, statement: sql.Composed, values: Any = None, *, want: int) -> None:
        found = count(tx, statement, values)
        outcome.compare(way, who, table, found=found, lawful=want)

    met = _probe_keys(tx, name, rows)
    for number, row in enumerate(rows):
        for way in ("by key", "exists"):
            outcome.compare(way, who, table, found=met[way, number], lawful=int(row in lawful))
    join = sql.SQL("SELECT a.* FROM ({}) AS a CROSS JOIN (SELECT 1) AS b").format(everything(rows))
    compare("join", join, want=len(lawful))
    counted = sql.SQL("SELECT 1 FROM generate_series(1, (SELECT count(*) FROM {}))").format(name)
    compare("count", counted, want=len(lawful))
    # A predicate that fails on a row it may not see tells that the row is there.
    first = next(iter(rows[0].key))
    trap = sql.SQL(
        "SELECT 1 FROM {0} WHERE"
        " CASE WHEN {1}::text = ANY(%s) THEN true ELSE 1 / (length({1}::text) * 0) = 1 END"
    )
    names = [_format(row.key[first]) for row in lawful]
    compare("trap", trap.format(name, sql.Identifier(first)), [names], want=len(lawful))


def _probe_keys(tx: Transaction, name: sql.Identifier, rows: list[Row]) -> Counter[tuple[str, int]]:
    """Ask for each row by its key, and whether it exists; count what each question met."""
    questions: list[sql.Composed] = []
    values: dict[str, Any] = {}
    for number, row in enumerate(rows):
        values |= {f"{one}_{number}": value for one, value in row.key.items()}
        where = sql.SQL(" AND ").join(
            sql.SQL("{} IS NOT DISTINCT FROM {}").format(
                sql.Identifier(one), sql.Placeholder(f"{one}_{number}")
            )
            for one in row.key
        )
        place = sql.Literal(number)
        by_key = sql.SQL("SELECT 'by key', {} FROM {} WHERE {}").format(place, name, where)
        questions += [
            by_key,
            sql.SQL("SELECT 'exists', {} WHERE EXISTS ({})").format(place, by_key),
        ]
    met: Counter[tuple[str, int]] = Counter()
    with attempt(tx):
        met.update(tx.execute(sql.SQL(" UNION ALL ").join(questions), values).fetchall())
    return met


def _copy(tx: Transaction, outcome: Outcome, who: str, rows: list[Row], _actor: int) -> None:
    table = rows[0].table
    lawful = sum(who in row.readers for row in rows)
    name = sql.Identifier(*table.split("."))
    copies = [sql.SQL("COPY ({}) TO STDOUT").format(everything(rows))]
    # The name of a parent of partitions copies nothing.
    if table != "ledger.entry":
        keys = sql.SQL(", ").join(map(sql.Identifier, rows[0].key))
        copies.append(sql.SQL("COPY {} ({}) TO STDOUT").format(name, keys))
    for copy in copies:
        copied = 0
        with attempt(tx), tx.cursor().copy(copy) as out:
            copied = len(list(out.rows()))
        outcome.compare("copy", who, table, found=copied, lawful=lawful)


def everything(rows: list[Row]) -> sql.Composed:
    """Return the statement that reads the keys of a whole table."""
    keys = sql.SQL(", ").join(map(sql.Identifier, rows[0].key))
    return sql.SQL("SELECT {} FROM {}").format(keys, sql.Identifier(*rows[0].table.split(".")))


def _format(key: Any) -> str:
    return f"\\x{key.hex()}" if isinstance(key, bytes) else str(key)


def _change(tx: Transaction, outcome: Outcome, who: str, rows: list[Row], _actor: int) -> None:
    table = rows[0].table
    if table not in CHANGES:
        refuse(
            tx,
            outcome,
            who,
            table,
            "update",
            f"UPDATE {table} SET {next(iter(rows[0].key))} = DEFAULT",
        )
        return
    lawful = [row for row in rows if who in row.changers]
    # No WHERE and nothing read: only the policies of updates stand in the way.
    blind = sql.SQL(f"UPDATE {table} SET {CHANGES[table]}")
    outcome.compare("update", who, table, found=count(tx, blind), lawful=len(lawful))


def _add(tx: Transaction, outcome: Outcome, who: str, rows: list[Row], actor: int) -> None:
    for row in rows:
        author = AUTHOR.get(row.table)
        allowed = who in row.adders
        if author:
            _insert(tx, outcome, who, row, {**row.values, author: actor}, lawful=allowed)
            # In somebody else's name, or nobody's: only an event of one's own names no author.
            named = row.values.get("actor_ref" if author == "by_ref" else author)
            is_host_s = author == "created_by" and who in HOST
            allowed = allowed and (named == actor or is_host_s or row.table in SIGNED)
        _insert(tx, outcome, who, row, row.values, lawful=allowed)


def _insert(
    tx: Transaction,
    outcome: Outcome,
    who: str,
    row: Row,
    values: Mapping[str, Any],
    *,
    lawful: bool,
) -> None:
    """Try to insert such a row under a new key; a constraint stops only what was let through."""
    # A small number stays one: its column may be.
    fresh = {
        name: _draw_like(value) if isinstance(value, int) else value
        for name, value in row.key.items()
    }
    if row.table in OF_SOMETHING:
        fresh = dict(row.key)
    values = {**values, **fresh}
    if row.table in DRAWN_KEYS:
        values = {name: value for name, value in values.items() if name not in row.key}
    for name, value in values.items():
        if isinstance(value, bytes) and len(value) == 32:
            values[name] = draw().to_bytes(32)
    through = 1
    try:
        with tx.transaction(force_rollback=True):
            statement = insertion(row.table, values)
            if row.table in SIGNED:
                statement += sql.SQL(" RETURNING {} = accounts.my_actor()").format(
                    sql.Identifier(SIGNED[row.table])
                )
            inserted = tx.execute(statement, values)
            if row.table in SIGNED and inserted.fetchone() != (True,):
                outcome.leaks.append(f"{who}: {row.table} signed by somebody else")
    except errors.InsufficientPrivilege:
        through = 0
    except psycopg.IntegrityError:
        pass
    outcome.compare("insert", who, row.table, found=through, lawful=int(lawful))


def _draw_like(value: int) -> int:
    """Draw a number that fits in a column of such numbers."""
    bits = 14 if value < 100 else 30 if value < 2**31 else 62
    return draw() % 2**bits + 100


def _remove(tx: Transaction, outcome: Outcome, who: str, rows: list[Row], _actor: int) -> None:
    table = rows[0].table
    ways = [f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"]
    if table in TAKEN_AWAY:
        blind = sql.SQL(ways.pop(0))  # type: ignore[arg-type]
        lawful = sum(who in row.changers for row in rows)
        outcome.compare("delete", who, table, found=count(tx, blind), lawful=lawful)
    for way in ways:
        refuse(tx, outcome, who, table, way.split()[0].lower(), way)


_WAYS = {
    "select": _select,
    "probe": _probe,
    "copy": _copy,
    "change": _change,
    "add": _add,
    "remove": _remove,
}


def refuse(
    tx: Transaction, outcome: Outcome, who: str, table: str, way: str, statement: str
) -> None:
    """Try a statement that nobody has the right to."""
    found = 1
    try:
        with tx.transaction(force_rollback=True):
            tx.execute(sql.SQL(statement))  # type: ignore[arg-type]
    except errors.InsufficientPrivilege:
        found = 0
    outcome.compare(way, who, table, found=found, lawful=0)


def count(tx: Transaction, statement: sql.Composable, values: Any = None) -> int:
    """Run a statement, undo it, and return how many rows it met.

    A refusal meets none; a trap that was sprung, more than there are.
    """
    try:
        with tx.transaction(force_rollback=True):
            return tx.execute(statement, values).rowcount
    except (errors.InsufficientPrivilege, errors.CheckViolation):
        return 0
    except errors.DivisionByZero:
        return 10**6


@contextmanager
def attempt(tx: Transaction) -> Iterator[None]:
    """Undo whatever is done inside; a refusal is no news here."""
    try:
        with tx.transaction(force_rollback=True):
            yield
    except errors.InsufficientPrivilege:
        return
