"""« Ma carte » and « Cartes » in a browser: what is shown, to whom, and what stops at once."""

import io
import re
from dataclasses import dataclass
from datetime import timedelta

import pypdfium2
import pytest
from django.test import Client
from PIL import Image
from tests.card_samples import SIGNER, make_card, make_print
from tests.portals import people
from tests.portals.conftest import KEY
from tests.symbol_reader import read_elsewhere

from rempart.accounts.roles import Role
from rempart.exchange.card_letter import encode_print
from rempart.exchange.card_symbol import draw_svg
from rempart.rights.card import Card
from rempart.storage.card_prints import PrintSeal

PAGE = "/adherent/carte"
LIST = "/assureur/cartes"


@dataclass
class Printed:
    """A card of somebody, as the database has it."""

    card: Card
    batch_ref: int

    @property
    def number(self) -> str:
        return self.card.serial.format()


def find_person(desk, who: people.Somebody) -> int:
    with desk.database.transaction("owner") as tx:
        [(ref,)] = tx.execute(
            "SELECT person_ref FROM accounts.member WHERE actor_ref = %s", [who.actor_ref]
        ).fetchall()
    return int(ref)


def plant(desk, insurer, person_ref: int, *, secret: int = 1, **changes) -> Printed:
    """A card in force of one person, with its key open to the gateway."""
    card = make_card(2, secret=secret.to_bytes(16), **changes)
    run_ref, batch_ref = people.draw(), people.draw()
    printed = make_print(card, insurer="Mutuelle d’essai")
    sealed = PrintSeal(KEY).seal(card.serial.value, encode_print(printed))
    values = {
        "serial": card.serial.value,
        "insurer": insurer.insurer_id,
        "person": person_ref,
        "key": SIGNER.key_id,
        "public": SIGNER.public_key,
        "run": run_ref,
        "batch": batch_ref,
        "contract": people.draw(),
        "from": card.validity.starts_on,
        "to": card.validity.ends_on,
        "sealed": sealed,
    }
    statements = (
        (
            "INSERT INTO rights.card_signing_key (key_id, public_key, from_on, to_on)"
            " VALUES (%(key)s, %(public)s, '2026-01-01', '2027-12-31') ON CONFLICT DO NOTHING"
        ),
        (
            "INSERT INTO rights.card_run (run_ref, insurer_id, kind, year, batch_size, finished_at)"
            " VALUES (%(run)s, %(insurer)s, 'yearly', 2027, 200, now())"
        ),
        (
            "INSERT INTO rights.card_batch (batch_ref, run_ref, insurer_id, number, cards, pages)"
            " VALUES (%(batch)s, %(run)s, %(insurer)s, 1, 1, 1)"
        ),
        (
            "INSERT INTO rights.card (serial, insurer_id, contract_ref, holder_ref, year,"
            " beneficiaries, key_id, issued_on, valid_from, valid_to, purpose, large_print,"
            " batch_ref, page) VALUES (%(serial)s, %(insurer)s, %(contract)s, %(person)s, 2027, 2,"
            " %(key)s, '2026-11-22', %(from)s, %(to)s, 'yearly', false, %(batch)s, 1)"
        ),
        "INSERT INTO rights.card_print VALUES (%(serial)s, %(person)s, %(sealed)s)",
        "INSERT INTO rights.card_key SELECT gen_random_uuid(), %(serial)s, %(person)s, 1",
        (
            "INSERT INTO rights.lookup SELECT presence_key, person_ref FROM rights.card_key"
            " WHERE serial = %(serial)s"
        ),
    )
    with desk.database.transaction("owner") as tx:
        for statement in statements:
            tx.execute(statement, values)
    return Printed(card, batch_ref)


def count(desk, statement: str) -> int:
    with desk.database.transaction("owner") as tx:
        [(found,)] = tx.execute(statement).fetchall()
    return int(found)


