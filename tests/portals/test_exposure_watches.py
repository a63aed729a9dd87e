"""Claims of whom an incident exposed: watched by their insurer, flagged with reasons, decided."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.test import Client
from tests.portals import people, samples
from tests.portals.bench import make_client
from tests.portals.pages import change, fetch
from tests.portals.test_payers import add_claim, read

from rempart.accounts.roles import Role
from rempart.claims.references import format_reference
from rempart.kernel.instants import PARIS
from rempart.storage.exposure_watch import RunningWatch, list_running
from rempart.wiring.clock import today_in_paris
from rempart.workflows.claims.watch_exposed import watch_exposed

PAGE = "/assureur/surveillance"
EXPOSED, OTHER = 4141, 5151
STOLEN = 6_000_000_001
DOUBTED = 700_000_000_900


@pytest.fixture
def agent(desk, browser, manager) -> Client:
    people.sign_in(browser, desk.database, manager)
    return browser


@pytest.fixture
def dpo(desk, insurer) -> Client:
    browser = make_client()
    who = people.make_agent(desk.database, insurer, Role.INSURER_DPO, name="Dominique DPO")
    people.sign_in(browser, desk.database, who)
    return browser


@pytest.fixture
def incident(desk, insurer) -> int:
    """An incident whose first package names one of the insurer's members."""
    with desk.database.transaction("owner") as tx:
        number = samples.add_incident(tx, exercise=False)
        samples.add_suspect(tx, number, STOLEN)
    add_package(desk, insurer, number, 1, {EXPOSED: "A"})
    return number


def add_package(desk, insurer, incident_id: int, number: int, persons) -> None:
    ref = people.draw()
    with desk.database.connect("admin", autocommit=True) as admin:
        # As one that was made, asked for and sent: its life is tested elsewhere.
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO incidents.package (package_ref, incident_id, insurer_id, number, basis,"
            " exercise, title, starts_ms, ends_ms, conclusion, persons_a, persons_b, persons_c,"
            " digest, key_ref, state, asked_by, approved_by, sent_at) VALUES (%s, %s, %s, %s, 0,"
            " false, 'Hameçonnage de novembre', %s, %s, 'persons', 1, 0, 0, %s, 1, 'sent', 1, 2,"
            " clock_timestamp())",
            (
                *(ref, incident_id, insurer.insurer_id, number),
                *(samples.NOW_MS - 900_000, samples.NOW_MS, bytes(32)),
            ),
        )
        for person_ref, tier in persons.items():
            admin.execute(
                "INSERT INTO incidents.packaged_person VALUES (%s, %s, %s, 1, 1)",
                (ref, person_ref, tier),
            )


def make_place(desk, postcode: str) -> int:
    place = people.make_organisation(desk.database, "establishment", name=f"Cabinet {postcode}")
    change(
        desk,
        "UPDATE accounts.establishment SET postcode = %s WHERE establishment_ref = %s",
        *(postcode, place.establishment_ref),
    )
    return place.establishment_ref


@pytest.fixture
def claims(desk, insurer) -> None:
    """Three claims of a quiet life, then two that do not look like them; one of somebody else."""
    near, far = make_place(desk, "69003"), make_place(desk, "13001")
    late = {"received_at": datetime.now(UTC) - timedelta(minutes=1), "state": "received"}
    common = {"insurer_id": insurer.insurer_id}
    for number, day in enumerate(("2026-03-02", "2026-05-04", "2026-09-01")):
        dates = {"first_care_on": day, "last_care_on": day, "received_at": f"{day} 12:00Z"}
        add_claim(
            desk, **common, person_ref=EXPOSED, place=near, ref=700_000_000_800 + number, **dates
        )
    add_claim(desk, **common, person_ref=EXPOSED, place=far, ref=DOUBTED, **late)
    add_claim(
        desk,
        **common,
        person_ref=EXPOSED,
        place=near,
        ref=DOUBTED + 1,
        account_ref=STOLEN,
        **late,
    )
    add_claim(desk, **common, person_ref=EXPOSED, place=near, ref=DOUBTED + 2, **late, by_card=True)
    add_claim(desk, **common, person_ref=OTHER, place=far, ref=DOUBTED + 3, **late)


def run(desk) -> int:
    return watch_exposed(
        lambda: desk.database.transaction("settler"),
        now=datetime.now(UTC) + timedelta(seconds=1),
        today=today_in_paris(),
    )


def start(browser, incident_id: int):
    page = f"{PAGE}/incidents/{incident_id}/commencer"
    browser.get(PAGE)
    return browser.post(page, headers={"x-csrftoken": browser.cookies["rempart_csrf"].value})


def list_flags(desk):
    return fetch(
        desk, "SELECT claim_ref, points, decision FROM claims.exposure_flag ORDER BY claim_ref"
    )


def test_claims_unlike_the_person_s_others_are_flagged_with_reasons(
    desk, dpo, agent, incident, claims
):
    assert "Hameçonnage de novembre" in read(dpo.get(PAGE))
    assert run(desk) == 0, "nobody watches yet"
    assert start(dpo, incident).status_code == 302
    assert run(desk) > 0
    assert list_flags(desk) == [(DOUBTED, 5, None), (DOUBTED + 1, 7, None)]
    page = read(agent.get(PAGE))
    assert format_reference(DOUBTED) in page
    assert "Cabinet 13001" in page
    assert "dans un département où cette personne n’avait jamais été soignée" in page
    assert "envoyée par un compte que l’incident met en cause" in page
    assert str(EXPOSED) not in agent.get(PAGE).content.decode()
    assert run(desk) == 0, "looked at once"
    assert len(list_flags(desk)) == 2, "flagged once"
    assert agent.get(f"{PAGE}.csv").content.decode().count("\r\n") == 3


