"""What amounts depend on besides claims: the standing of who bills, limits used elsewhere.

Refuses to change what was used: a mistake is corrected by a line of its own.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("benefit_inputs")


class StandingKnown(NamedTuple):
    """What is known of an establishment from a day on."""

    establishment_ref: int
    since: date
    optam: bool | None
    networks: tuple[str, ...]


class OutsideUse(NamedTuple):
    """What a claim outside tiers payant used of a limit; `subject`: the insurer's number of it."""

    subject: str
    person_ref: int
    contract_ref: int
    name: str
    since: date
    cents: int
    units: int
    day: date


def list_places(tx: Transaction, numbers: Iterable[str]) -> dict[str, set[int]]:
    """Return the establishments of each FINESS or SIRET number."""
    found: dict[str, set[int]] = {}
    for ref, *known in tx.execute(_sql.list_places, {"numbers": list(numbers)}):
        for number in known:
            if number is not None:
                found.setdefault(number, set()).add(ref)
    return found


def save_standings(tx: Transaction, standings: Sequence[StandingKnown]) -> int:
    """Write standings, each establishment and day once; return how many changed anything."""
    return tx.execute(
        _sql.save_standings,
        {
            "places": [one.establishment_ref for one in standings],
            "days": [one.since for one in standings],
            "optams": [one.optam for one in standings],
            "circuits": [" ".join(one.networks) for one in standings],
        },
    ).rowcount


def find_members(tx: Transaction, keys: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return whom look-up keys lead to, and their insurer, in their order; 0 for nobody."""
    return tx.execute(_sql.find_members, {"keys": [key.hex() for key in keys]}).fetchall()


def list_contracts(
    tx: Transaction, insurer_id: int, persons: Iterable[int]
) -> set[tuple[int, int]]:
    """Return the contracts that people have or had with an insurer, as pairs with the person."""
    asked = {"insurer_id": insurer_id, "persons": list(persons)}
    return set(tx.execute(_sql.list_contracts, asked).fetchall())


def add_outside(tx: Transaction, insurer_id: int, uses: Sequence[OutsideUse]) -> int:
    """Write uses, but those whose number is known; return how many."""
    columns = zip(*uses, strict=True)
    names = ("subjects", "persons", "contracts", "names", "sinces", "cents", "units", "days")
    given = {name: list(column) for name, column in zip(names, columns, strict=True)}
    return tx.execute(_sql.add_outside, {**given, "insurer_id": insurer_id}).rowcount


def list_outside(
    tx: Transaction, insurer_id: int, subjects: Iterable[str]
) -> dict[str, OutsideUse]:
    """Return what is known under some numbers of an insurer."""
    asked = {"insurer_id": insurer_id, "subjects": list(subjects)}
    return {row[0]: OutsideUse(*row) for row in tx.execute(_sql.list_outside, asked)}
