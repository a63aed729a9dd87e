"""What an exercise asks of the database besides the incident itself: accounts, the truth, a report.

Refuses to let the truth near the judgement: it is compared with the list once the list is written.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from rempart.disclosure.acts import About, Author, LedgerRead
from rempart.incidents.attribution import judge_sessions
from rempart.incidents.evidence import (
    Habit,
    LookUp,
    Session,
    SessionTally,
    note_claims,
    summarise_habit,
    summarise_session,
)
from rempart.incidents.exposure import ExposedPerson, compute_exposure
from rempart.kernel.errors import NotFound
from rempart.kernel.instants import from_ms
from rempart.storage import incidents
from rempart.storage.connect import Transaction
from rempart.storage.incidents import FoundPerson
from rempart.storage.suspect_lookups import (
    find_claim_ms,
    find_lookups,
    gather_lookups,
    load_suspect_lookups,
)
from rempart.workflows.incidents.expose_persons import PAST_DAYS
from rempart.workflows.ledger.record_act import ActsLog, record_act

__all__ = [
    "FoundPerson",
    "draw_timeline",
    "expose_with_facts",
    "find_persons",
    "list_insurer_names",
    "save_exercise_report",
]


_DAY_MS: Final = 86_400_000


def find_persons(tx: Transaction, lookup_keys: Collection[UUID]) -> dict[UUID, FoundPerson]:
    """Return whom keys find today; a key that finds nobody is left out."""
    return incidents.find_persons(tx, lookup_keys)


def list_insurer_names(tx: Transaction) -> dict[int, str]:
    """Return the insurers' names by number."""
    return incidents.list_insurer_names(tx)


def draw_timeline(
    tx: Transaction, incident_id: int, *, from_ms: int, to_ms: int, slice_ms: int
) -> list[dict[str, Any]]:
    """Count everybody's look-ups per slice of time, by whom they were held to be.

    Args:
        tx: A transaction of the role analyst.
        incident_id: An incident whose persons were exposed.
        from_ms: First instant, Unix milliseconds.
        to_ms: Last instant, excluded.
        slice_ms: How long a slice is.

    Returns:
        One point per slice, empty ones included: `minute` (its first instant, ISO 8601), `lawful`,
        `attributed`.
    """
    counted = {
        part.number: part
        for part in incidents.count_timeline(
            tx, incident_id, from_ms=from_ms, to_ms=to_ms, slice_ms=slice_ms
        )
    }
    points = []
    for number in range(-(-(to_ms - from_ms) // slice_ms)):
        part = counted.get(number)
        points.append(
            {
                "minute": _format_instant(from_ms + number * slice_ms),
                "lawful": part.lawful if part else 0,
                "attributed": part.attributed if part else 0,
            }
        )
    return points


def save_exercise_report(tx: Transaction, incident_id: int, report: Mapping[str, Any]) -> None:
    """Keep an exercise's figures with its incident, where the console reads them."""
    incidents.save_report(tx, incident_id, {"drill": dict(report)})


def expose_with_facts(
    tx: Transaction,
    incident_id: int,
    *,
    claims: Mapping[tuple[int, int], Sequence[int]] | None = None,
    before: Iterable[tuple[Session, Sequence[LookUp]]] = (),
    acts: ActsLog,
    by: Author,
) -> tuple[ExposedPerson, ...]:
    """Compute the list as it would be with more facts at hand; nothing is written.

    Args:
        tx: A transaction of the role analyst.
        incident_id: An incident whose persons were exposed, in a ledger that is all in the
            database.
        claims: Instants of claims, by account and person; None: nobody knows of claims.
        before: Sessions of a past that is not in the ledger, and their look-ups.
        acts: The acts log: this is another reading.
        by: Who asks.

    Raises:
        NotFound: there is no such incident.
        LedgerUnavailable: the reading cannot be recorded: nothing was read.
    """
    incident = incidents.find_incident(tx, incident_id)
    if incident is None:
        raise NotFound(f"there is no incident {incident_id}: see the console's list")
    past_ms = PAST_DAYS * _DAY_MS
    read = LedgerRead(
        question="exposure-with-facts",
        purpose=f"incident {incident_id}",
        from_ms=max(0, incident.window.starts_ms - past_ms),
        to_ms=incident.window.ends_ms,
        about=About(kind="incidents", refs=(incident_id,), count=1),
    )
    record_act(acts, read, by=by)
    sources = find_lookups(tx, incident, None, past_ms=past_ms)
    lookups = load_suspect_lookups(tx, incident, sources)
    claim_ms = find_claim_ms(incident)
    if claims is not None:
        lookups = [
            replace(one, claim_followed=_is_claimed(one, claims, claim_ms))
            if one.person_ref
            else one
            for one in lookups
        ]
    with gather_lookups(tx, incident, sources) as gathered:
        tallies = gathered.add_up()
    verdicts = judge_sessions(
        _note_facts(tallies.in_window, lookups, before),
        _make_habits(incident.account_refs, tallies.past, before),
    )
    judged = {one.session_ref: one for one in verdicts}
    return compute_exposure(lookups, judged, incident.window).persons


def _note_facts(
    tallies: Iterable[SessionTally],
    lookups: Iterable[LookUp],
    before: Iterable[tuple[Session, Sequence[LookUp]]],
) -> list[SessionTally]:
    """Return the tallies of a window with what claims and an earlier past say of them.

    Who is known from one past may not be from the other: the larger count never says too much.
    """
    made_in: defaultdict[int, list[LookUp]] = defaultdict(list)
    for one in lookups:
        made_in[one.session_ref].append(one)
    faces: defaultdict[int, set[int]] = defaultdict(set)
    for session, asked in before:
        faces[session.account_ref].update(one.person_ref for one in asked if one.person_ref)
    noted = []
    for tally in tallies:
        theirs = made_in[tally.session.session_ref]
        known = sum(one.person_ref in faces[tally.session.account_ref] for one in theirs)
        more = replace(tally, known_faces=max(tally.known_faces, known))
        noted.append(note_claims(more, theirs))
    return noted


def _make_habits(
    account_refs: Iterable[int],
    past: Sequence[SessionTally],
    before: Iterable[tuple[Session, Sequence[LookUp]]],
) -> dict[int, Habit]:
    earlier = [
        summarise_session(session, asked, faces_before=frozenset()) for session, asked in before
    ]
    return {
        ref: summarise_habit(ref, (t for t in (*past, *earlier) if t.session.account_ref == ref))
        for ref in account_refs
    }


def _is_claimed(
    lookup: LookUp, claims: Mapping[tuple[int, int], Sequence[int]], claim_ms: int
) -> bool:
    ends_ms = lookup.t_ms + claim_ms
    instants = claims.get((lookup.account_ref, lookup.person_ref), ())
    return any(lookup.t_ms <= t_ms < ends_ms for t_ms in instants)


def _format_instant(t_ms: int) -> str:
    instant = from_ms(t_ms)
    return instant.isoformat(timespec="milliseconds")
