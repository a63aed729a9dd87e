"""What is said of a claim, held or approved, through the pages' login: whose it is decides.

Beside each promise, the policy or the guard whose absence breaks it.
"""

import secrets
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest
from psycopg import errors
from tests.adjudication.practice import CARE, Mill, draw, insert
from tests.portals import people

from rempart.accounts.roles import Role
from rempart.kernel.errors import Conflict, NotAllowed, NotFound
from rempart.portals.session_store import compute_token_digest
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import enter_session
from rempart.workflows.claims.benefit_tables import (
    Proposal,
    approve_benefits,
    list_benefit_files,
    propose_benefits,
    refuse_benefits,
)
from rempart.workflows.claims.explain_claim import count_claims, explain_claim
from rempart.workflows.claims.hold_claims import (
    HoldDecision,
    decide_hold,
    end_watch,
    hold_claim,
    list_holds,
    watch_establishment,
)
from rempart.workflows.settlement.approve_run import approve_run

TABLES = b"""
[[table]]
code = "CONFORT"
from = 2026-01-01
responsible = true

[[table.benefit]]
label = "Consultations"
acts = ["G"]
pays = "rate_with_amo"
rate = "150"
"""
SEE = "ALTER POLICY seen ON claims.claim USING (true)"
BLIND = "DROP POLICY seen ON claims.claim"


class Hall:
    """Two places, two insurers with a member each, and the host, in front of the same pages."""

    def __init__(self, mill: Mill) -> None:
        self.mill, self.database = mill, mill.database
        self.other_place = mill.add_place()
        self.holder = people.make_holder(self.database, mill.place)
        self.other_holder = people.make_holder(self.database, self.other_place)
        mine = people.Organisation(draw(), "insurer", 1)
        named = {"kind": "insurer", "name": "Mutuelle d’essai", "insurer_id": 1}
        mill.run(*_flat(insert("accounts.organisation", {"org_ref": mine.org_ref, **named})))
        other = people.make_organisation(self.database, "insurer")
        host = people.make_organisation(self.database, "operator")
        self.insurers = {1: mine, other.insurer_id: other}
        self.other_id = other.insurer_id or 0
        self.admin = self.hire(mine, Role.INSURER_ADMIN)
        self.manager = self.hire(mine, Role.INSURER_MANAGER)
        self.other_admin = self.hire(other, Role.INSURER_ADMIN)
        self.security = self.hire(host, Role.OPERATOR_SECURITY)
        self.ops = self.hire(host, Role.OPERATOR_OPS)
        self.member, self.person = self.join(mine)
        self.other_member, self.other_person = self.join(other)
        self.claim = mill.bill(self.person)
        self.other_claim = mill.bill(
            self.other_person, place=self.other_place, insurer_id=self.other_id
        )
        with self.database.transaction("admin") as tx:
            tx.execute("UPDATE claims.claim SET told_at = now()")

    def hire(self, org: people.Organisation, role: Role, since: str = "2020-01-01"):
        return people.make_agent(self.database, org, role, since=since)

    def join(self, insurer: people.Organisation):
        who = people.make_member(self.database, insurer)
        [(person,)] = self.mill.fetch(
            "SELECT person_ref FROM accounts.member WHERE actor_ref = %s", who.actor_ref
        )
        self.mill.add_member(person=person)
        return who, person

    @contextmanager
    def act(self, who):
        key = secrets.token_hex(16)
        people.adopt(key, self.database, who)
        with self.database.transaction("portals") as tx:
            visitor = enter_session(tx, compute_token_digest(key))
            assert visitor is not None
            yield tx, Asker(visitor=visitor, whence=people.WHENCE, now=datetime.now(UTC))

    def do(self, who, workflow, *arguments, **named):
        """Run a workflow as somebody who is signed in."""
        with self.act(who) as (tx, asker):
            return workflow(tx, asker, *arguments, **named)

    def ask(self, who, statement: str, *values: object) -> int:
        """Send a statement as a page that was taken over; return how many rows it met."""
        with self.act(who) as (tx, _):
            return tx.execute(statement, values).rowcount

    def decide(self, who, hold_ref: int, decision="release") -> None:
        done = HoldDecision(hold_ref=hold_ref, decision=decision, why="vu", at=datetime.now(UTC))
        self.do(who, decide_hold, done)


