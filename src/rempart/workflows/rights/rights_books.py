"""What a rights check counts and reads beside the sheets: faces, allowances, limits, tables.

Nothing here decides: see `weigh_presence` and `quote_care`.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Protocol, TypeAlias

from rempart.claims.book import ApprovedFile, TableBook
from rempart.claims.claim import Biller
from rempart.claims.counters import CounterKey, Used
from rempart.claims.quote import Place, StandingPec
from rempart.exchange.benefit_file import read_benefit_tables
from rempart.kernel.errors import RempartError
from rempart.rights.presence import Attempt
from rempart.storage.care import BenefitFile
from rempart.storage.presence import TypedWish


class Evidence(enum.Enum):
    """What a question proves."""

    PRESENT = "present"
    TYPED = "typed"
    WRONG_CODE = "wrong_code"
    """Or a right one that was used, or that came after too many wrong ones: nothing is shown."""


Weighed: TypeAlias = Evidence | RempartError


class PresenceBook(Protocol):
    """Where faces, allowances and tries are kept."""

    async def find_known_faces(
        self, pairs: Sequence[tuple[int, int | None]], *, since_ms: int
    ) -> Sequence[bool]:
        """Say of each (account, person or None) whether it was shown them with presence."""
        ...

    async def take_typed(self, wishes: Sequence[TypedWish], *, day: date) -> Sequence[bool]:
        """Take persons off allowances, durably."""
        ...

    async def take_code_try(self, target: bytes, account_ref: int, *, day: date) -> Attempt:
        """Take one try, durably."""
        ...

    async def give_code_try_back(self, target: bytes, account_ref: int, *, day: date) -> None:
        """Give the try of a right code back."""
        ...

    async def load_code_secret(self, person_ref: int | None) -> bytes:
        """Return the secret of a person's codes, or one nobody has."""
        ...

    async def use_code(self, person_ref: int, step: int, account_ref: int) -> bool:
        """Use a code up."""
        ...


class CareBook(Protocol):
    """Where limits, promises and benefit tables are read."""

    async def load_used(
        self, persons: Sequence[int], *, today: date, replaced: Iterable[Place]
    ) -> Mapping[tuple[int, int], Mapping[CounterKey, Used]]:
        """Return what was used of limits, by person and contract."""
        ...

    async def sum_promises_up(self, persons: Sequence[int]) -> Mapping[int, int]:
        """Return a number for each person that changes with what they are promised."""
        ...

    async def load_pecs(self, places: Sequence[Place]) -> Mapping[Place, StandingPec]:
        """Return the promises named by these entries."""
        ...

    async def load_benefit_files(
        self, insurers: Sequence[int], *, known: Sequence[int]
    ) -> Sequence[BenefitFile]:
        """Return the approved files of some insurers."""
        ...

    async def load_billers(
        self, establishments: Sequence[int], *, day: date
    ) -> Mapping[int, Biller]:
        """Return what amounts depend on of some establishments."""
        ...


class TableShelf:
    """The benefit tables of insurers, read once: an approved file never changes."""

    def __init__(self) -> None:
        self._files: dict[int, ApprovedFile] = {}
        self._books: dict[int, tuple[tuple[int, ...], TableBook]] = {}

    async def load_books(
        self, reader: CareBook, insurers: Iterable[int]
    ) -> Mapping[int, TableBook]:
        """Return the book of each insurer, as approved now.

        Raises:
            Unavailable: the database does not answer.
        """
        wanted = sorted(set(insurers))
        files = await reader.load_benefit_files(wanted, known=list(self._files))
        by_insurer: dict[int, list[int]] = {insurer_id: [] for insurer_id in wanted}
        for file in files:
            by_insurer[file.insurer_id].append(file.file_ref)
            if file.content is not None:
                read = read_benefit_tables(file.content.encode())
                self._files[file.file_ref] = ApprovedFile(
                    approved_at=file.approved_at, tables=read.tables, choices=read.choices
                )
        return {insurer_id: self._open(insurer_id, refs) for insurer_id, refs in by_insurer.items()}

    def _open(self, insurer_id: int, refs: Sequence[int]) -> TableBook:
        kept = self._books.get(insurer_id)
        if kept is None or kept[0] != tuple(refs):
            kept = (tuple(refs), TableBook(self._files[ref] for ref in refs))
            self._books[insurer_id] = kept
        return kept[1]
