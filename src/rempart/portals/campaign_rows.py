"""What pages show of campaigns: lines of lists, kinds of facts, what the linter found.

Refuses to show a name or an address: what comes here has none.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rempart.disclosure.fields import format_fields
from rempart.notices.lint_rules import LINT_RULES, Severity
from rempart.portals import campaign_wording as wording
from rempart.portals.forms import current_language
from rempart.workflows.notices.campaigns import KindOfFacts, ListedCampaign, ListedMessage


def describe_findings(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what the linter found, in the reader's words: what is wrong, and what to do."""
    language = current_language()
    return [
        {
            "message": LINT_RULES[one["rule"]].messages[language],
            "advice": LINT_RULES[one["rule"]].advices[language],
            "is_blocking": one["severity"] == Severity.BLOCKING,
            "is_hint": one["severity"] == Severity.HINT,
            "language": one["language"],
            "section": one.get("section", ""),
            "persons": one["persons"],
        }
        for one in findings
        if one["rule"] in LINT_RULES
    ]


def describe_kind(place: int, kind: KindOfFacts) -> dict[str, Any]:
    """Return one line of the kinds of facts; `place` is where its sample is."""
    return {
        "place": place,
        "kind": wording.KINDS[kind.kind],
        "relation": wording.RELATIONS[kind.relation],
        "certainty": wording.CERTAINTIES[kind.certainty],
        "fields": ", ".join(format_fields(kind.fields, current_language())),
        "language": kind.language,
        "persons": kind.persons,
    }


def describe_row(row: ListedCampaign) -> dict[str, Any]:
    """Return one line of a list of campaigns."""
    badge, icon = wording.BADGES[row.state]
    return {
        "row": row,
        "kind": wording.KINDS[row.kind],
        "state": wording.STATES[row.state],
        "badge": badge,
        "icon": icon,
    }


def describe_message(row: ListedMessage) -> dict[str, Any]:
    """Return one line of a list of messages."""
    return {
        "row": row,
        "kind": wording.KINDS[row.kind],
        "relation": wording.RELATIONS[row.relation],
        "certainty": wording.CERTAINTIES[row.certainty],
        "channel": wording.CHANNELS[row.channel],
        "state": wording.MESSAGE_STATES[row.state],
        "reason": wording.REASONS.get(row.reason, row.reason),
    }
