"""An incident's report turned into figures a page can draw.

A report is data another process wrote, perhaps an older version of it: whatever is missing or of
another shape is left out of the page, never guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.utils.translation import gettext

from rempart.disclosure.fields import (
    EIGHT_FIELDS_OF_2024,
    FIELD_LABELS,
    FIELDS_OF_ANSWERS,
    Field,
    FieldLabel,
    fields_in,
)
from rempart.kernel.findings import Language
from rempart.kernel.instants import PARIS
from rempart.portals import wording
from rempart.portals.charts import (
    ColumnChart,
    Point,
    Series,
    draw_columns,
    measure,
)
from rempart.workflows.incidents.read_incident import ExposureRow, SuspectSession

# More columns than this are narrower than a pixel on a small screen.
_MOST_POINTS: Final = 180


class Accuracy(msgspec.Struct, frozen=True):
    """The list against the known truth."""

    precision: float | None = None
    recall: float | None = None


class Side(msgspec.Struct, frozen=True):
    """What one protocol lets a thief take: how many persons, and which fields of each.

    A field is gained when the thief had not typed it.
    """

    persons: int
    fields: list[str] = []
    fields_gained_per_person: float | None = None
    identity_fields_gained_per_person: float | None = None


class Minute(msgspec.Struct, frozen=True):
    """Look-ups of one slice of time, a minute or less, by who made them."""

    minute: datetime
    lawful: int
    attributed: int


class InsurerTruth(msgspec.Struct, frozen=True):
    """How many persons of one insurer were really shown to the thief."""

    insurer_id: int
    true_persons: int | None = None


class RobotLine(msgspec.Struct, frozen=True):
    """One robot of an exercise, which the exercise alone knows: what it asked and what it got."""

    kind: str
    account: int
    sent: int
    answered: int
    refused: int
    persons: int
    persons_2024: int

    @property
    def words(self) -> str:
        """How it works, in words."""
        return str(wording.ROBOTS.get(self.kind, self.kind))


class DrillReport(msgspec.Struct, frozen=True):
    """What an exercise measured; every part may be missing."""

    exposure: Accuracy = Accuracy()
    mean_persons_per_stolen_account: float | None = None
    worst_persons_per_stolen_account: int | None = None
    minutes_to_answer: float | None = None
    portal_2024: Side | None = None
    rempart: Side | None = None
    timeline: list[Minute] = []
    insurers: list[InsurerTruth] = []
    robots: list[RobotLine] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLine:
    """One field of the comparison: how many persons each protocol shows it of, and bar lengths."""

    name: str
    before: int
    now: int
    before_width: float
    now_width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """January 2024 beside Rempart: fields that identify somebody, then what Rempart answers."""

    before: Side
    now: Side
    identifying: tuple[FieldLine, ...]
    answered: tuple[FieldLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One sign in a verdict, in words."""

    words: str
    points: int
    shows_owner: bool


def read_drill(report: Mapping[str, Any]) -> DrillReport | None:
    """Read the exercise's part of a report; None when there is none that can be read."""
    if "drill" not in report:
        return None
    try:
        return msgspec.convert(report["drill"], DrillReport)
    except msgspec.ValidationError:
        return None


def draw_timeline(minutes: Sequence[Minute]) -> ColumnChart | None:
    """Draw lawful and attributed look-ups, one column a slice (or several, when it was long)."""
    ordered = sorted(minutes, key=lambda minute: minute.minute)
    if not ordered:
        return None
    lasts = ordered[-1].minute - ordered[0].minute
    clock = "%H:%M" if lasts > timedelta(minutes=20) else "%H:%M:%S"
    stride = -(-len(ordered) // _MOST_POINTS)
    groups = [ordered[at : at + stride] for at in range(0, len(ordered), stride)]
    series = (
        Series(name=gettext("trafic légitime"), css="fill-lawful"),
        Series(name=gettext("séances attribuées au voleur"), css="fill-attributed", hatched=True),
    )
    points = [
        Point(
            label=f"{group[0].minute.astimezone(PARIS):{clock}}",
            counts=(sum(m.lawful for m in group), sum(m.attributed for m in group)),
        )
        for group in groups
    ]
    return draw_columns(points, series)


def compare_with_2024(drill: DrillReport, language: Language) -> Comparison | None:
    """Set the fields of 2024 and ours side by side; None when the report lacks a side."""
    if drill.portal_2024 is None or drill.rempart is None:
        return None
    before, now = drill.portal_2024, drill.rempart
    return Comparison(
        before=before,
        now=now,
        identifying=_compare(fields_in(EIGHT_FIELDS_OF_2024), before, now, language),
        answered=_compare(fields_in(FIELDS_OF_ANSWERS), before, now, language),
    )


def sort_exposure(
    rows: Sequence[ExposureRow], column: str, *, descending: bool
) -> list[ExposureRow]:
    """Sort the table of insurers; equals stay in the order of their names."""
    by_name = sorted(rows, key=lambda row: (row.insurer.casefold(), row.insurer_id))
    return sorted(by_name, key=lambda row: _sort_key(row, column), reverse=descending)


def describe_reasons(session: SuspectSession) -> list[Reason]:
    """Put the signs that weigh something into words, the heaviest first."""
    reasons = []
    for reason in session.reasons:
        rule, points = str(reason.get("rule", "")).partition("/")[0], int(reason.get("points", 0))
        if points and rule in wording.SIGNS:
            words = str(wording.SIGNS[rule])
            shows_owner = reason.get("shows") == "owner"
            reasons.append(Reason(words=words, points=points, shows_owner=shows_owner))
    return sorted(reasons, key=lambda reason: -reason.points)


def _compare(
    fields: Iterable[Field], before: Side, now: Side, language: Language
) -> tuple[FieldLine, ...]:
    most = max(before.persons, now.persons)
    lines = []
    for field in fields:
        label = FIELD_LABELS[field]
        shown_before = before.persons if _names(before, field, label) else 0
        shown_now = now.persons if _names(now, field, label) else 0
        lines.append(
            FieldLine(
                name=getattr(label, language),
                before=shown_before,
                now=shown_now,
                before_width=measure(shown_before, most),
                now_width=measure(shown_now, most),
            )
        )
    return tuple(lines)


def _names(side: Side, field: Field, label: FieldLabel) -> bool:
    """Say whether a side lists a field, by its code or by either of its labels."""
    return bool({str(field.name).lower(), label.fr, label.en} & {f.lower() for f in side.fields})


def _sort_key(row: ExposureRow, column: str) -> Any:
    match column:
        case "insurer":
            return row.insurer.casefold()
        case "persons":
            return row.persons_a + row.persons_b
        case _:
            return getattr(row, column)
