"""Count the tries of an address, for every process at once, by the clock of the database.

What is counted bounds work and noise. It is not what keeps guesses out: codes and challenges are
too long to be guessed, whatever the number of addresses.
"""

import secrets

from rempart.accounts.allowance import Allowance, Allowed, Refused, decide_allowance
from rempart.storage import tries
from rempart.storage.connect import Transaction

_SWEEP_ONE_IN = 50


def count_try(tx: Transaction, name: str, allowance: Allowance) -> float:
    """Count one try; return how long to wait before the next, in milliseconds, 0 if it passes.

    Args:
        tx: A transaction of the role `signin`: its commit counts the try.
        name: What is tried and from which network.
        allowance: What one network may do.
    """
    empty_at_ms, now_ms = tries.lock_try(tx, name)
    decision = decide_allowance(allowance, empty_at_ms=empty_at_ms, now_ms=now_ms)
    match decision:
        case Refused(retry_after_ms):
            return retry_after_ms
        case Allowed(next_empty_at_ms):
            tries.save_try(tx, name, empty_at_ms=next_empty_at_ms)
    if secrets.randbelow(_SWEEP_ONE_IN) == 0:
        tries.sweep(tx)
    return 0
