"""What is owed after incidents, to whom and until when; who answers for it; who is reminded.

Computed from the timeline each time. Refuses to show an insurer another's clocks: the database
gives it the facts that are its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.visitor import Visitor
from rempart.incidents.clock_rules import CLOCK_RULES, RULES_BY_CODE, Trait
from rempart.incidents.clocks import (
    Clock,
    Fact,
    Party,
    list_reminders,
    plan_clocks,
    rank_urgency,
)
from rempart.incidents.room import read_words
from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.kernel.instants import PARIS, to_ms
from rempart.storage import authorities
from rempart.storage.authorities import IncidentHead, SaidTrait
from rempart.storage.connect import Transaction
from rempart.storage.standing import list_entitled
from rempart.tariffs.working_days import Calendar
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.warn_contacts import warn_now
from rempart.workflows.accounts.web_session import record_event

__all__ = [
    "ClockRow",
    "IncidentClocks",
    "Reminder",
    "SaidTrait",
    "assign_clock",
    "list_due_reminders",
    "read_all_clocks",
    "read_clocks",
    "read_next_clocks",
    "remind",
    "say_trait",
]

CALENDAR: Final = Calendar(zone=PARIS)
REASON_LIMIT: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRow:
    """One clock of one incident, with who answers for it.

    Args:
        incident_id: The incident.
        title: Its title.
        exercise: Whether it is one.
        clock: The clock.
        owner_ref: Who answers for it; None when nobody in particular does.
        owner: Their name.
        met_by: Who wrote the evidence.
    """

    incident_id: int
    title: str
    exercise: bool
    clock: Clock
    owner_ref: int | None
    owner: str
    met_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentClocks:
    """Every clock of one incident, the most urgent first, and what its parties are said to be."""

    head: IncidentHead
    rows: Sequence[ClockRow]
    parties: Sequence[Party]
    said: Sequence[SaidTrait]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A threshold that was passed and not told yet."""

    row: ClockRow
    told: int

    @property
    def started_ms(self) -> int:
        """The instant of the fact that the clock is counted from."""
        started = self.row.clock.started
        return 0 if started is None else to_ms(started.happened_at)


def read_clocks(tx: Transaction, asker: Asker, incident_id: int) -> IncidentClocks:
    """Return the clocks of one incident: all of them, or those of the visitor's own insurer.

    Raises:
        NotFound: there is no such incident for them.
        NotAllowed: their role reads no clocks.
    """
    _check_reads(asker)
    return _load(tx, incident_id, asker.now, of=asker.visitor)


def read_all_clocks(tx: Transaction, asker: Asker) -> list[ClockRow]:
    """Return the clocks of every open incident and insurer, the most urgent first.

    Raises:
        NotAllowed: their role reads no clocks, or they are not of the host operator.
    """
    check_can(asker.visitor, Permission.READ_CLOCKS, now=asker.now)
    return _load_all(tx, asker.now)


def read_next_clocks(
    tx: Transaction, asker: Asker, incident_id: int, *, most: int = 3
) -> list[ClockRow]:
    """Return what is most urgent in one incident, for the pages beside.

    Raises:
        NotFound: there is no such incident for them.
        NotAllowed: their role reads no clocks.
    """
    rows = read_clocks(tx, asker, incident_id).rows
    return [row for row in rows if row.clock.is_open][:most]


def assign_clock(
    tx: Transaction,
    asker: Asker,
    incident_id: int,
    key: tuple[str, int | None],
    *,
    owner_ref: int | None,
) -> None:
    """Name who answers for a clock; None gives it back to everybody.

    Raises:
        NotFound: there is no such clock, or nobody like that works incidents here.
        NotAllowed: their role does not work incidents.
    """
    _check_works(asker)
    _check_is_own(asker, key[1])
    code, insurer_id = key
    if code not in RULES_BY_CODE:
        raise NotFound("there is no such clock")
    head = _load_head(tx, incident_id)
    if owner_ref is not None and owner_ref not in _list_colleagues(tx, asker):
        raise NotFound("nobody like that works incidents in your organisation")
    authorities.save_owner(
        tx, head.incident_id, (code, insurer_id), owner_ref=owner_ref, author=_name(asker)
    )


