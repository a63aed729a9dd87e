"""What one person lost in an incident, and why: asked on a page, by exact identifiers, on record.

The host reads its list, an insurer what it was sent about its own people. Refuses to search, to say
anything before the question is in the ledger, and to call somebody erased on the strength of
certificates that are not verified here: `rempart incident person` does that.
"""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.accounts.member_files import MOST_FILES_A_DAY
from rempart.accounts.permissions import Permission, check_can
from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.incidents.coverage import parse_coverage
from rempart.incidents.exposure import Tier
from rempart.incidents.population import Answer, Reason
from rempart.incidents.purged import decide_purged_on
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.instants import from_ms, to_paris_day
from rempart.storage import console, incident_analyses, incident_pages, incident_persons
from rempart.storage.connect import Transaction
from rempart.storage.console import SuspectSession
from rempart.storage.incident_persons import AskedPerson
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.ledger.read_on_record import Readings
from rempart.workflows.notices.answer_person import QUESTION, choose_answer

__all__ = ["MOST_A_DAY", "AskedIncident", "PersonTold", "SuspectSession"]

MOST_A_DAY: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedIncident:
    """The incident that a question is about, as the visitor knows it.

    Args:
        incident_id: The incident.
        title: Its title.
        exercise: Whether nothing of it is real.
        starts_ms: The window's first instant, Unix milliseconds.
        ends_ms: The instant after the last one.
        is_ready: Whether there is a list to answer from.
        is_whole: Says of an insurer whether nothing of the record is missing that may hide its
            people; of 0, anybody.
        amc_number: Whose people identifiers are about; empty for the host, which says whose.
        package_number: The package an insurer is answered from; 0 for the host.
    """

    incident_id: int
    title: str
    exercise: bool
    starts_ms: int
    ends_ms: int
    is_ready: bool
    is_whole: Callable[[int], bool]
    amc_number: str = ""
    package_number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonTold:
    """What one incident means for whom identifiers lead to; nobody is named.

    Args:
        answer: How surely, and why.
        is_known: Whether the identifiers lead, or led, to somebody.
        fields: What was shown.
        lost: Of it, what the asker had not typed.
        lookups: In how many answers.
        sessions: Which showed it, by when they were opened.
        purged_on: From which day on nothing of them was in the base, by the certificates' word.
        was_gone: Whether that was before the incident.
        runs: The runs those certificates are of, in order.
        archived: Fields that the archive keeps, which answers nobody.
        held_by: What keeps data of them beyond their time.
    """

    answer: Answer
    is_known: bool
    fields: int
    lost: int
    lookups: int
    sessions: tuple[SuspectSession, ...]
    purged_on: date | None
    was_gone: bool
    runs: tuple[int, ...]
    archived: tuple[str, ...]
    held_by: tuple[str, ...]


def read_asked_incident(tx: Transaction, asker: Asker, incident_id: int) -> AskedIncident:
    """Return the incident a question would be about; nobody is looked for.

    Raises:
        NotAllowed: their role does not answer for people.
        NotFound: the host has no such incident, or the insurer was told of none.
    """
    check_can(asker.visitor, Permission.ASK_ABOUT_PERSON, now=asker.now)
    if asker.visitor.insurer_id is not None:
        return _read_sent(tx, incident_id, asker.visitor.insurer_id)
    record = console.load_incident(tx, incident_id) if asker.visitor.is_host else None
    if record is None:
        raise NotFound("no such incident")
    analyses = incident_analyses.list_analyses(tx, incident_id)
    coverage = parse_coverage(analyses[0].coverage) if analyses else None
    return AskedIncident(
        incident_id=incident_id,
        title=record.title,
        exercise=record.exercise,
        starts_ms=record.starts_ms,
        ends_ms=record.ends_ms,
        is_ready=coverage is not None,
        is_whole=lambda insurer_id: (
            coverage is not None
            and (coverage.covers(insurer_id) if insurer_id else coverage.is_whole)
        ),
    )


