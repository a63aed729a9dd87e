"""`rempart guard contain`, `approve`, `release` and `steps`, as somebody types them."""

import json

import pytest
from click.testing import CliRunner

from rempart.cli.main import cli
from rempart.kernel.errors import Conflict, NotAllowed, NotFound
from rempart.kernel.synthetic import make_synthetic_rpps, make_synthetic_siret

RPPS = make_synthetic_rpps(41).number
SIRET = make_synthetic_siret(41).number
ACCOUNT = 41


@pytest.fixture
def run(environment, database):
    """A function that runs one command in a home with one professional."""
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.establishment (establishment_ref, siret, name, postcode, city)"
            " VALUES (4, %s, 'Pharmacie', '75009', 'Paris')",
            (SIRET,),
        )
        tx.execute(
            "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name,"
            " establishment_ref) VALUES (%s, %s, 'pharmacist', 'Claire Essai', 4)",
            (ACCOUNT, RPPS),
        )

    def invoke(*arguments):
        return CliRunner(env=environment).invoke(cli, ["guard", *arguments])

    return invoke


def list_steps(run):
    return json.loads(run("steps", "--json").stdout)


def test_the_cost_is_told_and_nothing_is_done_without_yes(run):
    told = run("contain", "account", RPPS, "--step", "suspend")
    assert told.exit_code == 0, told.output
    assert "1 accounts; stops: checks" in told.stdout
    assert "claims, payments" in told.stdout
    assert "nothing was done" in told.stdout
    assert list_steps(run) == []


def test_an_account_is_held_listed_without_its_name_and_let_go(run):
    done = run("contain", "account", RPPS, "--step", "no_typed", "--yes")
    ref = done.stdout.splitlines()[-1].removesuffix(" begun")
    [row] = list_steps(run)
    assert (str(row["reference"]), row["state"], row["accounts"]) == (ref, "in force", 1)
    assert "Claire" not in run("steps").output
    assert run("release", "--measure", ref, "--reason", "mistake").exit_code == 0
    assert list_steps(run)[0]["state"] == "over"
    assert isinstance(run("release", "--measure", ref).exception, Conflict)


def test_a_rehearsal_ends_by_itself_and_lasts_half_an_hour_at_most(run):
    told = run("contain", "establishment", SIRET, "--step", "slow", "--exercise", "5", "--yes")
    assert told.exit_code == 0, told.output
    assert list_steps(run)[0]["step"] == "slow (exercise)"
    assert run("contain", "account", RPPS, "--step", "slow", "--exercise", "31").exit_code == 2


def test_a_profession_waits_for_a_second_person_and_one_of_the_console_is_answered_here(
    run, database
):
    done = run("contain", "profession", "pharmacist", "--step", "slow", "--yes")
    assert "waits for a second person" in done.stdout
    [row] = list_steps(run)
    assert row["state"] == "waits"
    # The machine asked: it is not its own second person.
    assert isinstance(run("approve", str(row["reference"])).exception, NotAllowed)
    with database.transaction("owner") as tx:
        tx.execute("UPDATE guard.measure SET asked_by = 5")
    assert run("approve", str(row["reference"])).exit_code == 0
    assert list_steps(run)[0]["state"] == "in force"


def test_what_the_guard_holds_is_released_by_rpps(run, database):
    with database.transaction("owner") as tx:
        tx.execute("INSERT INTO guard.account (account_ref, step) VALUES (%s, 2)", (ACCOUNT,))
    assert run("release", RPPS).exit_code == 0
    with database.transaction("owner") as tx:
        assert tx.execute("SELECT step FROM guard.account").fetchall() == [(0,)]
    assert isinstance(run("release", RPPS).exception, Conflict)
    assert run("release").exit_code == 2
    assert isinstance(run("release", "99700000005").exception, NotFound)
