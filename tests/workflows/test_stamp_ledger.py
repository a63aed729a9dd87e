"""Timestamps by an authority, which openssl plays here, and every way one may be wrong."""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from tests.ledger_samples import read_rows
from tests.witness_samples import grow_log

from rempart.exchange.timestamp_client import TimestampClient
from rempart.kernel.errors import SetupError, Unavailable
from rempart.storage.connect import Database
from rempart.workflows.ledger.stamp_ledger import Stamped, stamp_ledger

CONFIGURATION = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Autorité de test
[tsa_extensions]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = critical,CA:FALSE
[root_extensions]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[tsa]
default_tsa = here
[here]
dir = {directory}
serial = {directory}/serial
crypto_device = builtin
signer_cert = {directory}/tsa.pem
certs = {directory}/tsa.pem
signer_key = {directory}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ordering = yes
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class Authority:
    """A certificate authority and its timestamp service, in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.configuration = directory / "openssl.cnf"
        self.configuration.write_text(CONFIGURATION.format(directory=directory))
        (directory / "serial").write_text("01\n")
        new = ["-newkey", "rsa:2048", "-nodes", "-config", str(self.configuration)]
        self._openssl(
            *("req", "-x509", *new, "-subj", "/CN=Racine de test", "-days", "30"),
            *("-extensions", "root_extensions", "-keyout", "root.key", "-out", "root.pem"),
        )
        self._openssl("req", *new, "-keyout", "tsa.key", "-out", "tsa.csr")
        self._openssl(
            *("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key"),
            *("-CAcreateserial", "-days", "30", "-extfile", str(self.configuration)),
            *("-extensions", "tsa_extensions", "-out", "tsa.pem"),
        )

    @property
    def roots_file(self) -> Path:
        return self.directory / "root.pem"

    def reply(self, query: bytes) -> bytes:
        (self.directory / "query").write_bytes(query)
        self._openssl(
            *("ts", "-reply", "-config", str(self.configuration), "-section", "here"),
            *("-queryfile", "query", "-out", "reply"),
        )
        return (self.directory / "reply").read_bytes()

    def verify(self, data: bytes, token: bytes) -> bool:
        """Let openssl judge a kept timestamp."""
        (self.directory / "data").write_bytes(data)
        (self.directory / "token").write_bytes(token)
        command = [
            "openssl",
            "ts",
            "-verify",
            "-data",
            "data",
            "-in",
            "token",
            "-CAfile",
            "root.pem",
        ]
        judged = subprocess.run(command, cwd=self.directory, capture_output=True, check=False)
        return judged.returncode == 0

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.fail("the timestamp authority of the tests is missing: apt-get install openssl")
    return Authority(tmp_path_factory.mktemp("tsa") / "ca")


Serve = Callable[[Callable[[bytes], tuple[int, bytes]]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function that answers timestamp queries as it is told, on loopback."""
    servers: list[HTTPServer] = []

    def start(answer: Callable[[bytes], tuple[int, bytes]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, body = answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def stamp(database: Database, url: str, authority: Authority) -> list[Stamped]:
    client = TimestampClient(url, authority.roots_file)
    return stamp_ledger(lambda: database.transaction("cosigner"), client)


def test_the_last_checkpoint_of_each_log_is_stamped_once_and_openssl_agrees(
    database: Database, authority: Authority, serve: Serve
):
    grow_log(database, 5)
    grow_log(database, 7, log_id=2)
    url = serve(lambda query: (200, authority.reply(query)))
    assert stamp(database, url, authority) == [Stamped(1, 5), Stamped(2, 7)]
    assert stamp(database, url, authority) == []
    grow_log(database, 1)
    assert stamp(database, url, authority) == [Stamped(1, 6)]
    rows = read_rows(
        database,
        "SELECT note, token FROM ledger.stamp JOIN ledger.checkpoint USING (log_id, size)",
    )
    assert len(rows) == 3
    for note, token in rows:
        assert authority.verify(note.encode(), token)
        assert not authority.verify(note.encode() + b"x", token)


def test_what_does_not_verify_is_not_kept(
    database: Database, authority: Authority, serve: Serve, tmp_path: Path
):
    grow_log(database, 5)
    stranger = Authority(tmp_path / "stranger")
    first = []

    def repeat(query: bytes) -> tuple[int, bytes]:
        first.append(authority.reply(query))
        return 200, first[0]  # a token of another request: another nonce

    for answer in (
        lambda query: (200, stranger.reply(query)),
        lambda query: (200, b"nothing"),
        lambda query: (200, bytes(300_000)),
        lambda query: (500, b""),
        lambda query: (200, authority.reply(query)[:-4] + b"oops"),
    ):
        with pytest.raises(Unavailable):
            stamp(database, serve(answer), authority)
    assert read_rows(database, "SELECT count(*) FROM ledger.stamp") == [(0,)]
    url = serve(repeat)
    assert stamp(database, url, authority) == [Stamped(1, 5)]
    grow_log(database, 1)
    with pytest.raises(Unavailable, match="does not verify"):
        stamp(database, url, authority)


def test_an_authority_that_is_away_and_a_file_without_roots_say_so(
    database: Database, authority: Authority, tmp_path: Path
):
    grow_log(database, 5)
    with pytest.raises(Unavailable, match="does not answer"):
        stamp(database, "http://127.0.0.1:9", authority)
    (tmp_path / "empty.pem").write_text("")
    for file in (tmp_path / "empty.pem", tmp_path / "none.pem"):
        with pytest.raises(SetupError, match="REMPART_TSA_ROOTS_FILE"):
            TimestampClient("http://127.0.0.1:9", file)
