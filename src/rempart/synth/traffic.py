"""A synthetic month of look-ups for the guard: lawful work, odd honest weeks, and stolen accounts.

Refuses chance and the clock: the same parameters give the same look-ups. The truth is written
beside them, for the scoring.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from rempart.exchange.guard_columns import ACCOUNTS, CANARIES, EVENTS, FOUND, NOT_FOUND, TRUTH
from rempart.exchange.guard_events import GuardFile, open_guard_file
from rempart.synth.files import write_text
from rempart.synth.traffic_lawful import DAY_S, Asked, Desk, draw_month, draw_panel
from rempart.synth.traffic_parameters import (
    KINDS,
    LAWFUL,
    PACES,
    Figures,
    TrafficParameters,
    move_figures,
)
from rempart.synth.traffic_people import (
    CENTRE_LINES,
    DEPARTMENTS,
    PRACTICE_LINES,
    SOFTWARE,
    VERSIONS,
    Dice,
    Numbers,
    find_birth_department,
    find_insurer,
    is_found,
    list_canaries,
)
from rempart.synth.traffic_thieves import ask_again, draw_theft, start_theft

Progress = Callable[[int], None]

BEGIN_MS: Final = 1_793_574_000_000  # Monday 2 November 2026, midnight in Paris
_ODD: Final = ("newcomer", "locum", "takeover", "drive", "first_night", "migration", "holiday")
_CENTRE_SIZE: Final = 5
# Names of the sources of chance: everybody's, an account's own, its thief's.
_COUNTRY, _OWNER, _THIEF = 0, 1, 2
# Eight bytes where eight are needed: a month of 5 000 accounts is six million rows.
_TYPES: Final = (np.int64, np.int32, np.int64, np.bool_, np.int64, np.int16, np.bool_)


@dataclass(slots=True)
class _Rows:
    """All look-ups, in columns: time, account, subject, presence, ip, agent, stolen."""

    columns: list[list[Any]] = field(default_factory=lambda: [[] for _ in _TYPES])

    def add(self, account: int, asked: Asked, *, stolen: bool, end_s: float) -> None:
        kept = asked.time_s < end_s
        count = int(kept.sum())
        values = (
            (asked.time_s[kept] * 1000).astype(np.int64) + BEGIN_MS,
            np.full(count, account),
            asked.subject[kept],
            asked.presence[kept],
            asked.ip[kept],
            asked.agent[kept],
            np.full(count, stolen),
        )
        for column, value, kind in zip(self.columns, values, _TYPES, strict=True):
            column.append(value.astype(kind))

    def sort(self) -> list[Any]:
        """Return the columns in the order of time; what was added is gone."""
        whole: list[Any] = []
        for column in self.columns:
            whole.append(np.concatenate(column))
            column.clear()
        order = np.argsort(whole[0], kind="stable")
        for place, column in enumerate(whole):
            whole[place] = column[order]
        return whole


@dataclass(frozen=True, slots=True)
class _Country:
    """Everything drawn before the first account works."""

    figures: Figures
    professions: Numbers
    departments: Numbers
    odd: list[str]
    lines: Numbers
    has_home: Any
    agents: Numbers  # of each account on each day
    kinds: dict[int, str]


def write_traffic(
    parameters: TrafficParameters, out: Path, progress: Progress = lambda _: None
) -> dict[str, int]:
    """Write a month in directory `out`: events, accounts, canaries, truth, parameters.

    Every file is whole or not there.

    Args:
        parameters: What to make.
        out: The directory; created when missing, its files replaced.
        progress: Called with how many more accounts are drawn.

    Returns:
        How many accounts, look-ups, stolen accounts and stolen look-ups there are.

    Raises:
        Unavailable: a file cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    country = _draw_country(parameters)
    rows, thefts = _Rows(), []
    for account in range(parameters.accounts):
        started = _draw_account(parameters, country, account, rows)
        if started is not None:
            thefts.append((account, country.kinds[account], started))
        progress(1)
    columns = rows.sort()
    with open_guard_file(out / "events.parquet", EVENTS) as file:
        _write_events(file, columns, country)
    _write_tables(out, country, thefts)
    write_text(out / "parameters.json", json.dumps(parameters.to_record(), indent=1) + "\n")
    return {
        "accounts": parameters.accounts,
        "lookups": len(columns[0]),
        "stolen_accounts": len(thefts),
        "stolen_lookups": int(columns[-1].sum()),
    }


