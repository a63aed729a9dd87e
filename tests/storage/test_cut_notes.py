"""The note of a cut is the host's: the cut itself is public, and its note is in another table."""

import pytest
from psycopg import errors, sql
from tests.storage.attack import attack, enter
from tests.storage.continuity_rows import plant_public_cut
from tests.storage.tenant_rows import plant_world
from tests.storage.tenants import HOST, ROLES, SECURES, World, draw

from rempart.storage.connect import Database

EVERYBODY = frozenset(ROLES)
OUTSIDE = sorted(EVERYBODY - HOST)
CUT = (
    "INSERT INTO rights.cut (cut_ref, scope, reason, asked_by, review_at)"
    " VALUES (%s, 'portal', 'incident', accounts.my_actor(), now() + interval '1 h')"
)
NOTE = "INSERT INTO rights.cut_note (cut_ref, note) VALUES (%s, 'x')"


@pytest.fixture
def world(database: Database) -> World:
    """Two tenants, with a cut that began and one that waits, and a note on each."""
    world = plant_world(database)
    with database.transaction("owner") as tx:
        plant_public_cut(world, tx, EVERYBODY)
    return world


def count_notes(world: World, who: str | None) -> tuple[int, int]:
    """Count the cuts and the notes that raw SQL gives a visitor, or a page without one."""
    with world.database.connect("portals") as tx:
        if who is not None:
            enter(world)(tx, who)
        [(cuts,)] = tx.execute("SELECT count(*) FROM rights.cut").fetchall()
        [(notes,)] = tx.execute(
            "SELECT count(*) FROM rights.cut LEFT JOIN rights.cut_note USING (cut_ref)"
            " WHERE note IS NOT NULL"
        ).fetchall()
    return int(cuts), int(notes)


def test_a_public_cut_is_read_by_everybody_and_its_note_by_the_host_only(world: World):
    assert {who: count_notes(world, who) for who in OUTSIDE} == dict.fromkeys(OUTSIDE, (1, 0))
    assert count_notes(world, None) == (1, 0), "the public page"
    assert {count_notes(world, who) for who in HOST} == {(3, 3)}


def test_no_way_of_asking_gives_a_note_to_anybody_else(world: World):
    found = attack(world, tables=["rights.cut_note"])
    assert found.is_clean, found.leaks + found.losses


def test_mutation_a_policy_as_wide_as_that_of_cuts_is_noticed(world: World):
    with world.database.connect("owner", autocommit=True) as owner:
        owner.execute("ALTER POLICY seen ON rights.cut_note USING (true)")
    assert not attack(world, tables=["rights.cut_note"], ways=["select"]).is_clean
    with pytest.raises(AssertionError):
        test_a_public_cut_is_read_by_everybody_and_its_note_by_the_host_only(world)


def test_no_column_of_a_cut_is_free_text_besides_its_insurers_name(world: World):
    with world.database.connect("admin") as admin:
        found = admin.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'rights.cut'::regclass"
            " AND attnum > 0 AND NOT attisdropped AND atttypid = 'text'::regtype"
        ).fetchall()
    assert {name for (name,) in found} == {"scope", "insurer_name", "reason"}


@pytest.mark.parametrize("who", sorted(SECURES))
def test_a_note_is_written_once_by_whoever_asked_for_the_cut(world: World, who: str):
    [other] = [row for row in world.of_table("rights.cut") if row.values["scope"] == "rights"]
    mine = draw()
    with world.database.connect("portals") as tx:
        enter(world)(tx, who)
        tx.execute(CUT, [mine])
        with pytest.raises(errors.InsufficientPrivilege), tx.transaction():
            tx.execute(NOTE, [other.key["cut_ref"]])
        tx.execute(NOTE, [mine])
        for again in ("UPDATE rights.cut_note SET note = 'y'", "DELETE FROM rights.cut_note"):
            with pytest.raises(errors.InsufficientPrivilege), tx.transaction():
                tx.execute(sql.SQL(again))  # type: ignore[arg-type]
        tx.rollback()
