"""The questions to the files of sealed segments: one Ibis expression each, for every engine.

Refuses to know where the files are, and how many logs they are of.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import ibis

from rempart.disclosure.entry import Kind, Mode
from rempart.storage.analytics import ENTRIES

_LOOK_UPS: Final = (int(Kind.DISCLOSE), int(Kind.NEGATIVE))
_TYPES: Final = {
    **dict.fromkeys(
        ("log_id", "kind", "purpose", "mode", "domain", "outcome", "schema_version"), "int16"
    ),
    **dict.fromkeys(("insurer_id", "care_day"), "int32"),
    "lookup_key": "binary",
}


class Seen(NamedTuple):
    """One entry about a person, in the names of the columns of `ledger.entry`."""

    log_id: int
    idx: int
    kind: int
    t_ms: int
    account_ref: int
    session_ref: int
    person_ref: int
    insurer_id: int
    purpose: int
    mode: int
    domain: int
    care_day: int
    outcome: int
    fields: int
    schema_version: int
    data_version: int


class SeenPerson(NamedTuple):
    """One person of one insurer, as shown to some accounts or sessions: fields are united."""

    person_ref: int
    insurer_id: int
    fields: int
    lookups: int
    first_ms: int
    last_ms: int


class ColdLookup(NamedTuple):
    """One look-up of an account, as an incident needs it."""

    log_id: int
    idx: int
    kind: int
    t_ms: int
    account_ref: int
    session_ref: int
    person_ref: int
    insurer_id: int
    mode: int
    outcome: int
    lookup_key: bytes
    fields: int


class ShownPerson(NamedTuple):
    """One person of one insurer as an incident lists them; fields are united."""

    insurer_id: int
    person_ref: int
    tier: str
    fields: int
    lookups: int


class Judged(NamedTuple):
    """The sessions of an incident by what they mean for whom they were shown.

    Attributes:
        thief: A thief's.
        mixed: Shared with the owner.
        owner: Held to be the owner's, from anywhere.
        counter: The same, from where the account had worked before: a card explains what it saw.
    """

    thief: Sequence[int]
    mixed: Sequence[int]
    owner: Sequence[int]
    counter: Sequence[int]


@ibis.udf.agg.builtin  # type: ignore[untyped-decorator]
def bit_or(fields: int) -> int:  # type: ignore[empty-body]
    """Unite bitmaps; the name is the engines' own, which Ibis does not know for Spark."""


def ask_who_saw(person_refs: Sequence[int], *, from_ms: int, to_ms: int) -> ibis.Table:
    """Ask for every entry about some persons; the log is the file's."""
    columns = Seen._fields[1:]
    rows = _describe_entries(columns)
    return rows.filter(
        rows.person_ref.isin(person_refs), rows.t_ms >= from_ms, rows.t_ms < to_ms
    ).select(*columns)


def ask_seen_by(
    account_refs: Sequence[int] | None,
    session_refs: Sequence[int] | None,
    *,
    from_ms: int,
    to_ms: int,
) -> ibis.Table:
    """Ask for the persons shown to some accounts, or sessions; None is all of them."""
    rows = _describe_entries(
        ("account_ref", "session_ref", "person_ref", "insurer_id", "kind", "t_ms", "fields")
    )
    shown = rows.filter(
        rows.kind.isin(_LOOK_UPS), rows.person_ref != 0, rows.t_ms >= from_ms, rows.t_ms < to_ms
    )
    if account_refs is not None:
        shown = shown.filter(shown.account_ref.isin(account_refs))
    if session_refs is not None:
        shown = shown.filter(shown.session_ref.isin(session_refs))
    return (
        shown.group_by("person_ref", "insurer_id")
        .aggregate(
            fields=bit_or(shown.fields),
            lookups=shown.count(),
            first_ms=shown.t_ms.min(),
            last_ms=shown.t_ms.max(),
        )
        .order_by("person_ref", "insurer_id")
    )


def ask_lookups(account_refs: Sequence[int], *, from_ms: int, to_ms: int) -> ibis.Table:
    """Ask for the look-ups of some accounts, one by one."""
    rows = _describe_entries(ColdLookup._fields)
    return rows.filter(
        rows.account_ref.isin(account_refs),
        rows.kind.isin(_LOOK_UPS),
        rows.t_ms >= from_ms,
        rows.t_ms < to_ms,
    ).select(*ColdLookup._fields)


def ask_exposed(
    account_refs: Sequence[int], judged: Judged, *, from_ms: int, to_ms: int
) -> ibis.Table:
    """Ask for the list of an incident; the definition is incidents/exposure.py."""
    rows = _describe_entries(
        (
            *("account_ref", "session_ref", "person_ref", "insurer_id"),
            *("kind", "mode", "t_ms", "fields"),
        )
    )
    # One list at first, which engines look up in a table of hashes: conditions that are joined by
    # "or" are tried one by one, so they come after, on the few rows that are left.
    judged_ones = [*judged.thief, *judged.mixed, *judged.owner, *judged.counter]
    asked = rows.filter(
        rows.account_ref.isin(account_refs),
        rows.session_ref.isin(judged_ones),
        rows.kind.isin(_LOOK_UPS),
        rows.person_ref != 0,
        rows.t_ms >= from_ms,
        rows.t_ms < to_ms,
    )
    explained = asked.session_ref.isin(judged.counter) & (asked.mode != int(Mode.TYPED))
    shown = asked.filter(~explained)
    tier = ibis.cases(
        (shown.session_ref.isin(judged.thief), "A"),
        (shown.session_ref.isin(judged.mixed) & (shown.mode == int(Mode.TYPED)), "B"),
        else_="C",
    )
    return (
        shown.group_by("insurer_id", "person_ref")
        .aggregate(tier=tier.min(), fields=bit_or(shown.fields), lookups=shown.count())
        .order_by("insurer_id", "person_ref")
    )


def ask_account_numbers(account_refs: Sequence[int], *, from_ms: int, to_ms: int) -> ibis.Table:
    """Ask for the numbers of some accounts' entries: the first, the last, how many there are."""
    rows = _describe_entries(("account_ref", "acct_seq", "t_ms"))
    theirs = rows.filter(
        rows.account_ref.isin(account_refs), rows.t_ms >= from_ms, rows.t_ms < to_ms
    )
    return theirs.group_by("account_ref").aggregate(
        first=theirs.acct_seq.min(), last=theirs.acct_seq.max(), entries=theirs.count()
    )


def _describe_entries(columns: Iterable[str]) -> ibis.Table:
    return ibis.table({name: _TYPES.get(name, "int64") for name in columns}, name=ENTRIES)
