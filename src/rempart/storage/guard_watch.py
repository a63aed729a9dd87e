"""The guard as the host's console reads it: accounts by reference, never whom they asked about.

Refuses to say where canaries are: it reads what happened, not what was planted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from rempart.disclosure.entry import Mode
from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("guard_watch")

HitColumn: TypeAlias = Literal["time", "account", "step"]


@dataclass(frozen=True, slots=True)
class Moment:
    """What one step of time had in one profession; `moment` counts steps since 1970."""

    moment: int
    profession: str
    lookups: int
    misses: int
    new_faces: int
    refused: int


@dataclass(frozen=True, slots=True)
class Containments:
    """How many accounts of one profession were contained in one step of time."""

    moment: int
    profession: str
    accounts: int


@dataclass(frozen=True, slots=True)
class OpenCase:
    """One account that waits for a review; `signals` as the guard kept them.

    Not `is_enforced`: the guard only watched, and held nothing.
    """

    account_ref: int
    profession: str
    step: int
    since_ms: int
    is_canary: bool
    is_enforced: bool
    evidence: float
    threshold: float
    signals: list[dict[str, Any]]
    persons: int


@dataclass(frozen=True, slots=True)
class HeldAccount:
    """One account that is held now; `since_ms` None: nobody knows since when."""

    account_ref: int
    profession: str
    step: int
    evidence: float
    threshold: float
    since_ms: int | None


@dataclass(frozen=True, slots=True)
class NearAccount:
    """One account that is free, with today's typed price beside its allowance."""

    account_ref: int
    profession: str
    step: int
    evidence: float
    threshold: float
    typed: float
    typed_allowance: float
    day: int


@dataclass(frozen=True, slots=True)
class Budget:
    """Containments that a review undid, over account-days, beside what was asked per 1 000."""

    account_days: int
    undone: int
    asked: float | None

    @property
    def achieved(self) -> float | None:
        """How many per 1 000 account-days; None while there is no day."""
        return 1000 * self.undone / self.account_days if self.account_days else None

    @property
    def is_over(self) -> bool:
        """Whether more were undone than was asked for; False while either is unknown."""
        achieved = self.achieved
        return achieved is not None and self.asked is not None and achieved > self.asked


@dataclass(frozen=True, slots=True)
class RulesVersion:
    """One version of the rules, and the budget over the 28 days that end on its day."""

    day: int
    made_at: datetime
    account_days: int
    width: float
    evidence: float
    card_evidence: float
    asked: float
    norms: Mapping[str, Any]
    days_before: int
    undone: int

    @property
    def achieved(self) -> float:
        """Containments undone per 1 000 account-days; 0 while there is no day."""
        return 1000 * self.undone / self.days_before if self.days_before else 0.0


@dataclass(frozen=True, slots=True)
class CanaryHit:
    """One time an account asked for a canary, and what it did that week: counts only."""

    event_ref: int
    t_ms: int
    account_ref: int
    profession: str
    step: int
    presence: bool
    typed: int
    card: int
    refused: int
    hits: int


@dataclass(frozen=True, slots=True)
class WatchedAccount:
    """One account as it stands; typed figures are prices of its last day."""

    account_ref: int
    profession: str
    day: int
    step: int
    evidence: float
    threshold: float
    typed: float
    typed_allowance: float
    new_faces: int
    refused: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Workplace:
    """Whom to call about an account; without a `telephone`, the directory has it."""

    professional: str
    rpps: str
    name: str
    postcode: str
    city: str
    telephone: str


@dataclass(frozen=True, slots=True)
class WatchedDay:
    """One day of an account that is over; `width` is that of the rules then."""

    day: int
    typed: float
    typed_count: int
    typed_expected: float
    typed_deviation: float
    typed_allowance: float
    card: float
    card_count: int
    card_allowance: float
    refused: int
    missed_count: int
    answered_count: int
    evidence: float
    width: float | None


@dataclass(frozen=True, slots=True)
class Hour:
    """What an account was answered in one hour since 1970; `about_nobody` is part of both."""

    hour: int
    presence: int
    typed: int
    about_nobody: int


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """Something that happened to an account; `signals` as the guard kept them.

    Not `enforced`: the guard only watched.
    """

    event_ref: int
    t_ms: int
    kind: str
    step: int
    presence: bool
    evidence: float
    threshold: float
    signals: list[dict[str, Any]]
    enforced: bool


@dataclass(frozen=True, slots=True)
class Hold:
    """One step that somebody decided and that holds now."""

    measure_ref: int
    step: str
    target: str
    target_ref: int | None
    profession: str
    starts_at: datetime
    review_at: datetime
    ends_at: datetime | None


