"""What members ask for, and what is not kept for longer than said. Each may be killed anywhere."""

from collections.abc import Mapping
from datetime import UTC, datetime

from rempart.jobs.report import Report
from rempart.storage.member_seal import MemberSeal
from rempart.storage.sealing import FileKms
from rempart.wiring.acts import open_acts_log
from rempart.wiring.database import Installation
from rempart.workflows.members.copy_own_data import fill_copy, forget_copies, forget_reports


def copy_own_data(at: Installation, report: Report, arguments: Mapping[str, int]) -> None:
    """Open what is held of a member who asked for a copy, and seal it for their pages."""
    master = at.home.key("master")
    with at.database.transaction("feeds") as tx:
        done = fill_copy(
            tx,
            FileKms(master),
            MemberSeal(master),
            open_acts_log(at.settings, at.home, at.database),
            arguments["copy_ref"],
            now=datetime.now(UTC),
        )
    report.conclude(int(done), unit="copies")


def forget_members_words(at: Installation, report: Report) -> None:
    """Remove copies of more than a week, and suspicious messages of more than a year."""
    now = datetime.now(UTC)
    with at.database.transaction("feeds") as tx:
        gone = forget_copies(tx, now=now)
    with at.database.transaction("notifier") as tx:
        gone += forget_reports(tx, now=now)
    report.conclude(gone, unit="rows")
