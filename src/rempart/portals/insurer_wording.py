"""Words of an insurer's space: files of members, feeds, the watch over exposed members' claims."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rempart.accounts.member_files import FileMotive
from rempart.claims.exposed_care import Reason, UnusualKind

MOTIVES: Final[Mapping[FileMotive, Promise]] = MappingProxyType(
    {
        FileMotive.SERVICE: _("appel ou demande de l’adhérent"),
        FileMotive.CLAIM: _("suivi d’une facture"),
        FileMotive.COMPLAINT: _("réclamation de la personne"),
        FileMotive.ACCESS: _("demande d’accès de la personne"),
        FileMotive.INCIDENT: _("réponse à un incident"),
        FileMotive.CONTROL: _("contrôle interne d’un agent ou d’un compte"),
    }
)
FEED_KINDS: Final[Mapping[str, Promise]] = MappingProxyType(
    {"full": _("complet"), "delta": _("mouvements")}
)
FEED_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "pending": _("en cours de lecture"),
        "published": _("publié"),
        "discarded": _("abandonné"),
    }
)
FEED_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "pending": ("badge-info", "clock"),
        "published": ("badge-open", "check"),
        "discarded": ("badge-plain", "minus"),
    }
)
UNUSUAL: Final[Mapping[UnusualKind, Promise]] = MappingProxyType(
    {
        UnusualKind.ATTACKER: _("envoyée par un compte que l’incident met en cause"),
        UnusualKind.UNCHECKED: _("sans réponse sur les droits, ni carte montrée"),
        UnusualKind.FAR: _("dans un département où cette personne n’avait jamais été soignée"),
        UnusualKind.AMOUNT: _("bien plus chère que ses soins les plus chers"),
        UnusualKind.BURST: _("plusieurs établissements nouveaux en deux semaines"),
        UnusualKind.NEW_BILLER: _("un établissement qui n’avait jamais facturé pour elle"),
    }
)
DECISIONS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "usual": _("soins habituels : rien à faire"),
        "asked": _("adhérent interrogé"),
        "held": _("mise en attente de vérification"),
        "reported": _("signalée : plainte ou fraude"),
    }
)
DECISION_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "usual": ("badge-open", "check"),
        "asked": ("badge-info", "clock"),
        "held": ("badge-attention", "pause"),
        "reported": ("badge-closed", "alert"),
    }
)


def describe_reason(reason: Reason) -> dict[str, Any]:
    """Return one reason in words, with its figures in their units, for a template."""
    is_amount = reason.kind is UnusualKind.AMOUNT
    return {
        "name": UNUSUAL[reason.kind],
        "points": reason.points,
        "cents": reason.observed if is_amount else None,
        "usual_cents": reason.usual if is_amount else None,
        "count": reason.observed if reason.kind is UnusualKind.BURST else None,
    }
