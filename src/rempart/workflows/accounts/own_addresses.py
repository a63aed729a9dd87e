"""Say oneself where one is warned: give an address, confirm it by the code sent there, remove it.

Refuses to warn at an address nobody answered from, to leave somebody without one silently, and to
open any: what is given is sealed for whoever sends the warnings, the code too. Each act is told to
every address known, the removed one included.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

from rempart.accounts.contacts import (
    CODE_DIGITS,
    CODE_LIFETIME,
    CODE_TRIES,
    WAITING_LIMIT,
    Channel,
    check_can_remove,
    mask_address,
)
from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import Conflict, NotFound
from rempart.storage import own_addresses
from rempart.storage.connect import Transaction
from rempart.storage.own_addresses import AddressRequest, OwnAddress, WaitingAddress
from rempart.workflows.accounts.warn_contacts import warn_now
from rempart.workflows.accounts.web_session import Whence, draw_ref, record_event

__all__ = ["OwnAddress", "WaitingAddress"]

CloseAddress = Callable[[str, int], bytes]
_NO_CODE: Final = bytes(32)


def list_own_addresses(tx: Transaction, visitor: Visitor) -> list[OwnAddress]:
    """Return where the visitor is warned."""
    return own_addresses.list_own(tx, visitor.actor_ref)


def list_waiting_addresses(tx: Transaction, visitor: Visitor) -> list[WaitingAddress]:
    """Return what the visitor gave and has not confirmed (a transaction of the role `signin`)."""
    return own_addresses.list_waiting(tx, visitor.actor_ref, most=CODE_TRIES)


def give_address(
    tx: Transaction, visitor: Visitor, channel: Channel, address: str, *, close: CloseAddress
) -> int:
    """Keep an address until its code comes back; return its reference.

    Args:
        tx: A transaction of the role `signin`.
        visitor: Whose address it is; their fresh ceremony was checked.
        channel: By e-mail or by SMS.
        address: As `parse_address` returned it.
        close: Seals a text for whoever sends the warnings, bound to a reference.

    Raises:
        Conflict: several wait already; one whose code was tried out counts until it expires, or
            whoever tries wrong codes would write to strangers as often as they like.
    """
    if own_addresses.lock_given(tx, visitor.actor_ref) >= WAITING_LIMIT:
        raise Conflict("several addresses wait for their code already: confirm those first")
    contact_ref = draw_ref()
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    own_addresses.save_request(
        tx,
        AddressRequest(
            contact_ref=contact_ref,
            actor_ref=visitor.actor_ref,
            channel=channel,
            hint=mask_address(channel, address),
            sealed=close(address, contact_ref),
            code_digest=_digest(contact_ref, code),
            sealed_code=close(code, contact_ref),
            lifetime=CODE_LIFETIME,
        ),
    )
    return contact_ref


def confirm_address(
    tx: Transaction, visitor: Visitor, contact_ref: int, code: str, *, whence: Whence
) -> bool:
    """Warn at an address from now on, against its code; False when the code is not the right one.

    A wrong try counts: commit either way.
    """
    known = own_addresses.count_code(tx, visitor.actor_ref, contact_ref, most=CODE_TRIES)
    digits = "".join(code.split())
    if not hmac.compare_digest(known or _NO_CODE, _digest(contact_ref, digits)):
        return False
    channel = own_addresses.keep_confirmed(tx, visitor.actor_ref, contact_ref)
    _record(tx, visitor, SecurityEventKind.CONTACT_ADDED, channel or "", whence=whence)
    return True


def remove_address(
    tx: Transaction, visitor: Visitor, contact_ref: int, *, accepts_silence: bool, whence: Whence
) -> None:
    """Stop warning at an address, which is told so itself, and for some time yet of what follows.

    Args:
        tx: A transaction of the role `signin`.
        visitor: Whose address it is; their fresh ceremony was checked.
        contact_ref: The address.
        accepts_silence: They know that nobody will be warned any more.
        whence: Where from.

    Raises:
        NotFound: it is not one of theirs in use.
        Conflict: it is the last one, and they did not say that they accept it.
    """
    in_use = {one.contact_ref for one in own_addresses.lock_own(tx, visitor.actor_ref)}
    check_can_remove(contact_ref, in_use, accepts_silence=accepts_silence)
    channel = own_addresses.remove_own(tx, visitor.actor_ref, contact_ref)
    if channel is None:
        raise NotFound("no such address of yours")
    _record(tx, visitor, SecurityEventKind.CONTACT_REMOVED, channel, whence=whence)


def _record(
    tx: Transaction, visitor: Visitor, kind: SecurityEventKind, channel: str, *, whence: Whence
) -> None:
    # Of the person, not of the organisation: their private address is no colleague's business.
    event = SecurityEvent(
        kind=kind,
        actor_ref=visitor.actor_ref,
        session_ref=visitor.session_ref,
        address=whence.address,
        agent=whence.agent,
        details={"channel": channel},
    )
    warn_now(tx, record_event(tx, event))


def _digest(contact_ref: int, code: str) -> bytes:
    return hashlib.sha256(
        b"rempart contact code\0" + contact_ref.to_bytes(8) + code.encode()
    ).digest()
