"""What the database says of each log, for those who change a key or give a log up. Reads only."""

from dataclasses import dataclass
from typing import Final

from rempart.disclosure.checkpoint import Checkpoint
from rempart.storage.connect import Transaction
from rempart.storage.ledger_opening import LOCK_CLASS
from rempart.storage.queries import load_queries

_sql: Final = load_queries("log_facts")


@dataclass(frozen=True, slots=True)
class LogFacts:
    """One log.

    Attributes:
        log_id: Its number.
        origin: Its name.
        vkeys: Its keys, in the order they signed.
        last_checkpoint: The largest kept, as the row says; None when there is none.
        successor: The log it goes on as, if it was given up.
    """

    log_id: int
    origin: str
    vkeys: tuple[str, ...]
    last_checkpoint: Checkpoint | None
    successor: int | None


def list_log_facts(tx: Transaction) -> list[LogFacts]:
    """Return every log, by number."""
    return [
        LogFacts(
            log_id,
            origin,
            tuple(vkeys),
            None if size is None else Checkpoint(origin, size, bytes(root)),
            successor,
        )
        for log_id, origin, vkeys, size, root, successor in tx.execute(_sql.list_logs)
    ]


def claim_log(tx: Transaction, log_id: int) -> bool:
    """Keep writers out of a log until the transaction ends; false when one is in."""
    values = {"lock_class": LOCK_CLASS, "log_id": log_id}
    row = tx.execute(_sql.claim_log, values).fetchone()
    return row is not None and bool(row[0])
