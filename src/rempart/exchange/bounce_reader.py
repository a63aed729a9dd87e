"""What mail servers say became of a message, read for the one thing it says.

Reports for machines (RFC 3464), and the letters that other servers write for people. Which message
it is about is read from tokens of ours only: nobody can make up a report. Refuses to keep anything
of a report but that number, what was done, and a code; an answer that a machine wrote for an absent
person is no report.

Source:
    S98: RFC 3464, §2.2.1 and §2.3; S97: RFC 3461, §4.4; RFC 3834 for answers by machines.
"""

import email
import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Final

from rempart.notices.envelopes import EnvelopeKey

REPORT_BYTES: Final = 256 * 1024
"""Of a report, no more is read: what matters stands in front."""
_BODY_CHARS: Final = 64 * 1024
_ADDRESSED: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_STATUS: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY_CODE: Final = re.compile(r"(?<![\d.])(5\d\d)[ -](?=\S)")
_FROM_A_SERVER: Final = re.compile(r"mailer-daemon|postmaster|mail delivery", re.IGNORECASE)
_GIVEN_UP: Final = re.compile(
    r"permanent|given up|unknown user|user unknown|undeliver|not be delivered|delivery failed"
    r"|failure notice|returned to sender|n’a pas pu être|n'a pas pu etre|inconnu|échec",
    re.IGNORECASE,
)
_STILL_TRYING: Final = re.compile(r"delayed|will (?:retry|be retried|keep trying)|warning", re.I)


class Action(enum.Enum):
    """What a server did with a message."""

    DELIVERED = "delivered"
    """It is in the person's mailbox, or with a server that writes no reports."""
    FAILED = "failed"
    """It will not arrive."""
    DELAYED = "delayed"
    """It is still tried."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of one message.

    Args:
        number: Of the message.
        code: The status, such as `5.1.1`; empty when none is said.
    """

    number: int
    action: Action
    code: str = ""


class NotAReport(enum.Enum):
    """Why a message says nothing of a delivery."""

    NOT_OURS = "not_ours"
    """It names no message of ours."""
    ANSWER = "answer"
    """Somebody, or a machine in their name, answers."""


_ACTIONS: Final = {
    "failed": Action.FAILED,
    "delayed": Action.DELAYED,
    "delivered": Action.DELIVERED,
    # Handed to where reports end: nothing more will be said of it.
    "relayed": Action.DELIVERED,
    "expanded": Action.DELIVERED,
}


def read_report(content: bytes, key: EnvelopeKey) -> DeliveryReport | NotAReport:
    """Read one message that came to the address of reports.

    Args:
        content: As it was received; what passes `REPORT_BYTES` is not looked at.
        key: What tells our tokens.
    """
    try:
        mail = email.message_from_bytes(content[:REPORT_BYTES])
        status = _find_status_part(mail)
        if status is not None:
            return _read_machine_report(mail, status, key)
        return _read_plain(mail, key)
    except RecursionError:
        # Messages within messages, a thousand deep: no server writes that, and the next one waits.
        return NotAReport.NOT_OURS


def _read_machine_report(
    mail: Message, groups: list[Message], key: EnvelopeKey
) -> DeliveryReport | NotAReport:
    number = _find_number(mail, key, first=_header(groups[0], "Original-Envelope-Id"))
    if number is None:
        return NotAReport.NOT_OURS
    for group in groups:
        action = _ACTIONS.get(_header(group, "Action").strip().lower())
        if action is not None:
            found = _STATUS.search(_header(group, "Status"))
            return DeliveryReport(number, action, found.group() if found else "")
    return NotAReport.NOT_OURS


def _read_plain(mail: Message, key: EnvelopeKey) -> DeliveryReport | NotAReport:
    number = _find_number(mail, key)
    if number is None:
        return NotAReport.NOT_OURS
    # A server has no address to answer to; whoever is on holiday has one.
    from_server = _header(mail, "Return-Path").strip() in ("<>", "") and _FROM_A_SERVER.search(
        _header(mail, "From")
    )
    text = f"{_header(mail, 'Subject')}\n" + "\n".join(_list_texts(mail))
    status, reply = _STATUS.search(text), _REPLY_CODE.search(text)
    code = status.group() if status else reply[1] if reply else ""
    if not from_server:
        return NotAReport.ANSWER
    if code.startswith("5") or (not code and _GIVEN_UP.search(text)):
        return DeliveryReport(number, Action.FAILED, code)
    if code.startswith("4") or _STILL_TRYING.search(text):
        return DeliveryReport(number, Action.DELAYED, code)
    return NotAReport.ANSWER


def _find_number(mail: Message, key: EnvelopeKey, *, first: str = "") -> int | None:
    """Return the message it is about; None when it names none, or several, of ours."""
    for places in (
        [first],
        [str(value) for name in _ADDRESSED for value in mail.get_all(name, [])],
        list(_list_texts(mail, with_original=True)),
    ):
        numbers = {number for text in places for number in key.find_mail_tokens(text)}
        if numbers:
            return numbers.pop() if len(numbers) == 1 else None
    return None


def _find_status_part(mail: Message) -> list[Message] | None:
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status":
            groups = part.get_payload()
            if isinstance(groups, list) and groups:
                return [group for group in groups if isinstance(group, Message)] or None
    return None


def _list_texts(mail: Message, *, with_original: bool = False) -> Iterator[str]:
    """Yield what a message says; with the headers of the message it returns, if asked."""
    for part in mail.walk():
        kind = part.get_content_type()
        if with_original and kind == "message/rfc822":
            original = part.get_payload()
            if isinstance(original, list):
                yield from (
                    _header(one, "Message-ID") for one in original if isinstance(one, Message)
                )
        if kind in ("text/plain", "text/html", "text/rfc822-headers"):
            said = part.get_payload(decode=True)
            if isinstance(said, bytes):
                yield said.decode("utf-8", "replace")[:_BODY_CHARS]


def _header(mail: Message, name: str) -> str:
    value = mail.get(name, "")
    return str(value)
