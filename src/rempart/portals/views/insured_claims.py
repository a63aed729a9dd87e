"""« Factures » of an insurer: what was billed for its members; one of them with its acts.

A list says states and amounts, no act and no person. Opening one claim is a disclosure: it is
written in the acts log before this page shows anything of it.
"""

from datetime import timedelta
from typing import Any, Final, get_args

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.claims.references import format_reference, parse_reference
from rempart.claims.states import ClaimState
from rempart.kernel.listing import Listing
from rempart.portals.administering import (
    FORM_METHODS,
    list_abilities,
    perform_or_404,
    read_ref,
)
from rempart.portals.care_wording import CLAIM_BADGES, CLAIM_EVENTS, CLAIM_STATES, describe_state
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import WhyForm, take_decision
from rempart.portals.desk import get_desk, get_today
from rempart.portals.forms import DayField, current_language
from rempart.portals.money_cells import format_cell
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, make_author, require_visitor
from rempart.workflows.claims import read_insured_claims
from rempart.workflows.claims.hold_claims import hold_claim
from rempart.workflows.claims.read_insured_claims import (
    BillerName,
    ClaimSheet,
    InsuredColumn,
    InsuredFilter,
    InsuredRow,
)

COLUMNS: Final = (
    ("received", _("Reçue")),
    ("care", _("Soins")),
    ("billed", _("Facturé")),
    ("amc", _("Part complémentaire")),
    ("left", _("Reste à charge")),
    ("state", _("État")),
)
USUAL_DAYS: Final = 30
_ONE: Final[Listing[InsuredColumn]] = Listing(sort="received")


