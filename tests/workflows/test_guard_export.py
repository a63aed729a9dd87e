"""What is exported replays to what was decided: the gateway and a replay are one guard."""

import random

import pyarrow.parquet as pq
import pytest
from tests.acts_samples import MemoryActs
from tests.api.world import COVERED, SUSPENDED, populate
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

from rempart.exchange.guard_events import EventsFile, read_accounts, read_canaries
from rempart.guard import Guard, Policy
from rempart.guard.lookups import find_day
from rempart.kernel.errors import LedgerUnavailable
from rempart.storage.guard_state import list_rules, release
from rempart.workflows.guard.export_guard_events import export_guard_events
from rempart.workflows.guard.guard_lookups import LookupGuard
from rempart.workflows.guard.renew_guard_rules import renew_guard_rules
from rempart.workflows.rights.rights_desk import Answered

DAYS = 9
HOMES = [f"192.0.2.{n}" for n in range(1, 9)]
MOBILE = "203.0.113.9"


@pytest.fixture
def clock():
    return PracticeClock()


@pytest.fixture
def world(database, home):
    world = populate(database, home)
    # One of the people is planted: each of their keys leads to trouble.
    for [key] in read(
        database, "SELECT lookup_key FROM rights.lookup WHERE person_ref = %s", SUSPENDED.person_ref
    ):
        run(database, "INSERT INTO guard.canary (lookup_key) VALUES (%s)", key)
    return world


def renew(world, clock):
    with world.database.transaction("gateway") as tx:
        return renew_guard_rules(tx, Policy(), now_ms=clock.now_ms())


def plan_batch(dice, refs):
    """A few accounts ask at once: mostly about people they know, now and then a robot."""
    for ref in dice.sample(refs, 3):
        n = refs.index(ref)
        person = 1 if dice.random() < 0.05 else 100 + n * 40 + min(int(dice.expovariate(0.2)), 39)
        if dice.random() < 0.01:
            person = 3
        address = HOMES[n] if dice.random() < 0.9 else MOBILE
        yield Ask(ref, person, card=dice.random() < 0.6, address=address, agent=f"Logiciel {n % 2}")