def say_trait(
    tx: Transaction,
    asker: Asker,
    incident_id: int,
    insurer_id: int | None,
    trait: Trait,
    *,
    held: bool,
    reason: str,
) -> None:
    """Say that a party is something, or is not, which decides what it owes.

    Raises:
        NotFound: there is no such incident.
        InvalidRequest: no reason.
        NotAllowed: their role does not work incidents.
    """
    _check_works(asker)
    _check_is_own(asker, insurer_id)
    words = read_words(reason, "reason", REASON_LIMIT)
    head = _load_head(tx, incident_id)
    authorities.save_trait(
        tx, head.incident_id, insurer_id, trait, held=held, reason=words, author=_name(asker)
    )


def list_due_reminders(tx: Transaction, *, now: datetime) -> list[Reminder]:
    """Return what owners have to be told now (role analyst); exercises remind nobody real."""
    due = []
    for line in authorities.list_incidents(tx):
        if line.exercise:
            continue
        clocks = _load(tx, line.incident_id, now, of=None)
        told = authorities.list_told(tx, line.incident_id)
        for row in clocks.rows:
            # What insurers owe runs on when the operator closes the incident.
            if line.is_closed and row.clock.rule.owed_by == "operator":
                continue
            one = Reminder(row=row, told=0)
            sent = told.get((*row.clock.key, one.started_ms), 0)
            due += [
                Reminder(row=row, told=count)
                for _clock, count in list_reminders(
                    [row.clock], now=now, sent={row.clock.key: sent}
                )
            ]
    return sorted(due, key=lambda reminder: rank_urgency(reminder.row.clock))


def remind(tx: Transaction, registrar: Transaction, *, now: datetime) -> list[Reminder]:
    """Warn whoever answers for each clock that passed a threshold; return what was told.

    Args:
        tx: A transaction of role analyst.
        registrar: One of role registrar, which writes warnings.
        now: The present instant.
    """
    due = list_due_reminders(tx, now=now)
    for one in due:
        clock = one.row.clock
        owing = None if clock.rule.owed_by == "operator" else clock.party.insurer_id
        event = SecurityEvent(
            kind=SecurityEventKind.CLOCK_DUE,
            actor_ref=one.row.owner_ref,
            org_ref=authorities.find_organisation(registrar, owing),
            details={
                "clock": clock.rule.code,
                "incident": one.row.incident_id,
                "insurer": clock.party.insurer_id or 0,
            },
        )
        warn_now(registrar, record_event(registrar, event))
        # A crash between the two commits warns once more.
        authorities.save_told(
            tx, one.row.incident_id, clock.key, started_ms=one.started_ms, told=one.told
        )
    return due


def load_rows(tx: Transaction, incident_id: int | None, *, now: datetime) -> list[ClockRow]:
    """Return the clocks of one incident, or of every open one, for the command line.

    Raises:
        NotFound: there is no such incident.
    """
    if incident_id is None:
        return _load_all(tx, now)
    return list(_load(tx, incident_id, now, of=None).rows)


def list_parties(
    tx: Transaction, incident_id: int, said: Iterable[SaidTrait], *, of: Visitor | None
) -> list[Party]:
    """Return the operator and the insurers concerned, as whoever asks may know them."""
    is_insurer = of is not None and of.insurer_id is not None
    if is_insurer:
        mine = authorities.load_my_share(tx, incident_id)
        shares = [] if mine is None else [mine]
        has_professionals = False
    else:
        shares = authorities.list_shares(tx, incident_id)
        seen = authorities.load_professionals(tx, incident_id)
        has_professionals = bool(seen.persons_a + seen.persons_b + seen.persons_c)
    more = frozenset({Trait.CONTROLLER_OF_PROFESSIONALS}) if has_professionals else frozenset()
    parties = [Party.make_operator(authorities.load_operator(tx), more=more)]
    parties += [Party.make_insurer(share.insurer_id, share.name) for share in shares]
    words = list(said)
    return [_apply(party, words) for party in parties]


