"""Who pays, in real browsers: benefits and a run by two people, a member who reads who paid."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import Stack, Visit
from tests.browser.test_incident import add_insurer_org
from tests.portals import people, test_payers

from rempart.accounts.roles import Role
from rempart.storage.connect import Database

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


class Bench:
    """What the plain tests of these pages plant their rows with."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = datetime.now(UTC) - timedelta(minutes=1)


@pytest.fixture
def open_visit(
    stack: Stack, chromium: Browser, tmp_path: Path, visit: Visit
) -> Iterator[Callable[[people.Somebody], Visit]]:
    """A function that opens a browser of its own for somebody, French as all."""
    contexts = []

    def open_one(who: people.Somebody) -> Visit:
        context = chromium.new_context(locale="fr-FR", timezone_id="Europe/Paris")
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        stack.enter(page, who)
        one = Visit(page, visit.shots, tmp_path)
        opened.append(one)
        return one

    opened: list[Visit] = []
    yield open_one
    for context in contexts:
        context.close()
    assert [one.complaints for one in opened if one.complaints] == []


def approve(page: Page, button: str) -> None:
    """Follow the link of a gesture, and confirm it."""
    page.get_by_role("button", name=button).click()
    page.locator("form button[type=submit]").last.click()


def propose(visit: Visit, url: str, folder: Path) -> str:
    """Propose a file of benefits and try it; return the address of its page."""
    page = visit.page
    tables, pack = folder / "garanties.toml", folder / "cas.toml"
    tables.write_text(test_payers.TABLE)
    pack.write_text(test_payers.PACK)
    page.goto(f"{url}/assureur/garanties/proposer")
    page.get_by_label("Fichier de garanties").set_input_files(tables)
    page.get_by_label("Note").fill("Consultations à 150 % à partir de 2026")
    page.get_by_role("button", name="Proposer").click()
    expect(page.get_by_text("Une autre personne de votre équipe")).to_be_visible()
    page.get_by_text("Tous vos cas de non-régression").click()
    page.get_by_label("Cas de non-régression").set_input_files(pack)
    page.get_by_role("button", name="Essayer ces cas").click()
    expect(page.get_by_text("1 ne donne pas ce qui est attendu")).to_be_visible()
    expect(page.get_by_text("Les dépassements hors OPTAM sont payés")).to_be_visible()
    visit.shoot("benefits")
    return page.url


def test_two_people_approve_benefits_and_a_run_and_a_member_reads_who_paid(
    stack: Stack,
    open_visit: Callable[[people.Somebody], Visit],
    tmp_path: Path,
):
    bench, insurer = Bench(stack.database), add_insurer_org(stack)
    place = people.make_organisation(stack.database, "establishment", name="Cabinet des Lilas")
    member = people.make_member(stack.database, insurer)
    test_payers.add_claim(
        bench,
        insurer_id=insurer.insurer_id,
        person_ref=test_payers.find_person(bench, member),
        place=place.establishment_ref,
    )
    first = open_visit(people.make_agent(stack.database, insurer, Role.INSURER_MANAGER))
    file_page = propose(first, stack.url, tmp_path)
    second = open_visit(
        people.make_agent(stack.database, insurer, Role.INSURER_ADMIN, name="Alix Second")
    )
    second.page.goto(file_page)
    approve(second.page, "Approuver")
    expect(second.page.locator(".title .badge")).to_have_text("approuvé")
    second.page.goto(f"{stack.url}/assureur/factures")
    second.shoot("insured-claims")
    second.page.locator("tbody a").first.click()
    expect(second.page.get_by_text("Cette lecture est inscrite au registre")).to_be_visible()
    second.shoot("insured-claim")

    page = test_payers.add_run(bench)
    host = people.make_organisation(stack.database, "operator", name="Plateforme Lambda")
    for number, name in enumerate(("Ariane Hôte", "Basile Hôte")):
        agent = people.make_agent(stack.database, host, Role.OPERATOR_OPS, name=name)
        operator = open_visit(agent)
        operator.page.goto(stack.url + page)
        if number:
            operator.shoot("payment-run")
        approve(operator.page, "Donner mon accord")
        expect(operator.page.locator(".tiles").get_by_text(name)).to_be_visible()
    operator.page.goto(f"{stack.url}/console/factures")
    operator.shoot("claim-counts")

    own = open_visit(member)
    own.page.goto(f"{stack.url}/mes-remboursements")
    own.page.get_by_role("link", name="Cabinet des Lilas").click()
    expect(own.page.get_by_text("versés au professionnel")).to_be_visible()
    own.shoot("my-reimbursement")
    own.page.get_by_role("button", name="English").click()
    expect(own.page.get_by_text("Who paid what")).to_be_visible()
    own.shoot("my-reimbursement-en")
