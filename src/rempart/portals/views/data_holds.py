"""« Données retenues »: what keeps data beyond their time, why, since when, and how much."""

from typing import Any, Final, get_args

from django import forms
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.kernel.reasons import REASON_LETTERS
from rempart.portals.administering import (
    FORM_METHODS,
    list_abilities,
    perform_or_404,
    read_ref,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import take_decision
from rempart.portals.list_page import ListPage
from rempart.portals.retention_wording import FIELDS, HOLD_KINDS
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, require_visitor
from rempart.retention.fields import Field
from rempart.workflows.retention import read_data_holds as acts
from rempart.workflows.retention.read_data_holds import HoldColumn, HoldRow, RetainedRow, Wish

COLUMNS: Final = (("placed", _("Posée le")), ("kind", _("Pour")), ("state", _("État")))
_PLACED: Final = ("judicial", "dispute")
_FIELD_CHOICES: Final = [(field.value, FIELDS[field]) for field in Field]


class HoldForm(forms.Form):
    """Who needs data kept, which, and why."""

    kind = forms.ChoiceField(
        label=_("Pour"),
        choices=[(kind, HOLD_KINDS[kind]) for kind in _PLACED],
        widget=forms.RadioSelect,
    )
    fields_kept = forms.MultipleChoiceField(
        label=_("Quelles données"),
        help_text=_("N’en cochez aucune pour tout retenir."),
        choices=_FIELD_CHOICES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    reason = forms.CharField(
        label=_("Raison"),
        help_text=_("Le numéro de la réquisition ou du dossier. Ne nommez personne."),
        max_length=REASON_LETTERS,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    use_required_attribute = False

    def make_wish(self) -> Wish:
        """Return what is wanted; the form is valid."""
        answers = self.cleaned_data
        return Wish(
            kind=answers["kind"],
            fields=[Field(one) for one in answers["fields_kept"]],
            reason=answers["reason"],
        )


class ReleaseForm(forms.Form):
    """Why data may go again."""

    reason = forms.CharField(
        label=_("Pourquoi la lever"),
        help_text=_("Qui en a décidé, quand. Ne nommez personne d’autre."),
        max_length=REASON_LETTERS,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    use_required_attribute = False


def _describe(row: HoldRow) -> dict[str, Any]:
    declared = row.what == "window" and row.reason == "declared"
    return {
        "row": row,
        "kind": HOLD_KINDS[row.kind],
        "reason": _("posé à la déclaration") if declared else row.reason,
        "fields": ", ".join(str(FIELDS[name]) for name in row.fields),
        "is_window": row.what == "window",
    }


_LIST: Final = ListPage(
    template="portals/retention/holds.html",
    columns=COLUMNS,
    sortable=get_args(HoldColumn),
    load=acts.list_all,
    describe=_describe,
)


@require_safe
@allows(Permission.MANAGE_RETENTION)
def holds(request: HttpRequest) -> HttpResponseBase:
    """Show the host what holds data back, in force first unless asked otherwise."""
    return _LIST.show(request)


@require_safe
@allows(Permission.MANAGE_RETENTION)
def holds_csv(request: HttpRequest) -> HttpResponseBase:
    """Download what holds data back."""
    return _export(request)


@require_safe
@allows(Permission.MANAGE_RETENTION)
def hold(request: HttpRequest, data_hold_ref: int) -> HttpResponseBase:
    """Show one hold, what it keeps, and what may be done with it."""
    return _show(request, data_hold_ref)


@require_http_methods(FORM_METHODS)
@allows(Permission.APPROVE_PURGE)
def release(request: HttpRequest, data_hold_ref: int) -> HttpResponseBase:
    """Ask why, then let data go again."""
    return _release(request, data_hold_ref, back="data-hold")


@require_http_methods(FORM_METHODS)
@allows(Permission.APPROVE_PURGE)
def hold_inquired(request: HttpRequest, inquiry_ref: int) -> HttpResponseBase:
    """Hold data of whom an approved inquiry found."""
    ref = read_ref(inquiry_ref)
    return _place(
        request,
        lambda tx, asker, wish: acts.hold_inquired(tx, asker, ref, wish),
        leads_to="data-hold",
        back=reverse("inquiry", args=[ref]),
        sentence=gettext(
            "Les données de la personne que l’enquête a trouvée restent, quoi que disent les "
            "durées, jusqu’à ce que quelqu’un lève la retenue. Si elle a un accès, elle lit dans "
            "« Mes données » qu’une procédure oblige à les garder."
        ),
    )


@require_safe
@allows(Permission.HANDLE_REQUESTS)
def own_holds(request: HttpRequest) -> HttpResponseBase:
    """Show an insurer what holds data of its members back."""
    return _LIST.show(request)


@require_safe
@allows(Permission.HANDLE_REQUESTS)
def own_holds_csv(request: HttpRequest) -> HttpResponseBase:
    """Download what holds data of its members back."""
    return _export(request)


@require_safe
@allows(Permission.HANDLE_REQUESTS)
def own_hold(request: HttpRequest, data_hold_ref: int) -> HttpResponseBase:
    """Show one hold of an insurer."""
    return _show(request, data_hold_ref)


@require_http_methods(FORM_METHODS)
@allows(Permission.HANDLE_REQUESTS)
def own_release(request: HttpRequest, data_hold_ref: int) -> HttpResponseBase:
    """Ask why, then let data of a member go again."""
    return _release(request, data_hold_ref, back="own-data-hold")


@require_http_methods(FORM_METHODS)
@allows(Permission.HANDLE_REQUESTS)
def hold_file(request: HttpRequest, member_file_ref: int) -> HttpResponseBase:
    """Hold data of whom an open file is about."""
    ref = read_ref(member_file_ref)
    return _place(
        request,
        lambda tx, asker, wish: acts.hold_file(tx, asker, ref, wish),
        leads_to="own-data-hold",
        back=reverse("members"),
        sentence=gettext(
            "Les données de la personne, ou de toutes celles du contrat, restent quoi que disent "
            "les durées, jusqu’à ce que quelqu’un lève la retenue. La personne lit dans « Mes "
            "données » qu’une procédure oblige à les garder."
        ),
    )


def _place(
    request: HttpRequest, act: Any, *, leads_to: str, back: str, sentence: str
) -> HttpResponseBase:
    """Ask what is held and why, then hold it.

    Args:
        request: GET asks, POST holds.
        act: Holds what a wish names.
        leads_to: The route of the page of the new hold.
        back: Where to go when nothing is held.
        sentence: What it does, in words.
    """
    form = HoldForm(request.POST if request.method == "POST" else None)
    return take_decision(
        request,
        form,
        lambda tx, asker: act(tx, asker, form.make_wish()),
        title=gettext("Retenir des données"),
        sentence=sentence,
        button=gettext("Retenir"),
        refusal=gettext("Refusé : écrivez une raison d’une seule ligne, sans tabulation."),
        back=back,
        leads_to=lambda made: reverse(leads_to, args=[made]),
    )


def _release(request: HttpRequest, hold_ref: int, *, back: str) -> HttpResponseBase:
    ref = read_ref(hold_ref)
    page = perform_or_404(request, lambda tx, asker: acts.read_hold(tx, asker, ref))
    form = ReleaseForm(request.POST if request.method == "POST" else None)
    sentence = gettext("Ce qui devait partir part au prochain passage, sans autre décision.")
    if page.row.kind == "restriction":
        told = gettext("Prévenez d’abord la personne qui l’a demandée (RGPD, article 18.3).")
        sentence = f"{sentence} {told}"
    return take_decision(
        request,
        form,
        lambda tx, asker: acts.release_as(tx, asker, ref, reason=form.cleaned_data["reason"]),
        title=gettext("Lever la retenue"),
        reference=f"{HOLD_KINDS[page.row.kind]} – {page.row.reason}",
        sentence=sentence,
        button=gettext("Lever la retenue"),
        refusal=gettext("Elle est déjà levée : relisez-la."),
        back=reverse(back, args=[ref]),
    )


def _show(request: HttpRequest, hold_ref: int) -> HttpResponseBase:
    ref = read_ref(hold_ref)
    page = perform_or_404(request, lambda tx, asker: acts.read_hold(tx, asker, ref))
    visitor = require_visitor(request)
    context = {
        **_describe(page.row),
        "retained": [_describe_retained(one) for one in page.retained],
        **list_abilities(visitor, [Permission.APPROVE_PURGE]),
    }
    return render(request, "portals/retention/hold.html", context)


def _describe_retained(one: RetainedRow) -> dict[str, str | Promise | RetainedRow]:
    return {"row": one, "field": FIELDS[one.field]}


def _export(request: HttpRequest) -> HttpResponseBase:
    header = (
        *(gettext("retenue"), gettext("pour"), gettext("complémentaire"), gettext("personnes")),
        *(gettext("champs"), gettext("lignes retenues"), gettext("pourquoi"), gettext("posé par")),
        *(gettext("posé le"), gettext("levé par"), gettext("levé le"), gettext("pourquoi levé")),
    )
    cells = (
        (
            *(row.hold_ref, HOLD_KINDS[row.kind], row.insurer_name),
            "" if row.people is None else row.people,
            ", ".join(str(FIELDS[name]) for name in row.fields) or gettext("tous"),
            *(row.lines, row.reason, row.placed_by, format_stamp(row.placed_at)),
            *(row.released_by, format_stamp(row.released_at), row.release_reason),
        )
        for row in _LIST.load_all(request)
    )
    return export_csv("donnees-retenues.csv", header, cells)
