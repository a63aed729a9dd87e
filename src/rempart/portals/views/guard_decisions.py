"""« Garde » of the console: the decisions that wait, the most urgent first, and many at once.

Refuses to act on many accounts before showing which.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, get_args

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe
from psycopg import Connection

from rempart.accounts.containment import MeasureReason, MeasureStep, MeasureTarget
from rempart.accounts.permissions import Permission
from rempart.accounts.urgency import MOST_POINTS, REVIEW_WITHIN
from rempart.kernel.listing import Listing
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    list_abilities,
    name_request,
    perform,
    perform_or_404,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.guard_charts import draw_gauge
from rempart.portals.guard_pictures import read_signals
from rempart.portals.guard_wording import count_words, name_step
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import in_paris
from rempart.portals.visit import allows, require_visitor
from rempart.portals.watching import read_number
from rempart.portals.whole_numbers import read_whole
from rempart.portals.wording import describe_profession
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.guard import contain, watch_guard
from rempart.workflows.guard.watch_guard import Decision, DecisionColumn

COLUMNS: Final = (
    ("urgency", _("Urgence")),
    ("account", _("Compte")),
    ("since", _("Attend depuis")),
    ("evidence", _("Preuve")),
    ("persons", _("Personnes")),
)
# From so many points on.
VERY_URGENT: Final = 50
URGENT: Final = 30
# Accounts one form holds; a step on more is asked for as one, and takes a second person.
MOST_AT_ONCE: Final = 50
_ABILITIES: Final = (Permission.CONTAIN, Permission.RELEASE, Permission.DECLARE_INCIDENT)


@require_safe
@allows(Permission.READ_GUARD)
def list_all(request: HttpRequest) -> HttpResponseBase:
    """Show what waits; the first page asks for its rows again every few seconds."""
    listing = _read(request)
    rows, total = _list(request, listing)
    context = {
        "rows": [_describe(row) for row in rows],
        "now": get_desk().now(),
        "is_live": listing.page == 1,
        "news": count_words(total),
        "released": read_number(request.GET, "fait"),
        "refused": "refus" in request.GET,
        "review_hours": REVIEW_WITHIN // timedelta(hours=1),
        **list_abilities(require_visitor(request), _ABILITIES),
        **describe_listing(listing, COLUMNS, total),
    }
    is_fragment = request.headers.get("HX-Request") == "true"
    template = "guard_decisions_live.html" if is_fragment else "guard_decisions.html"
    return render(request, f"portals/console/{template}", context)


@require_safe
@allows(Permission.READ_GUARD)
def list_csv(request: HttpRequest) -> HttpResponseBase:
    """Download what waits."""
    rows, _total = _list(request, export_listing(_read(request)))
    header = (
        *(gettext("compte"), gettext("profession"), gettext("palier"), gettext("depuis")),
        *(gettext("témoin planté"), gettext("urgence"), gettext("preuve"), gettext("seuil")),
        *(gettext("personnes"), gettext("pourquoi")),
    )
    cells = (
        (
            *(row.case.account_ref, describe_profession(row.case.profession)),
            *(name_step(row.case.step), in_paris(row.case.since_ms).isoformat(timespec="seconds")),
            *(int(row.case.is_canary), round(row.urgency.points)),
            *(f"{row.case.evidence:.2f}", f"{row.case.threshold:.2f}", row.case.persons),
            " ".join(words.sentence for words in read_signals(row.case.signals)),
        )
        for row in rows
    )
    return export_csv("decisions.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.RELEASE)
def release_many(request: HttpRequest) -> HttpResponseBase:
    """Show which accounts are chosen, then release them."""
    return _decide_many(request, act="release")


@require_http_methods(FORM_METHODS)
@allows(Permission.CONTAIN)
def suspend_many(request: HttpRequest) -> HttpResponseBase:
    """Show which accounts are chosen, then suspend them."""
    return _decide_many(request, act="suspend")


def _decide_many(request: HttpRequest, *, act: str) -> HttpResponseBase:
    chosen = _read_chosen(request)
    rows, _total = _list(request, export_listing(_read(request)))
    touched = [row for row in rows if row.case.account_ref in chosen][:MOST_AT_ONCE]
    if not touched:
        return HttpResponseRedirect(reverse("guard-decisions"))
    status = 200
    if request.method == "POST" and "confirmed" in request.POST:
        refs = [row.case.account_ref for row in touched]
        done = _release(request, refs) if act == "release" else _suspend(request, refs)
        if not isinstance(done, Refused):
            # Beyond what one person holds alone, a suspension waits among the measures.
            place = "guard-decisions" if done else "measures"
            return HttpResponseRedirect(reverse(place))
        status = done.status
    context = {
        "act": act,
        "rows": [_describe(row) for row in touched],
        "persons": sum(row.case.persons for row in touched),
        "canaries": sum(row.case.is_canary for row in touched),
        "left": len(chosen) - len(touched),
        "request_id": request.POST.get("request_id") or get_desk().now().isoformat(),
        "refused": status != 200,
    }
    return render(request, "portals/console/guard_many.html", context, status=status)


def _release(request: HttpRequest, refs: Sequence[int]) -> bool | Refused:
    def release(tx: Connection[tuple[Any, ...]], asker: Asker) -> bool:
        contain.release_many(tx, asker, refs, now=asker.now)
        return True

    return perform(request, release)


def _suspend(request: HttpRequest, refs: Sequence[int]) -> bool | Refused:
    """Suspend each account in one transaction, all or none; say whether all began."""
    session_ref = require_visitor(request).session_ref
    request_id = request.POST.get("request_id", "")

    def suspend(tx: Connection[tuple[Any, ...]], asker: Asker) -> bool:
        began = [
            contain.contain(
                tx,
                asker,
                contain.MeasureRequest(
                    step=MeasureStep.SUSPEND,
                    target=MeasureTarget.ACCOUNT,
                    target_ref=ref,
                    reason=MeasureReason.SUSPECTED_THEFT,
                    review_at=asker.now + REVIEW_WITHIN,
                ),
                measure_ref=name_request(session_ref, f"{request_id}|{ref}"),
                now=asker.now,
            )
            for ref in refs
        ]
        return all(one.starts for one in began)

    return perform(request, suspend)


def _read(request: HttpRequest) -> Listing[DecisionColumn]:
    return read_listing(request.GET, get_args(DecisionColumn), "urgency")


def _list(request: HttpRequest, listing: Listing[DecisionColumn]) -> tuple[list[Decision], int]:
    return perform_or_404(
        request,
        lambda tx, asker: watch_guard.list_decisions(tx, asker.visitor, listing, now=asker.now),
    )


def _read_chosen(request: HttpRequest) -> set[int]:
    values = request.POST if request.method == "POST" else request.GET
    texts = values.getlist("compte")[:MOST_AT_ONCE]
    read = map(read_whole, texts)
    return {ref for ref in read if ref is not None}


def _describe(row: Decision) -> dict[str, Any]:
    case, words = row.case, read_signals(row.case.signals)
    points = round(row.urgency.points)
    return {
        "row": row,
        "case": case,
        "profession": describe_profession(case.profession),
        "step": name_step(case.step),
        "since": in_paris(case.since_ms),
        "review": in_paris(case.since_ms) + REVIEW_WITHIN,
        "waited": _write_waiting(row.waited),
        "gauge": draw_gauge(case.evidence, case.threshold),
        "ratio": case.evidence / case.threshold if case.threshold else 0.0,
        "why": words[0].sentence if words else "",
        "more": len(words) - 1 if words else 0,
        "points": points,
        "most_points": MOST_POINTS,
        "level": "high" if points >= VERY_URGENT else "middle" if points >= URGENT else "low",
    }


def _write_waiting(waited: timedelta) -> str:
    minutes = waited // timedelta(minutes=1)
    if minutes < 60:
        return gettext("%(minutes)s min") % {"minutes": minutes}
    if minutes < 48 * 60:
        return gettext("%(hours)s h %(minutes)s") % {
            "hours": minutes // 60,
            "minutes": f"{minutes % 60:02d}",
        }
    return gettext("%(days)s jours") % {"days": minutes // (24 * 60)}
