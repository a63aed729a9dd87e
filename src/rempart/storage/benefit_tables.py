"""Files of benefit tables, as insurers send them and two people approve them.

Refuses to change an approved file: another one takes its place.
"""

from datetime import datetime
from typing import Final, NamedTuple

from rempart.kernel.errors import Conflict, NotFound
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("benefit_tables")


class FileRow(NamedTuple):
    """One file; `proposed_by` and `decided_by` are None for the command line."""

    file_ref: int
    insurer_id: int
    content: str
    note: str
    state: str
    proposed_by: int | None
    proposed_at: datetime
    decided_by: int | None
    decided_at: datetime | None


def add_file(
    tx: Transaction,
    *,
    file_ref: int,
    insurer_id: int,
    content: str,
    note: str,
    by_ref: int | None,
) -> None:
    """Propose a file."""
    values = {"file_ref": file_ref, "insurer_id": insurer_id, "content": content, "note": note}
    tx.execute(_sql.add_file, {**values, "by_ref": by_ref})


def decide(tx: Transaction, file_ref: int, *, state: str, by_ref: int | None) -> None:
    """Approve, refuse or withdraw a file that waits.

    Raises:
        Conflict: it does not wait any more.
    """
    done = tx.execute(_sql.decide, {"file_ref": file_ref, "state": state, "by_ref": by_ref})
    if done.rowcount != 1:
        raise Conflict("somebody else decided meanwhile: read the file again")


def list_files(tx: Transaction, insurer_id: int | None = None) -> list[FileRow]:
    """Return the files of an insurer, or all that the asker sees, the newest first."""
    return [FileRow(*row) for row in tx.execute(_sql.list_files, {"insurer_id": insurer_id})]


def load_file(tx: Transaction, file_ref: int) -> FileRow | None:
    """Return one file, if the asker may see it."""
    row = tx.execute(_sql.load_file, {"file_ref": file_ref}).fetchone()
    return None if row is None else FileRow(*row)


def find_insurer(tx: Transaction, amc_number: str) -> int:
    """Return the reference of an insurer.

    Raises:
        NotFound: there is none with this number.
    """
    row = tx.execute(_sql.find_insurer, {"amc_number": amc_number}).fetchone()
    if row is None:
        raise NotFound(f"there is no insurer {amc_number}: see `rempart feed status`")
    return int(row[0])
