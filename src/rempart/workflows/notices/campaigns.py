"""Campaigns of an insurer: written, prepared, proposed by one person, agreed to by another.

Those of the operator, to professionals, go the same way: 0 stands where an insurer's number does.
Refuses to propose what lacks what the law asks for, what nobody would get, and what a newer package
contradicts; refuses that one person decides alone.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.second_person import are_apart
from rempart.incidents.room import read_words
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.kernel.instants import from_ms, to_paris_day
from rempart.kernel.listing import Listing
from rempart.notices.campaigns import (
    ENDED,
    OPERATOR,
    CampaignKind,
    CampaignState,
    MessageState,
    Step,
    move,
)
from rempart.notices.facts import IncidentFacts
from rempart.notices.facts_json import describe_facts, read_facts
from rempart.notices.lint_rules import Severity
from rempart.storage import campaign_pages as pages
from rempart.storage.campaign_pages import (
    CampaignColumn,
    ContactFile,
    KindOfFacts,
    ListedCampaign,
    ListedMessage,
    LockedCampaign,
    MessageColumn,
    MessageFilter,
    NewCampaign,
    PackageFacts,
    ShownCampaign,
)
from rempart.storage.connect import Transaction
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.jobs.enqueue import enqueue

__all__ = [
    "CampaignColumn",
    "CampaignSheet",
    "ContactFile",
    "Decider",
    "KindOfFacts",
    "ListedCampaign",
    "ListedMessage",
    "MessageColumn",
    "MessageFilter",
    "PackageFacts",
    "ShownCampaign",
    "approve_campaign",
    "ask_preparing",
    "begin_campaign",
    "change_facts",
    "change_pace",
    "decide_campaign",
    "draw_reference",
    "find_insurer",
    "find_teller",
    "list_campaigns",
    "list_files",
    "list_messages",
    "load_facts",
    "make_decider",
    "note_told",
    "propose_campaign",
    "read_campaign",
    "read_package",
    "suggest_facts",
]

MOST_KINDS: Final = 40
MOST_FILES: Final = 20
REFERENCE_BITS: Final = 59
"""A job takes eighteen digits."""
_BLOCKING: Final = Severity.BLOCKING.value
_TAKEN_BACK: Final = "the package it rests on was taken back: stop this campaign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """Who decides: an agent of an insurer or of the operator, or the host's command line (0)."""

    actor_ref: int
    insurer_id: int
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSheet:
    """One campaign and how far it is.

    Args:
        counts: Messages by way and state.
        reasons: Why some are held, dropped or came back: state, reason, how many.
        kinds: Kinds of facts, the most frequent first; `kind_count` of them in all.
        names: Of those who decided, by account.
    """

    campaign: ShownCampaign
    counts: Sequence[tuple[str, str, int]]
    reasons: Sequence[tuple[str, str, int]]
    kinds: Sequence[KindOfFacts]
    kind_count: int
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def is_outdated(self) -> bool:
        """Whether the insurer was told something else since, or another analysis was made."""
        newest = self.campaign.newest_package
        return newest is not None and newest > self.campaign.package_number

    def count(self, *states: MessageState) -> int:
        """Return how many messages are in some states."""
        return sum(count for _, state, count in self.counts if state in states)


def find_insurer(asker: Asker, permission: Permission) -> int:
    """Return the insurer that the asker acts for.

    Raises:
        NotAllowed: their role may not.
        NotFound: they are of no insurer.
    """
    check_can(asker.visitor, permission, now=asker.now)
    if asker.visitor.insurer_id is None:
        raise NotFound("there are no campaigns here")
    return asker.visitor.insurer_id


def find_teller(asker: Asker, permission: Permission) -> int:
    """Return whose campaigns the asker may act on: their insurer's, or the operator's own (0).

    Raises:
        NotAllowed: their role may not.
        NotFound: they are of no insurer, nor of the operator that runs this installation.
    """
    if not asker.visitor.is_host:
        return find_insurer(asker, permission)
    check_can(asker.visitor, permission, now=asker.now)
    return OPERATOR


def draw_reference() -> int:
    """Draw the reference of a campaign or of a file."""
    return secrets.randbits(REFERENCE_BITS) or 1


def make_decider(asker: Asker, permission: Permission) -> Decider:
    """Return the asker as somebody who decides."""
    return Decider(
        actor_ref=asker.visitor.actor_ref,
        insurer_id=find_teller(asker, permission),
        now=asker.now,
    )


