"""An employer's space: numbers, dates, mistakes line by line, statements, counts; nobody."""

import secrets
from datetime import date, timedelta
from html import unescape
from types import SimpleNamespace

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.feed_samples import make_nir
from tests.portals import people, samples
from tests.portals.conftest import KEY
from tests.portals.test_exposure_watches import add_package

from rempart.accounts.roles import Role
from rempart.exchange.movement_file import COLUMNS
from rempart.storage import employer_feeds
from rempart.storage.joiner_slot import make_joiner_box
from rempart.workflows.employers.issue_statements import issue_statements

MOVES = "/employeur/mouvements"
TODAY = samples.NOW.date()
FROM = date(2026, 1, 1)
NIR = make_nir(77)
ADD_STAFF = (
    "INSERT INTO employers.staff (staff_ref, group_ref, org_ref, insurer_id, staff_number,"
    " structure, person_ref, contract_ref, work_from, joined_on, attached_at)"
    " VALUES (%s, %s, %s, %s, %s, 'single', %s, 1, %s, %s, '2026-01-01')"
)


def text(answer) -> str:
    return unescape(answer.content.decode())


def run(desk, statement, *values):
    with desk.database.transaction("owner") as tx:
        return tx.execute(statement, values)


def make_group(desk, insurer, employer, number: str = "COLL-1") -> int:
    """Attach an employer to a contract with one price."""
    group_ref, terms_id = people.draw(), people.draw()
    run(
        desk,
        "INSERT INTO rights.terms (terms_id, insurer_id, digest, convention_type, csr, responsible,"
        " domains) VALUES (%s, %s, %s, 'TP', '01', true, '{}')",
        *(terms_id, insurer.insurer_id, secrets.token_bytes(32)),
    )
    run(
        desk,
        "INSERT INTO employers.group_contract VALUES (%s, %s, %s, %s, 'Acier', 'Mutuelle', %s)",
        *(group_ref, employer.org_ref, insurer.insurer_id, number, FROM),
    )
    run(
        desk,
        "INSERT INTO employers.tariff VALUES (%s, %s, %s, 'single', %s, 4000, %s)",
        *(group_ref, employer.org_ref, insurer.insurer_id, FROM, terms_id),
    )
    return group_ref


def add_staff(desk, group, number: str, person_ref: int | None = None) -> int:
    """Put somebody on a list; return whom."""
    who = person_ref or people.draw()
    run(
        desk,
        ADD_STAFF,
        *(people.draw(), group.ref, group.org_ref, group.insurer_id, number, who, FROM, FROM),
    )
    return who


@pytest.fixture
def employer(desk):
    return people.make_organisation(desk.database, "employer", name="Acier d’essai")


@pytest.fixture
def group(desk, insurer, employer):
    ref = make_group(desk, insurer, employer)
    return SimpleNamespace(ref=ref, org_ref=employer.org_ref, insurer_id=insurer.insurer_id)


@pytest.fixture
def hr(desk, employer) -> Client:
    return come(desk, employer, Role.EMPLOYER_HR)


def come(desk, org, role: Role) -> Client:
    browser = Client()
    people.sign_in(browser, desk.database, people.make_agent(desk.database, org, role))
    return browser


def send(hr, group, *lines: str):
    content = "\r\n".join([";".join(COLUMNS), *lines]).encode()
    file = SimpleUploadedFile("mouvements.csv", content, "text/csv")
    return hr.post(f"{MOVES}/fichier", {"contract": group.ref, "file": file})


JOIN = f"B-1;entrée;01/12/2026;;isolé;{NIR};02/05/1984;1;DURAND;Claire;;"


