"""The list of stolen accounts, found again in the logs: the same, nearly the same, or not there.

Refuses to ignore a line of the list, and to take one account for another by itself: a near name is
proposed, and whoever knows says which it is.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from rempart.exchange.scope_inputs import StolenAccount

# Names this short differ by one letter at most, longer ones by two.
_SHORT: Final = 6


class Match(StrEnum):
    """What became of a line of the list."""

    SAME = "same"
    """The account is in the logs under this very name."""
    SPELLING = "spelling"
    """It is there with other capitals, accents' forms or spaces: taken, and told."""
    NEAR = "near"
    """It is not there, and another name is nearly the same: proposed, not taken."""
    ABSENT = "absent"
    """It is not there, and nothing is near."""


class NearAccount(NamedTuple):
    """An account of the logs with nearly the name asked for."""

    account: str
    facts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedAccount:
    """One line of the list, and the accounts of the logs it stands for.

    Args:
        stolen: The line.
        match: What became of it.
        logged: The accounts taken, as the logs spell them.
        near: The accounts proposed.
    """

    stolen: StolenAccount
    match: Match
    logged: tuple[str, ...]
    near: tuple[NearAccount, ...] = ()


def match_accounts(
    stolen: Sequence[StolenAccount],
    logged: Iterable[str],
    find_near: Callable[[str, int], Sequence[NearAccount]],
) -> list[MatchedAccount]:
    """Find the accounts of a list in the logs.

    Args:
        stolen: The list, in its order.
        logged: Every account of the logs.
        find_near: Finds accounts within so many changed letters of a name.
    """
    spellings: dict[str, list[str]] = {}
    for account in sorted(set(logged) - {""}):
        spellings.setdefault(_normalise(account), []).append(account)
    return [_match(one, spellings, find_near) for one in stolen]


def _match(
    one: StolenAccount,
    spellings: dict[str, list[str]],
    find_near: Callable[[str, int], Sequence[NearAccount]],
) -> MatchedAccount:
    found = spellings.get(_normalise(one.account), [])
    if found:
        match = Match.SAME if found == [one.account] else Match.SPELLING
        return MatchedAccount(stolen=one, match=match, logged=tuple(found))
    near = tuple(find_near(one.account, 1 if len(one.account) <= _SHORT else 2))
    match = Match.NEAR if near else Match.ABSENT
    return MatchedAccount(stolen=one, match=match, logged=(), near=near)


def _normalise(account: str) -> str:
    return "".join(unicodedata.normalize("NFKC", account).casefold().split())
