"""The mistakes an operator accepts: set while the guard works, kept with why, followed next day."""

import pytest
from click.testing import CliRunner

from rempart.cli.main import cli
from rempart.guard.lookups import DAY_MS
from rempart.guard.policy import Policy
from rempart.kernel.errors import InvalidRequest
from rempart.storage.guard_state import list_budgets, list_rules
from rempart.workflows.guard.renew_guard_rules import follow_budget, renew_guard_rules, set_budget

NOW_MS = 1_793_574_000_000


def test_a_budget_is_followed_by_the_next_rules_and_the_old_ones_stay(database):
    with database.transaction("gateway") as tx:
        renew_guard_rules(tx, Policy(), now_ms=NOW_MS)
        set_budget(tx, Policy(), reason="too many calls", by_false_containments=0.1)
        renew_guard_rules(tx, Policy(), now_ms=NOW_MS + DAY_MS)
        newest, oldest = list_rules(tx)
    assert (newest.false_containments, oldest.false_containments) == (0.1, 0.3)


def test_what_is_not_given_stays_and_every_version_is_kept_with_its_reason(database):
    with database.transaction("gateway") as tx:
        set_budget(tx, Policy(), reason="too many calls", by_false_containments=0.1)
        set_budget(tx, Policy(), reason="too many cards asked", by_days_over=0.01)
        kept = [(one.false_containments, one.days_over, one.reason) for one in list_budgets(tx)]
        assert follow_budget(tx, Policy()) == Policy(false_containments=0.1, days_over=0.01)
    assert kept == [(0.1, 0.01, "too many cards asked"), (0.1, 0.006, "too many calls")]


@pytest.mark.parametrize(
    ("reason", "wanted"),
    [
        (" ", {"by_days_over": 0.01}),
        ("a" * 201, {"by_days_over": 0.01}),
        ("two\nlines", {"by_days_over": 0.01}),
        ("why", {"by_days_over": 0.0}),
        ("why", {"by_false_containments": -1.0}),
    ],
)
def test_a_budget_that_means_nothing_or_has_no_reason_is_refused(database, reason, wanted):
    with database.transaction("gateway") as tx:
        with pytest.raises(InvalidRequest):
            set_budget(tx, Policy(), reason=reason, **wanted)
        assert list_budgets(tx) == []


def test_the_command_shows_and_changes_it(environment, database):
    def run(*arguments):
        return CliRunner(env=environment).invoke(cli, ["guard", "budget", *arguments])

    assert "default" in run().stdout
    assert run("--days-over", "0.01").exit_code == 2, "no reason"
    done = run("--days-over", "0.01", "--reason", "winter")
    assert done.exit_code == 0, done.output
    assert "winter" in done.stdout
    with database.transaction("gateway") as tx:
        assert follow_budget(tx, Policy()).days_over == 0.01
