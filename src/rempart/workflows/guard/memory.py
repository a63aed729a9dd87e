"""What one gateway remembers of accounts and rules between two batches of look-ups.

Bounded: an account that is not remembered is read again. Refuses to be believed alone: whatever
changes an account is decided on what the database holds, under its lock, or on a copy and written
only where the database still holds the version it is of.
"""

import functools
import hmac
import ipaddress
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from rempart.guard.habits import Habits
from rempart.guard.policy import Policy
from rempart.guard.rules import Rules, first_rules
from rempart.storage.guard import MinuteRow, StoredAccount

# About a hundred megabytes when every place is taken.
MOST_ACCOUNTS: Final = 10_000
_MOST_PLACES: Final = 50_000
_MINUTE_MS: Final = 60_000
_LONGEST_PAUSE: Final = 256
# An IPv6 network of this size is one subscriber's: within it, addresses change every day.
_SUBSCRIBER_BITS: Final = 64

_log = logging.getLogger("rempart.guard")

DigestText = Callable[[str], int]


class Remembered(NamedTuple):
    """A copy of an account and of its habits, at the version that `stored` says."""

    stored: StoredAccount
    habits: Habits


class AccountMemory:
    """Copies of the accounts seen last.

    Args:
        most: How many; the one not seen for longest is forgotten.
    """

    def __init__(self, most: int = MOST_ACCOUNTS) -> None:
        self._most = most
        self._kept: OrderedDict[int, Remembered] = OrderedDict()
        # How many batches more go to the database first, and how many after the next old copy.
        self._distrusted = 0
        self._pause = 1

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, account_ref: int) -> Remembered | None:
        """Return the copy of an account, if there is one."""
        found = self._kept.get(account_ref)
        if found is not None:
            self._kept.move_to_end(account_ref)
        return found

    def keep(self, stored: StoredAccount, habits: Habits) -> None:
        """Remember an account."""
        self._kept[stored.account_ref] = Remembered(stored, habits)
        self._kept.move_to_end(stored.account_ref)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self, account_ref: int) -> None:
        """Forget an account."""
        self._kept.pop(account_ref, None)

    def find_all(self, account_refs: Iterable[int]) -> list[Remembered] | None:
        """Return copies of accounts to judge on; None when one is missing, or they may be old.

        Where several gateways see the same accounts, copies are old: after each batch judged in
        vain, twice as many go without.
        """
        if self._distrusted:
            self._distrusted -= 1
            return None
        found = [self._kept.get(ref) for ref in account_refs]
        copies = [one for one in found if one is not None]
        return copies if len(copies) == len(found) else None

    def trust(self) -> None:
        """Take note that a batch was judged on copies that were new."""
        self._pause = 1

    def distrust(self, account_refs: Iterable[int]) -> None:
        """Take note that one of some copies was old: they were judged on, and are spoilt."""
        for ref in account_refs:
            self.forget(ref)
        self._distrusted, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)

    def forget_all(self) -> None:
        """Forget every account: only the database knows what was written."""
        self._kept.clear()


class RulesBook:
    """The versions of the rules that may be needed: today's, and those of the days before."""

    def __init__(self, policy: Policy, versions: Iterable[Rules] = ()) -> None:
        self._versions = [first_rules(policy), *sorted(versions, key=lambda rules: rules.day)]

    def find(self, day: int) -> Rules:
        """Return the rules in force on a day."""
        return next(rules for rules in reversed(self._versions) if rules.day <= max(day, -1))


class Tally:
    """Counts what passes, a minute at a time, until somebody writes it down."""

    def __init__(self, log_id: int) -> None:
        self._log_id = log_id
        self._counts: defaultdict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])

    def count(
        self, time_ms: int, profession: str, *, missed: bool, new: bool, refused: bool
    ) -> None:
        """Count one look-up."""
        counts = self._counts[time_ms - time_ms % _MINUTE_MS, profession]
        counts[0] += 1
        counts[1] += missed
        counts[2] += new
        counts[3] += refused

    def take(self) -> list[MinuteRow]:
        """Return what was counted since the last time, and begin again."""
        taken, self._counts = self._counts, defaultdict(lambda: [0, 0, 0, 0])
        return [
            MinuteRow(minute_ms, self._log_id, profession, *counts)
            for (minute_ms, profession), counts in sorted(taken.items())
        ]

    def give_back(self, rows: Sequence[MinuteRow]) -> None:
        """Count again what could not be written down."""
        for row in rows:
            counts = self._counts[row.minute_ms, row.profession]
            for place, count in enumerate(row[3:]):
                counts[place] += count


def make_digests(secret: bytes) -> tuple[DigestText, DigestText]:
    """Return what turns addresses, and software, into 63-bit numbers that only we can make.

    Args:
        secret: The installation's lookup secret.
    """

    @functools.lru_cache(maxsize=_MOST_PLACES)
    def digest_address(address: str) -> int:
        return _digest(secret, b"guard address|", _find_subscriber(address))

    @functools.lru_cache(maxsize=_MOST_PLACES)
    def digest_agent(agent: str) -> int:
        return _digest(secret, b"guard agent|", agent)

    return digest_address, digest_agent


def _digest(secret: bytes, label: bytes, text: str) -> int:
    digest = hmac.digest(secret, label + text.encode("utf-8", "replace"), "sha256")
    return int.from_bytes(digest[:8], "big") >> 1


def _find_subscriber(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, _SUBSCRIBER_BITS), strict=False))
