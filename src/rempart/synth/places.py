"""Real communes, departments and countries, drawn by their population; invented streets.

Refuses real streets: an address never leads to somebody's door.
"""

from collections import defaultdict
from random import Random
from typing import Final, NamedTuple

from rempart.synth.data_files import build_pool, load_rows, load_words

_POOL: Final = 1 << 17
_DEPARTMENT_POOL: Final = 1 << 11
_ABROAD_POOL: Final = 1 << 10
_STREET_KINDS: Final = (
    "rue", "rue", "rue", "rue", "avenue", "chemin", "impasse", "allée",
)  # fmt: skip

# Born before independence: the department then, not the country now.
_FORMER_DEPARTMENTS: Final = {
    "99352": (1962, ("91352", "92352", "93352", "94352")),
    "99350": (1956, ("95350",)),
    "99351": (1956, ("96351",)),
}


class Residence(NamedTuple):
    """Where a household lives."""

    department: str
    address: str
    postcode: str
    city: str


def department_of(place: str) -> str:
    """Return the department of a birth place: two characters, three overseas.

    >>> department_of("2A004"), department_of("97411")
    ('2A', '974')
    """
    return place[:3] if place.startswith("97") else place[:2]


class Places:
    """Communes and countries to live or be born in; shared by every feed."""

    def __init__(self) -> None:
        communes = load_rows("communes.csv.gz")
        codes = [row["place"] for row in communes]
        self._homes = [
            (department_of(row["place"]), row["postcode"], row["city"]) for row in communes
        ]
        self._births = [code if _is_far(code) else None for code in codes]
        weights = _weigh_communes(codes)
        self._communes = build_pool(enumerate(weights), _POOL)
        self._by_department = _pool_by_department(codes, weights)
        countries = [(row["place"], int(row["share"])) for row in load_rows("countries.csv")]
        self._abroad = build_pool(countries, _ABROAD_POOL)
        self._streets = load_words("streets.txt")

    def draw_residence(self, rng: Random) -> Residence:
        """Draw a home: an invented street of a real commune."""
        random = rng.random
        department, postcode, city = self._homes[self._communes[int(random() * _POOL)]]
        kind = _STREET_KINDS[int(random() * len(_STREET_KINDS))]
        street = self._streets[int(random() * len(self._streets))]
        address = f"{1 + int(random() * 180)} {kind} {street}"
        return Residence(department, address, postcode, city)

    def draw_birth_place(self, rng: Random, *, near: str) -> str | None:
        """Draw a commune, half the time in the department `near`; only far ones are named."""
        if rng.random() < 0.5:
            commune = self._by_department[near][int(rng.random() * _DEPARTMENT_POOL)]
        else:
            commune = self._communes[int(rng.random() * _POOL)]
        return self._births[commune]

    def draw_birth_country(self, rng: Random, *, year: int) -> str:
        """Draw a country, or the department it was before independence."""
        country = self._abroad[int(rng.random() * _ABROAD_POOL)]
        independence, departments = _FORMER_DEPARTMENTS.get(country, (0, ()))
        if year >= independence:
            return country
        return departments[int(rng.random() * len(departments))]


def _is_far(code: str) -> bool:
    """Tell whether a birth place is in Corsica or overseas."""
    return code[:2] in ("2A", "2B", "97")


def _weigh_communes(codes: list[str]) -> list[float]:
    """Give cities their inhabitants, and the other communes equal parts of what is left."""
    cities = {row["place"]: int(row["thousands"]) for row in load_rows("cities.csv")}
    left = {row["department"]: int(row["thousands"]) for row in load_rows("departments.csv")}
    others: defaultdict[str, int] = defaultdict(int)
    for code in codes:
        if code in cities:
            left[department_of(code)] -= cities[code]
        else:
            others[department_of(code)] += 1
    return [
        cities.get(code) or left[department_of(code)] / others[department_of(code)]
        for code in codes
    ]


def _pool_by_department(codes: list[str], weights: list[float]) -> dict[str, tuple[int, ...]]:
    groups: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, weight in enumerate(weights):
        groups[department_of(codes[number])].append((number, weight))
    return {name: build_pool(pairs, _DEPARTMENT_POOL) for name, pairs in groups.items()}
