"""What one incident means for one person who gives their own numbers: on the list, not in the base
that day, or nowhere in a record that is whole.

Refuses to answer before the question is in the ledger, before an analysis was made, and to call
somebody erased whom no signed certificate covers.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.disclosure.note import NoteRefused, NoteVerifier
from rempart.incidents.coverage import Coverage, parse_coverage
from rempart.incidents.exposure import Tier
from rempart.incidents.population import (
    Agreement,
    Answer,
    Membership,
    NotHeld,
    Reason,
    decide_answer,
    decide_not_held,
)
from rempart.incidents.purged import Removal, decide_purged_on
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.instants import from_ms, to_paris_day
from rempart.retention.certificate import (
    Departure,
    make_certificate,
    read_signed_certificate,
)
from rempart.storage import (
    console,
    incident_analyses,
    incidents,
    leaving,
    ledger_questions,
    retention_runs,
)
from rempart.storage.archive_seal import Vault
from rempart.storage.connect import Transaction
from rempart.storage.leaving import KnownPerson
from rempart.workflows.backups.certify_restoration import is_restored_as_certified
from rempart.workflows.ledger.record_act import ActsLog, record_act

QUESTION: Final = "incident-person"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDesk:
    """What the question is answered with: no login alone knows both who and what was seen.

    Args:
        finder: A transaction of the role feeds: who has these numbers.
        keeper: One of the keeper: what left, and what holds the rest.
        analyst: One of the analyst: whom the incident exposed.
        vault: Digests the numbers, as evidence of erasure keeps them.
        verifier: Whose certificates are believed.
        acts: Where the question is recorded.
        by: Who asks.
    """

    finder: Transaction
    keeper: Transaction
    analyst: Transaction
    vault: Vault
    verifier: NoteVerifier
    acts: ActsLog
    by: Author


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonAnswer:
    """What a person is told of an incident.

    Args:
        answer: How sure, and why.
        known: Whether the base knows, or knew, these numbers.
        fields: What was shown, for somebody on the list; 0 for nobody.
        purged_on: From which day on nothing of them was in the base; None: something was.
        certificates: The runs whose signed certificates show it, in order.
        uncertified: Departures that no certificate covers: they prove nothing.
        archived: Fields of them that the archive keeps, which answers nobody.
        held_by: What keeps data of them beyond their time.
    """

    answer: Answer
    known: bool
    fields: int = 0
    purged_on: date | None = None
    certificates: tuple[int, ...] = ()
    uncertified: int = 0
    archived: tuple[str, ...] = ()
    held_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trace:
    """One reference these numbers lead to, or led to."""

    insurer_id: int
    person_ref: int
    known: KnownPerson | None
    left: tuple[Departure, ...]


def answer_person(desk: AnswerDesk, incident_id: int, lookup_key: bytes) -> PersonAnswer:
    """Say what an incident means for whoever has these numbers.

    Args:
        desk: What it is answered with.
        incident_id: The incident, analysed.
        lookup_key: 16 bytes, computed from the numbers the person gave.

    Returns:
        The list first: who is on it was shown, whatever left since, for the list keeps their
        reference. Then erasures before the window. Then the record.

    Raises:
        NotFound: there is no such incident.
        Conflict: it was never analysed: nobody knows who was shown.
        LedgerUnavailable: the question cannot be recorded: nothing was looked for.
    """
    record = console.load_incident(desk.analyst, incident_id)
    if record is None:
        raise NotFound(f"there is no incident {incident_id}: see `rempart incident list`")
    analyses = incident_analyses.list_analyses(desk.analyst, incident_id)
    if not analyses:
        raise Conflict(f"run `rempart incident analyse {incident_id}` first: nobody was looked for")
    traces = _find_traces(desk, lookup_key)
    # A crash after it leaves a question on record that had no answer: it is asked again.
    _record(desk, record, traces)
    coverage = parse_coverage(analyses[0].coverage)
    held = leaving.list_holds(desk.keeper, [one.person_ref for one in traces])
    runs = _check_certificates(desk, {one.run for trace in traces for one in trace.left})
    purged = {trace.person_ref: _find_purge(trace, runs) for trace in traces}
    shown = incidents.find_exposed(
        desk.analyst, incident_id, [(one.insurer_id, one.person_ref) for one in traces]
    )
    days = (_read_day(record.starts_ms), _read_day(record.ends_ms - 1))
    found = []
    for trace in traces:
        tier, _fields = shown.get((trace.insurer_id, trace.person_ref), (None, 0))
        reason = _decide_not_held(trace.insurer_id, purged[trace.person_ref], *days)
        found.append(decide_answer(tier, reason, coverage, trace.insurer_id))
    fields = 0
    for _tier, bits in shown.values():
        fields |= bits
    return PersonAnswer(
        answer=choose_answer(found) if found else _answer_stranger(coverage),
        known=bool(traces),
        fields=fields,
        purged_on=_find_last(purged.values()),
        certificates=tuple(sorted(run for run, certified in runs.items() if certified)),
        uncertified=sum(not runs[one.run] for trace in traces for one in trace.left),
        archived=tuple(
            sorted({name for one in traces if one.known for name in one.known.archived})
        ),
        held_by=tuple(sorted({hold.name for holds in held.values() for hold in holds})),
    )


def choose_answer(answers: Iterable[Answer]) -> Answer:
    """Return what somebody known by several references is told: the gravest.

    Of two exclusions, the one that rests on the record: it says that they were there.
    """
    reasons = list(Reason)
    return min(
        answers,
        key=lambda one: (one.tier, one.reason is Reason.NOT_HELD, reasons.index(one.reason)),
    )


def _find_traces(desk: AnswerDesk, lookup_key: bytes) -> list[_Trace]:
    refs = set(ledger_questions.find_persons(desk.finder, lookup_key))
    digests = desk.vault.digest_keys([uuid.UUID(bytes=lookup_key)])
    left: dict[int, list[Departure]] = {}
    for one in leaving.find_departures(desk.keeper, digests):
        left.setdefault(one.person_ref, []).append(one)
    known = {one.person_ref: one for one in leaving.read_people(desk.keeper, refs | left.keys())}
    return [
        _Trace(
            insurer_id=known[ref].insurer_id if ref in known else left[ref][0].insurer_id,
            person_ref=ref,
            known=known.get(ref),
            left=tuple(left.get(ref, ())),
        )
        for ref in sorted(refs | left.keys())
        if ref in known or ref in left
    ]


def _record(desk: AnswerDesk, record: console.IncidentRecord, traces: Sequence[_Trace]) -> None:
    asked = LedgerRead(
        question=QUESTION,
        purpose=f"incident {record.incident_id}",
        from_ms=record.starts_ms,
        to_ms=record.ends_ms,
        about=About(kind="persons", count=1),
    )
    subject = Subject(0, 0)
    if traces:
        subject = Subject(traces[-1].person_ref, traces[-1].insurer_id)
    record_act(desk.acts, asked, by=desk.by, subject=subject)


def _check_certificates(desk: AnswerDesk, runs: Iterable[int]) -> Mapping[int, bool]:
    """Say of each run whether its signed certificate covers exactly what left in it."""
    return {run: _is_certified(desk, run) for run in sorted(set(runs))}


def _is_certified(desk: AnswerDesk, run: int) -> bool:
    note = retention_runs.load_certificate(desk.keeper, run)
    if not note:  # the run is under way, or was lost with a base that was restored
        return is_restored_as_certified(desk.keeper, run, desk.verifier)
    try:
        said = read_signed_certificate(note, desk.verifier)
    except (NoteRefused, ValueError):
        return False
    departures = retention_runs.list_gone(desk.keeper, run)
    return make_certificate(run, said.day, said.schedule, departures) == said


def _find_purge(trace: _Trace, runs: Mapping[int, bool]) -> date | None:
    removals = [
        Removal(field=one.field, left_on=one.day, certified=runs[one.run]) for one in trace.left
    ]
    return decide_purged_on(removals, trace.known.active if trace.known else ())


def _find_last(days: Iterable[date | None]) -> date | None:
    """Return the day from which on nothing was left of any; None when something is."""
    found = list(days)
    known = [day for day in found if day is not None]
    return max(known) if known and len(known) == len(found) else None


def _decide_not_held(
    insurer_id: int, purged_on: date | None, first_day: date, last_day: date
) -> NotHeld | None:
    # This base says nothing of the time before it knew somebody: only erasures exclude by a date.
    member = Membership(insurer_id=insurer_id, starts_on=date.min, purged_on=purged_on)
    agreement = Agreement(insurer_id=insurer_id, starts_on=date.min)
    return decide_not_held(member, [agreement], first_day=first_day, last_day=last_day)


def _answer_stranger(coverage: Coverage) -> Answer:
    """Answer numbers that lead to nobody: whose insurer's they are is not known."""
    if coverage.is_whole:
        return Answer(tier=Tier.D, reason=Reason.NOTHING_MISSING)
    return Answer(tier=Tier.C, reason=Reason.HOLE)


def _read_day(t_ms: int) -> date:
    return to_paris_day(from_ms(t_ms))
