"""The robots of the drill: four ways of emptying a portal through a stolen account.

FAST: a leaked list at full speed from a machine of the thief's. THROTTLED: the same list, slowly
and irregularly, from a shared mobile address with an ordinary browser, while the owner works.
MIXED: through the owner's own line and software, as malware on the workstation would. GUESSER: no
list, tries the likeliest numbers one after the other.

Refuses to tell anybody which questions are a robot's: the plan stays with the drill.

Source: S1 and S3 (robots fed on stolen logins, owners at work), S27 (paces of past cases: a robot
fed with NIR at amelipro, thousands of requests a minute at Dell).
"""

import enum
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from rempart.drill.cast import (
    AGENTS,
    MOBILE_ADDRESSES,
    ROBOT_AGENT,
    Ask,
    Identifiers,
    Person,
    Place,
    make_line,
    type_identifiers,
)
from rempart.drill.traffic import Desk, Shift, make_stranger
from rempart.kernel.nir import Nir

# A leaked list is stale: of a hundred lines, so many are still covered here, and so many have left.
SHARE_COVERED: Final = 0.75
SHARE_FORMER: Final = 0.15
# First line of the thieves' own machines, far from those of practices.
_THIEF_LINE: Final = 100_000
# Births are concentrated in few communes (S28): a guesser tries those first, month after month.
_TOWNS: Final = 20


class RobotKind(enum.StrEnum):
    """How a robot works."""

    FAST = "fast"
    THROTTLED = "throttled"
    MIXED = "mixed"
    GUESSER = "guesser"


@dataclass(frozen=True, slots=True, kw_only=True)
class Robot:
    """One robot: which key it stole, from where it asks."""

    kind: RobotKind
    caller: int
    place: Place


@dataclass(frozen=True, slots=True)
class Tempo:
    """How a robot spaces its questions: per second, over which part of the attack, how regular."""

    per_s: float
    begins: float
    ends: float
    regular: bool


TEMPOS: Final = {
    RobotKind.FAST: Tempo(60, 0.20, 0.50, regular=True),
    RobotKind.THROTTLED: Tempo(5, 0.05, 0.98, regular=False),
    RobotKind.MIXED: Tempo(5, 0.15, 0.95, regular=False),
    RobotKind.GUESSER: Tempo(10, 0.30, 0.80, regular=True),
}


def enrol_robots(desks: Sequence[Desk], *, random: Random) -> tuple[Robot, ...]:
    """Put at least one robot of each kind on the stolen accounts, turn by turn.

    Args:
        desks: The stolen accounts' desks. With fewer than four, an account serves several thieves.
        random: The drill's.
    """
    if not desks:
        return ()
    kinds = tuple(RobotKind)
    robots = []
    for number in range(max(len(kinds), len(desks))):
        desk, kind = desks[number % len(desks)], kinds[number % len(kinds)]
        robots.append(
            Robot(kind=kind, caller=desk.caller, place=_choose_place(kind, desk, number, random))
        )
    return tuple(robots)


def plan_robot(
    number: int,
    robot: Robot,
    desk: Desk,
    people: Sequence[Person],
    *,
    shift: Shift,
    random: Random,
) -> list[Ask]:
    """Plan what one robot asks, in order of time.

    Args:
        number: The robot's rank, written into its questions.
        robot: The robot.
        desk: The desk of the account it stole.
        people: Everybody the operator of 2024 had on file, former members included.
        shift: The stretch replayed.
        random: The drill's.
    """
    victims = (
        _guess(people, random) if robot.kind is RobotKind.GUESSER else _read_list(people, random)
    )
    return [
        Ask(
            at_s=at_s,
            caller=robot.caller,
            place=robot.place,
            identifiers=next(victims),
            domain=desk.practice.domain,
            robot=number,
        )
        for at_s in _beat(TEMPOS[robot.kind], shift, random)
    ]


def _choose_place(kind: RobotKind, desk: Desk, number: int, random: Random) -> Place:
    match kind:
        case RobotKind.MIXED:
            return desk.line
        case RobotKind.THROTTLED:
            return Place(random.choice(MOBILE_ADDRESSES), random.choice(AGENTS))
        case RobotKind.FAST:
            return Place(make_line(_THIEF_LINE + number), ROBOT_AGENT)
        case RobotKind.GUESSER:
            return Place(make_line(_THIEF_LINE + number), random.choice(AGENTS))


def _beat(tempo: Tempo, shift: Shift, random: Random) -> Iterator[float]:
    attack_s = shift.seconds - shift.attack_from_s
    at_s = shift.attack_from_s + tempo.begins * attack_s
    while at_s < shift.attack_from_s + tempo.ends * attack_s:
        yield at_s
        mean = 1 / tempo.per_s
        at_s += mean * random.uniform(0.9, 1.1) if tempo.regular else random.expovariate(1 / mean)


def _read_list(people: Sequence[Person], random: Random) -> Iterator[Identifiers]:
    """Read a leaked list: people still covered, former members, people insured elsewhere."""
    covered = [person for person in people if person.covered]
    former = [person for person in people if not person.covered] or covered
    while True:
        draw = random.random()
        if draw < SHARE_COVERED:
            yield type_identifiers(random.choice(covered))
        elif draw < SHARE_COVERED + SHARE_FORMER:
            yield type_identifiers(random.choice(former))
        else:
            yield make_stranger(random, random.choice(covered).amc_number)


def _guess(people: Sequence[Person], random: Random) -> Iterator[Identifiers]:
    """Guess numbers: one month of birth after another, the towns with most births first.

    A number gives sex, year and month of birth; the day and the insurer must be guessed as well.
    """
    towns = [town for town, _ in Counter(p.insured_nir[5:10] for p in people).most_common(_TOWNS)]
    amc_numbers = sorted({person.amc_number for person in people})
    while True:
        known = random.choice(people)
        head = known.insured_nir[:5]
        for town in towns:
            yield Identifiers(
                amc_number=random.choice(amc_numbers),
                insured_nir=Nir(f"{head}{town}000").format_compact(),
                birth_date=f"{known.birth_date[:6]}{random.randint(1, 28):02d}",
                birth_rank=1,
            )
