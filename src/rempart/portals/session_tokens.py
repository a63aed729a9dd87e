"""Access tokens of the portals: one per browser session, exchanged for it, kept in memory only.

The portals are a software like any other: they prove themselves by the home's key and sign each
call. Refuses to write a token anywhere, and to ask for a session that the database has not opened:
the gateway looks at the session itself.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import msgspec

from rempart.accounts.registration import PORTALS_CLIENT_ID
from rempart.accounts.software import (
    ASSERTION_TYPE,
    PORTAL_SESSION,
    PORTAL_SESSION_TYPE,
    TOKEN_EXCHANGE,
)
from rempart.accounts.tokens import SCOPES
from rempart.client.keys import SigningKey
from rempart.client.proofs import LIFETIME_S, make_assertion, make_proof

TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - a path, not a secret
# A token this near to its end is not used any more: the call must arrive before it.
MARGIN_S: Final = 15
MAX_KEPT: Final = 10_000
NONCE_NEEDED: Final = "use_dpop_nonce"


class SessionRefused(Exception):
    """The gateway gives no token for this browser session: it is over."""


class CeremonyNeeded(Exception):
    """An operator asked that whoever uses this session show again who they are."""


class NoToken(Exception):
    """The gateway gives no token now, whatever the session."""


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str = field(repr=False)
    good_until_s: float


class SessionTokens:
    """Exchanges sessions for tokens, and signs the calls made with them. Safe between threads.

    Args:
        public_url: The address of this installation, for which everything is signed.
        key: The key `portals-client` of the home.
        http: The way to the gateways.
        steady_s: A clock that never goes back, in seconds.
    """

    def __init__(
        self,
        *,
        public_url: str,
        key: SigningKey,
        http: httpx.Client,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._public_url = public_url
        self._key = key
        self._http = http
        self._steady_s = steady_s
        # Tokens are bound to a key of this process: a copy of one is worth nothing elsewhere.
        self._proof_key = SigningKey.generate()
        self._kept: dict[int, _Kept] = {}
        self._nonces: dict[str, str] = {}

    def send(
        self,
        base_url: str,
        path: str,
        *,
        session_ref: int,
        headers: dict[str, str],
        method: str = "POST",
        **content: Any,
    ) -> httpx.Response:
        """Make one call for a browser session, with its token and a proof.

        Raises:
            SessionRefused: the session is over; it can have been asked twice.
            CeremonyNeeded: it is older than what an operator decided.
            NoToken: no token can be had now.
            httpx.TransportError: the network broke, or there is nobody.
        """

        def call(token: str) -> httpx.Response:
            signed = {**headers, "Authorization": f"DPoP {token}"}
            return self._send(base_url, path, method=method, token=token, headers=signed, **content)

        kept = self._find(session_ref)
        response = call(kept or self._exchange(base_url, session_ref))
        if response.status_code == httpx.codes.UNAUTHORIZED and kept:
            # It ended on the way, or the gateway's own key changed: the exchange will tell.
            self._kept.pop(session_ref, None)
            response = call(self._exchange(base_url, session_ref))
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._kept.pop(session_ref, None)
            code = str(_read_json(response).get("code"))
            if code == "sign_in_again":
                raise CeremonyNeeded
            raise SessionRefused if code == "access_denied" else NoToken(code)
        return response

    def _find(self, session_ref: int) -> str | None:
        kept = self._kept.get(session_ref)
        return kept.token if kept and self._steady_s() < kept.good_until_s else None

    def _exchange(self, base_url: str, session_ref: int) -> str:
        asked_s = self._steady_s()

        def make_form() -> dict[str, str]:
            # Signed anew at each attempt: an assertion is good for one use.
            return {
                "grant_type": TOKEN_EXCHANGE,
                "scope": " ".join(SCOPES),
                "client_id": PORTALS_CLIENT_ID,
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": make_assertion(
                    self._key, client_id=PORTALS_CLIENT_ID, audience=self._public_url
                ),
                "subject_token_type": PORTAL_SESSION,
                "subject_token": self._sign_session(session_ref),
            }

        response = self._send(base_url, TOKEN_PATH, make_form=make_form)
        document = _read_json(response)
        if response.status_code != httpx.codes.OK:
            if document.get("error") == "invalid_grant":
                raise SessionRefused
            raise NoToken(str(document.get("error", response.status_code)))
        try:
            token, lifetime_s = str(document["access_token"]), float(document["expires_in"])
        except (KeyError, TypeError, ValueError) as wrong:
            raise NoToken("the answer holds no token") from wrong
        self._keep(session_ref, _Kept(token, asked_s + lifetime_s - MARGIN_S))
        return token

    def _keep(self, session_ref: int, kept: _Kept) -> None:
        if len(self._kept) >= MAX_KEPT:
            now_s = self._steady_s()
            self._kept = {ref: one for ref, one in self._kept.items() if now_s < one.good_until_s}
        if len(self._kept) < MAX_KEPT:
            self._kept[session_ref] = kept

    def _sign_session(self, session_ref: int) -> str:
        now = int(time.time())
        claims = {
            "iss": PORTALS_CLIENT_ID,
            "aud": self._public_url,
            "sid": str(session_ref),
            "iat": now,
            "exp": now + LIFETIME_S,
            "jti": secrets.token_urlsafe(16),
        }
        return self._key.sign({"typ": PORTAL_SESSION_TYPE, "kid": self._key.thumbprint}, claims)

    def _send(
        self,
        base_url: str,
        path: str,
        *,
        method: str = "POST",
        token: str = "",
        headers: dict[str, str] | None = None,
        make_form: Callable[[], dict[str, str]] | None = None,
        **content: Any,
    ) -> httpx.Response:
        """Send a signed request; sign it again once if the gateway wants its own nonce."""
        response: httpx.Response
        for _attempt in range(2):
            proof = make_proof(
                self._proof_key,
                method=method,
                url=f"{self._public_url}{path}",
                token=token,
                nonce=self._nonces.get(base_url, ""),
            )
            form = {"data": make_form()} if make_form else content
            response = self._http.request(
                method, f"{base_url}{path}", headers={**(headers or {}), "DPoP": proof}, **form
            )
            nonce = response.headers.get("DPoP-Nonce")
            if nonce:
                self._nonces[base_url] = nonce
            if not _wants_nonce(response):
                break
        return response


def _wants_nonce(response: httpx.Response) -> bool:
    if response.status_code not in (httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED):
        return False
    document = _read_json(response)
    return NONCE_NEEDED in (document.get("error"), document.get("code"))


def _read_json(response: httpx.Response) -> dict[str, Any]:
    try:
        return msgspec.json.decode(response.content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
