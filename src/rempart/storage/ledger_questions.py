"""The two questions to the ledger: who has seen a person, whom a session or an account has seen.

Hot rows are read from PostgreSQL by named SQL, cold ones from the files of sealed segments by one
Ibis expression per question, which DuckDB or Spark runs; both streams come sorted and are merged
row by row. Refuses to count an entry twice, and to pass over in silence what could not be read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple
from uuid import UUID

import ibis

from rempart.disclosure.entry import Kind
from rempart.disclosure.reach import (
    LogSpan,
    Place,
    Reach,
    SealedSegment,
    Stretch,
    decide_stretches,
)
from rempart.kernel.errors import Conflict, InvalidRequest, Unavailable
from rempart.storage.analytics import ENTRIES, Engine, SealedFiles
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("ledger_questions")
# References in one question: they are written into it.
MAX_REFERENCES: Final = 100_000
_FETCHED_ROWS: Final = 10_000
_LOOK_UPS: Final = (int(Kind.DISCLOSE), int(Kind.NEGATIVE))


class Seen(NamedTuple):
    """One entry about a person, in the names of the columns of `ledger.entry`."""

    log_id: int
    idx: int
    kind: int
    t_ms: int
    account_ref: int
    session_ref: int
    person_ref: int
    insurer_id: int
    purpose: int
    mode: int
    domain: int
    care_day: int
    outcome: int
    fields: int
    schema_version: int
    data_version: int


class SeenPerson(NamedTuple):
    """One person of one insurer, as shown to some accounts or sessions: fields are united."""

    person_ref: int
    insurer_id: int
    fields: int
    lookups: int
    first_ms: int
    last_ms: int


class ColdLookup(NamedTuple):
    """One look-up of an account, as an incident needs it."""

    log_id: int
    idx: int
    kind: int
    t_ms: int
    account_ref: int
    session_ref: int
    person_ref: int
    insurer_id: int
    mode: int
    outcome: int
    lookup_key: bytes
    fields: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the openings of a window are: found once by `find_sources`, for one question.

    Args:
        tx: A transaction that may read the ledger, at the isolation READ COMMITTED.
        reach: What will be looked at.
        segments: The sealed segments as they were when the sources were found.
        files: The files of sealed segments; None for a place that reaches none: a question that
            needs them fails.
    """

    tx: Transaction
    reach: Reach
    segments: Mapping[tuple[int, int], SealedSegment]
    files: SealedFiles | None

    def list_files(
        self, name: Callable[[SealedSegment], str], log_id: int | None = None
    ) -> list[str]:
        """Return the files to read, of one log or of all."""
        return [
            name(self.segments[one.log_id, one.segment])
            for one in self.reach.stretches
            if one.place is Place.COLD and log_id in (None, one.log_id)
        ]

    def open_engine(self) -> AbstractContextManager[Engine]:
        """Open what reads the files.

        Raises:
            Unavailable: no files were given.
        """
        if self.files is None:
            raise Unavailable(
                "a part of the ledger that is needed is in sealed files only: "
                "ask where REMPART_SEGMENTS leads to them"
            )
        return self.files.open_engine()

    def check_unmoved(self) -> None:
        """Check that no segment left the database between the look at where it was and now.

        To be called once the hot rows are being read: from then on they cannot leave.

        Raises:
            Conflict: one was moved meanwhile: its rows might be in neither half of the answer.
        """
        if _load_segments(self.tx) != self.segments:
            raise Conflict("a segment was moved while the answer was prepared: ask again")


