"""What the guard's pages show, from what was read: columns by minute, an account's days, rules.

Pure: no request, no clock. Refuses to round a person away: one refusal is drawn and counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rempart.kernel.instants import from_day_number
from rempart.portals.charts import ColumnChart, Point, Series, draw_columns
from rempart.portals.guard_charts import (
    LineChart,
    Spark,
    StoryChart,
    StoryDay,
    draw_lines,
    draw_spark,
    draw_story,
)
from rempart.portals.guard_wording import SeenSignal, SignalWords, describe_signal
from rempart.portals.templatetags.rempart import decimal
from rempart.portals.times import in_paris
from rempart.portals.wording import describe_profession
from rempart.workflows.guard.watch_guard import (
    STORY_DAYS,
    AccountEvent,
    GuardMap,
    RulesVersion,
    Story,
)

HOUR_MS: Final = 3_600_000
# What the map counts: name, what it is called, the class of its columns.
MEASURES: Final[tuple[tuple[str, Promise, str], ...]] = (
    ("lookups", _("Vérifications"), "fill-lawful"),
    ("misses", _("Introuvables"), "fill-unknown"),
    ("new_faces", _("Visages nouveaux"), "fill-code"),
    ("refused", _("Refus de la garde"), "fill-attributed"),
    ("contained", _("Confinements"), "fill-closed"),
)

Counts = list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One thing the map counts: small columns, the whole, and the last full step of time."""

    key: str
    name: str
    spark: Spark
    last_full: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfessionLine:
    """One profession of the map."""

    name: str
    counts: tuple[int, ...]
    missed: float
    lookups: Spark
    refused: Spark


@dataclass(frozen=True, slots=True, kw_only=True)
class EventGroup:
    """One event, or refusals in a row: the newest, when the first was, how many."""

    newest: AccountEvent
    first_ms: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryPicture:
    """One account's days, drawn over each other, and the table of their figures."""

    chart: StoryChart
    cards: Spark
    refusals: Spark
    rows: tuple[dict[str, Any], ...]


def draw_measures(seen: GuardMap) -> list[Measure]:
    """Return each measure of the map, all professions together."""
    labels = list_labels(seen)
    sums = _add_up(seen, None)
    return [
        Measure(
            key=key,
            name=str(name),
            spark=draw_spark(sums[key], labels, css=css),
            last_full=sums[key][-2] if len(labels) > 1 else sums[key][-1],
        )
        for key, name, css in MEASURES
    ]


def list_figures(seen: GuardMap) -> list[tuple[str, tuple[int, ...]]]:
    """Return the map as a table: each moment with its counts, in the order of MEASURES."""
    sums = _add_up(seen, None)
    return [
        (label, tuple(sums[key][index] for key, _name, _css in MEASURES))
        for index, label in enumerate(list_labels(seen))
    ]


def draw_professions(seen: GuardMap) -> list[ProfessionLine]:
    """Return each profession, the one with the most refusals first, then the busiest."""
    names = {one.profession for one in seen.moments} | {one.profession for one in seen.containments}
    labels, lines = list_labels(seen), []
    for profession in names:
        sums = _add_up(seen, profession)
        counts = tuple(sum(sums[key]) for key, _name, _css in MEASURES)
        lines.append(
            ProfessionLine(
                name=str(describe_profession(profession)) or gettext("sans profession"),
                counts=counts,
                missed=counts[1] / counts[0] if counts[0] else 0.0,
                lookups=draw_spark(sums["lookups"], labels, css="fill-lawful"),
                refused=draw_spark(sums["refused"], labels, css="fill-attributed"),
            )
        )
    return sorted(lines, key=lambda one: (-one.counts[4], -one.counts[3], -one.counts[0], one.name))


def list_labels(seen: GuardMap) -> list[str]:
    """Return the name of each step of time, oldest first."""
    return [
        f"{in_paris(moment * seen.step_ms):%H:%M}" for moment in range(seen.first, seen.last + 1)
    ]


def draw_account(story: Story) -> StoryPicture:
    """Draw the days of an account, today last."""
    first = story.today - STORY_DAYS + 1
    known = {row["day"]: row for row in _list_known_days(story)}
    rows = [known.get(day) for day in range(first, story.today + 1)]
    labels = [_name_day(day) for day in range(first, story.today + 1)]
    days = [
        _make_day(label, row) if row else _make_unknown(label)
        for label, row in zip(labels, rows, strict=True)
    ]
    return StoryPicture(
        chart=draw_story(days),
        cards=draw_spark([row["cards"] if row else 0 for row in rows], labels, css="fill-card"),
        refusals=draw_spark(
            [row["refused"] if row else 0 for row in rows], labels, css="fill-attributed"
        ),
        rows=tuple({**row, "label": label} for label, row in zip(labels, rows, strict=True) if row),
    )


