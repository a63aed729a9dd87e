"""Rows of what precedes and stops a payment: promises, benefit tables, claims that wait."""

import hashlib

from psycopg.types.json import Jsonb
from tests.storage.tenants import GONE, HOST, SECURES, World, draw, of, working_for

from rempart.storage.connect import Transaction

# Who billed, for whom, of which insurer: as in tenant_claims.py.
_WAITING = (("A", "member A", 1), ("B", "member B", 2))
NOBODY: frozenset[str] = frozenset()


def plant_holds(world: World, tx: Transaction) -> None:
    """Plant for each tenant a promise, a file of benefit tables, and a claim that waits."""
    for letter, member, insurer_id in _WAITING:
        _plant_pec(world, tx, letter, member, insurer_id)
        _plant_tables(world, tx, letter, insurer_id)
        _plant_outside(world, tx, member, insurer_id)
        claim_ref = _plant_waiting(world, tx, letter, member, insurer_id)
        decides = frozenset({f"insurer admin {letter}", f"insurer manager {letter}"})
        for whose, deciders in ((insurer_id, decides), (0, SECURES)):
            _plant_watch(world, tx, letter, whose, deciders)
            _plant_hold(world, tx, claim_ref, whose, deciders)


def _plant_pec(world: World, tx: Transaction, letter: str, member: str, insurer_id: int) -> None:
    world.plant(
        tx,
        "claims.pec",
        {"log_id": 1, "idx": draw() >> 30},  # what an engagement number has room for
        {
            "establishment_ref": world.establishments[letter],
            "account_ref": world.actors[f"holder {letter}"],
            "person_ref": world.persons[member],
            "insurer_id": insurer_id,
            "contract_ref": draw(),
            "domain": "OPTI",
            "care_on": "2026-11-30",
            "state": "agreed",
            "expires_on": "2027-01-30",
            **dict.fromkeys(("billed_cents", "amo_cents", "amc_cents"), 0),
            "lines": Jsonb([]),
            "uses": Jsonb([]),
        },
        readers=of(f"establishment {letter}") | working_for(" AB"[insurer_id]) | {member},
    )


def _plant_tables(world: World, tx: Transaction, letter: str, insurer_id: int) -> None:
    """Plant benefit tables that somebody who left proposed, and what who bills is known for."""
    decides = frozenset({f"insurer admin {letter}", f"insurer manager {letter}"})
    world.plant(
        tx,
        "claims.benefit_file",
        {"file_ref": draw()},
        {
            "insurer_id": insurer_id,
            "content": world.name(f"tables {letter}"),
            "proposed_by": world.actors[GONE],
        },
        readers=HOST | working_for(letter),
        changers=decides,
        adders=decides,
    )
    world.plant(
        tx,
        "claims.standing",
        {"establishment_ref": world.establishments[letter], "since": "2026-01-01"},
        {"optam": True, "circuits": [world.name(f"network {letter}")]},
        readers=NOBODY,
    )


def _plant_outside(world: World, tx: Transaction, member: str, insurer_id: int) -> None:
    world.plant(
        tx,
        "claims.outside_use",
        {"insurer_id": insurer_id, "subject": world.name(f"bill of {member}")},
        {
            "person_ref": world.persons[member],
            "contract_ref": draw(),
            "name": "soins",
            "since": "2026-01-01",
            "cents": 900,
            "units": 1,
            "day": "2026-10-02",
        },
        readers=NOBODY,
    )


def _plant_waiting(world: World, tx: Transaction, letter: str, member: str, insurer_id: int) -> int:
    claim_ref = draw() >> 3
    world.plant(
        tx,
        "claims.claim",
        {"claim_ref": claim_ref},
        {
            "establishment_ref": world.establishments[letter],
            "account_ref": world.actors[f"holder {letter}"],
            "channel": "json",
            "invoice": world.name(f"invoice of {member} that waits"),
            "digest": hashlib.sha256(f"{member} waits".encode()).digest(),
            "person_ref": world.persons[member],
            "insurer_id": insurer_id,
            "born": "19840512",
            "first_care_on": "2026-11-02",
            "last_care_on": "2026-11-02",
            "billed_cents": 3_000,
            "state": "received",
        },
        readers=of(f"establishment {letter}") | working_for(" AB"[insurer_id]) | {member},
    )
    world.plant(
        tx,
        "claims.cancel_request",
        {"claim_ref": claim_ref},
        {"account_ref": world.actors[f"holder {letter}"], "reason": world.name("taken back")},
        readers=NOBODY,
    )
    return claim_ref


def _plant_watch(
    world: World, tx: Transaction, letter: str, whose: int, deciders: frozenset[str]
) -> None:
    world.plant(
        tx,
        "claims.watch",
        {"watch_ref": draw()},
        {
            "establishment_ref": world.establishments[letter],
            "insurer_id": whose,
            "reason": world.name(f"watched {letter} by {whose}"),
            "placed_by": world.actors[GONE],
        },
        readers=deciders,
        changers=deciders,
        adders=deciders,
    )


def _plant_hold(
    world: World, tx: Transaction, claim_ref: int, whose: int, deciders: frozenset[str]
) -> None:
    world.plant(
        tx,
        "claims.hold",
        {"hold_ref": draw()},
        {
            "claim_ref": claim_ref,
            "insurer_id": whose,
            "reason": world.name(f"held by {whose}"),
            "placed_by": world.actors[GONE],
        },
        readers=deciders,
        changers=deciders,
        adders=deciders,
    )
