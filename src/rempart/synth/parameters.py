"""What one synthetic data set is made from: the same parameters give the same bytes.

Refuses values from which no plausible data set can be made.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

FORMAT_VERSION: Final = 1
"""Raised when the same parameters begin to give other bytes."""

DEFAULT_TODAY: Final = date(2026, 11, 22)
"""The day the feeds are written, when nobody says another: fixed, so that bytes are too."""

MAX_INSURERS: Final = 400
MIN_PROFESSIONALS: Final = 300
MAX_PROFESSIONALS: Final = 900_000
"""Above, synthetic FINESS numbers run out."""
PROFESSIONALS_PER_MEMBER: Final = 300 / 100_000


class FeedFormat(StrEnum):
    """How feeds are written; the value is the end of their names."""

    CSV = "csv"
    GZIP = "csv.gz"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """One data set.

    Args:
        members: People in all feeds together; somebody in two insurers' feeds counts twice.
        seed: Another seed, other people.
        today: The day the feeds are written, Paris civil date.
        insurers: How many insurers; fewer when there are fewer members.
        professionals: How many; by default 300 for 100 000 members and never fewer than 300.
        feed_format: CSV, gzipped CSV or Parquet.
        delta: Whether each insurer also sends a delta a month later.

    Raises:
        ValueError: a value is out of its bounds.
    """

    members: int
    seed: int = 1
    today: date = DEFAULT_TODAY
    insurers: int = 100
    professionals: int | None = None
    feed_format: FeedFormat = FeedFormat.CSV
    delta: bool = False

    def __post_init__(self) -> None:
        if self.members < 1:
            raise ValueError(f"members is {self.members}: ask for at least one.")
        if not 1 <= self.insurers <= MAX_INSURERS:
            raise ValueError(f"insurers is {self.insurers}: choose from 1 to {MAX_INSURERS}.")
        if not 1 <= self.professional_count <= MAX_PROFESSIONALS:
            raise ValueError(
                f"professionals is {self.professional_count}: choose from 1 to {MAX_PROFESSIONALS}."
            )
        if not 2010 <= self.today.year <= 2100:
            raise ValueError(f"today is {self.today}: choose a year from 2010 to 2100.")

    @property
    def professional_count(self) -> int:
        """How many professionals to make."""
        if self.professionals is not None:
            return self.professionals
        return max(MIN_PROFESSIONALS, round(self.members * PROFESSIONALS_PER_MEMBER))

    def to_record(self) -> dict[str, Any]:
        """Return the parameters as JSON values, as `parameters.json` keeps them."""
        return {
            "format_version": FORMAT_VERSION,
            "members": self.members,
            "seed": self.seed,
            "today": self.today.isoformat(),
            "insurers": self.insurers,
            "professionals": self.professional_count,
            "feed_format": self.feed_format.value,
            "delta": self.delta,
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "Parameters":
        """Read what `to_record` wrote."""
        return cls(
            members=record["members"],
            seed=record["seed"],
            today=date.fromisoformat(record["today"]),
            insurers=record["insurers"],
            professionals=record["professionals"],
            feed_format=FeedFormat(record["feed_format"]),
            delta=record["delta"],
        )
