"""Everybody who comes in with a passkey, in a real browser with a virtual authenticator."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect
from tests.browser.conftest import Stack, Visit
from tests.portals import people

from rempart.accounts.invitations import InvitationCode
from rempart.accounts.roles import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


class VirtualKey:
    """A security key that Chromium plays: its holder always touches it, unless told otherwise."""

    def __init__(self, page: Page) -> None:
        self._cdp: CDPSession = page.context.new_cdp_session(page)
        self._cdp.send("WebAuthn.enable", {"enableUI": False})
        self._name = ""
        self.plug()

    def plug(self) -> None:
        """Plug a new key in."""
        options = {
            "protocol": "ctap2",
            "transport": "usb",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        answer = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._name = answer["authenticatorId"]

    def unplug(self) -> None:
        """Take the key out, with what it holds."""
        self._cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self._name})

    def verify(self, *, verified: bool) -> None:
        """Say whether its holder is recognised from now on."""
        facts = {"authenticatorId": self._name, "isUserVerified": verified}
        self._cdp.send("WebAuthn.setUserVerified", facts)

    def count(self) -> int:
        """Return how many keys it holds."""
        found = self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self._name})
        return len(found["credentials"])


@pytest.fixture
def key(visit: Visit) -> VirtualKey:
    """The key of the visit's browser."""
    return VirtualKey(visit.page)


@pytest.fixture
def elsewhere(chromium: Browser) -> Iterator[Page]:
    """Another browser of the same person."""
    context = chromium.new_context(locale="fr-FR")
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def enrol(stack: Stack, visit: Visit, who: people.Somebody) -> None:
    """Come in with an invitation."""
    page = visit.page
    page.goto(f"{stack.url}/connexion")
    page.get_by_role("button", name="Première fois : j’ai reçu un code").click()
    expect(page.get_by_label("Code d’invitation")).to_be_focused()
    page.keyboard.type(people.invite(stack.database, who).lower())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("C’est fait. Une deuxième clé ?")


def sign_in(stack: Stack, visit: Visit) -> None:
    """Come in with a key."""
    visit.page.goto(f"{stack.url}/connexion")
    visit.page.get_by_role("button", name="Utiliser ma clé d’accès").click()


def sign_out(visit: Visit) -> None:
    """Go out."""
    visit.page.get_by_role("button", name="Se déconnecter").click()
    expect(visit.page.get_by_role("link", name="Se connecter").first).to_be_visible()


def forget_confirmation(stack: Stack) -> None:
    """Let the five minutes of every confirmation pass."""
    with stack.database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.session SET stepped_up_at = stepped_up_at - interval '6 min'")


def refuse_then_enrol(stack: Stack, visit: Visit, who: people.Somebody) -> None:
    """Mistype a code, then come in."""
    page = visit.page
    page.goto(f"{stack.url}/connexion")
    visit.shoot("sign-in")
    page.goto(f"{stack.url}/invitation")
    page.get_by_label("Code d’invitation").fill(InvitationCode.from_number(0).format())
    page.get_by_role("button", name="Créer ma clé d’accès").click()
    expect(page.get_by_role("alert")).to_contain_text("Refusé")
    visit.shoot("invitation")
    enrol(stack, visit, who)
    visit.shoot("second-key")
    page.get_by_role("button", name="Plus tard").click()
    expect(page).to_have_url(f"{stack.url}/assureur")
    expect(page.get_by_role("heading", level=1)).to_have_text("Bonjour Camille Essai")


def add_second_key(stack: Stack, visit: Visit, key: VirtualKey) -> None:
    """Confirm who one is, then add a key on another authenticator."""
    page = visit.page
    forget_confirmation(stack)
    page.get_by_role("link", name="Camille Essai").click()
    expect(page.get_by_text("Vous n’avez qu’une clé")).to_be_visible()
    page.get_by_role("button", name="Ajouter une clé").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirmer que c’est bien vous")
    visit.shoot("step-up")
    page.get_by_role("button", name="Utiliser ma clé d’accès").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ajouter une clé d’accès")
    # The key that is plugged in has one here already, and says so.
    page.get_by_role("button", name="Créer la clé").click()
    expect(page.get_by_role("alert")).to_contain_text("déjà une clé")
    visit.shoot("new-key")
    key.unplug()
    key.plug()
    page.get_by_label("Nom de la clé").fill("Clé du bureau")
    page.get_by_role("button", name="Créer la clé").click()
    expect(page.get_by_role("rowheader", name="Clé du bureau")).to_be_visible()
    assert key.count() == 1


def throw_out(stack: Stack, visit: Visit, elsewhere: Page, who: people.Somebody) -> None:
    """Close the session of another browser, which is then thrown out."""
    stack.enter(elsewhere, who)
    elsewhere.goto(f"{stack.url}/assureur")
    expect(elsewhere.get_by_role("heading", level=1)).to_contain_text("Camille Essai")
    page = visit.page
    page.goto(f"{stack.url}/compte")
    table = page.get_by_role("region", name="Connexions")
    expect(table.get_by_role("row")).to_have_count(3)
    expect(table.get_by_text("celle-ci")).to_be_visible()
    visit.shoot("account")
    table.get_by_role("button", name="Fermer").click()
    expect(table.get_by_role("row")).to_have_count(2)
    elsewhere.reload()
    expect(elsewhere).to_have_url(re.compile(r"/connexion\?next=%2Fassureur$"))


