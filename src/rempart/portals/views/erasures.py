"""« Effacements »: openings of the ledger that are to be erased, asked by one, approved by another.

Refuses to say of whom an opening is: a request names entries by their number.
"""

from typing import Any, Final, get_args

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.disclosure.erasure import ErasureGround, ErasureState, parse_indexes
from rempart.kernel.errors import InvalidRequest
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import send_form
from rempart.portals.list_page import ListPage
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, require_visitor
from rempart.workflows.retention import request_erasure as acts

COLUMNS: Final = (
    ("asked", _("Demandé")),
    ("openings", _("Lignes")),
    ("ground", _("Fondement")),
    ("state", _("État")),
)
GROUNDS: Final[dict[str, Promise]] = {
    ErasureGround.OBJECTION.value: _("opposition de la personne (RGPD 17.1.c)"),
    ErasureGround.UNLAWFUL.value: _("traitement illicite (RGPD 17.1.d)"),
    ErasureGround.COURT.value: _("décision de justice (RGPD 17.1.e)"),
    ErasureGround.ERROR.value: _("ligne écrite par erreur"),
}
STATES: Final[dict[str, Promise]] = {
    ErasureState.ASKED.value: _("à approuver"),
    ErasureState.APPROVED.value: _("approuvé, à exécuter"),
    ErasureState.REFUSED.value: _("refusé"),
    ErasureState.DONE.value: _("effacé"),
}


class ErasureForm(forms.Form):
    """Which lines, and why."""

    log_id = forms.IntegerField(label=_("Registre"), min_value=1, max_value=32767, initial=1)
    indexes = forms.CharField(
        label=_("Lignes"),
        help_text=_("Leurs numéros : 12, 15-20."),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )
    ground = forms.ChoiceField(label=_("Fondement"), choices=list(GROUNDS.items()))
    case_number = forms.CharField(
        label=_("Dossier"),
        help_text=_("Où la décision est gardée. Inscrit au registre ; ne nommez personne."),
        max_length=acts.CASE_LETTERS,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    use_required_attribute = False

    def clean_indexes(self) -> tuple[int, ...]:
        """Read numbers and ranges."""
        try:
            return parse_indexes(self.cleaned_data["indexes"])
        except InvalidRequest:
            raise forms.ValidationError(
                _("Écrire des numéros et des intervalles croissants, comme 12, 15-20.")
            ) from None


def _describe(row: acts.ListedErasure) -> dict[str, Any]:
    return {
        "row": row,
        "ground": GROUNDS[row.ground],
        "state": STATES[row.state],
        "indexes": ", ".join(map(str, row.some)) + (" …" if row.openings > len(row.some) else ""),
    }


_LIST: Final = ListPage(
    template="portals/erasures/erasures.html",
    columns=COLUMNS,
    sortable=get_args(acts.ErasureColumn),
    load=acts.list_erasures,
    describe=_describe,
)


@require_safe
@allows(Permission.READ_ERASURES)
def list_all(request: HttpRequest) -> HttpResponseBase:
    """Show the requests, the newest first unless asked otherwise."""
    return _LIST.show(request)


@require_safe
@allows(Permission.READ_ERASURES)
def list_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the requests."""
    header = (
        *(gettext("référence"), gettext("demandé le"), gettext("par"), gettext("registre")),
        *(gettext("nombre de lignes"), gettext("fondement"), gettext("dossier"), gettext("état")),
        *(gettext("décidé le"), gettext("décidé par"), gettext("acte")),
    )
    cells = (
        (
            *(row.request_ref, format_stamp(row.asked_at), row.asked_by_name, row.log_id),
            *(row.openings, GROUNDS[row.ground], row.case_number, STATES[row.state]),
            *(format_stamp(row.decided_at), row.decided_by_name),
            "" if row.act_idx is None else row.act_idx,
        )
        for row in _LIST.load_all(request)
    )
    return export_csv("effacements.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.ASK_ERASURE)
def ask(request: HttpRequest) -> HttpResponseBase:
    """Ask that lines be erased."""
    if not require_visitor(request).is_host:
        raise Http404
    form = ErasureForm(request.POST if request.method == "POST" else None)
    sent = send_form(
        request,
        form,
        lambda tx, asker: acts.ask_erasure(
            tx,
            asker,
            log_id=form.cleaned_data["log_id"],
            indexes=form.cleaned_data["indexes"],
            ground=ErasureGround(form.cleaned_data["ground"]),
            case_number=form.cleaned_data["case_number"],
        ),
        leads_to=lambda made: reverse("erasure", args=[made]),
    )
    if isinstance(sent, HttpResponse):
        return sent
    context = {"form": form, "refused": sent.refused}
    return render(request, "portals/erasures/ask.html", context, status=sent.status)


@require_safe
@allows(Permission.READ_ERASURES)
def one(request: HttpRequest, request_ref: int) -> HttpResponseBase:
    """Show one request, and what may be done with it."""
    return _show(request, request_ref)


@require_http_methods(["POST"])
@allows(Permission.APPROVE_ERASURE)
def decide(request: HttpRequest, request_ref: int) -> HttpResponseBase:
    """Approve or refuse a request."""
    do = acts.approve_erasure if "approve" in request.POST else acts.refuse_erasure
    done = perform(request, lambda tx, asker: do(tx, asker, read_ref(request_ref)))
    if isinstance(done, Refused):
        return _show(request, request_ref, status=done.status)
    return HttpResponseRedirect(reverse("erasure", args=[request_ref]))


def _show(request: HttpRequest, request_ref: int, *, status: int = 200) -> HttpResponseBase:
    row = perform_or_404(
        request, lambda tx, asker: acts.read_erasure(tx, asker, read_ref(request_ref))
    )
    visitor = require_visitor(request)
    context = {
        **_describe(row),
        **list_abilities(visitor, [Permission.APPROVE_ERASURE]),
        "is_own": row.asked_by == visitor.actor_ref,
        "refused": status != 200,
    }
    return render(request, "portals/erasures/erasure.html", context, status=status)
