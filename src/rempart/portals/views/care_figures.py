"""How an establishment's claims go: each day, why some are rejected, how long payment takes."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.portals.administering import perform_or_404
from rempart.portals.care_wording import name_rule
from rempart.portals.charts import ColumnChart, Point, Series, draw_columns, measure
from rempart.portals.desk import get_today
from rempart.portals.views.payments import draw_promise
from rempart.portals.visit import allows
from rempart.settlement.promise import Promise, get_promised_days
from rempart.workflows.claims.biller_claims import DayCount, read_figures


@require_safe
@allows(Permission.SUBMIT_CLAIMS)
def figures(request: HttpRequest) -> HttpResponseBase:
    """Show the last thirty days."""
    read = perform_or_404(request, read_figures)
    today = get_today()
    promise = Promise(days=get_promised_days(today), remittances=read.delays)
    accepted = sum(one.accepted for one in read.days)
    rejected = sum(one.rejected for one in read.days)
    context = {
        "figures": read,
        "accepted": accepted,
        "rejected": rejected,
        "others": read.total - accepted - rejected,
        "rate": rejected / (accepted + rejected) if accepted + rejected else None,
        "days_chart": draw_days(read.days),
        "rules": _list_rules(read.rules, read.total),
        "promise": promise,
        "median": promise.find_quantile(5_000),
        "delay_chart": draw_promise(promise),
    }
    return render(request, "portals/care/figures.html", context)


def draw_days(days: Sequence[DayCount]) -> ColumnChart:
    """Draw the claims of each day by what became of them."""
    points = [
        Point(label=date_format(one.day, "j b"), counts=(one.accepted, one.others, one.rejected))
        for one in days
    ]
    series = (
        Series(name=gettext("acceptées"), css="fill-open"),
        Series(name=gettext("en cours ou annulées"), css="fill-typed"),
        Series(name=gettext("rejetées"), css="fill-closed"),
    )
    return draw_columns(points, series)


def _list_rules(rules: Sequence[tuple[str, int]], total: int) -> list[dict[str, Any]]:
    most = max((count for _rule, count in rules), default=0)
    return [
        {
            "name": name_rule(rule),
            "count": count,
            "width": measure(count, most),
            "share": count / total if total else 0.0,
        }
        for rule, count in rules
    ]
