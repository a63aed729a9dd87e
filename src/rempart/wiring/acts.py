"""Builds the acts log of an installation: its key, its login, the machine's clock."""

import time

from rempart.disclosure.acts import ACTS_LOG
from rempart.storage.acts_log import AppendsActs
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.wiring.log_signers import load_signers
from rempart.wiring.settings import Settings


def open_acts_log(settings: Settings, home: Home, database: Database) -> AppendsActs:
    """Return the acts log. Nothing is opened before the first act."""
    return AppendsActs(
        connection=database.asyncpg_kwargs("recorder"),
        signers=load_signers(home, ACTS_LOG),
        clock_ms=lambda: time.time_ns() // 1_000_000,
        segment_bits=settings.segment_bits,
    )