def _draw_country(parameters: TrafficParameters) -> _Country:
    dice = np.random.default_rng([parameters.seed, _COUNTRY])
    figures, count = move_figures(parameters), parameters.accounts
    shares = np.array([one.share for one in figures.practices])
    professions = dice.choice(len(shares), count, p=shares / shares.sum())
    own = PRACTICE_LINES + np.arange(count)
    centres = CENTRE_LINES + dice.integers(
        0, max(1, int(count * LAWFUL["health_centre"] / _CENTRE_SIZE)), count
    )
    in_centre = dice.random(count) < figures.lawful["health_centre"]
    releases = dice.random((SOFTWARE, parameters.days)) < figures.lawful["release"]
    versions = np.minimum(np.cumsum(releases, axis=1), VERSIONS - 1)
    software = dice.integers(0, SOFTWARE, count)
    odds = np.cumsum([figures.lawful[name] for name in _ODD])
    places = np.searchsorted(odds, dice.random(count), side="right")
    return _Country(
        figures,
        professions,
        dice.integers(0, DEPARTMENTS, count),
        [(*_ODD, "")[place] for place in places],
        np.where(in_centre, centres, own),
        dice.random(count) < figures.lawful["home"],
        software[:, None] * VERSIONS + versions[software],
        _choose_stolen(parameters, dice),
    )


def _choose_stolen(parameters: TrafficParameters, dice: Dice) -> dict[int, str]:
    wanted = dict.fromkeys(KINDS, parameters.per_kind) | {"distributed": parameters.distributed}
    wanted |= {f"sweep{pace}": parameters.per_pace for pace in PACES}
    kinds = [kind for kind, count in wanted.items() for _ in range(count)]
    chosen = dice.permutation(parameters.accounts)[: len(kinds)]
    return dict(zip(chosen.tolist(), kinds, strict=True))


def _draw_account(
    parameters: TrafficParameters, country: _Country, account: int, rows: _Rows
) -> int | None:
    """Draw one account's month; return when it was stolen (Unix milliseconds), None if not."""
    figures, days = country.figures, parameters.days
    dice = np.random.default_rng([parameters.seed, _OWNER, account])
    practice = figures.practices[country.professions[account]]
    desk = Desk(
        practice=practice,
        department=int(country.departments[account]),
        account=account,
        line=int(country.lines[account]),
        has_home=bool(country.has_home[account]),
        agents=country.agents[account],
        odd=country.odd[account],
        lookups=float(practice.lookups * np.exp(dice.normal(0, practice.spread))),
    )
    panel = draw_panel(desk, figures, dice)
    lawful = draw_month(
        desk, panel, figures, days=days, epidemic_day=parameters.attack_day, dice=dice
    )
    rows.add(account, lawful, stolen=False, end_s=days * DAY_S)
    kind = country.kinds.get(account)
    if kind is None:
        return None
    theft = start_theft(
        kind,
        desk,
        panel,
        figures,
        accounts=parameters.accounts,
        from_day=parameters.attack_day,
        days=days,
        local=parameters.local_victims,
        at_the_workstation=parameters.at_the_workstation,
        dice=np.random.default_rng([parameters.seed, _THIEF, account]),
    )
    asked = draw_theft(kind, theft)
    if parameters.asks_again:
        asked = ask_again(asked, theft.dice)
    rows.add(account, asked, stolen=True, end_s=days * DAY_S)
    return int(theft.from_s * 1000) + BEGIN_MS


def _write_events(file: GuardFile, columns: list[Any], country: _Country) -> None:
    professions = np.array([one.profession for one in country.figures.practices], object)
    for some in _cut(len(columns[0])):
        time, account, subject, presence, ip, agent, stolen = (one[some] for one in columns)
        born = find_birth_department(subject, country.figures.lawful["born_elsewhere"])
        file.write(
            {
                "time": time,
                "account": account,
                "profession": professions[country.professions[account]],
                "subject": subject,
                "insurer": find_insurer(subject),
                "subject_department": born,
                "presence": presence,
                "ip": ip,
                "user_agent": agent,
                "outcome": np.where(is_found(subject), FOUND, NOT_FOUND),
                "stolen": stolen,
            }
        )


def _write_tables(out: Path, country: _Country, thefts: list[tuple[int, str, int]]) -> None:
    professions = [one.profession for one in country.figures.practices]
    with open_guard_file(out / "accounts.parquet", ACCOUNTS) as file:
        file.write(
            {
                "account": np.arange(len(country.lines)),
                "profession": [professions[one] for one in country.professions],
                "department": country.departments + 1,
            }
        )
    with open_guard_file(out / "canaries.parquet", CANARIES) as file:
        file.write({"subject": list_canaries()})
    with open_guard_file(out / "truth.parquet", TRUTH) as file:
        accounts, kinds, starts = zip(*thefts, strict=True) if thefts else ((), (), ())
        file.write({"account": accounts, "kind": kinds, "from": starts})


def _cut(count: int, size: int = 1 << 18) -> Iterator[slice]:
    return (slice(first, first + size) for first in range(0, count, size))
