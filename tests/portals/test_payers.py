"""Pages of who pays, and of members: whose claims are seen, on which record, by how many people."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client
from tests.adjudication.practice import insert
from tests.portals import people

from rempart.accounts.roles import Role
from rempart.claims.references import format_reference

CLAIM = 700_000_000_101
TABLE = """
[[table]]
code = "CONFORT"
from = 2026-01-01
responsible = true

[[table.benefit]]
label = "Consultation"
acts = ["G"]
pays = "rate_with_amo"
rate = "150"

[[choice]]
convention_type = "RP"
table = "CONFORT"
from = 2026-01-01
"""
SOUND = TABLE.replace(
    """label = "Consultation"
acts = ["G"]
pays = "rate_with_amo"
rate = "150"
""",
    """label = "Panier 100 % Santé"
acts = ["*"]
pays = "real_cost"
basket = "full"

[[table.benefit]]
label = "Forfait journalier"
acts = ["FJ"]
pays = "real_cost"

[[table.benefit]]
label = "Ticket modérateur"
acts = ["*"]
pays = "ticket_moderateur"
""",
)
PACK = """
[[case]]
name = "Consultation de mars"
table = "CONFORT"
born = "19700101"
joined = 2020-01-01

[[case.line]]
act = "G"
day = 2026-03-02
billed = "30,00"
expected = "8,00"
"""


def read(answer) -> str:
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return unescape(words).replace("\u202f", " ").replace("\u00a0", " ")


def add_claim(desk, *, insurer_id: int, person_ref: int, place: int, ref: int = CLAIM, **columns):
    steps = {
        "base_cents": 3000,
        "rate_bp": 7000,
        "amo_cents": 2100,
        "local_cents": 0,
        "penalty_cents": 0,
        "flat_cents": 0,
        "levy_cents": 200,
        "levy_kind": "participation_forfaitaire",
        "given": False,
    }
    row = {
        "claim_ref": ref,
        "establishment_ref": place,
        "account_ref": 1,
        "channel": "json",
        "invoice": str(ref),
        "digest": ref.to_bytes(32),
        "person_ref": person_ref,
        "insurer_id": insurer_id,
        "born": "19700101",
        "first_care_on": "2026-11-02",
        "last_care_on": "2026-11-02",
        "billed_cents": 3000,
        "amo_cents": 2100,
        "amc_cents": 900,
        "reste_a_charge_cents": 0,
        "state": "paid",
        "received_at": desk.clock - timedelta(days=3),
        **columns,
    }
    shared = row["amc_cents"] is not None
    line = {
        "claim_ref": ref,
        "number": 1,
        "act": "G",
        "care_on": "2026-11-02",
        "quantity": 1,
        "billed_cents": row["billed_cents"],
    }
    if shared:
        line |= {"amo_cents": 2100, "amc_cents": 900, "reste_a_charge_cents": 0}
        line["steps"] = json.dumps(steps)
    with desk.database.transaction("owner") as tx:
        tx.execute(*insert("claims.claim", row))
        tx.execute(*insert("claims.line", line))
        tx.execute(
            "INSERT INTO claims.claim_event (claim_ref, event, state, at)"
            " VALUES (%s, 'confirm', 'paid', '2026-11-20 10:00Z')",
            (ref,),
        )


@pytest.fixture
def place(desk) -> int:
    org = people.make_organisation(desk.database, "establishment", name="Cabinet des Lilas")
    assert org.establishment_ref is not None
    return org.establishment_ref


@pytest.fixture
def agent(desk, browser, manager) -> Client:
    people.sign_in(browser, desk.database, manager)
    return browser


def find_person(desk, member: people.Somebody) -> int:
    with desk.database.transaction("owner") as tx:
        row = tx.execute(
            "SELECT person_ref FROM accounts.member WHERE actor_ref = %s", (member.actor_ref,)
        ).fetchone()
    assert row
    return row[0]


def count_readings(desk) -> int:
    with desk.database.transaction("owner") as tx:
        row = tx.execute("SELECT count(*) FROM ledger.entry WHERE log_id = 0").fetchone()
    assert row
    return row[0]


def test_an_insurer_s_reading_of_acts_is_on_record_and_its_list_tells_none(
    desk, agent, insurer, place
):
    add_claim(desk, insurer_id=insurer.insurer_id, person_ref=4141, place=place)
    shown = read(agent.get("/assureur/factures"))
    assert format_reference(CLAIM) in shown
    assert "Cabinet des Lilas" in shown
    assert "30,00 €" in shown
    assert "4141" not in shown
    assert "70 %" not in shown
    assert "par exemple" in read(agent.get("/assureur/factures?reference=BOF"))
    assert count_readings(desk) == 0
    told = read(agent.get(f"/assureur/factures/{CLAIM}"))
    assert "70 %" in told
    with desk.database.transaction("owner") as tx:
        rows = tx.execute("SELECT person_ref, insurer_id FROM ledger.entry WHERE log_id = 0")
        assert rows.fetchall() == [(4141, insurer.insurer_id)]


def test_another_insurer_s_claim_is_not_there_and_nothing_is_recorded(desk, agent, place):
    other = people.make_organisation(desk.database, "insurer", name="Autre mutuelle")
    add_claim(desk, insurer_id=other.insurer_id, person_ref=5, place=place)
    assert agent.get(f"/assureur/factures/{CLAIM}").status_code == 404
    assert "Aucune facture ici" in read(agent.get("/assureur/factures"))
    assert count_readings(desk) == 0


def test_a_member_reads_who_paid_what_and_when_line_by_line(desk, browser, insurer, place):
    member = people.make_member(desk.database, insurer)
    person = find_person(desk, member)
    add_claim(desk, insurer_id=insurer.insurer_id, person_ref=person, place=place)
    add_claim(desk, insurer_id=insurer.insurer_id, person_ref=77, place=place, ref=CLAIM + 1)
    people.sign_in(browser, desk.database, member)
    shown = read(browser.get("/mes-remboursements"))
    assert "Cabinet des Lilas" in shown
    assert shown.count("Paris") == 1
    told = read(browser.get(f"/mes-remboursements/{CLAIM}"))
    assert "versés au professionnel le 20 novembre 2026" in told
    assert "dont 2,00 € retenus plus tard" in told
    assert "Il vous reste 0,00 € à payer." in told
    assert browser.get(f"/mes-remboursements/{CLAIM + 1}").status_code == 404


def test_a_claim_waits_and_is_decided_by_its_insurer(desk, agent, press, insurer, place):
    add_claim(
        desk,
        insurer_id=insurer.insurer_id,
        person_ref=5,
        place=place,
        state="received",
        amo_cents=None,
        amc_cents=None,
        reste_a_charge_cents=None,
    )
    press(f"/assureur/factures/{CLAIM}/attendre", {"reason": "Prix à relire"})
    assert "Prix à relire" in read(agent.get("/verifications"))
    with desk.database.transaction("owner") as tx:
        [(hold_ref,)] = tx.execute("SELECT hold_ref FROM claims.hold").fetchall()
    done = press(f"/verifications/{hold_ref}", {"decision": "release", "reason": "Vu"})
    assert done.status_code == 302
    assert "Aucune facture n’attend" in read(agent.get("/verifications"))
    assert agent.get(f"/verifications/{hold_ref}").status_code == 404


def upload(name: str, text: str):
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile(name, text.encode(), content_type="application/toml")


def propose(press, text: str = TABLE):
    return press("/assureur/garanties/proposer", {"file": upload("t.toml", text), "note": "2026"})


def test_what_is_wrong_in_a_file_of_benefits_is_told_with_its_place(agent, press):
    answer = propose(press, TABLE.replace('rate = "150"', "rate = 150"))
    assert answer.status_code == 422
    assert "table 1, benefit 1" in read(answer)


def test_a_file_of_benefits_is_tried_and_approved_by_a_second_person_only(
    desk, agent, press, insurer
):
    page = propose(press).headers["Location"]
    tried = press(page, {"essai": "pack", "pack": upload("p.toml", PACK)})
    assert "1 ne donne pas ce qui est attendu" in read(tried)
    refused = press(f"{page}/accord")
    assert refused.status_code == 403
    other = people.make_agent(desk.database, insurer, Role.INSURER_ADMIN, name="Alix Second")
    people.sign_in(agent, desk.database, other)
    assert press(f"{page}/accord").status_code == 302
    shown = read(agent.get(page))
    assert "approuvé" in shown
    assert "150 % de la base, assurance maladie comprise" in shown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"act": "MON"}, "La base de remboursement manque"),
        ({"born": "01/01/1770"}, "Écrivez une date qui existe"),
        ({"day": "02/03/9999"}, "Écrivez une date qui existe"),
        ({}, "Consultation"),
    ],
)
def test_a_case_that_nobody_could_bill_is_told_beside_its_field(agent, press, changes, said):
    page = propose(press).headers["Location"]
    case = {"table": "CONFORT", "act": "G", "day": "02/03/2026", "billed": "30,00"}
    people_ = {"born": "01/01/1970", "joined": "01/01/2199"}
    tried = press(page, {"essai": "cas", **case, **people_, **changes})
    assert (tried.status_code, said in read(tried)) == (422 if changes else 200, True)


def test_what_a_responsible_contract_may_not_do_is_told_before_a_second_person_approves(
    desk, agent, press, insurer
):
    page = propose(press).headers["Location"]
    told = read(agent.get(page))
    assert "points à revoir , dans le seul tableau vérifié" in told
    assert "Les dépassements hors OPTAM sont payés" in told
    assert "G consultation de médecine générale Payer au plus 100 % de la base" in told
    file = agent.get(f"{page}/contrat-responsable.csv").content.decode()
    rows = [line.split(";") for line in file.splitlines()]
    optam = [row for row in rows if "responsible_outside_agreement" in row]
    assert [row[:4] for row in optam] == [["CONFORT", "2026-01-01", "2026-11-22", "G"]]
    other = people.make_agent(desk.database, insurer, Role.INSURER_ADMIN, name="Alix Second")
    people.sign_in(agent, desk.database, other)
    assert "points restent à revoir" in read(agent.get(f"{page}/accord"))
    assert press(f"{page}/accord").status_code == 302
    assert "points à revoir" in read(agent.get(page))


def test_a_file_without_a_point_to_see_again_says_so_and_one_that_claims_nothing_too(agent, press):
    shown = read(agent.get(propose(press, SOUND).headers["Location"]))
    assert "1 tableau se dit responsable et a été vérifié : aucun point à revoir" in shown
    assert "points à revoir" not in shown
    free = propose(press, TABLE.replace("responsible = true", "responsible = false"))
    assert "Aucun tableau de ce fichier ne se dit responsable" in read(
        agent.get(free.headers["Location"])
    )


def test_what_stands_out_is_told_with_its_figures(desk, agent, insurer, place):
    other = people.make_organisation(desk.database, "establishment", name="Cabinet du Port")
    for number in range(24):
        is_there = number < 12
        add_claim(
            desk,
            insurer_id=insurer.insurer_id,
            person_ref=5,
            ref=CLAIM + number,
            place=place if is_there else other.establishment_ref,
            **({} if is_there else {"engagement_log": 1, "engagement_idx": number}),
        )
    shown = read(agent.get("/assureur/signaux"))
    assert "Cabinet des Lilas" in shown
    assert "100 %" in shown
    assert "Cabinet du Port" not in shown
    assert "fraude" not in shown.lower()


def add_run(desk) -> str:
    """Plan a run; return its page."""
    with desk.database.transaction("owner") as tx:
        row = tx.execute(
            "INSERT INTO claims.run (day, state, remittances, cents, planned_at)"
            " VALUES ('2026-11-20', 'planned', 3, 123456, %s) RETURNING run_id",
            (datetime(2026, 11, 20, 8, tzinfo=UTC),),
        ).fetchone()
    assert row
    return f"/console/paiements/{row[0]}"


def test_a_run_needs_two_people_of_the_host(desk, operator, press):
    page = add_run(desk)
    assert "1 234,56 €" in read(operator.get(page))
    assert press(f"{page}/accord").status_code == 302
    assert "Une autre personne doit donner" in read(operator.get(page))
    assert press(f"{page}/accord").status_code == 403
    assert operator.get("/console/paiements/banque").status_code == 200
    assert operator.get("/console/paiements/a-expliquer").status_code == 200


def test_a_run_is_refused_with_a_reason_colleagues_read(desk, operator, press):
    page = add_run(desk)
    assert press(f"{page}/refus", {"reason": ""}).status_code == 422
    assert press(f"{page}/refus", {"reason": "Total douteux"}).status_code == 302
    assert "Total douteux" in read(operator.get(page))


def test_the_host_counts_claims_and_sees_none(desk, operator, insurer, place):
    add_claim(desk, insurer_id=insurer.insurer_id, person_ref=5, place=place)
    shown = read(operator.get("/console/factures"))
    assert "30,00 €" in shown
    assert format_reference(CLAIM) not in shown
    assert operator.get(f"/assureur/factures/{CLAIM}").status_code == 403


@pytest.mark.parametrize(
    "page",
    [
        *("/assureur/factures", "/assureur/prises-en-charge", "/assureur/signaux"),
        *("/verifications", "/assureur/appels", "/assureur/garanties"),
    ],
)
def test_every_list_of_an_insurer_is_a_page_and_a_file(agent, page):
    assert agent.get(page).status_code == 200
    file = agent.get(f"{page}.csv")
    assert file.headers["Content-Type"].startswith("text/csv")
