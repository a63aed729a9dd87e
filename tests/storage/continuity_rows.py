"""A cut that waits for its second person, and the secret of each member's code."""

from tests.storage.tenants import GONE, HOST, INSURER_OF, SECURES, World, draw

from rempart.storage.connect import Transaction


def plant_continuity(world: World, tx: Transaction) -> None:
    """Plant what is not public: a cut that began is."""
    waiting = draw()
    world.plant(
        tx,
        "rights.cut",
        {"cut_ref": waiting},
        # Asked by somebody who decides on none: nobody approves what they asked themselves.
        _describe_cut(scope="rights", asked_by=world.actors[GONE]),
        readers=HOST,
        changers=SECURES,
        adders=SECURES,
    )
    _plant_note(world, tx, waiting)
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
    """Plant a cut that began, which anybody reads; its note is the host's."""
    cut_ref = draw()
    facts = _describe_cut(scope="insurer", asked_by=world.actors["host admin"])
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
    _plant_note(world, tx, cut_ref)


def _plant_note(world: World, tx: Transaction, cut_ref: int) -> None:
    note = world.name(f"note of {cut_ref} for colleagues")
    # Added by whoever asked for the cut, to that one only: nobody adds such a row under a new key.
    world.plant(tx, "rights.cut_note", {"cut_ref": cut_ref}, {"note": note}, readers=HOST)


def _describe_cut(*, scope: str, asked_by: int) -> dict[str, object]:
    return {
        "scope": scope,
        "reason": "incident",
        "asked_by": asked_by,
        "asked_at": "2026-01-01",
        "review_at": "2099-01-01",
    }
