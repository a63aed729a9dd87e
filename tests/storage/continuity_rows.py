"""A cut that waits for its second person, and the secret of each member's code."""

from tests.storage.tenants import GONE, HOST, INSURER_OF, SECURES, World, draw

from rempart.storage.connect import Transaction


def plant_continuity(world: World, tx: Transaction) -> None:
    """Plant what is not public: a cut that began is."""
    # Asked by somebody who decides on none: nobody approves what they asked themselves.
    for scope, asker in (("rights", GONE), ("gateway", "host admin")):
        cut_ref = draw()
        world.plant(
            tx,
            "rights.cut",
            {"cut_ref": cut_ref},
            _describe_cut(scope=scope, asked_by=world.actors[asker]),
            readers=HOST,
            changers=SECURES,
            adders=SECURES,
        )
        _plant_note(world, tx, cut_ref, asker)
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


def plant_presence(world: World, tx: Transaction) -> None:
    """Plant a reader of Vitale cards of each establishment, and policies of the host's."""
    for letter, place in world.establishments.items():
        here = frozenset({f"holder {letter}", f"manager {letter}"})
        world.plant(
            tx,
            "accounts.terminal",
            {"terminal_ref": draw()},
            {
                "establishment_ref": place,
                "kid": world.name(f"key of the reader of {letter}"),
                "jwk": "{}",
                "label": world.name(f"reader of {letter}"),
                "registered_by": world.actors["host admin"],
            },
            readers=HOST | here,
            changers=SECURES | here,
            adders=SECURES,
        )
    for whose in (
        {"establishment_ref": world.establishments["A"]},
        {"account_ref": world.actors["holder B"]},
        {},
    ):
        world.plant(
            tx,
            "rights.presence_policy",
            {"policy_ref": draw()},
            {**whose, "required": False, "set_by": world.actors["host admin"]},
            readers=HOST,
            changers=SECURES,
            adders=SECURES,
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
    _plant_note(world, tx, cut_ref, "host admin")


def _plant_note(world: World, tx: Transaction, cut_ref: int, asker: str) -> None:
    note = world.name(f"note of {cut_ref} for colleagues")
    world.plant(
        tx,
        "rights.cut_note",
        {"cut_ref": cut_ref},
        {"note": note},
        readers=HOST,
        # To the cut they asked for themselves, nobody to another.
        adders=SECURES & {asker},
    )


def _describe_cut(*, scope: str, asked_by: int) -> dict[str, object]:
    return {
        "scope": scope,
        "reason": "incident",
        "asked_by": asked_by,
        "asked_at": "2026-01-01",
        "review_at": "2099-01-01",
    }
