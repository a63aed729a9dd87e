"""What others did from an address: the one thing the guard knows across accounts.

In memory here, for a replay; the gateways of an installation share theirs in a database.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from rempart.guard.lookups import Ref

# An address that is usual for more accounts than this is a carrier's: it says nothing of anybody.
CARRIER_ACCOUNTS: Final = 20


class Surroundings(NamedTuple):
    """What is known of an address besides the account that comes from it.

    Attributes:
        at_work: For how many accounts it is usual; counted up to one above CARRIER_ACCOUNTS.
        strangers: How many accounts that it was not usual for typed a new face from it today or
            yesterday, this one included.
    """

    at_work: int = 0
    strangers: int = 0

    @property
    def is_carrier(self) -> bool:
        """Whether so many accounts work from there that it is a carrier's."""
        return self.at_work > CARRIER_ACCOUNTS


NOWHERE: Final = Surroundings()


@dataclass(slots=True)
class AddressBook:
    """Who works from which address: one set of accounts for each, as long as it is small."""

    at_work: dict[Ref, set[Ref]] = field(default_factory=dict)
    strangers: dict[Ref, dict[Ref, int]] = field(default_factory=dict)

    def add(self, ip: Ref, account: Ref) -> None:
        """Learn that an account works from an address."""
        there = self.at_work.setdefault(ip, set())
        if len(there) <= CARRIER_ACCOUNTS:
            there.add(account)

    def look(self, ip: Ref, account: Ref, day: int, *, typed: bool) -> Surroundings:
        """Say what is known of an address that is not usual for an account.

        Args:
            ip: The address.
            account: Who comes from it.
            day: The civil day.
            typed: Whether it comes to ask about a new face without presence: that is counted.
        """
        at_work = len(self.at_work.get(ip, ()))
        if at_work > CARRIER_ACCOUNTS:
            return Surroundings(at_work)
        there = self.strangers.setdefault(ip, {})
        if typed:
            there[account] = day
            if len(there) > 2 * CARRIER_ACCOUNTS:
                for other in [ref for ref, seen in there.items() if seen < day - 1]:
                    del there[other]
        return Surroundings(at_work, sum(1 for seen in there.values() if seen >= day - 1))
