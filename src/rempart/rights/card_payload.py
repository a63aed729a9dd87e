"""A card to and from the bytes of its symbol: docs/reference/card-format.md.

Refuses two spellings of one card: what does not encode back to the same bytes is not read.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.periods import Period
from rempart.rights.card import FIRST_DAY, PRESENCE_BYTES, Card, CardBeneficiary, check_text
from rempart.rights.coverage import DomainTerms, Forfait, Rate, TicketModerateur
from rempart.tariffs.domains import DOMAINS, Domain

VERSION: Final = 1
DOMAIN_TABLE: Final = 1
KEY_ID_BYTES: Final = 4

_MAX_AMOUNT_BYTES: Final = 4
_MAX_CONDITIONS: Final = 7
_KINDS: Final[tuple[type[DomainTerms], ...]] = (TicketModerateur, Rate, Forfait)


class PayloadRefused(ValueError):
    """The bytes are no card of this version."""


def encode_payload(card: Card, key_id: bytes) -> bytes:
    """Return the payload of a card, to be signed by the key of that id.

    Raises:
        ValueError: a term of a guarantee does not fit in a symbol.
    """
    days = (card.issued_on, card.validity.starts_on, card.validity.ends_on)
    parts = [
        bytes((VERSION,)),
        key_id,
        *(_encode_day(day) for day in days),
        int(card.amc_number.number).to_bytes(5),
        card.secret,
        bytes((int(card.responsible), DOMAIN_TABLE)),
        *(_encode_text(text) for text in (card.convention_type, card.csr, card.member_number)),
        bytes((len(card.guarantees),)),
        *(_encode_guarantee(guarantee) for guarantee in card.guarantees),
        bytes((len(card.beneficiaries),)),
        *(_encode_beneficiary(one) for one in card.beneficiaries),
    ]
    return b"".join(parts)


def decode_payload(payload: bytes) -> tuple[Card, bytes]:
    """Read a payload.

    Returns:
        The card, and the id of the key that must have signed it.

    Raises:
        PayloadRefused: these bytes are no card, or not the only spelling of one.
    """
    reader = _Reader(payload)
    try:
        card, key_id = _read_card(reader)
        spelling = encode_payload(card, key_id)
    except ValueError as impossible:
        raise PayloadRefused("The symbol holds something that no card says.") from impossible
    if spelling != payload:
        raise PayloadRefused("The symbol does not spell its card the one way there is.")
    return card, key_id


class _Reader:
    """Takes fields off the front of some bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise PayloadRefused("The symbol ends too early.")
        self._at += count
        return taken

    def number(self, count: int = 1) -> int:
        return int.from_bytes(self.take(count))

    def day(self) -> date:
        return date.fromordinal(FIRST_DAY.toordinal() + self.number(2))

    def text(self) -> str:
        return self.take(self.number()).decode("ascii")

    def amount(self) -> int:
        value = 0
        for place in range(_MAX_AMOUNT_BYTES):
            byte = self.number()
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return value
        raise PayloadRefused("An amount on the symbol is too long.")


def _read_card(reader: _Reader) -> tuple[Card, bytes]:
    if reader.number() != VERSION:
        raise PayloadRefused("The symbol is of another version.")
    key_id = reader.take(KEY_ID_BYTES)
    issued_on, starts_on, ends_on = reader.day(), reader.day(), reader.day()
    amc_number = AmcNumber(f"{reader.number(5):010}")
    secret = reader.take(PRESENCE_BYTES)
    flags, table = reader.number(), reader.number()
    if flags > 1 or table != DOMAIN_TABLE:
        raise PayloadRefused("The symbol has a flag or a domain table that is not known.")
    convention_type, csr, member_number = reader.text(), reader.text(), reader.text()
    guarantees = tuple(_read_guarantee(reader) for _ in range(reader.number()))
    beneficiaries = tuple(_read_beneficiary(reader) for _ in range(reader.number()))
    card = Card(
        issued_on=issued_on,
        validity=Period(starts_on, ends_on),
        amc_number=amc_number,
        convention_type=convention_type,
        csr=csr,
        responsible=bool(flags),
        member_number=member_number,
        secret=secret,
        guarantees=guarantees,
        beneficiaries=beneficiaries,
    )
    return card, key_id


