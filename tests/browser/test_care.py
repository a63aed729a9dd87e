"""A day at the optician's, in a real browser: quote, promise, claim, payment."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.api.world import COVERED, STRANGER
from tests.browser.conftest import Stack, Visit
from tests.settlement.practice import Till

from rempart.kernel.synthetic import make_synthetic_iban
from rempart.storage.iban_seal import IbanSeal
from rempart.wiring.clock import today_in_paris

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def fill_person(page: Page, code: str) -> None:
    page.get_by_label("Code de la carte").fill(code)
    page.get_by_label("Date de naissance").fill("12/05/1984")


def fill_act(page: Page, place: int, act: str, price: str, base: str) -> None:
    line = page.get_by_role("group", name=f"Acte {place}", exact=True)
    line.get_by_label("Acte", exact=True).fill(act)
    line.get_by_label("Prix total (€)").fill(price)
    line.get_by_label("Base (€)").fill(base)


def ask_a_quote_then_a_promise(stack: Stack, visit: Visit) -> str:
    """Price glasses, print, have the insurer promise; return the number."""
    page = visit.page
    page.goto(f"{stack.url}/devis")
    expect(page.get_by_label("Code de la carte")).to_be_focused()
    fill_person(page, COVERED.card.format())
    fill_act(page, 1, "MON", "90", "0,05")
    fill_act(page, 2, "VER", "160,00", "0,10")
    visit.shoot("quote-form")
    page.keyboard.press("Enter")
    answer = page.get_by_role("status")
    expect(answer).to_contain_text("Reste à charge")
    expect(answer).to_contain_text("Un devis ne promet rien")
    visit.shoot("quote")
    page.emulate_media(media="print")
    expect(page.get_by_text("devis fait par Claire Vasseur")).to_be_visible()
    expect(page.get_by_label("Code de la carte")).to_be_hidden()
    page.emulate_media(media="screen")
    page.get_by_role("button", name="Demander la prise en charge").click()
    expect(page.get_by_role("status")).to_contain_text("Prise en charge accordée")
    number = page.locator("#engagement").inner_text()
    assert re.fullmatch(r"RP(-[0-9A-Z]{4}){4}", number)
    page.goto(f"{stack.url}/prises-en-charge")
    expect(page.get_by_text(number)).to_be_visible()
    visit.shoot("pecs")
    page.get_by_role("link", name=number).click()
    expect(page.get_by_text("accordée")).to_be_visible()
    return number


def bill_it(stack: Stack, visit: Visit) -> None:
    """Send the claim from the promise, and one of somebody unknown."""
    page = visit.page
    page.get_by_role("button", name="Facturer").click()
    for code, invoice in ((COVERED.card.format(), "F-1"), (STRANGER.card.format(), "F-2")):
        fill_person(page, code)
        page.get_by_label("Numéro de facture").fill(invoice)
        fill_act(page, 1, "MON", "90", "0,05")
        fill_act(page, 2, "VER", "160,00", "0,10")
        page.get_by_role("button", name="Envoyer la facture").last.click()
        expect(page.get_by_role("status")).to_contain_text("Facture reçue")
        page.goto(f"{stack.url}/factures/nouvelle")
    run("claims", "adjudicate")


def correct_what_is_rejected(stack: Stack, visit: Visit) -> None:
    """Read why, and see the acts filled in, nobody with them."""
    page = visit.page
    page.goto(f"{stack.url}/factures")
    page.get_by_role("link", name="F-2").click()
    expect(page.get_by_text("Ce que disent les contrôles")).to_be_visible()
    visit.shoot("claim-rejected")
    page.goto(f"{stack.url}/factures/rejets")
    visit.shoot("rejections")
    page.get_by_role("link", name="Corriger et renvoyer").click()
    expect(page.get_by_label("Code de la carte")).to_have_value("")
    line = page.get_by_role("group", name="Acte 1", exact=True)
    expect(line.get_by_label("Acte", exact=True)).to_have_value("MON")
    page.goto(f"{stack.url}/factures")
    visit.shoot("claims")
    page.get_by_role("link", name="F-1").click()
    expect(page.get_by_text("Cette lecture est inscrite au registre")).to_be_visible()
    expect(page.get_by_text("acceptée, à payer")).to_be_visible()
    visit.shoot("claim")


def be_paid(stack: Stack, visit: Visit, directory: Path) -> None:
    """Have a run paid, read the transfer, download it, compare a list."""
    page = visit.page
    till = Till(stack.database, directory)
    till.counter = till.counter.__class__(
        **{
            name: getattr(till.counter, name)
            for name in ("payer", "directory", "mandates", "calendar")
        },
        seal=IbanSeal(stack.world.home.key("master")),
    )
    till.pay(today_in_paris())
    page.goto(f"{stack.url}/paiements")
    visit.shoot("payments")
    page.get_by_role("link", name=re.compile("^RF")).click()
    expect(page.get_by_role("row", name=re.compile("F-1")).first).to_be_visible()
    visit.shoot("payment")
    with page.expect_download() as waited:
        page.get_by_role("link", name="PDF").click()
    assert waited.value.suggested_filename.endswith(".pdf")
    page.goto(f"{stack.url}/paiements/rapprochement")
    page.get_by_label("Votre liste").fill("F-1;1,00\nF-404;3")
    page.get_by_role("button", name="Comparer").click()
    expect(page.get_by_role("status")).to_contain_text("montant différent")
    visit.shoot("reconciliation")
    page.goto(f"{stack.url}/factures/chiffres")
    visit.shoot("claim-figures")


def run(*arguments: str) -> None:
    """Run a public command."""
    subprocess.run([sys.executable, "-m", "rempart", *arguments], check=True, env=os.environ)


def test_an_optician_quotes_bills_and_is_paid(
    stack: Stack, visit: Visit, tmp_path: Path, environment: dict[str, str], monkeypatch
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stack.enter(visit.page, stack.add_pharmacist())
    seal = IbanSeal(stack.world.home.key("master"))
    with stack.database.transaction("owner") as tx:
        iban = make_synthetic_iban(100)
        tx.execute(
            "INSERT INTO accounts.bank_details (change_ref, establishment_ref, sealed_iban,"
            " last_digits, state, active_from, payee_check)"
            " VALUES (9, 1, %s, %s, 'active', '2020-01-01', 'match')",
            (seal.close(iban, establishment_ref=1), iban.number[-4:]),
        )
    ask_a_quote_then_a_promise(stack, visit)
    bill_it(stack, visit)
    correct_what_is_rejected(stack, visit)
    be_paid(stack, visit, tmp_path)
