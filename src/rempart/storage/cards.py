"""Cards as they are stored: runs, batches, cards, keys of presence, orders, revocations.

Refuses to know a card's secret: it stores keys computed from it, and sealed prints.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rempart.kernel.periods import OPEN_END, Period
from rempart.rights.card import CardSerial
from rempart.rights.coverage import Terms
from rempart.rights.terms import parse_terms
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_QUERIES: Final = load_queries("cards")

RunKind: TypeAlias = Literal["yearly", "orders"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRun:
    """An order to issue, resumed until its every file is written.

    Args:
        contracts: How many contracts it began with.
    """

    run_ref: int
    kind: RunKind
    year: int
    batch_size: int
    contracts: int
    started_at: datetime


class WorkLine(NamedTuple):
    """Somebody a contract covers, as a run finds them."""

    contract_ref: int
    person_ref: int
    period: Period
    terms_id: int
    sealed: bytes
    large_print: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCard:
    """A card to be stored.

    Args:
        keys: Key of presence and person, by place from 1.
        sealed: What prints it.
    """

    serial: CardSerial
    insurer_id: int
    contract_ref: int
    holder_ref: int
    year: int
    part: int
    key_id: bytes
    issued_on: date
    validity: Period
    purpose: str
    large_print: bool
    replaces: CardSerial | None
    page: int
    keys: tuple[tuple[bytes, int], ...]
    sealed: bytes


class StoredBatch(NamedTuple):
    """A batch of a run."""

    batch_ref: int
    number: int
    cards: int
    pages: int
    made_at: datetime
    printed: bool
    file_digest: bytes | None


class WaitingOrder(NamedTuple):
    """A card somebody asked for."""

    order_ref: int
    person_ref: int
    serial: bytes | None
    purpose: str
    large_print: bool


class CardInForce(NamedTuple):
    """A card of a contract that counts."""

    serial: bytes
    holder_ref: int
    part: int


class FoundCard(NamedTuple):
    """One card, as its holder, its insurer or the command line sees it."""

    serial: bytes
    insurer_id: int
    contract_ref: int
    holder_ref: int
    year: int
    beneficiaries: int
    issued_on: date
    valid_from: date
    valid_to: date
    purpose: str
    large_print: bool
    revoked_at: datetime | None
    revoked_reason: str | None
    batch_number: int | None
    page: int
    printed_at: datetime | None


def claim_cards(connection: Transaction, insurer_id: int) -> bool:
    """Keep other runs of an insurer away until this connection ends; False when one is there."""
    [(claimed,)] = connection.execute(_QUERIES.claim_cards, {"insurer_id": insurer_id}).fetchall()
    return bool(claimed)


def load_run(tx: Transaction, insurer_id: int) -> CardRun | None:
    """Return the run of an insurer that is not finished."""
    row = tx.execute(_QUERIES.load_card_run, {"insurer_id": insurer_id}).fetchone()
    return None if row is None else _read_run(row)


def open_run(
    tx: Transaction,
    insurer_id: int,
    *,
    run_ref: int,
    kind: RunKind,
    days: Period,
    batch_size: int,
) -> CardRun:
    """Start a run and list its work.

    Args:
        tx: An open transaction: the run and its work appear together.
        insurer_id: Whose cards.
        run_ref: Drawn by the caller.
        kind: Everybody without a card for the year, or the orders that wait.
        days: From the day a line must reach to the last day of the year.
        batch_size: Contracts in a batch.
    """
    values = {
        "run_ref": run_ref,
        "insurer_id": insurer_id,
        "kind": kind,
        "year": days.ends_on.year,
        "batch_size": batch_size,
        "first_day": days.starts_on,
        "last_day": days.ends_on,
    }
    [(started_at,)] = tx.execute(_QUERIES.open_card_run, values).fetchall()
    work = _QUERIES.list_yearly_work if kind == "yearly" else _QUERIES.list_ordered_work
    tx.execute(work, values)
    contracts = count_work(tx, run_ref)
    tx.execute(_QUERIES.note_contracts, {"run_ref": run_ref, "contracts": contracts})
    return CardRun(
        run_ref=run_ref,
        kind=kind,
        year=days.ends_on.year,
        batch_size=batch_size,
        contracts=contracts,
        started_at=started_at,
    )


def count_work(tx: Transaction, run_ref: int) -> int:
    """Return how many contracts a run has still to do."""
    [(count,)] = tx.execute(_QUERIES.count_card_work, {"run_ref": run_ref}).fetchall()
    return int(count)


def take_work(tx: Transaction, run: CardRun) -> list[WorkLine]:
    """Take the next contracts of a run, people of one contract together."""
    rows = tx.execute(
        _QUERIES.take_card_work, {"run_ref": run.run_ref, "contracts": run.batch_size}
    )
    return [
        WorkLine(contract, person, Period(starts, ends or OPEN_END), terms_id, sealed, large)
        for contract, person, starts, ends, terms_id, sealed, large in rows
    ]


def load_terms(tx: Transaction, terms_ids: Iterable[int]) -> dict[int, Terms]:
    """Return guarantees by reference."""
    rows = tx.execute(_QUERIES.load_contract_terms, {"terms_ids": sorted(set(terms_ids))})
    names = ("convention_type", "csr", "responsible", "domains")
    return {row[0]: parse_terms(dict(zip(names, row[1:], strict=True))) for row in rows}


def load_attachments(
    tx: Transaction, contract_refs: Iterable[int]
) -> dict[int, dict[int, list[int]]]:
    """Return who is on whose card, by contract and holder."""
    found: dict[int, dict[int, list[int]]] = {}
    values = {"contract_refs": sorted(set(contract_refs))}
    for contract, holder, person in tx.execute(_QUERIES.load_attachments, values):
        others = found.setdefault(contract, {}).setdefault(holder, [])
        if person != holder:
            others.append(person)
    return found


def set_attachments(
    tx: Transaction, insurer_id: int, contract_ref: int, attached: dict[int, list[int]]
) -> None:
    """Say who is on whose card of a contract; holders without others count too."""
    tx.execute(_QUERIES.clear_attachments, {"contract_ref": contract_ref})
    with tx.cursor() as cursor:
        cursor.executemany(
            _QUERIES.add_attachment,
            [
                {
                    "contract_ref": contract_ref,
                    "holder_ref": holder,
                    "person_ref": person,
                    "insurer_id": insurer_id,
                }
                for holder, others in attached.items()
                for person in (holder, *others)
            ],
        )


def add_batch(
    tx: Transaction, run: CardRun, insurer_id: int, batch_ref: int, cards: Sequence[NewCard]
) -> None:
    """Store the cards of a batch and open their keys to the gateway."""
    [(number,)] = tx.execute(_QUERIES.next_batch_number, {"run_ref": run.run_ref}).fetchall()
    last = cards[-1]
    tx.execute(
        _QUERIES.add_batch,
        {
            "batch_ref": batch_ref,
            "run_ref": run.run_ref,
            "insurer_id": insurer_id,
            "number": number,
            "cards": len(cards),
            "pages": last.page + (2 if last.large_print else 0),
        },
    )
    with tx.cursor() as cursor:
        cursor.executemany(_QUERIES.add_card, [_write_card(one, batch_ref) for one in cards])
        cursor.executemany(
            _QUERIES.add_print,
            [
                {"serial": one.serial.value, "person_ref": one.holder_ref, "sealed": one.sealed}
                for one in cards
            ],
        )
        cursor.executemany(
            _QUERIES.add_card_key,
            [
                {
                    "presence_key": uuid.UUID(bytes=key),
                    "serial": one.serial.value,
                    "person_ref": person_ref,
                    "place": place,
                }
                for one in cards
                for place, (key, person_ref) in enumerate(one.keys, 1)
            ],
        )


def list_batches(
    tx: Transaction, run_ref: int, *, batch_ref: int | None = None
) -> list[StoredBatch]:
    """Return the batches of a run, in order; or one of them."""
    values = {"run_ref": run_ref, "batch_ref": batch_ref}
    return [StoredBatch(*row) for row in tx.execute(_QUERIES.list_batches_of_run, values)]


def load_prints(tx: Transaction, batch_ref: int) -> list[tuple[bytes, bytes]]:
    """Return serial and sealed print of each card of a batch, in the order of its pages."""
    return [
        (serial, sealed)
        for serial, sealed in tx.execute(_QUERIES.load_prints, {"batch_ref": batch_ref})
    ]


def note_printed(tx: Transaction, batch_ref: int, file_digest: bytes) -> None:
    """Say that a batch's file is written."""
    tx.execute(_QUERIES.note_printed, {"batch_ref": batch_ref, "file_digest": file_digest})


