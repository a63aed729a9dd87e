"""Anybody learns whether they are concerned: by a letter's code, by a card read in the browser."""

import os
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import Stack, Visit
from tests.concerned_samples import Campaign, give_card, publish
from tests.package_samples import Affair
from tests.portals import people

from rempart.accounts.roles import Role
from rempart.rights.card import CardSerial, PresenceCode
from rempart.wiring.cards import open_print_seal
from rempart.workflows.notices.make_self_checks import ListMaker, make_self_checks

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PERSON, CHILD, FREE = 101, 103, 110
PAGES = ("/", "/statut", "/incidents/", "/suis-je-concerne", "/courrier", "/signaler")
PAGES += ("/mentions-legales", "/connexion", "/ledger/", "/docs/api")
QUIET, CARD = bytes([3]) * 16, bytes(range(16))


@pytest.fixture
def insurer(stack) -> people.Organisation:
    return people.make_organisation(stack.database, "insurer", name="Mutuelle Aubelune")


@pytest.fixture
def affair(stack, insurer) -> Affair:
    """An incident told to an insurer; a parent and a child are concerned, somebody else is not."""
    affair = Affair(stack.database)
    affair.add_key(insurer.insurer_id)
    listed = [(insurer.insurer_id, PERSON, "A"), (insurer.insurer_id, CHILD, "B")]
    for insurer_id, ref, _tier in listed:
        affair.know(insurer_id, ref)
    affair.analyse(listed)
    affair.make(insurer.insurer_id)
    affair.send(insurer.insurer_id)
    with affair.database.transaction("owner") as tx:
        tx.execute("UPDATE incidents.package SET fields = %s", (1 << 16 | 1 << 20,))
    return affair


def seal_cards(stack, affair, insurer) -> str:
    """Write to everybody, publish the page, give cards, make the list; return the letter's code."""
    campaign = Campaign(affair, insurer.insurer_id)
    code = campaign.write(PERSON)
    campaign.write(CHILD, certainty="B", doubt="shared_session", relation="minor")
    campaign.approve()
    publish(affair, insurer.insurer_id)
    seal = open_print_seal(stack.world.home)
    family = [(PERSON, "19700101"), (102, "19710101"), (CHILD, "20150303")]
    give_card(stack.database, insurer.insurer_id, family, seal=seal, secret=CARD)
    give_card(stack.database, insurer.insurer_id, [(FREE, "19800101")], seal=seal, secret=QUIET)
    with (
        stack.database.connect("notifier", autocommit=True) as notices,
        stack.database.connect("feeds", autocommit=True) as cards,
    ):
        make_self_checks(
            ListMaker(
                notices=notices,
                cards=cards,
                prints=seal,
                draw=os.urandom,
                now=datetime.now(UTC),
            )
        )
    return code


def check_card(page: Page, secret: bytes, start: str) -> None:
    """Type a card's code and the first letters of its number, and send them by the keyboard."""
    page.locator("#card-code").fill(PresenceCode(secret, 1).format_printed())
    page.locator("#card-check").fill(start)
    page.locator("#card-check").press("Enter")


def test_a_code_and_a_card_say_the_same_and_send_nothing_of_the_card(stack, visit, affair, insurer):
    code = seal_cards(stack, affair, insurer)
    page = visit.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.url} {request.post_data or ''}"))
    page.goto(stack.url)
    visit.press(page.get_by_role("link", name="Suis-je concerné(e) ?"))
    visit.type(page.get_by_label("Code de votre message"), code.lower())
    page.keyboard.press("Enter")
    expect(page.get_by_text("Ce message est vrai.")).to_be_visible()
    expect(page.locator("#said")).to_contain_text("C’est établi.")
    visit.shoot("concerned-code")

    asked.clear()
    check_card(page, CARD, "ZZZZ")
    expect(page.locator("#card-reply")).to_contain_text("ne vont pas ensemble")
    assert asked == []
    check_card(page, CARD, "RWC4")
    reply = page.locator("#card-reply")
    expect(reply).to_contain_text("Titulaire de la carte")
    expect(reply).to_contain_text("Concerné(e). C’est établi.")
    expect(reply).to_contain_text("Enfant, ligne 3 de la carte")
    expect(reply).to_contain_text("Très probablement concerné(e).")
    expect(reply).to_contain_text("RWC4-HRW4-EXN9-Y2J4")
    visit.shoot("concerned-card")
    # One bucket was asked for, by its place in a list; nothing else of the card left the browser.
    [only] = asked
    assert only.split("/suis-je-concerne/listes/")[1].split("/")[1].strip() == "0"

    page.locator("#card-code").fill("RP1 not a card")
    page.locator("#card-check").press("Enter")
    expect(reply).to_contain_text("Ce n’est pas le code d’une carte")

    ask_in_english(page, reply)
    read_public_pages(stack, visit)
    answer_a_call(stack, visit, affair, insurer, code)


def ask_in_english(page: Page, reply: Locator) -> None:
    """On a phone, with the keyboard: a card nothing is known of, and a code that was never sent."""
    page.get_by_role("button", name="English").click()
    page.set_viewport_size({"width": 390, "height": 844})
    free = PresenceCode(QUIET, 1)
    page.locator("#card-code").fill(free.code)
    page.locator("#card-check").fill(find_start(QUIET))
    page.keyboard.press("Enter")
    expect(reply).to_contain_text("are on the list")
    page.get_by_label("Code of your message").fill("AAAA-AAAA-AAAA-A")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This code is on no message that left here.")).to_be_visible()


def read_public_pages(stack: Stack, visit: Visit) -> None:
    """From the page of checks to a published incident and to whom a message is reported."""
    page = visit.page
    visit.press(page.get_by_role("link", name="Published incidents"))
    visit.press(page.get_by_role("link", name="Santé Démo"))
    public = page.url.removeprefix(stack.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Santé Démo")
    expect(page.get_by_text("Data theft at")).to_be_visible()
    visit.press(page.get_by_role("contentinfo").get_by_role("link", name="Report"))
    page.get_by_label("A text message").check()
    visit.press(page.get_by_role("button", name="Where to report it"))
    expect(page.locator("#first")).to_contain_text("33700.fr")
    page.get_by_role("button", name="Français").click()
    visit.shoot("report-phishing")
    page.goto(f"{stack.url}/incidents/")
    page.get_by_role("link", name="Santé Démo").click()
    visit.shoot("public-incident")
    visit.tour_in_english(stack.url, *PAGES, public)
    page.get_by_role("button", name="Français").click()


def answer_a_call(
    stack: Stack, visit: Visit, affair: Affair, insurer: people.Organisation, code: str
) -> None:
    """Read the page as its insurer does, then tell somebody on the telephone, on record."""
    page = visit.page
    stack.enter(
        page, people.make_agent(stack.database, insurer, Role.INSURER_DPO, name="Chloé Essai")
    )
    page.goto(f"{stack.url}/assureur/incidents/{affair.incident_id}/page")
    expect(page.locator("#state")).to_contain_text("version 1")
    visit.shoot("own-page")
    page.get_by_role("link", name="Adhérents", exact=True).click()
    page.get_by_role("link", name="Téléphone").click()
    page.get_by_label("Code du courrier ou du courriel").fill(code)
    page.keyboard.press("Enter")
    expect(page.locator("#on-record")).to_be_visible()
    expect(page.get_by_text("Courrier, premier message : posté")).to_be_visible()
    visit.shoot("call-desk")


def find_start(secret: bytes) -> str:
    """Return the first letters of a card's number."""
    return CardSerial.of(secret).format()[:4]
