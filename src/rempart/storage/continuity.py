"""Cuts, policies, terminals and how services are: what the gateway reads, what people change.

Refuses to decide: who may cut, and when two persons are needed, is a workflow's matter; the table's
constraints hold the rest.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg
from psycopg.rows import class_row

from rempart.accounts.containment import Measure, MeasureStep, MeasureTarget
from rempart.kernel.errors import Unavailable
from rempart.rights.cuts import Cut, CutReason, CutScope
from rempart.rights.presence import PresencePolicy
from rempart.storage.connect import Transaction
from rempart.storage.ledger_opening import DRIVER_FAILURES
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("continuity")
READ_TIMEOUT_S: Final = 5.0


class PolicyRow(NamedTuple):
    """A policy: of an establishment, of an account, or (both None) of everybody."""

    establishment_ref: int | None
    account_ref: int | None
    policy: PresencePolicy


class LimitRow(NamedTuple):
    """What an insurer bounds of what is asked about its members."""

    insurer_id: int
    policy: PresencePolicy


class PostureRows(NamedTuple):
    """What the gateway must know before it answers anybody."""

    cuts: tuple[Cut, ...]
    policies: tuple[PolicyRow, ...]
    measures: tuple[Measure, ...] = ()
    limits: tuple[LimitRow, ...] = ()


@dataclass(frozen=True, slots=True)
class CutRow:
    """A cut as it is kept; one that waits for its second person has no start."""

    cut_ref: int
    scope: str
    insurer_id: int | None
    insurer_name: str | None
    reason: str
    note: str
    asked_by: int | None
    asked_at: datetime
    approved_by: int | None
    starts_at: datetime | None
    review_at: datetime
    ends_at: datetime | None
    restore_asked_by: int | None
    restore_asked_at: datetime | None
    ended_by: int | None
    ended_at: datetime | None

    def is_in_force(self, now: datetime) -> bool:
        """Tell whether it cuts something at an instant."""
        over = self.ended_at or self.ends_at
        return self.starts_at is not None and (over is None or now < over)


class Touched(NamedTuple):
    """What a cut would have touched: answers, accounts and persons, counted."""

    answers: int
    accounts: int
    persons: int


class InsurerName(NamedTuple):
    """An insurer that may be cut."""

    insurer_id: int
    amc_number: str
    name: str


class ServiceHour(NamedTuple):
    """What probes found of one service in one hour."""

    service: str
    hour: datetime
    asked: int
    answered: int


class ServiceChange(NamedTuple):
    """A service began or ceased to answer."""

    service: str
    at: datetime
    works: bool


class TerminalRow(NamedTuple):
    """A registered terminal."""

    terminal_ref: int
    establishment_ref: int
    kid: str
    label: str
    registered_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class PosturePlane:
    """Reads what is cut and what is bounded, through a pool that mends itself.

    Args:
        find_pool: Gives the pool, which is open while the application runs.
    """

    find_pool: Callable[[], asyncpg.Pool]

    async def load(self) -> PostureRows:
        """Load everything that is cut or bounded now.

        Raises:
            Unavailable: the database does not answer.
        """
        try:
            async with self.find_pool().acquire(timeout=READ_TIMEOUT_S) as connection:
                cuts = await connection.fetch(QUERIES.load_cuts_in_force, timeout=READ_TIMEOUT_S)
                policies = await connection.fetch(QUERIES.load_policies, timeout=READ_TIMEOUT_S)
                measures = await connection.fetch(QUERIES.load_measures, timeout=READ_TIMEOUT_S)
                limits = await connection.fetch(QUERIES.load_limits, timeout=READ_TIMEOUT_S)
        except DRIVER_FAILURES as failure:
            raise Unavailable(f"cuts cannot be read: {type(failure).__name__}") from failure
        return PostureRows(
            tuple(_build_cut(row) for row in cuts),
            tuple(_build_policy(row) for row in policies),
            tuple(_build_measure(row) for row in measures),
            tuple(_build_limit(row) for row in limits),
        )


def list_cuts(tx: Transaction, *, since: datetime) -> list[CutRow]:
    """List the cuts of the days since an instant, the newest first, as far as one may see them."""
    with tx.cursor(row_factory=class_row(CutRow)) as cursor:
        return cursor.execute(QUERIES.list_cuts, {"since": since}).fetchall()


def lock_cut(tx: Transaction, cut_ref: int) -> CutRow | None:
    """Return one cut and hold it; None when there is none for the asker."""
    with tx.cursor(row_factory=class_row(CutRow)) as cursor:
        return cursor.execute(QUERIES.lock_cut, {"cut_ref": cut_ref}).fetchone()


def insert_cut(
    tx: Transaction,
    *,
    cut_ref: int,
    scope: CutScope,
    insurer: InsurerName | None,
    reason: CutReason,
    note: str,
    asked_by: int | None,
    asked_at: datetime,
    review_at: datetime,
    ends_at: datetime | None,
    starts: bool,
) -> bool:
    """Cut, or ask to; False when the same is cut or asked for already."""
    tx.execute(QUERIES.close_expired_cuts)
    row = tx.execute(
        QUERIES.insert_cut,
        {
            "cut_ref": cut_ref,
            "scope": scope.value,
            "insurer_id": insurer.insurer_id if insurer else None,
            "insurer_name": insurer.name if insurer else None,
            "reason": reason.value,
            "asked_by": asked_by,
            "asked_at": asked_at,
            "review_at": review_at,
            "ends_at": ends_at,
            "starts": starts,
        },
    ).fetchone()
    if row is not None and note:
        tx.execute(QUERIES.add_cut_note, {"cut_ref": cut_ref, "note": note})
    return row is not None


def approve_cut(tx: Transaction, cut_ref: int, *, by_ref: int | None, at: datetime) -> None:
    """Let a cut that two persons wanted begin."""
    tx.execute(QUERIES.approve_cut, {"cut_ref": cut_ref, "by_ref": by_ref, "at": at})


def ask_restore(tx: Transaction, cut_ref: int, *, by_ref: int | None, at: datetime) -> None:
    """Note that one person wants everything given back."""
    tx.execute(QUERIES.ask_restore, {"cut_ref": cut_ref, "by_ref": by_ref, "at": at})


def end_cut(tx: Transaction, cut_ref: int, *, by_ref: int | None, at: datetime) -> None:
    """End a cut, or withdraw a request."""
    tx.execute(QUERIES.end_cut, {"cut_ref": cut_ref, "by_ref": by_ref, "at": at})


def find_insurer(tx: Transaction, amc_number: str) -> InsurerName | None:
    """Find an insurer by its number."""
    row = tx.execute(QUERIES.find_insurer, {"amc_number": amc_number}).fetchone()
    return None if row is None else InsurerName(row[0], amc_number, row[1])


def list_insurers(tx: Transaction) -> list[InsurerName]:
    """List the insurers that may be cut."""
    return [InsurerName(*row) for row in tx.execute(QUERIES.list_insurers)]


def count_touched(tx: Transaction, *, insurer_id: int | None, since_ms: int) -> Touched:
    """Count what a cut would have touched since an instant; None: of every insurer."""
    row = tx.execute(
        QUERIES.count_touched, {"insurer_id": insurer_id, "since_ms": since_ms}
    ).fetchone()
    return Touched(0, 0, 0) if row is None else Touched(*row)


def save_policy(
    tx: Transaction, policy_ref: int, row: PolicyRow, *, set_by: int | None = None
) -> None:
    """Keep a policy, in the place of the one there was; `set_by` None: at the command line."""
    tx.execute(
        QUERIES.save_policy,
        {
            "policy_ref": policy_ref,
            "establishment_ref": row.establishment_ref,
            "account_ref": row.account_ref,
            "required": row.policy.required,
            "known_faces": row.policy.known_faces,
            "typed_persons_per_day": row.policy.typed_persons_per_day,
            "set_by": set_by,
        },
    )


def lend_policy(
    tx: Transaction, policy: PresencePolicy, account_refs: Sequence[int], *, first_ref: int
) -> list[int]:
    """Give accounts without a policy of their own this one; return the references."""
    values = {
        "first_ref": first_ref,
        "account_refs": list(account_refs),
        **policy._asdict(),
    }
    return [row[0] for row in tx.execute(QUERIES.lend_policy, values)]


def take_back_policies(tx: Transaction, policy_refs: Sequence[int]) -> None:
    """Take lent policies back."""
    tx.execute(QUERIES.take_back_policies, {"policy_refs": list(policy_refs)})


def delete_policy(
    tx: Transaction, *, establishment_ref: int | None, account_ref: int | None
) -> bool:
    """Take a policy back; False when there was none."""
    values = {"establishment_ref": establishment_ref or 0, "account_ref": account_ref or 0}
    return tx.execute(QUERIES.delete_policy, values).rowcount > 0


def list_policies(tx: Transaction) -> list[PolicyRow]:
    """List every policy, the widest first."""
    return [
        PolicyRow(establishment_ref, account_ref, PresencePolicy(required, bound, known))
        for establishment_ref, account_ref, required, known, bound in tx.execute(
            QUERIES.list_policies
        )
    ]


def find_account(tx: Transaction, rpps: str) -> int | None:
    """Find the account of a professional."""
    row = tx.execute(QUERIES.find_account, {"rpps": rpps}).fetchone()
    return None if row is None else int(row[0])


def find_establishment(tx: Transaction, number: str) -> int | None:
    """Find an establishment by its FINESS or SIRET."""
    row = tx.execute(QUERIES.find_establishment, {"number": number}).fetchone()
    return None if row is None else int(row[0])


def insert_terminal(
    tx: Transaction,
    *,
    terminal_ref: int,
    establishment_ref: int,
    kid: str,
    jwk: Mapping[str, object],
    label: str,
    registered_by: int | None = None,
) -> bool:
    """Register a terminal; False when its key is registered already."""
    values = {
        "terminal_ref": terminal_ref,
        "establishment_ref": establishment_ref,
        "kid": kid,
        "jwk": json.dumps(dict(jwk)),
        "label": label,
        "registered_by": registered_by,
    }
    return tx.execute(QUERIES.insert_terminal, values).fetchone() is not None


def revoke_terminal(tx: Transaction, kid: str) -> bool:
    """Stop a terminal for ever; False when none in use has this key."""
    return tx.execute(QUERIES.revoke_terminal, {"kid": kid}).rowcount > 0


def list_terminals(tx: Transaction) -> list[TerminalRow]:
    """List every terminal, the newest first."""
    return [TerminalRow(*row) for row in tx.execute(QUERIES.list_terminals)]


def load_code_secret(tx: Transaction, person_ref: int) -> bytes | None:
    """Return the sealed secret of a member's codes, or None."""
    row = tx.execute(QUERIES.load_code_secret, {"person_ref": person_ref}).fetchone()
    return None if row is None else bytes(row[0])


