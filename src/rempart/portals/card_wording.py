"""The words for what becomes of a card."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PURPOSES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "yearly": _("Carte de l’année"),
        "new": _("À la demande"),
        "lost": _("Après une perte"),
        "name_change": _("Changement de nom"),
        "separation": _("Cartes séparées"),
        "reissue": _("Refaite"),
    }
)
REASONS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "lost": _("Perdue"),
        "stolen": _("Volée"),
        "name_change": _("Remplacée : changement de nom"),
        "separation": _("Remplacée : cartes séparées"),
        "reissued": _("Remplacée"),
        "ended": _("Fin de contrat"),
        "mistake": _("Émise par erreur"),
    }
)
KINDS: Final[Mapping[str, Promise]] = MappingProxyType(
    {"yearly": _("Cartes de l’année"), "orders": _("Commandes")}
)
EXPIRED: Final = _("Expirée")
IN_FORCE: Final = _("Valable")
