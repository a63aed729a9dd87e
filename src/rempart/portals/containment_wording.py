"""Measures that hold accounts, in the words of those who take them and of those they hold."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rempart.accounts.containment import (
    EndReason,
    MeasureReason,
    MeasureStep,
    MeasureTarget,
    StillOpen,
    Stopped,
    list_still_open,
    name_stopped,
)

STEP_NAMES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        MeasureStep.ASK_AGAIN: _("Redemander qui est là"),
        MeasureStep.SLOW: _("Ralentir"),
        MeasureStep.NO_TYPED: _("Présence pour les nouvelles personnes"),
        MeasureStep.PRESENCE_ONLY: _("Présence pour tout le monde"),
        MeasureStep.SUSPEND: _("Suspendre les vérifications"),
    }
)
TARGET_NAMES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        MeasureTarget.ACCOUNT: _("Un compte"),
        MeasureTarget.ESTABLISHMENT: _("Un établissement"),
        MeasureTarget.SOFTWARE: _("Un logiciel"),
        MeasureTarget.PROFESSION: _("Une profession"),
    }
)
MEASURE_REASONS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        MeasureReason.SUSPECTED_THEFT: _("quelqu’un d’autre s’en sert peut-être"),
        MeasureReason.UNUSUAL_USE: _("usage inhabituel"),
        MeasureReason.OWNER_REQUEST: _("à la demande du professionnel"),
        MeasureReason.SOFTWARE_FAULT: _("défaut du logiciel"),
        MeasureReason.PRECAUTION: _("précaution pendant une alerte"),
    }
)
END_REASONS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        EndReason.CLEARED: _("c’était bien le professionnel"),
        EndReason.GIVEN_BACK: _("rendu au professionnel après un vol"),
        EndReason.MISTAKE: _("mesure prise par erreur"),
        EndReason.OVER: _("plus nécessaire"),
        EndReason.WITHDRAWN: _("retirée avant de commencer"),
    }
)
STOPPED_NAMES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        Stopped.CHECKS_OF_OLD_SESSIONS: _(
            "Les vérifications, jusqu’à une nouvelle confirmation d’identité."
        ),
        Stopped.FAST_CHECKS: _("Plus d’une vérification par dix secondes."),
        Stopped.TYPED_NEW_FACES: _(
            "La saisie des identifiants d’une personne jamais vue avec sa carte."
        ),
        Stopped.TYPED_CHECKS: _("Toute vérification par identifiants saisis."),
        Stopped.CHECKS: _("Toute vérification de droits."),
    }
)
OPEN_NAMES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        StillOpen.AFTER_SIGN_IN: _(
            "Tout, dès que le professionnel confirme qui il est ; un logiciel prend un nouveau "
            "jeton."
        ),
        StillOpen.CARDS: _("Les cartes : code scanné, code de présence, carte Vitale lue."),
        StillOpen.TYPED_KNOWN_FACES: _("Les personnes déjà connues du compte."),
        StillOpen.OFFLINE_CARDS: _("La vérification d’une carte hors ligne."),
        StillOpen.CLAIMS: _("La facturation."),
        StillOpen.PAYMENTS: _("Les paiements et les coordonnées bancaires."),
        StillOpen.OWN_PAGES: _("Mon compte : connexions, clés, événements, adresses d’alerte."),
    }
)
# How the guard holds by itself: `rempart.guard.Step`.
HELD_NAMES: Final[Mapping[int, Promise]] = MappingProxyType(
    {
        2: _("Une personne nouvelle se vérifie avec sa carte."),
        3: _("Seules les personnes déjà connues du compte se vérifient."),
    }
)
_HELD_KNOWN: Final = _(
    "Les personnes déjà connues du compte : avec leur carte toujours, par saisie quelques-unes par "
    "jour."
)
_HELD_OPEN: Final[Mapping[int, tuple[Promise, ...]]] = MappingProxyType(
    {2: (_HELD_KNOWN, OPEN_NAMES[StillOpen.CARDS]), 3: (_HELD_KNOWN,)}
)


def describe_stopped(step: str) -> Promise:
    """Return what can no longer be done under a step."""
    return STOPPED_NAMES[name_stopped(MeasureStep(step))]


def describe_open(step: str) -> list[Promise]:
    """Return what goes on under a step, what is nearest to care first."""
    return [OPEN_NAMES[one] for one in list_still_open(MeasureStep(step))]


def describe_held_open(step: int) -> list[Promise]:
    """Return what goes on while the guard holds an account by itself."""
    always = (StillOpen.OFFLINE_CARDS, StillOpen.CLAIMS, StillOpen.PAYMENTS, StillOpen.OWN_PAGES)
    return [*_HELD_OPEN.get(step, ()), *(OPEN_NAMES[one] for one in always)]
