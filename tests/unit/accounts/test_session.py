"""When a session goes on and when a new one starts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.accounts.session import AGENT_LIMIT, IDLE_LIMIT_MS, Session, clean_agent, is_alive

NOW_MS = 1_795_000_000_000


@pytest.mark.parametrize(
    ("idle_ms", "alive"),
    [
        (0, True),
        (IDLE_LIMIT_MS - 1, True),
        (IDLE_LIMIT_MS, False),
        (IDLE_LIMIT_MS + 1, False),
        (-5_000, True),
    ],
)
def test_thirty_minutes_without_an_answer_end_a_session(idle_ms, alive):
    session = Session(session_ref=1, last_ms=NOW_MS - idle_ms)
    assert is_alive(session, now_ms=NOW_MS) is alive


@given(st.text())
def test_what_is_kept_of_a_user_agent_is_printable_and_bounded(text):
    kept = clean_agent(text)
    assert len(kept) <= AGENT_LIMIT
    assert all(" " <= c <= "~" for c in kept)


def test_an_ordinary_user_agent_is_kept_as_it_is():
    assert clean_agent("LogicielOfficine/4.2 (Windows)") == "LogicielOfficine/4.2 (Windows)"
