"""Limits as a calendar file (RFC 5545): one event per limit, which any diary takes.

Refuses to carry anybody: an event names an incident, an obligation and an organisation.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_LINE_OCTETS: Final = 75


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit.

    Args:
        uid: The same whenever it is written again: a diary then moves the event.
        at: The limit.
        title: What is due.
        text: To whom, from which text, what to do when it is late.
        done: Whether nobody has to do it any more.
    """

    uid: str
    at: datetime
    title: str
    text: str
    done: bool = False


def write_calendar(limits: Iterable[Limit], *, name: str, made_at: datetime) -> bytes:
    """Return a calendar; alarms ring a day and an hour before what is not done.

    An event has no end of its own: one that ends when it begins is none (RFC 5545, 3.8.2.2).
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Rempart//Clocks//FR",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_escape(name)}",
    ]
    for limit in limits:
        lines += _write_event(limit, made_at)
    lines.append("END:VCALENDAR")
    return b"".join(_fold(line) for line in lines)


def _write_event(limit: Limit, made_at: datetime) -> list[str]:
    lines = [
        "BEGIN:VEVENT",
        f"UID:{_escape(limit.uid)}",
        f"DTSTAMP:{_format(made_at)}",
        f"DTSTART:{_format(limit.at)}",
        f"SUMMARY:{_escape(limit.title)}",
        f"DESCRIPTION:{_escape(limit.text)}",
        "TRANSP:TRANSPARENT",
    ]
    if not limit.done:
        for before in ("-P1D", "-PT1H"):
            lines += [
                *("BEGIN:VALARM", "ACTION:DISPLAY", f"TRIGGER:{before}"),
                *(f"DESCRIPTION:{_escape(limit.title)}", "END:VALARM"),
            ]
    return [*lines, "END:VEVENT"]


def _format(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escape(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\r", "").replace("\n", "\\n")


def _fold(line: str) -> bytes:
    """Cut a line into pieces of 75 octets at most, between characters."""
    pieces: list[bytes] = []
    piece = b""
    for character in line:
        octets = character.encode()
        # A line that goes on begins with a space, which counts.
        if len(piece) + len(octets) > _LINE_OCTETS - bool(pieces):
            pieces.append(piece)
            piece = b""
        piece += octets
    return b"\r\n ".join([*pieces, piece]) + b"\r\n"
