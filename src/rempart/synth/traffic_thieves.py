"""What thieves ask with somebody's account: ten kinds, and patient ones at ten paces.

None comes from an address or with software that only thieves have, except the fastest one: thieves
ask from mobile networks and other people's homes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rempart.synth.traffic_lawful import DAY_S, Asked, Desk
from rempart.synth.traffic_parameters import Figures
from rempart.synth.traffic_people import (
    HOME_LINES,
    MOBILE_ADDRESSES,
    MOBILE_LINES,
    PEOPLE_PER_DEPARTMENT,
    POPULATION,
    SERVER_LINES,
    SOFTWARE,
    VERSIONS,
    Dice,
    Numbers,
    draw_anybody,
    draw_people,
    list_canaries,
    make_nobodies,
)

# Thieves keep office hours when they want to last [E].
_WORK_FROM_S: Final = 9 * 3_600.0
_WORK_S: Final = 9.5 * 3_600.0
_LOUD_LOOKUPS: Final = 20_000
_GUESSES: Final = 8_000
_RESUMED: Final = 8
_RESUMED_LOOKUPS: Final = 300
_SHARED_ADDRESSES: Final = 12
_START_DAYS: Final = 1.5
_SERVERS: Final = 5
# Between thieves of one kind, paces differ by this factor up or down [E].
_PACE_SPREAD: Final = 2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Theft:
    """One stolen account, and how its thief works.

    Attributes:
        desk: The account's.
        panel: The people its owner knows.
        figures: Of thieves.
        from_s: The first look-up.
        until_s: The end of the month.
        local: Share of the list that lives where the account works.
        ip: From where.
        agent: With which software.
        accounts: How many there are: thieves come from their homes.
        dice: The thief's own.
    """

    desk: Desk
    panel: Numbers
    figures: Mapping[str, float]
    from_s: float
    until_s: float
    local: float
    ip: int
    agent: int
    accounts: int
    dice: Dice

    def spread(self, value: float) -> float:
        """Return a pace, or a delay, of this thief: around the one of its kind."""
        return float(value * _PACE_SPREAD ** self.dice.uniform(-1, 1))

    def draw_list(self, count: int, missed: float) -> Numbers:
        """Draw people of a leaked list; some of it leads to nobody."""
        is_local = self.dice.random(count) < self.local
        people = np.where(
            is_local,
            draw_people(self.dice, self.desk.department, count),
            draw_anybody(self.dice, count),
        )
        return np.where(self.dice.random(count) < missed, make_nobodies(people), people)

    def draw_office_hours(self, pace: float) -> NDArray[np.float64]:
        """Draw instants at a pace a day, until the month ends."""
        days = np.arange(int(self.from_s // DAY_S), int(self.until_s // DAY_S))
        day = np.repeat(days, self.dice.poisson(pace, len(days)))
        times = day * DAY_S + _WORK_FROM_S + self.dice.random(len(day)) * _WORK_S
        return np.asarray(np.sort(times[times > self.from_s]))

    def draw_stream(self, count: int, seconds: float) -> NDArray[np.float64]:
        """Draw instants one after the other, day and night."""
        times = self.from_s + np.cumsum(self.dice.exponential(seconds, count))
        return np.asarray(times[times < self.until_s])

    def ask(
        self,
        times: NDArray[np.float64],
        people: Numbers,
        *,
        card: bool = False,
        ip: Numbers | None = None,
    ) -> Asked:
        """Return the look-ups."""
        count = len(times)
        lines = np.full(count, self.ip, np.int64) if ip is None else ip
        return Asked(
            times, people, np.full(count, card), lines, np.full(count, self.agent, np.int64)
        )


def start_theft(
    kind: str,
    desk: Desk,
    panel: Numbers,
    figures: Figures,
    *,
    accounts: int,
    from_day: int,
    days: int,
    local: float,
    at_the_workstation: bool,
    dice: Dice,
) -> Theft:
    """Give an account to a thief of a kind."""
    ip = HOME_LINES + int(dice.integers(0, accounts))
    if dice.random() < figures.thieves["mobile"]:
        ip = MOBILE_LINES + int(dice.integers(0, MOBILE_ADDRESSES))
    agent = int(dice.integers(0, SOFTWARE)) * VERSIONS
    if at_the_workstation or kind in _AT_THE_WORKSTATION:
        ip, agent = desk.line, int(desk.agents[from_day])
    return Theft(
        desk=desk,
        panel=panel,
        figures=figures.thieves,
        from_s=from_day * DAY_S + dice.uniform(0, min(_START_DAYS, days - from_day)) * DAY_S,
        until_s=days * DAY_S,
        local=local,
        ip=ip,
        agent=agent,
        accounts=accounts,
        dice=dice,
    )


def draw_theft(kind: str, theft: Theft) -> Asked:
    """Draw everything a thief asks.

    Raises:
        KeyError: there is no such kind.
    """
    if kind.startswith("sweep"):
        return _sweep(theft, float(kind.removeprefix("sweep")))
    return _KINDS[kind](theft)


def ask_again(asked: Asked, dice: Dice) -> Asked:
    """Ask about everybody a second time, within a day."""
    later = asked.time_s + dice.uniform(60, DAY_S, len(asked.time_s))
    again = asked._replace(time_s=later)
    return Asked(*(np.concatenate(columns) for columns in zip(asked, again, strict=True)))


def _fast(theft: Theft) -> Asked:
    times = theft.draw_stream(_LOUD_LOOKUPS, theft.spread(theft.figures["fast_seconds"]))
    people = theft.draw_list(len(times), theft.figures["fast_missed"])
    return theft.ask(times, people, ip=_choose_servers(theft, len(times)))


def _choose_servers(theft: Theft, count: int) -> Numbers | None:
    """Return rented servers, the one place only thieves come from; None at the workstation."""
    if theft.ip == theft.desk.line:
        return None
    return np.full(count, SERVER_LINES + theft.dice.integers(0, _SERVERS), np.int64)


def _throttled(theft: Theft) -> Asked:
    times = theft.draw_stream(_LOUD_LOOKUPS, theft.spread(theft.figures["throttled_seconds"]))
    return theft.ask(times, theft.draw_list(len(times), theft.figures["throttled_missed"]))


def _list(theft: Theft) -> Asked:
    times = theft.draw_office_hours(theft.spread(theft.figures["list_pace"]))
    return theft.ask(times, theft.draw_list(len(times), theft.figures["list_missed"]))


def _sequential(theft: Theft) -> Asked:
    """Number after number of one register; now and then a number past its end, which is planted."""
    figures, dice = theft.figures, theft.dice
    times = theft.draw_stream(_GUESSES, theft.spread(figures["sequential_seconds"]))
    count = len(times)
    first = theft.desk.department * PEOPLE_PER_DEPARTMENT
    if not theft.local:
        first = int(dice.integers(0, POPULATION - _GUESSES))
    people = first + np.arange(count)
    people = np.where(dice.random(count) < figures["sequential_found"], people, -1 - people)
    is_planted = dice.random(count) < figures["sequential_canaries"]
    planted = dice.choice(list_canaries(), count)
    return theft.ask(times, np.where(is_planted, planted, people))


def _resume(theft: Theft) -> Asked:
    """Some hundred, then hours of silence, then again from elsewhere."""
    figures, dice = theft.figures, theft.dice
    parts, start = [], theft.from_s
    for _ in range(_RESUMED):
        times = start + np.cumsum(dice.exponential(figures["resume_seconds"], _RESUMED_LOOKUPS))
        times = times[times < theft.until_s]
        line = theft.ip
        if line != theft.desk.line:
            line = HOME_LINES + int(dice.integers(0, theft.accounts))
        people = theft.draw_list(len(times), figures["resume_missed"])
        parts.append(theft.ask(times, people, ip=np.full(len(times), line, np.int64)))
        start += dice.uniform(6, 18) * 3_600
    return Asked(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _distributed(theft: Theft) -> Asked:
    """One hand with many accounts: few look-ups from each, from a dozen addresses."""
    times = theft.draw_office_hours(theft.spread(theft.figures["distributed_pace"]))
    people = theft.draw_list(len(times), theft.figures["distributed_missed"])
    if theft.ip == theft.desk.line:
        return theft.ask(times, people)
    shared = HOME_LINES + theft.dice.integers(0, _SHARED_ADDRESSES, len(times)) * 17
    return theft.ask(times, people, ip=shared)


def _mimic(theft: Theft) -> Asked:
    """At the owner's own pace and place, a fifth of it about people the owner knows."""
    figures, dice = theft.figures, theft.dice
    pace = max(5.0, theft.desk.lookups * figures["mimic_pace"])
    times = theft.draw_office_hours(pace)
    count = len(times)
    known = theft.panel[dice.integers(0, len(theft.panel), count)]
    people = theft.draw_list(count, figures["mimic_missed"])
    return theft.ask(times, np.where(dice.random(count) < figures["mimic_known"], known, people))


