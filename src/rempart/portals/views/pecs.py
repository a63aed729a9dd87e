"""Prises en charge an establishment asked for: the list, one with its acts, taking one back.

Refuses to tell another establishment's from one that was never made.
"""

from typing import Any, Final, get_args

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.claims.states import PecState
from rempart.portals import wording
from rempart.portals.administering import FORM_METHODS, perform_or_404
from rempart.portals.care_calls import Standing, cancel_pec, make_caller, read_pec
from rempart.portals.care_wording import PEC_BADGES, PEC_STATES, describe_state
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.gateway_client import InputRefused
from rempart.portals.money_cells import format_cell
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.views.care_replies import tell_refusal
from rempart.portals.visit import allows
from rempart.workflows.claims import read_pecs
from rempart.workflows.claims.read_pecs import PecColumn, PecRow

COLUMNS: Final = (
    ("asked", _("Demandée")),
    ("care", _("Soins")),
    ("amount", _("Part complémentaire")),
    ("expires", _("Valable jusqu’au")),
    ("state", _("État")),
)


@require_safe
@allows(Permission.CHECK_RIGHTS)
def pecs(request: HttpRequest) -> HttpResponseBase:
    """Show the promises of the establishment."""
    listing = read_listing(request.GET, get_args(PecColumn), "asked")
    state = _read_state(request)
    rows, total = perform_or_404(
        request,
        lambda tx, asker: read_pecs.list_pecs(
            tx, asker, get_desk().pec_numbers, listing, state=state
        ),
    )
    context = {
        "rows": [_describe(row) for row in rows],
        "shown": state,
        "states": PEC_STATES.items(),
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/care/pecs.html", context)


@require_safe
@allows(Permission.CHECK_RIGHTS)
def pecs_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the promises of the establishment: numbers and amounts, nobody."""
    listing = export_listing(read_listing(request.GET, get_args(PecColumn), "asked"))
    rows, _total = perform_or_404(
        request,
        lambda tx, asker: read_pecs.list_pecs(
            tx, asker, get_desk().pec_numbers, listing, state=_read_state(request)
        ),
    )
    header = (
        *(gettext("numéro"), gettext("demandée le"), gettext("domaine")),
        *(gettext("soins"), gettext("valable jusqu’au"), gettext("état"), gettext("facturé")),
        *(gettext("part obligatoire"), gettext("part complémentaire")),
    )
    lines = [
        (
            *(row.number, format_stamp(row.pec.asked_at), row.pec.domain),
            *(row.pec.care_on, row.pec.expires_on, PEC_STATES[row.pec.state]),
            *(format_cell(row.pec.billed_cents), format_cell(row.pec.amo_cents)),
            format_cell(row.pec.amc_cents),
        )
        for row in rows
    ]
    return export_csv("prises-en-charge.csv", header, lines)


@require_safe
@allows(Permission.CHECK_RIGHTS)
def pec(request: HttpRequest, pec_number: str) -> HttpResponseBase:
    """Show one promise, act by act."""
    return _show(request, pec_number)


@require_http_methods(FORM_METHODS)
@allows(Permission.CHECK_RIGHTS)
def cancel(request: HttpRequest, pec_number: str) -> HttpResponseBase:
    """Ask, then take a promise back."""
    _load_lines(request, pec_number)
    back = reverse("pec", args=[pec_number])
    status = 200
    if request.method == "POST":
        reply = cancel_pec(make_caller(request), pec_number)
        if isinstance(reply, Standing):
            return HttpResponseRedirect(back)
        if not isinstance(reply, InputRefused):
            return tell_refusal(request, reply)
        status = 409
    context = {
        "title": gettext("Annuler la prise en charge"),
        "sentence": gettext(
            "Elle ne garantira plus rien, et ce qu’elle réservait des plafonds est rendu."
        ),
        "button": gettext("Annuler la prise en charge"),
        "refusal": gettext("Elle ne peut plus être annulée : relisez son état."),
        "back": back,
        "refused": status != 200,
    }
    return render(request, "portals/organisation/confirm.html", context, status=status)


def _show(request: HttpRequest, number: str) -> HttpResponse:
    lines = _load_lines(request, number)
    standing = read_pec(make_caller(request), number)
    if not isinstance(standing, Standing):
        return tell_refusal(request, standing)
    context = {
        "number": standing.number,
        "standing": standing,
        "state": describe_state(standing.state, PEC_STATES, PEC_BADGES),
        "domain": dict(wording.list_domain_choices(current_language())).get(standing.domain, ""),
        "is_agreed": standing.state == PecState.AGREED,
        "lines": lines,
        "total": {
            name: sum(getattr(one, name) for one in lines)
            for name in ("billed_cents", "amo_cents", "amc_cents", "reste_a_charge_cents")
        },
    }
    return render(request, "portals/care/pec.html", context)


def _load_lines(request: HttpRequest, number: str) -> list[read_pecs.PecLine]:
    numbers = get_desk().pec_numbers
    return perform_or_404(
        request,
        lambda tx, asker: read_pecs.read_pec_lines(tx, asker, numbers, number, current_language()),
    )


def _describe(row: PecRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "pec": row.pec,
        "state": describe_state(row.pec.state, PEC_STATES, PEC_BADGES),
        "domain": dict(wording.list_domain_choices(current_language())).get(row.pec.domain, ""),
    }


def _read_state(request: HttpRequest) -> str | None:
    state = request.GET.get("etat", "")
    if state and state not in PEC_STATES:
        raise Http404
    return state or None
