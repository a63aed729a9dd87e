"""The guard when things go wrong: clocks, damaged states, a slow database, killed gateways.

Whatever breaks, people an account knows are answered as long as the ledger is up, and nobody gets
an answer that was not paid for.
"""

import asyncio
import logging
import time
import zlib

import pytest
from tests.api.reading import PATH
from tests.api.world import COVERED, SUSPENDED, card_body, populate, typed_body
from tests.workflows.guard_practice import (
    DAY_MS,
    HOUR_MS,
    Ask,
    PracticeClock,
    load_habits,
    open_accounts,
    open_office,
    play,
    read,
    run,
)

from rempart.kernel.errors import InconsistentRecord, LedgerUnavailable, Unavailable
from rempart.storage import guard as guard_storage
from rempart.storage.guard_habits import FORMAT, decode_habits, encode_habits
from rempart.storage.ledger_writer import LedgerWriter
from rempart.workflows.guard.guard_lookups import PresenceNeeded
from rempart.workflows.rights.rights_desk import Answered


@pytest.fixture
def clock():
    return PracticeClock()


@pytest.fixture
def world(database, home):
    return populate(database, home)


@pytest.fixture
def account(world):
    return open_accounts(world.database, 1)[0]


# ---------------------------------------------------------------- clocks


def test_a_clock_that_jumps_back_and_forth_gives_no_allowance_twice(world, home, clock, account):
    async def jump():
        async with open_office(world.database, home, clock) as office:
            today = sum(await office.try_each([Ask(account, n) for n in range(100, 104)]))
            gained = 0
            for hours in (-1, 1, -30, 30, -2, 0):
                clock.ms += hours * HOUR_MS
                gained += sum(await office.try_each([Ask(account, 110 + hours)]))
            return today, gained

    today, gained = play(jump())
    assert today == 3
    assert gained == 0


def test_a_clock_that_was_a_year_ahead_does_not_hold_an_account_for_a_year(
    world, home, clock, account
):
    async def jump():
        async with open_office(world.database, home, clock) as office:
            clock.ms += 365 * DAY_MS
            ahead = await office.try_each([Ask(account, 100)])
            clock.ms -= 365 * DAY_MS
            await office.try_each([Ask(account, n) for n in range(101, 103)])
            clock.ms += DAY_MS
            return ahead, await office.try_each([Ask(account, 103)])

    assert play(jump()) == ([True], [True])
    assert load_habits(world.database, account).today.typed_count == 1


# ---------------------------------------------------------------- damaged and lost states


@pytest.mark.parametrize("damage", ["\\x00", "\\x01aabbccdd80", "another format", "one bit"])
def test_a_damaged_state_answers_known_faces_and_asks_presence_of_the_others(
    world, home, clock, account, damage, caplog
):
    async def be_damaged():
        async with open_office(world.database, home, clock) as office:
            await office.ask(Ask(account, 100))
            [[stored]] = read(world.database, "SELECT habits FROM guard.account")
            broken = bytes.fromhex(damage[2:]) if damage.startswith("\\x") else bytes(stored)
            if damage == "another format":
                broken = bytes((FORMAT + 1,)) + broken[1:]
            if damage == "one bit":
                broken = broken[:40] + bytes((broken[40] ^ 1,)) + broken[41:]
            run(world.database, "UPDATE guard.account SET habits = %s, version = 77", broken)
            return await office.ask(
                Ask(account, 100), Ask(account, 101), Ask(account, 2, card=True)
            )

    with caplog.at_level(logging.ERROR):
        known, typed, card = play(be_damaged())
    assert isinstance(known, Answered)
    assert isinstance(typed, PresenceNeeded)
    assert isinstance(card, Answered)
    assert "damaged" in caplog.text
    assert load_habits(world.database, account) is None, "a job finds it and rebuilds it"


def test_mutation_without_the_checksum_one_bit_is_not_noticed(world, home, clock, account):
    async def ask_one():
        async with open_office(world.database, home, clock) as office:
            await office.ask(Ask(account, 100))

    play(ask_one())
    habits = load_habits(world.database, account)
    body = encode_habits(habits)[5:]
    silent = 0
    for place in range(len(body)):
        flipped = body[:place] + bytes((body[place] ^ 1,)) + body[place + 1 :]
        try:
            silent += guard_habits_without_checksum(flipped) != habits
        except InconsistentRecord:
            continue
    assert silent > 0


