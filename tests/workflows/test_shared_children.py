"""A child of separated parents is on the card of each; neither sees anything of the other's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from psycopg import errors, sql
from tests.card_samples import FAMILY, YEAR, import_people, issue, read_prints
from tests.feed_samples import INSURER, make_nir
from tests.portals import people

from rempart.cli.cards import cards as cards_group
from rempart.exchange.card_letter import CardPrint
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.portals.session_store import compute_token_digest
from rempart.rights.card import CardSerial, compute_presence_key
from rempart.storage.connect import Database, Transaction
from rempart.storage.findable_members import find_person
from rempart.wiring.home import Home
from rempart.workflows.rights.card_events import (
    order_card,
    order_first_card,
    share_child,
    unshare_child,
)

ALIX, SACHA = ("Alix DURAND", "Noé DURAND"), ("Sacha DURAND", "Zoé DURAND")


@dataclass
class Parents:
    """Two adults of one contract who have a card each, with one child each."""

    database: Database
    home: Home
    folder: Path

    def cards(self) -> dict[str, CardPrint]:
        """The card in force of each, by the holder's given name."""
        with self.database.transaction("owner") as tx:
            counts = {
                bytes(serial)
                for (serial,) in tx.execute(
                    "SELECT serial FROM rights.card WHERE revoked_at IS NULL"
                )
            }
        return {
            printed.names[0].split()[0]: printed
            for printed in read_prints(self.database, self.home)
            if printed.card.serial.value in counts
        }

    def serial(self, who: str) -> CardSerial:
        """The number of somebody's card in force."""
        return self.cards()[who].card.serial

    def make_orders(self) -> None:
        """Make what was ordered."""
        issue(self.database, self.home, self.folder / "orders", kind="orders")

    def names(self) -> dict[str, tuple[str, ...]]:
        """Who is on the card of each."""
        return {who: printed.names for who, printed in self.cards().items()}

    def share(self, giver: str = "Alix", line: int = 2, taker: str = "Sacha") -> None:
        """Put the child on a line of one's card on the other's too."""
        with self.database.transaction("feeds") as tx:
            share_child(tx, self.serial(giver), line, self.serial(taker))

    def unshare(self, who: str, line: int) -> None:
        """Take the child on a line off somebody's card."""
        with self.database.transaction("feeds") as tx:
            unshare_child(tx, self.serial(who), line)

    def find(self, printed: CardPrint, place: int) -> int | None:
        """Whom the gateway finds by a card and a place."""
        key = compute_presence_key(self.home.key("lookup"), printed.card.presence(place))
        with self.database.transaction("feeds") as tx:
            found = find_person(tx, key)
        return None if found is None else found[0]


@pytest.fixture
def parents(database: Database, home: Home, tmp_path: Path) -> Parents:
    other = {"insured_nir": make_nir(2, sex=1), "contract_number": "C000001"}
    rows = [FAMILY[0], FAMILY[2], dict(FAMILY[1]) | other, dict(FAMILY[3]) | other]
    import_people(database, home, tmp_path, rows)
    issue(database, home, tmp_path / "out")
    parents = Parents(database, home, tmp_path)
    with database.transaction("feeds") as tx:
        order_card(tx, parents.serial("Alix"), "separation")
    parents.make_orders()
    assert parents.names() == {"Alix": ALIX, "Sacha": SACHA}
    return parents


def test_a_shared_child_is_on_both_cards_and_each_code_opens_their_rights(parents: Parents):
    alix = parents.serial("Alix")
    parents.share()
    parents.make_orders()
    assert parents.names() == {"Alix": ALIX, "Sacha": ("Sacha DURAND", "Noé DURAND", "Zoé DURAND")}
    cards = parents.cards()
    assert cards["Alix"].card.serial == alix, "the giver's card is not touched"
    assert parents.find(cards["Alix"], 2) == parents.find(cards["Sacha"], 2) is not None


def test_what_was_shared_stays_so_in_the_following_year_and_after_another_separation(
    parents: Parents,
):
    parents.share()
    parents.make_orders()
    with parents.database.transaction("feeds") as tx:
        order_card(tx, parents.serial("Sacha"), "separation")
    parents.make_orders()
    shared = {"Alix": ALIX, "Sacha": ("Sacha DURAND", "Noé DURAND", "Zoé DURAND")}
    assert parents.names() == shared
    issue(parents.database, parents.home, parents.folder / "next", year=YEAR + 1)
    assert parents.names() == shared


