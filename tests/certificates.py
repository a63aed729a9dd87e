"""A certificate authority of our own, for tests, and a proxy that ends TLS as HAProxy would."""

import base64
import contextlib
import datetime as dt
import http.client
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.tokens import make_ec_key

DAY = dt.timedelta(days=1)


def make_name(common_name: str, unit: str = "") -> x509.Name:
    """A subject: a structure's number in OU, a free name in CN."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if unit:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    return x509.Name(parts)


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def der(self) -> bytes:
        """The bytes tokens are bound to the digest of."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def subject(self) -> str:
        """The subject as it is registered."""
        return self.certificate.subject.rfc4514_string()

    @property
    def header(self) -> str:
        """What a proxy writes into Client-Cert."""
        return f":{base64.b64encode(self.der).decode()}:"

    def save(self, path: Path) -> Path:
        """Write certificate and key in PEM."""
        path.write_bytes(
            self.certificate.public_bytes(serialization.Encoding.PEM)
            + self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return path


class Authority:
    """Signs certificates."""

    def __init__(self) -> None:
        self.key = make_ec_key()
        self.name = make_name("Autorité du Test")
        self.certificate = self._sign(self.name, self.key, is_authority=True)

    def issue(
        self, name: x509.Name, *, starts: dt.timedelta = -DAY, ends: dt.timedelta = DAY
    ) -> Certificate:
        """Sign a certificate for a new key."""
        key = make_ec_key()
        return Certificate(self._sign(name, key, starts=starts, ends=ends), key)

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        starts: dt.timedelta = -DAY,
        ends: dt.timedelta = DAY,
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + starts)
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )
        if is_authority:
            usage = x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            )
            builder = builder.add_extension(usage, critical=True)
        else:
            issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
            builder = builder.add_extension(issuer_key, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def save(self, path: Path) -> Path:
        """Write the authority's certificate in PEM."""
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return path


@contextlib.contextmanager
def ending_tls(server: Certificate, authority: Path, to_port: int, path: Path) -> Iterator[str]:
    """Listen with TLS, ask callers for a certificate, pass requests on with it in Client-Cert."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            kept = {k: v for k, v in self.headers.items() if k.lower() != "client-cert"}
            connection: Any = self.connection
            shown = connection.getpeercert(binary_form=True)
            if shown:
                kept["Client-Cert"] = f":{base64.b64encode(shown).decode()}:"
            inner = http.client.HTTPConnection("127.0.0.1", to_port, timeout=20)
            inner.request("POST", self.path, body, kept)
            answer = inner.getresponse()
            content = answer.read()
            inner.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"content-length", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(server.save(path))
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    listening.daemon_threads = True
    listening.socket = context.wrap_socket(
        listening.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listening.server_address[1]}"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
