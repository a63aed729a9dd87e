"""`rempart ledger prove` and `verify`: from the database to a file, and from the file alone."""

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.ledger_samples import Clock, make_drafts, make_facts, make_signer, open_writer, run
from tests.unit.disclosure.proofs import WITNESS

from rempart.cli.main import cli
from rempart.disclosure.acts import COMMAND_LINE
from rempart.disclosure.entry import Entry
from rempart.disclosure.evidence import Trust, judge_entry, judge_history
from rempart.disclosure.note import parse_note
from rempart.disclosure.opening import Audience, make_opening
from rempart.disclosure.session import draft_session
from rempart.kernel.errors import InconsistentRecord, InvalidRequest, NotFound
from rempart.storage.acts_log import AppendsActs
from rempart.storage.connect import Database
from rempart.storage.ledger_proofs import load_entry
from rempart.storage.segment_files import SegmentStore
from rempart.workflows.ledger.prove_entry import prove_entry, prove_growth

SIZES = (1, 255, 300, 600, 1025)
KEY = make_signer(1).verifier


@pytest.fixture
def ledger(database: Database) -> Database:
    """A log with checkpoints at several sizes, the last one cut in the middle of a tile."""

    async def write() -> None:
        clock = Clock()
        done = 0
        for size in SIZES:
            clock.now_ms += 2000
            writer = await open_writer(database, clock=clock)
            facts = [make_facts()] if not done else []
            first = [draft_session(one, request_id=bytes(16)) for one in facts]
            drafts = [*first, *make_drafts(size - done - len(first), first=done)]
            await writer.append(drafts, sessions=facts)
            await writer.close()
            done = size

    run(write)
    return database


def prove(
    database: Database,
    index: int,
    audience: Audience = Audience.MEMBER,
    *,
    log_id: int = 1,
    store: SegmentStore | None = None,
) -> str:
    acts = AppendsActs(
        connection=database.asyncpg_kwargs("recorder"), signers=[make_signer(0)], clock_ms=Clock()
    )
    with database.transaction("auditor") as tx:
        return prove_entry(tx, acts, log_id, index, audience, store=store, by=COMMAND_LINE)


def cosign(database: Database, size: int) -> None:
    with database.transaction("owner") as tx:
        [(note,)] = tx.execute(
            "SELECT note FROM ledger.checkpoint WHERE log_id = 1 AND size = %s", (size,)
        ).fetchall()
        line = WITNESS.cosign(parse_note(note).text, time_s=1_700_000_000)
        tx.execute(
            "INSERT INTO ledger.cosignature VALUES (1, %s, %s, 0, %s)",
            (size, WITNESS.verifier.name, line),
        )


@pytest.mark.parametrize("index", [0, 1, 254, 255, 256, 511, 512, 599, 1023, 1024])
@pytest.mark.parametrize("audience", Audience)
def test_every_entry_is_proved_from_the_stored_tiles(ledger: Database, index: int, audience):
    text = prove(ledger, index, audience)
    with ledger.transaction("auditor") as tx:
        whole = load_entry(tx, 1, index)
    proved = judge_entry(text, Trust([KEY]))
    assert whole is not None
    assert isinstance(whole.entry, Entry)
    facts = make_facts() if index == 0 else None
    assert proved.opening == make_opening(whole.entry, audience, session=facts)
    assert proved.endorsed.checkpoint.size == SIZES[-1]


def test_a_checkpoint_that_a_witness_signed_is_preferred(ledger: Database):
    cosign(ledger, 600)
    trust = Trust([KEY], [WITNESS.verifier], quorum=1)
    proved = judge_entry(prove(ledger, 599), trust)
    later = judge_entry(prove(ledger, 600), Trust([KEY]))
    assert proved.endorsed.checkpoint.size == 600
    assert later.endorsed.checkpoint.size == SIZES[-1]


@pytest.mark.parametrize("old", SIZES)
def test_that_the_log_only_grew_is_proved_between_kept_checkpoints(ledger: Database, old: int):
    with ledger.transaction("auditor") as tx:
        for new in (size for size in SIZES if size >= old):
            proved = judge_history(prove_growth(tx, 1, old_size=old, new_size=new), Trust([KEY]))
            assert (proved.old.checkpoint.size, proved.new.checkpoint.size) == (old, new)


def test_sizes_that_were_not_kept_are_told_from_their_neighbours(ledger: Database):
    with ledger.transaction("auditor") as tx:
        with pytest.raises(NotFound, match="the nearest: 600 and 1025"):
            prove_growth(tx, 1, old_size=1, new_size=1000)
        with pytest.raises(InvalidRequest, match="smaller size first"):
            prove_growth(tx, 1, old_size=1025, new_size=600)


def test_what_is_not_there_is_said_with_its_reason(ledger: Database):
    with ledger.transaction("owner") as tx:
        tx.execute("DELETE FROM ledger.entry WHERE idx IN (5, 6)")
        tx.execute("INSERT INTO ledger.erased VALUES (1, 5, 0, 0)")
    for index, why in ((5, "ERASE act"), (6, "run the audit"), (1025, "signed up to 1025")):
        with pytest.raises(NotFound, match=why):
            prove(ledger, index)
    with pytest.raises(NotFound, match="no log 9"):
        prove(ledger, 0, log_id=9)