def _flat(pair):
    return pair[0], *pair[1]


@pytest.fixture
def hall(mill: Mill) -> Hall:
    return Hall(mill)


# ---------------------------------------------------------------- a claim told


def test_a_claim_is_told_to_who_billed_it_its_insurer_and_its_member(hall):
    hall.mill.share()
    # With the money, if not before: a result that waits is a look-up.
    hall.mill.run("UPDATE claims.claim SET state = 'remitted'")
    told = [hall.do(who, explain_claim, hall.claim) for who in (hall.holder, hall.admin)]
    assert hall.do(hall.member, explain_claim, hall.claim) == told[0] == told[1]
    assert told[0].claim.amc_cents == 900
    assert [event.event for event in told[0].events] == ["adjudicate"]


def test_a_claim_and_none_look_the_same_to_everybody_else(hall):
    hall.mill.share()
    for who in (hall.other_holder, hall.other_admin, hall.other_member):
        for reference in (hall.claim, 1):
            with pytest.raises(NotFound, match=r"^no such claim$"):
                hall.do(who, explain_claim, reference)


def test_the_host_counts_claims_and_reads_none(hall):
    hall.mill.share()
    for who in (hall.security, hall.ops):
        with pytest.raises(NotAllowed):
            hall.do(who, explain_claim, hall.claim)
        for table in ("claim", "line", "part", "claim_event", "due", "pec", "lot"):
            assert hall.ask(who, f"SELECT FROM claims.{table}") == 0
    counted = hall.do(hall.ops, count_claims, date(2026, 3, 1))
    assert {(row.insurer_id, row.claims) for row in counted} == {(1, 1), (hall.other_id, 1)}


def test_nobody_but_the_host_counts_everybodys_claims(hall):
    for who in (hall.admin, hall.holder, hall.member):
        with pytest.raises(NotAllowed):
            hall.do(who, count_claims, date(2026, 3, 1))
        assert hall.ask(who, "SELECT * FROM claims.count_claims('2026-03-01')") == 0


def test_mutation_without_its_policy_a_claim_is_told_to_anybody_or_nobody(hall):
    hall.mill.run(SEE)
    assert hall.do(hall.other_admin, explain_claim, hall.claim).lines
    hall.mill.run(BLIND)
    with pytest.raises(NotFound):
        hall.do(hall.admin, explain_claim, hall.claim)


# ---------------------------------------------------------------- claims that wait


def test_an_insurer_watches_a_place_for_its_members_and_tells_nobody_else(hall):
    watch = hall.do(
        hall.manager, watch_establishment, establishment_ref=hall.mill.place, reason="revue"
    )
    hall.mill.share()
    assert hall.mill.state(hall.claim) == "held"
    watches, [hold] = hall.do(hall.admin, list_holds)
    assert [one.watch_ref for one in watches] == [watch]
    for who in (hall.other_admin, hall.security):
        assert hall.do(who, list_holds) == ([], [])
        with pytest.raises(NotFound):
            hall.decide(who, hold.hold_ref, "reject")
        with pytest.raises(NotFound):
            hall.do(who, end_watch, watch)
    hall.do(hall.admin, end_watch, watch)
    hall.mill.share()
    assert hall.mill.amc(hall.claim) == 900


def test_whoever_billed_and_the_member_read_that_it_waits_and_not_why(hall):
    hall.do(hall.admin, hold_claim, hall.claim, "soupçon de double facturation")
    hall.mill.share()
    for who in (hall.holder, hall.member):
        told = hall.do(who, explain_claim, hall.claim)
        assert (told.claim.state in {"held", "received"}, told.claim.amc_cents) == (True, None)
        assert "soupçon" not in repr(told)
        assert hall.ask(who, "SELECT FROM claims.hold") == 0
        with pytest.raises(NotAllowed):
            hall.do(who, list_holds)


