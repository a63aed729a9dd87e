"""Alerts as they are stored, and how far each destination is.

Refuses to read whom a look-up was about: the login of this process cannot.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from rempart.guard import Signal, SignalKind, Step
from rempart.incidents.alert import About, Alert, AlertKind, Held, NewRules, Seen
from rempart.kernel.errors import InconsistentRecord
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_QUERIES: Final = load_queries("alerts")
_SEEN: Final = slice(5, 16)
_HELD: Final = slice(16, 26)
_RULES: Final = slice(26, 31)
_HELD_NAMES: Final = (
    *("measure_ref", "step", "target", "target_ref", "profession", "reason"),
    *("review_at", "ends_at", "end_reason", "exercise"),
)
_RULES_NAMES: Final = ("day", "account_days", "width", "evidence", "false_containments")


class StoredCursor(NamedTuple):
    """How far a destination is; the last three are null together.

    Args:
        sent_to: Everything up to this number was sent.
        ahead: Numbers beyond it that were sent.
        noticed_ref: The number `sent_to` becomes next.
        noticed_xmax: Once transactions below this one have ended.
        noticed_ms: When it was noticed, Unix milliseconds.
    """

    sent_to: int
    ahead: Sequence[int]
    noticed_ref: int | None
    noticed_xmax: int | None
    noticed_ms: int | None


class Read(NamedTuple):
    """What one look found.

    Args:
        alerts: The next that were not sent, the lowest number first.
        xmin: Every transaction below it had ended before the look.
        xmax: No transaction from it on had begun after it.
    """

    alerts: list[Alert]
    xmin: int
    xmax: int


def claim_cursor(connection: Transaction, name: str) -> bool:
    """Keep other processes away from a destination until this connection ends; False: too late."""
    [(claimed,)] = connection.execute(_QUERIES.claim_cursor, {"name": name}).fetchall()
    return bool(claimed)


def read_alerts(
    connection: Transaction, *, sent_to: int, ahead: Sequence[int], from_ms: int, most: int
) -> Read:
    """Return the next alerts.

    Args:
        connection: Of the role `forwarder`.
        sent_to: Numbers up to this one are not looked at.
        ahead: Nor these.
        from_ms: Nor what happened before, Unix milliseconds.
        most: How many at most.
    """
    [(xmin, _)] = connection.execute(_QUERIES.read_snapshot).fetchall()
    values = {"sent_to": sent_to, "ahead": list(ahead), "from_ms": from_ms, "most": most}
    rows = connection.execute(_QUERIES.read_alerts, values).fetchall()
    [(_, xmax)] = connection.execute(_QUERIES.read_snapshot).fetchall()
    return Read([_read_alert(row) for row in rows], xmin, xmax)


def load_cursor(connection: Transaction, name: str) -> StoredCursor | None:
    """Return how far a destination is, or None when nothing was ever sent there."""
    row = connection.execute(_QUERIES.load_cursor, {"name": name}).fetchone()
    return None if row is None else StoredCursor(*row)


def save_cursor(connection: Transaction, name: str, cursor: StoredCursor) -> None:
    """Note how far a destination is."""
    sent_to, ahead, noticed_ref, noticed_xmax, noticed_ms = cursor
    connection.execute(
        _QUERIES.save_cursor,
        {
            "name": name,
            "alert_ref": sent_to,
            "ahead": list(ahead),
            "noticed_ref": noticed_ref,
            "noticed_xmax": noticed_xmax,
            "noticed_ms": noticed_ms,
        },
    )


def _read_alert(row: tuple[Any, ...]) -> Alert:
    alert_ref, t_ms, kind, account_ref, profession = row[:5]
    return Alert(
        alert_ref=alert_ref,
        t_ms=t_ms,
        kind=AlertKind(kind),
        account_ref=account_ref,
        profession=profession,
        about=_read_about(row),
    )


def _read_about(row: tuple[Any, ...]) -> About:
    if row[_SEEN][0] is not None:
        return _read_seen(row[_SEEN])
    if row[_HELD][0] is not None:
        return Held(**dict(zip(_HELD_NAMES, row[_HELD], strict=True)))
    if row[_RULES][0] is not None:
        return NewRules(**dict(zip(_RULES_NAMES, row[_RULES], strict=True)))
    raise InconsistentRecord(f"alert {row[0]} is about a record that is no longer there")


def _read_seen(columns: tuple[Any, ...]) -> Seen:
    (
        event_ref,
        place,
        client,
        step,
        presence,
        evidence,
        threshold,
        signals,
        day,
        enforced,
        opener,
    ) = columns
    return Seen(
        event_ref=event_ref,
        opened_by=opener or event_ref,
        establishment_ref=place,
        client_ref=client,
        step=Step(step),
        presence=presence,
        evidence=evidence,
        threshold=threshold,
        signals=[
            Signal(SignalKind(one["kind"]), one["observed"], one["expected"], one["weight"])
            for one in signals
        ],
        rules_day=day,
        enforced=enforced,
    )
