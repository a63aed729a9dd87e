"""Feeds of every shape: the database ends where a far simpler reading of the rules says."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from tests.feed_model import Model
from tests.feed_samples import (
    Row,
    list_periods,
    make_card,
    make_nir,
    make_row,
    publish,
    read_findings,
    read_people,
    register,
    write_feed,
)

from rempart.kernel.synthetic import make_synthetic_amc_number
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.workflows.feeds.import_feed import FeedPublished

_insurers = count(100)

DAYS = ["2024-01-01", "2024-07-01", "2025-01-01", "2026-06-01", "2026-12-01", "2027-03-01"]
ENDS = ["", "", "2024-06-30", "2024-12-31", "2026-05-31", "2026-11-30", "2027-02-28"]


@st.composite
def feeds(draw: st.DrawFn) -> list[tuple[bool, list[Row]]]:
    """A full feed, then others, about a few people that share numbers, contracts and cards."""
    made = []
    for order in range(draw(st.integers(1, 3))):
        delta = order > 0 and draw(st.booleans())
        rows = draw(st.lists(rows_of_people(delta=delta), min_size=1, max_size=9))
        made.append((delta, rows))
    return made


@st.composite
def rows_of_people(draw: st.DrawFn, *, delta: bool) -> Row:
    person = draw(st.integers(1, 4))
    start = draw(st.sampled_from(DAYS))
    end = draw(st.sampled_from([end for end in ENDS if not end or end >= start]))
    previous = draw(st.sampled_from(["", "", "", "", make_nir(person + 1), make_nir(77)]))
    return make_row(
        person,
        previous_nir=previous,
        own_nir=draw(st.sampled_from(["", "", "", make_nir(person % 4 + 1)])),
        contract_number=draw(st.sampled_from([f"C{person}", f"C{person}", f"D{person}"])),
        period_start=start,
        period_end=end,
        card_code=draw(
            st.sampled_from(["", make_card(person), make_card(person), make_card(person + 10)])
        ),
        family_name=draw(st.sampled_from(["DURAND", "MARTIN"])),
        terms=draw(st.sampled_from(["PHAR=R100", "PHAR=R100", "MEDG=T"])),
        action=draw(st.sampled_from(["", "", "remove"])) if delta else "",
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feeds")


def run_all(
    database: Database, home: Home, folder: Path, made: list[tuple[bool, list[Row]]], **changes: Any
) -> tuple[int, list[list[tuple[int, str]]]]:
    """Import feeds for an insurer nobody knew; return its number and the findings of each feed."""
    insurer_id = next(_insurers)
    amc = make_synthetic_amc_number(insurer_id).number
    register(database, insurer_id=insurer_id, amc_number=amc)
    found = []
    for order, (delta, rows) in enumerate(made):
        facts = {"amc_number": amc, "city": f"Ville {order}"}  # no two files alike
        mine = [own_cards(row, insurer_id) | facts for row in rows]
        path = write_feed(folder / f"{insurer_id}-{order}-{'delta' if delta else 'full'}.csv", mine)
        findings = folder / f"{insurer_id}-{order}.findings.csv"
        outcome = publish(
            database,
            home,
            path,
            insurer_id=insurer_id,
            findings_path=findings,
            max_closed_share=1.0,
            again=True,
            **changes,
        )
        assert isinstance(outcome, FeedPublished)
        found.append(
            [(line, rule) for line, _, rule in read_findings(findings)] if findings.exists() else []
        )
    return insurer_id, found


def own_cards(row: Row, insurer_id: int) -> Row:
    """Give each example cards of its own: a card leads to one person of all insurers."""
    code = row["card_code"]
    return row | {"card_code": f"{insurer_id:04d}{code[4:]}" if code else ""}


def show(database: Database, home: Home, insurer_id: int) -> list[tuple[Any, ...]]:
    """What readers see, in the words of the model."""
    people = []
    for person in read_people(database, home, insurer_id):
        record = person["record"]
        running = bool(person["rights"])
        typed = 1 + (record["own_nir"] not in ("", record["insured_nir"]))
        cards = [card for _, _, card in record["contracts"] if card]
        lines = list_periods(person) + list_periods({"rights": person["past"]})
        people.append(
            (
                record["family_name"],
                record["insured_nir"],
                sorted(number for number, _, _ in record["contracts"]),
                len(person["lookup"]) - typed if running else 0,
                sorted((start, end.replace("infinity", "9999-12-31")) for start, end in lines),
                running,
                len(cards) >= len(person["lookup"]) - typed,
            )
        )
    return sorted(people)


def expect(model: Model) -> list[tuple[Any, ...]]:
    return sorted(
        (name, nir, contracts, len(cards), lines, running, True)
        for name, nir, contracts, cards, lines, running in model.show()
    )


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(made=feeds())
def test_feeds_end_where_the_simple_reading_says_and_pieces_do_not_matter(
    database: Database, home: Home, world: Path, made: list[tuple[bool, list[Row]]]
):
    model = Model()
    expected = []
    for delta, rows in made:
        expected.append(model.apply(rows, delta=delta))
        if len(expected[-1]) == len(rows):
            return  # nothing to apply: refused as a whole
    note(str(expected))

    insurer_id, found = run_all(database, home, world, made)
    assert found == expected
    assert show(database, home, insurer_id) == expect(model)

    cut_id, cut_found = run_all(database, home, world, made, piece_bytes=300)
    assert cut_found == expected
    assert show(database, home, cut_id) == expect(model)
