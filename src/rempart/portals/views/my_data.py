"""« Mes données » : what is kept, until when and why; a copy to take along, as a file or pages."""

import json
from typing import Any

from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.exchange.own_data_document import print_own_data
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.own_data_words import (
    FIELD_NAMES,
    PHASE_BADGES,
    PHASE_NAMES,
    describe_move,
    make_sections,
)
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, require_visitor
from rempart.retention.fields import Phase
from rempart.workflows.members import copy_own_data
from rempart.workflows.members.copy_own_data import KEPT_DAYS
from rempart.workflows.members.export_own_data import Sources, export_own_data
from rempart.workflows.members.own_data import Held, read_own_data


@require_safe
@allows(Permission.READ_OWN_DATA)
def my_data(request: HttpRequest) -> HttpResponseBase:
    """Show what is kept about the member, and their copies of this week."""
    language = current_language()
    kept = perform_or_404(request, lambda tx, asker: read_own_data(tx, asker, language))
    copies = perform_or_404(request, copy_own_data.list_copies)
    context = {
        "rows": [_describe(one) for one in kept.held if one.phase is not Phase.GONE],
        "gone": [FIELD_NAMES[one.field] for one in kept.held if one.phase is Phase.GONE],
        "kept": kept,
        "moves": [describe_move(one) for one in kept.moves],
        "copies": copies,
        "is_waiting": any(one.made_at is None for one in copies),
        "days": KEPT_DAYS,
    }
    return render(request, "portals/member/data.html", context)


@require_http_methods(FORM_METHODS)
@allows(Permission.EXPORT_OWN_DATA)
def ask_copy(request: HttpRequest) -> HttpResponseBase:
    """Say what a copy holds, then have it made."""
    status = 200
    if request.method == "POST":
        done = perform(request, copy_own_data.ask_copy)
        if not isinstance(done, Refused):
            return HttpResponseRedirect(reverse("my-data") + "#copies")
        status = done.status
    context = {"refused": status != 200, "days": KEPT_DAYS}
    return render(request, "portals/member/ask_copy.html", context, status=status)


@require_safe
@allows(Permission.EXPORT_OWN_DATA)
def copy_json(request: HttpRequest, copy_ref: int) -> HttpResponseBase:
    """Download a copy as a file that programs read."""
    content = json.dumps(_export(request, copy_ref), ensure_ascii=False, indent=1)
    return _download(content.encode(), "application/json", "mes-donnees.json")


@require_safe
@allows(Permission.EXPORT_OWN_DATA)
def copy_pdf(request: HttpRequest, copy_ref: int) -> HttpResponseBase:
    """Download a copy as a document to read."""
    now = get_desk().now()
    content = print_own_data(
        make_sections(_export(request, copy_ref)),
        title=gettext("Ce que nous gardons sur vous"),
        lead=gettext("%(name)s – copie faite le %(at)s. Le fichier « .json » contient tout.")
        % {"name": require_visitor(request).display_name, "at": format_stamp(now)},
        footer=gettext("Rempart – copie de vos données (RGPD, article 15)"),
        language=current_language(),
        made_at=now,
    )
    return _download(content, "application/pdf", "mes-donnees.pdf")


def _export(request: HttpRequest, copy_ref: int) -> dict[str, Any]:
    ref, desk = read_ref(copy_ref), get_desk()
    sources = Sources(
        acts=desk.acts,
        files=desk.sealed_files,
        seal=desk.member_seal,
        prints=desk.prints,
        numbers=desk.pec_numbers,
    )
    done = perform(
        request,
        lambda tx, asker: export_own_data(tx, asker, sources, ref, language=current_language()),
    )
    if isinstance(done, Refused):
        raise Http404
    return done


def _download(content: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _describe(one: Held) -> dict[str, Any]:
    badge, icon = PHASE_BADGES[one.phase]
    return {
        "held": one,
        "name": FIELD_NAMES[one.field],
        "phase": PHASE_NAMES[one.phase],
        "badge": badge,
        "icon": icon,
    }
