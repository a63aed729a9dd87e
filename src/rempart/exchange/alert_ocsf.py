"""Alerts as OCSF detection findings (class 2004), version 1.8.0: what a SIEM reads.

Refuses to carry a person: accounts, places and software are references, which mean something on the
operator's console only.

Source:
    S43.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from rempart.guard import SignalKind, Step
from rempart.incidents.alert import About, Alert, AlertKind, Held, NewRules, Seen

OCSF_VERSION: Final = "1.8.0"
CLASS_UID: Final = 2004
CATEGORY_UID: Final = 2

_CREATE, _UPDATE, _CLOSE, _OTHER = 1, 2, 3, 99
_ACTIVITIES: Final = {_CREATE: "Create", _UPDATE: "Update", _CLOSE: "Close"}
_ACTIVITY_OF: Final = {
    AlertKind.RELEASED: _CLOSE,
    AlertKind.RULES_RENEWED: _OTHER,
    AlertKind.STEP_STARTED: _UPDATE,
    AlertKind.STEP_ENDED: _CLOSE,
}
_NEW, _IN_PROGRESS, _RESOLVED = 1, 2, 4
_STATUSES: Final = {_NEW: "New", _IN_PROGRESS: "In Progress", _RESOLVED: "Resolved"}
_STATUS_OF: Final = {_CREATE: _NEW, _UPDATE: _IN_PROGRESS, _CLOSE: _RESOLVED, _OTHER: _RESOLVED}

_INFORMATIONAL, _LOW, _MEDIUM, _HIGH, _CRITICAL = range(1, 6)
_SEVERITIES: Final = {
    _INFORMATIONAL: "Informational",
    _LOW: "Low",
    _MEDIUM: "Medium",
    _HIGH: "High",
    _CRITICAL: "Critical",
}
_SEVERITY_OF: Final = {
    AlertKind.CONTAINED: _HIGH,
    AlertKind.CANARY: _CRITICAL,
    AlertKind.LATE: _MEDIUM,
    AlertKind.RELEASED: _INFORMATIONAL,
    AlertKind.REFUSALS: _MEDIUM,
    AlertKind.RULES_RENEWED: _INFORMATIONAL,
    AlertKind.STEP_ASKED: _LOW,
    AlertKind.STEP_STARTED: _MEDIUM,
    AlertKind.STEP_ENDED: _INFORMATIONAL,
}
_TITLES: Final = {
    AlertKind.CONTAINED: "An account is held: it did what its owner does not do",
    AlertKind.CANARY: "An account is held: it asked for a planted person",
    AlertKind.LATE: "An account is held after the fact",
    AlertKind.RELEASED: "An account was reviewed and released",
    AlertKind.REFUSALS: "An account was refused twenty new persons or more within an hour",
    AlertKind.RULES_RENEWED: "Accounts are judged by newer rules",
    AlertKind.STEP_ASKED: "A measure waits for a second person",
    AlertKind.STEP_STARTED: "A measure holds",
    AlertKind.STEP_ENDED: "A measure is over",
}
_RULE, _BEHAVIORAL = 1, 2
_ANALYTIC_TYPES: Final = {_RULE: "Rule", _BEHAVIORAL: "Behavioral"}
_USER, _OTHER_RESOURCE = 1, 10


@dataclass(frozen=True, slots=True)
class Finding:
    """An alert ready to leave.

    Args:
        uid: The same whenever it is sent again.
        kind: What happened.
        t_ms: When, Unix milliseconds.
        severity_id: OCSF's, 1 to 5.
        body: One line of JSON in ASCII, without its end.
    """

    uid: str
    kind: AlertKind
    t_ms: int
    severity_id: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Producer:
    """Who tells.

    Args:
        installation: Its eight characters.
        version: Of the product.
    """

    installation: str
    version: str


def make_finding(alert: Alert, producer: Producer) -> Finding:
    """Write an alert as a detection finding."""
    uid = f"rempart/{producer.installation}/alert/{alert.alert_ref}"
    severity = _INFORMATIONAL if _is_exercise(alert.about) else _SEVERITY_OF[alert.kind]
    body = json.dumps(_describe(alert, producer, uid, severity), separators=(",", ":"))
    return Finding(uid, alert.kind, alert.t_ms, severity, body.encode("ascii"))


def _describe(alert: Alert, producer: Producer, uid: str, severity: int) -> dict[str, Any]:
    activity = _ACTIVITY_OF.get(alert.kind, _CREATE)
    status = _STATUS_OF[activity]
    resources = list(_list_resources(alert))
    described: dict[str, Any] = {
        "activity_id": activity,
        "activity_name": _ACTIVITIES.get(activity, "Rules renewed"),
        "category_uid": CATEGORY_UID,
        "category_name": "Findings",
        "class_uid": CLASS_UID,
        "class_name": "Detection Finding",
        "type_uid": CLASS_UID * 100 + activity,
        "time": alert.t_ms,
        "severity_id": severity,
        "severity": _SEVERITIES[severity],
        "status_id": status,
        "status": _STATUSES[status],
        "is_alert": severity >= _MEDIUM and activity == _CREATE,
        "message": f"{_TITLES[alert.kind]}.",
        "metadata": {
            "version": OCSF_VERSION,
            "uid": uid,
            "log_name": "guard",
            "tenant_uid": producer.installation,
            "product": {
                "name": "Rempart",
                "vendor_name": "Rempart",
                "version": producer.version,
                "feature": {"name": "guard"},
            },
        },
        "finding_info": _describe_finding(alert, producer),
        "unmapped": _list_unmapped(alert),
    }
    lists = {
        "resources": resources,
        "observables": [
            {
                "name": f"resources[{place}].uid",
                "type_id": _OTHER_RESOURCE,
                "type": "Resource UID",
                "value": resource["uid"],
            }
            for place, resource in enumerate(resources)
        ],
        "evidences": list(_list_evidences(alert)),
    }
    return described | {name: values for name, values in lists.items() if values}


def _describe_finding(alert: Alert, producer: Producer) -> dict[str, Any]:
    """Name the finding: what an alert begins, changes or ends has one name throughout."""
    match alert.about:
        case Seen(opened_by=ref):
            record = f"event/{ref}"
        case Held(measure_ref=ref):
            record = f"measure/{ref}"
        case NewRules(day=day):
            record = f"rules/{day}"
    by_people = isinstance(alert.about, Held) or alert.kind is AlertKind.CANARY
    analytic = _RULE if by_people else _BEHAVIORAL
    return {
        "uid": f"rempart/{producer.installation}/{record}",
        "title": _TITLES[alert.kind],
        "created_time": alert.t_ms,
        "types": [str(alert.kind)],
        "data_sources": ["rempart.guard"],
        "analytic": {
            "uid": f"rempart.guard.{alert.kind}",
            "name": f"guard: {str(alert.kind).replace('_', ' ')}",
            "type_id": analytic,
            "type": _ANALYTIC_TYPES[analytic],
        },
    }


def _list_resources(alert: Alert) -> Iterator[dict[str, Any]]:
    """Name what an alert is about, by references; numbers of 64 bits are text."""
    if alert.account_ref is not None:
        yield {"type": "account", "uid": str(alert.account_ref)}
    match alert.about:
        case Seen() as seen:
            if seen.establishment_ref:
                yield {"type": "establishment", "uid": str(seen.establishment_ref)}
            if seen.client_ref:
                yield {"type": "software", "uid": str(seen.client_ref)}
        case Held(target="profession", profession=str(profession)):
            yield {"type": "profession", "uid": profession}
        case Held(target=target, target_ref=int(ref)) if target != "account":
            yield {"type": target, "uid": str(ref)}


def _list_evidences(alert: Alert) -> Iterator[dict[str, Any]]:
    """Give the reasons: each signal, with what was seen, what was usual and its weight."""
    if alert.account_ref is not None:
        user = {"uid": str(alert.account_ref), "type_id": _USER, "type": "User"}
        yield {"name": "account", "actor": {"user": user}}
    if isinstance(alert.about, Seen):
        for signal in alert.about.signals:
            yield {
                "name": str(SignalKind(signal.kind)),
                "data": {
                    "observed": round(signal.observed, 3),
                    "expected": round(signal.expected, 3),
                    "weight": round(signal.weight, 3),
                },
            }


def _list_unmapped(alert: Alert) -> dict[str, Any]:
    """Give what OCSF has no attribute for."""
    match alert.about:
        case Seen() as seen:
            return {
                "profession": alert.profession,
                "step": Step(seen.step).name.lower(),
                "presence": seen.presence,
                "evidence": round(seen.evidence, 3),
                "threshold": round(seen.threshold, 3),
                "rules_day": seen.rules_day,
                "enforced": seen.enforced,
            }
        case Held() as held:
            return {
                "step": held.step,
                "target": held.target,
                "reason": held.reason,
                "review_at": held.review_at.isoformat(),
                "ends_at": None if held.ends_at is None else held.ends_at.isoformat(),
                "end_reason": held.end_reason,
                "exercise": held.exercise,
            }
        case NewRules() as rules:
            return {
                "rules_day": rules.day,
                "account_days": rules.account_days,
                "width": round(rules.width, 6),
                "evidence": round(rules.evidence, 6),
                "false_containments": rules.false_containments,
            }


def _is_exercise(about: About) -> bool:
    return isinstance(about, Held) and about.exercise
