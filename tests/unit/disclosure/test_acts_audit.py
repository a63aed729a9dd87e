"""Statements and keys held against the acts: each falsified column is told, with its row."""

import struct

import pytest

from rempart.disclosure.acts import (
    About,
    KeyChange,
    LedgerRead,
    Statement,
    compute_statement_digest,
    draft_act,
)
from rempart.disclosure.acts_audit import (
    KeyRow,
    PlacedAct,
    StatementRow,
    find_key_differences,
    read_acts,
)
from rempart.disclosure.entry import Draft, Entry
from rempart.disclosure.log_keys import KeyPeriod, LogKeys
from rempart.disclosure.note import NoteRefused, NoteSigner

ORIGIN = "rempart.invalid/00000000/log/1"
KEYS = [NoteSigner(ORIGIN, bytes([n]) * 32).verifier.vkey for n in range(1, 5)]
READ = LedgerRead(
    question="lookups",
    purpose="console",
    from_ms=0,
    to_ms=9,
    about=About(kind="everything", count=1),
)
CHANGES = [
    KeyChange(log=1, from_size=size, old_vkey=old, new_vkey=new, reason="annuel")
    for size, old, new in zip((10, 20, 30), KEYS, KEYS[1:], strict=False)
]
ACTS = [PlacedAct(n + 4, act) for n, act in enumerate(CHANGES)]
ROWS = [KeyRow(c.from_size, c.new_vkey, 0, n + 4) for n, c in enumerate(CHANGES)]


def place(draft: Draft, idx: int, log_id: int = 0) -> Entry:
    kind, account, session, person, insurer, *rest = draft
    return Entry(log_id, idx, kind, 1, bytes(16), account, session, 1, person, insurer, 0, *rest)  # type: ignore[call-arg]


def make_page(count: int = 3) -> tuple[list[Entry], list[StatementRow]]:
    entries, rows = [], []
    for idx in range(count):
        draft, statement = draft_act(READ, account_ref=idx, session_ref=0, request_id=bytes(16))
        entries.append(place(draft, idx))
        rows.append(StatementRow(idx, *statement))
    return entries, rows


def tell(
    entries: list[Entry], rows: list[StatementRow], log_id: int = 0
) -> list[tuple[object, ...]]:
    _, found = read_acts(log_id, entries, rows)
    return [(one.table, one.row.get("idx"), one.columns, one.rule) for one in found]


def test_sound_statements_are_read_back_as_acts():
    entries, rows = make_page()
    acts, found = read_acts(0, entries, rows)
    assert acts == [PlacedAct(idx, READ) for idx in range(3)]
    assert found == []


def test_each_falsified_statement_is_told_with_its_column():
    entries, rows = make_page()
    changed = rows[1]._replace(body=rows[1].body.replace("console", "consolé"))
    assert tell(entries, [rows[0], changed, rows[2]]) == [("statement", 1, ("body",), "statement")]
    other = rows[1]._replace(kind=5)
    assert tell(entries, [rows[0], other, rows[2]]) == [("statement", 1, ("kind",), "statement")]
    assert tell(entries, rows[:2]) == [("statement", 2, (), "missing_row")]
    stray = StatementRow(9, 4, "{}")
    assert tell(entries, [*rows, stray]) == [("statement", 9, (), "extra_row")]


def test_two_statements_exchanged_are_told_when_they_say_different_things():
    entries, rows = make_page(2)
    draft, statement = draft_act(CHANGES[0], account_ref=0, session_ref=0, request_id=bytes(16))
    entries.append(place(draft, 2))
    rows.append(StatementRow(2, *statement))
    rows[0], rows[2] = rows[2]._replace(idx=0), rows[0]._replace(idx=2)
    assert [row for _, row, _, _ in tell(entries, rows)] == [0, 2]


def test_an_act_outside_the_acts_log_is_told():
    entries, rows = make_page(1)
    assert tell(entries, rows, log_id=3) == [("entry", 0, ("kind",), "act")]


