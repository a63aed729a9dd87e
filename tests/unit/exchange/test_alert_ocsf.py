"""Alerts as OCSF detection findings: whatever 1.8.0 requires, and nobody in them."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from tests.alert_samples import ACCOUNT, AT_MS, PRODUCER, make_alert, make_held, make_seen

from rempart.exchange.alert_ocsf import OCSF_VERSION, make_finding
from rempart.incidents.alert import Alert, AlertKind, Held, NewRules, Seen

# Written by hand from ocsf-schema 1.8.0 (16 March 2026): base_event, finding, detection_finding and
# the objects used here. A dict: attributes, those with a `*` required; a list: of such; a type, or
# the values allowed.
NAMED = {"name": str, "uid": str}
DETECTION_FINDING: dict[str, Any] = {
    "activity_id*": {0, 1, 2, 3, 99},
    "activity_name": str,
    "category_uid*": {2},
    "category_name": {"Findings"},
    "class_uid*": {2004},
    "class_name": {"Detection Finding"},
    "type_uid*": {200400, 200401, 200402, 200403, 200499},
    "time*": int,
    "severity_id*": {0, 1, 2, 3, 4, 5, 6, 99},
    "severity": {"Informational", "Low", "Medium", "High", "Critical"},
    "status_id": {0, 1, 2, 3, 4, 5, 6, 99},
    "status": {"New", "In Progress", "Suppressed", "Resolved", "Archived", "Deleted"},
    "is_alert": bool,
    "message": str,
    "metadata*": {
        "version*": {"1.8.0"},
        "product*": NAMED | {"vendor_name": str, "version": str, "feature": NAMED},
        "uid": str,
        "log_name": str,
        "tenant_uid": str,
    },
    "finding_info*": {
        "uid*": str,
        "title": str,
        "created_time": int,
        "types": [str],
        "data_sources": [str],
        "analytic": NAMED | {"type_id*": {0, 1, 2, 3, 4, 5, 6, 99}, "type": str},
    },
    "resources": [NAMED | {"type": str}],
    "observables": [{"name": str, "type_id*": {10}, "type": {"Resource UID"}, "value": str}],
    "evidences": [
        {
            "name": str,
            "uid": str,
            "actor": {"user": NAMED | {"type_id": {0, 1, 2, 3, 99}, "type": str}},
            "data": dict,
        }
    ],
    "unmapped": dict,
}


def find_faults(value: Any, wanted: Any, where: str = "") -> list[str]:
    """Say where a value is not what a schema wants."""
    match wanted:
        case dict():
            if not isinstance(value, dict):
                return [f"{where} is no object"]
            names = {name.rstrip("*"): (name, inner) for name, inner in wanted.items()}
            faults = [f"{where}.{name} is unknown" for name in value.keys() - names.keys()]
            for name, (mark, inner) in names.items():
                if name in value:
                    faults += find_faults(value[name], inner, f"{where}.{name}")
                elif mark.endswith("*"):
                    faults.append(f"{where}.{name} is missing")
            return faults
        case [inner]:
            if not isinstance(value, list) or not value:
                return [f"{where} is no list of something"]
            return [fault for each in value for fault in find_faults(each, inner, f"{where}[]")]
        case set():
            return [] if value in wanted else [f"{where} is {value}"]
        case _:
            return [] if type(value) is wanted else [f"{where} is no {wanted.__name__}"]


def read(alert: Alert) -> dict[str, Any]:
    finding = make_finding(alert, PRODUCER)
    assert finding.body.isascii()
    assert b"\n" not in finding.body
    described: dict[str, Any] = json.loads(finding.body)
    assert described["metadata"]["uid"] == finding.uid
    assert described["severity_id"] == finding.severity_id
    return described


@pytest.mark.parametrize("kind", AlertKind)
def test_every_kind_of_alert_is_a_detection_finding_of_the_version_it_claims(kind: AlertKind):
    described = read(make_alert(kind))
    assert find_faults(described, DETECTION_FINDING) == []
    assert described["metadata"]["version"] == OCSF_VERSION
    assert described["type_uid"] == described["class_uid"] * 100 + described["activity_id"]
    assert described["time"] == AT_MS
    # Evidence artifacts need one of the attributes that show something.
    assert all("actor" in one or "data" in one for one in described.get("evidences", []))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda it: it.pop("finding_info"), ".finding_info is missing"),
        (lambda it: it["finding_info"].pop("uid"), ".finding_info.uid is missing"),
        (lambda it: it["metadata"].pop("product"), ".metadata.product is missing"),
        (lambda it: it.update(category_uid=3), ".category_uid is 3"),
        (lambda it: it.update(time="now"), ".time is no int"),
        (lambda it: it["observables"][0].pop("type_id"), ".observables[].type_id is missing"),
        (lambda it: it.update(evidence=[]), ".evidence is unknown"),
    ],
)
def test_mutation_a_finding_that_lacks_something_is_named(change, fault: str):
    described = read(make_alert())
    change(described)
    assert find_faults(described, DETECTION_FINDING) == [fault]


def test_a_containment_says_who_is_held_how_and_why_by_references():
    described = read(make_alert())
    assert described["severity"] == "High"
    assert described["is_alert"]
    assert [(one["type"], one["uid"]) for one in described["resources"]] == [
        ("account", str(ACCOUNT)),
        ("establishment", "77"),
        ("software", "5"),
    ]
    assert [one["value"] for one in described["observables"]] == [str(ACCOUNT), "77", "5"]
    account, faces, network = described["evidences"]
    assert account["actor"]["user"]["uid"] == str(ACCOUNT)
    assert faces == {
        "name": "typed_faces",
        "data": {"observed": 31.0, "expected": 4.25, "weight": 3.5},
    }
    assert network["name"] == "network"
    assert described["unmapped"]["step"] == "presence_only"


def test_a_release_closes_the_finding_that_the_containment_opened():
    opened = read(make_alert(alert_ref=9))
    closed = read(
        make_alert(AlertKind.RELEASED, alert_ref=12, about=make_seen(event_ref=50, opened_by=41))
    )
    assert opened["finding_info"]["uid"] == closed["finding_info"]["uid"]
    assert (opened["activity_name"], closed["activity_name"]) == ("Create", "Close")
    assert (opened["status"], closed["status"]) == ("New", "Resolved")
    assert opened["metadata"]["uid"] != closed["metadata"]["uid"]


def test_a_measure_is_one_finding_from_its_asking_to_its_end():
    asked, started, ended = (
        read(make_alert(kind))
        for kind in (AlertKind.STEP_ASKED, AlertKind.STEP_STARTED, AlertKind.STEP_ENDED)
    )
    assert asked["finding_info"]["uid"] == started["finding_info"]["uid"]
    assert started["finding_info"]["uid"] == ended["finding_info"]["uid"]
    assert [one["activity_name"] for one in (asked, started, ended)] == [
        "Create",
        "Update",
        "Close",
    ]


def test_a_canary_is_the_gravest_and_does_not_say_whose_it_is():
    described = read(make_alert(AlertKind.CANARY))
    assert described["severity"] == "Critical"
    told = {one.name for kind in (Seen, Held, NewRules) for one in fields(kind)}
    assert not told & {"subject", "person_ref", "insurer_id", "lookup_key", "address"}
    # Every number of more than five digits is the account, an instant, or a number of OCSF.
    numbers = set(re.findall(r"\d{6,}", json.dumps(described)))
    assert numbers == {str(ACCOUNT), str(AT_MS), "200401"}


def test_an_exercise_wakes_nobody():
    held = make_held(exercise=True, step="suspend")
    assert read(make_alert(AlertKind.STEP_STARTED, about=held))["severity"] == "Informational"


def test_the_same_alert_is_the_same_bytes_so_that_a_receiver_knows_it_again():
    assert make_finding(make_alert(), PRODUCER) == make_finding(make_alert(), PRODUCER)


REFERENCE = (Path(__file__).parents[3] / "docs" / "reference" / "alerts.md").read_text("utf-8")


def test_the_reference_lists_every_kind_with_what_is_written():
    rows = re.findall(r"^\| `(\w+)` \| .* \| (\w+) \| (\w+) \|$", REFERENCE, re.MULTILINE)
    written = [read(make_alert(kind)) for kind in AlertKind]
    names = [one["activity_name"].replace("Rules renewed", "Other") for one in written]
    assert sorted(rows) == sorted(
        (str(kind), name, one["severity"])
        for kind, name, one in zip(AlertKind, names, written, strict=True)
    )


def test_the_reference_shows_what_the_code_writes():
    [example] = re.findall(r"```json\n(.*)\n```", REFERENCE)
    seen = make_seen(establishment_ref=None, client_ref=0)
    alert = make_alert(about=replace(seen, signals=seen.signals[:1]))
    assert make_finding(alert, PRODUCER).body.decode() == example
