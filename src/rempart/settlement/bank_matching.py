"""What a movement on the operator's account is: which transfer, which funds, or nobody knows yet.

Each movement is explained once: one the bank told before changes nothing, whether as a whole entry
or as the transactions of one. Refuses to guess: what no
reference leads to, or whose amount differs, waits in suspense until somebody says what it is.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, NamedTuple, TypeAlias

from rempart.settlement.references import find_references, read_message_id, read_reference

BankFileKind: TypeAlias = Literal["statement", "notification"]
LineState: TypeAlias = Literal[
    "paid", "returned", "funds", "funds_returned", "repeated", "suspense", "explained"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One movement as the bank tells it.

    Args:
        position: Its place in the file, from 1.
        booked_on: When.
        cents: Above nought: it came in.
        end_to_end: The reference given with the payment.
        batch: The message or batch of ours that was booked as a whole.
        bank_ref: The bank's own reference; the same movement has it in every file.
        entry_ref: That of the entry it is one of several transactions of; empty when it is alone.
        return_code: Why it came back; empty when it did not.
        text: What was written on it: looked through for a reference, and not kept.
    """

    position: int
    booked_on: date
    cents: int
    end_to_end: str = ""
    batch: str = ""
    bank_ref: str = ""
    entry_ref: str = ""
    return_code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankFile:
    """One statement or notification.

    Args:
        statement_id: What the bank calls it.
        digest: SHA-256 of its bytes.
        booked_to: The day of its closing balance; None for a notification.
        opening_cents, closing_cents: Its balances; None for a notification.
        movements: What it tells, in its order.
    """

    kind: BankFileKind
    statement_id: str
    digest: bytes
    booked_to: date | None
    opening_cents: int | None
    closing_cents: int | None
    movements: tuple[Movement, ...]


class Sent(NamedTuple):
    """A transfer that was sent; `state` is sent, paid or returned."""

    remittance_id: int
    cents: int
    state: str


class Called(NamedTuple):
    """A call for funds, whose, and what of it did not come."""

    call_id: int
    insurer_id: int
    open_cents: int


