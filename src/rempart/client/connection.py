"""The connection to one installation of Rempart, and what a software may do for one person.

Refuses to retry what may have been answered under another name: a question keeps its idempotency
key. Nothing is retried but a proof without the server's nonce, and a token that has just ended.
"""

import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import Any, Final, Self

import httpx

from rempart.client.answers import Person, RightsAnswer, read_answer
from rempart.client.checkpoints import HEADER, CheckpointStore
from rempart.client.keys import SigningKey
from rempart.client.problems import NoAnswer, TokenRefused, Unavailable, read_problem
from rempart.client.proofs import make_assertion, make_proof

TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPE: Final = "rights:check claims:send"
NONCE_NEEDED: Final = "use_dpop_nonce"
# A token this near to its end is not used any more: the call must arrive before it.
MARGIN_S: Final = 15


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and the instant, on this machine's steady clock, from which it is not used."""

    value: str = field(repr=False)
    good_until_s: float


class Nonce:
    """What one server last asked proofs to hold: each gateway has its own."""

    def __init__(self) -> None:
        self.value = ""


class Rempart:
    """A registered software's way to one installation. Safe to share between threads.

    It proves itself by its registered key (private_key_jwt), and its tokens are bound to a key of
    their own (DPoP), drawn anew at each start; or by a TLS client certificate, to which its tokens
    are bound.

    Args:
        url: The installation's public address, such as https://tp.example.
        client_id: The registered name.
        key: The registered key; None with a certificate.
        certificate: Files of the client certificate and of its private key; None with a key.
        agent: How this software calls itself: name and version.
        checkpoints: Where the largest checkpoint seen of each log is kept; in memory by default.
        timeout_s: How long a call may take.
        transport: Another way of carrying requests; tests use it.

    Raises:
        ValueError: neither a key nor a certificate is given, or both are.
    """

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        key: SigningKey | None = None,
        certificate: tuple[str, str] | None = None,
        agent: str = "rempart.client",
        checkpoints: CheckpointStore | None = None,
        timeout_s: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if (key is None) == (certificate is None):
            raise ValueError("give a key or a certificate, one of the two")
        self.url: Final = url.rstrip("/")
        self.client_id: Final = client_id
        self._key = key
        self._proof_key = SigningKey.generate() if key else None
        self._nonce = Nonce()
        self.checkpoints: Final = checkpoints or CheckpointStore()
        tls = ssl.create_default_context()
        if certificate:
            tls.load_cert_chain(*certificate)
        self._http = httpx.Client(
            verify=tls,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 5.0)),
            headers={"User-Agent": agent},
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"<Rempart {self.url} as {self.client_id}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; tokens are forgotten with their `Access`."""
        self._http.close()

    def act_for(self, get_psc_token: Callable[[], str], *, situation: str = "") -> "Access":
        """Act for a professional signed in at Pro Santé Connect.

        Args:
            get_psc_token: Returns their present access token; called again at each renewal.
            situation: FINESS or SIRET of the establishment they act in; empty when they have one.
        """

        def form() -> dict[str, str]:
            return {
                "grant_type": TOKEN_EXCHANGE,
                "subject_token": get_psc_token(),
                "subject_token_type": ACCESS_TOKEN,
                **({"situation": situation} if situation else {}),
            }

        return Access(self, form)

    def act_for_structure(self, *, professional: str = "") -> "Access":
        """Act for the establishment this software is registered for, by its certificate.

        Args:
            professional: RPPS number of the one who answers, where several do.
        """
        form = {"grant_type": "client_credentials"}
        if professional:
            form["professional"] = professional
        return Access(self, lambda: form)

    def ask_token(self, form: Mapping[str, str]) -> AccessToken:
        """Ask the token endpoint for an access token.

        Raises:
            TokenRefused: it gives none; `code` says why.
            NoAnswer: the network broke.
        """
        url = f"{self.url}/oauth/token"
        asked_s = time.monotonic()

        def send() -> httpx.Response:
            # Each attempt signs anew: an assertion is good for one use.
            data = {**form, "scope": SCOPE, "client_id": self.client_id}
            if self._key:
                data["client_assertion_type"] = ASSERTION
                data["client_assertion"] = make_assertion(
                    self._key, client_id=self.client_id, audience=self.url
                )
            return self._post(url, self._nonce, data=data, headers=self._prove(url, self._nonce))

        response = _send_twice_for_nonce(send)
        document = _read_json(response)
        if response.status_code != httpx.codes.OK:
            raise TokenRefused(
                str(document.get("error_description", f"HTTP {response.status_code}")),
                code=str(document.get("error", "server_error")),
                status=response.status_code,
            )
        try:
            lifetime_s = float(document["expires_in"])
            return AccessToken(str(document["access_token"]), asked_s + lifetime_s - MARGIN_S)
        except (KeyError, TypeError, ValueError) as wrong:
            raise TokenRefused("the answer holds no token", code="server_error") from wrong

    def call(
        self, path: str, body: Mapping[str, Any], *, token: str, nonce: Nonce, name: str
    ) -> httpx.Response:
        """Make one call of the API; sign again if the server asks for a nonce.

        Args:
            path: Of the route.
            body: The request.
            token: The access token.
            nonce: Where the nonce of the server that answers this token is kept.
            name: The idempotency key.

        Raises:
            NoAnswer: the network broke.
            LedgerContradicted: the answer shows another log than the one seen so far.
        """
        url = f"{self.url}{path}"
        scheme = "DPoP" if self._proof_key else "Bearer"

        def send() -> httpx.Response:
            headers = {
                "Authorization": f"{scheme} {token}",
                "Idempotency-Key": name,
                **self._prove(url, nonce, token),
            }
            return self._post(url, nonce, json=body, headers=headers, name=name)

        return _send_twice_for_nonce(send)

    def request(
        self, method: str, path: str, *, token: str, nonce: Nonce, **content: Any
    ) -> httpx.Response:
        """Make one call that is the same however often it is made: of claims and lots.

        Args:
            method: GET or POST.
            path: Of the route.
            token: The access token.
            nonce: Where the nonce of the server that answers this token is kept.
            content: What httpx sends: `json`, `content`, `params`, `headers`.

        Raises:
            NoAnswer: the network broke.
        """
        url = f"{self.url}{path}"
        scheme = "DPoP" if self._proof_key else "Bearer"
        given = content.pop("headers", {})

        def send() -> httpx.Response:
            proof = self._prove(url, nonce, token, method=method)
            headers = {**given, "Authorization": f"{scheme} {token}", **proof}
            return self._send(method, url, nonce, headers=headers, **content)

        return _send_twice_for_nonce(send)

    def _prove(
        self, url: str, nonce: Nonce, token: str = "", *, method: str = "POST"
    ) -> dict[str, str]:
        if self._proof_key is None:
            return {}
        proof = make_proof(self._proof_key, method=method, url=url, token=token, nonce=nonce.value)
        return {"DPoP": proof}

    def _post(
        self, url: str, nonce: Nonce, *, headers: Mapping[str, str], name: str = "", **content: Any
    ) -> httpx.Response:
        return self._send("POST", url, nonce, headers=headers, name=name, **content)

    def _send(
        self,
        method: str,
        url: str,
        nonce: Nonce,
        *,
        headers: Mapping[str, str],
        name: str = "",
        **content: Any,
    ) -> httpx.Response:
        before = self.checkpoints.sizes() if name else None
        try:
            response = self._http.request(method, url, headers=dict(headers), **content)
        except httpx.HTTPError as failure:
            # Not the exception's own words: they may hold the address, never the request.
            kind = type(failure).__name__
            raise NoAnswer(f"no answer from {self.url} ({kind})", idempotency_key=name) from None
        nonce.value = response.headers.get("DPoP-Nonce", nonce.value)
        # Only who holds the log answers a question; a refusal may come from who just lost it.
        is_answer = response.status_code == httpx.codes.OK
        self.checkpoints.see(response.headers.get(HEADER, ""), before=before if is_answer else None)
        return response


