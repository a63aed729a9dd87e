"""What a campaign needs before anything leaves: contacts read, messages prepared; and forgetting.

Each piece is a transaction: killed anywhere, it goes on. What cannot be prepared is a draft again,
with the reason where its insurer reads it.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from rempart.jobs.on_demand import find_asker
from rempart.jobs.report import Report
from rempart.storage.contacts import make_letterbox
from rempart.storage.sealing import FileKms
from rempart.wiring.acts import open_acts_log
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import Installation
from rempart.wiring.purges import open_purge_journal
from rempart.workflows.notices import campaign_contacts, prepare_campaign
from rempart.workflows.notices.prepare_campaign import Preparation


def read_contacts(at: Installation, report: Report, arguments: Mapping[str, int]) -> None:
    """Read a file of contact data that somebody gave on a page."""
    master_key = at.home.key("master")
    with at.database.transaction("notifier") as tx:
        reading = campaign_contacts.read_given_file(
            tx, FileKms(master_key), master_key, arguments["file_ref"], today=today_in_paris()
        )
    report.conclude(reading.taken, unit="persons")


def prepare(at: Installation, report: Report, arguments: Mapping[str, int]) -> None:
    """Prepare the messages of a campaign; nothing leaves."""
    campaign_ref = arguments["campaign_ref"]
    preparation = Preparation(
        kms=FileKms(at.home.key("master")),
        letterbox=make_letterbox(at.home.key("master")),
        acts=open_acts_log(at.settings, at.home, at.database),
        by=find_asker(at, report.job_id).author,
        today=today_in_paris(),
        now_ms=time.time_ns() // 1_000_000,
    )
    prepared = prepare_campaign.prepare_whole(
        lambda: at.database.transaction("notifier"),
        preparation,
        campaign_ref,
        tell=lambda persons: report.tell(persons, unit="persons"),
    )
    report.conclude(prepared, unit="persons")


def forget_contacts(at: Installation, report: Report) -> None:
    """Delete contact data that no campaign needs any more."""
    forgotten = campaign_contacts.forget_on_record(
        lambda: at.database.transaction("notifier"),
        open_purge_journal(at.settings, at.home),
        now=datetime.now(UTC),
    )
    report.conclude(forgotten, unit="persons")
