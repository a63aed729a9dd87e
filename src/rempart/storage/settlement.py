"""Rows of runs, remittances and files to the bank. An IBAN comes out sealed, for a file only."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from rempart.accounts.bank_details import AccountVersion, ChangeState, PayeeCheck
from rempart.accounts.second_person import Agreement
from rempart.claims.states import CLAIM_STATES, ClaimEvent
from rempart.settlement.journal import Entry, split_sides
from rempart.settlement.remittances import Carried, Due, Remittance
from rempart.settlement.runs import RunSheet, RunState
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("settlement")


class StoredRun(NamedTuple):
    """A run, and the last establishment its plan went through."""

    sheet: RunSheet
    planned_to: int


class WaitingDue(NamedTuple):
    """What waits to be paid, and the day its claim was received."""

    due: Due
    received_on: date


class NewRemittance(NamedTuple):
    """A remittance to be written, and the account it is planned for."""

    remittance: Remittance
    oldest_on: date
    change_ref: int
    last_digits: str
    verified: bool


class PlannedRemittance(NamedTuple):
    """A remittance that waits for its file."""

    remittance_id: int
    establishment_ref: int
    cents: int
    oldest_on: date
    change_ref: int


class PaymentFile(NamedTuple):
    """A file that was decided; `run_id` is 0 for direct debits."""

    file_id: int
    kind: str
    run_id: int
    created_at: datetime
    execution_on: date
    payments: int
    cents: int


class TransferRow(NamedTuple):
    """One transfer of a file, its account sealed."""

    remittance_id: int
    establishment_ref: int
    name: str
    cents: int
    sealed_iban: bytes


def read_clock(tx: Transaction) -> datetime:
    """Return the present instant, by the one clock that decides."""
    [row] = tx.execute(_sql.read_clock).fetchall()
    instant: datetime = row[0]
    return instant


def open_run(tx: Transaction, day: date) -> int | None:
    """Begin a run and return its number; None when another one waits."""
    row = tx.execute(_sql.open_run, {"day": day}).fetchone()
    return None if row is None else int(row[0])


def find_open_run(tx: Transaction) -> int | None:
    """Return the run that is being planned or waits for approval."""
    row = tx.execute(_sql.find_open_run).fetchone()
    return None if row is None else int(row[0])


def load_run(tx: Transaction, run_id: int, *, lock: bool = False) -> StoredRun | None:
    """Return a run; with `lock`, nobody else changes it before this transaction ends."""
    query = _sql.lock_run if lock else _sql.load_run
    row = tx.execute(query, {"run_id": run_id}).fetchone()
    if row is None:
        return None
    number, day, state, remittances, cents, planned_to, first_by, first_at, by, at = row
    sheet = RunSheet(
        run_id=number,
        day=day,
        state=RunState(state),
        remittances=remittances,
        cents=cents,
        first=None if first_at is None else Agreement(by=first_by, at=first_at),
        second=None if at is None else Agreement(by=by, at=at),
    )
    return StoredRun(sheet, planned_to)


def list_unfunded(tx: Transaction, day: date) -> frozenset[int]:
    """Return the insurers on whose behalf nothing is paid until their funds come."""
    return frozenset(int(row[0]) for row in tx.execute(_sql.list_unfunded, {"day": day}))


def list_next_places(tx: Transaction, *, day: date, after: int, most: int) -> list[int]:
    """Return the next establishments with something due, in order."""
    values = {"day": day, "after": after, "most": most}
    return [int(row[0]) for row in tx.execute(_sql.list_next_places, values)]


def list_dues(tx: Transaction, *, day: date, places: Sequence[int]) -> list[WaitingDue]:
    """Return what waits for some establishments."""
    rows = tx.execute(_sql.list_dues, {"day": day, "places": list(places)})
    return [
        WaitingDue(Due(part, place, insurer, cents, since), received)
        for part, _undone, place, insurer, cents, since, received in rows
    ]


def list_accounts(tx: Transaction, places: Collection[int]) -> dict[int, list[AccountVersion]]:
    """Return the accounts of some establishments that are, were or will be paid."""
    found: dict[int, list[AccountVersion]] = {}
    cursor = tx.execute(_sql.list_accounts, {"places": list(places)})
    names = [column.name for column in cursor.description or ()]
    for row in cursor:
        facts = dict(zip(names, row, strict=True))
        del facts["sealed_iban"]
        check = facts.pop("payee_check")
        version = AccountVersion(
            **(facts | {"state": ChangeState(facts["state"])}),
            payee_check=None if check is None else PayeeCheck(check),
        )
        found.setdefault(version.establishment_ref, []).append(version)
    return found


def list_holds(tx: Transaction, places: Collection[int]) -> set[tuple[int, int]]:
    """Return the accounts, by establishment and version, that transfers came back from."""
    rows = tx.execute(_sql.list_holds, {"places": list(places)})
    return {(int(place), int(change)) for place, change in rows}


def save_remittances(tx: Transaction, run_id: int, made: Sequence[NewRemittance]) -> bool:
    """Write remittances and what each holds; False when somebody took some of it meanwhile."""
    numbers: dict[int, int] = dict(
        tx.execute(
            _sql.insert_remittances,
            {
                "run_id": run_id,
                "place": [one.remittance.establishment for one in made],
                "cents": [one.remittance.cents for one in made],
                "lines": [len(one.remittance.lines) for one in made],
                "oldest_on": [one.oldest_on for one in made],
                "change_ref": [one.change_ref for one in made],
                "digits": [one.last_digits for one in made],
                "verified": [one.verified for one in made],
            },
        ).fetchall()
    )
    lines = [
        (due.line, due.cents < 0, numbers[due.establishment])
        for one in made
        for due in one.remittance.lines
    ]
    taken = tx.execute(
        _sql.take_dues,
        {
            "part": [part for part, _, _ in lines],
            "undone": [undone for _, undone, _ in lines],
            "remittance": [number for _, _, number in lines],
        },
    )
    shares = [
        (numbers[one.remittance.establishment], insurer, cents, count)
        for one in made
        for insurer, cents, count in _count_by_insurer(one.remittance)
    ]
    tx.execute(
        _sql.insert_shares,
        {
            name: [share[place] for share in shares]
            for place, name in enumerate(("remittance", "insurer", "cents", "lines"))
        },
    )
    return taken.rowcount == len(lines)


def save_carried(tx: Transaction, run_id: int, carried: Sequence[Carried]) -> None:
    """Write what a run leaves, and why."""
    tx.execute(
        _sql.insert_carried,
        {
            "run_id": run_id,
            "place": [one.establishment for one in carried],
            "reason": [one.reason for one in carried],
            "cents": [one.cents for one in carried],
        },
    )


def note_progress(tx: Transaction, run_id: int, *, to: int, remittances: int, cents: int) -> None:
    """Write how far a plan is."""
    values = {"run_id": run_id, "to": to, "remittances": remittances, "cents": cents}
    tx.execute(_sql.note_progress, values)


def set_planned(tx: Transaction, run_id: int) -> None:
    """Write that a plan is complete."""
    tx.execute(_sql.set_planned, {"run_id": run_id})


def save_approval(tx: Transaction, run_id: int, state: RunState, by: int | None) -> bool:
    """Write that somebody agreed, on the machine or on a page; False when it was too late.

    On a page the database itself writes when (0025_settlement.sql); elsewhere this does.
    """
    first = state is RunState.PLANNED
    if by is None:
        query = _sql.save_first if first else _sql.save_second
    else:
        query = _sql.save_first_page if first else _sql.save_second_page
    return tx.execute(query, {"run_id": run_id, "by": by}).rowcount == 1


def lend_second_person(tx: Transaction, run_id: int, actor_ref: int) -> None:
    """Write that somebody was a run's second person, unasked: for a demonstration only."""
    tx.execute(_sql.save_second, {"run_id": run_id, "by": actor_ref})


