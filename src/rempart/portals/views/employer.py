"""An employer's space: its list by its own numbers, and how many an incident exposed; never who."""

import itertools
from typing import Any, Final, get_args

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.kernel.listing import Listing
from rempart.portals.administering import perform_or_404
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_today
from rempart.portals.employer_wording import STRUCTURES, TIERS
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import in_paris
from rempart.portals.visit import allows
from rempart.portals.watching import read_words
from rempart.workflows.employers import employer_space as acts
from rempart.workflows.employers.employer_space import (
    STAFF_NUMBER_LETTERS,
    ExposedCount,
    StaffColumn,
)

COLUMNS: Final = (
    ("number", _("Matricule")),
    ("structure", _("Structure")),
    ("joined", _("Entrée")),
    ("left", _("Sortie")),
    ("ends", _("Couvert jusqu’au")),
)


@require_safe
@allows(Permission.ENTER_EMPLOYER_SPACE)
def home(request: HttpRequest) -> HttpResponseBase:
    """Show what there is: people covered, what waits, the last statement."""
    today = get_today()

    def load(tx: Any, asker: Any) -> Any:
        groups = acts.list_own_groups(tx, asker, today=today)
        statements, _total = acts.list_statements(tx, asker, Listing(sort="month", limit=1))
        return groups, statements, acts.list_prices(tx, asker)

    groups, statements, prices = perform_or_404(request, load)
    context = {
        "groups": groups,
        "active": sum(one.active for one in groups),
        "ported": sum(one.ported for one in groups),
        "waiting": sum(one.waiting for one in groups),
        "last": statements[0] if statements else None,
        "prices": [{"row": one, "structure": STRUCTURES[one.structure]} for one in prices],
    }
    return render(request, "portals/employer/home.html", context)


@require_safe
@allows(Permission.READ_STAFF)
def staff(request: HttpRequest) -> HttpResponseBase:
    """Show the list; a number is looked for whole, among the employer's own."""
    listing, wanted = _read(request), _read_wanted(request)
    today = get_today()
    rows, total = perform_or_404(
        request, lambda tx, asker: acts.list_staff(tx, asker, listing, staff_number=wanted)
    )
    context = {
        "rows": [{"row": one, "structure": STRUCTURES[one.structure]} for one in rows],
        "wanted": wanted,
        "today": today,
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/employer/staff.html", context)


@require_safe
@allows(Permission.READ_STAFF)
def staff_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the list."""
    listing, wanted = export_listing(_read(request)), _read_wanted(request)
    rows, _total = perform_or_404(
        request, lambda tx, asker: acts.list_staff(tx, asker, listing, staff_number=wanted)
    )
    header = (
        *(gettext("contrat"), gettext("matricule"), gettext("structure")),
        *(gettext("début du contrat de travail"), gettext("entrée"), gettext("sortie")),
        gettext("couvert jusqu’au"),
    )
    cells = (
        (
            *(one.contract_number, one.staff_number, STRUCTURES[one.structure], one.work_from),
            *(one.joined_on, one.left_on or "", one.cover_ends_on or ""),
        )
        for one in rows
    )
    return export_csv("effectif.csv", header, cells)


@require_safe
@allows(Permission.COUNT_EXPOSED_STAFF)
def incidents(request: HttpRequest) -> HttpResponseBase:
    """Show, incident by incident, how many of the staff are concerned, and what may be said."""
    rows = perform_or_404(request, acts.count_exposed_staff)
    grouped = itertools.groupby(
        rows, key=lambda one: (one.contract_number, one.amc_number, one.page_number)
    )
    told = []
    for _key, group in grouped:
        counts = list(group)
        told.append({"first": counts[0], "days": _describe_days(counts[0]), "tiers": counts})
    for one in told:
        one["tiers"] = [{"words": TIERS[count.tier], "count": count} for count in one["tiers"]]
    return render(request, "portals/employer/incidents.html", {"incidents": told})


@require_safe
@allows(Permission.COUNT_EXPOSED_STAFF)
def incidents_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the same counts."""
    rows = perform_or_404(request, acts.count_exposed_staff)
    header = (
        *(gettext("contrat"), gettext("du"), gettext("au"), gettext("niveau")),
        gettext("salariés"),
    )
    cells = []
    for one in rows:
        days = _describe_days(one)
        cells.append((one.contract_number, *days, TIERS[one.tier], _describe_count(one)))
    return export_csv("incidents.csv", header, cells)


def _describe_count(one: ExposedCount) -> object:
    if one.persons is not None:
        return one.persons
    return gettext("presque tous") if one.nearly_all else gettext("moins de 11")


def _describe_days(one: ExposedCount) -> tuple[Any, Any]:
    return in_paris(one.starts_ms).date(), in_paris(one.ends_ms).date()


def _read(request: HttpRequest) -> Listing[StaffColumn]:
    return read_listing(request.GET, get_args(StaffColumn), "number", descending=False)


def _read_wanted(request: HttpRequest) -> str:
    return read_words(request.GET, "matricule", most=STAFF_NUMBER_LETTERS)