def iterate_run_cards(tx: Transaction, run_ref: int) -> Iterator[tuple[int, int, CardSerial]]:
    """Go through batch, page and serial of every card of a run, within a transaction."""
    with tx.cursor(name="run_cards") as cursor:
        cursor.execute(_QUERIES.list_run_cards, {"run_ref": run_ref})
        for number, page, serial in cursor:
            yield number, page, CardSerial(serial)


def finish_run(tx: Transaction, run_ref: int) -> None:
    """Say that every file of a run is written."""
    tx.execute(_QUERIES.finish_card_run, {"run_ref": run_ref})


def list_waiting_orders(tx: Transaction, insurer_id: int) -> list[WaitingOrder]:
    """Return the orders of an insurer that wait."""
    rows = tx.execute(_QUERIES.list_waiting_orders, {"insurer_id": insurer_id})
    return [WaitingOrder(*row) for row in rows]


def end_orders(tx: Transaction, insurer_id: int, person_refs: Iterable[int]) -> None:
    """End the waiting orders of people whose cards were made."""
    values = {"insurer_id": insurer_id, "person_refs": sorted(set(person_refs))}
    tx.execute(_QUERIES.end_orders, values)


def end_impossible_orders(tx: Transaction, insurer_id: int, before: datetime) -> None:
    """End the orders from before a run that it found nobody to make a card for."""
    tx.execute(_QUERIES.end_impossible_orders, {"insurer_id": insurer_id, "before": before})