async def live(world, home, clock, refs, dice):
    """Play some days through two gateways by turns; return what each account was answered."""
    seen = {ref: [] for ref in refs}
    reviews = []
    async with (
        open_office(world.database, home, clock) as one,
        open_office(world.database, home, clock, log_id=2) as other,
    ):
        for day in range(DAYS):
            morning = clock.ms
            for _ in range(40):
                clock.ms += dice.randrange(1, HOUR_MS // 4)
                office = dice.choice([one, other])
                batch = list(plan_batch(dice, refs))
                for ask, reply in zip(batch, await office.ask(*batch), strict=True):
                    seen[ask.account_ref].append(isinstance(reply, Answered))
            if day == 4:
                robot = [Ask(refs[0], n, address=MOBILE, agent="robot") for n in range(800, 815)]
                clock.ms += 1
                seen[refs[0]] += await one.try_each(robot)
            for [ref] in read(
                world.database, "SELECT account_ref FROM guard.account WHERE step > 1"
            ):
                clock.ms += 1
                with world.database.transaction("registrar") as tx:
                    assert release(tx, ref, clock.ms)
                reviews.append((clock.ms, ref))
            renew(world, clock)
            clock.ms = morning + DAY_MS
    return seen, reviews


def replay(path, reviews):
    """Judge the exported look-ups again; return what each account would be answered."""
    events = EventsFile(path)
    lookups = [lookup for part in events.read() for lookup in part.lookups]
    guard = Guard()
    accounts = read_accounts(path.with_stem(path.stem + "-accounts"), events)
    canaries = read_canaries(path.with_stem(path.stem + "-canaries"), events)
    guard.start(accounts, canaries, lookups[0].time_ms)
    seen = {account.account: [] for account in accounts}
    waiting = list(reviews)
    for lookup in lookups:
        while waiting and waiting[0][0] <= lookup.time_ms:
            at_ms, ref = waiting.pop(0)
            guard.released(ref, at_ms)
        decision = guard.decide(lookup)
        seen[lookup.account].append((lookup, decision))
    return guard, seen


@pytest.mark.parametrize("seed", [1, 2])
def test_a_replay_of_what_was_exported_decides_what_the_gateways_decided(
    world, home, clock, tmp_path, seed
):
    refs = open_accounts(world.database, 8)
    begin_ms = clock.ms
    answered, reviews = play(live(world, home, clock, refs, random.Random(seed)))
    path = tmp_path / "events.parquet"
    with world.database.transaction("gateway") as tx:
        exported = export_guard_events(
            tx,
            MemoryActs(),
            path,
            lookup_secret=home.key("lookup"),
            from_ms=begin_ms,
            to_ms=clock.ms,
        )
    guard, seen = replay(path, reviews)
    # A canary is answered like a stranger, or refused like one: the replay knows it for one.
    planted = pq.read_table(tmp_path / "events-canaries.parquet")
    canaries = set(planted["subject"].to_pylist())
    assert exported.lookups == sum(map(len, answered.values()))
    for ref in refs:
        decided = [
            was if lookup.subject in canaries else decision.answer
            for was, (lookup, decision) in zip(answered[ref], seen[ref], strict=True)
        ]
        assert decided == answered[ref]
    assert any(not was for account in answered.values() for was in account)
    assert reviews
    for ref in refs:
        stored = load_habits(world.database, ref)
        replayed = guard._habits[ref]
        if stored.today.day == replayed.today.day:
            assert stored.addresses == replayed.addresses
            assert stored.typed == replayed.typed
            assert stored.hours == replayed.hours
    with world.database.transaction("gateway") as tx:
        kept = {one.rules.day: one.rules for one in list_rules(tx)}
    last = guard.rules
    assert last.account_days > 0, "the rules came to rest on days"
    assert kept[last.day] == last
    assert COVERED.person_ref not in canaries


def test_mutation_a_gateway_that_forgets_where_it_saw_a_face_replays_to_something_else(
    world, home, clock, tmp_path, monkeypatch
):
    refs = open_accounts(world.database, 8)
    judge = LookupGuard._look

    def look_from_home(self, *args, **options):
        look = judge(self, *args, **options)
        return look._replace(lookup=look.lookup._replace(ip=1, user_agent=1))

    monkeypatch.setattr(LookupGuard, "_look", look_from_home)
    begin_ms = clock.ms
    answered, reviews = play(live(world, home, clock, refs, random.Random(1)))
    path = tmp_path / "events.parquet"
    with world.database.transaction("gateway") as tx:
        export_guard_events(
            tx,
            MemoryActs(),
            path,
            lookup_secret=home.key("lookup"),
            from_ms=begin_ms,
            to_ms=clock.ms,
        )
    _, seen = replay(path, reviews)
    assert any([decision.answer for _, decision in seen[ref]] != answered[ref] for ref in refs)


def test_an_export_is_on_record_before_it_reads(world, home, clock, tmp_path):
    acts, path = MemoryActs(), tmp_path / "events.parquet"
    wanted = {"lookup_secret": home.key("lookup"), "from_ms": 5, "to_ms": clock.ms}
    with world.database.transaction("gateway") as tx:
        export_guard_events(tx, acts, path, **wanted)
        [act] = acts.acts
        assert (act.question, act.from_ms, act.to_ms) == ("guard-export", 5, clock.ms)
        nowhere = tmp_path / "nothing.parquet"
        with pytest.raises(LedgerUnavailable):
            export_guard_events(tx, MemoryActs(down=True), nowhere, **wanted)
    assert not nowhere.exists()


def test_rules_are_made_once_for_a_day_and_made_up_for_after_a_pause(world, home, clock):
    refs = open_accounts(world.database, 3)

    async def work():
        async with open_office(world.database, home, clock) as office:
            for _ in range(7):
                await office.ask(*[Ask(ref, 100) for ref in refs])
                clock.ms += DAY_MS

    first = renew(world, clock)
    play(work())
    again = renew(world, clock)
    assert renew(world, clock) == again
    tomorrow = find_day(clock.ms) + 1
    days = [row[0] for row in read(world.database, "SELECT day FROM guard.rules ORDER BY day")]
    assert days == list(range(first.day, tomorrow + 1))
    counted = read(world.database, "SELECT count(*) FROM guard.account_day")
    assert counted == [(3 * 7,)], "of those who did not come back too"


def test_two_jobs_at_a_time_are_one(world, clock):
    with world.database.transaction("gateway") as tx:
        assert renew_guard_rules(tx, Policy(), now_ms=clock.now_ms()) is not None
        assert renew(world, clock) is None
