"""From the numbers of a synthetic stream to people of the set, and how they are asked about.

The stream says "person 12 345, without a card": here that person gets identifiers, always the same.
Refuses to make anybody up who could exist: strangers have keyed numbers that nobody holds.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from rempart.drill.cast import Identifiers, Person, Visitor, type_identifiers
from rempart.kernel.errors import SetupError
from rempart.kernel.nir import Nir
from rempart.kernel.synthetic import SYNTHETIC_NIRS_PER_MONTH, make_synthetic_nir

CARD_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Of those who are not found, so many left less than two years ago: the portals of 2024 had them.
SHARE_FORMER: Final = 0.4
# Births are concentrated in few communes (S28): a guesser tries those first, month after month.
_TOWNS: Final = 20
# Spreads consecutive numbers over everybody: a prime larger than any set.
_STRIDE: Final = 2_147_483_647


class Town:
    """Everybody on file, found by the numbers of a stream.

    Args:
        people: Everybody on file, former members included.

    Raises:
        SetupError: nobody is covered.
    """

    def __init__(self, people: Sequence[Person]) -> None:
        self._covered = [person for person in people if person.covered]
        self._former = [person for person in people if not person.covered]
        if not self._covered:
            raise SetupError(
                "nobody in the synthetic set is covered: make it again with `rempart synth`"
            )
        self._amc_numbers = sorted({person.amc_number for person in people})
        towns = Counter(person.insured_nir[5:10] for person in people).most_common(_TOWNS)
        self._towns = [town for town, _ in towns]
        self._known: dict[int, Visitor] = {}

    def find(self, subject: int) -> Visitor:
        """Return how somebody is asked about; below 0, somebody who is not found."""
        visitor = self._known.get(subject)
        if visitor is None:
            visitor = self._known[subject] = self._dress(subject)
        return visitor

    def guess(self, random: Random) -> Iterator[Identifiers]:
        """Guess numbers: one month of birth after another, the towns with most births first.

        A number gives sex, year and month of birth; the day and the insurer must be guessed too.
        """
        while True:
            known = random.choice(self._covered)
            for town in self._towns:
                yield Identifiers(
                    amc_number=random.choice(self._amc_numbers),
                    insured_nir=Nir(f"{known.insured_nir[:5]}{town}000").format_compact(),
                    birth_date=f"{known.birth_date[:6]}{random.randint(1, 28):02d}",
                    birth_rank=1,
                )

    def _dress(self, subject: int) -> Visitor:
        if subject >= 0:
            return _welcome(self._covered[subject * _STRIDE % len(self._covered)])
        random = Random(subject)  # noqa: S311 - a play, not a secret
        if self._former and random.random() < SHARE_FORMER:
            return _welcome(random.choice(self._former))
        card = "".join(random.choices(CARD_ALPHABET, k=20))
        return Visitor(
            Identifiers(card_code=card), make_stranger(random, random.choice(self._amc_numbers))
        )


def make_stranger(random: Random, amc_number: str) -> Identifiers:
    """Invent the identifiers of somebody insured elsewhere: well formed, on nobody's file."""
    year, month, day = random.randint(1930, 2015), random.randint(1, 12), random.randint(1, 28)
    nir = make_synthetic_nir(
        sex=random.randint(1, 2),
        year=year,
        month=month,
        serial=random.randrange(SYNTHETIC_NIRS_PER_MONTH // 2, SYNTHETIC_NIRS_PER_MONTH),
    )
    return Identifiers(
        amc_number=amc_number,
        insured_nir=nir.format_compact(),
        birth_date=f"{year}{month:02d}{day:02d}",
        birth_rank=1,
    )


def _welcome(person: Person) -> Visitor:
    card = Identifiers(card_code=person.card_code) if person.card_code else None
    return Visitor(card, type_identifiers(person))
