"""Export what the guard judged: look-ups of a period, as a replay reads them.

Answers come from the ledger, which has them all; what was refused, and what the guard saw of a face
when it was new, from what the guard keeps. Refuses to name anybody: references, and keyed digests
of addresses and software. Of a flood of refusals, the first of each account's day are there.
"""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from rempart.disclosure.acts import COMMAND_LINE, About, LedgerRead
from rempart.disclosure.entry import Kind, Mode
from rempart.exchange.guard_columns import ACCOUNTS, CANARIES, EVENTS
from rempart.exchange.guard_events import BATCH_ROWS, open_guard_file
from rempart.guard.lookups import Lookup
from rempart.rights.lookup import compute_stranger
from rempart.storage.connect import Transaction
from rempart.storage.guard_state import (
    ExportedAnswer,
    ExportedRefusal,
    export_accounts,
    export_answers,
    export_canaries,
    export_refusals,
)
from rempart.workflows.guard.memory import DigestText, make_digests
from rempart.workflows.ledger.record_act import ActsLog, record_act

# A live export never says who was a thief.
_COLUMNS: Final = tuple(column for column in EVENTS if column.name != "stolen")
_PURPOSE: Final = "look-ups of a period for a replay of the guard"
# The ledger's clock is read after the guard's, by less than this.
_LATE_MS: Final = 60_000
# References are numbers in these files; the two departments that are not have these.
_CORSICA: Final = {"2A": 201, "2B": 202}


class JudgedLookup(NamedTuple):
    """A look-up as it was judged, and the profession of its account."""

    lookup: Lookup
    profession: str


class Exported(NamedTuple):
    """How much was written."""

    lookups: int
    accounts: int
    canaries: int


def export_guard_events(
    tx: Transaction,
    acts: ActsLog,
    path: Path,
    *,
    lookup_secret: bytes,
    from_ms: int,
    to_ms: int,
    say: Callable[[int], None] = lambda _: None,
) -> Exported:
    """Write the look-ups of a period, and beside them the accounts and the planted people.

    They are read once the ledger has it: everybody's look-ups leave for a file.

    Args:
        tx: Open transaction of the role gateway; nothing is written to the database.
        acts: The acts log.
        path: Of the look-ups; `-accounts` and `-canaries` are added to its stem for the others.
        lookup_secret: The installation's, for the digests.
        from_ms: The first instant, Unix milliseconds.
        to_ms: The last, excluded.
        say: Called now and then with the number of look-ups written.

    Raises:
        LedgerUnavailable: the reading cannot be recorded: nothing was read.
        Unavailable: a file cannot be written.
    """
    read = LedgerRead(
        question="guard-export",
        purpose=_PURPOSE,
        from_ms=from_ms,
        to_ms=to_ms,
        about=About(kind="everything", count=0),
    )
    record_act(acts, read, by=COMMAND_LINE)
    written = 0
    with open_guard_file(path, _COLUMNS) as file:
        rows = _list_judged(tx, lookup_secret=lookup_secret, from_ms=from_ms, to_ms=to_ms)
        while some := tuple(islice(rows, BATCH_ROWS)):
            file.write(_turn(some))
            written += len(some)
            say(written)
    accounts = export_accounts(tx)
    with open_guard_file(path.with_stem(path.stem + "-accounts"), ACCOUNTS) as file:
        file.write(
            {
                "account": [ref for ref, _, _ in accounts],
                "profession": [profession for _, profession, _ in accounts],
                "department": [number_department(name) for _, _, name in accounts],
            }
        )
    canaries = [compute_stranger(key) for key in export_canaries(tx)]
    with open_guard_file(path.with_stem(path.stem + "-canaries"), CANARIES) as file:
        file.write({"subject": canaries})
    return Exported(written, len(accounts), len(canaries))


def _list_judged(
    tx: Transaction, *, lookup_secret: bytes, from_ms: int, to_ms: int
) -> Iterator[JudgedLookup]:
    """Return the look-ups of a period in the order they were judged.

    Known faces of the very batch that met somebody new come after them.
    """
    answers = _order(_read_answers(tx, make_digests(lookup_secret), from_ms=from_ms, to_ms=to_ms))
    refusals = (_read_refusal(one) for one in export_refusals(tx, from_ms=from_ms, to_ms=to_ms))
    for _, judged in heapq.merge(answers, refusals, key=lambda one: one[0]):
        yield judged


