"""« Registre des violations » (GDPR, article 33(5)): every breach, its effects, what was done."""

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.exchange.cnil_export import REGISTER_COLUMNS, write_register
from rempart.portals.administering import perform_or_404
from rempart.portals.answers_form import send_file
from rempart.portals.csv_export import export_csv
from rempart.portals.paging import cut_page, describe_listing, read_listing
from rempart.portals.visit import allows
from rempart.workflows.incidents import notify_authority
from rempart.workflows.incidents.case_file import write_as

COLUMNS: Final = (
    ("incident", _("Incident")),
    ("controller", _("Responsable")),
    ("began_at", _("Date")),
)
_SORTABLE: Final = ("incident", "controller", "began_at")


@require_safe
@allows(Permission.READ_CLOCKS)
def register(request: HttpRequest) -> HttpResponseBase:
    """Show the register of breaches: one line per incident and controller."""
    return show_register(request)


@require_safe
@allows(Permission.READ_CLOCKS)
def register_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the register as a table."""
    return send_csv(request)


@require_safe
@allows(Permission.READ_CLOCKS)
def register_json(request: HttpRequest) -> HttpResponseBase:
    """Download the register as JSON."""
    return send_json(request)


def show_register(request: HttpRequest, *, own: bool = False) -> HttpResponse:
    """Show the register of whoever asks: the host's, or an insurer's own."""
    lines = _load_register(request)
    listing = read_listing(request.GET, _SORTABLE, "incident")
    ordered = sorted(
        lines, key=lambda one: _sort_line(one, listing.sort), reverse=listing.descending
    )
    context = {
        "rows": cut_page(ordered, listing),
        "own": own,
        **describe_listing(listing, COLUMNS, len(lines)),
    }
    return render(request, "portals/authorities/register.html", context)


def send_csv(request: HttpRequest) -> HttpResponse:
    """Return that register as a table."""
    lines = _load_register(request)
    header = [label for _name, label in REGISTER_COLUMNS]
    cells = [[line[name] for name, _label in REGISTER_COLUMNS] for line in lines]
    return export_csv("registre-violations.csv", header, cells)


def send_json(request: HttpRequest) -> HttpResponse:
    """Return that register as JSON."""
    content = write_register(_load_register(request))
    return send_file(content, "registre-violations", "json", exercise=False)


def _load_register(request: HttpRequest) -> list[dict[str, str]]:
    return perform_or_404(
        request, lambda tx, asker: notify_authority.list_register(tx, write_as(asker))
    )


def _sort_line(line: Mapping[str, str], column: str) -> tuple[Any, ...]:
    if column == "began_at":
        day, _space, hour = line["began_at"].partition(" ")
        return ("-".join(reversed(day.split("/"))), hour)
    return (int(line["incident"]) if column == "incident" else line["controller"],)
