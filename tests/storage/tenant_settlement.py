"""Rows of settlement: what establishments are paid, insurers called for, and the host decides."""

from tests.storage.tenants import World, draw, working_for

from rempart.storage.connect import Transaction

_PAYS = frozenset({"host admin", "host ops"})


def plant_settlement(world: World, tx: Transaction) -> None:
    """Plant a run that waits and one that was sent, which paid establishments A and B."""
    waiting, sent = draw(), draw()
    world.plant(
        tx,
        "claims.run",
        {"run_id": waiting},
        {"day": "2026-11-23", "state": "planned", "remittances": 2, "cents": 300},
        readers=_PAYS,
        changers=_PAYS,
    )
    world.plant(
        tx,
        "claims.run",
        {"run_id": sent},
        {
            "day": "2026-11-20",
            "state": "sent",
            "first_at": "2026-11-20",
            "second_by": 1,
            "second_at": "2026-11-20",
        },
        readers=_PAYS,
    )
    file_id = draw()
    world.plant(
        tx,
        "claims.payment_file",
        {"file_id": file_id},
        {
            "kind": "transfer",
            "run_id": sent,
            "created_at": "2026-11-20",
            "execution_on": "2026-11-20",
            "count": 2,
            "cents": 300,
        },
        readers=_PAYS,
    )
    for insurer_id, letter in enumerate("AB", start=1):
        _plant_funds(world, tx, letter, insurer_id)
        for run_id in (waiting, sent):
            _plant_remittance(
                world, tx, letter, insurer_id, run_id, file_id if run_id == sent else None
            )
    _plant_bank(world, tx, sent)


def _plant_remittance(
    world: World, tx: Transaction, letter: str, insurer_id: int, run_id: int, file_id: int | None
) -> None:
    payees = frozenset({f"holder {letter}", f"manager {letter}"})
    seen = _PAYS | (payees if file_id else frozenset())
    remittance_id, place = draw(), world.establishments[letter]
    world.plant(
        tx,
        "claims.remittance",
        {"remittance_id": remittance_id},
        {
            "run_id": run_id,
            "establishment_ref": place,
            "cents": 150,
            "lines": 1,
            "oldest_on": "2026-11-10",
            "change_ref": draw(),
            "last_digits": "0000",
            "state": "sent" if file_id else "planned",
            "file_id": file_id,
        },
        readers=seen,
    )
    world.plant(
        tx,
        "claims.remittance_share",
        {"remittance_id": remittance_id, "insurer_id": insurer_id},
        {
            "insurer_name": world.name(f"payer {letter}"),
            "amc_number": f"900000000{insurer_id}",
            "returned": False,
            "cents": 150,
            "lines": 1,
            "callable": file_id is not None,
        },
        readers=_PAYS | (working_for(letter) | payees if file_id else frozenset()),
    )
    world.plant(
        tx,
        "claims.returned_due",
        {"remittance_id": remittance_id, "part_ref": draw()},
        {"undone": False},
        readers=payees if file_id else frozenset(),
    )
    if file_id is None:
        world.plant(
            tx,
            "claims.carried",
            {"run_id": run_id, "establishment_ref": place, "reason": "owes"},
            {"cents": -20},
            readers=_PAYS,
        )
        return
    world.plant(
        tx,
        "claims.payment_hold",
        {"hold_id": draw()},
        {
            "establishment_ref": place,
            "change_ref": draw(),
            "remittance_id": remittance_id,
            "return_code": "AC04",
        },
        readers=_PAYS | payees,
    )


def _plant_funds(world: World, tx: Transaction, letter: str, insurer_id: int) -> None:
    seen = _PAYS | working_for(letter)
    world.plant(
        tx,
        "claims.funding",
        {"insurer_id": insurer_id},
        {"rule": "wait", "due_days": 5},
        readers=seen,
    )
    mandate_id = draw()
    world.plant(
        tx,
        "claims.mandate",
        {"mandate_id": mandate_id},
        {
            "insurer_id": insurer_id,
            "reference": f"MANDATE-{letter}",
            "signed_on": "2026-01-01",
            "sealed_iban": world.name(f"mandate {letter}").encode(),
            "last_digits": "0000",
        },
        readers=seen,
    )
    world.plant(
        tx,
        "claims.call",
        {"call_id": draw()},
        {
            "insurer_id": insurer_id,
            "cents": 150,
            "due_on": "2026-11-25",
            "mandate_id": mandate_id,
        },
        readers=seen,
    )


def _plant_bank(world: World, tx: Transaction, run_id: int) -> None:
    bank_file_id = draw()
    world.plant(
        tx,
        "claims.bank_file",
        {"bank_file_id": bank_file_id},
        {
            "kind": "statement",
            "digest": draw().to_bytes(32),
            "statement_id": f"S{run_id % 1000}",
            "lines": 1,
        },
        readers=_PAYS,
    )
    world.plant(
        tx,
        "claims.bank_line",
        {"line_id": draw()},
        {
            "bank_file_id": bank_file_id,
            "position": 1,
            "booked_on": "2026-11-24",
            "cents": 100,
            "state": "suspense",
        },
        readers=_PAYS,
    )