def guard_habits_without_checksum(body):
    return decode_habits(bytes((FORMAT,)) + zlib.crc32(body).to_bytes(4, "big") + body)


def test_a_lost_state_of_an_account_with_a_past_asks_presence_and_a_new_account_none(
    world, home, clock
):
    old, new = open_accounts(world.database, 2)

    async def lose():
        async with open_office(world.database, home, clock) as office:
            await office.ask(Ask(old, 100))
            run(world.database, "DELETE FROM guard.account")
        async with open_office(world.database, home, clock) as office:
            return await office.ask(Ask(old, 100), Ask(old, 101), Ask(new, 100))

    known, typed, fresh = play(lose())
    assert isinstance(known, Answered)
    assert isinstance(typed, PresenceNeeded)
    assert isinstance(fresh, Answered)


# ---------------------------------------------------------------- the database


def test_while_the_guard_is_blocked_new_faces_wait_and_known_ones_pass(
    world, home, clock, account, monkeypatch
):
    monkeypatch.setattr(guard_storage, "TIMEOUT_S", 0.3)
    other = Ask(account, 100, address="198.51.100.7")

    async def be_blocked():
        async with open_office(world.database, home, clock) as office:
            await office.try_each([Ask(account, 100)] * 2)
            with world.database.connect("owner") as blocker:
                blocker.execute("SELECT 1 FROM guard.account FOR UPDATE")
                at_rest = await office.ask(Ask(account, 100))
                mixed = await office.ask(Ask(account, 101), Ask(account, 100), other)
                at_once = await office.ask(Ask(account, 102), Ask(account, 100))
                blocker.rollback()
            await asyncio.sleep(guard_storage.FIRST_PAUSE_S)
            return at_rest, mixed, at_once, await office.ask(Ask(account, 101)), list(office.lost)

    at_rest, mixed, at_once, after, lost = play(be_blocked())
    assert [type(one) for one in at_rest] == [Answered]
    assert [type(one) for one in mixed] == [Unavailable, Answered, Answered]
    assert [type(one) for one in at_once] == [Unavailable, Answered], "and nobody waits again"
    assert [type(one) for one in after] == [Answered]
    assert lost == [], "the ledger was up all the time"
    assert load_habits(world.database, account).today.typed_count == 2


def test_a_blocked_guard_is_a_503_and_the_gateway_mends_itself(open_gateway, world, monkeypatch):
    monkeypatch.setattr(guard_storage, "TIMEOUT_S", 0.3)
    with open_gateway(guard="on") as gateway:
        assert gateway.post(PATH, json=typed_body(COVERED)).status_code == 200
        with world.database.connect("owner") as blocker:
            blocker.execute("LOCK TABLE guard.account IN ACCESS EXCLUSIVE MODE")
            refused = gateway.post(PATH, json=typed_body(SUSPENDED))
            known = gateway.post(PATH, json=typed_body(COVERED))
            blocker.rollback()
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        assert known.status_code == 200
        time.sleep(guard_storage.FIRST_PAUSE_S)
        assert gateway.post(PATH, json=typed_body(SUSPENDED)).status_code == 200


def test_a_gateway_that_freezes_with_an_account_in_hand_lets_it_go(world, home, clock, account):
    async def freeze():
        async with open_office(world.database, home, clock) as office:
            await office.ask(Ask(account, 100))
            book = office.made.guard
            await book._connection.execute("SET idle_in_transaction_session_timeout = '200ms'")
            transaction = book._connection.transaction()
            await transaction.start()
            await book._connection.execute("SELECT 1 FROM guard.account FOR UPDATE")
            async with open_office(world.database, home, clock, log_id=2) as other:
                return await other.ask(Ask(account, 101))

    [reply] = play(freeze())
    assert isinstance(reply, Answered)
    assert "idle_in_transaction_session_timeout" in guard_storage.GUARD_SETTINGS


