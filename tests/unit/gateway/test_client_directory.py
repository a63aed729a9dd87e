"""Keys are known for a few seconds, misses are loaded together."""

import asyncio

import pytest

from rempart.accounts.client import Client
from rempart.accounts.keys import compute_key_digest, format_client_key
from rempart.gateway import clients
from rempart.gateway.clients import MAX_AGE_MS, ClientDirectory
from rempart.kernel.errors import AccessDenied, Unavailable

NOW_MS = 1_795_000_000_000
KEYS = [format_client_key(bytes([n] * 32)) for n in range(5)]


class Accounts:
    """The accounts plane: who has which key now."""

    def __init__(self, *keys: str) -> None:
        self.known = {
            compute_key_digest(key): Client(
                client_ref=n, account_ref=n, kind="software", expires_ms=None, revoked=False
            )
            for n, key in enumerate(keys)
        }
        self.loads: list[int] = []
        self.is_down = False

    async def load(self, digests):
        if self.is_down:
            raise Unavailable("down")
        self.loads.append(len(digests))
        return {d: self.known[d] for d in digests if d in self.known}


def run(scene, accounts):
    async def whole():
        directory = ClientDirectory(accounts.load)
        running = asyncio.create_task(directory.run())
        try:
            await scene(directory)
        finally:
            directory.close()
            await running

    asyncio.run(whole())


def header(key):
    return f"Bearer {key}".encode()


def test_keys_that_come_together_are_loaded_together_and_once():
    accounts = Accounts(*KEYS)

    async def scene(directory):
        asked = [header(key) for key in KEYS * 3]
        found = await asyncio.gather(*(directory.authenticate(a, now_ms=NOW_MS) for a in asked))
        assert [client.client_ref for client in found] == [0, 1, 2, 3, 4] * 3

    run(scene, accounts)
    assert accounts.loads == [5]


def test_a_key_is_remembered_for_less_than_five_seconds():
    accounts = Accounts(KEYS[0])

    async def scene(directory):
        await directory.authenticate(header(KEYS[0]), now_ms=NOW_MS)
        accounts.known.clear()
        await directory.authenticate(header(KEYS[0]), now_ms=NOW_MS + MAX_AGE_MS - 1)
        with pytest.raises(AccessDenied):
            await directory.authenticate(header(KEYS[0]), now_ms=NOW_MS + MAX_AGE_MS)

    run(scene, accounts)
    assert MAX_AGE_MS < 5_000
    assert accounts.loads == [1, 1]


def test_an_unknown_key_is_remembered_too():
    accounts = Accounts()

    async def scene(directory):
        for later in (0, 1000):
            with pytest.raises(AccessDenied):
                await directory.authenticate(header(KEYS[0]), now_ms=NOW_MS + later)

    run(scene, accounts)
    assert accounts.loads == [1]


def test_what_is_not_a_key_is_refused_without_the_database():
    accounts = Accounts()

    async def scene(directory):
        for text in (
            None,
            b"",
            b"Bearer",
            b"Bearer x",
            b"Basic " + KEYS[0].encode(),
            b"Bearer \xff",
        ):
            with pytest.raises(AccessDenied):
                await directory.authenticate(text, now_ms=NOW_MS)

    run(scene, accounts)
    assert accounts.loads == []


def test_without_the_database_keys_seen_lately_still_work():
    accounts = Accounts(KEYS[0])

    async def scene(directory):
        await directory.authenticate(header(KEYS[0]), now_ms=NOW_MS)
        accounts.is_down = True
        await directory.authenticate(header(KEYS[0]), now_ms=NOW_MS + 1)
        with pytest.raises(Unavailable):
            await directory.authenticate(header(KEYS[0]), now_ms=NOW_MS + MAX_AGE_MS)
        accounts.is_down = False
        await directory.authenticate(header(KEYS[0]), now_ms=NOW_MS + MAX_AGE_MS)

    run(scene, accounts)


def test_a_flood_of_invented_keys_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(clients, "MAX_KEPT", 10)
    accounts = Accounts()

    async def scene(directory):
        for n in range(50):
            key = format_client_key(n.to_bytes(32))
            with pytest.raises(AccessDenied):
                await directory.authenticate(header(key), now_ms=NOW_MS)
        assert len(directory._known) <= 10

    run(scene, accounts)
