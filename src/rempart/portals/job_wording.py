"""Jobs in words: what each is for, its state, what it counts."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

JOB_NAMES: Final[Mapping[str, Promise]] = {
    "activate_bank_details": _("Prise d’effet des changements de compte"),
    "end_fallen_sessions": _("Fin des connexions qui ne tiennent plus"),
    "expose_incident": _("Analyse d’un incident"),
    "forget_jobs": _("Oubli des travaux anciens"),
    "forward_alerts": _("Envoi des alertes"),
    "make_packages": _("Préparation des envois scellés"),
    "publish_card_lists": _("Publication des listes de cartes"),
    "refresh_canaries": _("Vie des témoins"),
    "renew_guard_rules": _("Réglages de la garde pour demain"),
    "seal_segments": _("Scellement du registre"),
    "send_warnings": _("Envoi des avertissements"),
    "sweep_former_members": _("Départ des anciens adhérents"),
}
STATE_NAMES: Final[Mapping[str, Promise]] = {
    "todo": _("attend"),
    "doing": _("en cours"),
    "succeeded": _("fait"),
    "failed": _("a échoué"),
    "cancelled": _("annulé"),
    "aborted": _("arrêté"),
}
OUTCOME_NAMES: Final[Mapping[str, Promise]] = {
    "": _("en cours"),
    "done": _("fait"),
    "needless": _("déjà fait par un passage plus tardif"),
    "failed": _("a échoué"),
    "to_retry": _("a échoué, sera repris"),
    "cancelled": _("arrêté sur demande"),
    "stopped": _("interrompu par l’arrêt du service, repris ensuite"),
    "died": _("le service s’est interrompu, repris ensuite"),
}
UNIT_NAMES: Final[Mapping[str, Promise]] = {
    "": _("étapes"),
    "account_days": _("jours de comptes"),
    "alerts": _("alertes"),
    "cards": _("cartes"),
    "changes": _("changements"),
    "insurers": _("complémentaires"),
    "jobs": _("travaux"),
    "members": _("adhérents"),
    "packages": _("envois"),
    "persons": _("personnes"),
    "segments": _("segments"),
    "sessions": _("connexions"),
    "steps": _("étapes"),
    "warnings": _("avertissements"),
}
