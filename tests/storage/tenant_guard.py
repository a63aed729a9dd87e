"""Rows of the guard: for the host's agents who read it; an owner sees how far they are held."""

from datetime import UTC, datetime

from psycopg.types.json import Jsonb
from tests.storage.tenants import GONE, SECURES, World, draw

from rempart.storage.connect import Transaction

# The host's data protection officer reads the guard too; nobody of that role is planted.
GUARDS = SECURES
DAY = 20_000


def plant_guard(world: World, tx: Transaction) -> None:
    """Plant what the guard keeps of two accounts, and what it keeps of nobody."""
    for name in ("holder A", "holder B"):
        _plant_account(world, tx, name)
    world.plant(
        tx,
        "guard.rules",
        {"day": DAY},
        {
            "account_days": 100,
            "width": 3,
            "evidence": 5,
            "card_evidence": 5,
            "false_containments": 0.3,
            "norms": Jsonb({"pharmacist": {"typed": 1, "card": 4, "local": 0.8, "missed": 0.1}}),
        },
        readers=GUARDS,
    )
    world.plant(
        tx,
        "guard.minute",
        {"minute_ms": DAY * 86_400_000, "log_id": 1, "profession": "pharmacist"},
        {"lookups": 3, "misses": 1, "new_faces": 1, "refused": 1},
        readers=GUARDS,
    )
    plant_measures(world, tx)
    world.plant(
        tx,
        "guard.canary",
        {"lookup_key": "00000000-0000-4000-8000-00000000000a"},
        {"person_ref": draw()},
        # Where they are is for no page.
        readers=frozenset(),
    )


def plant_measures(world: World, tx: Transaction) -> None:
    """Plant a measure that waits for its second person, and when an owner let their account go."""
    world.plant(
        tx,
        "guard.measure",
        {"measure_ref": draw()},
        {
            "step": "suspend",
            "target": "account",
            "target_ref": world.actors["holder A"],
            "reason": "precaution",
            "note": world.name("note of a measure for colleagues"),
            # By somebody who decides on none: nobody approves what they asked themselves.
            "asked_by": world.actors[GONE],
            "asked_at": "2026-01-01",
            "review_at": "2036-01-01",
        },
        readers=GUARDS,
        changers=SECURES,
        adders=SECURES,
    )
    world.plant(
        tx,
        "guard.own_release",
        {"account_ref": world.actors["holder A"], "at": datetime(2026, 1, 1, tzinfo=UTC)},
        {},
        readers=GUARDS,
    )


def _plant_account(world: World, tx: Transaction, name: str) -> None:
    ref = world.actors[name]
    account = {"account_ref": ref}
    world.plant(
        tx,
        "guard.account",
        account,
        {"profession": "pharmacist", "day": DAY, "step": 2, "evidence": 6, "threshold": 5},
        readers=GUARDS | {name},
    )
    world.plant(
        tx,
        "guard.address",
        {"address": draw(), **account},
        {"day": 0, "at_home": True},
        readers=GUARDS,
    )
    figures = ("typed", "typed_count", "typed_expected", "typed_deviation", "typed_allowance")
    figures += ("week", "card", "card_count", "card_allowance", "refused", "local_count")
    figures += ("placed_count", "missed_count", "answered_count", "evidence", "card_evidence")
    world.plant(
        tx,
        "guard.account_day",
        {**account, "day": DAY},
        {**dict.fromkeys((*figures, "active_days"), 1), "profession": "x", "suspect": False},
        readers=GUARDS,
    )
    world.plant(
        tx,
        "guard.event",
        {"event_ref": draw()},
        {
            "t_ms": DAY * 86_400_000,
            **account,
            "kind": "contained",
            "step": 2,
            "evidence": 6,
            "threshold": 5,
            "subject": draw(),
            "signals": Jsonb([{"kind": "network", "observed": 1, "expected": 0, "weight": 1.6}]),
            # One that was enforced is told to its owner: a row of another table.
            "enforced": False,
        },
        readers=GUARDS,
    )