class InsuredForm(forms.Form):
    """Which claims a list shows."""

    etat = forms.ChoiceField(
        label=_("État"), required=False, choices=[("", _("tous")), *CLAIM_STATES.items()]
    )
    reference = forms.CharField(
        label=_("Référence"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    du = DayField(
        label=_("Reçues du"),
        help_text=_("trente derniers jours si rien n’est dit"),
        required=False,
    )
    au = DayField(
        label=_("au"),
        required=False,
    )
    etablissement = forms.IntegerField(
        required=False, min_value=1, max_value=(1 << 63) - 1, widget=forms.HiddenInput
    )

    def clean_reference(self) -> int | None:
        """Return the claim that a reference names."""
        text = self.cleaned_data["reference"]
        found = parse_reference(text) if text else None
        if text and found is None:
            raise forms.ValidationError(_("Douze lettres et chiffres, par exemple 0000-MBXM-0P35."))
        return found

    def make_filter(self) -> InsuredFilter:
        """Return the filter; what cannot be read filters nothing and is told beside its field."""
        self.is_valid()
        kept = self.cleaned_data
        claim_ref = kept.get("reference")
        since = kept.get("du")
        if since is None and claim_ref is None:
            today = get_today()
            since = min(today, kept.get("au") or today) - timedelta(days=USUAL_DAYS)
        return InsuredFilter(
            kept.get("etat") or None, claim_ref, kept.get("etablissement"), since, kept.get("au")
        )


@require_safe
@allows(Permission.READ_INSURED_CLAIMS)
def insured_claims(request: HttpRequest) -> HttpResponseBase:
    """Show the claims of the insurer's members."""
    form = InsuredForm(request.GET)
    which = form.make_filter()
    listing = read_listing(request.GET, get_args(InsuredColumn), "received")

    def load(tx: Any, asker: Any) -> Any:
        rows, total = read_insured_claims.list_insured_claims(tx, asker, listing, which)
        return rows, total, read_insured_claims.name_billers(tx, rows)

    rows, total, names = perform_or_404(request, load)
    context = {
        "rows": [_describe(row, names.get(row.establishment_ref)) for row in rows],
        "form": form,
        "since": which.since,
        **list_abilities(require_visitor(request), [Permission.HOLD_CLAIMS]),
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/payers/claims.html", context)


@require_safe
@allows(Permission.READ_INSURED_CLAIMS)
def insured_claims_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the claims of the insurer's members: states and amounts, nobody."""
    which = InsuredForm(request.GET).make_filter()
    listing = export_listing(read_listing(request.GET, get_args(InsuredColumn), "received"))

    def load(tx: Any, asker: Any) -> Any:
        rows, _total = read_insured_claims.list_insured_claims(tx, asker, listing, which)
        return rows, read_insured_claims.name_billers(tx, rows)

    rows, names = perform_or_404(request, load)
    return export_csv("factures-assures.csv", *make_cells(rows, names))


def make_cells(
    rows: list[InsuredRow], names: dict[int, BillerName]
) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Return the head and the cells of a file of claims."""
    header = (
        *(gettext("référence"), gettext("reçue le"), gettext("soins du"), gettext("au")),
        *(gettext("établissement"), gettext("ville"), gettext("état"), gettext("facturé")),
        *(gettext("part obligatoire"), gettext("part complémentaire"), gettext("reste à charge")),
    )
    cells: list[tuple[object, ...]] = []
    for row in rows:
        biller = names.get(row.establishment_ref)
        cells.append(
            (
                *(format_reference(row.claim_ref), format_stamp(row.received_at)),
                *(row.first_care_on, row.last_care_on),
                *((biller.name, biller.city) if biller else ("", "")),
                *(CLAIM_STATES[row.state], format_cell(row.billed_cents)),
                *(format_cell(row.amo_cents), format_cell(row.amc_cents)),
                format_cell(row.reste_a_charge_cents),
            )
        )
    return header, cells


@require_safe
@allows(Permission.READ_INSURED_CLAIMS)
def insured_claim(request: HttpRequest, claim_ref: int) -> HttpResponseBase:
    """Show one claim, act by act; the acts log has it first."""
    ref = read_ref(claim_ref)
    by, readings = make_author(require_visitor(request)), get_desk().readings
    sheet = perform_or_404(
        request,
        lambda tx, asker: read_insured_claims.read_insured_claim(
            tx, readings, asker, ref, by=by, language=current_language()
        ),
    )
    context = {
        **describe_sheet(sheet),
        "can_hold": sheet.explained.claim.state == ClaimState.RECEIVED,
        "is_held": sheet.explained.claim.state == ClaimState.HELD,
        **list_abilities(require_visitor(request), [Permission.HOLD_CLAIMS]),
    }
    return render(request, "portals/payers/claim.html", context)


@require_http_methods(FORM_METHODS)
@allows(Permission.HOLD_CLAIMS)
def hold(request: HttpRequest, claim_ref: int) -> HttpResponseBase:
    """Ask, then have a claim wait for a review."""
    ref = read_ref(claim_ref)
    which = InsuredFilter(claim_ref=ref)
    found, _total = perform_or_404(
        request,
        lambda tx, asker: read_insured_claims.list_insured_claims(tx, asker, _ONE, which),
    )
    if not found:
        raise Http404
    form = WhyForm(request.POST if request.method == "POST" else None)
    return take_decision(
        request,
        form,
        lambda tx, asker: hold_claim(tx, asker, ref, form.why),
        title=gettext("Faire attendre la facture"),
        reference=format_reference(ref),
        sentence=gettext(
            "Elle attendra votre décision quand son tour viendra. Celui qui l’a envoyée lit "
            "qu’elle est vérifiée, pas votre raison."
        ),
        button=gettext("Faire attendre"),
        refusal=gettext("Elle attend déjà, ou n’attend plus son tour."),
        back=reverse("claim-holds"),
    )


def describe_sheet(sheet: ClaimSheet) -> dict[str, Any]:
    """Return what the page of one claim shows, to an insurer or to a member."""
    explained = sheet.explained
    return {
        "claim": explained.claim,
        "reference": format_reference(explained.claim.claim_ref),
        "biller": sheet.biller,
        "levy_cents": sheet.levy_cents,
        "state": describe_state(explained.claim.state, CLAIM_STATES, CLAIM_BADGES),
        "lines": explained.lines,
        "findings": explained.findings,
        "events": [
            {"event": one, "name": CLAIM_EVENTS.get(one.event, one.event)}
            for one in explained.events
        ],
        "paid_on": next(
            (one.at for one in reversed(explained.events) if one.event == "confirm"), None
        ),
        "sent_on": next(
            (one.at for one in reversed(explained.events) if one.event == "remit"), None
        ),
    }


def _describe(row: InsuredRow, biller: BillerName | None) -> dict[str, Any]:
    return {
        "row": row,
        "reference": format_reference(row.claim_ref),
        "biller": biller,
        "state": describe_state(row.state, CLAIM_STATES, CLAIM_BADGES),
    }
