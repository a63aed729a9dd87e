"""A model of the portals of January 2024: a search by NIR showed eight fields of everybody on it.

Whatever was asked of Rempart during the drill is asked of this model too, so that both leaks can be
set side by side. It had no rate bound that anybody published, kept former members two more years,
and returned the insured and their dependants together. Refuses to be flattered: what the thief
typed is not counted as gained.

Source: S1, S2, S3 (the eight fields; former members); docs/explanation/the-drill.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024, Field
from rempart.drill.cast import Identifiers, Person

KNOWN_FROM_THE_NIR = Field.NIR
KNOWN_FROM_THE_LIST = Field.NIR | Field.BIRTH_DATE | Field.BIRTH_RANK | Field.INSURER


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """What a thief took: persons, fields shown of any of them, fields gained per person.

    A field is gained when the thief had not typed it. `identity_gained` counts the eight of 2024
    only.
    """

    persons: int
    shown: Field
    gained: Field
    gained_per_person: float
    identity_per_person: float


def index_by_nir(people: Iterable[Person]) -> dict[str, tuple[Person, ...]]:
    """Group everybody on file by the insured's NIR, as the portal's search did."""
    families: dict[str, list[Person]] = {}
    for person in people:
        families.setdefault(person.insured_nir, []).append(person)
    return {nir: tuple(family) for nir, family in families.items()}


def measure_portal(
    families: Mapping[str, tuple[Person, ...]], searches: Iterable[Identifiers]
) -> Leak:
    """Ask the model everything the robots asked and count what it showed.

    Args:
        families: Everybody on file, by NIR.
        searches: What the robots typed, those Rempart refused to answer included.
    """
    known: dict[Person, Field] = {}
    for typed in searches:
        for person in families.get(typed.insured_nir, ()):
            known[person] = known.get(person, Field(0)) | _known_of(person, typed)
    gained = {person: EIGHT_FIELDS_OF_2024 & ~typed for person, typed in known.items()}
    return measure_leak(
        ((EIGHT_FIELDS_OF_2024, fields) for fields in gained.values()),
    )


def measure_leak(persons: Iterable[tuple[Field, Field]]) -> Leak:
    """Add up a leak from what was shown and gained of each person."""
    everyone = list(persons)
    shown, gained = Field(0), Field(0)
    for shown_of_one, gained_of_one in everyone:
        shown |= shown_of_one
        gained |= gained_of_one
    return Leak(
        persons=len(everyone),
        shown=shown,
        gained=gained,
        gained_per_person=_mean(fields.bit_count() for _, fields in everyone),
        identity_per_person=_mean(
            (fields & EIGHT_FIELDS_OF_2024).bit_count() for _, fields in everyone
        ),
    )


def _known_of(person: Person, typed: Identifiers) -> Field:
    """Return what the thief had typed about this person: all of the list, or only the NIR."""
    same = (
        typed.birth_date == person.birth_date
        and typed.birth_rank == person.birth_rank
        and typed.amc_number == person.amc_number
    )
    return KNOWN_FROM_THE_LIST if same else KNOWN_FROM_THE_NIR


def _mean(counts: Iterable[int]) -> float:
    values = list(counts)
    return sum(values) / len(values) if values else 0.0
