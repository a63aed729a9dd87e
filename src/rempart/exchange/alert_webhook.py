"""Findings to a webhook: one signed POST each, by the rules of Standard Webhooks.

Refuses a redirection, a private address nobody named, plain HTTP to the public internet, and a
proxy from the environment. A finding is sent until the receiver says 2xx, under one identifier: a
receiver that has seen it leaves it.

Source:
    S45.
"""

import base64
import hmac
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from rempart.exchange.alert_delivery import (
    TIMEOUT_S,
    DeliveryFailed,
    Network,
    Resolve,
    check_address,
)
from rempart.exchange.alert_ocsf import Finding
from rempart.exchange.alert_syslog import make_tls_context
from rempart.kernel.errors import SetupError


def format_secret(key: bytes) -> str:
    """Write a key as receivers take it: the standard's prefix, and base 64."""
    return f"whsec_{base64.b64encode(key).decode()}"


def sign(key: bytes, *, uid: str, sent_s: int, body: bytes) -> str:
    """Return the signature of one message: HMAC-SHA256 of its identifier, instant and body."""
    signed = f"{uid}.{sent_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host.

    Raises:
        OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]


class WebhookSender:
    """Posts findings to one address.

    The name is resolved before each batch and the connection goes to the very address that was
    checked: a name that changes meanwhile leads nowhere else.

    Args:
        url: Where to.
        key: Signs, 32 bytes.
        allowed: Networks named in the configuration.
        clock_s: Unix seconds.
        roots_file: Certificates one trusts, PEM; the system's when None.
        certificate_file: Our own certificate and key, PEM.
        timeout_s: How long one request may take.
        resolve: Gives the addresses of a host; tests use another.

    Raises:
        SetupError: the URL is not one, or a file cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        key: bytes,
        allowed: Sequence[Network],
        clock_s: Callable[[], int],
        roots_file: Path | None = None,
        certificate_file: Path | None = None,
        timeout_s: float = TIMEOUT_S,
        resolve: Resolve = resolve,
    ) -> None:
        try:
            parts = httpx.URL(url)
        except httpx.InvalidURL:
            parts = httpx.URL("")
        if parts.scheme not in ("http", "https") or not parts.host or parts.userinfo:
            raise SetupError("a webhook is https://host/path, without a name and password in it")
        self.name = f"{parts.scheme}://{parts.netloc.decode()}{parts.path}"
        self._url = parts
        self._key = key
        self._allowed = allowed
        self._clock_s = clock_s
        self._resolve = resolve
        self._http = httpx.Client(
            timeout=timeout_s,
            headers={"User-Agent": "rempart", "Content-Type": "application/json"},
            follow_redirects=False,
            trust_env=False,
            verify=make_tls_context(roots_file, certificate_file),
        )

    def send(self, findings: Sequence[Finding]) -> None:
        """Post findings, in order.

        Raises:
            DeliveryFailed: the receiver is away or does not say 2xx; it had those counted.
            SetupError: the address is private and nobody named it.
        """
        target = self._choose_target()
        for delivered, finding in enumerate(findings):
            try:
                self._post(target, finding)
            except DeliveryFailed as failure:
                raise DeliveryFailed(str(failure), delivered=delivered) from failure

    def _choose_target(self) -> httpx.URL:
        host, port = self._url.host, self._url.port or (443 if self._url.scheme == "https" else 80)
        try:
            found = self._resolve(host, port)
        except OSError as failure:
            raise DeliveryFailed(f"{host} has no address ({failure.strerror})") from failure
        # All of them: which one a connection takes is not for the name's owner to choose.
        address, *_ = [check_address(host, one, self._allowed) for one in found]
        if self._url.scheme == "http" and not any(address in one for one in self._allowed):
            raise SetupError(
                f"{self.name} is plain HTTP: use https, or name its address in "
                "REMPART_ALERT_NETWORKS if the way there is yours"
            )
        return self._url.copy_with(host=str(address))

    def _post(self, target: httpx.URL, finding: Finding) -> None:
        sent_s = self._clock_s()
        headers = {
            "Host": self._url.netloc.decode(),
            "webhook-id": finding.uid,
            "webhook-timestamp": str(sent_s),
            "webhook-signature": sign(self._key, uid=finding.uid, sent_s=sent_s, body=finding.body),
        }
        request = self._http.build_request(
            "POST",
            target,
            content=finding.body,
            headers=headers,
            extensions={"sni_hostname": self._url.host},
        )
        try:
            response = self._http.send(request, stream=True)
            response.close()  # what it says is of no use, and may be long
        except httpx.HTTPError as failure:
            raise DeliveryFailed(
                f"{self.name} does not answer ({type(failure).__name__})"
            ) from failure
        if response.is_redirect:
            raise DeliveryFailed(f"{self.name} redirects: give the address it leads to")
        if not response.is_success:
            raise DeliveryFailed(f"{self.name} answered {response.status_code}")
