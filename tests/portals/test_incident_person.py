"""What one person lost in an incident: by exact identifiers, on record, by who answers for them."""

import re
import uuid
from pathlib import Path

import pytest
from django.test import Client
from psycopg import sql
from tests.portals import people, samples
from tests.portals.bench import change, fetch
from tests.portals.conftest import KEY
from tests.portals.insurer_samples import add_member, designate
from tests.portals.test_exposure_pages import WHOLE, add_analysis
from tests.portals.test_member_files import list_acts
from tests.portals.test_payers import read

import rempart.storage
from rempart.accounts.roles import Role
from rempart.disclosure.fields import Field
from rempart.portals.views import incident_person
from rempart.storage.acts_log import AppendsActs
from rempart.storage.archive_seal import KnownBy

SHOWN = int(Field.RIGHTS_STATUS | Field.ENGAGEMENT)
REASONS = [{"rule": "typed_without_card/1", "shows": "thief", "value": 1, "points": 40}]
HOLE = WHOLE | {
    "is_whole": False,
    "holes": [
        {"kind": "unsigned", "source": "log/1", "from_ms": 1, "to_ms": 2, "hidden": None}
        | {"insurers": None}
    ],
}


def enter(desk, org, role) -> Client:
    browser = Client(headers={"user-agent": "Firefox on a test bench"})
    people.sign_in(browser, desk.database, people.make_agent(desk.database, org, role))
    return browser


@pytest.fixture
def host(desk):
    return people.make_organisation(desk.database, "operator", name="Plateforme Lambda")


@pytest.fixture
def mine(desk, host):
    return people.make_organisation(desk.database, "insurer", name="Mutuelle Aubelune")


@pytest.fixture
def other(desk, host):
    return people.make_organisation(desk.database, "insurer", name="Mutuelle Brisemer")


@pytest.fixture
def member(desk, mine):
    return add_member(desk, mine)


@pytest.fixture
def incident(desk, mine, other, member) -> int:
    """Analysed, whole; one member of mine is listed, and both insurers were sent what it says."""
    samples.add_professional(desk.database, serial=1)
    with desk.database.transaction("owner") as tx:
        number = samples.add_incident(tx, title="Portail vidé", exercise=False)
        samples.add_suspect(tx, number, 5_000_000_001)
        samples.add_session(
            tx,
            *(71, 5_000_000_001),
            address="198.51.100.9",
            agent="python-requests/2.32",
            opened_ms=samples.NOW_MS - 60_000,
        )
        samples.add_verdict(
            tx,
            number,
            session_ref=71,
            account_ref=5_000_000_001,
            verdict="thief",
            reasons=REASONS,
        )
        samples.add_exposed(
            tx, number, mine.insurer_id, member.person_ref, fields=SHOWN, sessions=(71,)
        )
        add_analysis(tx, number)
    for org in (mine, other):
        send(desk, number, org.insurer_id)
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO incidents.packaged_person SELECT package_ref, %s, 'A', %s, 0"
            " FROM incidents.package WHERE insurer_id = %s",
            (member.person_ref, SHOWN, mine.insurer_id),
        )
    return number


