"""Cards are issued per contract, once each, and what is printed is what the symbol says."""

import csv
from pathlib import Path

import pypdfium2
import pytest
from tests.card_samples import FAMILY, YEAR, import_people, issue, read_prints
from tests.feed_samples import AMC, INSURER, TODAY, make_nir, make_row

from rempart.kernel.errors import Conflict, NotFound
from rempart.rights.card import Card, compute_presence_key
from rempart.storage import cards
from rempart.storage.connect import Database
from rempart.storage.findable_members import find_person
from rempart.wiring.home import Home
from rempart.workflows.rights.card_events import order_card, revoke_card


def read_cards(database: Database, home: Home) -> list[Card]:
    return [each.card for each in read_prints(database, home)]


def find(database: Database, home: Home, card: Card, place: int) -> int | None:
    """Whom the gateway finds by the code of a card and a place."""
    key = compute_presence_key(home.key("lookup"), card.presence(place))
    with database.transaction("feeds") as tx:
        found = find_person(tx, key)
    return None if found is None else found[0]


def order(database: Database, card: Card, purpose: str, **changes: bool) -> None:
    with database.transaction("feeds") as tx:
        order_card(tx, card.serial, purpose, **changes)


def test_a_contract_gets_one_card_with_its_beneficiaries(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, FAMILY)

    issued = issue(database, home, tmp_path / "out")

    assert (issued.cards, issued.batches, issued.skipped) == (1, 1, 0)
    [printed] = read_prints(database, home)
    assert printed.names == ("Alix DURAND", "Sacha DURAND", "Noé DURAND", "Zoé DURAND")
    assert printed.address == ("Alix DURAND", "1 rue des Lilas", "75001 Paris")
    card = printed.card
    assert card.amc_number.number == AMC
    assert card.member_number == "M000001"
    assert card.responsible
    assert (card.validity.starts_on.year, card.validity.ends_on.year) == (YEAR, YEAR)
    assert [one.initial for one in card.beneficiaries] == ["A", "S", "N", "Z"]
    assert [one.birth_rank.number for one in card.beneficiaries] == [1, 1, 1, 2]


def test_each_place_of_the_code_leads_to_its_own_person(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, FAMILY)
    issue(database, home, tmp_path / "out")
    [card] = read_cards(database, home)

    found = [find(database, home, card, place) for place in (1, 2, 3, 4)]

    assert None not in found
    assert len(set(found)) == 4
    assert find(database, home, card, 5) is None


def test_the_file_has_a_page_for_each_card_and_the_index_names_nobody(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, [make_row(n) for n in range(1, 6)])

    issued = issue(database, home, tmp_path / "out", batch_size=2)

    files = sorted((tmp_path / "out").glob("*.pdf"))
    assert [len(pypdfium2.PdfDocument(file)) for file in files] == [2, 2, 1]
    with issued.index.open(newline="") as index:
        rows = list(csv.DictReader(index, delimiter=";"))
    assert [(row["batch"], row["page"]) for row in rows] == [
        *(("1", "1"), ("1", "2"), ("2", "1"), ("2", "2"), ("3", "1"))
    ]
    known = {card.serial.format() for card in read_cards(database, home)}
    assert {row["card"] for row in rows} == known
    assert "DURAND" not in issued.index.read_text()
    assert all(file.stat().st_mode & 0o77 == 0 for file in (tmp_path / "out").iterdir())


def test_the_same_command_again_makes_no_second_card(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, FAMILY)
    issue(database, home, tmp_path / "out")

    again = issue(database, home, tmp_path / "out")

    assert again.cards == 0
    assert len(read_cards(database, home)) == 1


def test_a_line_that_ends_within_the_year_ends_on_the_card(
    database: Database, home: Home, tmp_path: Path
):
    rows = [FAMILY[0], dict(FAMILY[2]) | {"period_end": "2027-03-31"}]
    import_people(database, home, tmp_path, rows)
    issue(database, home, tmp_path / "out")

    [card] = read_cards(database, home)

    parent, child = card.beneficiaries
    assert parent.ends_on is None
    assert f"{child.ends_on}" == "2027-03-31"


def test_who_has_no_line_in_the_year_or_is_suspended_all_of_it_gets_no_card(
    database: Database, home: Home, tmp_path: Path
):
    rows = [
        make_row(1, period_end="2026-12-31"),
        make_row(2, suspended_from="2026-10-01", suspended_to="2028-01-31"),
        make_row(3),
    ]
    import_people(database, home, tmp_path, rows)

    assert issue(database, home, tmp_path / "out").cards == 1


def test_a_reissued_card_replaces_the_other_whose_code_opens_nothing(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, FAMILY)
    issue(database, home, tmp_path / "out")
    [old] = read_cards(database, home)
    person = find(database, home, old, 2)
    order(database, old, "reissue")

    issued = issue(database, home, tmp_path / "out", kind="orders")

    assert issued.cards == 1
    new = next(card for card in read_cards(database, home) if card.serial != old.serial)
    assert find(database, home, old, 2) is None
    assert find(database, home, new, 2) == person
    with database.transaction("feeds") as tx:
        kept = tx.execute("SELECT count(*) FROM rights.card_key").fetchone()
        assert kept == (8,)  # moved, not lost
        stored = cards.find_card(tx, old.serial)
    assert stored is not None
    assert stored.revoked_reason == "reissued"


def test_a_lost_card_stops_at_once_and_not_when_the_new_one_is_made(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, FAMILY)
    issue(database, home, tmp_path / "out")
    [card] = read_cards(database, home)

    order(database, card, "lost")

    assert find(database, home, card, 1) is None


