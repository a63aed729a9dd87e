"""Files of claims in lines of 128 characters: lots, claims and acts, read one after the other.

A claim that cannot be read is refused alone, with its findings, and the others go on; a lot whose
end does not count what it holds is refused whole. Memory holds one lot, or with `stream_lots` one
claim. Modelled, not conformant: see `b2_lines`.

Refuses to guess: a total that does not add up is a finding, never corrected.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Final, TypeVar

from rempart.claims.claim import Basket, ClaimLine, Correction, Exoneration
from rempart.exchange.b2_lines import (
    ACT,
    BENEFICIARY,
    CLAIM_END,
    CLAIM_START,
    FIELD,
    LOT_END,
    LOT_HEADER,
    BadField,
    LineKind,
    Value,
    find_kind,
    format_line,
    parse_line,
)
from rempart.exchange.billed_claim import LINES, BilledClaim
from rempart.exchange.billed_claim import MOST_LINES as MOST_CLAIM_LINES
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.findings import BadValue, Finding, Language, Refusal, format_finding
from rempart.kernel.nir import Nir
from rempart.rights.lookup import TypedIdentifiers
from rempart.tariffs.care import ActKind

MOST_LINES: Final = 2_000_000
"""Of a lot: what one lot may hold at most."""
MOST_FINDINGS: Final = 1_000
"""Told of one lot; beyond, claims are still refused and counted."""

ORDER: Final = Refusal(
    rule="b2_order",
    fr="Cette ligne n’est pas à sa place.",
    en="This line is not in its place.",
    advice_fr="Un lot : une ligne 1, des factures (2, 2S, 4…, 5), une ligne 9.",
    advice_en="A lot: one line 1, claims (2, 2S, 4…, 5), one line 9.",
)
TOTAL: Final = Refusal(
    rule="b2_total",
    fr="Le total n’est pas la somme des lignes.",
    en="The total is not the sum of the lines.",
    advice_fr="Recalculer le total de la facture ou du lot, puis renvoyer le lot.",
    advice_en="Compute the total of the claim or lot again, then send the lot again.",
)
UNFINISHED: Final = Refusal(
    rule="b2_unfinished",
    fr="Le fichier s’arrête avant la fin du lot.",
    en="The file stops before the end of the lot.",
    advice_fr="Renvoyer le fichier entier.",
    advice_en="Send the whole file again.",
)
TOO_LONG: Final = Refusal(
    rule="b2_too_long",
    fr="Le lot dépasse deux millions de lignes.",
    en="The lot is longer than two million lines.",
    advice_fr="Envoyer plusieurs lots.",
    advice_en="Send several lots.",
)
LINE: Final = Refusal(
    rule="b2_act",
    fr="Cet acte ne peut pas exister : quantité nulle, montant impossible, part AMO trop grande.",
    en="This act cannot be: no quantity, an impossible amount, too large an AMO part.",
    advice_fr="Vérifier la quantité et les montants de la ligne.",
    advice_en="Check the quantity and the amounts of the line.",
)

Made = TypeVar("Made")
_BASKETS: Final = {"F": Basket.FULL, "M": Basket.MODERATE, "L": Basket.FREE}
_CORRECTIONS: Final = {
    "1": Correction.SIMPLE, "2": Correction.COMPLEX, "3": Correction.VERY_COMPLEX,
}  # fmt: skip
_EXONERATIONS: Final = {
    "4": Exoneration.ALD, "5": Exoneration.MATERNITY, "6": Exoneration.WORK_ACCIDENT,
}  # fmt: skip
_OUTSIDE_PATHWAY: Final = "H"


@dataclass(slots=True)
class B2Lot:
    """One lot as read.

    Args:
        number: The biller's number.
        finess: Who sends it.
        made_on: The day it was made.
        at: Its first line in the file.
        claims: The claims that can be taken, in order.
        findings: What is wrong, with its line, the first thousand; a claim with a finding is not
            among `claims`.
        refused: How many claims are refused.
        is_whole: Whether its end is there and counts what it holds; otherwise nothing is taken.
    """

    number: int
    finess: str
    made_on: date
    at: int
    claims: list[BilledClaim] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    refused: int = 0
    is_whole: bool = False


def read_lots(lines: Iterable[bytes], language: Language = "fr") -> Iterator[B2Lot]:
    """Read the lots of a file.

    Args:
        lines: The file's lines; ends of line of any system.
        language: Of the findings.

    Returns:
        The lots in order. Lines outside a lot make a lot of their own, number 0, with a finding.
    """
    reader = _Reader(language)
    for number, raw in enumerate(lines, 1):
        # Latin-1 reads any byte; whatever is not printable is refused by its field.
        text = raw.rstrip(b"\r\n").decode("latin-1")
        if text.strip() and (lot := reader.take(number, text)) is not None:
            yield lot
    if (lot := reader.finish()) is not None:
        yield lot


def stream_lots(lines: Iterable[bytes], language: Language = "fr") -> Iterator[BilledClaim | B2Lot]:
    """Read the lots of a file as `read_lots` does, holding one claim at a time.

    Returns:
        Each claim that can be read, then its lot, with no claim left in it: only its end says
        whether it is whole.
    """
    reader = _Reader(language)
    for number, raw in enumerate(lines, 1):
        text = raw.rstrip(b"\r\n").decode("latin-1")
        if text.strip():
            ended = reader.take(number, text)
            lot = ended or reader.lot
            if lot is not None and lot.claims:
                yield from lot.claims
                lot.claims.clear()
            if ended is not None:
                yield ended
    if (lot := reader.finish()) is not None:
        yield lot


def format_lot(
    number: int, finess: str, made_on: date, claims: Iterable[BilledClaim]
) -> Iterator[str]:
    """Write a lot, line by line without ends of line; `read_lots` reads it back the same.

    Raises:
        BadField: a value does not fit its field.
        TypeError: a claim is not known by typed identifiers.
    """
    yield format_line(LOT_HEADER, {"finess": finess, "lot": number, "made_on": made_on})
    count, lines, amc = 0, 1, 0
    for claim in claims:
        for line in _format_claim(claim):
            lines += 1
            yield line
        count += 1
        amc += sum(cents or 0 for cents in claim.asked_amc_cents)
    end: dict[str, Value] = {"lot": number, "claims": count, "lines": lines + 1, "amc_cents": amc}
    yield format_line(LOT_END, end)


class _Open:
    """A claim whose end is not read yet."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.start: dict[str, Value] = {}
        self.beneficiary: dict[str, Value] | None = None
        self.acts: list[tuple[int, dict[str, Value]]] = []
        self.amc_cents = 0
        self.is_wrong = False


