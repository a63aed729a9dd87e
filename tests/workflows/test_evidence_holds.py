"""Evidence that somebody needs stays beyond its time, and goes on expiring once it is released."""

from pathlib import Path

import psycopg.errors
import pytest
from tests.archive_samples import approve, begin_log, list_segments, make_archive, write_entries
from tests.ledger_samples import START_MS, read_rows

from rempart.incidents.evidence import Window
from rempart.incidents.room import HOLD_MARGIN_MS, EventKind, HoldKind, RoomAuthor
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.storage import incident_room
from rempart.storage.connect import Database
from rempart.storage.queries import load_queries
from rempart.workflows.incidents.declare_incident import declare_incident
from rempart.workflows.incidents.incident_room import close_room
from rempart.workflows.ledger.seal_segment import Archive, seal_segments
from rempart.workflows.retention.drop_segment import drop_segments
from rempart.workflows.retention.erase_openings import run_erasures
from rempart.workflows.retention.hold_evidence import (
    extend_hold,
    list_holds,
    place_hold,
    read_hold,
    release_hold,
)

LATER = START_MS + 10**9
ALICE = RoomAuthor(name="Alice Garde")
WINDOW = (START_MS, LATER)


@pytest.fixture
def archive(database: Database, reachable_path: Path) -> Archive:
    begin_log(database)
    write_entries(database, 800)
    archive = make_archive(database, reachable_path / "segments")
    list(seal_segments(archive, log_id=1))
    return archive


def hold(database: Database, window=WINDOW, kind=HoldKind.REQUEST) -> int:
    with database.transaction("analyst") as tx:
        return place_hold(tx, kind=kind, window=window, reason="garder", by=ALICE)


def release(database: Database, hold_ref: int) -> None:
    with database.transaction("analyst") as tx:
        release_hold(tx, hold_ref, reason="plus besoin", by=ALICE)


def declare(database: Database, *, exercise=False, window=WINDOW) -> int:
    with database.transaction("analyst") as tx:
        return declare_incident(
            tx,
            title="Essai",
            window=Window(starts_ms=window[0], ends_ms=window[1]),
            exercise=exercise,
            by=ALICE,
        )


def drop(archive: Archive) -> int:
    return len(list(drop_segments(archive, before_ms=LATER, ground="three years")))


def test_a_held_segment_is_not_dropped_and_the_refusal_names_the_hold(
    archive: Archive, database: Database
):
    hold_ref = hold(database)
    with pytest.raises(Conflict, match=rf"evidence hold {hold_ref} \(request\).*released first"):
        drop(archive)
    assert {row.state for row in list_segments(database)} == {"sealed"}


def test_a_released_hold_lets_the_drop_it_suspended_go_on(archive: Archive, database: Database):
    hold_ref = hold(database)
    with pytest.raises(Conflict):
        drop(archive)
    release(database, hold_ref)
    assert drop(archive) == 3


def test_mutation_a_hold_that_is_not_released_still_stops_the_drop(
    archive: Archive, database: Database
):
    first, second = hold(database), hold(database, kind=HoldKind.JUDICIAL)
    release(database, first)
    with pytest.raises(Conflict, match=f"evidence hold {second} "):
        drop(archive)


def test_the_first_and_the_last_instant_held_count_and_the_next_does_not(
    archive: Archive, database: Database
):
    rows = list_segments(database)
    release(database, hold(database, (rows[-1].last_ms, rows[-1].last_ms + 1)))
    last = hold(database, (rows[-1].last_ms, rows[-1].last_ms + 1))
    with pytest.raises(Conflict, match=f"evidence hold {last} "):
        drop(archive)
    release(database, last)
    hold(database, (rows[-1].last_ms + 1, rows[-1].last_ms + 2))
    assert drop(archive) == 3


def test_a_held_opening_is_not_erased_until_it_is_released(archive: Archive, database: Database):
    hold_ref = hold(database)
    approve(database, [10])
    with pytest.raises(Conflict, match=f"evidence hold {hold_ref} "):
        list(run_erasures(archive))
    release(database, hold_ref)
    [done] = run_erasures(archive)
    assert done.erased == 1


def test_the_database_refuses_too_whoever_did_not_look(
    archive: Archive, database: Database, monkeypatch
):
    hold(database)
    approve(database, [10])
    # Somebody who forgot to look, or a hold placed in between.
    monkeypatch.setattr("rempart.storage.evidence_holds.list_in_force", lambda _tx: [])
    for work in (lambda: drop(archive), lambda: list(run_erasures(archive))):
        with pytest.raises(Conflict, match=r"keeps this.*run the same again"):
            work()
    assert read_rows(database, "SELECT count(*)::int FROM ledger.erased") == [(0,)]


