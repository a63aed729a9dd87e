"""The ledger as anybody may check it: addresses, headers, and that only hashes leave."""

import hashlib

import pytest
from tests.ledger_samples import make_signer
from tests.witness_samples import ONE, TWO, cosign_last, grow_log, make_quorum

from rempart.disclosure.checkpoint import verify_checkpoint
from rempart.disclosure.note import parse_note
from rempart.disclosure.tree import compute_perfect_root, compute_root, split_hashes
from rempart.storage.connect import Database
from rempart.storage.ledger_publishing import AlarmRow, save_alarm

TILES = "application/octet-stream"


def read_leaves(database: Database) -> list[bytes]:
    """Every leaf hash, by another way than what is tested."""
    with database.transaction("owner") as tx:
        tiles = tx.execute("SELECT hashes FROM ledger.tile WHERE level = 0 ORDER BY n").fetchall()
        edge = tx.execute("SELECT hashes FROM ledger.edge").fetchone()
    assert edge
    return split_hashes(b"".join(hashes for (hashes,) in tiles) + edge[0])


@pytest.fixture
def leaves(desk) -> list[bytes]:
    """A log of 600 leaves: two full tiles and 88 hashes more."""
    grow_log(desk.database, 300, 300)
    return read_leaves(desk.database)


def test_the_checkpoint_is_the_last_one_kept_signed_by_the_log(browser, leaves):
    answer = browser.get("/ledger/1/checkpoint")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=2"
    signer = make_signer()
    shown = verify_checkpoint(answer.content.decode(), signer.verifier, origin=signer.name)
    assert (shown.size, shown.root) == (600, compute_root(leaves))


def test_full_tiles_are_the_leaves_by_256(browser, leaves):
    for n in (0, 1):
        answer = browser.get(f"/ledger/1/tile/0/00{n}")
        assert answer.content == b"".join(leaves[256 * n : 256 * (n + 1)])
        assert len(answer.content) == 8192
        assert answer.headers["Content-Type"] == TILES
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_unfinished_tiles_are_served_at_any_width_up_to_the_present_one(browser, leaves):
    for width in (1, 2, 44, 87, 88):
        answer = browser.get(f"/ledger/1/tile/0/002.p/{width}")
        assert answer.content == b"".join(leaves[512 : 512 + width])
        assert "immutable" in answer.headers["Cache-Control"]
    assert browser.get("/ledger/1/tile/0/002.p/89").status_code == 404
    assert browser.get("/ledger/1/tile/0/002").status_code == 404
    # A tile that is full now was unfinished at an earlier checkpoint.
    assert browser.get("/ledger/1/tile/0/001.p/44").content == b"".join(leaves[256:300])


def test_the_level_above_holds_the_roots_of_full_tiles(browser, leaves):
    roots = [compute_perfect_root(leaves[start : start + 256]) for start in (0, 256)]
    assert browser.get("/ledger/1/tile/1/000.p/2").content == b"".join(roots)
    assert browser.get("/ledger/1/tile/1/000.p/1").content == roots[0]
    assert browser.get("/ledger/1/tile/1/000.p/3").status_code == 404
    assert browser.get("/ledger/1/tile/2/000.p/1").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        *("/ledger/2/checkpoint", "/ledger/x/checkpoint", "/ledger/01/checkpoint"),
        *("/ledger/99999/checkpoint", "/ledger/123456/checkpoint", "/ledger/-1/checkpoint"),
        *("/ledger/1/tile/0/2", "/ledger/1/tile/00/000", "/ledger/1/tile/0/x000/000"),
        *("/ledger/1/tile/64/000", "/ledger/1/tile/0/000.p/0", "/ledger/1/tile/0/000.p/256"),
        *("/ledger/1/tile/0/000/", "/ledger/1/tile/entries/000", "/ledger/1/tile/data/000"),
        *("/ledger/1/tile/0/..%2f000", "/ledger/1/tile/63/x999/x999/x999/x999/x999/999"),
        *("/ledger/x/tile/0/000", "/ledger/2/tile/0/000", "/ledger/1/entries"),
    ],
)
def test_any_other_address_leads_nowhere(browser, leaves, address):
    answer = browser.get(address)
    assert answer.status_code == 404
    assert "immutable" not in answer.headers["Cache-Control"]


