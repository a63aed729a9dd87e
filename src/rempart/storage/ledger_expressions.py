"""The questions to the files of sealed segments: one Ibis expression each, for every engine.

Refuses to know where the files are, and how many logs they are of.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import ibis

from rempart.disclosure.entry import Kind, Mode
from rempart.storage.analytics import ENTRIES, REFERENCE

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
    """One look-up of an account, with what was typed."""

    account_ref: int
    session_ref: int
    t_ms: int
    mode: int
    outcome: int
    insurer_id: int
    person_ref: int
    lookup_key: bytes
    fields: int


# The list of references that the questions of an incident name: of accounts, or of sessions.
SUSPECTS: Final = "suspects"
# What an analysis needs of a look-up, in this order.
LOOKED: Final = (
    *("account_ref", "session_ref", "t_ms", "person_ref", "insurer_id", "mode", "fields"),
)


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


def ask_lookups(columns: Sequence[str], *, from_ms: int, to_ms: int) -> ibis.Table:
    """Ask for the look-ups of the accounts in the list `SUSPECTS`, one by one.

    Every column that is not asked for is one that is not read: a key is random, and costs as much
    as all the others together.
    """
    theirs = _keep_suspects("account_ref", {*columns, "account_ref", "kind", "t_ms"})
    return theirs.filter(
        theirs.kind.isin(_LOOK_UPS), theirs.t_ms >= from_ms, theirs.t_ms < to_ms
    ).select(*columns)


def ask_tries(*, from_ms: int, to_ms: int) -> ibis.Table:
    """Ask what the sessions in the list `SUSPECTS` tried in vain: by insurer and key."""
    columns = {"session_ref", "person_ref", "insurer_id", "lookup_key", "kind", "mode", "t_ms"}
    theirs = _keep_suspects("session_ref", columns)
    tried = theirs.filter(
        theirs.kind.isin(_LOOK_UPS),
        theirs.person_ref == 0,
        theirs.mode != int(Mode.CLAIM),
        theirs.t_ms >= from_ms,
        theirs.t_ms < to_ms,
    )
    return tried.group_by("insurer_id", "lookup_key").aggregate(lookups=tried.count())


def ask_account_numbers(*, from_ms: int, to_ms: int) -> ibis.Table:
    """Ask for the numbers of entries of the accounts in `SUSPECTS`: first, last, how many."""
    theirs = _keep_suspects("account_ref", {"account_ref", "acct_seq", "t_ms"})
    inside = theirs.filter(theirs.t_ms >= from_ms, theirs.t_ms < to_ms)
    return inside.group_by("account_ref").aggregate(
        first=inside.acct_seq.min(), last=inside.acct_seq.max(), entries=inside.count()
    )


def _describe_entries(columns: Iterable[str]) -> ibis.Table:
    return ibis.table({name: _TYPES.get(name, "int64") for name in columns}, name=ENTRIES)


def _keep_suspects(column: str, columns: Iterable[str]) -> ibis.Table:
    """Describe the entries whose account, or session, is in the list `SUSPECTS`."""
    rows = _describe_entries(sorted(columns))
    suspects = ibis.table({REFERENCE: "int64"}, name=SUSPECTS)
    return rows.semi_join(suspects, rows[column] == suspects[REFERENCE])