def test_a_file_with_one_mistake_is_given_back_whole_and_mended(desk, hr, group):
    add_staff(desk, group, "A-1")
    bad = f"A-9;sortie;{TODAY:%d/%m/%Y};;;;;;;;;oui"
    answer = send(hr, group, JOIN.replace(NIR, NIR[:-1] + "X"), bad)
    page = text(hr.get(answer.headers["Location"]))
    assert "2 choses à corriger" in page
    assert "Recopiez les 15 caractères" in page
    assert "Ce matricule n’est pas dans l’effectif" in page
    listed = hr.get(answer.headers["Location"] + "/anomalies.csv").content.decode("utf-8-sig")
    assert listed.splitlines()[1].startswith("2;nir;")
    assert run(desk, "SELECT count(*) FROM employers.movement").fetchone() >= (0,)
    good = bad.replace("A-9", "A-1")
    assert send(hr, group, JOIN, good).headers["Location"] == MOVES
    page = text(hr.get(MOVES))
    # What closes applies by itself, what opens waits.
    assert "accepté" in page
    assert "attend la complémentaire" in page
    for shown in (page, listed):
        assert NIR[:13] not in shown
        assert "DURAND" not in shown
    [(ref, sealed)] = run(
        desk,
        "SELECT movement_ref, sealed FROM employers.movement WHERE org_ref = %s AND kind = 'join'",
        group.org_ref,
    ).fetchall()
    assert NIR[:13] in make_joiner_box(KEY).open(bytes(sealed), bound_to=ref)
    assert "Un mouvement de ce matricule attend déjà" in text(
        hr.get(send(hr, group, JOIN).headers["Location"])
    )


def test_a_form_says_what_is_wrong_beside_the_field(desk, hr, group):
    add_staff(desk, group, "A-1")
    given = {"contract": group.ref, "staff_number": "A-1", "date": "31/12/2020", "ported": "oui"}
    answer = hr.post(f"{MOVES}/sortie", given)
    assert answer.status_code == 422
    assert "La sortie précède l’entrée" in text(answer)
    assert hr.post(f"{MOVES}/sortie", {**given, "date": "30/11/2026"}).status_code == 302
    page = text(hr.get(MOVES))
    assert "portabilité jusqu’au 30/10/2027" in page or "portabilité jusqu’au" in page


def test_the_eleventh_leave_of_a_day_waits_for_the_insurer(desk, hr, group, insurer):
    leaving = [f"L-{n}" for n in range(12)]
    for number in leaving:
        add_staff(desk, group, number)
    assert (
        send(*(hr, group), *(f"{one};sortie;30/11/2026;;;;;;;;;non" for one in leaving)).headers[
            "Location"
        ]
        == MOVES
    )
    counts = run(
        desk,
        "SELECT state, count(*) FROM employers.movement WHERE org_ref = %s GROUP BY 1 ORDER BY 1",
        group.org_ref,
    ).fetchall()
    assert counts == [("accepted", 10), ("waiting", 2)]
    agent = come(desk, insurer, Role.INSURER_MANAGER)
    refs = run(
        desk,
        "SELECT movement_ref FROM employers.movement WHERE org_ref = %s AND state = 'waiting'",
        group.org_ref,
    ).fetchall()
    page = text(agent.get("/assureur/employeurs"))
    assert "Acier" in page
    chosen = [str(ref) for (ref,) in refs]
    decide = "/assureur/employeurs/decision"
    refused = agent.post(decide, {"mouvement": chosen[:1], "decision": "refuse", "reason": ""})
    assert refused.status_code == 422
    said = {"mouvement": chosen[:1], "decision": "refuse", "reason": "Doublon"}
    assert agent.post(decide, said).status_code == 302
    assert agent.post(decide, {"mouvement": chosen, "decision": "accept"}).status_code == 302
    assert "Doublon" in text(hr.get(MOVES))
    states = run(
        desk,
        "SELECT state FROM employers.movement WHERE movement_ref = ANY (%s)",
        list(map(int, chosen)),
    ).fetchall()
    assert sorted(states) == [("accepted",), ("refused",)]
    dpo = come(desk, insurer, Role.INSURER_DPO)
    assert dpo.get("/assureur/employeurs").status_code == 200
    assert dpo.post(decide, {"mouvement": chosen, "decision": "accept"}).status_code == 403


def test_a_join_that_waits_is_taken_back_and_forgotten(desk, hr, group):
    sent = send(hr, group, JOIN)
    assert sent.headers["Location"] == MOVES, text(hr.get(sent.headers["Location"]))
    [(ref,)] = run(
        desk, "SELECT movement_ref FROM employers.movement WHERE org_ref = %s", group.org_ref
    ).fetchall()
    assert hr.post(f"{MOVES}/{ref}/retrait").status_code == 302
    [(state, sealed)] = run(
        desk, "SELECT state, sealed FROM employers.movement WHERE movement_ref = %s", ref
    ).fetchall()
    assert (state, sealed) == ("cancelled", None)
    assert hr.post(f"{MOVES}/{ref}/retrait").status_code == 404


