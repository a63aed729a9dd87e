"""The words people read about bank details: states, verification, and why a step is refused."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rempart.accounts.bank_details import ChangeState, Obstacle, PayeeCheck
from rempart.accounts.events import SecurityEventKind

Words = str | Promise

STATES: Final[Mapping[ChangeState, Words]] = {
    ChangeState.PROPOSED: _("À approuver"),
    ChangeState.COOLING: _("En attente"),
    ChangeState.ACTIVE: _("Payé"),
    ChangeState.REPLACED: _("Remplacé"),
    ChangeState.CANCELLED: _("Annulé"),
    ChangeState.REFUSED: _("Refusé"),
}
# The badge that goes with each state, and its sign.
LOOKS: Final[Mapping[ChangeState, tuple[str, str]]] = {
    ChangeState.PROPOSED: ("attention", "clock"),
    ChangeState.COOLING: ("attention", "clock"),
    ChangeState.ACTIVE: ("open", "check"),
    ChangeState.REPLACED: ("plain", "minus"),
    ChangeState.CANCELLED: ("closed", "minus"),
    ChangeState.REFUSED: ("closed", "minus"),
}

CHECKS: Final[Mapping[PayeeCheck, Words]] = {
    PayeeCheck.MATCH: _("La banque confirme : le nom et le compte vont ensemble."),
    PayeeCheck.CLOSE_MATCH: _("La banque trouve un nom proche, mais pas le même."),
    PayeeCheck.NO_MATCH: _("La banque dit que ce nom et ce compte ne vont pas ensemble."),
    PayeeCheck.UNAVAILABLE: _("La banque n’a pas répondu : le nom n’est pas vérifié."),
}
SHORT_CHECKS: Final[Mapping[PayeeCheck, Words]] = {
    PayeeCheck.MATCH: _("Nom confirmé"),
    PayeeCheck.CLOSE_MATCH: _("Nom proche"),
    PayeeCheck.NO_MATCH: _("Nom différent"),
    PayeeCheck.UNAVAILABLE: _("Non vérifié"),
}

OBSTACLES: Final[Mapping[Obstacle, Words]] = {
    Obstacle.ANOTHER_PENDING: _(
        "Un changement est déjà en cours : approuvez-le ou arrêtez-le d’abord."
    ),
    Obstacle.ALREADY_DECIDED: _("Quelqu’un d’autre a déjà décidé de ce changement."),
    Obstacle.OWN_CHANGE: _(
        "Vous avez demandé ce changement : une autre personne doit l’approuver."
    ),
    Obstacle.ROLE_TOO_NEW: _(
        "Votre rôle est trop récent : l’approuve une personne qui l’avait trente jours avant "
        "la demande, ou l’opérateur."
    ),
    Obstacle.NOT_APART: _(
        "Vous n’êtes pas assez indépendants l’un de l’autre : votre rôle ou le sien est récent, "
        "ou l’un de vous a invité l’autre. Une autre personne ou l’opérateur l’approuve."
    ),
    Obstacle.COLLEAGUE_NEEDED: _(
        "Une personne de l’établissement peut approuver ce changement : c’est à elle de le faire."
    ),
    Obstacle.NOT_ENTITLED: _("Votre rôle ne permet pas cette étape."),
    Obstacle.TOO_LATE: _(
        "Trop tard pour arrêter ce changement : ce compte est déjà payé. "
        "Demandez un autre compte et appelez l’opérateur."
    ),
}

STEPS: Final[Mapping[SecurityEventKind, Words]] = {
    SecurityEventKind.BANK_DETAILS_PROPOSED: _("Changement demandé"),
    SecurityEventKind.BANK_DETAILS_APPROVED: _("Changement approuvé"),
    SecurityEventKind.BANK_DETAILS_REFUSED: _("Changement refusé"),
    SecurityEventKind.BANK_DETAILS_CANCELLED: _("Changement annulé"),
    SecurityEventKind.BANK_DETAILS_ACTIVE: _("Nouveau compte payé"),
}

OPERATOR: Final = _("l’opérateur")


def format_digits(last_digits: str) -> str:
    """Write what is shown of an account; no account is said so."""
    return f"•••• {last_digits}" if last_digits else gettext("aucun compte")