def save_refusal(tx: Transaction, run_id: int, *, by: int | None, reason: str) -> bool:
    """Write that somebody refused; False when it was too late."""
    values = {"run_id": run_id, "by": by, "reason": reason}
    return tx.execute(_sql.save_refusal, values).rowcount == 1


def release_refused(tx: Transaction) -> int:
    """Let go what refused runs held; return of how many remittances."""
    tx.execute(_sql.release_dues)
    return len(tx.execute(_sql.release_remittances).fetchall())


def set_sending(tx: Transaction, run_id: int) -> None:
    """Write that the files of a run are being made."""
    tx.execute(_sql.set_sending, {"run_id": run_id})


def list_planned(tx: Transaction, run_id: int, *, most: int, lines: int) -> list[PlannedRemittance]:
    """Return the next remittances of a run to put in a file.

    Args:
        tx: A transaction of the role settler.
        run_id: The run.
        most: How many at most.
        lines: How many lines they hold before no other is added: the last may go beyond.
    """
    rows = tx.execute(_sql.list_planned, {"run_id": run_id, "most": most, "lines": lines})
    return [PlannedRemittance(*row) for row in rows]


def hold_remittances(tx: Transaction, reasons: Mapping[int, str]) -> None:
    """Write which remittances are not sent, and why; what they held waits again."""
    values = {"remittance": list(reasons), "reason": list(reasons.values())}
    tx.execute(_sql.hold_remittances, values)


