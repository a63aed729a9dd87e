"""What lets the players in: tokens of the drill's own software, and a proof signed per question.

A thief is given what a thief needs now: a token for the victim's account bound to a key of the
thief's own, as if a registered software had exchanged a stolen Pro Santé Connect session for it. A
copy of the owner's token would open nothing. Malware on the owner's machine uses the owner's key.

Refuses to leave a token usable after the drill: the software they name is revoked at its end.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rempart.accounts.tokens import TOKEN_LIFETIME_S, Bearer, Binding
from rempart.client.keys import SigningKey
from rempart.client.proofs import make_proof
from rempart.drill.attacks import Attack
from rempart.drill.cast import Ask
from rempart.workflows.accounts.issue_token import Issuer, sign_access_token

# A token is replaced this long before its end.
MARGIN_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """The drill's software, and the accounts it may act for, by rank of the professional."""

    client_id: str
    client_ref: int
    account_refs: tuple[int, ...]


class Wallet:
    """Tokens and keys of everybody who plays.

    Args:
        issuer: Whose tokens the gateway of the exercise accepts.
        enrolment: The software, and the accounts.
        attacks: Those of the script, by rank.
        now_s: Unix seconds.
    """

    def __init__(
        self,
        issuer: Issuer,
        enrolment: Enrolment,
        *,
        attacks: Sequence[Attack],
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._enrolment = enrolment
        self._attacks = attacks
        self._now_s = now_s
        self._keys = [SigningKey.generate("EdDSA") for _ in enrolment.account_refs]
        self._thief_key = SigningKey.generate("EdDSA")
        self._tokens: dict[tuple[int, bool], tuple[str, float]] = {}
        self._nonce = ""

    def make_headers(self, ask: Ask, path: str) -> dict[str, str]:
        """Return the headers that let one question in, signed for this very sending."""
        stolen = ask.robot is not None and not self._attacks[ask.robot].is_at_home
        key = self._thief_key if stolen else self._keys[ask.caller]
        token = self._get_token(ask.caller, key, stolen=stolen)
        proof = make_proof(
            key, method="POST", url=f"{self._issuer.url}{path}", token=token, nonce=self._nonce
        )
        return {"Authorization": f"DPoP {token}", "DPoP": proof}

    def note_nonce(self, nonce: str | None) -> None:
        """Note what the gateway wants proofs to hold from now on."""
        self._nonce = nonce or self._nonce

    def _get_token(self, caller: int, key: SigningKey, *, stolen: bool) -> str:
        now_s = self._now_s()
        token, ends_s = self._tokens.get((caller, stolen), ("", 0.0))
        if now_s < ends_s - MARGIN_S:
            return token
        token = sign_access_token(
            self._issuer.key_seed,
            issuer=self._issuer.url,
            client_id=self._enrolment.client_id,
            bearer=Bearer(self._enrolment.client_ref, self._enrolment.account_refs[caller]),
            binding=Binding("jkt", key.thumbprint),
            now_s=int(now_s),
            token_id=secrets.token_urlsafe(16),
        )
        self._tokens[caller, stolen] = (token, now_s + TOKEN_LIFETIME_S)
        return token