class Access:
    """What a software may do for one person or structure: it holds their token and renews it.

    Get one with `Rempart.act_for` or `Rempart.act_for_structure`. Safe to share between threads.
    """

    def __init__(self, rempart: Rempart, form: Callable[[], Mapping[str, str]]) -> None:
        self._rempart = rempart
        self._form = form
        self._token: AccessToken | None = None
        self._nonce = Nonce()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Access by {self._rempart.client_id}>"

    def check_rights(
        self,
        person: Person,
        *,
        domain: str,
        care_date: date,
        purpose: str = "billing",
        idempotency_key: str | None = None,
    ) -> RightsAnswer:
        """Ask whether tiers payant is open for one person, one domain and one day.

        Args:
            person: A card's code, or typed identifiers.
            domain: Code of the domain of care, such as PHAR.
            care_date: The day care is given, Paris civil date.
            purpose: billing, quote, admission or recheck.
            idempotency_key: The name of the question; drawn when none is given. To ask the same
                question again after a `Problem`, give the one of the problem.

        Raises:
            Problem: no answer; its class says what to do about it.
        """
        name = idempotency_key or secrets.token_urlsafe(24)
        body = {
            "identifiers": person.to_json(),
            "domain": domain,
            "care_date": care_date.isoformat(),
            "purpose": purpose,
        }
        response = self._with_token(lambda token: self._ask(body, token, name))
        if response.status_code != httpx.codes.OK:
            raise read_problem(
                response.status_code,
                _read_json(response),
                retry_after=response.headers.get("Retry-After", ""),
                idempotency_key=name,
            )
        try:
            return read_answer(_read_json(response))
        except ValueError as wrong:
            raise Unavailable(
                str(wrong), status=response.status_code, retry_after_s=5, idempotency_key=name
            ) from wrong

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Make one call that is the same however often it is made, with a token that is good.

        Raises:
            Problem: no answer; its class says what to do about it.
        """
        return self._with_token(
            lambda token: self._rempart.request(
                method, path, token=token.value, nonce=self._nonce, **content
            )
        )

    def _with_token(self, call: Callable[[AccessToken], httpx.Response]) -> httpx.Response:
        token, was_kept = self._get_token()
        response = call(token)
        if response.status_code == httpx.codes.UNAUTHORIZED and was_kept:
            # It may have ended on the way: once more, with a new one.
            self._forget(token)
            token, _ = self._get_token()
            response = call(token)
        return response

    def _ask(self, body: Mapping[str, Any], token: AccessToken, name: str) -> httpx.Response:
        return self._rempart.call(
            "/v1/rights-checks", body, token=token.value, nonce=self._nonce, name=name
        )

    def _get_token(self) -> tuple[AccessToken, bool]:
        """Return a token that is good for a while, and whether it was there already."""
        with self._lock:
            if self._token and time.monotonic() < self._token.good_until_s:
                return self._token, True
            self._token = self._rempart.ask_token(self._form())
            return self._token, False

    def _forget(self, token: AccessToken) -> None:
        with self._lock:
            if self._token is token:
                self._token = None


def _send_twice_for_nonce(send: Callable[[], httpx.Response]) -> httpx.Response:
    response = send()
    document = _read_json(response) if response.status_code in (400, 401) else {}
    if NONCE_NEEDED in (document.get("error"), document.get("code")):
        response = send()
    return response


def _read_json(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
