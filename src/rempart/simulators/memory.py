"""What a simulated provider remembers between two requests: sessions, codes, tokens, requests.

Everything is in this process's memory and ends with it; what is over is forgotten at each visit.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from rempart.simulators.faults import Fault
from rempart.simulators.people import Person

ACCESS_LIFETIME_S: Final = 120
REFRESH_LIFETIME_S: Final = 30 * 60
SESSION_LIFETIME_S: Final = 4 * 3600
SESSION_IDLE_S: Final = 30 * 60
CODE_LIFETIME_S: Final = 60
PAGE_LIFETIME_S: Final = 10 * 60
CIBA_LIFETIME_S: Final = 120
CIBA_INTERVAL_S: Final = 1

Channel = Literal["CARD", "MOBILE"]


@dataclass(slots=True, kw_only=True)
class SsoSession:
    """One person signed in at the provider, in one browser or through one device."""

    sid: str
    person: Person
    channel: Channel
    auth_time: float
    seen: float
    client_ids: set[str] = field(default_factory=set)

    def is_live(self, now: float) -> bool:
        """Say whether it can still be used."""
        return now < min(self.auth_time + SESSION_LIFETIME_S, self.seen + SESSION_IDLE_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingPage:
    """An authorization request whose page is being shown."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    challenge: str
    expires: float


@dataclass(slots=True, kw_only=True)
class Grant:
    """An authorization code, once: `used` keeps it known so that a replay is seen."""

    page: PendingPage
    session: SsoSession
    fault: Fault | None
    expires: float
    used: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """An access token and its refresh token, and what they stand for."""

    access: str
    refresh: str
    client_id: str
    scope: str
    nonce: str
    session: SsoSession
    fault: Fault | None
    access_expires: float
    refresh_expires: float
    jti: str
    issued: float


@dataclass(slots=True, kw_only=True)
class CibaRequest:
    """Somebody asked, on their own device, whether software may act for them."""

    client_id: str
    person: Person
    scope: str
    binding_message: str
    channel: Channel
    expires: float
    next_poll: float
    state: Literal["pending", "approved", "refused"] = "pending"
    auth_time: float = 0.0


class Memory:
    """All of it."""

    def __init__(self) -> None:
        self.sessions: dict[str, SsoSession] = {}
        self.browsers: dict[str, str] = {}  # cookie -> sid
        self.pages: dict[str, PendingPage] = {}
        self.grants: dict[str, Grant] = {}
        self.access: dict[str, Tokens] = {}
        self.refresh: dict[str, Tokens] = {}
        self.ciba: dict[str, CibaRequest] = {}

    def forget(self, now: float) -> None:
        """Drop what is over."""
        self.sessions = {k: v for k, v in self.sessions.items() if v.is_live(now)}
        self.browsers = {k: v for k, v in self.browsers.items() if v in self.sessions}
        self.pages = {k: v for k, v in self.pages.items() if v.expires > now}
        self.grants = {k: v for k, v in self.grants.items() if v.expires > now - PAGE_LIFETIME_S}
        self.access = {k: v for k, v in self.access.items() if v.access_expires > now}
        self.refresh = {k: v for k, v in self.refresh.items() if v.refresh_expires > now}
        self.ciba = {k: v for k, v in self.ciba.items() if v.expires > now - CIBA_LIFETIME_S}

    def keep(self, tokens: Tokens) -> None:
        """Remember tokens just issued."""
        self.access[tokens.access] = tokens
        self.refresh[tokens.refresh] = tokens

    def drop_session(self, sid: str) -> SsoSession | None:
        """End a session and everything issued in it."""
        self.access = {k: v for k, v in self.access.items() if v.session.sid != sid}
        self.refresh = {k: v for k, v in self.refresh.items() if v.session.sid != sid}
        self.grants = {k: v for k, v in self.grants.items() if v.session.sid != sid}
        return self.sessions.pop(sid, None)
