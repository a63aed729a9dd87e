"""« Garde » of the console: the moment, one account's story, canary hits, the rules in force."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, get_args

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.accounts.urgency import REVIEW_WITHIN
from rempart.guard import Step
from rempart.guard.lookups import find_day
from rempart.kernel.instants import to_ms
from rempart.portals.administering import list_abilities, perform_or_404, read_ref
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.guard_charts import draw_gauge
from rempart.portals.guard_pictures import (
    MEASURES,
    draw_account,
    draw_hours,
    draw_measures,
    draw_professions,
    draw_versions,
    find_date,
    group_events,
    list_figures,
    read_signals,
)
from rempart.portals.guard_wording import describe_hold, name_event, name_step
from rempart.portals.list_page import ListPage
from rempart.portals.status_figures import describe_cut
from rempart.portals.times import in_paris
from rempart.portals.visit import allows, make_author, require_visitor
from rempart.portals.wording import describe_profession
from rempart.workflows.guard import watch_guard
from rempart.workflows.rights import cut_services


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How far back the map looks: so many steps of so long, asked for again after so long."""

    name: str
    label: Any
    steps: int
    step: timedelta
    unit: Any
    refresh_s: int


WINDOWS: Final = (
    Window(
        name="heure",
        label=_("Dernière heure"),
        steps=60,
        step=timedelta(minutes=1),
        unit=_("la minute passée"),
        refresh_s=5,
    ),
    Window(
        name="jour",
        label=_("24 heures"),
        steps=96,
        step=timedelta(minutes=15),
        unit=_("le quart d’heure passé"),
        refresh_s=30,
    ),
)
HIT_COLUMNS: Final = (("time", _("Quand")), ("account", _("Compte")), ("step", _("Maintenant")))
# Versions of the rules listed under the drawings, the newest.
_MOST_VERSIONS: Final = 60


@require_safe
@allows(Permission.READ_GUARD)
def show_map(request: HttpRequest) -> HttpResponseBase:
    """Show the moment; the page asks for its figures again every few seconds."""
    window = _choose_window(request)
    now = get_desk().now()
    seen = perform_or_404(
        request,
        lambda tx, asker: watch_guard.read_map(
            tx, asker.visitor, now=now, steps=window.steps, step=window.step
        ),
    )
    cuts = perform_or_404(request, lambda tx, asker: cut_services.list_cuts(tx, now=asker.now))
    held = perform_or_404(
        request, lambda tx, asker: watch_guard.list_holds(tx, asker.visitor, now=now)
    )
    context = {
        "window": window,
        "windows": WINDOWS,
        "now": now,
        "seen": seen,
        "measures": draw_measures(seen),
        "professions": draw_professions(seen),
        "columns": [name for _key, name, _css in MEASURES],
        "figures": list_figures(seen),
        "contained": [_describe_held(one, now) for one in seen.contained],
        "nearest": [
            {
                "row": one,
                "profession": describe_profession(one.profession),
                "gauge": draw_gauge(one.evidence, one.threshold),
                "ratio": one.evidence / one.threshold,
            }
            for one in seen.nearest
        ],
        "cuts": [
            {"what": describe_cut(cut), "since": cut.starts_at}
            for cut in cuts
            if cut.starts_at and not cut.ended_at and (cut.ends_at is None or cut.ends_at > now)
        ],
        "holds": [{"what": describe_hold(one), "row": one} for one in held],
    }
    if request.headers.get("HX-Request") == "true":
        return render(request, "portals/console/guard_map_live.html", context)
    context["budget"] = perform_or_404(
        request, lambda tx, asker: watch_guard.measure_budget(tx, asker.visitor, now=now)
    )
    return render(request, "portals/console/guard_map.html", context)


