"""« Conservation » of the host: what is due to leave, approved by two people; figures, nobody."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, get_args

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.portals.administering import (
    FORM_METHODS,
    confirm,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.care_wording import describe_state
from rempart.portals.charts import ColumnChart, Point, Series, draw_columns
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import WhyForm, take_decision
from rempart.portals.forms import current_language
from rempart.portals.list_page import ListPage
from rempart.portals.retention_wording import FIELDS, ORIGINS, PURGE_BADGES, PURGE_STATES, STEPS
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, require_visitor
from rempart.retention.requests import REQUESTED
from rempart.retention.schedule import Schedule
from rempart.workflows.retention import approve_purge, read_retention
from rempart.workflows.retention.read_retention import PurgeColumn, PurgeRow, TallyRow
from rempart.workflows.retention.retention_schedules import read_in_force

COLUMNS: Final = (
    ("run", _("Passage")),
    ("day", _("Jour")),
    ("people", _("Personnes")),
    ("state", _("État")),
)


def _describe(row: PurgeRow) -> dict[str, Any]:
    return {
        "row": row,
        "origin": ORIGINS[row.origin],
        "state": describe_state(row.state, PURGE_STATES, PURGE_BADGES),
    }


_LIVE: Final = frozenset({"planning", "approved", "running"})
_STEPS: Final = ("archive", "delete", "held")
_COLOURS: Final = ("fill-card", "fill-closed", "fill-vitale")
_MOST_YEARS: Final = 25

_LIST: Final = ListPage(
    template="portals/retention/purges.html",
    columns=COLUMNS,
    sortable=get_args(PurgeColumn),
    load=read_retention.list_runs,
    describe=_describe,
)


@require_safe
@allows(Permission.MANAGE_RETENTION)
def purges(request: HttpRequest) -> HttpResponseBase:
    """Show the runs, the newest first unless asked otherwise."""
    return _LIST.show(request)


@require_safe
@allows(Permission.MANAGE_RETENTION)
def purges_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the runs."""
    header = (
        *(gettext("passage"), gettext("origine"), gettext("jour"), gettext("état")),
        *(gettext("champs"), gettext("personnes"), gettext("premier accord")),
        *(gettext("deuxième accord"), gettext("terminé le"), gettext("raison")),
    )
    cells = (
        (
            *(row.run_id, ORIGINS[row.origin], row.day, PURGE_STATES[row.state]),
            *(row.items, row.people, row.first_by_name, row.second_by_name),
            *(format_stamp(row.ended_at), row.reason),
        )
        for row in _LIST.load_all(request)
    )
    return export_csv("conservation.csv", header, cells)


@require_safe
@allows(Permission.MANAGE_RETENTION)
def purge(request: HttpRequest, purge_id: int) -> HttpResponseBase:
    """Show what a run takes out, by which rule, and what holds the rest."""
    ref = read_ref(purge_id)

    def load(tx: Any, asker: Any) -> Any:
        row, tally = read_retention.read_run(tx, asker, ref)
        return row, tally, read_in_force(tx)

    row, tally, schedule = perform_or_404(request, load)
    visitor = require_visitor(request)
    going = sum(one.planned for one in tally if not one.held_by)
    settled = row.done + sum(one.kept for one in tally)
    preview = row.preview or {}
    context = {
        **_describe(row),
        "chart": _draw_years(preview.get("years", [])),
        "people": _list_samples(preview.get("samples", []), tally, schedule),
        "is_live": row.state in _LIVE,
        "going": going,
        "settled": settled,
        "share": 100 * settled // going if going else 0,
        "is_planned": row.state == "planned",
        "tally": [_describe_sum(rows, schedule) for rows in _group(tally, held=False)],
        "held": [_describe_sum(rows, schedule) for rows in _group(tally, held=True)],
        "may_agree": row.first_at is None or row.first_by != visitor.actor_ref,
        **list_abilities(visitor, [Permission.APPROVE_PURGE]),
    }
    return render(request, "portals/retention/purge.html", context)


