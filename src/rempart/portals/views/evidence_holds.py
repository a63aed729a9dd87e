"""« Gels »: evidence kept beyond its normal expiry, why, and who lets it go again."""

from typing import Any, Final, get_args

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.incidents.room import HoldKind
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
from rempart.portals.pseudonyms import format_account
from rempart.portals.room_forms import ExtendForm, HoldForm, ReasonForm, show_moment
from rempart.portals.room_wording import HOLD_NAMES
from rempart.portals.times import format_stamp, in_paris
from rempart.portals.visit import allows, require_visitor
from rempart.portals.watching import read_number
from rempart.workflows.incidents.incident_room import read_room_as
from rempart.workflows.retention import hold_evidence as acts

COLUMNS: Final = (("placed", _("Posé le")), ("from", _("Garde depuis")), ("state", _("État")))
_ABILITIES: Final = (Permission.PLACE_EVIDENCE_HOLD, Permission.RELEASE_EVIDENCE_HOLD)


def _describe(row: acts.EvidenceHold) -> dict[str, Any]:
    # A hold that came with the declaration says so in the reader's language.
    declared = row.reason == "declared"
    return {
        "row": row,
        "kind": HOLD_NAMES[row.kind],
        "reason": _("posé à la déclaration") if declared else row.reason,
        "first": in_paris(row.from_ms),
        "last": in_paris(row.to_ms - 1),
        "accounts": [format_account(ref) for ref in row.account_refs],
    }


_LIST: Final = ListPage(
    template="portals/room/holds.html",
    columns=COLUMNS,
    sortable=get_args(acts.HoldColumn),
    load=acts.list_hold_page,
    describe=_describe,
)


@require_safe
@allows(Permission.READ_INCIDENTS)
def list_all(request: HttpRequest) -> HttpResponseBase:
    """Show what evidence is kept, or was."""
    return _LIST.show(request)


@require_safe
@allows(Permission.READ_INCIDENTS)
def list_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the holds."""
    header = (
        *(gettext("n°"), gettext("pour qui"), gettext("incident"), gettext("exercice")),
        *(gettext("du"), gettext("au"), gettext("pourquoi"), gettext("posé par")),
        *(gettext("posé le"), gettext("levé par"), gettext("levé le"), gettext("pourquoi levé")),
    )
    cells = (
        (
            row.hold_ref,
            HOLD_NAMES[row.kind],
            "" if row.incident_id is None else row.incident_id,
            gettext("oui") if row.exercise else gettext("non"),
            *(format_stamp(in_paris(row.from_ms)), format_stamp(in_paris(row.to_ms))),
            *(row.reason, row.placed_by, format_stamp(row.placed_at)),
            *(row.released_by, format_stamp(row.released_at), row.release_reason),
        )
        for row in _LIST.load_all(request)
    )
    return export_csv("gels.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.PLACE_EVIDENCE_HOLD)
def place(request: HttpRequest) -> HttpResponseBase:
    """Keep evidence for somebody else than an incident."""
    if not require_visitor(request).is_host:
        raise Http404
    form = (
        HoldForm(request.POST) if request.method == "POST" else HoldForm(initial=_prefill(request))
    )
    sent = send_form(
        request,
        form,
        lambda tx, asker: acts.place_hold(
            tx,
            kind=HoldKind(form.cleaned_data["kind"]),
            window=form.make_window(),
            reason=form.cleaned_data["reason"],
            by=acts.write_as(asker, Permission.PLACE_EVIDENCE_HOLD),
        ),
        leads_to=lambda made: reverse("evidence-hold", args=[made]),
    )
    if isinstance(sent, HttpResponse):
        return sent
    context = {"form": form, "refused": sent.refused}
    return render(request, "portals/room/place_hold.html", context, status=sent.status)


@require_safe
@allows(Permission.READ_INCIDENTS)
def one(request: HttpRequest, evidence_ref: int) -> HttpResponseBase:
    """Show one hold, and what may be done with it."""
    return _show(request, evidence_ref)


@require_http_methods(["POST"])
@allows(Permission.PLACE_EVIDENCE_HOLD)
def extend(request: HttpRequest, evidence_ref: int) -> HttpResponseBase:
    """Keep more than a hold keeps."""
    form = ExtendForm(request.POST, prefix="extend")
    if not form.is_valid():
        return _show(request, evidence_ref, extend_form=form, status=422)
    done = perform(
        request,
        lambda tx, asker: acts.extend_hold(
            tx,
            read_ref(evidence_ref),
            window=form.make_window(),
            by=acts.write_as(asker, Permission.PLACE_EVIDENCE_HOLD),
        ),
    )
    if isinstance(done, Refused):
        return _show(request, evidence_ref, extend_form=form, status=done.status)
    return HttpResponseRedirect(reverse("evidence-hold", args=[evidence_ref]))


@require_http_methods(["POST"])
@allows(Permission.RELEASE_EVIDENCE_HOLD)
def release(request: HttpRequest, evidence_ref: int) -> HttpResponseBase:
    """Let evidence expire again."""
    form = ReasonForm(request.POST, prefix="release")
    if not form.is_valid():
        return _show(request, evidence_ref, release_form=form, status=422)
    done = perform(
        request,
        lambda tx, asker: acts.release_hold(
            tx,
            read_ref(evidence_ref),
            reason=form.cleaned_data["reason"],
            by=acts.write_as(asker, Permission.RELEASE_EVIDENCE_HOLD),
        ),
    )
    if isinstance(done, Refused):
        return _show(request, evidence_ref, release_form=form, status=done.status)
    return HttpResponseRedirect(reverse("evidence-hold", args=[evidence_ref]))


def _prefill(request: HttpRequest) -> dict[str, str]:
    """Propose to keep what an incident is about, for a judge."""
    incident_id = read_number(request.GET, "incident")
    if incident_id is None:
        return {}
    room = perform_or_404(request, lambda tx, asker: read_room_as(tx, asker, incident_id))
    return {
        "kind": HoldKind.JUDICIAL.value,
        "first": show_moment(in_paris(room.incident.starts_ms)),
        "last": show_moment(in_paris(room.incident.ends_ms)),
    }


def _show(
    request: HttpRequest,
    evidence_ref: int,
    *,
    extend_form: ExtendForm | None = None,
    release_form: ReasonForm | None = None,
    status: int = 200,
) -> HttpResponseBase:
    hold = perform_or_404(
        request, lambda tx, asker: acts.read_hold_as(tx, asker, read_ref(evidence_ref))
    )
    forms = (extend_form, release_form)
    context = {
        **_describe(hold),
        "extend_form": extend_form or ExtendForm(prefix="extend"),
        "release_form": release_form or ReasonForm(prefix="release"),
        "refused": status != 200 and not any(form and form.errors for form in forms),
        **list_abilities(require_visitor(request), _ABILITIES),
    }
    return render(request, "portals/room/hold.html", context, status=status)
