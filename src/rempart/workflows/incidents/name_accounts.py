"""From a list of numbers to accounts: which lead to one, and which lines lead to none.

Refuses to declare half of a list: whoever gives it decides what to do with the lines that fail.
"""

from collections.abc import Iterable

from rempart.exchange.account_list import ListedAccount, read_account_list, tell_unknown
from rempart.kernel.findings import Finding
from rempart.storage.connect import Transaction
from rempart.storage.incident_room import find_accounts


def name_accounts(
    tx: Transaction, lines: Iterable[str]
) -> tuple[tuple[int, ...], tuple[Finding, ...]]:
    """Find the accounts of a list.

    Args:
        tx: A transaction of a role that reads accounts.
        lines: Of the file.

    Returns:
        The accounts, by reference; and what is wrong, by line.
    """
    listed, findings = read_account_list(lines)
    found = find_accounts(tx, [one.number for one in listed]) if listed else {}
    unknown: list[ListedAccount] = [one for one in listed if not found.get(one.number)]
    findings += [tell_unknown(one) for one in unknown]
    refs = sorted({ref for refs in found.values() for ref in refs})
    return tuple(refs), tuple(sorted(findings, key=lambda finding: finding.line or 0))
