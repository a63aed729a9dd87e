"""A table that calls itself responsible is asked; for each rule there is a table that fails."""

from dataclasses import replace
from datetime import date

import pytest
from tests.benefit_samples import BASIC, C2S, COMFORT, FREE

from rempart.claims import responsible
from rempart.claims.benefit_table import Benefit, Limit, Pays, Per
from rempart.claims.responsible import check_responsible
from rempart.tariffs.care import ACTS

DAY = date(2026, 3, 2)


def find_rules(table):
    return {(one.field, one.rule) for one in check_responsible(table, DAY)}


def put_first(table, benefit, *limits):
    return replace(
        table,
        benefits=(benefit, *table.benefits),
        limits={**table.limits, **{limit.name: limit for limit in limits}},
    )


def test_the_tables_of_these_tests_pass():
    assert find_rules(COMFORT) == set()
    assert find_rules(C2S) == set()


def test_a_table_that_is_not_responsible_is_not_judged():
    assert find_rules(replace(FREE, responsible=False)) == set()
    assert find_rules(replace(FREE, responsible=True))


def test_ticket_moderateur_alone_leaves_the_100_percent_offers_unpaid():
    assert find_rules(BASIC) == {
        (code, "responsible_full_basket") for code in ("MON", "VER", "PDT", "PAU")
    }


WRONG = {
    "responsible_ticket_moderateur": Benefit(label="x", acts=("AMI",), pays=Pays.NOTHING),
    "responsible_daily_charge": Benefit(
        label="x", acts=("FJ",), pays=Pays.REAL_COST, limits=("days",)
    ),
    "responsible_full_basket": Benefit(
        label="x", acts=("PAU",), pays=Pays.FORFAIT, forfait_cents=60_000
    ),
    "responsible_equipment": Benefit(label="x", acts=("VER",), pays=Pays.REAL_COST),
    "responsible_frame": Benefit(label="x", acts=("MON",), pays=Pays.REAL_COST),
    "responsible_hearing": Benefit(label="x", acts=("PAU",), pays=Pays.REAL_COST),
    "responsible_outside_agreement": Benefit(
        label="x", acts=("domain:MEDS",), pays=Pays.RATE_WITH_AMO, rate_bp=20_000
    ),
}


@pytest.mark.parametrize("rule", WRONG)
def test_each_rule_finds_the_table_that_breaks_it(rule):
    days = Limit(name="days", label="Jours", per=Per.YEAR, units=30)
    assert rule in {name for _, name in find_rules(put_first(COMFORT, WRONG[rule], days))}


@pytest.mark.parametrize(("language", "told"), [("fr", "Réseau : IT."), ("en", "Network: IT.")])
def test_a_cap_that_holds_outside_the_network_only_is_found(language, told):
    inside = Benefit(label="x", acts=("MON",), pays=Pays.REAL_COST, circuit="IT")
    [found] = check_responsible(put_first(COMFORT, inside), DAY, language=language)
    assert (found.field, found.rule) == ("MON", "responsible_frame")
    assert found.message.endswith(told)


def test_what_the_law_owes_is_owed_outside_the_networks_too():
    inside = replace(BASIC.benefits[-1], circuit="IT")
    only = replace(BASIC, benefits=(*BASIC.benefits[:-1], inside))
    found = [one for one in check_responsible(only, DAY) if one.rule.endswith("_moderateur")]
    assert "AMI" in {one.field for one in found}
    assert not any("Réseau" in one.message for one in found)


def test_findings_come_in_the_order_of_the_table_of_acts():
    codes = [one.field for one in check_responsible(replace(FREE, responsible=True), DAY)]
    assert len(set(codes)) > 10
    assert codes == sorted(codes, key=[*ACTS].index)


def test_a_waiting_period_on_the_ticket_moderateur_is_found():
    first_year = replace(
        COMFORT,
        benefits=tuple(
            replace(benefit, waiting_months=3) if benefit.acts == ("*",) else benefit
            for benefit in COMFORT.benefits
        ),
    )
    assert ("AMI", "responsible_ticket_moderateur") in find_rules(first_year)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_finding_says_what_and_what_to_do(language):
    findings = check_responsible(BASIC, DAY, language=language)
    assert all(one.message and one.advice for one in findings)
    assert responsible.FULL_BASKET.message(language) in {one.message for one in findings}
