"""« Paiements »: what waits, the transfers received, each line of them, files, reconciliation.

A line is known by the biller's own invoice number: no act and no person. Refuses somebody else's
transfer as one that does not exist.
"""

from typing import Any, Final, cast, get_args

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.portals.administering import FORM_METHODS, perform_or_404, read_ref
from rempart.portals.care_wording import (
    MATCH_BADGES,
    MATCHES,
    REMITTANCE_BADGES,
    REMITTANCE_STATES,
    describe_state,
)
from rempart.portals.charts import ColumnChart, Point, Series, draw_columns
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.invoice_list import read_invoice_list
from rempart.portals.money_cells import format_cell
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.uploads import FILE_LIMIT
from rempart.portals.visit import allows
from rempart.settlement.promise import Promise
from rempart.settlement.references import format_reference
from rempart.settlement.return_reasons import find_reason
from rempart.workflows.claims import biller_claims
from rempart.workflows.settlement import read_payments
from rempart.workflows.settlement.read_payments import PaymentColumn, RemittanceRow
from rempart.workflows.settlement.read_returns import FORMS, ReturnForm, write_return

COLUMNS: Final = (
    ("execution", _("Date")),
    ("amount", _("Montant")),
    ("lines", _("Lignes")),
    ("state", _("État")),
)
FILES: Final = (
    ("csv", "CSV"),
    ("pdf", "PDF"),
    ("json", "JSON"),
    ("noemie", "NOEMIE"),
    ("fhir", "FHIR"),
)
_MOST_DAYS: Final = 12


class ReconcileForm(forms.Form):
    """A biller's own list."""

    text = forms.CharField(
        label=_("Votre liste"),
        help_text=_(
            "Une facture par ligne : numéro ; part complémentaire attendue, en euros. Par exemple "
            "000000012 ; 34,03. Collez depuis un tableur, ou donnez un CSV."
        ),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
    )
    file = forms.FileField(label=_("Ou un fichier CSV"), required=False)
    use_required_attribute = False

    def read_content(self) -> bytes:
        """Return what was given, the file first; the form is valid."""
        file = self.cleaned_data["file"]
        if file:
            return bytes(file.read(FILE_LIMIT + 1))
        return str(self.cleaned_data["text"]).encode()


