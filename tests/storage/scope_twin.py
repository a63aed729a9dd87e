"""Who was exposed, one look-up at a time, in plain Python: what a scope must equal.

Written from the definitions (incidents/exposure.py, docs/how-to/scope-foreign-logs.md) with sets
and loops, without a line of the SQL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from rempart.disclosure.fields import Field
from rempart.incidents.attribution import Verdict
from rempart.incidents.exposure import Tier, decide_tier
from rempart.storage.scope_reasons import AHEAD_DAYS, Reason, RuledOut

SHARED = int(Field.NIR | Field.INSURER | Field.CONTRACT_NUMBER)
PARIS = ZoneInfo("Europe/Paris")
BY_REASON = {
    Verdict.THIEF: Reason.THIEF_SESSION,
    Verdict.MIXED: Reason.MIXED_SESSION,
    Verdict.OWNER: Reason.OWNER_UNPROVED,
}


class Given(NamedTuple):
    """A verdict, as a test decides it."""

    verdict: Verdict
    usual_place: bool
    is_overruled: bool


class Key(NamedTuple):
    """A person of an insurer."""

    amc: str
    nir: str
    birth_date: str
    rank: str


@dataclass
class Shown:
    """What one person was shown, over all look-ups."""

    tier: str = "Z"
    reasons: int = 0
    fields: int = 0
    gained: int = 0
    lookups: int = 0
    sessions: set[int] = field(default_factory=set)

    def add(self, tier: str, reasons: int, shown: int, gained: int, session: int) -> None:
        self.tier = min(self.tier, tier)
        self.reasons |= reasons
        self.fields |= shown
        self.gained |= gained
        self.lookups += 1
        self.sessions.add(session)


@dataclass(frozen=True)
class Registry:
    """Lines of feeds, as rows; agreements and routed contracts by insurer."""

    lines: Sequence[Mapping[str, Any]]
    agreements: Mapping[str, date]
    routed: Mapping[str, set[str]]

    def agreed_from(self, line: Mapping[str, Any]) -> date:
        return max(line["agreed_from"], self.agreements.get(line["amc"], date(1900, 1, 1)))

    def state(self, line: Mapping[str, Any], day: date) -> int:
        if day > min(line["ends"], line["agreed_to"]):
            return 1
        return 0 if day >= max(line["starts"], self.agreed_from(line)) else 2


def paris_day(t_ms: int) -> date:
    return (
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=t_ms)).astimezone(PARIS).date()
    )


def key_of(line: Mapping[str, Any]) -> Key:
    return Key(line["amc"], line["insured_nir"], line["birth_date"], line["birth_rank"])


def identify(
    lines: Sequence[Mapping[str, Any]], value: str, *, is_search: bool
) -> tuple[int, list[Mapping[str, Any]]]:
    """Say how an identifier names a person, and by which lines: 1 alone, 2 shared, 3 by name."""
    alone: set[str] = set()
    shared: set[str] = set()
    for line in lines:
        nirs = [n for n in (line["insured_nir"], line["previous_nir"], line["own_nir"]) if n]
        dated = {f"{nir}|{line['birth_date']}" for nir in nirs}
        alone |= dated | {f"{one}|{line['birth_rank']}" for one in dated}
        alone |= {line["own_nir"]} - {""}
        numbers = {line["insured_nir"], line["previous_nir"]} - {""}
        (alone if line["quality"] == 1 else shared).update(numbers)
    if value in alone:
        return 1, list(lines)
    if value in shared:
        return 2, list(lines)
    own = [one for one in lines if value in (one["member"].upper(), one["contract"].upper())]
    if own:
        return 2, own
    named = is_search and any(value == one["family_name"].upper() for one in lines)
    return (3, list(lines)) if named else (0, [])


def find(
    registry: Registry, fact: Mapping[str, Any], day: date
) -> list[tuple[Mapping[str, Any], int, int, int]]:
    """Return the lines a look-up is about: line, kind, state, flags."""
    people: dict[Key, list[Mapping[str, Any]]] = {}
    for line in registry.lines:
        people.setdefault(key_of(line), []).append(line)
    reached, kinds = [], {}
    for key, own in people.items():
        kinds[key], lines = identify(own, fact["person"], is_search=fact["query_only"])
        differs = int(fact["insurer"] is not None and fact["insurer"] != key.amc)
        reached += [(differs, registry.state(line, day), line) for line in lines]
    if not reached:
        return []
    best = min(one[:2] for one in reached)
    kept = [line for *rank, line in reached if tuple(rank) == best]
    flags = Reason.TWO_INSURERS if len({one["amc"] for one in kept}) > 1 else Reason(0)
    flags |= Reason.NOT_A_MEMBER_THAT_DAY if best[1] else Reason(0)
    flags |= Reason.OTHER_INSURER_LOGGED if best[0] else Reason(0)
    return [(line, kinds[key_of(line)], best[1], int(flags)) for line in kept]


def expose(
    facts: Sequence[Mapping[str, Any]],
    verdicts: Mapping[int, Given],
    registry: Registry,
    claims: set[tuple[str, str, date]],
    *,
    claim_days: int,
) -> tuple[dict[Key, Shown], dict[tuple[str, str], Shown], dict[str, int]]:
    """Return persons, strangers by identifier and insurer as logged, doubts by insurer."""
    persons: dict[Key, Shown] = {}
    strangers: dict[tuple[str, str], Shown] = {}
    doubts: dict[str, int] = {}
    told = [
        fact
        for fact in facts
        if fact["outcome"] in ("shown", "unknown")
        and (fact["shown"] or fact["view"] == "" or fact["query_only"])
    ]
    sessions: dict[tuple[str, str], set[int]] = {}
    for fact in told:
        sessions.setdefault((fact["account"], fact["person"]), set()).add(fact["session_ref"])
    for fact in told:
        day = paris_day(fact["t_ms"])
        claimed = any(
            (fact["account"], fact["person"], day + timedelta(days=later)) in claims
            for later in range(claim_days + 1)
        )
        present = fact["presence"] and fact["person"] is not None
        given = verdicts[fact["session_ref"]]
        tier = decide_tier(
            given.verdict,
            with_presence=present,
            usual_place=given.usual_place,
            claim_followed=claimed,
            shown_elsewhere=len(sessions[fact["account"], fact["person"]]) > 1,
            is_overruled=given.is_overruled,
        )
        if tier is None:
            continue
        reasons = BY_REASON[given.verdict]
        if given.verdict is Verdict.MIXED:
            reasons |= Reason.PRESENCE if present else Reason(0)
            reasons |= Reason.CLAIM_FOLLOWED if claimed else Reason(0)
        for reason, holds in (
            (Reason.UNKNOWN_OUTCOME, fact["outcome"] == "unknown"),
            (Reason.UNKNOWN_SCREEN, fact["view"] == ""),
            (Reason.SEARCH, fact["query_only"]),
        ):
            if holds:
                reasons |= reason
                tier = Tier.C
        # A screen of a family is uncertain only where the session is.
        reasons |= Reason.FAMILY if fact["family"] else Reason(0)
        _settle(fact, str(tier), int(reasons), registry, persons, strangers, doubts)
    return persons, strangers, doubts


def _settle(
    fact: Mapping[str, Any],
    tier: str,
    reasons: int,
    registry: Registry,
    persons: dict[Key, Shown],
    strangers: dict[tuple[str, str], Shown],
    doubts: dict[str, int],
) -> None:
    shown, typed, session = fact["shown"], fact["typed"], fact["session_ref"]
    day = paris_day(fact["t_ms"])
    found = find(registry, fact, day) if fact["person"] is not None else []
    if not found:
        if fact["person"] is None or fact["query_only"]:
            known = {line["amc"] for line in registry.lines}
            amc = fact["insurer"] if fact["insurer"] in known else ""
            unknown = reasons & Reason.UNKNOWN_SCREEN
            doubt = Reason.SCREEN_OF_UNKNOWN_PERSON if unknown else Reason.SEARCH_OF_UNKNOWN_PERSON
            doubts[amc] = doubts.get(amc, 0) | int(doubt)
        else:
            stranger = strangers.setdefault((fact["person"], fact["insurer"] or ""), Shown())
            stranger.add(tier, reasons, shown, shown & ~typed, session)
        return
    told: dict[Key, tuple[str, int, int]] = {}
    by_insurer: dict[str, set[Key]] = {}
    for line, *_ in found:
        by_insurer.setdefault(line["amc"], set()).add(key_of(line))
    shared = not fact["family"] and max(map(len, by_insurer.values())) > 1
    for line, kind, _, flags in found:
        gained = shown & ~(typed if kind == 1 else typed & SHARED)
        extra = int(Reason.SHARED_IDENTIFIER) if shared else 0
        told[key_of(line)] = ("C" if shared else tier, reasons | flags | extra, gained)
    if fact["family"]:
        for line, _, state, flags in found:
            for other in registry.lines:
                same = (other["amc"], other["contract"]) == (line["amc"], line["contract"])
                if not same or (state == 0 and registry.state(other, day) != 0):
                    continue
                gained = shown & ~(typed & SHARED)
                if other["insured_nir"] != line["insured_nir"]:
                    gained |= shown & int(Field.NIR)
                told.setdefault(key_of(other), (tier, reasons | flags, gained))
    for key, (its_tier, its_reasons, gained) in told.items():
        persons.setdefault(key, Shown()).add(its_tier, its_reasons, shown, gained, session)


def settle(
    persons: Mapping[Key, Shown],
    doubts: Mapping[str, int],
    registry: Registry,
    *,
    last_day: date,
    known_doubts: int,
) -> dict[Key, tuple[str, int]]:
    """Return everybody's tier and reasons; N: cannot be concerned."""
    everybody: dict[Key, tuple[str, int]] = {}
    lines: dict[Key, list[Mapping[str, Any]]] = {}
    for line in registry.lines:
        lines.setdefault(key_of(line), []).append(line)
    for key, own in lines.items():
        ruled = min(rule_out(registry, line, last_day) for line in own)
        doubt = known_doubts | doubts.get("", 0) | doubts.get(key.amc, 0)
        if key in persons:
            extra = int(Reason.SHOWN_AGAINST_RULE) if ruled else 0
            everybody[key] = (persons[key].tier, persons[key].reasons | extra)
        elif ruled:
            everybody[key] = ("N", 0)
        else:
            everybody[key] = ("C" if doubt else "D", doubt)
    return everybody


def rule_out(registry: Registry, line: Mapping[str, Any], last_day: date) -> int:
    agreed = registry.agreed_from(line)
    if agreed > last_day:
        return RuledOut.AGREEMENT_LATER
    if line["ends"] < agreed:
        return RuledOut.LEFT_BEFORE_AGREEMENT
    routed = registry.routed.get(line["amc"])
    if routed is not None and line["contract"] not in routed:
        return RuledOut.NOT_ROUTED
    if line["starts"] > last_day + timedelta(days=AHEAD_DAYS):
        return RuledOut.JOINED_LATER
    return 0
