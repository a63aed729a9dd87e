"""Claims that follow real checks: whose rights were checked, what was billed, what is wrong in it.

Reads a data set of `rempart synth` and bills for its people and its professionals; the same data
set and parameters give the same claims. Memory holds a sample of the people and one professional's
claims. Refuses to know what is due: a claim says what a professional's software says.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

from rempart.exchange.b2_file import format_lot
from rempart.exchange.billed_claim import BilledClaim
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.errors import NotFound
from rempart.kernel.nir import Nir
from rempart.rights.lookup import TypedIdentifiers
from rempart.synth.billing import guess_amo
from rempart.synth.billing_parameters import FOLLOWED
from rempart.synth.claim_desk import Desk, Member, SentClaim
from rempart.synth.data_files import split_by_weight
from rempart.synth.data_set import load_parameters, read_members
from rempart.synth.dice import make_dice
from rempart.synth.files import write_table
from rempart.synth.plan import Insurer, plan

CLAIMS: Final = "claims.jsonl"
TRUTH: Final = "claims-truth.csv"
LOTS: Final = "lots"
TRUTH_COLUMNS: Final = (
    "line", "invoice", "rpps", "siret", "finess", "checked_on", "sent_on", "fault", "lot",
)  # fmt: skip
_PERSONS: Final = 20_000
"""Most people kept in memory, over all insurers."""
_PANEL: Final = 60
_LOCAL_SHARE: Final = 0.8
_LOT_SHARE: Final = 0.25
"""Of establishments: send files of lots instead of messages."""
_B2_MOST_UNITS: Final = 99
# Look-ups of an open day, which traffic_parameters cites: a claim follows a check.
_CHECKS: Final = {
    "pharmacy": 100, "general_practitioner": 22, "nurse": 12, "physiotherapist": 8, "dentist": 11,
    "optician": 9, "laboratory": 110, "hospital": 350, "imaging": 70,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimParameters:
    """Which claims.

    Args:
        claims: How many, wrong ones included.
        seed: Another seed, other claims.
        until: The last day on which claims are sent; that of the data set when None.
        days: Over how many days before it checks are spread.

    Raises:
        ValueError: a value is out of its bounds.
    """

    claims: int
    seed: int = 1
    until: date | None = None
    days: int = 365

    def __post_init__(self) -> None:
        if self.claims < 1 or not 1 <= self.days <= 3_650 or self.seed < 0:
            raise ValueError(
                "claims and days are at least 1, days at most 3650, the seed 0 or more"
            )


def to_message(claim: BilledClaim) -> dict[str, Any]:
    """Return a claim as software sends it to POST /v1/claims: what is not said is left out."""
    who = claim.identifiers
    if not isinstance(who, TypedIdentifiers):
        raise TypeError("synthetic claims name people by typed identifiers")
    message: dict[str, Any] = {
        "invoice": claim.invoice,
        "beneficiary": {
            "mode": "typed",
            "amc_number": who.amc_number.number,
            "insured_nir": f"{who.insured_nir.number}{who.insured_nir.key:02d}",
            "birth_date": who.birth_date.text,
            "birth_rank": who.birth_rank.number,
        },
        "in_pathway": claim.in_pathway,
        "lines": [
            _leave_out(
                number=line.number,
                act=line.act.code,
                care_date=line.care_date.isoformat(),
                quantity=line.quantity,
                billed_cents=line.billed_cents,
                base_cents=line.base_cents,
                amo_cents=line.amo_cents,
                asked_amc_cents=asked,
                basket=line.basket,
                equipment=line.equipment,
                correction=line.correction,
                exoneration=line.exoneration,
                early_renewal=line.early_renewal or None,
            )
            for line, asked in zip(claim.lines, claim.asked_amc_cents, strict=True)
        ],
    }
    return message | _leave_out(engagement=claim.engagement or None, pec=claim.pec or None)


def write_claims(
    parameters: ClaimParameters,
    data: Path,
    out: Path,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, int]:
    """Write claims of the people and professionals of a data set.

    Args:
        parameters: Which claims.
        data: A directory written by `rempart synth`.
        out: Where to write: messages, lots by establishment, and what is true of each claim.
        progress: Called as claims are written.

    Returns:
        How many claims and lines were written, by fault and by way.

    Raises:
        NotFound: `data` holds no data set.
    """
    counts: Counter[str] = Counter()
    (out / LOTS).mkdir(parents=True, exist_ok=True)
    truth: list[tuple[str, ...]] = []
    with (out / CLAIMS).open("w", encoding="utf-8", newline="\n") as messages:
        for professional, sent in draw_claims(parameters, data):
            as_lot = _sends_lots(parameters, professional)
            kept = [one for one in sent if not as_lot or fits_lot(one.claim)]
            lot = _write_lot(out, professional, kept) if as_lot else ""
            for one in kept:
                if not as_lot:
                    messages.write(json.dumps(to_message(one.claim), separators=(",", ":")) + "\n")
                    counts["messages"] += 1
                line = "" if as_lot else str(counts["messages"])
                truth.append(_describe(one, professional, line, lot))
                counts.update(claims=1, lines=len(one.claim.lines))
                counts[f"fault {one.fault}" if one.fault else "right"] += 1
            progress(len(sent))
    write_table(out / TRUTH, TRUTH_COLUMNS, truth)
    return dict(counts)


def draw_claims(
    parameters: ClaimParameters, data: Path
) -> Iterator[tuple[dict[str, str], list[SentClaim]]]:
    """Draw the claims of each professional of a data set, in the order they are sent.

    Raises:
        NotFound: `data` holds no data set.
    """
    written = load_parameters(data)
    if written is None:
        raise NotFound(f"{data} holds no synthetic data set: write one with `rempart synth`.")
    until = parameters.until or written.today
    with (data / "professionals.csv").open(encoding="utf-8", newline="") as lines:
        professionals = list(csv.DictReader(lines, delimiter=";"))
    members = _read_sample(data, plan(written).insurers)
    by_department: dict[str, list[Member]] = {}
    for member in members:
        by_department.setdefault(member.department, []).append(member)
    weights = [_CHECKS[p["profession"]] * FOLLOWED[p["profession"]] for p in professionals]
    shares = split_by_weight(parameters.claims, weights)
    for professional, share in zip(professionals, shares, strict=True):
        if share:
            dice = make_dice(parameters.seed, "claims", professional["rpps"])
            nearby = by_department.get(professional["postcode"][:2], members)
            panel = [
                _pick(dice, nearby if dice.random() < _LOCAL_SHARE else members)
                for _ in range(_PANEL)
            ]
            desk = Desk(dice, professional["profession"], panel, until, parameters.days)
            yield professional, sorted(islice(desk.draw(), share), key=lambda one: one.sent_on)


def fits_lot(claim: BilledClaim) -> bool:
    """Tell whether the fields of a file of lots are wide enough for a claim."""
    return all(
        line.quantity <= _B2_MOST_UNITS and line.billed_cents < 100_000_000 for line in claim.lines
    )


def _pick(dice: Random, some: Sequence[Member]) -> Member:
    return some[int(dice.random() * len(some))]


def _read_sample(data: Path, insurers: Sequence[Insurer]) -> list[Member]:
    """Read the first people of each feed, more of the large ones."""
    whole = sum(insurer.members for insurer in insurers)
    members: list[Member] = []
    for insurer in insurers:
        most = min(insurer.members, 2 + _PERSONS * insurer.members // whole)
        found: dict[tuple[str, str, str], Member] = {}
        for row in read_members(data, insurer.amc_number, 3 * most):
            key = (row["insured_nir"], row["birth_date"], row["birth_rank"])
            if key not in found and len(found) < most:
                found[key] = make_member(row)
            if key in found:
                start = date.fromisoformat(row["period_start"])
                end = date.fromisoformat(row["period_end"]) if row["period_end"] else date.max
                found[key].periods.append((start, end))
        members += found.values()
    return members


def make_member(row: dict[str, str]) -> Member:
    """Return who a row of a feed is about; the days they are covered are left out."""
    own = row["own_nir"] or row["insured_nir"]
    return Member(
        identifiers=TypedIdentifiers(
            amc_number=AmcNumber.parse(row["amc_number"]),
            insured_nir=Nir.parse(row["insured_nir"]),
            birth_date=BirthDate(row["birth_date"]),
            birth_rank=BirthRank.parse(row["birth_rank"]),
        ),
        department=row["postcode"][:2],
        woman=own[:1] in ("2", "8"),
    )


def _sends_lots(parameters: ClaimParameters, professional: dict[str, str]) -> bool:
    dice = make_dice(parameters.seed, "lots", professional["siret"])
    return bool(professional["finess"]) and dice.random() < _LOT_SHARE


def _write_lot(out: Path, professional: dict[str, str], sent: list[SentClaim]) -> str:
    """Write one file with a lot for each day of sending; what the software does not know is 0."""
    name = f"{professional['finess']}-{professional['rpps']}.b2"
    by_day: dict[date, list[BilledClaim]] = {}
    for one in sent:
        by_day.setdefault(one.sent_on, []).append(_state_all(one.claim))
    with (out / LOTS / name).open("w", encoding="latin-1", newline="\r\n") as file:
        for number, (day, claims) in enumerate(by_day.items(), 1):
            for text in format_lot(number, professional["finess"], day, claims):
                file.write(text + "\n")
    return name


def _state_all(claim: BilledClaim) -> BilledClaim:
    """State every amount, as a file has no way not to."""
    lines = tuple(
        line if line.amo_cents is not None else replace(line, amo_cents=guess_amo(line))
        for line in claim.lines
    )
    asked = tuple(cents or 0 for cents in claim.asked_amc_cents)
    return replace(claim, lines=lines, asked_amc_cents=asked)


def _describe(one: SentClaim, professional: dict[str, str], line: str, lot: str) -> tuple[str, ...]:
    return (
        line, one.claim.invoice, professional["rpps"], professional["siret"],
        professional["finess"], one.checked_on.isoformat(), one.sent_on.isoformat(), one.fault, lot,
    )  # fmt: skip


def _leave_out(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