@pytest.fixture
def member(desk, insurer, browser) -> people.Somebody:
    """A member at their browser."""
    who = people.make_member(desk.database, insurer)
    people.sign_in(browser, desk.database, who)
    return who


@pytest.fixture
def mine(desk, insurer, member) -> Printed:
    """Their card."""
    return plant(desk, insurer, find_person(desk, member))


@pytest.fixture
def at_work(desk, manager, browser) -> Client:
    """The insurer's manager at their browser."""
    people.sign_in(browser, desk.database, manager)
    return browser


def test_a_member_shows_their_card_with_its_symbol_labels_and_table(browser, mine):
    page = browser.get(PAGE).content.decode()
    assert draw_svg(SIGNER.sign(mine.card)) in page
    for shown in (mine.number, "ADH00000123", "9900000007", "TP", "02", "Camille1 DURAND"):
        assert shown in page, shown
    assert "100 % IS" in page
    assert ">R</abbr>" in page
    assert "non conforme" in page or "ne lui est pas conforme" in page


def test_another_member_of_the_same_insurer_sees_nothing_of_it(desk, insurer, browser, mine):
    other = Client()
    people.sign_in(other, desk.database, people.make_member(desk.database, insurer))
    page = other.get(PAGE).content.decode()
    assert mine.number not in page
    assert "Vous n’avez pas de carte" in page
    for what in ("carte.pdf", "symbole.png", "perdue"):
        assert other.get(f"{PAGE}/{mine.number}/{what}").status_code == 404, what
        if what == "perdue":
            assert other.post(f"{PAGE}/{mine.number}/{what}").status_code == 404


def test_the_downloaded_card_is_the_card(browser, mine):
    answer = browser.get(f"{PAGE}/{mine.number}/carte.pdf")
    assert answer.headers["Content-Type"] == "application/pdf"
    page = pypdfium2.PdfDocument(answer.content)[0].render(scale=150 / 72).to_pil().convert("L")
    assert read_elsewhere(page) == SIGNER.sign(mine.card)
    picture = browser.get(f"{PAGE}/{mine.number}/symbole.png")
    assert read_elsewhere(Image.open(io.BytesIO(picture.content)).convert("L")) == SIGNER.sign(
        mine.card
    )


def test_a_card_declared_lost_stops_at_once_and_another_is_ordered(desk, browser, press, mine):
    assert count(desk, "SELECT count(*) FROM rights.lookup") >= 1

    answer = press(f"{PAGE}/{mine.number}/perdue")

    assert answer.headers["Location"] == PAGE
    assert (
        count(
            desk,
            "SELECT count(*) FROM rights.lookup JOIN rights.card_key ON lookup_key = presence_key",
        )
        == 0
    )
    assert count(desk, "SELECT count(*) FROM rights.card_order WHERE purpose = 'lost'") == 1
    page = browser.get(PAGE).content.decode()
    assert "Perdue" in page
    assert "Une nouvelle carte est commandée" in page
    assert draw_svg(SIGNER.sign(mine.card)) not in page
    assert "Carte de tiers payant révoquée" in browser.get("/compte/evenements").content.decode()


def test_ordering_needs_a_fresh_ceremony_and_so_does_declaring_a_loss(desk, browser, mine):
    desk.clock = desk.clock.now(desk.clock.tzinfo) + timedelta(minutes=6)
    for page in (f"{PAGE}/commander", f"{PAGE}/{mine.number}/perdue"):
        answer = browser.get(page)
        assert answer.status_code == 302, page
        assert answer.headers["Location"].startswith("/confirmation"), page


def test_a_card_is_ordered_once(desk, press, mine):
    first = press(f"{PAGE}/commander", {"large_print": "on"})
    again = press(f"{PAGE}/commander")
    assert (first.status_code, again.status_code) == (302, 409)
    assert count(desk, "SELECT count(*) FROM rights.card_order WHERE large_print") == 1