def number_department(department: str | None) -> int | None:
    """Return the number that stands for a department where references are numbers.

    >>> number_department("75"), number_department("2A"), number_department(None)
    (75, 201, None)
    """
    if department is None:
        return None
    return _CORSICA.get(department) or int(department)


# When, and which of the account's new faces it was; known ones come last.
_Order = tuple[int, int]
_LAST: Final = 1 << 62


def _read_answers(
    tx: Transaction, digests: tuple[DigestText, DigestText], *, from_ms: int, to_ms: int
) -> Iterator[tuple[_Order, JudgedLookup]]:
    digest_address, digest_agent = digests
    met: OrderedDict[tuple[int, int], int] = OrderedDict()
    for one in export_answers(tx, from_ms=from_ms, to_ms=to_ms):
        found = one.kind == Kind.DISCLOSE
        subject = one.person_ref if found else compute_stranger(one.lookup_key)
        is_new = _is_first(one, subject, met)
        time_ms = one.met_ms if is_new and one.met_ms is not None else one.t_ms
        place = one.place if is_new and one.place is not None else _LAST
        lookup = Lookup(
            time_ms=time_ms,
            account=one.account_ref,
            subject=subject,
            insurer=one.insurer_id if found else 0,
            subject_department=number_department(one.department) if is_new else None,
            presence=one.mode in (Mode.CARD, Mode.VITALE) or (one.mode == Mode.CODE and found),
            ip=digest_address(one.address),
            user_agent=digest_agent(one.agent),
            found=found,
        )
        yield (time_ms, place), JudgedLookup(lookup, one.profession or "")


def _is_first(one: ExportedAnswer, subject: int, met: "OrderedDict[tuple[int, int], int]") -> bool:
    """Say whether this is the answer that made a face known; `met` has those of a moment ago."""
    while met and next(iter(met.values())) < one.t_ms - _LATE_MS:
        met.popitem(last=False)
    key = (one.account_ref, subject)
    if one.met_ms is None or not one.met_ms <= one.t_ms < one.met_ms + _LATE_MS or key in met:
        return False
    met[key] = one.t_ms
    return True


def _order(
    rows: Iterable[tuple[_Order, JudgedLookup]],
) -> Iterator[tuple[_Order, JudgedLookup]]:
    """Put rows that are nearly in order in order."""
    waiting: list[tuple[_Order, int, JudgedLookup]] = []
    for number, (order, judged) in enumerate(rows):
        heapq.heappush(waiting, (order, number, judged))
        while waiting[0][0][0] < order[0] - _LATE_MS:
            first, _, oldest = heapq.heappop(waiting)
            yield first, oldest
    while waiting:
        first, _, oldest = heapq.heappop(waiting)
        yield first, oldest


def _read_refusal(one: ExportedRefusal) -> tuple[_Order, JudgedLookup]:
    lookup = Lookup(
        time_ms=one.t_ms,
        account=one.account_ref,
        subject=one.subject,
        insurer=one.insurer_id,
        subject_department=number_department(one.subject_department),
        presence=one.presence,
        ip=one.address,
        user_agent=one.agent,
        found=one.found,
    )
    return (one.t_ms, one.place), JudgedLookup(lookup, one.profession or "")


def _turn(rows: tuple[JudgedLookup, ...]) -> dict[str, list[object]]:
    lookups = [row.lookup for row in rows]
    return {
        "time": [one.time_ms for one in lookups],
        "account": [one.account for one in lookups],
        "profession": [row.profession for row in rows],
        "subject": [one.subject for one in lookups],
        "insurer": [one.insurer for one in lookups],
        "subject_department": [one.subject_department for one in lookups],
        "presence": [one.presence for one in lookups],
        "ip": [one.ip for one in lookups],
        "user_agent": [one.user_agent for one in lookups],
        "outcome": ["found" if one.found else "not_found" for one in lookups],
    }
