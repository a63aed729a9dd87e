"""The cursor of alerts against transactions that commit out of order."""

from collections import Counter
from collections.abc import Callable, Collection
from random import Random

import msgspec
import pytest

from rempart.workflows.guard.alert_cursor import (
    BEGINNING,
    LONGEST_TRANSACTION_MS,
    Cursor,
    Look,
    Noticed,
    move_cursor,
)

Move = Callable[[Cursor, Collection[int], Look], Cursor]
SEEDS = range(60)


def forward_through(move: Move, seed: int, *, most: int = 3) -> tuple[set[int], Counter[int]]:
    """Run transactions that begin, take a number, commit or fail, while a forwarder looks.

    Returns:
        The numbers that were committed, and how often each was sent.
    """
    chance = Random(seed)
    next_xid = next_ref = 1
    running: dict[int, int | None] = {}  # transaction to the number it took
    committed: set[int] = set()
    sent: Counter[int] = Counter()
    cursor = BEGINNING

    def look() -> None:
        nonlocal cursor
        xmin = min(running, default=next_xid)
        unsent = sorted(
            ref for ref in committed if ref > cursor.sent_to and ref not in cursor.ahead
        )
        batch = unsent[:most]
        sent.update(batch)
        cursor = move(cursor, batch, Look(xmin, next_xid, len(unsent) < most, at_ms=0))

    for _ in range(300):
        match chance.randrange(4):
            case 0:
                running[next_xid] = None
                next_xid += 1
            case 1 if waiting := [xid for xid, ref in running.items() if ref is None]:
                running[chance.choice(waiting)] = next_ref
                next_ref += 1
            case 2 if running:
                ref = running.pop(chance.choice(list(running)))
                if ref is not None and chance.random() < 0.8:
                    committed.add(ref)
            case _:
                look()
    committed |= {ref for ref in running.values() if ref is not None}
    running.clear()
    for _ in range(200):
        look()
    return committed, sent


@pytest.mark.parametrize("seed", SEEDS)
def test_every_alert_is_sent_once_whatever_the_order_of_commits(seed: int):
    committed, sent = forward_through(move_cursor, seed)
    assert set(sent) == committed
    assert set(sent.values()) <= {1}


def test_mutation_a_cursor_that_is_the_last_number_loses_alerts():
    def last_number(cursor: Cursor, sent: Collection[int], look: Look) -> Cursor:
        return Cursor(max([cursor.sent_to, *sent]))

    lost = [committed - set(sent) for committed, sent in map(through(last_number), SEEDS)]
    assert any(lost)


def test_mutation_a_cursor_that_does_not_wait_for_transactions_loses_alerts():
    def hasty(cursor: Cursor, sent: Collection[int], look: Look) -> Cursor:
        return move_cursor(cursor, sent, Look(1 << 60, look.xmax, look.whole, look.at_ms))

    lost = [committed - set(sent) for committed, sent in map(through(hasty), SEEDS)]
    assert any(lost)


def test_mutation_a_cursor_that_takes_part_of_a_look_for_all_of_it_loses_alerts():
    def credulous(cursor: Cursor, sent: Collection[int], look: Look) -> Cursor:
        return move_cursor(cursor, sent, Look(look.xmin, look.xmax, True, look.at_ms))

    lost = [committed - set(sent) for committed, sent in map(through(credulous), SEEDS)]
    assert any(lost)


def test_what_was_sent_ahead_is_forgotten_once_it_is_behind():
    cursor = move_cursor(BEGINNING, [1, 2, 4], Look(xmin=5, xmax=9, whole=True, at_ms=0))
    assert (cursor.sent_to, cursor.ahead) == (0, (1, 2, 4))
    cursor = move_cursor(cursor, [], Look(xmin=8, xmax=12, whole=True, at_ms=1))
    assert cursor.sent_to == 0  # a transaction of before may still bring 3
    cursor = move_cursor(cursor, [3], Look(xmin=9, xmax=12, whole=True, at_ms=2))
    assert cursor == Cursor(4, (), None)


def test_a_restored_database_whose_transactions_count_from_one_does_not_hold_the_cursor():
    held = Cursor(10, (11,), Noticed(11, xmax=1_000_000, at_ms=0))
    young = Look(xmin=7, xmax=8, whole=True, at_ms=LONGEST_TRANSACTION_MS)
    assert move_cursor(held, [], young).sent_to == 10
    old = Look(xmin=7, xmax=8, whole=True, at_ms=LONGEST_TRANSACTION_MS + 1)
    assert move_cursor(held, [], old) == Cursor(11, (), None)


def test_a_cursor_in_a_file_is_read_back():
    cursor = Cursor(4, (6, 7), Noticed(7, 12, 99))
    assert msgspec.json.decode(msgspec.json.encode(cursor), type=Cursor) == cursor


def through(move: Move) -> Callable[[int], tuple[set[int], Counter[int]]]:
    return lambda seed: forward_through(move, seed)
