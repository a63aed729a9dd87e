"""Messages that members find suspicious, as the database keeps them; policies say whose."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import psycopg

from rempart.kernel.errors import TooManyRequests
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("suspicious")


class ReportRow(NamedTuple):
    """A report in a list, without what it holds."""

    report_ref: int
    made_at: datetime
    medium: str
    came_on: date
    acted: bool
    photo_kind: str | None
    marks: Sequence[bytes]
    sketch: bytes
    state: str
    verdict: str | None
    answered_at: datetime | None


class StoredReport(NamedTuple):
    """A report with its text, sealed."""

    report_ref: int
    insurer_id: int
    person_ref: int
    made_at: datetime
    medium: str
    came_on: date
    acted: bool
    message: bytes | None
    photo_kind: str | None
    state: str
    verdict: str | None
    answer: bytes | None
    answered_at: datetime | None

    def __repr__(self) -> str:
        return f"<StoredReport {self.report_ref}>"


class StoredPhoto(NamedTuple):
    """The photograph of a report, sealed."""

    insurer_id: int
    person_ref: int
    photo: bytes
    kind: str

    def __repr__(self) -> str:
        return "<StoredPhoto>"


def add_report(tx: Transaction, **values: Any) -> None:
    """Write what a member sends.

    Raises:
        TooManyRequests: they, or all of their insurer's members, sent as much as is taken for now.
    """
    try:
        with tx.transaction():
            tx.execute(_sql.add_report, values)
    except psycopg.errors.ProgramLimitExceeded:
        raise TooManyRequests(
            "enough messages were reported for now: try again tomorrow", retry_after_s=86_400
        ) from None


def list_reports(
    tx: Transaction, *, since: datetime, limit: int, waiting_first: bool = False
) -> list[ReportRow]:
    """Return the reports the visitor may see, the newest first; or those that wait before them."""
    values = {"since": since, "limit": limit, "waiting_first": waiting_first}
    rows = tx.execute(_sql.list_reports, values)
    return [ReportRow(*row) for row in rows]


def load_report(tx: Transaction, report_ref: int) -> StoredReport | None:
    """Return one report the visitor may see; None when there is none."""
    row = tx.execute(_sql.load_report, {"report_ref": report_ref}).fetchone()
    return None if row is None else StoredReport(*row)


def load_photo(tx: Transaction, report_ref: int) -> StoredPhoto | None:
    """Return the photograph of a report the visitor may see; None when there is none."""
    row = tx.execute(_sql.load_photo, {"report_ref": report_ref}).fetchone()
    return None if row is None else StoredPhoto(*row)


def is_like_fraud(tx: Transaction, marks: Sequence[bytes]) -> bool:
    """Say whether a message names what earlier frauds named."""
    [(known,)] = tx.execute(_sql.is_like_fraud, {"marks": list(marks)})
    return bool(known)


def answer_report(tx: Transaction, report_ref: int, **values: Any) -> bool:
    """Write the verdict on a report; False when it has one."""
    return tx.execute(_sql.answer_report, {"report_ref": report_ref, **values}).rowcount == 1
