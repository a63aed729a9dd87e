"""First names that fit a birth year, surnames, and how they look in an old computer's file.

Refuses to pair a first name with an origin: surnames are drawn apart.
"""

from collections import defaultdict
from random import Random
from typing import Final

from rempart.synth.data_files import build_pool, load_rows, load_words

_FIRST_NAME_POOL: Final = 1 << 13
_SURNAME_POOL: Final = 1 << 12
_FIRST_DECADE: Final = 1900
_LAST_DECADE: Final = 2020
_HEAD: Final = 30
"""Flattens the head of the list: the weight of the n-th surname is 1 / (n + 30)."""

SEXES: Final = {"M": 1, "F": 2}
"""Sex as INSEE's file writes it and as the NIR does."""


class Names:
    """Pools of first names by sex and decade, and of surnames; shared by every feed."""

    def __init__(self) -> None:
        weights: defaultdict[tuple[int, int], list[tuple[str, float]]] = defaultdict(list)
        for row in load_rows("first_names_by_decade.csv", delimiter=","):
            group = weights[SEXES[row["sex"]], int(row["decade"])]
            group.append((row["first_name"], int(row["births"])))
        self._first = {key: build_pool(pairs, _FIRST_NAME_POOL) for key, pairs in weights.items()}
        surnames = load_words("surnames.txt")
        ranked = [(name, 1 / (rank + _HEAD)) for rank, name in enumerate(surnames)]
        self._surnames = build_pool(ranked, _SURNAME_POOL)

    def first_name(self, rng: Random, *, sex: int, year: int) -> str:
        """Draw one first name of a sex (1 or 2) as births of that decade gave it."""
        decade = min(max(year // 10 * 10, _FIRST_DECADE), _LAST_DECADE)
        return self._first[sex, decade][int(rng.random() * _FIRST_NAME_POOL)]

    def first_names(self, rng: Random, *, sex: int, year: int) -> str:
        """Draw one to three different first names, separated by spaces."""
        names = self.first_name(rng, sex=sex, year=year)
        if rng.random() < 0.55:
            for decade_before in (20, 40) if rng.random() < 0.4 else (20,):
                other = self.first_name(rng, sex=sex, year=year - decade_before)
                if other not in names:
                    names += " " + other
        return names

    def surname(self, rng: Random) -> str:
        """Draw one surname; one in thirty is double."""
        pool = self._surnames
        name = pool[int(rng.random() * _SURNAME_POOL)]
        if rng.random() < 0.033:
            other = pool[int(rng.random() * _SURNAME_POOL)]
            if other != name:
                return f"{name}-{other}"
        return name


_PLAIN: Final = str.maketrans("ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜŸ", "AAACEEEEIIOOUUUY")


def capitalise(text: str) -> str:
    """Return `text` in capitals without accents, as many insurers' files have it.

    >>> capitalise("Hélène François")
    'HELENE FRANCOIS'
    """
    return text.upper().translate(_PLAIN)
