"""The vectors of docs/reference/ledger-format.md, recomputed by its words and by the code."""

import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest

from rempart.disclosure.acts import Statement, draft_act, parse_statement
from rempart.disclosure.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from rempart.disclosure.entry import (
    LEAF_SIZE,
    Entry,
    Kind,
    compute_commitments,
    compute_group_salts,
    compute_leaf,
    compute_leaf_hash,
    compute_leaf_hashes,
)
from rempart.disclosure.note import NoteSigner, NoteVerifier
from rempart.disclosure.session import SessionFacts, commits_to, compute_session_digest
from rempart.disclosure.tree import compute_root

DOCUMENT = (Path(__file__).parents[3] / "docs/reference/ledger-format.md").read_text()
VECTORS: dict[str, Any] = json.loads(re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)[0])
BYTES = ("salt", "lookup_key", "request_id")

GROUPS = {
    "who": [("account_ref", 8), ("session_ref", 8), ("acct_seq", 8)],
    "whom": [("person_ref", 8), ("insurer_id", 4), ("ins_seq", 8), ("lookup_key", 16)],
    "what": [
        *(("purpose", 2), ("mode", 2), ("domain", 2), ("care_day", 4), ("outcome", 2)),
        *(("fields", 8), ("schema_version", 2), ("data_version", 8), ("request_id", 16)),
    ],
}


def make_entry(values: dict[str, Any]) -> Entry:
    return Entry(**{k: bytes.fromhex(v) if k in BYTES else v for k, v in values.items()})


def pack(entry: Entry, group: str) -> bytes:
    """Pack a group as the document's table says, without the code under test."""
    values = [(getattr(entry, name), width) for name, width in GROUPS[group]]
    return b"".join(
        value if isinstance(value, bytes) else value.to_bytes(width, "big", signed=True)
        for value, width in values
    )


@pytest.mark.parametrize("vector", VECTORS["entries"])
def test_the_words_of_the_document_lead_to_its_leaves(vector: dict[str, Any]):
    entry = make_entry(vector["entry"])
    stream = hmac.new(entry.salt, b"rempart ledger v1 salts", hashlib.sha512).digest()
    commitments = b""
    for place, group in enumerate(GROUPS):
        salt = stream[16 * place : 16 * place + 16]
        packed = pack(entry, group)
        commitment = hmac.new(salt, packed, hashlib.sha256).digest()
        assert salt.hex() == vector[f"{group}_salt"]
        assert packed.hex() == vector[group]
        assert commitment.hex() == vector[f"{group}_commitment"]
        commitments += commitment
    leaf = b"\x01" + bytes([entry.kind]) + entry.t_ms.to_bytes(8, "big")
    leaf += hashlib.sha256(commitments).digest()
    assert len(leaf) == LEAF_SIZE
    assert leaf.hex() == vector["leaf"]
    assert hashlib.sha256(b"\x00" + leaf).hexdigest() == vector["leaf_hash"]


@pytest.mark.parametrize("vector", VECTORS["entries"])
def test_the_code_leads_to_the_leaves_of_the_document(vector: dict[str, Any]):
    entry = make_entry(vector["entry"])
    salts, commitments = compute_group_salts(entry.salt), compute_commitments(entry)
    for group, salt, commitment in zip(GROUPS, salts, commitments, strict=True):
        assert salt.hex() == vector[f"{group}_salt"]
        assert commitment.hex() == vector[f"{group}_commitment"]
    assert compute_leaf(entry).hex() == vector["leaf"]
    assert compute_leaf_hash(entry).hex() == vector["leaf_hash"]
    assert compute_leaf_hashes([entry]) == [compute_leaf_hash(entry)]


def test_the_columns_of_the_table_are_those_of_the_code():
    table = {
        group: re.findall(r"`(\w+)` i?(\d+)", columns)
        for group, columns in re.findall(r"^\| (who|whom|what) \| (.*?) \| \d+ \|$", DOCUMENT, re.M)
    }
    assert {
        group: [(name, int(bits) // (1 if name in BYTES else 8)) for name, bits in columns]
        for group, columns in table.items()
    } == GROUPS
    grouped = [name for columns in GROUPS.values() for name, _ in columns]
    assert ["log_id", "idx", "kind", "t_ms", "salt", *grouped] == list(Entry._fields)


def test_the_kinds_of_the_table_are_those_of_the_code():
    rows = re.findall(r"^\| (\d) \| ([A-Z_]+) \|", DOCUMENT, re.M)
    assert {name: int(number) for number, name in rows} == {kind.name: kind for kind in Kind}


def test_the_act_of_the_document_leads_to_its_digest_and_its_entry():
    vector = VECTORS["act"]
    body = json.dumps(
        json.loads(vector["statement"]), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert body == vector["statement"]
    labelled = b"rempart act v1\x00" + vector["kind"].to_bytes(1, "big") + body.encode()
    assert hashlib.sha256(labelled).hexdigest() == vector["digest"]
    statement = Statement(vector["kind"], vector["statement"])
    draft, written = draft_act(
        parse_statement(statement), account_ref=1, session_ref=2, request_id=bytes(16)
    )
    assert written == statement
    committed = draft.lookup_key + draft.data_version.to_bytes(8, "big", signed=True)
    assert committed.hex() == vector["digest"][:48]


def test_the_session_of_the_document_leads_to_its_digest_and_its_entry():
    facts = SessionFacts(**VECTORS["session"]["facts"])
    numbers = (facts.session_ref, facts.account_ref, facts.client_ref, facts.opened_ms)
    canonical = b"rempart session v1\x00"
    canonical += b"".join(number.to_bytes(8, "big", signed=True) for number in numbers)
    for text in (facts.method, facts.address, facts.agent):
        canonical += len(text.encode()).to_bytes(4, "big") + text.encode()
    digest = hashlib.sha256(canonical).digest()
    assert digest.hex() == VECTORS["session"]["digest"]
    assert compute_session_digest(facts) == digest
    opening = make_entry(VECTORS["entries"][0]["entry"])
    assert opening.kind == Kind.SESSION
    assert opening.lookup_key == digest[:16]
    assert opening.data_version == int.from_bytes(digest[16:24], "big", signed=True)
    assert commits_to(opening, facts)


def test_the_leaves_of_the_document_lead_to_its_roots():
    leaves = [bytes.fromhex(leaf) for leaf in VECTORS["tree"]["leaf_hashes"]]
    roots = [compute_root(leaves[:size]).hex() for size in range(len(leaves) + 1)]
    assert roots == VECTORS["tree"]["roots"]


def test_the_checkpoint_of_the_document_is_signed_by_its_key():
    vector = VECTORS["checkpoint"]
    signer = NoteSigner("rempart.invalid/00000000/log/1", bytes.fromhex(vector["seed"]))
    checkpoint = Checkpoint(signer.name, vector["size"], bytes.fromhex(vector["root"]))
    assert signer.verifier.vkey == vector["vkey"]
    assert sign_checkpoint(signer, checkpoint) == vector["note"]
    verifier = NoteVerifier.parse(vector["vkey"])
    assert verify_checkpoint(vector["note"], verifier, origin=signer.name) == checkpoint
    assert vector["root"] == VECTORS["tree"]["roots"][5]
