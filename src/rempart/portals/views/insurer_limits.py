"""« Limites »: what an insurer bounds of what is asked about members, and what its agents open."""

from typing import Any, Final, get_args

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.member_files import MOST_FILES_A_DAY
from rempart.accounts.permissions import Permission
from rempart.portals.administering import (
    FORM_METHODS,
    list_abilities,
    name_request,
    perform_or_404,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import send_form
from rempart.portals.desk import get_desk
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.views.presence_policies import PRESENCE
from rempart.portals.visit import allows, require_visitor
from rempart.rights.presence import PresencePolicy
from rempart.workflows.guard import insurer_limits as acts
from rempart.workflows.guard.insurer_limits import MOST_TYPED, REASON_LIMIT, LimitColumn, NewLimit

COLUMNS: Final = (("set", _("Décidées le")),)


class LimitForm(forms.Form):
    """Limits, all at once: what is left as it is stays so."""

    presence = forms.ChoiceField(
        label=_("Présence exigée"),
        help_text=_("Carte, code à six chiffres ou lecteur Vitale : la personne est là."),
        choices=list(PRESENCE.items()),
        initial="optional",
    )
    typed_new_persons = forms.IntegerField(
        label=_("Nouveaux adhérents saisis par jour et par compte de professionnel"),
        help_text=_("Vide : sans limite de votre part. Cartes, codes et lecteurs ne comptent pas."),
        required=False,
        min_value=0,
        max_value=MOST_TYPED,
    )
    files_per_day = forms.IntegerField(
        label=_("Dossiers ouverts par jour et par agent de votre équipe"),
        min_value=1,
        max_value=MOST_FILES_A_DAY,
        initial=MOST_FILES_A_DAY,
    )
    reason = forms.CharField(
        label=_("Raison"),
        help_text=_("Vos collègues la lisent."),
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    use_required_attribute = False

    def make_limit(self) -> NewLimit:
        """Return the limits it describes; the form is valid."""
        given = self.cleaned_data
        return NewLimit(
            policy=PresencePolicy(
                given["presence"] != "optional",
                given["typed_new_persons"],
                given["presence"] != "always",
            ),
            files_per_day=given["files_per_day"],
            reason=given["reason"],
        )


@require_safe
@allows(Permission.READ_FIGURES)
def limits(request: HttpRequest) -> HttpResponseBase:
    """Show the limits in force, those to come, and every change."""
    listing = read_listing(request.GET, get_args(LimitColumn), "set")
    rows, total = perform_or_404(request, lambda tx, asker: acts.list_limits(tx, asker, listing))
    context = {
        "rows": [_describe(row) for row in rows],
        "most_files": MOST_FILES_A_DAY,
        **list_abilities(require_visitor(request), [Permission.SET_OWN_LIMITS]),
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/insurer/limits.html", context)


@require_safe
@allows(Permission.READ_FIGURES)
def limits_csv(request: HttpRequest) -> HttpResponseBase:
    """Download every change of the limits."""
    listing = export_listing(read_listing(request.GET, get_args(LimitColumn), "set"))
    rows, _total = perform_or_404(request, lambda tx, asker: acts.list_limits(tx, asker, listing))
    header = (
        *(gettext("décidées le"), gettext("par"), gettext("à partir du"), gettext("présence")),
        *(gettext("saisies par jour"), gettext("dossiers par jour"), gettext("raison")),
    )
    cells = (
        (
            *(format_stamp(row.set_at), row.set_by, format_stamp(row.active_from)),
            *(PRESENCE[_find_presence(row.policy)], row.policy.typed_persons_per_day or ""),
            *(row.files_per_day, row.reason),
        )
        for row in rows
    )
    return export_csv("limites.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.SET_OWN_LIMITS)
def set_limits(request: HttpRequest) -> HttpResponseBase:
    """Fill in the limits and set them."""
    form = (
        LimitForm(request.POST)
        if request.method == "POST"
        else LimitForm(initial=_read_initial(request))
    )
    ref = name_request(require_visitor(request).session_ref, request.POST.get("request_id", ""))
    sent = send_form(
        request,
        form,
        lambda tx, asker: acts.set_limits(tx, asker, form.make_limit(), limit_ref=ref),
        leads_to=lambda _done: reverse("insurer-limits"),
    )
    if isinstance(sent, HttpResponse):
        return sent
    context = {
        "form": form,
        "request_id": get_desk().now().isoformat(),
        "refused": sent.refused,
    }
    return render(request, "portals/insurer/set_limits.html", context, status=sent.status)


def _read_initial(request: HttpRequest) -> dict[str, Any]:
    """Return the limits in force, for a form to start from."""
    listing = read_listing(request.GET, get_args(LimitColumn), "set")
    rows, _total = perform_or_404(request, lambda tx, asker: acts.list_limits(tx, asker, listing))
    held = next((row for row in rows if row.holds), None)
    if held is None:
        return {}
    return {
        "presence": _find_presence(held.policy),
        "typed_new_persons": held.policy.typed_persons_per_day,
        "files_per_day": held.files_per_day,
    }


def _describe(row: Any) -> dict[str, Any]:
    return {
        "row": row,
        "presence": PRESENCE[_find_presence(row.policy)],
        "now": get_desk().now(),
    }


def _find_presence(policy: PresencePolicy) -> str:
    if not policy.required:
        return "optional"
    return "new-faces" if policy.known_faces else "always"
