"""E-mails of a campaign: each is handed over once, and whoever is not reached gets a letter.

Before the relay hears of a message, the database says that it is being handed over. Killed after
that, nobody knows whether it left: a report of the relay tells, or a letter that says it may be the
second. Refuses to hand over a second e-mail, a text that is not the one that was agreed to or that
a newer package makes untrue, and to believe that everybody's address is wrong: then the relay is.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rempart.exchange.notice_letter import clean_address
from rempart.exchange.notice_mail import Mailroom, Written, compose_mail
from rempart.exchange.smtp_transport import Fate, Outcome, Outgoing, Post
from rempart.kernel.email_address import EmailAddress
from rempart.kernel.errors import RempartError, Unavailable
from rempart.kernel.findings import BadValue
from rempart.notices.contacts import Channel
from rempart.storage import notice_delivery as delivery
from rempart.storage.connect import Transaction
from rempart.storage.notice_delivery import SendingCampaign, Settled, Tried, Turned
from rempart.workflows.notices.campaign_text import Rendered, Writer, open_writer
from rempart.workflows.notices.pace_campaign import Office

WINDOW: Final = 20
"""So many are handed over between two commits: a death leaves no more of which nobody knows."""
SUSPICIOUS: Final = 10
"""When so many at once are refused, and none is taken, the fault is not theirs."""
TURNED_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SentEmails:
    """What a run did: handed over, made letters."""

    sent: int
    turned: int


def send_emails(
    office: Office, room: Mailroom, post: Post, campaign: SendingCampaign, *, allowed: int | None
) -> SentEmails:
    """Hand over the e-mails of a campaign that wait, until none does or it is time to stop.

    Args:
        office: What deliveries work with.
        room: Our addresses.
        post: The relay.
        campaign: Under way.
        allowed: How many may leave; None: no bound.

    Raises:
        RempartError: the relay does not answer, or refuses us; what was not tried waits.
    """
    with office.open_transaction() as tx:
        writer = open_writer(tx, office.kms, campaign.campaign_ref)
    sent = turned = claimed = 0
    outcomes: list[Outcome] = []
    trouble: RempartError | None = None
    while True:
        outcomes, refused_all = _doubt_refusals(outcomes)
        trouble = trouble or refused_all
        left = WINDOW if allowed is None else min(WINDOW, allowed - claimed)
        with office.open_transaction() as tx:
            turned += settle_outcomes(tx, writer, outcomes)
            mails: list[Outgoing] = []
            numbers: list[int] = []
            if left > 0 and trouble is None and not office.must_stop():
                numbers = delivery.claim_emails(
                    tx,
                    campaign.campaign_ref,
                    most=left,
                    patience=office.timing.put_off,
                    tries=office.timing.tries,
                )
                untrue = delivery.list_untrue(tx, numbers)
                mails, unsent = _compose(office, room, writer.write(tx, numbers), untrue)
                turned += _set_aside(tx, writer, unsent)
        sent += sum(one.fate is Fate.SENT for one in outcomes)
        office.tell(sent)
        if not numbers:
            break
        claimed += len(mails)
        # A crash from here leaves messages that are "sending": a report, or a letter, settles them.
        outcomes = post.send(mails)
        trouble = post.trouble
    if trouble is not None:
        raise trouble
    return SentEmails(sent=sent, turned=turned)


def settle_outcomes(tx: Transaction, writer: Writer, outcomes: Sequence[Outcome]) -> int:
    """Write what became of e-mails; return how many became letters."""
    delivery.lock_messages(tx, [one.number for one in outcomes])
    delivery.settle_emails(tx, [_settle(one) for one in outcomes if one.fate in _STATES])
    refused = [one for one in outcomes if one.fate is Fate.REFUSED]
    delivery.note_attempts(tx, [Tried(one.number, "email", "refused", one.code) for one in refused])
    return turn_to_letters(tx, writer, [one.number for one in refused], reason="refused")


def settle_uncertain(office: Office, campaign: SendingCampaign) -> int:
    """Write letters to those of whom nobody knows whether the e-mail left, and to the put off.

    Returns:
        How many became letters.
    """
    turned, before = 0, office.now() - office.timing.uncertain_after
    while not office.must_stop():
        with office.open_transaction() as tx:
            uncertain = delivery.list_uncertain(
                tx, campaign.campaign_ref, before=before, most=TURNED_AT_ONCE
            )
            put_off = delivery.list_put_off(
                tx, campaign.campaign_ref, tries=office.timing.tries, most=TURNED_AT_ONCE
            )
            if not uncertain and not put_off:
                break
            writer = open_writer(tx, office.kms, campaign.campaign_ref)
            turned += turn_to_letters(tx, writer, uncertain, reason="uncertain", second=True)
            turned += turn_to_letters(tx, writer, put_off, reason="put_off")
    return turned


def turn_to_letters(
    tx: Transaction, writer: Writer, numbers: Sequence[int], *, reason: str, second: bool = False
) -> int:
    """Make letters of e-mails that did not arrive; without an address, somebody decides.

    Args:
        tx: A transaction of the role notifier.
        writer: Of their campaign.
        numbers: Of e-mails that wait, are handed over, or were.
        reason: Why, as it is kept.
        second: Whether the e-mail may have arrived: the letter says so.

    Returns:
        How many are letters now.
    """
    if not numbers:
        return 0
    untrue = delivery.list_untrue(tx, numbers)
    agreed = {one.number for one in writer.write(tx, numbers) if one.is_as_prepared}
    turned: list[Turned] = []
    kept: list[tuple[int, str, str]] = []
    for one in writer.write(tx, numbers, channel=Channel.LETTER, second=second):
        if one.bar is not None:
            kept.append((one.number, "held", one.bar.value))
        elif one.number in untrue:
            kept.append((one.number, "held", "package_changed"))
        elif one.number not in agreed:
            kept.append((one.number, "held", "text_changed"))
        elif not can_be_posted(one):
            kept.append((one.number, "held" if second else "bounced", f"{reason}_no_address"))
        else:
            turned.append(Turned(one.number, reason, one.digest, one.household, second))
    delivery.set_states(tx, kept, before=("waiting", "sending", "sent"))
    return delivery.turn_to_letters(tx, turned)


def can_be_posted(rendered: Rendered) -> bool:
    """Tell whether a letter has an address that is printed."""
    if rendered.household is None:
        return False
    try:
        clean_address(rendered.address)
    except BadValue:
        return False
    return True


_STATES: Final = {
    Fate.SENT: ("sent", "sent"),
    Fate.DEFERRED: ("waiting", "put_off"),
    Fate.NOT_TRIED: ("waiting", ""),
    Fate.UNCERTAIN: ("sending", "uncertain"),
}


def _settle(outcome: Outcome) -> Settled:
    state, noted = _STATES[outcome.fate]
    return Settled(outcome.number, state, noted, outcome.code)


def _doubt_refusals(outcomes: list[Outcome]) -> tuple[list[Outcome], RempartError | None]:
    """Take refusals of everybody for what they are: nobody's address is wrong, the relay is."""
    refused = [one for one in outcomes if one.fate is Fate.REFUSED]
    if len(refused) < SUSPICIOUS or len(refused) < len(outcomes):
        return outcomes, None
    codes = ", ".join(sorted({one.code for one in refused}))
    trouble = Unavailable(f"the relay refuses every message ({codes}): ask whoever runs it")
    return [Outcome(one.number, Fate.NOT_TRIED) for one in outcomes], trouble


def _compose(
    office: Office, room: Mailroom, written: Iterable[Rendered], untrue: Collection[int]
) -> tuple[list[Outgoing], list[Rendered]]:
    """Write e-mails; return them, and what cannot be one."""
    mails, unsent, now = [], [], office.now()
    for one in written:
        if one.bar is not None or not one.is_as_prepared or one.number in untrue:
            unsent.append(one)
            continue
        try:
            mail = Written(
                number=one.number,
                recipient=EmailAddress.parse(one.email),
                insurer=one.sender.name,
                reply_to=EmailAddress.parse(one.sender.dpo_email),
                subject=one.subject,
                text=one.text,
                language=one.language,
                written_at=now,
            )
        except BadValue:
            unsent.append(one)
        else:
            mails.append(compose_mail(room, mail))
    return mails, unsent


def _set_aside(tx: Transaction, writer: Writer, unsent: Sequence[Rendered]) -> int:
    """Keep back what is not to be said; write a letter where the e-mail address is gone."""
    return turn_to_letters(tx, writer, [one.number for one in unsent], reason="no_email")
