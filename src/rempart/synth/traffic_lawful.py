"""One lawful account's month: work, nights, and the odd things honest people do.

Refuses to know about thieves.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rempart.synth.traffic_parameters import Figures, Practice
from rempart.synth.traffic_people import (
    HOME_LINES,
    MOBILE_ADDRESSES,
    MOBILE_LINES,
    PEOPLE_PER_DEPARTMENT,
    SOFTWARE,
    VERSIONS,
    Dice,
    Numbers,
    draw_anybody,
    draw_people,
    make_nobodies,
)

DAY_S: Final = 86_400.0
_HOUR_S: Final = 3_600.0
# Between practices, days differ more or less: size of the negative binomial [E].
_STEADINESS: Final = (6.0, 25.0)
# People who come by live around: so many times the panel [E].
_CATCHMENT: Final = 10
_LEAST_CATCHMENT: Final = 2_000
# A panel is visited unequally: few come often (Pareto) [E].
_LOYALTY: Final = 2.0
_EPIDEMIC_DAYS: Final = 5


class Asked(NamedTuple):
    """Look-ups of one account, in any order: one array for each column."""

    time_s: NDArray[np.float64]
    subject: Numbers
    presence: NDArray[np.bool_]
    ip: Numbers
    agent: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One account before its month.

    Attributes:
        practice: Its profession's.
        department: Where it works, from 0.
        line: Its address.
        home_line: Where it works now and then; None: never.
        agents: Its software on each day, releases counted.
        odd: What happens to it in the month; empty for most.
        lookups: Mean of an open day.
    """

    practice: Practice
    department: int
    account: int
    line: int
    has_home: bool
    agents: Numbers
    odd: str
    lookups: float


@dataclass(slots=True)
class _Month:
    """One account's days: what changes from one to the next."""

    volume: NDArray[np.float64]
    regulars: NDArray[np.float64]
    agents: Numbers
    lines: Numbers
    nights: Numbers  # look-ups of each night
    joined: NDArray[np.float64]  # share of regulars who come from another practice


def draw_panel(desk: Desk, figures: Figures, dice: Dice) -> Numbers:
    """Draw the people an account knows; some of them are insured elsewhere."""
    practice = desk.practice
    wanted = practice.panel * np.exp(dice.normal(0, 0.3)) * desk.lookups / practice.lookups
    count = max(10, int(wanted))
    is_local = dice.random(count) < figures.lawful["panel_is_local"]
    people = np.where(is_local, _draw_around(desk, count, dice), draw_anybody(dice, count))
    is_nobody = dice.random(count) < practice.missed
    return np.where(is_nobody, make_nobodies(people), people)


