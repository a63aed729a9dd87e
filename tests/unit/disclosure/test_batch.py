"""A batch is complete before anything is written, and leaves no trace when it is not."""

from typing import Any

import pytest
from tests.ledger_samples import START_MS, make_draft, make_drafts, make_facts

from rempart.disclosure.batch import CorruptBatch, build_batch, check_batch, check_sessions
from rempart.disclosure.entry import Draft, Entry, compute_leaf_hash
from rempart.disclosure.session import draft_session
from rempart.disclosure.tree import Tree, compute_root

ACCOUNTS = dict.fromkeys(range(1000, 1007), 40)


def build(drafts: list[Draft], tree: Tree | None = None, **changes: Any) -> Any:
    arguments = {
        "log_id": 1,
        "t_ms": START_MS,
        "salts": bytes(range(16)) * len(drafts),
        "account_counters": ACCOUNTS,
        "insurer_counters": {1: 70},
    }
    return build_batch(tree or Tree(), drafts, **{**arguments, **changes})


def test_entries_follow_those_before_them():
    tree = Tree()
    tree.grow([bytes(32)] * 300)
    batch = build(make_drafts(9), tree)
    assert (batch.first, batch.tree.size) == (300, 309)
    _, _, accounts, _, acct_seqs, _, insurers, ins_seqs = batch.columns[:8]
    assert list(zip(accounts, acct_seqs, strict=True))[:1] == [(1000, 41)]
    assert list(zip(accounts, acct_seqs, strict=True))[7:] == [(1000, 42), (1001, 42)]
    assert list(zip(insurers, ins_seqs, strict=True))[:2] == [(1, 71), (2, 1)]
    assert batch.insurer_counters == {1: 72, 2: 2, 3: 2, 4: 2, 5: 1}


def test_what_it_starts_from_stays_as_it_was():
    tree = Tree()
    tree.grow([bytes(32)] * 300)
    root = tree.compute_root()
    build(make_drafts(300), tree)
    assert (tree.size, tree.compute_root(), ACCOUNTS[1000]) == (300, root, 40)


def test_its_root_is_that_of_its_rows():
    batch = build(make_drafts(3))
    kinds, *rest = batch.columns
    rows = [
        Entry(1, index, kind, START_MS, *values)
        for index, (kind, *values) in enumerate(zip(kinds, *rest, strict=True))
    ]
    assert batch.root == compute_root(compute_leaf_hash(row) for row in rows)
    check_batch(Tree(), batch)


@pytest.mark.parametrize("column", range(18))
def test_a_value_that_changes_before_it_is_stored_is_noticed(column: int):
    batch = build(make_drafts(3))
    values = list(batch.columns[column])
    last = values[-1]
    values[-1] = bytes([last[0] ^ 1]) + last[1:] if isinstance(last, bytes) else last ^ 1
    columns = (*batch.columns[:column], values, *batch.columns[column + 1 :])
    changed = {name: getattr(batch, name) for name in batch.__dataclass_fields__}
    with pytest.raises(CorruptBatch, match="entries 0 to 2"):
        check_batch(Tree(), type(batch)(**{**changed, "columns": columns}))


@pytest.mark.parametrize(
    ("drafts", "changes", "reason"),
    [
        ([], {}, "at least one"),
        ([make_draft()], {"salts": bytes(15)}, "16 bytes of salt"),
        ([make_draft(lookup_key=b"")], {}, "16 bytes each"),
        ([make_draft(request_id=bytes(17))], {}, "16 bytes each"),
        ([make_draft(person_ref=1 << 63)], {}, "fit its column"),
        ([make_draft(kind=None)], {}, "fit its column"),
    ],
)
def test_what_cannot_be_stored_is_refused(
    drafts: list[Draft], changes: dict[str, Any], reason: str
):
    with pytest.raises(ValueError, match=reason):
        build(drafts, **changes)


def test_sessions_go_with_the_entries_that_commit_to_them():
    one, two = make_facts(1), make_facts(2)
    openings = [draft_session(facts, request_id=bytes(16)) for facts in (one, two)]
    check_sessions([openings[0], make_draft(), openings[1]], [one, two])
    check_sessions([make_draft()], [])
    for sessions in ([two, one], [one], []):
        with pytest.raises(ValueError, match="SESSION"):
            check_sessions(openings, sessions)
