"""Professionals and agents come in through their providers, in a real browser, across origins."""

import csv
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.api.world import COVERED, populate
from tests.browser.conftest import Visit, is_ready, wait_until
from tests.portals import people

from rempart.accounts.roles import Role
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.storage.connect import Database
from rempart.wiring.home import Home

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

COLUMNS = ("rpps", "profession", "family_name", "first_name", "finess", "siret", "establishment",
           "postcode", "city", "iban", "mode")  # fmt: skip


@dataclass(frozen=True)
class Outside:
    """Our installation, and the providers outside of it."""

    ours: str
    theirs: str
    database: Database
    holder: people.Somebody
    agent: people.Somebody

    def read(self, statement: str) -> list[tuple[object, ...]]:
        """Read the database as its owner."""
        with self.database.transaction("owner") as tx:
            return tx.execute(statement).fetchall()


@pytest.fixture
def outside(
    database: Database,
    home: Home,
    environment: dict[str, str],
    unused_port: int,
    tmp_path: Path,
) -> Iterator[Outside]:
    """`rempart serve` with the simulated providers, who know a pharmacist and an agent."""
    populate(database, home)
    holder, agent = settle(database, tmp_path)
    port = unused_port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        theirs = int(probe.getsockname()[1])
    given = {
        "REMPART_PORT": str(port),
        "REMPART_DEV_PSC": "1",
        "REMPART_DEV_PSC_PORT": str(theirs),
        "REMPART_DEV_PSC_PROFESSIONALS": str(tmp_path / "professionals.csv"),
        "REMPART_DEV_PSC_AGENTS": str(tmp_path / "agents.toml"),
    }
    command = [sys.executable, "-m", "rempart", "serve"]
    with subprocess.Popen(
        command, env={**environment, **given}, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until(lambda: is_ready(f"http://127.0.0.1:{port}"))
            yield Outside(
                f"http://localhost:{port}", f"http://localhost:{theirs}", database, holder, agent
            )
        finally:
            process.terminate()
            _, written = process.communicate(timeout=120)
    assert "Traceback" not in written, written
    assert "REMPART_DEV_PSC=1: anybody can sign in as anybody" in written


def settle(database: Database, place: Path) -> tuple[people.Somebody, people.Somebody]:
    """Register a pharmacist with two places, and an insurer's agent; tell the providers."""
    pharmacy = people.make_organisation(database, "establishment", name="Pharmacie du Pont")
    hospital = people.make_organisation(database, "establishment", name="Hôpital du Lac")
    people.make_agent(database, hospital, Role.HOLDER, name="Yves Chef")
    holder = people.make_agent(database, pharmacy, Role.HOLDER, name="Claire Vasseur")
    insurer = people.make_organisation(database, "insurer", name="Mutuelle d’essai")
    agent = people.make_agent(database, insurer, Role.INSURER_MANAGER, name="Sacha Martin")
    with database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.organisation SET identity_provider = 'entreprise'")
        tx.execute(
            "INSERT INTO accounts.provider_identity (provider, subject, actor_ref)"
            " VALUES ('entreprise', 'sub-sacha', %s)",
            [agent.actor_ref],
        )
        rows = tx.execute(
            "SELECT p.rpps, e.siret, e.name, CASE WHEN m.actor_ref IS NULL THEN 'S' ELSE 'L' END"
            " FROM accounts.professional AS p CROSS JOIN accounts.establishment AS e"
            " JOIN accounts.organisation AS o ON o.establishment_ref = e.establishment_ref"
            " LEFT JOIN accounts.membership AS m"
            " ON m.org_ref = o.org_ref AND m.actor_ref = p.account_ref"
            " WHERE p.account_ref = %s AND o.org_ref = ANY(%s)",
            [holder.actor_ref, [pharmacy.org_ref, hospital.org_ref]],
        ).fetchall()
    with (place / "professionals.csv").open("w", encoding="utf-8", newline="") as file:
        sheet = csv.writer(file, delimiter=";")
        sheet.writerow(COLUMNS)
        for rpps, siret, name, mode in rows:
            sheet.writerow(
                [rpps, "pharmacy", "VASSEUR", "Claire", "", siret, name, "75009", "Paris", "", mode]
            )
        stranger = make_synthetic_rpps(99_999).number
        sheet.writerow(
            [stranger, "nurse", "INCONNUE", "Rose", "", "", "Cabinet", "75009", "Paris", "", "L"]
        )
    (place / "agents.toml").write_text(
        '[[agent]]\nsub = "sub-sacha"\nname = "Sacha Martin"\n', encoding="utf-8"
    )
    return holder, agent


def be(page: Page, name: str) -> None:
    """Be somebody on a provider's page."""
    expect(page.get_by_role("note")).to_contain_text("Simulateur")
    page.get_by_label("Nom, numéro ou établissement").fill(name)
    page.get_by_role("button", name="Chercher").click()
    page.get_by_role("button", name=name).click()


def forgive_the_provider(outside: Outside, visit: Visit) -> None:
    """Leave out that its own pages are elsewhere; ours load nothing of theirs."""
    visit.complaints[:] = [one for one in visit.complaints if outside.theirs not in one]


def test_a_pharmacist_works_and_leaves(outside: Outside, visit: Visit):
    page = visit.page
    page.goto(f"{outside.ours}/connexion?next=/professionnel")
    page.get_by_role("button", name="Pro Santé Connect").click()
    expect(page).to_have_url(re.compile(f"^{outside.theirs}/wallet/auth"))
    be(page, "Claire VASSEUR")

    expect(page).to_have_url(f"{outside.ours}/connexion/psc/situation")
    visit.shoot("situation")
    expect(page.get_by_text("Hôpital du Lac")).to_be_visible()
    page.get_by_label("Pharmacie du Pont").check()
    page.get_by_role("button", name="Continuer").click()
    expect(page).to_have_url(f"{outside.ours}/professionnel")
    expect(page.get_by_text("Claire Vasseur").first).to_be_visible()

    check_a_right(outside, visit)
    confirm(outside, visit)
    leave(outside, visit)
    forgive_the_provider(outside, visit)


def check_a_right(outside: Outside, visit: Visit) -> None:
    """Check a right in the situation chosen: the ledger knows who asked, and in which session."""
    page = visit.page
    page.goto(f"{outside.ours}/verifier")
    page.get_by_label("Code de la carte").fill(COVERED.card.format())
    page.get_by_role("button", name="Vérifier").click()
    expect(page.get_by_role("status")).to_contain_text("Droits ouverts")
    [(account_ref,)] = outside.read("SELECT DISTINCT account_ref FROM ledger.session")
    assert account_ref == outside.holder.actor_ref


def confirm(outside: Outside, visit: Visit) -> None:
    """Prove once more who one is: the provider asks, although it remembers."""
    page = visit.page
    page.goto(f"{outside.ours}/confirmation?next=/compte")
    page.get_by_role("button", name="Pro Santé Connect").click()
    be(page, "Claire VASSEUR")
    expect(page).to_have_url(f"{outside.ours}/compte")
    events = outside.read(
        "SELECT kind FROM accounts.security_event"
        f" WHERE actor_ref = {outside.holder.actor_ref} ORDER BY at"
    )
    assert events == [("signed_in",), ("stepped_up",)]


def leave(outside: Outside, visit: Visit) -> None:
    """Leave both: the provider then asks again who one is."""
    page = visit.page
    page.get_by_role("button", name="Se déconnecter").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Vous êtes déconnecté")
    visit.shoot("left")
    page.get_by_role("button", name="Fermer aussi la session du fournisseur").click()
    expect(page).to_have_url(f"{outside.ours}/")
    page.goto(f"{outside.ours}/connexion/psc")
    expect(page.get_by_role("note")).to_contain_text("Simulateur")
    page.get_by_role("button", name="Renoncer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connexion abandonnée")


def test_leaving_the_provider_from_elsewhere_ends_our_session(outside: Outside, visit: Visit):
    page = visit.page
    page.goto(f"{outside.ours}/connexion/psc")
    be(page, "Claire VASSEUR")
    page.get_by_label("Hôpital du Lac").check()
    page.get_by_role("button", name="Continuer").click()
    expect(page).to_have_url(f"{outside.ours}/professionnel")
    page.goto(f"{outside.theirs}/auth/realms/esante-wallet/protocol/openid-connect/logout")
    expect(page.get_by_role("heading", level=1)).to_have_text("Session fermée")
    assert outside.read("SELECT role, end_reason FROM accounts.session") == [
        ("assistant", "provider")
    ]
    page.goto(f"{outside.ours}/professionnel")
    expect(page).to_have_url(re.compile(rf"^{outside.ours}/connexion\?"))
    forgive_the_provider(outside, visit)


def test_a_stranger_is_told_what_to_do(outside: Outside, visit: Visit):
    page = visit.page
    # By the machine's number: the browser is brought to the address where its cookie will be.
    page.goto(f"{outside.ours.replace('localhost', '127.0.0.1')}/connexion/psc")
    be(page, "Rose INCONNUE")
    expect(page.get_by_role("heading", level=1)).to_have_text("Vous n’êtes pas encore inscrit ici")
    visit.shoot("unknown-professional")
    visit.complaints.clear()


def test_an_agent_comes_in_through_their_company(outside: Outside, visit: Visit):
    page = visit.page
    page.goto(f"{outside.ours}/connexion")
    page.get_by_role("link", name="Entreprise (simulateur)").click()
    be(page, "Sacha Martin")
    expect(page).to_have_url(f"{outside.ours}/assureur")
    rows = outside.read("SELECT actor_ref, role, method, provider FROM accounts.session")
    assert rows == [(outside.agent.actor_ref, "insurer_manager", "oidc", "entreprise")]
    forgive_the_provider(outside, visit)


def test_software_gets_a_token_after_a_nod_on_the_device(outside: Outside, visit: Visit):
    """CIBA, as desktop software does it: a number on one screen, an answer on the other."""
    page = visit.page
    protocol = f"{outside.theirs}/auth/realms/esante-wallet/protocol/openid-connect"
    [(rpps,)] = outside.read(
        f"SELECT rpps FROM accounts.professional WHERE account_ref = {outside.holder.actor_ref}"
    )
    auth = ("logiciel-exemple", "logiciel-exemple")
    form = {"scope": "openid scope_all", "login_hint": f"8{rpps}", "binding_message": "42"}
    asked = httpx.post(f"{protocol}/ext/ciba/auth", data=form, auth=auth, trust_env=False).json()
    poll = {
        "grant_type": "urn:openid:params:grant-type:ciba",
        "auth_req_id": asked["auth_req_id"],
    }
    waiting = httpx.post(f"{protocol}/token", data=poll, auth=auth, trust_env=False).json()
    assert waiting["error"] == "authorization_pending"
    page.goto(f"{outside.theirs}/wallet/ciba")
    expect(page.get_by_text("42")).to_be_visible()
    page.get_by_role("button", name="accepter").click()
    page.wait_for_timeout(1100)
    tokens = httpx.post(f"{protocol}/token", data=poll, auth=auth, trust_env=False).json()
    assert tokens["expires_in"] == 120
    visit.complaints.clear()
