"""What is cut, for whom, and what still works meanwhile.

Refuses to cut anything but rights: claims and payments have no scope here, and cards verify without
us whatever is cut.
"""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rempart.kernel.errors import Unavailable

SHORTEST_RETRY_S: Final = 60
LONGEST_RETRY_S: Final = 3600
# When nobody knows the end: come back in so long.
USUAL_RETRY_S: Final = 300


class CutScope(enum.StrEnum):
    """What is cut, the widest first: that is the one that is told."""

    RIGHTS = "rights"
    """Every check of rights, by whatever way."""
    PORTAL = "portal"
    """Checks from the professional portal; software goes on."""
    GATEWAY = "gateway"
    """Checks by software; the portal goes on."""
    INSURER = "insurer"
    """Checks about the members of one insurer."""


class CutReason(enum.StrEnum):
    """Why, as it is shown to anybody."""

    INCIDENT = "incident"
    PRECAUTION = "precaution"
    INSURER_REQUEST = "insurer_request"
    MAINTENANCE = "maintenance"


class StillWorks(enum.StrEnum):
    """What goes on while rights are cut."""

    OFFLINE_CARD = "offline_card"
    """The card's signature, verified on the device at /hors-ligne."""
    OTHER_WAY = "other_way"
    """The other way in: the portal, or software."""
    OTHER_INSURERS = "other_insurers"
    CLAIMS = "claims"
    PAYMENTS = "payments"
    GIVEN_ENGAGEMENTS = "given_engagements"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Something is cut.

    Args:
        scope: What.
        insurer_id: The insurer, for that scope only.
        amc_number: Its number, for that scope only.
        reason: Why, as shown.
        starts_ms: Since when, Unix milliseconds, included.
        ends_ms: When it ends by itself, excluded; None when somebody must end it.
    """

    scope: CutScope
    reason: CutReason
    starts_ms: int
    insurer_id: int | None = None
    amc_number: str | None = None
    ends_ms: int | None = None

    def __post_init__(self) -> None:
        if (self.scope is CutScope.INSURER) != (self.insurer_id is not None):
            raise ValueError("an insurer is named when an insurer is cut, and only then")

    def lasts(self, now_ms: int) -> bool:
        """Tell whether it is in force at an instant."""
        return self.starts_ms <= now_ms and (self.ends_ms is None or now_ms < self.ends_ms)


class RightsCut(Unavailable):
    """Rights cannot be checked because somebody cut them; what still works is said.

    Raised before anything is looked up, or after the ledger holds that it was.
    """

    code: ClassVar[str] = "rights_cut"

    def __init__(self, cut: Cut, *, now_ms: int) -> None:
        super().__init__(
            f"rights are cut: {cut.scope}", retry_after_s=compute_retry_s(cut, now_ms=now_ms)
        )
        self.cut = cut


def find_cut(
    cuts: Iterable[Cut],
    *,
    by_portal: bool,
    now_ms: int,
    amc_number: str | None = None,
    insurer_id: int | None = None,
) -> Cut | None:
    """Return what stops a check now, the widest cut first; None when nothing does.

    Args:
        cuts: Everything that is cut, any order.
        by_portal: Whether the check comes from the portal; from software otherwise.
        now_ms: The instant.
        amc_number: The insurer the question names, if it names one.
        insurer_id: The insurer of the person found, once known.
    """
    ways = {CutScope.RIGHTS, CutScope.PORTAL if by_portal else CutScope.GATEWAY}
    stopping = [
        cut
        for cut in cuts
        if cut.lasts(now_ms)
        and (
            cut.scope in ways
            or (amc_number is not None and cut.amc_number == amc_number)
            or (insurer_id is not None and cut.insurer_id == insurer_id)
        )
    ]
    order = list(CutScope)
    return min(stopping, key=lambda cut: (order.index(cut.scope), cut.starts_ms), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a cut does to somebody who works for insurers.

    Args:
        scope: What is cut, by whatever way.
        stopped: The insurers whose members cannot be checked, or not by that way.
        untouched: Those for whom nothing changes.
        goes_on: What works all the same for those that are stopped, the most useful first.
    """

    scope: CutScope
    stopped: tuple[int, ...]
    untouched: tuple[int, ...]
    goes_on: tuple[StillWorks, ...]


def decide_reach(scope: CutScope, insurer_id: int | None, insurers: Sequence[int]) -> Reach | None:
    """Say what a cut stops for whoever works for some insurers, and what goes on.

    Args:
        scope: What is cut.
        insurer_id: The insurer, for that scope only.
        insurers: Those they work for, in any order.

    Returns:
        None when the cut does not touch them: it is about another insurer, or they have none.
    """
    of_one = scope is CutScope.INSURER
    stopped = tuple(one for one in insurers if not of_one or one == insurer_id)
    if not stopped:
        return None
    untouched = tuple(one for one in insurers if one not in stopped)
    goes_on = tuple(
        one for one in list_still_works(scope) if one is not StillWorks.OTHER_INSURERS or untouched
    )
    return Reach(scope=scope, stopped=stopped, untouched=untouched, goes_on=goes_on)


def list_still_works(scope: CutScope) -> Sequence[StillWorks]:
    """Say what goes on while something is cut, the most useful first."""
    ways = {
        CutScope.RIGHTS: [],
        CutScope.PORTAL: [StillWorks.OTHER_WAY],
        CutScope.GATEWAY: [StillWorks.OTHER_WAY],
        CutScope.INSURER: [StillWorks.OTHER_INSURERS],
    }[scope]
    return (
        StillWorks.OFFLINE_CARD,
        *ways,
        StillWorks.GIVEN_ENGAGEMENTS,
        StillWorks.CLAIMS,
        StillWorks.PAYMENTS,
    )


def compute_retry_s(cut: Cut, *, now_ms: int) -> int:
    """Return after how many seconds it makes sense to ask again."""
    if cut.ends_ms is None:
        return USUAL_RETRY_S
    left_s = -(-(cut.ends_ms - now_ms) // 1000)
    return min(max(left_s, SHORTEST_RETRY_S), LONGEST_RETRY_S)
