"""The room of an incident: what its timeline may hold, and what follows from it."""

from datetime import UTC, datetime

import pytest

from rempart.incidents.room import (
    EventKind,
    RoomAuthor,
    RoomEvent,
    check_can_reach,
    is_closed,
    list_participants,
    list_tasks,
    name_file,
    read_words,
    widen,
)
from rempart.kernel.errors import InvalidRequest, NotAllowed

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


def line(kind, number=1, *, author="Alice", author_ref=7, t_ms=1000, **details):
    return RoomEvent(
        event_ref=number,
        kind=kind,
        happened_ms=t_ms,
        recorded_at=NOW,
        author=author,
        author_ref=author_ref,
        details=details,
    )


CLOSED, REOPENED, NOTE = (
    line(kind) for kind in (EventKind.CLOSED, EventKind.REOPENED, EventKind.NOTE)
)


@pytest.mark.parametrize(
    ("events", "closed"),
    [
        ((), False),
        ((NOTE,), False),
        ((CLOSED,), True),
        ((CLOSED, REOPENED), False),
        ((CLOSED, REOPENED, CLOSED), True),
    ],
)
def test_the_last_word_says_whether_an_incident_is_closed(events, closed):
    assert is_closed(events) is closed


def test_tasks_left_to_do_come_first_by_when_they_are_due():
    events = [
        line(EventKind.TASK_ADDED, 1, words="a", owner="x"),
        line(EventKind.TASK_ADDED, 2, words="b", owner="x", due_ms=900),
        line(EventKind.TASK_ADDED, 3, words="c", owner="x", due_ms=800),
        line(EventKind.TASK_DONE, 4, task=3, author="Boris", t_ms=2000),
        line(EventKind.TASK_DONE, 5, task=3, author="Claire", t_ms=3000),
    ]
    tasks = list_tasks(events)
    assert [task.task for task in tasks] == [2, 1, 3]
    # Done once: what was written first.
    assert (tasks[-1].done_ms, tasks[-1].done_by) == (2000, "Boris")
    assert tasks[0].is_late(now_ms=901)
    assert not tasks[0].is_late(now_ms=900)
    assert not tasks[1].is_late(now_ms=10**15)
    assert not tasks[2].is_late(now_ms=10**15)


def test_people_are_there_from_when_they_came_until_they_leave():
    events = [
        line(EventKind.JOINED, 1, part="lead", on_call=True),
        line(EventKind.JOINED, 2, author="Boris", author_ref=8, part="law", on_call=False),
        line(EventKind.JOINED, 3, part="words", on_call=False, t_ms=5000),
        line(EventKind.LEFT, 4, author="Boris", author_ref=8),
        line(EventKind.JOINED, 5, author_ref=None, part="lead"),
    ]
    [alice] = list_participants(events)
    assert (alice.name, alice.part, alice.on_call, alice.since_ms) == (
        "Alice",
        "words",
        False,
        1000,
    )


@pytest.mark.parametrize("exercise", [True, False])
@pytest.mark.parametrize("recipient_is_exercise", [True, False])
def test_exercises_and_reality_never_meet(exercise, recipient_is_exercise):
    if exercise is recipient_is_exercise:
        check_can_reach(exercise=exercise, recipient_is_exercise=recipient_is_exercise)
    else:
        with pytest.raises(NotAllowed, match="exercise"):
            check_can_reach(exercise=exercise, recipient_is_exercise=recipient_is_exercise)


def test_a_file_of_an_exercise_says_so_first():
    assert name_file("incident-3", "csv", exercise=True) == "EXERCICE-incident-3.csv"
    assert name_file("incident-3", "csv", exercise=False) == "incident-3.csv"


def test_the_window_kept_is_wider_on_both_sides_and_starts_at_the_beginning_of_time():
    assert widen(1000, 2000, margin_ms=10) == (990, 2010)
    assert widen(5, 2000, margin_ms=10) == (0, 2010)


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 11, "a\x00b"])
def test_words_that_say_nothing_or_too_much_are_refused_without_being_repeated(text):
    with pytest.raises(InvalidRequest, match="words: write it") as refusal:
        read_words(text, "words", 10)
    assert "xxx" not in str(refusal.value)


def test_words_keep_their_lines():
    assert read_words("  a  \r\nb ", "words") == "a\nb"


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\nb"])
def test_whoever_writes_has_a_name(name):
    with pytest.raises(ValueError, match="has a name"):
        RoomAuthor(name=name)
