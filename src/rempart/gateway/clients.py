"""Who holds the key presented: a small cache in front of the accounts plane.

Refuses to remember a key for more than five seconds, so that a revocation bites at once, and to
keep keys: only their digests are here.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from rempart.accounts.client import Client, check_can_ask
from rempart.accounts.keys import compute_key_digest
from rempart.gateway.batching import GroupCommit
from rempart.kernel.errors import AccessDenied

MAX_AGE_MS: Final = 4_000
MAX_KEPT: Final = 50_000

LoadClients = Callable[[Sequence[bytes]], Awaitable[Mapping[bytes, Client]]]


class ClientDirectory:
    """Finds clients by key; misses that come together are loaded together.

    Args:
        load: Loads the clients of several key digests; unknown ones are absent.
    """

    def __init__(self, load: LoadClients) -> None:
        self._load = load
        self._known: dict[bytes, tuple[Client | None, int]] = {}
        self._misses: GroupCommit[bytes, Client | None] = GroupCommit(self._load_misses)

    async def run(self) -> None:
        """Load misses until `close`."""
        await self._misses.run()

    def close(self) -> None:
        """Stop loading once nobody waits."""
        self._misses.close()

    async def authenticate(self, authorization: bytes | None, *, now_ms: int) -> Client:
        """Return the client whose key an Authorization header carries.

        Raises:
            AccessDenied: no key, another scheme, or a key that may not ask.
            Unavailable: the accounts plane does not answer.
        """
        digest = _read_digest(authorization)
        known = self._known.get(digest)
        if known is not None and now_ms - known[1] < MAX_AGE_MS:
            return check_can_ask(known[0], now_ms=now_ms)
        client = await self._misses.submit(digest)
        self._remember(digest, client, now_ms)
        return check_can_ask(client, now_ms=now_ms)

    def _remember(self, digest: bytes, client: Client | None, asked_ms: int) -> None:
        # Aged from before the question, so that five seconds are five seconds for the revoker too.
        if len(self._known) >= MAX_KEPT:
            self._known.clear()
        self._known[digest] = (client, asked_ms)

    async def _load_misses(self, digests: Sequence[bytes]) -> Sequence[Client | None]:
        found = await self._load(list(dict.fromkeys(digests)))
        return [found.get(digest) for digest in digests]


def _read_digest(authorization: bytes | None) -> bytes:
    scheme, _, key = (authorization or b"").partition(b" ")
    if scheme.lower() != b"bearer":
        raise AccessDenied("send Authorization: Bearer and a client key")
    try:
        return compute_key_digest(key.decode("ascii"))
    except ValueError as wrong:  # UnicodeDecodeError is one too
        raise AccessDenied("send Authorization: Bearer and a client key") from wrong
