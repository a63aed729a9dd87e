"""What a run looks at, and the doors by which fields leave. Role: keeper.

Refuses nothing by itself: the database lets a field go only to a run that was approved, or for a
purge that is in the journal.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from rempart.retention.certificate import Departure
from rempart.retention.fields import IDENTITY, Fact, Field
from rempart.retention.lives import Facts
from rempart.retention.plan import Hold, Subject
from rempart.retention.terms import Event, Interruption, Suspension
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("leaving")


class KnownPerson(NamedTuple):
    """One person as the stores know them.

    Attributes:
        person_ref, insurer_id: Who, of which insurer.
        contract_end: Last day of the last contract, portability included; None: none is known.
        last_payment: When something was last paid for them.
        changed_in: Version of the feed their identity is of; 0 when it left.
        gone: Fields that were taken out of it.
        has_identity, has_coverage, has_card, has_account: What the active base holds.
        archived: Fields that the archive holds.
        waits: Whether a file being loaded speaks of them.
    """

    person_ref: int
    insurer_id: int
    contract_end: date | None
    last_payment: date | None
    changed_in: int
    gone: list[str]
    has_identity: bool
    has_coverage: bool
    has_card: bool
    has_account: bool
    archived: list[str]
    waits: bool

    @property
    def facts(self) -> Facts:
        """What their periods count from."""
        facts: dict[Fact, date | None] = {Fact.CONTRACT_END: self.contract_end}
        if self.last_payment is not None:
            facts[Fact.LAST_PAYMENT] = self.last_payment
        return facts

    @property
    def active(self) -> frozenset[Field]:
        """Fields that the active base holds."""
        there = set(IDENTITY - {Field(one) for one in self.gone}) if self.has_identity else set()
        for has, field in (
            (self.has_coverage, Field.COVERAGE),
            (self.has_card, Field.CARD),
            (self.has_account, Field.ACCOUNT),
        ):
            if has:
                there.add(field)
        return frozenset(there)


class KnownRecord(NamedTuple):
    """One claim or promise that came to its end; fields as in `Subject`."""

    subject: int
    person_ref: int
    insurer_id: int
    settled_on: date
    care_on: date
    active: list[str]
    archived: list[str]


class Archived(NamedTuple):
    """One field of one subject, to be sealed into the archive."""

    subject: int
    person_ref: int
    insurer_id: int
    settled_on: date | None
    care_on: date | None
    value: bytes


@dataclass(frozen=True, slots=True)
class SealedItem:
    """What the archive holds of one field of a subject."""

    subject: int
    field: Field
    insurer_id: int
    sealed: bytes
    archived_on: date


def list_leavers(
    tx: Transaction, *, after: int, most: int, ended_by: date
) -> tuple[int, list[int]] | None:
    """Return the last reference of the next block of persons, and those whose contracts ended.

    Returns:
        None when there is nobody after `after`.
    """
    values = {"after": after, "most": most, "ended_by": ended_by}
    row = tx.execute(QUERIES.list_leavers, values).fetchone()
    return None if row is None else (int(row[0]), list(row[1]))


def read_people(tx: Transaction, refs: Iterable[int]) -> list[KnownPerson]:
    """Return what is known of persons, in no order; those nobody knows are left out."""
    return [KnownPerson(*row) for row in tx.execute(QUERIES.read_people, {"refs": list(refs)})]


def list_claims(
    tx: Transaction,
    *,
    after: int,
    most: int,
    settled_by: date,
    given_by: date = date.min,
    only: Sequence[int] | None = None,
) -> list[KnownRecord]:
    """Return claims that came to their end by a day, by reference, or some of them.

    Args:
        tx: A transaction of the keeper.
        after: Those after this reference.
        most: So many at most.
        settled_by: That day.
        given_by: Those whose care was given by this one too.
        only: No others; None: all.
    """
    values = {
        "after": after,
        "most": most,
        "settled_by": settled_by,
        "given_by": given_by,
        "only_these": only,
    }
    return [KnownRecord(*row) for row in tx.execute(QUERIES.list_claims, values)]


def list_promises(
    tx: Transaction, *, after: int, most: int, settled_by: date, only: Sequence[int] | None = None
) -> list[KnownRecord]:
    """Return promises that came to their end by a day, by reference, or some of them."""
    values = {"after": after, "most": most, "settled_by": settled_by, "only_these": only}
    return [KnownRecord(*row) for row in tx.execute(QUERIES.list_promises, values)]


def list_archived(
    tx: Transaction, *, after: int, most: int, only: Sequence[int] | None = None
) -> list[KnownRecord]:
    """Return claims of which only the archive holds something, by reference, or some of them."""
    values = {"after": after, "most": most, "only_these": only}
    return [KnownRecord(*row) for row in tx.execute(QUERIES.list_archived, values)]


def make_person_subjects(tx: Transaction, people: Sequence[KnownPerson]) -> list[Subject]:
    """Return persons with what interrupts their periods and what holds their data."""
    refs = [one.person_ref for one in people]
    events, holds = _list_events(tx, refs), list_holds(tx, refs)
    return [
        Subject(
            subject=one.person_ref,
            person_ref=one.person_ref,
            insurer_id=one.insurer_id,
            facts=one.facts,
            active=one.active,
            archived=frozenset(Field(name) for name in one.archived),
            events=events.get(one.person_ref, ()),
            holds=holds.get(one.person_ref, ()),
        )
        for one in people
    ]


def make_record_subjects(tx: Transaction, records: Sequence[KnownRecord]) -> list[Subject]:
    """Return claims or promises with what interrupts or holds what is about their person."""
    refs = sorted({one.person_ref for one in records})
    events, holds = _list_events(tx, refs), list_holds(tx, refs)
    return [
        Subject(
            subject=one.subject,
            person_ref=one.person_ref,
            insurer_id=one.insurer_id,
            facts={Fact.SETTLED: one.settled_on, Fact.CARE: one.care_on},
            active=frozenset(Field(name) for name in one.active),
            archived=frozenset(Field(name) for name in one.archived),
            events=events.get(one.person_ref, ()),
            holds=holds.get(one.person_ref, ()),
        )
        for one in records
    ]


def lock_insurers(tx: Transaction, insurer_ids: Iterable[int]) -> None:
    """Let imports of these insurers wait until the end of the transaction, or wait for theirs."""
    tx.execute(QUERIES.lock_insurers, {"insurer_ids": sorted(set(insurer_ids))})


def remember_lives(tx: Transaction, people: Sequence[KnownPerson]) -> None:
    """Keep what periods count from, before the rows that say it leave."""
    tx.execute(
        QUERIES.remember_lives,
        {
            "refs": [one.person_ref for one in people],
            "insurer_ids": [one.insurer_id for one in people],
            "ends": [one.contract_end for one in people],
            "payments": [one.last_payment for one in people],
            "versions": [one.changed_in for one in people],
        },
    )


def forget_lives(tx: Transaction, refs: Iterable[int]) -> None:
    """Forget it of persons of whom nothing is left."""
    tx.execute(QUERIES.forget_lives, {"refs": sorted(set(refs))})


def load_identities(tx: Transaction, refs: Iterable[int]) -> list[tuple[int, int, bytes]]:
    """Return person, insurer and sealed identity of those who have one."""
    rows = tx.execute(QUERIES.load_identities, {"refs": list(refs)})
    return [(ref, insurer_id, bytes(sealed)) for ref, insurer_id, sealed in rows]


def save_identities(tx: Transaction, changed: Sequence[tuple[int, bytes, bytes]]) -> None:
    """Write identities sealed again: person, blob, digest."""
    refs, sealed, digests = ([row[place] for row in changed] for place in range(3))
    tx.execute(QUERIES.save_identities, {"refs": refs, "sealed": sealed, "digests": digests})


def read_keys(tx: Transaction, refs: Iterable[int]) -> Mapping[int, list[uuid.UUID]]:
    """Return every key persons are or were known by."""
    return dict(tx.execute(QUERIES.read_keys, {"refs": list(refs)}).fetchall())


def read_values(tx: Transaction, field: Field, refs: Iterable[int]) -> list[Archived]:
    """Return what the archive keeps of a field that is no part of an identity."""
    values = {"field": field.value, "refs": list(refs)}
    return [
        Archived(subject, person_ref, insurer_id, settled_on, care_on, value.encode())
        for subject, person_ref, insurer_id, settled_on, care_on, value in tx.execute(
            QUERIES.read_values, values
        )
    ]


def save_archived(
    tx: Transaction,
    field: Field,
    items: Sequence[Archived],
    *,
    day: date,
    seal: Callable[[Archived], bytes],
) -> None:
    """Put sealed copies into the archive."""
    tx.execute(
        QUERIES.save_archived,
        {
            "field": field.value,
            "day": day,
            "refs": [one.subject for one in items],
            "persons": [one.person_ref for one in items],
            "insurer_ids": [one.insurer_id for one in items],
            "sealed": [seal(one) for one in items],
            "settled": [one.settled_on for one in items],
            "care": [one.care_on for one in items],
        },
    )


def archive_fields(tx: Transaction, run_id: int, field: Field, refs: Iterable[int]) -> None:
    """Take a field of subjects out of the active base, once it is in the archive."""
    tx.execute(QUERIES.archive_fields, {"run_id": run_id, "field": field.value, "refs": list(refs)})


def purge_fields(tx: Transaction, record: int, field: Field, refs: Iterable[int]) -> None:
    """Take a field of subjects out of everything, as a purge said."""
    tx.execute(QUERIES.purge_fields, {"record": record, "field": field.value, "refs": list(refs)})


def load_archived(tx: Transaction, person_ref: int) -> list[SealedItem]:
    """Return what the archive holds of a person, sealed."""
    return [
        SealedItem(subject, Field(field), insurer_id, bytes(sealed), archived_on)
        for subject, field, insurer_id, sealed, archived_on in tx.execute(
            QUERIES.load_archived, {"person_ref": person_ref}
        )
    ]


def count_archived(tx: Transaction) -> list[tuple[int, str, int, date]]:
    """Return insurer, field, how many, and since when, of what the archive holds."""
    return tx.execute(QUERIES.count_archived).fetchall()


def find_gone(tx: Transaction, digests: Iterable[uuid.UUID]) -> list[tuple[int, str, str, date]]:
    """Return insurer, field, step and day of what left of whom these digests know, in order."""
    return tx.execute(QUERIES.find_gone, {"digests": list(digests)}).fetchall()


def find_departures(tx: Transaction, digests: Iterable[uuid.UUID]) -> list[Departure]:
    """Return what left of persons whom these digests know, as certificates have it, in order."""
    return [
        Departure(
            number=number,
            run=run,
            insurer_id=insurer_id,
            person_ref=person_ref,
            field=field,
            subject=subject,
            step=step,
            day=day,
        )
        for number, run, insurer_id, person_ref, field, subject, step, day in tx.execute(
            QUERIES.find_departures, {"digests": list(digests)}
        )
    ]


def _list_events(tx: Transaction, refs: Sequence[int]) -> dict[int, list[Event]]:
    found: dict[int, list[Event]] = {}
    for ref, kind, starts_on, ends_on in tx.execute(QUERIES.list_events, {"refs": list(refs)}):
        event: Event = Interruption(on=starts_on)
        if kind == "suspension":
            event = Suspension(starts_on=starts_on, ends_on=ends_on)
        found.setdefault(ref, []).append(event)
    return found


def list_holds(tx: Transaction, refs: Sequence[int]) -> dict[int, list[Hold]]:
    """Return what holds data of persons, by person."""
    found: dict[int, list[Hold]] = {}
    row: Any
    for row in tx.execute(QUERIES.list_holds, {"refs": list(refs)}):
        ref, name, fields = row
        hold = Hold(name=name, fields=frozenset(Field(one) for one in fields))
        found.setdefault(ref, []).append(hold)
    return found
