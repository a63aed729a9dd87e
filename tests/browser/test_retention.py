"""Two of the host decide how long and what leaves; who left reads one page, asks, is answered."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.conftest import Stack, Visit, wait_until
from tests.feed_samples import INSURER
from tests.portals import people
from tests.retention.practice import Cellar

from rempart.accounts.roles import Role
from rempart.retention.terms import add_months

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

LEFT = (6, 13, 25, 26, 30, 38, 61, 75)


@pytest.fixture
def open_visit(
    stack: Stack, chromium: Browser, tmp_path: Path, visit: Visit
) -> Iterator[Callable[[people.Somebody], Visit]]:
    """A function that opens a browser of its own for somebody, French as all."""
    contexts, opened = [], []

    def open_one(who: people.Somebody) -> Visit:
        context = chromium.new_context(locale="fr-FR", timezone_id="Europe/Paris")
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        stack.enter(page, who)
        opened.append(Visit(page, visit.shots, tmp_path))
        return opened[-1]

    yield open_one
    for context in contexts:
        context.close()
    assert [one.complaints for one in opened if one.complaints] == []


@pytest.fixture
def cellar(stack: Stack, tmp_path: Path) -> Cellar:
    """People who left, from six months to six years ago, as of today."""
    cellar = Cellar(database=stack.database, home=stack.world.home, directory=tmp_path)
    for serial, months in enumerate(LEFT, start=1):
        end = add_months(today(), -months).isoformat()
        cellar.add(serial, period_end=end)
    cellar.load()
    return cellar


def today() -> date:
    return datetime.now(ZoneInfo("Europe/Paris")).date()


def find_planned(cellar: Cellar) -> list[tuple]:
    return cellar.fetch("SELECT run_id FROM retention.run WHERE state = 'planned'")


def change_a_period(stack: Stack, first: Visit, second: Visit) -> None:
    """One of the host proposes another period, sees its effect; another approves it."""
    page = first.page
    page.goto(f"{stack.url}/console/calendrier")
    first.shoot("retention-schedule")
    page.get_by_role("button", name="Changer des durées…").click()
    page.locator("#id_mois-limitation").fill("12")
    page.get_by_label("Pourquoi").fill("Un an suffit : les contestations sont closes.")
    first.shoot("retention-periods")
    page.get_by_role("button", name="Proposer et essayer").click()
    # A job tries it, and the page brings itself up to date.
    expect(page.get_by_text("serait effacée pour toujours")).to_be_visible()
    expect(page.get_by_text("Un collègue doit approuver.")).to_be_visible()
    second.page.goto(page.url)
    second.shoot("retention-effect")
    second.page.get_by_role("button", name="Approuver").click()
    second.page.get_by_role("button", name="Approuver").click()
    expect(second.page.get_by_text("approuvé", exact=True)).to_be_visible()


def hold_somebody(
    stack: Stack, cellar: Cellar, two: tuple[people.Somebody, people.Somebody], dpo: Visit
) -> None:
    """The host's DPO holds whom an inquiry found, that two people agreed to."""
    held = cellar.list_persons()[-1]
    cellar.run(
        "INSERT INTO accounts.inquiry (inquiry_ref, insurer_id, person_refs, purpose, reason,"
        " asked_by, state, decided_by, decided_at) VALUES (515, %s, %s, 'judicial',"
        " 'réquisition 2026/118', %s, 'approved', %s, now())",
        *(INSURER, [held], two[0].actor_ref, two[1].actor_ref),
    )
    page = dpo.page
    page.goto(f"{stack.url}/console/enquetes/515")
    page.get_by_role("button", name="Retenir ses données…").click()
    page.get_by_label("la justice").check()
    page.get_by_label("Raison").fill("réquisition 2026/118")
    dpo.shoot("hold-data")
    page.get_by_role("button", name="Retenir").click()
    expect(page.get_by_text("en vigueur")).to_be_visible()