def _insider(theft: Theft) -> Asked:
    times = theft.draw_office_hours(theft.spread(theft.figures["insider_pace"]))
    return theft.ask(times, theft.draw_list(len(times), theft.figures["insider_missed"]))


def _insider_bulk(theft: Theft) -> Asked:
    times = theft.draw_office_hours(theft.spread(theft.figures["insider_bulk_pace"]))
    return theft.ask(times, theft.draw_list(len(times), theft.figures["insider_bulk_missed"]))


def _list_card(theft: Theft) -> Asked:
    """The codes of the cards leaked with the list."""
    times = theft.draw_office_hours(theft.spread(theft.figures["list_card_pace"]))
    people = theft.draw_list(len(times), theft.figures["list_card_missed"])
    return theft.ask(times, people, card=True)


def _sweep(theft: Theft, pace: float) -> Asked:
    times = theft.draw_office_hours(pace)
    return theft.ask(times, theft.draw_list(len(times), theft.figures["sweep_missed"]))


_AT_THE_WORKSTATION: Final = frozenset({"mimic", "insider", "insider_bulk"})
_KINDS: Final[Mapping[str, Callable[[Theft], Asked]]] = {
    "fast": _fast,
    "throttled": _throttled,
    "list": _list,
    "sequential": _sequential,
    "resume": _resume,
    "distributed": _distributed,
    "mimic": _mimic,
    "insider": _insider,
    "insider_bulk": _insider_bulk,
    "list_card": _list_card,
}
