"""What a provider says of sessions already open: end these, or this person is here again.

Refuses a message that served before: a logout token is good for one use.
"""

import hashlib
from datetime import timedelta
from typing import Final

from rempart.storage import professional_accounts
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.web_session import Whence, end_web_session

# Longer than a logout token is acceptable for: after that its age refuses it.
_REMEMBERED: Final = timedelta(minutes=30)


def end_provider_sessions(
    tx: Transaction, provider: str, *, sid: str, subject: str, jti: str, whence: Whence
) -> int | None:
    """End the sessions a provider's logout token names, each with its event.

    Args:
        tx: A transaction of the role `signin`.
        provider: Who says so; its token is verified.
        sid: The provider's session; empty: every session of the subject.
        subject: The provider's name of the person; empty: whoever is in that session.
        jti: The token's own name.
        whence: Where the request comes from.

    Returns:
        How many ended; None when this token served before, and nothing was done.
    """
    digest = hashlib.sha256(f"logout token\0{provider}\0{jti}".encode()).digest()
    if not professional_accounts.use_message(tx, digest, lifetime=_REMEMBERED):
        return None
    refs = professional_accounts.list_provider_sessions(tx, provider, sid=sid, subject=subject)
    return sum(end_web_session(tx, ref, reason="provider", whence=whence) for ref in refs)


def find_session_provider(tx: Transaction, session_ref: int) -> tuple[str, str] | None:
    """Return the provider a live session came through and its name of the person, or None."""
    return professional_accounts.find_session_provider(tx, session_ref)