def _encode_guarantee(guarantee: Mapping[str, DomainTerms]) -> bytes:
    masks: dict[DomainTerms, int] = {}
    for code, domain in DOMAINS.items():
        if code in guarantee:
            terms = guarantee[code]
            masks[terms] = masks.get(terms, 0) | 1 << domain.number - 1
    parts = [mask.to_bytes(2) + _encode_terms(terms) for terms, mask in masks.items()]
    return bytes((len(parts),)) + b"".join(parts)


def _read_guarantee(reader: _Reader) -> Mapping[str, DomainTerms]:
    found: dict[int, DomainTerms] = {}
    for _ in range(reader.number()):
        mask = reader.number(2)
        terms = _read_terms(reader)
        for bit in range(16):
            if mask >> bit & 1:
                found[bit + 1] = terms
    return {Domain.from_number(number).code: found[number] for number in sorted(found)}


def _encode_terms(terms: DomainTerms) -> bytes:
    if len(terms.conditions) > _MAX_CONDITIONS:
        raise ValueError(f"A card tells at most {_MAX_CONDITIONS} conditions of one term.")
    shape = _KINDS.index(type(terms)) | len(terms.conditions) << 3
    if terms.circuit:
        shape |= 4
    parts = [bytes((shape,))]
    if isinstance(terms, Rate):
        parts.append(_encode_amount(terms.rate_bp))
    elif isinstance(terms, Forfait):
        parts.append(_encode_amount(terms.amount_cents))
    if terms.circuit:
        parts.append(_encode_text(terms.circuit))
    parts += [_encode_text(condition) for condition in terms.conditions]
    return b"".join(parts)


def _read_terms(reader: _Reader) -> DomainTerms:
    shape = reader.number()
    kind = shape & 3
    amount = reader.amount() if kind in (1, 2) else 0
    circuit = reader.text() if shape & 4 else None
    conditions = tuple(reader.text() for _ in range(shape >> 3 & _MAX_CONDITIONS))
    match kind:
        case 0:
            return TicketModerateur(circuit=circuit, conditions=conditions)
        case 1:
            return Rate(rate_bp=amount, circuit=circuit, conditions=conditions)
        case 2:
            return Forfait(amount_cents=amount, circuit=circuit, conditions=conditions)
        case _:
            raise PayloadRefused("The symbol has a kind of term that is not known.")


def _encode_beneficiary(one: CardBeneficiary) -> bytes:
    birth = int(one.birth_date.text) * 10 + one.birth_rank.number
    birth |= (one.starts_on is not None) << 30 | (one.ends_on is not None) << 31
    initial = ord(one.initial) - ord("A") + 1 if one.initial else 0
    own_days = [_encode_day(day) for day in (one.starts_on, one.ends_on) if day is not None]
    return birth.to_bytes(4) + bytes((initial | one.guarantee << 5,)) + b"".join(own_days)


def _read_beneficiary(reader: _Reader) -> CardBeneficiary:
    birth, who = reader.number(4), reader.number()
    born_on, rank = divmod(birth & (1 << 30) - 1, 10)
    initial = who & 31
    return CardBeneficiary(
        birth_date=BirthDate(f"{born_on:08}"),
        birth_rank=BirthRank(rank),
        initial=chr(ord("A") + initial - 1) if initial else "",
        guarantee=who >> 5,
        starts_on=reader.day() if birth >> 30 & 1 else None,
        ends_on=reader.day() if birth >> 31 else None,
    )


def _encode_day(day: date) -> bytes:
    return (day.toordinal() - FIRST_DAY.toordinal()).to_bytes(2)


def _encode_text(text: str) -> bytes:
    check_text(text)
    return bytes((len(text),)) + text.encode("ascii")


def _encode_amount(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