def test_the_list_is_searched_by_whole_numbers_and_names_nobody(desk, hr, group):
    who = add_staff(desk, group, "A-1")
    add_staff(desk, group, "A-12")
    page = text(hr.get("/employeur/effectif", {"matricule": "A-1"}))
    assert ">A-1<" in page
    assert ">A-12<" not in page
    for number in ("A-", "A-%00", "%00"):
        page = text(hr.get(f"/employeur/effectif?matricule={number}"))
        assert ("n’est pas dans votre effectif" in page) == (number != "%00")
    assert str(who) not in page
    exported = hr.get("/employeur/effectif.csv").content.decode("utf-8-sig")
    assert len(exported.splitlines()) == 3
    assert "Salariés couverts" in text(hr.get("/employeur"))


def test_a_statement_is_a_page_a_table_and_a_paper(desk, hr, group):
    add_staff(desk, group, "A-1")
    with desk.database.transaction("feeds") as tx:
        [one] = [g for g in employer_feeds.list_all_groups(tx) if g.group_ref == group.ref]
        assert issue_statements(tx, one, today=date(2026, 3, 5)) == 2
    page = text(hr.get("/employeur/cotisations"))
    assert "40,00" in page
    [(ref,)] = run(
        desk,
        "SELECT statement_ref FROM employers.statement WHERE group_ref = %s AND month = %s",
        *(group.ref, date(2026, 2, 1)),
    ).fetchall()
    address = f"/employeur/cotisations/{ref}"
    assert "40,00" in text(hr.get(address))
    assert hr.get(address + ".csv").content.decode("utf-8-sig").splitlines()[1] == (
        "2026-02;Isolé;1;0;40,00;40,00"
    )
    assert hr.get(address + ".pdf").content.startswith(b"%PDF")


