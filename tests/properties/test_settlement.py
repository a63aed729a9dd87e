"""Whatever happens to claims and transfers, money adds up and nothing is paid twice.

A long life of claims is played: adjudicated, undone, remitted, confirmed, returned, called for.
Each invariant has, beside it, the mutation that breaks it.
"""

from collections import Counter
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.settlement import journal, remittances
from rempart.settlement.journal import Account, AccountKind, Entry, Event, Posting, add_balances
from rempart.settlement.remittances import Due, Run, close_run

START = date(2026, 1, 5)


class Life:
    """Claims of a few establishments and insurers, day after day."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.entries = []
        self.waiting = {}  # (line, sign) -> Due
        self.adjudicated = {}
        self.paid = Counter()  # how often each (line, sign) was in a remittance
        self.sent = {}
        self.day = START
        self.next = 1

    def number(self):
        self.next += 1
        return self.next

    def adjudicate(self):
        line, establishment, insurer = (
            self.number(), self.random.randint(1, 4), self.random.randint(1, 3)
        )  # fmt: skip
        cents = self.random.randint(1, 20_000)
        entry = journal.adjudicate(line, establishment=establishment, insurer=insurer, cents=cents)
        self.entries.append(entry)
        self.adjudicated[line] = (entry, establishment, insurer, cents)
        self.waiting[line, 1] = Due(line, establishment, insurer, cents, self.day)

    def undo(self):
        if not self.adjudicated:
            return
        line = self.random.choice(sorted(self.adjudicated))
        entry, establishment, insurer, cents = self.adjudicated.pop(line)
        self.entries.append(journal.undo(entry))
        if self.waiting.pop((line, 1), None) is None:
            self.waiting[line, -1] = Due(line, establishment, insurer, -cents, self.day)

    def run(self):
        self.day += timedelta(1)
        closed = close_run(self.waiting.values(), Run(day=self.day, least_cents=100))
        for one in closed.remittances:
            number = self.number()
            self.entries.append(
                journal.send(number, establishment=one.establishment, cents=one.cents)
            )
            self.sent[number] = (one, False)
            for due in one.lines:
                sign = 1 if due.cents > 0 else -1
                del self.waiting[due.line, sign]
                self.paid[due.line, sign] += 1
        paid = {one.establishment for one in closed.remittances}
        assert not [d for d in self.waiting.values() if d.cents < 0 and d.establishment in paid]
        assert all(sum(dict(one.by_insurer).values()) == one.cents for one in closed.remittances)

    def hear_from_the_bank(self):
        if not self.sent:
            return
        number = self.random.choice(sorted(self.sent))
        one, was_confirmed = self.sent.pop(number)
        if self.random.random() < 0.2:
            self.entries.append(
                journal.take_back(
                    number,
                    establishment=one.establishment,
                    cents=one.cents,
                    was_confirmed=was_confirmed,
                )
            )
            for due in one.lines:
                sign = 1 if due.cents > 0 else -1
                self.paid[due.line, sign] -= 1
                self.waiting[due.line, sign] = due
        elif not was_confirmed:
            self.entries.append(journal.confirm(number, cents=one.cents))
            if self.random.random() < 0.5:
                self.sent[number] = (one, True)

    def live(self, steps):
        acts = [self.adjudicate] * 5 + [self.undo, self.run, self.hear_from_the_bank]
        for _ in range(steps):
            self.random.choice(acts)()
        return self


def check_books(life):
    balances = add_balances(life.entries)
    assert sum(balances.values()) == 0
    for establishment in range(1, 5):
        waits = sum(d.cents for d in life.waiting.values() if d.establishment == establishment)
        assert -balances.get(Account(AccountKind.PROFESSIONAL, establishment), 0) == waits
    in_flight = sum(one.cents for one, confirmed in life.sent.values() if not confirmed)
    assert -balances.get(Account(AccountKind.IN_FLIGHT), 0) == in_flight
    assert all(times <= 1 for times in life.paid.values())


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 400))
def test_the_books_balance_and_nothing_is_paid_twice(seed, steps):
    check_books(Life(seed).live(steps))


def test_a_remittance_that_forgets_what_is_owed_is_noticed(monkeypatch):
    def forget(dues, run):
        return remittances.close_run([due for due in dues if due.cents > 0], run)

    monkeypatch.setattr(f"{__name__}.close_run", forget)
    lives = [Life(seed) for seed in range(40)]
    with pytest.raises(AssertionError):
        [life.live(300) for life in lives]


def test_an_entry_that_does_not_balance_is_refused():
    bank, fees = Account(AccountKind.BANK), Account(AccountKind.FEES)
    with pytest.raises(ValueError, match="add up to 1"):
        journal.make_entry(Event.CONFIRMED, 1, {bank: 101, fees: -100})
    with pytest.raises(ValueError, match="moves money"):
        journal.make_entry(Event.CONFIRMED, 1, {bank: 0})


def test_the_check_of_the_books_can_fail():
    life = Life(1).live(50)
    life.entries.append(Entry(Event.SENT, 1, (Posting(Account(AccountKind.BANK), 1),)))
    with pytest.raises(AssertionError):
        check_books(life)


def test_a_line_that_waits_twice_is_refused():
    due = Due(1, 1, 1, 100, START)
    with pytest.raises(ValueError, match="waits twice"):
        close_run([due, due], Run(day=START))


def test_what_is_owed_back_is_taken_off_and_carried_forward_when_it_is_more():
    dues = [Due(1, 7, 1, 1_000, START), Due(2, 7, 2, -400, START), Due(3, 8, 1, -50, START)]
    closed = close_run(dues, Run(day=START))
    [one] = closed.remittances
    assert (one.establishment, one.cents, one.by_insurer) == (7, 600, ((1, 1_000), (2, -400)))
    assert closed.carried == (remittances.Carried(8, -50, "owes"),)


def test_an_establishment_that_is_held_is_not_paid_and_the_reason_is_told():
    run = Run(day=START, held={7: "transfer returned"})
    closed = close_run([Due(1, 7, 1, 1_000, START)], run)
    assert closed.remittances == ()
    assert closed.carried == (remittances.Carried(7, 1_000, "transfer returned"),)


def test_what_is_too_little_or_not_due_yet_waits():
    dues = [Due(1, 7, 1, 99, START), Due(2, 8, 1, 500, START + timedelta(1))]
    closed = close_run(dues, Run(day=START, least_cents=100))
    assert closed.remittances == ()
    assert [one.reason for one in closed.carried] == ["too_little"]
