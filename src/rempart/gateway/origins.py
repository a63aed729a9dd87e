"""Where a request comes from: the address behind trusted proxies, and the software that asks.

Refuses to believe an address that an untrusted caller wrote into a header.
"""

import functools
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from rempart.accounts.session import AGENT_LIMIT, clean_agent

NOWHERE: Final = "0.0.0.0"  # noqa: S104 - not an address to listen on: a caller without one
# What is remembered is short: callers must not fill our memory with headers.
_CACHE: Final = 4096
_FORWARDED_LIMIT: Final = 256


def make_address_finder(
    trusted: Sequence[IPv4Network | IPv6Network],
) -> Callable[[str, bytes], str]:
    """Make the function that tells a caller's address from its peer and X-Forwarded-For.

    The header is read from its end, where our own proxies write; the first address that is not
    trusted is the caller's. What cannot be read as an address ends the reading.
    """

    def find_address(peer: str, forwarded: bytes) -> str:
        return find_short(peer, forwarded[-_FORWARDED_LIMIT:])

    @functools.lru_cache(_CACHE)
    def find_short(peer: str, forwarded: bytes) -> str:
        hops = [peer, *reversed(forwarded.decode("latin-1").split(","))] if forwarded else [peer]
        caller = NOWHERE
        for hop in hops:
            address = _parse(hop)
            if address is None:
                return caller
            caller = address
            if not any(ip_address(address) in network for network in trusted):
                return caller
        return caller

    return find_address


def read_agent(header: bytes) -> str:
    """Return what is kept of a User-Agent header."""
    return _read_short_agent(header[: 2 * AGENT_LIMIT])


@functools.lru_cache(_CACHE)
def _read_short_agent(header: bytes) -> str:
    return clean_agent(header.decode("latin-1"))


def _parse(text: str) -> str | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
