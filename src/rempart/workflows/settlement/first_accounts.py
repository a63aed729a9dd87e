"""Give establishments the first account they are paid on, from the operator's file.

Refuses to replace an account, or to step before a change under way: a file made before the change
would undo it, and whoever writes the file would pass by the second person and the cooling-off.
"""

from collections.abc import Mapping

from rempart.kernel.iban import Iban
from rempart.storage import bank_details
from rempart.storage.bank_details import FirstAccount
from rempart.storage.connect import Transaction
from rempart.storage.iban_seal import IbanSeal
from rempart.workflows.accounts.web_session import draw_ref


def open_first_accounts(tx: Transaction, ibans: Mapping[int, Iban], *, seal: IbanSeal) -> int:
    """Make these accounts the active ones of establishments that have none; return how many.

    Args:
        tx: A transaction of a role that owns the accounts plane.
        ibans: By establishment reference.
        seal: Seals them.
    """
    waiting = bank_details.list_without_account(tx, list(ibans))
    bank_details.save_first_accounts(
        tx,
        [
            FirstAccount(
                change_ref=draw_ref(),
                establishment_ref=place,
                sealed_iban=seal.close(ibans[place], establishment_ref=place),
                last_digits=ibans[place].number[-4:],
            )
            for place in waiting
        ],
    )
    return len(waiting)
