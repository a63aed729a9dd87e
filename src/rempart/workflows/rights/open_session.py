"""Which session each question belongs to: one known, one resumed after a restart, or a new one.

Refuses to remember a session before its entry is durable: a batch that fails leaves the book as it
was, and the next question of that origin finds the session in the database, or opens it again.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol

from rempart.accounts.session import IDLE_LIMIT_MS, Origin, Session, is_alive
from rempart.disclosure.session import SessionFacts

_SWEEP_AT: Final = 100_000


class SessionReader(Protocol):
    """Where sessions opened before this process are found."""

    async def load_sessions(
        self, origins: Sequence[Origin], *, log_id: int, log_size: int
    ) -> Mapping[Origin, Session]:
        """Load the last session each origin opened in this log."""
        ...


class SessionBook:
    """The live sessions of one log, by origin.

    Args:
        opened_ms: When this process took the log over. Half an hour later, every session that can
            still be alive is in memory, and the database is not asked any more.
    """

    def __init__(self, *, opened_ms: int) -> None:
        self._sessions: dict[Origin, Session] = {}
        self._complete_ms = opened_ms + IDLE_LIMIT_MS
        self._sweep_at = _SWEEP_AT

    async def find(
        self,
        origins: Collection[Origin],
        *,
        reader: SessionReader,
        log_id: int,
        log_size: int,
        now_ms: int,
    ) -> dict[Origin, Session]:
        """Return the live session of each origin that has one."""
        known = self._sessions
        found = {origin: known[origin] for origin in origins if origin in known}
        if now_ms < self._complete_ms and len(found) < len(origins):
            # The ledger does not know browser sessions: after a restart, each opens another one.
            absent = [o for o in origins if o not in found and o.portal_session_ref is None]
            if absent:
                found |= await reader.load_sessions(absent, log_id=log_id, log_size=log_size)
        return {o: session for o, session in found.items() if is_alive(session, now_ms=now_ms)}

    def remember(self, origin: Origin, session_ref: int, *, now_ms: int) -> None:
        """Note that a session just got a durable answer."""
        self._sessions[origin] = Session(session_ref, now_ms)
        if len(self._sessions) > self._sweep_at:
            self._sessions = {o: s for o, s in self._sessions.items() if is_alive(s, now_ms=now_ms)}
            self._sweep_at = max(_SWEEP_AT, 2 * len(self._sessions))


def open_session(origin: Origin, *, now_ms: int) -> SessionFacts:
    """Draw a new session; it exists once its SESSION entry is durable."""
    return SessionFacts(
        session_ref=secrets.randbits(63) or 1,
        account_ref=origin.account_ref,
        client_ref=origin.client_ref,
        opened_ms=now_ms,
        method=origin.method,
        address=origin.address,
        agent=origin.agent,
    )
