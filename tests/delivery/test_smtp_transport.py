"""A relay that refuses, waits, dies: what may have left is never said not to have."""

import email
import email.policy
import socket
import ssl
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from tests.certificates import Authority, make_name
from tests.delivery.post_office import (
    TEXT,
    fates,
    make_relay,
    send,
    serving,
    write_mail,
)

from rempart.exchange.smtp_transport import Fate, Post, parse_relay
from rempart.kernel.email_address import EmailAddress
from rempart.kernel.errors import SetupError, Unavailable
from rempart.kernel.findings import BadValue
from rempart.simulators.smtp import MailFault, MailHandler

pytestmark = pytest.mark.timeout(60)


def test_what_the_relay_took_was_delivered_once_with_its_words(tmp_path, unused_port):
    messages = [write_mail(number, f"lou-{number}@mel.invalid") for number in range(1, 30)]
    with serving(MailHandler(folder=tmp_path), unused_port) as relay:
        outcomes = send(make_relay(unused_port), *messages)
    assert set(fates(outcomes).values()) == {Fate.SENT}
    assert {one.code for one in outcomes.values()} == {"250 2.0.0"}
    assert sorted(address for address, _ in relay.delivered) == sorted(
        one.recipient.address for one in messages
    )
    assert {token for _, token in relay.delivered} == {one.token for one in messages}


class Keeper:
    """A handler of aiosmtpd itself, which knows nothing of us nor of reports."""

    def __init__(self) -> None:
        self.envelopes = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"


def test_a_server_that_is_not_ours_reads_the_same_message(unused_port):
    keeper = Keeper()
    controller = Controller(keeper, hostname="127.0.0.1", port=unused_port)
    controller.start()
    try:
        outcomes = send(make_relay(unused_port), write_mail(7))
    finally:
        controller.stop()
    assert fates(outcomes) == {7: Fate.SENT}
    [envelope] = keeper.envelopes
    assert envelope.rcpt_tos == ["lou@mel.invalid"]
    assert envelope.mail_from.startswith("retours+")
    read = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert read.get_content().replace("\r\n", "\n") == TEXT
    assert str(read["From"]) == "Santé Démo <avis@tp.invalid>"
    assert str(read["Subject"]) == "Vol de données chez Tiers Démo"
    assert read["Content-Language"] == "fr"
    assert not read.defects


@pytest.mark.parametrize(
    ("fault", "fate", "code", "delivered"),
    [
        (MailFault.UNKNOWN, Fate.REFUSED, "550 5.1.1", 0),
        (MailFault.LATER, Fate.DEFERRED, "451 4.7.1", 0),
        (MailFault.REFUSE_CONTENT, Fate.REFUSED, "554 5.6.0", 0),
        (MailFault.HANG_UP, Fate.DEFERRED, "", 0),
        (MailFault.LOSE, Fate.UNCERTAIN, "", 0),
        (MailFault.VANISH, Fate.UNCERTAIN, "", 1),
        (MailFault.HANG, Fate.UNCERTAIN, "", 0),
    ],
)
def test_each_way_of_failing_is_told_for_what_it_is_and_the_others_go_on(
    tmp_path, unused_port, fault, fate, code, delivered
):
    messages = [write_mail(1, f"{fault}@mel.invalid"), *(write_mail(n) for n in range(2, 6))]
    with serving(MailHandler(folder=tmp_path), unused_port) as relay:
        outcomes = send(make_relay(unused_port, timeout_s=1, connections=1), *messages)
    assert (outcomes[1].fate, outcomes[1].code) == (fate, code)
    assert {outcomes[n].fate for n in range(2, 6)} == {Fate.SENT}
    assert len(relay.delivered) == 4 + delivered


def test_a_relay_that_refuses_us_stops_everything_and_nothing_left(tmp_path, unused_port):
    with (
        serving(MailHandler(folder=tmp_path, refuses_all=True), unused_port) as relay,
        Post(make_relay(unused_port)) as post,
    ):
        outcomes = post.send([write_mail(n) for n in range(1, 9)])
    assert {one.fate for one in outcomes} == {Fate.NOT_TRIED}
    assert len(outcomes) == 8
    assert isinstance(post.trouble, Unavailable)
    assert "550 5.7.1" in str(post.trouble)
    assert not relay.delivered


def test_a_relay_that_is_not_there_is_said_to_be_away(unused_port):
    with Post(make_relay(unused_port)) as post:
        outcomes = post.send([write_mail(n) for n in range(1, 4)])
    assert {one.fate for one in outcomes} == {Fate.NOT_TRIED}
    assert len(outcomes) == 3
    assert isinstance(post.trouble, Unavailable)


def test_a_server_that_drips_one_letter_at_a_time_is_left(unused_port):
    def drip() -> None:
        with socket.create_server(("127.0.0.1", unused_port)) as server:
            connection, _ = server.accept()
            with connection:
                for letter in b"220-" + b"x" * 400:
                    try:
                        connection.sendall(bytes([letter]))
                    except OSError:
                        return
                    time.sleep(0.1)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    with Post(make_relay(unused_port, timeout_s=30, message_s=1, connections=1)) as post:
        [outcome] = post.send([write_mail(1)])
    assert outcome.fate is Fate.NOT_TRIED
    thread.join(10)


