"""A fake reader of Vitale cards: it signs what it is told it read.

Refuses to be taken for a real one: a real terminal reads the card's chip, and its key never leaves
it. The format of what is signed is the API's (`identifiers.assertion`).
"""

import secrets
from collections.abc import Callable
from typing import Any, Final

from rempart.client.keys import SigningKey
from rempart.gateway.terminals import ASSERTION_TYPE, compute_subject
from rempart.rights.lookup import TypedIdentifiers

PATH: Final = "/v1/rights-checks"


class FakeTerminal:
    """A terminal with a key of its own.

    Args:
        public_url: The installation that its assertions are for.
        now_s: Its clock, Unix seconds.
        key: Its key; a new one by default.
    """

    def __init__(
        self, public_url: str, *, now_s: Callable[[], float], key: SigningKey | None = None
    ) -> None:
        self._audience = public_url + PATH
        self._now_s = now_s
        self.key: Final = key or SigningKey.generate()

    def read(self, typed: TypedIdentifiers, **changes: Any) -> str:
        """Sign that the card of a person was read now; `changes` replace claims."""
        claims = {
            "aud": self._audience,
            "iat": int(self._now_s()),
            "jti": secrets.token_urlsafe(16),
            "sub": compute_subject(typed),
            **changes,
        }
        return self.key.sign({"typ": ASSERTION_TYPE, "kid": self.key.thumbprint}, claims)
