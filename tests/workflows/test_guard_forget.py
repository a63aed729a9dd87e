"""Whom accounts have not asked about for long is forgotten: counted before, held evidence kept."""

import pytest
from click.testing import CliRunner
from tests.api.world import populate
from tests.workflows.guard_practice import (
    DAY_MS,
    Ask,
    PracticeClock,
    open_accounts,
    open_office,
    play,
    read,
    run,
)

from rempart.cli.main import cli
from rempart.kernel.errors import InvalidRequest
from rempart.workflows.guard.forget_faces import Forgotten, forget_faces

YEARS_MS = 1100 * DAY_MS


@pytest.fixture
def clock():
    return PracticeClock()


@pytest.fixture
def world(database, home, clock):
    """A world of which one account met two people, and saw one of them again years later."""
    world = populate(database, home)
    [ref] = open_accounts(database, 1)

    async def work():
        async with open_office(database, home, clock) as office:
            await office.ask(Ask(ref, 1, card=True), Ask(ref, 100, card=True))
            clock.ms += YEARS_MS
            await office.ask(Ask(ref, 1, card=True))

    play(work())
    return world


def list_faces(world):
    return read(world.database, "SELECT subject FROM guard.face ORDER BY t_ms, subject")


def forget(world, clock, *, preview=False, days=1000):
    done = forget_faces(
        lambda: world.database.transaction("gateway"),
        days=days,
        now_ms=clock.ms + DAY_MS,
        preview=preview,
    )
    return list(done)[-1]


def test_a_preview_counts_and_forgets_nothing(world, clock):
    before = list_faces(world)
    assert len(before) == 2
    assert forget(world, clock, preview=True).faces == 1
    assert list_faces(world) == before


def test_who_was_not_asked_about_for_long_is_forgotten_and_who_came_back_is_not(world, clock):
    before = list_faces(world)
    assert forget(world, clock).faces == 1
    [kept] = list_faces(world)
    assert kept in before
    assert forget(world, clock) == Forgotten(forget(world, clock, preview=True).accounts, 0)


def test_what_a_hold_of_evidence_keeps_is_not_forgotten(world, clock):
    run(
        world.database,
        "INSERT INTO retention.hold (kind, from_ms, to_ms, reason, placed_by)"
        " VALUES ('judicial', 0, 9000000000000, 'a court', 'somebody')",
    )
    assert forget(world, clock).faces == 0


def test_nothing_that_the_console_shows_is_forgotten(world, clock):
    with pytest.raises(InvalidRequest, match="93 days"):
        forget(world, clock, days=92)


def test_the_command_forgets_only_when_it_is_told_to(world, environment):
    # Of now: what the clock of the test placed long ago is old, and was not seen since.
    run(world.database, "UPDATE guard.face SET t_ms = 0")
    told = CliRunner(env=environment).invoke(cli, ["guard", "forget"])
    assert told.exit_code == 0, told.output
    assert "nothing was done" in told.stdout
    assert len(list_faces(world)) == 2
