"""« Accueil » and « Chiffres » of an insurer: what waits for it, figures drawn on the server."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission, can
from rempart.disclosure.entry import Mode, Outcome
from rempart.portals import wording
from rempart.portals.administering import list_abilities, perform_or_404
from rempart.portals.care_wording import describe_state
from rempart.portals.charts import ColumnChart, Point, Series, Share, draw_columns, draw_shares
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.insurer_wording import FEED_BADGES, FEED_KINDS, FEED_STATES
from rempart.portals.money_cells import format_cell
from rempart.portals.times import in_paris
from rempart.portals.visit import allows, require_visitor
from rempart.workflows.accounts import insurer_figures as acts
from rempart.workflows.accounts.insurer_figures import ClaimWeek, OwnFeed

_CENTS = 100
_CLASSES = {
    Mode.CARD: "card",
    Mode.TYPED: "typed",
    Mode.VITALE: "vitale",
    Mode.CODE: "code",
    Mode.OFFLINE: "offline",
    Mode.CLAIM: "claim",
}


@require_safe
@allows(Permission.ENTER_INSURER_SPACE)
def insurer_home(request: HttpRequest) -> HttpResponseBase:
    """Show what waits, how the day goes, and where to go."""
    read = perform_or_404(
        request, lambda tx, asker: acts.read_dashboard(tx, asker, unknown=Outcome.UNKNOWN)
    )
    visitor, now = require_visitor(request), get_desk().now()
    shown = read.waiting
    if not can(visitor, Permission.HOLD_CLAIMS, now=now):
        shown = shown._replace(holds=0)
    if not can(visitor, Permission.READ_OWN_INCIDENTS, now=now):
        shown = shown._replace(packages=0, unwatched=0)
    context = {
        "board": read,
        "waiting": shown,
        "waits": any(shown),
        "lookups": draw_hours(read.lookups),
        "feed": None if read.feed is None else _describe_feed(read.feed),
        "now": now,
        **list_abilities(
            visitor,
            [
                *(Permission.READ_OWN_INCIDENTS, Permission.HOLD_CLAIMS, Permission.READ_CALLS),
                *(Permission.PROPOSE_BENEFITS, Permission.SET_OWN_LIMITS, Permission.START_WATCH),
            ],
        ),
    }
    return render(request, "portals/homes/insurer.html", context)


@require_safe
@allows(Permission.READ_FIGURES)
def figures(request: HttpRequest) -> HttpResponseBase:
    """Show half a year of claims, and a day of look-ups."""
    read = perform_or_404(
        request, lambda tx, asker: acts.read_figures(tx, asker, unknown=Outcome.UNKNOWN)
    )
    accepted = sum(week.accepted for week in read.weeks)
    refused = sum(week.refused for week in read.weeks)
    context = {
        "figures": read,
        "claims": accepted + refused + sum(week.waiting for week in read.weeks),
        "rate": refused / (accepted + refused) if accepted + refused else None,
        "paid_cents": sum(week.amc_cents for week in read.weeks),
        "weeks": draw_weeks(read.weeks),
        "amounts": draw_amounts(read.weeks),
        "delays": draw_delays(read.delays) if read.delays else None,
        "median": find_median(read.delays),
        "lookups": draw_hours(read.lookups),
        "lookup_count": sum(read.modes.values()),
        "modes": draw_modes(read.modes),
        "outcomes": draw_outcomes(read.outcomes),
        "feeds": draw_feeds(read.feeds) if read.feeds else None,
    }
    return render(request, "portals/insurer/figures.html", context)


@require_safe
@allows(Permission.READ_FIGURES)
def figures_csv(request: HttpRequest) -> HttpResponseBase:
    """Download claims by week: counts and sums."""
    read = perform_or_404(
        request, lambda tx, asker: acts.read_figures(tx, asker, unknown=Outcome.UNKNOWN)
    )
    header = (
        *(gettext("semaine du"), gettext("acceptées"), gettext("en attente")),
        *(gettext("rejetées ou annulées"), gettext("part complémentaire")),
    )
    cells = (
        (
            *(week.monday.isoformat(), week.accepted, week.waiting, week.refused),
            format_cell(week.amc_cents),
        )
        for week in read.weeks
    )
    return export_csv("chiffres-factures.csv", header, cells)


def draw_hours(hours: Sequence[tuple[int, int, int]]) -> ColumnChart:
    """Draw look-ups by hour: about members, about nobody."""
    series = (
        Series(name=gettext("adhérents"), css="fill-lawful"),
        Series(name=gettext("personne inconnue"), css="fill-unknown"),
    )
    points = [
        Point(label=f"{in_paris(hour * acts.HOUR_MS):%H:%M}", counts=(found, missed))
        for hour, found, missed in hours
    ]
    return draw_columns(points, series)


def draw_weeks(weeks: Sequence[ClaimWeek]) -> ColumnChart:
    """Draw claims by week and what became of them."""
    series = (
        Series(name=gettext("acceptées"), css="fill-open"),
        Series(name=gettext("en attente"), css="fill-typed"),
        Series(name=gettext("rejetées ou annulées"), css="fill-closed"),
    )
    points = [
        Point(
            label=date_format(week.monday, "j b"),
            counts=(week.accepted, week.waiting, week.refused),
        )
        for week in weeks
    ]
    return draw_columns(points, series)


def draw_amounts(weeks: Sequence[ClaimWeek]) -> ColumnChart:
    """Draw what the insurer pays, by week, in whole euros."""
    points = [
        Point(label=date_format(week.monday, "j b"), counts=(week.amc_cents // _CENTS,))
        for week in weeks
    ]
    return draw_columns(points, [Series(name=gettext("euros"), css="fill-lawful")])


def draw_delays(delays: Mapping[int, int]) -> ColumnChart:
    """Draw in how many days claims were paid; the last column counts those beyond."""
    points = [
        Point(label=f"{day}+" if day == acts.MOST_DAYS else str(day), counts=(delays.get(day, 0),))
        for day in range(acts.MOST_DAYS + 1)
    ]
    return draw_columns(points, [Series(name=gettext("factures"), css="fill-open")])


def draw_feeds(feeds: Sequence[OwnFeed]) -> ColumnChart:
    """Draw the rows of the last feeds: kept, rejected."""
    series = (
        Series(name=gettext("lignes retenues"), css="fill-open"),
        Series(name=gettext("lignes rejetées"), css="fill-closed"),
    )
    points = [
        Point(
            label=date_format(feed.started_at, "j b"),
            counts=(max(feed.rows_done - feed.rows_rejected, 0), feed.rows_rejected),
        )
        for feed in feeds
    ]
    return draw_columns(points, series)


def draw_modes(modes: Mapping[int, int]) -> tuple[Share, ...]:
    """Draw how persons were designated."""
    return draw_shares(
        [
            (
                Series(name=str(wording.MODES[mode]).lower(), css=f"fill-{css}"),
                modes.get(mode, 0),
            )
            for mode, css in _CLASSES.items()
        ]
    )


def draw_outcomes(outcomes: Mapping[int, int]) -> tuple[Share, ...]:
    """Draw what was answered."""
    opened, unknown = outcomes.get(Outcome.OPEN, 0), outcomes.get(Outcome.UNKNOWN, 0)
    claims = outcomes.get(Outcome.CLAIM, 0)
    return draw_shares(
        [
            (Series(name=gettext("ouverts"), css="fill-open"), opened),
            (
                Series(name=gettext("fermés"), css="fill-closed"),
                sum(outcomes.values()) - opened - unknown - claims,
            ),
            (Series(name=gettext("résultats de factures"), css="fill-claim"), claims),
            (Series(name=gettext("personne inconnue"), css="fill-unknown"), unknown),
        ]
    )


def find_median(delays: Mapping[int, int]) -> int | None:
    """Return in how many days half of the claims were paid, None when none was.

    >>> find_median({1: 2, 4: 1})
    1
    """
    total, seen = sum(delays.values()), 0
    for day in sorted(delays):
        seen += delays[day]
        if 2 * seen >= total:
            return day
    return None


def _describe_feed(feed: OwnFeed) -> dict[str, Any]:
    return {
        "row": feed,
        "kind": FEED_KINDS.get(feed.kind, feed.kind),
        "state": describe_state(feed.state, FEED_STATES, FEED_BADGES),
    }
