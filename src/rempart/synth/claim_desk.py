"""One professional's desk: who comes, what is billed, when it is sent, and what is wrong in it.

Refuses to know what is due: a claim says what a professional's software says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Final, NamedTuple

from rempart.claims.claim import Basket, ClaimLine
from rempart.exchange.billed_claim import BilledClaim
from rempart.rights.lookup import TypedIdentifiers
from rempart.synth.billing import (
    CaredFor,
    choose,
    draw_bill,
    draw_biller,
    draw_person,
    find_stated_base,
    guess_amo,
)
from rempart.synth.billing_parameters import DELAYS_DAYS, WRONG
from rempart.tariffs.care import find_base_cents, find_ceiling_cents

_SAYS_AMC_SHARE: Final = 0.5


@dataclass(slots=True, repr=False)
class Member:
    """Somebody of a feed: identifiers, and the days they are covered."""

    identifiers: TypedIdentifiers
    department: str
    woman: bool
    periods: list[tuple[date, date]] = field(default_factory=list)

    def is_covered(self, day: date) -> bool:
        """Tell whether a line of the feed covers a day; suspensions are left for the rights."""
        return any(start <= day <= end for start, end in self.periods)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SentClaim:
    """One claim with what is true of it.

    Args:
        claim: As the software sends it.
        checked_on: The day rights were checked.
        sent_on: The day it is sent.
        fault: What is wrong in it; empty for nothing.
    """

    claim: BilledClaim
    checked_on: date
    sent_on: date
    fault: str = ""


class _Checked(NamedTuple):
    """A check of rights that a claim follows."""

    member: Member
    person: CaredFor
    day: date


class Desk:
    """One professional.

    Args:
        dice: Chance.
        profession: Its code.
        panel: Who comes, the first ones more often.
        until: The last day on which claims are sent.
        days: Over how many days before it checks are spread.
    """

    def __init__(
        self, dice: Random, profession: str, panel: list[Member], until: date, days: int
    ) -> None:
        self._dice = dice
        self._profession = profession
        self._biller = draw_biller(dice, profession, 0)
        self._panel = panel
        self._persons: dict[int, CaredFor] = {}
        self._until = until
        self._days = days
        self._invoices = 0

    def draw(self) -> Iterator[SentClaim]:
        """Draw claims without end."""
        while True:
            checked = self._draw_check()
            lines = draw_bill(self._dice, checked.person, self._profession, checked.day)
            sent = self._send(checked, lines)
            fault = self._draw_fault()
            if fault == "twin":
                yield sent
                later = min(self._until, sent.sent_on + timedelta(days=2))
                yield replace(sent, claim=self._renumber(sent.claim), sent_on=later, fault=fault)
            else:
                yield self._spoil(sent, fault) if fault else sent

    def _draw_check(self) -> _Checked:
        """Draw who comes on which day: often people who are covered, as checks that open are."""
        for _ in range(20):
            place = int(self._dice.random() ** 2 * len(self._panel))
            member = self._panel[place]
            day = self._until - timedelta(days=int(self._dice.random() * self._days))
            if member.is_covered(day):
                break
        if place not in self._persons:
            self._persons[place] = draw_person(
                self._dice, member.identifiers.birth_date.text, self._until, woman=member.woman,
                department=member.department,
            )  # fmt: skip
        return _Checked(member, self._persons[place], day)

    def _send(self, checked: _Checked, lines: tuple[ClaimLine, ...]) -> SentClaim:
        delay = choose(self._dice, DELAYS_DAYS)
        sent_on = checked.day + timedelta(days=int(self._dice.random() * (delay + 1)))
        self._invoices += 1
        says = self._dice.random() < _SAYS_AMC_SHARE
        claim = BilledClaim(
            invoice=f"{self._invoices:09d}",
            identifiers=checked.member.identifiers,
            lines=lines,
            birth_date=checked.member.identifiers.birth_date.text,
            asked_amc_cents=tuple(_guess_amc(line) if says else None for line in lines),
            in_pathway=checked.person.beneficiary.in_pathway,
        )
        return SentClaim(claim=claim, checked_on=checked.day, sent_on=min(sent_on, self._until))

    def _draw_fault(self) -> str:
        return choose(self._dice, (*WRONG.items(), ("", 1 - sum(WRONG.values()))))

    def _spoil(self, sent: SentClaim, fault: str) -> SentClaim:
        """Make a claim wrong in one way; untouched when that way does not fit it."""
        claim = sent.claim
        lines: tuple[ClaimLine, ...] = claim.lines
        match fault:
            case "future":
                ahead = timedelta(days=1 + int(self._dice.random() * 40))
                lines = _move(lines, sent.sent_on + ahead)
            case "too_late":
                lines = _move(lines, sent.sent_on - timedelta(days=900))
            case "ceiling":
                lines = tuple(map(_pass_ceiling, lines))
            case "base":
                lines = tuple(map(_old_tariff, lines))
            case "asked" if None not in claim.asked_amc_cents:
                asked = tuple((cents or 0) + 150 for cents in claim.asked_amc_cents)
                return replace(sent, claim=replace(claim, asked_amc_cents=asked), fault=fault)
        if lines == claim.lines:
            return sent
        return replace(sent, claim=replace(claim, lines=lines), fault=fault)

    def _renumber(self, claim: BilledClaim) -> BilledClaim:
        self._invoices += 1
        return replace(claim, invoice=f"{self._invoices:09d}")


def _guess_amc(line: ClaimLine) -> int:
    """Return what simple software expects of any contract: the ticket modérateur."""
    amo = guess_amo(line) if line.amo_cents is None else line.amo_cents
    return max(0, find_stated_base(line) - amo)


def _move(lines: tuple[ClaimLine, ...], last_day: date) -> tuple[ClaimLine, ...]:
    """Move a bill so that its last act is on a day."""
    moved = last_day - max(line.care_date for line in lines)
    return tuple(replace(line, care_date=line.care_date + moved) for line in lines)


def _pass_ceiling(line: ClaimLine) -> ClaimLine:
    """Bill a frame or a hearing aid of the full basket above its ceiling."""
    name = {"MON": "frame_class_a", "PAU": "hearing_class_1"}.get(line.act.code)
    ceiling = find_ceiling_cents(name, line.care_date) if name else None
    if ceiling is None or line.basket is not Basket.FULL:
        return line
    return replace(line, billed_cents=(ceiling + 500) * line.quantity)


def _old_tariff(line: ClaimLine) -> ClaimLine:
    """State the tariff of before the last change."""
    tariff = find_base_cents(line.act.code, line.care_date)
    if tariff is None:
        return line
    return replace(line, base_cents=(tariff - 150) * line.quantity)
