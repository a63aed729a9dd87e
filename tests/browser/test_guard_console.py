"""An operator on call at night, in a real browser: finds, explains, contains, reviews, releases."""

from datetime import UTC, datetime
from math import sin
from random import Random

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Stack, Visit
from tests.portals import guard_samples as guard
from tests.portals import people, samples

from rempart.accounts.roles import Role
from rempart.disclosure.entry import Mode
from rempart.guard.lookups import find_day
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.portals.pseudonyms import format_account
from rempart.storage.connect import Transaction

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PROFESSIONS = ("pharmacy", "pharmacy", "nurse", "general_practitioner", "optician", "dentist")
ACCOUNTS = tuple(5_303_212_908_117_441_001 + 7_919_873_441 * n for n in range(12))
THIEF, CALLER, LATE, STORM, DOUBT = ACCOUNTS[:5]
CANARY = ({"kind": "canary", "observed": 1.0, "expected": 0.0, "weight": 25.0},)
STORM_SIGNS = (
    {"kind": "typed_faces", "observed": 19.4, "expected": 12.2, "weight": 0.3},
    {"kind": "burst", "observed": 11.0, "expected": 6.0, "weight": 0.42},
    {"kind": "geography", "observed": 1.0, "expected": 0.02, "weight": 0.9},
)


def add_people(tx: Transaction) -> None:
    """Add the professionals, some with a workplace."""
    tx.execute(
        "INSERT INTO accounts.establishment (establishment_ref, siret, name, postcode, city)"
        " VALUES (77, '99999999900077', 'Pharmacie du Vieux-Pont', '14000', 'Caen')"
    )
    for serial, ref in enumerate(ACCOUNTS):
        tx.execute(
            "INSERT INTO accounts.professional VALUES (%s, %s, %s, 'Claire Vasseur', 77)",
            (ref, make_synthetic_rpps(400 + serial).number, PROFESSIONS[serial % 6]),
        )
        tx.execute(
            "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
            " VALUES (%s, 'professional', 'Claire Vasseur', %s)",
            (ref, serial.to_bytes(32)),
        )


def add_traffic(tx: Transaction, now_ms: int) -> None:
    """Add a day of minutes: the curve of an ordinary day, and a thief since forty minutes."""
    random = Random(14)
    for ago in range(24 * 60):
        for rank, profession in enumerate(sorted(set(PROFESSIONS))):
            busy = 14 + 10 * sin(ago / 230) - 2 * rank
            lookups = max(int(random.gauss(busy, 3)), 0)
            stolen = 9 if profession == "pharmacy" and 2 < ago < 40 else 0
            guard.add_minute(
                tx,
                ago,
                lookups + stolen,
                lookups // 17 + stolen // 2,
                lookups // 5 + stolen,
                (stolen and random.randrange(3, 9)) + (random.random() < 0.03),
                profession=profession,
                now_ms=now_ms,
            )


def add_night(tx: Transaction, now_ms: int) -> None:
    """Add a night on call: a thief, a canary's caller, a review that is late, a lawful storm."""
    today, random = find_day(now_ms), Random(5)
    add_people(tx)
    add_traffic(tx, now_ms)
    guard.add_case(tx, THIEF, today=today, days=27, t_ms=now_ms - 38 * guard.MINUTE, evidence=12.4)
    for n in range(26):
        guard.add_event(
            tx, THIEF, "refused", t_ms=now_ms - 38 * guard.MINUTE + n * 70_000, evidence=9 + n / 8
        )
    guard.add_account(
        tx, CALLER, today=today, profession="nurse", step=2, evidence=25, typed=2.2, refused=1
    )
    guard.add_event(
        tx, CALLER, "canary", t_ms=now_ms - 11 * guard.MINUTE, evidence=25, signals=CANARY
    )
    guard.add_case(
        tx,
        LATE,
        today=today,
        t_ms=now_ms - 5 * guard.HOUR,
        evidence=5.9,
        profession="optician",
        signals=STORM_SIGNS,
    )
    guard.add_case(
        tx,
        STORM,
        today=today,
        t_ms=now_ms - 95 * guard.MINUTE,
        evidence=5.6,
        profession="general_practitioner",
        signals=STORM_SIGNS,
    )
    for rank, ref in enumerate(ACCOUNTS[4:]):
        guard.add_account(
            tx,
            ref,
            today=today,
            profession=PROFESSIONS[rank % 6],
            evidence=4.4 - rank / 2,
            typed=5.0 - rank / 2,
        )
        for ago in range(1, 28):
            guard.add_day(tx, ref, today - ago, typed=random.uniform(0, 3))
    for ago in range(30, -1, -1):
        guard.add_rules(tx, today - ago, width=4 - (30 - ago) / 40, evidence=5 + sin(ago / 4) / 3)
    guard.add_event(tx, ACCOUNTS[6], "contained", t_ms=now_ms - 200 * guard.HOUR)
    guard.add_event(tx, ACCOUNTS[6], "released", t_ms=now_ms - 199 * guard.HOUR)


