"""The weeks before a drill: judged by the guard's own engine, and kept as a gateway keeps them."""

from random import Random

from rempart.drill.cast import Ask, Identifiers, Place
from rempart.drill.past import judge_past, make_seer, name_account
from rempart.guard import Guard, Lookup
from rempart.guard.lookups import DAY_MS, find_day
from rempart.storage.guard_habits import decode_habits
from rempart.workflows.guard.memory import make_digests
from rempart.workflows.incidents.measure_exercise import FoundPerson

FIRST_DAY = 20_000
PLAYED_DAY = FIRST_DAY + 12
ACCOUNTS = [name_account(ref, "nurse") for ref in range(1, 31)]


def invent_lookups(seed: int = 1) -> list[Lookup]:
    """Twelve days of thirty nurses; one of them types whole lists on the ninth day."""
    random = Random(seed)
    lookups = []
    for account in ACCOUNTS:
        ref = int(account.account)
        for day in range(FIRST_DAY, PLAYED_DAY):
            count = 60 if ref == 7 and day == FIRST_DAY + 9 else random.randrange(4, 12)
            for _ in range(count):
                is_odd = count == 60
                person = random.randrange(10**6) if is_odd else ref * 1000 + random.randrange(40)
                at_ms = day * DAY_MS + random.randrange(8 * 3_600_000, 17 * 3_600_000)
                line = 5_000 + random.randrange(3) if is_odd else ref
                lookups.append(Lookup(at_ms, ref, person, 1, None, not is_odd, line, 3, True))
    return sorted(lookups, key=lambda one: one.time_ms)


LOOKUPS = invent_lookups()
PAST = judge_past(ACCOUNTS, LOOKUPS, first_day=FIRST_DAY, played_day=PLAYED_DAY)


def test_the_past_leaves_the_rules_and_habits_that_a_replay_gives():
    guard = Guard()
    guard.start(ACCOUNTS, (), FIRST_DAY * DAY_MS)
    quiet = [one for one in LOOKUPS if one.account != 7]
    decisions = [guard.decide(one) for one in quiet]
    ours = judge_past(
        [one for one in ACCOUNTS if one.account != 7],
        quiet,
        first_day=FIRST_DAY,
        played_day=PLAYED_DAY,
    )
    assert ours.refused == sum(not decision.answer for decision in decisions)
    assert ours.held == 0
    # The next look-up renews a replay's rules: they are then those of the first day played.
    guard.decide(quiet[-1]._replace(time_ms=PLAYED_DAY * DAY_MS))
    assert ours.rules == guard.rules
    assert ours.rules.account_days > 0, "there were days enough for rules of one's own"


def test_whoever_is_held_in_the_past_is_cleared_by_a_review():
    assert PAST.held >= 1
    accounts = {row.account_ref: row for part in PAST.pasts for row in part.accounts}
    assert len(accounts) == len(ACCOUNTS)
    assert {row.step for row in accounts.values()} == {0}
    assert accounts[7].habits is not None
    assert decode_habits(accounts[7].habits).reviewed


def test_every_person_answered_is_a_known_face_once():
    faces = [(face.account_ref, face.subject) for part in PAST.pasts for face in part.faces]
    assert len(faces) == len(set(faces))
    met = {(int(one.account), int(one.subject)) for one in LOOKUPS if one.account != 7}
    assert met <= set(faces)
    assert all(face.day == find_day(face.t_ms) for part in PAST.pasts for face in part.faces)


def test_days_that_are_over_and_addresses_are_kept():
    days = [(ref, day.day) for part in PAST.pasts for ref, day in part.days]
    assert len(days) == len(set(days)) == len(ACCOUNTS) * 11, "the last one is not over"
    assert PAST.account_days == len(ACCOUNTS) * 12
    rows = [row for part in PAST.pasts for row in part.addresses]
    assert len({(row.address, row.account_ref) for row in rows}) == len(rows)
    assert {(row.address, row.account_ref) for row in rows if row.at_home} >= {
        (ref, ref) for ref in range(1, 31)
    }


def test_a_question_is_seen_as_the_gateway_sees_it():
    secret = bytes(range(32))
    typed = Identifiers(
        amc_number="9900000001", insured_nir="1", birth_date="19840512", birth_rank=1
    )
    card = Identifiers(card_code="7K3M00000000ABCDWXYZ")
    seer = make_seer(secret, [40, 41], {card: FoundPerson(9, 3)}, lambda sent: -5)
    place = Place("198.18.0.1", "Cabinet/1.0")
    digest_address, digest_agent = make_digests(secret)
    shown = seer.see(Ask(FIRST_DAY * DAY_MS, 1, place, card, "MEDG"))
    assert shown == Lookup(
        time_ms=FIRST_DAY * DAY_MS,
        account=41,
        subject=9,
        insurer=3,
        subject_department=None,
        presence=True,
        ip=digest_address(place.address),
        user_agent=digest_agent(place.agent),
        found=True,
    )
    unknown = seer.see(Ask(FIRST_DAY * DAY_MS, 0, place, typed, "MEDG"))
    assert (unknown.account, unknown.subject, unknown.insurer, unknown.found) == (40, -5, 0, False)
    assert not unknown.presence
