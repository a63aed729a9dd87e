"""A member on a phone sees who consulted their rights, keeps it, and has a proof verified."""

from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.api.world import COVERED
from tests.portals import people

from rempart.kernel.instants import PARIS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def member(stack) -> people.Somebody:
    """Whoever the world's card belongs to, with an account of their own."""
    body = {
        "identifiers": {"mode": "card", "card_code": COVERED.card.format()},
        "domain": "PHAR",
        "care_date": datetime.now(PARIS).date().isoformat(),
        "purpose": "billing",
    }
    for _ in range(2):
        assert stack.ask(body).status_code == 200
    actor_ref = people.draw()
    with stack.database.transaction("owner") as tx:
        [(person_ref, insurer_id)] = tx.execute(
            "SELECT person_ref, insurer_id FROM ledger.entry WHERE kind = 1 LIMIT 1"
        ).fetchall()
        tx.execute(
            "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
            " VALUES (%s, 'member', 'Adhérente Essai', %s)",
            (actor_ref, people.secrets.token_bytes(32)),
        )
        tx.execute(
            "INSERT INTO accounts.member (actor_ref, insurer_id, person_ref) VALUES (%s, %s, %s)",
            (actor_ref, insurer_id, person_ref),
        )
    return people.Somebody(actor_ref, people.Role.MEMBER, None, None)


def test_a_member_reads_keeps_and_verifies(stack, visit, member, tmp_path: Path):
    page = visit.page
    page.set_viewport_size({"width": 390, "height": 844})
    stack.enter(page, member)
    page.goto(f"{stack.url}/adherent")
    page.get_by_role("link", name="Voir les consultations").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Qui a consulté mes droits")
    lines = page.locator("tbody tr", has=page.get_by_role("link", name="texte"))
    expect(lines).to_have_count(3)
    expect(lines.first).to_contain_text("Vous, sur ce site")
    visit.shoot("my-history")
    page.set_viewport_size({"width": 390, "height": 844})
    # Nothing of a line lies beside the screen, and the list can still be sorted.
    table = page.get_by_role("region", name="Consultations")
    assert table.evaluate("it => it.scrollWidth <= it.clientWidth")
    expect(table.get_by_role("columnheader", name="Quand")).to_be_visible()
    expect(lines.nth(1).get_by_role("cell")).to_have_count(4)

    for name, link in (("csv", "#csv"), ("pdf", "#pdf")):
        with page.expect_download() as download:
            page.locator(link).click()
        assert download.value.suggested_filename == f"mes-consultations.{name}"
    with page.expect_download() as download:
        lines.nth(1).get_by_role("link", name="texte").click()
    proof = tmp_path / "preuve.tlog-proof"
    download.value.save_as(proof)

    page.goto(f"{stack.url}/preuve")
    page.get_by_label("Texte de la preuve").fill(proof.read_text("utf-8"))
    page.get_by_role("button", name="Vérifier").click()
    expect(page.get_by_text("Prouvé.")).to_be_visible()
    visit.shoot("check-proof")
    page.get_by_label("Ou le fichier").set_input_files(proof)
    page.get_by_role("button", name="Vérifier").click()
    expect(page.get_by_text("Prouvé.")).to_be_visible()
    spoilt = proof.read_text("utf-8").replace("index ", "index 1")
    page.get_by_label("Texte de la preuve").fill(spoilt)
    page.get_by_role("button", name="Vérifier").click()
    expect(page.get_by_text("Refusée.")).to_be_visible()
