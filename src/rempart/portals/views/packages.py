"""« Envois » of an incident: what each insurer is sent, by two people, and when it was received.

Refuses to show anybody's name: packages are sealed elsewhere, and this page counts.
"""

from typing import Any, Final, get_args

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rempart.accounts.permissions import Permission
from rempart.incidents.packages import REASON_LIMIT, PackageState
from rempart.incidents.room import name_file
from rempart.kernel.listing import Listing
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
from rempart.portals.package_wording import CONCLUSIONS, LEVELS, STATES, WAYS, describe_package
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, require_visitor
from rempart.portals.whole_numbers import read_whole
from rempart.workflows.incidents import prepare_packages, send_packages
from rempart.workflows.incidents.send_packages import ListedPackage, PackageColumn

COLUMNS: Final = (
    ("insurer", _("Complémentaire")),
    ("persons", _("Personnes (A / B / C)")),
    ("number", _("N°")),
    ("state", _("État")),
    ("made", _("Préparé")),
    ("sent", _("Envoyé")),
    ("received", _("Reçu")),
)
_MOST: Final = 2000
# The state of the packages that each gesture is about.
GESTURES: Final = {
    "demander": PackageState.MADE,
    "envoyer": PackageState.ASKED,
    "reprendre": PackageState.ASKED,
}


class WithdrawForm(forms.Form):
    """Why a package is withdrawn."""

    reason = forms.CharField(
        label=_("Raison"),
        help_text=_("La complémentaire la lit. Ne nommez personne."),
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )
    use_required_attribute = False


