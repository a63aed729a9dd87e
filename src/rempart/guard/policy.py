"""What an operator chooses: how many mistakes are accepted, and how hard the guard judges."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The guard's budget of mistakes and its fixed numbers.

    Args:
        false_containments: Accepted containments of honest accounts, per 1 000 account-days.
        days_over: Accepted share of account-days on which a typed look-up of a new face is
            refused because the day's allowance is spent.
        learning_days: Active days before an account is judged by its own habits alone, and days of
            everybody's before the first thresholds are computed.
        calibration_days: Days the thresholds are computed from, every day.
        least_price: What the least suspicious typed new face costs of the allowance; 1 is the
            price of one that speaks neither way.
        batch_room: Typed new faces of a day answered beyond a spent allowance, from the account's
            own line, while nothing it types there speaks against it.
        batch_per_known: How many more for each person it knows among those it types there.
        held_known: People it knows that an account types in a day while it is held.
        first_width: Width of the allowance, in deviations, until there are days to compute it from.
        first_threshold: Evidence that contains, until then.
    """

    false_containments: float = 0.3
    days_over: float = 0.006
    learning_days: int = 5
    calibration_days: int = 7
    least_price: float = 0.25
    batch_room: int = 40
    batch_per_known: int = 30
    held_known: int = 6
    first_width: float = 4.0
    first_threshold: float = 5.0

    def __post_init__(self) -> None:
        if not (0 <= self.false_containments < 1000 and 0 < self.days_over < 1):
            raise ValueError("a budget of mistakes is a share between none and all")
        if min(self.batch_room, self.batch_per_known, self.held_known) < 0:
            raise ValueError("the room for a batch, or for known people, is none at least")
        if not 0 < self.least_price <= 1:
            raise ValueError("the least price is above 0 and at most 1")
        if min(self.learning_days, self.calibration_days) < 1:
            raise ValueError("habits and thresholds are learnt over a day at least")
