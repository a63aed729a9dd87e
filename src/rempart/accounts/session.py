"""When two requests are one session: same account, software and address, little time between.

A stolen login used from elsewhere never shares a session with its owner: that is what lets
an incident be told by sessions instead of by whole accounts. Refuses to guess who is typing.
"""

from typing import NamedTuple

IDLE_LIMIT_MS = 30 * 60 * 1000
AGENT_LIMIT = 200


class Origin(NamedTuple):
    """Where a request comes from, as far as the door can see.

    Attributes:
        client_ref: The software that asks.
        account_ref: The account it asks for.
        method: How the account came in.
        address: Network address of the caller.
        agent: Software the caller says it uses.
        portal_session_ref: The browser session behind a call of the portals.
    """

    client_ref: int
    account_ref: int
    method: str
    address: str
    agent: str
    portal_session_ref: int | None = None


class Session(NamedTuple):
    """A session and the instant of its last recorded answer."""

    session_ref: int
    last_ms: int


def is_alive(session: Session, *, now_ms: int) -> bool:
    """Say whether a request made now continues this session.

    A session that has been idle for exactly the limit is over. A clock that stepped back does not
    end a session.
    """
    return now_ms - session.last_ms < IDLE_LIMIT_MS


def clean_agent(text: str) -> str:
    """Keep what a User-Agent header may put into the ledger: printable ASCII, bounded length."""
    kept = "".join(c for c in text[: 2 * AGENT_LIMIT] if " " <= c <= "~")
    return kept[:AGENT_LIMIT]
