"""The guard's state outside the gateway: reviews, rules, rebuilding, exports.

Refuses to let pages see habits: what people decide is written beside them, and the next gateway
that reads an account applies it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from rempart.guard.decisions import Step
from rempart.guard.late import Followed
from rempart.guard.policy import Policy
from rempart.guard.rules import AccountDay, Rules
from rempart.storage.connect import Transaction
from rempart.storage.guard import Face, Order, SavedAccount, build_rules, format_norms
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("guard_state")
_BATCH: Final = 2000


class RulesVersion(NamedTuple):
    """One version of the rules, when it was made, and for which budget."""

    rules: Rules
    made_at: datetime
    false_containments: float


class Budget(NamedTuple):
    """What mistakes an operator accepts, since when and why."""

    set_at: datetime
    false_containments: float
    days_over: float
    reason: str


class OpenDay(NamedTuple):
    """An account whose last day is over, and still in its habits."""

    account_ref: int
    profession: str
    department: str | None
    habits: bytes
    order: Order | None


class Answer(NamedTuple):
    """An answer as the ledger has it; `address` and `agent` are in clear."""

    t_ms: int
    log_id: int
    idx: int
    kind: int
    mode: int
    person_ref: int
    insurer_id: int
    lookup_key: bytes
    address: str
    agent: str


class Met(NamedTuple):
    """What the guard saw of a face when it was new."""

    t_ms: int
    place: int
    department: str | None


class PastEvent(NamedTuple):
    """A refusal, or what people decided."""

    t_ms: int
    kind: str
    step: int
    presence: bool
    subject: int
    insurer_id: int
    found: bool
    subject_department: str | None
    address: int
    agent: int
    place: int
    enforced: bool


class ExportedAnswer(NamedTuple):
    """An answer with what the guard saw, if the face was new to the account once."""

    t_ms: int
    account_ref: int
    kind: int
    mode: int
    person_ref: int
    insurer_id: int
    lookup_key: bytes
    address: str
    agent: str
    met_ms: int | None
    place: int | None
    department: str | None
    profession: str | None


class ExportedRefusal(NamedTuple):
    """A look-up that was not answered."""

    t_ms: int
    account_ref: int
    presence: bool
    subject: int
    insurer_id: int
    found: bool
    subject_department: str | None
    address: int
    agent: int
    place: int
    profession: str | None


def release(
    tx: Transaction, account_ref: int, now_ms: int, *, keep_allowance: bool = False
) -> bool:
    """Release an account that a review cleared; False when it was not held.

    Args:
        tx: Of the pages, for a security agent of the host; or of the command line.
        account_ref: The account.
        now_ms: When, Unix milliseconds.
        keep_allowance: Leave its allowance as it is: what held it says nothing of its days.
    """
    values = {"account_ref": account_ref, "at_ms": now_ms, "keeps_allowance": keep_allowance}
    return _ask(tx, QUERIES.release, values)


def hold(tx: Transaction, account_ref: int, step: Step, now_ms: int) -> bool:
    """Hold an account for what no look-up shows; False when the guard knows no such account."""
    values = {"account_ref": account_ref, "step": int(step), "at_ms": now_ms}
    return _ask(tx, QUERIES.hold, values)


def list_followed(
    tx: Transaction,
    account_refs: Sequence[int],
    *,
    past_ms: int,
    window_ms: int,
    end_ms: int,
    claim_days: int,
) -> list[Followed]:
    """Count the new faces of some accounts, and those that a claim followed.

    Args:
        tx: A transaction of the role gateway.
        account_refs: The accounts.
        past_ms: From when on, Unix milliseconds.
        window_ms: From when on they are judged; what is before says what was usual.
        end_ms: Until when, not included.
        claim_days: How many days a claim has to follow.
    """
    values = {
        "account_refs": list(account_refs),
        "past_ms": past_ms,
        "window_ms": window_ms,
        "end_ms": end_ms,
        "claim_days": claim_days,
    }
    return [Followed(*row) for row in tx.execute(QUERIES.list_followed, values)]


def try_job(tx: Transaction, name: str) -> bool:
    """Take the right to do a job until the transaction ends; False while somebody else has it."""
    return _ask(tx, QUERIES.try_job, {"name": name})


def list_rules(tx: Transaction, *, most: int = 40) -> list[RulesVersion]:
    """List versions of the rules, the newest first."""
    return [
        RulesVersion(build_rules(*row[:6]), row[6], row[7])
        for row in tx.execute(QUERIES.list_rules, {"most": most})
    ]


def insert_rules(tx: Transaction, rules: Rules, policy: Policy) -> None:
    """Keep a version; nothing when its day has one."""
    values = {
        "day": rules.day,
        "account_days": rules.account_days,
        "width": rules.width,
        "evidence": rules.evidence,
        "card_evidence": rules.card_evidence,
        "false_containments": policy.false_containments,
        "norms": format_norms(rules),
    }
    tx.execute(QUERIES.insert_rules, values)


def list_budgets(tx: Transaction, *, most: int = 100) -> list[Budget]:
    """Return what mistakes were accepted, the newest first."""
    return [Budget(*row) for row in tx.execute(QUERIES.list_budgets, {"most": most})]


def insert_budget(tx: Transaction, policy: Policy, *, reason: str) -> None:
    """Accept other mistakes, from the next rules on."""
    values = {
        "false_containments": policy.false_containments,
        "days_over": policy.days_over,
        "reason": reason,
    }
    tx.execute(QUERIES.insert_budget, values)


def list_days(tx: Transaction, *, first: int, last: int) -> list[AccountDay]:
    """Return every account's days from one date to another."""
    rows = tx.execute(QUERIES.list_days, {"first": first, "last": last})
    return [AccountDay(*row) for row in rows]


