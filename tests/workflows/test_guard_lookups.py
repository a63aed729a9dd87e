"""The guard on a real database: one allowance whatever the number of gateways, and what is kept."""

import asyncio

import pytest
from tests.api.world import COVERED, populate
from tests.workflows.guard_practice import (
    DAY_MS,
    Ask,
    PracticeClock,
    load_habits,
    open_accounts,
    open_office,
    play,
    read,
    run,
)

from rempart.guard.decisions import Step
from rempart.storage import guard as guard_storage
from rempart.storage.guard_state import hold, release
from rempart.workflows.guard.guard_lookups import AccountContained, GuardMode, PresenceNeeded
from rempart.workflows.guard.memory import AccountMemory
from rempart.workflows.rights.rights_desk import Answered

PEOPLE = range(100, 140)


@pytest.fixture
def clock():
    return PracticeClock()


@pytest.fixture
def world(database, home):
    return populate(database, home)


@pytest.fixture
def account(world):
    return open_accounts(world.database, 1)[0]


def answered(replies):
    return sum(isinstance(reply, Answered) for reply in replies)


async def spend(office, account, people=PEOPLE):
    return sum(await office.try_each([Ask(account, n) for n in people]))


def test_a_batch_is_judged_like_one_question_after_the_other(world, home, clock, make_database):
    first, second = open_accounts(world.database, 2)

    async def compare():
        async with open_office(world.database, home, clock) as office:
            one_by_one = await spend(office, first)
            replies = await office.ask(*[Ask(second, n) for n in PEOPLE])
            return one_by_one, answered(replies)

    alone, together = play(compare())
    assert alone == together
    assert 0 < alone < 12


def test_the_same_person_twice_in_a_batch_is_one_new_face(world, home, clock, account):
    async def ask_twice():
        async with open_office(world.database, home, clock) as office:
            return await office.ask(*[Ask(account, 100)] * 20)

    assert answered(play(ask_twice())) == 20
    assert load_habits(world.database, account).today.typed_count == 1


def test_two_gateways_side_by_side_spend_one_allowance(world, home, clock):
    refs = open_accounts(world.database, 6)

    async def race():
        async with (
            open_office(world.database, home, clock) as one,
            open_office(world.database, home, clock, log_id=2) as other,
        ):
            alone = await spend(one, refs[0])
            counts = []
            for ref in refs[1:]:
                half = len(PEOPLE) // 2
                counts.append(
                    sum(
                        await asyncio.gather(
                            spend(one, ref, PEOPLE[:half]), spend(other, ref, PEOPLE[half:])
                        )
                    )
                )
            return alone, counts

    alone, counts = play(race())
    assert counts == [alone] * len(counts)


def test_mutation_without_lock_or_version_two_gateways_spend_more(world, home, clock, monkeypatch):
    refs = open_accounts(world.database, 6)
    queries = dict(guard_storage.QUERIES)
    for name, promise in (
        ("lock_accounts", "FOR UPDATE OF account"),
        ("save_accounts", "AND account.version = done.version"),
    ):
        assert promise in queries[name]
        queries[name] = queries[name].replace(promise, "")
    monkeypatch.setattr(guard_storage, "QUERIES", _Queries(queries))

    async def race():
        async with (
            open_office(world.database, home, clock) as one,
            open_office(world.database, home, clock, log_id=2) as other,
        ):
            alone = await spend(one, refs[0])
            half = len(PEOPLE) // 2
            counts = [
                sum(
                    await asyncio.gather(
                        spend(one, ref, PEOPLE[:half]), spend(other, ref, PEOPLE[half:])
                    )
                )
                for ref in refs[1:]
            ]
            return alone, counts

    alone, counts = play(race())
    assert max(counts) > alone


class _Queries:
    def __init__(self, texts):
        self.__dict__.update(texts)


def test_what_one_gateway_learnt_another_knows(world, home, clock, account):
    async def meet():
        async with (
            open_office(world.database, home, clock) as one,
            open_office(world.database, home, clock, log_id=2) as other,
        ):
            await one.ask(Ask(account, 100))
            await spend(one, account)
            return await other.ask(Ask(account, 100), Ask(account, 139))

    known, new = play(meet())
    assert isinstance(known, Answered)
    assert isinstance(new, PresenceNeeded)


