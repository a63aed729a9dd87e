"""The whole script of a drill, made before anything is sent: same seed, same questions.

Refuses clocks and networks; `replay` plays the script.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np

from rempart.drill.attacks import Attack, steal_accounts
from rempart.drill.calendar import Calendar, find_instant
from rempart.drill.cast import (
    DOMAINS,
    ROBOT_AGENT,
    Ask,
    Identifiers,
    Person,
    Place,
    make_agent,
    make_line,
    make_shared_address,
)
from rempart.drill.people import Town
from rempart.synth.traffic_lawful import Asked, Desk, draw_month, draw_panel
from rempart.synth.traffic_parameters import LAWFUL, PRACTICES, THIEVES, Figures
from rempart.synth.traffic_people import (
    CENTRE_LINES,
    DEPARTMENTS,
    MOBILE_LINES,
    PRACTICE_LINES,
    SERVER_LINES,
    SOFTWARE,
    VERSIONS,
    Dice,
)
from rempart.synth.traffic_thieves import draw_theft, start_theft

_ODD: Final = ("newcomer", "locum", "takeover", "drive", "first_night", "migration", "holiday")
_CENTRE_SIZE: Final = 5
_OWNER, _THIEF = 1, 2
_FIGURES: Final = Figures(PRACTICES, LAWFUL, THIEVES)
_SECOND_MS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What will be asked, in order of time, and which accounts are stolen.

    `past` is judged before anything is played; `asks` are played. `professions` are those of the
    accounts, by rank. `attacks` has one robot per stolen account; only the drill reads it.
    """

    seed: int
    calendar: Calendar
    professions: tuple[str, ...]
    past: tuple[Ask, ...]
    asks: tuple[Ask, ...]
    attacks: tuple[Attack, ...]

    @property
    def stolen(self) -> tuple[int, ...]:
        """The accounts that are stolen, by rank."""
        return tuple(attack.caller for attack in self.attacks)


def make_script(
    people: Sequence[Person], *, accounts: int, per_kind: int, calendar: Calendar, seed: int
) -> Script:
    """Write the script of one drill.

    Args:
        people: Everybody on file, former members included.
        accounts: How many accounts there are, stolen ones included.
        per_kind: How many accounts each kind of attack has stolen.
        calendar: The days.
        seed: Same seed, same people, same days: same script.

    Raises:
        SetupError: nobody is covered, or there are fewer accounts than are to be stolen.
    """
    dice = np.random.default_rng([seed, 0])
    odds = _draw_odds(accounts, dice)
    attacks = steal_accounts(odds, per_kind, dice)
    stage = _Stage(people, calendar, seed)
    desks = _draw_desks(odds, dice, days=stage.days)
    robots = {attack.caller: number for number, attack in enumerate(attacks)}
    for desk in desks:
        number = robots.get(desk.account)
        stage.play_account(desk, None if number is None else (number, attacks[number]))
    asks = sorted(stage.asks, key=lambda ask: ask.at_ms)
    begins_ms = find_instant(calendar.played_day, 0)
    played = next((n for n, ask in enumerate(asks) if ask.at_ms >= begins_ms), len(asks))
    return Script(
        seed=seed,
        calendar=calendar,
        professions=tuple(desk.practice.profession for desk in desks),
        past=tuple(asks[:played]),
        asks=tuple(asks[played:]),
        attacks=attacks,
    )


def _draw_odds(accounts: int, dice: Dice) -> list[str]:
    """Draw what happens to each account that is not usual; nothing, for most."""
    edges = np.cumsum([LAWFUL[name] for name in _ODD])
    places = np.searchsorted(edges, dice.random(accounts), side="right")
    return [(*_ODD, "")[place] for place in places]


