"""Rows of what authorities are told: the host's, and each insurer's own once it was told."""

from psycopg.types.json import Jsonb
from tests.storage.tenants import HOST, SECURES, World

from rempart.storage.connect import Transaction

REASONS = dict.fromkeys(("context_reason", "identification_reason", "breach_reason"), "why")


def plant_authorities(world: World, tx: Transaction) -> None:
    """Plant a line of each table for the operator, and for each insurer that was told."""
    incidents = [row.key["incident_id"] for row in world.of_table("incidents.incident")]
    _plant(world, tx, incidents[0], insurer_id=None, own=frozenset())
    for insurer_id, (letter, incident_id) in enumerate(zip("AB", incidents, strict=True), 1):
        own = frozenset({f"insurer admin {letter}"})
        [(event_ref,)] = tx.execute(
            "SELECT COALESCE(max(event_ref), 0) + 1000 FROM incidents.room_event"
        ).fetchall()
        world.plant(
            tx,
            "incidents.room_event",
            {"event_ref": event_ref},
            {
                "incident_id": incident_id,
                "kind": "package_sent",
                "happened_ms": 1,
                "insurer_id": insurer_id,
                "author": world.name(f"who sent to {letter}"),
            },
            readers=HOST | own,
            adders=SECURES,
        )
        world.plant(
            tx,
            "incidents.room_event",
            {"event_ref": event_ref + 1},
            {
                "incident_id": incident_id,
                "kind": "decision",
                "happened_ms": 1,
                "insurer_id": insurer_id,
                "author": world.name(f"who decided at {letter}"),
                "details": Jsonb({"decision": "cnil_complete", "reason": f"why at {letter}"}),
            },
            readers=HOST | own,
            adders=SECURES | own,
        )
        _plant(world, tx, incident_id, insurer_id=insurer_id, own=own)


def _plant(
    world: World,
    tx: Transaction,
    incident_id: int,
    *,
    insurer_id: int | None,
    own: frozenset[str],
) -> None:
    key = {"incident_id": incident_id, "insurer_id": insurer_id}
    ref = 1000 * incident_id + (insurer_id or 0)
    rows = {
        "clock_owner": ("assigned_ref", {"code": "gdpr_33"}),
        "party_trait": (
            "said_ref",
            {"trait": "nis2", "held": True, "reason": world.name(f"trait reason {insurer_id}")},
        ),
        "severity": (
            "severity_ref",
            {
                "group_name": world.name(f"group of {insurer_id}"),
                "persons": 1,
                "judgement": Jsonb(REASONS),
                "quarters": 8,
                "band": "medium",
            },
        ),
        "authority_report": (
            "report_ref",
            {"report": "cnil", "phase": "initial", "version": 1, "answers": Jsonb({})},
        ),
    }
    for table, (name, values) in rows.items():
        world.plant(
            tx,
            f"incidents.{table}",
            {name: ref},
            {**key, **values, "author": world.name(f"author of {table} {insurer_id}")},
            readers=HOST | own,
            adders=SECURES | own,
        )
    world.plant(
        tx,
        "incidents.clock_reminder",
        {**key, "code": "gdpr_33", "started_ms": 1},
        {"told": 1},
        readers=HOST | own,
    )