def draw_month(
    desk: Desk, panel: Numbers, figures: Figures, *, days: int, epidemic_day: int, dice: Dice
) -> Asked:
    """Draw everything one account asks in a month."""
    month = _plan_month(desk, panel, figures, days=days, epidemic_day=epidemic_day, dice=dice)
    steadiness = dice.uniform(*_STEADINESS)
    mean = desk.lookups * month.volume
    counts = np.zeros(days, np.int64)
    is_open = mean > 0
    counts[is_open] = dice.negative_binomial(steadiness, steadiness / (steadiness + mean[is_open]))
    loyalty = np.cumsum(dice.pareto(_LOYALTY, len(panel)) + 1)
    work = _draw_work(
        desk, panel, loyalty, month, np.repeat(np.arange(days), counts), figures, dice
    )
    again = _ask_again(work, figures, dice)
    nights = _draw_nights(desk, panel, loyalty, month, dice)
    parts = (work, again, nights)
    return Asked(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _plan_month(
    desk: Desk, panel: Numbers, figures: Figures, *, days: int, epidemic_day: int, dice: Dice
) -> _Month:
    practice = desk.practice
    volume = np.resize(np.array(practice.week), days).astype(float)
    volume[epidemic_day : epidemic_day + _EPIDEMIC_DAYS] *= 1 + figures.lawful["epidemic"]
    moves = np.cumsum(dice.random(days) < figures.lawful["new_line"])
    nights = np.zeros(days, np.int64)
    scale = practice.night_lookups * desk.lookups / practice.lookups
    if dice.random() < practice.night_share:
        some = dice.random(days) < 0.5
        nights[some] = (scale * dice.uniform(0.8, 1.2, days)[some]).astype(np.int64)
    month = _Month(
        volume,
        np.full(days, practice.regulars),
        desk.agents.copy(),
        desk.line + moves * 10_000_000,
        nights,
        np.zeros(days),
    )
    _make_odd(desk, month, len(panel), days, dice)
    return month


def _make_odd(desk: Desk, month: _Month, panel: int, days: int, dice: Dice) -> None:
    """Let the odd thing of the month happen, from its second week on."""
    day = int(dice.integers(min(8, days - 1), days))
    week = slice(day, day + 7)
    match desk.odd:
        case "newcomer":
            opens = int(dice.integers(min(2, days - 1), max(days - 3, min(3, days))))
            since = np.arange(days) - opens
            month.volume *= np.where(since < 0, 0.0, np.minimum(1.0, 0.3 + 0.07 * since))
            month.nights[:opens] = 0
            month.regulars *= 0.6
        case "locum":
            stay = slice(day, day + int(dice.integers(5, 11)))
            month.regulars[stay] *= 0.75
            month.agents[stay] += 7 * VERSIONS
        case "takeover":
            month.joined[day:] = 0.7 / 1.7
        case "drive":
            month.volume[day : day + 2] *= 2.2
            month.regulars[day : day + 2] = 0.4
        case "first_night":
            some = (np.arange(days) >= day) & (dice.random(days) < 0.6)
            count = max(40.0, desk.practice.night_lookups * dice.uniform(0.5, 1.2))
            month.nights[some] = int(count)
        case "migration":
            month.nights[day] = int(panel * dice.uniform(0.5, 1))
            month.agents[day:] += 3 * VERSIONS
        case "holiday" if dice.random() < 0.5:
            month.volume[week] = 0
        case "holiday":
            month.volume[week] *= 1.3
            month.regulars[week] *= 0.5


def _draw_work(
    desk: Desk,
    panel: Numbers,
    loyalty: NDArray[np.float64],
    month: _Month,
    day: Numbers,
    figures: Figures,
    dice: Dice,
) -> Asked:
    """Draw the look-ups of opening hours, on the days given."""
    lawful, count = figures.lawful, len(day)
    is_regular = dice.random(count) < month.regulars[day]
    is_joined = dice.random(count) < month.joined[day]
    other_panel = draw_people(np.random.default_rng(desk.account), desk.department, len(panel))
    known = np.where(
        is_joined,
        other_panel[dice.integers(0, len(other_panel), count)],
        _pick(panel, loyalty, count, dice),
    )
    is_local = dice.random(count) < lawful["stranger_is_local"]
    stranger = np.where(is_local, _draw_around(desk, count, dice), draw_anybody(dice, count))
    is_nobody = dice.random(count) < desk.practice.missed
    stranger = np.where(is_nobody, make_nobodies(stranger), stranger)
    line = month.lines[day]
    if desk.has_home:
        at_home = dice.random(count) < lawful["from_home"]
        line = np.where(at_home, HOME_LINES + desk.account, line)
    mobile = MOBILE_LINES + dice.integers(0, MOBILE_ADDRESSES, count)
    return Asked(
        draw_hours(desk.practice, day, dice),
        np.where(is_regular, known, stranger),
        dice.random(count) >= desk.practice.typed,
        np.where(dice.random(count) < lawful["mobile"], mobile, line),
        month.agents[day] % (SOFTWARE * VERSIONS),
    )


def _ask_again(work: Asked, figures: Figures, dice: Dice) -> Asked:
    """Draw what follows a look-up at once: the same person again, and their household."""
    count = len(work.subject)
    again = dice.random(count) < figures.lawful["retry"]
    family = dice.random(count) < figures.lawful["family"]
    household = work.subject ^ 1  # numbers two by two: a household of two
    parts = [
        Asked(
            work.time_s[some] + dice.uniform(*delay, int(some.sum())),
            subject[some],
            work.presence[some],
            work.ip[some],
            work.agent[some],
        )
        for some, subject, delay in (
            (again, work.subject, (3, 90)),
            (family, household, (5, 40)),
        )
    ]
    return Asked(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _draw_nights(
    desk: Desk, panel: Numbers, loyalty: NDArray[np.float64], month: _Month, dice: Dice
) -> Asked:
    """Draw what the software checks again at night, without cards."""
    day = np.repeat(np.arange(len(month.nights)), month.nights)
    count = len(day)
    if desk.odd == "migration":
        # Everybody once, rather than who comes often.
        subject = dice.permutation(panel)[np.arange(count) % len(panel)]
    else:
        subject = _pick(panel, loyalty, count, dice)
    hour, pace = dice.uniform(1, 5), dice.uniform(0.3, 2)
    seconds = dice.random(count) * month.nights[day] * pace
    return Asked(
        day * DAY_S + hour * _HOUR_S + seconds,
        subject,
        np.zeros(count, bool),
        month.lines[day],
        month.agents[day] % (SOFTWARE * VERSIONS),
    )


def draw_hours(practice: Practice, day: Numbers, dice: Dice) -> NDArray[np.float64]:
    """Draw an instant of the opening hours of each of some days."""
    opens = np.array([start for start, _ in practice.hours])
    lasts = np.array([end - start for start, end in practice.hours])
    which = np.searchsorted(np.cumsum(lasts) / lasts.sum(), dice.random(len(day)))
    hours = opens[which] + dice.random(len(day)) * lasts[which]
    return np.asarray(day * DAY_S + hours * _HOUR_S)


def _pick(panel: Numbers, loyalty: NDArray[np.float64], count: int, dice: Dice) -> Numbers:
    """Pick people of a panel, those who come often more often."""
    places = np.searchsorted(loyalty, dice.random(count) * loyalty[-1], side="right")
    return np.asarray(panel[np.minimum(places, len(panel) - 1)])


def _draw_around(desk: Desk, count: int, dice: Dice) -> Numbers:
    """Draw people who live around a practice: a stretch of its department's people."""
    size = min(max(desk.practice.panel * _CATCHMENT, _LEAST_CATCHMENT), PEOPLE_PER_DEPARTMENT)
    first = desk.account * 7_919 % (PEOPLE_PER_DEPARTMENT - size + 1)
    people = desk.department * PEOPLE_PER_DEPARTMENT + first + dice.integers(0, size, count)
    return np.asarray(people, dtype=np.int64)