def _load_all(tx: Transaction, now: datetime) -> list[ClockRow]:
    rows = [
        row
        for line in authorities.list_incidents(tx)
        if not line.is_closed
        for row in _load(tx, line.incident_id, now, of=None).rows
    ]
    return sorted(rows, key=lambda row: rank_urgency(row.clock))


def _load(
    tx: Transaction, incident_id: int, now: datetime, *, of: Visitor | None
) -> IncidentClocks:
    head = _load_head(tx, incident_id)
    told = authorities.list_facts(tx, incident_id)
    said = authorities.list_traits(tx, incident_id)
    parties = list_parties(tx, incident_id, said, of=of)
    facts = [fact for fact, _author in told]
    clocks = plan_clocks(facts, CLOCK_RULES, parties, calendar=CALENDAR, now=now)
    if of is not None and of.insurer_id is not None:
        clocks = [clock for clock in clocks if clock.party.insurer_id == of.insurer_id]
    owners = {(one.code, one.insurer_id): one for one in authorities.list_owners(tx, incident_id)}
    authors = {fact.event_ref: author for fact, author in told}
    return IncidentClocks(
        head=head,
        rows=[_make_row(head, clock, owners.get(clock.key), authors) for clock in clocks],
        parties=parties,
        said=said,
    )


def _make_row(
    head: IncidentHead,
    clock: Clock,
    owner: authorities.Owner | None,
    authors: dict[int, str],
) -> ClockRow:
    shown: Fact | None = clock.met or clock.waived
    return ClockRow(
        incident_id=head.incident_id,
        title=head.title,
        exercise=head.exercise,
        clock=clock,
        owner_ref=None if owner is None else owner.owner_ref,
        owner="" if owner is None else owner.name,
        met_by="" if shown is None else authors.get(shown.event_ref, ""),
    )


def _apply(party: Party, said: Iterable[SaidTrait]) -> Party:
    traits = set(party.traits)
    for word in said:
        if word.insurer_id == party.insurer_id:
            (traits.add if word.held else traits.discard)(word.trait)
    return Party(insurer_id=party.insurer_id, name=party.name, traits=frozenset(traits))


def _load_head(tx: Transaction, incident_id: int) -> IncidentHead:
    head = authorities.load_head(tx, incident_id)
    if head is None:
        raise NotFound(f"there is no incident {incident_id}: see the list of incidents")
    return head


def _check_reads(asker: Asker) -> None:
    own = asker.visitor.insurer_id is not None
    wanted = Permission.READ_OWN_INCIDENTS if own else Permission.READ_CLOCKS
    check_can(asker.visitor, wanted, now=asker.now)


def _check_works(asker: Asker) -> None:
    own = asker.visitor.insurer_id is not None
    wanted = Permission.RECEIVE_PACKAGE if own else Permission.WORK_INCIDENT
    check_can(asker.visitor, wanted, now=asker.now)


def _check_is_own(asker: Asker, insurer_id: int | None) -> None:
    """Keep an insurer to its own side; the row policies do too."""
    own = asker.visitor.insurer_id
    if own is not None and own != insurer_id:
        raise InvalidRequest("an insurer writes about its own clocks")


def _list_colleagues(tx: Transaction, asker: Asker) -> set[int]:
    own = asker.visitor.insurer_id is not None
    wanted = Permission.RECEIVE_PACKAGE if own else Permission.WORK_INCIDENT
    standing = list_entitled(tx, asker.visitor.org_ref, wanted)
    return {one.actor_ref for one in standing if one.has_role(asker.now)}


def _name(asker: Asker) -> str:
    # From a page the database writes the visitor's own name; this is for other callers.
    return asker.visitor.display_name
