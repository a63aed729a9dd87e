"""Guarantees: what one product of an insurer pays in each domain, as a feed writes it.

Refuses to be a real offer: levels and amounts are plausible, nothing more.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

_EVERYDAY: Final = ("MEDG", "MEDS", "SVIL", "LABO", "RADL", "AUXM", "SAGE", "CSTE", "EXTE", "TRAN")
_ORDER: Final = (
    "PHAR", "MEDG", "MEDS", "SVIL", "LABO", "RADL", "AUXM", "SAGE", "DENT", "OPTI", "AUDI", "HOSP",
    "CSTE", "EXTE", "TRAN",
)  # fmt: skip

# Level: (everyday care, specialists, dental, hospital) in percent, optics and hearing in euros.
_LEVELS: Final = {
    "essentiel": (None, None, 100, 100, 100, 0),
    "equilibre": (100, 100, 125, 125, 150, 300),
    "confort": (100, 130, 200, 150, 250, 500),
    "serenite": (125, 175, 300, 200, 350, 800),
    "excellence": (150, 220, 400, 300, 420, 1100),
}
_LEVEL_NAMES: Final = tuple(_LEVELS)
CONVENTION_TYPES: Final = ("TP", "SP", "AL", "MU", "OC")
_CIRCUITS: Final = ("IS", "IT", "SP", "AC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One guarantee; `terms` as in the feed format, `PHAR=R100@IS|OPTI=F20000`."""

    level: str
    terms: str
    convention_type: str
    csr: str
    responsible: bool


def draw_products(rng: Random) -> tuple[Product, ...]:
    """Draw the three to eight products of one insurer, all different.

    About one insurer in three also sells a contract for hospital care only, which is not
    "responsible" in the sense of the tax code.
    """
    convention = CONVENTION_TYPES[int(rng.random() * len(CONVENTION_TYPES))]
    circuits = {"PHAR": _draw_circuit(rng), "OPTI": _draw_circuit(rng), "AUDI": _draw_circuit(rng)}
    count = 3 + int(rng.random() * 6)
    products: list[Product] = []
    terms_seen: set[str] = set()
    while len(products) < count:
        hospital_only = len(products) == count - 1 and count > 3 and rng.random() < 0.4
        level = _LEVEL_NAMES[int(rng.random() * len(_LEVEL_NAMES))]
        terms = "HOSP=R200" if hospital_only else _draw_terms(rng, level, circuits)
        if terms in terms_seen:
            continue
        terms_seen.add(terms)
        products.append(
            Product(
                level="hospitalisation" if hospital_only else level,
                terms=terms,
                convention_type=convention,
                csr=f"{len(products) + 1:02d}",
                responsible=not hospital_only,
            )
        )
    return tuple(products)


def choose_product(
    rng: Random, products: tuple[Product, ...], *, other_than: Product | None = None
) -> Product:
    """Draw one product, the first ones more often."""
    while True:
        product = products[int(rng.random() ** 1.6 * len(products))]
        if product is not other_than:
            return product


def _draw_circuit(rng: Random) -> str:
    if rng.random() < 0.35:
        return ""
    return "@" + _CIRCUITS[int(rng.random() * len(_CIRCUITS))]


def _draw_terms(rng: Random, level: str, circuits: dict[str, str]) -> str:
    everyday, specialist, dental, hospital, optics, hearing = _LEVELS[level]
    terms = {domain: _write_rate(everyday) for domain in _EVERYDAY}
    terms["MEDS"] = _write_rate(specialist)
    terms["PHAR"] = "R100" + circuits["PHAR"]
    terms["DENT"] = _write_rate(dental)
    terms["HOSP"] = _write_rate(hospital)
    variation = 10 * int(rng.random() * 6)
    terms["OPTI"] = f"F{(optics + variation) * 100}{circuits['OPTI']}"
    if hearing:
        terms["AUDI"] = f"F{(hearing + variation) * 100}{circuits['AUDI']}"
    if rng.random() < 0.3:
        del terms["TRAN"]
    if rng.random() < 0.2:
        del terms["EXTE"]
    return "|".join(f"{domain}={terms[domain]}" for domain in _ORDER if domain in terms)


def _write_rate(percent: int | None) -> str:
    return "T" if percent is None else f"R{percent}"
