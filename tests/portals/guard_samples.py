"""What the guard keeps, planted: a calm pharmacy, a thief who types at night, a canary's caller."""

from typing import Any

from psycopg.types.json import Jsonb
from tests.portals import samples

from rempart.guard.lookups import find_day
from rempart.storage.connect import Transaction

TODAY = find_day(samples.NOW_MS)
MINUTE = 60_000
HOUR = 60 * MINUTE
NIGHT = (
    {"kind": "typed_faces", "observed": 37.2, "expected": 5.4, "weight": 0.3},
    {"kind": "network", "observed": 1.0, "expected": 0.0, "weight": 1.6},
    {"kind": "hour", "observed": 3.0, "expected": 0.004, "weight": 0.9},
)


def add_account(
    tx: Transaction,
    account_ref: int,
    *,
    profession: str = "pharmacy",
    today: int = TODAY,
    **figures: Any,
) -> None:
    """Add one account as the guard knows it."""
    values = {"step": 0, "evidence": 0.4, "threshold": 5.2, "typed": 1.2, "typed_allowance": 5.4}
    values |= {"new_faces": 2, "refused": 0} | figures
    tx.execute(
        "INSERT INTO guard.account (account_ref, profession, day, step, evidence, threshold,"
        " typed, typed_allowance, new_faces, refused)"
        " VALUES (%(ref)s, %(profession)s, %(day)s, %(step)s, %(evidence)s, %(threshold)s,"
        " %(typed)s, %(typed_allowance)s, %(new_faces)s, %(refused)s)",
        {"ref": account_ref, "profession": profession, "day": today, **values},
    )


def add_day(tx: Transaction, account_ref: int, day: int, **figures: Any) -> None:
    """Add one day that is over."""
    values: dict[str, Any] = {
        "typed": 1.5,
        "typed_count": 2,
        "typed_expected": 0.9,
        "typed_deviation": 0.9,
        "typed_allowance": 5.4,
        "week": 8.0,
        "card": 20.0,
        "card_count": 21,
        "card_allowance": 60.0,
        "refused": 0,
        "local_count": 18,
        "placed_count": 20,
        "missed_count": 1,
        "answered_count": 23,
        "evidence": 0.5,
        "card_evidence": 0.1,
        "active_days": 40,
        "suspect": False,
    } | figures
    names = ", ".join(values)
    marks = ", ".join(f"%({name})s" for name in values)
    tx.execute(
        f"INSERT INTO guard.account_day (account_ref, day, profession, {names})"  # type: ignore[arg-type]
        f" VALUES (%(ref)s, %(day)s, 'pharmacy', {marks})",
        {"ref": account_ref, "day": day, **values},
    )


def add_event(
    tx: Transaction,
    account_ref: int,
    kind: str,
    *,
    t_ms: int = samples.NOW_MS - 38 * MINUTE,
    step: int = 2,
    evidence: float = 8.1,
    threshold: float = 5.2,
    signals: tuple[dict[str, Any], ...] = NIGHT,
    subject: int = -77_123_456_789,
    enforced: bool = True,
) -> None:
    """Add something that happened to an account."""
    tx.execute(
        "INSERT INTO guard.event (t_ms, account_ref, kind, step, evidence, threshold, signals,"
        " subject, enforced) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(t_ms, account_ref, kind, step, evidence, threshold, Jsonb(list(signals))),
            *(subject, enforced),
        ),
    )


def add_minute(
    tx: Transaction,
    minutes_ago: int,
    *counts: int,
    profession: str = "pharmacy",
    log_id: int = 1,
    now_ms: int = samples.NOW_MS,
) -> None:
    """Add what one minute had: look-ups, misses, new faces, refusals."""
    minute_ms = now_ms // MINUTE * MINUTE - minutes_ago * MINUTE
    tx.execute(
        "INSERT INTO guard.minute VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (minute_ms, log_id, profession, *counts),
    )


def add_rules(
    tx: Transaction, day: int = TODAY, *, width: float = 3.1, evidence: float = 5.2
) -> None:
    """Add one version of the rules."""
    norms = {
        "pharmacy": {"typed": 1.4, "card": 21.0, "local": 0.86, "missed": 0.04},
        "nurse": {"typed": 0.6, "card": 3.0, "local": 0.97, "missed": 0.02},
    }
    tx.execute(
        "INSERT INTO guard.rules (day, account_days, width, evidence, card_evidence,"
        " false_containments, norms) VALUES (%s, 41203, %s, %s, 6.0, 0.3, %s)",
        (day, width, evidence, Jsonb(norms)),
    )


def add_case(
    tx: Transaction,
    account_ref: int,
    *,
    kind: str = "contained",
    days: int = 20,
    today: int = TODAY,
    **options: Any,
) -> None:
    """Add an account that waits for a decision, with its past."""
    event = {name: options.pop(name) for name in ("t_ms", "evidence", "signals") if name in options}
    figures = {"step": 2, "evidence": 8.1, "typed": 37.2, "new_faces": 11, "refused": 26}
    add_account(tx, account_ref, today=today, **(figures | options))
    for ago in range(1, days + 1):
        add_day(tx, account_ref, today - ago, typed=0.5 + ago % 4, card_count=15 + ago % 9)
    add_event(tx, account_ref, kind, **event)
