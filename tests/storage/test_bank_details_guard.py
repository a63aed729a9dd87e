"""The database holds the pages to the rules of a change of account, whatever they send."""

import pytest
from psycopg import errors
from tests.workflows.practice import Practice

from rempart.accounts.roles import Role

# What a compromised page might send as the establishment's own holder, and what must stop it.
SHORTCUTS = {
    "a change that counts at once": (
        "INSERT INTO accounts.bank_details (change_ref, establishment_ref, sealed_iban,"
        " last_digits, state, proposed_by, active_from)"
        " VALUES (5, %(place)s, '\\x00', '0000', 'cooling', %(me)s, now())"
    ),
    "an account that is active already": (
        "INSERT INTO accounts.bank_details (change_ref, establishment_ref, sealed_iban,"
        " last_digits, state, proposed_by, active_from)"
        " VALUES (5, %(place)s, '\\x00', '0000', 'active', %(me)s, now())"
    ),
    "a change in a colleague's name": (
        "INSERT INTO accounts.bank_details (change_ref, establishment_ref, sealed_iban,"
        " last_digits, state, proposed_by)"
        " VALUES (5, %(place)s, '\\x00', '0000', 'proposed', %(other)s)"
    ),
    "an approval in a colleague's name": (
        "UPDATE accounts.bank_details SET state = 'cooling', approved_by = %(other)s,"
        " active_from = now() + interval '4 days' WHERE state = 'proposed'"
    ),
    "an approval without anybody": (
        "UPDATE accounts.bank_details SET state = 'cooling',"
        " active_from = now() + interval '4 days' WHERE state = 'proposed'"
    ),
    "an approval without a wait": (
        "UPDATE accounts.bank_details SET state = 'cooling', approved_by = %(me)s,"
        " active_from = now() WHERE state = 'proposed'"
    ),
    "an activation before its time": (
        "UPDATE accounts.bank_details SET state = 'active', active_from = now()"
        " WHERE state = 'proposed'"
    ),
    "a replacement by nothing": (
        "UPDATE accounts.bank_details SET state = 'replaced', ended_at = now()"
        " WHERE state = 'active'"
    ),
    "another first instant": (
        "UPDATE accounts.bank_details SET active_from = '2020-01-01' WHERE state = 'active'"
    ),
}


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


def attempt(practice, who, statement, other):
    values = {
        "me": who.actor_ref,
        "other": other.actor_ref,
        "place": practice.establishment_ref,
    }
    with practice.act(who) as (tx, _):
        written = tx.execute(statement, values).rowcount
        tx.rollback()
    return written


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_the_database_refuses_a_page_that_hastens_a_change(practice, claire, denis, shortcut):
    practice.propose(claire)
    if shortcut.startswith(("a change", "an account")):
        practice.run("DELETE FROM accounts.bank_details")
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(practice, denis, SHORTCUTS[shortcut], claire)


def test_mutation_without_its_guard_the_database_would_let_it_pass(practice, claire, denis):
    practice.propose(claire)
    practice.run("ALTER TABLE accounts.bank_details DISABLE TRIGGER guard")
    for shortcut in ("an approval without a wait", "a replacement by nothing"):
        assert attempt(practice, denis, SHORTCUTS[shortcut], claire) == 1, shortcut
