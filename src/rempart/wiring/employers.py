"""Carries out what employers told, out of an installation: movements, then statements."""

from collections.abc import Callable
from datetime import UTC, datetime

from rempart.kernel.errors import Conflict, RempartError
from rempart.kernel.instants import to_paris_day
from rempart.storage import employer_feeds
from rempart.storage.joiner_slot import make_joiner_box
from rempart.storage.sealing import FileKms
from rempart.wiring.database import Installation
from rempart.workflows.employers.apply_movements import MOST_AT_ONCE, apply_movements
from rempart.workflows.employers.issue_statements import forget_old_movements, issue_statements
from rempart.workflows.feeds.import_feed import FeedSecrets


def settle_all(at: Installation, follow: Callable[[int], None]) -> int:
    """Apply what was accepted, insurer by insurer, then issue the statements that are due.

    Args:
        at: The installation.
        follow: Told how many movements are settled, after each insurer and contract.

    Returns:
        How many movements were settled.

    Raises:
        RempartError: those of one insurer cannot be; the others' are, and statements are issued.
    """
    now = datetime.now(UTC)
    today = to_paris_day(now)
    master = at.home.key("master")
    secrets = FeedSecrets(
        lookup_key=at.home.key("lookup"), contract_key=at.home.key("blind"), kms=FileKms(master)
    )
    box = make_joiner_box(master)
    with at.database.transaction("feeds") as tx:
        insurers = employer_feeds.list_insurers_to_settle(tx)
    settled = 0
    refused: RempartError | None = None
    for insurer_id in insurers:
        more = True
        while more:
            try:
                with at.database.connect("feeds", autocommit=True) as connection:
                    done = apply_movements(connection, secrets, box, insurer_id, today=today)
            except Conflict:
                break  # its feed is being loaded: five minutes later
            except RempartError as failure:
                refused = refused or failure
                break
            more = done.applied + done.failed == MOST_AT_ONCE
            settled += done.applied + done.failed
            follow(settled)
    with at.database.transaction("feeds") as tx:
        groups = employer_feeds.list_all_groups(tx)
    for group in groups:
        follow(settled)
        with at.database.transaction("feeds") as tx:
            issue_statements(tx, group, today=today)
    with at.database.transaction("feeds") as tx:
        forget_old_movements(tx, today=today, now=now)
    if refused is not None:
        raise refused
    return settled
