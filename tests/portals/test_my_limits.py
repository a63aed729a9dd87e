"""What a professional reads when their account is limited, what goes on, and their own release."""

from datetime import UTC, datetime

import httpx
import pytest
from django.conf import settings
from django.test import Client
from psycopg import errors
from tests.portals import people, samples
from tests.portals.test_containments import guard_holds, list_events, read_step

from rempart.accounts.containment import MeasureReason, MeasureStep, MeasureTarget
from rempart.accounts.roles import Role
from rempart.exchange.warning_text import format_warning
from rempart.kernel.errors import NotAllowed
from rempart.portals import visit
from rempart.portals.session_store import compute_token_digest
from rempart.storage.contacts import make_letterbox
from rempart.workflows.accounts.warn_contacts import send_warnings
from rempart.workflows.accounts.web_session import enter_session
from rempart.workflows.guard.contain import MeasureRequest, contain

PAGE = "/professionnel/limites"
RELEASE = f"{PAGE}/reprise"
BANNER = "Mon compte est limité."
# Where money and one's own account are: no step may touch them.
OTHER_PAGES = (
    "/professionnel",
    "/etablissement/rib",
    "/etablissement/rib/changer",
    "/compte",
    "/compte/evenements",
    "/compte/alertes",
    "/organisation",
)
PUBLIC_PAGES = ("/hors-ligne", "/statut")


@pytest.fixture(autouse=True)
def today(desk):
    """Ceremonies and measures are dated by the database's clock."""
    desk.clock = datetime.now(UTC)


@pytest.fixture
def place(desk):
    return people.make_organisation(desk.database, "establishment", name="Pharmacie du Test")


@pytest.fixture
def owner(desk, place):
    return people.make_agent(desk.database, place, Role.HOLDER, name="Claire Essai")


@pytest.fixture
def mine(desk, owner):
    """The owner's browser, just stepped up."""
    browser = Client()
    people.sign_in(browser, desk.database, owner)
    return browser


def hold(desk, owner, step):
    """Have an operator hold the account."""
    request = MeasureRequest(
        step=step,
        target=MeasureTarget.ACCOUNT,
        target_ref=owner.actor_ref,
        reason=MeasureReason.UNUSUAL_USE,
        note="seulement pour nous",
    )
    with desk.database.transaction("registrar") as tx:
        contain(tx, None, request, measure_ref=people.draw(), now=desk.now())


def forget_ceremony(desk):
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.session SET stepped_up_at = now() - interval '1 hour'")


@pytest.mark.parametrize("step", MeasureStep)
def test_under_each_step_every_other_page_goes_on_with_the_banner(desk, owner, mine, step):
    pages = (*OTHER_PAGES, *PUBLIC_PAGES)
    before = {page: mine.get(page).status_code for page in pages}
    assert set(before.values()) == {200}
    hold(desk, owner, step)
    answers = {page: mine.get(page) for page in pages}
    assert {page: answer.status_code for page, answer in answers.items()} == before
    assert all(BANNER in answers[page].content.decode() for page in OTHER_PAGES)


def test_mutation_a_gate_that_looked_at_measures_would_break_those_pages(
    desk, owner, mine, monkeypatch
):
    """If a step closed the professional's space, the test above would say so."""
    hold(desk, owner, MeasureStep.SUSPEND)

    def check_can(visitor, permission, *, now):
        raise NotAllowed("suspended")

    monkeypatch.setattr(visit, "check_can", check_can)
    closed = [page for page in OTHER_PAGES if mine.get(page).status_code != 200]
    assert "/etablissement/rib" in closed


def test_the_page_says_since_when_what_works_what_to_do_and_not_the_note(desk, owner, mine):
    hold(desk, owner, MeasureStep.PRESENCE_ONLY)
    page = mine.get(PAGE).content.decode()
    for words in (
        "Présence pour tout le monde",
        "Décidé par l’opérateur le",
        "usage inhabituel",
        "Toute vérification par identifiants saisis.",
        "Les cartes : code scanné, code de présence, carte Vitale lue.",
        "La facturation.",
        "Les paiements et les coordonnées bancaires.",
        "appelez l’opérateur",
    ):
        assert words in page
    assert "seulement pour nous" not in page
    assert BANNER not in page, "the page says it itself"


def test_a_colleague_of_another_place_and_an_operator_see_no_banner(desk, owner):
    hold(desk, owner, MeasureStep.SUSPEND)
    elsewhere = people.make_organisation(desk.database, "establishment", name="Autre")
    operator = people.make_organisation(desk.database, "operator")
    others = (
        people.make_agent(desk.database, elsewhere, Role.HOLDER),
        people.make_agent(desk.database, operator, Role.OPERATOR_ADMIN),
    )
    for who in others:
        browser = Client()
        people.sign_in(browser, desk.database, who)
        assert BANNER not in browser.get("/compte").content.decode()


