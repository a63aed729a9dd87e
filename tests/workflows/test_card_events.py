"""Keys, lists and revocations: what verifiers take along follows what happened to cards."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.card_samples import FAMILY, IN_FORCE, YEAR, import_people, issue, read_prints
from tests.feed_samples import AMC, TODAY, make_row

from rempart.cli.cards import card as card_group
from rempart.cli.cards import cards as cards_group
from rempart.kernel.errors import NotFound
from rempart.rights.card import Card, compute_presence_key
from rempart.rights.card_documents import parse_keys, parse_revocations
from rempart.rights.card_verdict import CardReason, CardVerdict, verify_card
from rempart.storage.connect import Database
from rempart.storage.findable_members import find_person
from rempart.wiring.cards import load_root, load_signer, rotate_signer
from rempart.wiring.home import Home
from rempart.workflows.rights.card_events import (
    add_key,
    load_documents,
    order_card,
    publish_documents,
    revoke_card,
    revoke_key,
)


def publish(database: Database, home: Home, today: date = TODAY) -> None:
    with database.transaction("feeds") as tx:
        publish_documents(tx, load_root(home), operator="Rempart", today=today)


def judge(database: Database, home: Home, symbol: str, today: date = IN_FORCE) -> CardVerdict:
    """What a verifier says that holds the lists published last."""
    root = load_root(home).public_key
    with database.transaction("feeds") as tx:
        documents = load_documents(tx)
    keys = parse_keys(documents["keys"], root)
    return verify_card(symbol, keys, parse_revocations(documents["revocations"], root), today)


def read_symbols(database: Database, home: Home) -> dict[str, str]:
    """Symbols of the cards, by member number."""
    return {one.card.member_number: one.symbol for one in read_prints(database, home)}


def find(database: Database, home: Home, card: Card) -> object:
    key = compute_presence_key(home.key("lookup"), card.presence(1))
    with database.transaction("feeds") as tx:
        return find_person(tx, key)


def test_a_card_verifies_with_the_lists_of_its_installation(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, FAMILY)
    issue(database, home, tmp_path / "out")
    publish(database, home, IN_FORCE)
    [symbol] = read_symbols(database, home).values()
    assert judge(database, home, symbol).reason is CardReason.GENUINE


def test_a_revoked_card_is_in_the_next_list_and_in_no_earlier_one(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, [make_row(1), make_row(2)])
    issue(database, home, tmp_path / "out")
    publish(database, home, IN_FORCE)
    symbols = read_symbols(database, home)
    printed = read_prints(database, home)[0]
    with database.transaction("feeds") as tx:
        revoke_card(tx, printed.card.serial, "stolen")
    assert judge(database, home, printed.symbol).reason is CardReason.GENUINE

    publish(database, home, IN_FORCE)

    reasons = {judge(database, home, symbol).reason for symbol in symbols.values()}
    assert reasons == {CardReason.REVOKED, CardReason.GENUINE}
    assert judge(database, home, printed.symbol).reason is CardReason.REVOKED


def test_the_card_of_somebody_who_left_is_listed_until_they_come_back(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, [make_row(1), make_row(2)])
    issue(database, home, tmp_path / "out")
    symbol = read_symbols(database, home)["M000001"]
    import_people(database, home, tmp_path, [make_row(2)])
    publish(database, home, IN_FORCE)
    assert judge(database, home, symbol).reason is CardReason.REVOKED

    import_people(database, home, tmp_path, [make_row(1), make_row(2)])
    publish(database, home, IN_FORCE)

    assert judge(database, home, symbol).reason is CardReason.GENUINE


def test_an_expired_card_opens_nothing_and_leaves_the_list(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, [make_row(1)])
    issue(database, home, tmp_path / "out")
    [printed] = read_prints(database, home)
    with database.transaction("feeds") as tx:
        order_card(tx, printed.card.serial, "reissue")
    issue(database, home, tmp_path / "out", kind="orders")
    old, new = (one.card for one in read_prints(database, home))
    assert find(database, home, new) is not None
    after = date(YEAR + 1, 1, 1)

    publish(database, home, after)

    assert find(database, home, new) is None
    root = load_root(home).public_key
    with database.transaction("feeds") as tx:
        revoked = parse_revocations(load_documents(tx)["revocations"], root)
    assert not revoked.may_hold(old.serial)


def test_cards_of_the_key_before_go_on_counting_and_those_of_a_revoked_key_do_not(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, [make_row(1), make_row(2)])
    issue(database, home, tmp_path / "out")
    [before, other] = read_prints(database, home)
    with database.transaction("feeds") as tx:
        first = load_signer(home, tx, TODAY)
        second = rotate_signer(home, tx, TODAY)
        order_card(tx, other.card.serial, "reissue")
    issue(database, home, tmp_path / "out", kind="orders")
    after = read_prints(database, home)[-1]
    publish(database, home, IN_FORCE)
    assert first.key_id != second.key_id
    assert judge(database, home, before.symbol).reason is CardReason.GENUINE
    assert judge(database, home, after.symbol).reason is CardReason.GENUINE

    with database.transaction("feeds") as tx:
        revoke_key(tx, first.key_id)
    publish(database, home, IN_FORCE)

    assert judge(database, home, before.symbol).reason is CardReason.KEY_REVOKED
    assert judge(database, home, after.symbol).reason is CardReason.GENUINE


def test_a_key_that_is_not_ours_is_not_revoked(database: Database):
    with database.transaction("feeds") as tx, pytest.raises(NotFound):
        revoke_key(tx, bytes(4))


def test_a_stolen_database_signs_nothing(database: Database, home: Home):
    with database.transaction("feeds") as tx:
        add_key(tx, bytes(range(32)), TODAY)
        stored = tx.execute("SELECT * FROM rights.card_signing_key").fetchall()
    assert all(bytes(range(32)) not in row for row in stored)


def test_numbers_of_lists_rise_and_old_lists_go(database: Database, home: Home):
    for day in range(32):
        publish(database, home, TODAY + timedelta(days=day))
    with database.transaction("feeds") as tx:
        rows = tx.execute(
            "SELECT number FROM rights.card_document WHERE kind = 'keys' ORDER BY number"
        )
        assert [number for (number,) in rows] == list(range(3, 33))


@pytest.fixture
def run(environment: dict[str, str]):
    def run(group: object, *arguments: str) -> tuple[int, str]:
        result = CliRunner(env=environment).invoke(group, list(arguments))  # type: ignore[arg-type]
        return result.exit_code, result.output

    return run


def test_the_commands_issue_order_revoke_publish_and_verify(
    database: Database, home: Home, tmp_path: Path, run
):
    import_people(database, home, tmp_path, FAMILY)
    out = str(tmp_path / "out")
    options = ("--insurer", AMC, "--year", str(YEAR), "--out", out, "--today", f"{TODAY}")
    code, words = run(cards_group, "issue", *options)
    assert (code, "1 cards in 1 files" in words) == (0, True), words
    [printed] = read_prints(database, home)
    number = printed.card.serial.format()

    assert run(cards_group, "publish", "--today", f"{IN_FORCE}", "--out", out)[0] == 0
    assert (tmp_path / "out/cles.txt").read_text().startswith("rempart card keys v1\n")
    verify = ("verify", printed.symbol, "--today", f"{IN_FORCE}")
    assert run(card_group, *verify)[0] == 0

    assert run(cards_group, "order", number, "--large-print")[0] == 0
    code, words = run(cards_group, "issue", "--orders", *options)
    assert (code, "1 cards in 1 files" in words) == (0, True), words
    assert run(cards_group, "publish", "--today", f"{IN_FORCE}")[0] == 0
    code, words = run(card_group, *verify)
    assert (code, "ROUGE" in words) == (1, True)

    new = read_prints(database, home)[-1]
    assert run(cards_group, "revoke", new.card.serial.format(), "--reason", "lost")[0] == 0
    assert "RP1" not in words
    assert printed.card.presence(1).code not in words


def test_commands_refuse_what_they_cannot_do(database: Database, run):
    assert run(cards_group, "issue", "--insurer", "12")[0] == 2
    assert run(cards_group, "revoke", "abc", "--reason", "lost")[0] == 2
    assert run(cards_group, "revoke-key", "zz", "--yes")[0] == 2
    code, _words = run(cards_group, "rotate-key")
    assert code == 0
    assert "issues from" in run(cards_group, "keys")[1]
    assert len(run(cards_group, "root")[1].strip()) == 44
