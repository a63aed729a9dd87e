"""What is wrong with the backups of an installation, from what its base knows of them.

Refuses to call a backup good that nobody restored: it says so.
"""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MADE_WITHIN: Final = timedelta(hours=48)
"""One is made every night: two nights without one is too long."""
TRIED_WITHIN: Final = timedelta(days=35)
"""One is restored every month to try."""
OVERDUE_BY: Final = timedelta(days=2)


class BackupWarning(enum.StrEnum):
    """What somebody must look at, the worst first."""

    NONE = "none"
    """There is no backup at all."""
    OLD = "old"
    """The newest one is older than two nights."""
    TOO_LONG = "too_long"
    """One is kept beyond its time: erased persons are in it."""
    NEVER_TRIED = "never_tried"
    """None was ever restored to try."""
    TRIED_LONG_AGO = "tried_long_ago"
    """None was for more than a month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupStanding:
    """What warnings are made of.

    Args:
        newest: When the newest kept one was made; None: there is none.
        tried: When one was last restored to try; None: never.
        over: Until when the kept one whose time is over longest was to be kept; None: none is over.
    """

    newest: datetime | None
    tried: datetime | None
    over: datetime | None = None


def find_backup_warnings(standing: BackupStanding, *, now: datetime) -> list[BackupWarning]:
    """Return what is wrong at an instant, the worst first; nothing when all is well.

    Args:
        standing: What is known.
        now: The instant.
    """
    if standing.newest is None:
        return [BackupWarning.NONE]
    found = []
    if now - standing.newest > MADE_WITHIN:
        found.append(BackupWarning.OLD)
    if standing.over is not None and now - standing.over > OVERDUE_BY:
        found.append(BackupWarning.TOO_LONG)
    if standing.tried is None:
        found.append(BackupWarning.NEVER_TRIED)
    elif now - standing.tried > TRIED_WITHIN:
        found.append(BackupWarning.TRIED_LONG_AGO)
    return found
