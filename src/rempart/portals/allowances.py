"""How often one address may try to come in, counted for all processes of the portals at once.

Not a defence against many addresses at once: codes and challenges are too long to be guessed; this
keeps the work small.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

from psycopg import Connection

from rempart.accounts.allowance import Allowance
from rempart.workflows.accounts.count_tries import count_try

# A hospital comes in at nine behind one address; a code is typed by one person, once.
CEREMONIES: Final = Allowance(rate_per_s=2, burst=120)
CODES: Final = Allowance(rate_per_s=0.1, burst=10)
# Somebody copies a letter's code, wrong twice; at a town hall ten neighbours are helped in a row.
ANSWERS: Final = Allowance(rate_per_s=0.2, burst=20)
# One bucket for each check by card.
BUCKETS: Final = Allowance(rate_per_s=2, burst=60)
_LONGEST_NAME: Final = 60
_IPV6_PREFIX: Final = 64

OpenTransaction = Callable[[], AbstractContextManager[Connection[tuple[Any, ...]]]]


class AddressAllowance:
    """Counts the tries of each address at one thing.

    Args:
        thing: What is tried.
        allowance: What one address may do.
        open_transaction: Opens a transaction of the role `signin`.
    """

    def __init__(self, thing: str, allowance: Allowance, open_transaction: OpenTransaction) -> None:
        self._thing = thing
        self._allowance = allowance
        self._open_transaction = open_transaction

    def ask(self, address: str) -> float:
        """Count one try; return how long to wait before the next, in milliseconds, 0 if it passes.

        Args:
            address: Where the browser is; of an IPv6 address, the network counts.
        """
        name = f"{self._thing} {_name_network(address)}"
        with self._open_transaction() as tx:
            return count_try(tx, name, self._allowance)


class Allowances:
    """What the portals let each address do.

    Args:
        open_transaction: Opens a transaction of the role `signin`.
    """

    def __init__(self, open_transaction: OpenTransaction) -> None:
        self.ceremonies = AddressAllowance("ceremony", CEREMONIES, open_transaction)
        self.codes = AddressAllowance("code", CODES, open_transaction)
        self.answers = AddressAllowance("answer", ANSWERS, open_transaction)
        self.buckets = AddressAllowance("bucket", BUCKETS, open_transaction)


def _name_network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return address[:_LONGEST_NAME]
    if isinstance(found, IPv6Address):
        return str(ip_network((found.packed, _IPV6_PREFIX), strict=False))
    return address
