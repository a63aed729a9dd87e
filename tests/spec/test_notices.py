"""What a notice is held to, and what that finds in the notices of 2024: docs/rules/notices.md."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest
from scripts.lint_public_notices import LINTER, digest_linter

from rempart.notices.channels import CHANNELS
from rempart.notices.lint import lint_notice
from rempart.notices.lint_rules import LEGAL_REFERENCES, LINT_RULES, RULES_VERSION, RuleKind

DATA = Path(__file__).parents[1] / "data" / "notices"
RECORD = tomllib.loads((DATA / "public_2024.toml").read_text("utf-8"))
PUBLIC = {
    one["source"]: Counter(rule for _line, _column, rule in one["findings"])
    for one in RECORD["notice"]
}
NAMES = {
    "S1": "LMP",
    "S2": "Mutame & Plus",
    "S3": "MGP",
    "S4": "Mutuelle des SCOP",
    "S5": "MMJ (article)",
}
# What people who read them found (docs/sources.md), and one more: the fault is said of a sub-group.
EXPECTED = [(source, code) for code, rule in LINT_RULES.items() for source in sorted(rule.seen_in)]


@pytest.mark.parametrize(("source", "rule"), EXPECTED)
def test_every_fault_that_people_saw_in_a_public_notice_is_found_in_it(source, rule):
    assert PUBLIC[source][rule]


@pytest.mark.parametrize(("source", "rule"), EXPECTED)
def test_every_fault_is_found_in_a_text_of_our_own_that_has_it(source, rule):
    findings = lint_notice((DATA / f"{source}.txt").read_text("utf-8"))
    assert rule in {one.rule.code for one in findings}


def test_the_record_of_the_public_notices_was_made_by_this_linter():
    remedy = "run scripts/lint_public_notices.py on the five texts, then this test"
    assert RECORD["rules_version"] == RULES_VERSION, remedy
    assert RECORD["linter_sha256"] == digest_linter(), remedy
    assert len(LINTER) == len(set(LINTER))


def test_the_record_holds_places_and_rules_and_no_words():
    for notice in RECORD["notice"]:
        assert set(notice) == {"source", "sha256", "findings"}
        for line, column, rule in notice["findings"]:
            assert line >= 1
            assert column >= 1
            assert rule in LINT_RULES


def test_the_wrong_reference_of_the_first_notice_is_found_where_it_is():
    [finding] = [one for one in RECORD["notice"][0]["findings"] if one[2] == "legal_reference"]
    assert finding[0] == 31


def test_the_page_tells_the_rules_their_sources_and_the_results(check_page, write_table):
    rules = _tell_rules(write_table)
    results = _tell_results(write_table)
    references = write_table(
        ("article", "texte", "objet", "source"),
        [(one.article, one.text, one.what["fr"], one.source) for one in LEGAL_REFERENCES],
    )
    channels = write_table(
        ("pour", "où", "adresse à taper", "source"),
        [(one.purpose["fr"], one.name, one.where, one.source) for one in CHANNELS],
    )
    check_page(
        "notices.md",
        f"""# Messages aux personnes : ce qu’un texte doit dire, et ne pas dire

Écrit par `tests/spec/test_notices.py` ; les règles sont dans `src/rempart/notices/data/`, version
{RULES_VERSION}. À faire confirmer par un délégué à la protection des données : ce n’est pas un
avis juridique. Les sources (S1…) sont dans [sources.md](../sources.md).

## Règles

{rules}

## Les cinq textes publics de 2024

Nombre de constats par règle. En gras : les fautes que des personnes y avaient relevées ; chacune
est trouvée. Les autres sont des constats de plus, à lire. Les textes appartiennent à leurs auteurs
et ne sont pas dans le dépôt : `tests/data/notices/public_2024.toml` garde leurs empreintes, les
lignes et les colonnes, et `scripts/lint_public_notices.py` refait le relevé sur des copies.

{results}

Les messages que Rempart écrit pour les mêmes situations passent sans aucun constat
(`tests/unit/notices/test_assembly.py`).

## Références légales admises

Toute autre référence est un constat : quelqu’un la vérifie, puis l’ajoute.

{references}

## Où signaler quoi

{channels}
""",
    )


def _tell_rules(write_table) -> str:
    kinds = {
        RuleKind.EXPECTS: "attendu",
        RuleKind.FORBIDS: "à éviter",
        RuleKind.COMPUTED: "calculé",
    }
    gravity = {"blocking": "bloquant", "warning": "à corriger", "hint": "conseil"}
    return write_table(
        ("règle", "gravité", "ce qui ne va pas", "que faire", "source"),
        [
            (
                f"`{code}` ({kinds[rule.kind]})",
                gravity[rule.severity],
                rule.messages["fr"],
                rule.advices["fr"],
                rule.source,
            )
            for code, rule in LINT_RULES.items()
        ],
    )


def _tell_results(write_table) -> str:
    return write_table(
        ("règle", *(f"{source} {NAMES[source]}" for source in PUBLIC)),
        [
            (
                f"`{code}`",
                *(
                    ("**" + str(found[code]) + "**" if source in rule.seen_in else found[code])
                    or "–"
                    for source, found in PUBLIC.items()
                ),
            )
            for code, rule in LINT_RULES.items()
        ],
    )
