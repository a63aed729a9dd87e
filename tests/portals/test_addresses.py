"""Where a browser is, through proxies of ours and however a socket writes it."""

from ipaddress import ip_network

import pytest
from django.test import RequestFactory

from rempart.portals.addresses import find_browser_address


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("198.51.100.9", "203.0.113.7", "198.51.100.9"),
        ("127.0.0.1", "203.0.113.7, 10.0.0.5", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7, nowhere", "127.0.0.1"),
        # A socket that serves IPv4 and IPv6: all of IPv4 would be one network of IPv6.
        ("::ffff:127.0.0.1", "::ffff:203.0.113.7, ::ffff:10.0.0.5", "203.0.113.7"),
        ("::ffff:198.51.100.9", "", "198.51.100.9"),
        ("2001:db8::1", "", "2001:db8::1"),
        ("", "203.0.113.7", ""),
    ],
)
def test_the_first_hop_that_is_no_proxy_of_ours_is_the_browser(
    desk, peer: str, forwarded: str, found: str
):
    before = desk.trusted_proxies
    desk.trusted_proxies = (ip_network("127.0.0.1/32"), ip_network("10.0.0.5/32"))
    try:
        request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
        assert find_browser_address(request) == found
    finally:
        desk.trusted_proxies = before
