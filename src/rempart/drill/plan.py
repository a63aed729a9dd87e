"""The whole script of a drill, made before anything is sent: same seed, same questions.

Refuses clocks and networks; `replay` plays the script.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random
from typing import Final

from rempart.drill.cast import Ask, Person, Professional
from rempart.drill.practice import find_practice
from rempart.drill.robots import Robot, enrol_robots, plan_robot
from rempart.drill.traffic import DAY_HOURS, Desk, Shift, plan_desk, set_desk
from rempart.kernel.errors import SetupError

# The part of the drill before the attack: accounts need a past of their own.
PAST_SHARE: Final = 0.4
# What one laptop plays beside the gateway it measures.
LAWFUL_PER_S: Final = 150
# Whose logins were taken: those who use such portals most.
STOLEN_FROM: Final = frozenset({"pharmacy", "optician", "general_practitioner"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What will be asked, in order of time, and which accounts are stolen.

    `stolen` and `robots` name professionals by rank; only the drill reads `robots`.
    """

    seed: int
    professionals: int
    shift: Shift
    asks: tuple[Ask, ...]
    stolen: tuple[int, ...]
    robots: tuple[Robot, ...]


def make_script(
    people: Sequence[Person],
    professionals: Sequence[Professional],
    *,
    stolen: int,
    seconds: float,
    seed: int,
) -> Script:
    """Write the script of one drill.

    Args:
        people: Everybody on file, former members included.
        professionals: Those who work during the drill.
        stolen: How many of their accounts are stolen.
        seconds: How long the drill lasts, past and attack together.
        seed: Same seed, same people, same professionals: same script.

    Raises:
        SetupError: nobody is covered, or there are fewer professionals than stolen accounts.
    """
    covered = [person for person in people if person.covered]
    if not covered:
        raise SetupError(
            "nobody in the synthetic set is covered: make it again with `rempart synth`"
        )
    if not 0 < stolen <= len(professionals):
        raise SetupError(
            f"{stolen} stolen accounts among {len(professionals)} professionals: ask for fewer"
        )
    random = Random(seed)  # noqa: S311 - a play, not a secret
    shift = plan_shift(professionals, seconds)
    desks = [
        set_desk(caller, professional, covered, shift=shift, random=random)
        for caller, professional in enumerate(professionals)
    ]
    taken = _choose_stolen(professionals, stolen, random)
    robots = enrol_robots([desks[caller] for caller in taken], random=random)
    asks = chain(
        _plan_lawful(desks, covered, shift, random),
        _plan_robots(robots, {caller: desks[caller] for caller in taken}, people, shift, random),
    )
    return Script(
        seed=seed,
        professionals=len(professionals),
        shift=shift,
        asks=tuple(sorted(asks, key=lambda ask: ask.at_s)),
        stolen=taken,
        robots=robots,
    )


def plan_shift(professionals: Sequence[Professional], seconds: float) -> Shift:
    """Choose how many working hours the seconds stand for, so that one machine can play them."""
    per_day = sum(find_practice(p.profession).lookups_per_day for p in professionals)
    return Shift(
        seconds=seconds,
        hours=min(DAY_HOURS, LAWFUL_PER_S * seconds * DAY_HOURS / per_day),
        attack_from_s=PAST_SHARE * seconds,
    )


def _choose_stolen(
    professionals: Sequence[Professional], stolen: int, random: Random
) -> tuple[int, ...]:
    wanted = [n for n, p in enumerate(professionals) if p.profession in STOLEN_FROM]
    candidates = wanted if len(wanted) >= stolen else list(range(len(professionals)))
    return tuple(sorted(random.sample(candidates, stolen)))


def _plan_lawful(
    desks: Sequence[Desk], covered: Sequence[Person], shift: Shift, random: Random
) -> list[Ask]:
    return [ask for desk in desks for ask in plan_desk(desk, covered, shift=shift, random=random)]


def _plan_robots(
    robots: Sequence[Robot],
    desks: Mapping[int, Desk],
    people: Sequence[Person],
    shift: Shift,
    random: Random,
) -> list[Ask]:
    return [
        ask
        for number, robot in enumerate(robots)
        for ask in plan_robot(
            number, robot, desks[robot.caller], people, shift=shift, random=random
        )
    ]
