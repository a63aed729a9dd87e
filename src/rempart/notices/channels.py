"""Where to report a suspicious message: each place for what it is for.

Refuses a kind of report that two places would be first for.

Source:
    S92: Signal Spam, 33700, PHAROS, 17Cyber.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rempart.kernel.findings import Language
from rempart.tariffs.data_files import load_data_file


class ReportKind(enum.StrEnum):
    """What somebody reports."""

    EMAIL = "email"
    SMS = "sms"
    CALL = "call"
    SITE = "site"
    VICTIM = "victim"
    """Somebody who lost something and wants help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One place to report to; `where` is an address to type."""

    code: str
    name: str
    where: str
    first_for: frozenset[ReportKind]
    purpose: Mapping[Language, str]
    source: str

    def format_line(self, language: Language) -> str:
        """Say what it is for and where it is, on one line."""
        colon = " :" if language == "fr" else ":"
        return f"{self.purpose[language]}{colon} {self.name}, {self.where}"


CHANNELS: Final = tuple(
    Channel(
        code=row["code"],
        name=row["name"],
        where=row["where"],
        first_for=frozenset(ReportKind(one) for one in row["first_for"]),
        purpose=MappingProxyType({"fr": row["fr"], "en": row["en"]}),
        source=row["source"],
    )
    for row in load_data_file("channels.toml", "rempart.notices")["channel"]
)


def find_channel(kind: ReportKind) -> Channel:
    """Return the one place that is first for a kind of report."""
    [channel] = [one for one in CHANNELS if kind in one.first_for]
    return channel
