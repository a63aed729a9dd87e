"""Who plays: synthetic persons, professionals, the places they ask from, and the questions asked.

Refuses real networks: addresses come from ranges kept for tests and documentation.

Source: S30 (198.18.0.0/15 is kept for benchmarks, 203.0.113.0/24 for documentation).
"""

import json
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, Literal, TypeAlias

Mode: TypeAlias = Literal["card", "typed"]

# What browsers and practice software announce; a thief picks among the same, a plain robot does
# not.
AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Edg/120.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
    "Officine/9.4 (poste 1)",
    "Officine/9.4 (poste 2)",
    "Cabinet/2023.12",
    "Optique/6.1",
    "LaboServeur/11.0",
)
PHONE_AGENTS: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 Mobile",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36",
)
ROBOT_AGENT: Final = "python-requests/2.31.0"

MOBILE_ADDRESSES: Final = tuple(str(IPv4Address("203.0.113.0") + n) for n in range(64))
_LINES_START: Final = IPv4Address("198.18.0.0")
_LINES: Final = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Person:
    """A synthetic beneficiary as the operator of 2024 had them on file.

    `covered` is false for former members: gone from Rempart's rights, two years more in the portal
    of 2024.
    """

    amc_number: str
    insured_nir: str
    birth_date: str
    birth_rank: int
    card_code: str
    covered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Professional:
    """A professional of the synthetic set."""

    rpps: str
    profession: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question comes from: network address and software."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Identifiers:
    """What is sent to name a person: a card's code, or the four typed identifiers."""

    card_code: str = ""
    amc_number: str = ""
    insured_nir: str = ""
    birth_date: str = ""
    birth_rank: int = 0

    @property
    def mode(self) -> Mode:
        """How the person is named."""
        return "card" if self.card_code else "typed"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ask:
    """One question to put to the gateway.

    `at_s` counts from the first second of the drill; `caller` is the rank of the professional whose
    key is used; `robot` is the rank of the robot that asks, None for the owner. Only the drill
    knows it.
    """

    at_s: float
    caller: int
    place: Place
    identifiers: Identifiers
    domain: str
    robot: int | None = None


def make_line(number: int) -> str:
    """Return the fixed address of line `number`, always the same; lines repeat after 131 072."""
    return str(_LINES_START + number % _LINES)


def type_identifiers(person: Person) -> Identifiers:
    """Return what somebody holding a person's papers, or a leaked list, would type."""
    return Identifiers(
        amc_number=person.amc_number,
        insured_nir=person.insured_nir,
        birth_date=person.birth_date,
        birth_rank=person.birth_rank,
    )


def format_question(ask: Ask, *, care_date: str) -> bytes:
    """Write the body of the rights check."""
    sent = ask.identifiers
    identifiers: dict[str, str | int] = (
        {"mode": "card", "card_code": sent.card_code}
        if sent.mode == "card"
        else {
            "mode": "typed",
            "amc_number": sent.amc_number,
            "insured_nir": sent.insured_nir,
            "birth_date": sent.birth_date,
            "birth_rank": sent.birth_rank,
        }
    )
    return json.dumps(
        {
            "identifiers": identifiers,
            "domain": ask.domain,
            "care_date": care_date,
            "purpose": "billing",
        }
    ).encode()
