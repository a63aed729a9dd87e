"""What an exercise asks of the database besides the incident itself: accounts, the truth, a report.

Refuses to let the truth near the judgement: it is compared with the list once the list is written.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from rempart.storage import incidents
from rempart.storage.connect import Transaction
from rempart.storage.incidents import FoundPerson

__all__ = [
    "FoundPerson",
    "draw_timeline",
    "find_persons",
    "list_insurer_names",
    "save_exercise_report",
]


def find_persons(tx: Transaction, lookup_keys: Collection[UUID]) -> dict[UUID, FoundPerson]:
    """Return whom keys find today; a key that finds nobody is left out."""
    return incidents.find_persons(tx, lookup_keys)


def list_insurer_names(tx: Transaction) -> dict[int, str]:
    """Return the insurers' names by number."""
    return incidents.list_insurer_names(tx)


def draw_timeline(
    tx: Transaction, incident_id: int, *, from_ms: int, to_ms: int, slice_ms: int
) -> list[dict[str, Any]]:
    """Count everybody's look-ups per slice of time, by whom they were held to be.

    Args:
        tx: A transaction of the role analyst.
        incident_id: An incident whose persons were exposed.
        from_ms: First instant, Unix milliseconds.
        to_ms: Last instant, excluded.
        slice_ms: How long a slice is.

    Returns:
        One point per slice, empty ones included: `minute` (its first instant, ISO 8601), `lawful`,
        `attributed`.
    """
    counted = {
        part.number: part
        for part in incidents.count_timeline(
            tx, incident_id, from_ms=from_ms, to_ms=to_ms, slice_ms=slice_ms
        )
    }
    points = []
    for number in range(-(-(to_ms - from_ms) // slice_ms)):
        part = counted.get(number)
        points.append(
            {
                "minute": _format_instant(from_ms + number * slice_ms),
                "lawful": part.lawful if part else 0,
                "attributed": part.attributed if part else 0,
            }
        )
    return points


def save_exercise_report(tx: Transaction, incident_id: int, report: Mapping[str, Any]) -> None:
    """Keep an exercise's figures with its incident, where the console reads them."""
    incidents.save_report(tx, incident_id, {"drill": dict(report)})


def _format_instant(t_ms: int) -> str:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=t_ms)
    return instant.isoformat(timespec="milliseconds")
