"""Instants as the portals need them: Paris time for people, milliseconds for the ledger."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Final

PARIS: Final = zoneinfo.ZoneInfo("Europe/Paris")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def from_ms(t_ms: int) -> datetime:
    """Return the instant of Unix milliseconds, in Paris time."""
    return (_EPOCH + timedelta(milliseconds=t_ms)).astimezone(PARIS)


def format_stamp(instant: datetime | None) -> str:
    """Return an instant for a file that machines read too, in Paris time; nothing for none."""
    return instant.astimezone(PARIS).isoformat(timespec="seconds") if instant else ""


def to_ms(instant: datetime) -> int:
    """Return Unix milliseconds, rounded down."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)
