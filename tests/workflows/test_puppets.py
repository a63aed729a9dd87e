"""One person with somebody they invited a minute ago does nothing that needs two."""

import secrets
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from tests.portals import people
from tests.workflows.practice import MATCHING, Practice

from rempart.accounts.bank_details import ChangeRefused, Obstacle
from rempart.accounts.invitations import InvitationCode
from rempart.accounts.roles import Role
from rempart.cli.main import cli
from rempart.kernel.errors import Conflict, NotAllowed
from rempart.portals.session_store import compute_token_digest
from rempart.workflows.accounts import administer_organisation as acts
from rempart.workflows.accounts.web_session import enter_session
from rempart.workflows.settlement.change_bank_details import approve_change
from rempart.workflows.settlement.read_bank_details import read_bank_details


@contextmanager
def acting(database, who):
    """Open a transaction of the pages as an administrator signed in."""
    key = secrets.token_hex(16)
    people.adopt(key, database, who)
    with database.transaction("portals") as tx:
        visitor = enter_session(tx, compute_token_digest(key))
        assert visitor is not None
        yield tx, acts.Asker(visitor=visitor, whence=people.WHENCE, now=datetime.now(UTC))


def invite(database, who, role):
    """Have somebody invite a puppet; return it as if its code had been used."""
    with acting(database, who) as (tx, asker):
        made = acts.invite_agent(
            tx, asker, role=role, name="Un pantin", invitation_ref=people.draw()
        )
    with database.transaction("owner") as tx:
        [(ref,)] = tx.execute(
            "SELECT membership_ref FROM accounts.membership WHERE actor_ref = %s",
            (made.actor_ref,),
        ).fetchall()
    return people.Somebody(made.actor_ref, role, who.org, ref)


def age(database, days):
    """Make everything that was given or done here as many days older."""
    with database.transaction("owner") as tx:
        for table, column in (
            ("membership", "created_at"),
            ("invitation", "created_at"),
            ("security_event", "at"),
        ):
            tx.execute(
                f"UPDATE accounts.{table} SET {column} = {column} - make_interval(days=>{days})"
            )
        tx.execute("UPDATE accounts.membership SET starts_on = starts_on - %s", (days,))


# ---------------------------------------------------------------- a change of account


@pytest.fixture
def practice(database):
    practice = Practice(database)
    practice.open_account()
    return practice


@pytest.fixture
def thief(practice):
    return practice.hire()


def approve(practice, who, change):
    with practice.act(who) as (tx, asker):
        return approve_change(tx, asker, change.change_ref)


def expect(obstacle, practice, who, change):
    with pytest.raises(ChangeRefused) as refusal:
        approve(practice, who, change)
    assert refusal.value.obstacle is obstacle


@pytest.mark.parametrize("days", [0, 29])
@pytest.mark.parametrize("genuine", [True, False])
def test_a_puppet_approves_no_change_of_account(practice, thief, database, days, genuine):
    if genuine:
        practice.hire(Role.ESTABLISHMENT_MANAGER, "Denis Essai")
    puppet = invite(database, thief, Role.ESTABLISHMENT_MANAGER)
    age(database, days)
    change = practice.propose(thief, MATCHING)
    assert change.state == "proposed"
    with practice.act(puppet) as (tx, asker):
        assert not read_bank_details(tx, asker).may_approve
    expect(Obstacle.ROLE_TOO_NEW, practice, puppet, change)


def test_a_puppet_proposes_nothing_that_who_invited_it_approves(practice, thief, database):
    puppet = invite(database, thief, Role.ESTABLISHMENT_MANAGER)
    change = practice.propose(puppet, MATCHING)
    assert change.state == "proposed"
    expect(Obstacle.NOT_APART, practice, thief, change)


def test_where_only_a_newcomer_is_the_operator_approves(practice, thief, database):
    operator = people.make_agent(
        database, people.make_organisation(database, "operator"), Role.OPERATOR_SECURITY
    )
    invite(database, thief, Role.ESTABLISHMENT_MANAGER)
    change = practice.propose(thief, MATCHING)
    assert approve(practice, operator, change).approved_by == operator.actor_ref


def test_a_month_later_a_colleague_is_a_second_person(practice, thief, database):
    colleague = invite(database, thief, Role.ESTABLISHMENT_MANAGER)
    age(database, 31)
    assert approve(practice, colleague, practice.propose(thief, MATCHING)).state == "cooling"


def test_a_colleague_given_back_their_role_yesterday_is_no_second_person(practice, thief, database):
    colleague = practice.hire(Role.ESTABLISHMENT_MANAGER, "Denis Essai")
    for act in (acts.suspend_agent, acts.restore_agent):
        with acting(database, thief) as (tx, asker):
            act(tx, asker, colleague.membership_ref)
    expect(Obstacle.ROLE_TOO_NEW, practice, colleague, practice.propose(thief, MATCHING))


# ---------------------------------------------------------------- a recovery


@pytest.fixture
def insurer(database):
    return people.make_organisation(database, "insurer")


def ask(database, who, victim):
    with acting(database, who) as (tx, asker):
        return acts.ask_recovery(tx, asker, victim.membership_ref, reason="clé perdue")


def recover(database, who, request_ref):
    with acting(database, who) as (tx, asker):
        return acts.approve_recovery(tx, asker, request_ref)


