"""What one asks and what comes back, as types.

Refuses to show an identifier: people's identifiers have no `repr`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Card:
    """The code printed on a member's card: proof that the card is there."""

    code: str = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the `identifiers` of a request."""
        return {"mode": "card", "card_code": self.code}


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """Identifiers copied from a certificate, without the card.

    Args:
        amc_number: Number of the complementary insurer.
        insured_nir: NIR of the insured person, 15 characters with the key.
        birth_date: Of the beneficiary, AAAAMMJJ as on the certificate.
        birth_rank: 1 but for twins.
    """

    amc_number: str
    insured_nir: str = field(repr=False)
    birth_date: str = field(repr=False)
    birth_rank: int = field(default=1, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the `identifiers` of a request."""
        return {
            "mode": "typed",
            "amc_number": self.amc_number,
            "insured_nir": self.insured_nir,
            "birth_date": self.birth_date,
            "birth_rank": self.birth_rank,
        }


Person: TypeAlias = Card | Typed


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of the base de remboursement, compulsory insurance included: 10000 is 100 %."""

    rate_bp: int
    circuit: str | None
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forfait:
    """A fixed amount."""

    amount_cents: int
    circuit: str | None
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TicketModerateur:
    """What compulsory insurance leaves on its own tariff, and no more."""

    circuit: str | None
    conditions: tuple[str, ...]


Terms: TypeAlias = Rate | Forfait | TicketModerateur


@dataclass(frozen=True, slots=True)
class Engagement:
    """The promise to pay: its number goes on the invoice, until `expires_on` included."""

    number: str
    expires_on: date


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where the answer was written before it left; the checkpoint is signed. Keep it."""

    log: str
    index: int
    checkpoint: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Tiers payant is open for this domain on this day."""

    domain: str
    care_date: date
    terms: Terms
    engagement: Engagement
    consigne: str
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Tiers payant is not open; `consigne` says what to do."""

    domain: str
    care_date: date
    reason: str
    consigne: str
    receipt: Receipt


RightsAnswer: TypeAlias = Open | Closed


def read_answer(document: Mapping[str, Any]) -> RightsAnswer:
    """Read the body of an answer. Keys this version does not know are passed over.

    Raises:
        ValueError: it is not an answer.
    """
    try:
        answer, receipt = document["answer"], Receipt(**_pick(document["receipt"], _RECEIPT))
        care_date = date.fromisoformat(answer["care_date"])
        if answer["rights"] == "open":
            promise = answer["engagement"]
            return Open(
                domain=answer["domain"],
                care_date=care_date,
                terms=_read_terms(answer["terms"]),
                engagement=Engagement(promise["number"], date.fromisoformat(promise["expires_on"])),
                consigne=answer["consigne"],
                receipt=receipt,
            )
        return Closed(
            domain=answer["domain"],
            care_date=care_date,
            reason=answer["reason"],
            consigne=answer["consigne"],
            receipt=receipt,
        )
    except (KeyError, TypeError) as wrong:
        raise ValueError("this is not an answer to a rights check") from wrong


_RECEIPT = ("log", "index", "checkpoint")


def _pick(document: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: document[name] for name in names}


def _read_terms(terms: Mapping[str, Any]) -> Terms:
    circuit, conditions = terms["circuit"], tuple(terms["conditions"])
    match terms["kind"]:
        case "rate":
            return Rate(terms["rate_bp"], circuit, conditions)
        case "forfait":
            return Forfait(terms["amount_cents"], circuit, conditions)
        case "ticket_moderateur":
            return TicketModerateur(circuit, conditions)
    raise ValueError("terms of a kind this version does not know: bring the client up to date")
