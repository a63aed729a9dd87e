"""What a list rests on, on the page of an incident; a verdict set aside in writing."""

import pytest
from psycopg.types.json import Jsonb
from tests.portals import people, samples
from tests.portals.test_incidents import OWNER, THIEF, read

from rempart.accounts.roles import Role

WHOLE = {"from_ms": 0, "to_ms": 1, "is_whole": True, "holes": [], "logs": []}
LOG = {
    "log_id": 1,
    "origin": "rempart.invalid/log/1",
    "begins": {"size": 10, "root": "ab" * 32, "t_ms": 0},
    "ends": None,
    "unreadable": 2,
}
HOLE = {
    "kind": "account_gap",
    "source": "rempart.invalid/log/1",
    "from_ms": 0,
    "to_ms": 1,
    "hidden": 2,
    "insurers": None,
}
REASON = "La pharmacienne confirme que c’était son téléphone."


def add_analysis(tx, incident_id, number=1, *, coverage=WHOLE, upper=5):
    tx.execute(
        "INSERT INTO incidents.analysis (incident_id, number, author, rules, inputs, coverage,"
        " counts, list_digest) VALUES (%s, %s, 'Camille Essai', '2026-11.2', '{}', %s, %s, %s)",
        (
            *(incident_id, number, Jsonb(coverage)),
            Jsonb({"lower": 3, "best": 4, "upper": upper}),
            bytes(32),
        ),
    )


@pytest.fixture
def incident(desk):
    """An incident analysed twice: two persons raised, one session judged otherwise."""
    samples.add_insurers(desk.database, ["Aubelune", "Brisemer"])
    with desk.database.transaction("owner") as tx:
        number = samples.add_incident(tx)
        samples.add_suspect(tx, number, THIEF)
        samples.add_session(
            tx, 71, THIEF, address="192.0.2.4", agent="Officine", opened_ms=samples.NOW_MS
        )
        samples.add_verdict(
            tx, number, session_ref=71, account_ref=THIEF, verdict="mixed", reasons=[]
        )
        add_analysis(tx, number)
        add_analysis(tx, number, 2)
        for person in (1, 2):
            tx.execute(
                "INSERT INTO incidents.exposure_change VALUES (%s, 2, 2, %s, 'raised', 'B', 'A',"
                " 1, 1)",
                (number, person),
            )
        tx.execute(
            "INSERT INTO incidents.verdict_change VALUES (%s, 2, 71, 'thief', 'mixed')", (number,)
        )
        tx.execute(
            "INSERT INTO incidents.exposed_professional VALUES (%s, %s, 'B', %s, '{71}')",
            (number, THIEF, 1 << 30 | 1 << 35),
        )
    return number


def test_the_page_says_at_least_at_most_and_who_may_be_told_no(operator, incident):
    words = read(operator.get(f"/console/incidents/{incident}"))
    assert "Au moins 3 confirmées (A) Estimation 4" in words
    assert "Au plus 5 avec celles" in words
    assert "Rien ne manque des journaux" in words
    assert "avec la preuve (D)" in words


def test_a_hole_is_told_and_forbids_d(desk, operator, incident):
    with desk.database.transaction("owner") as tx:
        coverage = {**WHOLE, "is_whole": False, "holes": [HOLE], "logs": [LOG]}
        add_analysis(tx, incident, 3, coverage=coverage, upper=None)
    words = read(operator.get(f"/console/incidents/{incident}"))
    assert "elles sont en C, jamais en D" in words
    assert "des numéros manquent dans la suite d’un compte suspect 2" in words
    assert "un trou des journaux : personne ne peut le dire" in words
    assert "2 lignes ne se lisent plus" in words
    assert "Rien ne manque" not in words


def test_the_page_says_what_the_last_analysis_changed(operator, incident):
    words = read(operator.get(f"/console/incidents/{incident}"))
    assert "Brisemer 0 2 0 0" in words
    assert "Voleur → Partagée" in words


def test_professionals_are_told_apart_with_their_own_fields(operator, incident):
    words = read(operator.get(f"/console/incidents/{incident}"))
    assert "nom du professionnel, coordonnées bancaires du professionnel" in words


def test_a_verdict_is_set_aside_in_writing(desk, operator, press, incident):
    page = f"/console/incidents/{incident}/seances/71"
    assert "Les règles disent : Partagée" in read(operator.get(page))
    assert press(page, {"verdict": "owner", "reason": "non"}).status_code == 422
    answer = press(page, {"verdict": "owner", "reason": REASON})
    assert (answer.status_code, answer["Location"]) == (
        302,
        f"/console/incidents/{incident}#seances",
    )
    with desk.database.transaction("owner") as tx:
        rows = tx.execute(
            "SELECT o.verdict, o.reason, o.author = a.display_name, e.details->>'verdict'"
            " FROM incidents.overrule AS o JOIN accounts.actor AS a ON a.actor_ref = o.author_ref"
            " JOIN incidents.room_event AS e USING (incident_id) WHERE e.kind = 'overruled'"
        ).fetchall()
    assert rows == [("owner", REASON, True, "owner")]
    assert "affirmé par écrit" in read(operator.get(f"/console/incidents/{incident}"))
    assert REASON in read(operator.get(page))


def test_a_session_of_another_incident_is_no_page(operator, incident):
    assert operator.get(f"/console/incidents/{incident}/seances/{OWNER}").status_code == 404
    assert operator.get(f"/console/incidents/{incident + 1}/seances/71").status_code == 404


def test_the_analysis_is_asked_for_again_once_confirmed(desk, operator, press, incident):
    page = f"/console/incidents/{incident}/analyser"
    assert "La liste en place reste entière" in read(operator.get(page))
    assert press(page).status_code == 302
    with desk.database.transaction("owner") as tx:
        assert tx.execute("SELECT task_name FROM jobs.procrastinate_jobs").fetchall() == [
            ("expose_incident",)
        ]


def test_whoever_only_reads_sets_nothing_aside(desk, browser, incident):
    org = people.make_organisation(desk.database, "operator", name="Plateforme Lambda")
    who = people.make_agent(desk.database, org, Role.OPERATOR_OPS)
    people.sign_in(browser, desk.database, who)
    assert browser.get(f"/console/incidents/{incident}").status_code == 200
    assert browser.get(f"/console/incidents/{incident}/seances/71").status_code == 403
    assert browser.post(f"/console/incidents/{incident}/analyser").status_code == 403
