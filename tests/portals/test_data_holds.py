"""What holds data back: seen without whom it keeps, placed and released with words."""

from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from tests.portals import people, samples

from rempart.accounts.roles import Role

HOST, OWN = "/console/conservation/retenues", "/assureur/retenues"
HOLD, INQUIRY = 7312, 5151


def text(answer) -> str:
    return unescape(answer.content.decode())


def run(desk, statement: str, *values):
    with desk.database.transaction("owner") as tx:
        cursor = tx.execute(statement, values)
        return cursor.fetchall() if cursor.description else None


def browse(desk, org, role: Role, name: str = "Agent") -> Client:
    browser = Client()
    who = people.make_agent(desk.database, org, role, name=name)
    people.sign_in(browser, desk.database, who)
    return browser


@pytest.fixture
def host(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "operator", name="Plateforme Mu")


@pytest.fixture
def insurer(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "insurer", name="Mutuelle Un")


@pytest.fixture
def person(desk, insurer) -> int:
    """Somebody who left long ago."""
    member = people.make_member(desk.database, insurer)
    [(ref,)] = run(
        desk, "SELECT person_ref FROM accounts.member WHERE actor_ref = %s", member.actor_ref
    )
    run(
        desk,
        "INSERT INTO rights.past_coverage (person_ref, opened_in, insurer_id, contract_ref,"
        " starts_on, ends_on, suspended_from, suspended_to, terms_id) VALUES (%s, 1, %s, '{5}',"
        " '{2018-01-01}', %s, '{infinity}', '{infinity}', '{1}')",
        *(ref, insurer.insurer_id, [samples.NOW.date() - timedelta(days=900)]),
    )
    return ref


@pytest.fixture
def hold(desk, insurer, person) -> int:
    """A hold that a plan met."""
    run(
        desk,
        "INSERT INTO retention.data_hold (hold_ref, kind, insurer_id, person_ref, fields, reason)"
        " VALUES (%s, 'judicial', %s, %s, '{civil,nir}', 'réquisition 2026/118')",
        *(HOLD, insurer.insurer_id, person),
    )
    [(run_id,)] = run(
        desk,
        "INSERT INTO retention.run (origin, day, schedule, state) VALUES"
        " ('due', '2026-11-20', %s, 'planned') RETURNING run_id",
        bytes(32),
    )
    for field in ("civil", "nir"):
        run(
            desk,
            "INSERT INTO retention.tally (run_id, insurer_id, field, step, rule, held_by, planned,"
            " oldest) VALUES (%s, %s, %s, 'delete', 'limitation', %s, 1, '2026-05-04')",
            *(run_id, insurer.insurer_id, field, f"judicial {HOLD}"),
        )
    return HOLD


def find_hold(desk, hold_ref: int = HOLD):
    return run(
        desk,
        "SELECT released_at IS NOT NULL, release_reason, person_refs FROM retention.data_hold"
        " WHERE hold_ref = %s",
        hold_ref,
    )[0]


def test_the_host_sees_what_is_held_why_and_how_much_and_never_whom(desk, host, hold, person):
    dpo = browse(desk, host, Role.OPERATOR_DPO)
    shown = text(dpo.get(HOST))
    for words in ("réquisition 2026/118", "la justice", "état civil", "1 personne", "Mutuelle Un"):
        assert words in shown
    page = text(dpo.get(f"{HOST}/{hold}"))
    assert "4 mai 2026" in page or "04/05/2026" in page
    exported = dpo.get(f"{HOST}.csv").content.decode()
    assert "réquisition 2026/118" in exported
    for seen in (shown, page, exported):
        assert str(person) not in seen


def test_a_hold_is_released_with_words_and_what_it_kept_may_go(desk, host, hold):
    dpo = browse(desk, host, Role.OPERATOR_DPO)
    page = f"{HOST}/{hold}/levee"
    assert "prochain passage" in text(dpo.get(page))
    assert dpo.post(page, {"reason": "  "}).status_code == 422
    assert find_hold(desk)[0] is False
    assert dpo.post(page, {"reason": "classement sans suite"}).status_code == 302
    assert find_hold(desk)[:2] == (True, "classement sans suite")
    shown = text(dpo.get(f"{HOST}/{hold}"))
    assert "classement sans suite" in shown
    assert "Ce qu’elle a retenu" in shown
    assert dpo.post(page, {"reason": "encore"}).status_code == 409


