"""The part of the gateway that takes claims in and tells payments: its shelves, its secrets."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from litestar.types import Receive, Scope, Send

from rempart.gateway.admission import Admission
from rempart.gateway.allowances import Allowances
from rempart.gateway.batching import GroupCommit
from rempart.gateway.claim_routes import CLAIMS_PATH, FHIR_PATH, LOTS_PATH, ClaimsDoor
from rempart.gateway.claim_routes import Shelf as ClaimShelf
from rempart.gateway.keeper import Clock
from rempart.gateway.lot_routes import LotDesk
from rempart.gateway.lot_routes import Shelf as LotShelf
from rempart.gateway.offline_routes import PerformsBatch
from rempart.gateway.remittances import REMITTANCES_PATH, RemittanceDoor
from rempart.workflows.claims import read_claims
from rempart.workflows.claims.read_claims import Receipt, Told
from rempart.workflows.claims.take_claims import Office, Refused, Sent, Taken, take_claims
from rempart.workflows.claims.take_claims import Shelf as IntakeShelf
from rempart.workflows.rights.rights_desk import ClaimLook
from rempart.workflows.settlement.read_payments import RemittanceReader

Answers: TypeAlias = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]
"""A bare application."""


class Shelf(IntakeShelf, ClaimShelf, LotShelf, Protocol):
    """Where claims and lots are kept."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ClaimParts:
    """What claims are taken in with.

    Args:
        office: Where they are written, and the secrets they are keyed with.
        shelf: Where they and their lots are kept.
        remittances: Where what they were paid by is read.
    """

    office: Office
    shelf: Shelf
    remittances: RemittanceReader


class ClaimsGateway:
    """The tasks and routes of claims.

    Claims that wait while some are written share the next statement: no request waits for a timer.
    What is told of them shares the desk the same way, so that rights checks wait for one batch.
    """

    def __init__(
        self,
        parts: ClaimParts,
        *,
        admission: Admission,
        allowances: Allowances,
        clock: Clock,
        keeper: PerformsBatch,
        **common: Any,
    ) -> None:
        async def write(sent: Any) -> list[Taken | Refused]:
            return await take_claims(parts.office, sent)

        async def judge(looks: Sequence[ClaimLook]) -> list[bool]:
            now_ms, today = clock.now_ms(), clock.today()
            told: list[bool] = await keeper.perform(
                lambda desk: read_claims.judge_readings(desk, looks, now_ms=now_ms, today=today)
            )
            return told

        async def record(told: Sequence[Told]) -> list[Sequence[Receipt]]:
            now_ms = clock.now_ms()
            receipts: list[Sequence[Receipt]] = await keeper.perform(
                lambda desk: read_claims.record_readings(desk, told, now_ms=now_ms)
            )
            return receipts

        intake: GroupCommit[Sent, Taken | Refused] = GroupCommit(write)
        judging: GroupCommit[ClaimLook, bool] = GroupCommit(judge)
        readings: GroupCommit[Told, Sequence[Receipt]] = GroupCommit(record)
        self.commits: tuple[GroupCommit[Any, Any], ...] = (intake, judging, readings)
        self.door = ClaimsDoor(
            intake=intake,
            judging=judging,
            readings=readings,
            shelf=parts.shelf,
            lots=LotDesk(parts.office, parts.shelf),
            admission=admission,
            allowances=allowances,
            clock=clock,
            **common,
        )
        self.remittances = RemittanceDoor(
            admission=admission, allowances=allowances, book=parts.remittances, clock=clock
        )

    def below(self) -> dict[str, Answers]:
        """Return what answers at an address and below it."""
        return {
            **dict.fromkeys((CLAIMS_PATH, LOTS_PATH, FHIR_PATH), self.door),
            REMITTANCES_PATH: self.remittances,
        }