def test_taken_off_a_card_the_child_is_not_opened_by_it_from_that_moment(parents: Parents):
    parents.share()
    parents.make_orders()
    old = parents.cards()["Sacha"]
    assert parents.find(old, 2) is not None
    parents.unshare("Sacha", 2)
    assert parents.find(old, 2) is None, "before the new card is made"
    assert parents.find(old, 1) is not None, "the others go on"
    assert parents.find(parents.cards()["Alix"], 2) is not None
    parents.make_orders()
    assert parents.names() == {"Alix": ALIX, "Sacha": SACHA}


@pytest.mark.parametrize(
    ("giver", "line", "taker", "refusal"),
    [
        ("Alix", 1, "Sacha", InvalidRequest),
        ("Alix", 9, "Sacha", NotFound),
        ("Alix", 2, "Alix", InvalidRequest),
    ],
)
def test_only_a_child_of_one_card_goes_on_another(
    parents: Parents, giver: str, line: int, taker: str, refusal: type[Exception]
):
    with pytest.raises(refusal):
        parents.share(giver, line, taker)


def test_a_child_is_shared_once_and_never_taken_off_the_last_card(parents: Parents):
    for line, refusal in ((2, Conflict), (1, InvalidRequest), (9, NotFound)):
        with pytest.raises(refusal):
            parents.unshare("Alix", line)
    parents.share()
    with pytest.raises(Conflict):
        parents.share()


def test_adults_with_one_card_are_separated_first(database: Database, home: Home, tmp_path: Path):
    import_people(database, home, tmp_path, FAMILY)
    issue(database, home, tmp_path / "out")
    household = read_prints(database, home)[0].card.serial
    with database.transaction("feeds") as tx:
        [(child,)] = tx.execute("SELECT person_ref FROM rights.card_key WHERE place = 3").fetchall()
        order_first_card(
            tx, insurer_id=INSURER, person_ref=child, large_print=False, asked_by=people.draw()
        )
    issue(database, home, tmp_path / "own", kind="orders")
    own = read_prints(database, home)[-1].card.serial
    with pytest.raises(Conflict, match="order a separation"), database.transaction("feeds") as tx:
        share_child(tx, household, 4, own)


def test_a_card_that_counts_no_more_gives_and_takes_nothing(parents: Parents):
    alix = parents.serial("Alix")
    with parents.database.transaction("feeds") as tx:
        tx.execute("SELECT rights.revoke_card(%s, 'stolen')", [alix.value])
        for of, taker in ((alix, parents.serial("Sacha")), (parents.serial("Sacha"), alix)):
            with pytest.raises(NotFound):
                share_child(tx, of, 2, taker)


def test_the_command_line_shares_and_takes_back(parents: Parents, environment: dict[str, str]):
    def run(*words: str) -> str:
        done = CliRunner().invoke(cards_group, words, env=environment)
        assert done.exit_code == 0, done.output
        return done.output

    alix, sacha = (parents.serial(who).format() for who in ("Alix", "Sacha"))
    assert "Shared, and ordered" in run("share", alix, "2", "--with", sacha)
    parents.make_orders()
    assert parents.names()["Sacha"] == ("Sacha DURAND", "Noé DURAND", "Zoé DURAND")
    again = CliRunner().invoke(cards_group, ["share", alix, "2", "--with", alix], env=environment)
    assert again.exit_code != 0
    assert "opens the child's rights no more" in run(
        "unshare", parents.serial("Sacha").format(), "2"
    )


# ---------------------------------------------------------------- who may, and what the other sees

SHARE = "SELECT rights.share_child(%s, 2::smallint, %s)"
UNSHARE = "SELECT rights.unshare_child(%s, 2::smallint)"
SEEN = (
    "SELECT serial FROM rights.card",
    "SELECT serial FROM rights.card_print",
    "SELECT card.serial FROM rights.card JOIN rights.card_print USING (serial)",
    "SELECT serial FROM rights.card_order WHERE serial IS NOT NULL",
)
CLOSED = ("rights.card_attachment", "rights.card_key", "rights.card_work", "rights.lookup")


@contextmanager
def act(database: Database, who: people.Somebody) -> Iterator[Transaction]:
    """A transaction of the pages' login with somebody's live session; undone."""
    token = f"{people.draw():032x}"
    people.adopt(token, database, who)
    with database.connect("portals") as tx:
        found = tx.execute(
            "SELECT 1 FROM accounts.enter_session(%s)", [compute_token_digest(token)]
        )
        assert found.fetchone() == (1,)
        yield tx
        tx.rollback()


