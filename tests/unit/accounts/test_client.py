"""Who may ask."""

import pytest

from rempart.accounts.client import Client, check_can_ask
from rempart.kernel.errors import AccessDenied

NOW_MS = 1_795_000_000_000


def make_client(**changes: object) -> Client:
    facts: dict[str, object] = {
        "client_ref": 7,
        "account_ref": 70,
        "kind": "software",
        "expires_ms": None,
        "revoked": False,
    }
    return Client(**{**facts, **changes})  # type: ignore[arg-type]


def test_a_client_in_good_standing_may_ask():
    client = make_client()
    assert check_can_ask(client, now_ms=NOW_MS) is client


def test_a_key_works_until_the_last_millisecond_before_it_expires():
    client = make_client(expires_ms=NOW_MS + 1)
    assert check_can_ask(client, now_ms=NOW_MS) is client


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(None, id="unknown key"),
        pytest.param(make_client(revoked=True), id="revoked key"),
        pytest.param(make_client(expires_ms=NOW_MS), id="key that expires now"),
        pytest.param(make_client(expires_ms=NOW_MS - 1), id="expired key"),
    ],
)
def test_other_keys_are_refused_in_the_same_words(client):
    with pytest.raises(AccessDenied) as refusal:
        check_can_ask(client, now_ms=NOW_MS)
    assert str(refusal.value) == "the key is unknown, revoked or expired: ask for a new one"
