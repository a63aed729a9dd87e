"""Quotes, claims and payments on pages: what is asked of the gateway, what is shown."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html import unescape

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from tests.portals import people, samples

from rempart.accounts.roles import Role
from rempart.claims.references import format_reference
from rempart.portals.invoice_list import read_invoice_list

RECEIPT = {"log": "rempart.invalid/5f0c12ab/log/1", "index": 7, "checkpoint": samples.CHECKPOINT}
PERSON = {"card_code": samples.CARD, "birth_date": "12/05/1984", "care_date": "22/11/2026"}
GLASSES = {
    "lines": "3",
    "l0-act": "mon – monture",
    "l0-quantity": "1",
    "l0-billed": "90",
    "l0-base": "0,05",
    "l0-basket": "free",
    "l1-act": "",
    "l1-quantity": "1",
}
CLAIM = 700_000_000_001
OTHER_CLAIM = 700_000_000_002


def read(answer) -> str:
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return unescape(words).replace("\u202f", " ").replace("\u00a0", " ")


def make_quote(pec: bool = False) -> dict:
    line = {
        "number": 1,
        "act": "MON",
        "billed_cents": 9000,
        "base_cents": 5,
        "amo_cents": 3,
        "amc_cents": 6000,
        "reste_a_charge_cents": 2997,
        "explanation": ["Assurance maladie : 60 % de 0,05 €.", "Le contrat complète à 60 €."],
    }
    answer = {
        "rights": "open",
        "domain": "OPTI",
        "care_date": "2026-11-22",
        "lines": [line],
        "findings": [],
        "consigne": "bill_amc",
        "total": {name: line[name] for name in line if name.endswith("_cents")},
    }
    del answer["total"]["base_cents"]
    if pec:
        promise = {"number": samples.ENGAGEMENT, "state": "agreed", "expires_on": "2027-02-20"}
        answer["pec"] = promise
    return {"answer": answer, "receipt": RECEIPT}


def add_claim(desk, *, claim_ref: int = CLAIM, place: int = 1, state: str = "rejected") -> None:
    findings = [{"line": 1, "rule": "claim_unknown", "until": "2028-12-31"}]
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO claims.claim (claim_ref, establishment_ref, account_ref, channel, invoice,"
            " digest, person_ref, insurer_id, born, first_care_on, last_care_on, billed_cents,"
            " received_at, vouched, state, findings) VALUES (%s, %s, 1, 'json', %s, %s, 0, 0,"
            " '19840512', '2026-11-02', '2026-11-02', 3000, '2026-11-20 10:00Z', true, %s, %s)",
            (
                *(claim_ref, place, f"F-{claim_ref}", claim_ref.to_bytes(32), state),
                json.dumps(findings if state == "rejected" else []),
            ),
        )
        tx.execute(
            "INSERT INTO claims.line (claim_ref, number, act, care_on, quantity, billed_cents)"
            " VALUES (%s, 1, 'PH7', '2026-11-02', 2, 3000)",
            (claim_ref,),
        )


@pytest.fixture
def told(gateway) -> dict:
    """What the gateway tells of the claim."""
    one = {"claim": format_reference(CLAIM), "replaces": None, "receipt": RECEIPT}
    gateway.reply = httpx.Response(200, json=one)
    return one


def test_a_quote_asks_in_cents_and_shows_who_pays_what(professional, gateway, press):
    gateway.reply = httpx.Response(200, json=make_quote())
    answer = press("/devis", {**PERSON, **GLASSES, "faire": "devis"})
    assert gateway.requests[-1].url.path == "/v1/quotes"
    assert gateway.body["identifiers"] == {"mode": "card", "card_code": samples.CARD}
    assert gateway.body["birth_date"] == "19840512"
    [line] = gateway.body["lines"]
    assert (line["act"], line["billed_cents"], line["base_cents"]) == ("MON", 9000, 5)
    shown = read(answer)
    assert "Reste à charge 29,97 €" in shown
    assert "Le contrat complète à 60 €." in shown
    assert "ne promet rien" in shown


def test_a_promise_is_asked_from_the_same_form_and_its_number_is_shown(
    professional, gateway, press
):
    gateway.reply = httpx.Response(200, json=make_quote(pec=True))
    shown = press("/devis", {**PERSON, **GLASSES, "faire": "pec"})
    assert gateway.requests[-1].url.path == "/v1/pecs"
    assert samples.ENGAGEMENT in read(shown)


@pytest.mark.parametrize("price", ["12,345", "-3", "1e3", "99999999"])
def test_a_price_that_is_no_amount_is_told_beside_it_and_nothing_is_asked(
    professional, gateway, press, price
):
    answer = press("/devis", {**PERSON, **GLASSES, "l0-billed": price})
    assert answer.status_code == 422
    assert "deux décimales au plus" in read(answer)
    assert not gateway.requests


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"l0-act": "doliprane"}, "Aucun acte n’a ce code"),
        ({"l0-base": ""}, "donnez la base de l’Assurance maladie, en euros"),
        ({"birth_date": "8 août 1983"}, "Écrire JJ/MM/AAAA"),
    ],
)
def test_what_would_come_back_rejected_is_told_at_once_in_the_units_of_the_form(
    professional, gateway, press, changed, words
):
    answer = press("/factures/nouvelle", {**PERSON, **GLASSES, "invoice": "F-1", **changed})
    assert answer.status_code == 422
    assert words in read(answer)
    assert "centimes" not in read(answer)
    assert not gateway.requests


def test_an_act_with_a_tariff_or_that_is_never_paid_needs_no_base(professional, gateway, press):
    taken = {"at": 1, "invoice": "F-1", "claim": format_reference(CLAIM)}
    gateway.reply = httpx.Response(202, json={"accepted": [taken], "refused": []})
    for act in ("G", "PHN"):
        sent = {**PERSON, **GLASSES, "invoice": "F-1", "l0-act": act, "l0-base": ""}
        assert press("/factures/nouvelle", sent).status_code == 200
        assert gateway.body["lines"][0]["act"] == act


def test_a_prise_en_charge_that_promises_nothing_does_not_look_like_one(
    professional, gateway, press
):
    refused = make_quote(pec=True)
    refused["answer"]["pec"]["state"] = "refused"
    gateway.reply = httpx.Response(200, json=refused)
    page = press("/devis", {**PERSON, **GLASSES, "faire": "pec"})
    assert "Rien à prendre en charge" in read(page)
    assert "Prévenez la personne avant les soins" in read(page)
    assert "answer-open" not in page.content.decode()


def test_what_the_gateway_refuses_of_a_line_is_told_beside_its_field(professional, gateway, press):
    gateway.reply = samples.make_problem(422, "invalid_request", ("lines.0.base_cents", "La base."))
    page = press("/devis", {**PERSON, **GLASSES}).content.decode()
    assert re.search(r'id="id_l0-base_error".*?La base\.', page, re.DOTALL)


def test_a_claim_is_sent_with_a_day_for_each_line_and_findings_stay_beside_fields(
    professional, gateway, press
):
    taken = {"at": 1, "invoice": "F-1", "claim": format_reference(CLAIM)}
    gateway.reply = httpx.Response(202, json={"accepted": [taken], "refused": []})
    sent = {**PERSON, **GLASSES, "invoice": "F-1", "l0-care_on": "20/11/2026"}
    assert format_reference(CLAIM) in read(press("/factures/nouvelle", sent))
    assert gateway.body["beneficiary"] == {
        "mode": "card",
        "card_code": samples.CARD,
        "birth_date": "19840512",
    }
    assert gateway.body["lines"][0]["care_date"] == "2026-11-20"
    finding = {"rule": "act_unknown", "at": None, "line": 1, "field": "act", "fr": "Non.", "en": ""}
    refused = {"accepted": [], "refused": [{"at": 1, "findings": [finding]}]}
    gateway.reply = httpx.Response(422, json=refused)
    page = press("/factures/nouvelle", sent)
    assert page.status_code == 422
    assert re.search(r'id="id_l0-act_error".*?Non\.', page.content.decode(), re.DOTALL)


def test_a_claim_is_shown_only_once_the_gateway_says_the_ledger_has_it(
    desk, professional, gateway, told
):
    add_claim(desk)
    shown = read(professional.get(f"/factures/{CLAIM}"))
    assert gateway.requests[-1].method == "GET"
    assert gateway.requests[-1].url.path == f"/v1/claims/{format_reference(CLAIM)}"
    assert "Personne n’est connu sous ces identifiants" in shown
    assert "jusqu’au 31 décembre 2028" in shown
    gateway.reply = httpx.Response(503)
    silent = professional.get(f"/factures/{CLAIM}")
    assert silent.status_code == 503
    assert "PH7" not in silent.content.decode()


def test_a_claim_is_sent_again_with_its_acts_and_without_anybody(desk, professional, gateway, told):
    add_claim(desk)
    page = professional.get(f"/factures/{CLAIM}/corriger").content.decode()
    assert 'value="PH7"' in page
    assert "Personne n’est connu sous ces identifiants" in page
    assert f'name="replaces" value="{format_reference(CLAIM)}"' in page
    assert not re.search(r'name="(card_code|birth_date)" value="\w', page)
    gateway.reply = httpx.Response(503)
    assert "PH7" not in professional.get(f"/factures/{CLAIM}/corriger").content.decode()[:200]


def test_rejections_are_counted_in_the_navigation_and_listed_by_deadline(desk, professional):
    assert "à corriger :" not in read(professional.get("/factures"))
    add_claim(desk)
    add_claim(desk, claim_ref=OTHER_CLAIM, state="adjudicated")
    assert "à corriger : 1" in read(professional.get("/factures"))
    shown = read(professional.get("/factures/rejets"))
    assert f"F-{CLAIM}" in shown
    assert f"F-{OTHER_CLAIM}" not in shown
    exported = professional.get("/factures/rejets.csv").content.decode()
    assert f"F-{CLAIM}" in exported
    assert "30,00" in exported


def test_claims_of_another_establishment_are_not_there(desk, professional, gateway, told):
    samples.add_professional(desk.database, serial=2)
    add_claim(desk, claim_ref=OTHER_CLAIM, place=2)
    assert f"F-{OTHER_CLAIM}" not in read(professional.get("/factures"))
    for act in ("", "/annuler", "/corriger", "/annulation"):
        assert professional.get(f"/factures/{OTHER_CLAIM}{act}").status_code == 404
    assert not gateway.requests


def test_a_cancellation_is_asked_with_its_reason(desk, professional, press):
    add_claim(desk, state="adjudicated")
    answer = press(f"/factures/{CLAIM}/annuler", {"reason": "saisie en double"})
    assert answer.status_code == 302
    with desk.database.transaction("owner") as tx:
        [(ref,)] = tx.execute("SELECT claim_ref FROM claims.cancel_request").fetchall()
    assert ref == CLAIM


def test_a_promise_is_shown_to_whoever_asked_for_it_only(desk, professional, gateway):
    samples.add_professional(desk.database, serial=2)
    samples.add_insurers(desk.database, ["Mutuelle d’essai"])
    line = {"number": 1, "act": "MON", "quantity": 1, "billed": 9000, "amo": 3, "amc": 6000}
    lines = [{**line, "base": 5}]
    with desk.database.transaction("owner") as tx:
        for idx, place in ((5, 1), (6, 2)):
            tx.execute(
                "INSERT INTO claims.pec (log_id, idx, establishment_ref, account_ref, person_ref,"
                " insurer_id, contract_ref, domain, care_on, state, expires_on, billed_cents,"
                " amo_cents, amc_cents, lines, uses) VALUES (1, %s, %s, 1, 9, 1, 1, 'OPTI',"
                " '2026-11-22', 'agreed', '2027-02-20', 9000, 3, 6000, %s, '[]')",
                (idx, place, json.dumps(lines)),
            )
    mine, theirs = (desk.pec_numbers.format(1, idx) for idx in (5, 6))
    standing = {"number": mine, "domain": "OPTI", "care_date": "2026-11-22", "state": "agreed"}
    dates = {"asked_at": "2026-11-22T10:00:00Z", "expires_on": "2027-02-20"}
    gateway.reply = httpx.Response(200, json=standing | dates)
    listed = read(professional.get("/prises-en-charge"))
    assert mine in listed
    assert theirs not in listed
    assert "29,97 €" in read(professional.get(f"/prises-en-charge/{mine}"))
    assert 'value="90,00"' in professional.get(f"/devis?remplace={mine}").content.decode()
    # It is billed with its acts; a number that is nobody's, or another's, brings none.
    billed = professional.get(f"/factures/nouvelle?engagement={mine}").content.decode()
    assert all(f'value="{one}"' in billed for one in (mine, "MON", "90,00", "0,05"))
    for number in (theirs, samples.ENGAGEMENT):
        page = professional.get(f"/factures/nouvelle?engagement={number}")
        assert page.status_code == 200
        assert "90,00" not in page.content.decode()
    asked = len(gateway.requests)
    for page in (f"/prises-en-charge/{theirs}", f"/prises-en-charge/{theirs}/annuler"):
        assert professional.get(page).status_code == 404
    assert professional.get(f"/devis?remplace={theirs}").status_code == 404
    assert len(gateway.requests) == asked


def test_a_lot_goes_as_it_is_and_its_findings_are_told_by_line(professional, gateway, press):
    finding = {"rule": "b2_total", "at": 4, "line": None, "field": "total", "fr": "Non.", "en": ""}
    lot = {
        "lot": format_reference(5),
        "number": "L7",
        "state": "received",
        "claims": 3,
        "refused": 1,
        "received_at": "2026-11-22T10:00:00Z",
        "findings": [finding],
    }
    gateway.reply = httpx.Response(202, json={"lots": [lot]})
    file = SimpleUploadedFile("lot.b2", b"000" + b" " * 125)
    shown = read(press("/factures/lot", {"file": file, "number": "L7"}))
    [sent] = gateway.requests
    assert sent.url.params["number"] == "L7"
    assert sent.headers["content-type"] == "text/plain"
    assert sent.content == b"000" + b" " * 125
    assert "Factures prises 3" in shown
    assert "Non." in shown


def test_figures_count_days_and_reasons(desk, professional):
    add_claim(desk)
    shown = read(professional.get("/factures/chiffres"))
    assert "Taux de rejet 100 %" in shown
    assert "Personne n’est connu sous ces identifiants" in shown


def test_transfers_are_shown_and_handed_over_in_five_forms(desk, professional):
    add_claim(desk, state="paid")
    add_transfer(desk, CLAIM, 1200)
    listed = read(professional.get("/paiements"))
    assert "12,00 €" in listed
    assert f"F-{CLAIM}" in read(professional.get("/paiements/41"))
    for form, begins in (("csv", b"\xef\xbb\xbf"), ("pdf", b"%PDF"), ("json", b"{")):
        file = professional.get("/paiements/41/fichier", {"forme": form})
        assert file.content.startswith(begins), form
        assert "attachment" in file.headers["Content-Disposition"]
    for form in ("noemie", "fhir"):
        assert professional.get("/paiements/41/fichier", {"forme": form}).status_code == 200
    assert professional.get("/paiements/41/fichier", {"forme": "exe"}).status_code == 404
    assert professional.get("/paiements/42").status_code == 404


def test_a_list_is_compared_with_what_was_paid(desk, professional, press):
    add_claim(desk, state="paid")
    add_transfer(desk, CLAIM, 1200)
    add_claim(desk, claim_ref=OTHER_CLAIM, state="adjudicated")
    text = f"facture;montant\nF-{CLAIM};12,00\nF-{OTHER_CLAIM};5\nF-0;1\nrien 7 ici"
    shown = read(press("/paiements/rapprochement", {"text": text}))
    assert f"F-{CLAIM} 12,00 € 12,00 € concorde" in shown
    assert "pas encore payée" in shown
    assert "F-0 1,00 € 0,00 € inconnue ici" in shown
    assert "Lignes illisibles : 5." in shown
    other = read(press("/paiements/rapprochement", {"text": f"F-{CLAIM};13"}))
    assert "montant différent" in other


def test_an_assistant_bills_and_sees_no_payment(desk, browser):
    account_ref = samples.add_professional(desk.database)
    holder = people.make_holder(desk.database, account_ref)
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.membership SET role = 'assistant'")
    people.sign_in(browser, desk.database, replace(holder, role=Role.ASSISTANT))
    assert browser.get("/factures").status_code == 200
    assert browser.get("/paiements").status_code == 403


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A;1,5", {"A": 150}),
        ("A\t1 234,50 €", {"A": 123450}),
        ('"A","12.00"', {"A": 1200}),
        ("A;-3", {"A": -300}),
        ("A;1,234", {}),
        ("facture;montant", {}),
    ],
)
def test_a_list_is_read_whatever_separates_it(text, expected):
    assert read_invoice_list(text.encode()).expected == expected


def test_a_line_too_long_for_a_list_is_one_that_could_not_be_read():
    given = read_invoice_list(b"F-1;12\n" + b"a" * 200_000 + b";1\nF-2;3\n")
    assert (given.expected, given.wrong) == ({"F-1": 1200, "F-2": 300}, [2])


def add_transfer(desk, claim_ref: int, cents: int) -> None:
    """Add transfer 41, which paid a claim."""
    samples.add_insurers(desk.database, ["Mutuelle d’essai"])
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO claims.run (run_id, day, state, first_at, second_by, second_at)"
            " OVERRIDING SYSTEM VALUE VALUES (3, '2026-11-20', 'sent', now(), 1, now())"
        )
        tx.execute(
            "INSERT INTO claims.payment_file (file_id, kind, run_id, created_at, execution_on,"
            " count, cents) OVERRIDING SYSTEM VALUE"
            " VALUES (1, 'transfer', 3, now(), '2026-11-21', 1, %s)",
            (cents,),
        )
        tx.execute(
            "INSERT INTO claims.remittance (remittance_id, run_id, establishment_ref, cents, lines,"
            " oldest_on, file_id, state, execution_on, last_digits, working_days) OVERRIDING SYSTEM"
            " VALUE VALUES (41, 3, 1, %s, 1, '2026-11-18', 1, 'paid', %s, '0185', 2)",
            (cents, date(2026, 11, 21)),
        )
        tx.execute(
            "INSERT INTO claims.remittance_share (remittance_id, insurer_id, insurer_name,"
            " amc_number, cents, lines) VALUES (41, 1, 'Mutuelle d’essai', '0000000001', %s, 1)",
            (cents,),
        )
        [(part_ref,)] = tx.execute(
            "INSERT INTO claims.part (claim_ref, line, rank, insurer_id, contract_ref, table_code,"
            " cents) VALUES (%s, 1, 1, 1, 1, 'T', %s) RETURNING part_ref",
            (claim_ref, cents),
        ).fetchall()
        tx.execute(
            "INSERT INTO claims.due VALUES (%s, false, 1, 1, %s, %s, 41)",
            (part_ref, cents, datetime(2026, 11, 18, tzinfo=UTC).date()),
        )