def test_a_committed_statement_that_is_no_act_is_told():
    draft, statement = draft_act(READ, account_ref=0, session_ref=0, request_id=bytes(16))
    body = statement.body.replace('"until_ms":0', '"until_ms":-1')
    digest = compute_statement_digest(Statement(statement.kind, body))
    key, version = struct.unpack(">16sq", digest[:24])
    entry = place(draft._replace(lookup_key=key, data_version=version), 0)
    assert tell([entry], [StatementRow(0, statement.kind, body)]) == [
        ("statement", 0, ("body",), "act")
    ]


# ---------------------------------------------------------------- keys


def find(rows: list[KeyRow], acts: list[PlacedAct] = ACTS) -> list[tuple[object, ...]]:
    found = find_key_differences(1, ORIGIN, KEYS[0], rows, acts)
    return [(one.row.get("from_size"), one.columns, one.rule) for one in found]


def test_keys_that_acts_gave_are_sound():
    assert find(ROWS) == []
    assert find([], [PlacedAct(0, READ)]) == []


@pytest.mark.parametrize("place_of", range(3))
def test_each_falsified_column_of_a_key_is_told(place_of: int):
    size = ROWS[place_of].from_size

    def replace(**changes: object) -> list[tuple[object, ...]]:
        rows = list(ROWS)
        rows[place_of] = rows[place_of]._replace(**changes)  # type: ignore[arg-type]
        return find(rows)

    assert replace(vkey=KEYS[0]) == [(size, ("vkey",), "statement")]
    assert replace(from_size=size + 1) == [(size + 1, ("from_size",), "statement")]
    assert (size, (), "extra_row") in replace(act_log=1)
    assert (size, (), "extra_row") in replace(act_idx=99)


def test_a_key_taken_away_and_a_key_that_nobody_gave_are_told():
    assert (20, (), "missing_row") in find([ROWS[0], ROWS[2]])
    assert find([*ROWS, KeyRow(40, KEYS[0], 0, 77)]) == [(40, (), "extra_row")]


def test_acts_that_do_not_follow_each_other_are_told():
    skipped = [PlacedAct(4, CHANGES[0]), PlacedAct(6, CHANGES[2])]
    assert find([ROWS[0], ROWS[2]], skipped) == [(30, ("vkey",), "signature")]
    foreign = NoteSigner("elsewhere", bytes(32)).verifier.vkey
    change = KeyChange(log=1, from_size=10, old_vkey=KEYS[0], new_vkey=foreign, reason="x")
    row = KeyRow(10, foreign, 0, 4)
    assert find([row], [PlacedAct(4, change)]) == [(10, ("vkey",), "signature")]


def test_each_size_is_signed_by_the_key_of_its_time():
    keys = LogKeys(ORIGIN, KEYS[0], [KeyPeriod(10, KEYS[1]), KeyPeriod(20, KEYS[2])])
    signs = {size: keys.find_verifier(size).vkey for size in (0, 1, 10, 11, 20, 21, 1 << 40)}
    assert signs == {
        0: KEYS[0],
        1: KEYS[0],
        10: KEYS[0],
        11: KEYS[1],
        20: KEYS[1],
        21: KEYS[2],
        1 << 40: KEYS[2],
    }
    assert keys.current == KeyPeriod(20, KEYS[2])


def test_a_log_may_change_its_key_before_its_first_entry():
    keys = LogKeys(ORIGIN, KEYS[0], [KeyPeriod(0, KEYS[1])])
    assert keys.find_verifier(1).vkey == KEYS[1]


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ("nonsense", []),
        (NoteSigner("elsewhere", bytes(32)).verifier.vkey, []),
        (KEYS[0], [KeyPeriod(10, KEYS[1]), KeyPeriod(10, KEYS[2])]),
        (KEYS[0], [KeyPeriod(20, KEYS[1]), KeyPeriod(10, KEYS[2])]),
        (KEYS[0], [KeyPeriod(-1, KEYS[1])]),
        (KEYS[0], [KeyPeriod(10, NoteSigner("elsewhere", bytes(32)).verifier.vkey)]),
    ],
)
def test_keys_that_cannot_follow_each_other_are_refused(first: str, later: list[KeyPeriod]):
    with pytest.raises(NoteRefused):
        LogKeys(ORIGIN, first, later)