def test_nobody_is_known_by_what_they_fetch(browser, leaves):
    for address in ("/ledger/1/checkpoint", "/ledger/1/tile/0/000", "/ledger/1/tile/9/000"):
        answer = browser.get(address)
        assert "Vary" not in answer.headers
        assert not answer.cookies
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_a_cache_already_has_is_not_sent_again(browser, leaves):
    for address in ("/ledger/1/checkpoint", "/ledger/1/tile/0/000"):
        first = browser.get(address)
        tag = first.headers["ETag"]
        assert hashlib.sha256(first.content).hexdigest()[:32] in tag
        again = browser.get(address, headers={"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
        assert browser.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_only_reading_is_allowed(browser, leaves):
    assert browser.head("/ledger/1/tile/0/000").status_code == 200
    assert browser.post("/ledger/1/checkpoint").status_code in (403, 405)


def test_the_checkpoint_moves_only_when_enough_witnesses_cosigned(desk, browser):
    desk.quorum = make_quorum(ONE, TWO, needed=2)
    grow_log(desk.database, 10)
    assert browser.get("/ledger/1/checkpoint").status_code == 404
    cosign_last(desk.database, ONE, TWO)
    grow_log(desk.database, 5)
    cosign_last(desk.database, ONE)
    note = parse_note(browser.get("/ledger/1/checkpoint").content.decode())
    assert note.text.split("\n")[1] == "10"
    assert {line.name for line in note.signatures[1:]} == {ONE.verifier.name, TWO.verifier.name}
    cosign_last(desk.database, TWO)
    assert "\n15\n" in browser.get("/ledger/1/checkpoint").content.decode()


def test_mutation_a_line_written_into_the_database_by_hand_does_not_count(desk, browser):
    desk.quorum = make_quorum(ONE, needed=1)
    grow_log(desk.database, 10)
    cosign_last(desk.database, ONE)
    grow_log(desk.database, 5)
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO ledger.cosignature SELECT log_id, 15, witness, t_ms, line"
            " FROM ledger.cosignature"
        )
    assert "\n10\n" in browser.get("/ledger/1/checkpoint").content.decode()


def test_the_page_names_the_logs_their_keys_and_the_witnesses(desk, browser, leaves):
    desk.quorum = make_quorum(ONE, needed=1)
    cosign_last(desk.database, ONE)
    page = browser.get("/ledger/").content.decode()
    for words in (
        *("Le registre, vérifiable par tous", "Registre 1", make_signer().verifier.vkey),
        *("Témoin 1", ONE.verifier.vkey, "cosigné le", "/ledger/1/checkpoint"),
    ):
        assert words in page, words


def test_the_page_says_so_when_nobody_watches_and_when_there_is_no_log(browser):
    page = browser.get("/ledger/").content.decode()
    assert "Aucun témoin n’est encore désigné" in page
    assert "Aucun registre encore" in page


def raise_alarm(database: Database, reason: str) -> None:
    with database.transaction("cosigner") as tx:
        row = AlarmRow(1, "witness.example/un", 7, reason, 9, 1_700_000_000_000)
        assert save_alarm(tx, row, note="a note")
        assert not save_alarm(tx, row._replace(t_ms=5), note="again")


def test_an_alarm_is_shown_to_the_operator_and_to_everybody(desk, browser, operator):
    raise_alarm(desk.database, "fork")
    raise_alarm(desk.database, "rollback")
    page = operator.get("/console/registre").content.decode()
    assert "Bifurcation" in page
    assert "Retour en arrière" in page
    assert "witness.example/un" in browser.get("/ledger/").content.decode()


def test_the_operator_sees_how_far_each_witness_is(desk, operator, leaves):
    cosign_last(desk.database, ONE)
    page = operator.get("/console/registre").content.decode()
    assert "Cosigné jusqu’à" in page
    assert ONE.verifier.name in page
