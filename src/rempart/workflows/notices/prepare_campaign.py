"""Prepares a campaign: one message for each person, written once: its digest can be agreed to.

Piece by piece, by reference of person: killed anywhere, it goes on after the last piece. Refuses to
be ready with a text that lacks what article 34(2) asks for, and to open a contact before the ledger
holds that it is read.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Final

import msgspec

from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.disclosure.fields import Field
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.findings import Language
from rempart.notices.assembly import assemble_notice, check_can_send
from rempart.notices.campaigns import (
    OPERATOR,
    CampaignKind,
    CampaignState,
    FormerMessage,
    Known,
    MessageState,
    Saying,
    Untold,
    decide_departure,
    decide_saying,
)
from rempart.notices.codes import derive_code, digest_code
from rempart.notices.contacts import (
    NO_PREFERENCE,
    Channel,
    Contact,
    ContactFlag,
    Preference,
    Way,
    decide_variant,
    decide_way,
)
from rempart.notices.facts import Certainty, Departure, PersonFacts, Relation
from rempart.notices.media import Medium, Variant
from rempart.notices.texts import read_source
from rempart.storage import campaigns
from rempart.storage.campaigns import NewMessage, StoredCampaign, StoredPerson
from rempart.storage.connect import Transaction
from rempart.storage.letterbox import Letterbox
from rempart.storage.sealing import KEY_BYTES, Kms
from rempart.workflows.ledger.record_act import ActsLog, record_act
from rempart.workflows.notices.campaign_findings import Findings
from rempart.workflows.notices.campaign_text import (
    Writer,
    bind_key,
    digest_text,
    make_writer,
    write_words,
)
from rempart.workflows.notices.professional_contacts import gather_contacts

PIECE: Final = 1000
PURPOSE: Final = "informer les personnes concernées (RGPD, article 34)"
_DEPARTURE_UNKNOWN: Final = "departure_unknown"


@dataclass(frozen=True, slots=True)
class Prepared:
    """How far preparing is."""

    persons: int
    is_done: bool


@dataclass(frozen=True, slots=True)
class Target:
    """One person, and what they are told and how."""

    person: StoredPerson
    saying: Saying
    former: FormerMessage | None
    contact: Contact | None
    relation: Relation
    departure: Departure | None
    way: Way
    wanted: Preference = NO_PREFERENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What a campaign is prepared with.

    Args:
        kms: Wraps the campaign's key and the insurer's.
        letterbox: Opens the addresses of professionals' accounts.
        acts: The acts log.
        by: Who asked for it.
        today: Paris civil date.
        now_ms: The present instant.
        piece: Persons of one transaction.
    """

    kms: Kms
    letterbox: Letterbox
    acts: ActsLog
    by: Author
    today: date
    now_ms: int
    piece: int = PIECE


def begin_preparing(tx: Transaction, preparation: Preparation, campaign_ref: int) -> None:
    """Start preparing, unless it was begun: that goes on where it was.

    Raises:
        NotFound: there is no such campaign.
        Conflict: nobody asked for it to be prepared, or its facts cannot be read.
        LedgerUnavailable: the reading of contacts cannot be recorded: nothing is opened.
    """
    campaign = campaigns.lock_campaign(tx, campaign_ref)
    if campaign is None:
        raise NotFound("no such campaign")
    _check_is_preparing(campaign)
    # A crash after this leaves on record a reading that did not take place: too much is said.
    record_act(
        preparation.acts,
        LedgerRead(
            question="notice-campaign",
            purpose=PURPOSE,
            from_ms=preparation.now_ms,
            to_ms=preparation.now_ms,
            about=_describe_readers(campaign),
        ),
        by=preparation.by,
        subject=Subject(0, campaign.insurer_id),
    )
    digest = digest_facts(campaign)
    if (
        campaign.wrapped_key is not None
        and campaign.facts_digest == digest
        and campaign.prepared_to
    ):
        return
    campaigns.begin_preparing(
        tx,
        campaign_ref,
        wrapped_key=preparation.kms.wrap(
            secrets.token_bytes(KEY_BYTES), context=bind_key(campaign_ref)
        ),
        facts_digest=digest,
    )