def look_at_events(stack: Stack, visit: Visit) -> None:
    """Sort what happened, and say of one event that it was somebody else."""
    page = visit.page
    page.get_by_role("link", name="Événements").click()
    expect(
        page.get_by_role("rowheader", name="Clé d’accès ajoutée « Clé du bureau »")
    ).to_be_visible()
    visit.shoot("events")
    page.get_by_role("link", name="Quand").click()
    expect(page.get_by_role("rowheader").first).to_contain_text("Invitation utilisée")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "evenements.csv"
    page.get_by_role("row", name="Invitation utilisée").get_by_role("link").click()
    page.get_by_label("Ce que vous en savez").fill("Je n’étais pas là.")
    visit.shoot("report")
    page.get_by_role("button", name="Signaler à l’opérateur").click()
    expect(page.get_by_role("status")).to_contain_text("Signalé le")
    expect(page.get_by_role("button", name="Fermer toutes les autres connexions")).to_be_visible()


def test_an_insurers_agent_from_invitation_to_revocation(
    stack: Stack, visit: Visit, key: VirtualKey, elsewhere: Page
):
    insurer = people.make_organisation(stack.database, "insurer", name="Mutuelle d’essai")
    who = people.make_agent(stack.database, insurer, Role.INSURER_MANAGER)
    page = visit.page

    refuse_then_enrol(stack, visit, who)
    sign_out(visit)
    page.goto(f"{stack.url}/assureur?page=2")
    page.get_by_role("button", name="Utiliser ma clé d’accès").click()
    expect(page).to_have_url(f"{stack.url}/assureur?page=2")

    add_second_key(stack, visit, key)
    throw_out(stack, visit, elsewhere, who)
    look_at_events(stack, visit)

    # The first key is revoked: it is no longer here; the second one goes on.
    page.get_by_role("button", name="Voir mes connexions et mes clés").click()
    page.get_by_role("link", name=re.compile("Révoquer Chrome")).click()
    visit.shoot("revoke-key")
    page.get_by_role("button", name="Révoquer").click()
    expect(page.get_by_text("révoquée")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Révoquer"))).to_have_count(0)

    refused = page.goto(f"{stack.url}/console")
    assert refused is not None
    assert refused.status == 403
    expect(page.get_by_role("heading", level=1)).to_have_text("Pas avec ce compte")

    sign_out(visit)
    sign_in(stack, visit)
    expect(page).to_have_url(f"{stack.url}/assureur")


def test_a_member_sees_their_own_space_and_no_other(stack: Stack, visit: Visit, key: VirtualKey):
    insurer = people.make_organisation(stack.database, "insurer", name="Mutuelle d’essai")
    page = visit.page
    enrol(stack, visit, people.make_member(stack.database, insurer))
    page.get_by_role("button", name="Plus tard").click()
    expect(page).to_have_url(f"{stack.url}/adherent")
    sign_out(visit)

    # A finger that is not recognised proves nothing; the page says what to do.
    key.verify(verified=False)
    sign_in(stack, visit)
    expect(page.get_by_role("alert")).to_contain_text("annulée")
    key.verify(verified=True)
    sign_in(stack, visit)
    expect(page).to_have_url(f"{stack.url}/adherent")
    for address in ("assureur", "console", "verifier", "employeur"):
        refused = page.goto(f"{stack.url}/{address}")
        assert refused is not None
        assert refused.status == 403


def test_the_last_key_of_an_employers_agent_stays(stack: Stack, visit: Visit, key: VirtualKey):
    employer = people.make_organisation(stack.database, "employer", name="Atelier d’essai")
    page = visit.page
    enrol(stack, visit, people.make_agent(stack.database, employer, Role.EMPLOYER_HR))
    page.get_by_role("button", name="Plus tard").click()
    expect(page).to_have_url(f"{stack.url}/employeur")
    page.goto(f"{stack.url}/compte")
    expect(page.get_by_role("link", name=re.compile("Renommer"))).to_have_count(1)
    expect(page.get_by_role("link", name=re.compile("Révoquer"))).to_have_count(0)
    page.get_by_role("link", name=re.compile("Renommer")).click()
    page.get_by_label("Nom de la clé").fill("Badge")
    page.keyboard.press("Enter")
    expect(page.get_by_role("rowheader", name="Badge")).to_be_visible()
    # English, all of it.
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Where you are signed in")).to_be_visible()
    visit.shoot("account-en")


def test_an_operators_agent_chooses_a_role(stack: Stack, visit: Visit, key: VirtualKey):
    operator = people.make_organisation(stack.database, "operator", name="Plateforme Lambda")
    who = people.make_agent(stack.database, operator, Role.OPERATOR_OPS)
    with stack.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role, starts_on)"
            " VALUES (7, %s, %s, 'operator_security', '2020-01-01')",
            (who.actor_ref, operator.org_ref),
        )
    page = visit.page
    page.goto(f"{stack.url}/invitation")
    page.get_by_label("Code d’invitation").fill(people.invite(stack.database, who))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Dans quel rôle ?")
    visit.shoot("choose-role")
    page.get_by_role("button", name="Sécurité").click()
    page.get_by_role("button", name="Plus tard").click()
    expect(page).to_have_url(f"{stack.url}/console")
    refused = page.goto(f"{stack.url}/verifier")
    assert refused is not None
    assert refused.status == 403


def test_the_address_of_the_machine_says_why_keys_do_not_work_there(
    stack: Stack, visit: Visit, key: VirtualKey
):
    """A key belongs to the name of the site: at its bare address the page says so."""
    page = visit.page
    page.goto(stack.url.replace("localhost", "127.0.0.1") + "/connexion")
    page.get_by_role("button", name="Utiliser ma clé d’accès").click()
    expect(page.get_by_role("alert")).to_contain_text("n’est pas à l’adresse habituelle")
