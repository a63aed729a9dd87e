"""Alerts with good defaults."""

from datetime import UTC, datetime
from typing import Any

from rempart.exchange.alert_ocsf import Finding, Producer, make_finding
from rempart.guard import Signal, SignalKind, Step
from rempart.incidents.alert import About, Alert, AlertKind, Held, NewRules, Seen

PRODUCER = Producer(installation="0a1b2c3d", version="0.1.0")
ACCOUNT = 8_000_000_000_000_000_001
AT_MS = 1_763_800_000_123


def make_seen(**changes: Any) -> Seen:
    """What the guard saw of an account that took too many new persons."""
    facts: dict[str, Any] = {
        "event_ref": 41,
        "opened_by": 41,
        "establishment_ref": 77,
        "client_ref": 5,
        "step": Step.PRESENCE_ONLY,
        "presence": False,
        "evidence": 12.34567,
        "threshold": 8.0,
        "signals": [
            Signal(SignalKind.TYPED_FACES, 31.0, 4.25, 3.5),
            Signal(SignalKind.NETWORK, 1.0, 0.0, 1.25),
        ],
        "rules_day": 20_400,
        "enforced": True,
    }
    return Seen(**facts | changes)


def make_held(**changes: Any) -> Held:
    """A measure on an establishment."""
    facts: dict[str, Any] = {
        "measure_ref": 500,
        "step": "presence_only",
        "target": "establishment",
        "target_ref": 77,
        "profession": None,
        "reason": "suspected_theft",
        "review_at": datetime(2026, 11, 22, 20, tzinfo=UTC),
        "ends_at": None,
        "end_reason": None,
        "exercise": False,
    }
    return Held(**facts | changes)


RULES = NewRules(
    day=20_401, account_days=1_400_000, width=3.1, evidence=8.5, false_containments=0.3
)


def make_alert(kind: AlertKind = AlertKind.CONTAINED, **changes: Any) -> Alert:
    """An alert about what its kind is about."""
    about: About = make_seen()
    if kind.startswith("step_"):
        about = make_held()
    if kind is AlertKind.RULES_RENEWED:
        about = RULES
    facts: dict[str, Any] = {
        "alert_ref": 9,
        "t_ms": AT_MS,
        "kind": kind,
        "account_ref": ACCOUNT if isinstance(about, Seen) else None,
        "profession": "PHARMACIST" if isinstance(about, Seen) else "",
        "about": about,
    }
    return Alert(**facts | changes)


def make_findings(count: int = 1, **changes: Any) -> list[Finding]:
    """Findings of alerts with numbers from 1."""
    return [
        make_finding(make_alert(**{"alert_ref": number, **changes}), PRODUCER)
        for number in range(1, count + 1)
    ]
