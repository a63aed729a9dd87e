"""Rows of what members and their insurer write to one another."""

from tests.storage.tenants import World, draw, of

from rempart.storage.connect import Transaction
from rempart.storage.member_seal import MemberSeal

# The key of the tests' desk: its pages open what is planted here.
SEAL = MemberSeal(bytes(range(32)))
_INSURERS = {"member A": (1, "A"), "member A2": (1, "A"), "member B": (2, "B")}


def plant_member_space(world: World, tx: Transaction) -> None:
    """Plant a dispute of each claim, and a message reported and a preference of each member."""
    claims = {row.values["person_ref"]: row for row in world.of_table("claims.claim")}
    for member, (insurer_id, letter) in _INSURERS.items():
        person_ref, agents = world.persons[member], of(f"insurer {letter}")
        whose = {"insurer_id": insurer_id, "person_ref": person_ref}
        world.plant(
            tx,
            "claims.dispute",
            {"dispute_ref": draw()},
            {
                "claim_ref": claims[person_ref].key["claim_ref"],
                "line": 1,
                "reason": "not_received",
                **whose,
            },
            readers=agents | {member},
            changers=agents,
            adders=frozenset({member}),
        )
        report_ref = draw()
        words = world.name(f"message of {member}").encode()
        world.plant(
            tx,
            "notices.suspicious",
            {"report_ref": report_ref},
            {
                **whose,
                "medium": "sms",
                "came_on": "2026-11-20",
                "acted": False,
                "message": SEAL.seal(insurer_id, "message", report_ref, words),
            },
            readers=agents | {member},
            changers=agents,
            adders=frozenset({member}),
        )
        world.plant(
            tx,
            "notices.preference",
            whose,
            {"language": "fr", "variant": "standard"},
            readers=frozenset({member}),
            changers=frozenset({member}),
            adders=frozenset({member}),
        )
        copy_ref = draw() % 10**17 + 1
        world.plant(
            tx,
            "rights.own_copy",
            {"copy_ref": copy_ref},
            {**whose, "asked_by": world.actors[member]},
            readers=frozenset({member}),
            adders=frozenset({member}),
        )
    messages = tx.execute("SELECT number, insurer_id, person_ref FROM notices.message").fetchall()
    for number, insurer_id, person_ref in messages:
        world.plant(
            tx,
            "notices.opened",
            {"number": number},
            {"insurer_id": insurer_id, "person_ref": person_ref},
            readers=frozenset(),
        )
