"""Where a browser really is: X-Forwarded-For is read from its end, through our proxies only."""

from ipaddress import ip_address

from django.http import HttpRequest

from rempart.portals.desk import get_desk


def find_browser_address(request: HttpRequest) -> str:
    """Return the address of the first hop that is not a proxy of ours."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        if not _is_trusted(address) or not _is_address(hop.strip()):
            break
        address = hop.strip()
    return address


def _is_trusted(address: str) -> bool:
    return _is_address(address) and any(
        ip_address(address) in network for network in get_desk().trusted_proxies
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
