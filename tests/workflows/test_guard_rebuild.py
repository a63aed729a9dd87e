"""What the guard lost comes back from the ledger; and the commands that say so."""

import json
import random

import pytest
from click.testing import CliRunner
from tests.api.world import ACCOUNT_REF, RPPS, populate
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
from tests.workflows.test_guard_export import HOMES, plan_batch

from rempart.cli.guard import guard
from rempart.guard.decisions import Step
from rempart.guard.policy import Policy
from rempart.workflows.guard.guard_lookups import PresenceNeeded
from rempart.workflows.guard.rebuild_guard import Rebuilder, rebuild_guard
from rempart.workflows.rights.rights_desk import Answered


@pytest.fixture
def clock():
    return PracticeClock()


@pytest.fixture
def world(database, home):
    return populate(database, home)


@pytest.fixture
def refs(world):
    return open_accounts(world.database, 8)


def play_days(world, home, clock, refs, days=3):
    """Some days of work of eight accounts; the last one is a robot's for a moment."""

    async def work():
        dice = random.Random(3)
        async with open_office(world.database, home, clock) as office:
            for _ in range(days):
                morning = clock.ms
                for _ in range(30):
                    clock.ms += dice.randrange(1, HOUR_MS // 4)
                    await office.ask(*plan_batch(dice, refs[:7]))
                clock.ms = morning + DAY_MS
            await office.ask(Ask(refs[7], 90))
            clock.ms += 1
            await office.try_each([Ask(refs[7], n, agent="robot") for n in range(700, 712)])

    play(work())


def rebuild(world, home, **options):
    rebuilder = Rebuilder(home.key("lookup"), Policy())
    steps = rebuild_guard(lambda: world.database.transaction("gateway"), rebuilder, **options)
    return [step.last_ref for step in steps]


def list_faces(world):
    return read(
        world.database,
        "SELECT account_ref, subject, day, t_ms, teaches FROM guard.face ORDER BY 1, 2",
    )


def lose_everything(world):
    for table in ("account", "face", "address"):
        run(world.database, f"DELETE FROM guard.{table}")


def test_a_lost_guard_is_rebuilt_from_the_ledger(world, home, clock, refs):
    play_days(world, home, clock, refs)
    before = {ref: load_habits(world.database, ref) for ref in refs}
    faces = list_faces(world)
    lose_everything(world)
    assert rebuild(world, home) == refs
    assert list_faces(world) == faces
    for ref in refs:
        after = load_habits(world.database, ref)
        assert after.step == before[ref].step
        assert after.addresses == before[ref].addresses
        assert after.agents == before[ref].agents
        assert after.hours == before[ref].hours
        assert after.active_days == before[ref].active_days
        assert after.missed == before[ref].missed
    assert load_habits(world.database, refs[7]).step == Step.PRESENCE_ONLY, "whoever was held is"
    assert rebuild(world, home) == [], "nothing is lost any more"


def test_mutation_without_what_was_decided_a_held_account_comes_back_free(world, home, clock, refs):
    play_days(world, home, clock, refs, days=1)
    lose_everything(world)
    run(world.database, "DELETE FROM guard.event")
    rebuild(world, home)
    assert load_habits(world.database, refs[7]).step == Step.NONE


def test_a_rebuilding_that_was_stopped_goes_on(world, home, clock, refs):
    play_days(world, home, clock, refs, days=1)
    lose_everything(world)
    steps = rebuild_guard(
        lambda: world.database.transaction("gateway"), Rebuilder(home.key("lookup"), Policy())
    )
    first = [next(steps).last_ref for _ in range(3)]
    steps.close()
    assert rebuild(world, home) == refs[3:]
    assert first == refs[:3]


def test_an_account_rebuilt_works_again_in_the_gateway_that_found_it_lost(world, home, clock, refs):
    async def lose():
        async with open_office(world.database, home, clock) as office:
            await office.try_each([Ask(refs[0], 1, card=True, address=HOMES[0])] * 3)
            run(world.database, "UPDATE guard.account SET habits = '\\x00', version = 9")
            [lost] = await office.ask(Ask(refs[0], 101, address=HOMES[0]))
            rebuild(world, home)
            [back] = await office.ask(Ask(refs[0], 101, address=HOMES[0]))
            return lost, back

    lost, back = play(lose())
    assert isinstance(lost, PresenceNeeded)
    assert isinstance(back, Answered)


# ---------------------------------------------------------------- the commands


@pytest.fixture
def command(environment):
    def invoke(*arguments):
        result = CliRunner().invoke(guard, arguments, env=environment, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def test_the_commands_rebuild_renew_and_export(world, home, clock, refs, command, tmp_path):
    play_days(world, home, clock, refs, days=1)
    lose_everything(world)
    assert command("rebuild") == "8 accounts rebuilt\n"
    assert command("rebuild", "--quiet") == ""
    swap = "UPDATE accounts.professional SET rpps = %s WHERE account_ref = %s"
    run(world.database, swap, "99799999999", ACCOUNT_REF)
    run(world.database, swap, RPPS.number, refs[0])
    assert command("rebuild", "--account", RPPS.number) == "rebuilt\n"
    assert command("rebuild", "--all") == "8 accounts rebuilt\n"
    assert command("renew").startswith("rules of ")
    assert command("renew", "--quiet") == ""
    assert "0.3 per 1 000" in command("rules")
    [described] = json.loads(command("rules", "--json"))
    assert described["false_containments"] == 0.3
    path = tmp_path / "month.parquet"
    said = command("export", str(path), "--from", "2026-11-01", "--to", "2026-12-31")
    assert said.endswith("8 accounts, 0 canaries\n")
    assert json.loads(command("replay", str(path), "--json"))
