"""« Logiciels » and « Adresses d’alerte », in a real browser."""

import re

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Stack, Visit
from tests.portals import people

from rempart.accounts.registration import Registration, read_jwk
from rempart.accounts.roles import Role
from rempart.client import SigningKey
from rempart.storage.contacts import make_letterbox
from rempart.workflows.accounts.register_software import register_software
from rempart.workflows.accounts.warn_contacts import send_codes

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

LABELS = ("Officine Clair", "Lunettes du Port", "Dentaire Simple")


class Post:
    """Keeps the codes that would have been sent."""

    def __init__(self) -> None:
        self.codes: list[str] = []

    def send_code(self, contact_ref: int, channel: str, address: str, code: str) -> None:
        """Keep a code."""
        self.codes.append(code)


def add_software(stack: Stack, publisher_ref: int) -> None:
    """Register a few programmes of one publisher."""
    with stack.database.transaction("registrar") as tx:
        for label in LABELS:
            register_software(
                tx,
                Registration(
                    client_id=label.lower().replace(" ", "-"),
                    publisher_ref=publisher_ref,
                    label=label,
                    key=read_jwk(SigningKey.generate().public_jwk),
                ),
            )


def test_the_operator_sees_software_and_opens_one(stack: Stack, visit: Visit):
    page = visit.page
    host = people.make_organisation(stack.database, "operator", name="Plateforme Lambda")
    publisher = people.make_organisation(stack.database, "publisher", name="Éditions Officine")
    add_software(stack, publisher.org_ref)
    stack.enter(page, people.make_agent(stack.database, host, Role.OPERATOR_ADMIN))
    page.goto(f"{stack.url}/logiciels")
    expect(page.get_by_role("heading", level=1)).to_have_text("Logiciels")
    rows = page.locator("tbody tr")
    # And the portals themselves, and the software of the small world.
    expect(rows).to_have_count(len(LABELS) + 2)
    expect(page.locator(".pages").last).to_contain_text("1 à 5 sur 5")
    visit.shoot("software")
    page.get_by_role("link", name="officine-clair").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Officine Clair")
    visit.shoot("one-software")


def test_somebody_says_where_they_are_warned(stack: Stack, visit: Visit):
    page = visit.page
    org = people.make_organisation(stack.database, "insurer", name="Mutuelle d’essai")
    stack.enter(page, people.make_agent(stack.database, org, Role.INSURER_MANAGER))
    page.goto(f"{stack.url}/compte")
    page.get_by_role("link", name="Adresses d’alerte").click()
    expect(page.get_by_text("Aucune adresse : personne ne serait prévenu")).to_be_visible()
    visit.shoot("no-address")
    page.get_by_role("button", name="Ajouter une adresse").click()
    page.get_by_label("Adresse ou numéro").fill("camille@example.invalid")
    visit.shoot("give-address")
    page.get_by_role("button", name="Envoyer le code").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirmer une adresse")
    visit.shoot("confirm-address")
    post = Post()
    with stack.database.transaction("registrar") as tx:
        send_codes(tx, post, letterbox=make_letterbox(stack.world.home.key("master")))
    page.get_by_label("Code reçu").fill(post.codes[0])
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stack.url}/compte/alertes")
    expect(page.locator("tbody tr")).to_contain_text(re.compile("c•••@e•••.invalid"))
    visit.shoot("addresses")
    page.get_by_role("link", name="Retirer").click()
    page.get_by_role("button", name="Retirer").click()
    expect(page.get_by_role("alert")).to_contain_text("dernière adresse")
    visit.shoot("last-address")
