"""One incident whole, in real browsers: from the first suspicion to the insurer's evidence."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.api.world import (
    ACCOUNT_REF,
    AMC,
    COVERED,
    INSURER_ID,
    RPPS,
    SUSPENDED,
    card_body,
    typed_body,
)
from tests.browser.conftest import Stack, Visit
from tests.package_samples import make_certificate
from tests.portals import people

from rempart.accounts.roles import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

Run = Callable[..., str]


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """A function that runs `rempart incident …` in the home of the stack."""

    def invoke(*arguments: str) -> str:
        # A process of its own: the browser's driver keeps an event loop in this one.
        done = subprocess.run(
            [sys.executable, "-m", "rempart", "incident", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    return invoke


@pytest.fixture
def open_page(stack: Stack, chromium: Browser) -> Iterator[Callable[[people.Somebody], Page]]:
    """A function that opens a browser of its own for somebody."""
    contexts = []

    def open_one(who: people.Somebody) -> Page:
        context = chromium.new_context(locale="fr-FR", timezone_id="Europe/Paris")
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        stack.enter(page, who)
        return page

    yield open_one
    for context in contexts:
        context.close()


def fetch(stack: Stack, query: str) -> list[tuple[Any, ...]]:
    with stack.database.transaction("owner") as tx:
        return tx.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]


def add_insurer_org(stack: Stack) -> people.Organisation:
    """Add the organisation of the world's one insurer."""
    org_ref = people.draw()
    with stack.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.organisation (org_ref, kind, name, insurer_id)"
            " VALUES (%s, 'insurer', 'Mutuelle du Test', %s)",
            (org_ref, INSURER_ID),
        )
    return people.Organisation(org_ref, "insurer", insurer_id=INSURER_ID)


def expect_line(page: Page, words: str) -> None:
    """Wait for something in the timeline; the filter above it has the same words."""
    expect(page.locator("#chronologie ol").get_by_text(words).first).to_be_visible()


def declare(stack: Stack, page: Page) -> str:
    """Declare from the console's first page; return the number of the incident."""
    page.goto(f"{stack.url}/console")
    page.get_by_role("button", name="Déclarer un incident").click()
    page.get_by_label("Que se passe-t-il ?").fill("Un compte de pharmacie serait volé")
    page.get_by_label("Comptes ou établissements").fill(RPPS.number)
    page.get_by_role("button", name="Déclarer").click()
    expect_line(page, "Incident déclaré")
    found = re.search(r"/incidents/(\d+)/salle", page.url)
    assert found
    return found[1]


def write(page: Page) -> None:
    """Write what a first hour writes."""
    page.get_by_text("Entrer dans la salle", exact=True).click()
    page.get_by_label("Votre rôle").select_option("lead")
    page.get_by_label("D’astreinte").check()
    page.get_by_role("button", name="Entrer", exact=True).click()
    expect_line(page, "pilote, d’astreinte")
    page.get_by_label("Note", exact=True).fill("Le pharmacien ne reconnaît pas ces vérifications.")
    page.get_by_role("button", name="Ajouter la note").click()
    expect_line(page, "ne reconnaît pas ces vérifications")
    page.get_by_text("Une décision", exact=True).click()
    page.get_by_label("Décision", exact=True).fill("Le compte reste suspendu jusqu’à demain.")
    page.get_by_label("Pourquoi", exact=True).first.fill("On ne sait pas qui tient le clavier.")
    page.get_by_label("Ce qui a été écarté").fill("Couper toute la profession.")
    page.get_by_role("button", name="Inscrire la décision").click()
    expect_line(page, "Écarté : Couper toute la profession.")
    page.get_by_text("Une tâche", exact=True).click()
    page.get_by_label("À faire").fill("Rappeler le cabinet")
    page.get_by_label("Par qui").fill("Astreinte")
    page.get_by_role("button", name="Ajouter la tâche").click()
    expect(page.get_by_role("button", name="C’est fait")).to_be_visible()
    page.get_by_text("La violation est établie", exact=True).click()
    page.get_by_label("Ce qui l’établit").fill("Des fiches ont été montrées à quelqu’un d’autre.")
    page.get_by_role("button", name="Inscrire", exact=True).click()
    expect_line(page, "Violation établie")


def analyse(stack: Stack, run: Run, number: str) -> None:
    """Ask who was shown, answer for the one session, and ask again."""
    run("analyse", number)
    [(session_ref,)] = fetch(stack, "SELECT session_ref FROM incidents.attributed_session")
    run(
        *("overrule", number, str(session_ref), "--as", "thief", "--by", "Ariane Hôte"),
        *("--reason", "Le pharmacien était en vacances, agenda vu."),
    )
    assert "persons confirmed" in run("analyse", number)


def shoot_english(view: Visit, name: str) -> None:
    """Look at the page in English too: nothing sticks out, in either size."""
    view.page.get_by_role("button", name="English").click()
    expect(view.page.locator("html")).to_have_attribute("lang", "en")
    view.shoot(name)
    view.page.get_by_role("button", name="Français").click()
    expect(view.page.locator("html")).to_have_attribute("lang", "fr")


