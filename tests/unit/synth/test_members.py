"""Families and contracts hold together as an insurer's file would have them."""

import json
import re
from collections import Counter
from datetime import date, timedelta

import pytest

from rempart.synth.dice import make_dice
from rempart.synth.feeds import load_tables
from rempart.synth.households import HouseholdMaker
from rempart.synth.nirs import NirBook
from rempart.synth.parameters import DEFAULT_TODAY
from rempart.tariffs.domains import DOMAINS

TODAY = DEFAULT_TODAY.isoformat()


def test_one_key_at_one_insurer_is_one_person(data_set):
    identity = ("birth_name", "first_names", "quality")
    for lines in data_set.people():
        assert len({tuple(line[name] for name in identity) for line in lines}) == 1


def test_no_person_has_two_lines_on_one_day(data_set):
    assert not any(data_set.overlaps(lines) for lines in data_set.people())


def test_a_history_whose_periods_touch_is_seen_as_an_overlap(data_set):
    lines = [
        {"period_start": "2020-01-01", "period_end": "2020-12-31"},
        {"period_start": "2020-12-31", "period_end": ""},
    ]
    assert data_set.overlaps(lines)


def test_every_contract_has_one_insured_person(data_set):
    for lines in data_set.contracts():
        insured = {data_set.key_of(line) for line in lines if line["quality"] == "1"}
        assert len(insured) == 1


def test_dependants_are_on_the_insureds_nir_unless_they_have_rights_of_their_own(data_set):
    shared = own = 0
    for lines in data_set.contracts():
        insured = next(line["insured_nir"] for line in lines if line["quality"] == "1")
        for line in lines:
            if line["insured_nir"] == insured:
                shared += line["quality"] != "1"
            else:
                assert line["own_nir"] == line["insured_nir"]
                assert line["quality"] in ("2", "3")
                own += 1
    assert shared > own > 100


def test_a_spouses_own_nir_is_known(data_set):
    assert all(line["own_nir"] for line in data_set.lines() if line["quality"] == "2")


def test_an_own_nir_names_one_person_of_an_insurer(data_set):
    for feed in data_set.feeds.values():
        owners = {}
        for line in feed:
            if line["own_nir"]:
                owner = (line["birth_date"], line["birth_name"], line["first_names"])
                assert owners.setdefault(line["own_nir"], owner) == owner


def test_twins_share_nir_and_birth_date_and_have_ranks_from_one(data_set):
    twins = 0
    for feed in data_set.feeds.values():
        ranks = {}
        for line in feed:
            ranks.setdefault((line["insured_nir"], line["birth_date"]), set()).add(
                int(line["birth_rank"])
            )
        for group in ranks.values():
            twins += len(group) > 1
            assert group == set(range(1, len(group) + 1))
    assert twins > 0


def test_no_child_is_covered_before_birth(data_set):
    for line in data_set.lines():
        if line["quality"] == "3":
            assert line["period_start"].replace("-", "") >= line["birth_date"]
            assert line["birth_date"] <= TODAY.replace("-", "")


def test_periods_and_suspensions_are_in_order(data_set):
    for line in data_set.lines():
        start, end = line["period_start"], line["period_end"] or "9999"
        since, until = line["suspended_from"], line["suspended_to"]
        assert start <= end
        assert not since or start <= since <= (until or end) <= end
        assert since or not until


def test_terms_are_written_as_the_feed_format_says(data_set):
    shape = re.compile(r"([A-Z]{4})=(?:R\d{2,3}|T|F\d{3,6})(?:@[A-Z]{2})?")
    for line in data_set.lines():
        codes = [shape.fullmatch(one)[1] for one in line["terms"].split("|")]
        assert len(set(codes)) == len(codes)
        assert set(codes) <= DOMAINS.keys()
        assert line["responsible"] in ("0", "1")
        assert line["convention_type"]
        assert line["csr"]


def test_each_insurer_has_three_to_eight_products(data_set):
    for insurer in data_set.plan.insurers:
        assert 3 <= len(insurer.products) <= 8
        assert len({product.terms for product in insurer.products}) == len(insurer.products)
    some = [p for insurer in data_set.plan.insurers for p in insurer.products]
    assert {product.responsible for product in some} == {True, False}