def test_declaring_holds_the_evidence_of_the_window_and_its_margins(
    archive: Archive, database: Database
):
    incident_id = declare(database)
    with database.transaction("analyst") as tx:
        [held] = list_holds(tx)
        kinds = [event.kind for event in incident_room.list_events(tx, incident_id)]
    assert (held.kind, held.incident_id, held.placed_by) == ("incident", incident_id, "Alice Garde")
    assert held.from_ms == START_MS - HOLD_MARGIN_MS
    assert held.to_ms >= LATER + HOLD_MARGIN_MS
    assert kinds == [EventKind.SUSPECTED, EventKind.DECLARED, EventKind.HOLD_PLACED]
    with pytest.raises(Conflict, match=f"evidence hold {held.hold_ref} "):
        drop(archive)


def test_the_hold_of_an_exercise_is_shown_and_keeps_nothing(archive: Archive, database: Database):
    declare(database, exercise=True)
    with database.transaction("analyst") as tx:
        [held] = list_holds(tx, in_force=True)
    assert held.exercise
    assert drop(archive) == 3


def test_a_hold_is_widened_and_never_narrowed(database: Database):
    hold_ref = hold(database, (1000, 2000))
    with database.transaction("analyst") as tx:
        assert extend_hold(tx, hold_ref, window=(1500, 3000), by=ALICE) == (1000, 3000)
    for column, value in (("from_ms", 1001), ("to_ms", 2999)):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="widened or released"),
            database.transaction("analyst") as tx,
        ):
            tx.execute(f"UPDATE retention.hold SET {column} = {value}")


def test_a_released_hold_says_by_whom_and_why_for_ever(database: Database):
    incident_id = declare(database)
    with database.transaction("analyst") as tx:
        [held] = list_holds(tx)
    release(database, held.hold_ref)
    with database.transaction("analyst") as tx:
        now = read_hold(tx, held.hold_ref)
        last = incident_room.list_events(tx, incident_id)[-1]
    assert (now.released_by, now.release_reason) == ("Alice Garde", "plus besoin")
    assert now.released_at is not None
    assert (last.kind, last.details["hold"]) == (EventKind.HOLD_RELEASED, held.hold_ref)
    with pytest.raises(Conflict, match="released already"):
        release(database, held.hold_ref)
    with pytest.raises(Conflict, match="place another one"), database.transaction("analyst") as tx:
        extend_hold(tx, held.hold_ref, window=(1, 2), by=ALICE)


def test_evidence_of_a_closed_incident_stays_until_it_is_released(
    archive: Archive, database: Database
):
    incident_id = declare(database)
    with database.transaction("analyst") as tx:
        close_room(tx, incident_id, ALICE, reason="fini")
        [held] = list_holds(tx, in_force=True)
    with pytest.raises(Conflict):
        drop(archive)
    release(database, held.hold_ref)
    assert drop(archive) == 3


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"window": (5, 5)}, InvalidRequest),
        ({"reason": "  "}, InvalidRequest),
        ({"kind": HoldKind.INCIDENT}, InvalidRequest),
        ({"kind": HoldKind.INCIDENT, "incident_id": 99}, NotFound),
    ],
)
def test_a_hold_that_says_nothing_is_refused(database: Database, values, refusal):
    asked = {"kind": HoldKind.REQUEST, "window": (1, 2), "reason": "garder", "by": ALICE}
    with pytest.raises(refusal), database.transaction("analyst") as tx:
        place_hold(tx, **{**asked, **values})


SWEEP_DAY = 40


def test_what_gateways_sweep_away_by_age_stays_while_it_is_held(database: Database):
    sweep = "SELECT count(*)::int FROM guard.minute"
    old_ms = 10 * 86_400_000

    def save_and_sweep() -> int:
        with database.transaction("gateway") as tx:
            tx.execute(
                "INSERT INTO guard.minute VALUES (%s, 1, '60', 1, 0, 1, 0) ON CONFLICT DO NOTHING",
                [old_ms],
            )
            tx.execute(load_queries("guard").delete_old.replace("$1", str(SWEEP_DAY)))
        return read_rows(database, sweep)[0][0]

    hold_ref = hold(database, (old_ms, old_ms + 1))
    assert save_and_sweep() == 1
    release(database, hold_ref)
    assert save_and_sweep() == 0
