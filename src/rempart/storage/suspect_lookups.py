"""The look-ups of an incident's suspect accounts, wherever they are: counted, and listed by person.

Those of sealed files are read where they are, those of the database by their ranges, once each;
what an analysis makes of them is made in an embedded database of bounded memory that ends with it.
Nothing of a sealed file goes back to PostgreSQL but the list. Refuses to judge: verdicts come in.
Role: analyst.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final, overload
from uuid import UUID

import duckdb
import pyarrow as pa

from rempart.disclosure.entry import Mode, Outcome
from rempart.disclosure.fields import FIELDS_TYPED
from rempart.incidents.attribution import SessionVerdict, Verdict
from rempart.incidents.evidence import LookUp, Session, SessionTally, spread_hours
from rempart.incidents.exposure import ExposedPerson, Guesses, Tier, TierCounts
from rempart.kernel.errors import Unavailable
from rempart.kernel.instants import from_ms
from rempart.storage.analytics import Means, SealedFiles, open_embedded
from rempart.storage.connect import Transaction
from rempart.storage.incidents import Incident, Tallies
from rempart.storage.ledger_expressions import (
    LOOKED,
    SUSPECTS,
    ColdLookup,
    ask_lookups,
    ask_tries,
)
from rempart.storage.ledger_questions import check_references
from rempart.storage.ledger_sources import Sources, find_sources, read_cold, read_cold_batches
from rempart.storage.queries import load_queries
from rempart.tariffs.parameters import value_on

QUERIES: Final = load_queries("suspect_lookups")
EMBEDDED: Final = load_queries("embedded/incident_lookups")
_DAY_MS: Final = 86_400_000
_FETCHED_ROWS: Final = 1 << 16
_BATCH_ROWS: Final = 1 << 14
_TIERS: Final = {str(one): one for one in Tier}
_INT: Final = pa.int64()
# The columns of the tables that are filled row by row.
_COLUMNS: Final = {
    "looked": (*[_INT] * 4, pa.int32(), pa.int16(), _INT),
    "tried": (pa.int32(), pa.binary(), _INT),
    "claimed": (_INT, _INT, _INT),
    "spoiled": (_INT, _INT, _INT),
    "canary": (_INT,),
    "verdict": (_INT, pa.string(), pa.bool_(), pa.bool_()),
}


class ExposedList(Sequence[ExposedPerson]):
    """The list of an analysis, by insurer then person: columns in memory, persons made when read.

    Args:
        table: The columns of `list_exposed`.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __iter__(self) -> Iterator[ExposedPerson]:
        for batch in self._table.to_batches(_BATCH_ROWS):
            yield from map(_make_person, *(column.to_pylist() for column in batch.columns))

    def count_tiers(self) -> TierCounts:
        """Count the persons by insurer and tier."""
        counted = self._table.group_by(["insurer_id", "tier"]).aggregate([([], "count_all")])
        columns = (counted[name].to_pylist() for name in ("insurer_id", "tier", "count_all"))
        return {(i, _TIERS[tier]): persons for i, tier, persons in zip(*columns, strict=True)}

    @overload
    def __getitem__(self, index: int) -> ExposedPerson: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ExposedPerson]: ...
    def __getitem__(self, index: int | slice) -> ExposedPerson | Sequence[ExposedPerson]:
        if isinstance(index, slice):
            return tuple(self)[index]
        [person] = ExposedList(self._table.slice(range(len(self))[index], 1))
        return person

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(one == theirs for one, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


class SuspectLookups:
    """What suspect accounts asked, at hand for the length of one analysis.

    Args:
        incident: The incident.
        sources: Where the ledger is, from the past that is looked at to the window's end.
        connection: The embedded database; it holds the look-ups.
        as_of_ms: Until when claims are known.
    """

    def __init__(
        self,
        incident: Incident,
        sources: Sources,
        connection: duckdb.DuckDBPyConnection,
        as_of_ms: int,
    ) -> None:
        self.sources = sources
        self._incident = incident
        self._connection = connection
        self._as_of_ms = as_of_ms

    def add_up(self) -> Tallies:
        """Add up what each session did, before the window and in it."""
        tx, window = self.sources.tx, self._incident.window
        values = {
            "starts_ms": window.starts_ms,
            "claim_ms": find_claim_ms(self._incident),
            "as_of_ms": self._as_of_ms,
        }
        with _telling_failures():
            rows = self._connection.execute(EMBEDDED.list_session_tallies, values).fetchall()
        refs = {"session_refs": sorted({row[1] for row in rows})}
        origins = {row[0]: row[1:] for row in tx.execute(QUERIES.list_origins, refs)}
        tallies: dict[bool, list[SessionTally]] = {False: [], True: []}
        for account_ref, session_ref, in_window, *sums in rows:
            address, agent, key = origins.get(session_ref, ("", "", ""))
            session = Session(
                session_ref=session_ref,
                account_ref=account_ref,
                address=address,
                agent=agent,
                key=key,
            )
            tallies[in_window].append(_make_tally(session, sums))
        return Tallies(past=tuple(tallies[False]), in_window=tuple(tallies[True]))

    def list_exposed(self, verdicts: Sequence[SessionVerdict]) -> ExposedList:
        """List the persons the sessions of the window were shown, by these verdicts; once."""
        values = {
            "starts_ms": self._incident.window.starts_ms,
            "typed_fields": int(FIELDS_TYPED),
        }
        with _telling_failures():
            self._insert(
                "verdict",
                ((v.session_ref, str(v.verdict), v.usual_place, v.is_overruled) for v in verdicts),
            )
            self._connection.execute(EMBEDDED.make_exposed, values)
            return ExposedList(self._connection.sql(EMBEDDED.list_exposed).to_arrow_table())

    def save_exposed(self, *, analysis: int) -> None:
        """Write the list that was made beside the one of the analysis before."""
        values = {"incident_id": self._incident.incident_id, "analysis": analysis}
        with _telling_failures():
            rows = self._connection.sql(EMBEDDED.format_exposed).to_arrow_reader(_BATCH_ROWS)
            for batch in rows:
                columns = batch.to_pydict()
                literals = {
                    name: f"{{{','.join(map(str, column))}}}" for name, column in columns.items()
                }
                self.sources.tx.execute(QUERIES.insert_exposed_persons, {**values, **literals})

    def count_guesses(self, verdicts: Sequence[SessionVerdict]) -> tuple[Guesses, ...]:
        """Count what thieves tried in vain, per insurer named."""
        theirs = sorted(v.session_ref for v in verdicts if v.verdict is not Verdict.OWNER)
        if not theirs:
            return ()
        window = self._incident.window
        times = {"from_ms": window.starts_ms, "to_ms": window.ends_ms}
        hot = self.sources.tx.execute(
            QUERIES.list_tries, {**_reach(self.sources, self._incident), "session_refs": theirs}
        )
        cold = read_cold(
            self.sources,
            ask_tries(**times),
            lambda segment: segment.by_account_name,
            {SUSPECTS: theirs},
        )
        with _telling_failures():
            self._insert("tried", ((i, key.bytes, count) for i, key, count in hot))
            self._insert("tried", cold)
            rows = self._connection.execute(EMBEDDED.count_guesses).fetchall()
        return tuple(Guesses(insurer_id=i, lookups=lookups, keys=keys) for i, lookups, keys in rows)

    def _insert(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        insert_rows(self._connection, table, rows)


@contextlib.contextmanager
def gather_lookups(
    tx: Transaction, incident: Incident, sources: Sources, *, as_of_ms: int = 0
) -> Iterator[SuspectLookups]:
    """Have the look-ups of the suspect accounts at hand for the length of the block.

    Args:
        tx: A transaction of the role analyst.
        incident: The incident.
        sources: Found from the past that is looked at to the window's end.
        as_of_ms: Claims that came before this instant say which look-ups they followed; 0: none.

    Raises:
        Unavailable: sealed segments are needed, and cannot be read or no files were given.
        Conflict: a segment left the database meanwhile: ask again.
    """
    means = sources.files.means if sources.files is not None else Means()
    with open_embedded(means) as connection:
        for name in _COLUMNS:
            connection.execute(EMBEDDED[f"make_{name}"])
        values = _reach(sources, incident)
        claim_ms = find_claim_ms(incident)
        times = {"claim_ms": claim_ms, "as_of_ms": as_of_ms}
        if incident.account_refs:
            _gather(connection, sources, incident)
        insert_rows(connection, "spoiled", tx.execute(QUERIES.list_spoiled, values))
        insert_rows(connection, "canary", tx.execute(QUERIES.list_canaries))
        insert_rows(connection, "claimed", tx.execute(QUERIES.list_claimed, {**values, **times}))
        with _telling_failures():
            connection.execute(EMBEDDED.make_followed, {"claim_ms": claim_ms})
        yield SuspectLookups(incident, sources, connection, as_of_ms)
    sources.check_unmoved()


def find_lookups(
    tx: Transaction, incident: Incident, files: SealedFiles | None, *, past_ms: int
) -> Sources:
    """Find where the look-ups of an incident are, and those of the past before it."""
    window = incident.window
    return find_sources(tx, files, from_ms=max(0, window.starts_ms - past_ms), to_ms=window.ends_ms)


def find_claim_ms(incident: Incident) -> int:
    """Return how long a claim has to follow a look-up of an incident's window, in ms."""
    began = from_ms(incident.window.starts_ms)
    return value_on("claim_follows_days", began.date()) * _DAY_MS


def read_clock(tx: Transaction) -> int:
    """Return the database's clock, Unix milliseconds."""
    [(now_ms,)] = tx.execute(QUERIES.read_clock)
    return int(now_ms)


def load_suspect_lookups(
    tx: Transaction, incident: Incident, sources: Sources, *, as_of_ms: int = 0
) -> list[LookUp]:
    """Return every look-up of the suspect accounts in the window, in order of time.

    A canary is nobody to be told, and is left out. Claims that came before `as_of_ms` are noted
    where they followed; that none did is not.
    """
    if not incident.account_refs:
        return []
    window = incident.window
    canaries = {row[0] for row in tx.execute(QUERIES.list_canaries)}
    cold = read_cold(
        sources,
        ask_lookups(ColdLookup._fields, from_ms=window.starts_ms, to_ms=window.ends_ms),
        lambda segment: segment.by_account_name,
        {SUSPECTS: check_references(incident.account_refs)},
    )
    hot = tx.execute(QUERIES.list_suspect_lookups, _reach(sources, incident))
    found = [_make_lookup(row, row[7]) for row in hot]
    found += (_make_lookup(row, UUID(bytes=row[7])) for row in cold)
    claim_ms = find_claim_ms(incident)
    values = {**_reach(sources, incident), "claim_ms": claim_ms, "as_of_ms": as_of_ms}
    claims: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for account_ref, person_ref, t_ms in tx.execute(QUERIES.list_claimed, values):
        claims[account_ref, person_ref].append(t_ms)
    kept = (one for one in found if one.person_ref not in canaries)
    return sorted((_note_claim(one, claims, claim_ms) for one in kept), key=_by_time)


def insert_rows(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Sequence[Any]]
) -> None:
    """Add rows to a table of the embedded database."""
    types = _COLUMNS[table]
    ahead = iter(rows)
    while some := list(islice(ahead, _FETCHED_ROWS)):
        columns = zip(*some, strict=True)
        arrays = [pa.array(c, t) for c, t in zip(columns, types, strict=True)]
        names = [f"c{place}" for place in range(len(types))]
        connection.from_arrow(pa.table(arrays, names=names)).insert_into(table)


def _gather(connection: duckdb.DuckDBPyConnection, sources: Sources, incident: Incident) -> None:
    reach = sources.reach
    question = ask_lookups(LOOKED, from_ms=reach.from_ms, to_ms=reach.to_ms)
    cold = read_cold_batches(
        sources,
        question,
        lambda segment: segment.by_account_name,
        {SUSPECTS: check_references(incident.account_refs)},
    )
    with _telling_failures():
        for batch in cold:
            connection.from_arrow(pa.Table.from_batches([batch])).insert_into("looked")
        with sources.tx.cursor("looked", binary=True) as hot:
            hot.itersize = _FETCHED_ROWS
            hot.execute(QUERIES.list_lookups, _reach(sources, incident))
            insert_rows(connection, "looked", hot)


def _reach(sources: Sources, incident: Incident) -> dict[str, Any]:
    return {
        **sources.list_ranges(),
        "incident_id": incident.incident_id,
        "account_refs": list(incident.account_refs),
        "from_ms": sources.reach.from_ms,
        "starts_ms": incident.window.starts_ms,
        "ends_ms": incident.window.ends_ms,
    }


def _make_tally(session: Session, sums: Sequence[Any]) -> SessionTally:
    lookups, typed, presences, nobody, known_faces, first_ms, last_ms, squares = sums[:8]
    hours, followed, unfollowed, readings = sums[8:]
    known = followed + unfollowed
    return SessionTally(
        session=session,
        lookups=lookups,
        typed=typed,
        presences=presences,
        nobody=nobody,
        known_faces=known_faces,
        first_ms=first_ms,
        last_ms=last_ms,
        gap_squares=int(squares),
        hours=spread_hours(hours),
        claims_known=known or None,
        claims_followed=followed if known else None,
        readings=readings,
    )


def _make_lookup(row: tuple[Any, ...], lookup_key: UUID) -> LookUp:
    account_ref, session_ref, t_ms, mode, outcome, insurer_id, person_ref, _, fields = row
    return LookUp(
        account_ref=account_ref,
        session_ref=session_ref,
        t_ms=t_ms,
        mode=Mode(mode),
        outcome=Outcome(outcome),
        insurer_id=insurer_id,
        person_ref=person_ref,
        lookup_key=lookup_key,
        fields=fields,
        typed_fields=FIELDS_TYPED if mode == Mode.TYPED else 0,
    )


def _note_claim(
    lookup: LookUp, claims: Mapping[tuple[int, int], Sequence[int]], claim_ms: int
) -> LookUp:
    """Note that a claim followed a look-up; reading a claim is none."""
    instants = claims.get((lookup.account_ref, lookup.person_ref), ())
    if lookup.is_reading or not any(0 <= t_ms - lookup.t_ms < claim_ms for t_ms in instants):
        return lookup
    return replace(lookup, claim_followed=True)


def _make_person(
    insurer_id: int,
    person_ref: int,
    tier: str,
    fields: int,
    gained: int,
    lookups: int,
    sessions: Sequence[int],
) -> ExposedPerson:
    return ExposedPerson(
        insurer_id=insurer_id,
        person_ref=person_ref,
        tier=_TIERS[tier],
        fields=fields,
        lookups=lookups,
        sessions=tuple(sessions),
        gained=gained,
    )


def _by_time(lookup: LookUp) -> int:
    return lookup.t_ms


@contextlib.contextmanager
def _telling_failures() -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as failure:
        raise Unavailable(
            "the memory given is not enough and the disk beside it is full: free some space in the "
            "temporary directory, or raise REMPART_QUESTION_MEMORY"
        ) from failure
