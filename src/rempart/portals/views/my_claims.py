"""« Mes remboursements »: what was billed for a member, explained line by line; what was promised.

Only the member's own. Refuses to compute again: what is told is what was written.
"""

from typing import Any, Final, get_args

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.claims.references import format_reference
from rempart.portals import wording
from rempart.portals.administering import perform_or_404, read_ref
from rempart.portals.care_wording import (
    CLAIM_BADGES,
    CLAIM_STATES,
    PEC_BADGES,
    PEC_STATES,
    describe_state,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.views.insured_claims import describe_sheet, make_cells
from rempart.portals.views.insured_pecs import PEC_COLUMNS, make_pec_cells, sum_lines
from rempart.portals.visit import allows
from rempart.workflows.claims import read_insured_claims, read_pecs
from rempart.workflows.claims.read_insured_claims import InsuredColumn, InsuredFilter
from rempart.workflows.claims.read_pecs import PecColumn

COLUMNS: Final = (
    ("care", _("Soins")),
    ("billed", _("Prix")),
    ("amc", _("Votre complémentaire")),
    ("left", _("Il vous reste")),
    ("state", _("État")),
)


@require_safe
@allows(Permission.READ_OWN_CLAIMS)
def my_claims(request: HttpRequest) -> HttpResponseBase:
    """Show what was billed for the member."""
    rows, names, listing, total = _load(request, whole=False)
    context = {
        "rows": [
            {
                "row": row,
                "reference": format_reference(row.claim_ref),
                "biller": names.get(row.establishment_ref),
                "state": describe_state(row.state, CLAIM_STATES, CLAIM_BADGES),
            }
            for row in rows
        ],
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/payers/my_claims.html", context)


@require_safe
@allows(Permission.READ_OWN_CLAIMS)
def my_claims_csv(request: HttpRequest) -> HttpResponseBase:
    """Download what was billed for the member."""
    rows, names, _listing, _total = _load(request, whole=True)
    return export_csv("remboursements.csv", *make_cells(rows, names))


@require_safe
@allows(Permission.READ_OWN_CLAIMS)
def my_claim(request: HttpRequest, claim_ref: int) -> HttpResponseBase:
    """Show one claim of the member, line by line."""
    ref = read_ref(claim_ref)
    sheet = perform_or_404(
        request,
        lambda tx, asker: read_insured_claims.read_own_claim(
            tx, asker, ref, language=current_language()
        ),
    )
    return render(request, "portals/payers/my_claim.html", describe_sheet(sheet))


@require_safe
@allows(Permission.READ_OWN_CLAIMS)
def my_pecs(request: HttpRequest) -> HttpResponseBase:
    """Show what the member's insurer promised."""
    listing = read_listing(request.GET, get_args(PecColumn), "asked")
    numbers = get_desk().pec_numbers
    rows, total = perform_or_404(
        request, lambda tx, asker: read_pecs.list_pecs(tx, asker, numbers, listing)
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
        "one": "my-pec",
        "csv": "my-pecs-csv",
        "is_member": True,
        **describe_listing(listing, PEC_COLUMNS, total),
    }
    return render(request, "portals/payers/pecs.html", context)


@require_safe
@allows(Permission.READ_OWN_CLAIMS)
def my_pecs_csv(request: HttpRequest) -> HttpResponseBase:
    """Download what the member's insurer promised."""
    listing = export_listing(read_listing(request.GET, get_args(PecColumn), "asked"))
    numbers = get_desk().pec_numbers
    rows, _total = perform_or_404(
        request, lambda tx, asker: read_pecs.list_pecs(tx, asker, numbers, listing)
    )
    return export_csv("prises-en-charge.csv", *make_pec_cells(rows))


@require_safe
@allows(Permission.READ_OWN_CLAIMS)
def my_pec(request: HttpRequest, pec_number: str) -> HttpResponseBase:
    """Show the acts of one promise to the member."""
    numbers = get_desk().pec_numbers
    lines = perform_or_404(
        request,
        lambda tx, asker: read_pecs.read_pec_lines(
            tx, asker, numbers, pec_number, current_language()
        ),
    )
    context = {
        "number": pec_number,
        "lines": lines,
        "total": sum_lines(lines),
        "back": "my-pecs",
        "is_member": True,
    }
    return render(request, "portals/payers/pec.html", context)


def _load(request: HttpRequest, *, whole: bool) -> Any:
    listing = read_listing(request.GET, get_args(InsuredColumn), "care")
    asked = export_listing(listing) if whole else listing

    def load(tx: Any, asker: Any) -> Any:
        rows, total = read_insured_claims.list_own_claims(tx, asker, asked, InsuredFilter())
        return rows, read_insured_claims.name_billers(tx, rows), listing, total

    return perform_or_404(request, load)
