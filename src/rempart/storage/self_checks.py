"""Lists that answer cards: who is in them, their buckets. Roles: notifier, feeds; portals reads.

Refuses to keep which bucket somebody asked for: reading one writes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rempart.disclosure.fields import Field
from rempart.notices.facts import Certainty, Doubt, IncidentFacts
from rempart.notices.facts_json import read_facts
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("self_checks")
BLOCK: Final = 2000
_MOST_LISTS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedList:
    """A list as a browser needs it, and the page it belongs to."""

    list_ref: int
    salt: bytes
    bits: int
    made_at: datetime
    amc_number: str
    page_number: int
    facts: IncidentFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckablePage:
    """A page that cards may be checked for; `basis` of its list, None when it has none."""

    page_ref: int
    insurer_id: int
    incident_id: int
    amc_number: str
    basis: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAnswer:
    """What one person was told last."""

    person_ref: int
    certainty: Certainty
    doubt: Doubt | None
    exposed: Field
    not_exposed: Field
    package_number: int

    def __repr__(self) -> str:
        return "<ListedAnswer>"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCard:
    """One line of a card that somebody may hold, with what prints the card, sealed."""

    person_ref: int
    place: int
    serial: bytes
    is_holder: bool
    sealed: bytes

    def __repr__(self) -> str:
        return "<HeldCard>"


def list_served(tx: Transaction) -> list[ServedList]:
    """Return the lists that answer now, the newest first."""
    return [
        ServedList(
            list_ref=list_ref,
            salt=salt,
            bits=bits,
            made_at=made_at,
            amc_number=amc_number,
            page_number=number,
            facts=read_facts(facts),
        )
        for list_ref, salt, bits, made_at, amc_number, number, facts in tx.execute(
            QUERIES.list_self_checks, {"limit": _MOST_LISTS}
        )
    ]


def load_bucket(tx: Transaction, list_ref: int, prefix: int) -> bytes | None:
    """Return one bucket; None: no such list answers any more."""
    row = tx.execute(QUERIES.load_bucket, {"list_ref": list_ref, "prefix": prefix}).fetchone()
    return None if row is None else bytes(row[0])


def list_checkable_pages(tx: Transaction) -> list[CheckablePage]:
    """Return the public pages that hold."""
    return [
        CheckablePage(
            page_ref=ref, insurer_id=insurer, incident_id=incident, amc_number=amc, basis=basis
        )
        for ref, insurer, incident, amc, basis in tx.execute(QUERIES.list_checkable_pages)
    ]


def measure_messages(tx: Transaction, page: CheckablePage) -> tuple[int, int, int, int]:
    """Return how many messages are approved, the last one, how many say nothing, the package."""
    [row] = tx.execute(QUERIES.measure_messages, _name(page)).fetchall()
    count, last, undecided, package = map(int, row)
    return count, last, undecided, package


def measure_cards(cards: Transaction, insurer_id: int) -> tuple[int, int]:
    """Return how many cards of an insurer count, and how many there ever were (role feeds)."""
    [(held, ever)] = cards.execute(QUERIES.measure_cards, {"insurer_id": insurer_id}).fetchall()
    return int(held), int(ever)


def iterate_answers(tx: Transaction, page: CheckablePage) -> Iterator[list[ListedAnswer]]:
    """Yield what everybody concerned was told last, in blocks."""
    with closing(tx.cursor("answers", scrollable=False)) as cursor:
        cursor.itersize = BLOCK
        cursor.execute(QUERIES.list_answers, _name(page))
        block: list[ListedAnswer] = []
        for person_ref, certainty, doubt, fields, not_exposed, number in cursor:
            block.append(
                ListedAnswer(
                    person_ref=person_ref,
                    certainty=Certainty(certainty),
                    doubt=None if doubt is None else Doubt(doubt),
                    exposed=Field(fields),
                    not_exposed=Field(not_exposed),
                    package_number=number,
                )
            )
            if len(block) == BLOCK:
                yield block
                block = []
        if block:
            yield block


def list_held_cards(
    cards: Transaction, insurer_id: int, person_refs: Sequence[int]
) -> list[HeldCard]:
    """Return the lines that some people have on cards that count (role feeds)."""
    values = {"insurer_id": insurer_id, "person_refs": list(person_refs)}
    return [
        HeldCard(
            person_ref=person_ref,
            place=place,
            serial=bytes(serial),
            is_holder=holder_ref == person_ref,
            sealed=bytes(sealed),
        )
        for person_ref, place, serial, holder_ref, sealed in cards.execute(
            QUERIES.list_prints, values
        )
    ]


def replace_list(
    tx: Transaction,
    page: CheckablePage,
    *,
    list_ref: int,
    basis: bytes,
    salt: bytes,
    buckets: Sequence[bytes],
) -> None:
    """Write the list of a page in place of the one before: browsers see one of the two, whole."""
    bits = len(buckets).bit_length() - 1
    tx.execute(QUERIES.delete_self_check, {"page_ref": page.page_ref})
    tx.execute(
        QUERIES.insert_self_check,
        {
            "list_ref": list_ref,
            "page_ref": page.page_ref,
            "basis": basis,
            "salt": salt,
            "bits": bits,
        },
    )
    tx.cursor().executemany(
        QUERIES.insert_bucket,
        (
            {"list_ref": list_ref, "prefix": prefix, "entries": bucket}
            for prefix, bucket in enumerate(buckets)
        ),
    )


def forget_list(tx: Transaction, page: CheckablePage) -> None:
    """Take the list of a page away."""
    tx.execute(QUERIES.delete_self_check, {"page_ref": page.page_ref})


def forget_idle_lists(tx: Transaction) -> int:
    """Take away the lists of pages that hold no more; return how many."""
    return tx.execute(QUERIES.delete_idle_self_checks).rowcount


def _name(page: CheckablePage) -> Mapping[str, int]:
    return {"incident_id": page.incident_id, "insurer_id": page.insurer_id}
