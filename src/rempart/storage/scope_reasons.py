"""Why a person is on a list, or cannot be: one bit each in SQL, one stable word each in files.

Refuses to renumber: a word means the same in every list, so that two lists can be compared.
"""

import enum
from collections.abc import Iterator
from typing import Final


class Reason(enum.IntFlag):
    """What put a person on the list, or lowered their tier."""

    THIEF_SESSION = 1
    """The session was a thief's."""
    MIXED_SESSION = 2
    """Thief and owner both used the session, or it cannot be told."""
    PRESENCE = 4
    """In such a session, a card was read: the owner may have asked."""
    CLAIM_FOLLOWED = 8
    """In such a session, a claim followed: the owner may have asked."""
    OWNER_UNPROVED = 16
    """The session looks the owner's; no card at the usual place, and no claim, proves it."""
    UNKNOWN_OUTCOME = 32
    """The log does not say whether anything was shown."""
    UNKNOWN_SCREEN = 64
    """The mapping does not say what the screen shows."""
    SEARCH = 128
    """A search whose results are not in the log."""
    FAMILY = 256
    """The screen showed everybody of the contract."""
    SHARED_IDENTIFIER = 512
    """The log's identifier is shared by several persons, and does not say which."""
    TWO_INSURERS = 1024
    """Two insurers claim the person at that date: both are told."""
    NOT_A_MEMBER_THAT_DAY = 2048
    """The contract had ended, or had not begun, on the day of the look-up."""
    OTHER_INSURER_LOGGED = 4096
    """The log names another insurer than the registry."""
    SHOWN_AGAINST_RULE = 8192
    """A rule says that the portal cannot have held the person, and the log shows that it did."""
    LOG_GAP = 16384
    """A log lacks a part of the period, or lines of it could not be read."""
    NO_DECLARED_COVERAGE = 32768
    """Nobody declared which period the logs cover."""
    SCREEN_OF_UNKNOWN_PERSON = 65536
    """A thief saw screens that nobody described, of which the log names no person."""
    SEARCH_OF_UNKNOWN_PERSON = 131072
    """A thief made searches, or saw screens, of which the log names no person of the registry."""
    ACCOUNT_TO_CONFIRM = 262144
    """An account of the list is not in the logs, and another one there has nearly the same name."""
    OTHER_NUMBERING = 524288
    """The logs' identifiers have a shape that none of the registry has."""
    LINES_WITHOUT_ACCOUNT = 1048576
    """Something was shown to an account that the log does not name."""


class RuledOut(enum.IntEnum):
    """Why somebody cannot be concerned, whatever the logs lack."""

    AGREEMENT_LATER = 1
    """The insurer's agreement with the operator began after the attack."""
    LEFT_BEFORE_AGREEMENT = 2
    """They left the insurer before its agreement with the operator began."""
    NOT_ROUTED = 3
    """Their contract does not go through the operator."""
    JOINED_LATER = 4
    """They joined after the attack: they were not in the base."""


# From the end of the attack, how many days ahead an insurer may have sent a member's first line.
AHEAD_DAYS: Final = 62


def list_reasons(bits: int) -> Iterator[str]:
    """Yield the words of a set of reasons, in a fixed order."""
    return (str(reason.name).lower() for reason in Reason if bits & reason)


def name_rule(number: int) -> str:
    """Return the word of a rule that rules out; empty for none."""
    return RuledOut(number).name.lower() if number else ""
