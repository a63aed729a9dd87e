"""A replay: the engine of the gateways over a file, its reviews, and what the score counts."""

import pyarrow as pa
import pytest
from pyarrow import parquet

from rempart.exchange.guard_columns import ACCOUNTS, CANARIES, EVENTS, TRUTH, EventsRefused
from rempart.exchange.guard_events import open_guard_file
from rempart.guard import Account, Decision, Guard, Lookup, Step
from rempart.guard.decisions import ANSWERED
from rempart.workflows.guard.replay_guard import (
    HOUR_MS,
    Replay,
    find_stolen,
    open_month,
    replay_month,
)
from rempart.workflows.guard.score_replay import Tally, compute_poisson_interval, score

BEGIN_MS = 1_793_574_000_000
CONTAINED = Decision(False, Step.PRESENCE_ONLY, True, 6.0, 5.0, ())
REFUSED = CONTAINED._replace(contains=False)


def ask(hour, account=1, subject=1, **changes):
    lookup = Lookup(BEGIN_MS + int(hour * HOUR_MS), account, subject, 7, 31, False, 1, 1, True)
    return lookup._replace(**changes)


class Puppet:
    """A judge that contains whoever asks about subject 666, and writes down what it is told."""

    def __init__(self):
        self.told = []

    def start(self, accounts, canaries, begin_ms):
        self.told.append(("start", len(list(accounts)), list(canaries), begin_ms))

    def add(self, account):
        self.told.append(("add", account))

    def decide(self, lookup):
        self.told.append(("decide", lookup.time_ms))
        return CONTAINED if lookup.subject == 666 else ANSWERED

    def released(self, account, time_ms):
        self.told.append(("released", account, time_ms))


def releases(judge):
    return [one[1:] for one in judge.told if one[0] == "released"]


def test_a_review_releases_an_account_that_was_not_stolen_when_its_hours_are_over():
    judge = Puppet()
    replay = Replay(judge, review_hours=4)
    replay.judge([ask(1, subject=666), ask(4.9)])
    assert releases(judge) == []
    replay.judge([ask(5.5)])
    assert releases(judge) == [(1, BEGIN_MS + 5 * HOUR_MS)]


def test_the_review_comes_before_the_next_look_up():
    judge = Puppet()
    Replay(judge, review_hours=4).judge([ask(1, subject=666), ask(6)])
    assert [one[0] for one in judge.told] == ["decide", "released", "decide"]


def test_an_account_that_was_stolen_stays_contained():
    judge = Puppet()
    replay = Replay(judge, review_hours=4, stolen={1: BEGIN_MS, 2: BEGIN_MS + 30 * HOUR_MS})
    replay.judge([ask(1, 1, 666), ask(2, 2, 666), ask(9)])
    assert releases(judge) == [(2, BEGIN_MS + 6 * HOUR_MS)]


def test_without_reviews_nobody_is_released():
    judge = Puppet()
    Replay(judge).judge([ask(1, subject=666), ask(1000)])
    assert releases(judge) == []


def test_accounts_of_two_kinds_may_be_due_at_the_same_instant():
    judge = Puppet()
    replay = Replay(judge, review_hours=4)
    replay.judge([ask(1, 1, 666), ask(1, "one", 666), ask(6)])
    assert len(releases(judge)) == 2


def test_without_marks_everything_since_the_theft_is_a_thiefs():
    lookups = [ask(1, 1), ask(2, 1), ask(2, 2)]
    assert find_stolen(lookups, [], {1: lookups[1].time_ms}) == [False, True, False]
    assert find_stolen(lookups, [], {}) == [False, False, False]
    assert find_stolen(lookups, [False, False, True], {1: 0}) == [False, False, True]


@pytest.fixture
def write_month(tmp_path):
    def write(lookups, *, truth=(), stolen=None, professions="nurse"):
        columns = {
            "time": [one.time_ms for one in lookups],
            "account": [one.account for one in lookups],
            "profession": [professions] * len(lookups),
            "subject": [one.subject for one in lookups],
            "insurer": [one.insurer for one in lookups],
            "subject_department": [one.subject_department for one in lookups],
            "presence": [one.presence for one in lookups],
            "ip": [one.ip for one in lookups],
            "user_agent": [one.user_agent for one in lookups],
            "outcome": ["found" if one.found else "not_found" for one in lookups],
            "stolen": stolen or [False] * len(lookups),
        }
        with open_guard_file(tmp_path / "events.parquet", EVENTS) as file:
            file.write(columns)
        with open_guard_file(tmp_path / "accounts.parquet", ACCOUNTS) as file:
            file.write({"account": [1], "profession": ["nurse"], "department": [31]})
        with open_guard_file(tmp_path / "canaries.parquet", CANARIES) as file:
            file.write({"subject": [99]})
        with open_guard_file(tmp_path / "truth.parquet", TRUTH) as file:
            accounts, kinds, starts = zip(*truth, strict=True) if truth else ((), (), ())
            file.write({"account": accounts, "kind": kinds, "from": starts})
        return open_month(
            tmp_path / "events.parquet",
            accounts=tmp_path / "accounts.parquet",
            canaries=tmp_path / "canaries.parquet",
            truth=tmp_path / "truth.parquet" if truth else None,
        )

    return write


def replay(month, judge, **changes):
    return replay_month(month, judge, **({"review_hours": 4, "warm_up_days": 0} | changes))


