"""The day everything is cut: cards verified in a real browser with no network, then reported."""

import base64
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
from click.testing import CliRunner
from PIL import Image, ImageFilter
from playwright.sync_api import Page, expect
from tests.api.world import AMC, COVERED, TODAY
from tests.browser.conftest import Stack, Visit
from tests.card_samples import make_print
from tests.symbol_reader import read_elsewhere

from rempart.cli.cards import card as card_command
from rempart.exchange.card_letter import render_letters
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.periods import Period
from rempart.rights.card import Card, CardBeneficiary, compute_presence_key
from rempart.rights.card_documents import CardKey, Issue, make_revocations
from rempart.rights.card_signature import CardSigner, read_symbol
from rempart.rights.coverage import Rate, TicketModerateur
from rempart.wiring.cards import load_root

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

GOOD_FOR_DAYS = 7
NOON = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=ZoneInfo("Europe/Paris"))


@dataclass(frozen=True)
class Cards:
    """Four texts of symbols: what each is, its name says."""

    genuine: str
    revoked: str
    forged: str


def make_card() -> Card:
    return Card(
        issued_on=TODAY,
        validity=Period(TODAY - timedelta(days=30), TODAY + timedelta(days=300)),
        amc_number=AmcNumber(AMC),
        convention_type="IS",
        csr="",
        responsible=True,
        member_number="000123456",
        secret=secrets.token_bytes(16),
        guarantees=({"PHAR": Rate(rate_bp=10000), "MEDG": TicketModerateur()},),
        beneficiaries=(
            CardBeneficiary(
                birth_date=BirthDate(COVERED.birth_date),
                birth_rank=BirthRank(1),
                initial="C",
                guarantee=0,
            ),
        ),
    )


def publish(stack: Stack) -> Cards:
    """Sign three cards, one of them with a key of nobody's, and publish the lists."""
    signer, thief = CardSigner(secrets.token_bytes(32)), CardSigner(secrets.token_bytes(32))
    genuine, revoked = make_card(), make_card()
    root = load_root(stack.world.home)
    issue = Issue(operator="Rempart", number=1, issued_on=TODAY, good_for_days=GOOD_FOR_DAYS)
    key = CardKey(
        public_key=signer.public_key,
        issues=Period(TODAY - timedelta(days=1), TODAY + timedelta(days=365)),
    )
    documents = {
        "keys": root.sign_keys(replace(issue, good_for_days=60), [key]),
        "revocations": root.sign_revocations(make_revocations(issue, [revoked.serial])),
        "domains": root.sign_domains(issue),
    }
    digest = compute_presence_key(stack.world.home.key("lookup"), genuine.presence(1))
    with stack.database.transaction("owner") as tx:
        for kind, body in documents.items():
            tx.execute(
                "INSERT INTO rights.card_document (kind, number, issued_on, body)"
                " VALUES (%s, 1, %s, %s)",
                (kind, TODAY, body),
            )
        tx.execute(
            "INSERT INTO rights.lookup (lookup_key, person_ref)"
            " VALUES (encode(%s, 'hex')::uuid, %s)",
            (digest, COVERED.person_ref),
        )
    # The thief copies a genuine card's first letters, key id included, and signs it themselves.
    text = signer.sign(genuine)
    forged = text[:-60] + thief.sign(genuine)[-60:]
    return Cards(genuine=text, revoked=signer.sign(revoked), forged=forged)


