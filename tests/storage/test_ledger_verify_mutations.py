"""The checks of the verifier matter: without one of them, a falsification passes unseen."""

from typing import Any

import pytest
from tests.ledger_samples import ENTRY_COLUMNS, find_differences, make_signer, rewrite_with_tile

from rempart.disclosure.audit import LogAudit
from rempart.disclosure.audit_report import AuditReport
from rempart.disclosure.entry import Entry, compute_leaf_hash
from rempart.disclosure.note import NoteSigner, NoteVerifier
from rempart.disclosure.numbering import Numbering
from rempart.disclosure.tree import Tree
from rempart.storage.connect import Transaction


def test_mutation_a_verifier_that_does_not_compare_rows_with_tiles_misses_a_change(
    ledger: Transaction, monkeypatch: pytest.MonkeyPatch
):
    def trust_the_tile(self: LogAudit, first: int, rows: Any, mine: Any, theirs: Any, *_: Any):
        return rows, theirs, theirs

    monkeypatch.setattr(LogAudit, "_compare", trust_the_tile)
    ledger.execute("UPDATE ledger.entry SET outcome = 5 WHERE idx = 300")
    assert find_differences(ledger) == []


def test_mutation_a_verifier_that_does_not_compute_roots_misses_a_rewrite(
    ledger: Transaction, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(LogAudit, "_check_root", lambda self, root: True)
    rewrite_with_tile(ledger, 300)
    assert find_differences(ledger) == []


def test_mutation_a_verifier_that_does_not_check_signatures_misses_a_forged_note(
    ledger: Transaction, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(NoteVerifier, "verify", lambda self, note: None)
    thief = NoteSigner(make_signer().name, bytes(32))
    [note] = ledger.execute("SELECT note FROM ledger.checkpoint WHERE size = 703").fetchone()
    text = note.rpartition("\n\n")[0] + "\n"
    ledger.execute("UPDATE ledger.checkpoint SET note = %s WHERE size = 703", [thief.sign(text)])
    assert find_differences(ledger) == []


def test_mutation_a_verifier_that_does_not_follow_checkpoints_misses_one_taken_away(
    ledger: Transaction, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Numbering, "_expect_checkpoint", lambda self, index, t_ms: None)
    [size] = ledger.execute(
        "SELECT size FROM ledger.checkpoint ORDER BY size OFFSET 3 LIMIT 1"
    ).fetchone()
    ledger.execute("DELETE FROM ledger.checkpoint WHERE size = %s", [size])
    assert find_differences(ledger) == []


def test_mutation_a_verifier_that_ignores_strays_misses_an_added_row(
    ledger: Transaction, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(AuditReport, "stray", lambda self, table, row: None)
    ledger.execute(
        "INSERT INTO ledger.tile SELECT log_id, 0, 2, hashes FROM ledger.tile WHERE n = 1"
    )
    assert find_differences(ledger) == []


def test_the_root_of_the_head_is_the_root_of_the_rows(ledger: Transaction):
    """Said once without the verifier: rows, hashed one by one, lead to the head."""
    rows = ledger.execute(f"SELECT {ENTRY_COLUMNS} FROM ledger.entry ORDER BY idx").fetchall()
    tree = Tree()
    tree.grow(compute_leaf_hash(Entry(*row)) for row in rows)
    assert ledger.execute("SELECT size, root FROM ledger.head").fetchone() == (
        tree.size,
        tree.compute_root(),
    )