def add_lookups(tx: Transaction, now_ms: int) -> None:
    """Add the thief's look-ups of the last hours to a log of its own."""
    origin, count = "rempart.invalid/5f0c12ab/log/2", 60
    tx.execute("INSERT INTO ledger.log VALUES (2, %s, %s)", (origin, f"{origin}+0f3c5a77+AZc1"))
    tx.execute("INSERT INTO ledger.head VALUES (2, %s, 1, %s, %s)", (count, bytes(32), now_ms))
    tx.execute("SELECT ledger.ensure_segment(2::smallint, 0)")
    for idx in range(count):
        samples.add_entry(
            tx,
            idx,
            log_id=2,
            t_ms=now_ms - (count - idx) * 3 * guard.MINUTE,
            account_ref=THIEF,
            mode=Mode.CARD if idx % 5 and idx < 45 else Mode.TYPED,
        )


def focused(page: Page) -> str:
    """Return the name of what has the focus."""
    return str(page.evaluate("document.activeElement.id"))


def find(stack: Stack, visit: Visit) -> None:
    """See on the map what waits and who is near; nothing takes one's place away."""
    page = visit.page
    page.goto(f"{stack.url}/console/garde")
    expect(page.get_by_text("4 décisions attendent")).to_be_visible()
    visit.shoot("guard-map")
    page.get_by_role("link", name="24 heures").click()
    visit.shoot("guard-map-day")
    page.get_by_role("link", name="Dernière heure").click()

    # The page refreshes itself, and takes nobody's place away.
    page.locator(f"#near-{DOUBT}").focus()
    page.locator("#map-figures > summary").click()
    page.locator(f"#near-{DOUBT}").focus()
    before = page.locator(".live").inner_text()
    expect(page.locator(".live")).not_to_have_text(before, timeout=60_000)
    assert focused(page) == f"near-{DOUBT}"
    expect(page.locator("#map-figures")).to_have_attribute("open", "")


def explain(stack: Stack, visit: Visit) -> None:
    """Read one account as a picture, its signs in words."""
    page = visit.page
    page.locator(f"#held-{THIEF}").click()
    expect(page.get_by_text("37 visages nouveaux saisis aujourd’hui").first).to_be_visible()
    expect(page.get_by_role("img", name="Vingt-huit jours du compte")).to_be_visible()
    visit.shoot("guard-account")


def hold(stack: Stack, visit: Visit) -> None:
    """Hold an account near its threshold, with its cost told before."""
    page = visit.page
    page.goto(f"{stack.url}/console/garde/comptes/{DOUBT}")
    page.get_by_role("button", name="Limiter…").click()
    page.locator("form:has([name=step]) button[type=submit]").click()
    page.locator("button[name=confirmed]").click()
    expect(page).to_have_url(f"{stack.url}/console/garde/mesures")
    page.goto(f"{stack.url}/console/garde/comptes/{DOUBT}")
    expect(page.locator(".verdict")).to_contain_text("mesure")


