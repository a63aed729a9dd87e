"""One incident as the operator reads it: how many, of whom, by which sessions, how surely."""

import csv
import io
import re
from datetime import timedelta

import pytest
from tests.portals import samples
from tests.portals.pages import read

from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024, Field
from rempart.incidents.attribution import Rule
from rempart.portals.templatetags.rempart import percent
from rempart.portals.wording import SIGNS

EIGHT = [str(field.name).lower() for field in Field if field & EIGHT_FIELDS_OF_2024]
THIEF, OWNER = 5_000_000_001, 5_000_000_002


def make_report() -> dict[str, object]:
    """Return a drill's report as the drill writes it."""
    return {
        "rules": "2026-11.1",
        "drill": {
            "exposure": {"precision": 1.0, "recall": 0.9996, "by_tier": {}},
            "mean_persons_per_stolen_account": 141.25,
            "worst_persons_per_stolen_account": 310,
            "minutes_to_answer": 0.0512,
            "portal_2024": {
                "persons": 2984,
                "fields": EIGHT,
                "fields_gained_per_person": 5.61,
                "identity_fields_gained_per_person": 5.61,
            },
            "rempart": {
                "persons": 1130,
                "fields": ["rights_status", "domain_terms", "engagement", "consigne"],
                "fields_gained_per_person": 3.2,
                "identity_fields_gained_per_person": 0.0,
            },
            "timeline": [
                {
                    "minute": (samples.NOW - timedelta(seconds=4 * n)).isoformat(),
                    "lawful": 40 + n,
                    "attributed": 200 if 3 < n < 9 else 0,
                }
                for n in range(12)
            ],
            "insurers": [
                {"insurer_id": 1, "name": "Aubelune", "true_persons": 3},
                {"insurer_id": 2, "name": "Brisemer", "true_persons": 1},
            ],
            "robots": [
                {
                    "kind": kind,
                    "account": 1,
                    "sent": 1200,
                    "answered": 900,
                    "refused": 300,
                    "persons": 700,
                    "persons_2024": 1900,
                }
                for kind in ("fast", "throttled", "mixed", "guesser", "a new kind")
            ],
            "something_newer": {"unknown": True},
        },
    }


@pytest.fixture
def incident(desk) -> int:
    """An exercise: two suspect accounts, three sessions, five persons of two insurers."""
    samples.add_insurers(desk.database, ["Aubelune", "Brisemer"])
    samples.add_professional(desk.database, serial=1)
    samples.add_professional(desk.database, serial=2, profession="optician")
    with desk.database.transaction("owner") as tx:
        number = samples.add_incident(tx, report=make_report())
        for account in (THIEF, OWNER):
            samples.add_suspect(tx, number, account)
        sessions = (
            (71, THIEF, "thief", "198.51.100.9", "python-requests/2.32"),
            (72, THIEF, "mixed", "192.0.2.4", "Officine/9.4"),
            (73, OWNER, "owner", "192.0.2.5", "Optique/3.1"),
        )
        for session, account, verdict, address, agent in sessions:
            samples.add_session(
                tx, session, account, address=address, agent=agent, opened_ms=samples.NOW_MS
            )
            reasons = [
                {"rule": "typed_without_card/1", "shows": "thief", "value": 1, "points": 40},
                {"rule": "known_faces/1", "shows": "owner", "value": 0.2, "points": 4},
                {"rule": "pace/1", "shows": "thief", "value": 1, "points": 0},
                {"rule": "a_rule_of_tomorrow/1", "shows": "thief", "value": 1, "points": 9},
            ]
            samples.add_verdict(
                tx,
                number,
                session_ref=session,
                account_ref=account,
                verdict=verdict,
                reasons=reasons,
            )
        for person in (1, 2, 3):
            samples.add_exposed(tx, number, 1, person, sessions=(71,))
        samples.add_exposed(tx, number, 2, 4, tier="B", sessions=(71, 72))
        samples.add_exposed(tx, number, 2, 5, tier="C", sessions=(72,))
    return number


def list_rows(answer) -> list[list[str]]:
    """Return the cells of the exposure table."""
    [body] = re.findall(
        r'<tbody id="exposition">(.*?)</tbody>', answer.content.decode(), flags=re.DOTALL
    )
    return [
        [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split())
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row, flags=re.DOTALL)
        ]
        for row in body.split("</tr>")[:-1]
    ]


