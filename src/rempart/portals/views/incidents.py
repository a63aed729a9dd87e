"""Incidents: the list, and one page that says how many, of whom, by which sessions, how surely."""

from typing import Any, Final, get_args

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.disclosure.fields import Field, fields_in, format_fields
from rempart.incidents.room import name_file
from rempart.kernel.errors import NotFound
from rempart.kernel.instants import to_ms
from rempart.portals import wording
from rempart.portals.administering import list_abilities
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.exposure_wording import CHANGES, describe_analysis
from rempart.portals.forms import current_language
from rempart.portals.incident_figures import (
    DrillReport,
    compare_with_2024,
    describe_reasons,
    draw_timeline,
    read_drill,
    sort_exposure,
)
from rempart.portals.list_page import ListPage
from rempart.portals.times import format_stamp, in_paris
from rempart.portals.visit import allows, make_author, open_visit, require_visitor
from rempart.portals.watching import read_order
from rempart.workflows.incidents.read_incident import (
    ExposureRow,
    IncidentColumn,
    IncidentRow,
    IncidentSheet,
    SuspectAccount,
    list_incidents,
    read_incident,
)

_BIGGEST_ID: Final = (1 << 63) - 1
_ABILITIES: Final = (
    *(Permission.OVERRULE_SESSION, Permission.WORK_INCIDENT),
    *(Permission.MAKE_CAMPAIGN, Permission.ASK_ABOUT_PERSON),
)
# Insurers shown before one asks for all of them.
SHOWN: Final = 15
SHOWN_ACCOUNTS: Final = 200

COLUMNS: Final = (
    ("insurer", _("Complémentaire"), False),
    ("persons", _("Montrées (A+B)"), True),
    ("persons_a", _("A confirmées"), True),
    ("persons_b", _("B probables"), True),
    ("persons_c", _("C non exclues"), True),
    ("sessions", _("Séances"), True),
)


_LIST: Final = ListPage[IncidentColumn, IncidentRow](
    template="portals/console/incidents.html",
    columns=(("title", _("Incident")), ("declared", _("Déclaré"))),
    sortable=get_args(IncidentColumn),
    load=lambda tx, _asker, listing: list_incidents(tx, listing)[:2],
    describe=lambda row: {"row": row},
)


@require_safe
@allows(Permission.READ_INCIDENTS)
def incidents(request: HttpRequest) -> HttpResponse:
    """List the incidents, the newest first unless asked otherwise."""
    asked = (Permission.DECLARE_INCIDENT, Permission.READ_CLOCKS)
    abilities = list_abilities(require_visitor(request), asked)
    return _LIST.show(request, **abilities)


@require_safe
@allows(Permission.READ_INCIDENTS)
def incidents_csv(request: HttpRequest) -> HttpResponse:
    """Download the list: counts, nobody."""
    header = (
        *(gettext("incident"), gettext("titre"), gettext("exercice"), gettext("déclaré le")),
        *(gettext("du"), gettext("au"), gettext("comptes"), gettext("personnes montrées (A+B)")),
        gettext("liste établie le"),
    )
    cells = (
        (
            *(row.incident_id, row.title, gettext("oui") if row.exercise else gettext("non")),
            *(format_stamp(row.declared_at), format_stamp(in_paris(row.starts_ms))),
            *(format_stamp(in_paris(row.ends_ms)), row.accounts, row.persons),
            format_stamp(row.answered_at),
        )
        for row in _LIST.load_all(request)
    )
    return export_csv("incidents.csv", header, cells)


