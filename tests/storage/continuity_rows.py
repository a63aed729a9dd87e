"""A cut that waits for its second person, and the secret of each member's code."""

from tests.storage.tenants import GONE, HOST, INSURER_OF, SECURES, World, draw

from rempart.storage.connect import Transaction


def plant_continuity(world: World, tx: Transaction) -> None:
    """Plant what is not public: a cut that began is."""
    world.plant(
        tx,
        "rights.cut",
        {"cut_ref": draw()},
        # Asked by somebody who decides on none: nobody approves what they asked themselves.
        _describe_cut(world, scope="rights", asked_by=world.actors[GONE]),
        readers=HOST,
        changers=SECURES,
        adders=SECURES,
    )
    for member in INSURER_OF:
        mine = frozenset({member})
        world.plant(
            tx,
            "rights.code_secret",
            {"person_ref": world.persons[member]},
            {"sealed": world.name(f"code of {member}").encode()},
            readers=mine,
            changers=mine,
            adders=mine,
        )


def plant_public_cut(world: World, tx: Transaction, readers: frozenset[str]) -> None:
    """Plant a cut that began, which anybody reads; its note has the mark of the one that waits."""
    cut_ref = draw()
    facts = _describe_cut(world, scope="insurer", asked_by=world.actors["host admin"])
    note = facts.pop("note")
    began = {"insurer_id": 1, "insurer_name": "A", "starts_at": "2026-01-01"}
    world.plant(
        tx,
        "rights.cut",
        {"cut_ref": cut_ref},
        {**facts, **began},
        readers=readers,
        changers=SECURES,
        adders=SECURES,
    )
    tx.execute("UPDATE rights.cut SET note = %s WHERE cut_ref = %s", [note, cut_ref])


def _describe_cut(world: World, *, scope: str, asked_by: int) -> dict[str, object]:
    return {
        "scope": scope,
        "reason": "incident",
        "note": world.name("note for colleagues"),
        "asked_by": asked_by,
        "asked_at": "2026-01-01",
        "review_at": "2099-01-01",
    }
