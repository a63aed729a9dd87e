"""A card is taken back by its holder or its insurer, and by nobody else, whatever a page sends."""

import pytest
from psycopg import errors, sql
from tests.storage.attack import enter
from tests.storage.tenant_rows import plant_world
from tests.storage.tenants import ROLES, World

from rempart.storage.connect import Database

MAY = {"member A", "insurer admin A", "insurer manager A"}
REASONS = ("lost", "stolen", "name_change", "separation", "reissued", "ended", "mistake")


@pytest.fixture
def world(database: Database) -> World:
    return plant_world(database)


def find_serial(world: World, member: str) -> bytes:
    """The card planted for a member."""
    [row] = [
        row
        for row in world.of_table("rights.card")
        if row.values["holder_ref"] == world.persons[member]
    ]
    return bytes(row.key["serial"])


def revoke(world: World, who: str, serial: bytes, why: str = "lost") -> bool:
    """Call the function as somebody, and undo it."""
    with world.database.connect("portals") as tx:
        enter(world)(tx, who)
        [(done,)] = tx.execute("SELECT rights.revoke_card(%s, %s)", [serial, why]).fetchall()
        tx.rollback()
    return bool(done)


def test_a_card_is_revoked_by_its_holder_and_its_insurer_only(world: World):
    serial = find_serial(world, "member A")
    assert {who for who in ROLES if revoke(world, who, serial)} == MAY


def test_mutation_a_function_that_forgets_whose_card_it_is_is_noticed(world: World):
    with world.database.connect("owner", autocommit=True) as owner:
        [(source,)] = owner.execute(
            "SELECT pg_get_functiondef('rights.revoke_card(bytea,text)'::regprocedure)"
        ).fetchall()
        loose = str(source).replace("c.holder_ref = accounts.my_person()", "true", 1)
        assert loose != source
        owner.execute(sql.SQL(loose))  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        test_a_card_is_revoked_by_its_holder_and_its_insurer_only(world)


def test_a_member_says_that_a_card_is_lost_or_stolen_and_nothing_else(world: World):
    serial = find_serial(world, "member A")
    assert [why for why in REASONS if revoke(world, "member A", serial, why)] == ["lost", "stolen"]


def test_a_revoked_card_is_not_revoked_again(world: World):
    serial = find_serial(world, "member A")
    with world.database.transaction("feeds") as tx:
        for done in (True, False):
            [found] = tx.execute("SELECT rights.revoke_card(%s, 'lost')", [serial]).fetchall()
            assert found == (done,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rights.card SET revoked_at = NULL, revoked_reason = NULL",
        "DELETE FROM rights.card_print",
        "SELECT * FROM rights.card_key",
        "SELECT * FROM rights.lookup",
        "SELECT * FROM rights.card_work",
        (
            "INSERT INTO rights.card_order (order_ref, insurer_id, person_ref, purpose, asked_at)"
            " VALUES (1, 1, 1, 'new', '2020-01-01')"
        ),
    ],
)
def test_the_pages_touch_nothing_else_of_cards(world: World, statement: str):
    with world.database.connect("portals") as tx:
        enter(world)(tx, "member A")
        with pytest.raises(errors.InsufficientPrivilege):
            tx.execute(sql.SQL(statement))  # type: ignore[arg-type]


def test_a_member_orders_for_nobody_else_and_on_nobody_elses_card(world: World):
    person, other = world.persons["member A"], world.persons["member A2"]
    actor = world.actors["member A"]
    forged = (
        (other, None, "new"),
        (person, find_serial(world, "member A2"), "new"),
        (person, None, "separation"),
    )
    for number, (whose, serial, purpose) in enumerate(forged):
        with world.database.connect("portals") as tx:
            enter(world)(tx, "member A")
            with pytest.raises(errors.InsufficientPrivilege):
                tx.execute(
                    "INSERT INTO rights.card_order"
                    " (order_ref, insurer_id, person_ref, serial, purpose, asked_by)"
                    " VALUES (%s, 1, %s, %s, %s, %s)",
                    [number + 1, whose, serial, purpose, actor],
                )


# ---- canaries among the cards --------------------------------------------------------------------


def plant_canary(world: World, member: str) -> None:
    """Make a member a planted person, after the cards were made."""
    with world.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO guard.canary (lookup_key, person_ref, insurer_id)"
            " VALUES (gen_random_uuid(), %s, 1)",
            [world.persons[member]],
        )


def follow_cards(world: World, who: str) -> tuple[set[bytes], int]:
    """Return the cards somebody is shown, and how many their batches count."""
    with world.database.connect("portals") as tx:
        enter(world)(tx, who)
        cards = tx.execute("SELECT serial FROM rights.card").fetchall()
        batches = tx.execute(
            "SELECT coalesce(sum(rights.count_letters(batch_ref)), 0) FROM rights.card_batch"
        ).fetchall()
        tx.rollback()
    return {bytes(serial) for (serial,) in cards}, int(batches[0][0])


@pytest.mark.parametrize("who", ["insurer admin A", "insurer manager A"])
def test_an_insurer_neither_counts_nor_recognises_the_cards_of_canaries(world: World, who: str):
    serial = find_serial(world, "member A")
    shown, counted = follow_cards(world, who)
    assert serial in shown
    plant_canary(world, "member A")
    assert follow_cards(world, who) == (shown - {serial}, counted - 1)


def test_a_card_that_is_a_canarys_answers_as_one_that_does_not_exist(world: World):
    plant_canary(world, "member A")
    with world.database.connect("portals") as tx:
        enter(world)(tx, "insurer admin A")
        for serial in (find_serial(world, "member A"), bytes(10), find_serial(world, "member B")):
            [(seen,)] = tx.execute("SELECT rights.is_followed(%s)", [serial]).fetchall()
            assert seen is False
        tx.rollback()


@pytest.mark.parametrize("column", ["cards", "pages"])
def test_how_many_cards_were_made_with_canaries_is_not_for_pages(world: World, column: str):
    with world.database.connect("portals") as tx:
        enter(world)(tx, "insurer admin A")
        with pytest.raises(errors.InsufficientPrivilege):
            tx.execute(sql.SQL("SELECT {} FROM rights.card_batch").format(sql.Identifier(column)))


def test_mutation_an_insurer_shown_every_card_is_noticed(world: World):
    with world.database.connect("owner", autocommit=True) as owner:
        owner.execute("ALTER POLICY seen ON rights.card USING (true)")
    with pytest.raises(AssertionError):
        test_an_insurer_neither_counts_nor_recognises_the_cards_of_canaries(
            world, "insurer admin A"
        )
