"""What an establishment was paid, as its software reads it: its own transfers, in five forms."""

import csv
import io
import json
import re

import pytest
from fhir.resources.R4B.paymentreconciliation import PaymentReconciliation
from tests.api.reading import read_entries
from tests.api.world import ESTABLISHMENT_REF, STRANGER, save_establishment
from tests.settlement.practice import Till

from rempart.kernel.synthetic import make_synthetic_iban
from rempart.settlement.references import format_reference
from rempart.storage.remittance_book import RemittanceBook
from rempart.workflows.settlement.read_returns import FORMS

REMITTANCES = "/v1/remittances"


@pytest.fixture
def till(world, tmp_path):
    """What pays the world's pharmacy."""
    till = Till(world.database, tmp_path)
    till.give_account(ESTABLISHMENT_REF, make_synthetic_iban(100))
    return till


def pay(till, *cents, place=ESTABLISHMENT_REF):
    """Pay an establishment once; return the reference of the transfer."""
    for one in cents:
        till.bill(place, one)
    till.pay()
    newest, *_ = till.list_remittances()[-1]
    return format_reference("remittance", newest)


def move(world):
    """Have the professional work elsewhere; return their token there."""
    with world.database.transaction("registrar") as tx:
        save_establishment(tx, 72, finess="990000027", siret="99000002700013")
        tx.execute("UPDATE accounts.professional SET establishment_ref = 72")
    return world.make_auth(bearer=world.bearer._replace(establishment_ref=72))


def test_a_transfer_is_read_by_the_reference_of_the_bank_statement(gateway, world, till):
    reference = pay(till, 1_000, 234)
    told = gateway.get(f"{REMITTANCES}/{reference.lower()}")
    assert (told.status_code, told.headers["cache-control"]) == (200, "no-store")
    found = told.json()
    assert (found["reference"], found["state"], found["amount_cents"]) == (reference, "sent", 1_234)
    assert sum(line["paid_cents"] for line in found["lines"]) == 1_234
    assert {line["amc_number"] for line in found["lines"]} == {"9900000001"}
    assert found["payee"]["name"] == "Pharmacie du Test"
    # Nobody is told of, so nothing is written.
    assert read_entries(world.database) == []


def test_each_form_is_asked_for_by_name_or_by_type(gateway, till):
    path = f"{REMITTANCES}/{pay(till, 1_000, 234)}"
    for name, form in FORMS.items():
        asked = gateway.get(path, params={"format": name})
        bare = form.media_type.partition(";")[0]
        accepted = gateway.get(path, headers={"Accept": f"text/html, {bare};q=0.9"})
        assert asked.headers["content-type"] == form.media_type
        assert accepted.headers["content-type"] == form.media_type
        file = re.fullmatch(r'attachment; filename="(.+)"', asked.headers["content-disposition"])
        assert file is not None
        assert file[1].endswith(f".{form.suffix}")
    assert gateway.get(path, headers={"Accept": "text/html"}).json()["amount_cents"] == 1_234


def test_every_form_adds_up_and_a_foreign_model_reads_the_one_in_fhir(gateway, till):
    path = f"{REMITTANCES}/{pay(till, 1_000, 234)}"
    forms = {name: gateway.get(path, params={"format": name}) for name in FORMS}
    *_, last = csv.reader(io.StringIO(forms["csv"].text), delimiter=";")
    assert last[-2] == "12,34"
    reconciliation = PaymentReconciliation.model_validate(forms["fhir"].json())
    assert float(reconciliation.paymentAmount.value) == 12.34
    assert sum(round(float(one.amount.value) * 100) for one in reconciliation.detail) == 1_234
    assert {len(line) for line in forms["noemie"].text.splitlines()} == {128}
    assert forms["pdf"].content.startswith(b"%PDF")


def test_transfers_are_listed_page_after_page_the_newest_first(gateway, till):
    paid = [pay(till, cents) for cents in (1_000, 2_000, 3_000)]
    found, before = [], {}
    while True:
        page = gateway.get(REMITTANCES, params={"most": 2, **before}).json()
        found += [(one["reference"], one["cents"]) for one in page["remittances"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert found == list(zip(reversed(paid), (3_000, 2_000, 1_000), strict=True))


def test_what_is_being_planned_is_not_told(gateway, till):
    till.bill(ESTABLISHMENT_REF, 1_000)
    run_id = till.plan()
    [(number, *_)] = till.list_remittances()
    path = f"{REMITTANCES}/{format_reference('remittance', number)}"
    assert gateway.get(REMITTANCES).json() == {"remittances": [], "next": None}
    assert gateway.get(path).status_code == 404
    till.approve(run_id)
    till.send(run_id)
    assert gateway.get(path).json()["state"] == "sent"


def test_a_transfer_of_another_establishment_is_as_one_that_never_was(gateway, world, till):
    reference = pay(till, 1_000)
    gateway.auth = move(world)
    replies = [
        gateway.get(f"{REMITTANCES}/{one}", params={"format": form})
        for one in (reference, format_reference("remittance", 10**9), "RF00V", STRANGER.nir.number)
        for form in FORMS
    ]
    assert {(one.status_code, one.content) for one in replies} == {(404, replies[0].content)}
    assert gateway.get(REMITTANCES).json()["remittances"] == []


def test_mutation_a_book_that_forgets_whose_is_noticed(gateway, world, till, monkeypatch):
    reference = pay(till, 1_000)
    find = RemittanceBook.find

    async def forget(self, remittance_id, *, establishment_ref):
        return await find(self, remittance_id, establishment_ref=ESTABLISHMENT_REF)

    monkeypatch.setattr(RemittanceBook, "find", forget)
    gateway.auth = move(world)
    assert gateway.get(f"{REMITTANCES}/{reference}").status_code == 200


def test_no_form_holds_a_person_an_act_or_an_account(gateway, till):
    path = f"{REMITTANCES}/{pay(till, 1_000)}"
    claims = till.fetch("SELECT person_ref, born FROM claims.claim")
    iban = make_synthetic_iban(100).number
    for name in ("json", "csv", "noemie", "fhir"):
        text = gateway.get(path, params={"format": name}).text
        assert "19800101" not in text
        assert "ACT" not in text
        assert iban not in text
    assert {"person_ref", "born", "act"}.isdisjoint(json.dumps(gateway.get(path).json()))
    assert claims


@pytest.mark.parametrize(
    "query",
    [
        "most=0",
        "most=101",
        "most=00019",
        "most=x",
        "most=",
        "who=me",
        "most=1&most=2",
        "before=%ff",
    ],
)
def test_a_page_that_cannot_be_is_refused(gateway, query):
    reply = gateway.get(f"{REMITTANCES}?{query}")
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")


def test_other_methods_forms_addresses_and_callers_are_refused(gateway, till):
    path = f"{REMITTANCES}/{pay(till, 1_000)}"
    assert gateway.post(path).headers["allow"] == "GET"
    assert gateway.get(f"{path}/lines").status_code == 404
    assert gateway.get(path, params={"format": "xls"}).status_code == 422
    assert gateway.get(REMITTANCES, params={"before": "RF00"}).status_code == 422
    assert gateway.get(REMITTANCES, headers={"Authorization": "none"}).status_code == 401
