"""Movements of employers become rights, and leave them, on a real database."""

import secrets
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.feed_samples import (
    INSURER,
    TODAY,
    list_periods,
    make_nir,
    make_row,
    make_secrets,
    publish,
    read_people,
    register,
    write_feed,
)

from rempart.employers.movements import Structure
from rempart.employers.statements import Price
from rempart.exchange.feed_rows import read_feed_terms
from rempart.exchange.movement_file import Joiner
from rempart.kernel.errors import Conflict, InconsistentRecord
from rempart.storage import employer_feeds, feeds
from rempart.storage.connect import Database
from rempart.storage.joiner_slot import make_joiner_box
from rempart.wiring import employers
from rempart.wiring.database import Installation
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.employers.apply_movements import Settled, apply_movements
from rempart.workflows.employers.issue_statements import issue_statements
from rempart.workflows.employers.register_contract import register_contract, set_tariffs

ORG = 4242
FROM = date(2026, 1, 1)
TERMS = read_feed_terms(("IS", "0", True, "PHAR=R100@IS|MEDG=T"))


@pytest.fixture(autouse=True)
def group(database: Database) -> int:
    register(database)
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.organisation (org_ref, kind, name)"
            " VALUES (%s, 'employer', 'Entreprise')",
            [ORG],
        )
    with database.transaction("feeds") as tx:
        made = register_contract(
            tx,
            org_ref=ORG,
            employer_name="Entreprise",
            insurer_id=INSURER,
            number="COLL-1",
            starts_on=FROM,
        )
        price = Price(structure=Structure.SINGLE, starts_on=FROM, monthly_cents=4_000)
        assert set_tariffs(tx, INSURER, "COLL-1", [(price, TERMS)]) == 1
    return made


def tell(database: Database, home: Home, group: int, kind: str, number: str, day: date, **more):
    """Write a movement as accepted."""
    ref = secrets.randbits(62) + 1
    joiner = more.pop("joiner", None)
    sealed = None
    if joiner is not None:
        text = msgspec.json.encode(joiner).decode()
        sealed = make_joiner_box(home.key("master")).slot.close(text, bound_to=ref)
    join = kind == "join"
    values = {
        "movement_ref": ref,
        "group_ref": group,
        "org_ref": ORG,
        "insurer_id": INSURER,
        "kind": kind,
        "staff_number": number,
        "happens_on": day,
        "structure": "single" if join else None,
        "work_from": day if join else None,
        "cover_ends_on": None if join else more.pop("last", day),
        "sealed": sealed,
    }
    with database.transaction("feeds") as tx:
        tx.execute(
            "INSERT INTO employers.movement (movement_ref, group_ref, org_ref, insurer_id, kind,"
            " staff_number, happens_on, structure, work_from, cover_ends_on, sealed, declared_by,"
            " state) VALUES (%(movement_ref)s, %(group_ref)s, %(org_ref)s, %(insurer_id)s,"
            " %(kind)s, %(staff_number)s, %(happens_on)s, %(structure)s, %(work_from)s,"
            " %(cover_ends_on)s, %(sealed)s, 1, 'accepted')",
            values,
        )
    return ref


def settle(database: Database, home: Home, today: date = TODAY) -> Settled:
    box = make_joiner_box(home.key("master"))
    with database.connect("feeds", autocommit=True) as connection:
        return apply_movements(connection, make_secrets(home), box, INSURER, today=today)


def state(database: Database, ref: int) -> tuple[str, bool]:
    with database.transaction("owner") as tx:
        [(found, sealed)] = tx.execute(
            "SELECT state, sealed IS NOT NULL FROM employers.movement WHERE movement_ref = %s",
            [ref],
        )
    return found, sealed


def joiner(serial: int = 1, **changes: str) -> Joiner:
    known = Joiner(make_nir(serial)[:13], "19840502", "1", "DURAND", "Claire")
    return msgspec.structs.replace(known, **changes)


