"""An incident as authorities are told of it: read once, from which everything is written.

Persons are counts here. Refuses to give an insurer more than its own people and its own timeline.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.visitor import Visitor
from rempart.incidents.bounds import Bounds
from rempart.incidents.case import CaseFile, GroupSeverity, Population
from rempart.incidents.clocks import Fact
from rempart.incidents.room import HOLD_MARGIN_MS, EventKind, RoomEvent
from rempart.incidents.severity import Band
from rempart.kernel.errors import NotFound
from rempart.kernel.instants import from_ms, to_ms
from rempart.storage import authorities, incident_room
from rempart.storage.authorities import ScoredGroup, SharedMeasure, ShareRow
from rempart.storage.connect import Transaction
from rempart.storage.incident_room import add_event
from rempart.workflows.accounts.administer_organisation import Asker

_REASONS: Final = ("context_reason", "identification_reason", "breach_reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who prepares: somebody signed in, or the command line.

    Args:
        asker: Who is signed in; None at the command line.
        name: Of whoever writes at the command line.
        now: The present instant.
    """

    asker: Asker | None
    name: str
    now: datetime

    @property
    def insurer_id(self) -> int | None:
        """The insurer they write for, if they are of one."""
        return None if self.asker is None else self.asker.visitor.insurer_id

    def check(self, host: Permission, insurer: Permission) -> None:
        """Let them, or refuse.

        Raises:
            NotAllowed: their role may not.
            StepUpNeeded: after a fresh ceremony.
        """
        if self.asker is not None:
            wanted = host if self.insurer_id is None else insurer
            check_can(self.asker.visitor, wanted, now=self.now)

    def check_is_own(self, insurer_id: int | None) -> None:
        """Keep an insurer to its own side; the row policies do too."""
        if self.insurer_id is not None and self.insurer_id != insurer_id:
            raise NotFound("there is no such party in this incident for you")


def write_as(asker: Asker) -> Writer:
    """Return who is signed in as a writer."""
    return Writer(asker=asker, name=asker.visitor.display_name, now=asker.now)


def load_case(tx: Transaction, incident_id: int, *, of: Visitor | None) -> CaseFile:
    """Return what is known of an incident.

    Args:
        tx: A transaction of the visitor, or of role analyst.
        incident_id: The incident.
        of: Who reads; None for the command line.

    Raises:
        NotFound: there is no such incident for them.
    """
    head = authorities.load_head(tx, incident_id)
    if head is None:
        raise NotFound(f"there is no incident {incident_id}: see the list of incidents")
    own = of is not None and of.insurer_id is not None
    if own:
        mine = authorities.load_my_share(tx, incident_id)
        shares = [] if mine is None else [mine]
    else:
        shares = authorities.list_shares(tx, incident_id)
    seen = authorities.load_professionals(tx, incident_id)
    return CaseFile(
        incident_id=incident_id,
        title=head.title,
        exercise=head.exercise,
        operator=authorities.load_operator(tx) or "l’opérateur",
        starts_at=from_ms(head.starts_ms),
        ends_at=from_ms(head.ends_ms),
        declared_at=head.declared_at,
        answered_at=head.answered_at,
        accounts=authorities.count_accounts(tx, incident_id),
        members=tuple(_make_population(one) for one in shares),
        professionals=Population(
            insurer_id=None,
            name="",
            bounds=_bound(seen.persons_a, seen.persons_b, seen.persons_c, hidden=0),
            fields=seen.fields,
        ),
        severities=tuple(
            _make_severity(one) for one in authorities.list_severities(tx, incident_id)
        ),
        timeline=tuple(_load_timeline(tx, incident_id, own=own)),
    )


def read_case(tx: Transaction, writer: Writer, incident_id: int) -> CaseFile:
    """Return an incident as authorities are told of it.

    Raises:
        NotFound: there is no such incident for them (also NotAllowed).
    """
    writer.check(Permission.READ_CLOCKS, Permission.READ_OWN_INCIDENTS)
    visitor = None if writer.asker is None else writer.asker.visitor
    return load_case(tx, incident_id, of=visitor)


def add_line(
    tx: Transaction,
    writer: Writer,
    incident_id: int,
    kind: EventKind,
    insurer_id: int | None,
    details: Mapping[str, Any],
    *,
    at: datetime | None = None,
) -> None:
    """Write a line of the timeline in the writer's name; now, unless it happened before.

    Raises:
        Conflict: the incident is closed.
    """
    happened = writer.now if at is None else at
    add_event(
        tx,
        incident_id,
        kind=kind,
        happened_ms=to_ms(happened),
        author=writer.name,
        author_ref=None if writer.asker is None else writer.asker.visitor.actor_ref,
        insurer_id=insurer_id,
        details=details,
    )


def _load_timeline(tx: Transaction, incident_id: int, *, own: bool) -> list[RoomEvent]:
    """Return the timeline with what the guard did: an insurer is told which steps, not on whom.

    And what the operator filed for it, which meets its clocks.
    """
    events = incident_room.list_events(tx, incident_id)
    if own:
        events += [_tell_measure(one) for one in authorities.list_my_measures(tx, incident_id)]
        facts = [fact for fact, _author in authorities.list_facts(tx, incident_id)]
        events += [_tell_filed(fact) for fact in facts if _is_filed_for_insurers(fact)]
    else:
        events += incident_room.list_guard_steps(tx, incident_id, margin_ms=HOLD_MARGIN_MS)
    corrected = {event.details.get("corrects") for event in events} - {None}
    return sorted(
        (event for event in events if event.event_ref not in corrected),
        key=lambda event: (event.happened_ms, event.event_ref or 0),
    )


def _tell_measure(measure: SharedMeasure) -> RoomEvent:
    words = f"{measure.accounts} compte" + ("s" if measure.accounts > 1 else "")
    return RoomEvent(
        event_ref=None,
        kind=EventKind.CONTAINMENT,
        happened_ms=measure.first_ms,
        recorded_at=from_ms(measure.first_ms),
        author="",
        details={"step": measure.step, "words": words},
    )


def _is_filed_for_insurers(fact: Fact) -> bool:
    is_report = fact.kind == EventKind.REPORT_SUBMITTED
    return is_report and fact.insurer_id is None and "insurers" in fact.details


def _tell_filed(fact: Fact) -> RoomEvent:
    return RoomEvent(
        event_ref=fact.event_ref,
        kind=EventKind.REPORT_SUBMITTED,
        happened_ms=to_ms(fact.happened_at),
        recorded_at=fact.happened_at,
        author="",
        details=fact.details,
    )


def _make_population(share: ShareRow) -> Population:
    return Population(
        insurer_id=share.insurer_id,
        name=share.name,
        bounds=_bound(share.persons_a, share.persons_b, share.persons_c, hidden=share.hidden),
        fields=share.fields,
    )


def _bound(confirmed: int, probable: int, possible: int, *, hidden: int | None) -> Bounds:
    """Bound an insurer's people; what a hole hides may be anybody's, so it counts for each."""
    best = confirmed + probable
    upper = None if hidden is None else best + possible + hidden
    return Bounds(lower=confirmed, best=best, upper=upper)


def _make_severity(scored: ScoredGroup) -> GroupSeverity:
    reasons: Any = tuple(str(scored.judgement.get(name, "")) for name in _REASONS)
    return GroupSeverity(
        insurer_id=scored.insurer_id,
        group=scored.group,
        persons=scored.persons,
        score=scored.quarters / 4,
        band=Band(scored.band),
        reasons=reasons,
        author=scored.author,
    )
