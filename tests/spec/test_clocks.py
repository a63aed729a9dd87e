"""Limits of declarations over weekends, bank holidays, ends of months and changes of hour.

Also docs/rules/clocks.md, in French, and docs/reference/clocks.md.
"""

import os
from pathlib import Path

import pytest
from tests.clock_samples import at, fact, plan_one, show

from rempart.incidents.clock_rules import CLOCK_RULES, VALID_FROM, ClockRule, Pattern, Trait
from rempart.incidents.room import EventKind
from rempart.tariffs.working_days import list_bank_holidays

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "clocks.md"

RECEIVED = "package_received"
INITIAL = {"report": "dora", "phase": "initial"}
MIDDLE = {"report": "dora", "phase": "intermediate"}

# what it shows, clock, facts (kind, when, whose, what it says), what the party lost, the limit
LIMITS = [
    (
        "avis reçu en semaine : 72 heures pleines",
        "gdpr_33",
        [(RECEIVED, "2026-03-02 10:30", 7, {})],
        "jeu. 05/03/2026 10:30",
    ),
    (
        "avis reçu le vendredi soir : le week-end compte",
        "gdpr_33",
        [(RECEIVED, "2024-02-02 20:15", 7, {})],
        "lun. 05/02/2024 20:15",
    ),
    (
        "72 heures qui finissent un jour férié : rien n’est reporté",
        "gdpr_33",
        [(RECEIVED, "2026-04-28 09:00", 7, {})],
        "ven. 01/05/2026 09:00",
    ),
    (
        "passage à l’heure d’été : une heure de plus à la montre",
        "gdpr_33",
        [(RECEIVED, "2026-03-27 12:00", 7, {})],
        "lun. 30/03/2026 13:00",
    ),
    (
        "passage à l’heure d’hiver : une heure de moins à la montre",
        "gdpr_33",
        [(RECEIVED, "2026-10-23 12:00", 7, {})],
        "lun. 26/10/2026 11:00",
    ),
    (
        "reçu dans l’heure qui revient deux fois, la première",
        "gdpr_33",
        [(RECEIVED, "2026-10-25 02:30", 7, {})],
        "mer. 28/10/2026 01:30",
    ),
    (
        "reçu dans l’heure qui revient deux fois, la seconde",
        "gdpr_33",
        [(RECEIVED, "2026-10-25 02:30(2)", 7, {})],
        "mer. 28/10/2026 02:30",
    ),
    (
        "passage par le 29 février",
        "gdpr_33",
        [(RECEIVED, "2028-02-27 08:00", 7, {})],
        "mer. 01/03/2028 08:00",
    ),
    (
        "la complémentaire savait avant l’avis : le premier des deux faits compte",
        "gdpr_33",
        [
            (RECEIVED, "2026-03-03 10:00", 7, {}),
            ("awareness", "2026-03-02 09:00", 7, {}),
        ],
        "jeu. 05/03/2026 09:00",
    ),
    (
        "l’avis d’une autre complémentaire ne fait rien courir",
        "gdpr_33",
        [(RECEIVED, "2026-03-02 10:30", 8, {})],
        "–",
    ),
    (
        "un fait corrigé déplace la limite",
        "gdpr_33",
        [
            (RECEIVED, "2026-03-02 10:30", 7, {}),
            (
                RECEIVED,
                "2026-03-02 08:00",
                7,
                {"corrects": fact(RECEIVED, "2026-03-02 10:30", 7).event_ref},
            ),
        ],
        "jeu. 05/03/2026 08:00",
    ),
    (
        "prévenir la complémentaire : pas de nombre d’heures dans le texte",
        "processor_notice",
        [("awareness", "2024-02-01 08:00", None, {})],
        "–",
    ),
    (
        "4 heures après le classement",
        "dora_initial_4h",
        [("classified", "2026-03-02 15:00", 7, {"major": True})],
        "lun. 02/03/2026 19:00",
    ),
    (
        "classement fait par l’opérateur pour toutes",
        "dora_initial_4h",
        [("classified", "2026-03-02 15:00", None, {"major": True})],
        "lun. 02/03/2026 19:00",
    ),
    (
        "classement fait par l’opérateur pour d’autres",
        "dora_initial_4h",
        [("classified", "2026-03-02 15:00", None, {"major": True, "insurers": [8]})],
        "–",
    ),
    (
        "classé non majeur : rien ne court",
        "dora_initial_4h",
        [("classified", "2026-03-02 15:00", 7, {"major": False})],
        "–",
    ),
    (
        "classé le samedi : lundi midi",
        "dora_initial_4h",
        [("classified", "2026-03-07 10:00", 7, {"major": True})],
        "lun. 09/03/2026 12:00",
    ),
    (
        "classé le vendredi à 21 h : la limite tombe le samedi, donc lundi midi",
        "dora_initial_4h",
        [("classified", "2026-03-06 21:00", 7, {"major": True})],
        "lun. 09/03/2026 12:00",
    ),
    (
        "classé le vendredi à 19 h 59 : la limite tombe encore le vendredi",
        "dora_initial_4h",
        [("classified", "2026-03-06 19:59", 7, {"major": True})],
        "ven. 06/03/2026 23:59",
    ),
    (
        "le week-end de Pâques : mardi midi",
        "dora_initial_4h",
        [("classified", "2026-04-04 09:00", 7, {"major": True})],
        "mar. 07/04/2026 12:00",
    ),
    (
        "le pont de l’Ascension n’est férié que le jeudi",
        "dora_initial_4h",
        [("classified", "2026-05-14 09:00", 7, {"major": True})],
        "ven. 15/05/2026 12:00",
    ),
    (
        "25 décembre : le lendemain midi",
        "dora_initial_4h",
        [("classified", "2025-12-25 08:00", 7, {"major": True})],
        "ven. 26/12/2025 12:00",
    ),
    (
        "24 heures après la prise de connaissance",
        "dora_initial_24h",
        [(RECEIVED, "2026-03-02 10:30", 7, {})],
        "mar. 03/03/2026 10:30",
    ),
    (
        "24 heures qui finissent le dimanche : lundi midi",
        "dora_initial_24h",
        [(RECEIVED, "2026-03-07 16:00", 7, {})],
        "lun. 09/03/2026 12:00",
    ),
    (
        "24 heures par-dessus l’heure d’été : la limite tombe le dimanche, donc lundi midi",
        "dora_initial_24h",
        [(RECEIVED, "2026-03-28 12:00", 7, {})],
        "lun. 30/03/2026 12:00",
    ),
    (
        "intermédiaire : 72 heures depuis le dépôt de l’initiale, non depuis le classement",
        "dora_intermediate",
        [
            ("classified", "2026-03-02 08:00", 7, {"major": True}),
            ("report_submitted", "2026-03-02 11:00", 7, INITIAL),
        ],
        "jeu. 05/03/2026 11:00",
    ),
    (
        "initiale déposée le mercredi : l’intermédiaire tombe le samedi, donc lundi midi",
        "dora_intermediate",
        [("report_submitted", "2026-03-04 11:00", 7, INITIAL)],
        "lun. 09/03/2026 12:00",
    ),
    (
        "dépôt groupé de l’opérateur, qui nomme la complémentaire",
        "dora_intermediate",
        [("report_submitted", "2026-03-02 11:00", None, {**INITIAL, "insurers": [7, 8]})],
        "jeu. 05/03/2026 11:00",
    ),
    (
        "final : 31 janvier et un mois, année ordinaire ; le 28 est un samedi, donc lundi midi",
        "dora_final",
        [("report_submitted", "2026-01-31 15:00", 7, MIDDLE)],
        "lun. 02/03/2026 12:00",
    ),
    (
        "final : 31 janvier et un mois, année bissextile",
        "dora_final",
        [("report_submitted", "2028-01-31 15:00", 7, MIDDLE)],
        "mar. 29/02/2028 15:00",
    ),
    (
        "final : 31 mars et un mois",
        "dora_final",
        [("report_submitted", "2026-03-31 15:00", 7, MIDDLE)],
        "jeu. 30/04/2026 15:00",
    ),
    (
        "final : 15 décembre et un mois, d’une année à l’autre",
        "dora_final",
        [("report_submitted", "2025-12-15 09:00", 7, MIDDLE)],
        "jeu. 15/01/2026 09:00",
    ),
    (
        "final : un mois par-dessus le passage à l’heure d’été garde l’heure de la montre",
        "dora_final",
        [("report_submitted", "2026-03-10 09:00", 7, MIDDLE)],
        "ven. 10/04/2026 09:00",
    ),
    (
        "final : compté depuis la dernière mise à jour",
        "dora_final",
        [
            ("report_submitted", "2026-03-03 15:00", 7, MIDDLE),
            ("report_submitted", "2026-03-12 10:00", 7, MIDDLE),
        ],
        "lun. 13/04/2026 12:00",
    ),
    (
        "final : la limite tombe le 14 juillet",
        "dora_final",
        [("report_submitted", "2027-06-14 10:00", 7, MIDDLE)],
        "jeu. 15/07/2027 12:00",
    ),
    (
        "plainte : 72 heures, sans report",
        "complaint",
        [(RECEIVED, "2026-05-06 18:00", 7, {})],
        "sam. 09/05/2026 18:00",
    ),
    (
        "plainte de l’opérateur",
        "complaint_operator",
        [("awareness", "2024-02-01 08:00", None, {})],
        "dim. 04/02/2024 08:00",
    ),
    (
        "NIS2, alerte précoce, si l’on y est soumis",
        "nis2_early",
        [("awareness", "2026-03-07 10:00", None, {})],
        "dim. 08/03/2026 10:00",
    ),
    (
        "NIS2, rapport final : un mois après la notification",
        "nis2_final",
        [
            (
                "report_submitted",
                "2026-08-31 10:00",
                None,
                {"report": "nis2", "phase": "notification"},
            )
        ],
        "mer. 30/09/2026 10:00",
    ),
]

