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
        of_the_host: Whether, of operators' agents, it is for those of the one that runs the
            installation only.
        of_hosted: Whether it is for agents of operators hosted there only.
        counted: Name of how many wait there; empty where nothing is counted.
    """

    route: str
    label: Promise
    permission: Permission
    also: tuple[str, ...] = ()
    of_the_host: bool = False
    of_hosted: bool = False
    counted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An entry as one visitor sees it on one page, or several under one name.

    Args:
        counted: Name, among what the page knows, of how many wait there; empty for none.
        inner: The links under it; empty for one page.
    """

    address: str
    label: Promise
    is_here: bool
    counted: str = ""
    inner: "tuple[Link, ...]" = ()


ENTRIES: Final = (
    Entry("professional-home", _("Accueil"), Permission.ENTER_PROFESSIONAL_SPACE),
    Entry("member-home", _("Accueil"), Permission.ENTER_MEMBER_SPACE, ("my-watch",)),
    Entry(
        "my-messages",
        _("Mes messages"),
        Permission.READ_OWN_MESSAGES,
        ("my-message", "my-preferences"),
    ),
    Entry("insurer-home", _("Accueil"), Permission.ENTER_INSURER_SPACE),
    Entry("employer-home", _("Accueil"), Permission.ENTER_EMPLOYER_SPACE),
    Entry("console", _("Vue d’ensemble"), Permission.ENTER_CONSOLE),
    Entry("staff", _("Effectif"), Permission.READ_STAFF),
    Entry(
        "movements",
        _("Mouvements"),
        Permission.DECLARE_MOVEMENTS,
        ("declare-join", "declare-leave", "send-movements", "movement-file", "withdraw-movement"),
    ),
    Entry("statements", _("Appels de cotisations"), Permission.READ_STATEMENTS, ("statement",)),
    Entry("staff-incidents", _("Incidents"), Permission.COUNT_EXPOSED_STAFF),
    Entry("publisher-home", _("Accueil"), Permission.ENTER_PUBLISHER_SPACE),
    Entry(
        "members",
        _("Dossiers"),
        Permission.OPEN_MEMBER_FILES,
        ("member-file", "contract-file"),
    ),
    Entry("own-lookups", _("Consultations"), Permission.READ_OWN_LOOKUPS),
    Entry(
        "exposure-flags",
        _("Surveillance"),
        Permission.WATCH_REIMBURSEMENTS,
        ("decide-exposure-flag", "start-exposure-watch", "end-exposure-watch"),
    ),
    Entry("insurer-figures", _("Chiffres"), Permission.READ_FIGURES),
    Entry("own-feeds", _("Flux"), Permission.READ_FEEDS, ("own-feed",)),
    Entry("insurer-limits", _("Limites"), Permission.READ_FIGURES, ("set-insurer-limits",)),
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
        "my-claims",
        _("Mes remboursements"),
        Permission.READ_OWN_CLAIMS,
        ("my-claim", "dispute-care", "my-disputes", "my-dispute", "withdraw-dispute"),
    ),
    Entry("my-pecs", _("Mes prises en charge"), Permission.READ_OWN_CLAIMS, ("my-pec",)),
    Entry(
        "my-data",
        _("Mes données"),
        Permission.READ_OWN_DATA,
        ("ask-copy", "my-family", "my-requests", "make-request"),
    ),
    Entry(
        "my-reports",
        _("Messages suspects"),
        Permission.REPORT_MESSAGE,
        ("report-message", "my-report"),
    ),
    Entry(
        "insured-claims",
        _("Factures"),
        Permission.READ_INSURED_CLAIMS,
        (
            *("insured-claim", "hold-claim", "insured-pecs", "insured-pec", "claim-signals"),
            "watch-establishment",
        ),
    ),
    Entry("claim-holds", _("Vérifications"), Permission.HOLD_CLAIMS, ("decide-claim-hold",)),
    Entry("disputes", _("Contestations"), Permission.HEAR_MEMBERS, ("dispute",)),
    Entry("waves", _("Messages suspects"), Permission.HEAR_MEMBERS, ("wave", "wave-message")),
    Entry(
        "benefits",
        _("Garanties"),
        Permission.PROPOSE_BENEFITS,
        ("propose-benefits", "benefit-file", "approve-benefits", "refuse-benefits"),
    ),
    Entry("calls", _("Appels de fonds"), Permission.READ_CALLS, ("call",)),
    Entry("employers", _("Employeurs"), Permission.READ_EMPLOYERS, ("decide-movements",)),
    Entry(
        "own-incidents",
        _("Incidents"),
        Permission.READ_OWN_INCIDENTS,
        (
            *("own-incident", "write-own", "own-cnil", "own-severity", "own-risk", "own-register"),
            *("sealing-keys", "give-sealing-key", "decide-sealing-key"),
            *("own-page", "write-page-facts", "write-page-questions", "own-person"),
        ),
    ),
    Entry("call-desk", _("Téléphone"), Permission.ANSWER_CALLS),
    Entry(
        "own-campaigns",
        _("Campagnes"),
        Permission.READ_CAMPAIGNS,
        (
            *("campaign", "new-campaign", "campaign-facts", "decide-campaign", "approve-campaign"),
            *("campaign-messages", "told-otherwise", "campaign-sample", "campaign-contacts"),
            *("campaign-letters", "campaign-letter", "letter-returns"),
        ),
        of_the_host=True,
    ),
    Entry(
        "data-requests",
        _("Demandes"),
        Permission.HANDLE_REQUESTS,
        ("data-request", "write-letter"),
    ),
    Entry("chain", _("Chaîne"), Permission.READ_CHAIN),
    Entry(
        "own-data-holds",
        _("Données retenues"),
        Permission.HANDLE_REQUESTS,
        ("own-data-hold", "release-own-data-hold", "hold-file"),
    ),
    Entry("relayed-packages", _("Envois relayés"), Permission.RELAY_PACKAGES, of_hosted=True),
    Entry("check-card", _("Vérifier des droits"), Permission.CHECK_RIGHTS, ("check-typed",)),
    Entry(
        "quote",
        _("Devis"),
        Permission.CHECK_RIGHTS,
        ("quote-typed", "pecs", "pec", "cancel-pec"),
    ),
    Entry(
        "claims",
        _("Factures"),
        Permission.SUBMIT_CLAIMS,
        (
            *("claim", "send-claim", "send-claim-typed", "send-lot", "cancel-claim"),
            *("claim-asked", "correct-claim", "correct-claim-typed", "claim-figures"),
        ),
    ),
    Entry("claims-to-correct", _("Rejets"), Permission.SUBMIT_CLAIMS, counted="to_correct"),
    Entry("payments", _("Paiements"), Permission.READ_PAYMENTS, ("payment", "reconcile")),
    Entry("presence-code", _("Code de présence"), Permission.SHOW_PRESENCE_CODE),
    Entry(
        "bank-details",
        _("Coordonnées bancaires"),
        Permission.READ_BANK_DETAILS,
        ("bank-details-propose", "bank-details-approve"),
    ),
    Entry("lookups", _("Consultations"), Permission.READ_LOOKUPS),
    Entry(
        "guard",
        _("Garde"),
        Permission.READ_GUARD,
        (
            *("guard-account", "guard-decisions", "guard-release-many", "guard-suspend-many"),
            *("guard-canaries", "guard-rules", "measures", "contain", "approve-measure"),
            *("end-measure", "release-account", "establish-theft"),
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
        "runs",
        _("Paiements"),
        Permission.READ_RUNS,
        ("run", "plan-run", "approve-run", "refuse-run", "bank-files", "suspense"),
        of_the_host=True,
    ),
    Entry("claim-counts", _("Factures"), Permission.READ_SERVICES, of_the_host=True),
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
            *("incident-suspects", "incident-person"),
            *("evidence-holds", "evidence-hold", "place-evidence-hold"),
            *("incident-packages", "send-packages", "incident-package", "withdraw-package"),
            *("incident-clocks", "assign-clock", "say-trait", "incident-authorities"),
            *("record-submission", "incident-severity", "decide-risk", "incident-cnil"),
            *("incident-dora", "incident-papers"),
        ),
    ),
    Entry("clocks", _("Échéances"), Permission.READ_CLOCKS, of_the_host=True),
    Entry("breach-register", _("Violations"), Permission.READ_CLOCKS, of_the_host=True),
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
        "purges",
        _("Conservation"),
        Permission.MANAGE_RETENTION,
        (
            *("purge", "plan-purge", "approve-purge", "refuse-purge", "retention-schedules"),
            *("retention-schedule", "propose-schedule", "approve-schedule", "refuse-schedule"),
            *("data-holds", "data-hold", "release-data-hold", "hold-inquired"),
            "change-periods",
        ),
        of_the_host=True,
    ),
    Entry("backups", _("Sauvegardes"), Permission.READ_SERVICES, of_the_host=True),
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

