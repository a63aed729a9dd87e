"""Answer "exactly who?" for one incident: judge the sessions, list the persons shown there.

May be run again at any time: with the same ledger and rules it gives the same list, in the place of
the one before. Refuses to widen the list to whole accounts, and to read a look-up before the
reading itself is in the ledger.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rempart.disclosure.acts import MAX_REFERENCES, About, Author, LedgerRead
from rempart.disclosure.reach import Reach
from rempart.incidents.attribution import (
    RULES_VERSION,
    SessionVerdict,
    Verdict,
    decide_verdict,
)
from rempart.incidents.evidence import SessionTally, summarise_habit
from rempart.incidents.exposure import (
    ExposedPerson,
    Exposure,
    Guesses,
    compute_exposure,
)
from rempart.kernel.errors import InconsistentRecord, NotFound
from rempart.storage import incidents
from rempart.storage.analytics import SealedFiles
from rempart.storage.connect import Transaction
from rempart.storage.ledger_questions import read_cold_lookups
from rempart.storage.ledger_sources import find_sources
from rempart.workflows.record_act import ActsLog, record_act

# How much of an account's past is looked at: four weeks hold every weekday and a pay cycle.
PAST_DAYS: Final = 28
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureAnswer:
    """The answer: verdicts, persons, guesses, and how long it took from declaration.

    `reach` says which parts of the ledger were looked at, and which are no longer there.
    """

    incident_id: int
    verdicts: tuple[SessionVerdict, ...]
    persons: tuple[ExposedPerson, ...]
    guesses: tuple[Guesses, ...]
    declared_at: datetime
    answered_at: datetime
    reach: Reach


def expose_persons(
    tx: Transaction,
    incident_id: int,
    files: SealedFiles | None = None,
    *,
    acts: ActsLog,
    by: Author,
) -> ExposureAnswer:
    """Judge the sessions of an incident's suspect accounts and list the persons exposed.

    Args:
        tx: A transaction of the role analyst. What an earlier analysis wrote is replaced, in this
            same transaction: a crash leaves the earlier list whole.
        incident_id: The incident.
        files: The files of sealed segments; None when the database still holds all that is needed.
        acts: The acts log.
        by: Who asks.

    Returns:
        The answer as it was written.

    Raises:
        NotFound: there is no such incident.
        LedgerUnavailable: the reading cannot be recorded: nothing was read.
        Unavailable: sealed segments are needed, and cannot be read or no files were given.
        Conflict: a segment left the database meanwhile: ask again.
    """
    incident = _find(tx, incident_id)
    # A crash after the act leaves a reading on record that gave no answer.
    record_act(acts, _describe(incident, "exposure"), by=by)
    with _recalling(tx, incident, files) as reach:
        tallies = incidents.load_tallies(tx, incident, past_ms=PAST_DAYS * _DAY_MS)
        verdicts = decide_verdicts(past=tallies.past, in_window=tallies.in_window)
        incidents.replace_verdicts(tx, incident_id, verdicts)
        incidents.replace_exposed_persons(tx, incident)
        guesses = incidents.count_guesses(tx, incident)
    declared_at, answered_at = incidents.save_answer(
        tx, incident_id, {"exposure": _report(verdicts, guesses, reach)}
    )
    return ExposureAnswer(
        incident_id=incident_id,
        verdicts=verdicts,
        persons=incidents.list_exposed_persons(tx, incident_id),
        guesses=guesses,
        declared_at=declared_at,
        answered_at=answered_at,
        reach=reach,
    )


def decide_verdicts(
    *, past: Iterable[SessionTally], in_window: Iterable[SessionTally]
) -> tuple[SessionVerdict, ...]:
    """Judge every session of the window against its own account's past, by session."""
    past_of: defaultdict[int, list[SessionTally]] = defaultdict(list)
    for tally in past:
        past_of[tally.session.account_ref].append(tally)
    verdicts = [
        decide_verdict(
            tally,
            summarise_habit(tally.session.account_ref, past_of[tally.session.account_ref]),
        )
        for tally in in_window
    ]
    return tuple(sorted(verdicts, key=lambda verdict: verdict.session_ref))


def recount_exposure(
    tx: Transaction,
    answer: ExposureAnswer,
    files: SealedFiles | None = None,
    *,
    acts: ActsLog,
    by: Author,
) -> Exposure:
    """Compute the same list again, look-up by look-up, and insist that both agree.

    Args:
        tx: A transaction of the role analyst.
        answer: What `expose_persons` returned.
        files: The files of sealed segments, as it was given them.
        acts: The acts log: reading again is another reading.
        by: Who asks.

    Returns:
        The list, computed the other way.

    Raises:
        InconsistentRecord: the two lists differ; neither may be sent.
        LedgerUnavailable: the reading cannot be recorded: nothing was read.
    """
    incident = _find(tx, answer.incident_id)
    record_act(acts, _describe(incident, "exposure-recount"), by=by)
    with _recalling(tx, incident, files):
        lookups = incidents.load_suspect_lookups(tx, incident)
    exposure = compute_exposure(
        lookups,
        {verdict.session_ref: verdict.verdict for verdict in answer.verdicts},
        incident.window,
    )
    if exposure.persons != answer.persons or exposure.guesses != answer.guesses:
        raise InconsistentRecord(
            f"incident {answer.incident_id}: the list the database computed and the one computed "
            "look-up by look-up differ; send neither and have both checked"
        )
    return exposure


def _find(tx: Transaction, incident_id: int) -> incidents.Incident:
    incident = incidents.find_incident(tx, incident_id)
    if incident is None:
        raise NotFound(f"there is no incident {incident_id}: see the console's list")
    return incident


def _describe(incident: incidents.Incident, question: str) -> LedgerRead:
    """Say what an analysis looks at: the suspect accounts, in the window and the weeks before."""
    accounts = incident.account_refs
    return LedgerRead(
        question=question,
        purpose=f"incident {incident.incident_id}",
        from_ms=max(0, incident.window.starts_ms - PAST_DAYS * _DAY_MS),
        to_ms=incident.window.ends_ms,
        about=About(
            kind="accounts",
            refs=accounts if len(accounts) <= MAX_REFERENCES else (),
            count=len(accounts),
        ),
    )


@contextmanager
def _recalling(
    tx: Transaction, incident: incidents.Incident, files: SealedFiles | None
) -> Iterator[Reach]:
    """Have the look-ups that are in sealed files only at hand for the length of the block.

    An error leaves them to the transaction, which undoes them.
    """
    window = incident.window
    sources = find_sources(
        tx, files, from_ms=window.starts_ms - PAST_DAYS * _DAY_MS, to_ms=window.ends_ms
    )
    lookups = read_cold_lookups(
        sources, incident.account_refs, from_ms=sources.reach.from_ms, to_ms=window.ends_ms
    )
    incidents.save_recalled_lookups(tx, incident.incident_id, lookups)
    yield sources.reach
    incidents.delete_recalled_lookups(tx, incident.incident_id)
    sources.check_unmoved()


def _report(
    verdicts: Sequence[SessionVerdict], guesses: Sequence[Guesses], reach: Reach
) -> dict[str, Any]:
    return {
        "not_looked_at": [
            {"log_id": one.log_id, "segment": one.segment, "why": str(one.place)}
            for one in reach.missing
        ],
        "rules": RULES_VERSION,
        "past_days": PAST_DAYS,
        "sessions": {
            str(kind): sum(verdict.verdict is kind for verdict in verdicts) for kind in Verdict
        },
        "guesses": [
            {"insurer_id": g.insurer_id, "lookups": g.lookups, "keys": g.keys} for g in guesses
        ],
    }
