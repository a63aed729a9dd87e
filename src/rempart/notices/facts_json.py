"""Facts of an incident as JSON: what campaigns and public pages keep, and write texts from again.

Refuses what the facts themselves refuse, and a member that is missing or unknown: a text written
from half of the facts would be another text.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import Any, Final

from rempart.disclosure.fields import Field
from rempart.notices.facts import IncidentFacts, Measure, Planned, PublicFacts, Sender

_SENDER: Final = frozenset(one.name for one in fields(Sender))
_INCIDENT: Final = frozenset(one.name for one in fields(IncidentFacts))
_PUBLIC: Final = frozenset(one.name for one in fields(PublicFacts))
_DAYS: Final = ("starts_on", "ends_on", "discovered_on", "told_on", "written_on")


def describe_facts(facts: IncidentFacts) -> dict[str, Any]:
    """Return the facts as JSON; the same facts give the same members."""
    sender = facts.sender
    update = facts.next_update_on
    return {
        "case_reference": facts.case_reference,
        "version": facts.version,
        "sender": {name: getattr(sender, name) for name in sorted(_SENDER)},
        "operator": facts.operator,
        **{name: getattr(facts, name).isoformat() for name in _DAYS},
        "next_update_on": None if update is None else update.isoformat(),
        "measures": [one.value for one in facts.measures],
        "planned": [one.value for one in facts.planned],
        "is_space_open": facts.is_space_open,
        "prosecutor": facts.prosecutor,
    }


def read_facts(said: Mapping[str, Any]) -> IncidentFacts:
    """Return the facts that `describe_facts` described.

    Raises:
        ValueError: a member is missing, unknown, or says what cannot be true.
    """
    _check_members(said, _INCIDENT, "facts")
    _check_members(said["sender"], _SENDER, "sender")
    update = said["next_update_on"]
    return IncidentFacts(
        case_reference=said["case_reference"],
        version=said["version"],
        sender=Sender(**said["sender"]),
        operator=said["operator"],
        **{name: date.fromisoformat(said[name]) for name in _DAYS},
        next_update_on=None if update is None else date.fromisoformat(update),
        measures=tuple(Measure(one) for one in said["measures"]),
        planned=tuple(Planned(one) for one in said["planned"]),
        is_space_open=said["is_space_open"],
        prosecutor=said["prosecutor"],
    )


def describe_public_facts(about: PublicFacts) -> dict[str, Any]:
    """Return what is said to everybody, as JSON."""
    return {
        "exposed": int(about.exposed),
        "confirmed": about.confirmed,
        "held": about.held,
        "at_most": about.at_most,
    }


def read_public_facts(said: Mapping[str, Any]) -> PublicFacts:
    """Return the facts that `describe_public_facts` described.

    Raises:
        ValueError: a member is missing, unknown, or says what cannot be true.
    """
    _check_members(said, _PUBLIC, "about")
    return PublicFacts(
        exposed=Field(said["exposed"]),
        confirmed=said["confirmed"],
        held=said["held"],
        at_most=said["at_most"],
    )


def _check_members(said: Mapping[str, Any], wanted: frozenset[str], what: str) -> None:
    wrong = sorted(wanted ^ set(said))
    if wrong:
        raise ValueError(f"{what}: missing or unknown: {', '.join(wrong)}")
