"""A benefit table made of what a card prints, for an insurer that gave no table of its own.

A card says one thing for each domain of care: a share of the base, a forfait or the ticket
modérateur, sometimes in a network only. Refuses to promise more than the card: a domain it does not
name is not paid, but for what every responsible contract owes.

Source: rights.coverage for the terms; tariffs/data/baskets.toml for what is owed.
"""

from collections.abc import Iterator
from typing import Final

from rempart.claims.benefit_table import Benefit, BenefitTable, Limit, Pays, Per
from rempart.claims.claim import Basket
from rempart.kernel.periods import Period
from rempart.rights.coverage import DomainTerms, Forfait, Rate, Terms, TicketModerateur
from rempart.tariffs.domains import DOMAINS

# Acts of which a responsible contract leaves nothing to pay in the first basket.
_FULL_BASKET: Final = (("OPTI", ("MON", "VER")), ("DENT", ("PDT",)), ("AUDI", ("PAU",)))

_GLASSES: Final = "OPTI"
_PAIR: Final = "pair"


def make_card_table(code: str, terms: Terms, period: Period) -> BenefitTable:
    """Make the benefit table of a card. A forfait of glasses is for a pair, frame and lenses.

    Args:
        code: What to call it.
        terms: What the card prints.
        period: The days it holds.
    """
    rows = [*_list_duties(terms)] if terms.responsible else []
    for domain, granted in terms.domains.items():
        rows.extend(_list_rows(domain, granted))
    return BenefitTable(
        code=code,
        period=period,
        responsible=terms.responsible,
        benefits=tuple(rows),
        limits={limit.name: limit for limit in _list_limits(terms)},
    )


def _list_limits(terms: Terms) -> Iterator[Limit]:
    granted = terms.domains.get(_GLASSES)
    if isinstance(granted, Forfait):
        yield Limit(
            name=_PAIR,
            label="Forfait d’un équipement optique",
            per=Per.EQUIPMENT,
            cents=granted.amount_cents,
        )


def _list_duties(terms: Terms) -> Iterator[Benefit]:
    if "HOSP" in terms.domains:
        yield Benefit(label="Forfait journalier", acts=("FJ",), pays=Pays.REAL_COST)
    for domain, acts in _FULL_BASKET:
        if domain in terms.domains:
            yield Benefit(
                label="Panier 100 % Santé", acts=acts, pays=Pays.REAL_COST, basket=Basket.FULL
            )


def _list_rows(domain: str, granted: DomainTerms) -> Iterator[Benefit]:
    label, acts = DOMAINS[domain].fr, (f"domain:{domain}",)
    match granted:
        case Rate(rate_bp=rate_bp, circuit=circuit):
            yield Benefit(
                label=label, acts=acts, pays=Pays.RATE_WITH_AMO, rate_bp=rate_bp, circuit=circuit
            )
        case Forfait(amount_cents=cents, circuit=circuit):
            yield Benefit(
                label=label,
                acts=acts,
                pays=Pays.FORFAIT,
                forfait_cents=cents,
                with_ticket_moderateur=True,
                circuit=circuit,
                limits=(_PAIR,) if domain == _GLASSES else (),
            )
        case TicketModerateur(circuit=circuit):
            yield Benefit(label=label, acts=acts, pays=Pays.TICKET_MODERATEUR, circuit=circuit)
    if granted.circuit is not None:
        # Outside the network, what compulsory insurance leaves, and no more.
        yield Benefit(label=f"{label}, hors réseau", acts=acts, pays=Pays.TICKET_MODERATEUR)
