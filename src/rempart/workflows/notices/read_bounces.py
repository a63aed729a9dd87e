"""What mail servers report: an e-mail that came back becomes a letter, one that arrived is said so.

A report is read again when a crash comes before it is taken away; that changes nothing. Refuses to
take a report about a message to be about anything but that message, and to keep its words.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rempart.exchange.bounce_reader import (
    REPORT_BYTES,
    Action,
    DeliveryReport,
    NotAReport,
    read_report,
)
from rempart.exchange.maildir import (
    check_maildir,
    drop_message,
    keep_message,
    list_new,
    read_message,
)
from rempart.notices.contacts import Channel
from rempart.notices.envelopes import EnvelopeKey
from rempart.storage import notice_delivery as delivery
from rempart.storage.campaigns import load_messages
from rempart.storage.connect import Transaction
from rempart.storage.notice_delivery import Tried
from rempart.workflows.notices.campaign_text import Writer, open_writer
from rempart.workflows.notices.deliver_email import turn_to_letters
from rempart.workflows.notices.pace_campaign import Office

AT_ONCE: Final = 200
_GOES_ON: Final = frozenset({"approved", "sending", "paused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReports:
    """What was read: e-mails that came back, that arrived, and what is left to people."""

    failed: int
    delivered: int
    left: int


def read_bounces(office: Office, folder: Path, key: EnvelopeKey) -> ReadReports:
    """Read what came to the address of reports.

    Args:
        office: What deliveries work with.
        folder: A Maildir.
        key: What tells our tokens.

    Raises:
        SetupError: it is no Maildir.
    """
    check_maildir(folder)
    counts: Counter[str] = Counter()
    while not office.must_stop():
        paths = list_new(folder, most=AT_ONCE)
        if not paths:
            break
        read = [(path, read_report(read_message(path, most=REPORT_BYTES), key)) for path in paths]
        reports = [report for _, report in read if isinstance(report, DeliveryReport)]
        with office.open_transaction() as tx:
            apply_reports(tx, office, reports)
        # A crash here leaves reports that are read again: what they say is known.
        for path, report in read:
            if report is NotAReport.NOT_OURS:
                keep_message(path)
            else:
                drop_message(path)
        counts.update(
            report.action.value if isinstance(report, DeliveryReport) else "left"
            for _, report in read
        )
        office.tell(sum(counts.values()))
    return ReadReports(failed=counts["failed"], delivered=counts["delivered"], left=counts["left"])


def apply_reports(tx: Transaction, office: Office, reports: list[DeliveryReport]) -> None:
    """Write what reports say."""
    writers: dict[int, Writer] = {}

    def find_writer(campaign_ref: int) -> Writer:
        if campaign_ref not in writers:
            writers[campaign_ref] = open_writer(tx, office.kms, campaign_ref)
        return writers[campaign_ref]

    delivery.lock_messages(tx, [one.number for one in reports])
    arrived = [one for one in reports if one.action is Action.DELIVERED]
    if arrived:
        numbers = [one.number for one in arrived]
        delivery.take_delivered(tx, numbers)
        for number, campaign_ref in delivery.list_seconds(tx, numbers):
            [stored] = load_messages(tx, [number])
            first = stored._replace(is_second=False)
            email = find_writer(campaign_ref).write_one(first, channel=Channel.EMAIL)
            delivery.turn_back_to_email(tx, number, email.digest)
    delivery.note_once(
        tx, [Tried(one.number, "email", _NOTED[one.action], one.code) for one in reports]
    )
    for one in reports:
        if one.action is not Action.FAILED:
            continue
        moving = delivery.lock_message(tx, one.number)
        if moving is None or moving.channel != "email" or moving.state not in ("sent", "sending"):
            continue
        if moving.campaign_state in _GOES_ON:
            turn_to_letters(tx, find_writer(moving.campaign_ref), [one.number], reason="bounced")
        else:
            delivery.set_states(tx, [(one.number, "bounced", "too_late")], before=(moving.state,))


_NOTED: Final = {
    Action.DELIVERED: "delivered",
    Action.FAILED: "bounced",
    Action.DELAYED: "delayed",
}
