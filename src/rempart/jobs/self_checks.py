"""Makes the lists that answer cards, whenever what people were told has changed.

Killed anywhere and run again: a list is replaced whole, or not at all.
"""

import os
from contextlib import closing
from datetime import UTC, datetime

from rempart.jobs.report import Report
from rempart.wiring.cards import open_print_seal
from rempart.wiring.database import Installation
from rempart.workflows.notices.make_self_checks import ListMaker
from rempart.workflows.notices.make_self_checks import make_self_checks as make_lists


def make_self_checks(at: Installation, report: Report) -> None:
    """Make the lists that are missing or old."""
    with (
        closing(at.database.connect("notifier", autocommit=True)) as notices,
        closing(at.database.connect("feeds", autocommit=True)) as cards,
    ):
        made = make_lists(
            ListMaker(
                notices=notices,
                cards=cards,
                prints=open_print_seal(at.home),
                draw=os.urandom,
                now=datetime.now(UTC),
                report=lambda done: report.tell(done, unit="persons"),
            )
        )
    report.conclude(made, unit="lists")
