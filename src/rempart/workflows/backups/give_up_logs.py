"""Give up every log that gateways write, on a base that was restored.

Answers may have left after the backup was made: whoever holds their receipts, and every witness,
would refuse other entries under the same numbers. So no log is ever taken up again from a backup.
"""

from collections.abc import Iterable
from typing import Final

from rempart.disclosure.acts import ACTS_LOG, COMMAND_LINE, Recovery
from rempart.disclosure.tree import EMPTY_ROOT
from rempart.kernel.errors import SetupError
from rempart.storage.connect import Transaction
from rempart.storage.log_facts import list_log_facts
from rempart.workflows.ledger.change_log_key import give_up_log
from rempart.workflows.ledger.record_act import ActsLog, record_act

_LAST_NUMBER: Final = 32_767


def give_up_logs(
    tx: Transaction, acts: ActsLog, *, others: Iterable[int], taken: Iterable[int], reason: str
) -> dict[int, int]:
    """Give up the logs of a base; return the number each goes on under.

    Args:
        tx: A transaction of the role auditor.
        acts: The acts log.
        others: Logs that this installation has keys of, known to the base or not.
        taken: Numbers that logs have or go on as.
        reason: Why; kept for ever, so it names nobody.

    Raises:
        SetupError: there are no numbers left.
    """
    facts = {one.log_id: one for one in list_log_facts(tx)}
    ended = {log_id for log_id, one in facts.items() if one.successor is not None}
    logs = sorted(({*facts, *others} - ended) - {ACTS_LOG})
    first = max([ACTS_LOG, *facts, *logs, *taken]) + 1
    if first + len(logs) - 1 > _LAST_NUMBER:
        raise SetupError(f"no log number is left below {_LAST_NUMBER}")
    successors = {log_id: first + place for place, log_id in enumerate(logs)}
    for log_id, successor in successors.items():
        if log_id in facts and facts[log_id].last_checkpoint is not None:
            give_up_log(tx, acts, log_id=log_id, successor=successor, reason=reason)
            continue
        # Begun after the backup, or without anything signed: its end is its beginning.
        act = Recovery(log=successor, old_log=log_id, size=0, root=EMPTY_ROOT.hex(), reason=reason)
        record_act(acts, act, by=COMMAND_LINE)
    return successors
