"""`rempart ledger`: the group of commands about the disclosure ledger, and nothing else.

Each command lives in a module of its own (`ledger_audit`, ...), which keeps this one a table.
"""

from typing import Final

import click

from rempart.cli.ledger_ask import seen_by, who_saw
from rempart.cli.ledger_audit import audit
from rempart.cli.ledger_cosign import cosign, stamp
from rempart.cli.ledger_keys import recover, rotate_key
from rempart.cli.ledger_prove import prove, verify
from rempart.cli.ledger_segments import cool, drop, erase, seal

COMMANDS: Final[tuple[click.Command, ...]] = (
    audit,
    cosign,
    stamp,
    prove,
    verify,
    cool,
    drop,
    erase,
    seal,
    who_saw,
    seen_by,
    rotate_key,
    recover,
)


@click.group()
def ledger() -> None:
    """Audit the disclosure ledger, prove what it holds, ask it questions."""


for command in COMMANDS:
    ledger.add_command(command)
