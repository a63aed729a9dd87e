"""Proofs, nonces and tokens grow old; and a proof belongs to one gateway."""

from typing import Any

import pytest
from tests.api.proving import URL, post, refusal, take_auth
from tests.tokens import TokenAuth

from rempart.accounts.tokens import Binding


@pytest.fixture
def auth(gateway: Any) -> TokenAuth:
    return take_auth(gateway)


def test_a_proof_copied_to_another_gateway_proves_nothing_there(auth, open_gateway):
    proof = auth.prover.prove("POST", URL, auth.token)
    with open_gateway(log_id=2) as other:
        other.auth = None
        reply = post(other, token=auth.token, proof=proof)
    assert refusal(reply) == (401, "use_dpop_nonce")


def test_a_nonce_ages_and_the_next_one_is_offered_in_time(gateway, auth, clock):
    first = auth.prover.nonce
    clock.put_forward(seconds=300)
    token = auth.minter.mint(Binding("jkt", auth.prover.thumbprint))
    reply = post(gateway, token=token, proof=auth.prover.prove("POST", URL, token))
    assert reply.status_code == 200, "the last one still serves"
    assert reply.headers["dpop-nonce"] != first
    clock.put_forward(seconds=300)
    token = auth.minter.mint(Binding("jkt", auth.prover.thumbprint))
    reply = post(gateway, token=token, proof=auth.prover.prove("POST", URL, token))
    assert refusal(reply) == (401, "use_dpop_nonce")


def test_a_proof_kept_for_later_is_worth_nothing(gateway, auth, clock):
    proof = auth.prover.prove("POST", URL, auth.token)
    clock.put_forward(seconds=65)
    assert refusal(post(gateway, token=auth.token, proof=proof)) == (401, "invalid_dpop_proof")


def test_a_known_token_ends_when_it_expires(gateway, auth, clock):
    clock.put_forward(seconds=640)
    auth.prover.nonce = find_nonce(gateway, auth)
    proof = auth.prover.prove("POST", URL, auth.token)
    assert refusal(post(gateway, token=auth.token, proof=proof)) == (401, "access_denied")


def find_nonce(gateway: Any, auth: TokenAuth) -> str:
    """The nonce of this moment, as a caller learns it."""
    token = auth.minter.mint(Binding("jkt", auth.prover.thumbprint))
    reply = post(gateway, token=token, proof=auth.prover.prove("POST", URL, token, nonce=None))
    return str(reply.headers["dpop-nonce"])
