"""The certificate that an insurer's packages are sealed for: given by one, agreed to by another.

Refuses a certificate that somebody alone puts in force at once: whoever replaced it would receive
the next list of persons. A person alone waits, in the open; the host's command line does not, after
the insurer was recognised in person.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rempart.kernel.errors import Conflict

# How long a certificate given by somebody alone waits: over a week-end, somebody reads their mail.
ALONE_DELAY: Final = timedelta(hours=72)


class KeyState(enum.StrEnum):
    """What may become of a certificate."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    REVOKED = "revoked"


class KeyStanding(enum.StrEnum):
    """What a certificate is worth at an instant, as people read it."""

    PROPOSED = "proposed"
    COOLING = "cooling"
    IN_FORCE = "in_force"
    REPLACED = "replaced"
    EXPIRED = "expired"
    REFUSED = "refused"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingKey:
    """One certificate of one insurer.

    Args:
        certificate: DER.
        fingerprint: SHA-256 of the certificate.
        active_from: From when packages are sealed for it; None before somebody agreed.
        proposed_by: None for the host's command line.
    """

    key_ref: int
    insurer_id: int
    certificate: bytes
    fingerprint: bytes
    subject: str
    starts_at: datetime
    ends_at: datetime
    state: KeyState
    proposed_by: int | None
    proposed_by_name: str
    proposed_at: datetime
    active_from: datetime | None

    def is_usable(self, at: datetime) -> bool:
        """Say whether packages may be sealed for it, were it the newest."""
        return (
            self.state is KeyState.APPROVED
            and self.active_from is not None
            and max(self.active_from, self.starts_at) <= at < self.ends_at
        )


def find_key_in_force(keys: Iterable[SealingKey], *, at: datetime) -> SealingKey | None:
    """Return the certificate to seal for: the newest of those in force, or None."""
    usable = [key for key in keys if key.is_usable(at)]
    return max(usable, key=lambda key: (key.active_from, key.key_ref), default=None)


def decide_standing(key: SealingKey, keys: Iterable[SealingKey], *, at: datetime) -> KeyStanding:
    """Say what a certificate is worth at an instant, beside the insurer's other ones."""
    if key.state is not KeyState.APPROVED:
        return KeyStanding(key.state.value)
    if at >= key.ends_at:
        return KeyStanding.EXPIRED
    if not key.is_usable(at):
        return KeyStanding.COOLING
    newest = find_key_in_force(keys, at=at)
    is_newest = newest is None or newest.key_ref == key.key_ref
    return KeyStanding.IN_FORCE if is_newest else KeyStanding.REPLACED


def check_is_proposed(key: SealingKey) -> None:
    """Refuse to decide on a certificate twice.

    Raises:
        Conflict: it was agreed to, refused or taken back already.
    """
    if key.state is not KeyState.PROPOSED:
        raise Conflict("this certificate was decided already")