@require_safe
@allows(Permission.READ_PAYMENTS)
def payments(request: HttpRequest) -> HttpResponseBase:
    """Show what waits, how long transfers took, and the transfers."""
    listing = read_listing(request.GET, get_args(PaymentColumn), "execution")
    state = _read_state(request)
    rows, total = perform_or_404(
        request,
        lambda tx, asker: read_payments.list_remittances(tx, asker, listing, state=state),
    )
    summary = perform_or_404(request, read_payments.summarise_payments)
    context = {
        "rows": [_describe(row) for row in rows],
        "summary": summary,
        "holds": [_name_reason(code) for code in summary.holds],
        "promise": summary.promise,
        "median": summary.promise.find_quantile(5_000),
        "kept": 1 - summary.promise.late / summary.promise.total if summary.promise.total else None,
        "chart": draw_promise(summary.promise),
        "shown": state,
        "states": REMITTANCE_STATES.items(),
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/care/payments.html", context)


@require_safe
@allows(Permission.READ_PAYMENTS)
def payments_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the transfers."""
    listing = export_listing(read_listing(request.GET, get_args(PaymentColumn), "execution"))
    rows, _total = perform_or_404(
        request,
        lambda tx, asker: read_payments.list_remittances(
            tx, asker, listing, state=_read_state(request)
        ),
    )
    header = (
        *(gettext("référence"), gettext("date"), gettext("montant"), gettext("lignes")),
        *(gettext("état"), gettext("payé le"), gettext("revenu le"), gettext("jours ouvrés")),
    )
    lines = [
        (
            *(row.reference, row.execution_on or "", format_cell(row.cents), row.lines),
            *(REMITTANCE_STATES[row.state], row.paid_on or "", row.returned_on or ""),
            "" if row.working_days is None else row.working_days,
        )
        for row in rows
    ]
    return export_csv("virements.csv", header, lines)


@require_safe
@allows(Permission.READ_PAYMENTS)
def payment(request: HttpRequest, remittance_id: int) -> HttpResponseBase:
    """Show one transfer, line by line."""
    reference = _format(remittance_id)
    sheet = perform_or_404(
        request, lambda tx, asker: read_payments.read_remittance(tx, asker, reference)
    )
    context = {
        **_describe(sheet.row),
        "sheet": sheet,
        "files": FILES,
        "total": sum(line.paid_cents for line in sheet.lines),
    }
    return render(request, "portals/care/payment.html", context)


@require_safe
@allows(Permission.READ_PAYMENTS)
def payment_file(request: HttpRequest, remittance_id: int) -> HttpResponseBase:
    """Download one transfer as a file, in the form the address asks for."""
    form, reference = request.GET.get("forme", "csv"), _format(remittance_id)
    if form not in FORMS:
        raise Http404
    file = perform_or_404(
        request,
        lambda tx, asker: write_return(
            tx, asker, reference, cast("ReturnForm", form), made_at=get_desk().now()
        ),
    )
    response = HttpResponse(file.content, content_type=file.media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{file.name}"'
    return response


@require_http_methods(FORM_METHODS)
@allows(Permission.READ_PAYMENTS)
def reconcile(request: HttpRequest) -> HttpResponseBase:
    """Compare the biller's own list with what was paid."""
    form = ReconcileForm()
    if request.method != "POST":
        return render(request, "portals/care/reconcile.html", {"form": form})
    form = ReconcileForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, "portals/care/reconcile.html", {"form": form}, status=422)
    given = read_invoice_list(form.read_content())
    if not given.expected:
        form.add_error("text", _("Aucune ligne lisible : écrivez « F-2026-001 ; 24,50 »."))
        return render(request, "portals/care/reconcile.html", {"form": form}, status=422)
    matches = perform_or_404(
        request, lambda tx, asker: biller_claims.match_invoices(tx, asker, given.expected)
    )
    counts = {name: sum(1 for one in matches if one.verdict == name) for name in MATCHES}
    context = {
        "form": form,
        "wrong_lines": given.wrong,
        "rows": [
            {"match": one, "state": describe_state(one.verdict, MATCHES, MATCH_BADGES)}
            for one in sorted(matches, key=lambda one: one.verdict == "same")
        ],
        "counts": [(MATCHES[name], count) for name, count in counts.items()],
        "expected_cents": sum(one.expected_cents for one in matches),
        "paid_cents": sum(one.paid_cents for one in matches),
    }
    return render(request, "portals/care/reconcile.html", context)


def draw_promise(promise: Promise) -> ColumnChart:
    """Draw how many transfers took how many working days, those after the promise apart."""
    most = max(_MOST_DAYS, promise.days + 1)
    counts = dict.fromkeys(range(most + 1), 0)
    for days, count in promise.remittances.items():
        counts[min(days, most)] += count
    points = [
        Point(
            label=f"{days}+" if days == most else str(days),
            counts=(count, 0) if days <= promise.days else (0, count),
        )
        for days, count in counts.items()
    ]
    series = (
        Series(name=gettext("dans la promesse"), css="fill-open"),
        Series(name=gettext("après"), css="fill-attributed"),
    )
    return draw_columns(points, series)


def _describe(row: RemittanceRow) -> dict[str, Any]:
    return {
        "row": row,
        "state": describe_state(row.state, REMITTANCE_STATES, REMITTANCE_BADGES),
        "reason": _name_reason(row.return_code) if row.return_code else "",
        "is_late": row.working_days is not None and row.working_days > row.promised_days,
    }


def _name_reason(code: str) -> str:
    reason = find_reason(code)
    return reason.en if current_language() == "en" else reason.fr


def _format(remittance_id: int) -> str:
    """Return the reference of a transfer.

    Raises:
        Http404: none has that number.
    """
    try:
        return format_reference("remittance", read_ref(remittance_id))
    except ValueError:
        raise Http404 from None


def _read_state(request: HttpRequest) -> str | None:
    state = request.GET.get("etat", "")
    return state if state in REMITTANCE_STATES else None
