"""Tell what became of a claim, line by line, in words: to who billed it, its insurer, its member.

The database says who sees it; another's claim and none look the same. Refuses to compute anything
again: what is told is what was written when it was shared out.
"""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from rempart.accounts.permissions import Permission, check_can
from rempart.claims.adjudication import AdjudicatedLine, AmcPart
from rempart.claims.claim import ClaimLine
from rempart.claims.controls import BY_RULE, Severity
from rempart.claims.explanation import explain_line
from rempart.claims.stored_steps import parse_amo, parse_steps
from rempart.kernel.errors import NotFound
from rempart.kernel.findings import Language
from rempart.storage import claim_pages
from rempart.storage.claim_pages import ClaimRead, CountRead, EventRead, LineRead
from rempart.storage.connect import Transaction
from rempart.tariffs.care import ActKind
from rempart.workflows.accounts.administer_organisation import Asker

__all__ = ["ClaimRead", "CountRead", "EventRead", "LineRead"]


class FindingExplained(NamedTuple):
    """One control that speaks.

    Attributes:
        line: Number of the line; 0 for the whole claim.
        rule: Stable name of the rule.
        message: What is wrong.
        advice: What to do.
        is_rejection: Whether it stopped the line.
        code: The national anomaly code it resembles; empty for none.
        until: Last day a corrected claim is taken; None when it cannot be corrected.
        to_member: Whether what is not paid may be asked of the member.
    """

    line: int
    rule: str
    message: str
    advice: str
    is_rejection: bool
    code: str
    until: date | None
    to_member: bool


class LineExplained(NamedTuple):
    """One line: as read, its act in words, and one sentence for each step; none if rejected."""

    line: LineRead
    label: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimExplained:
    """A claim, its lines, what its controls said, and the steps of its life."""

    claim: ClaimRead
    lines: tuple[LineExplained, ...]
    findings: tuple[FindingExplained, ...]
    events: tuple[EventRead, ...]


def explain_claim(
    tx: Transaction, asker: Asker | None, claim_ref: int, language: Language = "fr"
) -> ClaimExplained:
    """Return a claim in words.

    Args:
        tx: A transaction with the asker's ticket, or one of the settler.
        asker: Who asks; None for the command line.
        claim_ref: Which.
        language: Of labels, findings and sentences. What contracts say stays as they say it.

    Raises:
        NotAllowed: their role does not read claims.
        NotFound: there is no such claim for them.
    """
    if asker is not None:
        check_can(asker.visitor, Permission.READ_CLAIM, now=asker.now)
    claim = claim_pages.load_claim(tx, claim_ref)
    if claim is None:
        raise NotFound("no such claim")
    lines = claim_pages.list_lines(tx, claim_ref)
    return ClaimExplained(
        claim=claim,
        lines=tuple(_explain(line, language) for line in lines),
        findings=tuple(_explain_finding(one, language) for one in claim.findings),
        events=tuple(claim_pages.list_events(tx, claim_ref)),
    )


def count_claims(tx: Transaction, asker: Asker | None, since: date) -> list[CountRead]:
    """Return how many claims, and sums, by day, insurer and state: all that the host sees.

    Raises:
        NotAllowed: their role does not read services.
    """
    if asker is not None:
        check_can(asker.visitor, Permission.READ_SERVICES, now=asker.now)
    return claim_pages.count_claims(tx, since)


def _explain(line: LineRead, language: Language) -> LineExplained:
    act = ActKind.parse(line.act)
    sentences: tuple[str, ...] = ()
    if line.amc_cents is not None:
        shared = AdjudicatedLine(
            ClaimLine(
                number=line.number,
                act=act,
                care_date=line.care_on,
                billed_cents=line.billed_cents,
                quantity=line.quantity,
            ),
            parse_amo(line.steps),
            tuple(AmcPart(part["cents"], None, parse_steps(part["steps"])) for part in line.parts),
            line.reste_a_charge_cents or 0,
        )
        sentences = tuple(explain_line(shared, language))
    return LineExplained(line, act.label(language), sentences)


def _explain_finding(record: dict[str, str | int | None], language: Language) -> FindingExplained:
    control = BY_RULE[str(record["rule"])]
    until = record["until"]
    return FindingExplained(
        line=int(record["line"] or 0),
        rule=control.refusal.rule,
        message=control.refusal.message(language),
        advice=control.refusal.advice(language),
        is_rejection=control.severity is Severity.REJECTION,
        code=control.code,
        until=None if until is None else date.fromisoformat(str(until)),
        to_member=control.to_member,
    )
