"""Prises en charge of an insurer's members: numbers and amounts; the acts of one, on record."""

from typing import Any, Final, get_args

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.portals import wording
from rempart.portals.administering import list_abilities, perform_or_404
from rempart.portals.care_wording import PEC_BADGES, PEC_STATES, describe_state
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.money_cells import format_cell
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, make_author, require_visitor
from rempart.workflows.claims import read_insured_claims
from rempart.workflows.claims.read_pecs import PecColumn, PecLine, PecRow

PEC_COLUMNS: Final = (
    ("asked", _("Demandée")),
    ("care", _("Soins")),
    ("amount", _("Part complémentaire")),
    ("expires", _("Valable jusqu’au")),
    ("state", _("État")),
)
_TOTALS: Final = ("billed_cents", "amo_cents", "amc_cents", "reste_a_charge_cents")


@require_safe
@allows(Permission.READ_INSURED_CLAIMS)
def insured_pecs(request: HttpRequest) -> HttpResponseBase:
    """Show the promises made to the insurer's members: no act, no person."""
    listing = read_listing(request.GET, get_args(PecColumn), "asked")
    numbers = get_desk().pec_numbers
    state = _read_state(request)
    rows, total = perform_or_404(
        request,
        lambda tx, asker: read_insured_claims.list_insured_pecs(
            tx, asker, numbers, listing, state=state
        ),
    )
    domains = dict(wording.list_domain_choices(current_language()))
    context = {
        "rows": [
            {
                "number": row.number,
                "pec": row.pec,
                "domain": domains.get(row.pec.domain, row.pec.domain),
                "state": describe_state(row.pec.state, PEC_STATES, PEC_BADGES),
            }
            for row in rows
        ],
        "one": "insured-pec",
        "csv": "insured-pecs-csv",
        "states": PEC_STATES.items(),
        "shown": state,
        **list_abilities(require_visitor(request), [Permission.HOLD_CLAIMS]),
        **describe_listing(listing, PEC_COLUMNS, total),
    }
    return render(request, "portals/payers/pecs.html", context)


@require_safe
@allows(Permission.READ_INSURED_CLAIMS)
def insured_pecs_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the promises made to the insurer's members: numbers and amounts, nobody."""
    listing = export_listing(read_listing(request.GET, get_args(PecColumn), "asked"))
    numbers = get_desk().pec_numbers
    rows, _total = perform_or_404(
        request,
        lambda tx, asker: read_insured_claims.list_insured_pecs(
            tx, asker, numbers, listing, state=_read_state(request)
        ),
    )
    return export_csv("prises-en-charge-assures.csv", *make_pec_cells(rows))


@require_safe
@allows(Permission.READ_INSURED_CLAIMS)
def insured_pec(request: HttpRequest, pec_number: str) -> HttpResponseBase:
    """Show the acts of one promise; the acts log has it first."""
    desk, by = get_desk(), make_author(require_visitor(request))
    lines = perform_or_404(
        request,
        lambda tx, asker: read_insured_claims.read_insured_pec(
            tx,
            desk.readings,
            asker,
            desk.pec_numbers,
            pec_number,
            by=by,
            language=current_language(),
        ),
    )
    context = {
        "number": pec_number,
        "lines": lines,
        "total": sum_lines(lines),
        "back": "insured-pecs",
    }
    return render(request, "portals/payers/pec.html", context)


def make_pec_cells(rows: list[PecRow]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Return the head and the cells of a file of promises."""
    header = (
        *(gettext("numéro"), gettext("demandée le"), gettext("domaine"), gettext("soins")),
        *(gettext("valable jusqu’au"), gettext("état"), gettext("facturé")),
        *(gettext("part obligatoire"), gettext("part complémentaire")),
    )
    cells: list[tuple[object, ...]] = [
        (
            *(row.number, format_stamp(row.pec.asked_at), row.pec.domain, row.pec.care_on),
            *(row.pec.expires_on, PEC_STATES[row.pec.state], format_cell(row.pec.billed_cents)),
            *(format_cell(row.pec.amo_cents), format_cell(row.pec.amc_cents)),
        )
        for row in rows
    ]
    return header, cells


def sum_lines(lines: list[PecLine]) -> dict[str, Any]:
    """Return the sums of a promise's amounts."""
    return {name: sum(getattr(one, name) for one in lines) for name in _TOTALS}


def _read_state(request: HttpRequest) -> str | None:
    state = request.GET.get("etat", "")
    return state if state in PEC_STATES else None
