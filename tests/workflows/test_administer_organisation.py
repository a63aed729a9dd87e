"""Acts among the people of an organisation: two at once, cut short, and without row policies."""

import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from tests.portals import people

from rempart.accounts.roles import Role
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import Conflict, NotFound, RempartError
from rempart.kernel.rpps import Rpps
from rempart.workflows.accounts import administer_organisation as acts
from rempart.workflows.accounts.read_organisation import read_person
from rempart.workflows.accounts.web_session import Whence

WHENCE = Whence(address="192.0.2.10", agent="A test bench")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def make_asker(who, **changes):
    """Return somebody signed in and just stepped up, as a transaction's ticket would say."""
    facts = {
        "session_ref": 1,
        "actor_ref": who.actor_ref,
        "actor_kind": "agent",
        "display_name": "Camille Essai",
        "role": who.role,
        "org_ref": who.org.org_ref,
        "org_name": "Organisation d’essai",
        "org_kind": who.org.kind,
        "insurer_id": who.org.insurer_id,
        "establishment_ref": who.org.establishment_ref,
        "person_ref": None,
        "accountable_ref": None,
        "membership_ref": who.membership_ref,
        "method": "passkey",
        "is_host": False,
        "opened_at": NOW,
        "expires_at": NOW + timedelta(hours=1),
        "idle_limit": timedelta(minutes=15),
        "stepped_up_at": NOW,
        **changes,
    }
    return acts.Asker(visitor=Visitor(**facts), whence=WHENCE, now=NOW)


@pytest.fixture
def insurer(database):
    return people.make_organisation(database, "insurer", name="Aubelune")


@pytest.fixture
def admins(database, insurer):
    return [people.make_agent(database, insurer, Role.INSURER_ADMIN) for _ in range(2)]


def count_active(database, org):
    with database.transaction("admin") as tx:
        [(count,)] = tx.execute(
            "SELECT count(*) FROM accounts.membership"
            " WHERE org_ref = %s AND role = 'insurer_admin' AND suspended_at IS NULL",
            (org.org_ref,),
        ).fetchall()
    return count


def suspend_each_other(database, first, second):
    """Have two administrators suspend each other in two transactions open at once."""
    refusals = []

    def suspend_back():
        try:
            with database.transaction("registrar") as tx:
                acts.suspend_agent(tx, make_asker(second), first.membership_ref)
        except RempartError as refusal:
            refusals.append(refusal)

    other = threading.Thread(target=suspend_back)
    with database.transaction("registrar") as tx:
        acts.suspend_agent(tx, make_asker(first), second.membership_ref)
        other.start()
        # Until the second one waits for the first, or is done: whichever comes.
        while other.is_alive() and not is_somebody_waiting(database):
            other.join(0.01)
    other.join()
    return refusals


def is_somebody_waiting(database):
    with database.transaction("admin") as tx:
        [(count,)] = tx.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchall()
    return count > 0


def test_two_administrators_never_remove_each_other(database, insurer, admins):
    [refusal] = suspend_each_other(database, *admins)
    assert isinstance(refusal, Conflict)
    assert count_active(database, insurer) == 1


def test_mutation_without_the_lock_both_would_be_gone(database, insurer, admins, monkeypatch):
    monkeypatch.setattr(acts.people, "lock_people", lambda tx, org_ref: None)
    assert suspend_each_other(database, *admins) == []
    assert count_active(database, insurer) == 0


def test_an_act_whose_event_cannot_be_written_does_not_happen(database, insurer, admins):
    first, second = admins
    with database.transaction("owner") as tx:
        tx.execute("REVOKE INSERT ON accounts.security_event FROM rempart_plane_accounts")
    asker = make_asker(first)
    for act in (
        lambda tx: acts.suspend_agent(tx, asker, second.membership_ref),
        lambda tx: acts.change_role(tx, asker, second.membership_ref, Role.INSURER_DPO),
        lambda tx: acts.ask_recovery(tx, asker, second.membership_ref, reason="perdu"),
        lambda tx: acts.invite_agent(
            tx, asker, role=Role.INSURER_DPO, name="Zoé", invitation_ref=5
        ),
    ):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            database.transaction("registrar") as tx,
        ):
            act(tx)
    assert count_active(database, insurer) == 2
    with database.transaction("admin") as tx:
        [(left,)] = tx.execute(
            "SELECT (SELECT count(*) FROM accounts.actor) - 2"
            " + (SELECT count(*) FROM accounts.invitation)"
            " + (SELECT count(*) FROM accounts.recovery_request)"
        ).fetchall()
    assert left == 0