def list_open_days(tx: Transaction, *, last: int) -> Iterator[OpenDay]:
    """Return accounts that did not come back after a day."""
    with tx.cursor("open_days") as cursor:
        cursor.itersize = _BATCH
        for ref, profession, department, habits, step, ms, keeps in cursor.execute(
            QUERIES.list_open_days, {"last": last}
        ):
            order = None if step is None else Order(step, ms, keeps)
            yield OpenDay(ref, profession, department, bytes(habits), order)


def insert_days(tx: Transaction, days: Iterable[tuple[int, AccountDay]]) -> None:
    """Keep days that are over."""
    with tx.cursor() as cursor:
        cursor.executemany(
            QUERIES.insert_day,
            [{"account_ref": ref, **one._asdict()} for ref, one in days],
        )


def follow_moves(tx: Transaction) -> int:
    """Take over where accounts work now; return how many moved."""
    return tx.execute(QUERIES.follow_moves).rowcount


def find_account(tx: Transaction, rpps: str) -> int | None:
    """Find the account of a professional."""
    row = tx.execute(QUERIES.find_account, {"rpps": rpps}).fetchone()
    return None if row is None else int(row[0])


def open_lost_accounts(tx: Transaction) -> int:
    """Make rows for accounts only the ledger knows; return how many."""
    return tx.execute(QUERIES.open_lost_accounts).rowcount


def count_lost(tx: Transaction, *, everybody: bool, after: int) -> int:
    """Count the accounts to rebuild."""
    row = tx.execute(QUERIES.count_lost, {"everybody": everybody, "after": after}).fetchone()
    return 0 if row is None else int(row[0])


def list_lost(tx: Transaction, *, everybody: bool, after: int, most: int) -> list[int]:
    """List accounts to rebuild, by reference."""
    values = {"everybody": everybody, "after": after, "most": most}
    return [row[0] for row in tx.execute(QUERIES.list_lost, values)]


def load_account(tx: Transaction, account_ref: int) -> tuple[str, str | None] | None:
    """Return the profession and the department of an account; None when there is none."""
    row = tx.execute(QUERIES.load_account, {"account_ref": account_ref}).fetchone()
    return None if row is None else (row[0], row[1])


def lock_account(tx: Transaction, account_ref: int) -> None:
    """Hold an account until the transaction ends."""
    tx.execute(QUERIES.lock_account, {"account_ref": account_ref})


def list_answers(
    tx: Transaction, account_ref: int, *, after: tuple[int, int, int], most: int
) -> list[Answer]:
    """Return what an account was answered after a point (time, log, index), oldest first."""
    t_ms, log_id, idx = after
    values = {"account_ref": account_ref, "t_ms": t_ms, "log_id": log_id, "idx": idx, "most": most}
    return [
        Answer._make((*row[:7], _read_key(row[7]), *row[8:]))
        for row in tx.execute(QUERIES.list_answers, values)
    ]


