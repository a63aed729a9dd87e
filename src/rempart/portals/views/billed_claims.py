"""« Factures »: the claims an establishment billed, one of them, and rejections to correct.

A list says states and amounts, no act. One claim is told through the gateway, which writes in the
ledger that it is before this page shows an act.
"""

from datetime import date
from typing import Any, Final, get_args

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.claims.references import format_reference
from rempart.claims.states import CLAIM_STATES, ClaimEvent, ClaimState
from rempart.portals.administering import FORM_METHODS, perform_or_404, read_ref
from rempart.portals.care_calls import ClaimTold, make_caller, read_claim
from rempart.portals.care_wording import (
    CHANNELS,
    CLAIM_BADGES,
    CLAIM_EVENTS,
    describe_state,
    name_rule,
)
from rempart.portals.care_wording import CLAIM_STATES as STATE_NAMES
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import WhyForm, send_form
from rempart.portals.desk import get_today
from rempart.portals.forms import DayField, current_language
from rempart.portals.list_page import ListPage
from rempart.portals.money_cells import format_cell
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.views.care_replies import tell_refusal
from rempart.portals.visit import allows
from rempart.workflows.claims import biller_claims
from rempart.workflows.claims.biller_claims import (
    BilledRow,
    ClaimColumn,
    ClaimFilter,
    CorrectColumn,
    ToCorrect,
)
from rempart.workflows.claims.cancel_claim import ask_cancellation
from rempart.workflows.claims.explain_claim import ClaimExplained, explain_claim

COLUMNS: Final = (
    ("invoice", _("Facture")),
    ("received", _("Reçue")),
    ("care", _("Soins")),
    ("billed", _("Facturé")),
    ("amc", _("Part complémentaire")),
    ("state", _("État")),
)
CORRECT_COLUMNS: Final = (
    ("invoice", _("Facture")),
    ("until", _("À renvoyer avant le")),
    ("received", _("Reçue")),
    ("billed", _("Facturé")),
)