def make_server_context(authority: Authority, folder: Path) -> ssl.SSLContext:
    certificate = authority.issue(make_name("relay"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.save(folder / "relay.pem"))
    return context


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_relay_is_spoken_to_by_tls_with_its_secret(tmp_path, unused_port, security):
    authority = Authority()
    context = make_server_context(authority, tmp_path)
    relay = make_relay(
        unused_port,
        security=security,
        roots=authority.save(tmp_path / "roots.pem"),
        username="rempart",
        secret="a secret of the test",
    )
    handler = MailHandler(folder=tmp_path)
    implicit = security == "tls"
    login = None if implicit else ("rempart", "a secret of the test")
    relay = replace(relay, username="" if implicit else relay.username)
    with serving(handler, unused_port, context, login=login, implicit_tls=implicit):
        assert fates(send(relay, write_mail(1))) == {1: Fate.SENT}
        if login:
            with Post(replace(relay, secret="another")) as post:
                assert post.send([write_mail(2)])[0].fate is Fate.NOT_TRIED
            assert isinstance(post.trouble, SetupError)
            assert "another" not in str(post.trouble)
        with Post(replace(relay, roots=None)) as post:
            assert post.send([write_mail(3)])[0].fate is Fate.NOT_TRIED
    assert isinstance(post.trouble, (SetupError, Unavailable))
    assert len(handler.delivered) == 1


def test_a_relay_that_offers_no_tls_is_given_nothing(tmp_path, unused_port):
    with (
        serving(MailHandler(folder=tmp_path), unused_port) as relay,
        Post(make_relay(unused_port, security="starttls")) as post,
    ):
        assert post.send([write_mail(1)])[0].fate is Fate.NOT_TRIED
    assert isinstance(post.trouble, Unavailable)
    assert not relay.delivered


def test_mutation_a_silence_taken_for_a_failure_would_send_twice(tmp_path, unused_port):
    handler = MailHandler(
        folder=tmp_path, script=lambda _address, tries: {1: MailFault.VANISH}.get(tries)
    )
    with serving(handler, unused_port) as relay:
        where = make_relay(unused_port, connections=1)
        while fates(send(where, write_mail(1)))[1] is not Fate.SENT:
            pass  # nobody sends again what is uncertain: this is what it would do
    assert len(relay.delivered) == 2


@pytest.mark.parametrize(
    "address",
    [
        "lou@mel.invalid\r\nDATA",
        "lou@mel.invalid\nBcc: x@y.fr",
        "<lou@mel.invalid>",
        "Lou <lou@mel.invalid>",
        '"lou\\r\\n"@mel.invalid',
        "lou@mel.invalid NOTIFY=NEVER",
        "lou@mel.invalid,x@y.fr",
        "lou@@mel.invalid",
        "lou@[127.0.0.1]",
        "lou@mel",
        "lou@mel.\u202einvalid",
        "l\u00f6u@mel.invalid",
        "lou@-mel.invalid",
        "😀@mel.invalid",
        "lou@mel..invalid",
        "lou@stra\u00dfe.invalid",  # strasse.invalid for some servers: somebody else's
        f"{'l' * 65}@mel.invalid",
        f"lou@{'mel.' * 70}fr",
        "lou\0@mel.invalid",
        "@mel.invalid",
        "",
    ],
)
def test_what_is_not_one_address_is_refused_without_being_repeated(address):
    with pytest.raises(BadValue) as refused:
        EmailAddress.parse(address)
    assert not address or address not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["Démo\r\nBcc: x@y.fr", "Démo\nSubject: gagné", "Démo\u2028Bcc: x@y.fr", 'D"; <x@y.fr>']
)
def test_a_name_never_makes_a_header(name):
    mail = write_mail(1, insurer=name, subject=name)
    read = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert read["Bcc"] is None
    assert len(read.get_all("Subject")) == 1
    assert [one.addr_spec for one in read["From"].addresses] == ["avis@tp.invalid"]
    assert read.get_content().replace("\r\n", "\n") == TEXT


def test_the_same_message_is_made_again_byte_for_byte():
    assert write_mail(3).content == write_mail(3).content
    assert write_mail(3).token != write_mail(4).token


@pytest.mark.parametrize(
    ("url", "security", "port"),
    [
        ("smtp://relay.example", "starttls", 587),
        ("smtps://relay.example", "tls", 465),
        ("smtp://n%40x@relay.example:2525", "starttls", 2525),
        ("smtp+clear://localhost:1025", "none", 1025),
    ],
)
def test_a_relay_is_reached_by_tls_unless_it_is_on_this_machine(url, security, port):
    relay = parse_relay(url, secret="hush")
    assert (relay.security, relay.port) == (security, port)
    assert "hush" not in repr(relay)


@pytest.mark.parametrize(
    "url",
    [
        "smtp+clear://relay.example",
        "http://relay.example",
        "smtp://",
        "smtp://h/path",
        "smtp://h:99999",
        "relay.example:25",
    ],
)
def test_another_way_of_writing_it_is_refused(url):
    with pytest.raises(SetupError):
        parse_relay(url)
