"""How a line was shared out, to and from the JSON in which it is kept.

A step keeps what its sentence needs and no more: a table that changes later changes no explanation.
Refuses nothing that was written here; what it cannot read is a defect.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from rempart.claims.amo import AmoPart
from rempart.claims.benefit_table import EVERYTHING, Benefit, Pays
from rempart.claims.steps import Step, StepKind


def format_amo(amo: AmoPart) -> dict[str, Any]:
    """Return the JSON object of the part of compulsory insurance."""
    return amo._asdict()


def parse_amo(record: Mapping[str, Any]) -> AmoPart:
    """Read the JSON object of the part of compulsory insurance."""
    return AmoPart(**record)


def format_step(step: Step) -> dict[str, Any]:
    """Return the JSON object of one step; what is empty is left out."""
    record: dict[str, Any] = {"kind": step.kind.value, "cents": step.cents}
    if step.label:
        record["label"] = step.label
    if step.day is not None:
        record["day"] = step.day.isoformat()
    if step.units:
        record["units"] = step.units
    if step.pays is not None:
        record["pays"] = _format_row(step.pays)
    return record


def parse_steps(records: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Read the JSON objects of steps."""
    return tuple(_parse_step(record) for record in records)


def _parse_step(record: Mapping[str, Any]) -> Step:
    day, row = record.get("day"), record.get("pays")
    return Step(
        StepKind(record["kind"]),
        cents=record["cents"],
        label=record.get("label", ""),
        day=None if day is None else date.fromisoformat(day),
        units=record.get("units", 0),
        pays=None if row is None else _parse_row(row, record.get("label", "")),
    )


def _format_row(row: Benefit) -> dict[str, Any]:
    record: dict[str, Any] = {"how": row.pays.value}
    if row.rate_bp is not None:
        record["rate_bp"] = row.rate_bp
    if row.forfait_cents is not None:
        record["forfait_cents"] = row.forfait_cents
    if row.with_ticket_moderateur:
        record["with_ticket_moderateur"] = True
    return record


def _parse_row(record: Mapping[str, Any], label: str) -> Benefit:
    return Benefit(
        label=label,
        acts=(EVERYTHING,),
        pays=Pays(record["how"]),
        rate_bp=record.get("rate_bp"),
        forfait_cents=record.get("forfait_cents"),
        with_ticket_moderateur=record.get("with_ticket_moderateur", False),
    )
