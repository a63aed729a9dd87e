"""What is known of a person's right on a day of care, and which contract pays.

What was promised counts when nothing else does: the sheet that was shown then, whatever a later
feed says. Refuses to know who the person is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from rempart.claims.controls import Right
from rempart.kernel.errors import InconsistentRecord
from rempart.rights.coverage import Coverage, RightsOpen, decide_rights
from rempart.tariffs.domains import Domain


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What an answer promised to a biller.

    Args:
        domain: The domain of care it was for.
        care_date: The day of care that was asked about.
        expires_on: Last day of care, included, that it is worth payment for.
        shown: The coverages shown then.
    """

    domain: Domain
    care_date: date
    expires_on: date
    shown: Sequence[Coverage]

    def binds(self, domain: Domain, care_date: date) -> bool:
        """Tell whether it is for care of a domain on a day."""
        return domain == self.domain and self.care_date <= care_date <= self.expires_on


class Standing(NamedTuple):
    """The right of one line, and the coverage that pays it; None when nothing does."""

    right: Right
    coverage: Coverage | None


def find_right(
    coverages: Sequence[Coverage], promise: Promise | None, *, domain: Domain, care_date: date
) -> Standing:
    """Say whether care is paid, on which coverage.

    Args:
        coverages: All coverages of the person, as known when the claim arrived.
        promise: What the claim quotes, if it is good for this claim.
        domain: The domain of the act.
        care_date: The day of care.

    Raises:
        InconsistentRecord: two coverages claim the same day.
    """
    decision = decide_rights(coverages, domain=domain, care_date=care_date)
    if isinstance(decision, RightsOpen):
        return Standing(Right.OPEN, decision.coverage)
    if promise is not None and promise.binds(domain, care_date):
        shown = decide_rights(promise.shown, domain=domain, care_date=promise.care_date)
        if not isinstance(shown, RightsOpen):
            raise InconsistentRecord("a promise was given on a sheet that was not open")
        return Standing(Right.PROMISED, shown.coverage)
    return Standing(Right.CLOSED, None)


def find_joining(coverages: Sequence[Coverage], contract_ref: int) -> date:
    """Return the first day of membership of a contract."""
    return min(one.period.starts_on for one in coverages if one.contract_ref == contract_ref)