def attack_by_recovery(database, org, role):
    """Let a thief and a puppet, in both orders, ask for a colleague's account."""
    first, victim = (people.make_agent(database, org, role) for _ in range(2))
    puppet = invite(database, first, role)
    for asking, approving in ((first, puppet), (puppet, first)):
        request = ask(database, asking, victim)
        with pytest.raises(NotAllowed, match="month"):
            recover(database, approving, request)
        with acting(database, victim) as (tx, _):
            assert tx.execute("SELECT approved FROM accounts.recovery_request").fetchall() == [
                (None,)
            ]
        with database.transaction("owner") as tx:
            tx.execute("DELETE FROM accounts.recovery_request")


@pytest.mark.parametrize(
    ("kind", "role"), [("insurer", Role.INSURER_ADMIN), ("operator", Role.OPERATOR_ADMIN)]
)
def test_a_puppet_opens_no_colleagues_account(database, kind, role):
    attack_by_recovery(database, people.make_organisation(database, kind), role)


def test_mutation_without_its_rule_a_puppet_is_still_stopped_by_the_database(
    database, insurer, monkeypatch
):
    monkeypatch.setattr(acts, "check_can_approve_recovery", lambda *_, **__: None)
    with pytest.raises(Exception, match="do not count as two"):
        attack_by_recovery(database, insurer, Role.INSURER_ADMIN)


def test_mutation_without_the_rule_and_its_guard_the_thief_has_the_code(
    database, insurer, monkeypatch
):
    monkeypatch.setattr(acts, "check_can_approve_recovery", lambda *_, **__: None)
    with database.transaction("owner") as tx:
        tx.execute("ALTER TABLE accounts.recovery_request DISABLE TRIGGER guard")
    with pytest.raises(pytest.fail.Exception):
        attack_by_recovery(database, insurer, Role.INSURER_ADMIN)


def test_the_host_operator_approves_where_nobody_else_can(database, insurer):
    host = people.make_organisation(database, "operator")
    security = people.make_agent(database, host, Role.OPERATOR_SECURITY)
    asker, victim = (people.make_agent(database, insurer, Role.INSURER_ADMIN) for _ in range(2))
    made = recover(database, security, ask(database, asker, victim))
    assert (made.actor_ref, made.kind) == (victim.actor_ref, "recovery")


def test_at_the_host_the_command_line_approves_what_nobody_there_can(database, environment):
    host = people.make_organisation(database, "operator")
    asker, victim = (people.make_agent(database, host, Role.OPERATOR_ADMIN) for _ in range(2))
    request = ask(database, asker, victim)
    run = CliRunner(env=environment)
    assert str(request) in run.invoke(cli, ["organisation", "recover"]).stdout
    made = run.invoke(cli, ["organisation", "recover", str(request)])
    digest = InvitationCode.parse(made.stdout.strip()).compute_digest()
    with database.transaction("owner") as tx:
        assert tx.execute(
            "SELECT actor_ref, kind, approved_by FROM accounts.invitation WHERE code_digest = %s",
            (digest,),
        ).fetchall() == [(victim.actor_ref, "recovery", None)]
        assert tx.execute(
            "SELECT actor_ref, details ->> 'by' FROM accounts.security_event"
            " WHERE kind = 'recovery_approved'"
        ).fetchall() == [(victim.actor_ref, "command line")]
    again = run.invoke(cli, ["organisation", "recover", str(request)])
    assert isinstance(again.exception, Conflict)
    assert run.invoke(cli, ["organisation", "recover"]).stdout == ""


def test_the_command_line_stands_in_for_no_colleague_and_for_no_other_organisation(
    database, insurer
):
    host = people.make_organisation(database, "operator")
    first, victim, _second = (
        people.make_agent(database, host, Role.OPERATOR_ADMIN) for _ in range(3)
    )
    asker, other = (people.make_agent(database, insurer, Role.INSURER_ADMIN) for _ in range(2))
    for request, refusal in (
        (ask(database, first, victim), Conflict),
        (ask(database, asker, other), NotAllowed),
    ):
        with pytest.raises(refusal), database.transaction("registrar") as tx:
            acts.approve_recovery_at_the_machine(tx, request)


# ---------------------------------------------------------------- two roles in one organisation


def suspend_holder_through_another_role(practice, database):
    holder, second = practice.hire(), practice.hire(name="Seconde")
    manager = practice.hire(Role.ESTABLISHMENT_MANAGER, "Un gérant")
    ref = people.draw()
    practice.run(
        "INSERT INTO accounts.membership"
        " (membership_ref, actor_ref, org_ref, role, accountable_ref, starts_on)"
        " VALUES (%s, %s, %s, 'locum', %s, '2020-01-01')",
        *(ref, holder.actor_ref, practice.org.org_ref, second.actor_ref),
    )
    with acting(database, manager) as (tx, asker):
        acts.suspend_agent(tx, asker, ref)


def test_a_holder_who_is_also_a_locum_is_still_a_holder(practice, database):
    with pytest.raises(NotAllowed, match="another holder"):
        suspend_holder_through_another_role(practice, database)


def test_mutation_looking_at_one_role_only_a_manager_stops_a_holder(
    practice, database, monkeypatch
):
    monkeypatch.setattr(acts.people, "list_other_roles", lambda tx, person: ())
    suspend_holder_through_another_role(practice, database)
    assert practice.fetch(
        "SELECT count(*) FROM accounts.membership"
        " WHERE role = 'holder' AND suspended_at IS NOT NULL"
    ) == [(1,)]
