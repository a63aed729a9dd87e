"""Who is on which card of a contract: one for all, one per adult, one somebody asked for.

Refuses to lose anybody: whoever a contract covers is on one card at least.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.periods import Period
from rempart.rights.card import MAX_BENEFICIARIES, MAX_GUARANTEES, Card, CardBeneficiary
from rempart.rights.coverage import DomainTerms, Terms

CHILD: Final = 3
"""Quality of a child; 1 insured, 2 spouse, 4 other."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Covered:
    """Somebody a contract covers, as far as a card needs it.

    Args:
        person_ref: Reference of the person.
        quality: 1 insured, 2 spouse, 3 child, 4 other.
        insured: Opaque; the same for those who depend on one insured.
        birth_date: Eight characters.
        birth_rank: Tells twins apart.
        given_name: Of which the card's symbol holds the first letter.
        period: Days of the line, within the year.
        terms: The guarantee.
    """

    person_ref: int
    quality: int
    insured: str
    birth_date: BirthDate
    birth_rank: BirthRank
    given_name: str
    period: Period
    terms: Terms

    def __repr__(self) -> str:
        return "<Covered>"

    @property
    def is_child(self) -> bool:
        """Whether they are on the contract as a child."""
        return self.quality == CHILD


@dataclass(frozen=True, slots=True)
class CardPlan:
    """A card to be made: whose it is, and who is on it, in the order of its table."""

    holder: Covered
    people: tuple[Covered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEdition:
    """What the cards of one run have in common.

    Args:
        amc_number: The insurer.
        issued_on: Paris civil date.
    """

    amc_number: AmcNumber
    issued_on: date


def plan_cards(people: Sequence[Covered], attached: Mapping[int, Sequence[int]]) -> list[CardPlan]:
    """Say which cards a contract gives.

    Args:
        people: Everybody it covers, at least one, in any order.
        attached: Where adults have a card each: who is on it besides the holder, by holder.
            Empty: one card for all.

    Returns:
        The cards, by holder in the order of the contract. Adults without an attachment have their
        own; children nobody is attached to are on the first adult's.
    """
    ordered = sorted(people, key=_rank)
    if not attached:
        return [CardPlan(ordered[0], tuple(ordered))]
    adults = [one for one in ordered if not one.is_child or one.person_ref in attached]
    if not adults:
        return [CardPlan(ordered[0], tuple(ordered))]
    on_a_card = {ref for refs in attached.values() for ref in refs}
    on_a_card |= {one.person_ref for one in adults}
    plans = []
    for place, holder in enumerate(adults):
        wanted = set(attached.get(holder.person_ref, ()))
        if place == 0:
            wanted |= {one.person_ref for one in ordered} - on_a_card
        others = (one for one in ordered if one.person_ref in wanted and one is not holder)
        plans.append(CardPlan(holder, (holder, *others)))
    return plans


def plan_own_card(people: Sequence[Covered], holder_ref: int) -> CardPlan | None:
    """Say what is on the card of one person of a contract who asked for their own.

    An adult is with the children who depend on the same insured; a child is alone. None when the
    contract does not cover them.
    """
    ordered = sorted(people, key=_rank)
    holder = next((one for one in ordered if one.person_ref == holder_ref), None)
    if holder is None:
        return None
    children = [
        one
        for one in ordered
        if one.is_child and not holder.is_child and one.insured == holder.insured
    ]
    return CardPlan(holder, (holder, *children))


def attach_separately(people: Iterable[tuple[int, int, str]]) -> dict[int, list[int]]:
    """Say who is on whose card once the adults of a contract have one each.

    Args:
        people: Person, quality and insured of each.

    Returns:
        By adult, the children on their card: a child is with the adults who depend on the same
        insured, and with all when there is none. What the insurer says later is kept elsewhere.
    """
    known = list(people)
    adults = [(ref, insured) for ref, quality, insured in known if quality != CHILD]
    attached: dict[int, list[int]] = {ref: [] for ref, _ in adults}
    for child, quality, insured in known:
        if quality == CHILD:
            parents = [ref for ref, theirs in adults if theirs == insured]
            for ref in parents or attached:
                attached[ref].append(child)
    return attached


def split_parts(plan: CardPlan) -> list[tuple[Covered, ...]]:
    """Cut the people of a card into as many as one card can hold.

    One card has one set of labels, at most fifteen people and eight guarantees. The holder is in
    the first part.
    """
    parts: list[list[Covered]] = []
    for one in plan.people:
        part = next((each for each in parts if _fits(each, one)), None)
        if part is None:
            parts.append([one])
        else:
            part.append(one)
    return [tuple(part) for part in parts]


def make_card(
    edition: CardEdition, people: Sequence[Covered], *, member_number: str, secret: bytes
) -> Card:
    """Return the card of some people of one contract.

    Args:
        edition: What the run's cards have in common.
        people: Of one part of a plan, in the order of the table.
        member_number: The holder's.
        secret: 16 random bytes, drawn for this card alone.

    Raises:
        ValueError: something of it cannot be written in a symbol.
    """
    validity = Period(
        min(one.period.starts_on for one in people), max(one.period.ends_on for one in people)
    )
    guarantees = _list_guarantees(people)
    terms = people[0].terms
    return Card(
        issued_on=edition.issued_on,
        validity=validity,
        amc_number=edition.amc_number,
        convention_type=terms.convention_type,
        csr=terms.csr,
        responsible=terms.responsible,
        member_number=member_number,
        secret=secret,
        guarantees=tuple(guarantees),
        beneficiaries=tuple(
            CardBeneficiary(
                birth_date=one.birth_date,
                birth_rank=one.birth_rank,
                initial=find_initial(one.given_name),
                guarantee=guarantees.index(dict(one.terms.domains)),
                starts_on=_differs(one.period.starts_on, validity.starts_on),
                ends_on=_differs(one.period.ends_on, validity.ends_on),
            )
            for one in people
        ),
    )


def find_initial(given_name: str) -> str:
    """Return the first letter of a given name without its accent, or "" when it has none.

    >>> find_initial("Élodie"), find_initial("'Abd")
    ('E', '')
    """
    letter = unicodedata.normalize("NFD", given_name.strip())[:1].upper()
    return letter if "A" <= letter <= "Z" else ""


def _rank(one: Covered) -> tuple[int, str, int, int]:
    return (one.quality, one.birth_date.text, one.birth_rank.number, one.person_ref)


def _list_guarantees(people: Sequence[Covered]) -> list[dict[str, DomainTerms]]:
    found: list[dict[str, DomainTerms]] = []
    for one in people:
        guarantee = dict(one.terms.domains)
        if guarantee not in found:
            found.append(guarantee)
    return found


def _fits(part: Sequence[Covered], one: Covered) -> bool:
    terms, first = one.terms, part[0].terms
    return (
        len(part) < MAX_BENEFICIARIES
        and terms.convention_type == first.convention_type
        and terms.csr == first.csr
        and terms.responsible == first.responsible
        and len(_list_guarantees([*part, one])) <= MAX_GUARANTEES
    )


def _differs(day: date, common: date) -> date | None:
    return None if day == common else day
