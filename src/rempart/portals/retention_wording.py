"""Retention in words: fields, steps, states of runs and of requests, what is asked."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rempart.retention.backup_watch import BackupWarning

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
HOLD_KINDS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "judicial": _("la justice"),
        "dispute": _("un litige"),
        "restriction": _("une limitation demandée"),
        "incident": _("un incident"),
        "request": _("une demande"),
    }
)
BACKUP_WARNINGS: Final[Mapping[BackupWarning, Promise]] = MappingProxyType(
    {
        BackupWarning.NONE: _(
            "Aucune sauvegarde n’est connue. Si la base est perdue, tout l’est. Lancez "
            "« rempart backup make », puis cherchez dans Travaux pourquoi la nuit n’en fait pas."
        ),
        BackupWarning.OLD: _(
            "La dernière sauvegarde a plus de deux jours. Cherchez dans Travaux pourquoi la nuit "
            "n’en fait plus ; lancez « rempart backup make » sans attendre."
        ),
        BackupWarning.TOO_LONG: _(
            "Une sauvegarde est gardée au-delà de son terme : des personnes effacées y sont "
            "encore. Lancez « rempart backup prune », ou faites-en une neuve : la dernière reste "
            "toujours."
        ),
        BackupWarning.NEVER_TRIED: _(
            "Aucune n’a jamais été restaurée pour essayer. Lancez « rempart backup try » : rien ne "
            "s’arrête et personne ne le voit."
        ),
        BackupWarning.TRIED_LONG_AGO: _(
            "Le dernier essai de restauration a plus d’un mois. Lancez « rempart backup try »."
        ),
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
