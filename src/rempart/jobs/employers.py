"""Movements of employers: applied within minutes; statements of months that ended."""

from rempart.jobs.report import Report
from rempart.wiring.database import Installation
from rempart.wiring.employers import settle_all


def settle_employers(at: Installation, report: Report) -> None:
    """Apply what was accepted, insurer by insurer, then issue the statements that are due."""

    def follow(movements: int) -> None:
        report.tell(movements, unit="movements")

    report.conclude(settle_all(at, follow), unit="movements")