def prepare_piece(tx: Transaction, preparation: Preparation, campaign_ref: int) -> Prepared:
    """Prepare the persons that follow, and note how far it is; the caller commits.

    Raises:
        Conflict: somebody stopped it meanwhile, or it lacks what the law asks for.
    """
    campaign = campaigns.lock_campaign(tx, campaign_ref)
    if campaign is None or campaign.wrapped_key is None:
        raise NotFound("no such campaign under preparation")
    _check_is_preparing(campaign)
    _check_list_stands(tx, campaign)
    writer = make_writer(tx, preparation.kms, campaign, campaign.wrapped_key)
    if campaign.insurer_id == OPERATOR:
        gather_contacts(tx, campaign, writer.seal, preparation.letterbox, most=preparation.piece)
    sources = campaigns.list_sources(tx, campaign)
    persons = campaigns.load_piece(tx, campaign, sources, most=preparation.piece)
    findings = Findings.read(campaign.findings)
    messages = list(_make_messages(writer, persons, findings, today=preparation.today))
    campaigns.insert_messages(tx, campaign, messages)
    is_done = len(persons) < preparation.piece
    campaigns.move_on(
        tx,
        campaign_ref,
        prepared_to=persons[-1].person_ref if persons else campaign.prepared_to,
        persons=len(messages),
        findings=findings.describe(),
    )
    if is_done:
        campaigns.end_preparing(tx, campaign_ref, CampaignState.PREPARED)
    return Prepared(campaign.persons + len(messages), is_done)


def prepare_whole(
    open_transaction: Callable[[], AbstractContextManager[Transaction]],
    preparation: Preparation,
    campaign_ref: int,
    *,
    tell: Callable[[int], None] = lambda _persons: None,
) -> int:
    """Prepare a campaign piece by piece; return how many persons it tells.

    Args:
        open_transaction: Opens transactions of the role notifier.
        preparation: What it is prepared with.
        campaign_ref: Which one.
        tell: Told how many persons are done after each piece; may raise to stop there.

    Raises:
        InvalidRequest: a text lacks what the law asks for: it is a draft again, with the reason.
        Conflict: somebody decided otherwise meanwhile.
    """
    with open_transaction() as tx:
        begin_preparing(tx, preparation, campaign_ref)
    try:
        while True:
            with open_transaction() as tx:
                done = prepare_piece(tx, preparation, campaign_ref)
            if done.is_done:
                return done.persons
            tell(done.persons)
    except InvalidRequest as refusal:
        with open_transaction() as tx:
            give_up(tx, campaign_ref, str(refusal))
        raise


def give_up(tx: Transaction, campaign_ref: int, reason: str) -> None:
    """Make a campaign that cannot be prepared a draft again, and say why."""
    campaigns.end_preparing(tx, campaign_ref, CampaignState.DRAFT, reason=reason)


def digest_facts(campaign: StoredCampaign) -> bytes:
    """Return the digest of what the texts of a campaign are made from: facts and words."""
    facts = msgspec.json.encode(campaign.facts, order="sorted")
    return hashlib.sha256(facts + b"\n" + read_source().encode()).digest()


def decide_target(
    person: StoredPerson,
    contact: Contact | None,
    *,
    is_whole: bool,
    today: date,
    is_professional: bool = False,
) -> Target | Untold:
    """Say what one person is told, and by which way.

    Args:
        person: As stored.
        contact: Where they are reached; None: the insurer did not say.
        is_whole: Whether nothing about those who are told can be missing.
        today: Tells who left.
        is_professional: Whether they are told what was a professional's own.
    """
    known = None
    if person.tier is not None:
        known = Known(Certainty(person.tier), Field(person.lost), Field(person.fields))
    former = None
    if person.former_number and person.former_written_on and person.former_certainty:
        former = FormerMessage(
            person.former_number,
            person.former_written_on,
            Certainty(person.former_certainty),
            Field(person.former_fields or 0),
        )
    saying = decide_saying(known, former, is_whole=is_whole, is_professional=is_professional)
    if isinstance(saying, Untold):
        return saying
    flags = None if contact is None else contact.flags
    wanted = _read_preference(person)
    relation, departure = Relation.PROFESSIONAL, None
    if not is_professional:
        relation, departure = _decide_relation(person, contact, today=today)
    return Target(
        person=person,
        saying=saying,
        former=former,
        contact=contact,
        relation=relation,
        departure=departure,
        way=decide_way(flags, has_space=person.has_space, wanted=wanted),
        wanted=wanted,
    )


def _make_messages(
    writer: Writer, persons: Sequence[StoredPerson], findings: Findings, *, today: date
) -> Iterator[NewMessage]:
    is_whole = writer.campaign.hidden == 0
    is_professional = writer.campaign.insurer_id == OPERATOR
    for person in persons:
        contact = None
        if person.sealed is not None:
            contact = writer.seal.open(person.person_ref, person.sealed)
        target = decide_target(
            person, contact, is_whole=is_whole, today=today, is_professional=is_professional
        )
        if not isinstance(target, Untold):
            yield _make_message(writer, target, findings)
        elif target is Untold.CANNOT_EXCLUDE:
            yield _hold_retraction(
                person, Relation.PROFESSIONAL if is_professional else Relation.MEMBER
            )


