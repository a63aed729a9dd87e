"""A morning at the pharmacy, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect
from tests.api.world import AMC, COVERED, STRANGER, SUSPENDED
from tests.browser.conftest import Stack, Visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def scan(page: Page, code: str) -> None:
    """Type like a scanner does: fast, then Enter, and never the mouse."""
    page.keyboard.type(code.replace("-", ""))
    page.keyboard.press("Enter")


def count_answers(stack: Stack) -> int:
    """Return how many answers the ledger holds."""
    with stack.database.transaction("auditor") as tx:
        row = tx.execute("SELECT count(*) FROM ledger.entry WHERE kind IN (1, 2)").fetchone()
    assert row is not None
    return int(row[0])


def sign_in(stack: Stack, visit: Visit) -> None:
    """See the first page, then come in; how is test_psc.py's matter."""
    page = visit.page
    page.goto(f"{stack.url}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("compte volé")
    visit.shoot("home")
    stack.enter(page, stack.add_pharmacist())
    page.goto(f"{stack.url}/verifier")
    expect(page.get_by_text("Claire Vasseur")).to_be_visible()


def check_with_the_card(stack: Stack, visit: Visit) -> None:
    """Scan a card, copy the engagement, reload, print."""
    page = visit.page
    # The card: the code has the focus, the scanner's Enter asks.
    code = page.get_by_label("Code de la carte")
    expect(code).to_be_focused()
    visit.shoot("check")
    scan(page, COVERED.card.format())
    expect(page.get_by_role("status")).to_contain_text("Droits ouverts")
    expect(page).to_have_title(re.compile("Droits ouverts"))
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    number = page.locator("#engagement").inner_text()
    assert re.fullmatch(r"RP(-[0-9A-Z]{4}){4}", number)
    page.get_by_role("button", name="Copier").click()
    expect(page.get_by_role("button", name="Copié")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == number
    visit.shoot("open")

    # Reloading the answer sends the same page again: one consultation, the same promise.
    assert count_answers(stack) == 1
    page.reload()
    expect(page.locator("#engagement")).to_have_text(number)
    assert count_answers(stack) == 1

    # On paper: the answer and nothing to press.
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Imprimer")).to_be_hidden()
    expect(page.get_by_text("vérification de droits faite par Claire Vasseur")).to_be_visible()
    visit.shoot("print")
    page.emulate_media(media="screen")


def check_the_next_card(stack: Stack, visit: Visit) -> None:
    """Scan the next card without touching anything else."""
    page = visit.page
    # The next card is scanned straight away, without touching anything.
    page.get_by_role("heading", level=1).focus()
    scan(page, SUSPENDED.card.format())
    answer = page.get_by_role("status")
    expect(answer).to_contain_text("Droits non ouverts")
    expect(answer).to_contain_text("suspendus à cette date")
    expect(answer).to_contain_text("appeler sa complémentaire")
    visit.shoot("closed")
    assert count_answers(stack) == 2


def check_without_the_card(stack: Stack, visit: Visit) -> None:
    """Type the identifiers, slip once, correct."""
    page = visit.page
    # Without the card: a slip in the NIR is told beside it, and what was typed stays.
    page.get_by_role("link", name="Vérifier des droits").click()
    page.get_by_role("link", name="Sans la carte").click()
    expect(page.get_by_label("Numéro AMC")).to_be_focused()
    page.keyboard.type(AMC)
    page.keyboard.press("Tab")
    page.keyboard.type(COVERED.nir.format()[:-1] + "0")
    page.keyboard.press("Tab")
    page.keyboard.type("12051984")
    page.keyboard.press("Enter")
    wrong = page.get_by_label("NIR de l’assuré, avec sa clé")
    expect(wrong).to_be_focused()
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("La clé du NIR ne correspond pas")).to_be_visible()
    expect(page.get_by_label("Numéro AMC")).to_have_value(AMC)
    visit.shoot("typed-error")
    assert count_answers(stack) == 2
    wrong.fill(COVERED.nir.format())
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Droits ouverts")
    assert COVERED.nir.number not in page.url


def compare_a_stranger_with_somebody_closed(stack: Stack, visit: Visit) -> None:
    """See the same answer twice."""
    page = visit.page
    # Somebody unknown and somebody closed look the same without the card.
    for person in (STRANGER, SUSPENDED):
        page.goto(f"{stack.url}/verifier/saisie")
        page.get_by_label("Numéro AMC").fill(AMC)
        page.get_by_label("NIR de l’assuré, avec sa clé").fill(person.nir.format())
        page.get_by_label("Date de naissance").fill("12/05/1984")
        page.get_by_role("button", name="Vérifier").click()
        expect(page.get_by_role("status")).to_contain_text("ni si la personne est connue")
    visit.shoot("not-open")


def leave(stack: Stack, visit: Visit) -> None:
    """Change language, sign out, find every door closed."""
    page = visit.page
    # English, then out: going back shows nothing.
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check rights")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{stack.url}/")
    page.goto(f"{stack.url}/verifier")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_pharmacist_checks_rights_all_morning(stack: Stack, visit: Visit):
    sign_in(stack, visit)
    check_with_the_card(stack, visit)
    check_the_next_card(stack, visit)
    check_without_the_card(stack, visit)
    compare_a_stranger_with_somebody_closed(stack, visit)
    leave(stack, visit)


def test_everything_is_reached_with_the_keyboard(stack: Stack, visit: Visit):
    page = visit.page
    stack.enter(page, stack.add_pharmacist())
    page.goto(f"{stack.url}/verifier/saisie")
    reached = []
    for _ in range(24):
        reached.append(page.evaluate("document.activeElement.name || document.activeElement.text"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
        page.keyboard.press("Tab")
    for name in ("Aller au contenu", "amc_number", "insured_nir", "birth_date", "care_date"):
        assert name in reached


def test_public_pages_hold_together(stack: Stack, visit: Visit):
    page = visit.page
    for name, address in (("design", "charte"), ("api", "docs/api")):
        page.goto(f"{stack.url}/{address}")
        visit.shoot(name)
    expect(page.get_by_text("/v1/rights-checks").first).to_be_visible()
    page.goto(f"{stack.url}/nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("Page introuvable")
    visit.shoot("not-found")


def test_the_portal_says_so_when_the_gateway_is_away(stack: Stack, visit: Visit):
    """The ledger cannot record: nothing is answered, and the page says what still works."""
    page = visit.page
    stack.enter(page, stack.add_pharmacist())
    page.goto(f"{stack.url}/verifier")
    expect(page.get_by_label("Code de la carte")).to_be_focused()
    with stack.database.connect("admin", autocommit=True) as admin:
        admin.execute("ALTER TABLE ledger.entry RENAME TO entry_away")
        scan(page, COVERED.card.format())
        expect(page.get_by_role("alert")).to_contain_text("La vérification ne répond pas")
        expect(page.get_by_role("alert")).to_contain_text("Ce qui marche encore")
        visit.shoot("unavailable")
        admin.execute("ALTER TABLE ledger.entry_away RENAME TO entry")
    for _ in range(20):
        page.get_by_role("button", name="Réessayer").click()
        page.wait_for_load_state()
        if page.get_by_role("status").count():
            break
        page.wait_for_timeout(500)
    expect(page.get_by_role("status")).to_contain_text("Droits ouverts")
    assert count_answers(stack) == 1
