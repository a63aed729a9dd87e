"""An acts log in memory, and one that cannot record: for tests of what reads the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rempart.disclosure.acts import Act, Statement, parse_statement
from rempart.disclosure.entry import Draft
from rempart.kernel.errors import LedgerUnavailable
from rempart.storage.ledger_writer import Receipt


@dataclass
class MemoryActs:
    """Keeps what is recorded; while it is `down`, records nothing."""

    entries: list[tuple[Draft, Act]] = field(default_factory=list)
    down: bool = False

    def append(self, acts: Sequence[tuple[Draft, Statement]]) -> Sequence[Receipt]:
        if self.down:
            raise LedgerUnavailable("the tests stopped it")
        first = len(self.entries)
        self.entries += [(draft, parse_statement(statement)) for draft, statement in acts]
        return [Receipt(0, "test", first + place, "") for place in range(len(acts))]

    @property
    def acts(self) -> list[Act]:
        """What was stated, in order."""
        return [act for _, act in self.entries]
