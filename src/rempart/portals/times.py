"""Instants as people read them: in Paris time."""

from datetime import datetime

from rempart.kernel.instants import PARIS, from_ms


def in_paris(t_ms: int) -> datetime:
    """Return the instant of Unix milliseconds, in Paris time."""
    return from_ms(t_ms).astimezone(PARIS)


def format_stamp(instant: datetime | None) -> str:
    """Return an instant for a file that machines read too, in Paris time; nothing for none."""
    return instant.astimezone(PARIS).isoformat(timespec="seconds") if instant else ""