TOLERANCES = [
    ("tolérance entière", "dora_intermediate", "initial", frozenset(), "lun. 09/03/2026 12:00"),
    (
        "article 5(5) : perdue pour l’intermédiaire",
        "dora_intermediate",
        "initial",
        frozenset({Trait.NO_TOLERANCE_BUT_FINAL}),
        "sam. 07/03/2026 11:00",
    ),
    (
        "article 5(5) : gardée pour le final",
        "dora_final",
        "intermediate",
        frozenset({Trait.NO_TOLERANCE_BUT_FINAL}),
        "mar. 07/04/2026 12:00",
    ),
    (
        "article 5(6) : perdue pour tous",
        "dora_final",
        "intermediate",
        frozenset({Trait.NO_TOLERANCE}),
        "sam. 04/04/2026 11:00",
    ),
]
"""Reports submitted on Wednesday 4 March 2026 at 11:00."""


@pytest.mark.parametrize(
    ("why", "code", "facts", "limit"), LIMITS, ids=[row[0][:60] for row in LIMITS]
)
def test_a_limit_is_where_the_text_puts_it(why, code, facts, limit):
    told = [fact(kind, when, whose, **says) for kind, when, whose, says in facts]
    assert show(plan_one(code, told).due_at) == limit


@pytest.mark.parametrize(("why", "code", "phase", "lost", "limit"), TOLERANCES)
def test_the_tolerance_of_weekends_is_lost_by_some(why, code, phase, lost, limit):
    submitted = fact("report_submitted", "2026-03-04 11:00", 7, report="dora", phase=phase)
    assert show(plan_one(code, [submitted], traits=lost).due_at) == limit


