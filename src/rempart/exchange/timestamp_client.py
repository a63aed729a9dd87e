"""Asking a timestamp authority (RFC 3161) when it saw a checkpoint.

Refuses an answer that does not verify under the roots one trusts, or is about something else.
"""

from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import httpx
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from rempart.kernel.errors import SetupError, Unavailable

TIMEOUT_S: Final = 10.0
_LONGEST_ANSWER: Final = 256 * 1024
_HEADERS: Final = {
    "Content-Type": "application/timestamp-query",
    "Accept": "application/timestamp-reply",
}


class Timestamp(NamedTuple):
    """A verified timestamp: when, and the authority's answer in DER."""

    at: datetime
    token: bytes


class TimestampClient:
    """One authority and the roots its certificate leads to.

    Args:
        url: Where it answers.
        roots_file: Certificates one trusts, PEM.
        timeout_s: How long one request may take.
        transport: Another way of carrying requests; tests use it.

    Raises:
        SetupError: the file holds no certificate.
    """

    def __init__(
        self,
        url: str,
        roots_file: Path,
        *,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url
        self._roots = _load_roots(roots_file)
        self._http = httpx.Client(timeout=timeout_s, trust_env=False, transport=transport)

    def stamp(self, text: str) -> Timestamp:
        """Get a timestamp of a text.

        Raises:
            Unavailable: the authority does not answer, or not with a timestamp of this text.
        """
        message = text.encode()
        builder = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256)
        request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
        try:
            answer = self._http.post(self._url, content=request.as_bytes(), headers=_HEADERS)
            answer.raise_for_status()
        except httpx.HTTPError as failure:
            raise Unavailable(
                f"the timestamp authority does not answer ({type(failure).__name__})"
            ) from failure
        if len(answer.content) > _LONGEST_ANSWER:
            raise Unavailable("the timestamp authority answered at too great a length")
        try:
            response = decode_timestamp_response(answer.content)
            verifier = VerifierBuilder.from_request(request)
            for root in self._roots:
                verifier = verifier.add_root_certificate(root)
            verifier.build().verify_message(response, message)
        except (ValueError, VerificationError) as failure:
            raise Unavailable(f"the timestamp does not verify: {failure}") from failure
        return Timestamp(response.tst_info.gen_time, answer.content)


def _load_roots(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as failure:
        raise SetupError(
            f"{file} (REMPART_TSA_ROOTS_FILE) holds no PEM certificate of the timestamp authority"
        ) from failure
