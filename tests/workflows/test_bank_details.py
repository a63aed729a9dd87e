"""A change of account from proposal to payment, on PostgreSQL, under the pages' policies."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from cryptography.exceptions import InvalidTag
from psycopg import errors
from tests.portals import people
from tests.workflows.practice import (
    CLOSE,
    MATCHING,
    OLD,
    SEAL,
    SILENT,
    WRONG,
    Practice,
    make_account,
)

from rempart.accounts.bank_details import Approver, ChangeRefused, Obstacle
from rempart.accounts.roles import Role
from rempart.exchange.payee_check import FakePayeeProvider, ask_payee
from rempart.kernel.errors import NotAllowed, NotFound, StepUpNeeded
from rempart.workflows.settlement import change_bank_details
from rempart.workflows.settlement.change_bank_details import (
    activate_due_changes,
    approve_change,
    prepare_proposal,
    propose_change,
    stop_change,
)
from rempart.workflows.settlement.first_accounts import open_first_accounts
from rempart.workflows.settlement.read_bank_details import (
    list_changes,
    read_bank_details,
    read_change,
)

NEW = MATCHING.number[-4:]
BEFORE = OLD.number[-4:]


@pytest.fixture
def practice(database) -> Practice:
    practice = Practice(database)
    practice.open_account()
    return practice


@pytest.fixture
def claire(practice):
    return practice.hire()


@pytest.fixture
def denis(practice, claire):
    return practice.hire(Role.ESTABLISHMENT_MANAGER, "Denis Essai")


@pytest.fixture
def operator(practice):
    host = people.make_organisation(practice.database, "operator", name="Opérateur")
    return people.make_agent(practice.database, host, Role.OPERATOR_SECURITY, name="Odile Essai")


def read(practice, who):
    with practice.act(who) as (tx, asker):
        return read_bank_details(tx, asker)


def stop(practice, who, change_ref):
    with practice.act(who) as (tx, asker):
        return stop_change(tx, asker, change_ref)


def approve(practice, who, change_ref):
    with practice.act(who) as (tx, asker):
        return approve_change(tx, asker, change_ref)


def expect(obstacle, call, *arguments):
    with pytest.raises(ChangeRefused) as refusal:
        call(*arguments)
    assert refusal.value.obstacle is obstacle


def test_somebody_alone_waits_three_days_on_the_old_account(practice, claire):
    practice.propose(claire)
    sheet = read(practice, claire)
    assert sheet.paid.last_digits == BEFORE
    assert sheet.pending.version.last_digits == NEW
    assert sheet.approver is Approver.NOBODY
    practice.let_time_pass()
    sheet = read(practice, claire)
    assert sheet.paid.last_digits == NEW
    assert sheet.pending is None
    assert practice.list_states() == [(BEFORE, "replaced"), (NEW, "active")]
    assert practice.list_events() == ["proposed", "active"]


def test_two_people_agree_before_the_wait_begins(practice, claire, denis):
    change = practice.propose(claire)
    assert change.active_from is None
    sheet = read(practice, denis)
    assert (sheet.approver, sheet.may_approve) == (Approver.COLLEAGUE, True)
    assert read(practice, claire).may_approve is False
    approved = approve(practice, denis, change.change_ref)
    assert approved.active_from - approved.approved_at == timedelta(days=3)
    assert practice.list_events() == ["proposed", "approved"]
    [line] = [one for one in read(practice, denis).history if one.version.proposed_by]
    assert (line.proposed.name, line.approved.name) == ("Claire Essai", "Denis Essai")


def test_nobody_approves_their_own_change_through_a_second_role(practice, claire, denis):
    change = practice.propose(claire)
    practice.run(
        "INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role, starts_on)"
        " VALUES (77, %s, %s, 'establishment_manager', '2020-01-01')",
        *(claire.actor_ref, practice.org.org_ref),
    )
    other_hat = replace(claire, role=Role.ESTABLISHMENT_MANAGER, membership_ref=77)
    expect(Obstacle.OWN_CHANGE, approve, practice, other_hat, change.change_ref)


def test_one_person_in_two_roles_is_still_alone(practice, claire):
    practice.run(
        "INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role, starts_on)"
        " VALUES (77, %s, %s, 'establishment_manager', '2020-01-01')",
        *(claire.actor_ref, practice.org.org_ref),
    )
    assert practice.propose(claire).state == "cooling"


def test_a_colleague_invited_after_the_proposal_approves_nothing(practice, claire, denis):
    change = practice.propose(claire)
    accomplice = practice.hire(Role.ESTABLISHMENT_MANAGER, "Un complice", since="now")
    expect(Obstacle.ROLE_TOO_NEW, approve, practice, accomplice, change.change_ref)


def test_an_assistant_made_manager_since_approves_nothing(practice, claire, denis):
    change = practice.propose(claire)
    accomplice = practice.hire(Role.ESTABLISHMENT_MANAGER, "Un complice")
    practice.run(
        "INSERT INTO accounts.security_event (event_ref, kind, actor_ref, org_ref)"
        " VALUES (1, 'role_changed', %s, %s)",
        *(accomplice.actor_ref, practice.org.org_ref),
    )
    expect(Obstacle.ROLE_TOO_NEW, approve, practice, accomplice, change.change_ref)


def test_suspending_the_colleague_first_does_not_make_one_alone(practice, claire, denis, operator):
    practice.run(
        "UPDATE accounts.membership SET suspended_at = now() WHERE actor_ref = %s", denis.actor_ref
    )
    change = practice.propose(claire)
    assert change.state == "proposed"
    assert read(practice, claire).approver is Approver.OPERATOR
    assert approve(practice, operator, change.change_ref).state == "cooling"


def test_taking_the_role_of_the_colleague_first_does_not_either(practice, claire, denis):
    practice.run(
        "UPDATE accounts.membership SET role = 'assistant' WHERE actor_ref = %s", denis.actor_ref
    )
    practice.run(
        "INSERT INTO accounts.security_event (event_ref, kind, actor_ref, org_ref)"
        " VALUES (1, 'role_changed', %s, %s)",
        *(denis.actor_ref, practice.org.org_ref),
    )
    assert practice.propose(claire).state == "proposed"


def test_no_match_needs_the_operator_when_one_is_alone(practice, claire, operator):
    change = practice.propose(claire, WRONG)
    assert change.state == "proposed"
    with practice.act(operator) as (tx, asker):
        [listed] = list_changes(tx, asker)
        assert read_change(tx, asker, change.change_ref) == listed
    assert (listed.approver, listed.change.old_digits) == (Approver.OPERATOR, BEFORE)
    approved = approve(practice, operator, change.change_ref)
    assert approved.active_from - approved.approved_at == timedelta(days=7)


def test_the_operator_does_not_stand_in_for_a_colleague(practice, claire, denis, operator):
    change = practice.propose(claire, WRONG)
    expect(Obstacle.COLLEAGUE_NEEDED, approve, practice, operator, change.change_ref)
    assert stop(practice, operator, change.change_ref).state == "refused"


@pytest.mark.parametrize("iban", [CLOSE, SILENT])
def test_an_account_that_was_not_verified_waits_a_week(practice, claire, iban):
    change = practice.propose(claire, iban)
    assert change.active_from - change.proposed_at == timedelta(days=7)
    [stored] = practice.fetch(
        "SELECT payee_check, payee_provider FROM accounts.bank_details WHERE change_ref = %s",
        change.change_ref,
    )
    assert stored == (change.payee_check, "fake")


def test_a_bank_that_does_not_answer_is_an_answer():
    class Broken(FakePayeeProvider):
        def check(self, iban, payee_name):
            raise TimeoutError

    assert ask_payee(Broken(), MATCHING, "Pharmacie").check == "unavailable"
    assert ask_payee(FakePayeeProvider(), SILENT, "Pharmacie").check == "unavailable"


def test_without_an_old_account_payments_are_held(database):
    practice = Practice(database)
    claire = practice.hire()
    change = practice.propose(claire)
    sheet = read(practice, claire)
    assert sheet.paid is None
    assert sheet.held_until == change.active_from


def test_one_change_at_a_time(practice, claire):
    practice.propose(claire)
    expect(Obstacle.ANOTHER_PENDING, practice.propose, claire, CLOSE)
    with practice.act(claire) as (tx, asker):
        expect(Obstacle.ANOTHER_PENDING, prepare_proposal, tx, asker)


def test_a_due_change_does_not_stand_in_the_way_of_the_next(practice, claire):
    practice.propose(claire)
    practice.let_time_pass()
    assert practice.propose(claire, CLOSE).state == "cooling"
    assert [state for _, state in practice.list_states()] == ["replaced", "active", "cooling"]


def test_an_old_ceremony_is_not_enough_to_propose_or_approve(practice, claire, denis):
    change = practice.propose(claire)
    with practice.act(denis) as (tx, asker):
        stale = replace(asker, now=datetime.now(UTC) + timedelta(minutes=6))
        with pytest.raises(StepUpNeeded):
            approve_change(tx, stale, change.change_ref)
        with pytest.raises(StepUpNeeded):
            propose_change(tx, stale, make_account(MATCHING))
        with pytest.raises(StepUpNeeded):
            prepare_proposal(tx, stale)
        assert stop_change(tx, stale, change.change_ref).state == "refused"


@pytest.mark.parametrize("role", [Role.LOCUM, Role.ASSISTANT])
def test_a_locum_or_an_assistant_does_nothing(practice, claire, role):
    change = practice.propose(claire)
    other = practice.hire(role, "Une personne de passage")
    with practice.act(other) as (tx, asker):
        for call in (
            lambda: read_bank_details(tx, asker),
            lambda: propose_change(tx, asker, make_account(MATCHING)),
            lambda: approve_change(tx, asker, change.change_ref),
            lambda: stop_change(tx, asker, change.change_ref),
            lambda: list_changes(tx, asker),
        ):
            with pytest.raises(NotAllowed):
                call()


def test_another_establishments_change_is_as_unknown_as_none(practice, claire, database):
    change = practice.propose(claire)
    stranger = Practice(database, "Un autre cabinet")
    thief = stranger.hire(name="Un voleur")
    for ref in (change.change_ref, 1):
        with pytest.raises(NotFound) as approving:
            approve(stranger, thief, ref)
        with pytest.raises(NotFound) as stopping:
            stop(stranger, thief, ref)
        assert str(approving.value) == str(stopping.value) == "no such change of account"
    assert read(stranger, thief).history == ()


def test_an_operator_hosted_by_another_sees_no_bank_details(practice, claire, database):
    practice.propose(claire)
    host = people.make_organisation(database, "operator")
    guest = people.make_organisation(database, "operator", hosted_by=host.org_ref)
    agent = people.make_agent(database, guest, Role.OPERATOR_SECURITY)
    with practice.act(agent) as (tx, asker), pytest.raises(NotAllowed):
        list_changes(tx, asker)


def test_a_change_is_stopped_until_it_is_paid_and_not_after(practice, claire, denis):
    change = practice.propose(claire)
    approve(practice, denis, change.change_ref)
    assert stop(practice, claire, change.change_ref).state == "cancelled"
    again = practice.propose(claire)
    approve(practice, denis, again.change_ref)
    practice.let_time_pass()
    expect(Obstacle.TOO_LATE, stop, practice, denis, again.change_ref)
    assert read(practice, denis).paid.change_ref == again.change_ref


def test_of_two_people_approving_at_once_one_does(practice, claire, denis):
    emma = practice.hire(Role.HOLDER, "Emma Essai")
    change = practice.propose(claire)
    together = threading.Barrier(2)

    def race(who):
        with practice.act(who) as (tx, asker):
            together.wait()
            return approve_change(tx, asker, change.change_ref).approved_by

    outcomes = race_all(race, [denis, emma])
    [winner] = [one for one in outcomes if isinstance(one, int)]
    [loser] = [one for one in outcomes if not isinstance(one, int)]
    assert loser.obstacle is Obstacle.ALREADY_DECIDED
    assert practice.list_events() == ["proposed", "approved"]
    [(approved_by,)] = practice.fetch(
        "SELECT approved_by FROM accounts.bank_details WHERE change_ref = %s", change.change_ref
    )
    assert approved_by == winner


def test_of_two_people_proposing_at_once_one_does(practice, claire, denis):
    together = threading.Barrier(2)

    def race(who):
        with practice.act(who) as (tx, asker):
            together.wait()
            return propose_change(tx, asker, make_account(MATCHING)).change_ref

    outcomes = race_all(race, [claire, denis])
    assert sorted(isinstance(one, int) for one in outcomes) == [False, True]
    assert practice.list_events() == ["proposed"]


def test_a_stop_racing_the_activation_is_too_late_or_in_time_never_both(practice, claire):
    change = practice.propose(claire)
    together = threading.Barrier(2)
    practice.let_time_pass("3 days")

    def race(what):
        together.wait()
        if what == "stop":
            return stop(practice, claire, change.change_ref).change_ref
        with practice.database.transaction("registrar") as tx:
            return activate_due_changes(tx)

    stopped, activated = race_all(race, ["stop", "activate"])
    assert isinstance(stopped, ChangeRefused)
    assert stopped.obstacle is Obstacle.TOO_LATE
    assert activated == 1
    assert practice.list_states() == [(BEFORE, "replaced"), (NEW, "active")]


def race_all(call, arguments):
    """Run a call for each argument at once; return each result, or the refusal it met."""

    def guarded(argument):
        try:
            return call(argument)
        except ChangeRefused as refusal:
            return refusal

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(guarded, arguments))


def test_the_activation_runs_as_often_as_one_likes(practice, claire):
    practice.propose(claire)
    for expected in (0, 0):
        with practice.database.transaction("registrar") as tx:
            assert activate_due_changes(tx) == expected
    practice.let_time_pass()
    for expected in (1, 0):
        with practice.database.transaction("registrar") as tx:
            assert activate_due_changes(tx) == expected
    assert practice.list_states() == [(BEFORE, "replaced"), (NEW, "active")]
    assert practice.list_events() == ["proposed", "active"]


@pytest.mark.parametrize("broken", ["record_event", "warn_contacts"])
@pytest.mark.parametrize("step", ["propose", "approve", "stop", "activate"])
def test_a_crash_between_two_writes_leaves_the_step_not_taken(
    practice, claire, denis, monkeypatch, broken, step
):
    change = None if step == "propose" else practice.propose(claire)
    if step == "activate":
        approve(practice, denis, change.change_ref)
        practice.let_time_pass()
    before = practice.list_states(), practice.list_events()

    def crash(tx, *_, **__):
        """The server closes the connection of this very transaction."""
        tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(change_bank_details, broken, crash)
    with pytest.raises(psycopg.OperationalError):
        take(practice, step, claire, denis, change)
    assert (practice.list_states(), practice.list_events()) == before
    monkeypatch.undo()
    take(practice, step, claire, denis, change)
    assert practice.list_states() != before[0]
    assert len(practice.list_events()) == len(before[1]) + 1


def take(practice, step, claire, denis, change):
    if step == "propose":
        practice.propose(claire)
    elif step == "approve":
        approve(practice, denis, change.change_ref)
    elif step == "stop":
        stop(practice, denis, change.change_ref)
    else:
        with practice.database.transaction("registrar") as tx:
            activate_due_changes(tx)


def test_a_file_gives_a_first_account_and_never_replaces_one(practice, claire):
    practice.open_account(MATCHING)
    assert practice.list_states() == [(BEFORE, "active")]
    practice.propose(claire)
    practice.let_time_pass()
    practice.open_account(CLOSE)
    read(practice, claire)
    practice.open_account(CLOSE)
    assert practice.list_states() == [(BEFORE, "replaced"), (NEW, "active")]


def test_a_file_does_not_step_before_a_first_account_that_waits(database):
    practice = Practice(database)
    practice.propose(practice.hire())
    with database.transaction("registrar") as tx:
        opened = open_first_accounts(tx, {practice.establishment_ref: OLD}, seal=SEAL)
    assert opened == 0


def test_an_account_is_sealed_for_its_establishment_and_the_pages_cannot_read_it(practice, claire):
    change = practice.propose(claire)
    [(sealed,)] = practice.fetch(
        "SELECT sealed_iban FROM accounts.bank_details WHERE change_ref = %s", change.change_ref
    )
    assert SEAL.open(sealed, establishment_ref=practice.establishment_ref) == MATCHING
    with pytest.raises(InvalidTag):
        SEAL.open(sealed, establishment_ref=practice.establishment_ref + 1)
    assert not hasattr(SEAL.closer, "open")
    with practice.act(claire) as (tx, _), pytest.raises(errors.InsufficientPrivilege):
        tx.execute("SELECT sealed_iban FROM accounts.bank_details")
