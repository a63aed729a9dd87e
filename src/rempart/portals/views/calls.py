"""« Appels de fonds »: what an insurer is asked to pay in, what it is for, what was received."""

from typing import Any, Final, get_args

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.portals.administering import perform_or_404, read_ref
from rempart.portals.care_wording import describe_state
from rempart.portals.csv_export import export_csv
from rempart.portals.list_page import ListPage
from rempart.portals.money_cells import format_cell
from rempart.portals.payer_wording import CALL_BADGES, CALL_STATES, RULES
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, require_visitor
from rempart.settlement.references import format_reference
from rempart.workflows.settlement import read_payments
from rempart.workflows.settlement.read_payments import CallColumn, CallRow

COLUMNS: Final = (
    ("call", _("Appel")),
    ("amount", _("Montant")),
    ("due", _("À payer avant le")),
    ("state", _("État")),
)


def _describe(row: CallRow) -> dict[str, Any]:
    return {"row": row, "state": describe_state(row.state, CALL_STATES, CALL_BADGES)}


PAGE: Final = ListPage[CallColumn, CallRow](
    template="portals/payers/calls.html",
    columns=COLUMNS,
    sortable=get_args(CallColumn),
    load=lambda tx, asker, listing: read_payments.list_calls(
        tx, asker, listing, insurer_id=asker.visitor.insurer_id
    ),
    describe=_describe,
)


@require_safe
@allows(Permission.READ_CALLS)
def calls(request: HttpRequest) -> HttpResponseBase:
    """Show the calls for funds of the insurer."""
    return PAGE.show(request)


@require_safe
@allows(Permission.READ_CALLS)
def calls_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the calls for funds."""
    header = (
        *(gettext("référence"), gettext("appelé le"), gettext("montant"), gettext("dont frais")),
        *(gettext("à payer avant le"), gettext("reçu"), gettext("reçu le"), gettext("rappels")),
        gettext("état"),
    )
    cells = [
        (
            *(row.reference, format_stamp(row.called_at), format_cell(row.cents)),
            *(format_cell(row.fees_cents), row.due_on, format_cell(row.received_cents)),
            *(row.received_on or "", row.reminders, CALL_STATES[row.state]),
        )
        for row in PAGE.load_all(request)
    ]
    return export_csv("appels-de-fonds.csv", header, cells)


@require_safe
@allows(Permission.READ_CALLS)
def call(request: HttpRequest, call_id: int) -> HttpResponseBase:
    """Show one call, and the transfers it is for."""
    reference = _format(call_id)
    insurer_id = require_visitor(request).insurer_id
    if insurer_id is None:
        raise Http404

    def load(tx: Any, asker: Any) -> Any:
        sheet = read_payments.read_call(tx, asker, reference)
        return sheet, read_payments.read_funding(tx, asker, sheet.row.insurer_id)

    sheet, funding = perform_or_404(request, load)
    context = {
        **_describe(sheet.row),
        "shares": sheet.shares,
        "funding": funding,
        "rule": RULES[funding.rule],
    }
    return render(request, "portals/payers/call.html", context)


@require_safe
@allows(Permission.READ_CALLS)
def call_csv(request: HttpRequest, call_id: int) -> HttpResponseBase:
    """Download the transfers a call is for."""
    reference = _format(call_id)
    sheet = perform_or_404(request, lambda tx, asker: read_payments.read_call(tx, asker, reference))
    header = gettext("virement"), gettext("montant"), gettext("lignes"), gettext("revenu")
    cells = [
        (
            *(one.reference, format_cell(one.cents), one.lines),
            gettext("oui") if one.returned else gettext("non"),
        )
        for one in sheet.shares
    ]
    return export_csv(f"appel-{reference}.csv", header, cells)


def _format(call_id: int) -> str:
    """Return the reference of a call.

    Raises:
        Http404: none has that number.
    """
    if call_id >= 10**14:
        raise Http404
    return format_reference("call", read_ref(call_id))
