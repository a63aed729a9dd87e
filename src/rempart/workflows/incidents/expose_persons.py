"""Answer "exactly who?" for one incident: judge the sessions, list the persons shown there.

May be run again at any time: with the same ledger, rules and overrules it gives the same list, in
the place of the one before, and notes what it changed. Refuses to widen the list to whole accounts,
and to read a look-up before the reading itself is in the ledger.
"""

import hashlib
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rempart.disclosure.acts import MAX_REFERENCES, About, Author, LedgerRead
from rempart.disclosure.reach import Reach
from rempart.incidents.attribution import (
    RULES_VERSION,
    Overrule,
    SessionVerdict,
    Verdict,
    judge_sessions,
)
from rempart.incidents.bounds import Bounds, compute_bounds, compute_insurer_bounds
from rempart.incidents.changes import VerdictChange, compare_verdicts
from rempart.incidents.coverage import Coverage, compute_ledger_coverage, format_coverage
from rempart.incidents.evidence import SessionTally, summarise_habit
from rempart.incidents.exposure import (
    LISTED,
    ExposedPerson,
    Exposure,
    Guesses,
    TierCounts,
    compute_exposure,
)
from rempart.incidents.population import decide_owner_fields
from rempart.incidents.room import COMMAND_LINE, EventKind, RoomAuthor
from rempart.incidents.suspicion import temper_verdicts
from rempart.kernel.errors import InconsistentRecord, NotFound
from rempart.storage import incident_analyses, incidents
from rempart.storage.analytics import SealedFiles
from rempart.storage.connect import Transaction
from rempart.storage.incident_room import add_event
from rempart.storage.suspect_lookups import (
    ExposedList,
    find_claim_ms,
    find_lookups,
    gather_lookups,
    load_suspect_lookups,
    read_clock,
)
from rempart.workflows.incidents.suspects import note_known_facts, reach_suspects
from rempart.workflows.ledger.record_act import ActsLog, record_act

# How much of an account's past is looked at: four weeks hold every weekday and a pay cycle.
PAST_DAYS: Final = 28
_DAY_MS: Final = 86_400_000
_LINE: Final = struct.Struct(">iqcq")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureAnswer:
    """The answer: verdicts, persons, guesses, and how long it took from declaration.

    `reach` says which parts of the ledger were looked at, and which are no longer there; `coverage`
    what is missing of the window, which decides who can be told that they are not concerned;
    `changed`, how many persons' lines are not those of the analysis before.
    """

    incident_id: int
    analysis: int
    verdicts: tuple[SessionVerdict, ...]
    persons: Sequence[ExposedPerson]
    guesses: tuple[Guesses, ...]
    bounds: Bounds
    coverage: Coverage
    changed: int
    list_digest: bytes
    declared_at: datetime
    answered_at: datetime
    reach: Reach
    claims_as_of_ms: int


