"""Sealing for one insurer: CMS EnvelopedData for the key of its certificate.

What is sealed here opens with `openssl cms -decrypt` and nothing of ours. Refuses a certificate
that this cannot be done for, or that would not keep a list of persons secret for years. Proves
nothing of who sealed: the signed note beside the files does.

Source: RFC 5652 (S58), RFC 3565 (AES in CMS, S58); ANSSI, RGS B1 (S59) for the lengths of keys.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_der_private_key,
    load_pem_private_key,
    pkcs7,
)

from rempart.kernel.errors import InvalidRequest

MIN_KEY_BITS: Final = 3072
MAX_KEY_BITS: Final = 8192
MAX_CERTIFICATE_BYTES: Final = 16 * 1024
_SUBJECT_LIMIT: Final = 300
# Parts of a certificate are read when they are asked for: each may be what fails.
_BAD_CERTIFICATE: Final = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion)


class SealRefused(ValueError):
    """A sealed file does not open with this key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A certificate that files may be sealed for.

    Args:
        certificate: DER.
        fingerprint: SHA-256 of it.
        subject: Whom it says it is of, as RFC 4514 writes it.
    """

    certificate: bytes
    fingerprint: bytes
    subject: str
    starts_at: datetime
    ends_at: datetime


def read_recipient(content: bytes, *, at: datetime) -> Recipient:
    """Read a certificate, PEM or DER.

    Args:
        content: The file.
        at: Now: a certificate that is over, or lasts less than a day more, is refused.

    Raises:
        InvalidRequest: it is no certificate, several, a private key, of another kind of key, too
            small a key, over, or made for signing only; the message says what to do.
    """
    if len(content) > MAX_CERTIFICATE_BYTES:
        raise _refuse(f"the file is longer than {MAX_CERTIFICATE_BYTES} bytes: send one only")
    if b"PRIVATE KEY" in content:
        raise _refuse(
            "the file holds a private key: never send it to anybody. Keep it, give the "
            "certificate only, and have a new pair made if this one left your hands"
        )
    try:
        certificate = _load(content)
        key = certificate.public_key()
        subject = certificate.subject.rfc4514_string()
    except _BAD_CERTIFICATE as failure:
        raise _refuse("it is not one X.509 certificate, in PEM or DER") from failure
    if not isinstance(key, rsa.RSAPublicKey):
        raise _refuse(
            "its key is not RSA: have one made with an RSA key of 3072 bits or more "
            "(openssl req -x509 -newkey rsa:3072)"
        )
    if not MIN_KEY_BITS <= key.key_size <= MAX_KEY_BITS:
        raise _refuse(
            f"its RSA key has {key.key_size} bits: from {MIN_KEY_BITS} to {MAX_KEY_BITS} are taken"
        )
    if certificate.not_valid_after_utc <= at:
        raise _refuse(
            f"it ended on {certificate.not_valid_after_utc:%Y-%m-%d}: have a new one made"
        )
    if not _may_encipher(certificate):
        raise _refuse("it is for signing only: its key usage must allow key encipherment")
    der = certificate.public_bytes(Encoding.DER)
    return Recipient(
        certificate=der,
        fingerprint=hashlib.sha256(der).digest(),
        subject=subject[:_SUBJECT_LIMIT],
        starts_at=certificate.not_valid_before_utc,
        ends_at=certificate.not_valid_after_utc,
    )


def seal_file(certificate: bytes, content: bytes) -> bytes:
    """Return a file sealed for the key of a certificate (DER in, DER out), AES-256."""
    return (
        pkcs7.PKCS7EnvelopeBuilder()
        .set_data(content)
        .set_content_encryption_algorithm(algorithms.AES256)
        .add_recipient(x509.load_der_x509_certificate(certificate))
        .encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )


class Opener:
    """Opens what was sealed for one certificate.

    Args:
        certificate: DER.
        private_key: The key file, PEM or DER.
        unlock: What opens the key file, or None.

    Raises:
        SealRefused: the key file does not open, or is not the key of this certificate.
    """

    def __init__(self, certificate: bytes, private_key: bytes, unlock: bytes | None) -> None:
        self._certificate = x509.load_der_x509_certificate(certificate)
        self._key = _load_key(private_key, unlock)
        if self._key.public_key() != self._certificate.public_key():
            raise SealRefused("this key is not the one that the package was sealed for")

    def open(self, sealed: bytes) -> bytes:
        """Open one file.

        Raises:
            SealRefused: it was not sealed for this key, or was changed.
        """
        try:
            return pkcs7.pkcs7_decrypt_der(sealed, self._certificate, self._key, [])
        except (ValueError, UnsupportedAlgorithm) as failure:
            raise SealRefused("a file does not open with this key") from failure


def format_certificate(certificate: bytes) -> bytes:
    """Return a certificate (DER) in PEM."""
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)


def format_fingerprint(fingerprint: bytes) -> str:
    """Write a fingerprint as people compare it, by pairs: `AB:CD:…`."""
    return fingerprint.hex(":").upper()


def _load_key(content: bytes, unlock: bytes | None) -> rsa.RSAPrivateKey:
    load = load_pem_private_key if content.lstrip().startswith(b"-----") else load_der_private_key
    try:
        key = load(content, unlock)
    except TypeError as failure:
        words = "needs its password" if unlock is None else "has no password"
        raise SealRefused(f"the private key {words}") from failure
    except (ValueError, UnsupportedAlgorithm) as failure:
        raise SealRefused("the private key cannot be read: wrong file, or password") from failure
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SealRefused("the private key is not an RSA key")
    return key


def _load(content: bytes) -> x509.Certificate:
    if content.lstrip().startswith(b"-----"):
        [certificate] = x509.load_pem_x509_certificates(content)
        return certificate
    return x509.load_der_x509_certificate(content)


def _may_encipher(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except ValueError as failure:
        raise _refuse("its extensions cannot be read: have another one made") from failure
    return usage.key_encipherment


def _refuse(why: str) -> InvalidRequest:
    return InvalidRequest(f"this certificate is not taken: {why}", (("certificate", why),))
