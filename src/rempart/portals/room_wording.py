"""The words of a room: what each line of a timeline says, in one name and one sentence.

Refuses to say what a line does not: a key that nobody words is left out.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from rempart.incidents.room import COMMAND_LINE, EventKind, HoldKind, RoomEvent, RoomPart
from rempart.portals.containment_wording import STEP_NAMES as MEASURE_NAMES
from rempart.portals.guard_wording import EVENT_NAMES as GUARD_NAMES
from rempart.portals.pseudonyms import format_account, format_session
from rempart.portals.times import in_paris
from rempart.portals.wording import VERDICTS, describe_profession

KIND_NAMES: Final[Mapping[EventKind, Promise]] = MappingProxyType(
    {
        EventKind.SUSPECTED: _("Premier soupçon"),
        EventKind.DECLARED: _("Incident déclaré"),
        EventKind.AWARENESS: _("Violation établie"),
        EventKind.NOTE: _("Note"),
        EventKind.DECISION: _("Décision"),
        EventKind.SUSPECTS_ADDED: _("Soupçons ajoutés"),
        EventKind.TASK_ADDED: _("Tâche"),
        EventKind.TASK_DONE: _("Tâche faite"),
        EventKind.JOINED: _("Entrée dans la salle"),
        EventKind.LEFT: _("Sortie de la salle"),
        EventKind.CONTAINMENT: _("Confinement"),
        EventKind.CONTAINMENT_ENDED: _("Fin de confinement"),
        EventKind.HOLD_PLACED: _("Gel des preuves"),
        EventKind.HOLD_RELEASED: _("Gel levé"),
        EventKind.ANALYSED: _("Analyse"),
        EventKind.OVERRULED: _("Verdict écarté"),
        EventKind.PACKAGE_MADE: _("Envoi préparé"),
        EventKind.PACKAGE_SENT: _("Envoi remis"),
        EventKind.PACKAGE_RECEIVED: _("Envoi reçu"),
        EventKind.CLASSIFIED: _("Classement"),
        EventKind.SEVERITY_SCORED: _("Gravité"),
        EventKind.REPORT_MADE: _("Notification préparée"),
        EventKind.REPORT_SUBMITTED: _("Notification transmise"),
        EventKind.COMPLAINT_FILED: _("Plainte déposée"),
        EventKind.CLOCK_MET: _("Échéance tenue"),
        EventKind.CLOCK_MISSED: _("Échéance manquée"),
        EventKind.CLOSED: _("Incident clos"),
        EventKind.REOPENED: _("Incident rouvert"),
    }
)
PART_NAMES: Final[Mapping[RoomPart, Promise]] = MappingProxyType(
    {
        RoomPart.LEAD: _("pilote"),
        RoomPart.SECURITY: _("sécurité"),
        RoomPart.PRIVACY: _("protection des données"),
        RoomPart.OPERATIONS: _("exploitation"),
        RoomPart.WORDS: _("communication"),
        RoomPart.LAW: _("juridique"),
    }
)
HOLD_NAMES: Final[Mapping[HoldKind, Promise]] = MappingProxyType(
    {
        HoldKind.INCIDENT: _("Incident"),
        HoldKind.JUDICIAL: _("Judiciaire"),
        HoldKind.REQUEST: _("Demande"),
    }
)
DOUBT_NAMES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "everybody": _("Tous les comptes de la période"),
        "establishment": _("Un établissement"),
        "address": _("Une adresse réseau"),
        "software": _("Un logiciel"),
    }
)
_TARGETS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "account": _("le compte"),
        "establishment": _("l’établissement"),
        "software": _("le logiciel"),
        "profession": _("la profession"),
    }
)


def name_kind(kind: EventKind) -> str:
    """Return what a line of a kind is called."""
    return str(KIND_NAMES[kind])


def name_author(event: RoomEvent) -> str:
    """Return who wrote a line, in words; the guard writes nothing: its steps are read."""
    if event.author == COMMAND_LINE.name:
        return say("ligne de commande")
    return event.author or say("la garde")


def name_part(part: str) -> str:
    """Return what somebody does in a room, in words."""
    return str(PART_NAMES[RoomPart(part)]) if part in set(RoomPart) else part


def describe_event(event: RoomEvent) -> str:
    """Return what a line says, in one sentence; nothing when its name says it all."""
    words = _SENTENCES.get(event.kind, _say_words)(event.details)
    if event.insurer:
        return f"{event.insurer} : {words}" if words else event.insurer
    return words


def _say_words(details: Mapping[str, Any]) -> str:
    parts = (details.get(name) for name in ("title", "words", "name", "reason", "reference"))
    return " · ".join(str(part) for part in parts if part)


def _say_declared(details: Mapping[str, Any]) -> str:
    accounts = details.get("accounts", 0)
    title = str(details.get("title", ""))
    if not accounts:
        return say("%(title)s, aucun compte désigné encore") % {"title": title}
    counted = ngettext("%(count)s compte soupçonné", "%(count)s comptes soupçonnés", accounts)
    return f"{title}, {counted % {'count': accounts}}"


def _say_suspects(details: Mapping[str, Any]) -> str:
    count = details.get("accounts", 0)
    parts = []
    if details.get("how") == "stolen":
        parts.append(say("vol établi"))
    if count:
        words = ngettext("%(count)s compte désigné", "%(count)s comptes désignés", count)
        parts.append(words % {"count": count})
    parts += [str(DOUBT_NAMES.get(kind, kind)) for kind in details.get("doubts", ())]
    return " · ".join([*parts, str(details.get("reason", ""))])


def _say_decision(details: Mapping[str, Any]) -> str:
    parts = [str(details.get("words", ""))]
    if details.get("reason"):
        parts.append(say("Pourquoi : %(reason)s") % {"reason": details["reason"]})
    if details.get("alternatives"):
        parts.append(say("Écarté : %(others)s") % {"others": details["alternatives"]})
    return " · ".join(parts)


def _say_task(details: Mapping[str, Any]) -> str:
    words, owner = details.get("words", ""), details.get("owner", "")
    return say("%(words)s, à faire par %(owner)s") % {"words": words, "owner": owner}


def _say_joined(details: Mapping[str, Any]) -> str:
    part = name_part(str(details.get("part", "")))
    return say("%(part)s, d’astreinte") % {"part": part} if details.get("on_call") else part


def _say_step(details: Mapping[str, Any]) -> str:
    """Say a step of the guard or of those who steer it."""
    target, ref = str(details.get("target", "")), details.get("target_ref")
    if target == "profession":
        whom = describe_profession(str(details.get("profession", "")))
    elif target == "account" and isinstance(ref, int):
        whom = format_account(ref)
    else:
        whom = "" if ref is None else str(ref)
    about = f"{_TARGETS.get(target, target)} {whom}".strip()
    if details.get("automatic"):
        what = str(GUARD_NAMES.get(str(details.get("reason", "")), _("Pas de la garde")))
        return say("%(what)s par la garde : %(whom)s") % {"what": what, "whom": about}
    step = str(details.get("step", ""))
    return say("%(step)s : %(whom)s") % {
        "step": MEASURE_NAMES.get(step, step),
        "whom": about,
    }


def _say_hold(details: Mapping[str, Any]) -> str:
    if not {"hold", "from_ms", "to_ms"} <= details.keys():
        return _say_words(details)
    return say("n° %(hold)s, tout ce qui date du %(first)s au %(last)s") % {
        "hold": details["hold"],
        "first": f"{in_paris(details['from_ms']):%d/%m/%Y}",
        "last": f"{in_paris(details['to_ms'] - 1):%d/%m/%Y}",
    }


def _say_overruled(details: Mapping[str, Any]) -> str:
    session, verdict = details.get("session"), str(details.get("verdict", ""))
    if not isinstance(session, int):
        return _say_words(details)
    words = VERDICTS.get(verdict) or say("selon les signes")
    return f"{format_session(session)} → {words} · {details.get('reason', '')}"


def _say_analysed(details: Mapping[str, Any]) -> str:
    if not {"lower", "best", "upper"} <= details.keys():
        return _say_words(details)
    if details["upper"] is None:
        words = say("au moins %(lower)s personnes, %(best)s le plus probable, sans maximum connu")
        return words % dict(details)
    return say("entre %(lower)s et %(upper)s personnes, %(best)s le plus probable") % dict(details)


def _say_sent(details: Mapping[str, Any]) -> str:
    """Say that a package was sent, or taken back."""
    if details.get("withdrawn"):
        return say("retiré : %(reason)s") % {"reason": details.get("reason", "")}
    return _say_words(details)


_SENTENCES: Final[Mapping[EventKind, Callable[[Mapping[str, Any]], str]]] = MappingProxyType(
    {
        EventKind.DECLARED: _say_declared,
        EventKind.SUSPECTS_ADDED: _say_suspects,
        EventKind.DECISION: _say_decision,
        EventKind.TASK_ADDED: _say_task,
        EventKind.TASK_DONE: lambda _details: "",
        EventKind.JOINED: _say_joined,
        EventKind.CONTAINMENT: _say_step,
        EventKind.CONTAINMENT_ENDED: _say_step,
        EventKind.HOLD_PLACED: _say_hold,
        EventKind.ANALYSED: _say_analysed,
        EventKind.PACKAGE_SENT: _say_sent,
        EventKind.OVERRULED: _say_overruled,
    }
)