@require_safe
@allows(Permission.READ_INCIDENTS)
def incident(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Show one incident whole."""
    sheet = read_sheet(request, incident_id, is_export=False)
    drill = read_drill(sheet.report)
    column, descending = read_order(request.GET, tuple(name for name, *_ in COLUMNS), "persons")
    exposure = _describe_exposure(sheet, drill, column, descending=descending)
    ruled = frozenset(one.session_ref for one in sheet.overrules)
    context = {
        "incident": sheet,
        "drill": drill,
        "timeline": draw_timeline(drill.timeline) if drill else None,
        "comparison": compare_with_2024(drill, current_language()) if drill else None,
        "totals": _add_up(sheet),
        "columns": COLUMNS,
        "sort": column,
        "descending": descending,
        "exposure": exposure if "tout" in request.GET else exposure[:SHOWN],
        "hidden": 0 if "tout" in request.GET else max(len(exposure) - SHOWN, 0),
        "fields": [
            (number, format_fields(field, current_language())[0])
            for field, number in _number_fields(sheet).items()
        ],
        "has_truth": bool(_truth(drill)),
        "accounts": [_describe_account(account, ruled) for account in _list_seen(sheet)],
        "tiers": wording.TIERS.items(),
        "rests_on": describe_analysis(sheet, current_language()),
        "change_names": CHANGES.values(),
        **list_abilities(require_visitor(request), _ABILITIES),
    }
    return render(request, "portals/console/incident.html", context)


def _list_seen(sheet: IncidentSheet) -> list[SuspectAccount]:
    """Return the accounts shown one by one: doubts may lead to all there are."""
    if len(sheet.accounts) <= SHOWN_ACCOUNTS:
        return list(sheet.accounts)
    return [one for one in sheet.accounts if one.sessions][:SHOWN_ACCOUNTS]


@require_safe
@allows(Permission.READ_INCIDENTS)
def exposure_csv(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Download the exposure per insurer: counts and fields, nobody."""
    sheet = read_sheet(request, incident_id, is_export=True)
    language = current_language()
    header = (
        *(
            gettext("n° complémentaire"),
            gettext("complémentaire"),
            gettext("personnes montrées (A+B)"),
        ),
        *(gettext("confirmées (A)"), gettext("probables (B)"), gettext("non exclues (C)")),
        *(gettext("séances"), gettext("champs montrés")),
    )
    cells = (
        (
            *(row.insurer_id, row.insurer, _persons(row)),
            *(row.persons_a, row.persons_b, row.persons_c, row.sessions),
            ", ".join(format_fields(row.fields, language)),
        )
        for row in sheet.exposure
    )
    name = name_file(f"incident-{incident_id}", "csv", exercise=sheet.exercise)
    return export_csv(name, header, cells)


def read_sheet(request: HttpRequest, incident_id: int, *, is_export: bool) -> IncidentSheet:
    """Read one incident on record.

    Raises:
        Http404: there is none of this number.
    """
    if incident_id > _BIGGEST_ID:
        raise Http404
    try:
        desk = get_desk()
        with open_visit(request) as (tx, visitor):
            return read_incident(
                tx,
                desk.readings,
                incident_id,
                by=make_author(visitor),
                now_ms=to_ms(desk.now()),
                is_export=is_export,
            )
    except NotFound as refusal:
        raise Http404 from refusal


def _add_up(sheet: IncidentSheet) -> dict[str, int]:
    sessions = [session for account in sheet.accounts for session in account.sessions]
    return {
        "persons": sum(_persons(row) for row in sheet.exposure),
        "persons_a": sum(row.persons_a for row in sheet.exposure),
        "persons_b": sum(row.persons_b for row in sheet.exposure),
        "persons_c": sum(row.persons_c for row in sheet.exposure),
        "insurers": sum(_persons(row) > 0 for row in sheet.exposure),
        "accounts": len(sheet.accounts),
        "sessions": len(sessions),
        "thief_sessions": sum(session.verdict == "thief" for session in sessions),
        "mixed_sessions": sum(session.verdict == "mixed" for session in sessions),
    }


def _describe_exposure(
    sheet: IncidentSheet, drill: DrillReport | None, column: str, *, descending: bool
) -> list[dict[str, Any]]:
    truth, numbers = _truth(drill), _number_fields(sheet)
    return [
        {
            "row": row,
            "persons": _persons(row),
            "fields": [numbers[field] for field in fields_in(row.fields)],
            "true_persons": truth.get(row.insurer_id),
        }
        for row in sort_exposure(sheet.exposure, column, descending=descending)
    ]


def _number_fields(sheet: IncidentSheet) -> dict[Field, int]:
    """Number the fields shown to the thief: a line of the table names them in a few digits."""
    union = 0
    for row in sheet.exposure:
        union |= row.fields
    return {field: number for number, field in enumerate(fields_in(union), 1)}


def _truth(drill: DrillReport | None) -> dict[int, int]:
    insurers = drill.insurers if drill else []
    return {i.insurer_id: i.true_persons for i in insurers if i.true_persons is not None}


def _describe_account(account: SuspectAccount, ruled: frozenset[int]) -> dict[str, Any]:
    return {
        "account": account,
        "profession": wording.describe_profession(account.profession),
        "sessions": [
            {
                "session": session,
                "verdict": wording.VERDICTS.get(session.verdict, session.verdict),
                "reasons": describe_reasons(session),
                "overruled": session.session_ref in ruled,
            }
            for session in account.sessions
        ],
    }


def _persons(row: ExposureRow) -> int:
    """Count the persons held to have been shown: those that cannot be excluded stand apart."""
    return row.persons_a + row.persons_b