@pytest.mark.parametrize("number", ["x", "0000-0000-0000-0000", "9" * 200])
def test_a_number_that_is_no_card_leads_nowhere(browser, member, number):
    assert browser.get(f"{PAGE}/{number}/carte.pdf").status_code == 404


def test_an_insurer_follows_its_batches_and_finds_a_card_by_its_number(
    desk, insurer, at_work, mine
):
    people.sign_in(
        at_work, desk.database, people.make_agent(desk.database, insurer, Role.INSURER_MANAGER)
    )
    page = at_work.get(LIST).content.decode()
    assert "Lot 1" in page
    assert "terminé" in page
    found = at_work.get(LIST, {"serial": mine.number.lower()})
    assert found.headers["Location"] == f"{LIST}/{mine.card.serial.code}"
    card = at_work.get(found.headers["Location"]).content.decode()
    assert mine.number in card
    assert "DURAND" not in card
    assert at_work.get(LIST, {"serial": "abc"}).status_code == 422


def test_lists_are_sorted_paged_and_exported(desk, insurer, at_work, manager):
    people.sign_in(at_work, desk.database, manager)
    for n in range(1, 4):
        plant(desk, insurer, people.draw(), secret=n)
    [[batch_ref]] = [
        re.findall(r"/assureur/cartes/lots/(\d+)", at_work.get(LIST).content.decode())[:1]
    ]
    for page in (LIST, f"{LIST}/lots/{batch_ref}"):
        assert at_work.get(page).status_code == 200
        assert at_work.get(f"{page}?tri=number&sens=asc").status_code == 200
        sheet = at_work.get(f"{page}.csv").content.decode()
        assert sheet.count("\r\n") == (4 if page == LIST else 2), sheet


def test_another_insurer_sees_no_batch_and_no_card(desk, at_work, mine):
    elsewhere = people.make_organisation(desk.database, "insurer")
    stranger = Client()
    people.sign_in(
        stranger,
        desk.database,
        people.make_agent(desk.database, elsewhere, Role.INSURER_ADMIN),
    )
    assert "Lot 1" not in stranger.get(LIST).content.decode()
    for page in (f"{LIST}/{mine.number}", f"{LIST}/lots/{mine.batch_ref}"):
        assert stranger.get(page).status_code == 404, page
    for act in ("refaire", "reprise"):
        values = {"purpose": "reissue", "reason": "ended"}
        assert stranger.post(f"{LIST}/{mine.number}/{act}", values).status_code == 404, act
    assert count(desk, "SELECT count(*) FROM rights.card WHERE revoked_at IS NOT NULL") == 0


def test_an_insurer_takes_a_card_back_and_has_one_made_again(
    desk, insurer, manager, browser, press
):
    people.sign_in(browser, desk.database, manager)
    first, second = (plant(desk, insurer, people.draw(), secret=n) for n in (1, 2))

    assert press(f"{LIST}/{first.number}/reprise", {"reason": "ended"}).status_code == 302
    assert press(f"{LIST}/{second.number}/refaire", {"purpose": "separation"}).status_code == 302
    assert press(f"{LIST}/{second.number}/refaire", {"purpose": "reissue"}).status_code == 409

    assert "Fin de contrat" in browser.get(f"{LIST}/{first.number}").content.decode()
    assert "1 carte commandée" in browser.get(LIST).content.decode()
    assert press(f"{LIST}/{first.number}/reprise", {"reason": "?"}).status_code == 422


def test_an_insurers_privacy_officer_reads_and_changes_nothing(desk, insurer, browser):
    dpo = people.make_agent(desk.database, insurer, Role.INSURER_DPO)
    people.sign_in(browser, desk.database, dpo)
    card = plant(desk, insurer, people.draw())
    page = browser.get(f"{LIST}/{card.number}").content.decode()
    assert "La refaire" not in page
    assert browser.get(f"{LIST}/{card.number}/reprise").status_code == 403