class _Reader:
    """Where a file is: which lot, which claim."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._lot: B2Lot | None = None
        self._claim: _Open | None = None
        self._lines = 0
        self._seen_claims = 0
        self._amc: int | None = 0

    @property
    def lot(self) -> B2Lot | None:
        """The lot whose end is not read yet."""
        return self._lot

    def take(self, at: int, text: str) -> B2Lot | None:
        """Take a line; return the lot it ends."""
        try:
            kind, values = parse_line(text)
        except BadField as bad:
            self._take_unreadable(at, find_kind(text), bad)
            return None
        except BadValue as bad:
            self._note(at, "line", bad)
            return None
        if kind is LOT_HEADER:
            unfinished = self._cut(at) if self._lot is not None else None
            self._begin(at, values)
            return unfinished
        self._lines += 1
        if self._lines > MOST_LINES:
            self._note(at, "line", BadValue(TOO_LONG))
            return self._close(is_whole=False)
        if kind is LOT_END:
            return self._end(at, values)
        self._take_claim_line(at, kind, values)
        return None

    def finish(self) -> B2Lot | None:
        """Return the lot that the end of the file cuts, if there is one."""
        return self._cut(None) if self._lot is not None else None

    def _begin(self, at: int, values: dict[str, Value]) -> None:
        number, finess, made_on = values["lot"], values["finess"], values["made_on"]
        self._lot = B2Lot(_int(number), str(finess), _day(made_on), at)
        self._claim, self._lines, self._seen_claims, self._amc = None, 1, 0, 0

    def _take_claim_line(self, at: int, kind: LineKind, values: dict[str, Value]) -> None:
        claim = self._claim
        if kind is CLAIM_START:
            if claim is not None:
                self._refuse_order(at, claim)
            self._claim = _Open(at)
            self._claim.start = values
        elif claim is None:
            self._note(at, "line", BadValue(ORDER))
        elif kind is BENEFICIARY and claim.beneficiary is None and not claim.acts:
            claim.beneficiary = values
        elif kind is ACT and (claim.beneficiary is not None or claim.is_wrong):
            self._take_act(at, claim, values)
        elif kind is CLAIM_END and (claim.acts or claim.is_wrong):
            self._end_claim(at, claim, values)
            self._claim = None
        else:
            self._refuse_order(at, claim)

    def _take_act(self, at: int, claim: _Open, values: dict[str, Value]) -> None:
        """Keep an act, as long as a claim may have so many: of more, only what they add up to."""
        claim.amc_cents += _int(values["amc_cents"])
        if len(claim.acts) < MOST_CLAIM_LINES:
            claim.acts.append((at, values))
        elif not claim.is_wrong:
            self._note(at, "lines", BadValue(LINES))

    def _take_unreadable(self, at: int, kind: LineKind, bad: BadField) -> None:
        """Note a field that cannot be read: its claim is refused, and counted all the same."""
        if kind is not LOT_HEADER:
            self._lines += 1
        # What the lot adds up to cannot be compared any more.
        self._amc = None
        if kind is CLAIM_START:
            self._claim = _Open(at)
        elif kind is CLAIM_END and self._claim is not None:
            self._seen_claims += 1
            self._lot_now(at).refused += 1
        self._note(at, bad.field, bad)
        if kind is CLAIM_END:
            self._claim = None

    def _refuse_order(self, at: int, claim: _Open) -> None:
        claim.is_wrong = True
        self._note(at, "line", BadValue(ORDER))

    def _end_claim(self, at: int, claim: _Open, values: dict[str, Value]) -> None:
        self._seen_claims += 1
        made = None
        if not claim.is_wrong:
            made = self._make(claim)
            if made is not None and not _adds_up(made, values):
                self._note(at, "total_cents", BadValue(TOTAL))
                made = None
        if self._amc is not None:
            self._amc += claim.amc_cents
        lot = self._lot_now(at)
        if made is None:
            lot.refused += 1
        else:
            lot.claims.append(made)

    def _make(self, claim: _Open) -> BilledClaim | None:
        """Make a claim of its lines; note what forbids it, field by field."""
        start, who = claim.start, claim.beneficiary or {}
        identifiers = self._read(claim.at, "birth_date", lambda: _make_identifiers(start, who))
        lines = [self._read(at, "act", partial(_make_line, act, start)) for at, act in claim.acts]
        if identifiers is None or claim.is_wrong:
            return None
        return BilledClaim(
            invoice=str(start["invoice"]),
            identifiers=identifiers,
            lines=tuple(line for line in lines if line is not None),
            birth_date=identifiers.birth_date.text,
            asked_amc_cents=tuple(_int(act["amc_cents"]) for _, act in claim.acts),
            engagement=str(who.get("engagement") or ""),
            pec=str(who.get("pec") or ""),
            in_pathway=who.get("pathway") != _OUTSIDE_PATHWAY,
            at=claim.at,
        )

    def _read(self, at: int, name: str, make: Callable[[], Made]) -> Made | None:
        try:
            return make()
        except BadValue as bad:
            self._note(at, bad.field if isinstance(bad, BadField) else name, bad)
        except ValueError:
            self._note(at, name, BadValue(LINE))
        return None

    def _end(self, at: int, values: dict[str, Value]) -> B2Lot | None:
        if self._lot is None:
            self._note(at, "line", BadValue(ORDER))
            return None
        if self._claim is not None:
            self._refuse_order(at, self._claim)
        amc = values["amc_cents"] if self._amc is None else self._amc
        counted = (self._lot.number, self._seen_claims, self._lines, amc)
        said = tuple(values[name] for name in ("lot", "claims", "lines", "amc_cents"))
        if said != counted:
            self._note(at, "lot", BadValue(TOTAL))
        return self._close(is_whole=said == counted and self._claim is None)

    def _cut(self, at: int | None) -> B2Lot | None:
        lot = self._lot_now(at or 1)
        lot.findings.append(
            format_finding(BadValue(UNFINISHED), field="lot", line=at, language=self._language)
        )
        return self._close(is_whole=False)

    def _close(self, *, is_whole: bool) -> B2Lot | None:
        lot, self._lot, self._claim = self._lot, None, None
        if lot is not None:
            lot.is_whole = is_whole
        return lot

    def _lot_now(self, at: int) -> B2Lot:
        if self._lot is None:
            self._lot = B2Lot(0, "", date.min, at)
        return self._lot

    def _note(self, at: int, name: str, bad: BadValue) -> None:
        if self._claim is not None:
            self._claim.is_wrong = True
        findings = self._lot_now(at).findings
        if len(findings) < MOST_FINDINGS:
            findings.append(format_finding(bad, field=name, line=at, language=self._language))


def _make_identifiers(start: dict[str, Value], who: dict[str, Value]) -> TypedIdentifiers:
    """Read who a claim is for; a fault names its field."""
    pieces: dict[str, Callable[[], object]] = {
        "amc_number": lambda: AmcNumber.parse(str(start["amc_number"])),
        "nir": lambda: Nir.parse(f"{start['nir']}{start['nir_key']}"),
        "birth_date": lambda: BirthDate.parse(str(who["birth_date"])),
        "birth_rank": lambda: BirthRank.parse(str(start["birth_rank"])),
    }
    for name, make in pieces.items():
        try:
            make()
        except BadValue as bad:
            raise BadField(bad.refusal, name) from None
    return TypedIdentifiers(
        amc_number=AmcNumber.parse(str(start["amc_number"])),
        insured_nir=Nir.parse(f"{start['nir']}{start['nir_key']}"),
        birth_date=BirthDate.parse(str(who["birth_date"])),
        birth_rank=BirthRank.parse(str(start["birth_rank"])),
    )


def _make_line(act: dict[str, Value], start: dict[str, Value]) -> ClaimLine:
    exoneration = act["exoneration"] or start["exoneration"]
    return ClaimLine(
        number=_int(act["line"]),
        act=ActKind.parse(str(act["act"])),
        care_date=_day(act["care_date"]),
        billed_cents=_int(act["billed_cents"]),
        quantity=_int(act["quantity"]),
        base_cents=_int(act["base_cents"]),
        amo_cents=_int(act["amo_cents"]),
        basket=_find_meaning(_BASKETS, "basket", act["basket"]),
        equipment=None if act["equipment"] is None else str(act["equipment"]),
        correction=_find_meaning(_CORRECTIONS, "correction", act["correction"]),
        exoneration=_find_meaning(_EXONERATIONS, "exoneration", exoneration),
    )


def _adds_up(claim: BilledClaim, end: dict[str, Value]) -> bool:
    billed = sum(line.billed_cents for line in claim.lines)
    amo = sum(line.amo_cents or 0 for line in claim.lines)
    return (
        end["invoice"] == claim.invoice
        and end["billed_cents"] == end["total_cents"] == billed
        and end["amo_cents"] == amo
        and end["amc_cents"] == sum(cents or 0 for cents in claim.asked_amc_cents)
    )


def _format_claim(claim: BilledClaim) -> Iterator[str]:
    who = claim.identifiers
    if not isinstance(who, TypedIdentifiers):
        raise TypeError("a file of claims names people by typed identifiers")
    nir = who.insured_nir
    yield format_line(
        CLAIM_START,
        {
            "nir": nir.number,
            "nir_key": f"{nir.key:02d}",
            "invoice": claim.invoice,
            "born": claim.birth_date[2:],
            "birth_rank": int(who.birth_rank.format()),
            "amc_number": who.amc_number.number,
        },
    )
    yield format_line(
        BENEFICIARY,
        {
            "birth_date": claim.birth_date,
            "engagement": claim.engagement.replace("-", "") or None,
            "pec": claim.pec or None,
            "pathway": None if claim.in_pathway else _OUTSIDE_PATHWAY,
        },
    )
    for line, amc in zip(claim.lines, claim.asked_amc_cents, strict=True):
        yield format_line(ACT, _describe_act(line, amc or 0))
    billed = sum(line.billed_cents for line in claim.lines)
    end: dict[str, Value] = {
        "invoice": claim.invoice,
        "billed_cents": billed,
        "amo_cents": sum(line.amo_cents or 0 for line in claim.lines),
        "amc_cents": sum(cents or 0 for cents in claim.asked_amc_cents),
        "total_cents": billed,
    }
    yield format_line(CLAIM_END, end)


def _describe_act(line: ClaimLine, amc_cents: int) -> dict[str, Value]:
    return {
        "line": line.number,
        "basket": _find_letter(_BASKETS, line.basket),
        "equipment": line.equipment,
        "correction": _find_letter(_CORRECTIONS, line.correction),
        "exoneration": _find_letter(_EXONERATIONS, line.exoneration),
        "care_date": line.care_date,
        "act": line.act.code,
        "quantity": line.quantity,
        "coefficient": 100,
        "unit_cents": line.billed_cents // line.quantity,
        "base_cents": line.base_cents or 0,
        "rate": 0,
        "amo_cents": line.amo_cents or 0,
        "billed_cents": line.billed_cents,
        "amc_cents": amc_cents,
    }


def _find_meaning(letters: Mapping[str, Made], name: str, letter: Value) -> Made | None:
    if letter is None:
        return None
    try:
        return letters[str(letter)]
    except KeyError:
        raise BadField(FIELD, name) from None


def _find_letter(letters: Mapping[str, object], meaning: object) -> str | None:
    return next((letter for letter, what in letters.items() if what is meaning), None)


def _int(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _day(value: Value) -> date:
    return value if isinstance(value, date) else date.min
