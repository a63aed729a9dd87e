"""Take what the bank says, once: transfers paid or come back, funds that came, and the rest.

One file is one transaction: whole or not at all. What nothing explains waits in suspense, and is
explained later by somebody. A transfer that came back is due again; its account is left alone until
the establishment has another, when the reason says so. Refuses a file twice, by its bytes and by
its name.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from rempart.claims.states import ClaimEvent
from rempart.exchange.bank_statement import read_bank_file, refuse_bank_file
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.iban import Iban
from rempart.kernel.reasons import clean_reason
from rempart.settlement.bank_matching import (
    BankFile,
    Match,
    list_mentions,
    list_refs,
    match_movements,
)
from rempart.settlement.journal import (
    Account,
    AccountKind,
    Entry,
    confirm,
    explain,
    receive_funds,
    return_funds,
    suspend,
    take_back,
)
from rempart.settlement.references import read_reference
from rempart.settlement.return_reasons import find_reason
from rempart.storage import bank_files, funds, settlement
from rempart.storage.bank_files import Suspended
from rempart.storage.connect import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenFile:
    """What a file told.

    Args:
        statement_id: What the bank calls it.
        states: How many movements, by what they were.
        gap: Whether it does not open with what the statement before closed with: one is missing.
    """

    statement_id: str
    states: Mapping[str, int]
    gap: bool


@dataclass(slots=True)
class _Effects:
    """What movements do, gathered before it is written."""

    paid: dict[int, date] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)


def import_bank_file(tx: Transaction, path: Path, *, account: Iban) -> TakenFile:
    """Take one file of the bank.

    Args:
        tx: A transaction of the role settler.
        path: The file.
        account: The payer's account.

    Raises:
        BankFileRefused: it is wrong, of another account, or was taken already.
    """
    file = read_bank_file(path, account=account)
    bank_files.lock_imports(tx)
    if bank_files.find_same(tx, file) is not None:
        raise refuse_bank_file("bank_repeated", file.statement_id)
    before = bank_files.find_last_closing(tx, file.booked_to)
    matches = _match(tx, file)
    bank_file_id = bank_files.save_bank_file(tx, file)
    lines = bank_files.save_lines(tx, bank_file_id, matches)
    _apply(tx, matches, lines)
    return TakenFile(
        statement_id=file.statement_id,
        states=Counter(one.state for one in matches),
        gap=file.kind == "statement" and before is not None and before != file.opening_cents,
    )


def explain_as_funds(tx: Transaction, line_id: int, *, call: str, note: str) -> None:
    """Say that a suspended movement is an insurer's funds, for a call.

    Args:
        tx: A transaction of the role settler.
        line_id: The movement.
        call: The call's reference.
        note: Why, for whoever reads it later.

    Raises:
        NotFound: nothing of that number waits, or there is no such call.
    """
    line = _take_suspended(tx, line_id)
    found = read_reference(call)
    books = bank_files.load_books(tx, [found] if found else [], [])
    if found is None or found[0] != "call" or found[1] not in books.calls:
        raise NotFound("there is no such call for funds")
    known = books.calls[found[1]]
    account = Account(AccountKind.INSURER, known.insurer_id)
    settlement.write_journal(tx, [explain(line_id, to=account, cents=line.cents)])
    bank_files.receive_funds(tx, known.call_id, cents=line.cents, day=line.booked_on)
    bank_files.explain_line(
        tx,
        line_id,
        explanation="insurer",
        note=clean_reason(note, name="note"),
        insurer_id=known.insurer_id,
        call_id=known.call_id,
    )


def explain_as_insurer(tx: Transaction, line_id: int, *, amc_number: str, note: str) -> None:
    """Say that a suspended movement is an insurer's, for no call.

    Raises:
        NotFound: nothing of that number waits, or no insurer has this AMC number.
    """
    line = _take_suspended(tx, line_id)
    insurer = funds.find_insurer(tx, amc_number)
    if insurer is None:
        raise NotFound("no insurer has this AMC number")
    account = Account(AccountKind.INSURER, insurer[0])
    settlement.write_journal(tx, [explain(line_id, to=account, cents=line.cents)])
    bank_files.explain_line(
        tx,
        line_id,
        explanation="insurer",
        note=clean_reason(note, name="note"),
        insurer_id=insurer[0],
    )


def explain_as_refund(tx: Transaction, line_id: int, *, establishment_ref: int, note: str) -> None:
    """Say that an establishment paid back all that it owed: it is taken off nothing any more.

    Raises:
        NotFound: nothing of that number waits.
        Conflict: the money left, or the establishment does not owe exactly this.
    """
    line = _take_suspended(tx, line_id)
    if line.cents < 0:
        raise Conflict("this money left: what an establishment pays back comes in")
    remittance_id = bank_files.save_refund(tx, establishment_ref, line.cents)
    if remittance_id is None:
        raise Conflict("the establishment does not owe this sum: compare what waits for it")
    account = Account(AccountKind.PROFESSIONAL, establishment_ref)
    settlement.write_journal(tx, [explain(line_id, to=account, cents=line.cents)])
    bank_files.explain_line(
        tx,
        line_id,
        explanation="refund",
        note=clean_reason(note, name="note"),
        remittance_id=remittance_id,
    )


def explain_as_fees(tx: Transaction, line_id: int, *, note: str) -> None:
    """Say that a suspended movement is the operator's own: what its bank takes or gives.

    Raises:
        NotFound: nothing of that number waits.
    """
    line = _take_suspended(tx, line_id)
    account = Account(AccountKind.FEES)
    settlement.write_journal(tx, [explain(line_id, to=account, cents=line.cents)])
    bank_files.explain_line(tx, line_id, explanation="fees", note=clean_reason(note, name="note"))


def lift_holds(tx: Transaction, establishment_ref: int) -> int:
    """Let the account of an establishment be tried again; return how many holds there were."""
    return bank_files.lift_holds(tx, establishment_ref, by=None)


def _match(tx: Transaction, file: BankFile) -> list[Match]:
    mentions = {one for movement in file.movements for one in list_mentions(movement)}
    refs = {ref for movement in file.movements for ref in list_refs(movement)}
    books = bank_files.load_books(tx, mentions, refs)
    matches = []
    for match in match_movements(file.movements, books):
        whole = match.state == "funds" and match.file_id is not None
        matches += _split(tx, match) if whole else [match]
    # What was split takes its place again.
    return [
        one._replace(movement=replace(one.movement, position=place))
        for place, one in enumerate(matches, start=1)
    ]


def _split(tx: Transaction, match: Match) -> list[Match]:
    """Return the funds of a file of direct debits that was booked whole, call by call."""
    if match.file_id is None:
        return [match]
    return [
        match._replace(
            movement=replace(match.movement, cents=call.open_cents),
            call_id=call.call_id,
            insurer_id=call.insurer_id,
        )
        for call in bank_files.list_calls_of_file(tx, match.file_id)
    ]


def _apply(tx: Transaction, matches: Sequence[Match], lines: Mapping[int, int]) -> None:
    """Write what movements do: first what was paid, then what came back."""
    effects = _Effects()
    for match in matches:
        _gather(tx, effects, match, lines[match.movement.position])
    returned = [match for match in matches if match.state == "returned"]
    for match in returned:
        # Told of its return before its payment: it was paid all the same.
        effects.paid.setdefault(_number(match), match.movement.booked_on)
    confirmed = bank_files.confirm_remittances(tx, effects.paid)
    effects.entries += [confirm(ref, cents=cents) for ref, cents in confirmed]
    settlement.move_claims(tx, ClaimEvent.CONFIRM, [ref for ref, _ in confirmed])
    for match in returned:
        effects.entries += _return(tx, match)
    settlement.write_journal(tx, effects.entries)


def _gather(tx: Transaction, effects: _Effects, match: Match, line_id: int) -> None:
    movement = match.movement
    match match.state:
        case "paid" if match.file_id is not None:
            sent = bank_files.list_of_file(tx, match.file_id)
            effects.paid.update((one.remittance_id, movement.booked_on) for one in sent)
        case "paid":
            effects.paid[_number(match)] = movement.booked_on
        case "funds" | "funds_returned" if match.call_id is not None and match.insurer_id:
            cents, insurer = movement.cents, match.insurer_id
            bank_files.receive_funds(tx, match.call_id, cents=cents, day=movement.booked_on)
            entry = (
                receive_funds(line_id, insurer=insurer, cents=cents)
                if cents > 0
                else return_funds(line_id, insurer=insurer, cents=-cents)
            )
            effects.entries.append(entry)
        case "suspense":
            effects.entries.append(suspend(line_id, cents=movement.cents))


def _return(tx: Transaction, match: Match) -> list[Entry]:
    code, ref = match.movement.return_code or "MS03", _number(match)
    settlement.move_claims(tx, ClaimEvent.RETURN, [ref])
    returned = bank_files.return_remittance(tx, ref, day=match.movement.booked_on, code=code)
    if returned is None:
        return []
    if find_reason(code).holds:
        bank_files.save_hold(tx, returned, remittance_id=ref, code=code)
    place = returned.establishment_ref
    return [take_back(ref, establishment=place, cents=returned.cents, was_confirmed=True)]


def _number(match: Match) -> int:
    if match.remittance_id is None:
        raise ValueError(f"a movement that was {match.state} names its transfer")
    return match.remittance_id


def _take_suspended(tx: Transaction, line_id: int) -> Suspended:
    line = bank_files.load_suspended(tx, line_id)
    if line is None:
        raise NotFound(f"no movement {line_id} waits for an explanation")
    return line
