"""The sheet of one beneficiary: the lines of coverage an insurer stated, none over another.

Refuses two lines on one day: nobody could say which contract pays. Knows no identity and no file.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from rempart.kernel.periods import Period


@dataclass(frozen=True, slots=True)
class Line:
    """What one contract grants over one period.

    Args:
        contract_ref: Keyed reference of the contract.
        period: Days of coverage, already cut to the agreement with the operator.
        suspended: Days on which the line grants nothing, or None.
        terms_id: Reference of the guarantee.
    """

    contract_ref: int
    period: Period
    suspended: Period | None
    terms_id: int

    @property
    def key(self) -> tuple[int, date]:
        """What names a line inside its sheet: contract and first day."""
        return (self.contract_ref, self.period.starts_on)


Sheet: TypeAlias = tuple[Line, ...]
"""Lines by first day; no two share a day."""

EMPTY: Final[Sheet] = ()


class LineRefusal(enum.Enum):
    """Why a line cannot enter or leave a sheet."""

    REPEATED = "duplicate_row"
    OVERLAPS = "duplicate_coverage"
    UNKNOWN = "unknown_line"


class ChangeKind(enum.Enum):
    """What a delta does to a line."""

    PUT = "put"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Change:
    """One row of a delta: put a line (new, or in place of the one of the same key) or remove it.

    Args:
        number: Line of the file: earlier statements are tried first.
        kind: Put or remove.
        line: The line; only its key counts for a removal.
    """

    number: int
    kind: ChangeKind
    line: Line


def state_line(sheet: Sheet, line: Line) -> Sheet | LineRefusal:
    """Add one line of a full feed to the sheet made of the lines before it.

    Returns:
        The new sheet; or REPEATED when this very line is there, OVERLAPS when another one has a day
        of it. The first stated is the one kept.
    """
    if line in sheet:
        return LineRefusal.REPEATED
    return _insert(sheet, line)


def apply_change(sheet: Sheet, change: Change) -> Sheet | LineRefusal:
    """Apply one row of a delta.

    Returns:
        The new sheet; or OVERLAPS when a line of another key has a day of it, UNKNOWN when the line
        to remove is not there.
    """
    others = tuple(line for line in sheet if line.key != change.line.key)
    if change.kind is ChangeKind.PUT:
        return _insert(others, change.line)
    return others if len(others) < len(sheet) else LineRefusal.UNKNOWN


def settle_changes(
    sheet: Sheet, waiting: Sequence[Change]
) -> tuple[Sheet, list[tuple[Change, LineRefusal]]]:
    """Try again the changes that could not be applied when they were read.

    A new contract may precede, in the file, the row that closes the old one. So each is tried again
    as long as another one succeeds, in the order of the file, and never before an earlier change of
    the same line.

    Args:
        sheet: The sheet once the rest of the file is applied.
        waiting: Changes of one person, by number.

    Returns:
        The sheet, and the changes that stay impossible, by number, each with the reason.
    """
    remaining = list(waiting)
    refused: list[tuple[Change, LineRefusal]] = []
    progress = True
    while progress:
        progress = False
        blocked: set[tuple[int, date]] = set()
        still: list[Change] = []
        for change in remaining:
            attempt = apply_change(sheet, change)
            if change.line.key in blocked or attempt is LineRefusal.OVERLAPS:
                blocked.add(change.line.key)
                still.append(change)
            elif isinstance(attempt, LineRefusal):
                refused.append((change, attempt))
            else:
                sheet, progress = attempt, True
        remaining = still
    refused += [(change, LineRefusal.OVERLAPS) for change in remaining]
    return sheet, sorted(refused, key=lambda each: each[0].number)


def last_day(sheet: Sheet) -> date:
    """Return the last day any line covers; `date.min` for an empty sheet."""
    return max((line.period.ends_on for line in sheet), default=date.min)


def _insert(sheet: Sheet, line: Line) -> Sheet | LineRefusal:
    if any(line.period.overlaps(other.period) for other in sheet):
        return LineRefusal.OVERLAPS
    return tuple(sorted((*sheet, line), key=lambda each: each.period.starts_on))
