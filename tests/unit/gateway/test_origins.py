"""Where a request comes from, when proxies stand between and callers may lie."""

from ipaddress import ip_network

import pytest

from rempart.gateway.origins import NOWHERE, make_address_finder, read_agent

find = make_address_finder(
    [ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"), ip_network("::1")]
)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        pytest.param("192.0.2.7", b"", "192.0.2.7", id="no proxy"),
        pytest.param("192.0.2.7", b"198.51.100.1", "192.0.2.7", id="a stranger's header is a lie"),
        pytest.param("127.0.0.1", b"192.0.2.7", "192.0.2.7", id="behind our proxy"),
        pytest.param("127.0.0.1", b"198.51.100.1, 192.0.2.7", "192.0.2.7", id="a lie before ours"),
        pytest.param("127.0.0.1", b"192.0.2.7, 10.1.2.3", "192.0.2.7", id="two of our proxies"),
        pytest.param("127.0.0.1", b"", "127.0.0.1", id="from this machine"),
        pytest.param("127.0.0.1", b"nonsense", "127.0.0.1", id="unreadable"),
        pytest.param("127.0.0.1", b"192.0.2.7, \xff", "127.0.0.1", id="unreadable at the end"),
        pytest.param("::1", b"2001:DB8::7", "2001:db8::7", id="IPv6, written one way"),
        pytest.param("::ffff:192.0.2.7", b"", "192.0.2.7", id="IPv4 in IPv6"),
        pytest.param("", b"", NOWHERE, id="a socket without address"),
    ],
)
def test_the_address_of_a_caller(peer, forwarded, address):
    assert find(peer, forwarded) == address


def test_headers_of_any_length_are_read_and_little_of_them_is_remembered():
    assert find("127.0.0.1", b"198.51.100.1, " * 10_000 + b"192.0.2.7") == "192.0.2.7"
    assert find("127.0.0.1", b"x" * 100_000) == "127.0.0.1"
    assert read_agent(b"A" * 100_000) == "A" * 200