def test_the_list_leads_to_each_incident(operator, incident):
    page = operator.get("/console/incidents").content.decode()
    assert f'href="/console/incidents/{incident}"' in page
    assert "Rejeu de janvier 2024" in page
    assert "Liste établie" in page


def test_the_list_is_sorted_paged_and_taken_away(desk, operator, incident):
    with desk.database.transaction("owner") as tx:
        samples.add_incident(tx, title="Aubaine", exercise=False, answered=False)
    page = read(operator.get("/console/incidents?tri=title&sens=asc"))
    assert page.index("Aubaine") < page.index("Rejeu de janvier 2024")
    assert "Pas encore de liste" in page
    assert "1 à 2 sur 2" in page
    lines = operator.get("/console/incidents.csv?tri=title&sens=asc").content.decode().splitlines()
    assert [line.split(";")[1:3] for line in lines[1:]] == [
        ["Aubaine", "non"],
        ["Rejeu de janvier 2024", "oui"],
    ]
    assert "et 1 exercice" in read(operator.get("/console"))


def test_the_page_says_how_many_by_which_sessions_and_how_surely(operator, incident):
    words = read(operator.get(f"/console/incidents/{incident}"))
    assert "4 personnes, de 2 complémentaires, ont été montrées au voleur. Pour 1 autre," in words
    assert "Comptes volés : 2. Séances attribuées au voleur : 1." in words.replace("\u00a0", " ")
    assert "Confirmées (A) 3" in words
    assert "Probables (B) 1" in words


def test_the_figures_of_an_exercise_stand_against_the_known_truth(operator, incident):
    words = read(operator.get(f"/console/incidents/{incident}"))
    for figure in (
        "Précision 100 %",
        "Rappel 99,9 %",
        "Temps de réponse 3 s",
        "Par compte volé 141,2 personnes en moyenne, 310 au pire",
    ):
        assert figure in words
    assert "100 % des personnes montrées" not in words


def test_only_a_perfect_share_reads_as_a_hundred_per_cent():
    assert percent(1.0) == "100\u202f%"
    assert percent(0.99999) == "99,9\u202f%"
    assert percent(0.5) == "50\u202f%"
    assert percent(0) == "0\u202f%"


def test_the_exposure_table_counts_per_insurer_with_the_truth_beside(operator, incident):
    assert list_rows(operator.get(f"/console/incidents/{incident}")) == [
        ["Aubelune", "3", "3", "0", "0", "1", "3", "1 2 3 4"],
        ["Brisemer", "1", "0", "1", "1", "2", "1", "1 2 3 4"],
    ]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("tri=insurer&sens=asc", "Aubelune"),
        ("tri=insurer&sens=desc", "Brisemer"),
        ("tri=persons&sens=asc", "Brisemer"),
        ("tri=persons_a&sens=desc", "Aubelune"),
        ("tri=persons_b&sens=desc", "Brisemer"),
        ("tri=persons_c&sens=desc", "Brisemer"),
        ("tri=sessions&sens=desc", "Brisemer"),
        ("tri=nonsense", "Aubelune"),
    ],
)
def test_the_exposure_table_sorts_by_every_column(operator, incident, query, first):
    assert list_rows(operator.get(f"/console/incidents/{incident}?{query}"))[0][0] == first


def test_the_fields_are_named_once_and_numbered_on_each_line(desk, operator, incident):
    with desk.database.transaction("owner") as tx:
        samples.add_exposed(tx, incident, 2, 6, fields=3)
    page = operator.get(f"/console/incidents/{incident}")
    assert "1 droits ouverts ou fermés , 2 motif de la fermeture , 3 garantie" in read(page)
    assert [line[-1] for line in list_rows(page)] == ["1 3 4 5", "1 2 3 4 5"]


def test_a_long_table_shows_the_most_exposed_and_all_on_demand(desk, operator):
    samples.add_insurers(desk.database, [f"Insurer {n}" for n in range(1, 19)])
    with desk.database.transaction("owner") as tx:
        number = samples.add_incident(tx)
        for insurer in range(1, 19):
            samples.add_exposed(tx, number, insurer, insurer)
    short = operator.get(f"/console/incidents/{number}")
    assert len(list_rows(short)) == 15
    assert "Voir 3 complémentaires de plus" in read(short)
    whole = operator.get(f"/console/incidents/{number}?tout=1&tri=insurer&sens=asc")
    assert len(list_rows(whole)) == 18
    assert "de plus" not in read(whole)
    assert "Ensemble 18" in read(short)


