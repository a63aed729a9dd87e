"""A claim by hand, one sent again once corrected, and a lot as a file.

Refuses to fill in whose care it was: who sends a claim again gives the identifiers again.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.claims.references import format_reference, parse_reference
from rempart.portals.administering import FORM_METHODS, perform_or_404, read_ref
from rempart.portals.care_calls import (
    ClaimsTaken,
    ClaimTold,
    LotsTaken,
    RefusedClaim,
    make_caller,
    read_claim,
    send_claim,
    send_lot,
)
from rempart.portals.care_forms import (
    CardClaimForm,
    ClaimLineForm,
    Lines,
    TypedClaimForm,
    format_typed,
    keep_typed,
)
from rempart.portals.care_wording import LOT_STATES, NO_LINE, advise, list_acts, name_rule
from rempart.portals.desk import get_desk, get_today
from rempart.portals.gateway_client import FieldError
from rempart.portals.uploads import FILE_LIMIT
from rempart.portals.views.care_replies import answer_refusal, tell_refusal
from rempart.portals.views.quotes import SECRETS, fill_promised
from rempart.portals.visit import allows
from rempart.workflows.claims import biller_claims, read_pecs
from rempart.workflows.claims.biller_claims import BilledLine

AnyForm: TypeAlias = CardClaimForm | TypedClaimForm
FORMS: Final[Mapping[str, type[AnyForm]]] = {"card": CardClaimForm, "typed": TypedClaimForm}
_ROUTES: Final = {"card": "send-claim", "typed": "send-claim-typed"}
_CORRECT: Final = {"card": "correct-claim", "typed": "correct-claim-typed"}


class LotForm(forms.Form):
    """A file of claims."""

    file = forms.FileField(
        label=_("Fichier"),
        help_text=_("Lignes de 128 caractères (B2), ou une facture JSON par ligne ; 256 Ko."),
        error_messages={
            "required": _("Choisissez un fichier de 256 Ko au plus ; au-delà, passez par l’API.")
        },
    )
    number = forms.CharField(
        label=_("Numéro du lot"),
        help_text=_("Le vôtre ; facultatif."),
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    use_required_attribute = False


@require_http_methods(FORM_METHODS)
@sensitive_post_parameters(*SECRETS)
@allows(Permission.SUBMIT_CLAIMS)
def send(request: HttpRequest, *, mode: str) -> HttpResponseBase:
    """Show the form, or send the claim and show its acknowledgement."""
    if request.method != "POST":
        quoted = request.GET.get("engagement", "")
        form = FORMS[mode](initial={"care_date": _today(), "engagement": quoted})
        lines = Lines(ClaimLineForm, initial=_fill_promised(request, quoted))
        return _show(request, mode, form, lines)
    lines = Lines(ClaimLineForm, request.POST)
    if "more" in request.POST:
        return _show(request, mode, FORMS[mode](initial=keep_typed(request.POST)), lines)
    form = FORMS[mode](request.POST)
    is_right = all([form.is_valid(), lines.is_valid()])
    if not lines.filled:
        form.add_error(None, NO_LINE)
        is_right = False
    if not is_right:
        return _show(request, mode, form, lines, status=422)
    reply = send_claim(make_caller(request), form.to_claim(lines))
    if not isinstance(reply, ClaimsTaken):
        return answer_refusal(
            request,
            reply,
            blame=lambda errors, detail: form.add_all(lines, errors, detail),
            show=lambda status: _show(request, mode, form, lines, status=status),
        )
    if not reply.accepted:
        form.add_all(lines, _list_errors(reply.refused), str(NO_LINE))
        return _show(request, mode, form, lines, status=422)
    [taken] = reply.accepted
    context = {"taken": taken, "claim_ref": parse_reference(taken.claim), "mode": mode}
    return render(request, "portals/care/claim_taken.html", context)


@require_safe
@allows(Permission.SUBMIT_CLAIMS)
def correct(request: HttpRequest, claim_ref: int, *, mode: str) -> HttpResponseBase:
    """Show the form with the acts of a claim to correct; the ledger has first that they are."""
    ref = read_ref(claim_ref)
    row = perform_or_404(request, lambda tx, asker: biller_claims.read_row(tx, asker, ref))
    told = read_claim(make_caller(request), format_reference(ref))
    if not isinstance(told, ClaimTold):
        return tell_refusal(request, told)
    billed = perform_or_404(
        request, lambda tx, asker: biller_claims.read_billed_lines(tx, asker, ref)
    )
    form = FORMS[mode](
        initial={
            "care_date": row.first_care_on,
            "invoice": row.invoice,
            "replaces": format_reference(ref),
        }
    )
    initial = [_fill(line, usual=row.first_care_on) for line in billed]
    lines = Lines(ClaimLineForm, initial=initial)
    findings = _group(row.findings)
    return _show(request, mode, form, lines, corrected=ref, findings=findings)


@require_http_methods(FORM_METHODS)
@allows(Permission.SUBMIT_CLAIMS)
def lot(request: HttpRequest) -> HttpResponseBase:
    """Show the form, or send a file and show its acknowledgement."""
    form = LotForm()
    if request.method != "POST":
        return _show_lot(request, form)
    form = LotForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show_lot(request, form, status=422)
    content = form.cleaned_data["file"].read(FILE_LIMIT + 1)
    kind = "json" if content.lstrip()[:1] == b"{" else "b2"
    reply = send_lot(make_caller(request), content, form=kind, number=form.cleaned_data["number"])
    if isinstance(reply, LotsTaken):
        return _show_lot(request, form, taken=reply)

    def blame(errors: Sequence[FieldError], detail: str) -> None:
        for error in errors or [FieldError("", detail)]:
            form.add_error(None, error.message)

    return answer_refusal(
        request, reply, blame=blame, show=lambda status: _show_lot(request, form, status=status)
    )


def _show(
    request: HttpRequest,
    mode: str,
    form: AnyForm,
    lines: Lines,
    *,
    status: int = 200,
    corrected: int | None = None,
    findings: Sequence[Mapping[str, Any]] = (),
) -> HttpResponse:
    replaces = str(form["replaces"].value() or "")
    corrected = corrected or parse_reference(replaces)
    context = {
        "mode": mode,
        "form": form,
        "lines": lines,
        "acts": list_acts(),
        "corrected": corrected,
        "findings": findings,
        "route": _ROUTES[mode],
        "tabs": _CORRECT if corrected else _ROUTES,
        "wrong": form.errors or any(one.errors for one in lines.filled),
    }
    return render(request, "portals/care/send_claim.html", context, status=status)


def _show_lot(
    request: HttpRequest, form: LotForm, *, taken: LotsTaken | None = None, status: int = 200
) -> HttpResponse:
    lots = [
        {"lot": one, "state": LOT_STATES.get(one.state, one.state)}
        for one in (taken.lots if taken else ())
    ]
    context = {"form": form, "lots": lots, "today": _today()}
    return render(request, "portals/care/lot.html", context, status=status)


def _list_errors(refused: Sequence[RefusedClaim]) -> list[FieldError]:
    """Return findings as errors by the path of their field."""
    return [
        FieldError(
            one.field if one.line is None else f"lines.{one.line - 1}.{one.field}", one.message
        )
        for claim in refused
        for one in claim.findings
    ]


def _group(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what controls said, each rule once, with the lines it is about."""
    lines: dict[str, list[int]] = {}
    for one in findings:
        lines.setdefault(one["rule"], []).append(one["line"])
    return [
        {"lines": list(filter(None, of)), "message": name_rule(rule), "advice": advise(rule)}
        for rule, of in lines.items()
    ]


def _fill_promised(request: HttpRequest, number: str) -> list[dict[str, Any]]:
    """Return the acts of a prise en charge; none of what is only a promise about rights."""
    numbers = get_desk().pec_numbers
    with suppress(Http404):
        lines = perform_or_404(
            request, lambda tx, asker: read_pecs.read_pec_lines(tx, asker, numbers, number)
        )
        return [fill_promised(one) for one in lines]
    return []


def _fill(line: BilledLine, *, usual: object) -> dict[str, Any]:
    return {
        "act": line.act,
        "quantity": line.quantity,
        "billed": format_typed(line.billed_cents),
        "base": format_typed(line.base_cents),
        "amo": format_typed(line.amo_cents),
        "asked": format_typed(line.asked_amc_cents),
        "basket": line.basket or "",
        "equipment": line.equipment or "",
        "correction": line.correction or "",
        "exoneration": line.exoneration or "",
        "early_renewal": line.early_renewal,
        "care_on": None if line.care_on == usual else line.care_on,
    }


def _today() -> object:
    return get_today()
