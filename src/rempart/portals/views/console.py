"""The operator's console: volumes, live look-ups, the ledger. Pseudonymous throughout."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.disclosure.entry import Mode, Outcome
from rempart.kernel.instants import to_ms
from rempart.kernel.listing import Listing
from rempart.portals import wording
from rempart.portals.administering import list_abilities
from rempart.portals.charts import Point, Series, draw_columns, draw_shares
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.times import in_paris
from rempart.portals.visit import allows, get_whence, make_author, open_visit
from rempart.portals.watching import EXPORT_ROWS, PAGE_ROWS, PERIODS_MINUTES, Watch, parse_watch
from rempart.tariffs.domains import DOMAINS, Domain
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.what_waits import count_waiting
from rempart.workflows.incidents.read_incident import IncidentColumn, list_incidents
from rempart.workflows.ledger.publish_ledger import describe_ledger
from rempart.workflows.ledger.watch_lookups import (
    LookupRow,
    Volumes,
    count_volumes,
    export_lookups,
    list_insurer_names,
    read_logs,
    watch_lookups,
)

VOLUME_MINUTES: Final = 60
LATEST: Final = 3
MINUTE_MS: Final = 60_000

_MODE_CLASSES: Final = {
    Mode.CARD: "card",
    Mode.TYPED: "typed",
    Mode.VITALE: "vitale",
    Mode.CODE: "code",
    Mode.OFFLINE: "offline",
    Mode.CLAIM: "claim",
}

COLUMNS: Final = (
    ("time", _("Heure")),
    ("account", _("Compte")),
    ("session", _("Séance")),
    ("insurer", _("Complémentaire")),
    ("domain", _("Domaine")),
    ("mode", _("Mode")),
    ("outcome", _("Réponse")),
)
# Left out on a small screen, where the sentence of a row must fit.
SECONDARY: Final = ("session", "domain", "mode")


@require_safe
@allows(Permission.ENTER_CONSOLE)
def overview(request: HttpRequest) -> HttpResponse:
    """Show what waits, then how things are: the last hour, the ledger, the latest incidents."""
    desk = get_desk()
    latest: Listing[IncidentColumn] = Listing(sort="declared", limit=LATEST)
    with open_visit(request) as (tx, visitor):
        volumes = count_volumes(tx, now_ms=to_ms(desk.now()), minutes=VOLUME_MINUTES)
        logs = read_logs(tx)
        incidents, incident_count, real_count = list_incidents(tx, latest)
        waiting = count_waiting(
            tx, Asker(visitor=visitor, whence=get_whence(request), now=desk.now())
        )
    context = {
        "volumes": volumes,
        "last_full_minute": volumes.per_minute[-2][1],
        "per_minute": _draw_minutes(volumes),
        "outcomes": _draw_outcomes(volumes),
        "modes": _draw_modes(volumes),
        "ledger_size": sum(log.size for log in logs),
        "logs": logs,
        "rows": [{"row": incident} for incident in incidents],
        "incident_count": real_count,
        "exercise_count": incident_count - real_count,
        "waiting": waiting,
        **list_abilities(visitor, [Permission.DECLARE_INCIDENT]),
    }
    return render(request, "portals/console/overview.html", context)


@require_safe
@allows(Permission.READ_LOOKUPS)
def lookups(request: HttpRequest) -> HttpResponse:
    """Show the latest look-ups; the page asks for its table again every two seconds."""
    watch = parse_watch(request.GET)
    context = _load_page(request, watch)
    # htmx asks for the table alone; any other visitor gets the whole page.
    is_fragment = request.headers.get("HX-Request") == "true"
    template = "lookups_table.html" if is_fragment else "lookups.html"
    return render(request, f"portals/console/{template}", context)


@require_safe
@allows(Permission.READ_LOOKUPS)
def lookups_csv(request: HttpRequest) -> HttpResponse:
    """Download the look-ups that the filter lets through, with the full references."""
    watch, desk = parse_watch(request.GET), get_desk()
    with open_visit(request) as (tx, visitor):
        page = export_lookups(
            tx,
            desk.readings,
            watch.make_filter(desk.now()),
            by=make_author(visitor),
            now_ms=to_ms(desk.now()),
            sort=watch.sort,
            descending=watch.descending,
            limit=EXPORT_ROWS,
        )
    header = (
        *(gettext("registre"), gettext("indice"), gettext("instant"), gettext("compte")),
        *(gettext("séance"), gettext("n° complémentaire"), gettext("complémentaire")),
        *(gettext("domaine"), gettext("mode"), gettext("réponse")),
    )
    return export_csv("consultations.csv", header, (_to_cells(row) for row in page.rows))


@require_safe
@allows(Permission.READ_LEDGER)
def ledger(request: HttpRequest) -> HttpResponse:
    """Show each log: how far it is, and the last checkpoint it signed."""
    with open_visit(request) as (tx, _visitor):
        logs = read_logs(tx)
        published = describe_ledger(tx, get_desk().quorum)
    context = {"logs": logs, "published": published}
    return render(request, "portals/console/ledger.html", context)


def _load_page(request: HttpRequest, watch: Watch) -> dict[str, Any]:
    desk, language = get_desk(), current_language()
    with open_visit(request) as (tx, visitor):
        page = watch_lookups(
            tx,
            desk.readings,
            watch.make_filter(desk.now()),
            by=make_author(visitor),
            now_ms=to_ms(desk.now()),
            sort=watch.sort,
            descending=watch.descending,
            limit=PAGE_ROWS,
            offset=watch.offset,
        )
        insurers = list_insurer_names(tx)
    return {
        "watch": watch,
        "rows": [describe_lookup(row) for row in page.rows],
        "total": page.total,
        "unexamined": page.unexamined,
        "first": watch.offset + 1,
        "last": watch.offset + len(page.rows),
        "has_next": watch.offset + PAGE_ROWS < page.total,
        "columns": COLUMNS,
        "secondary": SECONDARY,
        "periods": [(minutes, describe_period(minutes)) for minutes in PERIODS_MINUTES],
        "insurers": insurers.items(),
        "domains": [(domain.number, domain.label(language)) for domain in DOMAINS.values()],
        "modes": [(int(mode), words) for mode, words in wording.MODES.items()],
        "outcomes": [(int(outcome), words) for outcome, words in wording.OUTCOMES.items()],
        "now": desk.now(),
    }


def describe_lookup(row: LookupRow) -> dict[str, Any]:
    """Return what a table shows of one look-up."""
    return {
        "row": row,
        "domain": Domain.from_number(row.domain).label(current_language()) if row.domain else "",
        "mode": wording.MODES.get(row.mode, ""),
        "outcome": wording.OUTCOMES.get(row.outcome, ""),
        "is_open": row.outcome == Outcome.OPEN,
        "is_unknown": row.outcome == Outcome.UNKNOWN,
    }


def _to_cells(row: LookupRow) -> tuple[object, ...]:
    return (
        *(row.log_id, row.idx, in_paris(row.t_ms).isoformat(timespec="milliseconds")),
        *(row.account_ref, row.session_ref, row.insurer_id, row.insurer),
        Domain.from_number(row.domain).code if row.domain else "",
        *(wording.MODES.get(row.mode, ""), wording.OUTCOMES.get(row.outcome, "")),
    )


def describe_period(minutes: int) -> str:
    """Return how long a period is, in words."""
    if minutes < 60:
        return gettext("%(count)s minutes") % {"count": minutes}
    if minutes == 60:
        return gettext("1 heure")
    if minutes == 24 * 60:
        return gettext("24 heures")
    return gettext("%(count)s jours") % {"count": minutes // (24 * 60)}


def _draw_minutes(volumes: Volumes) -> object:
    series = Series(name=gettext("vérifications"), css="fill-lawful")
    return draw_columns(
        [
            Point(label=f"{in_paris(minute * MINUTE_MS):%H:%M}", counts=(count,))
            for minute, count in volumes.per_minute
        ],
        [series],
    )


def _draw_outcomes(volumes: Volumes) -> object:
    """Show open, closed for a reason, unknown: three parts are read at a glance, five are not."""
    counts = volumes.by_outcome
    closed = sum(
        count for outcome, count in counts.items() if outcome not in (Outcome.OPEN, Outcome.UNKNOWN)
    )
    return draw_shares(
        [
            (Series(name=gettext("ouverts"), css="fill-open"), counts.get(Outcome.OPEN, 0)),
            (Series(name=gettext("fermés"), css="fill-closed"), closed),
            (
                Series(name=gettext("personne inconnue"), css="fill-unknown"),
                counts.get(Outcome.UNKNOWN, 0),
            ),
        ]
    )


def _draw_modes(volumes: Volumes) -> object:
    return draw_shares(
        [
            (
                Series(name=str(wording.MODES[mode]).lower(), css=f"fill-{css}"),
                volumes.by_mode.get(mode, 0),
            )
            for mode, css in _MODE_CLASSES.items()
        ]
    )
