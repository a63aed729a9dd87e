"""What delivers the messages of campaigns: e-mails, member spaces, letters; what comes back.

Each may be killed anywhere and run again: nobody is sent two, and nobody is forgotten.
"""

import contextlib
from collections.abc import Mapping

from procrastinate.exceptions import JobAborted

from rempart.exchange.smtp_transport import Post
from rempart.jobs.report import Report
from rempart.kernel.errors import InconsistentRecord, RempartError
from rempart.storage.notice_delivery import SendingCampaign
from rempart.wiring.database import Installation
from rempart.wiring.notices import (
    find_bounces,
    load_envelope_key,
    open_mailroom,
    open_office,
    open_press,
    open_relay,
)
from rempart.workflows.notices import deliver_email, letter_batches, pace_campaign, print_letters
from rempart.workflows.notices import read_bounces as reading
from rempart.workflows.notices.pace_campaign import Office


def send_notices(at: Installation, report: Report) -> None:
    """Let leave what may leave now: e-mails, and messages to member spaces."""
    done = 0

    def tell(of_this: int) -> None:
        # Not here: what was just said to be handed over would not be. `must_stop` is asked before.
        with contextlib.suppress(JobAborted):
            report.tell(done + of_this, unit="messages")

    office = open_office(at, must_stop=report.must_stop, tell=tell)
    with office.open_transaction() as tx:
        campaigns = pace_campaign.begin_campaigns(tx)
    trouble: RempartError | None = None
    for campaign in campaigns:
        deliver_email.settle_uncertain(office, campaign)
        with office.open_transaction() as tx:
            allowed = pace_campaign.find_allowed(tx, campaign, office.now())
        published = pace_campaign.publish_in_spaces(office, campaign, allowed)
        left = None if allowed is None else allowed - published
        try:
            sent = _send(at, office, campaign, left)
        except RempartError as failure:
            # What was not tried waits; the other campaigns' spaces and letters go on.
            trouble, sent = failure, 0
        done += published + sent
        report.tell(done, unit="messages")
    with office.open_transaction() as tx:
        pace_campaign.finish_campaigns(tx, now=office.now(), timing=office.timing)
    if trouble is not None:
        raise trouble
    report.conclude(done, unit="messages")


def print_waiting_letters(at: Installation, report: Report) -> None:
    """Print the letters that wait, and write batches that a crash left unwritten."""
    done = 0
    office = open_office(at, must_stop=report.must_stop)
    press = open_press(at)
    trouble: RempartError | None = None
    try:
        print_letters.write_batches(office, press)
    except InconsistentRecord as failure:
        trouble = failure  # somebody looks at that batch; the others are printed all the same
    with office.open_transaction() as tx:
        campaigns = pace_campaign.begin_campaigns(tx)
    for campaign in campaigns:
        with office.open_transaction() as tx:
            allowed = pace_campaign.find_allowed_letters(tx, campaign, office.now())
        done += print_letters.print_campaign(office, press, campaign, allowed=allowed).letters
        report.tell(done, unit="letters")
    if trouble is not None:
        raise trouble
    report.conclude(done, unit="letters")


def read_post_returns(at: Installation, report: Report, arguments: Mapping[str, int]) -> None:
    """Read a list of letters that came back, which an insurer gave on a page."""
    office = open_office(
        at, must_stop=report.must_stop, tell=lambda done: report.tell(done, unit="letters")
    )
    read = letter_batches.read_given_returns(
        office, at.home.key("master"), load_envelope_key(at), arguments["file_ref"]
    )
    report.conclude(read.returned, unit="letters")


def read_bounces(at: Installation, report: Report) -> None:
    """Read what mail servers reported."""
    office = open_office(
        at, must_stop=report.must_stop, tell=lambda done: report.tell(done, unit="reports")
    )
    read = reading.read_bounces(office, find_bounces(at), load_envelope_key(at))
    report.conclude(read.failed + read.delivered + read.left, unit="reports")


def _send(at: Installation, office: Office, campaign: SendingCampaign, allowed: int | None) -> int:
    """Hand over the e-mails of a campaign; the relay is needed only where some wait."""
    with office.open_transaction() as tx:
        waiting = pace_campaign.count_waiting_emails(tx, campaign)
    if not waiting:
        return 0
    with Post(open_relay(at)) as post:
        sent = deliver_email.send_emails(office, open_mailroom(at), post, campaign, allowed=allowed)
    return sent.sent
