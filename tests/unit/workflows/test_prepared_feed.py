"""People packed ahead: those the file speaks of twice are taken out, rows and all."""

from datetime import date

import pytest

from rempart.storage.feed_copy import Packer
from rempart.storage.sealing import Seal
from rempart.workflows.feeds.person import PersonKeys, Statement
from rempart.workflows.feeds.prepared_feed import (
    NewPerson,
    ReadyPeople,
    encode_groups,
    find_met,
    join_ready,
    pack_new,
    read_statements,
    set_apart,
)

DAYS = (date(2024, 1, 1), date(2024, 1, 1), date(2024, 12, 31), None, None)


def make_key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def make_ready(*people: tuple[int, ...], line: int = 2) -> ReadyPeople:
    """People given by their keys, one row each, the last of each batch a former member."""
    statements = [
        Statement(line + n, make_key(keys[0]), b"", b"", b"", 1, DAYS, 1, False, b"")
        for n, keys in enumerate(people)
    ]
    new = [
        NewPerson(PersonKeys([make_key(key) for key in keys], []), b"p", bytes(16), b"sheet", ended)
        for keys, ended in zip(people, [False] * (len(people) - 1) + [True], strict=True)
    ]
    refs, rows = pack_new(Packer(insurer_id=1, version=1), Seal(1, bytes(32)), new)
    return ReadyPeople(
        [b"".join(map(make_key, keys)) for keys in people],
        refs,
        [(len(people), encode_groups([[statement] for statement in statements]))],
        [(len(people) - 1, 99, "duplicate_row")],
        rows,
    )


def count_rows(ready: ReadyPeople) -> list[int]:
    rows = ready.rows
    kinds = (rows.persons, rows.sheets, rows.past_sheets, rows.lookups, rows.person_keys)
    assert all(kind == sorted(kind) for kind in kinds)
    return [len(kind) for kind in kinds]


def test_people_without_a_key_in_common_stay_packed():
    ready, people = join_ready([make_ready((1, 2), (3,)), make_ready((4,), (5, 6), line=4)])
    assert people == []
    assert count_rows(ready) == [4, 2, 2, 3, 3]
    assert [place for place, _, _ in ready.refused] == [1, 3]


@pytest.mark.parametrize("shared", [4, 5])
def test_two_people_of_different_batches_who_share_a_key_are_both_set_apart(shared: int):
    ready, people = join_ready([make_ready((1, 2), (3, shared)), make_ready((4,), (5,), line=4)])
    other = {4: 2, 5: 3}[shared]
    assert [row.number for person in people for row in read_statements(person)] == [3, 2 + other]
    assert count_rows(ready)[0] == 2
    assert [ready.match_keys[place] for place in (1, other)] == [b"", b""]
    assert not {1, other} & {place for place, _, _ in ready.refused}


def test_somebody_whom_a_key_leads_to_already_is_set_apart_with_every_row():
    ready, none = join_ready([make_ready((1, 2), (3,))])
    assert none == []
    met = find_met(ready, {make_key(2)})
    kept, [person] = set_apart(ready, met)
    assert met == {0}
    assert person.match_keys == make_key(1) + make_key(2)
    assert not person.simple
    assert count_rows(kept) == [1, 0, 1, 0, 1]
    assert count_rows(ready) == [2, 1, 1, 2, 1]
    assert "sheet" not in repr(kept)


def test_nobody_is_set_apart_for_a_key_of_somebody_else():
    ready, _ = join_ready([make_ready((1, 2), (3,))])
    assert find_met(ready, {make_key(9)}) == set()
    assert set_apart(ready, ()) == (ready, [])
