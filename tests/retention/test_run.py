"""A run takes out what is due, where it is, and nothing else."""

from datetime import date

import pytest
from tests.retention.practice import TODAY, Cellar

from rempart.disclosure.note import NoteSigner, parse_note
from rempart.kernel.errors import Conflict
from rempart.retention.certificate import compute_leaf, make_certificate, parse_certificate
from rempart.retention.terms import add_months
from rempart.storage import leaving, retention_runs
from rempart.storage.leaving import read_people
from rempart.workflows.retention.approve_purge import refuse_run
from rempart.workflows.retention.plan_retention import begin_plan, plan_piece
from rempart.workflows.retention.run_retention import run_retention


def test_who_left_six_thirteen_and_twenty_five_months_ago_and_six_years_ago(cellar: Cellar):
    for serial, months in enumerate((None, 6, 13, 25, 61, 75), start=1):
        cellar.add(serial, left_months=months)
    cellar.load()
    member, six, thirteen, twenty_five, five_years, six_years = cellar.list_persons()
    cellar.bill(five_years, settled_months=60)
    ran = cellar.purge()
    assert ran is not None
    for untouched in (member, six, thirteen):
        seen = cellar.see(untouched)
        assert {"civil", "nir", "numbers", "contact", "coverage"} <= seen["active"]
        assert seen["archive"] == set()
    assert cellar.see(twenty_five) == {
        "active": set(),
        "archive": {"civil", "nir", "numbers", "coverage"},
    }
    assert cellar.see(five_years) == {"active": set(), "archive": {"civil", "numbers"}}
    assert cellar.see(six_years) == {"active": set(), "archive": set()}
    assert cellar.fetch("SELECT person_ref FROM identity.person ORDER BY 1") == sorted(
        [(member,), (six,), (thirteen,)]
    )
    left = [(twenty_five,), (five_years,), (six_years,)]
    for table in (
        *("identity.person_key", "rights.lookup", "rights.coverage", "rights.past_coverage"),
        "rights.card_key",
    ):
        assert not set(cellar.fetch(f"SELECT person_ref FROM {table}")) & set(left), table
    # nothing is due any more
    assert cellar.plan() is None


def test_the_archive_opens_with_its_own_key_and_holds_what_the_law_asks_for(cellar: Cellar):
    cellar.add(1, left_months=25)
    cellar.load()
    [person] = cellar.list_persons()
    cellar.purge()
    vault = cellar.keeper.vault
    with cellar.begin() as tx:
        items = leaving.load_archived(tx, person)
        opened = {
            one.field.value: vault.load_archive_seal(tx, one.insurer_id).open(
                one.subject, one.field.value, one.sealed
            )
            for one in items
        }
    assert b"DURAND" in opened["civil"]
    assert b"insured_nir" in opened["nir"]
    assert b"C000001" in opened["numbers"]
    assert b"starts_on" in opened["coverage"]
    assert not any(b"example.invalid" in value for value in opened.values())
    for login in ("portals", "gateway", "feeds", "registrar", "worker", "settler", "analyst"):
        with cellar.database.connect(login) as stranger, pytest.raises(Exception, match="denied"):
            stranger.execute("SELECT sealed FROM archive.item")


def test_claims_lose_their_acts_then_their_limits_then_go_to_the_archive_without_identity(
    cellar: Cellar,
):
    cellar.add(1)
    cellar.load()
    [person] = cellar.list_persons()
    recent, old, older = (cellar.bill(person, settled_months=months) for months in (23, 25, 49))
    waiting = cellar.bill(person, settled_months=60, state="remitted")
    cellar.purge()
    claims = cellar.fetch("SELECT claim_ref, born FROM claims.claim ORDER BY state_at DESC")
    assert claims == [(recent, "19840502"), (old, "00000000"), (waiting, "19840502")]
    assert cellar.fetch("SELECT act FROM claims.line WHERE claim_ref = %s", old) == [("",)]
    uses = {ref for (ref,) in cellar.fetch("SELECT claim_ref FROM claims.use")}
    assert uses == {recent, old, waiting}
    assert cellar.fetch("SELECT subject, field FROM archive.item") == [(older, "payment")]
    # ten years from the end of its year, it leaves the archive too
    settled = add_months(TODAY, -49)
    last = date(settled.year + 10, 12, 31)
    cellar.purge(day=last)
    assert cellar.fetch("SELECT count(*) FROM archive.item WHERE subject = %s", older) == [(1,)]
    cellar.purge(day=date(last.year + 1, 1, 1))
    assert cellar.fetch("SELECT count(*) FROM archive.item WHERE subject = %s", older) == [(0,)]
    assert {
        name
        for (name,) in cellar.fetch(
            "SELECT DISTINCT field FROM retention.gone WHERE subject = %s AND step = 'delete'",
            older,
        )
    } == {"care", "limits", "payment"}


def test_a_certificate_is_signed_names_nobody_and_covers_every_departure(cellar: Cellar):
    cellar.add(1, left_months=25)
    cellar.add(2, left_months=75)
    cellar.load()
    people = cellar.list_persons()
    ran = cellar.purge()
    assert ran is not None
    text, _, signature = ran.certificate.partition("\n\n")
    assert signature.startswith("— rempart.invalid/test/retention ")
    assert not any(str(ref) in ran.certificate for ref in people)
    signer = NoteSigner("rempart.invalid/test/retention", bytes(32))
    signer.verifier.verify(parse_note(ran.certificate))  # raises otherwise
    certificate = parse_certificate(text + "\n")
    with cellar.begin() as tx:
        departures = list(retention_runs.list_gone(tx, ran.run_id))
        assert retention_runs.load_certificate(tx, ran.run_id) == ran.certificate
    again = make_certificate(ran.run_id, certificate.day, certificate.schedule, departures)
    assert again == certificate
    assert sum(certificate.counts.values()) == len(departures) == ran.archived + ran.deleted
    # one departure fewer, or another, and the root is not the one signed
    assert (
        make_certificate(ran.run_id, certificate.day, certificate.schedule, departures[1:]).root
        != certificate.root
    )
    assert len({compute_leaf(one) for one in departures}) == len(departures)


