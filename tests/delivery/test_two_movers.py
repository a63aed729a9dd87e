"""The worker that hands e-mails over and the one that reads reports move the same messages."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from tests.delivery.campaign import Delivery

from rempart.exchange.bounce_reader import Action, DeliveryReport
from rempart.exchange.smtp_transport import Fate, Outcome
from rempart.storage import notice_delivery
from rempart.storage.connect import Transaction
from rempart.workflows.notices.campaign_text import open_writer
from rempart.workflows.notices.deliver_email import settle_outcomes
from rempart.workflows.notices.read_bounces import apply_reports

pytestmark = pytest.mark.timeout(120)

Mover = Callable[[Delivery, Transaction, list[int]], object]


def settle(delivery, tx, numbers):
    writer = open_writer(tx, delivery.kms, delivery.campaign_ref)
    settle_outcomes(tx, writer, [Outcome(number, Fate.SENT, "250") for number in numbers])


def read(delivery, tx, numbers):
    reports = [DeliveryReport(number, Action.FAILED, "5.1.1") for number in numbers]
    apply_reports(tx, delivery.office(), reports)


def waits_with_empty_hands(database, move: Mover) -> bool:
    """Have somebody hold the first message; tell whether who moves it too holds the last one."""
    delivery = Delivery(database, {101: {}, 102: {}})
    with database.transaction("notifier") as tx:
        claimed = notice_delivery.claim_emails(
            tx, delivery.begin().campaign_ref, most=2, patience=timedelta(0), tries=3
        )
    first, last = sorted(claimed)

    def move_both() -> None:
        with database.transaction("notifier") as tx:
            move(delivery, tx, [last, first])

    mover = threading.Thread(target=move_both)
    with database.transaction("notifier") as holder:
        notice_delivery.lock_messages(holder, [first])
        mover.start()
        wait_until_somebody_waits(database)
        try:
            with database.transaction("notifier") as other:
                other.execute(
                    "SELECT FROM notices.message WHERE number = %s FOR UPDATE NOWAIT", (last,)
                )
            free = True
        except psycopg.errors.LockNotAvailable:
            free = False
    mover.join()
    assert delivery.states().total() == 2
    return free


def wait_until_somebody_waits(database) -> None:
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        with database.transaction("owner") as tx:
            [[waiting]] = tx.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchall()
        if waiting:
            return
        time.sleep(0.02)
    raise AssertionError("nobody waited")


@pytest.mark.parametrize("move", [settle, read])
def test_who_moves_messages_takes_them_in_order_so_that_two_never_hang(database, move):
    assert waits_with_empty_hands(database, move)


@pytest.mark.parametrize("move", [read])
def test_mutation_taking_them_as_they_come_is_noticed(database, move, monkeypatch):
    locked = notice_delivery.lock_messages

    def lock_first_only(tx, numbers):
        return locked(tx, numbers) if len(numbers) == 1 else None

    monkeypatch.setattr(notice_delivery, "lock_messages", lock_first_only)
    assert not waits_with_empty_hands(database, move)