def publish_page(desk, insurer, incident_id: int) -> None:
    """Put the public page of an incident on line."""
    ref = people.draw()
    with desk.database.connect("admin", autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO notices.incident_page (page_ref, insurer_id, incident_id, amc_number,"
            " number, exercise, made_by) VALUES (%s, %s, %s, %s, 1, false, 1)",
            (ref, insurer.insurer_id, incident_id, f"9{insurer.insurer_id:09d}"),
        )
        admin.execute(
            "INSERT INTO notices.page_version (page_ref, number, insurer_id, said, digest,"
            " written_by, published_by, published_at) VALUES (%s, 1, %s, '{}', %s, 1, 2,"
            " clock_timestamp())",
            (ref, insurer.insurer_id, bytes(32)),
        )


def expose(desk, insurer, group, exposed: int, staff: int) -> Client:
    """Expose some of a staff to an incident whose page is on line."""
    everybody = [add_staff(desk, group, f"X-{n}") for n in range(staff)]
    with desk.database.transaction("owner") as tx:
        incident_id = samples.add_incident(tx, exercise=False)
    add_package(desk, insurer, incident_id, 1, dict.fromkeys(everybody[:exposed], "A"))
    return incident_id


@pytest.mark.parametrize(
    ("exposed", "staff", "told"),
    [
        (0, 40, "moins de 11"),
        (1, 40, "moins de 11"),
        (10, 40, "moins de 11"),
        (11, 40, "11"),
        (29, 40, "29"),
        # All but ten: saying so would say who.
        (30, 40, "presque tous"),
        (12, 12, "presque tous"),
    ],
)
def test_small_numbers_are_never_told(desk, hr, insurer, group, exposed, staff, told):
    incident_id = expose(desk, insurer, group, exposed, staff)
    # Nothing before the insurer's own page is out: staff are not told by their employer.
    assert "Aucun incident publié" in text(hr.get("/employeur/incidents"))
    publish_page(desk, insurer, incident_id)
    page = text(hr.get("/employeur/incidents"))
    assert "La page publique de l’incident" in page
    lines = hr.get("/employeur/incidents.csv").content.decode("utf-8-sig").splitlines()
    assert lines[1].split(";")[-1] == told
    assert [line.split(";")[-1] for line in lines[2:]] == ["moins de 11"] * 2


def test_whoever_is_put_on_the_list_later_is_not_counted(desk, hr, insurer, group):
    """Or an employer would try a name: one more, one less."""
    incident_id = expose(desk, insurer, group, 12, 40)
    publish_page(desk, insurer, incident_id)
    run(
        desk,
        "UPDATE employers.staff SET attached_at = clock_timestamp() + interval '1 hour'"
        " WHERE group_ref = %s AND staff_number = 'X-0'",
        group.ref,
    )
    lines = hr.get("/employeur/incidents.csv").content.decode("utf-8-sig").splitlines()
    assert lines[1].split(";")[-1] == "11"


def test_mutation_a_count_without_its_threshold_is_noticed(desk, hr, insurer, group):
    publish_page(desk, insurer, expose(desk, insurer, group, 3, 40))
    with desk.database.transaction("owner") as tx:
        [(source,)] = tx.execute(
            "SELECT pg_get_functiondef('employers.count_exposed'::regproc)"
        ).fetchall()
    run(desk, source.replace("c.persons >= 11", "c.persons >= 1"))
    try:
        lines = hr.get("/employeur/incidents.csv").content.decode("utf-8-sig").splitlines()
        assert lines[1].split(";")[-1] == "3"
    finally:
        run(desk, source)


CLOSED = (
    "SELECT person_ref FROM employers.staff",
    "SELECT contract_ref FROM employers.staff",
    "SELECT sealed FROM employers.movement",
)
OTHERS = (
    "SELECT count(*) FROM claims.claim",
    "SELECT count(*) FROM ledger.entry",
    "SELECT count(*) FROM incidents.exposed_person",
    "SELECT count(*) FROM rights.member_file",
    "SELECT count(*) FROM incidents.packaged_person",
    "SELECT count(*) FROM claims.pec",
)


def reads(desk, who, statement: str):
    """Run a statement as a visitor's page would: rows, or the refusal."""
    with desk.database.transaction("portals") as tx:
        tx.execute("SELECT FROM accounts.enter_session(%s, NULL)", [who])
        try:
            with tx.transaction():
                return tx.execute(statement).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            return "refused"


@pytest.fixture
def digest(desk, employer) -> bytes:
    browser = Client()
    who = people.make_agent(desk.database, employer, Role.EMPLOYER_ADMIN)
    session = people.sign_in(browser, desk.database, who)
    [(found,)] = run(
        desk, "SELECT token_digest FROM accounts.session WHERE session_ref = %s", session
    ).fetchall()
    return bytes(found)


@pytest.mark.parametrize("statement", CLOSED)
def test_no_page_reads_whom_a_line_is_about(desk, digest, group, statement):
    add_staff(desk, group, "A-1")
    assert reads(desk, digest, statement) == "refused"


def test_mutation_a_column_lent_to_the_pages_shows_whom(desk, digest, group):
    add_staff(desk, group, "A-1")
    run(desk, "GRANT SELECT (person_ref) ON employers.staff TO rempart_portals")
    try:
        assert len(reads(desk, digest, CLOSED[0])) == 1
    finally:
        run(desk, "REVOKE SELECT (person_ref) ON employers.staff FROM rempart_portals")


@pytest.mark.parametrize("statement", OTHERS)
def test_an_employer_reads_no_care_no_lookup_and_no_exposed_person(
    desk, digest, insurer, group, statement
):
    expose(desk, insurer, group, 12, 40)
    assert reads(desk, digest, statement) in ("refused", [(0,)])


def test_an_employer_sees_its_own_contract_only(desk, digest, insurer, group):
    other = people.make_organisation(desk.database, "employer", name="Bois d’essai")
    make_group(desk, insurer, other, "COLL-2")
    assert reads(desk, digest, "SELECT number FROM employers.group_contract") == [("COLL-1",)]


def test_portability_beyond_twelve_months_is_refused_by_the_database(desk, group):
    add_staff(desk, group, "A-1")
    late = TODAY + timedelta(days=400)
    with pytest.raises(psycopg.errors.CheckViolation):
        run(
            desk,
            "UPDATE employers.staff SET left_on = %s, cover_ends_on = %s WHERE group_ref = %s",
            *(TODAY, late, group.ref),
        )


def test_nobody_is_twice_on_a_list_on_one_day(desk, group):
    add_staff(desk, group, "A-1")
    with pytest.raises(psycopg.errors.ExclusionViolation):
        add_staff(desk, group, "A-1")


def test_a_wrong_number_is_told_with_the_fields_that_are_empty(desk, hr, group):
    joined = {"contract": str(group.ref), "nir": NIR[:-1] + "X", "structure": "single"}
    answer = hr.post(f"{MOVES}/entree", joined)
    assert answer.status_code == 422
    page = text(answer)
    for name in ("nir", "family_name", "first_names"):
        assert f'id="id_{name}_error"' in page, name
