"""The two questions to the ledger: who has seen a person, whom a session or an account has seen.

Hot rows are read from PostgreSQL by named SQL, cold ones from the files of sealed segments by one
Ibis expression per question, which DuckDB or Spark runs; both streams come sorted and are merged
row by row. Refuses to count an entry twice, and to pass over in silence what could not be read.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final
from uuid import UUID

from rempart.kernel.errors import InvalidRequest
from rempart.storage.connect import Transaction
from rempart.storage.ledger_expressions import (
    Seen,
    SeenPerson,
    ask_seen_by,
    ask_who_saw,
)
from rempart.storage.ledger_sources import Sources, read_cold, read_cold_by_log
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("ledger_questions")
# References in one question: they are written into it.
MAX_REFERENCES: Final = 100_000
_FETCHED_ROWS: Final = 10_000


def find_session_accounts(tx: Transaction, session_refs: Iterable[int]) -> dict[int, int]:
    """Return the account of each session; sessions nobody opened are left out."""
    rows = tx.execute(QUERIES.find_session_accounts, {"session_refs": sorted(set(session_refs))})
    return dict(rows.fetchall())


def find_persons(tx: Transaction, lookup_key: bytes) -> list[int]:
    """Return the persons a key leads to or ever led to; the role is feeds."""
    rows = tx.execute(QUERIES.find_persons, {"lookup_key": UUID(bytes=lookup_key)})
    return [person_ref for (person_ref,) in rows]


def check_references(refs: Iterable[int]) -> list[int]:
    """Return references in order, each once.

    Raises:
        InvalidRequest: there is none, or more than a question holds.
    """
    found = sorted(set(refs))
    if not 0 < len(found) <= MAX_REFERENCES:
        raise InvalidRequest(
            f"a question is about 1 to {MAX_REFERENCES:,} references, not {len(found):,}: "
            "ask several"
        )
    return found


def who_saw(
    sources: Sources, person_refs: Iterable[int], *, from_ms: int, to_ms: int
) -> Sequence[Seen]:
    """Return every entry about some persons, oldest first.

    Args:
        sources: Found for a window that holds this one.
        person_refs: The persons.
        from_ms: First instant.
        to_ms: The instant after the last one.

    Raises:
        Unavailable: a sealed segment cannot be read.
        Conflict: a segment was moved meanwhile.
    """
    persons = check_references(person_refs)
    cold = read_cold_by_log(
        sources,
        ask_who_saw(persons, from_ms=from_ms, to_ms=to_ms),
        lambda segment: segment.by_person_name,
    )
    parameters = {
        **sources.list_ranges(),
        "person_refs": persons,
        "from_ms": from_ms,
        "to_ms": to_ms,
    }
    hot = [Seen(*row) for row in sources.tx.execute(QUERIES.who_saw, parameters)]
    sources.check_unmoved()
    return sorted([*hot, *(Seen(*row) for row in cold)], key=_by_time)


def seen_by(
    sources: Sources,
    *,
    account_refs: Iterable[int] | None = None,
    session_refs: Iterable[int] | None = None,
    from_ms: int,
    to_ms: int,
) -> Iterator[SeenPerson]:
    """Yield the persons shown to some accounts, or to some sessions, by person then insurer.

    Args:
        sources: Found for a window that holds this one.
        account_refs: The accounts, whatever their session; or
        session_refs: the sessions. Exactly one of the two is given.
        from_ms: First instant.
        to_ms: The instant after the last one.

    Raises:
        InvalidRequest: both were given, or neither, or too many.
        Unavailable: a sealed segment cannot be read.
        Conflict: a segment was moved meanwhile: nothing was yielded.
    """
    accounts, sessions = _narrow(sources.tx, account_refs, session_refs)
    question = ask_seen_by(accounts, sessions, from_ms=from_ms, to_ms=to_ms)
    parameters = {
        **sources.list_ranges(),
        "account_refs": accounts,
        "session_refs": sessions,
        "from_ms": from_ms,
        "to_ms": to_ms,
    }
    cold = read_cold(sources, question, lambda segment: segment.by_account_name)
    # The first row comes once the engine has sorted them all: the database's rows are held in place
    # for as long as it takes to write the answer, not to find it.
    first = next(cold, None)
    rows = cold if first is None else chain((first,), cold)
    with sources.tx.cursor("seen_by") as cursor:
        cursor.itersize = _FETCHED_ROWS
        cursor.execute(QUERIES.seen_by, parameters)
        sources.check_unmoved()
        yield from _unite(iter(cursor), rows)


def _narrow(
    tx: Transaction, account_refs: Iterable[int] | None, session_refs: Iterable[int] | None
) -> tuple[list[int] | None, list[int] | None]:
    """Return the accounts and the sessions to look for; None for no condition.

    Files and indexes are by account, so the accounts of sessions are worth knowing. A session that
    is not on record has none: then every account is looked at, rather than its entries be missed.
    """
    if (account_refs is None) == (session_refs is None):
        raise InvalidRequest("ask about accounts or about sessions: exactly one of the two")
    if account_refs is not None:
        return check_references(account_refs), None
    sessions = check_references(session_refs or ())
    accounts = find_session_accounts(tx, sessions)
    return sorted(set(accounts.values())) if len(accounts) == len(sessions) else None, sessions


def _unite(hot: Iterator[tuple[Any, ...]], cold: Iterator[tuple[Any, ...]]) -> Iterator[SeenPerson]:
    """Merge two answers in order, each person of each insurer once.

    Either has a person once at most. What is left of one when the other ends passes untouched:
    most answers are from one side.
    """
    ours, theirs = next(hot, None), next(cold, None)
    while ours is not None and theirs is not None:
        if ours[:2] == theirs[:2]:
            yield _add(SeenPerson(*ours), SeenPerson(*theirs))
            ours, theirs = next(hot, None), next(cold, None)
        elif ours[:2] < theirs[:2]:
            yield SeenPerson(*ours)
            ours = next(hot, None)
        else:
            yield SeenPerson(*theirs)
            theirs = next(cold, None)
    for row, rest in ((ours, hot), (theirs, cold)):
        if row is not None:
            yield SeenPerson(*row)
            # Made by the tuple itself: a named tuple's own ways cost as much as finding the row.
            yield from map(partial(tuple.__new__, SeenPerson), rest)


def _add(one: SeenPerson, other: SeenPerson) -> SeenPerson:
    return one._replace(
        fields=one.fields | other.fields,
        lookups=one.lookups + other.lookups,
        first_ms=min(one.first_ms, other.first_ms),
        last_ms=max(one.last_ms, other.last_ms),
    )


def _by_time(entry: Seen) -> tuple[int, int, int]:
    return entry.t_ms, entry.log_id, entry.idx
