"""A portal of 2024 as its log tells it, with what only its writer knows: who was the thief.

Owners and thieves work in the same accounts, on the same days. Screens: a member's card, the whole
family, a search that lists people the log does not name. Identifiers are contract numbers.
"""

import gzip
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

FIRST_DAY = datetime(2024, 1, 29, tzinfo=UTC)
INSURERS = ("Mutuelle Alpha", "Mutuelle Beta", "Mutuelle Gamma")
MAPPING = """
name = "Portail de tiers payant (synthétique)"
format = "combined"
extra = ["sid"]

[places]
session = "sid"

[period]
from = 2024-01-29
to = {last}

[[ignore]]
path = "/static/**"

[[views]]
name = "fiche"
path = "/adherents/{person}"
shows = ["family_name", "first_name", "birth_date", "nir", "insurer", "contract_number"]
typed = ["contract_number"]

[[views]]
name = "famille"
path = "/adherents/{person}/famille"
shows = ["family_name", "first_name", "birth_date", "birth_rank"]
typed = ["contract_number"]
family = true

[[views]]
name = "recherche"
path = "/recherche"
person = { query = "nom" }
shows = ["family_name", "first_name", "birth_date"]
typed = ["family_name"]
query_only = true

[[views]]
name = "accueil"
path = "/accueil"
shows = ["professional_login"]
"""


@dataclass(frozen=True, slots=True)
class Member:
    """A contract and everybody on it, by rank; the insurer it is with."""

    contract: str
    name: str
    people: int
    insurer: str


@dataclass(slots=True)
class Portal:
    """What was written, and the truth.

    Attributes:
        logs: The files, a day each, all but the last packed.
        stolen: The stolen accounts.
        registry: Everybody's contract.
        exposed: For each contract shown to a thief, the names of the screens it was shown on.
        searched: Names a thief searched: who was listed, the log does not say.
        seen_by_owners: Contracts shown to owners of stolen accounts.
        thief_sessions: Sessions of thieves.
    """

    logs: list[Path] = field(default_factory=list)
    stolen: list[str] = field(default_factory=list)
    registry: list[Member] = field(default_factory=list)
    exposed: dict[str, set[str]] = field(default_factory=dict)
    searched: set[str] = field(default_factory=set)
    seen_by_owners: set[str] = field(default_factory=set)
    thief_sessions: set[str] = field(default_factory=set)
    mapping: str = ""


def write_portal_log(
    folder: Path,
    *,
    seed: int,
    accounts: int = 40,
    stolen: int = 4,
    days: int = 5,
    contracts: int = 2_000,
    looked_up_by_thieves: int = 120,
) -> Portal:
    """Write a portal's logs into a folder; the same seed writes the same."""
    dice = random.Random(seed)
    portal = Portal(
        mapping=MAPPING.replace("{last}", f"{FIRST_DAY + timedelta(days - 1):%Y-%m-%d}")
    )
    portal.registry = [
        Member(f"C{n:07d}", f"EXEMPLE{n % 300:03d}", 1 + dice.randrange(4), dice.choice(INSURERS))
        for n in range(contracts)
    ]
    logins = [f"ps{n:04d}" for n in range(accounts)]
    portal.stolen = sorted(dice.sample(logins, stolen))
    folder.mkdir(parents=True, exist_ok=True)
    for day in range(days):
        lines = []
        for number, login in enumerate(logins):
            lines += _owner_day(dice, portal, login, number, day)
        if 0 < day < days - 1:
            for login in portal.stolen:
                lines += _thief_night(dice, portal, login, day, looked_up_by_thieves)
        lines.sort()
        text = "".join(line for _, line in lines)
        date = FIRST_DAY + timedelta(day)
        if day < days - 1:
            path = folder / f"access.log-{date:%Y%m%d}.gz"
            path.write_bytes(gzip.compress(text.encode(), mtime=0))
        else:
            path = folder / "access.log"
            path.write_text(text)
        portal.logs.append(path)
    return portal


def _owner_day(dice, portal, login, number, day):
    session, lines = f"o{number:04d}d{day}", []
    moment = FIRST_DAY + timedelta(days=day, hours=8, minutes=dice.randrange(60))
    # An owner's own people: the same few hundred, day after day.
    own = [portal.registry[(number * 37 + n) % len(portal.registry)] for n in range(60)]
    lines.append(_line(moment, login, f"192.0.2.{number % 250}", "/accueil", session))
    for _ in range(dice.randrange(15, 30)):
        moment += timedelta(seconds=dice.randrange(60, 1200))
        member = dice.choice(own)
        screen = dice.choices(["fiche", "famille", "static"], (8, 2, 4))[0]
        if login in portal.stolen and screen != "static":
            portal.seen_by_owners.add(member.contract)
        lines.append(
            _line(moment, login, f"192.0.2.{number % 250}", _path(screen, member), session)
        )
    return lines


def _thief_night(dice, portal, login, day, count):
    session, lines = f"t{login}d{day}", []
    portal.thief_sessions.add(session)
    moment = FIRST_DAY + timedelta(days=day, hours=dice.choice((1, 9, 14)))
    for _ in range(count):
        moment += timedelta(seconds=2)
        member = dice.choice(portal.registry)
        screen = dice.choices(["fiche", "famille", "recherche"], (7, 2, 1))[0]
        status = 200 if dice.random() < 0.85 else 404
        if status == 200:
            if screen == "recherche":
                portal.searched.add(member.name)
            else:
                portal.exposed.setdefault(member.contract, set()).add(screen)
        lines.append(_line(moment, login, "198.51.100.66", _path(screen, member), session, status))
    return lines


def _path(screen, member):
    return {
        "fiche": f"/adherents/{member.contract}",
        "famille": f"/adherents/{member.contract}/famille",
        "recherche": f"/recherche?nom={member.name}&page=1",
        "static": "/static/portail.css",
    }[screen]


def _line(moment, login, address, target, session, status=200):
    agent = "python-requests/2.31" if session.startswith("t") else "Mozilla/5.0 (Windows NT 10.0)"
    return moment, (
        f"{address} - {login} [{moment:%d/%b/%Y:%H:%M:%S} +0000] "
        f'"GET {target} HTTP/1.1" {status} 900 "-" "{agent}" "{session}"\n'
    )
