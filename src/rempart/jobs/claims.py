"""Sharing claims out, until none waits: batch after batch, each its own transaction.

Killed anywhere, it is run again: a batch is whole or not begun. Refuses nothing of its own.
"""

from datetime import UTC, datetime

from rempart.jobs.report import Report
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import Installation
from rempart.workflows.claims.adjudicate_claims import Library, adjudicate_batch
from rempart.workflows.claims.cancel_claim import carry_out_cancellations
from rempart.workflows.claims.watch_exposed import watch_exposed


def adjudicate_claims(at: Installation, report: Report) -> None:
    """Take back what billers take back, then share out all that waits."""
    library, done = Library(at.home.key("engagement")), 0
    with at.database.connect("settler") as connection:
        while carry_out_cancellations(connection, today=today_in_paris()):
            connection.commit()
            report.check()
        connection.commit()
        while True:
            batch = adjudicate_batch(connection, library, today=today_in_paris())
            connection.commit()
            if not batch.claims:
                return
            done += batch.claims
            report.tell(done, unit="claims")


def watch_exposed_claims(at: Installation, report: Report) -> None:
    """Flag claims that do not look like those of a person whom an incident exposed."""
    watch_exposed(
        lambda: at.database.transaction("settler"),
        now=datetime.now(UTC),
        today=today_in_paris(),
        follow=lambda claims: report.tell(claims, unit="claims"),
    )
