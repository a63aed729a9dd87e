"""What every way of sending alerts has in common: findings in, a count of those that arrived out.

Refuses to guess: what is not known to have arrived is sent again, under the same name.
"""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Protocol, TypeAlias

from rempart.exchange.alert_ocsf import Finding
from rempart.kernel.errors import SetupError

TIMEOUT_S: Final = 10.0
Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], list[str]]


class DeliveryFailed(Exception):
    """A destination did not take findings.

    Args:
        reason: What happened, without anything of a finding.
        delivered: How many of the batch had arrived before.
    """

    def __init__(self, reason: str, *, delivered: int = 0) -> None:
        super().__init__(reason)
        self.delivered = delivered


class Destination(Protocol):
    """Somewhere findings go."""

    name: str
    """Of the destination, without secrets: its cursor is kept under it."""

    def send(self, findings: Sequence[Finding]) -> None:
        """Send findings, in order; return once they have arrived.

        Raises:
            DeliveryFailed: some did not, or it is not known.
        """


def check_address(host: str, found: str, allowed: Sequence[Network]) -> Address:
    """Return an address that may be connected to.

    A name may lead anywhere its owner likes: to the machine's own services, to a cloud's metadata.
    Only addresses of the public internet are welcome, and those the operator named.

    Args:
        host: The name as it was given.
        found: An address it leads to.
        allowed: Networks named in the configuration.

    Raises:
        SetupError: it leads somewhere private that nobody named.
    """
    address = ip_address(found.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    named = any(address in network for network in allowed)
    if not named and (not address.is_global or address.is_multicast):
        raise SetupError(
            f"{host} leads to {address}, a private address: name it in REMPART_ALERT_NETWORKS if "
            "alerts may go there"
        )
    return address
