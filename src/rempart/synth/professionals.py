"""Health professionals and where they work, with identifiers that nobody real can hold.

Refuses to know accounts and keys: it only writes who would ask for one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from rempart.kernel.synthetic import (
    make_synthetic_finess,
    make_synthetic_iban,
    make_synthetic_rpps,
    make_synthetic_siret,
)
from rempart.synth.data_files import load_words, split_by_weight
from rempart.synth.dice import make_dice
from rempart.synth.names import Names
from rempart.synth.parameters import Parameters
from rempart.synth.places import Places

_CENTRE_SHARE: Final = 0.242
"""Of the professions that work in health centres: 15 % of all accounts."""
_CENTRE_STAFF: Final = 5
_RPPS_STRIDE: Final = 15_485_863
_RPPS_RANGE: Final = 100_000_000
_SITE_STRIDE: Final = 611_953
_SITE_RANGE: Final = 999_983


@dataclass(frozen=True, slots=True, kw_only=True)
class Profession:
    """One kind of account.

    Args:
        code: What the file says.
        share: Percent of all accounts.
        women: Share of women.
        site: First words of the establishment's name.
        has_finess: Whether the place of work is registered as an establishment.
        staff: Accounts of one place, at most.
        in_centres: Whether some work in health centres.
    """

    code: str
    share: float
    women: float
    site: str
    has_finess: bool
    staff: int = 1
    in_centres: bool = False


PROFESSIONS: Final = (
    Profession(code="pharmacy", share=16, women=0.68, site="Pharmacie", has_finess=True, staff=2),
    Profession(code="general_practitioner", share=18, women=0.52, site="Cabinet médical",
               has_finess=False, staff=2, in_centres=True),
    Profession(code="nurse", share=22, women=0.84, site="Cabinet infirmier",
               has_finess=False, staff=3, in_centres=True),
    Profession(code="physiotherapist", share=10, women=0.52, site="Cabinet de kinésithérapie",
               has_finess=False, staff=2, in_centres=True),
    Profession(code="dentist", share=12, women=0.49, site="Cabinet dentaire",
               has_finess=False, staff=2, in_centres=True),
    Profession(code="optician", share=12, women=0.55, site="Optique", has_finess=True, staff=2),
    Profession(code="laboratory", share=5, women=0.60, site="Laboratoire", has_finess=True,
               staff=2),
    Profession(code="hospital", share=2.5, women=0.72, site="Clinique", has_finess=True, staff=6),
    Profession(code="imaging", share=2.5, women=0.45, site="Imagerie médicale",
               has_finess=True, staff=2),
)  # fmt: skip
"""Shares of accounts by profession: working assumptions, to be replaced by an operator's counts."""


class Professional(NamedTuple):
    """One row of `professionals.csv`."""

    rpps: str
    profession: str
    family_name: str
    first_name: str
    finess: str
    siret: str
    establishment: str
    postcode: str
    city: str
    iban: str


class _Site(NamedTuple):
    finess: str
    siret: str
    establishment: str
    postcode: str
    city: str
    iban: str


def draw_professionals(
    parameters: Parameters, names: Names, places: Places
) -> Iterator[Professional]:
    """Draw every professional, professions mixed, colleagues of one place apart."""
    rng = make_dice(parameters.seed, "professionals")
    sites = _SiteMaker(rng, places, parameters.seed)
    rows: list[tuple[float, Professional]] = []
    counts = split_by_weight(parameters.professional_count, [p.share for p in PROFESSIONS])
    for profession, count in zip(PROFESSIONS, counts, strict=True):
        for _ in range(count):
            sex = 2 if rng.random() < profession.women else 1
            year = parameters.today.year - 27 - int(rng.random() * 40)
            rpps = (parameters.seed + len(rows)) * _RPPS_STRIDE % _RPPS_RANGE
            person = Professional(
                make_synthetic_rpps(rpps).number,
                profession.code,
                names.surname(rng),
                names.first_name(rng, sex=sex, year=year),
                *sites.draw(profession),
            )
            rows.append((rng.random(), person))
    rows.sort()
    return (person for _, person in rows)


class _SiteMaker:
    """Opens places of work and fills them before opening the next."""

    def __init__(self, rng: Random, places: Places, seed: int) -> None:
        self._rng = rng
        self._places = places
        self._words = load_words("streets.txt")
        self._seed = seed
        self._opened = 0
        self._current: dict[str, tuple[_Site, int]] = {}

    def draw(self, profession: Profession) -> _Site:
        """Return the place where the next professional works."""
        in_centre = profession.in_centres and self._rng.random() < _CENTRE_SHARE
        group = "centre" if in_centre else profession.code
        site, left = self._current.get(group, (None, 0))
        if site is None or left == 0:
            site = self._open(
                "Centre de santé" if in_centre else profession.site,
                has_finess=in_centre or profession.has_finess,
            )
            staff = _CENTRE_STAFF if in_centre else profession.staff
            left = 1 + int(self._rng.random() * staff) if staff > 1 else 1
        self._current[group] = site, left - 1
        return site

    def _open(self, kind: str, *, has_finess: bool) -> _Site:
        self._opened += 1
        serial = (self._seed + self._opened) * _SITE_STRIDE % _SITE_RANGE
        home = self._places.draw_residence(self._rng)
        word = self._words[int(self._rng.random() * len(self._words))]
        return _Site(
            make_synthetic_finess(serial).number if has_finess else "",
            make_synthetic_siret(serial).number,
            f"{kind} {word}",
            home.postcode,
            home.city,
            make_synthetic_iban(serial).number,
        )
