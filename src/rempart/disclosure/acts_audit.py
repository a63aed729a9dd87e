"""What the rows beside the acts must show: statements that entries commit to, keys that acts gave.

Refuses to believe a row because it is there: a statement counts when its entry commits to it, a key
when a KEY act of the acts log gave it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rempart.disclosure.acts import (
    ACT_KINDS,
    ACTS_LOG,
    Act,
    ActRefused,
    KeyChange,
    Statement,
    act_commits_to,
    parse_statement,
)
from rempart.disclosure.differences import Difference
from rempart.disclosure.entry import Entry
from rempart.disclosure.note import NoteRefused, NoteVerifier


class StatementRow(NamedTuple):
    """One row of `ledger.statement`, without its log."""

    idx: int
    kind: int
    body: str


class KeyRow(NamedTuple):
    """One row of `ledger.log_key`, without its log."""

    from_size: int
    vkey: str
    act_log: int
    act_idx: int


class PlacedAct(NamedTuple):
    """An act that was read back from a sound entry of the acts log and its statement."""

    idx: int
    act: Act


def read_acts(
    log_id: int, entries: Iterable[Entry], statements: Iterable[StatementRow]
) -> tuple[list[PlacedAct], list[Difference]]:
    """Read the acts of a page of entries back, and say which statements are not theirs.

    Args:
        log_id: The log.
        entries: Its entries that can be trusted, in order; kinds that are no acts are passed over.
        statements: The rows of `ledger.statement` with these entries' indexes.

    Returns:
        The acts whose statement is what the entry commits to, and the differences found.
    """
    kept = {row.idx: row for row in statements}
    acts, differences = [], []
    for entry in entries:
        if entry.kind not in ACT_KINDS:
            continue
        row = kept.pop(entry.idx, None)
        found = _read_act(log_id, entry, row)
        if isinstance(found, Difference):
            differences.append(found)
        else:
            acts.append(PlacedAct(entry.idx, found))
    differences += [
        _statement(log_id, index, (), "extra_row", "no act has this statement") for index in kept
    ]
    return acts, differences


def _read_act(log_id: int, entry: Entry, row: StatementRow | None) -> Act | Difference:
    if log_id != ACTS_LOG:
        return Difference(
            table="entry",
            log_id=log_id,
            row={"idx": entry.idx},
            columns=("kind",),
            rule="act",
            message="an act stands outside the acts log",
        )
    if row is None:
        return _statement(log_id, entry.idx, (), "missing_row", "what the act states is gone")
    statement = Statement(row.kind, row.body)
    if not act_commits_to(entry, statement):
        column = "kind" if act_commits_to(entry, Statement(entry.kind, row.body)) else "body"
        message = f"it is not what entry {entry.idx} commits to"
        return _statement(log_id, entry.idx, (column,), "statement", message)
    try:
        return parse_statement(statement)
    except ActRefused as refusal:
        return _statement(log_id, entry.idx, ("body",), "act", f"no such act: {refusal}")


def find_key_differences(
    log_id: int, origin: str, first_vkey: str, rows: Sequence[KeyRow], acts: Iterable[PlacedAct]
) -> Iterator[Difference]:
    """Compare the later keys of a log with the KEY acts that gave them.

    Args:
        log_id: The log whose keys these are.
        origin: Its name.
        first_vkey: The key it was begun with.
        rows: Its rows of `ledger.log_key`, in the order of `from_size`.
        acts: Acts of the acts log, in order; those that are no change of a key are passed over.
    """
    given = {
        placed.idx: placed.act
        for placed in acts
        if isinstance(placed.act, KeyChange) and placed.act.log == log_id
    }
    vkey, last_size = first_vkey, -1
    for row in rows:
        change = given.pop(row.act_idx, None) if row.act_log == ACTS_LOG else None
        if change is None:
            yield _key(log_id, row.from_size, (), "extra_row", "no KEY act gives this key")
            continue
        told: Mapping[str, object] = {"from_size": change.from_size, "vkey": change.new_vkey}
        differ = tuple(name for name, value in told.items() if getattr(row, name) != value)
        if differ:
            message = f"it is not what act {row.act_idx} states"
            yield _key(log_id, row.from_size, differ, "statement", message)
        if change.old_vkey != vkey or change.from_size <= last_size:
            message = "the key does not follow the one before"
            yield _key(log_id, row.from_size, ("vkey",), "signature", message)
        if not _has_name(change.new_vkey, origin):
            message = "the key is malformed, or not the log's"
            yield _key(log_id, row.from_size, ("vkey",), "signature", message)
        vkey, last_size = change.new_vkey, change.from_size
    for index, change in given.items():
        message = f"the key that act {index} gave is gone"
        yield _key(log_id, change.from_size, (), "missing_row", message)


def _has_name(vkey: str, origin: str) -> bool:
    try:
        return NoteVerifier.parse(vkey).name == origin
    except (NoteRefused, ValueError):
        return False


def _statement(
    log_id: int, index: int, columns: tuple[str, ...], rule: str, message: str
) -> Difference:
    return Difference(
        table="statement",
        log_id=log_id,
        row={"idx": index},
        columns=columns,
        rule=rule,
        message=message,
    )


def _key(
    log_id: int, from_size: int, columns: tuple[str, ...], rule: str, message: str
) -> Difference:
    return Difference(
        table="log_key",
        log_id=log_id,
        row={"from_size": from_size},
        columns=columns,
        rule=rule,
        message=message,
    )
