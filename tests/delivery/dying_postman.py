"""Delivers a campaign and kills itself with -9 at its n-th step: python -m … PORT FOLDER STEP.

Each commit, each message handed over and each file written is a step.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from tests.delivery.post_office import KEY, ROOM, make_relay
from tests.package_samples import KMS

from rempart.exchange import smtp_transport
from rempart.exchange.smtp_transport import Post
from rempart.storage.connect import Transaction
from rempart.wiring.database import locate_database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.notices import deliver_email, pace_campaign, print_letters
from rempart.workflows.notices.pace_campaign import Office, Timing
from rempart.workflows.notices.print_letters import Press
from rempart.workflows.notices.read_bounces import read_bounces

TIMING = Timing(
    uncertain_after=timedelta(hours=1), bounces_for=timedelta(0), put_off=timedelta(0), tries=3
)


class Deaths:
    """Dies at a step."""

    def __init__(self, last: int) -> None:
        self.last, self.done = last, 0

    def step(self) -> None:
        self.done += 1
        if self.done == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def deliver(port: int, folder: Path, deaths: Deaths) -> None:
    """Do all that waits: reports, e-mails, letters."""
    settings = Settings.from_environment()
    database = locate_database(settings, Home.open(settings.home))

    @contextmanager
    def open_transaction() -> Iterator[Transaction]:
        with database.transaction("notifier") as tx:
            yield tx
            deaths.step()  # before it is committed
        deaths.step()  # and after

    office = Office(
        open_transaction=open_transaction, kms=KMS, now=lambda: datetime.now(UTC), timing=TIMING
    )
    deliver_email.WINDOW = 5  # type: ignore[misc]
    with database.transaction("notifier") as tx:
        [campaign] = pace_campaign.begin_campaigns(tx)
    press = Press(directory=folder / "letters", key=KEY, operator="Essai", processes=1)
    print_letters.write_batches(office, press)
    read_bounces(office, folder / "reports", KEY)
    with Post(make_relay(port)) as post:
        deliver_email.send_emails(office, ROOM, post, campaign, allowed=None)
    read_bounces(office, folder / "reports", KEY)
    print_letters.print_campaign(office, press, campaign, allowed=None)


def main() -> None:
    port, folder, last = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    deaths = Deaths(last)
    hand_over, put = smtp_transport._Line.deliver, print_letters.write_whole

    async def hand_over_and_die(line, one):
        deaths.step()
        outcome = await hand_over(line, one)
        deaths.step()
        return outcome

    @contextmanager
    def put_and_die(path: Path) -> Iterator[IO[bytes]]:
        with put(path) as file:
            yield file
        deaths.step()

    smtp_transport._Line.deliver = hand_over_and_die  # type: ignore[method-assign]
    print_letters.write_whole = put_and_die  # type: ignore[attr-defined]
    deliver(port, folder, deaths)


if __name__ == "__main__":
    main()