def show_a_long_run(stack: Stack, cellar: Cellar, visit: Visit) -> None:
    """What a run of a million looks like half way; one of eight is over before anybody sees it."""
    [(run_id,)] = cellar.fetch(
        "INSERT INTO retention.run (origin, request_ref, day, schedule, state, items, people, done,"
        " planned_at, routine) VALUES ('request', 1, current_date, %s, 'running', 4120000, 1000000,"
        " 2420000, now(), true) RETURNING run_id",
        bytes(32),
    )
    cellar.run(
        "INSERT INTO retention.tally (run_id, insurer_id, field, step, rule, planned, oldest, done)"
        " VALUES (%s, %s, 'contact', 'delete', 'limitation', 4120000, current_date - 40, 2420000)",
        *(run_id, INSURER),
    )
    visit.page.goto(f"{stack.url}/console/conservation/{run_id}")
    expect(visit.page.get_by_text("en cours", exact=True)).to_be_visible()
    visit.shoot("retention-running")
    cellar.run(
        "UPDATE retention.run SET state = 'done', ended_at = now(), signed_by = ''"
        " WHERE run_id = %s",
        run_id,
    )
    # Nobody reloads: the page says so by itself.
    expect(visit.page.get_by_text("fait et certifié")).to_be_visible()


def test_two_of_the_host_change_a_period_and_let_a_run_leave_but_for_whom_a_judge_wants(
    stack: Stack,
    open_visit: Callable[[people.Somebody], Visit],
    cellar: Cellar,
    tmp_path: Path,
):
    host = people.make_organisation(stack.database, "operator", name="Plateforme Mu")
    carole = people.make_agent(stack.database, host, Role.OPERATOR_DPO, name="Carole Hôte")
    denis = people.make_agent(stack.database, host, Role.OPERATOR_ADMIN, name="Denis Hôte")
    first, second = open_visit(carole), open_visit(denis)
    change_a_period(stack, first, second)
    hold_somebody(stack, cellar, (denis, carole), first)

    page = first.page
    page.goto(f"{stack.url}/console/conservation")
    page.get_by_role("button", name="Préparer maintenant").click()
    page.get_by_role("button", name="Préparer").click()
    wait_until(lambda: bool(find_planned(cellar)))
    [(run_id,)] = find_planned(cellar)
    page.reload()
    page.get_by_role("link", name=f"Passage {run_id}").click()
    expect(page.get_by_role("heading", name="Quelques personnes, sans leur nom")).to_be_visible()
    expect(page.get_by_role("img", name="Lignes par année où leur durée a fini")).to_be_visible()
    first.shoot("retention-plan")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="A few people, without their names")).to_be_visible()
    first.shoot("retention-plan-en")
    page.get_by_role("button", name="Français").click()
    page.get_by_role("button", name="Donner mon accord").click()
    page.get_by_role("button", name="Donner mon accord").click()
    expect(page.get_by_text("Une autre personne doit donner le deuxième accord.")).to_be_visible()
    second.page.goto(page.url)
    second.page.get_by_role("button", name="Donner mon accord").click()
    second.page.get_by_role("button", name="Donner mon accord").click()
    # A job carries it out; nobody reloads: the certificate comes by itself.
    with second.page.expect_download() as waiting:
        second.page.get_by_role("link", name="Télécharger").click()
    second.shoot("retention-certificate")
    file = tmp_path / "certificat.txt"
    waiting.value.save_as(file)
    [(vkey,)] = cellar.fetch("SELECT signed_by FROM retention.run WHERE run_id = %s", run_id)
    command = [sys.executable, "-m", "rempart", "retention", "verify", str(file), "--key", vkey]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "proven" in told.stderr

    page.goto(f"{stack.url}/console/conservation/retenues")
    first.shoot("data-holds")
    page.get_by_role("row", name="réquisition 2026/118").get_by_role("link").click()
    expect(page.get_by_text("Ce qu’elle retient")).to_be_visible()
    page.get_by_role("button", name="Lever…").click()
    page.get_by_label("Pourquoi la lever").fill("classement sans suite du 20 novembre")
    page.get_by_role("button", name="Lever la retenue").click()
    expect(page.get_by_text("classement sans suite du 20 novembre")).to_be_visible()
    assert cellar.plan(today()) is not None
    assert cellar.fetch("SELECT DISTINCT held_by FROM retention.item") == [("",)]
    look_at_backups(stack, cellar, second)
    show_a_long_run(stack, cellar, second)


