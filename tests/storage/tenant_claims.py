"""Rows of claims: what establishments billed, for whose members, and what is owed of it."""

import hashlib

from tests.storage.tenants import World, draw, of, working_for

from rempart.storage.connect import Transaction

# Who billed, for whom: a member of A cared for at B is seen by A's insurer and by B's agents.
_CLAIMS = (("A", "member A", 1), ("B", "member B", 2), ("B", "member A2", 1))


def plant_claims(world: World, tx: Transaction) -> None:
    """Plant a lot of each establishment, and three claims with all that belongs to them."""
    lots = {letter: _plant_lot(world, tx, letter) for letter in "AB"}
    for letter, member, insurer_id in _CLAIMS:
        _plant_claim(world, tx, letter, member, insurer_id, lots[letter])


def _plant_lot(world: World, tx: Transaction, letter: str) -> int:
    lot_ref = draw() >> 3
    world.plant(
        tx,
        "claims.lot",
        {"lot_ref": lot_ref},
        {
            "establishment_ref": world.establishments[letter],
            "account_ref": world.actors[f"holder {letter}"],
            "channel": "b2",
            "number": world.name(f"lot {letter}"),
            "digest": hashlib.sha256(f"lot {letter}".encode()).digest(),
        },
        readers=of(f"establishment {letter}"),
    )
    return lot_ref


def _plant_claim(
    world: World, tx: Transaction, letter: str, member: str, insurer_id: int, lot_ref: int
) -> None:
    claim_ref = draw() >> 3  # what a reference on paper has room for
    insurer = working_for(" AB"[insurer_id])
    readers = of(f"establishment {letter}") | insurer | {member}
    for who in insurer | {member}:
        world.told.setdefault(who, []).append(world.name(f"establishment {letter}"))
    world.plant(
        tx,
        "claims.claim",
        {"claim_ref": claim_ref},
        {
            "establishment_ref": world.establishments[letter],
            "account_ref": world.actors[f"holder {letter}"],
            "lot_ref": lot_ref,
            "channel": "b2",
            "invoice": world.name(f"invoice of {member}"),
            "digest": hashlib.sha256(member.encode()).digest(),
            "person_ref": world.persons[member],
            "insurer_id": insurer_id,
            "born": "19840512",
            "first_care_on": "2026-11-02",
            "last_care_on": "2026-11-02",
            "billed_cents": 3_000,
            # With the money: a result that waits is not told to who billed it.
            "state": "remitted",
        },
        readers=readers,
    )
    world.plant(
        tx,
        "claims.line",
        {"claim_ref": claim_ref, "number": 1},
        {"act": "G", "care_on": "2026-11-02", "quantity": 1, "billed_cents": 3_000},
        readers=readers,
    )
    _plant_share(world, tx, claim_ref, letter, member, insurer_id)
    _plant_unseen(world, tx, claim_ref, member)


def _plant_share(
    world: World, tx: Transaction, claim_ref: int, letter: str, member: str, insurer_id: int
) -> None:
    """Plant what was shared out of a claim, and what is owed of it."""
    insurer = working_for(" AB"[insurer_id])
    readers = of(f"establishment {letter}") | insurer | {member}
    part_ref = draw()
    world.plant(
        tx,
        "claims.part",
        {"part_ref": part_ref},
        {
            "claim_ref": claim_ref,
            "line": 1,
            "rank": 1,
            "insurer_id": insurer_id,
            "contract_ref": draw(),
            "table_code": world.name(f"table of {member}"),
            "cents": 900,
        },
        readers=readers,
    )
    world.plant(
        tx,
        "claims.claim_event",
        {"claim_ref": claim_ref},
        {"event": "adjudicate", "state": "adjudicated", "reason": world.name(f"why {member}")},
        readers=readers,
    )
    world.plant(
        tx,
        "claims.due",
        {"part_ref": part_ref},
        {
            "undone": False,
            "establishment_ref": world.establishments[letter],
            "insurer_id": insurer_id,
            "cents": 900,
            "since": "2026-11-03",
        },
        readers=of(f"establishment {letter}") | insurer,
    )


def _plant_unseen(world: World, tx: Transaction, claim_ref: int, member: str) -> None:
    """Plant what no page reads: limits used, promises kept, the journal of the money."""
    nobody: frozenset[str] = frozenset()
    world.plant(
        tx,
        "claims.use",
        {"claim_ref": claim_ref, "line": 1, "contract_ref": draw(), "name": "soins"},
        {
            "since": "2026-01-01",
            "mark": "",
            "person_ref": world.persons[member],
            "cents": 900,
            "units": 1,
            "day": "2026-11-02",
        },
        readers=nobody,
    )
    world.plant(
        tx,
        "claims.engagement_use",
        {"log_id": 1, "idx": draw()},
        {"claim_ref": claim_ref},
        readers=nobody,
    )
    world.plant(
        tx,
        "claims.journal",
        {"entry_id": draw()},
        {
            "event": "adjudicated",
            "subject": draw(),
            "debit_kind": "insurer",
            "debit_owner": 1,
            "credit_kind": "professional",
            "credit_owner": draw(),
            "cents": 900,
        },
        readers=nobody,
    )