def test_an_owner_releases_their_account_after_a_fresh_ceremony(desk, owner, mine):
    guard_holds(desk, owner.actor_ref)
    assert "Une personne nouvelle se vérifie avec sa carte." in mine.get(PAGE).content.decode()
    forget_ceremony(desk)
    page = mine.get(PAGE).content.decode()
    assert "Confirmer que c’est bien moi" in page
    assert RELEASE not in page
    answer = mine.post(RELEASE)
    assert answer.headers["Location"] == f"/confirmation?next={PAGE}"
    assert read_step(desk, owner.actor_ref)[0] == 2
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.session SET stepped_up_at = now()")
    assert RELEASE in mine.get(PAGE).content.decode()
    answer = mine.post(RELEASE, follow=True)
    assert "vos vérifications reprennent" in answer.content.decode()
    # Their days were not reviewed by anybody: the allowance stays as it was.
    assert read_step(desk, owner.actor_ref) == (0, 0, True)
    assert [kind for kind, _ in list_events(desk)] == ["account_contained", "own_account_released"]


def test_the_second_time_in_a_week_an_operator_looks_first(desk, owner, mine):
    guard_holds(desk, owner.actor_ref)
    mine.post(RELEASE)
    guard_holds(desk, owner.actor_ref)
    page = mine.get(PAGE).content.decode()
    assert "Un opérateur doit regarder ce compte" in page
    assert RELEASE not in page
    answer = mine.post(RELEASE)
    assert answer.status_code == 403
    assert "Un opérateur regarde d’abord" in answer.content.decode()
    assert read_step(desk, owner.actor_ref)[0] == 2
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE guard.own_release SET at = at - interval '7 days 1 minute'")
    assert mine.post(RELEASE).status_code == 302
    assert read_step(desk, owner.actor_ref)[0] == 0


@pytest.mark.parametrize("kind", ["canary", "late"])
def test_who_met_a_canary_is_not_told_so_and_an_operator_looks_first(desk, owner, mine, kind):
    guard_holds(desk, owner.actor_ref, kind=kind)
    page = mine.get(PAGE).content.decode()
    assert "Un opérateur doit regarder ce compte" in page
    assert not {"canari", "témoin", "canary"} & set(page.lower().split())
    assert mine.post(RELEASE).status_code == 403
    assert read_step(desk, owner.actor_ref)[0] == 2


def test_what_an_operator_decided_its_owner_does_not_end(desk, owner, mine):
    hold(desk, owner, MeasureStep.SUSPEND)
    assert mine.post(RELEASE).status_code == 409
    assert RELEASE not in mine.get(PAGE).content.decode()


def test_the_database_itself_refuses_an_owner_whom_the_rule_does_not_let(desk, owner, mine):
    """Whatever a page asks: no ceremony, a canary, twice in a week."""

    def ask():
        key = mine.cookies[settings.SESSION_COOKIE_NAME].value
        with desk.database.transaction("portals") as tx:
            assert enter_session(tx, compute_token_digest(key), None) is not None
            return tx.execute("SELECT guard.release_own()").fetchone()

    assert ask() == (False,), "nothing holds it"
    guard_holds(desk, owner.actor_ref)
    forget_ceremony(desk)
    with pytest.raises(errors.InsufficientPrivilege):
        ask()
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.session SET stepped_up_at = now()")
    guard_holds(desk, owner.actor_ref, kind="canary")
    with pytest.raises(errors.InsufficientPrivilege):
        ask()
    with desk.database.transaction("owner") as tx:
        tx.execute("DELETE FROM guard.event WHERE kind = 'canary'")
    assert ask() == (True,)
    guard_holds(desk, owner.actor_ref)
    with pytest.raises(errors.InsufficientPrivilege):
        ask()


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (httpx.Response(403, json={"code": "checks_suspended", "detail": "Suspendues."}), 422),
        (
            httpx.Response(
                429,
                json={"code": "slowed_down", "detail": "Ralenties."},
                headers={"Retry-After": "9"},
            ),
            422,
        ),
    ],
)
def test_a_check_refused_by_a_measure_says_so_above_the_form(
    professional, press, gateway, reply, shown
):
    gateway.reply = reply
    answer = press("/verifier", samples.CARD_FORM)
    assert answer.status_code == shown
    assert reply.json()["detail"] in answer.content.decode()


def test_a_check_that_wants_a_fresh_ceremony_leads_to_it_and_back(professional, press, gateway):
    gateway.reply = httpx.Response(401, json={"code": "sign_in_again"})
    answer = press("/verifier", samples.CARD_FORM)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/confirmation?next=/verifier")


def test_addresses_are_warned_in_french_first_when_the_guard_holds_and_when_it_is_over(
    desk, owner, mine
):
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.contact (contact_ref, actor_ref, channel, sealed)"
            " VALUES (77, %s, 'email', %s)",
            (owner.actor_ref, desk.close_address("claire@example.invalid", 77)),
        )
    guard_holds(desk, owner.actor_ref)
    mine.post(RELEASE)
    hold(desk, owner, MeasureStep.SLOW)
    box = []

    class Box:
        def send(self, warning):
            box.append(format_warning(warning))

    with desk.database.transaction("registrar") as tx:
        send_warnings(tx, Box(), letterbox=make_letterbox(bytes(range(32))))
    texts = sorted(box, key=lambda text: ("L’opérateur" in text, "levée" in text))
    assert len(texts) == 3
    held, over, slowed = texts
    assert held.index("La garde a remarqué") < held.index("The guard noticed")
    for text in (held, slowed):
        assert "la facturation, les paiements" in text
        assert "« Mon compte est limité »" in text
        assert "http" not in text
    assert "une vérification par dix secondes" in slowed
    assert "levée par son titulaire" in over
