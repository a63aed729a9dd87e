"""Periods changed by a form: in the text itself, whose comments and rules stay."""

import pytest

from rempart.retention.schedule import DEFAULT, ScheduleRefused, load_default_text, parse_schedule
from rempart.retention.schedule_edit import change_periods


def test_one_period_changes_and_all_else_stays_to_the_letter():
    text = load_default_text()
    changed = change_periods(text, {"money_laundering": 72}, routine_people=0)
    before, after = text.splitlines(), changed.splitlines()
    differ = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert differ == [("months = 60", "months = 72")]
    rule = parse_schedule(changed).find_rule("money_laundering")
    assert rule is not None
    assert rule.months == 72


def test_nothing_changed_is_the_same_text():
    months = {rule.code: rule.months for rule in DEFAULT.rules}
    assert change_periods(load_default_text(), months, routine_people=0) == load_default_text()


def test_how_many_leave_without_more_signatures_changes_too():
    changed = change_periods(load_default_text(), {}, routine_people=40)
    assert parse_schedule(changed).routine_people == 40


def test_a_period_that_cannot_be_is_refused_with_its_place():
    with pytest.raises(ScheduleRefused):
        change_periods(load_default_text(), {"limitation": 6000}, routine_people=0)


def test_a_text_written_otherwise_is_not_guessed_at():
    text = load_default_text().replace("months = 60", '"months" = 60')
    with pytest.raises(ValueError, match="by a form"):
        change_periods(text, {"money_laundering": 72}, routine_people=0)
    with pytest.raises(ValueError, match="by a form"):
        change_periods(load_default_text(), {"nobody": 1}, routine_people=0)
