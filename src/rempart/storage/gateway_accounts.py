"""What the gateway reads of accounts: software, professionals, sessions, and who may still act.

Refuses names: refs, numbers and states only, because nothing else decides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import asyncpg
import msgspec

from rempart.accounts.events import SecurityEvent
from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.software import Software, SoftwareKey
from rempart.accounts.tokens import Bearer, Standing
from rempart.accounts.workplaces import Workplace
from rempart.kernel.errors import Unavailable
from rempart.storage.ledger_opening import DRIVER_FAILURES
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("gateway_accounts")
READ_TIMEOUT_S: Final = 10.0
CARE_ROLES: Final = sorted(role.value for role in GRANTS[Permission.CHECK_RIGHTS].roles)


class FoundProfessional(NamedTuple):
    """A professional of the directory, and where they may act today, their own place first."""

    account_ref: int
    stopped: bool
    workplaces: tuple[Workplace, ...]


class PortalSession(NamedTuple):
    """A browser session that goes on: whose, where, and its last second."""

    account_ref: int
    establishment_ref: int | None
    accountable_ref: int | None
    expires_s: int


class Holder(NamedTuple):
    """A professional who answers for an establishment."""

    account_ref: int
    rpps: str


@dataclass(frozen=True, slots=True)
class GatewayAccounts:
    """Reads accounts through a pool that mends itself.

    Args:
        find_pool: Gives the pool, which is open while the application runs.
    """

    find_pool: Callable[[], asyncpg.Pool]

    async def load_standings(self, bearers: Sequence[Bearer]) -> list[Standing]:
        """Load what the directory says now of several bearers, in their order: one query.

        Raises:
            Unavailable: the database does not answer.
        """
        columns = list(zip(*bearers, strict=True)) or [()] * len(Bearer._fields)
        rows = await self._fetch(QUERIES.load_standings, *columns, CARE_ROLES)
        return [Standing(*row) for row in rows]

    async def load_software(self, client_id: str) -> Software | None:
        """Load a software and its keys, stopped or not; None when there is none.

        Raises:
            Unavailable: the database does not answer.
        """
        rows = await self._fetch(QUERIES.load_software, client_id)
        if not rows:
            return None
        [row] = rows
        return Software(
            client_ref=row["client_ref"],
            client_id=row["client_id"],
            publisher_ref=row["publisher_ref"],
            scopes=tuple(row["scopes"]),
            certificate_subject=row["certificate_subject"],
            establishment_ref=row["establishment_ref"],
            psc_clients=frozenset(row["psc_clients"]),
            stopped=row["stopped"],
            keys=tuple(
                SoftwareKey(kid, msgspec.json.decode(jwk))
                for kid, jwk in zip(row["kids"], row["jwks"], strict=True)
            ),
        )

    async def use_assertion(self, digest: bytes, *, expires_s: float) -> bool:
        """Use an assertion up; False when any gateway has seen it before.

        Raises:
            Unavailable: the database does not answer; it is not used up.
        """
        return bool(await self._fetch(QUERIES.save_used_assertion, digest, float(expires_s)))

    async def delete_old_assertions(self, *, now_ms: int) -> None:
        """Forget the assertions that expired more than an hour ago.

        Raises:
            Unavailable: the database does not answer.
        """
        await self._fetch(QUERIES.delete_old_assertions, now_ms / 1000 - 3600)

    async def load_professional(self, rpps: str) -> FoundProfessional | None:
        """Load a professional by number; None when the directory has none.

        Raises:
            Unavailable: the database does not answer.
        """
        rows = await self._fetch(QUERIES.load_professional, rpps, CARE_ROLES)
        if not rows:
            return None
        workplaces = tuple(Workplace(*row[2:6]) for row in map(tuple, rows) if row[2] is not None)
        return FoundProfessional(rows[0]["account_ref"], rows[0]["stopped"], workplaces)

    async def load_portal_session(self, session_ref: int) -> PortalSession | None:
        """Load a browser session that goes on and may check rights; else None.

        Raises:
            Unavailable: the database does not answer.
        """
        rows = await self._fetch(QUERIES.load_portal_session, session_ref, CARE_ROLES)
        return PortalSession(*rows[0]) if rows else None

    async def load_holders(self, establishment_ref: int) -> list[Holder]:
        """Load the professionals who answer for an establishment.

        Raises:
            Unavailable: the database does not answer.
        """
        rows = await self._fetch(QUERIES.load_holders, establishment_ref)
        return [Holder(*row) for row in rows]

    async def append_event(self, event: SecurityEvent, *, event_ref: int) -> None:
        """Write a security event.

        Raises:
            Unavailable: the database does not answer; it is not written.
        """
        await self._fetch(
            QUERIES.append_gateway_event,
            event_ref,
            event.kind.value,
            event.actor_ref,
            event.org_ref,
            event.address,
            event.agent,
            msgspec.json.encode(dict(event.details)).decode(),
        )

    async def _fetch(self, query: str, *arguments: object) -> list[Any]:
        try:
            rows: list[Any] = await self.find_pool().fetch(
                query, *arguments, timeout=READ_TIMEOUT_S
            )
        except DRIVER_FAILURES as failure:
            raise Unavailable(f"accounts cannot be read: {type(failure).__name__}") from failure
        return rows
