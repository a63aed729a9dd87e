"""« Je n’ai pas reçu ce soin » : when it may be said, and when an answer is late."""

from datetime import UTC, datetime, timedelta

import pytest

from rempart.claims.disputes import (
    ANSWER_DAYS,
    MOST_DAYS,
    STATES,
    DisputeState,
    check_can_dispute,
    clean_words,
    is_late,
)
from rempart.kernel.errors import Conflict, InvalidRequest

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize("state", ["received", "held", "adjudicated", "remitted", "paid"])
def test_a_claim_that_is_paid_or_will_be_may_be_disputed_for_two_years(state):
    check_can_dispute(claim_state=state, received_at=NOW - timedelta(days=MOST_DAYS), now=NOW)
    with pytest.raises(Conflict):
        check_can_dispute(
            claim_state=state, received_at=NOW - timedelta(days=MOST_DAYS, seconds=1), now=NOW
        )


@pytest.mark.parametrize("state", ["rejected", "cancelled", "undone"])
def test_nothing_is_disputed_of_a_claim_that_nobody_pays(state):
    with pytest.raises(Conflict, match="nothing is paid"):
        check_can_dispute(claim_state=state, received_at=NOW, now=NOW)


def test_words_keep_their_lines_and_lose_what_is_not_printed():
    assert clean_words(" une\nligne\u202e\x00 ", is_needed=True) == "une\nligne"
    assert clean_words("deux\u00a0mots\tpuis\u202f:\r\nla suite", is_needed=True) == (
        "deux mots puis :\nla suite"
    )
    assert clean_words("  ", is_needed=False) == ""
    with pytest.raises(InvalidRequest):
        clean_words("  ", is_needed=True)
    with pytest.raises(InvalidRequest):
        clean_words("a" * 1_001, is_needed=False)


def test_an_open_dispute_is_late_after_thirty_days_and_an_answered_one_never_is():
    then = NOW - timedelta(days=ANSWER_DAYS)
    assert not is_late(state=DisputeState.OPEN, made_at=then, now=NOW)
    assert is_late(state=DisputeState.OPEN, made_at=then - timedelta(seconds=1), now=NOW)
    assert not is_late(state=DisputeState.ANSWERED, made_at=then - timedelta(1), now=NOW)


def test_what_was_answered_or_taken_back_stays_so():
    assert set(STATES) == set(DisputeState)
    assert not STATES[DisputeState.ANSWERED]
    assert not STATES[DisputeState.WITHDRAWN]
