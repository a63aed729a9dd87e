"""What people of the console and of an establishment do about presence: policies, and readers.

Refuses an establishment the registration of its own readers: what a reader signs opens anybody's
rights, so whoever stole the account of a holder could register one and need no card any more. An
establishment sees its readers and stops them.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.listing import Listing
from rempart.rights.presence import PresencePolicy
from rempart.storage import presence_pages
from rempart.storage.connect import Transaction
from rempart.storage.presence_pages import ListedPolicy, ListedTerminal, TerminalColumn, Typed
from rempart.workflows.accounts.administer_organisation import Asker, check_can_as_host
from rempart.workflows.accounts.web_session import record_event
from rempart.workflows.rights import bound_presence

__all__ = ["ListedPolicy", "ListedTerminal", "TerminalColumn", "Typed"]

LABEL_LETTERS: Final = 80
TOUCHED_DURING: Final = timedelta(days=1)
_NO_BOUND: Final = 2**31 - 1


def list_policies(
    tx: Transaction, asker: Asker, *, limit: int, offset: int = 0
) -> tuple[list[ListedPolicy], int]:
    """Return one page of the policies, the widest first, and how many there are.

    Raises:
        NotAllowed: not theirs to see.
    """
    check_can(asker.visitor, Permission.READ_SERVICES, now=asker.now)
    return presence_pages.list_policies(tx, limit=limit, offset=offset)


def preview_policy(
    tx: Transaction,
    asker: Asker,
    policy: PresencePolicy,
    *,
    rpps: str | None,
    establishment: str | None,
) -> Typed:
    """Count what was typed during the last day by those a policy would touch.

    Raises:
        NotAllowed: not theirs to set.
        NotFound: no such professional or establishment.
        InvalidRequest: both are named.
    """
    check_can_as_host(asker, Permission.SET_PRESENCE)
    establishment_ref, account_ref = bound_presence.find_whom(tx, rpps, establishment)
    bound = policy.typed_persons_per_day
    return presence_pages.count_typed(
        tx,
        establishment_ref=establishment_ref,
        account_ref=account_ref,
        since_ms=int((asker.now - TOUCHED_DURING).timestamp() * 1000),
        bound=_NO_BOUND if bound is None else bound,
    )


def set_policy(
    tx: Transaction,
    asker: Asker,
    policy: PresencePolicy,
    *,
    rpps: str | None,
    establishment: str | None,
    policy_ref: int,
) -> None:
    """Set a policy; every gateway applies it within two seconds.

    Raises:
        NotAllowed: not theirs to set (StepUpNeeded: not without a fresh ceremony).
        NotFound: no such professional or establishment, or they are not of the host.
        InvalidRequest: both are named.
    """
    check_can_as_host(asker, Permission.SET_PRESENCE)
    bound_presence.set_policy(
        tx,
        policy,
        rpps=rpps,
        establishment=establishment,
        policy_ref=policy_ref,
        set_by=asker.visitor.actor_ref,
    )
    _record(tx, asker, SecurityEventKind.PRESENCE_SET, {})


def remove_policy(tx: Transaction, asker: Asker, policy_ref: int) -> None:
    """Take a policy back: the next wider one applies.

    Raises:
        NotAllowed: not theirs to remove (StepUpNeeded: not without a fresh ceremony).
        NotFound: no such policy, or they are not of the host.
    """
    check_can_as_host(asker, Permission.SET_PRESENCE)
    if not presence_pages.delete_policy(tx, policy_ref):
        raise NotFound("there is no such policy")
    _record(tx, asker, SecurityEventKind.PRESENCE_REMOVED, {})


def list_terminals(
    tx: Transaction, asker: Asker, listing: Listing[TerminalColumn]
) -> tuple[list[ListedTerminal], int]:
    """Return one page of the readers one may see, and how many there are.

    Raises:
        NotAllowed: not theirs to see.
    """
    check_can(asker.visitor, Permission.READ_TERMINALS, now=asker.now)
    return presence_pages.list_terminals(tx, listing)


def read_terminal(tx: Transaction, asker: Asker, terminal_ref: int) -> ListedTerminal:
    """Return one reader.

    Raises:
        NotAllowed: not theirs to see.
        NotFound: there is none for them.
    """
    check_can(asker.visitor, Permission.READ_TERMINALS, now=asker.now)
    found = presence_pages.find_terminal(tx, terminal_ref)
    if found is None:
        raise NotFound("no such reader")
    return found


def register_terminal(
    tx: Transaction,
    asker: Asker,
    jwk: Mapping[str, str],
    *,
    establishment: str,
    label: str,
    terminal_ref: int,
) -> str:
    """Believe what a reader signs from now on; return the name of its key.

    Raises:
        NotAllowed: not theirs to register (StepUpNeeded: not without a fresh ceremony).
        NotFound: no such establishment, or they are not of the host.
        InvalidRequest: no label.
        Conflict: the key is registered already.
    """
    check_can_as_host(asker, Permission.REGISTER_TERMINAL)
    kid = bound_presence.register_terminal(
        tx,
        jwk,
        establishment=establishment,
        label=label,
        terminal_ref=terminal_ref,
        registered_by=asker.visitor.actor_ref,
    )
    _record(tx, asker, SecurityEventKind.TERMINAL_REGISTERED, {"label": label.strip()})
    return kid


def revoke_terminal(tx: Transaction, asker: Asker, terminal_ref: int) -> None:
    """Stop a reader for ever, within five seconds everywhere.

    Raises:
        NotAllowed: not theirs to stop.
        NotFound: there is none for them.
        Conflict: it is stopped already.
    """
    check_can(asker.visitor, Permission.REVOKE_TERMINAL, now=asker.now)
    found = read_terminal(tx, asker, terminal_ref)
    if found.revoked_at is not None or not bound_presence.revoke_terminal(tx, found.kid):
        raise Conflict("this reader is stopped already")
    _record(tx, asker, SecurityEventKind.TERMINAL_REVOKED, {"label": found.label})


def _record(
    tx: Transaction, asker: Asker, kind: SecurityEventKind, details: Mapping[str, str]
) -> None:
    visitor = asker.visitor
    record_event(
        tx,
        SecurityEvent(
            kind=kind,
            actor_ref=visitor.actor_ref,
            session_ref=visitor.session_ref,
            org_ref=visitor.org_ref,
            address=asker.whence.address,
            agent=asker.whence.agent,
            details=details,
        ),
    )
