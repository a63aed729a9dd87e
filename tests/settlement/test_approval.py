"""Two people of the host agree on the pages; the database holds the pages to it."""

import secrets
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from psycopg import errors
from tests.portals import people
from tests.settlement.practice import Till

from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.roles import Role
from rempart.kernel.errors import NotAllowed, NotFound
from rempart.kernel.listing import Listing
from rempart.kernel.synthetic import make_synthetic_iban
from rempart.portals.session_store import compute_token_digest
from rempart.settlement.references import format_reference
from rempart.wiring.clock import today_in_paris
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import enter_session
from rempart.workflows.settlement.approve_run import approve_run, ask_plan, refuse_run
from rempart.workflows.settlement.call_funds import call_funds
from rempart.workflows.settlement.read_payments import (
    list_calls,
    list_remittances,
    read_call,
    read_funding,
    read_remittance,
    summarise_payments,
)
from rempart.workflows.settlement.read_returns import FORMS, write_return
from rempart.workflows.settlement.read_runs import (
    list_bank_files,
    list_run_remittances,
    list_runs,
    list_suspense,
    read_promise,
    read_run,
)


class Desk:
    """The pages of one installation, as whoever is signed in."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.host = people.make_organisation(till.database, "operator", name="Opérateur hôte")
        self.anne = self.hire(Role.OPERATOR_OPS)
        self.basile = self.hire(Role.OPERATOR_ADMIN)

    def hire(self, role: Role, since: str = "2020-01-01"):
        return people.make_agent(self.till.database, self.host, role, since=since)

    @contextmanager
    def act(self, who):
        key = secrets.token_hex(16)
        people.adopt(key, self.till.database, who)
        with self.till.database.transaction("portals") as tx:
            visitor = enter_session(tx, compute_token_digest(key))
            assert visitor is not None
            yield tx, Asker(visitor=visitor, whence=people.WHENCE, now=datetime.now(UTC))


@pytest.fixture
def desk(till: Till) -> Desk:
    return Desk(till)


@pytest.fixture
def run_id(till: Till) -> int:
    till.bill(till.add_establishment(), 1000)
    return till.plan()


def test_two_people_agree_and_the_payments_are_asked_for(desk, run_id):
    with desk.act(desk.anne) as (tx, asker):
        assert read_run(tx, asker, run_id).may_approve
        assert approve_run(tx, asker, run_id) == "planned"
    with desk.act(desk.anne) as (tx, asker):
        assert not read_run(tx, asker, run_id).may_approve
        with pytest.raises(NotAllowed):
            approve_run(tx, asker, run_id)
    with desk.act(desk.basile) as (tx, asker):
        preview = read_run(tx, asker, run_id)
        assert [(one.cents, one.rule) for one in preview.insurers] == [(1000, "advance")]
        assert approve_run(tx, asker, run_id) == "approved"
    jobs = desk.till.fetch("SELECT task_name, args FROM jobs.procrastinate_jobs")
    assert jobs == [("send_payments", {"run_id": run_id})]
    desk.till.send(run_id)
    with desk.act(desk.basile) as (tx, asker):
        [row], _ = list_runs(tx, asker, Listing(sort="run"))
        assert (row.state, row.first_by_name != "") == ("sent", True)
        assert len(read_run(tx, asker, run_id).files) == 1
        assert list_run_remittances(tx, asker, run_id, Listing(sort="amount"))[1] == 1
        assert read_promise(tx, asker, since=datetime(2026, 1, 1, tzinfo=UTC).date()).total == 1
        assert list_suspense(tx, asker, Listing(sort="day")) == ([], 0)
        assert list_bank_files(tx, asker, Listing(sort="imported")) == ([], 0)


def test_a_newcomer_is_no_second_person_whatever_the_page_says(desk, run_id):
    puppet = desk.hire(Role.OPERATOR_OPS, since=datetime.now(UTC).isoformat())
    with desk.act(desk.anne) as (tx, asker):
        approve_run(tx, asker, run_id)
    with desk.act(puppet) as (tx, asker), pytest.raises(NotAllowed):
        approve_run(tx, asker, run_id)
    with desk.act(puppet) as (tx, asker), pytest.raises(errors.InsufficientPrivilege):
        tx.execute(
            "UPDATE claims.run SET state = 'approved', second_by = accounts.my_actor()"
            " WHERE run_id = %s",
            [run_id],
        )


@pytest.mark.parametrize(
    "change",
    [
        "state = 'approved', second_by = accounts.my_actor()",
        "state = 'sent'",
        "first_by = 1",
        "state = 'refused', refused_by = 1",
        "first_by = accounts.my_actor(), state = 'approved', second_by = 1",
    ],
)
def test_a_compromised_page_approves_nothing_alone(desk, run_id, change):
    statement = f"UPDATE claims.run SET {change} WHERE run_id = {run_id}"
    with desk.act(desk.anne) as (tx, _), pytest.raises(errors.InsufficientPrivilege):
        tx.execute(statement)


def test_mutation_without_its_guard_a_page_would_decide_in_anothers_name(desk, run_id):
    desk.till.run("DROP TRIGGER guard ON claims.run")
    with desk.act(desk.anne) as (tx, _):
        changed = tx.execute(
            "UPDATE claims.run SET state = 'refused', refused_by = 1 WHERE run_id = %s", [run_id]
        )
        assert changed.rowcount == 1


def test_a_run_is_refused_in_ones_own_name(desk, run_id):
    with desk.act(desk.anne) as (tx, asker):
        refuse_run(tx, asker, run_id, "montants à revoir")
        assert ask_plan(tx, asker) > 0
    assert desk.till.fetch("SELECT refused_by, refused_at IS NOT NULL FROM claims.run") == [
        (desk.anne.actor_ref, True)
    ]


def test_the_rows_and_the_guard_know_the_roles_of_the_permissions(desk):
    [(guard,)] = desk.till.fetch(
        "SELECT prosrc FROM pg_proc WHERE oid = 'claims.guard_run'::regproc"
    )
    roles = sorted(role.value for role in GRANTS[Permission.APPROVE_RUN].roles)
    assert f"'{{{','.join(roles)}}}'" in guard
    [(policy,)] = desk.till.fetch(
        "SELECT qual FROM pg_policies WHERE policyname = 'seen' AND tablename = 'bank_line'"
    )
    assert [role in policy for role in roles] == [True, True]
    assert GRANTS[Permission.READ_RUNS].roles == GRANTS[Permission.APPROVE_RUN].roles


def test_an_establishment_reads_its_own_transfers_in_every_form(desk, till):
    places = [people.make_organisation(till.database, "establishment") for _ in range(2)]
    mine, other = (people.make_agent(till.database, place, Role.HOLDER) for place in places)
    for number, place in enumerate(places):
        till.give_account(place.establishment_ref, make_synthetic_iban(400 + number))
        till.bill(place.establishment_ref, 1000)
    till.bill(places[0].establishment_ref, 400, since=datetime(2100, 1, 1, tzinfo=UTC).date())
    till.pay()
    [ref] = [row[0] for row in till.list_remittances() if row[1] == places[0].establishment_ref]
    reference = format_reference("remittance", ref)
    with desk.act(mine) as (tx, asker):
        [row], total = list_remittances(tx, asker, Listing(sort="execution", limit=10))
        assert (row.reference, total, row.promised_days) == (reference, 1, 7)
        sheet = read_remittance(tx, asker, reference)
        assert [(line.paid_cents, line.kind) for line in sheet.lines] == [(1000, "payment")]
        summary = summarise_payments(tx, asker)
        assert (summary.waiting_cents, summary.promise.total) == (400, 1)
        files = [
            write_return(tx, asker, reference, form, made_at=datetime.now(UTC)) for form in FORMS
        ]
        assert len({file.name for file in files}) == len(FORMS)
    with desk.act(other) as (tx, asker), pytest.raises(NotFound):
        read_remittance(tx, asker, reference)


def test_an_insurer_reads_its_own_calls(desk, till):
    insurers = [people.make_organisation(till.database, "insurer") for _ in range(2)]
    mine, other = (people.make_agent(till.database, one, Role.INSURER_ADMIN) for one in insurers)
    till.bill(till.add_establishment(), 1000, insurer=insurers[0].insurer_id)
    till.pay()
    with till.settler() as tx:
        [call] = call_funds(tx, today=today_in_paris())
    reference = format_reference("call", call.call_id)
    with desk.act(mine) as (tx, asker):
        assert list_calls(tx, asker, Listing(sort="due", limit=9))[1] == 1
        assert [share.cents for share in read_call(tx, asker, reference).shares] == [1000]
        assert read_funding(tx, asker, insurers[0].insurer_id).rule == "advance"
    with desk.act(other) as (tx, asker), pytest.raises(NotFound):
        read_call(tx, asker, reference)