def list_campaigns(
    tx: Transaction, asker: Asker, listing: Listing[CampaignColumn], *, incident_id: int | None
) -> tuple[list[ListedCampaign], int]:
    """Return one page of the campaigns of the asker's insurer, or of the operator."""
    find_teller(asker, Permission.READ_CAMPAIGNS)
    return pages.list_campaigns(tx, listing, incident_id=incident_id)


def list_files(tx: Transaction, asker: Asker) -> list[ContactFile]:
    """Return the files of contact data the insurer gave in."""
    find_insurer(asker, Permission.READ_CAMPAIGNS)
    return pages.list_files(tx, most=MOST_FILES)


def read_campaign(tx: Transaction, asker: Asker, campaign_ref: int) -> CampaignSheet:
    """Return one campaign and how far it is.

    Raises:
        NotFound: the asker's insurer has no such campaign.
    """
    find_teller(asker, Permission.READ_CAMPAIGNS)
    sheet = load_sheet(tx, campaign_ref)
    one = sheet.campaign
    deciders = {one.made_by, one.proposed_by, one.approved_by, one.decided_by} - {None, 0}
    return replace(sheet, names=pages.name_actors(tx, [ref for ref in deciders if ref]))


def load_sheet(tx: Transaction, campaign_ref: int) -> CampaignSheet:
    """Return one campaign and how far it is, to whoever the database shows it to.

    Raises:
        NotFound: there is no such campaign.
    """
    campaign = pages.find_campaign(tx, campaign_ref)
    if campaign is None:
        raise NotFound("no such campaign")
    # What was prepared from former facts stays until it is prepared again, and counts for nothing.
    if campaign.state in {CampaignState.DRAFT, CampaignState.PREPARING}:
        return CampaignSheet(campaign=campaign, counts=(), reasons=(), kinds=(), kind_count=0)
    kinds, kind_count = pages.list_kinds(tx, campaign_ref, most=MOST_KINDS)
    return CampaignSheet(
        campaign=campaign,
        counts=pages.count_messages(tx, campaign_ref),
        reasons=pages.count_reasons(tx, campaign_ref),
        kinds=kinds,
        kind_count=kind_count,
    )


def list_messages(
    tx: Transaction,
    asker: Asker,
    campaign_ref: int,
    listing: Listing[MessageColumn],
    which: MessageFilter,
) -> tuple[list[ListedMessage], int]:
    """Return one page of the messages of a campaign, by number."""
    find_teller(asker, Permission.READ_CAMPAIGNS)
    return pages.list_messages(tx, campaign_ref, listing, which)


def read_package(tx: Transaction, incident_id: int, insurer_id: int) -> PackageFacts:
    """Return what the latest package says that a notice needs, or the operator's own list.

    Raises:
        NotFound: the insurer was sent none; or the incident was not analysed.
    """
    package = pages.find_package(tx, incident_id, insurer_id)
    if package is None:
        raise NotFound("nobody was listed yet: no package, or no analysis, about this incident")
    return package


def suggest_facts(
    tx: Transaction, package: PackageFacts, incident_id: int, *, now: datetime
) -> dict[str, Any]:
    """Return what is known for the facts of a new campaign; what nobody knows is left out.

    Who writes comes from the insurer's last campaign; days, from the package.
    """
    latest = dict(pages.find_latest_facts(tx, package.insurer_id) or {})
    told_on = to_paris_day(package.first_sent_at)
    facts: dict[str, Any] = {
        name: latest[name]
        for name in ("operator", "measures", "planned", "is_space_open", "prosecutor")
        if name in latest
    }
    version = 1 + len(pages.list_numbers(tx, incident_id, package.insurer_id))
    return facts | {
        "sender": latest.get("sender", {"name": package.insurer} if package.insurer else {}),
        "case_reference": f"R-{told_on.year}-{incident_id:03}",
        "version": version,
        "starts_on": _to_day(package.starts_ms).isoformat(),
        "ends_on": _to_day(package.ends_ms - 1).isoformat(),
        "told_on": told_on.isoformat(),
        "written_on": to_paris_day(now).isoformat(),
    }


