"""What presence needs from the database: known faces, allowances of the day, tries of codes.

Refuses to say whether a key leads to somebody: strangers cost the same queries.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import asyncpg
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rempart.kernel.errors import InconsistentRecord, Unavailable
from rempart.rights.presence import (
    SECRET_BYTES,
    TRIES_A_DAY,
    TRIES_A_MONTH,
    TRIES_OF_A_CALLER,
    Attempt,
)
from rempart.storage.ledger_opening import DRIVER_FAILURES
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("presence")
READ_TIMEOUT_S: Final = 10.0
_NONCE_BYTES: Final = 12


class TypedWish(NamedTuple):
    """A person typed by an account, and how many new ones it may type that day.

    `insurer_id`: of whose members, for a bound that an insurer set; 0 for everybody.
    """

    account_ref: int
    insurer_id: int
    lookup_key: bytes
    allowed: int


class Terminal(NamedTuple):
    """A reader of Vitale cards: where it stands, and its public key."""

    establishment_ref: int
    jwk: Mapping[str, object]


class CodeSeal:
    """Seals the secrets of rotating codes; each is bound to its person.

    Args:
        key: The home's key `presence`, 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def draw(self, person_ref: int) -> bytes:
        """Draw a person's secret and return it sealed."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        secret = secrets.token_bytes(SECRET_BYTES)
        return nonce + self._aead.encrypt(nonce, secret, _name(person_ref))

    def open(self, person_ref: int, sealed: bytes) -> bytes:
        """Open a person's secret.

        Raises:
            InconsistentRecord: it was sealed for somebody else, or with another key.
        """
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._aead.decrypt(nonce, rest, _name(person_ref))
        except (InvalidTag, ValueError) as wrong:
            raise InconsistentRecord("a code's secret cannot be opened") from wrong


class PresenceReader:
    """Answers for presence through the desk's reading connection, one batch at a time.

    Args:
        connection: Lent by whoever reads sheets; its uuid are 16 bytes.
        seal: Opens the secrets of codes.
    """

    def __init__(self, connection: asyncpg.Connection, seal: CodeSeal) -> None:
        self._connection = connection
        self._seal = seal
        self._decoy_ref = secrets.randbits(62)
        self._decoy_secret = secrets.token_bytes(SECRET_BYTES)

    async def find_known_faces(
        self, pairs: Sequence[tuple[int, int | None]], *, since_ms: int
    ) -> list[bool]:
        """Say of each (account, person or None) whether the account was shown them with presence.

        Raises:
            Unavailable: the database does not answer.
        """
        for _, person_ref in pairs:
            self._decoy_ref = person_ref or self._decoy_ref
        accounts = [account_ref for account_ref, _ in pairs]
        people = [person_ref or self._decoy_ref for _, person_ref in pairs]
        rows = await self._fetch(QUERIES.find_known_faces, accounts, people, since_ms)
        return [
            bool(row["known"]) and person_ref is not None
            for row, (_, person_ref) in zip(rows, pairs, strict=True)
        ]

    async def take_typed(self, wishes: Sequence[TypedWish], *, day: date) -> list[bool]:
        """Take persons off allowances, durably; False for each that passes its account's.

        Raises:
            Unavailable: the database does not answer; nothing may be shown.
        """
        order = sorted(range(len(wishes)), key=lambda n: wishes[n])
        columns = list(zip(*(wishes[n] for n in order), strict=True)) or [(), (), (), ()]
        rows = await self._fetch(QUERIES.take_typed, *map(list, columns), day)
        taken = {n: bool(row["taken"]) for n, row in zip(order, rows, strict=True)}
        return [taken[n] for n in range(len(wishes))]

    async def take_code_try(self, target: bytes, account_ref: int, *, day: date) -> Attempt:
        """Take one try, durably, before a code is looked at.

        Raises:
            Unavailable: the database does not answer; the code is not looked at.
        """
        bounds = (TRIES_A_DAY, TRIES_A_MONTH, TRIES_OF_A_CALLER)
        [row] = await self._fetch(QUERIES.take_code_try, target, account_ref, day, *bounds)
        return Attempt(row[0])

    async def give_code_try_back(self, target: bytes, account_ref: int, *, day: date) -> None:
        """Give the try of a right code back.

        Raises:
            Unavailable: the database does not answer.
        """
        await self._fetch(QUERIES.give_code_try_back, target, account_ref, day)

    async def load_code_secret(self, person_ref: int | None) -> bytes:
        """Return the secret of a person's codes; one that nobody has for whoever has none.

        Raises:
            Unavailable: the database does not answer.
        """
        rows = await self._fetch(QUERIES.load_code_secret, person_ref or self._decoy_ref)
        if not rows or person_ref is None:
            return self._decoy_secret
        try:
            return self._seal.open(person_ref, rows[0]["sealed"])
        except InconsistentRecord:
            return self._decoy_secret

    async def use_code(self, person_ref: int, step: int, account_ref: int) -> bool:
        """Use a code up; False when another account used it, or a later one.

        Raises:
            Unavailable: the database does not answer.
        """
        [row] = await self._fetch(QUERIES.use_code, person_ref, step, account_ref)
        return bool(row[0])

    async def _fetch(self, query: str, *arguments: object) -> list[Any]:
        with _explain_failure():
            rows: list[Any] = await self._connection.fetch(
                query, *arguments, timeout=READ_TIMEOUT_S
            )
        return rows


@dataclass(frozen=True, slots=True)
class PresencePlane:
    """What of presence is read outside a batch, through a pool that mends itself.

    Args:
        find_pool: Gives the pool, which is open while the application runs.
    """

    find_pool: Callable[[], asyncpg.Pool]

    async def load_terminal(self, kid: str) -> Terminal | None:
        """Load a terminal in use by the name of its key; None when there is none.

        Raises:
            Unavailable: the database does not answer.
        """
        with _explain_failure():
            rows = await self.find_pool().fetch(QUERIES.load_terminal, kid, timeout=READ_TIMEOUT_S)
        if not rows:
            return None
        return Terminal(rows[0]["establishment_ref"], msgspec.json.decode(rows[0]["jwk"]))

    async def delete_old_tries(self, *, today: date) -> None:
        """Forget what no bound looks at any more.

        Raises:
            Unavailable: the database does not answer.
        """
        with _explain_failure():
            await self.find_pool().execute(QUERIES.delete_old_tries, today, timeout=READ_TIMEOUT_S)


def _name(person_ref: int) -> bytes:
    return b"rempart code secret v1\0" + person_ref.to_bytes(8, signed=True)


@contextmanager
def _explain_failure() -> Iterator[None]:
    try:
        yield
    except DRIVER_FAILURES as failure:
        raise Unavailable(f"presence cannot be read: {type(failure).__name__}") from failure
