"""Builds the acts log of an installation: its key, its login, the machine's clock."""

import time

from rempart.disclosure.acts import ACTS_LOG
from rempart.disclosure.note import NoteSigner
from rempart.storage.acts_log import AppendsActs
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings


def open_acts_log(settings: Settings, home: Home, database: Database) -> AppendsActs:  # noqa: ARG001
    """Return the acts log. Nothing is opened before the first act."""
    origin = f"rempart.invalid/{home.id}/log/{ACTS_LOG}"
    return AppendsActs(
        connection=database.asyncpg_kwargs("recorder"),
        signer=NoteSigner(origin, home.log_key(ACTS_LOG)),
        clock_ms=lambda: time.time_ns() // 1_000_000,
    )
