"""How often one address may try to come in: a few numbers per address, in this process only.

Refuses to grow: the addresses seen longest ago are forgotten first. Not a defence against many
addresses at once: codes and challenges are too long to be guessed; this keeps the work small.
"""

import threading
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from rempart.accounts.allowance import Allowance, Allowed, Refused, decide_allowance

# A hospital comes in at nine behind one address; a code is typed by one person, once.
CEREMONIES: Final = Allowance(rate_per_s=2, burst=120)
CODES: Final = Allowance(rate_per_s=0.1, burst=10)
_MOST_ADDRESSES: Final = 10_000
_IPV6_PREFIX: Final = 64


class AddressAllowance:
    """Counts the tries of each address.

    Args:
        allowance: What one address may do.
    """

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._empty_at_ms: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, address: str, *, now_ms: float) -> float:
        """Count one try; return how long to wait before the next, in milliseconds, 0 if it passes.

        Args:
            address: Where the browser is; of an IPv6 address, the network counts.
            now_ms: The instant of the request.
        """
        name = _name_network(address)
        with self._lock:
            decision = decide_allowance(
                self._allowance, empty_at_ms=self._empty_at_ms.get(name), now_ms=now_ms
            )
            match decision:
                case Refused(retry_after_ms):
                    return retry_after_ms
                case Allowed(empty_at_ms):
                    self._empty_at_ms[name] = empty_at_ms
                    self._empty_at_ms.move_to_end(name)
            while len(self._empty_at_ms) > _MOST_ADDRESSES:
                self._empty_at_ms.popitem(last=False)
        return 0


class Allowances:
    """What one process of the portals lets each address do."""

    def __init__(self) -> None:
        self.ceremonies = AddressAllowance(CEREMONIES)
        self.codes = AddressAllowance(CODES)


def _name_network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(ip_network((found, _IPV6_PREFIX), strict=False))
    return address