MOST_FLAT: Final = 8
"""The most links that are shown side by side; beyond, groups have a second line."""
# Pages shown under one name to whoever opens two of them or more, in this order.
GROUPS: Final = (
    (
        _("Tiers payant"),
        ("runs", "insured-claims", "claim-counts", "claim-holds", "benefits", "calls"),
    ),
    (
        _("Adhérents"),
        ("members", "cards", "employers", "disputes", "waves", "call-desk"),
    ),
    (
        _("Protection"),
        (
            *("guard", "services", "presence-policies", "terminals", "bank-reviews"),
            *("exposure-flags", "insurer-limits"),
        ),
    ),
    (
        _("Incidents"),
        (
            *("incidents", "own-incidents", "own-campaigns", "relayed-packages", "clocks"),
            *("breach-register", "inquiries", "holds", "chain"),
        ),
    ),
    (_("Données"), ("data-requests", "own-data-holds", "purges", "backups", "erasures")),
    (_("Traces"), ("lookups", "own-lookups", "own-feeds", "insurer-figures", "ledger", "jobs")),
    (_("Comptes"), ("organisation", "organisations", "software", "reports")),
    (_("Mes messages"), ("my-messages", "my-reports")),
    (_("Mes soins"), ("my-claims", "my-pecs")),
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
    """Return the links of a visitor, in the order of the table; a group stands where it begins.

    Args:
        visitor: Who is signed in.
        here: The route of the page they are on.
        now: The instant of the request.
    """
    links = {
        entry.route: Link(
            address=reverse(entry.route),
            label=entry.label,
            is_here=here in (entry.route, *entry.also),
            counted=entry.counted,
        )
        for entry in ENTRIES
        if can(visitor, entry.permission, now=now) and not _is_anothers(entry, visitor)
    }
    for label, routes in GROUPS if len(links) > MOST_FLAT else ():
        _join(links, label, [route for route in routes if route in links])
    return list(links.values())


def _is_anothers(entry: Entry, visitor: Visitor) -> bool:
    """Say whether an entry is for agents of another kind of operator than the visitor's."""
    if visitor.is_host:
        return entry.of_hosted
    return entry.of_the_host and visitor.org_kind == "operator"


def _join(links: dict[str, Link], label: Promise, routes: list[str]) -> None:
    """Put links under one name, where the first of them in the table was."""
    if len(routes) < 2:
        return
    inner = tuple(links[route] for route in routes)
    place = next(route for route in links if route in routes)
    links[place] = Link(
        address=inner[0].address,
        label=label,
        is_here=any(link.is_here for link in inner),
        inner=inner,
    )
    for route in routes:
        if route != place:
            del links[route]


def name_space(role: Role) -> Promise:
    """Return what the space of this role is called."""
    [name] = [name for roles, name in SPACES if role in roles]
    return name
