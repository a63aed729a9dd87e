"""Clocks in words: what is left, for whom, what shows that it is done, what to do if late."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from psycopg import Connection

from rempart.incidents.clock_rules import Trait
from rempart.incidents.clocks import Clock, ClockState, Exempt, Fact
from rempart.incidents.room import EventKind
from rempart.portals.forms import current_language
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.incidents.clocks import ClockRow, read_next_clocks

STATES: Final[Mapping[ClockState, Promise]] = MappingProxyType(
    {
        ClockState.MISSED: _("En retard"),
        ClockState.RUNNING: _("En cours"),
        ClockState.WAITING: _("Pas commencée"),
        ClockState.MET_LATE: _("Faite, en retard"),
        ClockState.MET: _("Faite"),
        ClockState.NOT_APPLICABLE: _("Sans objet"),
    }
)
BADGES: Final[Mapping[ClockState, tuple[str, str]]] = MappingProxyType(
    {
        ClockState.MISSED: ("badge-closed", "alert"),
        ClockState.RUNNING: ("badge-attention", "clock"),
        ClockState.WAITING: ("badge-plain", "clock"),
        ClockState.MET_LATE: ("badge-attention", "check"),
        ClockState.MET: ("badge-open", "check"),
        ClockState.NOT_APPLICABLE: ("badge-plain", "info"),
    }
)
EXEMPTIONS: Final[Mapping[Exempt, Promise]] = MappingProxyType(
    {
        Exempt.NOT_OWED: _("n’est pas due par cette partie"),
        Exempt.WAIVED: _("écartée par une décision écrite"),
        Exempt.LAPSED: _("remplacée par la limite de 4 heures après le classement"),
    }
)
TRAITS: Final[Mapping[Trait, Promise]] = MappingProxyType(
    {
        Trait.PROCESSOR: _("sous-traitant (RGPD)"),
        Trait.CONTROLLER: _("responsable de traitement (RGPD)"),
        Trait.CONTROLLER_OF_PROFESSIONALS: _("responsable des données des professionnels"),
        Trait.FINANCIAL_ENTITY: _("entité financière (DORA)"),
        Trait.CYBER_INSURED: _("assurée contre les atteintes à ses systèmes"),
        Trait.NIS2: _("entité essentielle ou importante (NIS2)"),
        Trait.INFORMS_ACPR: _("informe l’ACPR hors DORA"),
        Trait.INFORMS_ANSSI: _("informe l’ANSSI"),
        Trait.INFORMS_CERT: _("signale au CERT Santé"),
        Trait.NO_TOLERANCE_BUT_FINAL: _("sans report des week-ends, sauf rapport final (5.5)"),
        Trait.NO_TOLERANCE: _("sans report des week-ends (5.6)"),
    }
)
_KINDS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        EventKind.AWARENESS: _("violation établie"),
        EventKind.DECLARED: _("incident déclaré"),
        EventKind.PACKAGE_SENT: _("envoi à la complémentaire"),
        EventKind.PACKAGE_RECEIVED: _("réception de l’avis de l’opérateur"),
        EventKind.CLASSIFIED: _("classement"),
        EventKind.REPORT_SUBMITTED: _("dépôt"),
        EventKind.DECISION: _("décision"),
        EventKind.COMPLAINT_FILED: _("dépôt de plainte"),
    }
)


def describe_clock(row: ClockRow, now: datetime) -> dict[str, Any]:
    """Return what a page shows of one clock."""
    clock = row.clock
    words = clock.rule.fr if current_language() == "fr" else clock.rule.en
    css, icon = BADGES[clock.state]
    share = clock.share(now)
    return {
        "row": row,
        "clock": clock,
        "insurer_id": clock.party.insurer_id,
        "party": clock.party.name or gettext("l’opérateur"),
        "title": words.title,
        "to": words.to,
        "late": words.late,
        "note": words.note,
        "source": clock.rule.source,
        "state": STATES[clock.state],
        "badge": css,
        "badge_icon": icon,
        "left": describe_left(row, now),
        "percent": None if share is None else round(share * 100),
        "started": describe_fact(clock.started),
        "starts_with": _say_starts(clock) if clock.state is ClockState.WAITING else "",
        "started_at": clock.started.happened_at if clock.started else None,
        "due_at": clock.due_at,
        "strict_at": clock.strict_at if clock.is_moved else None,
        "evidence": describe_fact(clock.met),
        "met_at": clock.met.happened_at if clock.met else None,
        "reference": str(clock.met.details.get("reference", "")) if clock.met else "",
        "exempt": EXEMPTIONS[clock.exempt] if clock.exempt else "",
        "why": str(clock.waived.details.get("reason", "")) if clock.waived else "",
    }


def _say_starts(clock: Clock) -> str:
    """Say which facts would start a clock."""
    kinds = dict.fromkeys(pattern.kind for pattern in clock.rule.starts)
    return gettext(" ou ").join(str(_KINDS.get(kind, kind)) for kind in kinds)


def describe_left(row: ClockRow, now: datetime) -> str:
    """Say in words what is left, how late it is, or how long it took."""
    clock = row.clock
    left, spent = clock.remaining(now), clock.elapsed(now)
    if left is not None:
        span = describe_span(abs(left))
        if left < timedelta(0):
            return gettext("en retard de %(span)s") % {"span": span}
        return gettext("reste %(span)s") % {"span": span}
    if spent is None:
        return ""
    span = describe_span(spent)
    if clock.met is not None:
        return gettext("faite en %(span)s") % {"span": span}
    if clock.state is ClockState.RUNNING:
        return gettext("écoulé : %(span)s") % {"span": span}
    return ""


def describe_span(span: timedelta) -> str:
    """Return a duration in the two units that matter: days and hours, hours and minutes."""
    minutes = max(int(span.total_seconds() // 60), 0)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days >= 1:
        return f"{_say_days(days)} {_say_hours(hours)}" if hours else _say_days(days)
    if hours >= 1:
        return f"{_say_hours(hours)} {_say_minutes(rest)}" if rest else _say_hours(hours)
    return _say_minutes(rest)


def describe_fact(fact: Fact | None) -> str:
    """Name an event for people."""
    return "" if fact is None else str(_KINDS.get(fact.kind, fact.kind))


def load_next_clocks(
    tx: Connection[tuple[Any, ...]], asker: Asker, incident_id: int, *, most: int = 3
) -> dict[str, Any]:
    """Return what `portals/clocks/next_clock.html` shows: the most urgent clocks of an incident.

    Args:
        tx: A transaction of the visitor.
        asker: Who looks: an agent of the operator, or of an insurer (its own clocks then).
        incident_id: The incident.
        most: How many.

    Raises:
        NotFound: there is no such incident for them.
        NotAllowed: they read no clocks.
    """
    rows = read_next_clocks(tx, asker, incident_id, most=most)
    return {"next_clocks": [describe_clock(row, asker.now) for row in rows]}


def list_parties(rows: Sequence[ClockRow]) -> list[tuple[str, str]]:
    """Return the parties of some clocks for a filter: their number and name, the operator first."""
    names = {
        row.clock.party.insurer_id: row.clock.party.name or gettext("l’opérateur") for row in rows
    }
    return [
        ("operateur" if insurer_id is None else str(insurer_id), name)
        for insurer_id, name in sorted(names.items(), key=lambda one: (one[0] is not None, one[1]))
    ]


def _say_days(days: int) -> str:
    return ngettext("%(count)s jour", "%(count)s jours", days) % {"count": days}


def _say_hours(hours: int) -> str:
    return gettext("%(count)s h") % {"count": hours}


def _say_minutes(minutes: int) -> str:
    return gettext("%(count)s min") % {"count": minutes}
