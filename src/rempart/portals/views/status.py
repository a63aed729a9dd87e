"""« Statut » for anybody: what works, what is cut, since when; as a page, a feed and JSON.

Rendered without the visitor's session: it must show when the database or the gateway is dead.
"""

from datetime import datetime
from typing import Any, Final
from xml.etree import ElementTree

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.views.decorators.http import require_safe

from rempart.kernel.instants import to_paris_day
from rempart.portals.desk import get_desk
from rempart.portals.service_watch import Glance
from rempart.portals.status_figures import (
    DAYS,
    HEIGHT,
    REASON_NAMES,
    STILL_WORKS_NAMES,
    WIDTH,
    describe_cut,
    list_events,
    list_lines,
)
from rempart.portals.visit import public
from rempart.rights.cuts import CutScope, list_still_works
from rempart.workflows.jobs.watch_services import CutRow

SHOWN_EVENTS: Final = 40
_ATOM: Final = "http://www.w3.org/2005/Atom"


@public
@require_safe
def status(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Show the services and what is cut."""
    glance, now = get_desk().services.glance(), get_desk().now()
    cuts = _list_in_force(glance, now)
    context = {
        "lines": list_lines(glance.works, glance.history, today=to_paris_day(now)),
        "all_work": glance.all_work,
        "does_jobs": glance.does_jobs,
        "cuts": [_describe(cut) for cut in cuts],
        "events": list_events(glance.history, now=now)[:SHOWN_EVENTS],
        "history_known": glance.history is not None,
        "at": glance.at,
        "days": DAYS,
        "width": WIDTH,
        "height": HEIGHT,
    }
    return HttpResponse(loader.render_to_string("portals/status.html", context))


@public
@require_safe
def status_json(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - Django's signature
    """Say the same to software."""
    glance, now = get_desk().services.glance(), get_desk().now()
    return JsonResponse(
        {
            "at": _format(glance.at),
            "services": {name: "up" if works else "down" for name, works in glance.works.items()},
            "history_known": glance.history is not None,
            "cuts": [
                {
                    "scope": cut.scope,
                    "insurer": cut.insurer_name,
                    "reason": cut.reason,
                    "since": _format(cut.starts_at),
                    "until": _format(cut.ends_at),
                    "still_works": list(list_still_works(CutScope(cut.scope))),
                }
                for cut in _list_in_force(glance, now)
            ],
        }
    )


@public
@require_safe
def status_feed(request: HttpRequest) -> HttpResponse:
    """Tell a feed reader what began and what ended (RFC 4287)."""
    glance, now = get_desk().services.glance(), get_desk().now()
    events = list_events(glance.history, now=now)[:SHOWN_EVENTS]
    home = get_desk().public_url
    feed = ElementTree.Element("feed", xmlns=_ATOM)
    ElementTree.SubElement(feed, "id").text = f"{home}/statut"
    ElementTree.SubElement(feed, "title").text = "Rempart – statut"
    ElementTree.SubElement(feed, "updated").text = _format(events[0].at if events else glance.at)
    ElementTree.SubElement(feed, "link", rel="self", href=f"{home}{request.path}")
    author = ElementTree.SubElement(feed, "author")
    ElementTree.SubElement(author, "name").text = "Rempart"
    for event in events:
        entry = ElementTree.SubElement(feed, "entry")
        ElementTree.SubElement(entry, "id").text = f"{home}/statut#{event.key}"
        ElementTree.SubElement(entry, "title").text = event.title
        ElementTree.SubElement(entry, "updated").text = _format(event.at)
        ElementTree.SubElement(entry, "link", href=f"{home}/statut")
    text = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return HttpResponse(text, content_type="application/atom+xml; charset=utf-8")


def _list_in_force(glance: Glance, now: datetime) -> list[CutRow]:
    if glance.history is None:
        return []
    return [cut for cut in glance.history.cuts if cut.is_in_force(now)]


def _describe(cut: CutRow) -> dict[str, Any]:
    return {
        "what": describe_cut(cut),
        "why": REASON_NAMES[cut.reason],
        "since": cut.starts_at,
        "until": cut.ends_at,
        "still_works": [STILL_WORKS_NAMES[one] for one in list_still_works(CutScope(cut.scope))],
    }


def _format(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
