"""How long a browser session may last, by role: idle, and in all.

Source: design idea 3; the provider's own session is 4 h or 30 min idle (Pro Santé Connect), so a
professional's is never longer than that.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rempart.accounts.roles import ROLES_OF, Role


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """After `idle` without a request, or `absolute` after the sign-in, a session is over."""

    idle: timedelta
    absolute: timedelta


_CARE: Final = SessionLimits(timedelta(minutes=30), timedelta(hours=4))
_OFFICE: Final = SessionLimits(timedelta(minutes=15), timedelta(hours=8))
_OPERATOR: Final = SessionLimits(timedelta(minutes=15), timedelta(hours=4))
_MEMBER: Final = SessionLimits(timedelta(minutes=10), timedelta(hours=1))


def find_session_limits(role: Role) -> SessionLimits:
    """Return the limits of a session in this role."""
    if role is Role.MEMBER:
        return _MEMBER
    if role in ROLES_OF["establishment"]:
        return _CARE
    return _OPERATOR if role in ROLES_OF["operator"] else _OFFICE
