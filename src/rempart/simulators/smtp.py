"""A mail relay on this machine: it takes messages, and reports what became of them, as asked.

Refuses to send anything anywhere: what it takes stays in its folder. It fails on demand, each way a
real one does; whoever sends must come out of it with nobody told twice.
"""

import asyncio
import enum
import itertools
import os
import ssl
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

# What aiosmtpd does not know of RFC 3461: taken out before it looks, kept by the handler.
_REPORT_PARAMETERS: Final = frozenset({"RET", "ENVID", "NOTIFY", "ORCPT"})
DELIVERED_FILE: Final = "delivered.txt"
REPORTS_FOLDER: Final = "reports"


class MailFault(enum.StrEnum):
    """One way of failing."""

    UNKNOWN = "unknown"
    """The address is refused at once: 550 5.1.1."""
    LATER = "later"
    """Not now: 451 4.7.1, as with grey lists."""
    REFUSE_CONTENT = "refuse_content"
    """The whole message is read, then refused: 554 5.6.0."""
    BOUNCE = "bounce"
    """It is taken, and comes back later: a report of failure."""
    BOUNCE_PLAIN = "bounce_plain"
    """The same, by a server that does not write reports for machines."""
    VANISH = "vanish"
    """It is taken and delivered, and the connection dies before anybody says so."""
    LOSE = "lose"
    """The content is read, and the connection dies: it is delivered to nobody."""
    HANG_UP = "hang_up"
    """The connection dies before the content."""
    HANG = "hang"
    """The content is read, and nothing is answered."""


Script: TypeAlias = Callable[[str, int], MailFault | None]
"""What goes wrong for an address, at its so many-th try."""


def fail_by_name(recipient: str, _tries: int) -> MailFault | None:
    """Fail for the addresses whose first part, up to a `-`, names a way of failing."""
    name = recipient.partition("@")[0].partition("-")[0].lower()
    return MailFault(name) if name in set(MailFault) else None


def bounce_some(every: int) -> Script:
    """Make one of so many addresses, always the same, that of nobody."""

    def script(recipient: str, tries: int) -> MailFault | None:
        named = fail_by_name(recipient, tries)
        if named is None and zlib.crc32(recipient.encode()) % every == 0:
            return MailFault.BOUNCE
        return named

    return script