def test_one_holds_claims_of_ones_own_members_only(hall):
    with pytest.raises(NotFound):
        hall.do(hall.admin, hold_claim, hall.other_claim, "revue")
    hall.do(hall.security, hold_claim, hall.other_claim, "doute")
    hall.do(hall.other_admin, hold_claim, hall.other_claim, "revue")
    with pytest.raises(Conflict):
        hall.do(hall.other_admin, hold_claim, hall.other_claim, "revue")
    with pytest.raises(NotAllowed):
        hall.do(hall.ops, hold_claim, hall.claim, "doute")


@pytest.mark.parametrize(
    ("who", "whose", "by"),
    [
        ("admin", "other", "me"),
        ("admin", "host", "me"),
        ("security", "other", "me"),
        ("admin", "mine", "somebody"),
        ("holder", "mine", "me"),
        ("ops", "host", "me"),
    ],
)
def test_a_page_taken_over_holds_nothing_of_anothers_or_in_anothers_name(hall, who, whose, by):
    actor = getattr(hall, who)
    insurer = {"mine": 1, "other": hall.other_id, "host": 0}[whose]
    claim = hall.other_claim if whose == "other" else hall.claim
    author = actor.actor_ref if by == "me" else hall.manager.actor_ref
    for table, column, value in (
        ("hold", "claim_ref", claim),
        ("watch", "establishment_ref", hall.mill.place),
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            hall.ask(
                actor,
                f"INSERT INTO claims.{table} ({table}_ref, {column}, insurer_id, reason, placed_by)"
                " VALUES (%s, %s, %s, 'x', %s)",
                *(draw(), value, insurer, author),
            )


def test_a_page_taken_over_does_not_learn_whose_a_claim_is(hall):
    for who, whose in ((hall.other_admin, 1), (hall.holder, 1), (hall.admin, 0)):
        with hall.act(who) as (tx, _):
            row = tx.execute("SELECT claims.is_of(%s, %s)", (hall.claim, whose)).fetchone()
        assert row == (False,)


def test_mutation_without_its_policies_anothers_hold_is_decided(hall):
    hall.do(hall.admin, hold_claim, hall.claim, "revue")
    hall.mill.share()
    [hold] = hall.do(hall.admin, list_holds)[1]
    hall.mill.run("ALTER POLICY seen ON claims.hold USING (true)")
    assert len(hall.do(hall.other_admin, list_holds)[1]) == 1
    with pytest.raises(NotFound):
        hall.decide(hall.other_admin, hold.hold_ref)
    hall.mill.run("ALTER POLICY changed ON claims.hold USING (true)")
    hall.decide(hall.other_admin, hold.hold_ref)


# ---------------------------------------------------------------- what contracts pay


def propose(hall, who=None) -> int:
    return hall.do(who or hall.admin, propose_benefits, Proposal(insurer_id=1, content=TABLES))


def approve(hall, who, file_ref: int) -> None:
    hall.do(who, approve_benefits, file_ref, now=datetime.now(UTC))


APPROVE = (
    "UPDATE claims.benefit_file SET state = 'approved', decided_by = accounts.my_actor()"
    " WHERE file_ref = %s"
)


def test_two_people_of_the_insurer_agree_and_its_members_are_paid_by_it(hall):
    file_ref = propose(hall)
    with pytest.raises(NotAllowed):
        approve(hall, hall.admin, file_ref)
    approve(hall, hall.manager, file_ref)
    with pytest.raises(Conflict):
        approve(hall, hall.manager, file_ref)
    with hall.act(hall.ops) as (tx, _):
        assert [row.state for row in list_benefit_files(tx)] == ["approved"]


def test_tables_are_nobody_elses_to_see_or_decide(hall):
    file_ref = propose(hall)
    with pytest.raises(NotFound):
        approve(hall, hall.other_admin, file_ref)
    with pytest.raises(NotAllowed):
        hall.do(hall.other_admin, propose_benefits, Proposal(insurer_id=1, content=TABLES))
    for who in (hall.other_admin, hall.holder, hall.member):
        assert hall.ask(who, "SELECT FROM claims.benefit_file") == 0
        assert hall.ask(who, APPROVE, file_ref) == 0
    for who in (hall.ops, hall.security):
        assert hall.ask(who, APPROVE, file_ref) == 0
        with pytest.raises(NotAllowed):
            propose(hall, who)


def test_a_newcomer_is_no_second_person_for_tables_whatever_the_page_says(hall):
    puppet = hall.hire(hall.insurers[1], Role.INSURER_MANAGER, datetime.now(UTC).isoformat())
    file_ref = propose(hall)
    with pytest.raises(NotAllowed):
        approve(hall, puppet, file_ref)
    for who in (puppet, hall.admin):
        with pytest.raises(errors.InsufficientPrivilege):
            hall.ask(who, APPROVE, file_ref)


@pytest.mark.parametrize(
    "change",
    [
        "state = 'approved', decided_by = 1",
        "state = 'withdrawn', decided_by = accounts.my_actor()",
        "state = 'refused'",
    ],
)
def test_a_page_taken_over_decides_nothing_in_anothers_name(hall, change):
    propose(hall)
    with pytest.raises(errors.InsufficientPrivilege):
        hall.ask(hall.manager, f"UPDATE claims.benefit_file SET {change}")


def test_a_page_taken_over_puts_no_table_in_force_by_itself(hall):
    with pytest.raises(errors.InsufficientPrivilege):
        hall.ask(
            hall.admin,
            "INSERT INTO claims.benefit_file (file_ref, insurer_id, content, state, proposed_by,"
            " decided_at) VALUES (1, 1, 'x', 'approved', accounts.my_actor(), now())",
        )


def test_one_withdraws_ones_own_tables_and_refuses_a_colleagues(hall):
    first = propose(hall)
    hall.do(hall.admin, refuse_benefits, first)
    second = propose(hall)
    hall.do(hall.manager, refuse_benefits, second)
    states = dict(hall.mill.fetch("SELECT file_ref, state FROM claims.benefit_file"))
    assert states == {first: "withdrawn", second: "refused"}


def test_mutation_without_its_guard_a_newcomer_puts_tables_in_force(hall):
    hall.mill.run("ALTER TABLE claims.benefit_file DROP CONSTRAINT benefit_file_check")
    hall.mill.run("DROP TRIGGER guard ON claims.benefit_file")
    puppet = hall.hire(hall.insurers[1], Role.INSURER_MANAGER, datetime.now(UTC).isoformat())
    assert hall.ask(puppet, APPROVE, propose(hall)) == 1


# ---------------------------------------------------------------- what is paid


def test_nobody_but_the_host_agrees_to_a_run(hall):
    hall.mill.run("INSERT INTO claims.run (day, state) VALUES (%s, 'planned')", CARE)
    [(run_id,)] = hall.mill.fetch("SELECT run_id FROM claims.run")
    host = people.make_organisation(hall.database, "operator")
    hosted = people.make_organisation(hall.database, "operator", hosted_by=host.org_ref)
    guest = hall.hire(hosted, Role.OPERATOR_OPS)
    agree = "UPDATE claims.run SET first_by = accounts.my_actor()"
    for who in (hall.admin, hall.holder, hall.member, hall.security, guest):
        with pytest.raises((NotAllowed, NotFound)):
            hall.do(who, approve_run, run_id)
        assert hall.ask(who, agree) == 0
    assert hall.do(hall.ops, approve_run, run_id) == "planned"


def test_mutation_without_its_policy_an_insurer_agrees_to_a_run(hall):
    hall.mill.run("INSERT INTO claims.run (day, state) VALUES (%s, 'planned')", CARE)
    hall.mill.run("ALTER POLICY approved ON claims.run USING (true) WITH CHECK (true)")
    assert hall.ask(hall.admin, "UPDATE claims.run SET first_by = accounts.my_actor()") == 1
