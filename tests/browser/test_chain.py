"""A hosted operator on the day its host cuts: what stops, what goes on, the package it carries."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.api.world import INSURER_ID
from tests.browser.conftest import Stack, Visit
from tests.browser.test_incident import add_insurer_org, shoot_english
from tests.browser.test_payers import open_visit
from tests.package_samples import Affair
from tests.portals import people

from rempart.accounts.roles import Role

__all__ = ["open_visit"]  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


def plant(stack: Stack) -> tuple[people.Organisation, people.Organisation, people.Organisation]:
    """Plant a host, an operator it hosts for the world's insurer, and who processes for it."""
    host = people.make_organisation(stack.database, "operator", name="Plateforme Lambda")
    hosted = people.make_organisation(
        stack.database, "operator", name="Kappa", hosted_by=host.org_ref
    )
    worker = people.make_organisation(stack.database, "insurer", name="Omicron Gestion")
    other = people.make_organisation(stack.database, "insurer", name="Mutuelle des Trois-Fanals")
    insurer = add_insurer_org(stack)
    with stack.database.transaction("owner") as tx:
        tx.cursor().executemany(
            "INSERT INTO accounts.mandate (mandate_ref, principal_ref, agent_ref, kind, starts_on)"
            " VALUES (%s, %s, %s, %s, '2024-01-01')",
            [
                (people.draw(), hosted.org_ref, host.org_ref, "hosts"),
                (people.draw(), insurer.org_ref, hosted.org_ref, "operates"),
                (people.draw(), other.org_ref, hosted.org_ref, "operates"),
                (people.draw(), insurer.org_ref, worker.org_ref, "sub_processes"),
            ],
        )
    return host, hosted, insurer


def make_package(stack: Stack) -> Affair:
    affair = Affair(stack.database)
    affair.add_key(INSURER_ID)
    affair.know(INSURER_ID, 101)
    affair.analyse([(INSURER_ID, 101, "A")])
    affair.make()
    return affair


def test_the_host_cuts_and_a_hosted_operator_sees_what_stops_and_carries_the_package(
    stack: Stack, open_visit: Callable[[people.Somebody], Visit]
):
    host, hosted, insurer = plant(stack)
    affair = make_package(stack)
    guard, colleague, kappa, dpo = (
        open_visit(people.make_agent(stack.database, org, role, name=name))
        for org, role, name in (
            (host, Role.OPERATOR_SECURITY, "Ariane Hôte"),
            (host, Role.OPERATOR_DPO, "Boris Hôte"),
            (hosted, Role.OPERATOR_ADMIN, "Émile Kappa"),
            (insurer, Role.INSURER_DPO, "Chloé Mutuelle"),
        )
    )
    kappa.page.goto(f"{stack.url}/chaine")
    expect(kappa.page.get_by_text("Rien n’est coupé pour vous")).to_be_visible()

    page = guard.page
    page.goto(f"{stack.url}/console/services/couper")
    page.get_by_label("Ce qui est coupé").select_option("insurer")
    page.get_by_label("Complémentaire").select_option(label="Mutuelle du Test")
    page.get_by_role("button", name="Voir qui est touché").click()
    expect(page.get_by_role("heading", name="Kappa")).to_be_visible()
    expect(page.get_by_text("Rien ne change pour : Mutuelle des Trois-Fanals")).to_be_visible()
    guard.shoot("cut-preview-chain")
    page.get_by_role("button", name="Couper", exact=True).click()
    page.goto(f"{stack.url}/chaine")
    expect(page.get_by_text("Coupé depuis le")).to_be_visible()
    guard.shoot("chain-host")

    # The hosted operator's own page, in both languages: what stops, what goes on, its links.
    kappa.page.reload()
    expect(kappa.page.get_by_text("Coupé depuis le")).to_be_visible()
    expect(kappa.page.get_by_text("La facturation continue")).to_be_visible()
    kappa.shoot("chain-hosted")
    shoot_english(kappa, "chain-hosted-en")

    # The package goes along the chain: sent by two of the host, carried by Kappa, received.
    sheet = f"{stack.url}/console/incidents/{affair.incident_id}/envois"
    for visit, act in ((guard, "Demander l’envoi"), (colleague, "Envoyer, en seconde personne")):
        visit.page.goto(sheet)
        visit.page.get_by_role("button", name=act).click()
        visit.page.get_by_role("button", name="Confirmer").click()
        expect(visit.page).to_have_url(sheet)
    kappa.page.goto(f"{stack.url}/chaine")
    kappa.page.get_by_role("link", name="Envois relayés").last.click()
    expect(kappa.page.get_by_text("pas encore")).to_be_visible()
    kappa.page.get_by_role("button", name="Accuser réception").click()
    expect(kappa.page.get_by_text("portez-le-lui sans attendre")).to_be_visible()
    expect(kappa.page.get_by_role("button", name="Accuser réception")).to_have_count(0)
    kappa.shoot("relayed-packages")
    with stack.database.transaction("owner") as tx:
        rows = tx.execute(
            "SELECT level FROM incidents.package_receipt ORDER BY received_at"
        ).fetchall()
        assert rows == [("operator",)]
        # Nobody's clock but its own: the insurer's starts with the insurer's receipt.
        starts = "SELECT insurer_id FROM incidents.room_event WHERE kind = 'package_received'"
        assert tx.execute(starts).fetchall() == [(None,)]
    dpo.page.goto(f"{stack.url}/assureur/incidents/{affair.incident_id}")
    dpo.page.get_by_role("button", name="Accuser réception").first.click()
    with stack.database.transaction("owner") as tx:
        assert (INSURER_ID,) in tx.execute(starts).fetchall()
    kappa.page.reload()
    expect(kappa.page.get_by_text("pas encore")).to_have_count(0)
    expect(kappa.page.get_by_text("Mutuelle du Test (complémentaire)")).to_be_visible()