def answer_for_members(stack: Stack, view: Visit, number: str) -> None:
    """Do what a DPO does: receive, complete the notification, submit it, write the evidence."""
    page, own = view.page, f"{stack.url}/assureur/incidents/{number}"
    page.goto(f"{stack.url}/assureur/incidents")
    page.get_by_role("link", name="Un compte de pharmacie serait volé").click()
    cnil = page.get_by_role("row", name="Notification initiale à la CNIL")
    expect(cnil.get_by_text("Pas commencée")).to_be_visible()
    page.get_by_role("button", name="Accuser réception").click()
    expect(page.get_by_role("button", name="Accuser réception")).to_have_count(0)
    expect(cnil.get_by_text("En cours")).to_be_visible()
    expect(cnil.get_by_text("reste 2 jours 23 h")).to_be_visible()
    view.shoot("own-incident")
    shoot_english(view, "own-incident-en")

    page.goto(f"{own}/cnil?phase=initial")
    expect(page.locator("[name=people_number]")).not_to_have_value("")
    view.shoot("own-cnil")
    shoot_english(view, "own-cnil-en")
    page.locator("[name=contact]").fill("Le délégué, 1 place du Test, 75009 Paris")
    page.get_by_role("button", name="Enregistrer une version").click()
    expect(page.get_by_text("version 1", exact=False).first).to_be_visible()

    page.goto(own)
    page.get_by_text("Inscrire un dépôt fait", exact=True).click()
    page.get_by_label("Référence reçue").fill("CNIL-26-0042")
    page.locator("#say-submitted").get_by_role("button", name="Inscrire").click()
    expect(cnil.get_by_text("Faite", exact=True)).to_be_visible()
    expect(cnil.get_by_text("CNIL-26-0042", exact=False)).to_be_visible()
    page.goto(f"{stack.url}/assureur/violations")
    expect(page.get_by_text("CNIL-26-0042", exact=False)).to_be_visible()
    view.shoot("own-register")


def look_at_the_operators_screens(stack: Stack, visit: Visit, number: str) -> None:
    """Look at packages, clocks, authorities and jobs once all is done."""
    place = f"{stack.url}/console/incidents/{number}"
    for name, address in (
        ("incident-packages", f"{place}/envois"),
        ("incident-clocks", f"{place}/echeances?etat=toutes"),
        ("incident-authorities", f"{place}/autorites"),
        ("incident-suspects", f"{place}/soupcons"),
        ("jobs", f"{stack.url}/console/travaux"),
    ):
        visit.page.goto(address)
        visit.shoot(name)
        shoot_english(visit, f"{name}-en")
    visit.page.goto(f"{place}/echeances?etat=faites")
    expect(visit.page.get_by_text("CNIL-26-0042", exact=False).first).to_be_visible()


def test_an_incident_goes_from_the_first_suspicion_to_the_insurers_evidence(
    stack: Stack,
    visit: Visit,
    run: Run,
    open_page: Callable[[people.Somebody], Page],
    tmp_path: Path,
):
    for body in (typed_body(COVERED), typed_body(SUSPENDED), card_body(COVERED)):
        assert stack.ask(body).status_code == 200
    host = people.make_organisation(stack.database, "operator", name="Plateforme Lambda")
    security = people.make_agent(stack.database, host, Role.OPERATOR_SECURITY, name="Ariane Hôte")
    privacy = people.make_agent(stack.database, host, Role.OPERATOR_DPO, name="Boris Hôte")
    insurer = add_insurer_org(stack)
    receiver = people.make_agent(stack.database, insurer, Role.INSURER_DPO, name="Chloé Mutuelle")

    # Suspicion is enough; the room writes itself, and what people add.
    page = visit.page
    stack.enter(page, security)
    number = declare(stack, page)
    write(page)
    analyse(stack, run, number)
    page.goto(f"{stack.url}/console/incidents/{number}/salle")
    expect_line(page, "Analyse")
    expect_line(page, "Verdict écarté")
    visit.shoot("incident-room")
    page.get_by_role("button", name="C’est fait").click()
    expect(page.get_by_text("faite le").first).to_be_visible()
    page.get_by_role("link", name="gel n°").click()
    expect(page.get_by_text("posé à la déclaration")).to_be_visible()
    visit.shoot("evidence-hold")

    # Packages: sealed for the insurer, asked for by one, sent by another.
    certificate = tmp_path / "mutuelle.pem"
    certificate.write_bytes(make_certificate())
    run("packages", "key", "add", AMC, str(certificate))
    run("packages", "make", number)
    sheet = f"{stack.url}/console/incidents/{number}/envois"
    page.goto(sheet)
    page.get_by_role("button", name="Demander l’envoi").click()
    page.get_by_role("button", name="Confirmer").click()
    expect(page.get_by_role("button", name="Envoyer, en seconde personne")).to_be_visible()
    second = open_page(privacy)
    second.goto(sheet)
    second.get_by_role("button", name="Envoyer, en seconde personne").click()
    second.get_by_role("button", name="Confirmer").click()
    expect(second).to_have_url(sheet)

    # The insurer receives what concerns its members, which starts its clock, and answers for them.
    third = Visit(open_page(receiver), visit.shots, visit.spare)
    answer_for_members(stack, third, number)
    assert third.complaints == []
    look_at_the_operators_screens(stack, visit, number)

    # The room tells it without anybody having written it, and is closed.
    page.goto(f"{stack.url}/console/incidents/{number}/salle")
    for words in ("Envoi préparé", "Envoi remis", "Envoi reçu"):
        expect_line(page, words)
    page.get_by_text("Clore l’incident", exact=True).click()
    page.get_by_label("Pourquoi", exact=True).last.fill("Complémentaires prévenues.")
    page.get_by_role("button", name="Clore", exact=True).click()
    expect(page.get_by_text("Clos", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Ajouter la note")).to_have_count(0)
    suspects = fetch(stack, "SELECT account_ref FROM incidents.suspect_account")
    assert suspects == [(ACCOUNT_REF,)]
