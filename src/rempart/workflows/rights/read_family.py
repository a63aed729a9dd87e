"""Who is on a member's own card: the holder, other adults, children.

Refuses to look further than the card: who else is on the contract is not this member's to know.
"""

from dataclasses import dataclass
from datetime import date

from rempart.incidents.packages import decide_is_minor
from rempart.kernel.instants import to_paris_day
from rempart.storage.connect import Transaction
from rempart.workflows.rights.read_cards import OpensPrints, read_my_cards
from rempart.workflows.settlement.change_bank_details import Asker


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """Somebody on a card; `place` is their line, 1 for whom the card is made to."""

    name: str
    place: int
    serial: str
    is_holder: bool
    is_minor: bool
    ends_on: date

    def __repr__(self) -> str:
        return "<Relative>"


def read_family(tx: Transaction, asker: Asker, seal: OpensPrints) -> list[Relative]:
    """Return who is on the member's cards that count, each person once, by place.

    Raises:
        NotAllowed: they are no member.
        NotFound: their account leads to no person.
    """
    today = to_paris_day(asker.now)
    found: dict[tuple[str, str], Relative] = {}
    for card in read_my_cards(tx, asker, seal).current:
        if card.printed is None:
            continue
        people = card.printed.card.beneficiaries
        for place, (name, one) in enumerate(zip(card.printed.names, people, strict=True), 1):
            born = one.birth_date.text
            found.setdefault(
                (name, born),
                Relative(
                    name=name,
                    place=place,
                    serial=card.serial.code,
                    is_holder=place == 1,
                    is_minor=decide_is_minor(born, on=today) is True,
                    ends_on=card.printed.card.period_of(one).ends_on,
                ),
            )
    return sorted(found.values(), key=lambda one: one.place)
