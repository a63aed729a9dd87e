"""Compact signed tokens (JWS): taken apart strictly, verified with public keys of a closed list.

Refuses `alg` none, shared secrets, private keys, critical extensions and any key too weak to count.
The algorithm comes from the key: a header never chooses it.

Source: RFC 7515, RFC 7518, RFC 8037, RFC 8725 §3.1.
"""

import binascii
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from joserfc.errors import JoseError
from joserfc.jwk import import_key

MAX_TOKEN_BYTES: Final = 8192
MIN_RSA_BITS: Final = 2048

# Decoded twice per call: without the checks that base64 repeats, a third less.
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_PADDING: Final = (b"", b"===", b"==", b"=")
_COMPACT: Final = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_HEADER: Final = msgspec.json.Decoder(dict[str, Any])
_SHA256: Final = hashes.SHA256()
_ECDSA: Final = ec.ECDSA(_SHA256)
_PSS: Final = padding.PSS(mgf=padding.MGF1(_SHA256), salt_length=_SHA256.digest_size)
_MEMBERS: Final[Mapping[tuple[object, object], tuple[str, ...]]] = {
    ("EC", "P-256"): ("kty", "crv", "x", "y"),
    ("OKP", "Ed25519"): ("kty", "crv", "x"),
    ("RSA", None): ("kty", "n", "e"),
}


class BadSignature(ValueError):
    """Not a signed token, or not signed by this key. Says nothing of its content."""


class Compact(NamedTuple):
    """The parts of a signed token, not verified.

    Attributes:
        header_segment: The header as it was sent.
        payload: The claims, still bytes.
        signed: What the signature covers.
        signature: The signature.
    """

    header_segment: bytes
    payload: bytes
    signed: bytes
    signature: bytes

    def read_header(self) -> dict[str, Any]:
        """Read the header.

        Raises:
            BadSignature: it is not a JSON object, or it demands what is not understood.
        """
        header = read_object(decode_segment(self.header_segment))
        if "crit" in header:
            raise BadSignature("a critical extension")
        return header


def split_compact(token: bytes) -> Compact:
    """Take a token apart.

    Raises:
        BadSignature: this is not three segments of base64url, or it is too long.
    """
    found = _COMPACT.fullmatch(token) if len(token) <= MAX_TOKEN_BYTES else None
    if found is None:
        raise BadSignature("not a compact token")
    header, payload, signature = found.groups()
    return Compact(
        header,
        decode_segment(payload),
        token[: len(header) + 1 + len(payload)],
        decode_segment(signature),
    )


def decode_segment(segment: bytes) -> bytes:
    """Decode base64url; the alphabet was checked.

    Raises:
        BadSignature: no bytes are written that way.
    """
    try:
        return binascii.a2b_base64(segment.translate(_TO_STANDARD) + _PADDING[len(segment) & 3])
    except ValueError as wrong:
        raise BadSignature("base64url") from wrong


def read_object(content: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BadSignature: this is not one.
    """
    try:
        return _HEADER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise BadSignature("not a JSON object") from wrong


class PublicKey:
    """A key that verifies signatures, and the algorithms it is used with."""

    __slots__ = ("_key", "algorithms", "thumbprint")

    def __init__(self, jwk: Mapping[str, object]) -> None:
        """Read a JSON Web Key.

        Raises:
            BadSignature: it is not a public key of a kind and strength that count.
        """
        kind, curve = jwk.get("kty"), jwk.get("crv")
        members = _MEMBERS.get((kind, curve)) if _are_texts(kind, curve) else None
        if members is None or not _are_texts(*(jwk.get(name) for name in members)):
            raise BadSignature("a key that is not P-256, Ed25519 or RSA")
        if kind == "RSA" and len(str(jwk.get("n"))) * 6 < MIN_RSA_BITS:
            raise BadSignature("an RSA key that is too short")
        try:
            imported = import_key({name: str(jwk[name]) for name in members})
            self._key: Any = imported.public_key
        except (JoseError, KeyError, ValueError, TypeError) as wrong:
            raise BadSignature("a key that is none") from wrong
        if isinstance(self._key, rsa.RSAPublicKey) and self._key.key_size < MIN_RSA_BITS:
            raise BadSignature("an RSA key that is too short")
        self.algorithms = _list_algorithms(self._key)
        self.thumbprint = str(imported.thumbprint())

    def verify(self, algorithm: object, token: Compact) -> None:
        """Verify that this key signed a token with this algorithm.

        Raises:
            BadSignature: it did not.
        """
        if algorithm not in self.algorithms:
            raise BadSignature("an algorithm that is not this key's")
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(token.signature, token.signed)
            elif isinstance(self._key, ec.EllipticCurvePublicKey):
                self._key.verify(_encode_pair(token.signature), token.signed, _ECDSA)
            elif algorithm == "PS256":
                self._key.verify(token.signature, token.signed, _PSS, _SHA256)
            else:
                self._key.verify(token.signature, token.signed, padding.PKCS1v15(), _SHA256)
        except InvalidSignature as wrong:
            raise BadSignature("the signature is another one") from wrong


def _encode_pair(signature: bytes) -> bytes:
    """Turn the two numbers of ES256, 32 bytes each, into what the library verifies."""
    if len(signature) != 64:
        raise BadSignature("an ES256 signature has 64 bytes")
    return utils.encode_dss_signature(
        int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    )


def _list_algorithms(key: object) -> tuple[str, ...]:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return ("EdDSA", "Ed25519")
    return ("ES256",) if isinstance(key, ec.EllipticCurvePublicKey) else ("PS256", "RS256")


def _are_texts(*values: object) -> bool:
    return all(value is None or isinstance(value, str) for value in values)