def test_the_exposure_can_be_taken_away_as_csv(operator, incident):
    answer = operator.get(f"/console/incidents/{incident}/exposition.csv")
    assert f'filename="EXERCICE-incident-{incident}.csv"' in answer.headers["Content-Disposition"]
    header, *lines = csv.reader(io.StringIO(answer.content.decode()[1:]), delimiter=";")
    assert header[1:6] == [
        *(
            "complémentaire",
            "personnes montrées (A+B)",
            "confirmées (A)",
            "probables (B)",
            "non exclues (C)",
        ),
    ]
    assert [line[:7] for line in lines] == [
        ["1", "Aubelune", "3", "3", "0", "0", "1"],
        ["2", "Brisemer", "1", "0", "1", "1", "2"],
    ]
    assert "numéro d’engagement" in lines[0][7]


def test_no_person_is_named_even_by_reference(desk, operator, incident):
    with desk.database.transaction("owner") as tx:
        samples.add_exposed(tx, incident, 1, 424_242_424_242)
    for page in ("", "/exposition.csv"):
        text = operator.get(f"/console/incidents/{incident}{page}").content.decode()
        assert "424242424242" not in re.sub(r"[\s\u202f]", "", text)


def test_each_session_of_a_suspect_account_has_its_verdict_and_reasons(operator, incident):
    words = read(operator.get(f"/console/incidents/{incident}"))
    assert "pharmacie · 2 séances" in words
    assert "optique · 1 séance" in words
    assert "S-0000-0027" in words
    for said in ("Voleur", "Partagée", "Titulaire", "198.51.100.9", "python-requests/2.32"):
        assert said in words
    assert "identifiants tapés sans carte, plus que d’habitude (+40)" in words
    assert "personnes que le compte connaissait déjà (−4)" in words
    assert "cadence plus rapide" not in words


def test_every_sign_has_words():
    assert {rule.partition("/")[0] for rule in Rule} == set(SIGNS)


def test_the_comparison_shows_eight_fields_before_and_none_now(operator, incident):
    page = operator.get(f"/console/incidents/{incident}")
    words = read(page)
    assert "les huit champs de 2 984 personnes. Ici, 1 130 personnes" in words
    [table] = re.findall(r'<table class="versus">.*?</table>', page.content.decode(), re.DOTALL)
    _, before, now = table.split("<tbody>")
    assert before.count("2\u202f984") == 8
    assert "1\u202f130" not in before
    assert now.count("1\u202f130") == 4
    assert "5,6 champs" in words
    assert "dont champs qui désignent quelqu’un 5,6 0,0" in words


def test_the_timeline_stacks_lawful_and_attributed_look_ups(operator, incident):
    page = operator.get(f"/console/incidents/{incident}").content.decode()
    assert 'id="timeline-title"' in page
    assert page.count('fill="url(#timeline-hatch)"') == 5
    assert "11:30:12 : trafic légitime 40, séances attribuées au voleur 0" in page
    assert "swatch-hatched" in page


def test_the_robots_are_told_in_words_and_a_new_kind_by_its_name(operator, incident):
    words = read(operator.get(f"/console/incidents/{incident}"))
    for kind in ("à pleine vitesse", "lentement", "sur le poste", "devine", "a new kind"):
        assert kind in words


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"drill": {}},
        {"drill": "nonsense"},
        {"drill": {"exposure": {"precision": "high"}}},
        {"drill": {"timeline": [], "portal_2024": {"persons": 3}}},
    ],
)
def test_an_incident_whose_report_lacks_a_part_is_shown_without_it(desk, operator, report):
    with desk.database.transaction("owner") as tx:
        number = samples.add_incident(tx, report=report, answered=False, exercise=False)
    answer = operator.get(f"/console/incidents/{number}")
    assert answer.status_code == 200
    words = read(answer)
    assert "L’analyse n’est pas finie" in words
    assert "Aucune personne n’a été montrée au voleur." in words
    for absent in ("Précision", "Le même vol", "Exercice", "Consultations pendant"):
        assert absent not in words


@pytest.mark.parametrize("number", ["0", "987654", "99999999999999999999999"])
def test_an_incident_that_does_not_exist_is_not_found(operator, number):
    for page in ("", "/exposition.csv"):
        assert operator.get(f"/console/incidents/{number}{page}").status_code == 404
