"""A member on a phone, by the keyboard: a message, a doubt, a suspicious message, in English."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from PIL import Image
from playwright.sync_api import expect
from tests.portals import people
from tests.portals.test_own_messages import plant_message
from tests.portals.test_payers import CLAIM, add_claim, find_person

from rempart.accounts.roles import Role
from rempart.storage.connect import Database

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PAGES = (
    *("/adherent", "/adherent/messages", "/adherent/vigilance", "/adherent/famille"),
    *("/adherent/messages-suspects", "/adherent/mes-donnees", "/mes-remboursements"),
)
TEXT = "Remboursement en attente : confirmez sur https://remb-sante.example/a avant ce soir"


@dataclass(frozen=True)
class Desk:
    """What the samples of the portals ask of a desk."""

    database: Database
    clock: datetime


def take_photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 480), (20, 60, 90)).save(out, "JPEG")
    return out.getvalue()


def test_a_member_reads_doubts_and_reports_and_the_insurer_answers(stack, visit, chromium):
    desk = Desk(stack.database, datetime.now(UTC))
    insurer = people.make_organisation(stack.database, "insurer", name="Mutuelle des Essais")
    place = people.make_organisation(stack.database, "establishment", name="Cabinet des Lilas")
    member = people.make_member(stack.database, insurer, name="Adhérente Essai")
    person_ref = find_person(desk, member)
    add_claim(
        desk,
        insurer_id=insurer.insurer_id,
        person_ref=person_ref,
        place=place.establishment_ref,
    )
    plant_message(desk, insurer, person_ref, 7)
    page = visit.page
    stack.enter(page, member)
    page.goto(f"{stack.url}/adherent")
    expect(page.get_by_role("heading", name="Un message à lire")).to_be_visible()
    visit.shoot("member-home")

    page.set_viewport_size({"width": 390, "height": 844})
    visit.press(page.get_by_role("link", name="Vol de données : ce qui vous concerne"))
    expect(page.get_by_text("C’est établi.")).to_be_visible()
    visit.shoot("my-message")
    visit.press(page.get_by_role("link", name="Ma vigilance"))
    visit.press(page.get_by_role("link", name="Je ne reconnais pas ce soin"))
    visit.press(page.get_by_label("Je n’ai pas reçu ce soin"), "Space")
    visit.type(page.get_by_label("Ce que vous voulez ajouter"), "J’étais en voyage ce jour-là.")
    visit.shoot("dispute-care")
    visit.press(page.get_by_role("button", name="Le dire à ma complémentaire"))
    expect(page.get_by_text("en attente de réponse")).to_be_visible()

    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{stack.url}/adherent/messages-suspects/signaler")
    page.get_by_label("SMS ou messagerie").check()
    page.get_by_label("non", exact=True).check()
    page.get_by_label("Le texte du message").fill(TEXT)
    page.get_by_label("Ou une photo du message").set_input_files(
        {"name": "IMG_0001.jpg", "mimeType": "image/jpeg", "buffer": take_photo()}
    )
    visit.shoot("report-message")
    visit.press(page.get_by_role("button", name="Envoyer à ma complémentaire"))
    expect(page.get_by_text("hxxps://remb-sante[.]example")).to_be_visible()
    expect(page.get_by_text("33700")).to_be_visible()

    answer(stack, chromium, people.make_agent(stack.database, insurer, Role.INSURER_MANAGER))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{stack.url}/adherent/messages-suspects")
    expect(page.get_by_text("C’est une fraude")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text("This is a fraud")).to_be_visible()
    page.goto(f"{stack.url}/mes-remboursements/{CLAIM}")
    expect(page.get_by_role("button", name="I did not receive this care")).to_be_visible()
    page.goto(f"{stack.url}/adherent/mes-donnees")
    expect(page.get_by_role("heading", level=1)).to_have_text("My data")
    page.get_by_role("button", name="Français").click()
    visit.tour_in_english(stack.url, *PAGES)
    assert visit.complaints == []


def press(page, link) -> None:
    """Follow a link or press a button without a mouse."""
    link.focus()
    page.keyboard.press("Enter")


def answer(stack, chromium, agent) -> None:
    """Open the message, its photograph with it, and say what it is, at the insurer's."""
    context = chromium.new_context(locale="fr-FR")
    page = context.new_page()
    stack.enter(page, agent)
    page.goto(f"{stack.url}/assureur/messages-suspects")
    press(page, page.get_by_role("link", name="SMS ou messagerie").first)
    press(page, page.get_by_role("link", name="SMS ou messagerie").first)
    photo = page.get_by_role("img", name="Photo du message, envoyée par l’adhérent")
    expect(photo).to_be_visible()
    assert photo.evaluate("it => it.naturalWidth") == 320
    press(page, page.get_by_role("link", name="Revenir à la vague"))
    page.get_by_label("C’est une fraude").check()
    press(page, page.get_by_role("button", name="Répondre à toutes"))
    expect(page.get_by_text("C’est une fraude")).to_be_visible()
    context.close()
