"""An insurer's ordinary day, and the one after an incident, in a browser and by the keyboard."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from tests.api.world import COVERED, INSURER_ID
from tests.browser.conftest import Stack, Visit
from tests.browser.test_incident import add_insurer_org
from tests.browser.test_payers import Bench, open_visit
from tests.portals import people, samples, test_payers
from tests.portals.test_exposure_watches import DOUBTED, STOLEN, add_package, make_place, run
from tests.portals.test_insurer_space import add_feed

from rempart.accounts.roles import Role

__all__ = ["open_visit"]  # a fixture

OWN = (
    *("", "/adherents", "/consultations", "/flux", "/flux/1000", "/chiffres", "/limites"),
    *("/surveillance", "/incidents", "/coordonnees", "/lettres-revenues", "/telephone"),
    *("/messages-suspects", "/contestations"),
)
PAGES = (*(f"/assureur{page}" for page in OWN), "/campagnes")
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


def test_an_insurer_opens_a_file_watches_claims_and_sets_limits(
    stack: Stack, open_visit: Callable[[people.Somebody], Visit]
):
    bench, insurer = Bench(stack.database), add_insurer_org(stack)
    plant(bench, insurer)
    dpo = people.make_agent(stack.database, insurer, Role.INSURER_DPO, name="Dominique Délégué")
    visit = open_visit(dpo)
    page = visit.page
    page.goto(f"{stack.url}/assureur/adherents")
    visit.type(page.get_by_label("Code de la carte"), COVERED.card.format())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Dossier d’un adhérent")).to_be_visible()
    expect(page.get_by_text("Droits ouverts", exact=True)).to_be_visible()
    visit.shoot("member-file")

    page.goto(f"{stack.url}/assureur/surveillance")
    visit.press(page.get_by_role("link", name="Surveiller", exact=True))
    visit.press(page.get_by_role("button", name="Surveiller"))
    expect(page.get_by_text("en cours", exact=True)).to_be_visible()
    assert run(bench) == 1
    page.reload()
    told = page.get_by_text("envoyée par un compte que l’incident met en cause", exact=True)
    expect(told).to_be_visible()
    visit.shoot("exposure-flags")
    visit.press(page.get_by_role("link", name="Décider"))
    visit.tab_to(page.get_by_role("radio"))
    while not page.get_by_label("adhérent interrogé").is_checked():
        page.keyboard.press("ArrowDown")
    visit.type(page.get_by_label("Raison"), "Adhérente jointe")
    visit.press(page.get_by_role("button", name="Décider"))
    expect(page.get_by_text("Rien n’attend votre décision")).to_be_visible()

    page.goto(f"{stack.url}/assureur/limites/changer")
    visit.type(page.get_by_label("Dossiers ouverts par jour"), "40")
    visit.type(page.get_by_label("Raison"), "Hameçonnage en cours")
    visit.press(page.get_by_role("button", name="Décider ces limites"))
    expect(page.get_by_text("en vigueur", exact=True)).to_be_visible()
    visit.shoot("insurer-limits")
    for name, address in (("own-feed", "flux/1000"), ("insurer-figures", "chiffres")):
        page.goto(f"{stack.url}/assureur/{address}")
        visit.shoot(name)
    page.goto(f"{stack.url}/assureur")
    expect(page.get_by_text("plus strictes que l’opérateur")).to_be_visible()
    visit.shoot("insurer-home")
    visit.tour_in_english(stack.url, *PAGES)
    page.goto(f"{stack.url}/assureur")
    expect(page.get_by_text("stricter than the operator")).to_be_visible()
