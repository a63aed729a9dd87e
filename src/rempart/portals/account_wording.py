"""What happened to an account, in words its owner understands."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rempart.accounts.events import SecurityEventKind as Kind
from rempart.accounts.role_names import name_role
from rempart.accounts.roles import Role
from rempart.accounts.visitor import SignInMethod
from rempart.kernel.findings import Language
from rempart.workflows.accounts.own_account import OwnEvent

METHODS: Final[Mapping[SignInMethod, Promise]] = MappingProxyType(
    {
        "psc": _("Pro Santé Connect"),
        "passkey": _("clé d’accès"),
        "oidc": _("fournisseur d’identité"),
    }
)

EVENTS: Final[Mapping[Kind, Promise]] = MappingProxyType(
    {
        Kind.SIGNED_IN: _("Connexion"),
        Kind.SIGN_IN_REFUSED: _("Connexion refusée"),
        Kind.STEPPED_UP: _("Identité confirmée"),
        Kind.SIGNED_OUT: _("Déconnexion"),
        Kind.SESSION_ENDED: _("Connexion fermée"),
        Kind.SESSION_ENDED_BY_PROVIDER: _("Connexion fermée par le fournisseur d’identité"),
        Kind.INVITED: _("Invitation envoyée"),
        Kind.INVITATION_REVOKED: _("Invitation annulée"),
        Kind.INVITATION_USED: _("Invitation utilisée"),
        Kind.INVITATION_REFUSED: _("Code d’invitation refusé"),
        Kind.RECOVERY_ASKED: _("Nouvelle invitation demandée après une perte"),
        Kind.RECOVERY_APPROVED: _("Nouvelle invitation accordée"),
        Kind.RECOVERY_REFUSED: _("Nouvelle invitation refusée"),
        Kind.SESSION_BOUND: _("Connexion liée à cet appareil"),
        Kind.DEVICE_REFUSED: _("Preuve d’appareil refusée"),
        Kind.PASSKEY_ADDED: _("Clé d’accès ajoutée"),
        Kind.PASSKEY_RENAMED: _("Clé d’accès renommée"),
        Kind.PASSKEY_REVOKED: _("Clé d’accès révoquée"),
        Kind.PASSKEY_CLONED: _("Clé d’accès en double : fermée pour toujours"),
        Kind.ROLE_GIVEN: _("Rôle donné"),
        Kind.ROLE_CHANGED: _("Rôle changé"),
        Kind.AGENT_SUSPENDED: _("Compte suspendu"),
        Kind.AGENT_RESTORED: _("Compte rétabli"),
        Kind.ORGANISATION_CREATED: _("Organisation créée"),
        Kind.MANDATE_GIVEN: _("Mandat donné"),
        Kind.ORGANISATION_SUSPENDED: _("Organisation suspendue"),
        Kind.ORGANISATION_RESTORED: _("Organisation rétablie"),
        Kind.PROVIDER_TRUSTED: _("Fournisseur d’identité de l’organisation changé"),
        Kind.SOFTWARE_REGISTERED: _("Logiciel enregistré"),
        Kind.SOFTWARE_KEY_ADDED: _("Clé de logiciel ajoutée"),
        Kind.SOFTWARE_KEY_ENDED: _("Clé de logiciel arrêtée"),
        Kind.SOFTWARE_REVOKED: _("Logiciel révoqué"),
        Kind.TOKEN_REFUSED: _("Jeton de logiciel refusé"),
        Kind.BANK_DETAILS_PROPOSED: _("Changement de compte bancaire demandé"),
        Kind.BANK_DETAILS_APPROVED: _("Changement de compte bancaire confirmé"),
        Kind.BANK_DETAILS_REFUSED: _("Changement de compte bancaire refusé"),
        Kind.BANK_DETAILS_CANCELLED: _("Changement de compte bancaire annulé"),
        Kind.BANK_DETAILS_ACTIVE: _("Nouveau compte bancaire en service"),
        Kind.CONTACT_ADDED: _("Adresse d’alerte ajoutée"),
        Kind.CONTACT_REPLACED: _("Adresse d’alerte remplacée"),
        Kind.CONTACT_REMOVED: _("Adresse d’alerte retirée"),
        Kind.ERASURE_ASKED: _("Effacement demandé au registre"),
        Kind.ERASURE_APPROVED: _("Effacement du registre approuvé"),
        Kind.ERASURE_REFUSED: _("Effacement du registre refusé"),
        Kind.CONSULTATION_REPORTED: _("Consultation de droits signalée"),
        Kind.INQUIRY_ASKED: _("Question nominative demandée"),
        Kind.INQUIRY_APPROVED: _("Question nominative approuvée"),
        Kind.INQUIRY_REFUSED: _("Question nominative refusée"),
        Kind.HOLD_ASKED: _("Retenue d’affichage demandée"),
        Kind.HOLD_APPROVED: _("Retenue d’affichage approuvée"),
        Kind.HOLD_REFUSED: _("Retenue d’affichage refusée"),
        Kind.HOLD_LIFTED: _("Retenue d’affichage levée"),
        Kind.CARD_ORDERED: _("Carte de tiers payant commandée"),
        Kind.CARD_REVOKED: _("Carte de tiers payant révoquée"),
        Kind.TERMINAL_REGISTERED: _("Lecteur de cartes Vitale enregistré"),
        Kind.TERMINAL_REVOKED: _("Lecteur de cartes Vitale révoqué"),
        Kind.PRESENCE_SET: _("Règle de présence donnée"),
        Kind.LIMITS_SET: _("Limites de la complémentaire changées"),
        Kind.PRESENCE_REMOVED: _("Règle de présence retirée"),
        Kind.ACCOUNT_CONTAINED: _("Compte limité par la garde"),
        Kind.ACCOUNT_RELEASED: _("Limite levée par l’opérateur"),
        Kind.OWN_ACCOUNT_RELEASED: _("Limite levée par vous"),
        Kind.MEASURE_ASKED: _("Mesure demandée"),
        Kind.MEASURE_BEGUN: _("Mesure prise par l’opérateur"),
        Kind.MEASURE_ENDED: _("Mesure levée"),
        Kind.SERVICES_CUT: _("Vérifications de droits coupées par l’hébergeur"),
        Kind.SERVICES_RESTORED: _("Vérifications de droits rétablies par l’hébergeur"),
        Kind.SEALING_KEY_PROPOSED: _("Certificat de chiffrement donné"),
        Kind.SEALING_KEY_APPROVED: _("Certificat de chiffrement en vigueur"),
        Kind.SEALING_KEY_ENDED: _("Certificat de chiffrement retiré"),
        Kind.PACKAGE_SENT: _("Envoi scellé publié"),
        Kind.PACKAGE_REMINDED: _("Rappel d’un envoi scellé sans accusé"),
        Kind.CLOCK_DUE: _("Rappel d’une échéance"),
        Kind.EVENT_REPORTED: _("Événement signalé"),
        Kind.REPORT_HANDLED: _("Signalement traité"),
    }
)

_ENDS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "revoked": _("par vous"),
        "suspended": _("compte suspendu"),
        "replaced": _("remplacée par une autre"),
        "cloned": _("clé en double"),
        "recovery": _("nouvelle invitation après une perte"),
    }
)


def describe_event(kind: str) -> str:
    """Return the words for an event; one written by a later version keeps its own name."""
    known = kind in set(Kind)
    return str(EVENTS[Kind(kind)]) if known else kind


def describe_details(event: OwnEvent, language: Language) -> str:
    """Return what its owner may want to know of an event besides its name; often nothing."""
    details = event.details
    said = []
    if label := details.get("label"):
        said.append(gettext("« %(label)s »") % {"label": label})
    if details.get("method") in METHODS and event.kind in {Kind.SIGNED_IN, Kind.STEPPED_UP}:
        said.append(str(METHODS[details["method"]]))
    if details.get("role") in set(Role):
        said.append(name_role(Role(details["role"]), language))
    if event.kind in {Kind.SESSION_ENDED, Kind.PASSKEY_REVOKED} and details.get("reason") in _ENDS:
        said.append(str(_ENDS[details["reason"]]))
    if details.get("kind") in set(Kind):
        said.append(describe_event(str(details["kind"])))
    return ", ".join(said)
