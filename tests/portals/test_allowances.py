"""How often one address may try: counted per network, once for all processes."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from rempart.accounts.allowance import Allowance
from rempart.portals.allowances import CODES, AddressAllowance
from rempart.workflows.accounts import count_tries

SLOW = Allowance(rate_per_s=0.001, burst=2)
COUNT = """
import json, sys
from contextlib import contextmanager
import psycopg
from rempart.portals.allowances import Allowances

@contextmanager
def open_transaction():
    with psycopg.connect(sys.argv[1], autocommit=False) as connection:
        yield connection

codes = Allowances(open_transaction).codes
print(json.dumps([codes.ask(sys.argv[2]) for _ in range(int(sys.argv[3]))]))
"""


@pytest.fixture
def slow(desk):
    return AddressAllowance("test", SLOW, desk.signin)


def count_rows(desk):
    with desk.database.transaction("owner") as tx:
        return tx.execute("SELECT count(*) FROM accounts.tries").fetchone()[0]


def test_an_address_waits_once_its_burst_is_spent(slow):
    passed = [slow.ask("192.0.2.1") == 0 for _ in range(3)]
    assert passed == [True, True, False]
    assert 0 < slow.ask("192.0.2.1") <= 1_000_000
    assert slow.ask("192.0.2.2") == 0


def test_what_is_tried_is_counted_apart(desk, slow):
    for _ in range(3):
        slow.ask("192.0.2.1")
    assert AddressAllowance("other", SLOW, desk.signin).ask("192.0.2.1") == 0


def test_an_allowance_comes_back_with_time(desk, slow):
    for _ in range(3):
        slow.ask("192.0.2.1")
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.tries SET empty_at = empty_at - interval '2000 s'")
    assert slow.ask("192.0.2.1") == 0


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
        ("nowhere", "elsewhere", False),
        ("x" * 500, "x" * 600, True),
    ],
)
def test_a_network_of_ipv6_is_one_address(desk, first, second, shared):
    one = AddressAllowance("test", Allowance(rate_per_s=0.001, burst=1), desk.signin)
    assert one.ask(first) == 0
    assert bool(one.ask(second)) is shared


def test_two_processes_count_as_one(desk):
    dsn = desk.database.dsn("signin")

    def run(tries):
        command = [sys.executable, "-c", COUNT, dsn, "192.0.2.7", str(tries)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    with ThreadPoolExecutor(2) as both:
        waits = [wait for one in both.map(run, (CODES.burst, CODES.burst)) for wait in one]
    passed = sum(wait == 0 for wait in waits)
    # A token comes back every ten seconds: the machine may be slow.
    assert CODES.burst <= passed < 2 * CODES.burst
    assert passed <= CODES.burst + 3


def test_mutation_counted_by_each_process_alone_twice_as_many_pass(desk):
    alone = [AddressAllowance(f"process {n}", CODES, desk.signin) for n in range(2)]
    passed = sum(one.ask("192.0.2.7") == 0 for one in alone for _ in range(CODES.burst))
    assert passed == 2 * CODES.burst


def test_tries_at_the_same_instant_are_each_counted(desk):
    one = AddressAllowance("test", Allowance(rate_per_s=0.001, burst=5), desk.signin)
    with ThreadPoolExecutor(8) as many:
        waits = list(many.map(lambda _: one.ask("192.0.2.1"), range(24)))
    assert sum(wait == 0 for wait in waits) == 5


def test_addresses_of_a_flood_are_forgotten(desk, monkeypatch):
    monkeypatch.setattr(count_tries, "_SWEEP_ONE_IN", 1)
    quick = AddressAllowance("test", Allowance(rate_per_s=1000, burst=1), desk.signin)
    for number in range(30):
        quick.ask(f"10.0.0.{number}")
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.tries SET empty_at = empty_at - interval '2 min'")
    quick.ask("10.0.1.1")
    assert count_rows(desk) == 1
