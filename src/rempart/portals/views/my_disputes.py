"""« Je n’ai pas reçu ce soin » : a member asks their insurer about a line, and reads the answer.

Addresses name a claim or a dispute, never a person.
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
from rempart.claims.disputes import MOST_LETTERS, WHOLE_CLAIM, DisputeReason, DisputeState
from rempart.claims.references import format_reference
from rempart.portals.administering import (
    FORM_METHODS,
    confirm,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.care_wording import describe_state
from rempart.portals.deciding import send_form
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.member_wording import (
    DISPUTE_BADGES,
    DISPUTE_REASONS,
    DISPUTE_STATES,
    OUTCOME_NOTES,
    OWN_OUTCOMES,
)
from rempart.portals.paging import describe_listing, read_listing
from rempart.portals.visit import allows
from rempart.workflows.claims import dispute_care, read_insured_claims
from rempart.workflows.claims.dispute_care import (
    Dispute,
    DisputeColumn,
    DisputeFilter,
    DisputeRow,
    NewDispute,
)

COLUMNS: Final = (
    ("made", _("Demandé le")),
    ("care", _("Soins")),
    ("reason", _("Ce que j’ai dit")),
    ("state", _("État")),
)


class DisputeForm(forms.Form):
    """What a member says of a claim.

    Args:
        lines: Number and name of each line.
    """

    reason = forms.ChoiceField(
        label=_("Que s’est-il passé ?"),
        choices=list(DISPUTE_REASONS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choisissez une réponse.")},
    )
    line = forms.TypedChoiceField(label=_("Pour quel soin ?"), coerce=int)
    words = forms.CharField(
        label=_("Ce que vous voulez ajouter"),
        help_text=_("Facultatif. Votre complémentaire le lira ; le professionnel, non."),
        required=False,
        max_length=MOST_LETTERS,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
    )
    use_required_attribute = False

    def __init__(self, *values: Any, lines: list[tuple[int, str]], **options: Any) -> None:
        super().__init__(*values, **options)
        field = self.fields["line"]
        assert isinstance(field, forms.TypedChoiceField)  # noqa: S101 - declared above
        field.choices = [(WHOLE_CLAIM, gettext("toute la facture")), *lines]


@require_safe
@allows(Permission.DISPUTE_CARE)
def my_disputes(request: HttpRequest) -> HttpResponseBase:
    """Show what the member asked their insurer about."""
    listing = read_listing(request.GET, get_args(DisputeColumn), "made")

    def load(tx: Any, asker: Any) -> Any:
        rows, total = dispute_care.list_own_disputes(tx, asker, listing, DisputeFilter())
        return rows, total, dispute_care.name_billers(tx, rows)

    rows, total, names = perform_or_404(request, load)
    context = {
        "rows": [{**describe_row(row), "biller": names.get(row.establishment_ref)} for row in rows],
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/member/disputes.html", context)


@require_http_methods(FORM_METHODS)
@allows(Permission.DISPUTE_CARE)
def dispute(request: HttpRequest, claim_ref: int) -> HttpResponseBase:
    """Ask what happened, then tell the insurer."""
    ref = read_ref(claim_ref)
    sheet = perform_or_404(
        request,
        lambda tx, asker: read_insured_claims.read_own_claim(
            tx, asker, ref, language=current_language()
        ),
    )
    lines = [(one.line.number, one.label) for one in sheet.explained.lines]
    form = DisputeForm(request.POST if request.method == "POST" else None, lines=lines)
    seal = get_desk().member_seal

    def say(tx: Any, asker: Any) -> int:
        said = NewDispute(
            claim_ref=ref,
            line=form.cleaned_data["line"],
            reason=DisputeReason(form.cleaned_data["reason"]),
            words=form.cleaned_data["words"],
        )
        return dispute_care.dispute_care(tx, asker, seal, said)

    sent = send_form(request, form, say, leads_to=lambda made: reverse("my-dispute", args=[made]))
    if isinstance(sent, HttpResponse):
        return sent
    context = {
        "form": form,
        "claim": sheet.explained.claim,
        "biller": sheet.biller,
        "reference": format_reference(ref),
        "refused": sent.refused,
    }
    return render(request, "portals/member/dispute_care.html", context, status=sent.status)


@require_safe
@allows(Permission.DISPUTE_CARE)
def my_dispute(request: HttpRequest, dispute_ref: int) -> HttpResponseBase:
    """Show what the member said, and what the insurer answered."""
    ref, seal = read_ref(dispute_ref), get_desk().member_seal
    found = perform_or_404(
        request, lambda tx, asker: dispute_care.read_own_dispute(tx, asker, seal, ref)
    )
    return render(request, "portals/member/dispute.html", describe_dispute(found))


@require_http_methods(FORM_METHODS)
@allows(Permission.DISPUTE_CARE)
def withdraw(request: HttpRequest, dispute_ref: int) -> HttpResponseBase:
    """Ask, then take back what one said."""
    ref, seal = read_ref(dispute_ref), get_desk().member_seal
    perform_or_404(request, lambda tx, asker: dispute_care.read_own_dispute(tx, asker, seal, ref))
    return confirm(
        request,
        lambda: perform(request, lambda tx, asker: dispute_care.withdraw_dispute(tx, asker, ref)),
        back=reverse("my-dispute", args=[ref]),
        title=gettext("Retirer ma demande"),
        sentence=gettext("Vous avez retrouvé ce soin ? Votre complémentaire ne cherchera plus."),
        button=gettext("Retirer ma demande"),
        refusal=gettext("Votre complémentaire a déjà répondu."),
    )


def describe_row(row: DisputeRow) -> dict[str, Any]:
    """Return what a list shows of a dispute, to the member or to the insurer."""
    return {
        "row": row,
        "reference": format_reference(row.claim_ref),
        "reason": DISPUTE_REASONS[row.reason],
        "state": describe_state(row.state, DISPUTE_STATES, DISPUTE_BADGES),
    }


def describe_dispute(found: Dispute) -> dict[str, Any]:
    """Return what the page of a dispute shows, to the member or to the insurer."""
    note = ("", "info") if found.outcome is None else OUTCOME_NOTES[found.outcome]
    return {
        "dispute": found,
        "reference": format_reference(found.claim_ref),
        "reason": DISPUTE_REASONS[found.reason],
        "state": describe_state(found.state, DISPUTE_STATES, DISPUTE_BADGES),
        "is_open": found.state is DisputeState.OPEN,
        "is_whole": found.line == WHOLE_CLAIM,
        "outcome": None if found.outcome is None else OWN_OUTCOMES[found.outcome],
        "note": note[0],
        "note_icon": note[1],
    }
