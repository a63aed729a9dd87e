"""Retention in words: fields, steps, states of runs and of requests, what is asked."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FIELDS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "civil": _("état civil"),
        "nir": _("numéro de Sécurité sociale et clés"),
        "numbers": _("numéros de contrat et d’adhérent"),
        "contact": _("coordonnées"),
        "coverage": _("dates et garanties"),
        "card": _("cartes"),
        "account": _("accès à l’espace"),
        "care": _("soins d’une facture"),
        "limits": _("plafonds utilisés"),
        "payment": _("montants d’une facture"),
        "promise": _("prise en charge"),
        "lookups": _("consultations (registre)"),
    }
)
STEPS: Final[Mapping[str, Promise]] = MappingProxyType(
    {"archive": _("vers l’archive"), "delete": _("effacé"), "held": _("retenu")}
)
PHASES: Final[Mapping[str, Promise]] = MappingProxyType(
    {"active": _("base active"), "archive": _("archive"), "gone": _("parti")}
)
FACTS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "contract_end": _("fin du contrat"),
        "last_payment": _("dernier versement"),
        "settled": _("règlement"),
        "care": _("soins"),
        "lookup": _("consultation"),
    }
)
ORIGINS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "due": _("échéances"),
        "request": _("demande d’une personne"),
        "restore": _("après une restauration"),
    }
)
PURGE_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "planning": _("se prépare"),
        "planned": _("attend deux accords"),
        "approved": _("approuvé, va commencer"),
        "running": _("en cours"),
        "done": _("fait et certifié"),
        "refused": _("refusé"),
    }
)
PURGE_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "planning": ("badge-info", "clock"),
        "planned": ("badge-attention", "clock"),
        "approved": ("badge-info", "check"),
        "running": ("badge-info", "clock"),
        "done": ("badge-open", "check"),
        "refused": ("badge-closed", "alert"),
    }
)
SCHEDULE_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "proposed": _("proposé"),
        "approved": _("approuvé"),
        "refused": _("refusé"),
        "withdrawn": _("retiré"),
    }
)
REQUEST_KINDS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "access": _("savoir ce que vous avez (accès)"),
        "rectification": _("faire corriger"),
        "erasure": _("faire effacer"),
        "restriction": _("faire limiter : garder sans utiliser"),
    }
)
REQUEST_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "open": _("à traiter"),
        "extended": _("prolongée"),
        "answered": _("acceptée"),
        "refused": _("refusée"),
    }
)
REQUEST_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "open": ("badge-attention", "clock"),
        "extended": ("badge-info", "clock"),
        "answered": ("badge-open", "check"),
        "refused": ("badge-closed", "alert"),
    }
)
