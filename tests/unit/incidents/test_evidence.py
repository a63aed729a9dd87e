"""What is added up of a session and of an account's past."""

from uuid import UUID

import pytest

from rempart.disclosure.entry import Mode, Outcome
from rempart.incidents.evidence import (
    LookUp,
    Session,
    Window,
    summarise_habit,
    summarise_session,
)

DESK = Session(session_ref=11, account_ref=1, address="198.18.0.1", agent="Officine/9.4")
PHONE = Session(session_ref=12, account_ref=1, address="203.0.113.7", agent="Phone")


def look_up(t_ms: int, *, mode: Mode = Mode.CARD, person_ref: int = 7, session_ref: int = 11):
    return LookUp(
        account_ref=1,
        session_ref=session_ref,
        t_ms=t_ms,
        mode=mode,
        outcome=Outcome.OPEN if person_ref else Outcome.UNKNOWN,
        insurer_id=1,
        person_ref=person_ref,
        lookup_key=UUID(int=t_ms),
        fields=1,
    )


def test_a_window_holds_its_first_instant_and_not_its_last():
    window = Window(starts_ms=10, ends_ms=20)
    assert [window.contains(t_ms) for t_ms in (9, 10, 19, 20)] == [False, True, True, False]


@pytest.mark.parametrize("ends_ms", [10, 9])
def test_a_window_that_ends_before_it_starts_is_refused(ends_ms):
    with pytest.raises(ValueError, match="ends after it starts"):
        Window(starts_ms=10, ends_ms=ends_ms)


def test_a_session_is_added_up_in_order_of_time():
    tally = summarise_session(
        DESK,
        [
            look_up(400, mode=Mode.TYPED, person_ref=0),
            look_up(100),
            look_up(200, mode=Mode.TYPED, person_ref=8),
            look_up(700, mode=Mode.VITALE, person_ref=9),
        ],
        faces_before=frozenset({8, 9, 10}),
    )
    assert (tally.lookups, tally.typed, tally.presences, tally.nobody) == (4, 2, 2, 1)
    assert tally.known_faces == 2
    assert (tally.first_ms, tally.last_ms, tally.gaps) == (100, 700, 3)
    assert tally.gap_squares == 100**2 + 200**2 + 300**2


def test_a_card_that_finds_nobody_shows_no_presence():
    tally = summarise_session(DESK, [look_up(1, person_ref=0)], faces_before=frozenset())
    assert (tally.presences, tally.nobody) == (0, 1)


def test_a_session_without_a_look_up_is_not_judged():
    with pytest.raises(ValueError, match="asked nothing"):
        summarise_session(DESK, [], faces_before=frozenset())


def test_a_habit_adds_up_the_sessions_of_the_past():
    habit = summarise_habit(
        1,
        [
            summarise_session(
                DESK, [look_up(0), look_up(50, mode=Mode.TYPED)], faces_before=frozenset()
            ),
            summarise_session(
                PHONE,
                [look_up(1000, person_ref=0), look_up(1100), look_up(1300)],
                faces_before=frozenset(),
            ),
        ],
    )
    assert habit.addresses == {"198.18.0.1", "203.0.113.7"}
    assert habit.agents == {"Officine/9.4", "Phone"}
    assert (habit.lookups, habit.typed, habit.nobody) == (5, 1, 1)
    assert (habit.gaps, habit.gap_ms) == (3, 350)


def test_an_account_without_a_past_has_an_empty_habit():
    habit = summarise_habit(1, [])
    assert (habit.addresses, habit.lookups, habit.gaps) == (frozenset(), 0, 0)


def test_a_habit_is_never_made_of_another_accounts_sessions():
    tally = summarise_session(DESK, [look_up(0)], faces_before=frozenset())
    with pytest.raises(ValueError, match="its own sessions only"):
        summarise_habit(2, [tally])