def test_an_approved_inquiry_is_how_the_host_says_whom_it_holds(desk, host, insurer, person):
    asker = people.make_agent(desk.database, host, Role.OPERATOR_ADMIN, name="Demande")
    dpo = browse(desk, host, Role.OPERATOR_DPO)
    page = f"/console/enquetes/{INQUIRY}/retenir"
    wish = {"kind": "judicial", "fields_kept": ["civil"], "reason": "réquisition 12"}
    run(
        desk,
        "INSERT INTO accounts.inquiry (inquiry_ref, insurer_id, person_refs, purpose, reason,"
        " asked_by) VALUES (%s, %s, %s, 'judicial', 'réquisition 12', %s)",
        *(INQUIRY, insurer.insurer_id, [person], asker.actor_ref),
    )
    assert dpo.post(page, wish).status_code == 404  # nobody approved it yet
    run(
        desk,
        "UPDATE accounts.inquiry SET state = 'approved', decided_by = %s, decided_at = now()",
        people.make_agent(desk.database, host, Role.OPERATOR_DPO, name="Approuve").actor_ref,
    )
    shown = text(dpo.get(f"/console/enquetes/{INQUIRY}"))
    assert "Retenir ses données" in shown
    assert dpo.post(page, {**wish, "reason": ""}).status_code == 422
    made = dpo.post(page, wish)
    assert made.status_code == 302
    assert run(desk, "SELECT kind, person_refs, fields FROM retention.data_hold") == [
        ("judicial", [person], ["civil"])
    ]
    assert "réquisition 12" in text(dpo.get(made.headers["Location"]))
    run(desk, "UPDATE accounts.inquiry SET decided_at = now() - interval '8 days'")
    assert dpo.post(page, wish).status_code == 404
    security = browse(desk, host, Role.OPERATOR_SECURITY)
    assert security.post(page, wish).status_code == 403


def test_an_insurer_sees_its_own_and_no_other_insurers(desk, insurer, hold):
    dpo = browse(desk, insurer, Role.INSURER_DPO)
    assert "réquisition 2026/118" in text(dpo.get(OWN))
    assert "Ce qu’elle retient" in text(dpo.get(f"{OWN}/{hold}"))
    stranger = browse(
        desk, people.make_organisation(desk.database, "insurer", name="Deux"), Role.INSURER_DPO
    )
    assert "Rien n’est retenu" in text(stranger.get(OWN))
    assert stranger.get(f"{OWN}/{hold}").status_code == 404
    assert stranger.post(f"{OWN}/{hold}/levee", {"reason": "x"}).status_code == 404
    assert find_hold(desk)[0] is False
    manager = browse(desk, insurer, Role.INSURER_MANAGER)
    assert manager.get(OWN).status_code == 403
    assert dpo.post(f"{OWN}/{hold}/levee", {"reason": "jugement rendu"}).status_code == 302
    assert find_hold(desk)[0] is True


def test_an_insurer_holds_whom_it_has_the_file_of(desk, insurer, person):
    who = people.make_agent(desk.database, insurer, Role.INSURER_DPO)
    browser = Client()
    people.sign_in(browser, desk.database, who)
    [(session,)] = run(
        desk, "SELECT session_ref FROM accounts.session WHERE actor_ref = %s", who.actor_ref
    )
    run(
        desk,
        "INSERT INTO rights.member_file (file_ref, insurer_id, actor_ref, session_ref, person_ref,"
        " motive) VALUES (88, %s, %s, %s, %s, 'complaint')",
        *(insurer.insurer_id, who.actor_ref, session, person),
    )
    page = "/assureur/dossiers/88/retenir"
    assert "Ne nommez personne" in text(browser.get(page))
    made = browser.post(page, {"kind": "dispute", "fields_kept": [], "reason": "litige 9"})
    assert made.status_code == 302
    assert run(desk, "SELECT kind, person_refs, fields FROM retention.data_hold") == [
        ("dispute", [person], [])
    ]
    other = browse(desk, insurer, Role.INSURER_ADMIN)
    assert other.post(page, {"kind": "dispute", "reason": "x"}).status_code == 404


def test_a_hosted_operator_finds_no_such_page(desk, host, hold):
    hosted = people.make_organisation(
        desk.database, "operator", name="Hébergé", hosted_by=host.org_ref
    )
    browser = browse(desk, hosted, Role.OPERATOR_ADMIN)
    for page in (HOST, f"{HOST}.csv", f"{HOST}/{hold}", f"{HOST}/{hold}/levee"):
        assert browser.get(page).status_code == 404


def test_mutation_a_host_that_may_read_whom_is_refused_by_the_database(desk, host, hold):
    """Whom a hold keeps is in columns that no page may ask for."""
    with (
        pytest.raises(Exception, match="permission denied"),
        desk.database.transaction("portals") as tx,
    ):
        tx.execute("SELECT person_refs FROM retention.data_hold")
    run(desk, "GRANT SELECT (person_refs) ON retention.data_hold TO rempart_portals")
    with desk.database.transaction("portals") as tx:
        tx.execute("SELECT person_refs FROM retention.data_hold")
