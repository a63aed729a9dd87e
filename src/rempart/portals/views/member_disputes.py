"""« Contestations » of an insurer: care that members say they did not receive, and its answers.

The list shows no word, no act and no person. Opening one is on record before anything is shown.
"""

from typing import Any, Final, get_args

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.claims.disputes import MOST_LETTERS, DisputeOutcome, DisputeState, is_late
from rempart.portals.administering import (
    FORM_METHODS,
    list_abilities,
    perform_or_404,
    read_ref,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import send_form
from rempart.portals.desk import get_desk
from rempart.portals.member_wording import DISPUTE_OUTCOMES, DISPUTE_STATES
from rempart.portals.money_cells import format_cell
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.views.my_disputes import describe_dispute, describe_row
from rempart.portals.visit import allows, make_author, require_visitor
from rempart.workflows.claims import dispute_care
from rempart.workflows.claims.dispute_care import DisputeColumn, DisputeFilter

COLUMNS: Final = (
    ("made", _("Reçue")),
    ("care", _("Soins")),
    ("amount", _("Part complémentaire")),
    ("reason", _("Ce que dit l’adhérent")),
    ("state", _("État")),
)


class StateForm(forms.Form):
    """Which disputes a list shows."""

    etat = forms.ChoiceField(
        label=_("État"), required=False, choices=[("", _("tous")), *DISPUTE_STATES.items()]
    )

    def make_filter(self) -> DisputeFilter:
        """Return the filter; what cannot be read filters nothing."""
        self.is_valid()
        return DisputeFilter(state=self.cleaned_data.get("etat") or None)


class AnswerForm(forms.Form):
    """What the insurer found."""

    outcome = forms.ChoiceField(
        label=_("Ce que vous avez trouvé"),
        choices=list(DISPUTE_OUTCOMES.items()),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choisissez une réponse.")},
    )
    words = forms.CharField(
        label=_("Votre réponse à l’adhérent"),
        help_text=_("Dites ce qui a été vérifié et ce qui suit, simplement. Il lira ces mots."),
        max_length=MOST_LETTERS,
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off"}),
    )
    use_required_attribute = False


@require_safe
@allows(Permission.HEAR_MEMBERS)
def disputes(request: HttpRequest) -> HttpResponseBase:
    """Show what the insurer's members dispute."""
    form = StateForm(request.GET)
    rows, names, listing, total = _load(request, form.make_filter(), whole=False)
    now = get_desk().now()
    context = {
        "rows": [
            {
                **describe_row(row),
                "biller": names.get(row.establishment_ref),
                "is_late": is_late(state=DisputeState(row.state), made_at=row.made_at, now=now),
            }
            for row in rows
        ],
        "form": form,
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/payers/disputes.html", context)


@require_safe
@allows(Permission.HEAR_MEMBERS)
def disputes_csv(request: HttpRequest) -> HttpResponseBase:
    """Download what the insurer's members dispute: amounts and states, nobody."""
    rows, names, _listing, _total = _load(request, StateForm(request.GET).make_filter(), whole=True)
    header = (
        *(gettext("facture"), gettext("reçue le"), gettext("soins du"), gettext("établissement")),
        *(gettext("ville"), gettext("part complémentaire"), gettext("ce que dit l’adhérent")),
        *(gettext("état"), gettext("répondue le")),
    )
    cells = []
    for row in rows:
        words, biller = describe_row(row), names.get(row.establishment_ref)
        cells.append(
            (
                *(words["reference"], format_stamp(row.made_at), row.first_care_on),
                *((biller.name, biller.city) if biller else ("", "")),
                *(format_cell(row.amc_cents), words["reason"], DISPUTE_STATES[row.state]),
                format_stamp(row.ended_at) if row.ended_at else "",
            )
        )
    return export_csv("contestations.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.HEAR_MEMBERS)
def dispute(request: HttpRequest, dispute_ref: int) -> HttpResponseBase:
    """Show one dispute, on record, or answer it."""
    ref, desk = read_ref(dispute_ref), get_desk()
    form = AnswerForm(request.POST if request.method == "POST" else None)
    sent = send_form(
        request,
        form,
        lambda tx, asker: dispute_care.answer_dispute(
            tx,
            asker,
            desk.member_seal,
            ref,
            outcome=DisputeOutcome(form.cleaned_data["outcome"]),
            words=form.cleaned_data["words"],
        ),
        leads_to=lambda _done: reverse("disputes"),
    )
    if isinstance(sent, HttpResponse):
        return sent
    by = make_author(require_visitor(request))
    found = perform_or_404(
        request,
        lambda tx, asker: dispute_care.read_dispute(
            tx, desk.readings, asker, desk.member_seal, ref, by=by
        ),
    )
    context = {
        **describe_dispute(found),
        "form": form,
        "refused": sent.refused,
        **list_abilities(require_visitor(request), [Permission.HOLD_CLAIMS]),
    }
    return render(request, "portals/payers/dispute.html", context, status=sent.status)


def _load(request: HttpRequest, which: DisputeFilter, *, whole: bool) -> Any:
    listing = read_listing(request.GET, get_args(DisputeColumn), "made")
    asked = export_listing(listing) if whole else listing

    def load(tx: Any, asker: Any) -> Any:
        rows, total = dispute_care.list_disputes(tx, asker, asked, which)
        return rows, dispute_care.name_billers(tx, rows), listing, total

    return perform_or_404(request, load)
