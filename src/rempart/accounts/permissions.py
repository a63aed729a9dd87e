"""Who may do what, for which purpose: one table, which docs/reference/permissions.md prints.

Refuses whatever the table does not grant. A sensitive act also needs a step-up: a fresh ceremony of
the same kind as the sign-in, minutes ago, by the person at the keyboard.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from rempart.accounts.employer_grants import EMPLOYER_GRANTS
from rempart.accounts.grant import Grant
from rempart.accounts.permission_names import Permission
from rempart.accounts.roles import ADMINISTRATORS, ROLES_OF, Role
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import NotAllowed, StepUpNeeded

__all__ = ["GRANTS", "STEP_UP_LIFETIME", "Grant", "Permission", "can", "check_can", "is_stepped_up"]

STEP_UP_LIFETIME: Final = timedelta(minutes=5)


_EVERYBODY: Final = frozenset(Role)
_CARE: Final = frozenset({Role.HOLDER, Role.LOCUM, Role.ASSISTANT})
_ESTABLISHMENT: Final = frozenset(ROLES_OF["establishment"])
_BANK: Final = frozenset({Role.HOLDER, Role.ESTABLISHMENT_MANAGER})
_OPERATOR: Final = frozenset(ROLES_OF["operator"])
_PUBLISHER: Final = frozenset(ROLES_OF["publisher"])
_AGENTS: Final = _EVERYBODY - {Role.MEMBER}
_ADMINS: Final = frozenset(ADMINISTRATORS.values()) | {Role.HOLDER}
_INCIDENTS: Final = _OPERATOR
_SECURITY: Final = frozenset({Role.OPERATOR_ADMIN, Role.OPERATOR_SECURITY})
_OPERATIONS: Final = frozenset({Role.OPERATOR_ADMIN, Role.OPERATOR_OPS})
_ERASURES: Final = frozenset({Role.OPERATOR_ADMIN, Role.OPERATOR_DPO})
_ROOM: Final = frozenset({Role.OPERATOR_ADMIN, Role.OPERATOR_SECURITY, Role.OPERATOR_DPO})
_ANSWERS_FOR_MEMBERS: Final = frozenset({Role.INSURER_ADMIN, Role.INSURER_DPO})
# An insurer answers for its members' data, the operator for those of professionals.
_TELLS: Final = _ANSWERS_FOR_MEMBERS | {Role.OPERATOR_ADMIN, Role.OPERATOR_DPO}
_CHAIN: Final = _OPERATOR | _ANSWERS_FOR_MEMBERS
_TABLES: Final = frozenset({Role.INSURER_ADMIN, Role.INSURER_MANAGER})
_SOFTWARE: Final = frozenset({Role.OPERATOR_ADMIN, Role.OPERATOR_OPS, Role.PUBLISHER_ADMIN})

GRANTS: Final[Mapping[Permission, Grant]] = MappingProxyType(
    {
        Permission.READ_OWN_ACCOUNT: Grant(
            roles=_EVERYBODY, purpose="see one's own sessions, keys and events"
        ),
        Permission.MANAGE_OWN_KEYS: Grant(
            roles=_EVERYBODY, purpose="add, name or revoke one's own passkeys", step_up=True
        ),
        Permission.MANAGE_OWN_ADDRESSES: Grant(
            roles=_EVERYBODY, purpose="say where one is warned", step_up=True
        ),
        Permission.END_OWN_SESSION: Grant(
            roles=_EVERYBODY, purpose="close one's own sessions, here or elsewhere"
        ),
        Permission.REPORT_EVENT: Grant(
            roles=_EVERYBODY, purpose="say that an event was not one's own doing"
        ),
        Permission.CHECK_RIGHTS: Grant(roles=_CARE, purpose="bill care by tiers payant"),
        # The same roles: the gateway lets somebody in by where they work, once for both.
        Permission.SUBMIT_CLAIMS: Grant(
            roles=_CARE, purpose="send claims, follow them and take them back"
        ),
        Permission.READ_BANK_DETAILS: Grant(
            roles=_BANK, purpose="see where the establishment is paid (last digits)"
        ),
        Permission.PROPOSE_BANK_DETAILS: Grant(
            roles=_BANK, purpose="have the establishment paid on another account", step_up=True
        ),
        Permission.APPROVE_BANK_DETAILS: Grant(
            roles=_BANK, purpose="confirm a colleague's change of account", step_up=True
        ),
        Permission.CANCEL_BANK_DETAILS: Grant(
            roles=_BANK | _SECURITY, purpose="stop a change of account that should not be"
        ),
        Permission.REVIEW_BANK_DETAILS: Grant(
            roles=_SECURITY, purpose="see the changes of account under way"
        ),
        Permission.SETTLE_BANK_DETAILS: Grant(
            roles=_SECURITY,
            purpose="approve a change of account that nobody else there can",
            step_up=True,
        ),
        Permission.ENTER_PROFESSIONAL_SPACE: Grant(
            roles=_ESTABLISHMENT, purpose="work in the professional portal"
        ),
        Permission.ENTER_MEMBER_SPACE: Grant(
            roles=frozenset({Role.MEMBER}), purpose="see one's own cards and consultations"
        ),
        Permission.ENTER_INSURER_SPACE: Grant(
            roles=frozenset(ROLES_OF["insurer"]), purpose="work for the insurer's own members"
        ),
        Permission.ENTER_EMPLOYER_SPACE: Grant(
            roles=frozenset(ROLES_OF["employer"]), purpose="work for the employer's own staff"
        ),
        Permission.ENTER_PUBLISHER_SPACE: Grant(
            roles=_PUBLISHER, purpose="look after the publisher's own software"
        ),
        Permission.ENTER_CONSOLE: Grant(roles=_OPERATOR, purpose="operate the platform"),
        Permission.READ_ORGANISATION: Grant(
            roles=_AGENTS, purpose="see one's colleagues and their roles"
        ),
        Permission.READ_ORGANISATIONS: Grant(
            roles=_SECURITY | {Role.OPERATOR_OPS},
            purpose="see every organisation of the platform (host operator only)",
        ),
        Permission.INVITE_AGENT: Grant(
            roles=_ADMINS, purpose="let a colleague enrol a passkey", step_up=True
        ),
        Permission.CHANGE_ROLE: Grant(
            roles=_ADMINS, purpose="give a colleague another role", step_up=True
        ),
        Permission.SUSPEND_AGENT: Grant(
            roles=_ADMINS, purpose="stop a colleague's account at once"
        ),
        Permission.RESTORE_AGENT: Grant(
            roles=_ADMINS, purpose="let a colleague's stopped account go on", step_up=True
        ),
        Permission.ASK_RECOVERY: Grant(
            roles=_ADMINS, purpose="ask for a new invitation for a colleague without a key"
        ),
        Permission.APPROVE_RECOVERY: Grant(
            roles=_ADMINS | _SECURITY,
            purpose="confirm another person's request for a new invitation",
            step_up=True,
        ),
        Permission.INVITE_MEMBER: Grant(
            roles=frozenset({Role.INSURER_ADMIN, Role.INSURER_MANAGER}),
            purpose="have a letter with a code sent to a member",
        ),
        Permission.SUSPEND_ORGANISATION: Grant(
            roles=_SECURITY, purpose="stop everybody of one organisation at once", step_up=True
        ),
        Permission.READ_OWN_CARDS: Grant(
            roles=frozenset({Role.MEMBER}), purpose="show one's own card and print it"
        ),
        Permission.ORDER_OWN_CARD: Grant(
            roles=frozenset({Role.MEMBER}),
            purpose="order one's own card or declare it lost",
            step_up=True,
        ),
        Permission.READ_CARDS: Grant(
            roles=frozenset(ROLES_OF["insurer"]),
            purpose="follow the issuing of the insurer's cards, without names",
        ),
        Permission.MANAGE_CARDS: Grant(
            roles=frozenset({Role.INSURER_ADMIN, Role.INSURER_MANAGER}),
            purpose="have a card made again, or take one back",
            step_up=True,
        ),
        Permission.READ_SOFTWARE: Grant(
            roles=_SOFTWARE | _PUBLISHER | _SECURITY, purpose="see registered software and its keys"
        ),
        Permission.REGISTER_SOFTWARE: Grant(
            roles=_SOFTWARE, purpose="let a piece of software call the gateway", step_up=True
        ),
        Permission.ROTATE_SOFTWARE_KEY: Grant(
            roles=_SOFTWARE | _PUBLISHER, purpose="replace a key of one's software", step_up=True
        ),
        Permission.REVOKE_SOFTWARE: Grant(
            roles=_SOFTWARE | _SECURITY, purpose="stop a piece of software at once"
        ),
        Permission.READ_LOOKUPS: Grant(
            roles=_OPERATOR, purpose="watch look-ups, by pseudonyms only"
        ),
        Permission.READ_LEDGER: Grant(roles=_OPERATOR, purpose="see the state of the ledger"),
        Permission.READ_INCIDENTS: Grant(roles=_INCIDENTS, purpose="answer for an incident"),
        Permission.READ_SERVICES: Grant(
            roles=_OPERATOR,
            purpose="see what is cut, until when, and what may be asked without presence",
        ),
        Permission.CUT_SERVICES: Grant(
            roles=_SECURITY,
            purpose="cut rights, or give them back; claims and payments go on",
            step_up=True,
        ),
        Permission.MANAGE_JOBS: Grant(
            roles=_OPERATIONS, purpose="have a job taken up again, or stopped"
        ),
        Permission.READ_GUARD: Grant(
            roles=_ROOM, purpose="see what the guard decided, and why, by account"
        ),
        Permission.CONTAIN: Grant(
            roles=_SECURITY,
            purpose="hold an account or many by a step; claims and payments go on",
            step_up=True,
        ),
        Permission.RELEASE: Grant(
            roles=_SECURITY, purpose="let a held account work again, in one click"
        ),
        Permission.SET_PRESENCE: Grant(
            roles=_SECURITY,
            purpose="say what may be asked without proof that the person is there",
            step_up=True,
        ),
        Permission.READ_TERMINALS: Grant(
            roles=_BANK | _SECURITY | {Role.OPERATOR_OPS},
            purpose="see the readers of Vitale cards of one's establishment; the host, all",
        ),
        Permission.REGISTER_TERMINAL: Grant(
            roles=_SECURITY,
            purpose="believe what a reader of Vitale cards signs (host operator only)",
            step_up=True,
        ),
        Permission.REVOKE_TERMINAL: Grant(
            roles=_BANK | _SECURITY, purpose="stop a reader of Vitale cards for ever"
        ),
        Permission.SHOW_PRESENCE_CODE: Grant(
            roles=frozenset({Role.MEMBER}),
            purpose="show a professional the six digits of this minute",
        ),
        Permission.READ_OWN_HISTORY: Grant(
            roles=frozenset({Role.MEMBER}), purpose="see who consulted one's own rights"
        ),
        Permission.REPORT_CONSULTATION: Grant(
            roles=frozenset({Role.MEMBER}),
            purpose="say that a consultation of one's rights is not understood",
        ),
        Permission.READ_OWN_MESSAGES: Grant(
            roles=frozenset({Role.MEMBER}), purpose="read what one's insurer wrote to one"
        ),
        Permission.SET_PREFERENCES: Grant(
            roles=frozenset({Role.MEMBER}),
            purpose="say how one wants to be written to, in which language and print",
        ),
        Permission.DISPUTE_CARE: Grant(
            roles=frozenset({Role.MEMBER}), purpose="say that care that was billed was not received"
        ),
        Permission.REPORT_MESSAGE: Grant(
            roles=frozenset({Role.MEMBER}),
            purpose="send one's insurer a message that looks like a fraud",
        ),
        Permission.READ_OWN_DATA: Grant(
            roles=frozenset({Role.MEMBER}),
            purpose="see what is held about one, why, and until when",
        ),
        Permission.EXPORT_OWN_DATA: Grant(
            roles=frozenset({Role.MEMBER}),
            purpose="take along a copy of all that is held about one",
            step_up=True,
        ),
        Permission.HEAR_MEMBERS: Grant(
            roles=frozenset(ROLES_OF["insurer"]),
            purpose="read what one's members dispute and report, each one on record, and answer",
        ),
        Permission.ASK_INQUIRY: Grant(
            roles=_ROOM,
            purpose="ask the ledger about a person, and read the answer once a colleague agreed",
        ),
        Permission.APPROVE_INQUIRY: Grant(
            roles=_ROOM, purpose="agree to a colleague's question", step_up=True
        ),
        Permission.ASK_HOLD: Grant(
            roles=_ROOM,
            purpose="ask that entries be shown later to the people they are about, for a judge",
        ),
        Permission.APPROVE_HOLD: Grant(
            roles=_ROOM, purpose="agree to such a delay, or end it", step_up=True
        ),
        Permission.READ_ERASURES: Grant(
            roles=_ERASURES, purpose="see which openings of the ledger were to be erased, and why"
        ),
        Permission.ASK_ERASURE: Grant(
            roles=_ERASURES, purpose="ask that openings of the ledger be erased", step_up=True
        ),
        Permission.APPROVE_ERASURE: Grant(
            roles=_ERASURES, purpose="agree to a colleague's erasure", step_up=True
        ),
        Permission.READ_REPORTS: Grant(
            roles=_SECURITY | {Role.OPERATOR_OPS}, purpose="read what people say was not them"
        ),
        Permission.HANDLE_REPORT: Grant(
            roles=_SECURITY, purpose="decide on a report and write what was done"
        ),
        Permission.READ_PECS: Grant(
            roles=_CARE | frozenset(ROLES_OF["insurer"]) | {Role.MEMBER},
            purpose="see prises en charge: one's establishment's, one's members', one's own",
        ),
        Permission.READ_PAYMENTS: Grant(
            roles=_BANK, purpose="see what the establishment was paid, and for which claims"
        ),
        Permission.READ_CALLS: Grant(
            roles=frozenset({Role.INSURER_ADMIN, Role.INSURER_MANAGER}),
            purpose="see what the insurer is called for, and what was received",
        ),
        Permission.READ_RUNS: Grant(
            roles=_OPERATIONS, purpose="see what is to be paid and what the bank said, in sums"
        ),
        Permission.PLAN_RUN: Grant(roles=_OPERATIONS, purpose="have a day's payments planned"),
        Permission.APPROVE_RUN: Grant(
            roles=_OPERATIONS,
            purpose="agree to a day's payments; a second person agrees too",
            step_up=True,
        ),
        Permission.READ_CLAIM: Grant(
            roles=_ESTABLISHMENT | frozenset(ROLES_OF["insurer"]) | {Role.MEMBER},
            purpose="read what became of a claim one billed, of one's members or of one's own",
        ),
        Permission.READ_INSURED_CLAIMS: Grant(
            roles=frozenset(ROLES_OF["insurer"]),
            purpose="follow the claims of one's members; each one opened is on record",
        ),
        Permission.READ_OWN_CLAIMS: Grant(
            roles=frozenset({Role.MEMBER}), purpose="see one's own reimbursements, explained"
        ),
        Permission.HOLD_CLAIMS: Grant(
            roles=_SECURITY | _TABLES, purpose="have claims wait for a review, and decide on them"
        ),
        Permission.PROPOSE_BENEFITS: Grant(
            roles=_TABLES, purpose="propose what the insurer's contracts pay"
        ),
        Permission.APPROVE_BENEFITS: Grant(
            roles=_TABLES, purpose="confirm a colleague's benefit tables", step_up=True
        ),
        Permission.OPEN_MEMBER_FILES: Grant(
            roles=frozenset(ROLES_OF["insurer"]),
            purpose="open the file of one member, or of one contract, by exact identifiers; each"
            " one is on record, and the member reads it",
        ),
        Permission.READ_FEEDS: Grant(
            roles=frozenset(ROLES_OF["insurer"]),
            purpose="see the insurer's own feeds, and what is wrong in them",
        ),
        Permission.READ_OWN_LOOKUPS: Grant(
            roles=frozenset(ROLES_OF["insurer"]),
            purpose="watch look-ups about the insurer's members, by pseudonyms only",
        ),
        Permission.READ_FIGURES: Grant(
            roles=frozenset(ROLES_OF["insurer"]),
            purpose="see the insurer's figures and its limits, in counts and sums",
        ),
        Permission.SET_OWN_LIMITS: Grant(
            roles=_ANSWERS_FOR_MEMBERS,
            purpose="bound what is asked about members, and what agents open, more strictly than"
            " the operator",
            step_up=True,
        ),
        Permission.WATCH_REIMBURSEMENTS: Grant(
            roles=frozenset(ROLES_OF["insurer"]),
            purpose="see and decide claims that do not look like those of an exposed member",
        ),
        Permission.START_WATCH: Grant(
            roles=_ANSWERS_FOR_MEMBERS,
            purpose="have the claims of exposed members watched, or not any more",
        ),
        Permission.DECLARE_INCIDENT: Grant(
            roles=_ROOM, purpose="open an incident: suspicion is enough"
        ),
        Permission.WORK_INCIDENT: Grant(
            roles=_ROOM, purpose="write in the room of an incident: notes, tasks, decisions"
        ),
        Permission.OVERRULE_SESSION: Grant(
            roles=_ROOM, purpose="set aside the verdict on a session, in writing", step_up=True
        ),
        Permission.PLACE_EVIDENCE_HOLD: Grant(
            roles=_ROOM, purpose="keep evidence beyond its normal expiry"
        ),
        Permission.RELEASE_EVIDENCE_HOLD: Grant(
            roles=_ROOM, purpose="let evidence expire again, in writing", step_up=True
        ),
        Permission.SEND_PACKAGES: Grant(
            roles=_ROOM,
            purpose="send insurers what concerns their members; a second person agrees",
            step_up=True,
        ),
        Permission.READ_CLOCKS: Grant(
            roles=_INCIDENTS, purpose="see what is due to whom, and by when"
        ),
        Permission.NOTIFY_AUTHORITY: Grant(
            roles=_ROOM, purpose="prepare and record what an authority is told", step_up=True
        ),
        Permission.SCORE_SEVERITY: Grant(
            roles=_ROOM, purpose="say how serious an incident is for people, in writing"
        ),
        Permission.READ_OWN_INCIDENTS: Grant(
            roles=_ANSWERS_FOR_MEMBERS, purpose="see the incidents that concern the insurer"
        ),
        Permission.RECEIVE_PACKAGE: Grant(
            roles=_ANSWERS_FOR_MEMBERS,
            purpose="answer for an incident as the insurer: open its package, the hour recorded;"
            " severity, decisions, what its authorities were told",
        ),
        Permission.READ_CAMPAIGNS: Grant(
            roles=_TELLS,
            purpose="see what the insurer tells people, or the operator professionals, how far it"
            " is, by number of message",
        ),
        Permission.MAKE_CAMPAIGN: Grant(
            roles=_TELLS,
            purpose="write what people are told, give contact data, propose it; pause or stop it",
        ),
        Permission.APPROVE_CAMPAIGN: Grant(
            roles=_TELLS,
            purpose="agree, as the second person, to what people are told",
            step_up=True,
        ),
        Permission.POST_LETTERS: Grant(
            roles=_ANSWERS_FOR_MEMBERS,
            purpose="take sealed letters to post, say which came back",
            step_up=True,
        ),
        Permission.MANAGE_SEALING_KEYS: Grant(
            roles=_ANSWERS_FOR_MEMBERS,
            purpose="say which certificate the insurer's packages are sealed for",
            step_up=True,
        ),
        Permission.RELAY_PACKAGES: Grant(
            roles=_ROOM,
            purpose="follow what the insurers one operates for are sent (hosted operators only)",
        ),
        Permission.READ_CHAIN: Grant(
            roles=_CHAIN, purpose="see who works for whom, and what a cut stops for each"
        ),
        Permission.WRITE_INCIDENT_PAGE: Grant(
            roles=_ANSWERS_FOR_MEMBERS,
            purpose="write what the insurer says to everybody about an incident",
        ),
        Permission.PUBLISH_INCIDENT_PAGE: Grant(
            roles=_ANSWERS_FOR_MEMBERS,
            purpose="let everybody read it, or take it back",
            step_up=True,
        ),
        Permission.ANSWER_CALLS: Grant(
            roles=frozenset(ROLES_OF["insurer"]),
            purpose="tell somebody on the telephone what an incident means for them;"
            " each answer is on record",
        ),
        Permission.ASK_ABOUT_PERSON: Grant(
            roles=_TELLS,
            purpose="say what one person lost in an incident, by exact identifiers; each question"
            " is on record, and the person reads it",
        ),
        Permission.MANAGE_RETENTION: Grant(
            roles=_ERASURES, purpose="see what is due to leave, propose how long what is kept"
        ),
        Permission.APPROVE_PURGE: Grant(
            roles=_ERASURES,
            purpose="agree that data leave for ever, or to another schedule (two people)",
            step_up=True,
        ),
        Permission.HANDLE_REQUESTS: Grant(
            roles=_ANSWERS_FOR_MEMBERS,
            purpose="answer what members ask of their data, hold some back, say what interrupts",
        ),
        Permission.MAKE_REQUEST: Grant(
            roles=frozenset({Role.MEMBER}),
            purpose="see what is kept of oneself and until when, and ask something of it",
        ),
        **EMPLOYER_GRANTS,
    }
)


def check_can(visitor: Visitor, permission: Permission, *, now: datetime) -> None:
    """Let a visitor do something, or refuse.

    Args:
        visitor: Who asks.
        permission: What they want to do.
        now: The instant of the request.

    Raises:
        NotAllowed: their role does not have this permission.
        StepUpNeeded: their role has it, after a fresh ceremony.
    """
    grant = GRANTS[permission]
    if visitor.role not in grant.roles:
        raise NotAllowed(f"the role {visitor.role} may not {permission}: ask an administrator")
    if grant.step_up and not is_stepped_up(visitor, now=now):
        raise StepUpNeeded(f"{permission} needs a fresh confirmation of who you are")


def can(visitor: Visitor, permission: Permission, *, now: datetime) -> bool:
    """Say whether `check_can` would let them; a missing step-up counts as yes: it can be given."""
    try:
        check_can(visitor, permission, now=now)
    except StepUpNeeded:
        return True
    except NotAllowed:
        return False
    return True


def is_stepped_up(visitor: Visitor, *, now: datetime) -> bool:
    """Say whether the last fresh ceremony of this session is recent enough for a sensitive act.

    A ceremony dated after now (clocks differ by a little) counts.
    """
    return visitor.stepped_up_at is not None and now - visitor.stepped_up_at < STEP_UP_LIFETIME
