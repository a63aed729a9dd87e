"""Cards of two insurers' members, with what prints them and an order each."""

from tests.storage.tenants import HOST, INSURER_OF, World, draw, working_for

from rempart.storage.connect import Transaction

YEAR = {"valid_from": "2027-01-01", "valid_to": "2027-12-31"}


def plant_cards(world: World, tx: Transaction) -> None:
    """Plant a run, a batch, a card, its print and an order for each member."""
    key_id = bytes(4)
    tx.execute(
        "INSERT INTO rights.card_signing_key (key_id, public_key, from_on, to_on)"
        " VALUES (%s, %s, '2026-01-01', '2027-12-31')",
        [key_id, bytes(32)],
    )
    batches = {letter: _plant_run(world, tx, letter) for letter in "AB"}
    for member, letter in INSURER_OF.items():
        agents = frozenset({f"insurer admin {letter}"})
        if letter == "A":
            agents |= {"insurer manager A"}
        person, insurer = world.persons[member], {"insurer_id": " AB".index(letter)}
        serial = draw().to_bytes(10)
        world.plant(
            tx,
            "rights.card",
            {"serial": serial},
            {
                **insurer,
                **YEAR,
                "contract_ref": draw(),
                "holder_ref": person,
                "year": 2027,
                "beneficiaries": 1,
                "key_id": key_id,
                "issued_on": "2026-11-22",
                "purpose": "yearly",
                "large_print": False,
                "batch_ref": batches[letter],
                "page": 1,
            },
            readers=working_for(letter) | {member},
        )
        world.plant(
            tx,
            "rights.card_print",
            {"serial": serial},
            {"person_ref": person, "sealed": world.name(f"print of {member}").encode()},
            readers=frozenset({member}),
        )
        world.plant(
            tx,
            "rights.card_order",
            {"order_ref": draw()},
            {
                **insurer,
                "person_ref": person,
                "serial": serial,
                "purpose": "lost",
                "asked_by": world.actors[member],
            },
            readers=working_for(letter) | {member},
            adders=agents | {member},
        )


def _plant_run(world: World, tx: Transaction, letter: str) -> int:
    insurer = {"insurer_id": " AB".index(letter)}
    run_ref, batch_ref = draw(), draw()
    readers = HOST | working_for(letter)
    world.plant(
        tx,
        "rights.card_run",
        {"run_ref": run_ref},
        {**insurer, "kind": "yearly", "year": 2027, "batch_size": 200},
        readers=readers,
    )
    world.plant(
        tx,
        "rights.card_batch",
        {"batch_ref": batch_ref},
        {**insurer, "run_ref": run_ref, "number": 1, "cards": 1, "pages": 1},
        readers=readers,
    )
    return batch_ref
