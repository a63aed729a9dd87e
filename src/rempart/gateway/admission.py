"""Who comes in: a token of ours, a proof that its key is held now, a bearer who may act.

Refuses in that order, before anything of the body is read. What is refused says the same whether
the token was invented, revoked or stolen.
"""

from collections.abc import Callable
from typing import NamedTuple

from litestar.types import HTTPScope

from rempart.accounts.dpop import NonceNeeded
from rempart.accounts.tokens import CHECK_SCOPE, Bearer, Binding, check_binding
from rempart.gateway.bearers import BearerDirectory
from rempart.gateway.origins import NOWHERE
from rempart.gateway.problems import Reply, format_problem
from rempart.gateway.proofs import Call, ProofChecker, hash_certificate
from rempart.gateway.requests import list_headers
from rempart.gateway.tokens import TokenReader
from rempart.kernel.errors import AccessDenied, RempartError
from rempart.kernel.findings import Language


class Admitted(NamedTuple):
    """Somebody who may ask.

    Attributes:
        bearer: Whom their token names.
        method: How they came in, as the ledger writes it.
        next_nonce: The nonce to sign with from now on, when it is not the one they used.
        profession: Theirs; None when it is not known.
        proved_ms: When they last proved who they are, Unix milliseconds: the last ceremony of a
            browser session; for software, the issue of the token.
    """

    bearer: Bearer
    method: str
    next_nonce: str | None
    profession: str | None = None
    proved_ms: int = 0


class Admission:
    """Lets callers in.

    Args:
        tokens: Reads their tokens.
        proofs: Checks their DPoP proofs.
        bearers: Says who may still act.
        find_certificate: Tells a caller's certificate from the peer and Client-Cert.
        url: The public address of the API, without a path.
    """

    def __init__(
        self,
        *,
        tokens: TokenReader,
        proofs: ProofChecker,
        bearers: BearerDirectory,
        find_certificate: Callable[[str, bytes | None], bytes | None],
        url: str,
    ) -> None:
        self._tokens = tokens
        self._proofs = proofs
        self._bearers = bearers
        self._find_certificate = find_certificate
        self._url = url

    async def admit(self, scope: HTTPScope, *, now_ms: int, use: str = CHECK_SCOPE) -> Admitted:
        """Return who asks, now known to be one who may.

        Args:
            scope: The request.
            now_ms: The instant.
            use: What the token must be for.

        Raises:
            NonceNeeded: the proof lacks a nonce of ours.
            ProofRefused: it does not hold for this call.
            AccessDenied: no token, one that is not in force, or that of somebody who may not act.
            Unavailable: the accounts plane does not answer.
        """
        authorizations = list_headers(scope, b"authorization")
        if len(authorizations) != 1:
            raise AccessDenied("send one Authorization header")
        scheme, _, text = authorizations[0].partition(b" ")
        token, token_hash = self._tokens.read(text, now_ms=now_ms, scope=use)
        next_nonce = None
        if scheme.lower() == b"dpop" and token.binding.kind == "jkt":
            call = Call(scope["method"], self._url + scope["path"], token_hash)
            proofs = list_headers(scope, b"dpop")
            proved = self._proofs.check(
                proofs, call, thumbprint=token.binding.thumbprint, now_ms=now_ms
            )
            next_nonce = proved.next_nonce
        elif scheme.lower() == b"bearer" and token.binding.kind == "x5t#S256":
            check_binding(token, self._read_certificate(scope))
        else:
            raise AccessDenied("a token bound to a key is presented with that key")
        standing = await self._bearers.check(token.bearer, now_ms=now_ms)
        proved_ms = token.issued_s * 1000
        if token.bearer.portal_session_ref is not None:
            # The portals exchange a session for tokens as often as they like: the ceremony counts.
            proved_ms = standing.ceremony_ms or 0
        return Admitted(token.bearer, token.method, next_nonce, standing.profession, proved_ms)

    def forget(self, bearer: Bearer) -> None:
        """Load a bearer again the next time."""
        self._bearers.forget(bearer)

    def find_nonce(self, *, now_ms: int) -> str:
        """Return the nonce that a proof must have now."""
        return self._proofs.find_nonce(now_ms=now_ms)

    def explain(self, refusal: RempartError, language: Language, *, now_ms: int) -> Reply:
        """Write the problem document of a refusal, with the nonce to use when one is missing."""
        reply = format_problem(refusal, language)
        if isinstance(refusal, NonceNeeded):
            nonce = self.find_nonce(now_ms=now_ms).encode()
            reply = reply._replace(headers=(*reply.headers, (b"dpop-nonce", nonce)))
        return reply

    def _read_certificate(self, scope: HTTPScope) -> Binding:
        headers = list_headers(scope, b"client-cert")
        peer = scope["client"][0] if scope["client"] else NOWHERE
        certificate = self._find_certificate(peer, headers[0]) if len(headers) == 1 else None
        if certificate is None:
            raise AccessDenied("the token is bound to a certificate, and none was presented")
        return Binding("x5t#S256", hash_certificate(certificate))