# ---------------------------------------------------------------- between the two commits


def test_a_crash_between_the_guard_and_the_ledger_leaves_a_spent_allowance(
    world, home, clock, account, monkeypatch
):
    append = LedgerWriter.append

    async def die(*_args, **_options):
        raise LedgerUnavailable("killed here")

    async def crash():
        monkeypatch.setattr(LedgerWriter, "append", die)
        async with open_office(world.database, home, clock) as office:
            for n in range(100, 104):
                try:
                    await office.ask(Ask(account, n))
                except LedgerUnavailable:
                    continue
        monkeypatch.setattr(LedgerWriter, "append", append)
        async with open_office(world.database, home, clock) as office:
            return await office.ask(Ask(account, 110), Ask(account, 100))

    new, paid = play(crash())
    assert isinstance(new, PresenceNeeded), "the allowance was spent on answers that never left"
    assert isinstance(paid, Answered), "whoever was paid for is known"
    assert load_habits(world.database, account).today.typed_count == 5
    entries = read(world.database, "SELECT count(*) FROM ledger.entry WHERE kind IN (1, 2)")
    assert entries == [(1,)]


def test_mutation_a_guard_that_commits_after_the_ledger_gives_answers_for_nothing(
    world, home, clock, account, monkeypatch
):
    """What the order of the two commits is for: the other way round, a kill between is free."""

    async def forget(self, changes):
        del self, changes
        return True

    async def crash():
        async with open_office(world.database, home, clock) as office:
            monkeypatch.setattr(guard_storage.GuardPage, "save", forget)
            free = 0
            for n in range(100, 120):
                office.made.desk.guard._memory.forget(account)
                [reply] = await office.ask(Ask(account, n))
                free += isinstance(reply, Answered)
                if n == 100:
                    run(world.database, "UPDATE guard.account SET version = 1, habits = %s",
                        encode_habits(_fresh(account)))  # fmt: skip
            return free

    assert play(crash()) == 20


def _fresh(account):
    from rempart.guard.habits import new_habits
    from rempart.guard.lookups import Account

    return new_habits(Account(account, "pharmacist"))


# ---------------------------------------------------------------- hostile callers


@pytest.mark.parametrize(
    "agent",
    ["", "x" * 100_000, "\x00\x01\x02", "é" * 500, "\udcff", "%s%n", "'; DROP TABLE guard.face"],
)
def test_whatever_software_says_it_is_is_a_number(world, home, clock, account, agent):
    async def say():
        async with open_office(world.database, home, clock) as office:
            guard = office.made.desk.guard
            assert 0 <= guard._digest_agent(agent) < 2**63
            assert 0 <= guard._digest_address(agent) < 2**63

    play(say())


def test_hostile_agents_over_http_are_answered_like_others(open_gateway, world):
    with open_gateway(guard="on") as gateway:
        for agent in ("", "x" * 5000, "\x7f\t", "Mozilla/5.0 (\\x00)"):
            reply = gateway.post(PATH, json=card_body(COVERED), headers={"User-Agent": agent})
            assert reply.status_code == 200


def test_addresses_of_one_subscriber_are_one(world, home, clock):
    async def compare():
        async with open_office(world.database, home, clock) as office:
            digest = office.made.desk.guard._digest_address
            return (
                digest("2001:db8:1:2::1") == digest("2001:db8:1:2:ffff::2"),
                digest("2001:db8:1:2::1") == digest("2001:db8:1:3::1"),
                digest("192.0.2.1") == digest("192.0.2.2"),
            )

    assert play(compare()) == (True, False, False)


def test_many_accounts_at_once_do_not_wait_for_each_other_in_a_circle(world, home, clock):
    refs = open_accounts(world.database, 20)

    async def cross():
        async with (
            open_office(world.database, home, clock) as one,
            open_office(world.database, home, clock, log_id=2) as other,
        ):
            for n in range(100, 103):
                await asyncio.gather(
                    one.ask(*[Ask(ref, n) for ref in refs]),
                    other.ask(*[Ask(ref, n + 50) for ref in reversed(refs)]),
                )
            return [*one.lost, *other.lost]

    assert play(cross()) == []
