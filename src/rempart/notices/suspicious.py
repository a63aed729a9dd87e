"""Messages that members find suspicious: what two of them share, and which are one campaign.

Fraud comes in waves: the same link, the same number to call, the same sentences with another name
on top. Marks are keyed digests, so that a table of them tells nobody what was written. Refuses to
say that a message is a fraud: an agent of the insurer does.

Source:
    S127.
"""

import enum
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Final

from rempart.kernel.errors import InvalidRequest

MOST_LETTERS: Final = 3_500
MARK_BYTES: Final = 8
_MOST_MARKS: Final = 16
# A sketch: the least of 32 keyed digests of the text's pairs of words. Two texts agree on as large
# a part of it as they share of their pairs (MinHash); sixteen bands of two find what to compare.
SKETCH_BYTES: Final = 128
_VALUES: Final = 32
_VALUE_BYTES: Final = 4
_BAND_BYTES: Final = 8
_FEWEST_PAIRS: Final = 6
_ALIKE: Final = 14

_LINK = re.compile(
    r"\b(?:(?:https?|hxxps?)\s*:\s*//\s*)?((?:[\w-]+(?:\.|\[\.\]))+[a-z]{2,24})\b(/\S*)?",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?:\+|00)?\d(?:[\s.\-]?\d){4,13}")
_WORD = re.compile(r"[^\W\d_]+")
# Addresses that everybody's messages hold say nothing of a campaign.
_COMMON: Final = frozenset(
    {
        *("ameli.fr", "service-public.fr", "gouv.fr", "impots.gouv.fr", "cnil.fr", "laposte.net"),
        *("gmail.com", "orange.fr", "outlook.com", "hotmail.com", "yahoo.fr", "free.fr", "sfr.fr"),
    }
)


class ReportMedium(enum.StrEnum):
    """How the message came."""

    EMAIL = "email"
    SMS = "sms"
    CALL = "call"
    LETTER = "letter"
    OTHER = "other"


class ReportVerdict(enum.StrEnum):
    """What the insurer says of a message."""

    FRAUD = "fraud"
    GENUINE = "genuine"
    """The insurer, or somebody it asked, did send it."""
    UNSURE = "unsure"
    """To be treated as a fraud."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What a message shares with those of its campaign.

    Args:
        marks: Keyed digests of the hosts and numbers it names, sorted, each once.
        sketch: Bytes many of which are those of texts that say nearly the same; empty for a text
            too short.
    """

    marks: tuple[bytes, ...]
    sketch: bytes


def clean_text(text: str) -> str:
    """Return a message as it may be shown: what turns a line around or is not printed is left out.

    Raises:
        InvalidRequest: it is too long.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    kept = "".join(
        one
        for one in unicodedata.normalize("NFC", lines)
        if one == "\n" or one.isprintable() or one in "\u00a0\u202f"
    ).strip()
    if len(kept) > MOST_LETTERS:
        raise InvalidRequest(f"text: {MOST_LETTERS} letters at most")
    return kept


def defang(text: str) -> str:
    """Return a text whose addresses nobody can follow by mistake.

    >>> defang("voir https://mutuelle-remb.example/a puis le 0899 12 34 56")
    'voir hxxps://mutuelle-remb[.]example/a puis le 0899 12 34 56'
    """

    def disarm(found: re.Match[str]) -> str:
        host = found[1]
        return found[0].replace("http", "hxxp").replace(host, host.replace(".", "[.]"))

    return _LINK.sub(disarm, text)


def list_hosts(text: str) -> tuple[str, ...]:
    """Return the hosts a text names, in its order, each once; those of everybody's mail are not."""
    hosts = (found[1].replace("[.]", ".").casefold() for found in _LINK.finditer(text.casefold()))
    return tuple(
        dict.fromkeys(
            host
            for host in hosts
            if host not in _COMMON and not any(host.endswith(f".{one}") for one in _COMMON)
        )
    )


def list_numbers(text: str) -> tuple[str, ...]:
    """Return the numbers to call that a text names, digits only, each once."""
    found = (re.sub(r"\D", "", one[0]) for one in _PHONE.finditer(text))
    national = (one.removeprefix("00") if len(one) > 11 else one for one in found)
    plain = ("0" + one[2:] if one.startswith("33") and len(one) == 11 else one for one in national)
    return tuple(dict.fromkeys(one for one in plain if len(one) in (5, 10)))


def compute_likeness(text: str, *, key: bytes) -> Likeness:
    """Return what a message shares with those of its campaign.

    Args:
        text: The message.
        key: Of the insurer: without it, marks say nothing.
    """
    named = [f"host {one}" for one in list_hosts(text)]
    named += [f"number {one}" for one in list_numbers(text)]
    marks = {_digest(one, key) for one in named}
    return Likeness(marks=tuple(sorted(marks)[:_MOST_MARKS]), sketch=_sketch(text, key=key))


def group_alike(messages: Mapping[int, Likeness]) -> list[tuple[int, ...]]:
    """Return which messages are one campaign: largest first, each message in one group.

    Two are alike when they name a host or a number in common, or say nearly the same; what is like
    either belongs to both.

    Args:
        messages: By reference.
    """
    roots = {ref: ref for ref in messages}

    def find(ref: int) -> int:
        while roots[ref] != ref:
            roots[ref] = roots[roots[ref]]
            ref = roots[ref]
        return ref

    met: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for ref in sorted(messages):
        mine = messages[ref]
        for bucket in _list_buckets(mine):
            # A wave of thousands has few texts: each is compared with one of each text.
            for other in met[bucket]:
                if _are_alike(mine, messages[other]):
                    roots[find(ref)] = find(other)
                    break
            else:
                met[bucket].append(ref)
    groups = defaultdict(list)
    for ref in sorted(messages):
        groups[find(ref)].append(ref)
    return sorted(map(tuple, groups.values()), key=lambda one: (-len(one), one))


def _list_buckets(one: Likeness) -> list[tuple[int, bytes]]:
    bands = [one.sketch[at : at + _BAND_BYTES] for at in range(0, len(one.sketch), _BAND_BYTES)]
    return [*((-1, mark) for mark in one.marks), *enumerate(bands)]


def _are_alike(one: Likeness, other: Likeness) -> bool:
    if set(one.marks) & set(other.marks):
        return True
    if not (one.sketch and other.sketch):
        return False
    same = sum(
        one.sketch[at : at + _VALUE_BYTES] == other.sketch[at : at + _VALUE_BYTES]
        for at in range(0, SKETCH_BYTES, _VALUE_BYTES)
    )
    return same >= _ALIKE


def _sketch(text: str, *, key: bytes) -> bytes:
    plain = "".join(
        one
        for one in unicodedata.normalize("NFD", text.casefold())
        if not unicodedata.combining(one)
    )
    words = _WORD.findall(plain)
    pairs = {f"{first} {second}" for first, second in pairwise(words)}
    if len(pairs) < _FEWEST_PAIRS:
        return b""
    least = [b"\xff" * _VALUE_BYTES] * _VALUES
    for pair in pairs:
        drawn = b"".join(
            blake2b(pair.encode(), digest_size=64, key=key, person=half).digest()
            for half in (b"first half", b"second half")
        )
        values = (drawn[at : at + _VALUE_BYTES] for at in range(0, SKETCH_BYTES, _VALUE_BYTES))
        least = [min(known, drawn_now) for known, drawn_now in zip(least, values, strict=True)]
    return b"".join(least)


def _digest(text: str, key: bytes) -> bytes:
    return blake2b(text.encode(), digest_size=MARK_BYTES, key=key).digest()