class SentFile(NamedTuple):
    """A file of ours: `kind` is transfer or debit; `open_cents` of it is what nobody confirmed."""

    file_id: int
    kind: str
    cents: int
    open_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What movements of one file may be about, as it stands before them.

    Args:
        sent: Transfers, by their number.
        calls: Calls for funds, by their number.
        files: Files, by their number.
        known_refs: The bank's references that were told before.
    """

    sent: Mapping[int, Sent]
    calls: Mapping[int, Called]
    files: Mapping[int, SentFile]
    known_refs: Collection[str]


class Match(NamedTuple):
    """What a movement is.

    Attributes:
        movement: The movement.
        state: What it is.
        remittance_id, call_id, file_id: What it is about; None when it is not.
        insurer_id: Whose funds; None when they are not.
    """

    movement: Movement
    state: LineState
    remittance_id: int | None = None
    call_id: int | None = None
    file_id: int | None = None
    insurer_id: int | None = None


def format_part_ref(entry_ref: str, number: int) -> str:
    """Write the reference of one transaction of an entry, where the bank gave it none of its own.

    >>> format_part_ref("B1", 2)
    'B1-2'
    """
    return f"{entry_ref[:29]}-{number}"


def list_refs(movement: Movement) -> list[str]:
    """Return the references under which a movement may have been told before.

    Its own, that of its whole entry, and that of the first transaction of the entry it is.
    """
    if not movement.bank_ref:
        return [movement.entry_ref] if movement.entry_ref else []
    refs = [movement.bank_ref, movement.entry_ref, format_part_ref(movement.bank_ref, 1)]
    return [ref for ref in refs if ref]


def list_mentions(movement: Movement) -> list[tuple[str, int]]:
    """Return what a movement mentions: remittances, calls and files, by number."""
    found: list[tuple[str, int]] = []
    file_id = read_message_id(movement.batch)
    if file_id is not None:
        found.append(("file", file_id))
    direct = read_reference(movement.end_to_end)
    found += [direct] if direct else find_references(movement.text)
    return found


def match_movements(movements: Iterable[Movement], books: Books) -> list[Match]:
    """Say what the movements of one file are, what leaves before what comes in.

    A transfer that left and came back on the same day is in one file, in any order. Each movement
    is judged after those before it: told twice, the second time changes nothing.
    """
    sent, files, refs = dict(books.sent), dict(books.files), set(books.known_refs)
    calls = dict(books.calls)
    matches = []
    for movement in sorted(movements, key=lambda one: (one.cents > 0, one.position)):
        now = replace(books, sent=sent, files=files, known_refs=refs)
        match = match_movement(movement, now)
        parts = _share_funds(match, calls) if match.state == "funds" else [match]
        for part in parts:
            if part.call_id is not None:
                known_call = calls[part.call_id]
                left = known_call.open_cents - part.movement.cents
                calls[part.call_id] = known_call._replace(open_cents=left)
        matches += parts
        if movement.bank_ref:
            refs.add(movement.bank_ref)
        if match.remittance_id is not None and match.state in {"paid", "returned"}:
            known = sent[match.remittance_id]
            sent[match.remittance_id] = known._replace(state=match.state)
        if match.file_id is not None:
            files[match.file_id] = files[match.file_id]._replace(open_cents=0)
    return matches


def match_movement(movement: Movement, books: Books) -> Match:
    """Say what a movement is.

    A transfer is recognised by its reference and its amount; one that came back needs its reason,
    or its reference on money that comes in. Funds are recognised by the reference of their call,
    whatever the amount: part of it may come, or one sum for several calls. A whole file is booked
    at once when its sum is, or what is left of it; when each of its payments was told before,
    nothing is.
    """
    if any(ref in books.known_refs for ref in list_refs(movement)):
        return Match(movement, "repeated")
    mentions = dict(reversed(list_mentions(movement)))
    if "remittance" in mentions:
        return _match_transfer(movement, books.sent.get(mentions["remittance"]))
    if "call" in mentions:
        return _match_funds(movement, books.calls.get(mentions["call"]))
    if "file" in mentions:
        return _match_file(movement, books.files.get(mentions["file"]))
    return Match(movement, "suspense")


def _match_transfer(movement: Movement, sent: Sent | None) -> Match:
    if sent is None or abs(movement.cents) != sent.cents:
        return Match(movement, "suspense")
    if movement.cents < 0:
        state: LineState = "paid" if sent.state == "sent" else "repeated"
    else:
        state = "returned" if sent.state in {"sent", "paid"} else "repeated"
    return Match(movement, state, remittance_id=sent.remittance_id)


def _match_funds(movement: Movement, call: Called | None) -> Match:
    if call is None:
        return Match(movement, "suspense")
    state: LineState = "funds" if movement.cents > 0 else "funds_returned"
    return Match(movement, state, call_id=call.call_id, insurer_id=call.insurer_id)


def _share_funds(match: Match, calls: Mapping[int, Called]) -> list[Match]:
    """Share funds that came for several calls of one insurer: what is open of each, in order.

    What is over, or missing, is the last one's.
    """
    numbers = [number for kind, number in list_mentions(match.movement) if kind == "call"]
    named = [calls[number] for number in dict.fromkeys(numbers) if number in calls]
    own = [call for call in named if call.insurer_id == match.insurer_id]
    if match.call_id is None or len(own) < 2:
        return [match]
    shared, left = [], match.movement.cents
    for place, call in enumerate(own, start=1):
        cents = left if place == len(own) else min(left, max(0, call.open_cents))
        if cents:
            movement = replace(match.movement, cents=cents)
            shared.append(match._replace(movement=movement, call_id=call.call_id))
        left -= cents
    return shared


def _match_file(movement: Movement, file: SentFile | None) -> Match:
    if file is None or abs(movement.cents) not in {file.cents, file.open_cents}:
        return Match(movement, "suspense")
    if (movement.cents < 0) != (file.kind == "transfer"):
        return Match(movement, "suspense")
    state: LineState = "paid" if file.kind == "transfer" else "funds"
    if not file.open_cents:
        state = "repeated"
    return Match(movement, state, file_id=file.file_id)
