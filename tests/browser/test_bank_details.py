"""A change of account in two real browsers: asked by one person, approved by another."""

import secrets

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.portals import people
from tests.portals.people import Somebody
from tests.workflows.practice import MATCHING, OLD, WRONG, Practice

from rempart.accounts.roles import Role
from rempart.portals.session_store import compute_token_digest

NEW, BEFORE = MATCHING.number[-4:], OLD.number[-4:]


@pytest.fixture
def environment(environment):
    """Banks answer by the last digit of the account."""
    return {**environment, "REMPART_PAYEE_CHECK": "fake"}


@pytest.fixture
def practice(stack) -> Practice:
    """A pharmacy with an account and three addresses."""
    practice = Practice(stack.database, "Pharmacie du Rempart")
    practice.open_account()
    practice.add_address("pharmacie@example.invalid")
    practice.add_address("claire@example.invalid")
    practice.add_address("avant@example.invalid", replaced="10 days")
    return practice


def sign_in(page: Page, url: str, practice: Practice, who: Somebody) -> None:
    """Give a browser the live session of somebody, just stepped up."""
    key = secrets.token_hex(16)
    people.adopt(key, practice.database, who)
    practice.run(
        "INSERT INTO accounts.django_session (session_key, session_data, expire_date)"
        " VALUES (%s, '', now() + interval '1 hour')",
        compute_token_digest(key).hex()[:40],
    )
    page.context.add_cookies([{"name": "rempart_session", "value": key, "url": url}])


@pytest.mark.browser
def test_one_asks_another_approves_and_both_see_it_coming(stack, visit, chromium, practice):
    claire = practice.hire(name="Claire Essai")
    denis = practice.hire(Role.ESTABLISHMENT_MANAGER, "Denis Essai")
    page = visit.page
    sign_in(page, stack.url, practice, claire)
    page.goto(f"{stack.url}/etablissement/rib")
    expect(page.get_by_text(f"•••• {BEFORE}").first).to_be_visible()
    page.get_by_role("button", name="Changer de compte").click()

    field = page.get_by_label("IBAN du nouveau compte")
    expect(field).to_be_focused()
    field.fill("FR76 1234")
    page.get_by_role("button", name="Demander le changement").click()
    expect(field).to_be_focused()
    expect(page.get_by_text("L’IBAN n’est pas valide")).to_be_visible()
    visit.shoot("bank-details-error")
    field.fill(MATCHING.format())
    field.press("Enter")
    expect(page.get_by_text("Nous avons prévenu 3 contacts.")).to_be_visible()
    expect(page.get_by_role("link", name="Ce n’était pas moi")).to_be_visible()

    approve_in_another_browser(chromium, stack.url, practice, denis, visit)
    page.goto(f"{stack.url}/etablissement/rib")
    expect(page.get_by_text("Denis Essai").first).to_be_visible()
    expect(page.get_by_text("Jusque-là, les paiements vont à l’ancien compte.")).to_be_visible()
    visit.shoot("bank-details")

    page.get_by_role("button", name="Arrêter ce changement").click()
    expect(page.get_by_text("Annulé")).to_be_visible()
    assert practice.list_states() == [(BEFORE, "active"), (NEW, "cancelled")]


def approve_in_another_browser(
    chromium: Browser, url: str, practice: Practice, who: Somebody, visit
) -> None:
    """Examine and approve the change, on a telephone."""
    context = chromium.new_context(locale="fr-FR", viewport={"width": 390, "height": 844})
    page = context.new_page()
    sign_in(page, url, practice, who)
    page.goto(f"{url}/etablissement/rib")
    page.get_by_role("button", name="Examiner pour approuver").click()
    expect(page.get_by_text("de vive voix")).to_be_visible()
    page.screenshot(path=visit.spare / "bank-details-approve-390.png", full_page=True)
    page.get_by_role("button", name="Approuver").click()
    expect(page.get_by_text("En attente").first).to_be_visible()
    context.close()


@pytest.mark.browser
def test_the_operator_sees_every_change_under_way(stack, visit, practice):
    practice.propose(practice.hire(name="Claire Essai"))
    other = Practice(stack.database, "Cabinet des Merlons")
    other.propose(other.hire(name="Louise Essai"), WRONG)
    host = people.make_organisation(stack.database, "operator", name="Opérateur")
    odile = people.make_agent(stack.database, host, Role.OPERATOR_SECURITY, name="Odile Essai")
    sign_in(visit.page, stack.url, practice, odile)
    visit.page.goto(f"{stack.url}/console/rib")
    expect(visit.page.get_by_text("1 changement attend l’opérateur.")).to_be_visible()
    visit.shoot("bank-reviews")
    visit.page.get_by_role("link", name="Examiner").click()
    expect(visit.page.get_by_text("jamais à un numéro reçu")).to_be_visible()
    visit.shoot("bank-settle")
    visit.page.get_by_role("button", name="Approuver").click()
    expect(visit.page.get_by_text("changement attend l’opérateur")).to_have_count(0)
