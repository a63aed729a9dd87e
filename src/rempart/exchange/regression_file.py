"""A regression pack: cases that an insurer keeps beside its tables, with what is expected of each.

    [[case]]
    name = "Consultation, secteur 1"
    table = "CONFORT"
    born = "19700101"
    joined = 2020-01-01

    [[case.line]]
    act = "G"
    day = 2026-03-02
    billed = "30,00"
    expected = "9,00"

Amounts are euros in quotes; `base`, `amo`, `quantity`, `basket`, `correction` and `equipment` as
on a claim. Refuses a case it cannot read to its end.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import msgspec

from rempart.claims.amo import BASE_MISSING, lacks_base
from rempart.claims.claim import Basket, Beneficiary, Biller, Claim, ClaimLine, Correction
from rempart.exchange.benefit_file import parse_euros
from rempart.exchange.billed_claim import CARE_DAY, FIRST_DAY, LAST_DAY
from rempart.kernel.birth import BirthDate
from rempart.kernel.errors import InvalidRequest
from rempart.kernel.findings import BadValue
from rempart.tariffs.care import ActKind

MOST_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionCase:
    """One case: a claim, the table that pays it, and what is expected of its lines, in cents."""

    name: str
    table: str
    joined_on: date
    claim: Claim
    expected_cents: Mapping[int, int]


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    act: str
    day: date
    billed: str
    expected: str | None = None
    base: str | None = None
    amo: str | None = None
    quantity: int = 1
    basket: Basket | None = None
    correction: Correction | None = None
    equipment: str | None = None


class _Case(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    table: str
    born: str
    joined: date
    line: list[_Line]
    optam: bool | None = None
    circuits: list[str] = []
    in_pathway: bool = True


class _Pack(msgspec.Struct, forbid_unknown_fields=True):
    case: list[_Case]


def read_regression_pack(content: bytes) -> tuple[RegressionCase, ...]:
    """Read a regression pack.

    Raises:
        InvalidRequest: it is not readable; the message says where.
    """
    if len(content) > MOST_BYTES:
        raise InvalidRequest("the pack is longer than a megabyte: cut it in several")
    try:
        pack = msgspec.convert(tomllib.loads(content.decode()), _Pack)
    except (ValueError, RecursionError) as wrong:
        raise InvalidRequest(f"the pack cannot be read: {wrong}") from None
    return tuple(_make_case(number, case) for number, case in enumerate(pack.case, 1))


def check_line(line: ClaimLine) -> None:
    """Check that a line of a case can be shared out.

    Raises:
        BadValue: its day is not one that is billed, or its base is neither given nor known.
    """
    if not FIRST_DAY <= line.care_date <= LAST_DAY:
        raise BadValue(CARE_DAY)
    if lacks_base(line):
        raise BadValue(BASE_MISSING)


def _make_case(number: int, case: _Case) -> RegressionCase:
    try:
        lines = tuple(_make_line(place, line) for place, line in enumerate(case.line, 1))
        person = Beneficiary(born=BirthDate.parse(case.born), in_pathway=case.in_pathway)
        biller = Biller(optam=case.optam, circuits=frozenset(case.circuits))
        claim = Claim(beneficiary=person, biller=biller, lines=lines)
        expected = {
            place: cents
            for place, line in enumerate(case.line, 1)
            if (cents := parse_euros(line.expected)) is not None
        }
    except ValueError as wrong:
        raise InvalidRequest(f"case {number}: {wrong}") from None
    return RegressionCase(
        name=case.name,
        table=case.table,
        # Whoever joins after the last day of care has joined too late, whenever that is.
        joined_on=min(case.joined, LAST_DAY),
        claim=claim,
        expected_cents=expected,
    )


def _make_line(number: int, line: _Line) -> ClaimLine:
    made = ClaimLine(
        number=number,
        act=ActKind.parse(line.act),
        care_date=line.day,
        billed_cents=parse_euros(line.billed) or 0,
        quantity=line.quantity,
        base_cents=parse_euros(line.base),
        amo_cents=parse_euros(line.amo),
        basket=line.basket,
        correction=line.correction,
        equipment=line.equipment,
    )
    check_line(made)
    return made
