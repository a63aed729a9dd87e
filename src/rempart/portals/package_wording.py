"""Words for packages: what became of them, what they conclude, who received them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rempart.incidents.packages import Conclusion, Level, PackageState
from rempart.incidents.sealing_keys import KeyStanding
from rempart.portals.times import in_paris
from rempart.workflows.incidents.send_packages import ListedPackage

STATES: Final[Mapping[PackageState, Promise]] = MappingProxyType(
    {
        PackageState.WAITING: _("attend un certificat"),
        PackageState.MADE: _("préparé"),
        PackageState.ASKED: _("attend une seconde personne"),
        PackageState.SENT: _("envoyé"),
        PackageState.WITHDRAWN: _("retiré"),
    }
)
CONCLUSIONS: Final[Mapping[Conclusion, Promise]] = MappingProxyType(
    {
        Conclusion.PERSONS: _("des personnes concernées"),
        Conclusion.NONE: _("personne, et c’est prouvé"),
        Conclusion.UNKNOWN: _("personne de trouvé, mais les journaux ont un trou"),
    }
)
CHANGES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "added": _("ajoutées"),
        "raised": _("relevées"),
        "lowered": _("abaissées"),
        "changed": _("autres champs"),
        "removed": _("retirées"),
    }
)
LEVELS: Final[Mapping[Level, Promise]] = MappingProxyType(
    {
        Level.INSURER: _("complémentaire"),
        Level.SUB_PROCESSOR: _("sous-traitant de la complémentaire"),
        Level.OPERATOR: _("opérateur hébergé"),
    }
)
WAYS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "downloaded": _("téléchargé"),
        "acknowledged": _("accusé de réception"),
        "told": _("dit à l’opérateur"),
    }
)
STANDINGS: Final[Mapping[KeyStanding, Promise]] = MappingProxyType(
    {
        KeyStanding.PROPOSED: _("attend une seconde personne"),
        KeyStanding.COOLING: _("en vigueur plus tard"),
        KeyStanding.IN_FORCE: _("en vigueur"),
        KeyStanding.REPLACED: _("remplacé"),
        KeyStanding.EXPIRED: _("expiré"),
        KeyStanding.REFUSED: _("refusé"),
        KeyStanding.REVOKED: _("retiré"),
    }
)
BADGES: Final[Mapping[PackageState, tuple[str, str]]] = MappingProxyType(
    {
        PackageState.WAITING: ("badge-attention", "alert"),
        PackageState.MADE: ("badge-info", "info"),
        PackageState.ASKED: ("badge-attention", "alert"),
        PackageState.SENT: ("badge-open", "check"),
        PackageState.WITHDRAWN: ("badge-closed", "alert"),
    }
)


def describe_package(package: ListedPackage) -> dict[str, Any]:
    """Return what a page shows of a package."""
    badge, icon = BADGES[package.state]
    return {
        "row": package,
        "state": STATES[package.state],
        "badge": badge,
        "icon": icon,
        "conclusion": CONCLUSIONS[package.conclusion],
        "changes": [
            (words, package.changes[name])
            for name, words in CHANGES.items()
            if package.changes.get(name)
        ],
        "starts_at": in_paris(package.starts_ms),
        "ends_at": in_paris(package.ends_ms),
        "is_late": package.state is PackageState.SENT and package.received_at is None,
        "is_whole": package.basis == 0,
    }
