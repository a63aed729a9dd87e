"""Allowances in memory."""

import pytest

from rempart.accounts.allowance import Allowance
from rempart.gateway import allowances
from rempart.gateway.allowances import Allowances
from rempart.kernel.errors import TooManyRequests


def test_a_client_is_told_in_whole_seconds_when_to_come_back():
    kept = Allowances(Allowance(rate_per_s=0.4, burst=1))
    kept.check_can_ask_now(1, now_ms=0)
    with pytest.raises(TooManyRequests) as refusal:
        kept.check_can_ask_now(1, now_ms=100)
    assert refusal.value.retry_after_s == 3  # 2.4 s left
    kept.check_can_ask_now(1, now_ms=2500)


def test_clients_at_rest_are_forgotten(monkeypatch):
    monkeypatch.setattr(allowances, "_SWEEP_AT", 3)
    kept = Allowances(Allowance(rate_per_s=1, burst=1))
    for n in range(10):
        kept.check_can_ask_now(n, now_ms=n * 2000)
    assert len(kept._empty_at_ms) <= 4