def count_moments(tx: Transaction, *, since_ms: int, step_ms: int) -> list[Moment]:
    """Return what was asked since an instant, by step of time and profession."""
    values = {"since_ms": since_ms, "step_ms": step_ms}
    return [Moment(*row) for row in tx.execute(QUERIES.count_moments, values)]


def count_containments(tx: Transaction, *, since_ms: int, step_ms: int) -> list[Containments]:
    """Return how many accounts were contained since an instant, by step of time and profession."""
    values = {"since_ms": since_ms, "step_ms": step_ms}
    return [Containments(*row) for row in tx.execute(QUERIES.count_containments, values)]


def list_open(tx: Transaction, *, now: datetime, most: int) -> list[OpenCase]:
    """Return the accounts that wait for a review, the longest waiting first."""
    rows = tx.execute(QUERIES.list_open, {"now": now, "most": most})
    return [OpenCase(*row) for row in rows]


def list_contained(tx: Transaction, *, most: int) -> tuple[list[HeldAccount], int]:
    """Return the accounts that are held, the longest held first, and how many there are."""
    rows = tx.execute(QUERIES.list_contained, {"most": most}).fetchall()
    return [HeldAccount(*row[:-1]) for row in rows], int(rows[0][-1]) if rows else 0


def list_nearest(tx: Transaction, *, today: int, most: int) -> list[NearAccount]:
    """Return the free accounts that are nearest to what would contain them."""
    rows = tx.execute(QUERIES.list_nearest, {"today": today, "most": most})
    return [NearAccount(*row) for row in rows]


def measure_budget(tx: Transaction, *, first_day: int, last_day: int) -> Budget:
    """Return containments that a review undid between two days, both included."""
    row = tx.execute(
        QUERIES.measure_budget, {"first_day": first_day, "last_day": last_day}
    ).fetchone()
    return Budget(*row) if row else Budget(0, 0, None)


def list_rules(tx: Transaction, *, first_day: int) -> list[RulesVersion]:
    """Return the versions of the rules since a day, and the newest anyway, oldest first."""
    rows = tx.execute(QUERIES.list_rules, {"first_day": first_day})
    return [RulesVersion(*row) for row in rows]


def list_hits(tx: Transaction, listing: Listing[HitColumn]) -> tuple[list[CanaryHit], int]:
    """Return one page of the times an account asked for a canary, and how many there are."""
    return load_page(tx, QUERIES.list_hits, listing, CanaryHit, {})


def load_watched(tx: Transaction, account_ref: int) -> WatchedAccount | None:
    """Return one account; None when the guard does not know it, or nobody may see it."""
    row = tx.execute(QUERIES.load_watched, {"account_ref": account_ref}).fetchone()
    return None if row is None else WatchedAccount(*row)


def load_workplace(tx: Transaction, account_ref: int) -> Workplace | None:
    """Return whom to call about an account; None when it is no professional's."""
    row = tx.execute(QUERIES.load_workplace, {"account_ref": account_ref}).fetchone()
    return None if row is None else Workplace(*row)


def list_days(tx: Transaction, account_ref: int, *, first_day: int) -> list[WatchedDay]:
    """Return the days of an account since one, oldest first; days it did nothing are missing."""
    values = {"account_ref": account_ref, "first_day": first_day}
    return [WatchedDay(*row) for row in tx.execute(QUERIES.list_days, values)]


def list_hours(tx: Transaction, account_ref: int, *, since_ms: int) -> list[Hour]:
    """Return the answered look-ups of an account since an instant, by hour."""
    values = {"account_ref": account_ref, "since_ms": since_ms, "typed": int(Mode.TYPED)}
    return [Hour(*row) for row in tx.execute(QUERIES.list_hours, values)]


def count_refused_hours(tx: Transaction, account_ref: int, *, since_ms: int) -> dict[int, int]:
    """Return how many look-ups of an account were refused since an instant, by hour."""
    values = {"account_ref": account_ref, "since_ms": since_ms}
    return dict(tx.execute(QUERIES.count_refused_hours, values).fetchall())


def list_events(
    tx: Transaction, account_ref: int, *, since_ms: int, most: int
) -> list[AccountEvent]:
    """Return what happened to an account since an instant, newest first."""
    values = {"account_ref": account_ref, "since_ms": since_ms, "most": most}
    return [AccountEvent(*row) for row in tx.execute(QUERIES.list_events, values)]


def list_holds(
    tx: Transaction, *, now: datetime, most: int, account_ref: int | None = None
) -> list[Hold]:
    """Return the steps that hold now, of one account, or of whatever is no account alone."""
    values = {"now": now, "most": most, "account_ref": account_ref}
    return [Hold(*row) for row in tx.execute(QUERIES.list_holds, values)]
