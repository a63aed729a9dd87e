"""Planted people: members to whoever looks, nobody to whoever counts or writes to members."""

from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from tests.acts_samples import MemoryActs
from tests.canary_samples import (
    list_planted,
    list_visible,
    make_population,
    make_request,
    plant,
    publish_population,
    refresh,
)
from tests.card_samples import issue, read_prints
from tests.feed_samples import (
    INSURER,
    TODAY,
    make_row,
    make_secrets,
    read_people,
    register,
    run_import,
    write_feed,
)

from rempart.disclosure.acts import LedgerRead
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.errors import Conflict, FeedRefused, InvalidRequest, LedgerUnavailable, NotFound
from rempart.kernel.nir import Nir
from rempart.rights.lookup import CardCode, TypedIdentifiers, compute_lookup_key
from rempart.storage import canaries, feeds
from rempart.storage.connect import Database, Login
from rempart.storage.findable_members import find_person
from rempart.storage.queries import Queries, parse_queries
from rempart.storage.roles import LOGINS
from rempart.wiring.home import Home
from rempart.workflows.guard import plant_canaries as planting
from rempart.workflows.guard.list_canaries import list_canary_counts, reveal_canaries, share_out
from rempart.workflows.guard.plant_canaries import plant_canaries, retire_canaries

LEFT_OUT = "NOT EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = sheet.person_ref)"


@pytest.fixture
def population(database: Database, home: Home, tmp_path: Path) -> list[dict[str, str]]:
    rows = make_population()
    publish_population(database, home, tmp_path, rows)
    return rows


def read_canaries(database: Database, home: Home) -> list[dict[str, Any]]:
    """Who they claim to be, with what readers see of them."""
    with database.transaction("owner") as tx:
        keys = {str(key) for (key,) in tx.execute("SELECT lookup_key FROM guard.canary").fetchall()}
    return [one for one in read_people(database, home) if keys & set(one["known_by"])]


# ---- planting ------------------------------------------------------------------------------------


def test_canaries_are_planted_in_families_over_places_and_ages(
    database: Database, home: Home, population: list[dict[str, str]]
):
    planted = plant(database, home, 12)
    assert planted.people == 12
    assert 4 < planted.households < 12
    found = read_canaries(database, home)
    assert len(found) == 12
    assert len({one["record"]["postcode"][:2] for one in found}) == 4
    assert len({one["record"]["birth_date"][:3] for one in found}) >= 2
    contracts = {one["record"]["contracts"][0][0] for one in found}
    assert len(contracts) == planted.households


def test_a_canary_holds_nothing_of_one_person(
    database: Database, home: Home, population: list[dict[str, str]]
):
    members = read_people(database, home)
    plant(database, home, 12)
    taken = {one["record"][name] for one in members for name in ("insured_nir", "email")}
    taken |= {part for one in members for part in one["record"]["contracts"][0]}
    for canary in read_canaries(database, home):
        record = canary["record"]
        assert Nir(record["insured_nir"]).is_synthetic
        own = {record["insured_nir"], record["email"], *record["contracts"][0]} - {""}
        assert not own & taken


def test_rows_of_rights_do_not_tell_a_canary_from_a_member(
    database: Database, home: Home, population: list[dict[str, str]]
):
    members = read_people(database, home)
    forms = {form(one) for one in members}
    versions = read_versions(database)
    plant(database, home, 12)
    assert {form(one) for one in read_canaries(database, home)} <= forms
    assert read_versions(database) == versions


def form(person: dict[str, Any]) -> tuple[Any, ...]:
    """What of somebody's rows is not random: dates, guarantees, how many keys."""
    sheets = tuple(sheet[3:] if len(sheet) > 7 else sheet[1:] for sheet in person["rights"])
    return (
        sheets,
        len(person["lookup"]),
        len(person["stored"]),
        len(person["record"]["contracts"]),
    )


def read_versions(database: Database) -> set[tuple[int, int]]:
    with database.transaction("owner") as tx:
        found = tx.execute("SELECT DISTINCT opened_in, closed_in FROM rights.coverage").fetchall()
    return {(opened, closed) for opened, closed in found}


