"""What a compromised page may not write with raw SQL and one live session, and what stops it."""

import pytest
from psycopg import errors
from tests.portals import people
from tests.workflows.practice import Practice

from rempart.accounts.invitations import AGENT_LIFETIME, MEMBER_LIFETIME
from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.roles import ROLES_OF, Role
from rempart.storage.standing import list_standing

REFUSALS = (errors.InsufficientPrivilege, errors.CheckViolation)
INVITE = (
    "INSERT INTO accounts.invitation"
    " (invitation_ref, code_digest, kind, actor_ref, org_ref, invited_by, approved_by, expires_at)"
)
BANK = (
    "INSERT INTO accounts.bank_details (change_ref, establishment_ref, sealed_iban, last_digits,"
    " state, proposed_by, proposed_at, active_from)"
)
# Each sent with the session of a holder, in an establishment with a colleague.
FORGERIES = {
    "a change that cools although somebody else is there": BANK
    + " VALUES (5, %(place)s, '\\x00', '0000', 'cooling', %(me)s, now(),"
    " now() + interval '4 days')",
    "a proposal from the future": BANK
    + " VALUES (5, %(place)s, '\\x00', '0000', 'proposed', %(me)s,"
    " now() + interval '40 days', NULL)",
    "a recovery that nobody asked for": INVITE
    + " VALUES (5, sha256('x'), 'recovery', %(other)s, %(org)s, %(other)s, %(me)s, now())",
    "an enrolment for a colleague who has a key": INVITE
    + " VALUES (5, sha256('x'), 'enrolment', %(other)s, %(org)s, %(me)s, NULL, now())",
    "an enrolment in a colleague's name": INVITE
    + " VALUES (5, sha256('x'), 'enrolment', %(new)s, %(org)s, %(other)s, %(me)s, now())",
    "a code for ever": INVITE
    + " VALUES (5, sha256('x'), 'enrolment', %(new)s, %(org)s, %(me)s, NULL, 'infinity')",
    "an invitation from long ago": INVITE.replace("expires_at", "expires_at, created_at")
    + " VALUES (5, sha256('x'), 'enrolment', %(new)s, %(org)s, %(me)s, NULL, now(), '2020-01-01')",
    "somebody else's professional answers for our manager": (
        "UPDATE accounts.membership SET accountable_ref = %(stranger)s, role = 'assistant'"
        " WHERE actor_ref = %(other)s"
    ),
    "and for somebody new": (
        "INSERT INTO accounts.membership"
        " (membership_ref, actor_ref, org_ref, role, accountable_ref, starts_on)"
        " VALUES (5, %(new)s, %(org)s, 'assistant', %(stranger)s, '2020-01-01')"
    ),
    "a manager made a holder": (
        "UPDATE accounts.membership SET role = 'holder' WHERE actor_ref = %(other)s"
    ),
    "a role of another kind of organisation": (
        "INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role, starts_on)"
        " VALUES (5, %(new)s, %(org)s, 'operator_admin', '2020-01-01')"
    ),
    "a role given long ago": (
        "INSERT INTO accounts.membership"
        " (membership_ref, actor_ref, org_ref, role, starts_on, created_at)"
        " VALUES (5, %(new)s, %(org)s, 'establishment_manager', '2020-01-01', '2020-01-01')"
    ),
    "an event of another day": (
        "INSERT INTO accounts.security_event (event_ref, kind, actor_ref, org_ref, at)"
        " VALUES (5, 'role_changed', %(me)s, %(org)s, '2000-01-01')"
    ),
    "a request asked long ago": (
        "INSERT INTO accounts.recovery_request"
        " (request_ref, actor_ref, org_ref, asked_by, reason, asked_at)"
        " VALUES (5, %(other)s, %(org)s, %(me)s, 'x', '2020-01-01')"
    ),
}
# Without which of them which of the above would pass.
GUARDS = {
    "ALTER TABLE accounts.bank_details DISABLE TRIGGER guard_second_payee": (
        "a change that cools although somebody else is there",
        "a proposal from the future",
    ),
    "ALTER TABLE accounts.invitation DISABLE TRIGGER rests_on_something": (
        "a recovery that nobody asked for",
        "an enrolment for a colleague who has a key",
        "a code for ever",
    ),
    "ALTER TABLE accounts.membership DISABLE TRIGGER guard": (
        "somebody else's professional answers for our manager",
        "a manager made a holder",
        "a role of another kind of organisation",
    ),
    "GRANT INSERT ON accounts.security_event TO rempart_portals": ("an event of another day",),
    "GRANT INSERT ON accounts.membership TO rempart_portals": ("a role given long ago",),
}


@pytest.fixture
def practice(database):
    return Practice(database)


