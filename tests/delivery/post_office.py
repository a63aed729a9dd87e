"""A relay to send to, e-mails to send, and what reads the reports."""

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rempart.exchange.notice_mail import Mailroom, Written, compose_mail
from rempart.exchange.smtp_transport import Fate, Outcome, Outgoing, Post, Relay
from rempart.kernel.email_address import EmailAddress
from rempart.notices.envelopes import EnvelopeKey
from rempart.simulators.smtp import MailHandler, RelayController

KEY = EnvelopeKey(bytes(range(32)))
ROOM = Mailroom(
    from_address=EmailAddress.parse("avis@tp.invalid"),
    bounces_address=EmailAddress.parse("retours@tp.invalid"),
    key=KEY,
)
TEXT = "Bonjour Camille,\n\n.un point au début d’une ligne\nVotre nom a été lu.\n"
WRITTEN = Written(
    number=1,
    recipient=EmailAddress.parse("lou@mel.invalid"),
    insurer="Santé Démo",
    reply_to=EmailAddress.parse("dpo@complementaire.invalid"),
    subject="Vol de données chez Tiers Démo",
    text=TEXT,
    language="fr",
    written_at=datetime(2026, 11, 23, 10, tzinfo=UTC),
)


def write_mail(number: int, recipient: str = "lou@mel.invalid", **changes: Any) -> Outgoing:
    """Write an e-mail to somebody."""
    address = EmailAddress.parse(recipient)
    return compose_mail(ROOM, replace(WRITTEN, number=number, recipient=address, **changes))


@contextlib.contextmanager
def serving(
    handler: MailHandler, port: int, tls: ssl.SSLContext | None = None, **options: Any
) -> Iterator[MailHandler]:
    """Run a relay until the end."""
    controller = RelayController(handler, port=port, tls=tls, **options)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


def make_relay(port: int, **changes: Any) -> Relay:
    """Say where the relay of a test is: few connections, little patience."""
    usual = Relay(
        host="127.0.0.1", port=port, security="none", timeout_s=3, message_s=6, connections=2
    )
    return replace(usual, **changes)


def send(relay: Relay, *messages: Outgoing) -> dict[int, Outcome]:
    """Send once; return what became of each."""
    with Post(relay) as post:
        return {one.number: one for one in post.send(messages)}


def fates(outcomes: dict[int, Outcome]) -> dict[int, Fate]:
    """Say only whether each left."""
    return {number: one.fate for number, one in outcomes.items()}