# Without slots: aiosmtpd looks at every member, and Python 3.11.2 has one that cannot be read.
@dataclass(kw_only=True)
class MailHandler:
    """What the relay does with each message.

    Args:
        folder: Where what is delivered is written down, and reports go (a Maildir).
        script: What goes wrong.
        reports: Whether it offers reports of delivery (RFC 3461).
        refuses_all: Whether it refuses every sender.
    """

    folder: Path
    script: Script = fail_by_name
    reports: bool = True
    refuses_all: bool = False
    delivered: list[tuple[str, str]] = field(default_factory=list)
    """Addresses with the token of their message, in order."""
    tries: dict[str, int] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        for name in ("tmp", "new", "cur"):
            (self.folder / REPORTS_FOLDER / name).mkdir(parents=True, exist_ok=True)

    async def handle_EHLO(  # noqa: N802 - the library's name
        self,
        server: SMTP,  # noqa: ARG002 - the library's signature, here and below
        session: Session,
        envelope: Envelope,  # noqa: ARG002
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Offer reports."""
        session.host_name = hostname
        return [*responses[:-1], "250-DSN", responses[-1]] if self.reports else responses

    async def handle_MAIL(  # noqa: N802
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        mail_options: list[str],
    ) -> str:
        """Take a sender, or refuse us."""
        if self.refuses_all:
            return "550 5.7.1 you may not send from here"
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 2.1.0 ok"

    async def handle_RCPT(  # noqa: N802
        self,
        server: SMTP,
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """Take an address, or refuse it."""
        self.tries[address] = self.tries.get(address, 0) + 1
        fault = self.script(address, self.tries[address])
        match fault:
            case MailFault.UNKNOWN:
                return f"550 5.1.1 <{address}>: nobody of that name"
            case MailFault.LATER:
                return f"451 4.7.1 <{address}>: come back later"
            case MailFault.HANG_UP:
                _die(server)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002
        """Take a message, or die."""
        [address] = envelope.rcpt_tos
        fault = self.script(address, self.tries[address])
        match fault:
            case MailFault.REFUSE_CONTENT:
                return "554 5.6.0 this is not read here"
            case MailFault.LOSE:
                _die(server)
                return "421 4.3.0 gone"
            case MailFault.HANG:
                await asyncio.sleep(3600)
            case MailFault.BOUNCE | MailFault.BOUNCE_PLAIN:
                self._report(envelope, address, failed=True, plain=fault is MailFault.BOUNCE_PLAIN)
                return "250 2.0.0 taken"
        self._deliver(envelope, address)
        if fault is MailFault.VANISH:
            _die(server)
        return "250 2.0.0 taken"

    def _deliver(self, envelope: Envelope, address: str) -> None:
        token = _read_token(envelope)
        self.delivered.append((address, token))
        with (self.folder / DELIVERED_FILE).open("a", encoding="utf-8") as lines:
            lines.write(f"{address} {token}\n")
        asked = next((one for one in envelope.rcpt_options if one.startswith("NOTIFY=")), "")
        if self.reports and "SUCCESS" in asked:
            self._report(envelope, address, failed=False, plain=False)

    def _report(self, envelope: Envelope, address: str, *, failed: bool, plain: bool) -> None:
        write = write_plain_bounce if plain else write_report
        content = write(
            sender=envelope.mail_from or "",
            recipient=address,
            envid=next((one[6:] for one in envelope.mail_options if one.startswith("ENVID=")), ""),
            failed=failed,
            original=envelope.original_content or b"",
        )
        place = self.folder / REPORTS_FOLDER
        name = f"{os.getpid()}.{next(self._numbers)}.simulator"
        (place / "tmp" / name).write_bytes(content)
        (place / "tmp" / name).replace(place / "new" / name)


class RelaySession(SMTP):
    """aiosmtpd, which takes the parameters of reports and leaves them to the handler."""

    def _getparams(self, params: Sequence[str]) -> dict[str, str | bool] | None:
        kept = [one for one in params if one.partition("=")[0] not in _REPORT_PARAMETERS]
        return super()._getparams(kept)


class RelayController(Controller):
    """The relay in a thread of its own.

    Args:
        handler: What it does.
        port: Where it listens, on this machine only.
        tls: A certificate: STARTTLS is then asked of everybody.
        login: A name and a secret that everybody must give.
        implicit_tls: Whether it speaks TLS from the first byte.
    """

    def __init__(
        self,
        handler: MailHandler,
        *,
        port: int,
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        implicit_tls: bool = False,
    ) -> None:
        self._tls = None if implicit_tls else tls
        self._login = login
        super().__init__(
            handler,
            hostname="127.0.0.1",
            port=port,
            ssl_context=tls if implicit_tls else None,
        )

    def factory(self) -> SMTP:
        """Make what speaks with one client."""
        return RelaySession(
            self.handler,
            hostname="simulator",
            ident="Rempart mail simulator",
            tls_context=self._tls,
            require_starttls=self._tls is not None,
            auth_required=self._login is not None,
            auth_require_tls=self._tls is not None,
            authenticator=self._authenticate,
            loop=self.loop,
        )

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        if not isinstance(given, LoginPassword) or self._login is None:
            return AuthResult(success=False, handled=False)
        name, secret = self._login
        good = (given.login, given.password) == (name.encode(), secret.encode())
        return AuthResult(success=good, handled=False)


def write_report(
    *, sender: str, recipient: str, envid: str, failed: bool, original: bytes
) -> bytes:
    """Write a report for machines (RFC 3464), as a relay does."""
    action, status, said = (
        ("failed", "5.1.1", "smtp; 550 5.1.1 no such user")
        if failed
        else ("delivered", "2.0.0", "smtp; 250 2.0.0 ok")
    )
    headers = original.partition(b"\r\n\r\n")[0].decode("ascii", "replace")
    named = f"Original-Envelope-Id: {envid}\r\n" if envid else ""
    return (
        f"Return-Path: <>\r\nDelivered-To: {sender}\r\nFrom: MAILER-DAEMON@simulator.invalid\r\n"
        f"To: {sender}\r\nSubject: Delivery status\r\n"
        f"Date: {format_datetime(datetime.now(UTC))}\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="=report"\r\n\r\n'
        "--=report\r\nContent-Type: text/plain\r\n\r\n"
        f"What became of your message to {recipient}: {action}.\r\n"
        "--=report\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; simulator.invalid\r\n{named}\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: {said}\r\n\r\n"
        f"--=report\r\nContent-Type: text/rfc822-headers\r\n\r\n{headers}\r\n--=report--\r\n"
    ).encode()


def write_plain_bounce(
    *, sender: str, recipient: str, envid: str, failed: bool, original: bytes
) -> bytes:
    """Write what a server says that writes for people only."""
    del envid, failed
    return (
        f"Return-Path: <>\r\nDelivered-To: {sender}\r\nFrom: postmaster@old.invalid\r\n"
        f"To: {sender}\r\nSubject: failure notice\r\n"
        f"Date: {format_datetime(datetime.now(UTC))}\r\n\r\n"
        "Hi. This is the mail programme at old.invalid.\r\n"
        "I'm afraid I wasn't able to deliver your message to the following address.\r\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n"
        f"<{recipient}>:\r\nUser unknown. #5.1.1\r\n\r\n"
        "--- Below this line is a copy of the message.\r\n\r\n"
    ).encode() + original


def _die(server: SMTP) -> None:
    """End the connection as a machine that stops does."""
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()


def _read_token(envelope: Envelope) -> str:
    """Return what tells a message from others: the part that its sender added to its address."""
    return (envelope.mail_from or "").partition("@")[0].partition("+")[2]
