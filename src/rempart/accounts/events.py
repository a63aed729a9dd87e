"""Security events: every act that concerns the safety of an account, by name. A closed list.

Each is written in the transaction of the act it tells of, so neither exists without the other.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


class SecurityEventKind(enum.StrEnum):
    """What happened. The names are stored: add, never rename."""

    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    STEPPED_UP = "stepped_up"
    SIGNED_OUT = "signed_out"
    SESSION_ENDED = "session_ended"
    SESSION_ENDED_BY_PROVIDER = "session_ended_by_provider"
    INVITED = "invited"
    INVITATION_REVOKED = "invitation_revoked"
    INVITATION_USED = "invitation_used"
    INVITATION_REFUSED = "invitation_refused"
    RECOVERY_ASKED = "recovery_asked"
    RECOVERY_APPROVED = "recovery_approved"
    RECOVERY_REFUSED = "recovery_refused"
    SESSION_BOUND = "session_bound"
    DEVICE_REFUSED = "device_refused"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_RENAMED = "passkey_renamed"
    PASSKEY_REVOKED = "passkey_revoked"
    PASSKEY_CLONED = "passkey_cloned"
    ROLE_GIVEN = "role_given"
    ROLE_CHANGED = "role_changed"
    AGENT_SUSPENDED = "agent_suspended"
    AGENT_RESTORED = "agent_restored"
    ORGANISATION_CREATED = "organisation_created"
    MANDATE_GIVEN = "mandate_given"
    ORGANISATION_SUSPENDED = "organisation_suspended"
    ORGANISATION_RESTORED = "organisation_restored"
    PROVIDER_TRUSTED = "provider_trusted"
    SOFTWARE_REGISTERED = "software_registered"
    SOFTWARE_KEY_ADDED = "software_key_added"
    SOFTWARE_KEY_ENDED = "software_key_ended"
    SOFTWARE_REVOKED = "software_revoked"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - the name of an event, not a secret
    BANK_DETAILS_PROPOSED = "bank_details_proposed"
    BANK_DETAILS_APPROVED = "bank_details_approved"
    BANK_DETAILS_REFUSED = "bank_details_refused"
    BANK_DETAILS_CANCELLED = "bank_details_cancelled"
    BANK_DETAILS_ACTIVE = "bank_details_active"
    CONTACT_ADDED = "contact_added"
    CONTACT_REPLACED = "contact_replaced"
    CONTACT_REMOVED = "contact_removed"
    ERASURE_ASKED = "erasure_asked"
    ERASURE_APPROVED = "erasure_approved"
    ERASURE_REFUSED = "erasure_refused"
    CONSULTATION_REPORTED = "consultation_reported"
    INQUIRY_ASKED = "inquiry_asked"
    INQUIRY_APPROVED = "inquiry_approved"
    INQUIRY_REFUSED = "inquiry_refused"
    HOLD_ASKED = "hold_asked"
    HOLD_APPROVED = "hold_approved"
    HOLD_REFUSED = "hold_refused"
    HOLD_LIFTED = "hold_lifted"
    CARD_ORDERED = "card_ordered"
    CARD_REVOKED = "card_revoked"
    TERMINAL_REGISTERED = "terminal_registered"
    TERMINAL_REVOKED = "terminal_revoked"
    PRESENCE_SET = "presence_set"
    PRESENCE_REMOVED = "presence_removed"
    LIMITS_SET = "limits_set"
    ACCOUNT_CONTAINED = "account_contained"
    ACCOUNT_RELEASED = "account_released"
    OWN_ACCOUNT_RELEASED = "own_account_released"
    MEASURE_ASKED = "measure_asked"
    MEASURE_BEGUN = "measure_begun"
    MEASURE_ENDED = "measure_ended"
    SERVICES_CUT = "services_cut"
    SERVICES_RESTORED = "services_restored"
    SEALING_KEY_PROPOSED = "sealing_key_proposed"
    SEALING_KEY_APPROVED = "sealing_key_approved"
    SEALING_KEY_ENDED = "sealing_key_ended"
    PACKAGE_SENT = "package_sent"
    PACKAGE_REMINDED = "package_reminded"
    CLOCK_DUE = "clock_due"
    EVENT_REPORTED = "event_reported"
    REPORT_HANDLED = "report_handled"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """One event to be written.

    Args:
        kind: What happened.
        actor_ref: Whose account it concerns; None when nobody was recognised.
        by_ref: Who did it, when it was somebody else.
        session_ref: The session in which it was done, if any.
        org_ref: The organisation it concerns, if any.
        address: Where the request came from; empty for the command line.
        agent: What the browser or software calls itself, as `clean_agent` keeps it.
        details: Facts worth keeping; never a secret, never an identifier of a member.
    """

    kind: SecurityEventKind
    actor_ref: int | None
    by_ref: int | None = None
    session_ref: int | None = None
    org_ref: int | None = None
    address: str = ""
    agent: str = ""
    details: Mapping[str, str | int | bool] = field(default_factory=lambda: MappingProxyType({}))