@pytest.mark.parametrize(
    "falsify",
    [
        "UPDATE ledger.entry SET outcome = 5 WHERE idx = 17",
        "UPDATE ledger.tile SET hashes = overlay(hashes placing '\\x00'::bytea from 8000)",
        "UPDATE ledger.edge SET hashes = '\\x00'",
        "DELETE FROM ledger.tile WHERE level = 0 AND n = 1",
    ],
)
def test_mutation_a_stored_log_that_disagrees_gives_no_proof(ledger: Database, falsify: str):
    with ledger.transaction("owner") as tx:
        tx.execute(falsify)  # type: ignore[arg-type]
    with pytest.raises((InconsistentRecord, ValueError)):
        prove(ledger, 17)


@pytest.fixture
def command(ledger: Database, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def invoke(*options: str) -> Result:
    return CliRunner().invoke(cli, ["ledger", *options])


@pytest.mark.usefixtures("command")
def test_a_proof_goes_to_a_file_and_is_judged_without_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file, page = tmp_path / "one.tlog-proof", tmp_path / "one.pdf"
    made = invoke(
        *("prove", "--log", "1", "--index", "700", "--for", "member"),
        *("-o", str(file), "--pdf", str(page)),
    )
    assert made.exit_code == 0, made.output
    assert page.read_bytes().startswith(b"%PDF")
    # No home, no address of a database: only the file and the key.
    for name in ("REMPART_HOME", "DATABASE_URL"):
        monkeypatch.setenv(name, "/nowhere")
    proved = invoke("verify", str(file), "--vkey", KEY.vkey)
    assert proved.exit_code == 0, proved.output
    assert proved.stdout.startswith("PROUVÉ\n")
    for part in ("Quand", "facturation", "entrée n° 700", "aucun témoin vérifié"):
        assert part in proved.stdout
    english = invoke("verify", str(file), "--vkey", KEY.vkey, "--language", "en")
    assert "This proof does not prove:" in english.stdout


@pytest.mark.usefixtures("command")
def test_the_exit_says_proved_refused_or_not_judged(tmp_path: Path, ledger: Database):
    cosign(ledger, 1025)
    file = tmp_path / "one.tlog-proof"
    arguments = ("prove", "--log", "1", "--index", "9", "--for", "all", "-o", str(file))
    assert invoke(*arguments).exit_code == 0
    vkey, witness = ("--vkey", KEY.vkey), ("--witness", WITNESS.verifier.vkey)
    assert invoke("verify", str(file), *vkey, *witness).exit_code == 0
    assert invoke("verify", str(file), *vkey, *witness, "--quorum", "2").exit_code == 1
    unjudged = invoke("verify", str(file))
    assert unjudged.exit_code == 2
    assert "NON JUGÉ" in unjudged.stdout
    other = invoke("verify", str(file), "--vkey", make_signer(2).verifier.vkey)
    assert other.exit_code == 1
    assert "REFUSÉ" in other.stdout
    content = file.read_bytes()
    file.write_bytes(content[:60] + bytes([content[60] ^ 1]) + content[61:])
    spoilt = invoke("verify", str(file), *vkey)
    assert spoilt.exit_code == 1
    assert "[opening]" in spoilt.stdout
    file.write_bytes(b"\xff\xfe")
    assert invoke("verify", str(file), *vkey).exit_code == 1
    assert invoke("verify", str(file), "--vkey", "nonsense").exit_code == 2
    assert invoke("verify", str(tmp_path / "none"), *vkey).exit_code == 2


@pytest.mark.usefixtures("command")
def test_a_consistency_proof_is_made_and_judged_by_the_same_commands(tmp_path: Path):
    file = tmp_path / "growth"
    made = invoke("prove", "--log", "1", "--consistency", "255", "1025", "-o", str(file))
    assert made.exit_code == 0, made.output
    judged = invoke("verify", str(file), "--vkey", KEY.vkey)
    assert judged.exit_code == 0
    assert "de 255 à 1025 entrées" in judged.stdout
    assert invoke("verify", str(file)).exit_code == 2
    assert invoke("prove", "--log", "1").exit_code == 2
    assert invoke("prove", "--log", "1", "--index", "1").exit_code == 2


def test_the_database_opens_for_a_person_what_python_would(ledger: Database):
    """The HMACs of 0013 are those of disclosure/opening.py."""
    with ledger.transaction("owner") as tx:
        for number in (0, 1, 77, 255):
            key, message = bytes([number] * 16), bytes(range(36))
            [(found,)] = tx.execute(
                "SELECT sha256(ledger.mask_key(%(key)s, 92, 64)"
                " || sha256(ledger.mask_key(%(key)s, 54, 64) || %(message)s))",
                {"key": key, "message": message},
            ).fetchall()
            block = key + bytes(48)
            inner = hashlib.sha256(bytes(b ^ 54 for b in block) + message).digest()
            assert found == hashlib.sha256(bytes(b ^ 92 for b in block) + inner).digest()
