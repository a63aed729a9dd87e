"""« Services » of the console: what is cut, by whom; cut with a preview, approve, restore."""

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    confirm,
    list_abilities,
    name_request,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.desk import get_desk
from rempart.portals.status_figures import REASON_NAMES, SCOPE_NAMES, describe_cut
from rempart.portals.views.chain import describe_touched
from rempart.portals.visit import allows, open_visit, require_visitor
from rempart.rights.cuts import CutReason, CutScope
from rempart.workflows.rights import cut_services as cuts
from rempart.workflows.rights.read_chain import preview_reach

REVIEW_HOURS: Final = (1, 4, 12, 24, 72)


class CutForm(forms.Form):
    """What to cut, why, and when somebody looks at it again."""

    scope = forms.ChoiceField(label=_("Ce qui est coupé"), choices=list(SCOPE_NAMES.items()))
    amc_number = forms.ChoiceField(
        label=_("Complémentaire"), help_text=_("Pour une complémentaire seulement."), required=False
    )
    reason = forms.ChoiceField(
        label=_("Motif public"),
        help_text=_("Montré aux professionnels et sur la page de statut."),
        choices=list(REASON_NAMES.items()),
    )
    review_hours = forms.TypedChoiceField(
        label=_("À revoir dans"), coerce=int, choices=[(n, f"{n} h") for n in REVIEW_HOURS],
        initial=4,
    )  # fmt: skip
    note = forms.CharField(
        label=_("Note pour les collègues"),
        help_text=_("Jamais montrée dehors ; n’y nommez personne."),
        max_length=cuts.NOTE_LIMIT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    use_required_attribute = False

    def __init__(self, *values: Any, insurers: Any, **options: Any) -> None:
        super().__init__(*values, **options)
        field = self.fields["amc_number"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [("", "—"), *((one.amc_number, one.name) for one in insurers)]

    def clean(self) -> dict[str, Any] | None:
        """Refuse an insurer's cut without an insurer."""
        if self.cleaned_data.get("scope") == CutScope.INSURER and not self.cleaned_data.get(
            "amc_number"
        ):
            self.add_error("amc_number", gettext("Choisissez la complémentaire."))
        return self.cleaned_data


@require_safe
@allows(Permission.READ_SERVICES)
def list_all(request: HttpRequest) -> HttpResponseBase:
    """List what is cut, what waits for a second person, and what was cut."""
    now = get_desk().now()
    with open_visit(request) as (tx, visitor):
        rows = cuts.list_cuts(tx, now=now)
    context = {
        "rows": [_describe(row, visitor.actor_ref) for row in rows],
        **list_abilities(visitor, [Permission.CUT_SERVICES]),
    }
    return render(request, "portals/console/services.html", context)


@require_http_methods(FORM_METHODS)
@allows(Permission.CUT_SERVICES)
def cut(request: HttpRequest) -> HttpResponseBase:
    """Fill in, see whom it touches, then cut."""
    with open_visit(request) as (tx, _visitor):
        insurers = cuts.list_insurers(tx)
    form = CutForm(request.POST or None, insurers=insurers)
    if request.method != "POST" or not form.is_valid():
        status = 422 if request.method == "POST" else 200
        return render(request, "portals/console/cut.html", {"form": form}, status=status)
    if "confirmed" not in request.POST:
        return _preview(request, form)
    return _cut(request, form)


@require_http_methods(FORM_METHODS)
@allows(Permission.CUT_SERVICES)
def approve(request: HttpRequest, cut_ref: int) -> HttpResponseBase:
    """Be the second person, once confirmed."""
    now = get_desk().now()
    return confirm(
        request,
        lambda: perform(
            request, lambda tx, asker: cuts.approve_cut(tx, asker, read_ref(cut_ref), now=now)
        ),
        back=reverse("services"),
        title=gettext("Couper tous les droits"),
        sentence=gettext(
            "Aucune vérification ne répondra plus, nulle part. Les cartes se vérifient hors ligne, "
            "la facturation et les paiements continuent."
        ),
        button=gettext("Couper tous les droits"),
        refusal=gettext(
            "Refusé : c’est votre demande, vous n’êtes pas une seconde personne, ou rien n’attend."
        ),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.CUT_SERVICES)
def restore(request: HttpRequest, cut_ref: int) -> HttpResponseBase:
    """Give rights back, withdraw a request, or be the first of two."""
    now = get_desk().now()
    return confirm(
        request,
        lambda: perform(
            request, lambda tx, asker: cuts.restore_services(tx, asker, read_ref(cut_ref), now=now)
        ),
        back=reverse("services"),
        title=gettext("Rétablir"),
        sentence=gettext(
            "Les vérifications répondent de nouveau dans les deux secondes. Pour tous les droits, "
            "une seconde personne le confirme."
        ),
        button=gettext("Rétablir"),
        refusal=gettext("Refusé : c’est déjà fini, ou une seconde personne doit le confirmer."),
    )


def _preview(request: HttpRequest, form: CutForm) -> HttpResponseBase:
    values = form.cleaned_data
    scope, now = CutScope(values["scope"]), get_desk().now()
    with open_visit(request) as (tx, _visitor):
        touched = cuts.preview_cut(tx, scope, values["amc_number"], now=now)
    parties = perform_or_404(
        request,
        lambda tx, asker: preview_reach(tx, asker, scope, values["amc_number"], now=now),
    )
    context = {
        "form": form,
        "touched": touched,
        "parties": describe_touched(parties),
        "what": dict(form["amc_number"].field.choices).get(values["amc_number"])  # type: ignore[attr-defined]
        if scope is CutScope.INSURER
        else SCOPE_NAMES[scope],
        "needs_two": scope is CutScope.RIGHTS,
        "request_id": now.isoformat(),
    }
    return render(request, "portals/console/cut.html", context)


def _cut(request: HttpRequest, form: CutForm) -> HttpResponseBase:
    values, now = form.cleaned_data, get_desk().now()
    session_ref = require_visitor(request).session_ref
    wanted = cuts.CutRequest(
        scope=CutScope(values["scope"]),
        reason=CutReason(values["reason"]),
        amc_number=values["amc_number"] or None,
        note=values["note"],
        review_at=now + timedelta(hours=values["review_hours"]),
    )
    cut_ref = name_request(session_ref, request.POST.get("request_id", ""))
    done = perform(
        request,
        lambda tx, asker: cuts.cut_services(tx, asker, wanted, cut_ref=cut_ref, now=now),
    )
    if isinstance(done, Refused):
        form.add_error(None, gettext("Refusé : c’est coupé, ou demandé, déjà."))
        return render(request, "portals/console/cut.html", {"form": form}, status=done.status)
    return HttpResponseRedirect(reverse("services"))


def _describe(row: cuts.CutRow, me: int) -> dict[str, Any]:
    now = get_desk().now()
    waits = row.starts_at is None and row.ended_at is None
    return {
        "ref": row.cut_ref,
        "what": describe_cut(row),
        "why": REASON_NAMES[row.reason],
        "note": row.note,
        "since": row.starts_at or row.asked_at,
        "review": row.review_at,
        "is_late": row.is_in_force(now) and row.review_at < now,
        "ended": row.ended_at or (row.ends_at if row.ends_at and row.ends_at <= now else None),
        "waits": waits,
        "in_force": row.is_in_force(now),
        "approvable": waits and row.asked_by != me,
        "restorable": waits or row.is_in_force(now),
        "restore_asked": row.is_in_force(now) and row.restore_asked_at is not None,
    }