@pytest.fixture
def facts(practice, database):
    """The people of the forgeries; `new` is of nowhere yet, `other` has a key."""
    other = practice.hire(Role.ESTABLISHMENT_MANAGER, "Denis Essai")
    new = people.draw()
    practice.run(
        "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
        " VALUES (%s, 'agent', 'Nouveau', sha256('n'))",
        new,
    )
    practice.run(
        "INSERT INTO accounts.passkey"
        " (credential_id, actor_ref, public_key, sign_count, aaguid, backed_up, label)"
        " VALUES (sha256('k'), %s, '\\x00', 0, gen_random_uuid(), false, '-')",
        other.actor_ref,
    )
    return {
        "me": practice.hire(),
        "other": other.actor_ref,
        "new": new,
        "stranger": Practice(database, "Ailleurs").hire().actor_ref,
        "org": practice.org.org_ref,
        "place": practice.establishment_ref,
    }


def forge(practice, facts, statement):
    """Send a statement as the holder; return how many rows it wrote, undone."""
    with practice.act(facts["me"]) as (tx, _):
        if "%(new)s" in statement and "accounts.invitation" in statement:
            tx.execute(
                "INSERT INTO accounts.membership"
                " (membership_ref, actor_ref, org_ref, role, starts_on)"
                " VALUES (6, %(new)s, %(org)s, 'establishment_manager', '2020-01-01')",
                {"new": facts["new"], "org": facts["org"]},
            )
        count = tx.execute(statement, {**facts, "me": facts["me"].actor_ref}).rowcount
        tx.rollback()
    return count


@pytest.mark.parametrize("forgery", FORGERIES)
def test_the_database_refuses_a_forged_row(practice, facts, forgery):
    with pytest.raises(REFUSALS):
        forge(practice, facts, FORGERIES[forgery])


@pytest.mark.parametrize("opening", GUARDS)
def test_mutation_without_its_guard_a_forged_row_passes(practice, facts, opening):
    practice.run(opening)
    for forgery in GUARDS[opening]:
        assert forge(practice, facts, FORGERIES[forgery]) == 1, forgery


def test_a_holder_alone_still_cools_and_one_whose_colleague_left_yesterday_does_not(
    practice, facts
):
    cooling = FORGERIES["a change that cools although somebody else is there"]
    for left, alone in (("1 day", False), ("31 days", True)):
        practice.run(
            "UPDATE accounts.membership SET suspended_at = now() - %s::interval"
            " WHERE actor_ref = %s",
            *(left, facts["other"]),
        )
        if alone:
            assert forge(practice, facts, cooling) == 1
        else:
            with pytest.raises(errors.InsufficientPrivilege):
                forge(practice, facts, cooling)


def test_a_puppet_approves_no_change_with_raw_sql(practice, database):
    practice.open_account()
    holder = practice.hire()
    puppet = practice.hire(Role.ESTABLISHMENT_MANAGER, "Un pantin", since="now")
    practice.propose(holder)
    approval = (
        "UPDATE accounts.bank_details SET state = 'cooling', approved_by = %(me)s,"
        " active_from = now() + interval '4 days' WHERE state = 'proposed'"
    )
    with pytest.raises(errors.InsufficientPrivilege, match="count as two"):
        forge(practice, {"me": puppet}, approval)
    practice.run("ALTER TABLE accounts.bank_details DISABLE TRIGGER guard_second_payee")
    assert forge(practice, {"me": puppet}, approval) == 1


# What was ended: who tries to give it back, with what, and what stops them.
ENDED = {
    "software": (
        "publisher",
        Role.PUBLISHER_ADMIN,
        "UPDATE accounts.software SET revoked_at = NULL",
    ),
    "software_key": (
        "publisher",
        Role.PUBLISHER_ADMIN,
        "UPDATE accounts.software_key SET ends_at = 'infinity'",
    ),
    "actor": (
        "insurer",
        Role.INSURER_ADMIN,
        "UPDATE accounts.actor SET suspended_at = NULL WHERE suspended_at IS NOT NULL",
    ),
}


# Without it only the policy stands between a page and the end of a key.
WITHOUT_KEY_GUARD = "ALTER TABLE accounts.software_key DISABLE TRIGGER guard"


def run_as_owner(database, statement):
    with database.transaction("owner") as tx:
        tx.execute(statement)


def forget_the_end(database, table):
    run_as_owner(
        database, f"ALTER POLICY changed ON accounts.{table} USING (true) WITH CHECK (true)"
    )


