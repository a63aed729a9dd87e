"""A notice as an e-mail: plain text, from the insurer, to one address, with no link.

Refuses a header of two lines: names come from outside, and a line more is a header more.
"""

from binascii import b2a_qp
from dataclasses import dataclass
from datetime import datetime
from email import headerregistry, message, policy
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

from rempart.exchange.smtp_transport import Outgoing
from rempart.kernel.email_address import EmailAddress
from rempart.kernel.errors import SetupError
from rempart.kernel.findings import BadValue, Language
from rempart.notices.envelopes import EnvelopeKey

SUBJECT_CHARS: Final = 150
_POLICY: Final = policy.SMTP.clone(cte_type="7bit")
_BODY_HEADERS: Final = (
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: text/plain; charset="utf-8"\r\n'
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailroom:
    """Whose addresses stand on the e-mails of an installation.

    Args:
        from_address: What people see under the insurer's name.
        bounces_address: Where reports come back; each message's token is added to it.
        key: What writes the tokens.
    """

    from_address: EmailAddress
    bounces_address: EmailAddress
    key: EnvelopeKey

    def return_path(self, token: str) -> str:
        """Write where reports about one message go."""
        local, _, domain = self.bounces_address.address.rpartition("@")
        return f"{local}+{token}@{domain}"

    def message_id(self, token: str) -> str:
        """Write the identifier of a message: the same each time it is made."""
        return f"<{token}@{self.bounces_address.address.rpartition('@')[2]}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What one e-mail says.

    Args:
        number: Of the message.
        insurer: In whose name.
        reply_to: Who reads the answers.
        written_at: The same each time it is made.
    """

    number: int
    recipient: EmailAddress
    insurer: str
    reply_to: EmailAddress
    subject: str
    text: str
    language: Language
    written_at: datetime


def parse_own_address(variable: str, text: str) -> EmailAddress:
    """Read an address of ours.

    Raises:
        SetupError: it cannot be one, or leaves no room for a token.
    """
    try:
        address = EmailAddress.parse(text)
    except BadValue:
        raise SetupError(f"{variable}: write one address, such as avis@tp.example") from None
    if len(address.address.rpartition("@")[0]) > 40:
        raise SetupError(f"{variable}: at most 40 characters before the @")
    return address


def compose_mail(room: Mailroom, one: Written) -> Outgoing:
    """Write one e-mail: the same input gives the same bytes."""
    token = room.key.mail_token(one.number)
    shared = _write_shared_headers(
        room.from_address.address, one.insurer, one.reply_to.address, one.subject
    )
    # Addresses, tokens and dates are ASCII, and hold neither a space at the end nor a line break.
    own = (
        f"To: {one.recipient.address}\r\n"
        f"Date: {format_datetime(one.written_at)}\r\n"
        f"Message-ID: {room.message_id(token)}\r\n"
        f"Content-Language: {one.language}\r\n"
    )
    body = b2a_qp(one.text.encode(), istext=True).replace(b"\n", b"\r\n")
    return Outgoing(
        number=one.number,
        token=token,
        sender=room.return_path(token),
        recipient=one.recipient,
        content=shared + own.encode("ascii") + _BODY_HEADERS + body,
    )


@lru_cache(maxsize=64)
def _write_shared_headers(address: str, insurer: str, reply_to: str, subject: str) -> bytes:
    """Write what stands on every e-mail of a campaign; the library folds and encodes it."""
    mail = message.EmailMessage(policy=_POLICY)
    mail["From"] = headerregistry.Address(_one_line(insurer), addr_spec=address)
    mail["Reply-To"] = reply_to
    mail["Subject"] = _one_line(subject)[:SUBJECT_CHARS]
    # RFC 3834: no machine answers this one.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    return mail.as_bytes().removesuffix(b"\r\n")


def _one_line(text: str) -> str:
    """Keep what is printed, on one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