def _make_message(writer: Writer, target: Target, findings: Findings) -> NewMessage:
    person, saying, departure = target.person, target.saying, target.departure
    contact = target.contact or Contact(recipient="")
    language = target.wanted.language or contact.language
    code = derive_code(writer.key, writer.campaign.campaign_ref, person.person_ref)
    held = "" if target.way.held is None else target.way.held.value
    if target.relation is Relation.FORMER and departure is None:
        held = _DEPARTURE_UNKNOWN
    digest = None
    if not held:
        facts = PersonFacts(
            recipient=contact.recipient,
            relation=target.relation,
            certainty=saying.certainty,
            exposed=saying.exposed,
            not_exposed=saying.not_exposed,
            authenticity_code=code,
            doubt=saying.doubt,
            person=contact.person if target.relation is Relation.MINOR else "",
            departure=departure,
            corrects=None if target.former is None else target.former.written_on,
        )
        notice = assemble_notice(writer.facts, facts, medium=Medium.EMAIL, language=language)
        check_can_send(notice)
        digest = digest_text(write_words(notice, exercise=writer.campaign.exercise))
        findings.add(writer.facts, facts, language)
    return NewMessage(
        person_ref=person.person_ref,
        kind=saying.kind,
        former=None if target.former is None else target.former.number,
        relation=Relation.MEMBER if held == _DEPARTURE_UNKNOWN else target.relation,
        certainty=saying.certainty,
        doubt=saying.doubt,
        fields=int(saying.exposed),
        not_exposed=int(saying.not_exposed),
        left_on=departure.left_on if departure else None,
        kept_until=departure.kept_until if departure else None,
        kept_why=departure.kept_why if departure else None,
        language=language,
        variant=decide_variant(contact.flags, target.wanted),
        household=person.household,
        channel=target.way.channel,
        state=MessageState.HELD if held else MessageState.WAITING,
        reason=held,
        digest=digest,
        code_digest=None if digest is None else digest_code(code),
    )


def _hold_retraction(person: StoredPerson, relation: Relation) -> NewMessage:
    """Hold what would take back a former message while a hole of the record forbids it."""
    return NewMessage(
        person_ref=person.person_ref,
        kind=CampaignKind.RETRACTION,
        former=person.former_number,
        relation=relation,
        certainty=Certainty.EXCLUDED,
        doubt=None,
        fields=0,
        not_exposed=0,
        left_on=None,
        kept_until=None,
        kept_why=None,
        language=person.language or "fr",
        variant="standard",
        household=None,
        channel="letter",
        state=MessageState.HELD,
        reason=Untold.CANNOT_EXCLUDE,
        digest=None,
        code_digest=None,
    )


def _read_preference(person: StoredPerson) -> Preference:
    return Preference(
        channel=None if person.wanted_channel is None else Channel(person.wanted_channel),
        language=None if person.wanted_language is None else _read_language(person.wanted_language),
        variant=None if person.wanted_variant is None else Variant(person.wanted_variant),
    )


def _read_language(text: str) -> Language:
    return "en" if text == "en" else "fr"


def _decide_relation(
    person: StoredPerson, contact: Contact | None, *, today: date
) -> tuple[Relation, Departure | None]:
    if contact is not None and contact.flags & ContactFlag.MINOR:
        return Relation.MINOR, None
    last_day = person.last_day or (None if contact is None else contact.left_on)
    if last_day is None:
        return Relation.FORMER, None
    if last_day >= today:
        return Relation.MEMBER, None
    return Relation.FORMER, decide_departure(last_day, today=today)


def _describe_readers(campaign: StoredCampaign) -> About:
    """Return whose contacts are opened: an insurer's people, or an incident's professionals."""
    if campaign.insurer_id == OPERATOR:
        return About(kind="incidents", refs=(campaign.incident_id,), count=1)
    return About(kind="insurers", refs=(campaign.insurer_id,), count=1)


def _check_list_stands(tx: Transaction, campaign: StoredCampaign) -> None:
    """Refuse to go on with professionals of whom another analysis says something else.

    A package stays as it was sent; the list of an analysis is replaced by that of the next one.
    """
    if campaign.insurer_id != OPERATOR:
        return
    if campaigns.find_last_analysis(tx, campaign.incident_id) != campaign.list_number:
        raise Conflict("another analysis was made since: stop this campaign and make another")


def _check_is_preparing(campaign: StoredCampaign) -> None:
    if campaign.state != CampaignState.PREPARING:
        raise Conflict("this campaign is not being prepared: somebody decided otherwise")