def ask_about_person(
    tx: Transaction,
    readings: Readings,
    asker: Asker,
    incident_id: int,
    *,
    lookup_key: bytes,
    digest: uuid.UUID,
    by: Author,
) -> PersonTold:
    """Say what an incident means for whom identifiers lead to, once that it is asked is on record.

    Args:
        tx: A transaction with the asker's ticket.
        readings: Where the question is recorded, for each person it leads to.
        asker: Whoever answers for people at the host, or at an insurer for its own.
        incident_id: The incident.
        lookup_key: What the identifiers lead to; they are not kept.
        digest: What evidence of erasure knows the same key by.
        by: The asker, as the author of the reading.

    Returns:
        The list first, then the record: a hole forbids D. Erasures before the window are told, and
        decide nothing here.

    Raises:
        NotAllowed: their role does not answer for people.
        NotFound: there is no such incident for them.
        Conflict: there is no list yet, or the day's questions are spent: nothing was looked for.
        LedgerUnavailable: it cannot be recorded: nothing is told.
    """
    incident = read_asked_incident(tx, asker, incident_id)
    if not incident.is_ready:
        raise Conflict("this incident was never analysed: nobody knows who was shown")
    own_id = asker.visitor.insurer_id
    question_ref = draw_ref()
    asked = incident_persons.ask_person(
        tx,
        question_ref,
        incident_id=incident_id,
        lookup_key=lookup_key,
        digest=digest,
        most=MOST_A_DAY if own_id is None else MOST_FILES_A_DAY,
    )
    if not asked.is_taken:
        raise Conflict("today's questions are spent: go on tomorrow")
    subjects = [Subject(*pair) for pair in zip(asked.person_refs, asked.insurer_ids, strict=True)]
    for subject in subjects or [Subject(0, own_id or 0)]:
        # A crash after it leaves a question on record that had no answer, and is not counted.
        readings.record(_describe(incident, len(subjects)), by=by, subject=subject)
    return _tell(incident, incident_persons.answer_question(tx, question_ref), own_id or 0)


def _read_sent(tx: Transaction, incident_id: int, insurer_id: int) -> AskedIncident:
    package = incident_pages.load_last_package(tx, incident_id, insurer_id)
    if package is None:
        raise NotFound("no such incident")
    return AskedIncident(
        incident_id=incident_id,
        title=package.title,
        exercise=package.exercise,
        starts_ms=package.starts_ms,
        ends_ms=package.ends_ms,
        is_ready=True,
        is_whole=lambda _insurer_id: package.hidden == 0,
        amc_number=package.amc_number,
        package_number=package.number,
    )


def _describe(incident: AskedIncident, people: int) -> LedgerRead:
    return LedgerRead(
        question=QUESTION,
        purpose=f"incident {incident.incident_id}",
        from_ms=incident.starts_ms,
        to_ms=incident.ends_ms,
        about=About(kind="persons", count=min(people, 1)),
    )


def _tell(incident: AskedIncident, people: list[AskedPerson], own_id: int) -> PersonTold:
    purges = [decide_purged_on(one.removals, one.active) for one in people]
    known = [day for day in purges if day is not None]
    purged_on = max(known) if known and len(known) == len(people) else None
    fields = lost = 0
    sessions: dict[int, SuspectSession] = {}
    for one in people:
        fields, lost = fields | one.fields, lost | one.lost
        sessions |= {session.session_ref: session for session in one.sessions}
    told = [_decide(incident, one.tier, one.insurer_id) for one in people]
    return PersonTold(
        answer=choose_answer(told) if told else _decide(incident, None, own_id),
        is_known=bool(people),
        fields=fields,
        lost=lost,
        lookups=sum(one.lookups for one in people),
        sessions=tuple(sorted(sessions.values(), key=lambda one: one.opened_ms or 0)),
        purged_on=purged_on,
        was_gone=purged_on is not None and purged_on <= _read_day(incident.starts_ms),
        runs=tuple(sorted({run for one in people for run in one.runs})),
        archived=_gather(one.archived for one in people),
        held_by=_gather(one.held_by for one in people),
    )


def _decide(incident: AskedIncident, tier: Tier | None, insurer_id: int) -> Answer:
    if tier is not None:
        return Answer(tier=tier, reason=Reason.LISTED)
    if incident.is_whole(insurer_id):
        return Answer(tier=Tier.D, reason=Reason.NOTHING_MISSING)
    return Answer(tier=Tier.C, reason=Reason.HOLE)


def _gather(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for some in names for name in some}))


def _read_day(t_ms: int) -> date:
    return to_paris_day(from_ms(t_ms))