def test_the_lines_of_a_run_which_name_references_go_when_it_is_done(cellar: Cellar):
    cellar.add(1, left_months=25)
    cellar.load()
    ran = cellar.purge()
    assert ran is not None
    assert cellar.list_items(ran.run_id) == set()
    assert cellar.find_state(ran.run_id) == "done"
    with pytest.raises(Conflict, match="done"):
        run_retention(cellar.keeper, ran.run_id)


def test_nothing_leaves_before_two_people_agreed(cellar: Cellar):
    cellar.add(1, left_months=25)
    cellar.load()
    run_id = cellar.plan()
    assert run_id is not None
    with pytest.raises(Conflict, match="approved"):
        run_retention(cellar.keeper, run_id)
    with pytest.raises(Conflict, match="under way"):
        cellar.plan()
    assert cellar.fetch("SELECT count(*) FROM identity.person") == [(1,)]


def test_who_comes_back_between_the_plan_and_the_run_stays(cellar: Cellar):
    cellar.add(1, left_months=25)
    cellar.add(2, left_months=25)
    cellar.load()
    back, gone = cellar.list_persons()
    run_id = cellar.plan()
    assert run_id is not None
    cellar.agree(run_id)
    del cellar.rows[0]["period_end"]
    cellar.load()
    ran = run_retention(cellar.keeper, run_id)
    assert {"civil", "nir", "numbers", "contact", "coverage"} <= cellar.see(back)["active"]
    assert cellar.see(gone)["active"] == set()
    assert ran.kept > 0


def test_who_comes_back_after_leaving_is_somebody_new(cellar: Cellar):
    cellar.add(1, left_months=75)
    cellar.load()
    [before] = cellar.list_persons()
    cellar.purge()
    assert cellar.list_persons() == []
    del cellar.rows[0]["period_end"]
    cellar.load()
    [after] = cellar.list_persons()
    assert after != before


def test_portability_told_by_the_insurer_moves_the_end_of_the_contract(cellar: Cellar):
    cellar.add(1, left_months=25)
    cellar.load()
    [person] = cellar.list_persons()
    cellar.run(
        "INSERT INTO retention.event (insurer_id, person_ref, kind, starts_on, ends_on, reason)"
        " VALUES (7, %s, 'portability', %s, %s, 'chômage')",
        *(person, add_months(TODAY, -25), add_months(TODAY, -13)),
    )
    assert cellar.plan() is None
    with cellar.begin() as tx:
        [known] = read_people(tx, [person])
    assert known.contract_end == add_months(TODAY, -13)


def test_a_last_payment_counts_once_its_claim_is_in_the_archive(cellar: Cellar):
    cellar.add(1, left_months=23)
    cellar.load()
    [person] = cellar.list_persons()
    cellar.bill(person, settled_months=25)
    cellar.run("DELETE FROM claims.use")  # an act that no limit counts
    cellar.purge()
    assert cellar.fetch("SELECT field FROM archive.item") == [("payment",)]
    assert {"civil", "nir", "numbers", "contact", "coverage"} <= cellar.see(person)["active"]
    # Two years after the contract the person follows; five, money laundering needs them no more.
    cellar.purge(day=add_months(TODAY, 2))
    cellar.purge(day=add_months(TODAY, 40))
    # Six years after the payment, the tax office does: the day after, it does not.
    last = add_months(add_months(TODAY, -25), 72)
    cellar.purge(day=last)
    assert cellar.see(person) == {"active": set(), "archive": {"civil", "numbers"}}
    cellar.purge(day=add_months(last, 1))
    assert cellar.see(person) == {"active": set(), "archive": set()}
    assert cellar.fetch("SELECT count(*) FROM retention.life") == [(0,)]


def test_a_run_that_was_refused_is_forgotten_by_the_next_plan(cellar: Cellar):
    cellar.add(1, left_months=25)
    cellar.load()
    run_id = cellar.plan()
    assert run_id is not None
    with cellar.begin() as tx:
        refuse_run(tx, None, run_id, "à revoir")
    assert cellar.list_items(run_id)
    again = cellar.plan()
    assert again is not None
    assert cellar.list_items(run_id) == set()
    assert cellar.list_items(again)
    assert cellar.fetch(
        "SELECT run_id, preview ? 'samples', preview ? 'years' FROM retention.run ORDER BY 1"
    ) == [(run_id, False, True), (again, True, True)]


def test_whoever_ends_a_block_is_planned_by_when_their_contract_ended(cellar: Cellar):
    cellar.add(1, left_months=75)
    cellar.add(2, left_months=75)
    cellar.load()
    cellar.run(  # their names stay, their dates leave
        "INSERT INTO retention.data_hold (hold_ref, kind, insurer_id, person_ref, fields, reason)"
        " SELECT row_number() OVER (), 'judicial', insurer_id, person_ref, '{civil}', 'essai'"
        " FROM identity.person"
    )
    cellar.purge()
    cellar.run("UPDATE retention.data_hold SET release_reason = 'fin'")
    with cellar.begin() as tx:
        run_id = begin_plan(tx, TODAY)
    for _ in range(20):
        with cellar.begin() as tx:
            plan_piece(tx, run_id, block=1)
    assert {(field, step) for _, field, step, _ in cellar.list_items(run_id)} == {
        ("civil", "delete")
    }
    assert len(cellar.list_items(run_id)) == 2
