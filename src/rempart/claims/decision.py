"""What becomes of one claim: controls, then its lines shared out, then what is told besides.

Refuses to share out a line that a rejection stops, and to stop a line because of another one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from rempart.claims.adjudication import AdjudicatedLine, Contract, adjudicate_line
from rempart.claims.claim import Claim, ClaimLine
from rempart.claims.controls import ClaimFinding, Known, control_claim, list_rejected
from rempart.claims.counters import Counters
from rempart.claims.states import ClaimEvent


class Decided(NamedTuple):
    """What becomes of a claim.

    Attributes:
        event: ADJUDICATE, REJECT when no line goes on, or HOLD.
        findings: What its controls say, in the order of lines, then of rules.
        lines: The lines that go on, shared out; none of a claim that is held.
    """

    event: ClaimEvent
    findings: tuple[ClaimFinding, ...]
    lines: tuple[AdjudicatedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a claim is shared out on.

    Args:
        contracts: The contract that pays each line, by its number; absent when none does.
        amo_counters: What compulsory insurance has withheld already; changed.
        is_held: Whether the claim waits for somebody, whatever its controls say.
    """

    contracts: Mapping[int, Contract]
    amo_counters: Counters
    is_held: bool = False


def decide_claim(claim: Claim, known: Known, ground: Ground) -> Decided:
    """Control a claim and share out what may go on.

    Args:
        claim: The claim.
        known: What the platform knows of it; amounts computed are added here.
        ground: What it is shared out on; counters change, but for a claim that is held or rejected.
    """
    findings = tuple(control_claim(claim, known))
    if ground.is_held:
        return Decided(ClaimEvent.HOLD, findings, ())
    rejected = list_rejected(claim, findings)
    accepted = tuple(line for line in claim.lines if line.number not in rejected)
    if not accepted:
        return Decided(ClaimEvent.REJECT, findings, ())
    lines = tuple(_share_out(claim, accepted, ground))
    if known.asked_amc_cents:
        computed = {one.line.number: one.amc_cents for one in lines}
        findings = tuple(control_claim(claim, replace(known, computed_amc_cents=computed)))
    return Decided(ClaimEvent.ADJUDICATE, findings, lines)


def _share_out(
    claim: Claim, accepted: tuple[ClaimLine, ...], ground: Ground
) -> Iterator[AdjudicatedLine]:
    """Share lines out in the order of the bill; each sees the others of its claim."""
    for line in accepted:
        contract = ground.contracts.get(line.number)
        paying = [] if contract is None else [contract]
        yield adjudicate_line(
            line,
            claim.beneficiary,
            claim.biller,
            paying,
            ground.amo_counters,
            together=accepted,
        )
