"""Rows of an insurer's own space: its limits, files its agents opened, claims it watches."""

from psycopg.types.json import Jsonb
from tests.storage.tenants import GONE, HOST, World, draw, of

from rempart.storage.connect import Transaction

_REASON = {"kind": "far", "points": 2, "observed": 1, "usual": 0}


def plant_insurer_space(world: World, tx: Transaction) -> None:
    """Plant of each insurer its limits, a file that was opened, a watch and a claim flagged."""
    notes = {row.values["insurer_id"]: row for row in world.of_table("incidents.insurer_note")}
    for insurer_id, letter in ((1, "A"), (2, "B")):
        agents, admin = of(f"insurer {letter}"), frozenset({f"insurer admin {letter}"})
        world.plant(
            tx,
            "rights.insurer_limit",
            {"limit_ref": draw()},
            {
                "insurer_id": insurer_id,
                "required": False,
                "known_faces": True,
                "files_per_day": 300,
                "reason": world.name(f"limits of {letter}"),
                "set_by": world.actors[GONE],
            },
            readers=HOST | agents,
            adders=admin,
        )
        _plant_file(world, tx, insurer_id, letter)
        incident_id = notes[insurer_id].values["incident_id"]
        world.plant(
            tx,
            "claims.exposure_watch",
            {"incident_id": incident_id},
            {
                "insurer_id": insurer_id,
                "since": "2026-11-01",
                "until": "2027-11-01",
                "started_by": world.actors[GONE],
            },
            readers=agents,
            changers=admin,
            adders=admin,
        )
        [claim, *_] = [
            row for row in world.of_table("claims.claim") if row.values["insurer_id"] == insurer_id
        ]
        world.plant(
            tx,
            "claims.exposure_flag",
            {"claim_ref": claim.key["claim_ref"]},
            {
                "insurer_id": insurer_id,
                "incident_id": incident_id,
                "points": 5,
                "reasons": Jsonb([_REASON]),
            },
            readers=agents,
            changers=agents,
        )


def _plant_file(world: World, tx: Transaction, insurer_id: int, letter: str) -> None:
    """Plant a file that one session opened: nobody else's, colleagues included."""
    who = f"insurer admin {letter}"
    [session, *_] = [
        row
        for row in world.of_table("accounts.session")
        if row.values["actor_ref"] == world.actors[who] and row.values["ended_at"] is None
    ]
    world.plant(
        tx,
        "rights.member_file",
        {"file_ref": draw()},
        {
            "insurer_id": insurer_id,
            "person_ref": world.persons[f"member {letter}"],
            "motive": "service",
            "actor_ref": world.actors[who],
            "session_ref": session.key["session_ref"],
        },
        readers=frozenset({who}),
    )
