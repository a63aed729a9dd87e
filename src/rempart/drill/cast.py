"""Who plays: synthetic persons, professionals, the places they ask from, and the questions asked.

Refuses real networks: addresses come from ranges kept for tests and documentation.

Source: S30 (198.18.0.0/15 is kept for benchmarks, 198.51.100.0/24 and 203.0.113.0/24 for
documentation).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, Literal, NamedTuple, TypeAlias

Mode: TypeAlias = Literal["card", "typed"]

# What browsers announce; the other programs have a name and a version.
_BROWSERS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{}.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{0}.0 Edg/{0}.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/{} Safari/605",
)
_PROGRAMS: Final = ("Officine", "Cabinet", "Optique", "LaboServeur")
ROBOT_AGENT: Final = "python-requests/2.31.0"

_SHARED: Final = (IPv4Address("203.0.113.0"), IPv4Address("198.51.100.0"))
_SHARED_SIZE: Final = 200
_LINES_START: Final = IPv4Address("198.18.0.0")
_LINES: Final = 1 << 17

# What each profession asks about.
DOMAINS: Final[Mapping[str, str]] = {
    "pharmacy": "PHAR",
    "general_practitioner": "MEDG",
    "nurse": "AUXM",
    "physiotherapist": "AUXM",
    "dentist": "DENT",
    "optician": "OPTI",
    "laboratory": "LABO",
    "hospital": "HOSP",
    "imaging": "RADL",
}


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
    """A professional of the synthetic set, of whom the drill plays a double."""

    name: str
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


class Visitor(NamedTuple):
    """Somebody asked about, by card where they have one, and typed."""

    card: Identifiers | None
    typed: Identifiers

    def __repr__(self) -> str:
        return "<Visitor>"


class Ask(NamedTuple):
    """One question to put to the gateway.

    `at_ms` is the simulated instant, Unix milliseconds; `caller` is the rank of the account that is
    used; `robot` is the rank of the robot that asks, None for the owner. Only the drill knows it.
    """

    at_ms: int
    caller: int
    place: Place
    identifiers: Identifiers
    domain: str
    robot: int | None = None

    def __repr__(self) -> str:
        return f"<Ask of {self.caller} at {self.at_ms}>"


def make_line(number: int) -> str:
    """Return the fixed address of line `number`, always the same; lines repeat after 131 072."""
    return str(_LINES_START + number % _LINES)


def make_shared_address(number: int) -> str:
    """Return an address that many telephones share: one of 400."""
    network, host = divmod(number % (len(_SHARED) * _SHARED_SIZE), _SHARED_SIZE)
    return str(_SHARED[network] + host)


def make_agent(software: int, version: int) -> str:
    """Return what a software says it is."""
    if software < len(_BROWSERS):
        return _BROWSERS[software].format(100 + version)
    return f"{_PROGRAMS[software % len(_PROGRAMS)]}/{software}.{version}"


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
