"""Signed posts: what a receiver can check, and where they never go."""

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from tests.alert_samples import make_findings
from tests.certificates import Authority, make_name
from tests.unit.exchange.test_alert_syslog import make_tls

from rempart.exchange.alert_delivery import DeliveryFailed, check_address
from rempart.exchange.alert_webhook import WebhookSender, format_secret, sign
from rempart.kernel.errors import SetupError

KEY = bytes(range(32))
NOW_S = 1_763_800_000
LOOPBACK = (ip_network("127.0.0.0/8"),)


class Receiver(http.server.ThreadingHTTPServer):
    """Answers with the statuses it was given, then 204; keeps what it took."""

    daemon_threads = True

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.statuses = list(statuses)
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.asked = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Answering(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked += 1
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        if status < 300:
            self.server.taken.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"http://127.0.0.1:{self.server.port}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def receiving(*statuses: int, tls: Any = None) -> Iterator[Receiver]:
    with Receiver(*statuses) as receiver:
        if tls is not None:
            receiver.socket = tls.wrap_socket(receiver.socket, server_side=True)
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()


def make_sender(url: str, **changes: Any) -> WebhookSender:
    facts = {"key": KEY, "allowed": LOOPBACK, "clock_s": lambda: NOW_S, "timeout_s": 5.0}
    return WebhookSender(url, **facts | changes)


def test_each_finding_is_one_post_that_its_receiver_can_verify_and_know_again():
    findings = make_findings(2)
    with receiving() as receiver:
        make_sender(f"http://127.0.0.1:{receiver.port}/alerts").send(findings)
    for finding, (headers, body) in zip(findings, receiver.taken, strict=True):
        assert body == finding.body
        assert headers["content-type"] == "application/json"
        assert headers["webhook-id"] == finding.uid == json.loads(body)["metadata"]["uid"]
        # As the receiver computes it, from what it was given.
        secret = base64.b64decode(format_secret(KEY).removeprefix("whsec_"))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mac = hmac.new(secret, signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
        assert headers["webhook-timestamp"] == str(NOW_S)


def test_mutation_a_signature_covers_identifier_instant_and_body():
    signed = {"uid": "a", "sent_s": 1, "body": b"{}"}
    changes: list[dict[str, Any]] = [{}, {"uid": "b"}, {"sent_s": 2}, {"body": b"[]"}]
    assert len({sign(KEY, **signed | change) for change in changes}) == len(changes)
    assert sign(KEY, **signed) != sign(bytes(32), **signed)


def test_what_arrived_before_a_failure_is_counted():
    with receiving(204, 204, 503) as receiver:
        sender = make_sender(f"http://127.0.0.1:{receiver.port}/")
        with pytest.raises(DeliveryFailed, match="answered 503") as failed:
            sender.send(make_findings(5))
    assert failed.value.delivered == 2
    assert receiver.asked == 3


def test_a_redirection_is_not_followed():
    with receiving(307) as receiver:
        sender = make_sender(f"http://127.0.0.1:{receiver.port}/")
        with pytest.raises(DeliveryFailed, match="redirects"):
            sender.send(make_findings())
    assert receiver.asked == 1


def test_a_receiver_that_is_away_is_said_to_be(unused_port: int):
    with pytest.raises(DeliveryFailed, match="does not answer"):
        make_sender(f"http://127.0.0.1:{unused_port}/").send(make_findings())


def test_a_receiver_over_tls_is_verified_by_its_name(tmp_path: Path):
    authority = Authority()
    roots = authority.save(tmp_path / "roots.pem")
    with receiving(tls=make_tls(authority, tmp_path)) as receiver:
        url = f"https://127.0.0.1:{receiver.port}/"
        make_sender(url, roots_file=roots).send(make_findings())
        with pytest.raises(DeliveryFailed):
            make_sender(url, roots_file=Authority().save(tmp_path / "other.pem")).send(
                make_findings()
            )
        # The certificate is for 127.0.0.1: another name that leads there is not it.
        named = f"https://siem.example:{receiver.port}/"
        with pytest.raises(DeliveryFailed):
            make_sender(named, roots_file=roots, resolve=lambda *_: ["127.0.0.1"]).send(
                make_findings()
            )
    assert len(receiver.taken) == 1
    assert make_name("siem")


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.5", "172.16.9.9", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1"),
    ],
)
def test_a_name_that_leads_to_a_private_address_gets_nothing(address: str):
    with receiving() as receiver:
        url = f"https://siem.example:{receiver.port}/"
        sender = make_sender(url, allowed=(), resolve=lambda *_: [address])
        with pytest.raises(SetupError, match="name it in REMPART_ALERT_NETWORKS"):
            sender.send(make_findings())
        # Nor when it also leads to a public one: the choice is not its owner's.
        sender = make_sender(url, allowed=(), resolve=lambda *_: ["9.9.9.9", address])
        with pytest.raises(SetupError, match="name it in REMPART_ALERT_NETWORKS"):
            sender.send(make_findings())
    assert receiver.asked == 0


def test_mutation_a_private_address_that_is_named_is_reached():
    with receiving() as receiver:
        url = f"http://siem.example:{receiver.port}/x?y=z"
        make_sender(url, resolve=lambda *_: ["127.0.0.1"]).send(make_findings())
    [(headers, _)] = receiver.taken
    assert headers["host"] == f"siem.example:{receiver.port}"


def test_public_addresses_need_no_name():
    assert f"{check_address('siem.example', '9.9.9.9', ())}" == "9.9.9.9"
    assert f"{check_address('siem.example', '2620:fe::fe', ())}" == "2620:fe::fe"


def test_plain_http_goes_to_named_addresses_only():
    sender = make_sender("http://siem.example/", allowed=(), resolve=lambda *_: ["9.9.9.9"])
    with pytest.raises(SetupError, match="plain HTTP: use https"):
        sender.send(make_findings())


@pytest.mark.parametrize("url", ["", "siem.example", "ftp://a/", "https://", "https://u:p@a/"])
def test_anything_but_a_web_address_is_refused(url: str):
    with pytest.raises(SetupError, match="https://host/path"):
        make_sender(url)
