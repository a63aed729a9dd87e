"""The accounts of an exercise: opened with a past, reviewed as an operator would, forgotten.

They are doubles of professionals, for a play and nothing else. Nobody can sign in to one: no
provider knows their numbers, and they have no place of work. What they ask is in the ledger for
ever, so the accounts stay. Refuses to use anybody's account.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from rempart.kernel.errors import Conflict
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.storage import exercises
from rempart.storage.connect import Transaction
from rempart.storage.containment import release_account
from rempart.storage.exercises import Double, Holding
from rempart.storage.guard import Changes
from rempart.workflows.accounts.web_session import draw_ref

__all__ = ["Holding", "forget_accounts", "open_doubles", "review_holdings", "save_pasts"]

# Numbers of exercises: the upper half of the range from which none was ever issued.
_SERIALS: Final = 50_000_000


def open_doubles(
    tx: Transaction, professionals: Sequence[tuple[str, str]], *, draw: Callable[[int], int]
) -> list[int]:
    """Open an account for each professional of an exercise; return their references.

    Args:
        tx: A transaction of the role registrar.
        professionals: The profession and the name of each.
        draw: Draws a number below another.

    Raises:
        Conflict: two numbers met: draw others.
    """
    doubles = [
        Double(draw_ref(), make_synthetic_rpps(_SERIALS + draw(_SERIALS)).number, profession, name)
        for profession, name in professionals
    ]
    if exercises.save_doubles(tx, doubles) != len(doubles):
        raise Conflict("numbers drawn for the exercise are taken: start it again")
    return [double.account_ref for double in doubles]


def save_pasts(tx: Transaction, pasts: Iterable[Changes], professions: Mapping[int, str]) -> None:
    """Give accounts the past that was judged in memory.

    Args:
        tx: A transaction of the role gateway.
        pasts: What the guard keeps of them, some accounts at a time.
        professions: Of each account.
    """
    for past in pasts:
        exercises.save_past(tx, past, professions)


def review_holdings(
    tx: Transaction,
    account_refs: Sequence[int],
    *,
    after_ref: int,
    cleared: Mapping[int, int],
) -> list[Holding]:
    """Do an operator's round: clear accounts whose review is over, see which were held since.

    Args:
        tx: A transaction of the role registrar.
        account_refs: Those of the exercise.
        after_ref: The last event seen.
        cleared: Accounts to clear, each with the instant, Unix milliseconds.
    """
    for account_ref, at_ms in cleared.items():
        release_account(tx, account_ref, at_ms=at_ms, keep_allowance=False)
    return exercises.list_holdings(tx, account_refs, after_ref=after_ref)


def forget_accounts(tx: Transaction, account_refs: Sequence[int], *, log_id: int) -> None:
    """Take the accounts of an exercise out of the guard, and its log's minutes.

    Args:
        tx: A transaction of the role gateway.
        account_refs: The accounts.
        log_id: The log.
    """
    exercises.forget_accounts(tx, account_refs, log_id=log_id)
