"""An employer's month in a browser: a file mended, somebody leaves, what is called, counts."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Stack, Visit
from tests.browser.test_incident import add_insurer_org
from tests.browser.test_payers import Bench, open_visit
from tests.portals import people
from tests.portals.test_employer_space import JOIN, add_staff, expose, make_group, publish_page

from rempart.accounts.roles import Role
from rempart.exchange.movement_file import COLUMNS
from rempart.storage import employer_feeds
from rempart.wiring.clock import today_in_paris
from rempart.workflows.employers.issue_statements import issue_statements

__all__ = ["open_visit"]  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([";".join(COLUMNS), *lines]), encoding="utf-8")
    return path


def test_hr_mends_a_file_somebody_leaves_and_the_month_is_called(
    stack: Stack, open_visit: Callable[[people.Somebody], Visit], tmp_path: Path
):
    bench, insurer = Bench(stack.database), add_insurer_org(stack)
    employer = people.make_organisation(stack.database, "employer", name="Acier d’essai")
    group = SimpleNamespace(
        ref=make_group(bench, insurer, employer),
        org_ref=employer.org_ref,
        insurer_id=insurer.insurer_id,
    )
    today = today_in_paris()
    incident_id = expose(bench, insurer, group, 14, 40)
    publish_page(bench, insurer, incident_id)
    add_staff(bench, group, "A-1")
    hr = people.make_agent(stack.database, employer, Role.EMPLOYER_HR, name="Noé Paie")
    visit = open_visit(hr)
    page = visit.page

    page.goto(f"{stack.url}/employeur/mouvements/fichier")
    left = f"{today - timedelta(days=1):%d/%m/%Y}"
    join = JOIN.replace("01/12/2026", f"{today:%d/%m/%Y}")
    bad = write(tmp_path / "mai.csv", join.replace("isolé", "trio"), f"A-9;sortie;{left}" + ";" * 9)
    page.get_by_label("Fichier CSV").set_input_files(bad)
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_text("2 choses à corriger : rien n’a été pris.")).to_be_visible()
    visit.shoot("employer-findings")
    page.locator("#again").click()
    page.get_by_label("Fichier CSV").set_input_files(write(tmp_path / "juin.csv", join))
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_text("attend la complémentaire", exact=True).last).to_be_visible()

    page.goto(f"{stack.url}/employeur/mouvements/sortie")
    page.get_by_label("Matricule").fill("A-1")
    page.get_by_label("Dernier jour du contrat de travail").fill(left)
    page.get_by_label("Portabilité").select_option("oui")
    page.get_by_role("button", name="Déclarer").click()
    expect(page.get_by_text("portabilité jusqu’au")).to_be_visible()
    visit.shoot("employer-movements")

    with stack.database.transaction("owner") as tx:
        # The worker may have called for a month while the staff was being put there.
        tx.execute("DELETE FROM employers.statement_line")
        tx.execute("DELETE FROM employers.statement")
    with stack.database.transaction("feeds") as tx:
        [one] = [g for g in employer_feeds.list_all_groups(tx) if g.group_ref == group.ref]
        issue_statements(tx, one, today=today)
    page.goto(f"{stack.url}/employeur/effectif?matricule=A-1")
    expect(page.get_by_role("rowheader", name="A-1")).to_be_visible()
    page.goto(f"{stack.url}/employeur/effectif")
    visit.shoot("employer-staff")
    page.goto(f"{stack.url}/employeur/cotisations")
    page.locator("tbody a").first.click()
    expect(page.locator("#amount")).to_contain_text("640,00")
    visit.shoot("employer-statement")
    page.goto(f"{stack.url}/employeur/incidents")
    expect(page.get_by_text("14", exact=True)).to_be_visible()
    expect(page.get_by_text("moins de 11", exact=True)).to_have_count(2)
    visit.shoot("employer-incidents")
    page.goto(f"{stack.url}/employeur")
    visit.shoot("employer-home")

    manager = people.make_agent(stack.database, insurer, Role.INSURER_MANAGER, name="Gaël Gestion")
    office = open_visit(manager)
    page = office.page
    page.goto(f"{stack.url}/assureur/employeurs")
    page.get_by_role("checkbox").first.check()
    office.shoot("insurer-employers")
    page.get_by_role("button", name="Décider ceux qui sont cochés").click()
    expect(page.get_by_text("Aucun mouvement.")).to_be_visible()
