"""An operator on watch, in a real browser."""

from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect
from tests.api.world import COVERED, STRANGER, SUSPENDED, card_body, typed_body
from tests.browser.conftest import Stack, Visit
from tests.portals import people, samples

from rempart.accounts.roles import Role
from rempart.disclosure.entry import Mode, Outcome
from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024, Field
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.storage.connect import Transaction

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

INSURERS = ("Brisemer Santé", "Corvalle Prévoyance", "Dorléane", "Mutuelle des Trois-Fanals")
INSURERS += ("Estuaire", "Fontclaire", "Garrigue Santé", "Hautebrise", "Mutuelle du Jas")
ACCOUNTS = tuple(5_303_212_908_117_441_001 + 7_919_873_441 * n for n in range(12))
MINUTE = 60_000


def add_history(tx: Transaction, now_ms: int) -> None:
    """Add a log of its own with the last hour of a region, robots included."""
    random = Random(2024)
    for number, name in enumerate(INSURERS, 2):
        tx.execute(
            "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
            " VALUES (%s, %s, %s, '2023-01-01')",
            (number, f"99000000{number:02d}", name),
        )
    moments = []
    for minute in range(56, 0, -1):
        lawful = random.randrange(24, 40)
        robots = random.randrange(70, 95) if 17 <= minute <= 28 else 0
        start = now_ms - minute * MINUTE
        moments += [(start + random.randrange(MINUTE), n >= lawful) for n in range(lawful + robots)]
    for serial, account_ref in enumerate(ACCOUNTS, 20):
        tx.execute(
            "INSERT INTO accounts.professional VALUES (%s, %s, %s, 'Officine', NULL)",
            (
                account_ref,
                make_synthetic_rpps(serial).number,
                ("pharmacy", "optician", "nurse")[serial % 3],
            ),
        )
    origin = "rempart.invalid/5f0c12ab/log/2"
    tx.execute("INSERT INTO ledger.log VALUES (2, %s, %s)", (origin, f"{origin}+0f3c5a77+AZc1"))
    tx.execute(
        "INSERT INTO ledger.head VALUES (2, %s, 1, %s, %s)",
        (len(moments), bytes(range(32)), now_ms - MINUTE),
    )
    tx.execute("SELECT ledger.ensure_segment(2::smallint, 0)")
    for idx, (t_ms, robot) in enumerate(sorted(moments)):
        account = random.randrange(2 if robot else len(ACCOUNTS))
        mode = Mode.TYPED if robot or random.random() < 0.1 else Mode.CARD
        outcomes = [Outcome.OPEN] * (2 if robot else 8) + [Outcome.CLOSED_OUT_OF_PERIOD]
        outcomes += [Outcome.UNKNOWN] * (2 if robot else 1) + [Outcome.CLOSED_DOMAIN]
        samples.add_entry(
            tx,
            idx,
            log_id=2,
            t_ms=t_ms,
            account_ref=ACCOUNTS[account],
            session_ref=ACCOUNTS[account] // 3 + (99_991 if robot else 0),
            insurer_id=random.randrange(2, 2 + len(INSURERS)),
            mode=mode,
            domain=random.choice((1, 1, 1, 2, 5, 9, 10)),
            outcome=random.choice(outcomes),
        )


