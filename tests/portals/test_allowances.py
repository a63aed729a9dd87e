"""How often one address may try: counted per network, and in little memory."""

import pytest

from rempart.accounts.allowance import Allowance
from rempart.portals import allowances
from rempart.portals.allowances import AddressAllowance

SLOW = Allowance(rate_per_s=1, burst=2)


def test_an_address_waits_once_its_burst_is_spent():
    one = AddressAllowance(SLOW)
    assert [one.ask("192.0.2.1", now_ms=0) for _ in range(3)] == [0, 0, 1000]
    assert one.ask("192.0.2.2", now_ms=0) == 0
    assert one.ask("192.0.2.1", now_ms=1000) == 0


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
        ("nowhere", "elsewhere", False),
    ],
)
def test_a_network_of_ipv6_is_one_address(first, second, shared):
    one = AddressAllowance(Allowance(rate_per_s=1, burst=1))
    assert one.ask(first, now_ms=0) == 0
    assert bool(one.ask(second, now_ms=0)) is shared


def test_a_flood_of_addresses_takes_no_more_memory(monkeypatch):
    monkeypatch.setattr(allowances, "_MOST_ADDRESSES", 100)
    one = AddressAllowance(SLOW)
    for number in range(1000):
        one.ask(f"10.0.{number // 250}.{number % 250}", now_ms=number)
    assert len(one._empty_at_ms) == 100
    # The latest are remembered.
    one.ask("10.0.3.249", now_ms=1000)
    assert one.ask("10.0.3.249", now_ms=1000) > 0
