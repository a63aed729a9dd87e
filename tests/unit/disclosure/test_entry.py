"""A leaf commits to every column, group by group, and shows none."""

import os
import struct
from typing import Any

import pytest

from rempart.disclosure.entry import (
    Entry,
    compute_commitments,
    compute_group_salts,
    compute_leaf,
    compute_leaf_hash,
    compute_leaf_hashes,
)

WHO = ("account_ref", "session_ref", "acct_seq")
WHOM = ("person_ref", "insurer_id", "ins_seq", "lookup_key")
WHAT = (
    *("purpose", "mode", "domain", "care_day", "outcome", "fields"),
    *("schema_version", "data_version", "request_id"),
)


def make_entry(**changes: Any) -> Entry:
    entry = Entry(
        *(1, 7, 1, 1_700_000_000_000, bytes(range(16))),
        *(11, 12, 13),
        *(21, 22, 23, bytes(16)),
        *(31, 32, 33, 34, 35, 36, 37, 38, bytes(16)),
    )
    return entry._replace(**changes)


def change(entry: Entry, column: str) -> Entry:
    value = getattr(entry, column)
    other = bytes([value[0] ^ 1]) + value[1:] if isinstance(value, bytes) else value + 1
    return entry._replace(**{column: other})


def test_every_column_but_the_place_changes_the_leaf():
    entry = make_entry()
    for column in Entry._fields:
        same = compute_leaf(change(entry, column)) == compute_leaf(entry)
        assert same == (column in ("log_id", "idx")), column


@pytest.mark.parametrize(("place", "columns"), [(0, WHO), (1, WHOM), (2, WHAT)])
def test_a_column_changes_the_commitment_of_its_group_only(place: int, columns: tuple[str, ...]):
    before = compute_commitments(make_entry())
    for column in columns:
        after = compute_commitments(change(make_entry(), column))
        assert [a != b for a, b in zip(before, after, strict=True)] == [
            group == place for group in range(3)
        ]


def test_the_three_salts_differ_from_each_other_and_from_the_entrys():
    salt = bytes(range(16))
    assert len({salt, *compute_group_salts(salt)}) == 4


def test_two_entries_that_say_the_same_have_different_leaves():
    assert compute_leaf(make_entry(salt=bytes(16))) != compute_leaf(make_entry(salt=b"x" * 16))


def test_a_group_can_be_opened_without_the_others():
    """An insurer checks whom and what from two salts and one commitment; who stays closed."""
    entry = make_entry()
    who, whom, what = compute_commitments(entry)
    hidden = compute_commitments(change(entry, "account_ref"))
    assert (whom, what) == hidden[1:]
    assert who != hidden[0]


@pytest.mark.parametrize(
    "changes",
    [{"kind": 256}, {"kind": -1}, {"t_ms": -1}, {"insurer_id": 1 << 31}, {"mode": 40_000}],
)
def test_a_value_that_does_not_fit_has_no_leaf(changes: dict[str, int]):
    entry = make_entry(**changes)
    with pytest.raises(struct.error):
        compute_leaf_hash(entry)
    with pytest.raises(struct.error):
        compute_leaf_hashes([entry])


def test_many_leaves_at_once_are_the_same_leaves():
    entries = [make_entry(idx=number, salt=os.urandom(16)) for number in range(300)]
    assert compute_leaf_hashes(entries) == [compute_leaf_hash(entry) for entry in entries]