def decide(stack: Stack, visit: Visit) -> None:
    """Review and release by keyboard alone: canaries first, then the most urgent."""
    page = visit.page
    page.goto(f"{stack.url}/console/garde/decisions")
    visit.shoot("guard-decisions")
    page.keyboard.press("j")
    assert focused(page) == f"row-{CALLER}"
    page.keyboard.press("j")
    assert focused(page) == f"row-{THIEF}"
    page.keyboard.press("x")
    expect(page.locator(f"#choose-{THIEF}")).to_be_checked()
    page.keyboard.press("x")
    page.keyboard.press("o")
    expect(page).to_have_url(f"{stack.url}/console/garde/comptes/{THIEF}")
    page.go_back()
    page.locator(f"#row-{STORM}").focus()
    page.keyboard.press("r")
    expect(page.get_by_text(f"Le compte {format_account(STORM)} est libéré.")).to_be_visible()
    expect(page.locator(f"#row-{STORM}")).to_have_count(0)
    assert focused(page) == f"row-{CALLER}"

    # Switched off, a key does nothing.
    page.get_by_role("button", name="Touches : actives").click()
    page.locator(f"#row-{LATE}").focus()
    page.keyboard.press("r")
    page.wait_for_timeout(300)
    expect(page.locator(f"#row-{LATE}")).to_have_count(1)

    # Suspends what is left to suspend, from the row.
    page.get_by_role("button", name="Touches : arrêtées").click()
    page.locator(f"#row-{THIEF}").focus()
    page.keyboard.press("s")
    page.locator("form:has([name=step]) button[type=submit]").click()
    page.locator("button[name=confirmed]").click()
    page.goto(f"{stack.url}/console/garde/decisions")
    expect(page.locator(f"#row-{THIEF}")).to_have_count(0)


def decide_many(stack: Stack, visit: Visit) -> None:
    """Release several at once, which are shown before."""
    page = visit.page
    page.locator(f"#choose-{LATE}").check()
    page.locator("#release-chosen").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Libérer 1 compte")
    visit.shoot("guard-many")
    page.get_by_role("button", name="Libérer").click()
    expect(page.locator("[data-row]")).to_have_count(1)


def test_an_operator_finds_explains_contains_reviews_and_releases(stack: Stack, visit: Visit):
    page, now_ms = visit.page, int(datetime.now(UTC).timestamp() * 1000)
    with stack.database.transaction("owner") as tx:
        add_night(tx, now_ms)
        add_lookups(tx, now_ms)
    host = people.make_organisation(stack.database, "operator", name="Plateforme Lambda")
    who = people.make_agent(stack.database, host, Role.OPERATOR_SECURITY, name="Nadia Essai")
    stack.enter(page, who)

    find(stack, visit)
    explain(stack, visit)
    hold(stack, visit)
    decide(stack, visit)
    decide_many(stack, visit)
    page.get_by_role("link", name="Témoins").click()
    expect(page.locator("tbody")).to_contain_text(format_account(CALLER))
    visit.shoot("guard-canaries")
    page.get_by_role("link", name="Réglages").click()
    visit.shoot("guard-rules")


def test_a_map_that_hears_nothing_says_that_it_is_old(stack: Stack, visit: Visit):
    page = visit.page
    host = people.make_organisation(stack.database, "operator", name="Plateforme Lambda")
    stack.enter(page, people.make_agent(stack.database, host, Role.OPERATOR_SECURITY))
    page.goto(f"{stack.url}/console/garde")
    expect(page.get_by_text("Rien n’attend de décision.")).to_be_visible()
    expect(page.locator("[data-stale]")).to_be_hidden()
    page.route("**/console/garde*", lambda route: route.fulfill(status=503))
    expect(page.locator("[data-stale]")).to_be_visible(timeout=60_000)
    page.unroute("**/console/garde*")
    expect(page.locator("[data-stale]")).to_be_hidden(timeout=60_000)
    # htmx says it to the console too, for whoever looks there.
    assert all("503 from /console/garde" in one for one in visit.complaints)
    visit.complaints.clear()


def test_a_map_nobody_looks_at_asks_for_nothing(stack: Stack, visit: Visit):
    page = visit.page
    host = people.make_organisation(stack.database, "operator", name="Plateforme Lambda")
    stack.enter(page, people.make_agent(stack.database, host, Role.OPERATOR_SECURITY))
    page.goto(f"{stack.url}/console/garde")
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true})"
    page.evaluate(hide % "true")
    asked: list[str] = []
    # The icon comes when the browser pleases: what is counted is what the page asks.
    page.on("request", lambda request: "/static/" in request.url or asked.append(request.url))
    page.wait_for_timeout(6_500)
    assert asked == []
    # Seen again, it asks at once.
    page.evaluate(hide % "false")
    with page.expect_request("**/console/garde*", timeout=4_000):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