@pytest.fixture
def parents(desk, insurer) -> tuple[Printed, Printed]:
    """Cards of two adults of one contract, separated, with one child on the first one's."""
    first, second = (plant(desk, insurer, people.draw(), secret=n) for n in (1, 2))
    child = people.draw()
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE rights.card SET contract_ref = (SELECT min(contract_ref) FROM rights.card)"
        )
        tx.execute(
            "INSERT INTO rights.card_key SELECT gen_random_uuid(), %s, %s, 2",
            (first.card.serial.value, child),
        )
        tx.execute(
            "INSERT INTO rights.card_attachment"
            " SELECT contract_ref, holder_ref, holder_ref, insurer_id FROM rights.card"
        )
    return first, second


def test_an_insurer_puts_a_child_on_both_parents_cards_and_takes_them_off(
    desk, browser, press, manager, parents
):
    people.sign_in(browser, desk.database, manager)
    first, second = parents
    page = browser.get(f"{LIST}/{first.number}").content.decode()
    assert "Parents séparés" in page
    share, unshare = (f"{LIST}/{first.number}/enfant{end}" for end in ("", "/retrait"))

    last = press(unshare, {"line": "2"})
    assert last.status_code == 422
    assert "pas d’enfant qui ait aussi une autre carte" in last.content.decode()
    assert press(share, {"line": "2", "other": second.number}).status_code == 302
    assert "1 carte commandée" in browser.get(LIST).content.decode()
    again = press(share, {"line": "2", "other": second.number})
    assert again.status_code == 422
    assert "Refusé" in again.content.decode()
    assert press(unshare, {"line": "2"}).status_code == 302
    kept = "SELECT count(*) FROM rights.card_attachment WHERE person_ref <> holder_ref"
    assert count(desk, kept) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"line": "1"},
        {"line": "x"},
        {"line": ""},
        {"line": "9"},
        {"other": "abc"},
        {"other": "0000-0000-0000-0000"},
    ],
)
def test_what_cannot_be_shared_is_said_on_the_page(desk, browser, press, manager, parents, wrong):
    people.sign_in(browser, desk.database, manager)
    first, second = parents
    form = {"line": "2", "other": second.number, **wrong}
    answer = press(f"{LIST}/{first.number}/enfant", form)
    assert answer.status_code == 422
    assert count(desk, "SELECT count(*) FROM rights.card_order") == 0


def test_another_insurer_shares_no_child_of_this_one(desk, parents):
    elsewhere = people.make_organisation(desk.database, "insurer")
    stranger = Client()
    people.sign_in(
        stranger, desk.database, people.make_agent(desk.database, elsewhere, Role.INSURER_ADMIN)
    )
    first, second = parents
    for act in ("enfant", "enfant/retrait"):
        values = {"line": "2", "other": second.number}
        assert stranger.post(f"{LIST}/{first.number}/{act}", values).status_code == 404, act
    assert count(desk, "SELECT count(*) FROM rights.card_order") == 0


def test_each_parent_reads_their_own_card_and_no_word_of_the_others(desk, insurer):
    pages = {}
    for number, name in enumerate(("Alix", "Sacha"), 1):
        browser, who = Client(), people.make_member(desk.database, insurer, name=name)
        people.sign_in(browser, desk.database, who)
        mine = plant(
            desk, insurer, find_person(desk, who), secret=number, member_number=f"ADH{number}"
        )
        pages[name] = (mine, browser)
    for name, (mine, browser) in pages.items():
        [(other, _)] = [found for who, found in pages.items() if who != name]
        page = browser.get(PAGE).content.decode()
        assert mine.number in page
        for said in (
            other.number,
            other.card.presence(1).format_printed(),
            other.card.member_number,
        ):
            assert said not in page, name
        for file in ("carte.pdf", "symbole.png", "perdue"):
            assert browser.get(f"{PAGE}/{other.number}/{file}").status_code == 404, file
