"""What the rows of a feed make of one person: who they are, their sheet, the keys they go by.

Refuses to let the order of the file decide who somebody is: the latest period speaks.
"""

from datetime import date
from typing import NamedTuple

import msgspec

from rempart.exchange.feed_rows import Days
from rempart.kernel.periods import OPEN_END, Period
from rempart.rights.sheet import Line, Sheet
from rempart.storage.sealing import PersonRecord
from rempart.workflows.feeds.keys import FeedKeys


class Statement(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one valid row says, in references and sealed-to-be bytes.

    Args:
        number: Line of the file.
        typed_key: Look-up key of the identifiers professionals type.
        own_key: The same with the person's own NIR, or empty.
        previous_key: Key under which the person was known before, or empty.
        card_key: Look-up key of the card, or empty.
        contract_ref: Reference of the contract.
        days: When it grants rights.
        terms_id: Reference of the guarantee.
        removes: Whether the row takes the line away.
        record: The identity it states, encoded.
    """

    number: int
    typed_key: bytes
    own_key: bytes
    previous_key: bytes
    card_key: bytes
    contract_ref: int
    days: tuple[date, date, date, date | None, date | None]
    terms_id: int
    removes: bool
    record: bytes

    def __repr__(self) -> str:
        return f"<Statement {self.number}>"

    @property
    def own_keys(self) -> list[bytes]:
        """The keys that can be nobody else's: all but the card's."""
        keys = (self.typed_key, self.own_key, self.previous_key)
        return [key for key in keys if key]

    @property
    def line(self) -> Line | None:
        """The line it states, or None when no day of it is inside the agreement."""
        days = Days(*self.days)
        period = days.period
        if period is None:
            return None
        return Line(self.contract_ref, period, days.suspended, self.terms_id)

    @property
    def removed_line(self) -> Line:
        """A line with the key of the one to remove, though no day of this row be inside."""
        starts_on = Days(*self.days).starts_on
        return Line(self.contract_ref, Period(starts_on, OPEN_END), None, self.terms_id)


class PersonKeys(NamedTuple):
    """Keys of one person.

    Args:
        current: Those that may be looked up while the person is a member.
        other: Those that only lead to the person: of contracts that ended, of numbers given up.
    """

    current: list[bytes]
    other: list[bytes]


def merge_record(known: PersonRecord | None, stated: PersonRecord) -> PersonRecord:
    """Return who a person is after one more row of a file.

    The row of the latest period decides names, numbers and contact; each contract is what the
    latest row about it says.

    Args:
        known: The identity so far, or None.
        stated: The identity of the row, with its one contract.
    """
    if known is None:
        return stated
    contracts = {contract.contract_number: contract for contract in known.contracts}
    for contract in stated.contracts:
        before = contracts.get(contract.contract_number)
        if before is None or before.stated_on <= contract.stated_on:
            contracts[contract.contract_number] = contract
    latest = stated if stated.stated_on >= known.stated_on else known
    ordered = tuple(contracts[number] for number in sorted(contracts))
    return msgspec.structs.replace(latest, contracts=ordered)


def age_record(record: PersonRecord, sheet: Sheet, *, keys: FeedKeys) -> PersonRecord:
    """Return who a person is, stated no later than the lines that are left.

    A line taken back must not speak louder than the one that corrects it.
    """
    latest: dict[int, str] = {}
    for line in sheet:  # by first day
        latest[line.contract_ref] = line.period.starts_on.isoformat()
    contracts = tuple(
        msgspec.structs.replace(
            one, stated_on=min(one.stated_on, latest.get(keys.contract(one.contract_number), ""))
        )
        for one in record.contracts
    )
    stated_on = min(record.stated_on, max((one.stated_on for one in contracts), default=""))
    return msgspec.structs.replace(record, stated_on=stated_on, contracts=contracts)


def compute_keys(record: PersonRecord, sheet: Sheet, *, keys: FeedKeys, today: date) -> PersonKeys:
    """Return the keys of a person: typed identifiers, and the cards of contracts not ended.

    Args:
        record: Who the person is.
        sheet: Their lines.
        keys: Computes references.
        today: Paris civil date.
    """
    typed = [keys.typed(record.insured_nir, record.birth_date, record.birth_rank)]
    if record.own_nir and record.own_nir != record.insured_nir:
        typed.append(keys.typed(record.own_nir, record.birth_date, record.birth_rank))
    running = {line.contract_ref for line in sheet if line.period.ends_on >= today}
    current: list[bytes] = []
    ended: list[bytes] = []
    for contract in record.contracts:
        if contract.card_code:
            cards = current if keys.contract(contract.contract_number) in running else ended
            cards.append(keys.card(contract.card_code))
    return PersonKeys(list(dict.fromkeys([*typed, *current])), ended)