def send(desk, number, insurer_id) -> None:
    """Send a package as two people did: what leads to it is tested elsewhere."""
    with desk.database.connect("admin", autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO incidents.package (package_ref, incident_id, insurer_id, number, basis,"
            " exercise, title, starts_ms, ends_ms, conclusion, persons_a, persons_b, persons_c,"
            " hidden, digest, key_ref, state, asked_by, approved_by, sent_at)"
            " SELECT %s, i.incident_id, %s, 1, 0, i.exercise, i.title, i.starts_ms, i.ends_ms,"
            " 'persons', 1, 0, 0, 0, sha256(''), 1, 'sent', 1, 2, now()"
            " FROM incidents.incident AS i WHERE i.incident_id = %s",
            (people.draw(), insurer_id, number),
        )


def ask(browser, number, org, who, *, space="console", **changed):
    typed = {name: value for name, value in who.typed.items() if "motive" not in name}
    if space == "console":
        typed["saisie-insurer"] = str(org.insurer_id)
    return browser.post(f"/{space}/incidents/{number}/personne", typed | changed)


def test_the_host_s_dpo_learns_what_somebody_lost_and_why_and_it_is_on_record_first(
    desk, host, mine, member, incident
):
    dpo = enter(desk, host, Role.OPERATOR_DPO)
    page = dpo.get(f"/console/incidents/{incident}").content.decode()
    assert f'href="/console/incidents/{incident}/personne"' in page
    answer = ask(dpo, incident, mine, member)
    words = read(answer)
    assert "Sur la liste de cet incident" in words
    assert "droits ouverts ou fermés" in words
    assert "rien de plus que ce qu’avait tapé" in words
    assert "Voleur" in words
    assert "(+40)" in words
    assert answer.headers["Cache-Control"] == "no-store"
    shown = answer.content.decode()
    for secret in (member.nir.number, "1984", str(member.person_ref), "198.51.100.9"):
        assert secret not in shown
    assert list_acts(desk)[-1] == ("incident-person", f"incident {incident}", member.person_ref)
    account = people.make_member(desk.database, mine)
    change(
        desk,
        "UPDATE accounts.member SET person_ref = %s WHERE actor_ref = %s",
        *(member.person_ref, account.actor_ref),
    )
    own = Client()
    people.sign_in(own, desk.database, account)
    told = read(own.get("/adherent/consultations"))
    assert f"ce qu’un incident veut dire pour vous : incident {incident}" in told
    kept = fetch(desk, "SELECT person_refs, incident_id FROM incidents.person_question")
    assert kept == [([], incident)], "whom it was about is not kept"


def test_a_stranger_a_planted_person_and_a_slip_say_nothing_of_anybody(
    desk, host, mine, other, member, incident
):
    dpo = enter(desk, host, Role.OPERATOR_DPO)
    planted = add_member(desk, mine, 4, planted=True)
    pages = set()
    for org, who in ((other, member), (mine, planted)):
        answer = ask(dpo, incident, org, who)
        assert "ne mènent à personne" in read(answer)
        pages.add(re.sub(r'value="[^"]+"', "", answer.content.decode()))
        assert list_acts(desk)[-1][0::2] == ("incident-person", 0)
    assert len(pages) == 1
    slip = ask(dpo, incident, mine, member, **{"saisie-insured_nir": "2840500001"})
    assert slip.status_code == 422
    assert len(list_acts(desk)) == 2, "nothing was asked"


def test_no_insurer_is_chosen_for_who_asks(desk, host, mine, member, incident):
    dpo = enter(desk, host, Role.OPERATOR_DPO)
    page = dpo.get(f"/console/incidents/{incident}/personne").content.decode()
    assert '<option value="" selected>' in page
    refused = ask(dpo, incident, mine, member, **{"saisie-insurer": ""})
    assert refused.status_code == 422
    assert "Choisissez la complémentaire." in refused.content.decode()


def test_who_was_erased_is_found_by_what_evidence_knows_them_by(desk, host, mine, incident):
    dpo = enter(desk, host, Role.OPERATOR_DPO)
    gone = add_member(desk, mine, 9, left=True)
    erase(desk, mine, gone, day="2020-01-01")
    words = read(ask(dpo, incident, mine, gone))
    assert "rien ne manque aux journaux" in words
    assert "2 janvier 2020" in words
    assert f"rempart incident person {incident}" in words
    # Nothing here verifies the certificate: a hole still forbids saying no.
    with desk.database.transaction("owner") as tx:
        add_analysis(tx, incident, 2, coverage=HOLE, upper=None)
    words = read(ask(dpo, incident, mine, gone))
    assert "rien ne l’exclut" in words
    assert "C’était avant l’incident" in words
    # Whoever was shown, and erased since, is told: the list keeps the reference.
    with desk.database.transaction("owner") as tx:
        samples.add_exposed(tx, incident, mine.insurer_id, gone.person_ref, sessions=(71,))
    assert "Sur la liste" in read(ask(dpo, incident, mine, gone))


def erase(desk, org, who, *, day) -> None:
    digest = KnownBy(KEY).digest(uuid.UUID(bytes=designate(org, who)))
    for statement in (
        "DELETE FROM identity.person_key WHERE person_ref = %s",
        "DELETE FROM rights.past_coverage WHERE person_ref = %s",
    ):
        change(desk, statement, who.person_ref)
    with desk.database.connect("admin", autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO retention.run (run_id, origin, day, schedule, state, ended_at,"
            " certificate, routine) OVERRIDING SYSTEM VALUE"
            " VALUES (7, 'due', %s, sha256(''), 'done', now(), 'a note', true)",
            (day,),
        )
        admin.execute(
            "INSERT INTO retention.gone (run_id, insurer_id, person_ref, field, subject, step, day,"
            " known_by) VALUES (7, %s, %s, 'coverage', %s, 'delete', %s, %s)",
            (org.insurer_id, who.person_ref, who.person_ref, day, [digest]),
        )


def test_an_insurer_s_dpo_is_told_what_was_sent_about_its_own_people_only(
    desk, host, mine, other, member, incident
):
    dpo = enter(desk, mine, Role.INSURER_DPO)
    words = read(ask(dpo, incident, mine, member, space="assureur"))
    assert "Sur la liste de cet incident" in words
    assert "Voleur" in words
    assert "D’après l’envoi n° 1" in words
    assert list_acts(desk)[-1][2] == member.person_ref
    # An analysis that was not sent says nothing yet.
    change(desk, "UPDATE incidents.exposed_person SET tier = 'C'")
    words = read(ask(dpo, incident, mine, member, space="assureur"))
    assert "A confirmée" in words
    assert "Voleur" not in words
    stranger = enter(desk, other, Role.INSURER_DPO)
    assert "ne mènent à personne" in read(ask(stranger, incident, mine, member, space="assureur"))
    assert list_acts(desk)[-1][2] == 0
    files = fetch(desk, "SELECT motive FROM rights.member_file")
    assert files == [("incident",)] * 3, "each question is one of the day's files"


def test_a_hole_in_what_was_sent_forbids_no(desk, mine, incident):
    somebody = add_member(desk, mine, 5)
    dpo = enter(desk, mine, Role.INSURER_DPO)
    told = {}
    for hidden in (0, 3, None):
        change(desk, "UPDATE incidents.package SET hidden = %s", hidden)
        told[hidden] = read(ask(dpo, incident, mine, somebody, space="assureur"))
    assert "rien ne manque" in told[0]
    assert "rien ne l’exclut" in told[3]
    assert "rien ne l’exclut" in told[None]


def test_whoever_does_not_answer_for_people_asks_about_nobody(desk, host, mine, member, incident):
    hosted = people.make_organisation(
        desk.database, "operator", name="Opérateur hébergé", hosted_by=host.org_ref
    )
    refused = {
        (host, Role.OPERATOR_SECURITY, "console"): 403,
        (hosted, Role.OPERATOR_DPO, "console"): 404,
        (mine, Role.INSURER_MANAGER, "assureur"): 403,
        (mine, Role.INSURER_DPO, "console"): 404,
        (host, Role.OPERATOR_DPO, "assureur"): 404,
    }
    for (org, role, space), status in refused.items():
        browser = enter(desk, org, role)
        assert browser.get(f"/{space}/incidents/{incident}/personne").status_code == status
        assert ask(browser, incident, mine, member, space=space).status_code == status
    dpo = enter(desk, host, Role.OPERATOR_DPO)
    assert dpo.get(f"/console/incidents/{incident + 1}/personne").status_code == 404
    assert fetch(desk, "SELECT count(*) FROM incidents.person_question") == [(0,)]


def test_nothing_is_told_that_is_not_on_record(desk, host, mine, member, incident, monkeypatch):
    dpo = enter(desk, host, Role.OPERATOR_DPO)
    dpo.raise_request_exception = False

    def fail(*_values, **_options):
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(AppendsActs, "append", fail)
        answer = ask(dpo, incident, mine, member)
    assert answer.status_code >= 500
    assert "Sur la liste" not in read(answer)
    assert fetch(desk, "SELECT count(*) FROM incidents.person_question") == [(0,)]


def test_a_day_s_questions_are_counted(desk, host, mine, member, incident, monkeypatch):
    monkeypatch.setattr(incident_person.acts, "MOST_A_DAY", 1)
    dpo = enter(desk, host, Role.OPERATOR_DPO)
    assert ask(dpo, incident, mine, member).status_code == 200
    spent = ask(dpo, incident, mine, member)
    assert spent.status_code == 409
    assert "épuisées" in read(spent)
    assert "Sur la liste" not in read(spent)
    assert len(list_acts(desk)) == 1


def test_an_incident_that_was_not_analysed_answers_nobody(desk, host, mine, member, incident):
    change(desk, "DELETE FROM incidents.analysis")
    dpo = enter(desk, host, Role.OPERATOR_DPO)
    assert "pas encore été analysé" in read(dpo.get(f"/console/incidents/{incident}/personne"))
    assert "Sur la liste" not in read(ask(dpo, incident, mine, member))
    assert list_acts(desk) == []


def test_mutation_without_the_insurer_s_own_rule_a_competitor_s_member_is_found(
    desk, mine, other, member, incident
):
    schema = Path(rempart.storage.__file__).parent / "schema/0038_one_person.sql"
    [made] = re.findall(
        r"CREATE (FUNCTION incidents\.ask_person.*?END \$\$;)", schema.read_text(), re.DOTALL
    )
    rule = " AND (mine IS NULL OR one.insurer_id = mine)"
    assert rule in made
    stranger = enter(desk, other, Role.INSURER_DPO)
    try:
        replace_function(desk, made.replace(rule, ""))
        told = read(ask(stranger, incident, mine, member, space="assureur"))
        assert "ne mènent à personne" in told, "typed with their own insurer's number, it is nobody"
        key = uuid.UUID(bytes=designate(mine, member))
        change(desk, "INSERT INTO identity.person_key VALUES (%s, %s, 1)", key, member.person_ref)
        moved = uuid.UUID(bytes=designate(other, member))
        change(desk, "UPDATE rights.lookup SET lookup_key = %s", moved)
        told = read(ask(stranger, incident, mine, member, space="assureur"))
        assert "ne mènent à personne" not in told
    finally:
        replace_function(desk, made)
    told = read(ask(stranger, incident, mine, member, space="assureur"))
    assert "ne mènent à personne" in told


def replace_function(desk, made: str) -> None:
    with desk.database.connect("owner", autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE OR REPLACE " + made))