def begin_campaign(
    tx: Transaction,
    decider: Decider,
    incident_id: int,
    facts: IncidentFacts,
    *,
    campaign_ref: int,
    per_hour: int | None = None,
) -> None:
    """Write a draft after the latest package.

    Raises:
        NotFound: the insurer was sent no package about this incident.
        Conflict: another campaign about it is not over.
    """
    package = read_package(tx, incident_id, decider.insurer_id)
    known = pages.list_numbers(tx, incident_id, decider.insurer_id)
    if any(state not in ENDED for _, state in known):
        raise Conflict("another campaign about this incident is not over: end it or stop it first")
    is_own = decider.insurer_id == OPERATOR
    first = CampaignKind.PROFESSIONAL if is_own else CampaignKind.NOTICE
    kind = CampaignKind.CORRECTION if known else first
    if known and not package.persons:
        kind = CampaignKind.RETRACTION
    new = NewCampaign(
        campaign_ref=campaign_ref,
        incident_id=incident_id,
        insurer_id=decider.insurer_id,
        number=1 + max((number for number, _ in known), default=0),
        package_ref=package.package_ref,
        analysis=package.number if is_own else None,
        kind=kind,
        exercise=package.exercise,
        facts=describe_facts(facts),
        per_hour=per_hour,
        made_by=decider.actor_ref,
    )
    if not pages.insert_campaign(tx, new):
        raise Conflict("another campaign about this incident is not over: end it or stop it first")


def change_facts(
    tx: Transaction,
    decider: Decider,
    campaign_ref: int,
    facts: IncidentFacts,
    *,
    per_hour: int | None,
) -> None:
    """Change what everybody is told; what was prepared is prepared again.

    Raises:
        Conflict: it is proposed, or further.
    """
    _lock(tx, decider, campaign_ref)
    if not pages.change_facts(tx, campaign_ref, describe_facts(facts), per_hour):
        raise Conflict("this campaign is proposed, or further: send it back first")


def change_pace(tx: Transaction, decider: Decider, campaign_ref: int, per_hour: int | None) -> None:
    """Change how many messages leave in an hour, at any time.

    Raises:
        Conflict: it is over.
    """
    _lock(tx, decider, campaign_ref)
    if not pages.change_pace(tx, campaign_ref, per_hour):
        raise Conflict("this campaign is over")


def ask_preparing(tx: Transaction, decider: Decider, campaign_ref: int) -> int:
    """Have the messages of a draft prepared; return the job.

    Raises:
        Conflict: it is no draft.
    """
    decide_campaign(tx, decider, campaign_ref, Step.PREPARE)
    return enqueue(tx, "prepare_campaign", campaign_ref=campaign_ref)


def check_can_propose(sheet: CampaignSheet) -> None:
    """Refuse to propose what cannot be sent as it is.

    Raises:
        Conflict: it is not prepared, tells nobody, or a newer package says something else.
        InvalidRequest: a text lacks what article 34(2) asks for.
    """
    move(CampaignState(sheet.campaign.state), Step.PROPOSE)
    blocking = [one["rule"] for one in sheet.campaign.findings if one["severity"] == _BLOCKING]
    if blocking:
        raise InvalidRequest(
            f"a text lacks what the law asks for: {', '.join(sorted(set(blocking)))}",
            fields=(("facts", "correct what is missing and prepare again"),),
        )
    if not sheet.count(MessageState.WAITING):
        raise Conflict("there is nobody to write to: give contact data, or stop this campaign")
    if sheet.is_outdated or sheet.campaign.package_state != "sent":
        raise Conflict("the list changed since: stop this campaign and make another")


def propose_campaign(tx: Transaction, decider: Decider, campaign_ref: int) -> None:
    """Ask for a campaign to be sent: another person agrees.

    Raises:
        NotFound: there is no such campaign.
        Conflict, InvalidRequest: as `check_can_propose`.
    """
    _lock(tx, decider, campaign_ref)
    check_can_propose(load_sheet(tx, campaign_ref))
    if not pages.propose(tx, campaign_ref, decider.actor_ref):
        raise Conflict("this campaign was changed meanwhile: read it again")


