"""Severity, decisions and reports in words."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rempart.incidents.case import CaseFile
from rempart.incidents.classification import Criterion, Reached
from rempart.incidents.severity import (
    Adjustment,
    Answer,
    Band,
    DataClass,
    Ground,
    Identification,
    Loss,
)

OPERATOR: Final = "operateur"
BANDS: Final[Mapping[Band, Promise]] = MappingProxyType(
    {
        Band.LOW: _("faible"),
        Band.MEDIUM: _("moyenne"),
        Band.HIGH: _("élevée"),
        Band.VERY_HIGH: _("très élevée"),
    }
)
CLASSES: Final[Mapping[DataClass, Promise]] = MappingProxyType(
    {
        DataClass.SIMPLE: _("simples : état civil, coordonnées (1)"),
        DataClass.BEHAVIOURAL: _("de comportement : garanties, droits (2)"),
        DataClass.FINANCIAL: _("financières : RIB (3)"),
        DataClass.SENSITIVE: _("sensibles : santé (4)"),
    }
)
ADJUSTMENTS: Final[Mapping[Adjustment, Promise]] = MappingProxyType(
    {
        Adjustment.VOLUME: _("beaucoup de données sur chacun (+1)"),
        Adjustment.CONTROLLER: _("la liste d’un tel organisme en dit plus que la liste (+1)"),
        Adjustment.VULNERABLE: _("enfants ou personnes vulnérables (+1)"),
        Adjustment.INVALID: _("données anciennes, fausses ou déjà publiques (−1)"),
    }
)
EASE: Final[Mapping[Identification, Promise]] = MappingProxyType(
    {
        Identification.NEGLIGIBLE: _("négligeable (0,25)"),
        Identification.LIMITED: _("limitée (0,5)"),
        Identification.SIGNIFICANT: _("importante (0,75)"),
        Identification.MAXIMUM: _("maximale (1)"),
    }
)
LOSSES: Final[Mapping[Loss, Promise]] = MappingProxyType(
    {
        Loss.NONE: _("non (0)"),
        Loss.SOME: _("en partie, ou auprès de destinataires connus (0,25)"),
        Loss.FULL: _("entièrement, ou auprès d’inconnus (0,5)"),
    }
)
ANSWERS: Final[Mapping[Answer, Promise]] = MappingProxyType(
    {
        Answer.INFORM: _("risque élevé : informer chaque personne"),
        Answer.NOT_NEEDED: _("ne pas informer chaque personne"),
    }
)
GROUNDS: Final[Mapping[Ground, Promise]] = MappingProxyType(
    {
        Ground.NO_HIGH_RISK: _("le risque n’est pas élevé"),
        Ground.UNINTELLIGIBLE: _("34(3)(a) : données incompréhensibles pour qui les a vues"),
        Ground.RISK_REMOVED: _("34(3)(b) : mesures prises ensuite, risque élevé écarté"),
        Ground.DISPROPORTIONATE: _("34(3)(c) : effort disproportionné, communication publique"),
    }
)
REACHED: Final[Mapping[Reached, Promise]] = MappingProxyType(
    {
        Reached.YES: _("atteint"),
        Reached.ESTIMATED: _("atteint, selon l’estimation"),
        Reached.NO: _("non atteint"),
        Reached.UNKNOWN: _("inconnu : peut changer la réponse"),
    }
)
CRITERIA: Final[Mapping[Criterion, Promise]] = MappingProxyType(
    {
        Criterion.CRITICAL_SERVICES: _("Services critiques touchés"),
        Criterion.CLIENTS: _("Clients, contreparties et transactions touchés"),
        Criterion.DATA_LOSSES: _("Pertes de données"),
        Criterion.REPUTATION: _("Réputation"),
        Criterion.DURATION: _("Durée, et arrêt du service"),
        Criterion.GEOGRAPHY: _("Étendue géographique"),
        Criterion.ECONOMIC: _("Conséquences économiques"),
    }
)
REPORTS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "cnil/initial": _("CNIL, notification initiale"),
        "cnil/complementary": _("CNIL, notification complémentaire"),
        "dora/initial": _("DORA, notification initiale"),
        "dora/intermediate": _("DORA, rapport intermédiaire"),
        "dora/final": _("DORA, rapport final"),
        "dora/reclassified": _("DORA, reclassé non majeur"),
        "complaint/": _("Plainte"),
        "persons/": _("Information des personnes"),
        "acpr/": _("ACPR, hors DORA"),
        "anssi/": _("ANSSI"),
        "cert/": _("CERT Santé"),
        "nis2/early": _("NIS2, alerte précoce"),
        "nis2/notification": _("NIS2, notification"),
        "nis2/final": _("NIS2, rapport final"),
    }
)
TRI_STATE: Final = (("", _("pas encore connu")), ("oui", _("oui")), ("non", _("non")))


def list_choices(words: Mapping[Any, Promise]) -> list[tuple[str, Promise]]:
    """Return words for a list to choose from."""
    return [(str(value), label) for value, label in words.items()]


def name_party(case: CaseFile, insurer_id: int | None) -> str:
    """Name a controller."""
    if insurer_id is None:
        return case.operator or gettext("l’opérateur")
    return case.find_population(insurer_id).name


def list_controllers(case: CaseFile) -> list[tuple[str, str]]:
    """Return who may notify, for a list: the operator for professionals, then each insurer."""
    operator = gettext("%(name)s (professionnels)") % {"name": name_party(case, None)}
    return [(OPERATOR, operator), *((str(one.insurer_id), one.name) for one in case.members)]


def read_party(text: str) -> int | None:
    """Return the insurer that an address or a form names; None for the operator."""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def read_parties(request: HttpRequest, case: CaseFile) -> Sequence[int]:
    """Return the insurers an address names, or every one concerned."""
    named = [read_party(one) for one in request.GET.getlist("partie")]
    return [one for one in named if one is not None] or [
        one.insurer_id for one in case.members if one.insurer_id is not None
    ]
