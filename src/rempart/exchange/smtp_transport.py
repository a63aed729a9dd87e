"""Messages handed to a relay, and what exactly became of each.

The one question that matters is whether a message may have left. Until its content is sent it has
not; once the relay said 250 it has; in between, nobody here knows, and it is *uncertain*. Refuses
to send in clear over a network, to try again by itself, and to repeat what a server says: it quotes
addresses.

Source:
    S96: RFC 5321, §4.2 for replies and §4.5.3.2 for patience. S97: RFC 3461, `NOTIFY` and `ENVID`.
"""

import asyncio
import contextlib
import enum
import re
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal, Self, TypeAlias
from urllib.parse import unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from rempart.kernel.email_address import EmailAddress
from rempart.kernel.errors import RempartError, SetupError, Unavailable

Security: TypeAlias = Literal["starttls", "tls", "none"]
_SCHEMES: Final[dict[str, tuple[Security, int]]] = {
    "smtp": ("starttls", 587),
    "smtps": ("tls", 465),
    "smtp+clear": ("none", 25),
}
MESSAGES_PER_CONNECTION: Final = 500
_ENHANCED: Final = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\d)")
_CLOSING: Final = 421


class Fate(enum.Enum):
    """What became of one message."""

    SENT = "sent"
    """The relay answers for it."""
    REFUSED = "refused"
    """The relay will never take it for this address."""
    DEFERRED = "deferred"
    """Not now: it did not leave, and is worth another try."""
    UNCERTAIN = "uncertain"
    """It may have left."""
    NOT_TRIED = "not_tried"
    """The relay was not reached, or refuses us: it did not leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Where messages are handed over.

    Args:
        timeout_s: How long any one step may take.
        message_s: How long one message may take, however slowly the server drips its answers.
        connections: How many at the same time.
    """

    host: str
    port: int
    security: Security
    username: str = ""
    secret: str = field(default="", repr=False)
    roots: Path | None = None
    timeout_s: float = 60.0
    message_s: float = 300.0
    connections: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message for one address.

    Args:
        number: Of the message.
        token: What a report about it will carry.
        sender: Where reports go: our address, with the token in it.
        content: The whole message, as bytes.
    """

    number: int
    token: str
    sender: str
    recipient: EmailAddress
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message, with the server's codes: `250`, `550 5.1.1`; empty: no answer."""

    number: int
    fate: Fate
    code: str = ""


