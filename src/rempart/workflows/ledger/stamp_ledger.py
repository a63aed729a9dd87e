"""Timestamps of checkpoints, by an authority that is not ours: when the log was this long.

Refuses to keep a timestamp that was not verified. Asks nobody anything inside a transaction.
"""

from typing import NamedTuple, Protocol

from rempart.exchange.timestamp_client import Timestamp
from rempart.storage.connect import OpenTransaction
from rempart.storage.ledger_publishing import load_unstamped, save_stamp


class AsksTimestamp(Protocol):
    """Gets timestamps: see `exchange.timestamp_client`."""

    def stamp(self, text: str) -> Timestamp:
        """Get a verified timestamp of a text; raises Unavailable."""
        ...


class Stamped(NamedTuple):
    """One checkpoint that has a timestamp now."""

    log_id: int
    size: int


def stamp_ledger(transaction: OpenTransaction, authority: AsksTimestamp) -> list[Stamped]:
    """Have the last checkpoint of every log timestamped, unless it is.

    A crash between an answer and its keeping loses that answer; the next call asks again.

    Raises:
        Unavailable: the authority gives no timestamp; those before it are kept.
    """
    with transaction() as tx:
        waiting = load_unstamped(tx)
    done = []
    for one in waiting:
        timestamp = authority.stamp(one.note)
        t_ms = int(timestamp.at.timestamp() * 1000)
        with transaction() as tx:
            save_stamp(tx, log_id=one.log_id, size=one.size, t_ms=t_ms, token=timestamp.token)
        done.append(Stamped(one.log_id, one.size))
    return done
