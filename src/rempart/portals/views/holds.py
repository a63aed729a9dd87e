"""« Retenues »: entries that a judicial authority asks to be shown later to those they are about.

Two agents of the host operator decide; the list says until when each lasts.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, get_args

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.inquiries import HOLD_ACCOUNTS, DisplayHold, HoldState
from rempart.accounts.permissions import Permission
from rempart.kernel.instants import PARIS, to_ms
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
from rempart.portals.desk import get_desk
from rempart.portals.forms import DayField
from rempart.portals.history_wording import HOLD_STATES
from rempart.portals.list_page import ListPage
from rempart.portals.pseudonyms import format_account
from rempart.portals.times import format_stamp, in_paris
from rempart.portals.visit import allows, require_visitor
from rempart.portals.whole_numbers import read_whole
from rempart.workflows.ledger import inquiries as acts

COLUMNS: Final = (("asked", _("Demandée")), ("ends", _("Jusqu’au")), ("state", _("État")))


class HoldForm(forms.Form):
    """Whose entries, of which days, are shown later, and who asks."""

    authority = forms.CharField(
        label=_("Autorité"),
        help_text=_("Qui le demande : tribunal, service, magistrat."),
        max_length=acts.AUTHORITY_LIMIT,
    )
    reference = forms.CharField(
        label=_("Référence"),
        help_text=_("De la réquisition ou de la procédure."),
        max_length=acts.REFERENCE_LIMIT,
    )
    accounts = forms.CharField(
        label=_("Comptes"),
        help_text=_(
            "Leurs références entières (export CSV des consultations), séparées par des espaces."
        ),
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    first_day = DayField(label=_("Premier jour des consultations"), help_text=_("JJ/MM/AAAA"))
    last_day = DayField(
        label=_("Dernier jour des consultations"), help_text=_("JJ/MM/AAAA, compris")
    )
    ends_on = DayField(
        label=_("Montrées à partir du"),
        help_text=_("JJ/MM/AAAA, un an au plus ; à redemander avant ce jour."),
    )
    use_required_attribute = False

    def clean_accounts(self) -> tuple[int, ...]:
        """Return the references."""
        words = self.cleaned_data["accounts"].replace(",", " ").split()
        read = {read_whole(word) for word in words}
        refs = tuple(sorted(ref for ref in read if ref is not None))
        if len(refs) != len(read):
            raise forms.ValidationError(_("Une référence de compte est un nombre entier."))
        if not 0 < len(refs) <= HOLD_ACCOUNTS:
            raise forms.ValidationError(_("Nommez de 1 à 100 comptes."))
        return refs

    def make_request(self) -> acts.HoldRequest:
        """Return what is asked; the form is valid."""
        answers = self.cleaned_data
        return acts.HoldRequest(
            authority=answers["authority"],
            reference=answers["reference"],
            account_refs=answers["accounts"],
            from_ms=to_ms(_start(answers["first_day"])),
            to_ms=to_ms(_start(answers["last_day"] + timedelta(days=1))),
            ends_at=_start(answers["ends_on"]),
        )


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=PARIS).astimezone(UTC)


def _describe(row: DisplayHold) -> dict[str, Any]:
    over = row.ends_at <= get_desk().now()
    return {
        "row": row,
        "state": _("Terminée")
        if over and row.state is HoldState.APPROVED
        else HOLD_STATES[row.state],
        "in_force": row.state is HoldState.APPROVED and not over,
        "accounts": [format_account(ref) for ref in row.account_refs],
        "first": in_paris(row.from_ms),
        "last": in_paris(row.to_ms - 1),
    }


_LIST: Final = ListPage(
    template="portals/inquiries/holds.html",
    columns=COLUMNS,
    sortable=get_args(acts.HoldColumn),
    load=acts.list_holds,
    describe=_describe,
)


@require_safe
@allows(Permission.ASK_HOLD)
def list_all(request: HttpRequest) -> HttpResponseBase:
    """Show the delays of display, with their ends."""
    return _LIST.show(request)


@require_safe
@allows(Permission.ASK_HOLD)
def list_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the delays of display."""
    header = (
        *(gettext("référence"), gettext("autorité"), gettext("procédure"), gettext("comptes")),
        *(gettext("du"), gettext("au"), gettext("montrées à partir du"), gettext("état")),
        *(gettext("demandée le"), gettext("par"), gettext("décidée le"), gettext("décidée par")),
    )
    cells = (
        (
            *(row.hold_ref, row.authority, row.reference),
            " ".join(str(ref) for ref in row.account_refs),
            *(in_paris(row.from_ms).isoformat(), in_paris(row.to_ms).isoformat()),
            *(format_stamp(row.ends_at), HOLD_STATES[row.state], format_stamp(row.asked_at)),
            *(row.asked_by_name, format_stamp(row.decided_at), row.decided_by_name),
        )
        for row in _LIST.load_all(request)
    )
    return export_csv("retenues.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.ASK_HOLD)
def ask(request: HttpRequest) -> HttpResponseBase:
    """Ask that entries be shown later."""
    if not require_visitor(request).is_host:
        raise Http404
    form = HoldForm(request.POST if request.method == "POST" else None)
    sent = send_form(
        request,
        form,
        lambda tx, asker: acts.ask_hold(tx, asker, form.make_request()),
        leads_to=lambda made: reverse("hold", args=[made]),
    )
    if isinstance(sent, HttpResponse):
        return sent
    context = {"form": form, "refused": sent.refused}
    return render(request, "portals/inquiries/ask_hold.html", context, status=sent.status)


@require_safe
@allows(Permission.ASK_HOLD)
def one(request: HttpRequest, hold_ref: int) -> HttpResponseBase:
    """Show one delay of display, and what may be done with it."""
    return _show(request, hold_ref)


@require_http_methods(["POST"])
@allows(Permission.APPROVE_HOLD)
def decide(request: HttpRequest, hold_ref: int) -> HttpResponseBase:
    """Approve, refuse or lift a delay of display."""
    log = get_desk().acts
    if "approve" in request.POST:
        done = perform(
            request, lambda tx, asker: acts.approve_hold(tx, asker, log, read_ref(hold_ref))
        )
    elif "lift" in request.POST:
        done = perform(
            request, lambda tx, asker: acts.lift_hold(tx, asker, log, read_ref(hold_ref))
        )
    else:
        done = perform(request, lambda tx, asker: acts.refuse_hold(tx, asker, read_ref(hold_ref)))
    if isinstance(done, Refused):
        return _show(request, hold_ref, status=done.status)
    return HttpResponseRedirect(reverse("hold", args=[hold_ref]))


def _show(request: HttpRequest, hold_ref: int, *, status: int = 200) -> HttpResponseBase:
    hold = perform_or_404(request, lambda tx, asker: acts.read_hold(tx, asker, read_ref(hold_ref)))
    visitor = require_visitor(request)
    context = {
        **_describe(hold),
        **list_abilities(visitor, [Permission.APPROVE_HOLD]),
        "is_own": hold.asked_by == visitor.actor_ref,
        "refused": status != 200,
    }
    return render(request, "portals/inquiries/hold.html", context, status=status)