def test_the_keys_are_those_a_gateway_computes_from_what_is_typed_or_scanned(
    database: Database, home: Home, population: list[dict[str, str]]
):
    plant(database, home, 6)
    with database.transaction("owner") as tx:
        [(amc,)] = tx.execute("SELECT amc_number FROM rights.insurer").fetchall()
        known = {key.bytes for (key,) in tx.execute("SELECT lookup_key FROM guard.canary")}
    computed = set()
    for canary in read_canaries(database, home):
        record = canary["record"]
        typed = TypedIdentifiers(
            amc_number=AmcNumber(amc),
            insured_nir=Nir(record["insured_nir"]),
            birth_date=BirthDate(record["birth_date"]),
            birth_rank=BirthRank(int(record["birth_rank"])),
        )
        computed.add(compute_lookup_key(home.key("lookup"), typed))
        for _, _, code in record["contracts"]:
            if code:
                computed.add(compute_lookup_key(home.key("lookup"), CardCode(code)))
    assert computed == known


def test_twice_the_command_plants_twice_as_many_and_nobody_twice(
    database: Database, home: Home, population: list[dict[str, str]]
):
    plant(database, home, 5)
    plant(database, home, 5, seed=2)
    assert len(list_planted(database)) == 10


def test_nobody_is_planted_where_there_is_nobody_to_resemble(database: Database, home: Home):
    with pytest.raises(NotFound):
        plant(database, home)
    register(database)
    with pytest.raises(Conflict, match="import a feed first"):
        plant(database, home)
    with pytest.raises(InvalidRequest):
        plant(database, home, 0)


# ---- feeds ---------------------------------------------------------------------------------------


def test_a_full_feed_does_not_sweep_canaries_away_nor_count_them(
    database: Database, home: Home, population: list[dict[str, str]], tmp_path: Path
):
    plant(database, home, 8)
    planted = list_planted(database)
    outcome = publish_population(database, home, tmp_path, [*population[:-1], make_row(90)])
    assert outcome.closed == 1
    assert planted <= list_visible(database)