def look_at_backups(stack: Stack, cellar: Cellar, visit: Visit) -> None:
    """First there is none, which is said; then there are two, and one was tried."""
    page = visit.page
    page.goto(f"{stack.url}/console/sauvegardes")
    expect(page.get_by_role("alert")).to_contain_text("Aucune sauvegarde")
    cellar.run(
        "INSERT INTO retention.backup (backup, made_at, bytes, program, purge, kept_until,"
        " verified_at, tried_at, tried_s, tried_purges) VALUES"
        " ('20261121T013600Z-2f6c1a', now() - interval '6 hours', 734003200, '0.9', 2,"
        " current_date + 35, now(), NULL, NULL, NULL),"
        " ('20261114T013600Z-90ab4e', now() - interval '7 days', 721420288, '0.9', 0,"
        " current_date + 28, now() - interval '7 days', now() - interval '3 days', 94, 2)"
    )
    page.reload()
    expect(page.get_by_text("94 s, 2 effacements refaits")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    visit.shoot("backups")


def test_who_left_reads_one_page_asks_and_is_answered_within_the_month(
    stack: Stack, open_visit: Callable[[people.Somebody], Visit], cellar: Cellar
):
    insurer = add_lilas(stack)
    persons = cellar.list_persons()
    readers = []
    for place, months in ((0, 6), (1, 13), (2, 25), (7, 75)):
        who = people.make_member(stack.database, insurer, name=f"Parti depuis {months} mois")
        cellar.run(
            "UPDATE accounts.member SET person_ref = %s WHERE actor_ref = %s",
            *(persons[place], who.actor_ref),
        )
        reader = open_visit(who)
        reader.page.goto(f"{stack.url}/adherent/mes-donnees")
        expect(reader.page.get_by_role("heading", level=1)).to_have_text("Mes données")
        for summary in reader.page.locator("summary").all():
            summary.click()
        reader.shoot(f"my-data-{months}-months")
        readers.append(reader)
    asking = readers[1].page
    asking.get_by_role("link", name="Faire corriger, effacer ou limiter").click()
    asking.get_by_role("button", name="Faire une demande").click()
    asking.get_by_label("faire effacer").check()
    asking.get_by_label("Précisions").fill("Je suis parti il y a un an.")
    readers[1].shoot("ask-erasure")
    asking.get_by_role("button", name="Demander").click()
    expect(asking.get_by_text("Réponse au plus tard le")).to_be_visible()

    dpo = open_visit(people.make_agent(stack.database, insurer, Role.INSURER_DPO, name="Léa"))
    page = dpo.page
    page.goto(f"{stack.url}/assureur/demandes")
    expect(page.get_by_text("demande à répondre")).to_be_visible()
    dpo.shoot("data-requests")
    page.locator("tbody a").first.click()
    dpo.shoot("data-request")
    page.get_by_label("Ce que la personne lira").fill(
        "Vos coordonnées partent. Le reste est gardé deux ans : vous pouvez encore contester un"
        " remboursement."
    )
    page.get_by_role("button", name="Accepter").click()
    asking.reload()
    expect(asking.get_by_text("Vos coordonnées partent.")).to_be_visible()
    asking.get_by_role("button", name="English").click()
    readers[1].shoot("my-requests-en")
    page.goto(f"{stack.url}/assureur/retenues")
    expect(page.get_by_text("Rien n’est retenu")).to_be_visible()
    dpo.shoot("own-data-holds")


def add_lilas(stack: Stack) -> people.Organisation:
    """Add the organisation of the insurer whose members left."""
    org_ref = people.draw()
    with stack.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.organisation (org_ref, kind, name, insurer_id)"
            " VALUES (%s, 'insurer', 'Mutuelle des Lilas', %s)",
            (org_ref, INSURER),
        )
    return people.Organisation(org_ref, "insurer", insurer_id=INSURER)
