"""Rows of what analyses found and changed, and of what people answer for: the host's alone."""

from psycopg.types.json import Jsonb
from tests.storage.tenants import HOST, INSURER_OF, SECURES, World, draw, working_for

from rempart.storage.connect import Transaction


def plant_incidents(world: World, tx: Transaction) -> None:
    """Plant two incidents, each with a suspect, a judged session and the persons it exposed."""
    for number in (1, 2):
        name = f"holder {'AB'[number - 1]}"
        key = {"incident_id": number}
        world.plant(
            tx,
            "incidents.incident",
            key,
            {
                "title": world.name(f"theft from {name}"),
                "exercise": False,
                "starts_ms": 0,
                "ends_ms": 1,
            },
            readers=HOST,
            adders=SECURES,
        )
        account = {"account_ref": world.actors[name]}
        world.plant(
            tx,
            "incidents.suspect_account",
            {**key, **account},
            {},
            readers=HOST,
            changers=SECURES,
            adders=SECURES,
        )
        world.plant(
            tx,
            "incidents.doubt",
            {"doubt_ref": 1000 + int(key["incident_id"])},
            {
                **key,
                "kind": "software",
                "value": world.name(f"doubt of {key['incident_id']}"),
                "author": world.name(f"who doubted {key['incident_id']}"),
            },
            readers=HOST,
            adders=SECURES,
        )
        world.plant(
            tx,
            "incidents.attributed_session",
            {**key, "session_ref": draw()},
            {**account, "verdict": "thief", "reasons": Jsonb([])},
            readers=HOST,
        )
        for member, letter in INSURER_OF.items():
            world.plant(
                tx,
                "incidents.exposed_person",
                {**key, "insurer_id": " AB".index(letter), "person_ref": world.persons[member]},
                {"tier": "A", "fields": 1, "lookups": 1, "sessions": [1]},
                readers=HOST | working_for(letter) | {member},
            )


def plant_exposure(world: World, tx: Transaction) -> None:
    """Plant an analysis, what it changed, a professional and an overrule, for each incident."""
    for row in world.of_table("incidents.attributed_session"):
        incident_id, account_ref = row.key["incident_id"], row.values["account_ref"]
        key = {"incident_id": incident_id, "number": 1}
        world.plant(
            tx,
            "incidents.analysis",
            key,
            {
                "author": world.name(f"analyst of incident {incident_id}"),
                "rules": "1",
                **{name: Jsonb({}) for name in ("inputs", "coverage", "counts")},
                "list_digest": bytes(32),
            },
            readers=HOST,
        )
        for member, letter in INSURER_OF.items():
            world.plant(
                tx,
                "incidents.exposure_change",
                {
                    **key,
                    "insurer_id": " AB".index(letter),
                    "person_ref": world.persons[member],
                },
                {"change": "added", "tier_after": "A", "fields_before": 0, "fields_after": 1},
                readers=HOST,
            )
        world.plant(
            tx,
            "incidents.verdict_change",
            {**key, "session_ref": row.key["session_ref"]},
            {"verdict_after": "thief"},
            readers=HOST,
        )
        world.plant(
            tx,
            "incidents.exposed_professional",
            {"incident_id": incident_id, "account_ref": account_ref},
            {"tier": "A", "fields": 1, "sessions": [1]},
            readers=HOST,
        )
        world.plant(
            tx,
            "incidents.overrule",
            {"overrule_ref": 1000 + incident_id},
            {
                "incident_id": incident_id,
                "session_ref": row.key["session_ref"],
                "verdict": "owner",
                "reason": world.name(f"reason in incident {incident_id}"),
                "author": "somebody",
            },
            readers=HOST,
            adders=SECURES,
        )