def add_incident(tx: Transaction, now: datetime) -> int:
    """Add an answered exercise, as the drill leaves one."""
    random = Random(5)
    number = samples.add_incident(tx, title="Exercice : janvier 2024 rejoué")
    counts = {insurer: int(420 / insurer) for insurer in range(2, 2 + len(INSURERS))}
    sessions = tuple(account // 3 + 99_991 for account in ACCOUNTS[:2])
    person = 1
    for insurer, count in counts.items():
        for _ in range(count):
            tier = "B" if insurer % 3 == 0 and random.random() < 0.1 else "A"
            chosen = (random.choice(sessions),)
            samples.add_exposed(tx, number, insurer, person, tier=tier, sessions=chosen)
            person += 1
    thief = [
        {"rule": "typed_without_card/1", "shows": "thief", "value": 1, "points": 40},
        {"rule": "pace/1", "shows": "thief", "value": 21.0, "points": 13},
        {"rule": "unknown_address/1", "shows": "thief", "value": 1, "points": 10},
    ]
    owner = [
        {"rule": "presence/1", "shows": "owner", "value": 12, "points": 30},
        {"rule": "usual_address/1", "shows": "owner", "value": 1, "points": 10},
    ]
    opened = int(now.timestamp() * 1000) - 28 * MINUTE
    for rank, account in enumerate(ACCOUNTS[:2]):
        samples.add_suspect(tx, number, account)
        for session, verdict, reasons, address, agent in (
            (sessions[rank], "thief", thief, f"198.51.100.{24 + rank}", "python-requests/2.32"),
            (account // 3, "owner", owner, f"192.0.2.{7 + rank}", "Officine/9.4"),
        ):
            samples.add_session(
                tx, session, account, address=address, agent=agent, opened_ms=opened + rank
            )
            samples.add_verdict(
                tx,
                number,
                session_ref=session,
                account_ref=account,
                verdict=verdict,
                reasons=reasons,
            )
    tx.execute(
        "UPDATE incidents.incident SET declared_at = %s, answered_at = %s, starts_ms = %s,"
        " ends_ms = %s, report = %s::jsonb WHERE incident_id = %s",
        (
            *(now - timedelta(minutes=9), now - timedelta(minutes=8, seconds=57)),
            *(opened, opened + 12 * MINUTE, samples.to_json(make_report(now, counts, random))),
            number,
        ),
    )
    return number


def make_report(now: datetime, counts: dict[int, int], random: Random) -> dict[str, Any]:
    """Return the report of the exercise, with the same keys as the drill's."""
    start = now - timedelta(minutes=40)
    return {
        "drill": {
            "exposure": {"precision": 1.0, "recall": 0.9989},
            "mean_persons_per_stolen_account": 403.5,
            "worst_persons_per_stolen_account": 611,
            "minutes_to_answer": 0.05,
            "portal_2024": {
                "persons": 2154,
                "fields": [str(f.name).lower() for f in Field if f & EIGHT_FIELDS_OF_2024],
                "fields_gained_per_person": 5.8,
                "identity_fields_gained_per_person": 5.8,
            },
            "rempart": {
                "persons": sum(counts.values()),
                "fields": ["rights_status", "domain_terms", "engagement", "consigne"],
                "fields_gained_per_person": 3.1,
                "identity_fields_gained_per_person": 0.0,
            },
            "timeline": [
                {
                    "minute": (start + timedelta(minutes=n)).isoformat(),
                    "lawful": random.randrange(24, 40),
                    "attributed": random.randrange(70, 95) if 12 <= n <= 23 else 0,
                }
                for n in range(40)
            ],
            "insurers": [
                {"insurer_id": insurer, "true_persons": count + (insurer == 4)}
                for insurer, count in counts.items()
            ],
            "robots": [
                {
                    "kind": kind,
                    "account": account,
                    "sent": sent,
                    "answered": sent - refused,
                    "refused": refused,
                    "persons": persons,
                    "persons_2024": before,
                }
                for kind, account, sent, refused, persons, before in (
                    ("fast", 1, 1180, 402, 611, 1421),
                    ("throttled", 2, 310, 0, 196, 402),
                    ("guesser", 1, 640, 88, 0, 331),
                )
            ],
        }
    }


def make_operator(stack: Stack) -> people.Somebody:
    """Add somebody who runs the platform."""
    org = people.make_organisation(stack.database, "operator", name="Plateforme Lambda")
    return people.make_agent(stack.database, org, Role.OPERATOR_ADMIN)


def test_an_operator_watches_and_reads_an_incident(stack: Stack, visit: Visit):
    page = visit.page
    now = datetime.now(ZoneInfo("Europe/Paris"))
    for body in (card_body(COVERED), card_body(SUSPENDED), typed_body(STRANGER)):
        assert stack.ask(body).status_code == 200
    with stack.database.transaction("owner") as tx:
        add_history(tx, int(now.timestamp() * 1000))
        number = add_incident(tx, now)

    stack.enter(page, make_operator(stack))
    page.goto(f"{stack.url}/console")
    expect(page.get_by_role("heading", level=1)).to_have_text("Vue d’ensemble")
    expect(page.get_by_role("img", name="Vérifications par minute, dernière heure")).to_be_visible()
    visit.shoot("console")

    # A check made elsewhere appears by itself within a few seconds.
    page.get_by_role("link", name="Traces", exact=True).click()
    rows = page.locator("#lookups tbody tr")
    expect(rows.first).to_contain_text("Saisie")
    assert stack.ask(card_body(COVERED, domain="OPTI")).status_code == 200
    expect(rows.first).to_contain_text("Optique", timeout=60_000)
    visit.shoot("lookups", whole=False)

    # Refreshing takes nobody's place away: the focus stays on its row.
    rows.nth(2).get_by_role("link").first.focus()
    before = page.evaluate("document.activeElement.id")
    refreshed = page.locator(".live").inner_text()
    expect(page.locator(".live")).not_to_have_text(refreshed)
    assert page.evaluate("document.activeElement.id") == before

    # Paused, the page stays as it is; going live again catches up.
    page.get_by_role("link", name="Mettre en pause").click()
    assert stack.ask(card_body(COVERED, domain="MEDG")).status_code == 200
    page.wait_for_timeout(2500)
    expect(rows.first).to_contain_text("Optique")
    page.get_by_role("link", name="Reprendre le direct").click()
    expect(rows.first).to_contain_text("Médecin généraliste")

    # Filtered, sorted, taken away.
    page.get_by_label("Réponse").select_option("Personne inconnue")
    page.get_by_label("Période").select_option("1 heure")
    page.get_by_role("button", name="Filtrer").click()
    expect(page.locator("#lookups tbody .badge-open")).to_have_count(0)
    page.get_by_role("link", name="Complémentaire").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Complémentaire")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "consultations.csv"

    page.get_by_role("link", name="Registre", exact=True).click()
    expect(page.get_by_role("heading", name="Registre 1")).to_be_visible()
    page.locator("summary").first.click()
    expect(page.get_by_text("— rempart.invalid/").first).to_be_visible()
    visit.shoot("ledger")

    page.get_by_role("link", name="Incidents", exact=True).first.click()
    visit.shoot("incidents")
    page.get_by_role("link", name="Exercice : janvier 2024 rejoué").click()
    expect(page).to_have_url(f"{stack.url}/console/incidents/{number}")
    table = page.locator("#exposition tr")
    expect(table.first).to_contain_text("Brisemer Santé")
    page.get_by_role("link", name="Complémentaire").click()
    expect(table.first).to_contain_text("Brisemer Santé")
    page.get_by_role("link", name="Complémentaire").click()
    expect(table.first).to_contain_text("Mutuelle du Jas")
    page.goto(f"{stack.url}/console/incidents/{number}")
    visit.shoot("incident")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == f"EXERCICE-incident-{number}.csv"