def save_file(
    tx: Transaction,
    *,
    kind: str,
    run_id: int | None,
    created_at: datetime,
    execution_on: date,
    amounts: Sequence[int],
) -> int:
    """Decide a file; return its number."""
    [row] = tx.execute(
        _sql.insert_file,
        {
            "kind": kind,
            "run_id": run_id,
            "created_at": created_at,
            "execution_on": execution_on,
            "count": len(amounts),
            "cents": sum(amounts),
        },
    ).fetchall()
    return int(row[0])


def send_remittances(
    tx: Transaction, days: Mapping[int, int], *, file_id: int, execution_on: date
) -> int:
    """Write that remittances are in a file, and the working days each took; return how many."""
    values = {
        "remittance": list(days),
        "days": list(days.values()),
        "file_id": file_id,
        "execution_on": execution_on,
    }
    sent = tx.execute(_sql.send_remittances, values).rowcount
    tx.execute(_sql.set_callable, {"remittance": list(days)})
    return sent


def write_journal(tx: Transaction, entries: Iterable[Entry]) -> None:
    """Write entries of the journal.

    Raises:
        psycopg.errors.UniqueViolation: one was written already: nothing happens twice.
    """
    sides = [(entry, *split_sides(entry)) for entry in entries]
    if not sides:
        return
    tx.execute(
        _sql.write_journal,
        {
            "event": [entry.event.value for entry, *_ in sides],
            "subject": [entry.subject for entry, *_ in sides],
            "debit_kind": [debit.kind.value for _, debit, _, _ in sides],
            "debit_owner": [debit.owner for _, debit, _, _ in sides],
            "credit_kind": [credit.kind.value for _, _, credit, _ in sides],
            "credit_owner": [credit.owner for _, _, credit, _ in sides],
            "cents": [cents for _, _, _, cents in sides],
        },
    )


def move_claims(tx: Transaction, event: ClaimEvent, remittances: Collection[int]) -> None:
    """Take the claims that remittances pay to their next state; others stay where they are."""
    steps = [(before, after) for (before, one), after in CLAIM_STATES.items() if one is event]
    [to] = {after for _, after in steps}
    tx.execute(
        _sql.move_claims,
        {
            "remittance": list(remittances),
            "event": event.value,
            "from": [before.value for before, _ in steps],
            "to": to.value,
        },
    )


def find_unwritten_file(tx: Transaction, *, kind: str, run_id: int = 0) -> PaymentFile | None:
    """Return the oldest file that was decided and is on no disk."""
    row = tx.execute(_sql.find_unwritten_file, {"run_id": run_id, "kind": kind}).fetchone()
    return None if row is None else PaymentFile(*row)


def list_transfers(tx: Transaction, file_id: int) -> list[TransferRow]:
    """Return the transfers of a file, in order."""
    return [TransferRow(*row) for row in tx.execute(_sql.list_transfers, {"file_id": file_id})]


def set_written(tx: Transaction, file_id: int, digest: bytes) -> None:
    """Write that a file is on the disk; a second time changes nothing."""
    tx.execute(_sql.set_written, {"file_id": file_id, "digest": digest})


def set_sent(tx: Transaction, run_id: int) -> bool:
    """Write that nothing of a run is left to send; False while something is."""
    return tx.execute(_sql.set_sent, {"run_id": run_id}).rowcount == 1


def _count_by_insurer(remittance: Remittance) -> list[tuple[int, int, int]]:
    counts: dict[int, int] = {}
    for due in remittance.lines:
        counts[due.insurer] = counts.get(due.insurer, 0) + 1
    return [(insurer, cents, counts[insurer]) for insurer, cents in remittance.by_insurer]
