"""What the guard sees of an account and of a look-up: references, never an identity."""

from typing import Final, NamedTuple, TypeAlias

# A reference of any kind: the guard only compares it and never looks inside.
Ref: TypeAlias = int | str

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
# Days and hours are those of Paris in winter: an hour's shift in summer moves habits with it.
_OFFSET_MS: Final = 3_600_000


class Account(NamedTuple):
    """An account that may look people up.

    Attributes:
        account: Its reference.
        profession: A code of the profession; accounts are compared within it.
        department: Where it works, in the terms of a look-up's department; None: not known.
    """

    account: Ref
    profession: str
    department: Ref | None = None


class Lookup(NamedTuple):
    """One question about one person, before its answer.

    Attributes:
        time_ms: Unix milliseconds. One earlier than that of the account's last look-up, or of
            another account's, is taken for the same day as that one.
        account: Who asks.
        subject: The person asked about, or what stands for them when nobody was found.
        insurer: The person's insurer; 0 when nobody was found.
        subject_department: Where the person lives, or was born; None when it is not known.
        presence: Whether a card, a reading of the carte Vitale or a code showed that they are
            there.
        ip: Network address, as text or number.
        user_agent: Software the caller says it uses, as text or number.
        found: Whether the identifiers led to somebody.
    """

    time_ms: int
    account: Ref
    subject: Ref
    insurer: Ref
    subject_department: Ref | None
    presence: bool
    ip: Ref
    user_agent: Ref
    found: bool


def find_day(time_ms: int) -> int:
    """Return the number of the civil day, in days since 1970."""
    return (time_ms + _OFFSET_MS) // DAY_MS


def find_hour(time_ms: int) -> int:
    """Return the hour of the civil day, 0 to 23."""
    return (time_ms + _OFFSET_MS) % DAY_MS // HOUR_MS