def revive(database, table, *, ended="now() - interval '1 day'"):
    """Try to give back what ended; `ended` is when the key did."""
    kind, role, statement = ENDED[table]
    org = people.make_organisation(database, kind)
    admin, other = (people.make_agent(database, org, role) for _ in range(2))
    with database.transaction("owner") as tx:
        if kind == "publisher":
            tx.execute(
                "INSERT INTO accounts.software (client_ref, client_id, publisher_ref, label,"
                " scopes, revoked_at) VALUES (5, 'soft-x', %s, 'x', '{rights:check}', now())",
                (org.org_ref,),
            )
            tx.execute(
                "INSERT INTO accounts.software_key (client_ref, kid, jwk, ends_at)"
                f" VALUES (5, 'k', '{{}}', {ended})"
            )
        else:
            tx.execute(
                "UPDATE accounts.actor SET suspended_at = now() WHERE actor_ref = %s",
                (other.actor_ref,),
            )
    with Practice(database).act(admin) as (tx, _):
        return tx.execute(statement).rowcount


@pytest.mark.parametrize("table", ENDED)
def test_what_was_ended_is_not_given_back_by_a_page(database, table):
    assert revive(database, table) == 0


@pytest.mark.parametrize("table", ENDED)
def test_mutation_with_a_policy_that_forgets_the_end_it_is(database, table):
    forget_the_end(database, table)
    if table == "software_key":
        # A second guard stands behind this policy: below, each is shown to hold without the other.
        run_as_owner(database, WITHOUT_KEY_GUARD)
    assert revive(database, table) == 1


def test_the_guard_of_keys_refuses_what_a_policy_that_forgets_lets_through(database):
    forget_the_end(database, "software_key")
    with pytest.raises(errors.InsufficientPrivilege, match="add another key"):
        revive(database, "software_key")


def test_the_policy_of_keys_holds_an_ended_key_without_their_guard(database):
    run_as_owner(database, WITHOUT_KEY_GUARD)
    assert revive(database, "software_key") == 0


def test_a_key_that_still_serves_is_given_no_longer_life_by_a_page(database):
    with pytest.raises(errors.InsufficientPrivilege, match="add another key"):
        revive(database, "software_key", ended="now() + interval '1 day'")


def test_mutation_without_their_guard_a_key_that_still_serves_lives_longer(database):
    run_as_owner(database, WITHOUT_KEY_GUARD)
    assert revive(database, "software_key", ended="now() + interval '1 day'") == 1


def test_the_host_lets_an_account_go_on(database):
    host = people.make_organisation(database, "operator")
    security, stopped = (
        people.make_agent(database, host, Role.OPERATOR_SECURITY) for _ in range(2)
    )
    with database.transaction("owner") as tx:
        tx.execute(
            "UPDATE accounts.actor SET suspended_at = now() WHERE actor_ref = %s",
            (stopped.actor_ref,),
        )
    with Practice(database).act(security) as (tx, _):
        assert tx.execute(ENDED["actor"][2]).rowcount == 1


def test_the_database_knows_the_roles_of_each_kind_and_how_long_a_code_waits(database):
    orgs = {kind: people.make_organisation(database, kind) for kind in ROLES_OF}
    with database.transaction("owner") as tx:
        professional = people.make_agent(database, orgs["establishment"], Role.HOLDER).actor_ref
        for kind, org in orgs.items():
            fitting = {
                role
                for role in Role
                if tx.execute(
                    "SELECT accounts.fits_role(%s, %s, %s)",
                    (professional, org.org_ref, role.value),
                ).fetchone()
                == (True,)
            }
            assert fitting == set(ROLES_OF[kind])
    # storage/schema/0008_second_person.sql: 72 hours for an agent, 30 days for a member.
    assert (AGENT_LIFETIME.total_seconds() / 3600, MEMBER_LIFETIME.days) == (72, 30)


def test_the_guards_and_the_pages_agree_on_who_stands_since_when(practice, facts):
    practice.run(
        "INSERT INTO accounts.security_event (event_ref, kind, actor_ref, org_ref)"
        " VALUES (1, 'role_changed', %s, %s)",
        *(facts["other"], facts["org"]),
    )
    people.invite(practice.database, practice.hire(Role.ESTABLISHMENT_MANAGER))
    practice.run("UPDATE accounts.invitation SET invited_by = %s", facts["other"])
    roles = GRANTS[Permission.APPROVE_BANK_DETAILS].roles
    with practice.act(facts["me"]) as (tx, _):
        asked = [
            (p.actor_ref, p.since, p.until, [one.by_ref for one in p.invited])
            for p in list_standing(tx, facts["org"], roles)
        ]
    guarded = practice.fetch(
        "SELECT actor_ref, since, until, invited_by FROM accounts.list_standing(%s, %s)",
        *(facts["org"], [role.value for role in roles]),
    )
    assert asked == guarded
    assert len(asked) == 3
    assert sum(len(codes) for *_, codes in asked) == 1