class FilterForm(forms.Form):
    """Which claims a list shows."""

    etat = forms.ChoiceField(
        label=_("État"), required=False, choices=[("", _("tous")), *STATE_NAMES.items()]
    )
    facture = forms.CharField(
        label=_("Numéro de facture"),
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    du = DayField(
        label=_("Reçues du"),
        required=False,
    )
    au = DayField(
        label=_("au"),
        required=False,
    )

    def make_filter(self) -> ClaimFilter:
        """Return the filter; what cannot be read filters nothing and is told beside its field."""
        self.is_valid()
        kept = self.cleaned_data
        invoice = str(kept.get("facture") or "").replace("\0", "")
        return ClaimFilter(
            kept.get("etat") or None, invoice or None, kept.get("du"), kept.get("au")
        )


def _describe_correct(row: ToCorrect) -> dict[str, Any]:
    today = get_today()
    return {
        "row": row,
        "state": describe_state(row.state, STATE_NAMES, CLAIM_BADGES),
        "is_part": row.state != ClaimState.REJECTED.value,
        "wrong": [name_rule(rule) for rule in row.rules],
        "days_left": (row.until - today).days,
    }


TO_CORRECT: Final[ListPage[CorrectColumn, ToCorrect]] = ListPage(
    template="portals/care/to_correct.html",
    columns=CORRECT_COLUMNS,
    sortable=get_args(CorrectColumn),
    load=biller_claims.list_to_correct,
    describe=_describe_correct,
    descending=False,
)


@require_safe
@allows(Permission.SUBMIT_CLAIMS)
def claims(request: HttpRequest) -> HttpResponseBase:
    """Show the claims of the establishment."""
    form = FilterForm(request.GET)
    which = form.make_filter()
    listing = read_listing(request.GET, get_args(ClaimColumn), "received")
    rows, total = perform_or_404(
        request, lambda tx, asker: biller_claims.list_claims(tx, asker, listing, which)
    )
    context = {
        "rows": [_describe(row) for row in rows],
        "form": form,
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/care/claims.html", context)


@require_safe
@allows(Permission.SUBMIT_CLAIMS)
def claims_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the claims of the establishment: invoices, states and amounts, nobody."""
    which = FilterForm(request.GET).make_filter()
    listing = export_listing(read_listing(request.GET, get_args(ClaimColumn), "received"))
    rows, _total = perform_or_404(
        request, lambda tx, asker: biller_claims.list_claims(tx, asker, listing, which)
    )
    header = (
        *(gettext("facture"), gettext("référence"), gettext("reçue le"), gettext("soins du")),
        *(gettext("au"), gettext("état"), gettext("facturé"), gettext("part complémentaire")),
        *(gettext("reste à charge"), gettext("à corriger")),
    )
    lines = [
        (
            *(row.invoice, format_reference(row.claim_ref), format_stamp(row.received_at)),
            *(row.first_care_on, row.last_care_on, STATE_NAMES[row.state]),
            *(format_cell(row.billed_cents), format_cell(row.amc_cents)),
            format_cell(row.reste_a_charge_cents),
            " / ".join(dict.fromkeys(name_rule(one["rule"]) for one in row.findings)),
        )
        for row in rows
    ]
    return export_csv("factures.csv", header, lines)


@require_safe
@allows(Permission.SUBMIT_CLAIMS)
def to_correct(request: HttpRequest) -> HttpResponseBase:
    """Show what was rejected and may be corrected, the most pressing first."""
    return TO_CORRECT.show(request)


@require_safe
@allows(Permission.SUBMIT_CLAIMS)
def to_correct_csv(request: HttpRequest) -> HttpResponseBase:
    """Download what may be corrected."""
    header = (
        *(gettext("facture"), gettext("référence"), gettext("à renvoyer avant le")),
        *(gettext("reçue le"), gettext("facturé"), gettext("à corriger")),
    )
    lines = [
        (
            *(row.invoice, format_reference(row.claim_ref), row.until),
            *(format_stamp(row.received_at), format_cell(row.billed_cents)),
            " / ".join(map(name_rule, row.rules)),
        )
        for row in TO_CORRECT.load_all(request)
    ]
    return export_csv("rejets.csv", header, lines)


@require_safe
@allows(Permission.SUBMIT_CLAIMS)
def claim(request: HttpRequest, claim_ref: int) -> HttpResponseBase:
    """Show one claim, act by act, and what to correct."""
    ref = read_ref(claim_ref)
    row = perform_or_404(request, lambda tx, asker: biller_claims.read_row(tx, asker, ref))
    told = read_claim(make_caller(request), format_reference(ref))
    if not isinstance(told, ClaimTold):
        return tell_refusal(request, told)
    # Reading it may have opened it.
    row = perform_or_404(request, lambda tx, asker: biller_claims.read_row(tx, asker, ref))
    language = current_language()
    explained = perform_or_404(request, lambda tx, asker: explain_claim(tx, asker, ref, language))
    return render(request, "portals/care/claim.html", _describe_one(row, told, explained))


@require_http_methods(FORM_METHODS)
@allows(Permission.SUBMIT_CLAIMS)
def cancel(request: HttpRequest, claim_ref: int) -> HttpResponseBase:
    """Ask, then ask that a claim be taken back."""
    ref = read_ref(claim_ref)
    row = perform_or_404(request, lambda tx, asker: biller_claims.read_row(tx, asker, ref))
    form = WhyForm(request.POST if request.method == "POST" else None)
    sent = send_form(
        request,
        form,
        lambda tx, asker: ask_cancellation(tx, asker, ref, form.cleaned_data["reason"]),
        leads_to=lambda _done: reverse("claim-asked", args=[ref]),
    )
    if isinstance(sent, HttpResponse):
        return sent
    context = {"row": row, "form": form, "refused": sent.refused}
    return render(request, "portals/care/cancel_claim.html", context, status=sent.status)


@require_safe
@allows(Permission.SUBMIT_CLAIMS)
def cancel_asked(request: HttpRequest, claim_ref: int) -> HttpResponseBase:
    """Say that the claim will be taken back."""
    ref = read_ref(claim_ref)
    row = perform_or_404(request, lambda tx, asker: biller_claims.read_row(tx, asker, ref))
    return render(request, "portals/care/cancel_asked.html", {"row": row})


def _describe(row: BilledRow) -> dict[str, Any]:
    return {
        "row": row,
        "state": describe_state(row.state, STATE_NAMES, CLAIM_BADGES),
        "wrong": list(dict.fromkeys(name_rule(one["rule"]) for one in row.findings)),
    }


def _describe_one(row: BilledRow, told: ClaimTold, explained: ClaimExplained) -> dict[str, Any]:
    today: date = get_today()
    state = ClaimState(row.state)
    correctable = [
        one
        for one in explained.findings
        if one.is_rejection and one.until is not None and one.until >= today
    ]
    return {
        "row": row,
        "claim": explained.claim,
        "reference": told.claim,
        "replaces": told.replaces,
        "receipt": told.receipt,
        "state": describe_state(row.state, STATE_NAMES, CLAIM_BADGES),
        "channel": CHANNELS[row.channel],
        "lines": explained.lines,
        "findings": explained.findings,
        "events": [
            {"event": one, "name": CLAIM_EVENTS.get(one.event, one.event)}
            for one in explained.events
        ],
        "can_cancel": (state, ClaimEvent.CANCEL) in CLAIM_STATES,
        "can_correct": bool(correctable) and state not in _OVER,
        "until": min((one.until for one in correctable if one.until), default=None),
    }


_OVER: Final = frozenset({ClaimState.CANCELLED, ClaimState.UNDONE})