def insert_code_secret(tx: Transaction, person_ref: int, sealed: bytes) -> None:
    """Keep a member's first secret; nothing when there is one."""
    tx.execute(QUERIES.insert_code_secret, {"person_ref": person_ref, "sealed": sealed})


def delete_code_secret(tx: Transaction, person_ref: int) -> None:
    """Forget a member's secret: its codes open nothing any more."""
    tx.execute(QUERIES.delete_code_secret, {"person_ref": person_ref})


def save_probes(tx: Transaction, hours: Sequence[ServiceHour]) -> None:
    """Add what probes found."""
    for hour in hours:
        tx.execute(QUERIES.save_probes, hour._asdict())


def save_changes(tx: Transaction, changes: Sequence[ServiceChange]) -> None:
    """Note when services began or ceased to answer."""
    for change in changes:
        tx.execute(QUERIES.save_change, change._asdict())


def list_hours(tx: Transaction, *, since: datetime) -> list[ServiceHour]:
    """List what probes found since an instant, by service and hour."""
    return [ServiceHour(*row) for row in tx.execute(QUERIES.list_hours, {"since": since})]


def list_changes(tx: Transaction, *, since: datetime) -> list[ServiceChange]:
    """List when services began or ceased to answer, the newest first."""
    return [ServiceChange(*row) for row in tx.execute(QUERIES.list_changes, {"since": since})]


def _build_cut(row: Mapping[str, Any]) -> Cut:
    return Cut(
        scope=CutScope(row["scope"]),
        reason=CutReason(row["reason"]),
        starts_ms=row["starts_ms"],
        insurer_id=row["insurer_id"],
        amc_number=row["amc_number"],
        ends_ms=row["ends_ms"],
    )


def _build_limit(row: Mapping[str, Any]) -> LimitRow:
    bound = row["typed_persons_per_day"]
    return LimitRow(row["insurer_id"], PresencePolicy(row["required"], bound, row["known_faces"]))


def _build_measure(row: Mapping[str, Any]) -> Measure:
    return Measure(
        step=MeasureStep(row["step"]),
        target=MeasureTarget(row["target"]),
        target_ref=row["target_ref"],
        profession=row["profession"],
        starts_ms=row["starts_ms"],
        ends_ms=row["ends_ms"],
    )


def _build_policy(row: Mapping[str, Any]) -> PolicyRow:
    policy = PresencePolicy(row["required"], row["typed_persons_per_day"], row["known_faces"])
    return PolicyRow(row["establishment_ref"], row["account_ref"], policy)