def list_faces(tx: Transaction, account_ref: int) -> dict[int, Met]:
    """Return whom an account knows."""
    rows = tx.execute(QUERIES.list_faces, {"account_ref": account_ref})
    return {subject: Met(*seen) for subject, *seen in rows}


def list_accounts_after(tx: Transaction, *, after: int, most: int) -> list[int]:
    """List accounts the guard knows, by reference."""
    values = {"after": after, "most": most}
    return [row[0] for row in tx.execute(QUERIES.list_accounts_after, values)]


def count_old_faces(tx: Transaction, account_refs: Sequence[int], *, before_ms: int) -> int:
    """Count the faces of some accounts that were not answered about since an instant."""
    values = {"account_refs": list(account_refs), "before_ms": before_ms}
    row = tx.execute(QUERIES.count_old_faces, values).fetchone()
    return 0 if row is None else int(row[0])


def delete_old_faces(tx: Transaction, account_refs: Sequence[int], *, before_ms: int) -> int:
    """Forget them; return how many."""
    values = {"account_refs": list(account_refs), "before_ms": before_ms}
    return tx.execute(QUERIES.delete_old_faces, values).rowcount


def list_account_events(tx: Transaction, account_ref: int) -> list[PastEvent]:
    """Return what was refused to an account and decided about it, oldest first."""
    rows = tx.execute(QUERIES.list_account_events, {"account_ref": account_ref})
    return [PastEvent(*row) for row in rows]


def count_at_work(tx: Transaction, account_ref: int, addresses: Sequence[int]) -> dict[int, int]:
    """Return for how many other accounts addresses are usual."""
    values = {"account_ref": account_ref, "addresses": list(addresses)}
    return dict(tx.execute(QUERIES.count_at_work, values).fetchall())


def save_account(tx: Transaction, saved: SavedAccount) -> None:
    """Keep an account that was rebuilt."""
    tx.execute(QUERIES.save_account, saved._asdict())


def insert_faces(tx: Transaction, faces: Sequence[Face]) -> None:
    """Keep whom an account knows."""
    with tx.cursor() as cursor:
        cursor.executemany(QUERIES.insert_face, [face._asdict() for face in faces])


def insert_homes(tx: Transaction, account_ref: int, addresses: Iterable[int]) -> None:
    """Keep where an account works."""
    with tx.cursor() as cursor:
        rows = [{"account_ref": account_ref, "address": address} for address in sorted(addresses)]
        cursor.executemany(QUERIES.insert_home, rows)


def export_answers(tx: Transaction, *, from_ms: int, to_ms: int) -> Iterator[ExportedAnswer]:
    """Return what was answered in a period, in the order of the ledgers' clocks."""
    with tx.cursor("guard_answers") as cursor:
        cursor.itersize = _BATCH
        values = {"from_ms": from_ms, "to_ms": to_ms}
        for row in cursor.execute(QUERIES.export_answers, values):
            yield ExportedAnswer._make((*row[:6], _read_key(row[6]), *row[7:]))


def export_refusals(tx: Transaction, *, from_ms: int, to_ms: int) -> Iterator[ExportedRefusal]:
    """Return what was not answered in a period, in the order of time."""
    with tx.cursor("guard_refusals") as cursor:
        cursor.itersize = _BATCH
        values = {"from_ms": from_ms, "to_ms": to_ms}
        for row in cursor.execute(QUERIES.export_refusals, values):
            yield ExportedRefusal(*row)


def export_accounts(tx: Transaction) -> list[tuple[int, str, str | None]]:
    """Return every account: reference, profession, department."""
    return [(row[0], row[1], row[2]) for row in tx.execute(QUERIES.export_accounts)]


def export_canaries(tx: Transaction) -> list[bytes]:
    """Return the keys of planted people."""
    return [_read_key(row[0]) for row in tx.execute(QUERIES.export_canaries)]


def _read_key(value: UUID) -> bytes:
    return value.bytes


def _ask(tx: Transaction, query: str, values: dict[str, Any]) -> bool:
    row = tx.execute(query, values).fetchone()
    return row is not None and bool(row[0])
