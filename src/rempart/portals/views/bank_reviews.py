"""The operator's view of changes of account: all that are under way, and those that wait for us.

Shows no account and no more of one than an establishment's own people see.
"""

from collections.abc import Sequence
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.bank_details import Approver, ChangeRefused, PayeeCheck
from rempart.accounts.permissions import Permission
from rempart.kernel.errors import NotAllowed, NotFound
from rempart.kernel.listing import Listing
from rempart.portals import bank_wording
from rempart.portals.administering import read_ref
from rempart.portals.bank_wording import format_digits
from rempart.portals.csv_export import export_csv
from rempart.portals.paging import cut_page, describe_listing, read_listing, sort_here
from rempart.portals.times import format_stamp
from rempart.portals.views.bank_details import (
    describe_check,
    make_asker,
    name_approver,
)
from rempart.portals.visit import allows, open_visit
from rempart.workflows.settlement.change_bank_details import approve_change
from rempart.workflows.settlement.read_bank_details import ReviewedChange, list_changes, read_change

COLUMNS: Final = (
    ("asked", _("Demandé le")),
    ("place", _("Établissement")),
    ("account", _("Compte demandé")),
    ("check", _("Vérification")),
    ("state", _("État")),
    ("approver", _("À approuver par")),
    ("begins", _("Payé à partir du")),
)


@require_safe
@allows(Permission.REVIEW_BANK_DETAILS)
def reviews(request: HttpRequest) -> HttpResponseBase:
    """List the changes under way everywhere."""
    listing = _read_listing(request)
    lines = _sort(_list(request), listing)
    context = {
        "rows": cut_page(lines, listing),
        "waiting": sum(line["waits_for_us"] for line in lines),
        **describe_listing(listing, COLUMNS, len(lines)),
    }
    return render(request, "portals/bank/reviews.html", context)


@require_safe
@allows(Permission.REVIEW_BANK_DETAILS)
def reviews_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the changes under way, in the order of the page."""
    lines = _sort(_list(request), _read_listing(request))
    header = [str(words) for _name, words in COLUMNS]
    return export_csv("changements-de-compte.csv", header, (_to_cells(line) for line in lines))


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.SETTLE_BANK_DETAILS)
def settle(request: HttpRequest, change_ref: int) -> HttpResponseBase:
    """Show a change that nobody else there can approve, or approve it."""
    trouble: bank_wording.Words = ""
    try:
        with open_visit(request) as (tx, visitor):
            asker = make_asker(request, visitor)
            if request.method == "POST":
                approve_change(tx, asker, read_ref(change_ref))
                return HttpResponseRedirect(reverse("bank-reviews"))
    except ChangeRefused as refusal:
        trouble = bank_wording.OBSTACLES[refusal.obstacle]
    except (NotFound, NotAllowed):
        raise Http404 from None
    try:
        with open_visit(request) as (tx, visitor):
            found = read_change(tx, make_asker(request, visitor), read_ref(change_ref))
    except (NotFound, NotAllowed):
        raise Http404 from None
    context = {"line": _describe(found), "trouble": trouble}
    return render(request, "portals/bank/settle.html", context, status=409 if trouble else 200)


def _list(request: HttpRequest) -> list[dict[str, Any]]:
    try:
        with open_visit(request) as (tx, visitor):
            changes = list_changes(tx, make_asker(request, visitor))
    except NotAllowed:
        raise Http404 from None  # an operator hosted by another: it has no bank details
    return [_describe(change) for change in changes]


def _describe(reviewed: ReviewedChange) -> dict[str, Any]:
    change = reviewed.change
    badge, sign = bank_wording.LOOKS[change.state]
    return {
        "change": change,
        "digits": format_digits(change.last_digits),
        "old_digits": format_digits(change.old_digits),
        "state": bank_wording.STATES[change.state],
        "badge": badge,
        "sign": sign,
        "check": bank_wording.SHORT_CHECKS[change.payee_check or PayeeCheck.UNAVAILABLE],
        "check_words": describe_check(change.payee_check),
        "is_match": change.payee_check is PayeeCheck.MATCH,
        "approver": name_approver(reviewed.approver),
        "waits_for_us": reviewed.approver is Approver.OPERATOR,
    }


def _read_listing(request: HttpRequest) -> Listing[str]:
    return read_listing(request.GET, tuple(name for name, _words in COLUMNS), "asked")


def _sort(lines: Sequence[dict[str, Any]], listing: Listing[str]) -> list[dict[str, Any]]:
    def find_value(line: dict[str, Any]) -> Any:
        change = line["change"]
        return {
            "asked": change.proposed_at,
            "place": change.name,
            "account": change.last_digits,
            "check": str(line["check"]),
            "state": str(line["state"]),
            "approver": line["approver"],
            "begins": change.active_from,
        }[listing.sort]

    return sort_here(lines, listing, find_value)


def _to_cells(line: dict[str, Any]) -> tuple[object, ...]:
    change = line["change"]
    return (
        *(format_stamp(change.proposed_at), f"{change.name}, {change.city}", line["digits"]),
        *(line["check"], line["state"], line["approver"], format_stamp(change.active_from)),
    )