@pytest.fixture
def stranger(database):
    """Somebody of another insurer, with an invitation."""
    org = people.make_organisation(database, "insurer", name="Brisemer")
    who = people.make_agent(database, org, Role.INSURER_MANAGER)
    people.invite(database, who)
    with database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.invitation SET invitation_ref = 77")
        tx.execute(
            "INSERT INTO accounts.recovery_request"
            " (request_ref, actor_ref, org_ref, asked_by, reason) VALUES (99, %s, %s, %s, '-')",
            (who.actor_ref, org.org_ref, who.actor_ref),
        )
    return who


def list_attacks(asker, stranger):
    ref = stranger.membership_ref
    return [
        lambda tx: acts.change_role(tx, asker, ref, Role.INSURER_DPO),
        lambda tx: acts.suspend_agent(tx, asker, ref),
        lambda tx: acts.restore_agent(tx, asker, ref),
        lambda tx: acts.ask_recovery(tx, asker, ref, reason="perdu"),
        lambda tx: acts.approve_recovery(tx, asker, 99),
        lambda tx: acts.refuse_recovery(tx, asker, 99),
        lambda tx: acts.revoke_invitation(tx, asker, 77),
        lambda tx: acts.suspend_organisation(tx, asker, stranger.org.org_ref),
        lambda tx: acts.restore_organisation(tx, asker, stranger.org.org_ref),
        lambda tx: read_person(tx, asker.visitor, ref),
    ]


def test_the_code_refuses_another_organisation_even_where_no_row_policy_would(
    database, admins, stranger
):
    """`registrar` sees every row: what is refused here is refused by the code alone."""
    for act in list_attacks(make_asker(admins[0]), stranger):
        with pytest.raises(RempartError) as refused, database.transaction("registrar") as tx:
            act(tx)
        assert refused.value.code in {"not_found", "not_allowed"}
    with database.transaction("admin") as tx:
        assert tx.execute("SELECT count(*) FROM accounts.security_event").fetchall() == [(0,)]


def test_mutation_an_asker_said_to_be_of_the_other_organisation_passes(database, admins, stranger):
    forged = make_asker(admins[0], org_ref=stranger.org.org_ref)
    act = list_attacks(forged, stranger)[1]
    with database.transaction("registrar") as tx:
        act(tx)
        assert tx.execute("SELECT count(*) FROM accounts.security_event").fetchone() != (0,)


def test_only_a_holder_brings_a_locum_whatever_the_page_asked(database):
    place = people.make_organisation(database, "establishment")
    manager = people.make_agent(database, place, Role.ESTABLISHMENT_MANAGER)
    with pytest.raises(RempartError) as refused, database.transaction("registrar") as tx:
        acts.bring_locum(tx, make_asker(manager), rpps=Rpps("99700000005"), ends_on=NOW.date())
    assert refused.value.code == "not_allowed"


def test_the_database_brings_no_locum_to_whoever_has_no_holders_ticket(database):
    place = people.make_organisation(database, "establishment")
    holder = people.make_agent(database, place, Role.HOLDER)
    with pytest.raises(NotFound), database.transaction("owner") as tx:
        acts.bring_locum(tx, make_asker(holder), rpps=Rpps("99700000005"), ends_on=NOW.date())
    with database.transaction("portals") as tx:
        assert tx.execute(
            "SELECT accounts.bring_locum('99700000005', 5, '2030-01-01')"
        ).fetchall() == [(None,)]


def test_a_session_that_stands_is_never_ended(database, insurer, admins):
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.session (session_ref, token_digest, actor_ref, role,"
            " membership_ref, org_ref, method, address, agent, idle_limit, expires_at)"
            " VALUES (8, sha256('x'), %s, 'insurer_admin', %s, %s, 'passkey', '-', '-',"
            " '1 hour', now() + interval '1 hour')",
            (admins[0].actor_ref, admins[0].membership_ref, insurer.org_ref),
        )
    end = "SELECT count(*) FROM accounts.end_fallen_sessions(NULL, NULL)"
    with database.transaction("registrar") as tx:
        assert tx.execute(end).fetchall() == [(0,)]
    with database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.organisation SET suspended_at = now()")
    # The pages end nothing for a visitor without a ticket, even what has fallen.
    with database.transaction("portals") as tx:
        assert tx.execute(end).fetchall() == [(0,)]
    with database.transaction("registrar") as tx:
        assert tx.execute(end).fetchall() == [(1,)]
        assert tx.execute(end).fetchall() == [(0,)]
