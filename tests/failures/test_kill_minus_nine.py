"""The gateway and PostgreSQL are killed under load: nothing acknowledged is lost, no index missing.

Two rounds each here; `python -m scripts.kill_harness --rounds 20` plays twenty of each.
"""

import random

import pytest
from scripts.kill_harness import TRUSTING, Stage, Verdict, open_stage

from rempart.wiring.home import Home

HASTY = "tests.failures.hasty_gateway:create_app"
pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("target", ["gateway", "postgresql"])
def test_everything_acknowledged_is_in_the_ledger_after_a_kill(durable_cluster, target):
    with open_stage(Home.open(durable_cluster.home), durable_cluster) as stage:
        dice = random.Random(target)
        first = stage.play_round(target, dice)
        second = stage.play_round(target, dice)
    assert first.is_good
    assert second.is_good
    assert 0 < first.acknowledged < second.acknowledged


def test_mutation_acknowledging_before_the_commit_loses_entries(durable_cluster):
    with open_stage(Home.open(durable_cluster.home), durable_cluster, factory=HASTY) as stage:
        verdict = play_until_lost(stage, "gateway")
    assert verdict.lost > 0
    assert not verdict.is_good


def test_mutation_a_server_that_does_not_wait_loses_entries_and_gives_their_indexes_again(
    durable_cluster,
):
    home = Home.open(durable_cluster.home)
    with open_stage(home, durable_cluster, factory=TRUSTING, is_negligent=True) as stage:
        verdict = play_until_lost(stage, "postgresql")
    assert verdict.lost > 0
    assert verdict.reused > 0  # two receipts for one index: the log was forked


def play_until_lost(stage: Stage, target: str) -> Verdict:
    dice = random.Random(3)
    for _ in range(4):
        verdict = stage.play_round(target, dice)
        if not verdict.is_good:
            return verdict
    return verdict