def test_after_a_name_change_the_new_card_has_the_new_name(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, FAMILY[:1])
    issue(database, home, tmp_path / "out")
    [card] = read_cards(database, home)
    changed = [dict(FAMILY[0]) | {"family_name": "MARTIN", "birth_name": "DURAND"}]
    import_people(database, home, tmp_path, changed)
    order(database, card, "name_change")

    issue(database, home, tmp_path / "out", kind="orders")

    names = [printed.names for printed in read_prints(database, home)]
    assert names == [("Alix DURAND",), ("Alix MARTIN",)]


def test_separated_parents_each_have_a_card_with_themselves_and_the_children(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, FAMILY)
    issue(database, home, tmp_path / "out")
    [household] = read_cards(database, home)
    order(database, household, "separation")

    issue(database, home, tmp_path / "out", kind="orders")

    separate = read_prints(database, home)[1:]
    assert sorted(printed.names for printed in separate) == [
        ("Alix DURAND", "Noé DURAND", "Zoé DURAND"),
        ("Sacha DURAND", "Noé DURAND", "Zoé DURAND"),
    ]
    assert find(database, home, household, 3) is None
    noe = {find(database, home, printed.card, 2) for printed in separate}
    assert len(noe) == 1
    assert None not in noe


def test_a_child_of_one_parent_only_is_on_that_parents_card_alone(
    database: Database, home: Home, tmp_path: Path
):
    other = {"insured_nir": make_nir(2, sex=1), "contract_number": "C000001"}
    rows = [FAMILY[0], FAMILY[2], dict(FAMILY[1]) | other, dict(FAMILY[3]) | other]
    import_people(database, home, tmp_path, rows)
    issue(database, home, tmp_path / "out")
    [household] = read_cards(database, home)
    order(database, household, "separation")

    issue(database, home, tmp_path / "out", kind="orders")

    assert sorted(printed.names for printed in read_prints(database, home)[1:]) == [
        ("Alix DURAND", "Noé DURAND"),
        ("Sacha DURAND", "Zoé DURAND"),
    ]


def test_large_print_is_remembered_and_takes_three_pages(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, [FAMILY[0], make_row(2)])
    issue(database, home, tmp_path / "out")
    first = next(c for c in read_cards(database, home) if c.member_number == "M000001")
    order(database, first, "reissue", large_print=True)

    issue(database, home, tmp_path / "orders", kind="orders")

    [file] = (tmp_path / "orders").glob("*.pdf")
    assert len(pypdfium2.PdfDocument(file)) == 3
    issue(database, home, tmp_path / "next", year=YEAR + 1)
    [following] = (tmp_path / "next").glob("*.pdf")
    assert len(pypdfium2.PdfDocument(following)) == 4


def test_a_member_who_leaves_takes_the_cards_code_along_and_brings_it_back(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, [FAMILY[0], make_row(2)])
    issue(database, home, tmp_path / "out")
    card = next(c for c in read_cards(database, home) if c.member_number == "M000001")

    import_people(database, home, tmp_path, [make_row(2)])
    assert find(database, home, card, 1) is None

    import_people(database, home, tmp_path, [FAMILY[0], make_row(2)])
    assert find(database, home, card, 1) is not None


def test_a_revoked_card_does_not_come_back_with_the_member(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, [FAMILY[0], make_row(2)])
    issue(database, home, tmp_path / "out")
    card = next(c for c in read_cards(database, home) if c.member_number == "M000001")
    with database.transaction("feeds") as tx:
        revoke_card(tx, card.serial, "stolen")
    import_people(database, home, tmp_path, [make_row(2)])

    import_people(database, home, tmp_path, [FAMILY[0], make_row(2)])

    assert find(database, home, card, 1) is None


def test_a_file_that_was_taken_away_is_printed_again_as_it_was(
    database: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import_people(database, home, tmp_path, [make_row(n) for n in range(1, 4)])
    monkeypatch.setattr(cards, "finish_run", lambda *_: None)
    issue(database, home, tmp_path / "out")
    [file] = (tmp_path / "out").glob("*.pdf")
    before = file.read_bytes()
    file.unlink()

    issue(database, home, tmp_path / "out")

    assert file.read_bytes() == before


def test_two_runs_of_one_insurer_do_not_meet(database: Database, home: Home, tmp_path: Path):
    import_people(database, home, tmp_path, FAMILY)
    with database.connect("feeds", autocommit=True) as other:
        assert cards.claim_cards(other, INSURER)
        with pytest.raises(Conflict, match="issued elsewhere"):
            issue(database, home, tmp_path / "out")


def test_an_unfinished_run_is_finished_before_another_begins(
    database: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import_people(database, home, tmp_path, FAMILY)
    with monkeypatch.context() as patched:
        patched.setattr(cards, "finish_run", lambda *_: None)
        issue(database, home, tmp_path / "out")

    with pytest.raises(Conflict, match="not finished"):
        issue(database, home, tmp_path / "out", year=YEAR + 1)


def test_an_unknown_insurer_has_no_cards(database: Database, home: Home, tmp_path: Path):
    with pytest.raises(NotFound):
        issue(database, home, tmp_path / "out", insurer_id=99, today=TODAY)


def test_an_order_of_somebody_no_longer_covered_ends_without_a_card(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, [FAMILY[0], make_row(2)])
    issue(database, home, tmp_path / "out")
    card = next(c for c in read_cards(database, home) if c.member_number == "M000001")
    order(database, card, "reissue")
    import_people(database, home, tmp_path, [make_row(2)])

    assert issue(database, home, tmp_path / "out", kind="orders").cards == 0

    with database.transaction("feeds") as tx:
        assert tx.execute("SELECT outcome FROM rights.card_order").fetchone() == ("not_covered",)
