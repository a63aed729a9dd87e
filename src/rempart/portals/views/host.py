"""What only the operator that runs the installation sees: every organisation, every report.

Agents of a hosted operator have the same roles, and none of these pages.
"""

from typing import Any, Final, get_args

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.accounts.role_names import KIND_NAMES, name_kind
from rempart.accounts.roles import OrganisationKind
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import NotFound
from rempart.kernel.instants import to_paris_day
from rempart.kernel.listing import Listing
from rempart.portals.account_wording import describe_event
from rempart.portals.administering import (
    FORM_METHODS,
    OutcomeForm,
    confirm,
    list_abilities,
    perform,
    read_ref,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import send_form
from rempart.portals.devices import describe_device
from rempart.portals.forms import current_language
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, open_visit, require_visitor
from rempart.portals.watching import read_words
from rempart.workflows.accounts import administer_organisation as acts
from rempart.workflows.accounts.handle_reports import (
    ListedReport,
    ReportColumn,
    handle_report,
    list_reports,
    read_report,
)
from rempart.workflows.accounts.register_organisation import (
    ListedOrganisation,
    OrganisationColumn,
    list_organisations,
    load_organisation,
)

COLUMNS: Final = (
    ("name", _("Nom"), False),
    ("kind", _("Sorte"), False),
    ("people", _("Personnes"), True),
    ("created", _("Depuis"), False),
    ("state", _("État"), False),
)
REPORT_COLUMNS: Final = (("reported", _("Signalé")), ("event", _("Événement")))


@require_safe
@allows(Permission.READ_ORGANISATIONS)
def organisations(request: HttpRequest) -> HttpResponseBase:
    """Show the organisations of the platform, by kind and name."""
    listing = _read_organisations(request)
    rows, total, context = _list_organisations(request, listing)
    context |= {
        "rows": [_describe_organisation(row) for row in rows],
        "kinds": [(kind, name_kind(kind, current_language())) for kind in KIND_NAMES],
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/organisation/organisations.html", context)


@require_safe
@allows(Permission.READ_ORGANISATIONS)
def organisations_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the organisations that the filter lets through."""
    rows, _total, _context = _list_organisations(
        request, export_listing(_read_organisations(request))
    )
    header = (
        *(gettext("référence"), gettext("sorte"), gettext("nom"), gettext("hébergée par")),
        *(gettext("personnes"), gettext("depuis le"), gettext("suspendue le")),
    )
    cells = (
        (
            *(row.org_ref, name_kind(row.kind, current_language()), row.name, row.host_name),
            row.people,
            to_paris_day(row.created_at).isoformat(),
            format_stamp(row.suspended_at),
        )
        for row in rows
    )
    return export_csv("organisations.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.SUSPEND_ORGANISATION)
def suspend_organisation(request: HttpRequest, org_ref: int) -> HttpResponseBase:
    """Stop everybody of an organisation, once confirmed."""
    name = _name_organisation(request, org_ref)
    return confirm(
        request,
        lambda: perform(request, lambda tx, asker: acts.suspend_organisation(tx, asker, org_ref)),
        back=reverse("organisations"),
        title=gettext("Suspendre %(name)s") % {"name": name},
        sentence=gettext(
            "Toutes les connexions de ses agents, et de ceux des opérateurs qu’elle héberge, sont "
            "fermées tout de suite, et ses logiciels n’obtiennent plus rien."
        ),
        button=gettext("Suspendre l’organisation"),
        refusal=gettext(
            "Refusé : elle est suspendue déjà, ou c’est l’opérateur hôte, "
            "que personne ne pourrait rétablir."
        ),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.SUSPEND_ORGANISATION)
def restore_organisation(request: HttpRequest, org_ref: int) -> HttpResponseBase:
    """Let an organisation go on, once confirmed."""
    name = _name_organisation(request, org_ref)
    return confirm(
        request,
        lambda: perform(request, lambda tx, asker: acts.restore_organisation(tx, asker, org_ref)),
        back=reverse("organisations"),
        title=gettext("Rétablir %(name)s") % {"name": name},
        sentence=gettext("Ses agents peuvent se connecter de nouveau, avec les rôles qu’ils ont."),
        button=gettext("Rétablir l’organisation"),
        refusal=gettext("Refusé : cette organisation n’est pas suspendue."),
    )


@require_safe
@allows(Permission.READ_REPORTS)
def reports(request: HttpRequest) -> HttpResponseBase:
    """Show what people say was not them: what waits, or what was answered."""
    _check_is_host(require_visitor(request))
    listing = _read_reports(request)
    handled = "traites" in request.GET
    with open_visit(request) as (tx, _visitor):
        rows, total = list_reports(tx, listing, handled=handled)
    context = {
        "rows": [_describe_report(row) for row in rows],
        "handled": handled,
        **describe_listing(listing, REPORT_COLUMNS, total),
    }
    return render(request, "portals/console/reports.html", context)


@require_safe
@allows(Permission.READ_REPORTS)
def reports_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the reports, waiting or answered; without what people wrote."""
    _check_is_host(require_visitor(request))
    with open_visit(request) as (tx, _visitor):
        rows, _total = list_reports(
            tx, export_listing(_read_reports(request)), handled="traites" in request.GET
        )
    header = (
        *(gettext("référence"), gettext("signalé le"), gettext("événement"), gettext("instant")),
        *(gettext("organisation"), gettext("adresse"), gettext("traité le")),
    )
    cells = (
        (
            *(row.event_ref, format_stamp(row.reported_at), describe_event(row.kind)),
            *(format_stamp(row.at), row.org_name, row.address, format_stamp(row.handled_at)),
        )
        for row in rows
    )
    return export_csv("signalements.csv", header, cells)


@require_safe
@allows(Permission.READ_REPORTS)
def report(request: HttpRequest, event_ref: int) -> HttpResponseBase:
    """Show one report."""
    row, visitor = _load_report(request, event_ref)
    context = {
        **_describe_report(row),
        **list_abilities(visitor, [Permission.HANDLE_REPORT]),
        "is_own": row.actor_ref == visitor.actor_ref,
        "form": OutcomeForm(),
    }
    return render(request, "portals/console/report.html", context)


@require_http_methods(FORM_METHODS)
@allows(Permission.HANDLE_REPORT)
def answer_report(request: HttpRequest, event_ref: int) -> HttpResponseBase:
    """Answer a report, and stop or restore the account it is about."""
    row, visitor = _load_report(request, event_ref)
    form = OutcomeForm(request.POST) if request.method == "POST" else OutcomeForm()
    sent = send_form(
        request,
        form,
        lambda tx, asker: handle_report(
            tx,
            asker,
            row.event_ref,
            outcome=form.cleaned_data["outcome"],
            measure=form.cleaned_data["measure"],
        ),
        leads_to=lambda _done: reverse("report", args=[row.event_ref]),
    )
    if isinstance(sent, HttpResponse):
        return sent
    context = {
        **_describe_report(row),
        **list_abilities(visitor, [Permission.HANDLE_REPORT]),
        "is_own": row.actor_ref == visitor.actor_ref,
        "form": form,
        "refused": sent.refused,
    }
    return render(request, "portals/console/report.html", context, status=sent.status)


def _read_organisations(request: HttpRequest) -> Listing[OrganisationColumn]:
    return read_listing(request.GET, get_args(OrganisationColumn), "name", descending=False)


def _read_reports(request: HttpRequest) -> Listing[ReportColumn]:
    return read_listing(request.GET, get_args(ReportColumn), "reported")


def _list_organisations(
    request: HttpRequest, listing: Listing[OrganisationColumn]
) -> tuple[list[ListedOrganisation], int, dict[str, Any]]:
    _check_is_host(require_visitor(request))
    asked = request.GET.get("sorte", "")
    every: tuple[OrganisationKind, ...] = get_args(OrganisationKind)
    kinds = [kind for kind in every if kind == asked] or list(every)
    words = read_words(request.GET, "nom", most=100)
    with open_visit(request) as (tx, visitor):
        rows, total = list_organisations(tx, kinds, listing, words=words)
    context = {
        **list_abilities(visitor, [Permission.SUSPEND_ORGANISATION]),
        "kind": kinds[0] if len(kinds) == 1 else "",
        "words": words,
    }
    return rows, total, context


def _name_organisation(request: HttpRequest, org_ref: int) -> str:
    _check_is_host(require_visitor(request))
    try:
        with open_visit(request) as (tx, _visitor):
            return load_organisation(tx, read_ref(org_ref)).name
    except NotFound:
        raise Http404 from None


def _load_report(request: HttpRequest, event_ref: int) -> tuple[ListedReport, Visitor]:
    _check_is_host(require_visitor(request))
    try:
        with open_visit(request) as (tx, visitor):
            return read_report(tx, read_ref(event_ref)), visitor
    except NotFound:
        raise Http404 from None


def _check_is_host(visitor: Visitor) -> None:
    if not visitor.is_host:
        raise Http404


def _describe_organisation(row: ListedOrganisation) -> dict[str, Any]:
    return {
        "row": row,
        "kind": name_kind(row.kind, current_language()),
        "is_host": row.kind == "operator" and not row.host_name,
    }


def _describe_report(row: ListedReport) -> dict[str, Any]:
    return {
        "row": row,
        "event": describe_event(row.kind),
        "device": describe_device(row.agent) if row.agent else "",
    }