def _draw_desks(odds: Sequence[str], dice: Dice, *, days: int) -> list[Desk]:
    """Draw every account before its first day."""
    count = len(odds)
    shares = np.array([practice.share for practice in PRACTICES])
    practices = dice.choice(len(shares), count, p=shares / shares.sum())
    centres = max(1, int(count * LAWFUL["health_centre"] / _CENTRE_SIZE))
    in_centre = dice.random(count) < LAWFUL["health_centre"]
    lines = np.where(
        in_centre,
        CENTRE_LINES + dice.integers(0, centres, count),
        PRACTICE_LINES + np.arange(count),
    )
    releases = np.cumsum(dice.random((SOFTWARE, days)) < LAWFUL["release"], axis=1)
    software = dice.integers(0, SOFTWARE, count)
    has_home = dice.random(count) < LAWFUL["home"]
    departments = dice.integers(0, DEPARTMENTS, count)
    desks = []
    for account in range(count):
        practice = PRACTICES[practices[account]]
        pace = practice.lookups * float(np.exp(dice.normal(0, practice.spread)))
        desks.append(
            Desk(
                practice=practice,
                department=int(departments[account]),
                account=account,
                line=int(lines[account]),
                has_home=bool(has_home[account]),
                agents=software[account] * VERSIONS
                + np.minimum(releases[software[account]], VERSIONS - 1),
                odd=odds[account],
                lookups=pace,
            )
        )
    return desks


class _Stage:
    """Draws what each account asks, and turns numbers into questions."""

    def __init__(self, people: Sequence[Person], calendar: Calendar, seed: int) -> None:
        self._town = Town(people)
        self._calendar = calendar
        self._seed = seed
        self.days = calendar.ends_day - calendar.first_day
        self._attack_day = calendar.attack_day - calendar.first_day
        self._begins_ms = find_instant(calendar.first_day, 0)
        self._lines: dict[int, str] = {}
        self._places: dict[tuple[int, int], Place] = {}
        self.asks: list[Ask] = []

    def play_account(self, desk: Desk, robot: tuple[int, Attack] | None) -> None:
        """Draw one account's days: its owner's work, and its thief's if it has one."""
        dice = np.random.default_rng([self._seed, _OWNER, desk.account])
        panel = draw_panel(desk, _FIGURES, dice)
        lawful = draw_month(
            desk, panel, _FIGURES, days=self.days, epidemic_day=self._attack_day, dice=dice
        )
        self._add(desk, lawful)
        if robot is None:
            return
        theft = start_theft(
            robot[1].name,
            desk,
            panel,
            _FIGURES,
            accounts=10_000,
            from_day=self._attack_day,
            days=self.days,
            local=0.0,
            at_the_workstation=False,
            dice=np.random.default_rng([self._seed, _THIEF, desk.account]),
        )
        self._add(desk, draw_theft(robot[1].name, theft), robot)

    def _add(self, desk: Desk, asked: Asked, robot: tuple[int, Attack] | None = None) -> None:
        number, attack = robot or (None, None)
        domain = DOMAINS[desk.practice.profession]
        guesses = self._town.guess(Random(self._seed))  # noqa: S311 - a play, not a secret
        columns = zip(*(column.tolist() for column in asked), strict=True)
        ends_s = self.days * 86_400
        for time_s, subject, presence, ip, agent in columns:
            if time_s >= ends_s:
                continue
            if attack is not None and attack.guesses:
                identifiers = next(guesses)
            else:
                identifiers = self._name(subject, presence=presence)
            place = self._find_place(ip, -1 if attack is not None and attack.is_naked else agent)
            at_ms = self._begins_ms + int(time_s * _SECOND_MS)
            self.asks.append(Ask(at_ms, desk.account, place, identifiers, domain, number))

    def _name(self, subject: int, *, presence: bool) -> Identifiers:
        visitor = self._town.find(subject)
        return visitor.card if presence and visitor.card is not None else visitor.typed

    def _find_place(self, line: int, agent: int) -> Place:
        """Return the place of a line and a software of the stream; below 0, a naked program."""
        place = self._places.get((line, agent))
        if place is None:
            software = ROBOT_AGENT if agent < 0 else make_agent(*divmod(agent, VERSIONS))
            place = self._places[line, agent] = Place(self._find_address(line), software)
        return place

    def _find_address(self, line: int) -> str:
        """Return the address of a line of the stream: a network each, in order of appearance."""
        if MOBILE_LINES <= line < SERVER_LINES:
            return make_shared_address(line - MOBILE_LINES)
        return self._lines.setdefault(line, make_line(len(self._lines)))