@require_safe
@allows(Permission.READ_GUARD)
def show_account(request: HttpRequest, account_ref: int) -> HttpResponseBase:
    """Show one account's story; the reading is in the ledger first."""
    now = get_desk().now()
    story = perform_or_404(
        request,
        lambda tx, asker: watch_guard.tell_story(
            tx,
            asker.visitor,
            get_desk().readings,
            read_ref(account_ref),
            by=make_author(asker.visitor),
            now=now,
        ),
    )
    account = story.account
    case = story.case
    strongest = case.case if case else account
    context = {
        "story": story,
        "watched": account,
        "profession": describe_profession(account.profession),
        "step": name_step(account.step),
        "is_held": account.step >= Step.PRESENCE_ONLY,
        "since": in_paris(case.case.since_ms) if case else None,
        "review": in_paris(case.case.since_ms) + REVIEW_WITHIN if case else None,
        "evidence": draw_gauge(strongest.evidence, strongest.threshold),
        "strongest": strongest,
        "spent": draw_gauge(account.typed, account.typed_allowance),
        "signals": read_signals(case.case.signals) if case else [],
        "picture": draw_account(story),
        "hours": draw_hours(story),
        "has_hours": bool(story.hours or story.refused),
        "events": [
            {
                "row": group.newest,
                "group": group,
                "name": name_event(group.newest.kind),
                "step": name_step(group.newest.step),
                "signals": read_signals(group.newest.signals),
            }
            for group in group_events(story.events)
        ],
        "holds": [{"what": describe_hold(one), "row": one} for one in story.holds],
        "contain": f"{reverse('contain')}?target=account&ref={account_ref}",
        **list_abilities(
            require_visitor(request),
            [Permission.CONTAIN, Permission.RELEASE, Permission.DECLARE_INCIDENT],
        ),
    }
    return render(request, "portals/console/guard_account.html", context)


@require_safe
@allows(Permission.READ_GUARD)
def canaries(request: HttpRequest) -> HttpResponseBase:
    """Show who asked for a canary, and what else they did."""
    return _HITS.show(request)


@require_safe
@allows(Permission.READ_GUARD)
def canaries_csv(request: HttpRequest) -> HttpResponseBase:
    """Download who asked for a canary."""
    header = (
        *(gettext("événement"), gettext("instant"), gettext("compte"), gettext("profession")),
        *(gettext("maintenant"), gettext("avec présence"), gettext("visages saisis en 7 jours")),
        *(gettext("visages avec carte en 7 jours"), gettext("refus en 7 jours")),
        gettext("témoins demandés"),
    )
    cells = (
        (
            *(row.event_ref, in_paris(row.t_ms).isoformat(timespec="seconds"), row.account_ref),
            *(describe_profession(row.profession), name_step(row.step), int(row.presence)),
            *(row.typed, row.card, row.refused, row.hits),
        )
        for row in _HITS.load_all(request)
    )
    return export_csv("temoins.csv", header, cells)


@require_safe
@allows(Permission.READ_GUARD)
def show_rules(request: HttpRequest) -> HttpResponseBase:
    """Show the rules in force, how they moved, and the budget asked and achieved."""
    now = get_desk().now()
    versions = perform_or_404(
        request, lambda tx, asker: watch_guard.list_rules(tx, asker.visitor, now=now)
    )
    current = versions[-1] if versions else None
    norms = sorted(
        (
            (str(describe_profession(name)) or gettext("sans profession"), one)
            for name, one in (current.norms if current else {}).items()
        ),
        key=lambda pair: pair[0],
    )
    context = {
        "current": current,
        "day": find_date(current.day) if current else None,
        # They are computed the night before: at noon those of tomorrow may be there already.
        "is_to_come": current is not None and current.day > find_day(to_ms(now)),
        "has_moved": len(versions) > 1,
        "charts": draw_versions(versions) if versions else {},
        "versions": [
            {"row": one, "day": find_date(one.day)} for one in reversed(versions[-_MOST_VERSIONS:])
        ],
        "norms": norms,
    }
    return render(request, "portals/console/guard_rules.html", context)


def _choose_window(request: HttpRequest) -> Window:
    wanted = request.GET.get("fenetre")
    return next((one for one in WINDOWS if one.name == wanted), WINDOWS[0])


def _describe_held(one: watch_guard.HeldAccount, now: datetime) -> dict[str, Any]:
    since = in_paris(one.since_ms) if one.since_ms else None
    return {
        "row": one,
        "profession": describe_profession(one.profession),
        "step": name_step(one.step),
        "since": since,
        "is_late": since is not None and now - since >= REVIEW_WITHIN,
    }


def _describe_hit(row: watch_guard.CanaryHit) -> dict[str, Any]:
    return {
        "row": row,
        "profession": describe_profession(row.profession),
        "is_held": row.step >= Step.PRESENCE_ONLY,
    }


_HITS: Final = ListPage(
    template="portals/console/guard_canaries.html",
    columns=HIT_COLUMNS,
    sortable=get_args(watch_guard.HitColumn),
    load=lambda tx, asker, listing: watch_guard.list_hits(
        tx, asker.visitor, listing, now=asker.now
    ),
    describe=_describe_hit,
)