def test_somebody_new_joins_leaves_with_portability_and_is_swept_at_its_end(
    database: Database, home: Home, group: int
):
    start = date(2026, 11, 1)
    ref = tell(database, home, group, "join", "A-1", start, joiner=joiner())
    done = settle(database, home)
    assert (done.applied, done.failed) == (1, 0)
    assert state(database, ref) == ("applied", False)
    [person] = read_people(database, home)
    assert list_periods(person) == [("2026-11-01", "infinity")]
    assert person["record"]["contracts"] == [("COLL-1-A-1", "A-1", "")]
    assert len(person["lookup"]) == 1
    # Portability: rights go on, and end by themselves.
    last = date(2026, 12, 30)
    tell(database, home, group, "leave", "A-1", date(2026, 11, 30), last=last)
    assert settle(database, home).applied == 1
    [person] = read_people(database, home)
    assert list_periods(person) == [("2026-11-01", "2026-12-30")]
    with database.transaction("feeds") as tx:
        assert feeds.sweep_leavers(tx, [INSURER], last) == (0, 0)
        assert feeds.sweep_leavers(tx, [INSURER], last + timedelta(days=1)) == (1, 1)


def test_somebody_who_leaves_without_portability_leaves_the_rights_plane_at_once(
    database: Database, home: Home, group: int
):
    tell(database, home, group, "join", "A-1", date(2026, 11, 1), joiner=joiner())
    settle(database, home)
    tell(database, home, group, "leave", "A-1", TODAY - timedelta(days=1))
    assert settle(database, home).left == 1
    [person] = read_people(database, home)
    assert person["lookup"] == []
    assert person["rights"] == []


def test_a_person_the_insurer_covers_is_attached_with_their_household_and_keeps_their_identity(
    database: Database, home: Home, group: int, tmp_path: Path
):
    child = {"contract_number": "C000001", "quality": "3"}
    rows = [make_row(1, city="Lyon"), make_row(2, **child), make_row(3)]
    publish(database, home, write_feed(tmp_path / "full.csv", rows))
    with database.transaction("feeds") as tx:
        feeds.index_contracts(tx)
    before = read_people(database, home)
    known = joiner(family_name="AUTRE", member_contract="C000001")
    tell(database, home, group, "join", "A-1", date(2026, 6, 1), joiner=known)
    assert settle(database, home).applied == 1
    assert read_people(database, home) == before
    tell(database, home, group, "leave", "A-1", date(2026, 11, 30))
    settle(database, home)
    periods = sorted(list_periods(one) for one in read_people(database, home))
    left = [("2024-01-01", "2026-11-30")]
    assert periods == [left, left, [("2024-01-01", "infinity")]]


def test_two_of_one_household_who_leave_together_end_it_once_by_the_earlier_day(
    database: Database, home: Home, group: int, tmp_path: Path
):
    """Their contract has a line of next year, which goes, and one of this year, which is cut."""
    years = ({"period_end": "2026-12-31"}, {"period_start": "2027-01-01"})
    of = {"contract_number": "C000001"}
    rows = [make_row(serial, **of, **year) for serial in (1, 2) for year in years]
    publish(database, home, write_feed(tmp_path / "full.csv", rows))
    with database.transaction("feeds") as tx:
        feeds.index_contracts(tx)
    for serial in (1, 2):
        known = joiner(serial, member_contract="C000001")
        tell(database, home, group, "join", f"A-{serial}", date(2026, 6, 1), joiner=known)
    assert settle(database, home).applied == 2
    tell(database, home, group, "leave", "A-1", date(2026, 11, 20), last=date(2026, 11, 25))
    tell(database, home, group, "leave", "A-2", date(2026, 11, 20), last=date(2026, 11, 30))
    assert settle(database, home).applied == 2
    periods = [list_periods(one) for one in read_people(database, home)]
    assert periods == [[("2024-01-01", "2026-11-25")]] * 2


@pytest.mark.parametrize("contract", ["", "C000002", "NOWHERE"])
def test_an_employer_never_takes_hold_of_somebody_covered_otherwise(
    database: Database, home: Home, group: int, tmp_path: Path, contract: str
):
    publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1), make_row(2)]))
    before = read_people(database, home)
    ref = tell(
        *(database, home, group, "join", "A-1", date(2026, 6, 1)),
        joiner=joiner(member_contract=contract),
    )
    assert settle(database, home).failed == 1
    # The employer is told nothing of why: that would be a look-up.
    assert state(database, ref) == ("failed", False)
    assert read_people(database, home) == before


def test_movements_wait_for_the_end_of_a_feed_and_are_applied_once(
    database: Database, home: Home, group: int
):
    tell(database, home, group, "join", "A-1", date(2026, 11, 1), joiner=joiner())
    with database.transaction("feeds") as tx:
        version = feeds.open_version(tx, INSURER, "full", bytes(32))
    with pytest.raises(Conflict, match="half loaded"):
        settle(database, home)
    with database.transaction("owner") as tx:
        tx.execute(
            "UPDATE rights.feed_version SET state = 'discarded' WHERE feed_version = %s",
            [version.feed_version],
        )
    assert settle(database, home).applied == 1
    assert settle(database, home) == Settled(applied=0, failed=0, left=0, feed_version=None)


