"""What the public status page shows: words, columns of the last days, and events, newest first.

Pure: no request, no clock. Refuses to tell an uptime nobody measured: an hour without a probe is
drawn as unknown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rempart.kernel.instants import to_paris_day
from rempart.rights.cuts import CutReason, CutScope, StillWorks
from rempart.workflows.jobs.watch_services import CutRow, ServiceChange, ServiceHistory, ServiceHour

DAYS: Final = 60
WIDTH: Final = 600
HEIGHT: Final = 40

SERVICE_NAMES: Final[Mapping[str, Promise]] = {
    "gateway": _("Vérification des droits"),
    "ledger": _("Registre des consultations"),
    "database": _("Base de données"),
    "portals": _("Portails"),
    "jobs": _("Travaux de fond"),
}
SCOPE_NAMES: Final[Mapping[str, Promise]] = {
    CutScope.RIGHTS: _("Tous les droits"),
    CutScope.PORTAL: _("Vérification depuis le portail professionnel"),
    CutScope.GATEWAY: _("Vérification depuis les logiciels"),
    CutScope.INSURER: _("Une complémentaire"),
}
REASON_NAMES: Final[Mapping[str, Promise]] = {
    CutReason.INCIDENT: _("incident de sécurité"),
    CutReason.PRECAUTION: _("précaution"),
    CutReason.INSURER_REQUEST: _("à la demande de la complémentaire"),
    CutReason.MAINTENANCE: _("maintenance"),
}
STILL_WORKS_NAMES: Final[Mapping[str, Promise]] = {
    StillWorks.OFFLINE_CARD: _("La carte se vérifie sans réseau, à la page « Hors ligne »."),
    StillWorks.OTHER_WAY: _(
        "L’autre voie : le portail si les logiciels sont coupés, ou l’inverse."
    ),
    StillWorks.OTHER_INSURERS: _("Les autres complémentaires."),
    StillWorks.GIVEN_ENGAGEMENTS: _("Les numéros d’engagement déjà donnés gardent leur valeur."),
    StillWorks.CLAIMS: _("La facturation continue."),
    StillWorks.PAYMENTS: _("Les paiements continuent."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBar:
    """One day of one service."""

    x: float
    width: float
    css: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLine:
    """One service: now, and day by day."""

    service: str
    name: Promise
    works: bool
    bars: tuple[DayBar, ...]
    share: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that began or ended."""

    key: str
    at: datetime
    title: str
    is_bad: bool


def describe_cut(cut: CutRow) -> str:
    """Return what a cut is about, in words."""
    return cut.insurer_name or str(SCOPE_NAMES[cut.scope])


def list_lines(
    works: Mapping[str, bool], history: ServiceHistory | None, *, today: date
) -> list[ServiceLine]:
    """Return every service with its last days, oldest first; unknown days without a history."""
    hours = history.hours if history is not None else ()
    return [
        ServiceLine(
            service=service,
            name=SERVICE_NAMES[service],
            works=does,
            bars=_draw_days([hour for hour in hours if hour.service == service], today),
            share=_compute_share(hour for hour in hours if hour.service == service),
        )
        for service, does in works.items()
    ]


def list_events(history: ServiceHistory | None, *, now: datetime) -> list[Event]:
    """Return what happened, newest first: cuts, and services that fell or rose."""
    if history is None:
        return []
    events = [_describe_change(change) for change in history.changes if _is_news(change, history)]
    for cut in history.cuts:
        what, why = describe_cut(cut), str(REASON_NAMES[cut.reason])
        if cut.starts_at is not None:
            title = gettext("Droits coupés : %(what)s (%(why)s)") % {"what": what, "why": why}
            events.append(
                Event(key=f"cut-{cut.cut_ref}", at=cut.starts_at, title=title, is_bad=True)
            )
        over = cut.ended_at or cut.ends_at
        if over is not None and over <= now:
            title = gettext("Droits rétablis : %(what)s") % {"what": what}
            events.append(Event(key=f"restored-{cut.cut_ref}", at=over, title=title, is_bad=False))
    return sorted(events, key=lambda event: event.at, reverse=True)


def _is_news(change: ServiceChange, history: ServiceHistory) -> bool:
    """Tell a first "it works", which is no news, from a return."""
    return not change.works or any(
        other.service == change.service and other.at < change.at for other in history.changes
    )


def _describe_change(change: ServiceChange) -> Event:
    name = str(SERVICE_NAMES[change.service])
    words = gettext("%(name)s : de retour") if change.works else gettext("%(name)s : en panne")
    return Event(
        key=f"{change.service}-{int(change.at.timestamp())}",
        at=change.at,
        title=words % {"name": name},
        is_bad=not change.works,
    )


def _draw_days(hours: Sequence[ServiceHour], today: date) -> tuple[DayBar, ...]:
    step = WIDTH / DAYS
    counts: dict[date, list[int]] = {}
    for hour in hours:
        day = to_paris_day(hour.hour)
        known = counts.setdefault(day, [0, 0])
        known[0] += hour.asked
        known[1] += hour.answered
    bars = []
    for n in range(DAYS):
        day = today - timedelta(days=DAYS - 1 - n)
        asked, answered = counts.get(day, (0, 0))
        css, words = _rate(asked, answered)
        bars.append(
            DayBar(
                x=round(n * step, 2),
                width=round(step * 0.8, 2),
                css=css,
                title=f"{day:%d/%m/%Y} : {words}",
            )
        )
    return tuple(bars)


def _rate(asked: int, answered: int) -> tuple[str, str]:
    if asked == 0:
        return "day-unknown", gettext("pas mesuré")
    share = answered / asked
    css = "day-good" if share >= 0.999 else "day-mixed" if share >= 0.95 else "day-bad"
    return css, _format_share(share)


def _compute_share(hours: Iterable[ServiceHour]) -> str:
    asked = answered = 0
    for hour in hours:
        asked += hour.asked
        answered += hour.answered
    return _format_share(answered / asked) if asked else gettext("pas mesuré")


def _format_share(share: float) -> str:
    # Rounded down: 99.99 is never told as 100.
    return f"{int(share * 10_000) / 100:.2f} %".replace(".", gettext(","))