def expose_persons(
    tx: Transaction,
    incident_id: int,
    files: SealedFiles | None = None,
    *,
    acts: ActsLog,
    by: Author,
    author: RoomAuthor = COMMAND_LINE,
    say: Callable[[str], object] = str,
) -> ExposureAnswer:
    """Judge the sessions of an incident's suspect accounts and list the persons exposed.

    Args:
        tx: A transaction of the role analyst. What an earlier analysis wrote is replaced, in this
            same transaction: a crash leaves the earlier list whole.
        incident_id: The incident.
        files: The files of sealed segments; None when the database still holds all that is needed.
        acts: The acts log.
        by: Who asks, for the acts log.
        author: Who asks, for the incident's room.
        say: Called with one line per step.

    Returns:
        The answer as it was written.

    Raises:
        NotFound: there is no such incident.
        LedgerUnavailable: the reading cannot be recorded: nothing was read.
        Unavailable: sealed segments are needed, and cannot be read or no files were given.
        Conflict: a segment left the database meanwhile: ask again; or the incident is closed; or
            what is suspected leads to no account.
    """
    doubted = reach_suspects(tx, incident_id, _find(tx, incident_id).window)
    incident = _find(tx, incident_id)
    # A crash after the act leaves a reading on record that gave no answer.
    record_act(acts, _describe(incident, "exposure"), by=by)
    number = incident_analyses.find_analysis(tx, incident_id) + 1
    found = _find_out(tx, incident, number, files, say, doubted=doubted)
    persons = found.persons
    by_tier = persons.count_tiers()
    digest, bounds = digest_list(persons), compute_bounds(by_tier, found.coverage)
    counts = {**_count(by_tier), **bounds.format()}
    _save(tx, incident, number, found, author, counts, digest)
    say("what it changes")
    incident_analyses.save_verdict_changes(tx, incident_id, number, found.moved)
    changed = incidents.settle_exposed_persons(tx, incident_id, analysis=number)
    declared_at, answered_at = incidents.save_answer(
        tx, incident_id, {"exposure": _report(found.verdicts, found.guesses, found.reach)}
    )
    told = {"analysis": number, "changed": changed, **counts}
    _tell_room(tx, incident_id, author, answered_at, told)
    return ExposureAnswer(
        incident_id=incident_id,
        analysis=number,
        verdicts=found.verdicts,
        persons=persons,
        guesses=found.guesses,
        bounds=bounds,
        coverage=found.coverage,
        changed=changed,
        list_digest=digest,
        declared_at=declared_at,
        answered_at=answered_at,
        reach=found.reach,
        claims_as_of_ms=found.claims_as_of_ms,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one analysis found, its list being in the database too."""

    doubted: frozenset[int]
    coverage: Coverage
    overrules: Sequence[Overrule]
    verdicts: tuple[SessionVerdict, ...]
    moved: Sequence[VerdictChange]
    persons: ExposedList
    guesses: tuple[Guesses, ...]
    reach: Reach
    claims_as_of_ms: int


def _save(
    tx: Transaction,
    incident: incidents.Incident,
    number: int,
    found: _Found,
    author: RoomAuthor,
    counts: Mapping[str, Any],
    digest: bytes,
) -> None:
    """Write down what an analysis rests on and what it counts."""
    incident_analyses.save_analysis(
        tx,
        incident.incident_id,
        number,
        author=author.name,
        author_ref=author.actor_ref,
        rules=RULES_VERSION,
        inputs=_describe_inputs(incident, found),
        coverage=format_coverage(found.coverage),
        counts={**counts, "insurers": _bound_insurers(tx, found)},
        list_digest=digest,
    )


def _find_out(
    tx: Transaction,
    incident: incidents.Incident,
    number: int,
    files: SealedFiles | None,
    say: Callable[[str], object],
    *,
    doubted: frozenset[int],
) -> _Found:
    """Judge the sessions and write whom they were shown, beside the list before."""
    incident_id = incident.incident_id
    say("what is there of the ledger")
    logs, numbers = incident_analyses.load_ledger_evidence(
        tx, incident.window, incident.account_refs, files
    )
    overrules = incident_analyses.list_overrules(tx, incident_id)
    sources = find_lookups(tx, incident, files, past_ms=PAST_DAYS * _DAY_MS)
    as_of_ms = read_clock(tx)
    with gather_lookups(tx, incident, sources, as_of_ms=as_of_ms) as lookups:
        say("the sessions, against the past of their own accounts")
        tallies = lookups.add_up()
        in_window = note_known_facts(tx, incident_id, incident.window, tallies.in_window)
        verdicts = temper_verdicts(
            decide_verdicts(past=tallies.past, in_window=in_window, overrules=overrules), doubted
        )
        moved = compare_verdicts(incident_analyses.list_verdicts(tx, incident_id), verdicts)
        incidents.replace_verdicts(tx, incident_id, verdicts)
        say("the persons they were shown")
        persons = lookups.list_exposed(verdicts)
        lookups.save_exposed(analysis=number)
        guesses = lookups.count_guesses(verdicts)
    entered = incident_analyses.list_entered_accounts(tx, incident_id)
    incident_analyses.replace_exposed_professionals(
        tx,
        incident_id,
        ((one, int(decide_owner_fields(one.record, is_portal=one.is_portal))) for one in entered),
    )
    return _Found(
        doubted=doubted,
        coverage=compute_ledger_coverage(incident.window, logs, numbers),
        overrules=overrules,
        verdicts=verdicts,
        moved=moved,
        persons=persons,
        guesses=guesses,
        reach=sources.reach,
        claims_as_of_ms=as_of_ms,
    )


def digest_list(persons: Iterable[ExposedPerson]) -> bytes:
    """Return the SHA-256 of a list: two analyses with the same digest named the same people.

    Each person is insurer, reference, tier and fields, 21 bytes, big-endian, in the list's order.
    """
    digest = hashlib.sha256()
    for one in persons:
        digest.update(
            _LINE.pack(one.insurer_id, one.person_ref, one.tier.encode("ascii"), one.fields)
        )
    return digest.digest()


def decide_verdicts(
    *,
    past: Iterable[SessionTally],
    in_window: Iterable[SessionTally],
    overrules: Iterable[Overrule] = (),
) -> tuple[SessionVerdict, ...]:
    """Judge every session of the window against its own account's past, by session."""
    past_of: defaultdict[int, list[SessionTally]] = defaultdict(list)
    for tally in past:
        past_of[tally.session.account_ref].append(tally)
    habits = {ref: summarise_habit(ref, tallies) for ref, tallies in past_of.items()}
    return judge_sessions(in_window, habits, overrules=overrules)


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
    sources = find_lookups(tx, incident, files, past_ms=0)
    lookups = load_suspect_lookups(tx, incident, sources, as_of_ms=answer.claims_as_of_ms)
    sources.check_unmoved()
    verdicts = {verdict.session_ref: verdict for verdict in answer.verdicts}
    is_judged = all(one.session_ref in verdicts for one in lookups)
    exposure = compute_exposure(lookups if is_judged else (), verdicts, incident.window)
    if not is_judged or answer.persons != exposure.persons or answer.guesses != exposure.guesses:
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


def _count(by_tier: TierCounts) -> dict[str, int]:
    return {
        f"persons_{tier.lower()}": sum(n for (_, one), n in by_tier.items() if one is tier)
        for tier in LISTED
    }


def _tell_room(
    tx: Transaction,
    incident_id: int,
    author: RoomAuthor,
    at: datetime,
    told: Mapping[str, Any],
) -> None:
    add_event(
        tx,
        incident_id,
        kind=EventKind.ANALYSED,
        happened_ms=int(at.timestamp() * 1000),
        author=author.name,
        author_ref=author.actor_ref,
        details=told,
    )


def _bound_insurers(tx: Transaction, found: _Found) -> dict[str, dict[str, int | None]]:
    """Return the bounds of every insurer, of those without anybody on the list too."""
    names = incidents.list_insurer_names(tx)
    bounds = compute_insurer_bounds(found.persons.count_tiers(), found.coverage, names)
    return {str(insurer_id): one.format() for insurer_id, one in bounds.items()}


def _describe_inputs(incident: incidents.Incident, found: _Found) -> dict[str, Any]:
    """Say what a list follows from, besides the logs, whose states are in the coverage."""
    return {
        "from_ms": incident.window.starts_ms,
        "to_ms": incident.window.ends_ms,
        "past_days": PAST_DAYS,
        "accounts": list(incident.account_refs),
        "doubted": sorted(found.doubted),
        "overrules": {str(one.session_ref): str(one.verdict) for one in found.overrules},
        "claims_until_ms": found.claims_as_of_ms,
        "claim_days": find_claim_ms(incident) // _DAY_MS,
    }


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