def test_accounts_of_the_file_start_and_others_are_added_when_they_are_met(write_month):
    judge = Puppet()
    tally, _ = replay(write_month([ask(1), ask(2, 5), ask(3, 5)]), judge)
    assert judge.told[0] == ("start", 1, [99], BEGIN_MS + HOUR_MS)
    assert ("add", Account(5, "nurse")) in judge.told
    assert sum(one[0] == "add" for one in judge.told) == 1
    assert tally.professions == {1: "nurse", 5: "nurse"}


def test_a_month_without_look_ups_is_refused(write_month):
    with pytest.raises(EventsRefused, match="has no look-up"):
        replay(write_month([]), Guard())


def test_what_is_shown_is_every_decision_in_order(write_month):
    shown = []
    replay(
        write_month([ask(1), ask(2, subject=666)]),
        Puppet(),
        show=lambda part, decisions: shown.append((part.first, decisions)),
    )
    assert shown == [(0, [ANSWERED, CONTAINED])]


def test_the_guard_contains_who_asks_for_a_canary_of_the_file(write_month):
    guard = Guard()
    replay(write_month([ask(1, subject=99)]), guard, review_hours=None)
    assert list(guard.list_contained()) == [1]


def make_tally(**changes):
    values = {
        "professions": {1: "nurse", 2: "nurse"},
        "stolen": {1: ("list", BEGIN_MS + 10 * HOUR_MS)},
        "from_ms": BEGIN_MS,
    }
    return Tally(**(values | changes))


def test_persons_are_counted_once_when_answered_about_somebody():
    tally = make_tally()
    asked = [
        (ask(10, subject=1), ANSWERED),
        (ask(11, subject=1), ANSWERED),
        (ask(12, subject=2), REFUSED),
        (ask(13, subject=3, found=False), ANSWERED),
        (ask(14, subject=4), CONTAINED),
        (ask(15, subject=5), ANSWERED),
    ]
    lookups, decisions = zip(*asked, strict=True)
    tally.add(lookups, decisions, [True] * len(asked))
    result = score(tally)
    assert (result.mean, result.worst) == (2, 2)
    [kind] = result.kinds
    assert (kind.kind, kind.contained, kind.delay_s) == ("list", 1, 4 * 3600)
    assert result.false_contained == 0


def test_the_owners_own_look_ups_are_not_the_thiefs_and_their_refusals_count():
    tally = make_tally()
    lookups = [ask(11), ask(12, subject=7), ask(13, subject=8), ask(24, 2)]
    tally.add(lookups, [CONTAINED, REFUSED, ANSWERED, REFUSED], [True, False, False, False])
    result = score(tally)
    assert result.refused == pytest.approx(100_000 * 2 / 3)
    assert result.owner_refused == pytest.approx(100_000 * 1 / 3)
    assert result.mean == 0


def test_containing_an_account_before_its_theft_is_a_mistake():
    tally = make_tally()
    tally.add([ask(9), ask(24)], [CONTAINED, ANSWERED], [False, False])
    result = score(tally)
    assert result.false_contained == 1
    assert result.account_days == 2
    assert result.false_rate == 500
    assert result.interval[0] < 500 < result.interval[1]


def test_mistakes_of_the_warm_up_are_not_counted():
    tally = make_tally(from_ms=BEGIN_MS + 12 * HOUR_MS)
    tally.add([ask(9, 2), ask(13, 2)], [CONTAINED, ANSWERED], [False, False])
    assert score(tally).false_contained == 0
    assert (tally.lawful, tally.lawful_refused) == (1, 0)
    assert tally.refused["nurse"] == tally.contained["nurse"] == 1


def test_patient_thieves_are_apart_and_in_the_order_of_their_pace():
    kinds = ("sweep10", "list", "sweep5", "fast")
    stolen = {place: (kind, BEGIN_MS) for place, kind in enumerate(kinds)}
    tally = make_tally(stolen=stolen)
    lookups = [ask(1, 0, 1), ask(1, 0, 2), ask(1, 1, 1), ask(1, 2, 1)]
    tally.add(lookups, [ANSWERED] * 4, [True] * 4)
    result = score(tally)
    assert [one.kind for one in result.kinds] == ["fast", "list", "sweep5", "sweep10"]
    assert (result.mean, result.sweep) == (0.5, 2)


def test_look_ups_out_of_order_are_counted_as_such():
    tally = make_tally()
    tally.add([ask(2), ask(1), ask(3)], [ANSWERED] * 3, [False] * 3)
    tally.add([ask(2.5)], [ANSWERED], [False])
    assert tally.backwards == 2


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39), (100, 81.36, 121.6)],
)
def test_intervals_are_those_of_the_tables(count, low, high):
    assert compute_poisson_interval(count) == (
        pytest.approx(low, abs=0.01),
        pytest.approx(high, rel=0.001),
    )


def test_the_columns_of_the_documentation_are_those_that_are_read():
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs/reference/guard-events.md").read_text("utf-8")
    for layout in (EVENTS, ACCOUNTS, CANARIES, TRUTH):
        for column in layout:
            assert f"`{column.name}`" in page


def test_a_damaged_file_further_on_is_refused(write_month, tmp_path):
    month = write_month([ask(1)])
    table = parquet.read_table(tmp_path / "events.parquet")
    place = table.schema.get_field_index("outcome")
    parquet.write_table(
        table.set_column(place, "outcome", pa.array(["perhaps"])), tmp_path / "events.parquet"
    )
    month = open_month(tmp_path / "events.parquet")
    with pytest.raises(EventsRefused, match="column outcome"):
        replay(month, Guard())
