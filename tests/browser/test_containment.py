"""An operator holds a pharmacist's account; she goes on billing, and lets her account go."""

from collections.abc import Iterator
from typing import cast

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.api.world import COVERED, World
from tests.browser.conftest import Stack, Visit
from tests.browser.test_psc import Outside, be, forgive_the_provider, outside
from tests.portals import people

from rempart.accounts.roles import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
__all__ = ["outside"]

BANNER = "Mon compte est limité."
NEW = "/console/garde/mesures/nouvelle"


@pytest.fixture
def operator(outside: Outside, chromium: Browser) -> Iterator[Page]:
    """The browser of an operator of the host, just stepped up."""
    org = people.make_organisation(outside.database, "operator", name="Plateforme Lambda")
    who = people.make_agent(outside.database, org, Role.OPERATOR_SECURITY, name="Sacha Essai")
    context = chromium.new_context(locale="fr-FR")
    context.set_default_timeout(60_000)
    page = context.new_page()
    Stack(outside.ours, outside.database, cast("World", None)).enter(page, who)
    yield page
    context.close()


def change(outside: Outside, statement: str) -> None:
    with outside.database.transaction("owner") as tx:
        tx.execute(statement)  # type: ignore[call-overload]


def come_in(outside: Outside, page: Page) -> None:
    """Sign in at Pro Santé Connect, at her own pharmacy."""
    page.goto(f"{outside.ours}/connexion?next=/professionnel")
    page.get_by_role("button", name="Pro Santé Connect").click()
    be(page, "Claire VASSEUR")
    page.get_by_label("Pharmacie du Pont").check()
    page.get_by_role("button", name="Continuer").click()
    expect(page).to_have_url(f"{outside.ours}/professionnel")


def hold(outside: Outside, page: Page, step: str) -> None:
    """Hold her account from the console: the cost first, then the measure."""
    page.goto(f"{outside.ours}{NEW}?target=account&ref={outside.holder.actor_ref}")
    page.get_by_label("Mesure").select_option(step)
    page.get_by_label("Motif").select_option("suspected_theft")
    page.get_by_role("button", name="Voir ce que cela coûte").click()
    expect(page.get_by_text("1 compte touché.")).to_be_visible()
    expect(page.get_by_text("La facturation.")).to_be_visible()
    page.get_by_role("button", name="Prendre la mesure").click()
    expect(page.get_by_role("cell", name="en vigueur").first).to_be_visible()


def let_go(page: Page) -> None:
    """End the measure in force: one click, and one to confirm."""
    page.get_by_role("link", name="Lever").first.click()
    page.get_by_role("button", name="Lever").click()
    expect(page.get_by_role("cell", name="finie le").first).to_be_visible()


def ask_with_card(outside: Outside, page: Page) -> None:
    page.goto(f"{outside.ours}/verifier")
    page.get_by_label("Code de la carte").fill(COVERED.card.format())
    page.get_by_role("button", name="Vérifier").click()


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Confirmer avec Pro Santé Connect").click()
    be(page, "Claire VASSEUR")


def test_a_held_pharmacist_sees_what_to_do_goes_on_billing_and_lets_her_account_go(
    outside: Outside,
    visit: Visit,
    operator: Page,
):
    page = visit.page
    come_in(outside, page)
    ask_with_card(outside, page)
    expect(page.get_by_role("status")).to_contain_text("Droits ouverts")

    # Asked again who she is: a ceremony, and all goes on.
    hold(outside, operator, "ask_again")
    page.wait_for_timeout(2500)
    ask_with_card(outside, page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirmer que c’est bien vous")
    confirm(page)
    expect(page).to_have_url(f"{outside.ours}/verifier")
    ask_with_card(outside, page)
    expect(page.get_by_role("status").last).to_contain_text("Droits ouverts")
    let_go(operator)

    # Suspended: nothing is checked; money and her own pages go on.
    hold(outside, operator, "suspend")
    page.wait_for_timeout(2500)
    ask_with_card(outside, page)
    expect(page.get_by_text("facturation et paiements continuent").first).to_be_visible()
    page.get_by_role("link", name="Ce qui marche encore, et que faire").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mon compte est limité")
    expect(page.get_by_text("Toute vérification de droits.")).to_be_visible()
    visit.shoot("my-limits")
    for goes_on in ("/etablissement/rib", "/compte", "/compte/evenements"):
        answer = page.goto(f"{outside.ours}{goes_on}")
        assert answer is not None
        assert answer.ok, goes_on
        expect(page.get_by_text(BANNER)).to_be_visible()
    let_go(operator)

    release_her_own(outside, page)
    forgive_the_provider(outside, visit)


def release_her_own(outside: Outside, page: Page) -> None:
    """Held by the guard itself: after a fresh ceremony, she lets her account go."""
    change(
        outside,
        "UPDATE accounts.session SET stepped_up_at = stepped_up_at - interval '6 min';"
        f"INSERT INTO guard.account (account_ref, step) VALUES ({outside.holder.actor_ref}, 2)"
        " ON CONFLICT (account_ref) DO UPDATE SET step = 2;"
        "INSERT INTO guard.event (t_ms, account_ref, kind, step) VALUES"
        f" (extract(epoch FROM now())::bigint * 1000, {outside.holder.actor_ref}, 'contained', 2)",
    )
    page.goto(f"{outside.ours}/professionnel")
    expect(page.get_by_text(BANNER)).to_be_visible()
    page.get_by_role("link", name="Ce qui marche encore, et que faire").click()
    page.get_by_role("button", name="Confirmer que c’est bien moi").click()
    confirm(page)
    expect(page).to_have_url(f"{outside.ours}/professionnel/limites")
    page.get_by_role("button", name="C’était moi : reprendre").click()
    expect(page.get_by_role("status")).to_contain_text("vos vérifications reprennent")
    page.goto(f"{outside.ours}/professionnel")
    expect(page.get_by_text(BANNER)).to_have_count(0)
    rows = outside.read(
        "SELECT kind FROM accounts.security_event"
        " WHERE kind IN ('account_contained', 'own_account_released') ORDER BY at"
    )
    assert rows == [("account_contained",), ("own_account_released",)]