def test_a_flag_is_decided_once_with_a_reason_and_what_is_held_waits(
    desk, dpo, agent, press, incident, claims
):
    start(dpo, incident)
    run(desk)
    page = f"{PAGE}/factures/{DOUBTED}"
    assert press(page, {"decision": "usual", "why": ""}).status_code == 422
    assert press(page, {"decision": "held", "why": "Adhérente jointe : rien"}).status_code == 302
    held = fetch(desk, "SELECT claim_ref, reason FROM claims.hold")
    assert held == [(DOUBTED, "Adhérente jointe : rien")]
    assert "Décidé" in read(agent.get(page))
    other = f"{PAGE}/factures/{DOUBTED + 1}"
    assert press(other, {"decision": "usual", "why": "Vu avec elle"}).status_code == 302
    # A second decision, from a page that was open before: the first one stays.
    again = press(
        PAGE.replace("surveillance", "adherents"), {"decision": "reported", "why": "x"}, other
    )
    assert again.status_code == 409
    assert [row[2] for row in list_flags(desk)] == ["held", "usual"]
    assert "Rien n’attend votre décision" in read(agent.get(PAGE))
    assert "Vu avec elle" in agent.get(f"{PAGE}.csv?tout=1").content.decode()


def test_a_claim_that_was_shared_out_cannot_be_held_any_more(
    desk, dpo, agent, press, incident, claims
):
    start(dpo, incident)
    run(desk)
    change(desk, "UPDATE claims.claim SET state = 'remitted' WHERE claim_ref = %s", DOUBTED)
    refused = press(f"{PAGE}/factures/{DOUBTED}", {"decision": "held", "why": "Trop tard"})
    assert refused.status_code == 409
    assert list_flags(desk)[0][2] is None


def test_another_package_names_others_and_the_watch_begins_again(
    desk, dpo, insurer, incident, claims
):
    start(dpo, incident)
    run(desk)
    add_package(desk, insurer, incident, 2, {OTHER: "B", EXPOSED: None})
    far = make_place(desk, "13002")
    add_claim(
        desk,
        insurer_id=insurer.insurer_id,
        person_ref=EXPOSED,
        place=far,
        ref=DOUBTED + 9,
        received_at=datetime.now(UTC),
        state="received",
        account_ref=STOLEN,
    )
    change(
        desk, "UPDATE claims.claim SET account_ref = %s WHERE claim_ref = %s", STOLEN, DOUBTED + 3
    )
    run(desk)
    flagged = {row[0] for row in list_flags(desk)}
    assert DOUBTED + 3 in flagged, "somebody the second package names"
    assert DOUBTED + 9 not in flagged, "somebody it takes back"


def test_a_watch_begins_at_midnight_in_paris(desk, dpo, insurer, incident, claims):
    start(dpo, incident)
    [(since,)] = fetch(desk, "SELECT since FROM claims.exposure_watch")
    add_claim(
        desk,
        insurer_id=insurer.insurer_id,
        person_ref=EXPOSED,
        place=make_place(desk, "13003"),
        ref=DOUBTED + 9,
        received_at=datetime.combine(since, time(0, 30), PARIS),
        state="received",
        account_ref=STOLEN,
    )
    run(desk)
    assert DOUBTED + 9 in {row[0] for row in list_flags(desk)}


def test_only_who_answers_for_members_begins_and_ends_a_watch(desk, dpo, agent, insurer, incident):
    assert agent.get(f"{PAGE}/incidents/{incident}/commencer").status_code == 403
    assert start(dpo, incident + 999).status_code == 404
    assert start(dpo, incident).status_code == 302
    assert start(dpo, incident).status_code == 404, "watched already"
    with desk.database.transaction("settler") as tx:
        [watch] = list_running(tx, date(2026, 11, 24))
    assert isinstance(watch, RunningWatch)
    assert watch.number == 1
    end = f"{PAGE}/incidents/{incident}/arreter"
    dpo.get(end)
    token = dpo.cookies["rempart_csrf"].value
    assert dpo.post(end, headers={"x-csrftoken": token}).status_code == 302
    assert "arrêtée" in read(dpo.get(PAGE))


def test_another_insurer_sees_no_flag_and_begins_no_watch_of_it(
    desk, dpo, press, incident, claims, browser
):
    start(dpo, incident)
    run(desk)
    other = people.make_organisation(desk.database, "insurer", name="Autre mutuelle")
    people.sign_in(
        browser, desk.database, people.make_agent(desk.database, other, Role.INSURER_ADMIN)
    )
    assert "Hameçonnage" not in read(browser.get(f"{PAGE}?tout=1"))
    assert browser.get(f"{PAGE}/factures/{DOUBTED}").status_code == 404
    assert browser.get(f"{PAGE}/incidents/{incident}/commencer").status_code == 404


def test_mutation_a_job_that_looked_at_everybody_would_flag_somebody_else(
    desk, dpo, insurer, incident, claims
):
    start(dpo, incident)
    change(
        desk, "UPDATE claims.claim SET account_ref = %s WHERE claim_ref = %s", STOLEN, DOUBTED + 3
    )
    run(desk)
    assert DOUBTED + 3 not in {row[0] for row in list_flags(desk)}
    add_package(desk, insurer, incident, 2, {OTHER: "C"})
    run(desk)
    assert DOUBTED + 3 in {row[0] for row in list_flags(desk)}