def test_mutation_without_their_exception_a_full_feed_closes_canaries(
    database: Database,
    home: Home,
    population: list[dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    forget_canaries(monkeypatch, feeds, "feeds")
    plant(database, home, 8)
    outcome = publish_population(database, home, tmp_path, [*population[:-1], make_row(90)])
    assert outcome.closed == 9
    assert not list_planted(database) & list_visible(database)


def test_an_insurer_that_is_told_its_feed_is_half_is_not_told_about_canaries(
    database: Database, home: Home, tmp_path: Path
):
    rows = [make_row(serial) for serial in range(1, 121)]
    publish_population(database, home, tmp_path, rows)
    plant(database, home, 10)
    half = write_feed(tmp_path / "half.csv", rows[:60])
    with pytest.raises(FeedRefused, match="60 of 120 members are not in this full feed"):
        run_import(database, home, half)


def test_a_discarded_feed_leaves_canaries_as_they_were(
    database: Database, home: Home, population: list[dict[str, str]], tmp_path: Path
):
    plant(database, home, 8)
    before = read_people(database, home)
    wrong = write_feed(tmp_path / "wrong.csv", [make_row(1, period_start="never")])
    with pytest.raises(FeedRefused):
        run_import(database, home, wrong)
    assert read_people(database, home) == before


# ---- lives ---------------------------------------------------------------------------------------


def test_when_everybody_is_renewed_so_are_canaries(
    database: Database, home: Home, population: list[dict[str, str]], tmp_path: Path
):
    plant(database, home, 8)
    assert refresh(database, home).renewed == 0
    publish_population(
        database, home, tmp_path, make_population(until="2027-12-31"), today=date(2026, 12, 20)
    )
    lives = refresh(database, home, today=date(2026, 12, 20))
    assert lives.renewed + lives.changed + lives.left >= 8
    assert list_visible(database) >= {
        ref for ref in list_planted(database) if ref not in list_retired(database)
    }
    for canary in read_canaries(database, home):
        for sheet in canary["rights"]:
            assert "2027-12-31" in str(sheet)


def list_retired(database: Database) -> set[int]:
    with database.transaction("owner") as tx:
        return {
            ref
            for (ref,) in tx.execute(
                "SELECT DISTINCT person_ref FROM guard.canary WHERE retired_at IS NOT NULL"
            )
        }


def test_lives_move_with_the_feeds_and_not_between_them(
    database: Database, home: Home, tmp_path: Path
):
    publish_population(database, home, tmp_path, make_population(until=""))
    plant(database, home, 8)
    before = read_people(database, home)
    lives = refresh(database, home, today=TODAY + timedelta(days=3650))
    assert (lives.renewed, lives.changed, lives.born, lives.left) == (0, 0, 0, 0)
    assert read_people(database, home) == before


def test_over_the_years_canaries_change_have_children_and_leave(
    database: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # Livelier than people are, so that eight years show everything whatever chance does.
    monkeypatch.setattr(planting, "LEAVE_A_YEAR", 0.2)
    monkeypatch.setattr(planting, "CHANGE_A_YEAR", 0.3)
    monkeypatch.setattr(planting, "BIRTH_A_YEAR", 1.0)
    monkeypatch.setattr(planting, "PARENT_YEARS", range(15, 95))
    publish_population(database, home, tmp_path, make_population(until=""))
    plant(database, home, 30)
    totals = {"changed": 0, "born": 0, "left": 0}
    for year in range(1, 9):
        later = TODAY + timedelta(days=365 * year)
        publish_population(
            database, home, tmp_path, [*make_population(until=""), make_row(100 + year)]
        )
        lives = refresh(database, home, seed=year, today=later)
        for name in totals:
            totals[name] += getattr(lives, name)
        with database.transaction("owner") as tx:
            # The clock of the database does not follow: say that it was a year ago.
            tx.execute("UPDATE guard.canary SET refreshed_at = %s", (later,))
    assert all(totals.values()), totals
    gone = list_planted(database) - list_visible(database)
    assert len(gone) == totals["left"]
    assert gone == list_retired(database)


def test_a_retired_canary_leaves_with_the_next_feed_and_stays_a_canary(
    database: Database, home: Home, population: list[dict[str, str]], tmp_path: Path
):
    plant(database, home, 8)
    planted = list_planted(database)
    with database.transaction("feeds") as tx:
        assert retire_canaries(tx, INSURER, count=3, chance=Random(1)) == 3
    assert planted <= list_visible(database)
    publish_population(database, home, tmp_path, [*population, make_row(90)])
    assert refresh(database, home).left >= 3
    assert list_planted(database) >= planted
    assert not list_retired(database) & list_visible(database)
    with database.transaction("feeds") as tx:
        assert retire_canaries(tx, INSURER, count=None, chance=Random(1)) <= 5


# ---- letters, cards, exposures -------------------------------------------------------------------


def test_a_canary_has_a_card_that_is_never_printed_and_whose_code_is_a_canary(
    database: Database, home: Home, population: list[dict[str, str]], tmp_path: Path
):
    plant(database, home, 8)
    issued = issue(database, home, tmp_path / "out", year=2026)
    planted = list_planted(database)
    assert issued.cards == 40
    assert len(read_prints(database, home)) == 40
    assert len(issued.index.read_text().splitlines()) == 1 + 40
    with database.transaction("owner") as tx:
        cards = tx.execute("SELECT holder_ref, page FROM rights.card ORDER BY page").fetchall()
        keys = tx.execute(
            "SELECT count(*) FROM rights.card_key AS own WHERE own.person_ref = ANY (%s)"
            " AND NOT EXISTS (SELECT FROM guard.canary WHERE lookup_key = own.presence_key)",
            (list(planted),),
        ).fetchall()
    # Whoever reads rights finds a card for everybody; those of canaries are the last pages.
    assert {ref for ref, _ in cards} & planted
    assert all(ref not in planted for ref, _ in cards[:40])
    assert [page for _, page in cards] == list(range(1, len(cards) + 1))
    assert keys == [(0,)]


def test_a_batch_of_canaries_only_makes_no_file(
    database: Database, home: Home, population: list[dict[str, str]], tmp_path: Path
):
    issue(database, home, tmp_path / "first", year=2026)
    plant(database, home, 4)
    issued = issue(database, home, tmp_path / "second", year=2026)
    assert (issued.cards, issued.batches) == (0, 0)
    assert [file.suffix for file in (tmp_path / "second").iterdir()] == [".csv"]


def test_who_types_a_canary_to_invite_a_member_finds_nobody(
    database: Database, home: Home, population: list[dict[str, str]]
):
    plant(database, home, 4)
    with database.transaction("feeds") as tx:
        keys = tx.execute("SELECT lookup_key, person_ref FROM guard.canary").fetchall()
        assert keys
        assert [find_person(tx, key.bytes) for key, _ in keys] == [None] * len(keys)


# ---- who may know --------------------------------------------------------------------------------


def test_nobody_but_those_who_plant_judge_or_leave_out_may_read_who_is_a_canary(
    database: Database,
):
    with database.connect("admin") as admin:
        allowed: dict[str, set[str]] = {}
        for login in LOGINS:
            for right in ("SELECT", "INSERT", "UPDATE"):
                found = admin.execute(
                    "SELECT has_any_column_privilege(%s, 'guard.canary', %s)",
                    (f"rempart_{login}", right),
                ).fetchone()
                if found and found[0]:
                    allowed.setdefault(login, set()).add(right)
    allowed.pop("owner")
    assert allowed == {
        "gateway": {"SELECT"},
        "feeds": {"SELECT", "INSERT", "UPDATE"},
        "analyst": {"SELECT"},
    }


@pytest.mark.parametrize("login", ["portals", "registrar", "auditor", "forwarder", "signin"])
def test_a_login_without_the_right_is_refused_by_the_database(database: Database, login: Login):
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        database.transaction(login) as tx,
    ):
        tx.execute("SELECT count(*) FROM guard.canary")


@pytest.mark.parametrize("login", ["feeds", "gateway"])
def test_no_process_makes_a_canary_a_member_again(database: Database, login: Login):
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        database.transaction(login) as tx,
    ):
        tx.execute("DELETE FROM guard.canary")


def test_counting_names_nobody_and_revealing_goes_on_record_first(
    database: Database, home: Home, population: list[dict[str, str]]
):
    plant(database, home, 6)
    acts = MemoryActs()
    with database.transaction("feeds") as tx:
        [count] = list_canary_counts(tx)
        found = reveal_canaries(tx, acts, [INSURER], reason="yearly review", now_ms=5)
    assert (count.insurer_id, count.living, count.retired) == (INSURER, 6, 0)
    assert {one.person_ref for _, one in found} == list_planted(database)
    [act] = acts.acts
    assert isinstance(act, LedgerRead)
    assert (act.question, act.purpose, act.about.refs) == ("canaries", "yearly review", (INSURER,))


def test_mutation_when_the_ledger_is_down_nothing_is_revealed(
    database: Database, home: Home, population: list[dict[str, str]]
):
    plant(database, home, 3)
    with database.transaction("feeds") as tx, pytest.raises(LedgerUnavailable):
        reveal_canaries(tx, MemoryActs(down=True), [INSURER], reason="yearly review", now_ms=5)


def test_canaries_are_shared_out_by_members(
    database: Database, home: Home, population: list[dict[str, str]]
):
    plant(database, home, 6)
    with database.transaction("feeds") as tx:
        assert canaries.count_members(tx) == {INSURER: len(population)}
        assert share_out(tx, 7) == {INSURER: 7}


def test_planting_is_undone_with_its_transaction(
    database: Database, home: Home, population: list[dict[str, str]]
):
    before = read_people(database, home)
    with database.connect("feeds") as tx:
        plant_canaries(tx, make_secrets(home), make_request(count=5))
        tx.rollback()
    assert read_people(database, home) == before
    assert list_planted(database) == set()


def forget_canaries(monkeypatch: pytest.MonkeyPatch, module: Any, package: str) -> None:
    """Take the exception for canaries out of a module's queries."""
    text = (Path(feeds.__file__).parent / f"{package}.sql").read_text()
    assert LEFT_OUT in text
    changed = text.replace(LEFT_OUT, "true")
    monkeypatch.setattr(module, "_QUERIES", Queries(package, parse_queries(changed)))