def add_order(
    tx: Transaction,
    *,
    order_ref: int,
    insurer_id: int,
    person_ref: int,
    serial: bytes | None,
    purpose: str,
    large_print: bool = False,
    asked_by: int | None = None,
) -> bool:
    """Order a card; False when one of this person waits already."""
    added = tx.execute(
        _QUERIES.add_order,
        {
            "order_ref": order_ref,
            "insurer_id": insurer_id,
            "person_ref": person_ref,
            "serial": serial,
            "purpose": purpose,
            "large_print": large_print,
            "asked_by": asked_by,
        },
    )
    return added.rowcount == 1


def has_waiting_order(tx: Transaction, person_ref: int) -> bool:
    """Say whether an order of somebody waits."""
    [(waits,)] = tx.execute(_QUERIES.has_waiting_order, {"person_ref": person_ref}).fetchall()
    return bool(waits)


def set_large_print(tx: Transaction, insurer_id: int, person_ref: int) -> None:
    """Remember that somebody wants large print."""
    tx.execute(_QUERIES.set_large_print, {"insurer_id": insurer_id, "person_ref": person_ref})


def list_in_force(tx: Transaction, contract_ref: int, year: int) -> list[CardInForce]:
    """Return the cards of a contract that count, for a year."""
    values = {"contract_ref": contract_ref, "year": year}
    return [CardInForce(*row) for row in tx.execute(_QUERIES.list_cards_in_force, values)]


def revoke_card(tx: Transaction, serial: bytes, reason: str) -> bool:
    """Revoke a card; False when none in force that is the asker's has this number."""
    values = {"serial": serial, "reason": reason}
    [(revoked,)] = tx.execute(_QUERIES.revoke_card, values).fetchall()
    return bool(revoked)


def find_card(tx: Transaction, serial: CardSerial) -> FoundCard | None:
    """Return one card, as far as whoever asks may see it."""
    row = tx.execute(_QUERIES.find_card, {"serial": serial.value}).fetchone()
    return None if row is None else FoundCard(*row)


def _read_run(row: tuple[Any, ...]) -> CardRun:
    run_ref, kind, year, batch_size, contracts, started_at = row
    return CardRun(
        run_ref=run_ref,
        kind=kind,
        year=year,
        batch_size=batch_size,
        contracts=contracts,
        started_at=started_at,
    )


def _write_card(one: NewCard, batch_ref: int) -> dict[str, Any]:
    return {
        "serial": one.serial.value,
        "insurer_id": one.insurer_id,
        "contract_ref": one.contract_ref,
        "holder_ref": one.holder_ref,
        "year": one.year,
        "part": one.part,
        "beneficiaries": len(one.keys),
        "key_id": one.key_id,
        "issued_on": one.issued_on,
        "valid_from": one.validity.starts_on,
        "valid_to": one.validity.ends_on,
        "purpose": one.purpose,
        "large_print": one.large_print,
        "replaces": None if one.replaces is None else one.replaces.value,
        "batch_ref": batch_ref,
        "page": one.page,
    }
