"""From the people of a contract to its cards: signed, sealed for printing, keyed for the gateway.

Refuses to put a name in a symbol, and to keep a secret elsewhere than on the card and in its seal.
"""

import secrets as randomness
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from rempart.exchange.card_letter import CardPrint, CardPurpose, encode_print
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.periods import Period
from rempart.rights.card import PRESENCE_BYTES, Card, CardSerial, compute_presence_key
from rempart.rights.card_household import (
    CardEdition,
    CardPlan,
    Covered,
    attach_separately,
    make_card,
    plan_cards,
    plan_own_card,
    split_parts,
)
from rempart.rights.card_signature import CardSigner
from rempart.rights.coverage import Terms
from rempart.storage import cards
from rempart.storage.card_prints import PrintSeal
from rempart.storage.cards import CardRun, NewCard, WaitingOrder, WorkLine
from rempart.storage.connect import Transaction
from rempart.storage.feeds import FeedInsurer
from rempart.storage.sealing import Kms, PersonRecord, Seal, load_insurer_key, open_sealed
from rempart.workflows.feeds.keys import FeedKeys

# Why the card that an order replaces counts no more.
_REASONS = {
    "new": "reissued",
    "reissue": "reissued",
    "lost": "lost",
    "name_change": "name_change",
    "separation": "separation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSecrets:
    """The keys that issuing works with.

    Args:
        lookup_key: Key of look-ups.
        contract_key: Key of blind references.
        kms: Keeps the master key of identities.
        prints: Seals what prints cards.
        signer: Signs them.
    """

    lookup_key: bytes = field(repr=False)
    contract_key: bytes = field(repr=False)
    kms: Kms = field(repr=False)
    prints: PrintSeal = field(repr=False)
    signer: CardSigner


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A card that a contract must get: its plan, why, and which card it replaces."""

    plan: CardPlan
    purpose: CardPurpose
    large: bool
    replaces: CardSerial | None


@dataclass(frozen=True, slots=True)
class _Contract:
    """A contract with its people opened."""

    contract_ref: int
    people: tuple[Covered, ...]
    records: Mapping[int, PersonRecord]
    large: frozenset[int]

    def __repr__(self) -> str:
        return "<_Contract>"


class CardMaker:
    """Makes the cards of one run.

    Args:
        tx: For the insurer's key only.
        secrets: Keys.
        insurer: Whose cards.
        run: The run.
        today: Paris civil date.
    """

    def __init__(
        self,
        tx: Transaction,
        secrets: CardSecrets,
        insurer: FeedInsurer,
        run: CardRun,
        today: date,
    ) -> None:
        self._secrets = secrets
        self._insurer = insurer
        self._run = run
        self._today = today
        self._edition = CardEdition(amc_number=AmcNumber(insurer.amc_number), issued_on=today)
        self._year = Period(date(run.year, 1, 1), date(run.year, 12, 31))
        self._seal = Seal(insurer.insurer_id, load_insurer_key(tx, secrets.kms, insurer.insurer_id))
        self._keys = FeedKeys(insurer.amc_number, secrets.lookup_key, secrets.contract_key)
        self.skipped = 0

    def make(self, tx: Transaction, lines: Sequence[WorkLine]) -> list[NewCard]:
        """Make the cards of some contracts, and revoke those they replace.

        Contracts whose labels no symbol can hold are counted in `skipped` and left without a card.
        """
        terms = cards.load_terms(tx, (line.terms_id for line in lines))
        attached = cards.load_attachments(tx, (line.contract_ref for line in lines))
        orders = cards.list_waiting_orders(tx, self._insurer.insurer_id)
        made: list[NewCard] = []
        page = 1
        for contract_ref, group in groupby(lines, key=lambda line: line.contract_ref):
            contract = self._open(contract_ref, list(group), terms)
            if not contract.people:
                continue
            for wanted in self._list_wanted(tx, contract, attached.get(contract_ref, {}), orders):
                try:
                    new = self._make_parts(contract, wanted, page)
                except ValueError:
                    self.skipped += 1
                    continue
                made += new
                page = new[-1].page + (3 if wanted.large else 1)
        served = {each.holder_ref for each in made}
        cards.end_orders(tx, self._insurer.insurer_id, served)
        return made

    def _open(
        self, contract_ref: int, lines: Sequence[WorkLine], terms: Mapping[int, Terms]
    ) -> _Contract:
        people: list[Covered] = []
        records: dict[int, PersonRecord] = {}
        for line in lines:
            period = line.period.intersection(self._year)
            if period is None:
                continue
            record = open_sealed(self._seal, line.person_ref, line.sealed)
            records[line.person_ref] = record
            people.append(
                Covered(
                    person_ref=line.person_ref,
                    quality=record.quality,
                    insured=record.insured_nir,
                    birth_date=BirthDate(record.birth_date),
                    birth_rank=BirthRank(int(record.birth_rank)),
                    given_name=record.first_names,
                    period=period,
                    terms=terms[line.terms_id],
                )
            )
        large = frozenset(line.person_ref for line in lines if line.large_print)
        return _Contract(contract_ref, tuple(people), records, large)

    def _list_wanted(
        self,
        tx: Transaction,
        contract: _Contract,
        attached: Mapping[int, Sequence[int]],
        orders: Sequence[WaitingOrder],
    ) -> Iterator[_Wanted]:
        if self._run.kind == "yearly":
            for plan in plan_cards(contract.people, attached):
                yield _Wanted(plan, "yearly", plan.holder.person_ref in contract.large, None)
            return
        for order in orders:
            if order.person_ref in contract.records:
                yield from self._list_ordered(tx, contract, attached, order)

    def _list_ordered(
        self,
        tx: Transaction,
        contract: _Contract,
        attached: Mapping[int, Sequence[int]],
        order: WaitingOrder,
    ) -> Iterator[_Wanted]:
        insurer_id, holder_ref = self._insurer.insurer_id, order.person_ref
        if order.large_print:
            cards.set_large_print(tx, insurer_id, holder_ref)
        if order.purpose == "separation":
            # Separated already: who is on whose card stays as the insurer said since.
            separate = attached or self._separate(tx, contract)
            plans = plan_cards(contract.people, separate)
        else:
            household = plan_cards(contract.people, attached)
            mine = [plan for plan in household if plan.holder.person_ref == holder_ref]
            own = plan_own_card(contract.people, holder_ref)
            plans = mine or ([] if own is None else [own])
        replaced = self._revoke_replaced(tx, contract, order)
        for plan in plans:
            ref = plan.holder.person_ref
            large = ref in contract.large or (order.large_print and ref == holder_ref)
            yield _Wanted(plan, _read_purpose(order.purpose), large, replaced)

    def _separate(self, tx: Transaction, contract: _Contract) -> Mapping[int, Sequence[int]]:
        known = [(one.person_ref, one.quality, one.insured) for one in contract.people]
        separate = attach_separately(known)
        cards.set_attachments(tx, self._insurer.insurer_id, contract.contract_ref, separate)
        return separate

    def _revoke_replaced(
        self, tx: Transaction, contract: _Contract, order: WaitingOrder
    ) -> CardSerial | None:
        """Revoke, in the transaction that makes the new card, what it replaces."""
        everybody = order.purpose == "separation"
        replaced = None if order.serial is None else CardSerial(order.serial)
        for card in cards.list_in_force(tx, contract.contract_ref, self._run.year):
            if everybody or card.holder_ref == order.person_ref:
                cards.revoke_card(tx, card.serial, _REASONS[order.purpose])
                replaced = replaced or CardSerial(card.serial)
        return replaced

    def _make_parts(self, contract: _Contract, wanted: _Wanted, page: int) -> list[NewCard]:
        made = []
        for part, people in enumerate(split_parts(wanted.plan)):
            secret = randomness.token_bytes(PRESENCE_BYTES)
            card = make_card(
                self._edition,
                people,
                member_number=self._find_member_number(contract, wanted.plan.holder),
                secret=secret,
            )
            made.append(self._finish(contract, wanted, card, people, part=part, page=page))
            page += 3 if wanted.large else 1
        return made

    def _finish(
        self,
        contract: _Contract,
        wanted: _Wanted,
        card: Card,
        people: Sequence[Covered],
        *,
        part: int,
        page: int,
    ) -> NewCard:
        holder = contract.records[wanted.plan.holder.person_ref]
        printed = CardPrint(
            symbol=self._secrets.signer.sign(card),
            insurer=self._insurer.name,
            names=tuple(_format_name(contract.records[one.person_ref]) for one in people),
            address=_format_address(holder),
            purpose=wanted.purpose,
            large=wanted.large,
        )
        serial = card.serial
        keys = tuple(
            (compute_presence_key(self._secrets.lookup_key, card.presence(place)), one.person_ref)
            for place, one in enumerate(people, 1)
        )
        return NewCard(
            serial=serial,
            insurer_id=self._insurer.insurer_id,
            contract_ref=contract.contract_ref,
            holder_ref=wanted.plan.holder.person_ref,
            year=self._run.year,
            part=part,
            key_id=self._secrets.signer.key_id,
            issued_on=self._today,
            validity=card.validity,
            purpose=wanted.purpose,
            large_print=wanted.large,
            replaces=wanted.replaces,
            page=page,
            keys=keys,
            sealed=self._secrets.prints.seal(serial.value, encode_print(printed)),
        )

    def _find_member_number(self, contract: _Contract, holder: Covered) -> str:
        for one in contract.records[holder.person_ref].contracts:
            if self._keys.contract(one.contract_number) == contract.contract_ref:
                return one.member_number
        return ""


def _read_purpose(text: str) -> CardPurpose:
    match text:
        case "new" | "lost" | "name_change" | "separation" | "reissue":
            return text
        case _:
            raise ValueError(f"no order has the purpose {text}")


def _format_name(record: PersonRecord) -> str:
    given = record.first_names.replace(",", " ").split()
    return " ".join((*given[:1], record.family_name.upper()))


def _format_address(record: PersonRecord) -> tuple[str, ...]:
    lines = (_format_name(record), record.address, f"{record.postcode} {record.city}".strip())
    return tuple(line for line in lines if line)