def draw_hours(story: Story) -> ColumnChart:
    """Draw today by hour: shown with presence, typed, refused; hours to come are empty."""
    # The guard's day begins at 23:00 UTC.
    first = story.today * 24 - 1
    hours = {one.hour: one for one in story.hours}
    points = []
    for hour in range(first, first + 24):
        one = hours.get(hour)
        answered = (one.presence, one.typed) if one else (0, 0)
        points.append(
            Point(
                label=f"{in_paris(hour * HOUR_MS):%H} h",
                counts=(*answered, story.refused.get(hour, 0)),
            )
        )
    return draw_columns(
        points,
        [
            Series(name=gettext("répondues, avec présence"), css="fill-card"),
            Series(name=gettext("répondues, saisies"), css="fill-lawful"),
            Series(name=gettext("refusées"), css="fill-attributed", hatched=True),
        ],
    )


def draw_versions(versions: Sequence[RulesVersion]) -> dict[str, LineChart]:
    """Draw how the rules moved; at least one version."""
    labels = [_name_day(one.day) for one in versions]
    return {
        "width": draw_lines(
            labels,
            [(gettext("largeur"), "line-lawful", [one.width for one in versions])],
            least_top=4.0,
        ),
        "evidence": draw_lines(
            labels,
            [
                (gettext("saisies"), "line-lawful", [one.evidence for one in versions]),
                (gettext("avec carte"), "line-card", [one.card_evidence for one in versions]),
            ],
            least_top=5.0,
        ),
        "budget": draw_lines(
            labels,
            [
                (gettext("demandé"), "line-asked", [one.asked for one in versions]),
                (gettext("obtenu"), "line-attributed", [one.achieved for one in versions]),
            ],
            least_top=0.5,
        ),
    }


def read_signals(signals: Sequence[Mapping[str, Any]]) -> list[SignalWords]:
    """Put the signs kept with an event into words, in their order: what says most comes first."""
    seen = [
        SeenSignal(
            kind=str(one["kind"]),
            observed=float(one["observed"]),
            expected=float(one["expected"]),
            weight=float(one["weight"]),
        )
        for one in signals
    ]
    return [describe_signal(one) for one in seen]


def group_events(events: Sequence[AccountEvent]) -> list[EventGroup]:
    """Return what happened to an account with refusals in a row as one, newest first."""
    groups: list[EventGroup] = []
    for event in events:
        last = groups[-1] if groups else None
        if last is not None and event.kind == last.newest.kind == "refused":
            groups[-1] = EventGroup(newest=last.newest, first_ms=event.t_ms, count=last.count + 1)
        else:
            groups.append(EventGroup(newest=event, first_ms=event.t_ms, count=1))
    return groups


def find_date(day: int) -> date:
    """Return the date of one of the guard's days."""
    return from_day_number(day)


def _name_day(day: int) -> str:
    return f"{find_date(day):%d/%m}"


def _add_up(seen: GuardMap, profession: str | None) -> dict[str, Counts]:
    size = seen.last - seen.first + 1
    sums = {key: [0] * size for key, _name, _css in MEASURES}
    for one in seen.moments:
        if 0 <= (at := one.moment - seen.first) < size and profession in (None, one.profession):
            sums["lookups"][at] += one.lookups
            sums["misses"][at] += one.misses
            sums["new_faces"][at] += one.new_faces
            sums["refused"][at] += one.refused
    for held in seen.containments:
        if 0 <= (at := held.moment - seen.first) < size and profession in (None, held.profession):
            sums["contained"][at] += held.accounts
    return sums


def _list_known_days(story: Story) -> list[dict[str, Any]]:
    rows = [
        {
            "day": one.day,
            "expected": one.typed_expected,
            "spread": (one.width or 0.0) * one.typed_deviation,
            "allowance": one.typed_allowance,
            "typed": one.typed,
            "faces": one.typed_count,
            "cards": one.card_count,
            "refused": one.refused,
            "is_today": False,
        }
        for one in story.days
        if one.day != story.account.day
    ]
    account = story.account
    last = story.days[-1] if story.days else None
    rows.append(
        {
            "day": account.day,
            # The running day keeps its allowance only; what is usual is as on the day before.
            "expected": last.typed_expected if last else account.typed_allowance / 2,
            "spread": (last.width or 0.0) * last.typed_deviation
            if last
            else account.typed_allowance / 2,
            "allowance": account.typed_allowance,
            "typed": account.typed,
            "faces": account.new_faces,
            "cards": 0,
            "refused": account.refused,
            "is_today": account.day == story.today,
        }
    )
    return rows


def _make_day(label: str, row: Mapping[str, Any]) -> StoryDay:
    words = gettext(
        "%(day)s : %(typed)s dépensés en visages saisis, marge de %(allowance)s, %(refused)s refus"
    ) % {
        "day": label,
        "typed": decimal(row["typed"]),
        "allowance": decimal(row["allowance"]),
        "refused": row["refused"],
    }
    return StoryDay(
        label=label,
        low=max(row["expected"] - row["spread"], 0.0),
        expected=row["expected"],
        high=row["expected"] + row["spread"],
        allowance=row["allowance"],
        typed=row["typed"],
        title=words,
    )


def _make_unknown(label: str) -> StoryDay:
    return StoryDay(
        label=label, low=0, expected=0, high=0, allowance=0, typed=0, title="", is_known=False
    )
