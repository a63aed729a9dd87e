"""What an audit of the ledger finds: one difference, and the row it is in.

Refuses to hold a value: a difference names the place and the column, never what is written there.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where the stored ledger is not what was recorded.

    Attributes:
        table: The table, without its schema.
        log_id: The log; None for a session, which belongs to none.
        row: The primary key of the row without the log; of the first row when several follow.
        columns: The columns that differ, as far as it can be told; none when it cannot.
        rule: Stable name of the rule that is broken.
        message: What is wrong, for an operator.
    """

    table: str
    log_id: int | None
    row: Mapping[str, int]
    columns: tuple[str, ...]
    rule: str
    message: str

    def format_place(self) -> str:
        """Return where it is: table, log and row."""
        log = () if self.log_id is None else (f"log {self.log_id}",)
        return ", ".join([self.table, *log, *(f"{key} {value}" for key, value in self.row.items())])

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {**asdict(self), "row": dict(self.row), "columns": list(self.columns)}
