"""An insurer's ordinary day, and the one after an incident, in a browser and by the keyboard."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from tests.api.world import COVERED, INSURER_ID
from tests.browser.conftest import Stack, Visit
from tests.browser.test_incident import add_insurer_org
from tests.browser.test_payers import Bench, open_visit
from tests.portals import people, samples, test_payers
from tests.portals.test_exposure_watches import DOUBTED, STOLEN, add_package, make_place, run
from tests.portals.test_insurer_space import add_feed

from rempart.accounts.roles import Role

__all__ = ["open_visit"]  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


def plant(bench: Bench, insurer: people.Organisation) -> None:
    """Plant a feed with findings, and a claim of an exposed member that looks like no other."""
    add_feed(bench, insurer, 1_000, findings=3)
    with bench.database.transaction("owner") as tx:
        incident_id = samples.add_incident(tx, exercise=False)
        samples.add_suspect(tx, incident_id, STOLEN)
    add_package(bench, insurer, incident_id, 1, {COVERED.person_ref: "A"})
    now = datetime.now(UTC)
    test_payers.add_claim(
        bench,
        insurer_id=INSURER_ID,
        person_ref=COVERED.person_ref,
        place=make_place(bench, "13001"),
        ref=DOUBTED,
        received_at=now - timedelta(minutes=1),
        state="received",
        account_ref=STOLEN,
    )


def press_through(page: Page, label: str, text: str) -> None:
    """Fill a field and send its form by the keyboard alone."""
    page.get_by_label(label).first.focus()
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_an_insurer_opens_a_file_watches_claims_and_sets_limits(
    stack: Stack, open_visit: Callable[[people.Somebody], Visit]
):
    bench, insurer = Bench(stack.database), add_insurer_org(stack)
    plant(bench, insurer)
    dpo = people.make_agent(stack.database, insurer, Role.INSURER_DPO, name="Dominique Délégué")
    visit = open_visit(dpo)
    page = visit.page
    page.goto(f"{stack.url}/assureur/adherents")
    press_through(page, "Code de la carte", COVERED.card.format())
    expect(page.get_by_role("heading", name="Dossier d’un adhérent")).to_be_visible()
    expect(page.get_by_text("Droits ouverts", exact=True)).to_be_visible()
    visit.shoot("member-file")

    page.goto(f"{stack.url}/assureur/surveillance")
    page.get_by_role("link", name="Surveiller", exact=True).click()
    page.get_by_role("button", name="Surveiller").click()
    expect(page.get_by_text("en cours", exact=True)).to_be_visible()
    assert run(bench) == 1
    page.reload()
    told = page.get_by_text("envoyée par un compte que l’incident met en cause", exact=True)
    expect(told).to_be_visible()
    visit.shoot("exposure-flags")
    page.get_by_role("link", name="Décider").first.click()
    page.get_by_label("adhérent interrogé").check()
    page.get_by_label("Raison").fill("Adhérente jointe")
    page.get_by_role("button", name="Décider").click()
    expect(page.get_by_text("Rien n’attend votre décision")).to_be_visible()

    page.goto(f"{stack.url}/assureur/limites/changer")
    page.get_by_label("Dossiers ouverts par jour").fill("40")
    page.get_by_label("Raison").fill("Hameçonnage en cours")
    page.get_by_role("button", name="Décider ces limites").click()
    expect(page.get_by_text("en vigueur", exact=True)).to_be_visible()
    visit.shoot("insurer-limits")
    for name, address in (("own-feed", "flux/1000"), ("insurer-figures", "chiffres")):
        page.goto(f"{stack.url}/assureur/{address}")
        visit.shoot(name)
    page.goto(f"{stack.url}/assureur")
    expect(page.get_by_text("plus strictes que l’opérateur")).to_be_visible()
    visit.shoot("insurer-home")
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text("stricter than the operator")).to_be_visible()
    visit.shoot("insurer-home-en", documented=False)