def test_a_restart_keeps_what_was_spent_and_tomorrow_begins_again(world, home, clock, account):
    async def come_back():
        async with open_office(world.database, home, clock) as office:
            before = await spend(office, account, range(100, 102))
        async with open_office(world.database, home, clock) as office:
            rest = await spend(office, account, range(102, 104))
            clock.ms += DAY_MS
            return before, rest, await spend(office, account, range(104, 105))

    assert play(come_back()) == (2, 1, 1)
    assert read(world.database, "SELECT typed_count FROM guard.account_day") == [(4,)]


def test_presence_passes_until_the_account_is_held_to_known_faces(world, home, clock, account):
    async def show_cards():
        async with open_office(world.database, home, clock) as office:
            # Where the account works is known; the robot asks from elsewhere.
            await office.ask(Ask(account, 2, card=True))
            await office.try_each([Ask(account, n, address="203.0.113.9") for n in PEOPLE])
            cards = await office.ask(*[Ask(account, n, card=True) for n in range(200, 205)])
            with world.database.transaction("registrar") as tx:
                assert hold(tx, account, Step.KNOWN_FACES_ONLY, clock.now_ms())
            held = await office.ask(
                Ask(account, 206, card=True), Ask(account, 207), Ask(account, 200, card=True)
            )
            return cards, held

    cards, held = play(show_cards())
    assert answered(cards) == 5
    assert [type(one) for one in held] == [AccountContained, AccountContained, Answered]


def test_a_review_lets_an_account_work_again_at_once(world, home, clock, account):
    async def review():
        async with open_office(world.database, home, clock) as office:
            await spend(office, account)
            assert load_habits(world.database, account).step == Step.PRESENCE_ONLY
            with world.database.transaction("registrar") as tx:
                assert release(tx, account, clock.now_ms())
                assert not release(tx, account, clock.now_ms()), "it is not held any more"
            return await spend(office, account, range(140, 145))

    assert play(review()) == 5
    habits = load_habits(world.database, account)
    assert habits.reviewed
    assert habits.step == Step.NONE
    kinds = read(world.database, "SELECT kind FROM guard.event WHERE kind <> 'refused' ORDER BY 1")
    assert kinds == [("contained",), ("released",)]


def test_a_canary_is_a_stranger_for_whoever_asks_and_holds_the_account(world, home, clock, account):
    for [lookup_key] in read(
        world.database,
        "SELECT lookup_key FROM rights.lookup WHERE person_ref = %s",
        COVERED.person_ref,
    ):
        run(
            world.database,
            "INSERT INTO guard.canary (lookup_key, person_ref) VALUES (%s, %s)",
            lookup_key,
            COVERED.person_ref,
        )

    async def bite():
        async with open_office(world.database, home, clock) as office:
            bitten = await office.ask(Ask(account, 1), Ask(account, 150))
            return bitten, await office.ask(Ask(account, 151))

    (canary, stranger), [after] = play(bite())
    assert isinstance(canary, Answered)
    assert isinstance(stranger, PresenceNeeded), "the same batch, but after it"
    assert isinstance(after, PresenceNeeded)
    assert canary.body.startswith(b'{"answer":{"rights":"closed"')
    assert b'"reason":"not_open"' in canary.body
    assert ("canary",) in read(world.database, "SELECT kind FROM guard.event")
    rows = read(world.database, "SELECT kind, person_ref FROM ledger.entry WHERE kind IN (1, 2)")
    assert rows == [(2, 0)]


def test_watching_records_and_refuses_nothing(world, home, clock, account):
    async def watch():
        async with open_office(world.database, home, clock, mode=GuardMode.WATCH) as office:
            return await spend(office, account)

    assert play(watch()) == len(PEOPLE)
    events = read(world.database, "SELECT kind, enforced FROM guard.event")
    assert {enforced for _, enforced in events} == {False}
    assert ("contained", False) in events


