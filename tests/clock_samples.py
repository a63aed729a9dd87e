"""Facts, parties and instants for clocks, as people write them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from rempart.incidents.clock_rules import CLOCK_RULES, RULES_BY_CODE, Trait
from rempart.incidents.clocks import Clock, Fact, Party, plan_clocks
from rempart.tariffs.working_days import Calendar

PARIS: Final = ZoneInfo("Europe/Paris")
CALENDAR: Final = Calendar(zone=PARIS)
OPERATOR: Final = Party.make_operator("Opérateur")
INSURER: Final = Party.make_insurer(7, "Mutuelle Sept")


def at(text: str) -> datetime:
    """Return an instant of the Paris clock, "2026-01-31 09:00"; "(2)": the second of the two."""
    fold = 1 if text.endswith("(2)") else 0
    naive = datetime.fromisoformat(text.removesuffix("(2)").strip())
    return naive.replace(tzinfo=PARIS, fold=fold).astimezone(UTC)


def show(instant: datetime | None) -> str:
    """Return an instant as the table prints it."""
    if instant is None:
        return "–"
    days = ("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim.")
    local = instant.astimezone(PARIS)
    return f"{days[local.weekday()]} {local:%d/%m/%Y %H:%M}"


def fact(kind: str, when: str, insurer_id: int | None = None, /, **details: Any) -> Fact:
    """Return an event."""
    ref = sum(map(ord, f"{kind}{when}{insurer_id}{details}"))
    return Fact(
        event_ref=ref, kind=kind, happened_at=at(when), insurer_id=insurer_id, details=details
    )


def plan_one(
    code: str,
    facts: Sequence[Fact],
    *,
    now: str = "2000-01-01 00:00",
    traits: frozenset[Trait] = frozenset(),
    alsace_moselle: bool = False,
) -> Clock:
    """Return the clock of one rule for the operator or for insurer 7."""
    rule = RULES_BY_CODE[code]
    more = traits | {rule.needs}
    parties = [
        Party.make_operator("Opérateur", more=more),
        Party.make_insurer(7, "Mutuelle Sept", more=more),
    ]
    calendar = Calendar(zone=PARIS, alsace_moselle=alsace_moselle)
    clocks = plan_clocks(facts, CLOCK_RULES, parties, calendar=calendar, now=at(now))
    [clock] = [one for one in clocks if one.rule.code == code]
    return clock
