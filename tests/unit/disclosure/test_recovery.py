"""The changed column is named only when its original value is proven."""

from typing import Any

import pytest

from rempart.disclosure.entry import Entry, compute_leaf_hash
from rempart.disclosure.recovery import recover_entry

ENTRY = Entry(
    *(1, 7, 1, 1_700_000_000_000, bytes(range(16))),
    *(11, 12, 13),
    *(21, 22, 23, bytes(16)),
    *(1, 2, 3, 20_000, 1, 31, 1, 38, bytes(16)),
)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", 2),
        ("t_ms", ENTRY.t_ms - 999),
        ("salt", b"\x80" + ENTRY.salt[1:]),
        ("account_ref", 11 + (1 << 62)),
        ("session_ref", 13),
        ("acct_seq", 60),
        ("person_ref", 20),
        ("insurer_id", 99),
        ("ins_seq", 22),
        ("lookup_key", bytes(15) + b"\x01"),
        ("purpose", 4),
        ("mode", 1),
        ("domain", 14),
        ("care_day", 20_365),
        ("outcome", 5),
        ("fields", 15),
        ("schema_version", 2),
        ("data_version", 39),
        ("request_id", b"\x10" + bytes(15)),
    ],
)
def test_a_likely_change_of_one_column_is_undone(column: str, value: Any):
    damaged = ENTRY._replace(**{column: value})
    assert recover_entry(damaged, compute_leaf_hash(ENTRY)) == (column, ENTRY)


def test_two_changed_columns_are_not_guessed():
    damaged = ENTRY._replace(person_ref=20, outcome=5)
    assert recover_entry(damaged, compute_leaf_hash(ENTRY)) is None


def test_a_value_that_no_entry_can_have_is_undone_too():
    damaged = ENTRY._replace(kind=300)
    assert recover_entry(damaged, compute_leaf_hash(ENTRY)) == ("kind", ENTRY)
