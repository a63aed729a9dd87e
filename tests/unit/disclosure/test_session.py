"""A SESSION entry commits to all the facts of one session."""

import pytest
from tests.ledger_samples import make_facts

from rempart.disclosure.entry import Kind
from rempart.disclosure.session import commits_to, compute_session_digest, draft_session


def test_an_entry_commits_to_the_facts_it_was_drafted_from():
    facts = make_facts(1)
    draft = draft_session(facts, request_id=bytes(16))
    assert draft.kind == Kind.SESSION
    assert (draft.session_ref, draft.account_ref) == (facts.session_ref, facts.account_ref)
    assert commits_to(draft, facts)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("session_ref", 1),
        ("account_ref", 1),
        ("client_ref", 1),
        ("opened_ms", 1),
        ("method", "portal"),
        ("address", "192.0.2.8"),
        ("agent", ""),
    ],
)
def test_an_entry_does_not_commit_to_other_facts(column: str, value: object):
    facts = make_facts(1)
    draft = draft_session(facts, request_id=bytes(16))
    assert not commits_to(draft, facts._replace(**{column: value}))


def test_letters_that_move_from_one_fact_to_the_next_change_the_digest():
    one = make_facts(method="ab", address="c")
    other = make_facts(method="a", address="bc")
    assert compute_session_digest(one) != compute_session_digest(other)


@pytest.mark.parametrize("text", ["nul\x00", "\ud800"])
def test_facts_that_the_database_cannot_keep_are_refused(text: str):
    with pytest.raises(ValueError, match=r"NUL|surrogates"):
        compute_session_digest(make_facts(agent=text))