def photograph(text: str, folder: Path) -> Path:
    """The printed card at 150 dots an inch, turned by a few degrees, and not quite sharp."""
    printed = make_print(read_symbol(text).card, symbol=text)
    letter = render_letters([printed], operator="Rempart", made_at=NOON)
    page = pypdfium2.PdfDocument(letter)[0].render(scale=150 / 72).to_pil().convert("L")
    card = page.crop((page.width // 2, int(page.height * 0.72), page.width, page.height))
    turned = card.rotate(7, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    path = folder / f"{secrets.token_hex(4)}.png"
    turned.filter(ImageFilter.GaussianBlur(0.8)).save(path)
    return path


def verify_by_command(stack: Stack, picture: Path) -> tuple[int, str]:
    """Exit code and words of `rempart card verify`, given the lists as files and nothing else."""
    options = []
    with stack.database.transaction("owner") as tx:
        for kind, option in (("keys", "--keys"), ("revocations", "--revocations")):
            [(body,)] = tx.execute(
                "SELECT body FROM rights.card_document WHERE kind = %s", [kind]
            ).fetchall()
            (picture.parent / kind).write_text(body, encoding="utf-8")
            options += [option, str(picture.parent / kind)]
    root = base64.b64encode(load_root(stack.world.home).public_key).decode()
    words = ["verify", str(picture), *options, "--root", root, "--today", f"{TODAY}"]
    result = CliRunner().invoke(card_command, words)
    return result.exit_code, result.output


def wait_until_ready(page: Page) -> None:
    expect(page.locator("#offline[data-ready=yes]")).to_be_attached()


def show(page: Page, text: str) -> None:
    page.locator("#code").fill(text)
    page.get_by_role("button", name="Vérifier").click()


def expect_verdict(page: Page, colour: str, reason: str) -> None:
    verdict = page.locator("#verdict")
    expect(verdict).to_have_attribute("data-reason", reason)
    expect(verdict).to_have_class(re.compile(f"verdict-{colour}"))


def test_cards_are_verified_with_the_network_cut_and_promises_are_reported_after(
    stack: Stack, visit: Visit, tmp_path: Path
):
    cards, page = publish(stack), visit.page
    stack.enter(page, stack.add_pharmacist())
    page.goto(f"{stack.url}/hors-ligne")
    wait_until_ready(page)
    page.evaluate("navigator.serviceWorker.ready")
    page.get_by_role("button", name="Emprunter des numéros").click()
    expect(page.locator("#numbers-state")).to_contain_text("20 numéros")

    page.context.set_offline(True)
    page.reload()
    wait_until_ready(page)
    expect(page.locator("#network")).to_have_text("Sans réseau")
    expect(page.locator("#data-state")).to_contain_text("Les listes sont en règle")

    # A photograph, turned and blurred, read by other libraries than the one that drew it: libdmtx,
    # and the one in the page. The command line gives the same verdict.
    picture = photograph(cards.genuine, tmp_path)
    assert read_elsewhere(Image.open(picture)) == cards.genuine
    code, words = verify_by_command(stack, picture)
    assert (code, "VERT" in words) == (0, True)
    page.locator("#image").set_input_files(picture)
    expect_verdict(page, "green", "genuine")
    expect(page.locator("#verdict-title")).to_be_visible()
    page.locator("#amount").fill("12,50")
    page.get_by_role("button", name="Donner un numéro").click()
    expect(page.locator("#given")).to_contain_text("HL-")
    visit.shoot("offline")

    for text, colour, reason in (
        (cards.forged, "red", "forged"),
        (cards.revoked, "red", "revoked"),
        (cards.genuine[:-5], "red", "damaged"),
        ("http://example.org/", "red", "not_a_card"),
        (cards.genuine.lower(), "green", "genuine"),
    ):
        show(page, text)
        expect_verdict(page, colour, reason)

    # Lists too old; then a device whose clock is wrong by a day: never green.
    for days, reason in ((GOOD_FOR_DAYS + 1, "list_too_old"), (-1, "clock")):
        page.clock.set_fixed_time(NOON + timedelta(days=days))
        show(page, cards.genuine)
        expect_verdict(page, "amber", reason)
        expect(page.get_by_role("button", name="Donner un numéro")).to_be_hidden()

    page.context.set_offline(False)
    page.get_by_role("button", name="Rapporter").click()
    expect(page.locator("#numbers-result")).to_contain_text("accepté")
    expect(page.locator("#numbers-state")).to_contain_text("0 à rapporter")
    with stack.database.transaction("auditor") as tx:
        told = tx.execute("SELECT person_ref FROM ledger.entry WHERE mode = 5").fetchall()
    assert told == [(COVERED.person_ref,)]


def test_the_status_page_and_the_members_code_at_both_sizes(stack: Stack, visit: Visit):
    page = visit.page
    page.goto(f"{stack.url}/statut")
    expect(page.get_by_text("Tout marche, rien n’est coupé.")).to_be_visible()
    visit.shoot("status")
    with stack.database.transaction("registrar") as tx:
        tx.execute(
            "INSERT INTO rights.cut (cut_ref, scope, reason, asked_by, starts_at, review_at)"
            " VALUES (1, 'gateway', 'precaution', 0, now(), now() + interval '4 h')"
        )
    page.wait_for_timeout(11_000)  # what was found is fresh for ten seconds
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("La facturation continue")
    visit.shoot("status-cut")