def find_sources(
    tx: Transaction, files: SealedFiles | None, *, from_ms: int, to_ms: int
) -> Sources:
    """Find where the openings of a window are.

    Args:
        tx: A transaction that may read the ledger.
        files: The files of sealed segments.
        from_ms: The window's first instant, Unix milliseconds.
        to_ms: The instant after its last one.

    Raises:
        InvalidRequest: the window ends before it starts.
    """
    if to_ms <= from_ms:
        raise InvalidRequest("the period ends before it starts: check the two instants")
    window = {"from_ms": from_ms, "to_ms": to_ms}
    segments = _load_segments(tx)
    spans = [LogSpan(*row) for row in tx.execute(QUERIES.list_spans, window)]
    erased = tx.execute(
        QUERIES.count_erased,
        {
            "log_ids": [span.log_id for span in spans],
            "starts": [span.start for span in spans],
            "stops": [span.stop for span in spans],
        },
    ).fetchall()
    stretches = decide_stretches(spans, segments, from_ms=from_ms, to_ms=to_ms)
    return Sources(
        tx=tx,
        reach=Reach(
            from_ms=from_ms,
            to_ms=to_ms,
            stretches=tuple(_note_loss(one, segments, files) for one in stretches),
            erased=dict(erased),
        ),
        segments=segments,
        files=files,
    )


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
    cold = _read_by_log(
        sources,
        ask_who_saw(persons, from_ms=from_ms, to_ms=to_ms),
        lambda segment: segment.by_person_name,
    )
    parameters = {
        **_list_ranges(sources.reach),
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
        **_list_ranges(sources.reach),
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


def read_cold_lookups(
    sources: Sources, account_refs: Iterable[int], *, from_ms: int, to_ms: int
) -> Iterator[ColdLookup]:
    """Yield the look-ups of some accounts that are in sealed files only, in no order.

    Raises:
        Unavailable: a sealed segment cannot be read.
    """
    question = ask_lookups(check_references(account_refs), from_ms=from_ms, to_ms=to_ms)
    for row in read_cold(sources, question, lambda segment: segment.by_account_name):
        yield ColdLookup(*row)


def read_cold(
    sources: Sources, question: ibis.Table, name: Callable[[SealedSegment], str]
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of one question over the cold files of all logs; opens no engine for none."""
    files = sources.list_files(name)
    if files:
        with sources.open_engine() as engine:
            yield from engine.answer(question, files)


# ---- the questions, once for every engine --------------------------------------------------------


@ibis.udf.agg.builtin  # type: ignore[untyped-decorator]
def bit_or(fields: int) -> int:  # type: ignore[empty-body]
    """Unite bitmaps; the name is the engines' own, which Ibis does not know for Spark."""


def ask_who_saw(person_refs: Sequence[int], *, from_ms: int, to_ms: int) -> ibis.Table:
    """Ask for every entry about some persons; the log is the file's."""
    columns = Seen._fields[1:]
    rows = _describe_entries(columns)
    return rows.filter(
        rows.person_ref.isin(person_refs), rows.t_ms >= from_ms, rows.t_ms < to_ms
    ).select(*columns)


def ask_seen_by(
    account_refs: Sequence[int] | None,
    session_refs: Sequence[int] | None,
    *,
    from_ms: int,
    to_ms: int,
) -> ibis.Table:
    """Ask for the persons shown to some accounts, or sessions; None is all of them."""
    rows = _describe_entries(
        ("account_ref", "session_ref", "person_ref", "insurer_id", "kind", "t_ms", "fields")
    )
    shown = rows.filter(
        rows.kind.isin(_LOOK_UPS), rows.person_ref != 0, rows.t_ms >= from_ms, rows.t_ms < to_ms
    )
    if account_refs is not None:
        shown = shown.filter(shown.account_ref.isin(account_refs))
    if session_refs is not None:
        shown = shown.filter(shown.session_ref.isin(session_refs))
    return (
        shown.group_by("person_ref", "insurer_id")
        .aggregate(
            fields=bit_or(shown.fields),
            lookups=shown.count(),
            first_ms=shown.t_ms.min(),
            last_ms=shown.t_ms.max(),
        )
        .order_by("person_ref", "insurer_id")
    )


def ask_lookups(account_refs: Sequence[int], *, from_ms: int, to_ms: int) -> ibis.Table:
    """Ask for the look-ups of some accounts, one by one."""
    rows = _describe_entries(ColdLookup._fields)
    return rows.filter(
        rows.account_ref.isin(account_refs),
        rows.kind.isin(_LOOK_UPS),
        rows.t_ms >= from_ms,
        rows.t_ms < to_ms,
    ).select(*ColdLookup._fields)


def _describe_entries(columns: Iterable[str]) -> ibis.Table:
    return ibis.table({name: _TYPES.get(name, "int64") for name in columns}, name=ENTRIES)


_TYPES: Final = {
    **dict.fromkeys(
        ("log_id", "kind", "purpose", "mode", "domain", "outcome", "schema_version"), "int16"
    ),
    **dict.fromkeys(("insurer_id", "care_day"), "int32"),
    "lookup_key": "binary",
}


# ---- parts ---------------------------------------------------------------------------------------


def _load_segments(tx: Transaction) -> dict[tuple[int, int], SealedSegment]:
    rows = [SealedSegment(*row) for row in tx.execute(QUERIES.list_segments)]
    return {(one.log_id, one.segment): one for one in rows}


def _note_loss(
    stretch: Stretch,
    segments: Mapping[tuple[int, int], SealedSegment],
    files: SealedFiles | None,
) -> Stretch:
    """Mark a stretch whose files should be in the store and are not."""
    if files is None or stretch.place is not Place.COLD:
        return stretch
    segment = segments[stretch.log_id, stretch.segment]
    names = (segment.by_account_name, segment.by_person_name)
    there = all(files.store.has(name) for name in names)
    return stretch if there else stretch._replace(place=Place.LOST)


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


def _list_ranges(reach: Reach) -> dict[str, list[int]]:
    ranges = reach.list_hot_ranges()
    log_ids, starts, stops = zip(*ranges, strict=True) if ranges else ((), (), ())
    return {"log_ids": list(log_ids), "starts": list(starts), "stops": list(stops)}


def _read_by_log(
    sources: Sources, question: ibis.Table, name: Callable[[SealedSegment], str]
) -> list[tuple[Any, ...]]:
    """Return the rows of a question log by log, the log in front: files by person do not say it."""
    logs = sorted({one.log_id for one in sources.reach.stretches if one.place is Place.COLD})
    if not logs:
        return []
    with sources.open_engine() as engine:
        return [
            (log_id, *row)
            for log_id in logs
            for row in engine.answer(question, sources.list_files(name, log_id))
        ]


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
