"""« Incidents » for anybody: what each insurer says about what happened, version by version.

Refuses to show a draft, an exercise, and anything about one person.
"""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rempart.kernel.errors import NotFound
from rempart.notices.incident_page import format_page, write_page
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.visit import public
from rempart.workflows.notices import incident_pages
from rempart.workflows.notices.incident_pages import PageHead, PageVersion


@public
@require_safe
def public_incidents(request: HttpRequest) -> HttpResponse:
    """List the pages there are."""
    with get_desk().transaction() as tx:
        pages = incident_pages.list_public_pages(tx)
    context = {"pages": [{"head": head, "shown": shown} for head, shown in pages]}
    return render(request, "portals/concerned/incidents.html", context)


@public
@require_safe
def public_incident(
    request: HttpRequest, amc_number: str, page_number: int, version: int | None = None
) -> HttpResponse:
    """Show one page: its last version, or an earlier one."""
    head, shown, versions = _load(amc_number, page_number, version)
    language = current_language()
    last = versions[0].number
    context: dict[str, Any] = {
        "head": head,
        "shown": shown,
        "versions": versions,
        "is_last": shown.number == last,
        "facts": shown.page.facts,
        "blocks": write_page(shown.page, language),
        "change": shown.page.say_change(language),
        "digest": None if shown.digest is None else shown.digest.hex(),
    }
    return render(request, "portals/concerned/incident.html", context)


@public
@require_safe
def public_incident_text(
    request: HttpRequest,  # noqa: ARG001 - Django's signature
    amc_number: str,
    page_number: int,
    version: int,
) -> HttpResponse:
    """Give one version as plain text: the words whose digest the page shows."""
    _head, shown, _versions = _load(amc_number, page_number, version)
    language = current_language()
    answer = HttpResponse(
        format_page(shown.page, language), content_type="text/plain; charset=utf-8"
    )
    name = f"incident-{amc_number}-{page_number}-v{version}-{language}.txt"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _load(
    amc_number: str, page_number: int, version: int | None
) -> tuple[PageHead, PageVersion, list[PageVersion]]:
    if page_number > _MOST or (version or 0) > _MOST or not amc_number.isdecimal():
        raise Http404
    try:
        with get_desk().transaction() as tx:
            head, shown, versions = incident_pages.read_public_page(
                tx, amc_number, page_number, version
            )
    except NotFound:
        raise Http404 from None
    return head, shown, list(versions)


_MOST = (1 << 31) - 1