@pytest.fixture
def both(parents: Parents) -> dict[str, people.Somebody]:
    """An account of each parent, once the child is on both cards."""
    parents.share()
    parents.make_orders()
    insurer = people.Organisation(0, "insurer", INSURER, None)
    accounts = {}
    for who, printed in parents.cards().items():
        accounts[who] = people.make_member(parents.database, insurer, name=who)
        with parents.database.transaction("owner") as tx:
            tx.execute(
                "UPDATE accounts.member SET person_ref = %s WHERE actor_ref = %s",
                (parents.find(printed, 1), accounts[who].actor_ref),
            )
    return accounts


def read_serials(database: Database, who: people.Somebody) -> set[bytes]:
    """Every number that raw SQL gives a parent."""
    seen: set[bytes] = set()
    with act(database, who) as tx:
        for query in SEEN:
            seen |= {bytes(serial) for (serial,) in tx.execute(query)}  # type: ignore[arg-type]
    return seen


def test_raw_sql_shows_a_parent_their_own_cards_and_nothing_of_the_other(
    parents: Parents, both: dict[str, people.Somebody]
):
    own = {who: printed.card.serial.value for who, printed in parents.cards().items()}
    for who, account in both.items():
        seen = read_serials(parents.database, account)
        assert own[who] in seen
        assert not seen & {serial for other, serial in own.items() if other != who}, who
        with act(parents.database, account) as tx:
            for table in CLOSED:
                with pytest.raises(errors.InsufficientPrivilege), tx.transaction():
                    tx.execute(sql.SQL(f"SELECT 1 FROM {table}"))  # type: ignore[arg-type]


@pytest.mark.parametrize("table", ["card", "card_print"])
def test_mutation_a_policy_that_follows_the_child_is_noticed(
    parents: Parents, both: dict[str, people.Somebody], table: str
):
    with parents.database.connect("owner", autocommit=True) as owner:
        owner.execute(
            sql.SQL("ALTER POLICY seen ON rights.{} USING (true)").format(sql.Identifier(table))
        )
    with pytest.raises(AssertionError):
        test_raw_sql_shows_a_parent_their_own_cards_and_nothing_of_the_other(parents, both)


def try_sharing(parents: Parents, who: people.Somebody) -> tuple[str, str]:
    """What the functions answer somebody who calls them with raw SQL."""
    alix, sacha = (parents.serial(name).value for name in ("Alix", "Sacha"))
    with act(parents.database, who) as tx:
        [(shared,)] = tx.execute(SHARE, [alix, sacha]).fetchall()
        [(taken,)] = tx.execute(UNSHARE, [alix]).fetchall()
    return str(shared), str(taken)


def test_the_insurers_managers_share_children_and_nobody_else_does(
    parents: Parents, both: dict[str, people.Somebody]
):
    database = parents.database
    mine = people.make_organisation(database, "insurer")
    with database.transaction("owner") as tx:
        tx.execute(
            "UPDATE accounts.organisation SET insurer_id = %s WHERE org_ref = %s",
            (INSURER, mine.org_ref),
        )
    elsewhere = people.make_organisation(database, "insurer")
    for role, org, answer in (
        (people.Role.INSURER_ADMIN, mine, ("already", "done")),
        (people.Role.INSURER_MANAGER, mine, ("already", "done")),
        (people.Role.INSURER_DPO, mine, ("unknown", "unknown")),
        (people.Role.INSURER_ADMIN, elsewhere, ("unknown", "unknown")),
    ):
        assert try_sharing(parents, people.make_agent(database, org, role)) == answer, role
    for account in both.values():
        assert try_sharing(parents, account) == ("unknown", "unknown")


def test_mutation_a_function_that_lets_a_parent_share_is_noticed(
    parents: Parents, both: dict[str, people.Somebody]
):
    with parents.database.connect("owner", autocommit=True) as owner:
        [(source,)] = owner.execute(
            "SELECT pg_get_functiondef('rights.manages_card(integer)'::regprocedure)"
        ).fetchall()
        loose = str(source).replace("IN ('insurer_admin', 'insurer_manager')", "IS NOT NULL")
        loose = loose.replace("= ANY (accounts.my_insurers())", "IS NOT NULL")
        assert loose != source
        owner.execute(sql.SQL(loose))  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        test_the_insurers_managers_share_children_and_nobody_else_does(parents, both)
