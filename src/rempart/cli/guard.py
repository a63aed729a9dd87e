"""`rempart guard`: the group of commands about the guard, and nothing else.

Each command lives in a module of its own (`guard_replay`, ...), which keeps this one a table.
"""

from typing import Final

import click

from rempart.cli.guard_alerts import alerts
from rempart.cli.guard_canaries import canaries
from rempart.cli.guard_replay import replay
from rempart.cli.guard_state import budget, export, forget, rebuild, renew, rules
from rempart.cli.guard_steps import approve, contain, release, steps

COMMANDS: Final[tuple[click.Command, ...]] = (
    *(replay, canaries, alerts),
    *(renew, rebuild, export, forget, rules, budget),
    *(contain, approve, release, steps),
)


@click.group()
def guard() -> None:
    """Judge look-ups by what is usual; replay last month; contain and release accounts."""


for command in COMMANDS:
    guard.add_command(command)
