"""Which table pays for a contract on a day: an insurer's approved files, the latest that has begun.

Refuses to fall back on what was replaced: when the latest table of a code has ended, there is none,
and the card's own terms decide.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from rempart.claims.benefit_table import BenefitTable
from rempart.rights.coverage import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChoice:
    """Which table a routing code leads to.

    Args:
        convention_type: As cards print it.
        table: The code of the table.
        starts_on: First day of care it is for.
        csr: Critère secondaire de routage; None for all of them.
    """

    convention_type: str
    table: str
    starts_on: date
    csr: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedFile:
    """What one approved file says, and when it was approved."""

    approved_at: datetime
    tables: tuple[BenefitTable, ...]
    choices: tuple[TableChoice, ...]


class TableBook:
    """The tables of one insurer.

    Args:
        files: Its approved files, any order.
    """

    def __init__(self, files: Iterable[ApprovedFile] = ()) -> None:
        self._files = sorted(files, key=lambda file: file.approved_at)
        self._tables: dict[str, list[BenefitTable]] = {}
        self._choices: dict[str, list[TableChoice]] = {}
        for file in self._files:
            for table in file.tables:
                self._tables.setdefault(table.code, []).append(table)
            for choice in file.choices:
                self._choices.setdefault(choice.convention_type, []).append(choice)

    def find(self, terms: Terms, care_date: date) -> BenefitTable | None:
        """Return the table that pays for somebody with these terms; None: what the card says."""
        choice = self._choose(terms, care_date)
        return None if choice is None else self.find_code(choice.table, care_date)

    def find_code(self, code: str, care_date: date) -> BenefitTable | None:
        """Return the table of a code on a day; None when there is none, or it has ended."""
        begun = [
            table for table in self._tables.get(code, ()) if table.period.starts_on <= care_date
        ]
        # Files are in the order they were approved: of equals, `max` over the reverse keeps the
        # last one.
        latest = max(reversed(begun), key=lambda table: table.period.starts_on, default=None)
        return latest if latest is not None and latest.period.contains(care_date) else None

    def with_file(self, file: ApprovedFile) -> "TableBook":
        """Return the book as it would be with one more file, approved after all others."""
        latest = max([one.approved_at for one in self._files], default=file.approved_at)
        return TableBook([*self._files, replace(file, approved_at=latest)])

    def list_codes(self) -> Sequence[str]:
        """Return the codes of all tables."""
        return sorted(self._tables)

    def list_limits(self) -> frozenset[str]:
        """Return the names of the limits of all tables."""
        tables = (table for tables in self._tables.values() for table in tables)
        return frozenset(name for table in tables for name in table.limits)

    def _choose(self, terms: Terms, care_date: date) -> TableChoice | None:
        fitting = [
            choice
            for choice in self._choices.get(terms.convention_type, ())
            if choice.csr in (None, terms.csr) and choice.starts_on <= care_date
        ]
        # What names the secondary criterion comes before what does not.
        return max(
            reversed(fitting),
            key=lambda choice: (choice.csr is not None, choice.starts_on),
            default=None,
        )
