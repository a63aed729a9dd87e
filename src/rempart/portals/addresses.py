"""Where a browser really is: X-Forwarded-For is read from its end, through our proxies only."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from django.http import HttpRequest

from rempart.portals.desk import get_desk


def find_browser_address(request: HttpRequest) -> str:
    """Return the address of the first hop that is not a proxy of ours."""
    peer = str(request.META.get("REMOTE_ADDR", ""))
    address = _read(peer)
    for text in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        hop = _read(text)
        if address is None or hop is None or not _is_trusted(address):
            break
        address = hop
    return peer if address is None else str(address)


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in get_desk().trusted_proxies)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address as it is counted and kept: IPv4 where it is, and of no one's interface."""
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    # A socket for both families gives `::ffff:192.0.2.1`; one network would be all of IPv4.
    return getattr(found, "ipv4_mapped", None) or ip_address(found.packed)