def test_known_faces_without_news_ask_nothing_of_the_guards_tables(world, home, clock, account):
    statements = []

    async def count_statements():
        async with open_office(world.database, home, clock) as office:
            await office.ask(Ask(account, 100))
            office.made.guard._connection.add_query_logger(
                lambda record: statements.append(record.query)
            )
            await office.ask(Ask(account, 100))
            settled = len(statements)
            await office.ask(*[Ask(account, 100)] * 5)
            return settled

    settled = play(count_statements())
    assert len(statements) == settled
    assert settled <= 1 + 5


def test_new_faces_of_remembered_accounts_take_one_statement(world, home, clock):
    refs = open_accounts(world.database, 4)
    statements = []

    async def count_statements():
        async with open_office(world.database, home, clock) as office:
            for ref in refs:
                await office.ask(Ask(ref, 1, card=True))
            office.made.guard._connection.add_query_logger(
                lambda record: statements.append(record.query)
            )
            return await office.ask(*[Ask(ref, 101) for ref in refs])

    assert answered(play(count_statements())) == 4
    assert len(statements) == 1
    assert read(world.database, "SELECT count(*) FROM guard.face") == [(8,)]


def test_what_was_judged_on_an_old_copy_is_judged_again_and_written_once(world, home, clock):
    refs = open_accounts(world.database, 3)
    saved = []

    async def meet():
        async with (
            open_office(world.database, home, clock) as one,
            open_office(world.database, home, clock, log_id=2) as other,
        ):
            for office in (one, other):
                await office.ask(*[Ask(ref, 1, card=True) for ref in refs])
            # The copies of the first gateway are of the version before.
            await other.ask(Ask(refs[1], 100))
            before = read(world.database, "SELECT version FROM guard.account ORDER BY account_ref")
            book = one.made.desk.guard._book
            save = book.save

            async def watch(changes):
                saved.append(await save(changes))
                return saved[-1]

            book.save = watch
            replies = await one.ask(*[Ask(ref, 101) for ref in refs], Ask(refs[1], 100))
            return before, replies

    before, replies = play(meet())
    assert saved == [False]
    assert answered(replies) == 4
    after = read(world.database, "SELECT version FROM guard.account ORDER BY account_ref")
    assert [(one + 1,) for [one] in before] == after
    habits = load_habits(world.database, refs[1])
    assert habits.today.typed_count == 2


def test_copies_that_were_old_are_tried_less_and_less():
    memory = AccountMemory()
    tried = 0
    for _ in range(1000):
        if memory.find_all([]) is not None:
            tried += 1
            memory.distrust([])
    assert tried == 11, "1, 2, 4… batches between two, 256 at most"
    while memory.find_all([]) is None:
        pass
    memory.trust()
    memory.distrust([])
    assert memory.find_all([]) is None
    assert memory.find_all([]) is not None


def test_what_a_gateway_remembers_is_bounded(world, home, clock):
    refs = open_accounts(world.database, 30)

    async def meet_all():
        async with open_office(world.database, home, clock) as office:
            office.made.desk.guard._memory = memory = AccountMemory(most=10)
            await office.ask(*[Ask(ref, 100) for ref in refs])
            assert len(memory) == 10
            return [await spend(office, ref, range(101, 103)) for ref in refs]

    assert play(meet_all()) == [2] * 30, "whoever is forgotten is read again"


def test_what_passes_is_counted_by_minute_and_profession(world, home, clock, account):
    async def pass_by():
        async with open_office(world.database, home, clock) as office:
            await spend(office, account)
            await office.ask(Ask(account, 100))
            return office.made.desk.guard._tally.take()

    [row] = play(pass_by())
    assert row.profession == "pharmacist"
    assert row.lookups == len(PEOPLE) + 1
    assert row.new_faces == row.misses - 1 == len(PEOPLE)
    assert 0 < row.refused < len(PEOPLE)


def test_an_answer_whose_opening_is_erased_made_nobody_known(world, home, clock, account):
    async def meet():
        async with open_office(world.database, home, clock) as office:
            await office.ask(Ask(account, 1, card=True), Ask(account, 100))

    play(meet())
    for kind, left in ((1, 1), (2, 0)):
        run(
            world.database,
            "INSERT INTO ledger.erased (log_id, idx, act_log, act_idx)"
            " SELECT log_id, idx, 0, 1 FROM ledger.entry WHERE kind = %s",
            kind,
        )
        assert read(world.database, "SELECT count(*) FROM guard.face") == [(left,)]
