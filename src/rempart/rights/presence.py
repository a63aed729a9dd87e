"""Presence: what proves that the person is there, and what may be asked without it.

Refuses to count in memory and to draw numbers: tries, days and secrets are the caller's. The chance
of guessing a code is bounded by `chance_per_year`, which a test simulates.

Source: RFC 4226 §5.3 (six digits of an HMAC), RFC 6238 (time steps, one step each side).
"""

import enum
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.identity import Identity

STEP_S: Final = 60
DIGITS: Final = 6
# Clocks of a telephone and of a server differ: one step each side is accepted, no more.
TOLERANCE: Final = 1
SECRET_BYTES: Final = 32
# Wrong codes against one person before all codes are answered as wrong ones.
TRIES_A_DAY: Final = 5
TRIES_A_MONTH: Final = 20
# Wrong codes by one account, whoever they are about, before it is told to wait for tomorrow.
TRIES_OF_A_CALLER: Final = 40
# A face is known to an account for so long after it was there.
FACE_KNOWN_DAYS: Final = 730

CODE_DIGITS: Final = Refusal(
    rule="presence_digits",
    fr="Le code de présence n’a pas six chiffres.",
    en="The presence code does not have six digits.",
    advice_fr="Demander celui que la carte électronique affiche en ce moment.",
    advice_en="Ask for the one the electronic card shows now.",
)


@dataclass(frozen=True, slots=True, repr=False)
class PresenceDigits(Identity):
    """Six digits shown by an electronic card for a minute.

    Raises:
        BadValue: not six digits.
    """

    text: str

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"[0-9]{{{DIGITS}}}", self.text):
            raise BadValue(CODE_DIGITS)

    @classmethod
    def parse(cls, text: str) -> "PresenceDigits":
        """Read six digits; spaces between them are forgiven.

        Raises:
            BadValue: not six digits.
        """
        return cls(re.sub(r"[\s\u00a0\u202f]", "", text))


class Attempt(enum.IntEnum):
    """What may be done with a code that came."""

    LOOK = 0
    SILENT = 1
    """Too many wrong codes about this person: answered as a wrong code, right or not."""
    CALLER_STOPPED = 2
    """Too many wrong codes by this account: told to wait, whoever it asks about."""


class PresencePolicy(NamedTuple):
    """What may be asked by typed identifiers alone.

    Attributes:
        required: Whether a face that the account does not know needs presence.
        typed_persons_per_day: New persons a day and account without presence; None: no bound.
        known_faces: Whether those it knows may be typed; when not, everybody needs presence.
    """

    required: bool = False
    typed_persons_per_day: int | None = None
    known_faces: bool = True

    @property
    def is_open(self) -> bool:
        """Whether it bounds nothing."""
        return not self.required and self.typed_persons_per_day is None


OPEN: Final = PresencePolicy()


def tighten(policy: PresencePolicy, other: PresencePolicy) -> PresencePolicy:
    """Return what two policies bound together: the strictest of each.

    >>> tighten(PresencePolicy(typed_persons_per_day=5), PresencePolicy(required=True))
    PresencePolicy(required=True, typed_persons_per_day=5, known_faces=True)
    """
    bounds = [p.typed_persons_per_day for p in (policy, other)]
    known = [bound for bound in bounds if bound is not None]
    return PresencePolicy(
        required=policy.required or other.required,
        typed_persons_per_day=min(known) if known else None,
        known_faces=policy.known_faces and other.known_faces,
    )


def find_step(now_s: float) -> int:
    """Return the step an instant (Unix seconds) falls in."""
    return int(now_s // STEP_S)


def compute_digits(secret: bytes, step: int) -> str:
    """Return the six digits of a step.

    >>> compute_digits(bytes(32), 1)
    '007993'
    """
    digest = hmac.digest(secret, step.to_bytes(8), hashlib.sha256)
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def find_matching_step(secret: bytes, digits: PresenceDigits, *, now_s: float) -> int | None:
    """Return the step whose digits these are, among those accepted now; None when there is none.

    All steps are computed and compared, whichever is right: the time taken tells nothing.
    """
    found = None
    here = find_step(now_s)
    for step in range(here - TOLERANCE, here + TOLERANCE + 1):
        if hmac.compare_digest(compute_digits(secret, step), digits.text):
            found = step
    return found


def compute_seconds_left(now_s: float) -> int:
    """Return for how many whole seconds the digits of this instant are still shown."""
    return STEP_S - int(now_s % STEP_S)


def chance_per_try() -> float:
    """Return the chance that one guess is right: several steps are accepted at once."""
    return (2 * TOLERANCE + 1) / 10**DIGITS


def chance_per_year() -> float:
    """Return an upper bound of the chance to guess one person's code within a year.

    Whoever tries, from however many accounts and however often: only the tries that are looked at
    count, at most `TRIES_A_MONTH` in any 30 days (thirteen such stretches touch a year).
    """
    return 13 * TRIES_A_MONTH * chance_per_try()