def test_good_friday_counts_in_alsace_and_moselle_only():
    classified = fact("classified", "2026-04-03 09:00", 7, major=True)
    assert show(plan_one("dora_initial_4h", [classified]).due_at) == "ven. 03/04/2026 13:00"
    there = plan_one("dora_initial_4h", [classified], alsace_moselle=True)
    assert show(there.due_at) == "mar. 07/04/2026 12:00"


def test_every_event_that_a_rule_names_is_one_that_a_timeline_may_hold():
    named = {
        pattern.kind
        for rule in CLOCK_RULES
        for pattern in (*rule.starts, *rule.met_by, *rule.waived_by, *rule.lapses_without)
    }
    assert named <= set(EventKind)


def test_every_limit_of_the_law_is_in_the_table():
    tried = {code for _why, code, _facts, _limit in LIMITS}
    assert {rule.code for rule in CLOCK_RULES if rule.hours or rule.months} - tried <= {
        *("gdpr_33_more", "gdpr_33_operator", "nis2_notification"),
    }


def test_the_page_says_the_same(check_page, write_table):
    limits = write_table(
        ("cas", "échéance", "faits (heure de Paris)", "limite"),
        [(why, f"`{code}`", _tell(facts), limit) for why, code, facts, limit in LIMITS],
    )
    tolerances = write_table(
        ("cas", "échéance", "limite"),
        [(why, f"`{code}`", limit) for why, code, _phase, _lost, limit in TOLERANCES],
    )
    holidays = write_table(
        ("jour férié", *(str(year) for year in range(2024, 2029))),
        [
            (name, *(_find_day(name, year) for year in range(2024, 2029)))
            for name in list_bank_holidays(2024, alsace_moselle=True).values()
        ],
    )
    check_page(
        "clocks.md",
        f"""# Échéances : cas calculés

Écrit par `tests/spec/test_clocks.py` ; les règles sont dans `src/rempart/tariffs/data/clocks.toml`.
Les heures du texte sont des heures écoulées ; les mois sont ceux du calendrier de Paris. À faire
confirmer par un délégué à la protection des données et un conseil : ce n’est pas un avis juridique.

## Limites

{limits}

## Tolérance des week-ends et jours fériés (DORA, article 5, paragraphes 4 à 6)

Rapport déposé le mercredi 4 mars 2026 à 11 h.

{tolerances}

## Jours fériés

{holidays}

Le Vendredi saint et la Saint-Étienne ne comptent qu’en Alsace-Moselle.
""",
    )


