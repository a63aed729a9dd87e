"""Accounts with a past, and the look-ups of owners and thieves."""

from random import Random

from rempart.guard import Account, Guard, Lookup

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
# A Monday, at midnight in Paris in winter.
MONDAY_MS = 1_700_434_800_000
OWN_IP, OWN_AGENT, HOME = "192.0.2.1", "practice/3", "31"


def at(day: int, hour: float = 10.0) -> int:
    """Return an instant of a day counted from the Monday."""
    return MONDAY_MS + day * DAY_MS + int(hour * HOUR_MS)


def ask(time_ms, subject, account=1, **changes):
    """Return a typed look-up of somebody who lives nearby, from the practice."""
    usual = {
        "insurer": 7,
        "subject_department": HOME,
        "presence": False,
        "ip": OWN_IP,
        "user_agent": OWN_AGENT,
        "found": True,
    }
    return Lookup(time_ms=time_ms, account=account, subject=subject, **(usual | changes))


def steal(time_ms, subject, account=1, **changes):
    """Return what a thief asks with a stolen login: a person of anywhere, from elsewhere."""
    strange = {"ip": "203.0.113.9", "user_agent": "curl/8", "subject_department": "59"}
    return ask(time_ms, subject, account, **(strange | changes))


def live(guard, days, account=1, *, first=0, cards=20, typed=1, seed=1):
    """Have an account work for some days: regulars, new faces with a card, a few typed."""
    random = Random(f"{seed}-{account}")
    for day in range(first, first + days):
        for n in range(30):
            who = f"regular-{account}-{random.randrange(40)}"
            guard.decide(ask(at(day, 8 + n / 4), who, account, presence=True))
        for n in range(cards):
            guard.decide(
                ask(at(day, 9 + n / 4), f"card-{account}-{day}-{n}", account, presence=True)
            )
        for n in range(typed):
            guard.decide(ask(at(day, 15 + n / 60), f"typed-{account}-{day}-{n}", account))


def make_guard(*accounts, policy=None, canaries=(), days=0):
    """Return a guard that knows some general practitioners of one town, with a past if asked."""
    guard = Guard(policy)
    refs = accounts or (1,)
    guard.start(
        (Account(ref, "general_practitioner", HOME) for ref in refs), canaries, begin_ms=at(0, 0)
    )
    for day in range(days):
        for ref in refs:
            live(guard, 1, ref, first=day)
    return guard
