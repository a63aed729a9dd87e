"""Words of quotes, prises en charge, claims and transfers: states, offers, rules."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rempart.claims.claim import Basket, Correction, Exoneration
from rempart.claims.controls import BY_RULE
from rempart.claims.states import ClaimState, PecState
from rempart.portals.forms import current_language
from rempart.tariffs.care import ACTS

NO_LINE: Final = _("Saisissez au moins un acte : son code et son prix.")
BASKETS: Final = (
    ("", "–"),
    (Basket.FULL.value, _("100 % Santé, sans reste à charge")),
    (Basket.MODERATE.value, _("prix plafonné")),
    (Basket.FREE.value, _("prix libre")),
)
CORRECTIONS: Final = (
    ("", "–"),
    (Correction.SIMPLE.value, _("simple")),
    (Correction.COMPLEX.value, _("complexe")),
    (Correction.VERY_COMPLEX.value, _("très complexe")),
)
EXONERATIONS: Final = (
    ("", "–"),
    (Exoneration.ALD.value, _("affection de longue durée")),
    (Exoneration.MATERNITY.value, _("maternité")),
    (Exoneration.WORK_ACCIDENT.value, _("accident du travail")),
)
PEC_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        PecState.ASKED: _("demandée"),
        PecState.AGREED: _("accordée"),
        PecState.REFUSED: _("refusée"),
        PecState.REPLACED: _("remplacée"),
        PecState.CANCELLED: _("annulée"),
        PecState.USED: _("facturée"),
        PecState.EXPIRED: _("périmée"),
    }
)
PEC_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        PecState.ASKED: ("badge-info", "clock"),
        PecState.AGREED: ("badge-open", "check"),
        PecState.REFUSED: ("badge-closed", "cross-circle"),
        PecState.REPLACED: ("badge-plain", "minus"),
        PecState.CANCELLED: ("badge-plain", "minus"),
        PecState.USED: ("badge-info", "check"),
        PecState.EXPIRED: ("badge-plain", "clock"),
    }
)
CLAIM_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        ClaimState.RECEIVED: _("reçue"),
        ClaimState.HELD: _("en vérification"),
        ClaimState.REJECTED: _("rejetée"),
        ClaimState.ADJUDICATED: _("acceptée, à payer"),
        ClaimState.REMITTED: _("virement envoyé"),
        ClaimState.PAID: _("payée"),
        ClaimState.CANCELLED: _("annulée"),
        ClaimState.UNDONE: _("reprise"),
    }
)
CLAIM_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        ClaimState.RECEIVED: ("badge-info", "clock"),
        ClaimState.HELD: ("badge-attention", "pause"),
        ClaimState.REJECTED: ("badge-closed", "cross-circle"),
        ClaimState.ADJUDICATED: ("badge-open", "check"),
        ClaimState.REMITTED: ("badge-open", "check"),
        ClaimState.PAID: ("badge-open", "check-circle"),
        ClaimState.CANCELLED: ("badge-plain", "minus"),
        ClaimState.UNDONE: ("badge-plain", "minus"),
    }
)
CLAIM_EVENTS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "hold": _("mise en attente d’une vérification"),
        "adjudicate": _("calculée et acceptée"),
        "reject": _("rejetée"),
        "remit": _("mise dans un virement"),
        "confirm": _("virement confirmé par la banque"),
        "return": _("virement revenu : de nouveau à payer"),
        "cancel": _("annulée"),
    }
)
CHANNELS: Final[Mapping[str, Promise]] = MappingProxyType(
    {"json": _("formulaire ou logiciel"), "fhir": _("logiciel (FHIR)"), "b2": _("lot B2")}
)
REMITTANCE_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "sent": _("envoyé à la banque"),
        "paid": _("payé"),
        "returned": _("revenu"),
        "refunded": _("remboursé"),
    }
)
REMITTANCE_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "sent": ("badge-info", "clock"),
        "paid": ("badge-open", "check-circle"),
        "returned": ("badge-closed", "alert"),
        "refunded": ("badge-plain", "minus"),
    }
)
LOT_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "receiving": _("coupé en route : renvoyez-le, le reste sera pris"),
        "received": _("reçu"),
        "refused": _("refusé : rien n’a été pris"),
    }
)
MATCHES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "same": _("concorde"),
        "different": _("montant différent"),
        "unpaid": _("reçue, pas encore payée"),
        "missing": _("inconnue ici"),
    }
)
MATCH_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "same": ("badge-open", "check"),
        "different": ("badge-attention", "alert"),
        "unpaid": ("badge-info", "clock"),
        "missing": ("badge-closed", "cross-circle"),
    }
)


def name_rule(rule: str) -> str:
    """Say what a control refuses, in the language of the page."""
    control = BY_RULE.get(rule)
    return rule if control is None else control.refusal.message(current_language())


def advise(rule: str) -> str:
    """Say what to do about what a control refuses."""
    control = BY_RULE.get(rule)
    return "" if control is None else control.refusal.advice(current_language())


def name_act(code: str) -> str:
    """Return the name people read of an act; its code when there is none."""
    act = ACTS.get(code)
    return code if act is None else act.label(current_language())


def list_acts() -> list[tuple[str, str]]:
    """Return every code of act with its name, for a field that proposes them."""
    language = current_language()
    return [(code, act.label(language)) for code, act in sorted(ACTS.items())]


def describe_state(
    state: str,
    names: Mapping[str, Promise],
    badges: Mapping[str, tuple[str, str]],
) -> dict[str, Any]:
    """Return what a page shows of a state: words, badge and icon."""
    badge, icon = badges[state]
    return {"name": names[state], "badge": badge, "icon": icon}