def parse_relay(url: str, *, secret: str = "", roots: Path | None = None) -> Relay:
    """Read where the relay is: `smtp://name@host:587` (STARTTLS) or `smtps://name@host:465`.

    `smtp+clear://localhost:25` speaks in clear, to this machine only.

    Raises:
        SetupError: it is none of these.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path.strip("/") or parts.query:
        raise SetupError("write smtp://name@host:587, smtps://name@host:465, nothing after it")
    security, usual_port = _SCHEMES[parts.scheme]
    if security == "none" and not _is_this_machine(parts.hostname):
        raise SetupError("smtp+clear:// is for localhost only: write smtp:// or smtps://")
    try:
        port = parts.port or usual_port
    except ValueError:
        raise SetupError("the relay's port is a number from 1 to 65535") from None
    return Relay(
        host=parts.hostname,
        port=port,
        security=security,
        username=unquote(parts.username or ""),
        secret=secret,
        roots=roots,
    )


class Post:
    """Connections to a relay, kept from one lot of messages to the next.

    Used with `with`: closes them at the end.
    """

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._runner = asyncio.Runner()
        self._lines: list[_Line] = []
        self.trouble: RempartError | None = None
        """Why what was not tried was not: the relay does not answer, or refuses us."""

    def __enter__(self) -> Self:
        context = _make_context(self._relay)
        self._lines = [_Line(self._relay, context) for _ in range(self._relay.connections)]
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, SMTPException, TimeoutError):
            self._runner.run(self._close())
        self._runner.close()

    def send(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Hand messages over, several at a time; return what became of each, in any order."""
        self.trouble = None
        return self._runner.run(self._send(messages))

    async def _send(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        waiting = iter(messages)
        rows = await asyncio.gather(*(self._empty(line, waiting) for line in self._lines))
        outcomes = [outcome for row in rows for outcome in row]
        if self.trouble is not None:
            outcomes += [Outcome(one.number, Fate.NOT_TRIED) for one in waiting]
        return outcomes

    async def _empty(self, line: "_Line", waiting: Iterable[Outgoing]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for one in waiting:
            if self.trouble is not None:
                outcomes.append(Outcome(one.number, Fate.NOT_TRIED))
                break
            try:
                outcomes.append(await line.deliver(one))
            except RempartError as trouble:
                self.trouble = trouble
                outcomes.append(Outcome(one.number, Fate.NOT_TRIED))
                break
        return outcomes

    async def _close(self) -> None:
        try:
            for line in self._lines:
                await line.close()
        finally:
            # Connections that were dropped are closed by the loop, at its next turn.
            await asyncio.sleep(0.01)


class _Line:
    """One connection, opened when it is needed."""

    def __init__(self, relay: Relay, context: ssl.SSLContext | None) -> None:
        self._relay = relay
        self._context = context
        self._client: SMTP | None = None
        self._done = 0

    async def deliver(self, one: Outgoing) -> Outcome:
        """Hand one message over.

        Raises:
            RempartError: the relay was not reached, or refuses us; the message did not leave.
        """
        may_have_left = False
        client = await self._open()
        try:
            async with asyncio.timeout(self._relay.message_s):
                reports = client.supports_extension("dsn")
                await client.mail(one.sender, options=_mail_options(one, reports))
                await client.rcpt(one.recipient.address, options=_rcpt_options(reports))
                # From here on, a silence says nothing about whether the message left.
                may_have_left = True
                answer = await client.data(one.content)
        except SMTPResponseException as refusal:
            return await self._take_refusal(one, refusal)
        except (SMTPException, OSError, TimeoutError):
            self._drop()
            return Outcome(one.number, Fate.UNCERTAIN if may_have_left else Fate.DEFERRED)
        self._done += 1
        return Outcome(one.number, Fate.SENT, _describe(answer.code, answer.message))

    async def close(self) -> None:
        """Say goodbye, if anybody listens."""
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            await client.quit(timeout=min(5.0, self._relay.timeout_s))

    async def _open(self) -> SMTP:
        if self._client is not None and self._done >= MESSAGES_PER_CONNECTION:
            with contextlib.suppress(SMTPException, OSError, TimeoutError):
                await self.close()
        if self._client is not None and self._client.is_connected:
            return self._client
        relay = self._relay
        client = SMTP(
            hostname=relay.host,
            port=relay.port,
            timeout=relay.timeout_s,
            use_tls=relay.security == "tls",
            start_tls=relay.security == "starttls",
            tls_context=self._context,
            username=relay.username or None,
            password=relay.secret or None,
            local_hostname="localhost" if _is_this_machine(relay.host) else None,
        )
        try:
            async with asyncio.timeout(relay.message_s):
                await client.connect()
                await client.ehlo()
        except SMTPAuthenticationError:
            client.close()
            raise SetupError(
                "the relay refuses REMPART_SMTP's name, or what REMPART_SMTP_SECRET_FILE holds"
            ) from None
        except ssl.SSLError:
            client.close()
            raise SetupError(
                "the relay's certificate is not one we trust: see REMPART_SMTP_ROOTS_FILE"
            ) from None
        except (SMTPException, OSError, TimeoutError):
            client.close()
            raise Unavailable("the relay does not answer, or does not speak TLS") from None
        self._client, self._done = client, 0
        return client

    async def _take_refusal(self, one: Outgoing, refusal: SMTPResponseException) -> Outcome:
        """Say what a refusal means, and be ready for the next message."""
        code = _describe(refusal.code, refusal.message)
        passing = 400 <= refusal.code < 500
        if refusal.code == _CLOSING:
            self._drop()
        else:
            await self._reset()
        if isinstance(refusal, SMTPSenderRefused) and not passing:
            raise Unavailable(f"the relay refuses what we send ({code}): ask whoever runs it")
        for_ever = not passing and refusal.code >= 500
        if isinstance(refusal, SMTPRecipientRefused) and not (passing or for_ever):
            return Outcome(one.number, Fate.DEFERRED, code)
        return Outcome(one.number, Fate.REFUSED if for_ever else Fate.DEFERRED, code)

    async def _reset(self) -> None:
        try:
            if self._client is not None:
                await self._client.rset()
        except (SMTPException, OSError, TimeoutError):
            self._drop()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _mail_options(one: Outgoing, reports: bool) -> list[str]:
    return ["RET=HDRS", f"ENVID={one.token}"] if reports else []


def _rcpt_options(reports: bool) -> list[str]:
    return ["NOTIFY=SUCCESS,FAILURE"] if reports else []


def _make_context(relay: Relay) -> ssl.SSLContext | None:
    if relay.security == "none":
        return None
    try:
        context = ssl.create_default_context(cafile=relay.roots)
    except (OSError, ssl.SSLError):
        raise SetupError("REMPART_SMTP_ROOTS_FILE cannot be read: certificates, as PEM") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _describe(code: int, message: str) -> str:
    """Keep the codes of an answer, and none of its words."""
    found = _ENHANCED.match(message)
    return f"{code} {found[1]}" if found else str(code)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
