"""The navigation of each portal: one table, from which a visitor sees what their role opens.

Refuses to show an entry that would be refused: the permission of the page decides.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rempart.accounts.permissions import Permission, can
from rempart.accounts.roles import ROLES_OF, Role
from rempart.accounts.visitor import Visitor


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the navigation.

    Args:
        route: The page it leads to.
        label: What it is called.
        permission: What the page asks for.
        also: Other pages under this link.
        of_the_host: Whether it is for agents of the operator that runs the installation only.
        of_hosted: Whether it is for agents of operators hosted there only.
    """

    route: str
    label: Promise
    permission: Permission
    also: tuple[str, ...] = ()
    of_the_host: bool = False
    of_hosted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An entry as one visitor sees it on one page."""

    address: str
    label: Promise
    is_here: bool


ENTRIES: Final = (
    Entry("professional-home", _("Accueil"), Permission.ENTER_PROFESSIONAL_SPACE),
    Entry("member-home", _("Accueil"), Permission.ENTER_MEMBER_SPACE),
    Entry("insurer-home", _("Accueil"), Permission.ENTER_INSURER_SPACE),
    Entry("employer-home", _("Accueil"), Permission.ENTER_EMPLOYER_SPACE),
    Entry("publisher-home", _("Accueil"), Permission.ENTER_PUBLISHER_SPACE),
    Entry(
        "my-history",
        _("Qui a consulté mes droits"),
        Permission.READ_OWN_HISTORY,
        ("report-consultation",),
    ),
    Entry("my-card", _("Ma carte"), Permission.READ_OWN_CARDS, ("order-card", "card-lost")),
    Entry(
        "cards",
        _("Cartes"),
        Permission.READ_CARDS,
        (
            *("card-batch", "one-card", "reissue-card", "take-card-back", "share-child"),
            "unshare-child",
        ),
    ),
    Entry(
        "own-incidents",
        _("Incidents"),
        Permission.READ_OWN_INCIDENTS,
        ("own-incident", "add-own-note", "sealing-keys", "give-sealing-key", "decide-sealing-key"),
    ),
    Entry("relayed-packages", _("Envois relayés"), Permission.RELAY_PACKAGES, of_hosted=True),
    Entry("check-card", _("Vérifier des droits"), Permission.CHECK_RIGHTS, ("check-typed",)),
    Entry("presence-code", _("Code de présence"), Permission.SHOW_PRESENCE_CODE),
    Entry(
        "bank-details",
        _("Coordonnées bancaires"),
        Permission.READ_BANK_DETAILS,
        ("bank-details-propose", "bank-details-approve"),
    ),
    Entry("console", _("Vue d’ensemble"), Permission.ENTER_CONSOLE),
    Entry("lookups", _("Consultations"), Permission.READ_LOOKUPS),
    Entry(
        "guard",
        _("Garde"),
        Permission.READ_GUARD,
        (
            *("guard-account", "guard-decisions", "guard-release-many", "guard-suspend-many"),
            *("guard-canaries", "guard-rules", "measures", "contain", "approve-measure"),
            *("end-measure", "release-account"),
        ),
        of_the_host=True,
    ),
    Entry("ledger", _("Registre"), Permission.READ_LEDGER),
    Entry(
        "services",
        _("Services"),
        Permission.READ_SERVICES,
        ("cut-services", "approve-cut", "restore-services"),
        of_the_host=True,
    ),
    Entry(
        "jobs",
        _("Travaux"),
        Permission.READ_SERVICES,
        ("job", "retry-job", "cancel-job"),
        of_the_host=True,
    ),
    Entry(
        "presence-policies",
        _("Présence"),
        Permission.READ_SERVICES,
        ("set-presence-policy", "remove-presence-policy"),
        of_the_host=True,
    ),
    Entry(
        "terminals",
        _("Lecteurs Vitale"),
        Permission.READ_TERMINALS,
        ("register-terminal", "revoke-terminal"),
    ),
    Entry(
        "incidents",
        _("Incidents"),
        Permission.READ_INCIDENTS,
        (
            *("incident", "declare-incident", "incident-room", "write-in-room"),
            *("evidence-holds", "evidence-hold", "place-evidence-hold"),
            *("incident-packages", "send-packages", "incident-package", "withdraw-package"),
        ),
    ),
    Entry(
        "clocks",
        _("Échéances"),
        Permission.READ_CLOCKS,
        (
            *("incident-clocks", "assign-clock", "say-trait", "incident-authorities"),
            *("record-submission", "incident-severity", "decide-risk", "incident-cnil"),
            *("incident-dora", "incident-papers", "breach-register"),
        ),
        of_the_host=True,
    ),
    Entry(
        "inquiries",
        _("Enquêtes"),
        Permission.ASK_INQUIRY,
        ("ask-inquiry", "inquiry", "decide-inquiry", "inquiry-answer"),
        of_the_host=True,
    ),
    Entry(
        "holds",
        _("Retenues"),
        Permission.ASK_HOLD,
        ("ask-hold", "hold", "decide-hold"),
        of_the_host=True,
    ),
    Entry(
        "erasures",
        _("Effacements"),
        Permission.READ_ERASURES,
        ("ask-erasure", "erasure", "decide-erasure"),
        of_the_host=True,
    ),
    Entry(
        "bank-reviews",
        _("Changements de compte"),
        Permission.REVIEW_BANK_DETAILS,
        ("bank-review-settle",),
    ),
    Entry(
        "software",
        _("Logiciels"),
        Permission.READ_SOFTWARE,
        (
            *("register-software", "one-software", "add-software-key", "end-software-key"),
            "revoke-software",
        ),
    ),
    Entry(
        "organisation",
        _("Mon organisation"),
        Permission.READ_ORGANISATION,
        (
            *("person", "invite-agent", "bring-locum", "change-role", "suspend-person"),
            *("restore-person", "ask-recovery", "recovery", "revoke-invitation"),
        ),
    ),
    Entry(
        "organisations",
        _("Organisations"),
        Permission.READ_ORGANISATIONS,
        ("suspend-organisation", "restore-organisation"),
        of_the_host=True,
    ),
    Entry(
        "reports",
        _("Signalements"),
        Permission.READ_REPORTS,
        ("report", "answer-report"),
        of_the_host=True,
    ),
)

# What the space a role works in is called.
SPACES: Final = (
    (frozenset(ROLES_OF["establishment"]), _("Portail professionnel")),
    (frozenset(ROLES_OF["insurer"]), _("Espace complémentaire")),
    (frozenset(ROLES_OF["employer"]), _("Espace employeur")),
    (frozenset(ROLES_OF["operator"]), _("Console de l’opérateur")),
    (frozenset(ROLES_OF["publisher"]), _("Espace éditeur")),
    (frozenset({Role.MEMBER}), _("Espace adhérent")),
)


def list_links(visitor: Visitor, *, here: str, now: datetime) -> list[Link]:
    """Return the links of a visitor, in the order of the table.

    Args:
        visitor: Who is signed in.
        here: The route of the page they are on.
        now: The instant of the request.
    """
    return [
        Link(
            address=reverse(entry.route),
            label=entry.label,
            is_here=here in (entry.route, *entry.also),
        )
        for entry in ENTRIES
        if can(visitor, entry.permission, now=now)
        and not (entry.of_hosted if visitor.is_host else entry.of_the_host)
    ]


def name_space(role: Role) -> Promise:
    """Return what the space of this role is called."""
    [name] = [name for roles, name in SPACES if role in roles]
    return name