@require_safe
@allows(Permission.READ_INCIDENTS)
def incident_packages(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Show every insurer's latest package."""
    return _show(request, incident_id)


@require_safe
@allows(Permission.READ_INCIDENTS)
def incident_packages_csv(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Download every insurer's latest package: counts and hours, nobody."""
    listing = export_listing(_read_listing(request))
    sheet = perform_or_404(
        request,
        lambda tx, asker: prepare_packages.read_sheet(tx, asker, read_ref(incident_id), listing),
    )
    header = (
        *(gettext("complémentaire"), gettext("n°"), gettext("conclusion"), "A", "B", "C"),
        *(gettext("état"), gettext("préparé le"), gettext("envoyé le"), gettext("reçu le")),
        *(gettext("reçu par"), gettext("rappels")),
    )
    rows: list[tuple[object, ...]] = [
        (
            *(one.insurer, one.number, CONCLUSIONS[one.conclusion], one.persons_a, one.persons_b),
            *(one.persons_c, STATES[one.state], format_stamp(one.made_at)),
            *(format_stamp(one.sent_at), format_stamp(one.received_at), one.received_by),
            one.reminders,
        )
        for one in sheet.packages
    ]
    rows += [(one.name, "", gettext("rien de préparé")) for one in sheet.missing]
    name = name_file(f"incident-{incident_id}-envois", "csv", exercise=sheet.exercise)
    return export_csv(name, header, rows)


@require_POST
@allows(Permission.WORK_INCIDENT)
def prepare(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Ask that packages be made, or made again; a job makes them."""
    done = perform(
        request, lambda tx, asker: prepare_packages.prepare(tx, asker, read_ref(incident_id))
    )
    if isinstance(done, Refused):
        return _show(request, incident_id, status=done.status)
    return HttpResponseRedirect(reverse("incident-packages", args=[incident_id]))


@require_http_methods(FORM_METHODS)
@allows(Permission.SEND_PACKAGES)
def send(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Show what a gesture does on which packages, or do it."""
    values = request.POST if request.method == "POST" else request.GET
    gesture = values.get("geste", "")
    if gesture not in GESTURES:
        raise Http404
    chosen = {read_whole(ref) for ref in values.getlist("envoi")} - {None}
    state = GESTURES[gesture]
    sheet = perform_or_404(
        request,
        lambda tx, asker: prepare_packages.read_sheet(
            tx, asker, read_ref(incident_id), Listing(sort="insurer", descending=False, limit=_MOST)
        ),
    )
    found = [
        one
        for one in sheet.packages
        if one.state is state and (not chosen or one.package_ref in chosen)
    ]
    status = 200 if found else 409
    if request.method == "POST" and found:
        done = _do(request, gesture, found)
        if not isinstance(done, Refused):
            return HttpResponseRedirect(reverse("incident-packages", args=[incident_id]))
        status = done.status
    me = require_visitor(request).actor_ref
    context = {
        "incident_id": incident_id,
        "exercise": sheet.exercise,
        "title": sheet.title,
        "gesture": gesture,
        "rows": [describe_package(one) for one in found],
        "persons": sum(one.persons for one in found),
        "own": sum(one.asked_by == me for one in found) if gesture == "envoyer" else 0,
        "refused": status not in {200},
    }
    return render(request, "portals/packages/send.html", context, status=status)


@require_safe
@allows(Permission.READ_INCIDENTS)
def package(request: HttpRequest, package_ref: int) -> HttpResponseBase:
    """Show one package: its counts, who decided, each level's receipt."""
    return _show_one(request, package_ref)


@require_http_methods(FORM_METHODS)
@allows(Permission.SEND_PACKAGES)
def withdraw(request: HttpRequest, package_ref: int) -> HttpResponseBase:
    """Withdraw a package, with a reason."""
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    sent = send_form(
        request,
        form,
        lambda tx, asker: send_packages.withdraw(
            tx, asker, read_ref(package_ref), form.cleaned_data["reason"]
        ),
        leads_to=lambda _done: reverse("incident-package", args=[package_ref]),
    )
    if isinstance(sent, HttpResponse):
        return sent
    return _show_one(request, package_ref, form=form, status=sent.status)


def _do(request: HttpRequest, gesture: str, found: list[ListedPackage]) -> object:
    refs = [one.package_ref for one in found]

    def act(tx: Any, asker: Any) -> object:
        if gesture == "envoyer":
            return send_packages.send_packages(tx, asker, refs, now=get_desk().now())
        if gesture == "demander":
            return send_packages.ask_to_send(tx, asker, refs)
        return send_packages.take_back(tx, asker, refs)

    return perform(request, act)


def _read_listing(request: HttpRequest) -> Listing[PackageColumn]:
    return read_listing(request.GET, get_args(PackageColumn), "persons")


def _show(request: HttpRequest, incident_id: int, *, status: int = 200) -> HttpResponseBase:
    listing = _read_listing(request)
    sheet = perform_or_404(
        request,
        lambda tx, asker: prepare_packages.read_sheet(tx, asker, read_ref(incident_id), listing),
    )
    visitor = require_visitor(request)
    context = {
        "incident_id": incident_id,
        "exercise": sheet.exercise,
        "title": sheet.title,
        "here": "packages",
        "rows": [describe_package(one) for one in sheet.packages],
        "missing": sheet.missing,
        "touched": [one for one in sheet.missing if one.persons],
        "spared": [one for one in sheet.missing if not one.persons],
        "counts": sheet.counts,
        "job": sheet.job,
        "analysed": sheet.analysed,
        "refused": status != 200,
        **list_abilities(visitor, [Permission.SEND_PACKAGES, Permission.WORK_INCIDENT]),
        **describe_listing(listing, COLUMNS, sheet.total),
    }
    return render(request, "portals/packages/packages.html", context, status=status)


def _show_one(
    request: HttpRequest, package_ref: int, *, form: WithdrawForm | None = None, status: int = 200
) -> HttpResponseBase:
    one, receipts, earlier = perform_or_404(
        request, lambda tx, asker: prepare_packages.read_one(tx, asker, read_ref(package_ref))
    )
    context = {
        **describe_package(one),
        "incident_id": one.incident_id,
        "exercise": one.exercise,
        "here": "packages",
        "receipts": [
            {"row": receipt, "level": LEVELS[receipt.level], "way": WAYS[receipt.way]}
            for receipt in receipts
        ],
        "earlier": [describe_package(other) for other in earlier],
        "form": form or WithdrawForm(),
        "is_latest": bool(earlier) and earlier[0].package_ref == one.package_ref,
        "refused": status != 200 and not (form and form.errors),
        **list_abilities(require_visitor(request), [Permission.SEND_PACKAGES]),
    }
    return render(request, "portals/packages/package.html", context, status=status)