@require_safe
@allows(Permission.MANAGE_RETENTION)
def purge_csv(request: HttpRequest, purge_id: int) -> HttpResponseBase:
    """Download what a run takes out and what is held, insurer by insurer: figures, nobody."""
    ref = read_ref(purge_id)
    row, tally = perform_or_404(request, lambda tx, asker: read_retention.read_run(tx, asker, ref))
    header = (
        *(gettext("n° complémentaire"), gettext("complémentaire"), gettext("champ")),
        *(gettext("où"), gettext("règle"), gettext("retenu par"), gettext("prévu")),
        *(gettext("parti"), gettext("resté"), gettext("dû depuis")),
    )
    cells = (
        (
            *(one.insurer_id, one.insurer_name, FIELDS[one.field], STEPS[one.step], one.rule),
            *(one.held_by, one.planned, one.done, one.kept, one.oldest or ""),
        )
        for one in tally
    )
    return export_csv(f"passage-{row.run_id}.csv", header, cells)


@require_safe
@allows(Permission.MANAGE_RETENTION)
def certificate(request: HttpRequest, purge_id: int) -> HttpResponseBase:
    """Download the signed certificate of a run."""
    ref = read_ref(purge_id)
    row, _tally = perform_or_404(request, lambda tx, asker: read_retention.read_run(tx, asker, ref))
    if not row.certificate:
        raise Http404
    response = HttpResponse(row.certificate, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="certificat-{ref}.txt"'
    return response


@require_http_methods(FORM_METHODS)
@allows(Permission.MANAGE_RETENTION)
def plan(request: HttpRequest) -> HttpResponseBase:
    """Ask, then have what is due planned; a job does it."""
    return confirm(
        request,
        lambda: perform(request, approve_purge.ask_plan),
        back=reverse("purges"),
        title=gettext("Préparer ce qui doit partir"),
        sentence=gettext(
            "Un travail cherche ce dont la durée est passée. Rien ne part sans l’accord de deux "
            "personnes. Il passe aussi chaque nuit."
        ),
        button=gettext("Préparer"),
        refusal=gettext("Ce n’est pas possible maintenant."),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.APPROVE_PURGE)
def approve(request: HttpRequest, purge_id: int) -> HttpResponseBase:
    """Ask, then agree to a run."""
    ref = read_ref(purge_id)
    perform_or_404(request, lambda tx, asker: read_retention.read_run(tx, asker, ref))
    return confirm(
        request,
        lambda: perform(request, lambda tx, asker: approve_purge.approve_run(tx, asker, ref)),
        back=reverse("purge", args=[ref]),
        title=gettext("Donner son accord à ce passage"),
        sentence=gettext(
            "Après le deuxième accord, d’une autre personne, ce qui est dû part : vers l’archive, "
            "ou pour toujours. Ce qui a été retenu ou rouvert entre-temps reste."
        ),
        button=gettext("Donner mon accord"),
        refusal=gettext(
            "Il faut une deuxième personne, arrivée indépendamment de la première, et un passage "
            "qui attend encore."
        ),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.APPROVE_PURGE)
def refuse(request: HttpRequest, purge_id: int) -> HttpResponseBase:
    """Ask why, then refuse a run."""
    ref = read_ref(purge_id)
    perform_or_404(request, lambda tx, asker: read_retention.read_run(tx, asker, ref))
    form = WhyForm(request.POST if request.method == "POST" else None)
    return take_decision(
        request,
        form,
        lambda tx, asker: approve_purge.refuse_run(tx, asker, ref, form.why),
        title=gettext("Refuser ce passage"),
        reference=str(ref),
        sentence=gettext("Rien ne part ; ce qui est dû attend le prochain passage."),
        button=gettext("Refuser"),
        refusal=gettext("Il est déjà décidé : relisez-le."),
        back=reverse("purge", args=[ref]),
    )


def _group(tally: Sequence[TallyRow], *, held: bool) -> list[list[TallyRow]]:
    """Put together what differs by its insurer only: a hundred of them would hide the rules."""
    groups: dict[tuple[str, ...], list[TallyRow]] = {}
    for one in tally:
        if bool(one.held_by) is held:
            key = one.field, one.step, one.rule, one.held_by
            groups.setdefault(key, []).append(one)
    return list(groups.values())


def _describe_sum(rows: Sequence[TallyRow], schedule: Schedule) -> dict[str, Any]:
    """Return what the page shows of rows of one field, step and rule: their sum."""
    first = rows[0]
    whole = first._replace(
        insurer_name=first.insurer_name if len(rows) == 1 else "",
        planned=sum(one.planned for one in rows),
        done=sum(one.done for one in rows),
        kept=sum(one.kept for one in rows),
        oldest=min((one.oldest for one in rows if one.oldest), default=None),
    )
    return {**_describe_tally(whole, schedule), "insurers": len(rows)}


def _describe_tally(one: TallyRow, schedule: Schedule) -> dict[str, Any]:
    rule = schedule.find_rule(one.rule)
    why = rule.source if rule else one.rule
    if one.rule == REQUESTED:
        why = gettext("à la demande de la personne")
    return {
        "row": one,
        "field": FIELDS[one.field],
        "step": STEPS[one.step],
        "why": why,
        "words": "" if rule is None else rule.en if current_language() == "en" else rule.fr,
        "hold_page": _find_hold_page(one.held_by),
    }


def _find_hold_page(held_by: str) -> str:
    """Return the page of what holds a line, by the name that lines give it; empty for none."""
    kind, _space, ref = held_by.partition(" ")
    if not ref.isdecimal():
        return ""
    return reverse("evidence-hold" if kind == "evidence" else "data-hold", args=[int(ref)])


def _draw_years(counted: Sequence[Sequence[Any]]) -> ColumnChart | None:
    """Draw how many lines fell due in each year: to the archive, for good, held.

    Args:
        counted: Year (None: no rule ever kept it), step and number of lines.
    """
    by_year: dict[int, dict[str, int]] = {}
    undated: dict[str, int] = {}
    for year, step, lines in counted:
        of = undated if year is None else by_year.setdefault(year, {})
        of[step] = of.get(step, 0) + lines
    points = []
    if by_year:
        first = max(min(by_year), max(by_year) - _MOST_YEARS)
        # Older ones stand together in the first column: a picture of a century shows nothing.
        for year in [year for year in by_year if year < first]:
            for step, lines in by_year.pop(year).items():
                of = by_year.setdefault(first, {})
                of[step] = of.get(step, 0) + lines
        points = [
            Point(label=str(year), counts=_count_steps(by_year.get(year, {})))
            for year in range(first, max(by_year) + 1)
        ]
    if undated:
        points.append(Point(label=gettext("sans règle"), counts=_count_steps(undated)))
    series = [
        Series(name=str(STEPS[step]), css=css) for step, css in zip(_STEPS, _COLOURS, strict=True)
    ]
    return draw_columns(points, series) if points else None


def _count_steps(of: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(of.get(step, 0) for step in _STEPS)


def _list_samples(
    samples: Sequence[Mapping[str, Any]], tally: Sequence[TallyRow], schedule: Schedule
) -> list[dict[str, Any]]:
    """Return the lines of a few people, person by person: fields, days and rules, nobody."""
    names = {one.insurer_id: one.insurer_name for one in tally}
    people: dict[int, dict[str, Any]] = {}
    for one in samples:
        place = int(one["place"])
        person = people.setdefault(
            place, {"place": place, "insurer": names.get(one["insurer_id"], ""), "lines": []}
        )
        rule = schedule.find_rule(one["rule"])
        person["lines"].append(
            {
                "field": FIELDS[one["field"]],
                "step": STEPS["held" if one["held_by"] else one["step"]],
                "last_day": one["last_day"] and date.fromisoformat(one["last_day"]),
                "count": one["lines"],
                "why": one["held_by"] or (rule.source if rule else one["rule"]),
            }
        )
    return [people[place] for place in sorted(people)]