def test_an_erased_person_is_on_no_list(database: Database, home: Home, group: int):
    tell(database, home, group, "join", "A-1", date(2026, 11, 1), joiner=joiner())
    settle(database, home)
    with database.transaction("owner") as tx:
        tx.execute("DELETE FROM identity.person")
        assert tx.execute("SELECT person_ref FROM employers.staff").fetchall() == [(None,)]


def test_statements_are_issued_once_and_a_late_leave_is_given_back(
    database: Database, home: Home, group: int
):
    tell(database, home, group, "join", "A-1", date(2026, 9, 15), joiner=joiner())
    settle(database, home)

    def issue(today: date) -> list[tuple[object, ...]]:
        with database.transaction("feeds") as tx:
            [one] = employer_feeds.list_all_groups(tx)
            issue_statements(tx, one, today=today)
        with database.transaction("owner") as tx:
            return tx.execute(
                "SELECT to_char(month, 'YYYY-MM'), active, ported, amount_cents"
                " FROM employers.statement WHERE active + ported > 0 OR amount_cents <> 0"
                " ORDER BY month"
            ).fetchall()

    called = [("2026-09", 1, 0, 4_000), ("2026-10", 1, 0, 4_000)]
    assert issue(date(2026, 11, 23)) == called
    assert issue(date(2026, 11, 24)) == called
    tell(database, home, group, "leave", "A-1", date(2026, 9, 30), last=date(2026, 10, 15))
    settle(database, home)
    assert issue(date(2026, 12, 1)) == [*called, ("2026-11", 0, 0, -4_000)]
    with database.transaction("owner") as tx:
        late = tx.execute(
            "SELECT to_char(about, 'YYYY-MM'), active, ported, amount_cents"
            " FROM employers.statement_line WHERE active < 0"
        ).fetchall()
    assert late == [("2026-10", -1, 1, -4_000)]


def test_who_joins_late_is_called_for_in_months_whose_statement_nobody_was_on(
    database: Database, home: Home, group: int
):
    def issue(today: date) -> None:
        with database.transaction("feeds") as tx:
            [one] = employer_feeds.list_all_groups(tx)
            issue_statements(tx, one, today=today)

    issue(date(2026, 10, 1))
    tell(database, home, group, "join", "A-1", date(2026, 8, 15), joiner=joiner())
    settle(database, home)
    issue(date(2026, 12, 1))
    with database.transaction("owner") as tx:
        lines = tx.execute(
            "SELECT to_char(s.month, 'MM'), to_char(l.about, 'MM'), l.amount_cents"
            " FROM employers.statement_line AS l JOIN employers.statement AS s"
            " USING (statement_ref) ORDER BY s.month, l.place"
        ).fetchall()
    assert lines == [
        *(("10", "10", 4_000), ("10", "08", 4_000), ("10", "09", 4_000)),
        ("11", "11", 4_000),
    ]


def test_an_insurer_whose_movements_cannot_be_applied_keeps_nobody_else_waiting(
    settings: Settings, database: Database, home: Home, monkeypatch: pytest.MonkeyPatch
):
    tried: list[object] = []

    def apply(*values: object, **_days: object) -> Settled:
        tried.append(values[3])
        if values[3] == INSURER:
            raise InconsistentRecord("essai")
        return Settled(applied=1, failed=0, left=0, feed_version=None)

    insurers = [INSURER, INSURER + 1]
    monkeypatch.setattr(employer_feeds, "list_insurers_to_settle", lambda _tx: insurers)
    monkeypatch.setattr(employers, "apply_movements", apply)
    at = Installation(settings=settings, home=home, database=database)
    with pytest.raises(InconsistentRecord, match="essai"):
        employers.settle_all(at, lambda _: None)
    assert tried == insurers
    with database.transaction("owner") as tx:
        [(issued,)] = tx.execute("SELECT count(*) FROM employers.statement")
    assert issued > 0


def test_the_same_contract_is_attached_once(database: Database, group: int):
    assert group
    with (
        pytest.raises(Conflict, match="already"),
        database.transaction("feeds") as tx,
    ):
        register_contract(
            tx,
            org_ref=ORG,
            employer_name="Entreprise",
            insurer_id=INSURER,
            number="COLL-1",
            starts_on=FROM,
        )