def test_a_household_that_moved_is_the_same_people_in_both_feeds(data_set):
    where = {i.insurer_id: i.amc_number for i in data_set.plan.insurers}
    joined = {move: where[i.insurer_id] for i in data_set.plan.insurers for move in i.joining}
    assert sum(len(i.leaving) for i in data_set.plan.insurers) == len(joined) > 40
    people = {
        (amc, *data_set.key_of(line)): line for amc, feed in data_set.feeds.items() for line in feed
    }
    moved = 0
    for (amc, *key), line in people.items():
        if line["quality"] != "1" or not line["period_end"]:
            continue
        day_after = date.fromisoformat(line["period_end"]) + timedelta(days=1)
        elsewhere = [people.get((other, *key)) for other in where.values() if other != amc]
        for other in filter(None, elsewhere):
            assert other["period_start"] == day_after.isoformat()
            assert other["address"] == line["address"]
            moved += 1
    assert moved == len(joined)


def test_children_of_two_insured_parents_are_on_both_contracts(data_set):
    twice = 0
    for feed in data_set.feeds.values():
        names = {}
        for line in feed:
            if line["quality"] == "3":
                child = (line["birth_date"], line["birth_rank"], line["first_names"])
                names.setdefault((*child, line["address"]), set()).add(line["insured_nir"])
        twice += sum(len(parents) == 2 for parents in names.values())
    assert twice * 2 == data_set.truth["totals"]["double_attached"] > 0


def test_first_names_fit_the_birth_decade(data_set):
    old, young = Counter(), Counter()
    for line in data_set.lines():
        year, name = int(line["birth_date"][:4]), line["first_names"].split(" ")[0].upper()
        if year < 1950:
            old[name] += 1
        elif year >= 2005:
            young[name] += 1
    assert old["JEAN"] > 5 * young["JEAN"]
    assert young["KYLIAN"] + young["EMMA"] > old["KYLIAN"] + old["EMMA"]
    assert young["LÉA"] + young["LEA"] + young["EMMA"] > 5


def test_postcodes_agree_with_communes_and_departments_are_all_there(data_set):
    departments = Counter(
        line["postcode"][: 3 if line["postcode"].startswith("97") else 2]
        for line in data_set.lines()
    )
    assert len(departments) > 90
    assert departments["59"] > departments["48"]


@pytest.mark.parametrize("room", [1, 2, 3])
def test_a_household_never_passes_the_room_left(room):
    tables = load_tables()
    maker = HouseholdMaker(tables.names, tables.places, DEFAULT_TODAY)
    rng = make_dice(1)
    book = NirBook(first=0)
    assert all(len(maker.make(rng, book, room=room).people) <= room for _ in range(500))


def test_the_truth_is_what_a_reader_counts(data_set):
    totals = json.loads((data_set.out / "truth.json").read_text("utf-8"))["totals"]
    people = data_set.people()
    covered = [
        lines
        for lines in people
        if any(line["period_start"] <= TODAY <= (line["period_end"] or "9999") for line in lines)
    ]
    assert totals["people"] == len(people) == 8_000
    assert totals["lines"] == len(data_set.lines())
    assert totals["current"] == len(covered)
    assert totals["waiting_number"] == sum(lines[0]["insured_nir"][0] in "78" for lines in people)
    assert totals["changed_number"] == sum(bool(lines[0]["previous_nir"]) for lines in people)
    assert totals["twins"] == sum(lines[0]["birth_rank"] != "1" for lines in people)
    assert totals["without_card"] == sum(
        not any(line["card_code"] for line in lines) for lines in people
    )


@pytest.mark.parametrize(
    ("count", "least", "most"),
    [
        ("former", 0.065, 0.10),
        ("former_recent", 0.03, 0.065),
        ("suspended", 0.005, 0.014),
        ("future", 0.003, 0.012),
        ("left", 0.012, 0.028),
        ("joined", 0.012, 0.028),
        ("without_card", 0.02, 0.04),
        ("own_nir", 0.22, 0.36),
        ("lunar", 0.0001, 0.002),
        ("twins", 0.002, 0.009),
        ("uncertain_month", 0.0005, 0.005),
        ("waiting_number", 0.0005, 0.005),
        ("changed_number", 0.0005, 0.006),
        ("corsica", 0.0005, 0.005),
        ("overseas", 0.006, 0.025),
        ("abroad", 0.008, 0.03),
    ],
)
def test_a_share_is_near_the_real_one(data_set, count, least, most):
    totals = data_set.truth["totals"]
    assert least < totals[count] / totals["people"] < most
