"""A member opens their card on a phone: symbol, code of the minute, table, who is on it."""

import io
import secrets
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect
from tests.api.world import TODAY
from tests.card_samples import SIGNER, make_beneficiary, make_card, make_print
from tests.portals import people
from tests.symbol_reader import read_elsewhere

from rempart.exchange.card_letter import encode_print
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.crockford import format_groups
from rempart.kernel.periods import Period
from rempart.rights.card import Card
from rempart.tariffs.domains import DOMAINS
from rempart.wiring.cards import open_print_seal

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PHONE = {"width": 390, "height": 844}
# Source: ISO/IEC 16022 leaves the module to its use; a telephone's camera reads 0.4 mm at 20 cm. A
# CSS pixel of a telephone is about 0.16 mm.
SMALLEST_MODULE_PX = 4.0
NAMES = ("Camille DURAND", "Noé DURAND", "Zoé DURAND")
INSURER = "Mutuelle des Lilas"


def make_family() -> Card:
    """A grandmother's card, with the two grandchildren she brings up."""
    children = [
        make_beneficiary(
            n, birth_date=BirthDate("20160503"), birth_rank=BirthRank(rank), initial=letter
        )
        for n, rank, letter in ((2, 1, "N"), (3, 2, "Z"))
    ]
    return make_card(
        issued_on=TODAY,
        validity=Period(TODAY.replace(month=1, day=1), TODAY.replace(month=12, day=31)),
        secret=secrets.token_bytes(16),
        beneficiaries=(
            make_beneficiary(1, birth_date=BirthDate("19520412"), initial="C"),
            *children,
        ),
    )


@pytest.fixture
def card(stack) -> tuple[people.Somebody, Card]:
    """A member with a card in force."""
    member, person_ref = people.draw(), people.draw()
    card = make_family()
    printed = make_print(card, names=NAMES, insurer=INSURER)
    seal = open_print_seal(stack.world.home)
    with stack.database.transaction("owner") as tx:
        [(insurer_id,)] = tx.execute("SELECT insurer_id FROM rights.insurer LIMIT 1").fetchall()
        values = {
            "actor": member,
            "handle": secrets.token_bytes(32),
            "person": person_ref,
            "insurer": insurer_id,
            "key": SIGNER.key_id,
            "public": SIGNER.public_key,
            "serial": card.serial.value,
            "sealed": seal.seal(card.serial.value, encode_print(printed)),
            "from": card.validity.starts_on,
            "to": card.validity.ends_on,
        }
        for statement in (
            (
                "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
                " VALUES (%(actor)s, 'member', 'Camille Durand', %(handle)s)"
            ),
            (
                "INSERT INTO accounts.member (actor_ref, insurer_id, person_ref)"
                " VALUES (%(actor)s, %(insurer)s, %(person)s)"
            ),
            (
                "INSERT INTO rights.card_signing_key (key_id, public_key, from_on, to_on)"
                " VALUES (%(key)s, %(public)s, '2020-01-01', '2099-12-31')"
            ),
            (
                "INSERT INTO rights.card_run (run_ref, insurer_id, kind, year, batch_size)"
                " VALUES (1, %(insurer)s, 'yearly', 2027, 100)"
            ),
            (
                "INSERT INTO rights.card_batch"
                " (batch_ref, run_ref, insurer_id, number, cards, pages) VALUES"
                " (1, 1, %(insurer)s, 1, 1, 1)"
            ),
            (
                "INSERT INTO rights.card (serial, insurer_id, contract_ref, holder_ref, year,"
                " beneficiaries, key_id, issued_on, valid_from, valid_to, purpose, large_print,"
                " batch_ref, page) VALUES (%(serial)s, %(insurer)s, 1, %(person)s, 2027, 3,"
                " %(key)s, %(from)s, %(from)s, %(to)s, 'yearly', false, 1, 1)"
            ),
            "INSERT INTO rights.card_print VALUES (%(serial)s, %(person)s, %(sealed)s)",
        ):
            tx.execute(statement, values)
    return people.Somebody(member, people.Role.MEMBER, None, None), card


def test_a_member_shows_their_card_on_a_phone(stack, visit, card, tmp_path: Path):
    member, shown = card
    page = visit.page
    page.set_viewport_size(PHONE)
    stack.enter(page, member)
    page.goto(f"{stack.url}/adherent")
    page.get_by_role("link", name="Voir ma carte").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ma carte")

    # The symbol: on the first screen, large enough, and read from the screen by another library.
    symbol = page.locator(".ecard-symbol")
    box = symbol.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= PHONE["height"], "it is seen without scrolling"
    modules = int(float(symbol.locator("svg").get_attribute("viewBox").split()[2]))
    assert box["width"] / modules >= SMALLEST_MODULE_PX
    picture = Image.open(io.BytesIO(page.screenshot(clip=box))).convert("L")
    assert read_elsewhere(picture) == SIGNER.sign(shown)

    # One person at a time: the code to read out is that of whoever is chosen, table and all.
    code = page.locator(".ecard-code")
    expect(code).to_have_text(format_groups(shown.presence(1).format()))
    expect(page.get_by_role("link", name="1. Camille DURAND")).to_have_attribute(
        "aria-current", "true"
    )
    page.get_by_role("link", name="3. Zoé DURAND").click()
    expect(page.get_by_role("heading", name="Pour Zoé DURAND")).to_be_in_viewport()
    expect(code).to_have_text(format_groups(shown.presence(3).format()))
    for domain in ("PHAR", "OPTI"):
        expect(page.get_by_role("rowheader", name=DOMAINS[domain].label())).to_be_visible()
    expect(page.get_by_role("cell", name="280 €")).to_be_visible()
    visit.shoot("my-card")

    page.set_viewport_size(PHONE)
    page.get_by_role("button", name="Voir mon code à six chiffres").click()
    digits = page.locator(".digits")
    before = digits.inner_text()
    assert len(before.replace(" ", "")) == 6
    visit.shoot("presence-code")
    page.get_by_role("link", name="changer de code").click()
    page.get_by_role("button", name="Changer").click()
    expect(digits).not_to_have_text(before)
