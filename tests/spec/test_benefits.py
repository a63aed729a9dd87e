"""Who pays what: cases to the cent. The table is also docs/rules/benefits.md, in French."""

import pytest
from tests.benefit_cases import ADULT, CASES, DAY, Case
from tests.benefit_samples import TABLES

from rempart.claims.adjudication import AdjudicatedClaim, Contract, adjudicate_claim
from rempart.claims.amo import BASE_MISSING
from rempart.claims.claim import Beneficiary, Biller, Claim, ClaimLine
from rempart.claims.counters import Counters
from rempart.claims.explanation import explain_line
from rempart.claims.steps import StepKind
from rempart.kernel.birth import BirthDate
from rempart.kernel.findings import BadValue
from rempart.kernel.money import format_euros
from rempart.tariffs.care import ActKind


def euros(amount) -> int:
    return round(amount * 100)


def make_line(number: int, line: dict) -> ClaimLine:
    known = {"code", "billed", "base", "day", "n", "amo"}
    return ClaimLine(
        number=number,
        act=ActKind.parse(line["code"]),
        care_date=line["day"],
        billed_cents=euros(line["billed"]),
        base_cents=None if line["base"] is None else euros(line["base"]),
        amo_cents=euros(line["amo"]) if "amo" in line else None,
        quantity=line["n"],
        **{name: value for name, value in line.items() if name not in known},
    )


def adjudicate(case: Case) -> AdjudicatedClaim:
    claim = Claim(
        beneficiary=Beneficiary(
            born=BirthDate(case.born), regime=case.regime, in_pathway=case.pathway, c2s=case.c2s
        ),
        biller=Biller(mark=1, optam=case.optam, circuits=case.circuits),
        lines=tuple(make_line(number, line) for number, line in enumerate(case.lines, 1)),
    )
    contracts = [
        Contract(TABLES[name], case.joined, Counters(dict(case.used))) for name in case.tables
    ]
    return adjudicate_claim(claim, contracts, Counters())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_claim_is_shared_out_to_the_cent(case):
    shared = adjudicate(case)
    local = sum(one.amo.local_cents for one in shared.lines)
    levied = sum(one.amo.levy_cents for one in shared.lines)
    assert (
        shared.amo_cents - local,
        local,
        shared.amc_cents,
        shared.reste_a_charge_cents,
        levied,
    ) == tuple(euros(amount) for amount in case.expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_parts_add_up_to_the_bill_and_none_is_negative(case):
    for one in adjudicate(case).lines:
        parts = (one.amo.amo_cents, one.amo.local_cents, *(part.cents for part in one.parts))
        assert sum(parts) + one.reste_a_charge_cents == one.line.billed_cents
        assert min(*parts, one.reste_a_charge_cents) >= 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_line_is_explained_down_to_what_is_left(case, language):
    for one in adjudicate(case).lines:
        sentences = list(explain_line(one, language))
        left = format_euros(one.reste_a_charge_cents, language)
        assert any(left in sentence for sentence in sentences[2:])
        assert all(sentence and "{" not in sentence for sentence in sentences)


def test_an_act_without_base_or_tariff_is_refused_with_what_to_do():
    line = ClaimLine(number=1, act=ActKind.parse("PH7"), care_date=DAY, billed_cents=500)
    claim = Claim(beneficiary=Beneficiary(born=BirthDate(ADULT)), biller=Biller(), lines=(line,))
    with pytest.raises(BadValue) as refused:
        adjudicate_claim(claim, [], Counters())
    assert refused.value.refusal is BASE_MISSING


def test_what_a_limit_takes_away_is_said():
    [case] = [one for one in CASES if one.name.startswith("Deuxième paire à vingt mois")]
    [one] = adjudicate(case).lines
    kinds = [step.kind for step in one.parts[0].steps]
    assert StepKind.TOO_EARLY in kinds
    assert any("02/07/2026" in sentence for sentence in explain_line(one))


def write_lines(case: Case) -> str:
    texts = []
    for line in case.lines:
        units = f"{line['n']} × " if line["n"] > 1 else ""
        base = f", base {line['base']:.2f}" if line["base"] is not None else ""
        texts.append(f"{units}{line['code']} {line['billed']:.2f}{base} ({line['day']:%d/%m/%Y})")
    return "; ".join(texts).replace(".", ",")


def test_the_page_says_the_same(check_page, write_table):
    rows = [
        (
            case.name,
            write_lines(case),
            ", ".join(case.tables) or "aucun",
            *(f"{amount:.2f}".replace(".", ",") for amount in case.expected),
            case.source,
        )
        for case in CASES
    ]
    table = write_table(
        ("cas", "actes facturés (€)", "contrats", "AMO", "régime local", "AMC", "reste à payer",
         "retenu ensuite", "source"),
        rows,
    )  # fmt: skip
    check_page(
        "benefits.md",
        f"""# Qui paie quoi

Written by `tests/spec/test_benefits.py`; `src/rempart/claims/adjudication.py` decides. Cases are in
French, as people who manage claims read them; the contracts are those of
`tests/benefit_samples.py`. Figures that are to be confirmed are marked so in [tariffs](tariffs.md).

{table}
""",
    )
