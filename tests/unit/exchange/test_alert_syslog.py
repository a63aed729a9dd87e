"""Syslog messages to the letter, and receivers that take them, leave, come back or lie."""

import contextlib
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.alert_samples import make_findings
from tests.certificates import Authority, make_name

from rempart.exchange.alert_delivery import DeliveryFailed
from rempart.exchange.alert_syslog import (
    SyslogAddress,
    SyslogSender,
    format_message,
    frame,
    parse_syslog_url,
)
from rempart.incidents.alert import AlertKind
from rempart.kernel.errors import SetupError

# RFC 5424, section 6: HEADER SP STRUCTURED-DATA SP MSG.
RFC5424 = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([!-~]{1,255}) ([!-~]{1,48})"
    rb' ([!-~]{1,128}) ([!-~]{1,32}) (\[[!-~]{1,32}(?: [!-~]{1,32}="[^"\\\]]*")*\]) (.*)',
    re.DOTALL,
)


class Receiver(socketserver.ThreadingTCPServer):
    """Takes counted messages until the sender is done, then closes."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *, tls: ssl.SSLContext | None = None, rude: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Reading)
        self.messages: list[bytes] = []
        self.tls = tls
        self.rude = rude
        self.sender_gone = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Reading(socketserver.BaseRequestHandler):
    server: Receiver

    def handle(self) -> None:
        connection: Any = self.request
        if self.server.rude:
            connection.recv(1)
            self.server.sender_gone.wait(1)
            # Closed with a reset, as the system does for a process that is killed.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
            return
        if self.server.tls is not None:
            connection = self.server.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
            try:
                connection.do_handshake()
            except OSError:
                connection.close()
                return
        content = b""
        while part := connection.recv(4096):
            content += part
        while content:
            length, _, rest = content.partition(b" ")
            self.server.messages.append(rest[: int(length)])
            content = rest[int(length) :]
        if self.server.tls is not None:
            with contextlib.suppress(OSError):
                connection = connection.unwrap()
            connection.close()


@contextlib.contextmanager
def receiving(**how: Any) -> Iterator[Receiver]:
    with Receiver(**how) as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()


def make_sender(way: str, port: int, **changes: Any) -> SyslogSender:
    address = parse_syslog_url(f"{way}://127.0.0.1:{port}")
    return SyslogSender(address, **{"version": "0.1.0", "timeout_s": 5.0, **changes})


def make_tls(authority: Authority, path: Path, **changes: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.issue(make_name("siem"), **changes).save(path / "siem.pem"))
    return context


def test_a_message_is_what_rfc_5424_says():
    [finding] = make_findings(kind=AlertKind.CANARY)
    message = format_message(finding, host="machine.example", version="0.1.0", process=12)
    found = RFC5424.fullmatch(message)
    assert found is not None
    priority, stamp, host, app, process, kind, origin, body = found.groups()
    assert divmod(int(priority), 8) == (10, 2)  # security; critical
    assert stamp == b"2025-11-22T08:26:40.123Z"
    assert (host, app, process, kind) == (b"machine.example", b"rempart", b"12", b"canary")
    assert origin == b'[origin software="rempart" swVersion="0.1.0"]'
    assert body == finding.body


@pytest.mark.parametrize(
    ("host", "written"),
    [("tp-1.example", "tp-1.example"), ("", "-"), ("hôte", "hte"), ("a b\n", "ab")],
)
def test_a_host_name_cannot_break_the_header(host: str, written: str):
    [finding] = make_findings()
    message = format_message(finding, host=host, version='1"]\\', process=1)
    assert message.split(b" ")[2] == written.encode()
    assert b'swVersion="1\\"\\]\\\\"]' in message


def test_octets_are_counted_not_letters():
    assert frame(b"abc") == b"3 abc"
    assert frame("é".encode()) == b"2 \xc3\xa9"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tls://siem.example", ("tls", "siem.example", 6514)),
        ("tcp://siem.example:1601/", ("tcp", "siem.example", 1601)),
        ("udp://[::1]", ("udp", "::1", 514)),
    ],
)
def test_a_receiver_is_named_by_a_url(text: str, address: tuple[str, str, int]):
    assert parse_syslog_url(text) == SyslogAddress(*address)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["", "siem.example", "http://siem.example", "tls://", "tls://a:b@c", "tcp://a/b", "tls://a:x"],
)
def test_anything_else_is_refused_with_what_to_write(text: str):
    with pytest.raises(SetupError, match="write tls://host:6514"):
        parse_syslog_url(text)


def test_findings_arrive_over_tcp_in_order():
    with receiving() as receiver:
        make_sender("tcp", receiver.port).send(findings := make_findings(3))
        assert [
            message.endswith(one.body)
            for message, one in zip(receiver.messages, findings, strict=True)
        ] == [True, True, True]


def test_findings_arrive_over_tls_from_a_receiver_one_trusts(tmp_path: Path):
    authority = Authority()
    roots = authority.save(tmp_path / "roots.pem")
    with receiving(tls=make_tls(authority, tmp_path)) as receiver:
        make_sender("tls", receiver.port, roots_file=roots).send(make_findings(2))
        assert len(receiver.messages) == 2


def test_a_receiver_that_asks_who_sends_is_shown_a_certificate(tmp_path: Path):
    authority = Authority()
    roots = authority.save(tmp_path / "roots.pem")
    tls = make_tls(authority, tmp_path)
    tls.load_verify_locations(roots)
    tls.verify_mode = ssl.CERT_REQUIRED
    ours = authority.issue(make_name("rempart")).save(tmp_path / "ours.pem")
    with receiving(tls=tls) as receiver:
        with pytest.raises(DeliveryFailed):
            make_sender("tls", receiver.port, roots_file=roots).send(make_findings())
        make_sender("tls", receiver.port, roots_file=roots, certificate_file=ours).send(
            make_findings()
        )
        assert len(receiver.messages) == 1


def test_mutation_a_receiver_nobody_vouches_for_gets_nothing(tmp_path: Path):
    stranger = Authority()
    ours = Authority().save(tmp_path / "roots.pem")
    with receiving(tls=make_tls(stranger, tmp_path)) as receiver:
        sender = make_sender("tls", receiver.port, roots_file=ours)
        with pytest.raises(DeliveryFailed, match=r"not trusted.*REMPART_ALERT_ROOTS_FILE"):
            sender.send(make_findings())
        assert receiver.messages == []


def test_a_receiver_that_is_killed_after_taking_the_bytes_has_not_taken_the_findings():
    with receiving(rude=True) as receiver, pytest.raises(DeliveryFailed, match="does not take"):
        make_sender("tcp", receiver.port).send(make_findings(50))


def test_mutation_without_waiting_for_its_end_a_killed_receiver_looks_like_a_good_one(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("rempart.exchange.alert_syslog._wait_for_end", lambda _: None)
    with receiving(rude=True) as receiver:
        make_sender("tcp", receiver.port).send(make_findings(1))
        receiver.sender_gone.set()


def test_a_receiver_that_is_away_is_said_to_be(unused_port: int):
    with pytest.raises(
        DeliveryFailed, match=rf"tcp://127.0.0.1:{unused_port} does not take alerts"
    ):
        make_sender("tcp", unused_port).send(make_findings())


def test_findings_leave_over_udp_one_in_each_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        findings = make_findings(2)
        make_sender("udp", receiver.getsockname()[1]).send(findings)
        for one in findings:
            message = receiver.recv(65_535)
            assert RFC5424.fullmatch(message)
            assert message.endswith(one.body)


@pytest.mark.parametrize("which", ["roots_file", "certificate_file"])
def test_a_file_that_holds_no_certificate_is_named(which: str, tmp_path: Path):
    empty = tmp_path / "empty.pem"
    empty.touch()
    with pytest.raises(SetupError, match=r"empty\.pem \(REMPART_ALERT_"):
        make_sender("tls", 1, **{which: empty})