def approve_campaign(tx: Transaction, asker: Asker, campaign_ref: int) -> None:
    """Agree to what a colleague proposes: it is sent from now on.

    Raises:
        NotFound: there is no such campaign.
        NotAllowed: it is their own proposal, or the two do not count as two.
        Conflict: nobody proposes it any more, or the package it rests on was taken back.
    """
    decider = make_decider(asker, Permission.APPROVE_CAMPAIGN)
    locked = _lock(tx, decider, campaign_ref)
    _check_can_approve(tx, locked, campaign_ref)
    if locked.proposed_by is None or locked.proposed_at is None:
        raise Conflict("nobody proposes this campaign")
    if locked.proposed_by != 0:
        known = list_entitled(tx, asker.visitor.org_ref, Permission.APPROVE_CAMPAIGN)
        if not are_apart(
            known,
            locked.proposed_by,
            decider.actor_ref,
            asked_at=locked.proposed_at,
            at=asker.now,
        ):
            raise NotAllowed(
                "another person agrees: settled for a month, neither brought by the other"
            )
    if not pages.approve(tx, campaign_ref, decider.actor_ref):
        raise Conflict("this campaign was changed meanwhile: read it again")


def approve_from_outside(tx: Transaction, decider: Decider, campaign_ref: int) -> None:
    """Agree at the host's command line to what somebody of the insurer proposes.

    For an insurer whose second person cannot be reached. Refuses what the command line proposed.

    Raises:
        NotAllowed: the command line proposed it.
        Conflict: nobody proposes it, or the package it rests on was taken back.
    """
    locked = _lock(tx, decider, campaign_ref)
    _check_can_approve(tx, locked, campaign_ref)
    if locked.proposed_by == 0:
        raise NotAllowed("the command line proposed it: somebody of the insurer agrees")
    if not pages.approve(tx, campaign_ref, decider.actor_ref):
        raise Conflict("this campaign was changed meanwhile: read it again")


def decide_campaign(
    tx: Transaction, decider: Decider, campaign_ref: int, step: Step, *, reason: str = ""
) -> None:
    """Prepare, send back, pause, resume or stop a campaign; one person does.

    Raises:
        NotFound: there is no such campaign.
        Conflict: it does not take this step.
        InvalidRequest: it is paused or stopped without a reason.
    """
    words = ""
    if step in {Step.PAUSE, Step.STOP, Step.SEND_BACK}:
        words = read_words(reason, "reason")
    locked = _lock(tx, decider, campaign_ref)
    state = move(CampaignState(locked.state), step)
    if step is Step.RESUME:
        _check_can_resume(load_sheet(tx, campaign_ref).campaign)
    if step is Step.PREPARE and decider.insurer_id == OPERATOR:
        _check_list_stands(load_sheet(tx, campaign_ref))
    if not pages.decide(
        tx, campaign_ref, decider.actor_ref, before=locked.state, state=state, reason=words
    ):
        raise Conflict("this campaign was changed meanwhile: read it again")


def note_told(tx: Transaction, decider: Decider, campaign_ref: int, number: int) -> None:
    """Say that the insurer told a person in its own way, whom nothing is sent to by itself.

    Raises:
        NotFound: the campaign has no message of this number that is held.
    """
    _lock(tx, decider, campaign_ref)
    if not pages.note_told(tx, campaign_ref, number):
        raise NotFound("no message of this number is held")


def load_facts(campaign: ShownCampaign) -> IncidentFacts:
    """Return the facts of a campaign."""
    return read_facts(campaign.facts)


def _check_list_stands(sheet: CampaignSheet) -> None:
    """Refuse to prepare after an analysis whose list another one replaced."""
    if sheet.is_outdated:
        raise Conflict("another analysis was made since: stop this campaign and make another")


def _check_can_approve(tx: Transaction, locked: LockedCampaign, campaign_ref: int) -> None:
    move(CampaignState(locked.state), Step.APPROVE)
    campaign = pages.find_campaign(tx, campaign_ref)
    if campaign is not None and campaign.package_state != "sent":
        raise Conflict(_TAKEN_BACK)


def _check_can_resume(campaign: ShownCampaign) -> None:
    if campaign.package_state != "sent":
        raise Conflict(_TAKEN_BACK)
    if campaign.exercise:
        raise Conflict("the messages of an exercise leave for nobody: stop this campaign")


def _lock(tx: Transaction, decider: Decider, campaign_ref: int) -> LockedCampaign:
    """Return the state of a campaign of the decider's insurer, locked."""
    locked = pages.lock_campaign(tx, campaign_ref)
    if locked is None or locked.insurer_id != decider.insurer_id:
        raise NotFound("no such campaign")
    return locked


def _to_day(t_ms: int) -> date:
    return to_paris_day(from_ms(t_ms))
