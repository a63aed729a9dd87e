"""What leaked then, what leaks now: the portal of 2024, the list and the truth, a report."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rich.console import Console

from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024, Field
from rempart.disclosure.reach import Reach
from rempart.drill.attacks import Attack
from rempart.drill.blast import Blast, Cost, Spread
from rempart.drill.calendar import Calendar
from rempart.drill.cast import Ask, Identifiers, Person, Place, format_question, type_identifiers
from rempart.drill.measure import compare_with_truth
from rempart.drill.past import Past
from rempart.drill.plan import Script
from rempart.drill.portal_2024 import index_by_nir, measure_leak, measure_portal
from rempart.drill.report import Findings, RobotFigures, make_report, print_report
from rempart.guard.policy import Policy
from rempart.guard.rules import first_rules
from rempart.incidents.attribution import SessionVerdict, Verdict
from rempart.incidents.bounds import Bounds
from rempart.incidents.coverage import Coverage
from rempart.incidents.evidence import Window
from rempart.incidents.exposure import ExposedPerson, Guesses, Tier
from rempart.kernel.synthetic import make_synthetic_nir
from rempart.workflows.incidents.expose_persons import ExposureAnswer
from rempart.workflows.incidents.measure_exercise import FoundPerson

NIR = make_synthetic_nir(sex=2, year=1984, month=5, serial=1).format_compact()
OTHER_NIR = make_synthetic_nir(sex=1, year=1950, month=1, serial=2).format_compact()
MOTHER = Person(
    amc_number="9900000001",
    insured_nir=NIR,
    birth_date="19840512",
    birth_rank=1,
    card_code="",
    covered=True,
)
CHILD = replace(MOTHER, birth_date="20120903")
FAMILIES = index_by_nir([MOTHER, CHILD, replace(MOTHER, insured_nir=OTHER_NIR, covered=False)])


def test_a_search_of_2024_showed_the_whole_family_and_former_members():
    assert measure_portal(FAMILIES, [type_identifiers(MOTHER)]).persons == 2
    assert measure_portal(FAMILIES, [Identifiers(insured_nir=OTHER_NIR)]).persons == 1


def test_what_the_thief_had_typed_is_not_counted_as_gained():
    leak = measure_portal(FAMILIES, [type_identifiers(MOTHER)])
    # Four fields of the mother (names, contract, reference); of the child all but the NIR.
    assert leak.gained_per_person == (4 + 7) / 2
    assert leak.shown == EIGHT_FIELDS_OF_2024
    assert leak.gained == EIGHT_FIELDS_OF_2024 & ~Field.NIR


def test_asking_twice_gains_nothing_more():
    once = measure_portal(FAMILIES, [type_identifiers(MOTHER)])
    assert measure_portal(FAMILIES, [type_identifiers(MOTHER)] * 3) == once


def test_typing_the_child_as_well_leaves_less_to_gain():
    both = measure_portal(FAMILIES, [type_identifiers(MOTHER), type_identifiers(CHILD)])
    assert (both.persons, both.gained_per_person) == (2, 4)


def test_a_number_that_nobody_holds_showed_nothing():
    leak = measure_portal(FAMILIES, [Identifiers(insured_nir="1")])
    assert (leak.persons, leak.shown, leak.gained_per_person) == (0, Field(0), 0)


def test_what_rempart_shows_identifies_nobody():
    answered = Field.RIGHTS_STATUS | Field.DOMAIN_TERMS | Field.ENGAGEMENT | Field.CONSIGNE
    leak = measure_leak([(answered, answered)] * 3)
    assert (leak.persons, leak.gained_per_person, leak.identity_per_person) == (3, 4, 0)


def exposed(person_ref: int, tier: Tier, insurer_id: int = 1) -> ExposedPerson:
    return ExposedPerson(
        insurer_id=insurer_id,
        person_ref=person_ref,
        tier=tier,
        fields=int(Field.RIGHTS_STATUS | Field.CONSIGNE),
        lookups=1,
        sessions=(5,),
        gained=int(Field.RIGHTS_STATUS | Field.CONSIGNE),
    )


SHOWN = int(Field.RIGHTS_STATUS | Field.CONSIGNE)
TRUTH = {
    FoundPerson(1, 1): SHOWN,
    FoundPerson(2, 1): 1,
    FoundPerson(3, 2): SHOWN,
    FoundPerson(4, 1): 1,
}
LIST = [
    exposed(1, Tier.A),
    exposed(2, Tier.B),
    exposed(9, Tier.B),
    exposed(4, Tier.C),
    exposed(3, Tier.A, insurer_id=2),
]


def test_precision_and_recall_are_those_of_the_best_estimate():
    accuracy = compare_with_truth(LIST, TRUTH)
    assert (accuracy.precision, accuracy.recall) == (3 / 4, 3 / 4)
    assert {str(tier): (t.persons, t.right) for tier, t in accuracy.by_tier.items()} == {
        "A": (2, 2),
        "B": (2, 1),
        "C": (1, 1),
    }


def test_a_person_named_for_the_wrong_insurer_is_named_wrongly():
    accuracy = compare_with_truth([exposed(3, Tier.A, insurer_id=1)], TRUTH)
    assert (accuracy.precision, accuracy.recall) == (0, 0)


def test_nobody_named_and_nobody_shown_is_a_right_answer():
    accuracy = compare_with_truth([], {})
    assert (accuracy.precision, accuracy.recall) == (1, 1)


def blast(name: str, worst: int = 2) -> Blast:
    return Blast(
        name=name,
        accounts=3,
        contained=2,
        guard=Spread(4 / 3, worst),
        no_guard=Spread(400, 900),
        limits=Spread(40, 90),
        portal=Spread(1200, 2500),
        lookups=7,
        minutes=150,
    )


def findings(**changes: object) -> Findings:
    declared = datetime(2024, 2, 1, 9, tzinfo=UTC)
    answer = ExposureAnswer(
        claims_as_of_ms=0,
        incident_id=3,
        analysis=1,
        bounds=Bounds(lower=1, best=2, upper=3),
        coverage=Coverage(window=Window(starts_ms=0, ends_ms=1)),
        changed=0,
        list_digest=bytes(32),
        verdicts=(SessionVerdict(session_ref=5, account_ref=1, verdict=Verdict.THIEF, signals=()),),
        persons=tuple(LIST),
        guesses=(Guesses(insurer_id=0, lookups=12, keys=11),),
        declared_at=declared,
        answered_at=declared + timedelta(seconds=3),
        reach=Reach(from_ms=0, to_ms=1, stretches=(), erased={}),
    )
    shown = Field.RIGHTS_STATUS | Field.CONSIGNE
    values: dict[str, object] = {
        "answer": answer,
        "accuracy": compare_with_truth(LIST, TRUTH),
        "variants": {
            name: compare_with_truth(LIST, TRUTH)
            for name in ("with_claims", "with_past", "with_past_and_claims")
        },
        "recall_elsewhere": 0.5,
        "truth": {1: 3, 2: 1},
        "insurer_names": {1: "Mutuelle Une", 2: "Mutuelle Deux"},
        "portal": measure_portal(FAMILIES, [type_identifiers(MOTHER)]),
        "rempart": measure_leak([(shown, shown)] * 4),
        "robots": (
            RobotFigures(
                kind="fast", account=1, sent=9, answered=7, refused=2, persons=4, persons_2024=9
            ),
        ),
        "blasts": (blast("fast"), blast("all", worst=3)),
        "cost": Cost(
            account_days=2000,
            false_containments=1,
            lookups=50_000,
            refused=100,
            refused_of_stolen=40,
            refused_by_limits=5000,
        ),
        "past": Past(first_rules(Policy()), 9_000, 12, 1, 560, []),
        "timeline": [
            {"minute": "2024-02-01T08:00:00.000+00:00", "lawful": 10, "attributed": 0},
            {"minute": "2024-02-01T08:00:01.000+00:00", "lawful": 8, "attributed": 6},
        ],
        "lawful": {"sent": 18, "answered": 17, "refused": 1},
        "script": Script(
            seed=1,
            calendar=Calendar(ends_day=20_000, history=14, quiet=1, attacked=2),
            professions=("nurse",) * 40,
            past=(),
            asks=(),
            attacks=tuple(Attack(name="fast", caller=caller) for caller in (2, 5, 9)),
        ),
        "interrupted": False,
    }
    return Findings(**{**values, **changes})


def test_the_report_has_the_keys_that_readers_rely_on():
    report = make_report(findings())
    assert json.loads(json.dumps(report)) == report
    assert report["exposure"]["precision"] == 0.75
    assert report["exposure"]["recall"] == 0.75
    assert report["mean_persons_per_stolen_account"] == 1.33
    assert report["worst_persons_per_stolen_account"] == 3
    assert report["minutes_to_answer"] == 0.05
    assert report["attacks"][0] == {
        "attack": "fast",
        "accounts": 3,
        "contained": 2,
        "guard": {"mean": 1.3, "worst": 2},
        "no_guard": {"mean": 400, "worst": 900},
        "limits": {"mean": 40, "worst": 90},
        "portal_2024": {"mean": 1200, "worst": 2500},
        "lookups_to_containment": 7,
        "minutes_to_containment": 150,
    }
    assert report["cost"]["false_containments_per_1000_account_days"] == 0.5
    assert report["cost"]["refused_per_100000"] == 200
    assert report["cost"]["refused_per_100000_of_honest_accounts"] == 120
    assert report["cost"]["refused_per_100000_by_limits"] == 10_000
    assert report["past"]["false_containments"] == 1
    assert report["rempart"]["fields"] == ["rights_status", "consigne"]
    assert report["rempart"]["identity_fields_gained_per_person"] == 0
    assert "family_name" in report["portal_2024"]["fields_gained"]
    assert report["insurers"][0] == {
        "insurer_id": 1,
        "name": "Mutuelle Une",
        "persons_a": 1,
        "persons_b": 2,
        "persons_c": 1,
        "true_persons": 3,
        "fields": ["rights_status", "consigne"],
        "sessions": 1,
    }


def test_an_insurer_whose_persons_were_all_missed_is_still_a_line():
    report = make_report(findings(truth={1: 3, 8: 2}))
    assert [(row["insurer_id"], row["true_persons"]) for row in report["insurers"]] == [
        (1, 3),
        (2, 0),
        (8, 2),
    ]


def draw(report: dict[str, object]) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    print_report(console, report, page="http://127.0.0.1:8080/console/incidents/3")
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_terminal_says_who_how_many_and_where_to_look():
    drawn = draw(make_report(findings()))
    for words in (
        "precision 75.0%",
        "Mutuelle Deux",
        "identify somebody",
        "7 · 2 h",
        "1200 (2500)",
        "http://127.0.0.1:8080/console/incidents/3",
        "attributed",
    ):
        assert words in drawn


def test_insurers_beyond_the_twentieth_are_added_up():
    many = tuple(exposed(n, Tier.A, insurer_id=n) for n in range(1, 31))
    answer = replace(findings().answer, persons=many)
    drawn = draw(make_report(findings(answer=answer, truth=dict.fromkeys(range(1, 31), 1))))
    assert "10 others" in drawn


def test_a_drill_stopped_early_says_so_and_still_draws():
    assert "Interrupted" in draw(make_report(findings(interrupted=True, timeline=[])))


def test_a_question_carries_only_what_the_door_accepts():
    ask = Ask(
        at_ms=0,
        caller=0,
        place=Place("198.18.0.1", "x"),
        identifiers=type_identifiers(MOTHER),
        domain="PHAR",
    )
    assert json.loads(format_question(ask, care_date="2026-11-22")) == {
        "identifiers": {
            "mode": "typed",
            "amc_number": "9900000001",
            "insured_nir": NIR,
            "birth_date": "19840512",
            "birth_rank": 1,
        },
        "domain": "PHAR",
        "care_date": "2026-11-22",
        "purpose": "billing",
    }
    card = ask._replace(identifiers=Identifiers(card_code="7K3M00000000ABCDWXYZ"))
    assert json.loads(format_question(card, care_date="2026-11-22"))["identifiers"] == {
        "mode": "card",
        "card_code": "7K3M00000000ABCDWXYZ",
    }


def test_people_of_the_drill_do_not_print():
    assert NIR not in repr(MOTHER)
    assert NIR not in repr(type_identifiers(MOTHER))
