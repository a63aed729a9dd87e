"""Facts of foreign logs and the insurers' registry, in the embedded database: sessions, persons.

Every definition is a named query. Refuses to judge a session: verdicts come in, lists come out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import duckdb
import pyarrow as pa

from rempart.incidents.evidence import Window
from rempart.storage.queries import load_queries
from rempart.storage.scope_engine import FactsEngine, telling_failures
from rempart.storage.scope_reasons import AHEAD_DAYS

_SESSIONS: Final = load_queries("embedded/scope_sessions")
_REGISTRY: Final = load_queries("embedded/scope_registry")
_EXPOSURE: Final = load_queries("embedded/scope_exposure")
Connection = duckdb.DuckDBPyConnection

DAY_MS: Final = 86_400_000
# Four weeks hold every weekday and a pay cycle.
PAST_DAYS: Final = 28
_TEXTS: Final = (
    *("amc", "contract", "member", "insured_nir", "own_nir", "previous_nir", "family_name"),
    *("birth_date", "birth_rank"),
)
_DATES: Final = ("starts", "ends", "agreed_from", "agreed_to")
REGISTRY_COLUMNS: Final[Any] = pa.schema(
    {
        "seq": pa.int64(),
        **dict.fromkeys(_TEXTS, pa.string()),
        "quality": pa.int32(),
        **dict.fromkeys(_DATES, pa.date32()),
        "removes": pa.bool_(),
    }  # type: ignore[arg-type]
)
"""What one row of a feed becomes; an open end is a date, the last there is."""


class LoggedAccount(NamedTuple):
    """One account of the logs."""

    account: str
    facts: int
    first_ms: int
    last_ms: int


class Bounds(NamedTuple):
    """Where all the logs begin and end; no instant without a fact."""

    first_ms: int | None
    last_ms: int | None
    facts: int
    presences: int
    unattributed: int


class Insurer(NamedTuple):
    """One insurer, as insurers.csv has it."""

    amc: str
    name: str
    agreed_from: date
    agreed_to: date
    via: str
    aliases: tuple[str, ...]


class InsurerCount(NamedTuple):
    """What the registry holds of one insurer."""

    amc: str
    name: str
    via: str
    agreed_from: str
    persons: int
    lines: int


class TallyRow(NamedTuple):
    """What one session did in the window, or before it."""

    session_ref: int
    account_ref: int
    in_window: bool
    lookups: int
    typed: int
    presences: int
    nobody: int
    known_faces: int
    first_ms: int
    last_ms: int
    gap_squares: int


class Label(NamedTuple):
    """How the logs call a session; None where it is made of an account's pauses."""

    session_ref: int
    account_ref: int
    account: str
    session: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Numbers the definitions depend on; they are told in every method.txt.

    Args:
        session_gap_ms: A pause that ends a session where the log has none.
        claim_days: A claim explains a look-up of so many days before.
        past_days: How much of an account's past is looked at.
        shared_fields: Bits of what people of one contract share: typed for one, known of all.
        nir_field: The bit of the NIR, which people of one contract may not share.
    """

    session_gap_ms: int
    claim_days: int
    past_days: int = PAST_DAYS
    shared_fields: int
    nir_field: int


def prepare(connection: Connection) -> None:
    """Make the tables that are filled from outside, empty."""
    with telling_failures():
        for name in ("make_paris_day", "make_normalise_identifier", "make_shape_of", "make_row"):
            connection.execute(_REGISTRY[name])
        for name in ("make_insurer", "make_insurer_name", "make_contract_rule"):
            connection.execute(_REGISTRY[name])
        connection.execute(_EXPOSURE.make_verdict)
        connection.execute(_EXPOSURE.make_claim)


def insert_rows(connection: Connection, table: pa.Table) -> None:
    """Add rows of a feed: the columns are `REGISTRY_COLUMNS`."""
    with telling_failures():
        connection.from_arrow(table).insert_into("registry_row")


def insert_insurers(connection: Connection, insurers: Sequence[Insurer]) -> None:
    """Say who the insurers are, and what the logs may call them."""
    with telling_failures():
        _insert(connection, "insurer", [one[:5] for one in insurers], 5)
        names = {(alias.strip().upper(), one.amc) for one in insurers for alias in one.aliases}
        _insert(connection, "insurer_name", sorted(names), 2)


def insert_contract_rules(connection: Connection, rules: Iterable[tuple[str, str, bool]]) -> None:
    """Say which contracts are routed through the operator: AMC, contract or its start, which."""
    with telling_failures():
        rows = [(amc, contract.upper(), prefix) for amc, contract, prefix in rules]
        _insert(connection, "contract_rule", rows, 3)


def insert_claims(connection: Connection, claims: Iterable[tuple[str, str, date]]) -> None:
    """Say which claims there were: account, person, day of care."""
    with telling_failures():
        columns = [list(one) for one in zip(*claims, strict=True)]
        if columns:
            named = dict(zip(("account", "person", "day"), columns, strict=True))
            incoming = connection.from_arrow(pa.table(named))
            incoming.project("account, normalise_identifier(person), day").insert_into("claim")


def read_logs(engine: FactsEngine, connection: Connection) -> tuple[list[LoggedAccount], Bounds]:
    """Read every fact once: the accounts by name, and where the logs begin and end."""
    engine.answer("count_accounts", "logged_account")
    with telling_failures():
        accounts = connection.table("logged_account").order("account").fetchall()
        [bounds] = connection.execute(_SESSIONS.find_bounds).fetchall()
    return [LoggedAccount(*one[:4]) for one in accounts], Bounds(*bounds)


def gather_sessions(
    engine: FactsEngine,
    connection: Connection,
    *,
    accounts: Sequence[str],
    window: Window,
    measures: Measures,
) -> None:
    """Bring the facts of the suspect accounts and cut them into sessions.

    Those of the window, and of as long before it as an account's past is looked at.
    """
    from_ms = window.starts_ms - measures.past_days * DAY_MS
    engine.name_suspects(accounts, from_ms=from_ms, to_ms=window.ends_ms)
    engine.answer("list_suspect_facts", "suspect_fact")
    with telling_failures():
        connection.execute(
            _SESSIONS.make_looked,
            {
                "starts_ms": window.starts_ms,
                "ends_ms": window.ends_ms,
                "session_gap_ms": measures.session_gap_ms,
            },
        )
        connection.execute(_SESSIONS.make_lookups)


def list_tallies(connection: Connection, *, has_cards: bool) -> list[TallyRow]:
    """Return what each session did, in the window and before it.

    Args:
        connection: The embedded database.
        has_cards: Whether any log knows of cards: without, nothing can be called typed.
    """
    with telling_failures():
        rows = connection.execute(
            _SESSIONS.list_session_tallies, {"has_cards": has_cards}
        ).fetchall()
    return [TallyRow(*row) for row in rows]


def list_origins(connection: Connection) -> list[tuple[int, bool, str, str]]:
    """Return from where and with what each session came: session, in window, address, agent."""
    with telling_failures():
        return [row[:4] for row in connection.execute(_SESSIONS.list_origins).fetchall()]


def list_hours(connection: Connection) -> dict[tuple[int, bool], dict[int, int]]:
    """Return at which hours of Paris each session asked, in the window and before it."""
    with telling_failures():
        rows = connection.execute(_SESSIONS.list_hours).fetchall()
    hours: dict[tuple[int, bool], dict[int, int]] = {}
    for session_ref, in_window, hour, lookups in rows:
        hours.setdefault((session_ref, in_window), {})[hour] = lookups
    return hours


def list_ordered_runs(connection: Connection) -> dict[int, int]:
    """Return the longest run of identifiers in order of each session that asked for any."""
    with telling_failures():
        return dict(connection.execute(_SESSIONS.list_ordered_runs).fetchall())


def list_claims_followed(connection: Connection, *, claim_days: int) -> dict[int, tuple[int, int]]:
    """Return how many look-ups of each session have a person, and how many a claim followed."""
    with telling_failures():
        rows = connection.execute(
            _SESSIONS.list_claims_followed, {"claim_days": claim_days}
        ).fetchall()
    return {session_ref: (known, followed) for session_ref, known, followed in rows}


def list_labels(connection: Connection) -> dict[int, Label]:
    """Return how the logs call each session, by its number."""
    with telling_failures():
        rows = connection.execute(_SESSIONS.list_labels).fetchall()
    return {row[0]: Label(*row) for row in rows}


def settle_registry(connection: Connection, *, window: Window) -> list[InsurerCount]:
    """Make persons of the rows, say who cannot be concerned; return what there is by insurer."""
    with telling_failures():
        connection.execute(_REGISTRY.make_line)
        connection.execute(_REGISTRY.add_insurer_names)
        connection.execute(
            _REGISTRY.make_person, {"ends_ms": window.ends_ms, "ahead_days": AHEAD_DAYS}
        )
        rows = connection.execute(_REGISTRY.count_registry).fetchall()
    return [InsurerCount(*row) for row in rows]


def find_exposed(
    connection: Connection,
    verdicts: Iterable[tuple[int, str, bool, bool]],
    *,
    measures: Measures,
) -> int:
    """Find whom sessions were shown, but for what is proved to be their owners' work.

    Args:
        connection: The embedded database.
        verdicts: Session, verdict, whether it came from a usual place, whether somebody answers
            for the verdict.
        measures: What the definitions depend on.

    Returns:
        How many identifiers lead to nobody and look like none of the registry's.
    """
    bits = {"shared_fields": measures.shared_fields}
    with telling_failures():
        _insert(connection, "verdict", verdicts, 4)
        connection.execute(_EXPOSURE.make_shown, {**bits, "claim_days": measures.claim_days})
        for name in ("make_asked", "make_candidate", "make_found"):
            connection.execute(_EXPOSURE[name])
        connection.execute(_EXPOSURE.make_exposure, {"nir_field": measures.nir_field})
        connection.execute(_EXPOSURE.make_doubt)
        connection.execute(_EXPOSURE.make_stranger)
        [[strange]] = connection.execute(_EXPOSURE.count_unmatched).fetchall()
        if strange:
            # The shapes of a whole registry take a while: only when there is something to compare.
            [[strange]] = connection.execute(_EXPOSURE.find_strange_shapes).fetchall()
    return int(strange)


def find_general_doubt(connection: Connection) -> int:
    """Return bits of reasons, found in what a thief searched or saw, why nobody is excluded."""
    with telling_failures():
        [[reasons]] = connection.execute(_EXPOSURE.find_general_doubt).fetchall()
    return int(reasons)


def settle_answer(connection: Connection, *, doubts: int) -> None:
    """Give everybody of the registry a tier.

    Args:
        connection: The embedded database.
        doubts: Bits of reasons why nobody at all can be excluded; 0 for none.
    """
    with telling_failures():
        connection.execute(_EXPOSURE.make_answer, {"doubts": doubts})


def stream(
    connection: Connection, query: str, values: Mapping[str, Any] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a query of `scope_lists.sql`, a batch at a time."""
    with telling_failures():
        text = load_queries("embedded/scope_lists")[query]
        yield from connection.sql(text, params=dict(values or {})).to_arrow_reader(1 << 14)


def describe(
    connection: Connection, query: str, values: Mapping[str, Any] | None = None
) -> pa.Schema:
    """Return the columns of a query of `scope_lists.sql`, for a list of nobody."""
    with telling_failures():
        text = load_queries("embedded/scope_lists")[query]
        reader = connection.sql(text, params=dict(values or {})).to_arrow_reader(1)
    return pa.schema(reader.schema)


def fetch(
    connection: Connection, query: str, values: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """Return the rows of a query of `scope_lists.sql`."""
    with telling_failures():
        text = load_queries("embedded/scope_lists")[query]
        return connection.execute(text, dict(values or {})).fetchall()


def _insert(connection: Connection, table: str, rows: Iterable[Sequence[Any]], width: int) -> None:
    """Add rows to a table; none at all adds nothing."""
    columns = list(zip(*rows, strict=True))
    if columns:
        named = {f"c{place}": list(columns[place]) for place in range(width)}
        connection.from_arrow(pa.table(named)).insert_into(table)
