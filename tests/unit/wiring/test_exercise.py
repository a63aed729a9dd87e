"""The gateway of an exercise: it starts for a drill only, and time is what questions say."""

import asyncio
import time
from pathlib import Path

import pytest

from rempart.guard.policy import Policy
from rempart.guard.rules import Norms, first_rules
from rempart.kernel.errors import SetupError
from rempart.wiring.clock import SystemClock
from rempart.wiring.exercise import (
    FIRST_LOG,
    LAST_LOG,
    TIME_HEADER,
    DoorClock,
    ExerciseApp,
    ExerciseClock,
    Ticket,
    find_free_log,
    hold_ticket,
    read_ticket,
)
from rempart.wiring.home import Home

TICKET = Ticket(
    log_id=FIRST_LOG,
    begins_ms=1_700_000_000_000,
    url="https://play.exercise.invalid",
    key_seed=bytes(range(32)),
    rules=first_rules(Policy())._replace(norms={"nurse": Norms(1, 2, 3, 4)}),
)


@pytest.fixture
def fresh_home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "home")


def test_nothing_starts_without_a_drill_that_holds_its_ticket(fresh_home):
    with pytest.raises(SetupError, match="no exercise goes on"):
        read_ticket(fresh_home)
    with hold_ticket(fresh_home, TICKET):
        assert read_ticket(fresh_home) == TICKET
    with pytest.raises(SetupError, match="no exercise goes on"):
        read_ticket(fresh_home)


def test_a_ticket_that_a_crash_left_behind_opens_nothing(fresh_home):
    with hold_ticket(fresh_home, TICKET):
        left = (fresh_home.path / "run" / "exercise").read_bytes()
    (fresh_home.path / "run" / "exercise").write_bytes(left)
    with pytest.raises(SetupError, match="no exercise goes on"):
        read_ticket(fresh_home)


def test_only_its_owner_reads_a_ticket_and_it_does_not_print_its_key(fresh_home):
    with hold_ticket(fresh_home, TICKET):
        assert (fresh_home.path / "run" / "exercise").stat().st_mode & 0o777 == 0o600
    assert repr(TICKET) == f"<Ticket of log {FIRST_LOG}>"


def test_one_home_has_one_exercise_at_a_time(fresh_home):
    with hold_ticket(fresh_home, TICKET):
        with (
            pytest.raises(SetupError, match="another drill goes on"),
            hold_ticket(fresh_home, TICKET),
        ):
            pass
        assert read_ticket(fresh_home) == TICKET


@pytest.mark.parametrize("log_id", [1, FIRST_LOG - 1, LAST_LOG + 1])
def test_an_exercise_writes_no_log_of_the_installation(fresh_home, log_id):
    ticket = Ticket(log_id=log_id, begins_ms=1, url="https://x.invalid", key_seed=bytes(32))
    with hold_ticket(fresh_home, ticket), pytest.raises(SetupError, match="not for an exercise"):
        read_ticket(fresh_home)


def test_each_exercise_has_a_log_that_none_had(fresh_home):
    fresh_home.log_keys(1)
    assert find_free_log(fresh_home) == FIRST_LOG
    fresh_home.log_keys(FIRST_LOG)
    fresh_home.draw_log_key(FIRST_LOG)
    assert find_free_log(fresh_home) == FIRST_LOG + 1
    assert fresh_home.list_logs() == [1, FIRST_LOG]


def test_time_goes_where_questions_say_and_never_back():
    clock = ExerciseClock(5_000)
    clock.move_to(9_000)
    clock.move_to(7_000)
    assert (clock.now_ms(), clock.steady_ms()) == (9_000, 9_000.0)
    clock.move_to(1_767_222_000_000)  # the last hour of 2025 in Greenwich is 2026 in Paris
    assert clock.today().isoformat() == "2026-01-01"


def test_tokens_live_in_real_time_and_paces_in_simulated_time():
    door = DoorClock(SystemClock(), ExerciseClock(5_000))
    assert abs(door.now_ms() - time.time() * 1000) < 60_000
    assert door.steady_ms() == 5_000
    assert door.today().isoformat() == "1970-01-01"


@pytest.mark.parametrize(
    ("written", "then_ms"),
    [(b"7000", 7_000), (b"4000", 5_000), (b"", 5_000), (b"-9", 5_000), (b"9" * 15, 5_000)],
)
def test_a_question_moves_the_clock_before_it_is_answered(written, then_ms):
    clock, seen = ExerciseClock(5_000), []

    async def gateway(scope, receive, send):
        seen.append(clock.now_ms())

    async def nothing(*_):
        return None

    scope = {"type": "http", "headers": [(TIME_HEADER.encode(), written)]}
    asyncio.run(ExerciseApp(gateway, clock)(scope, nothing, nothing))
    assert seen == [then_ms]