def test_the_reference_says_the_same(write_table):
    rules = write_table(
        ("clock", "owed by", "to", "starts with", "within", "done when", "source"),
        [
            (
                f"`{rule.code}`: {rule.en.title}" + (" (optional)" if rule.optional else ""),
                rule.owed_by + (", per insurer" if rule.per_insurer else ""),
                rule.en.to,
                _say_patterns(rule.starts) + (" (the last)" if rule.pick_last else ""),
                _say_within(rule),
                _say_patterns(rule.met_by),
                rule.source,
            )
            for rule in CLOCK_RULES
        ],
    )
    late = write_table(
        ("clock", "if late", "for counsel"),
        [(f"`{rule.code}`", rule.en.late, rule.en.note) for rule in CLOCK_RULES],
    )
    text = f"""# Clocks

Written by `tests/spec/test_clocks.py` from `src/rempart/tariffs/data/clocks.toml`, in force from
{VALID_FROM}. Computed cases, in French: [docs/rules/clocks.md](../rules/clocks.md). Deadlines are
data for a data protection officer and counsel to confirm; this is not legal advice.

A clock is never stored: it is computed from the timeline of the incident each time it is asked
([ADR 31](../adr/0031-clocks-are-computed-from-the-timeline.md)). Events are written with their
hour; an event whose details carry `corrects` takes the place of another
(`rempart incident correct`).

{rules}

## Late, and open questions

{late}

## What a party is

A clock is owed by parties that have its trait. Insurers are held to be controllers, financial
entities and insured against attacks; the operator to be a processor and insured. Other traits
are set for an incident, with a reason: {", ".join(f"`{trait}`" for trait in Trait)}.
"""
    if os.environ.get("REMPART_WRITE_DOCS") == "1":
        REFERENCE.write_text(text, encoding="utf-8")
    assert REFERENCE.read_text("utf-8") == text, "run `REMPART_WRITE_DOCS=1 pytest tests/spec`"


def _tell(facts) -> str:
    return " ; ".join(f"{kind} {show(at(when))}" for kind, when, _whose, _says in facts)


def _find_day(name: str, year: int) -> str:
    days = list_bank_holidays(year, alsace_moselle=True)
    return next(show(at(f"{day} 00:00"))[:-11] for day, one in days.items() if one == name)


def _say_patterns(patterns: tuple[Pattern, ...]) -> str:
    return " or ".join(
        f"`{one.kind}`"
        + (f" ({', '.join(str(value) for value in one.where.values())})" if one.where else "")
        + (f" (not {', '.join(str(value) for value in one.unless.values())})" if one.unless else "")
        + f" of {one.origin}"
        for one in patterns
    )


def _say_within(rule: ClockRule) -> str:
    within = (
        f"{rule.hours} h"
        if rule.hours
        else f"{rule.months} month"
        if rule.months
        else "without undue delay"
    )
    return within + (" (noon of the next working day)" if rule.tolerance else "")
