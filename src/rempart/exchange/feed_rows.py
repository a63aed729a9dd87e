"""Rows of a feed: columns of text in, valid rows and findings out.

Refuses to stop at the first problem, and to let a doubtful row through: every field of every row is
read, and a row with a finding is left out (a faulty contact field is only emptied).

Works column by column with a memory of the values met, because a million rows repeat themselves.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import compress
from typing import Any, Final, NamedTuple

import msgspec

from rempart.exchange import feed_rules as rules
from rempart.exchange.feed_columns import COLUMNS
from rempart.exchange.feed_fields import make_readers
from rempart.exchange.feed_terms import parse_feed_terms
from rempart.kernel.findings import BadValue, Finding, Language, Refusal, format_finding
from rempart.kernel.periods import OPEN_END, Period
from rempart.rights.coverage import Terms
from rempart.rights.terms import format_terms

CONTACT: Final = frozenset({"email", "phone", "address", "postcode", "city"})
"""Columns that serve to write to a person: a fault there must not cost them their rights."""

_REMEMBERED: Final = 20_000


class Days(NamedTuple):
    """When a row grants rights. Flat, because a million rows are looked up by it.

    Args:
        stated_on: First day of the line as the row gives it.
        starts_on: First day inside the agreement with the operator.
        ends_on: Last day inside the agreement; `OPEN_END` when no end is known. Before `starts_on`
            when no day is inside.
        suspended_from: First day of suspension, or None.
        suspended_to: Last day of suspension, or None.
    """

    stated_on: date
    starts_on: date
    ends_on: date
    suspended_from: date | None
    suspended_to: date | None

    @property
    def period(self) -> Period | None:
        """The days inside the agreement, or None when there are none."""
        return Period(self.starts_on, self.ends_on) if self.starts_on <= self.ends_on else None

    @property
    def suspended(self) -> Period | None:
        """The days of suspension, or None."""
        if self.suspended_from is None:
            return None
        return Period(self.suspended_from, self.suspended_to or OPEN_END)


class FeedTerms(NamedTuple):
    """A guarantee, and the digest by which two equal guarantees are recognised.

    Args:
        terms: The guarantee.
        digest: 32 bytes over its JSON.
    """

    terms: Terms
    digest: bytes


class FeedRow(msgspec.Struct, frozen=True, gc=False):
    """One valid row. Identifiers are compact: NIR without key, card code without dashes.

    `line` is the line of the file, the header being line 1.
    """

    line: int
    contract_number: str
    member_number: str
    insured_nir: str
    own_nir: str
    previous_nir: str
    family_name: str
    birth_name: str
    first_names: str
    birth_date: str
    birth_rank: str
    quality: int
    days: Days
    terms: FeedTerms
    card_code: str
    email: str
    phone: str
    address: str
    postcode: str
    city: str
    removes: bool

    def __repr__(self) -> str:
        return f"<FeedRow {self.line}>"

    __str__ = __repr__


class RejectedPerson(NamedTuple):
    """Whom a rejected row is about, when its identifiers can be read."""

    line: int
    insured_nir: str
    birth_date: str
    birth_rank: str

    def __repr__(self) -> str:
        return f"<RejectedPerson {self.line}>"


@dataclass(frozen=True, slots=True)
class ParsedRows:
    """What a piece of a feed says.

    Args:
        lines: Line of each valid row.
        columns: Their fields, by the names of `FeedRow`: a million rows are read by column.
        findings: Every problem, by line.
        rejected: How many rows were left out.
        rejected_persons: Whom those rows are about, as far as can be read.
    """

    lines: Sequence[int]
    columns: Mapping[str, Sequence[Any]] = field(repr=False)
    findings: list[Finding]
    rejected: int
    rejected_persons: list[RejectedPerson]

    @property
    def rows(self) -> list[FeedRow]:
        """The valid rows one by one."""
        return list(map(FeedRow, self.lines, *(self.columns[name] for name in _FIELDS)))


class RowParser:
    """Reads the rows of one insurer's feed, piece by piece; remembers values between pieces.

    Args:
        amc_number: Ten digits: rows of another insurer are refused.
        agreement: The insurer's agreement with the operator, where a row gives no dates.
        removals: Whether rows may remove lines, as in a delta.
        language: In which to write the findings.
    """

    def __init__(
        self, *, amc_number: str, agreement: Period, removals: bool, language: Language
    ) -> None:
        self._language: Language = language
        self._readers = make_readers(amc_number, removals=removals)
        self._memories = {name: _Memory(each.read) for name, each in self._readers.items()}
        self._days = _Memory(lambda days: _read_days(days, agreement))
        self._terms = _Memory(read_feed_terms)
        self._whole_days = _Memory(self._read_whole_days)
        self._whole_terms = _Memory(self._read_whole_terms)

    def parse(self, lines: Sequence[int], columns: Sequence[Sequence[str]]) -> ParsedRows:
        """Read rows.

        Args:
            lines: Line number of each row.
            columns: For each of `COLUMNS`, the text of each row.
        """
        findings: list[Finding] = []
        bad: set[int] = set()

        def refuse(place: int, field: str, refusal: Refusal) -> None:
            findings.append(
                format_finding(
                    BadValue(refusal), field=field, line=lines[place], language=self._language
                )
            )
            if field not in CONTACT:
                bad.add(place)

        values: dict[str, list[Any]] = {}
        texts = dict(zip(COLUMNS, columns, strict=True))
        days = self._whole_days.read_good(zip(*(texts[name] for name in _DAYS), strict=True))
        terms = self._whole_terms.read_good(zip(*(texts[name] for name in _TERMS), strict=True))
        read = {*(_DAYS if days else ()), *(_TERMS if terms else ())}
        for name, column in texts.items():
            if name not in read:
                values[name] = self._read_column(name, column, refuse)
        if not days:
            days = self._days.read_all(zip(*(values[name] for name in _DAYS), strict=True))
            for place, refused in self._days.find_refused(days):
                refuse(place, *refused)
        for place in _find_same_previous(values):
            refuse(place, "previous_nir", rules.SAME_PREVIOUS)
        if not terms:
            parts = (*(values[name] for name in _TERMS[:-1]), texts["terms"])
            terms = self._terms.read_all(zip(*parts, strict=True))
        findings.sort(key=lambda finding: finding.line or 0)
        values |= {"days": days, "terms": terms}
        return _gather_good(lines, values, findings, bad)

    def _read_whole_days(self, texts: Sequence[str]) -> Any:
        return self._days[
            tuple(self._readers[name].read(text) for name, text in zip(_DAYS, texts, strict=True))
        ]

    def _read_whole_terms(self, texts: Sequence[str]) -> Any:
        parts = [self._readers[name].read(text) for name, text in zip(_TERMS, texts, strict=True)]
        return self._terms[*parts[:-1], texts[-1]]

    def _read_column(
        self, name: str, column: Sequence[str], refuse: Callable[[int, str, Refusal], None]
    ) -> list[Any]:
        memory, reader = self._memories[name], self._readers[name]
        if column and column.count(column[0]) == len(column):
            value = memory[column[0]]
            if not isinstance(value, Refusal):
                return [value] * len(column)
        plain = reader.read_plain(column) if column and reader.read_plain else None
        if plain is not None:
            return plain
        values = memory.read_all(column)
        for place, refusal in memory.find_refused(values):
            refuse(place, name, refusal)
            if name in CONTACT:
                values[place] = ""
        return values


_DAYS: Final = (
    "period_start",
    "period_end",
    "suspended_from",
    "suspended_to",
    "agreement_start",
    "agreement_end",
)
_TERMS: Final = ("convention_type", "csr", "responsible", "terms")
_FIELDS: Final = FeedRow.__struct_fields__[1:]


class _Refused(NamedTuple):
    """A refusal that names its column, among several read together."""

    field: str
    refusal: Refusal


class _Memory(dict[Any, Any]):
    """The values met lately and what they read as; forgets everything when full."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__()
        self._read = read
        self._refusals = False

    def __missing__(self, text: Any) -> Any:
        if len(self) >= _REMEMBERED:
            self.clear()
        try:
            value = self._read(text)
        except BadValue as bad:
            value = bad.refusal
        if isinstance(value, Refusal | _Refused):
            self._refusals = True
        self[text] = value
        return value

    def read_all(self, texts: Iterable[Any]) -> list[Any]:
        """Read many values, in order; a refused one reads as its refusal."""
        return list(map(self.__getitem__, texts))

    def read_good(self, texts: Iterable[Any]) -> list[Any]:
        """Read many values, in order; return none at all when one of them is refused."""
        values = self.read_all(texts)
        return [] if self.find_refused(values) else values

    def find_refused(self, values: Sequence[Any]) -> list[tuple[int, Any]]:
        """Return the places and refusals among values read, without looking if there is none."""
        if not self._refusals:
            return []
        return [
            (place, value)
            for place, value in enumerate(values)
            if isinstance(value, Refusal | _Refused)
        ]

    def __repr__(self) -> str:
        return "<_Memory>"


def _read_days(
    days: tuple[date, date | None, date | None, date | None, date | None, date | None],
    agreement: Period,
) -> Days | _Refused | None:
    """Read the six dates of a row together; None when one of them was refused already."""
    if any(isinstance(day, Refusal) for day in days):
        return None
    starts, ends, suspended_from, suspended_to, agreed_from, agreed_to = days
    if ends is not None and ends < starts:
        return _Refused("period_end", rules.PERIOD_ORDER)
    if suspended_from is None and suspended_to is not None:
        return _Refused("suspended_from", rules.SUSPENSION_START)
    if suspended_from and suspended_to and suspended_to < suspended_from:
        return _Refused("suspended_to", rules.PERIOD_ORDER)
    agreed_from, agreed_to = agreed_from or agreement.starts_on, agreed_to or agreement.ends_on
    if agreed_to < agreed_from:
        return _Refused("agreement_end", rules.PERIOD_ORDER)
    first = max(starts, agreed_from, agreement.starts_on)
    last = min(ends or OPEN_END, agreed_to, agreement.ends_on)
    if suspended_from:
        suspended_to = suspended_to or OPEN_END
    return Days(starts, first, last, suspended_from, suspended_to)


def read_feed_terms(parts: tuple[str, str, bool, str]) -> FeedTerms:
    """Return the guarantee of a row: convention type, CSR, responsible, table of terms.

    Raises:
        BadValue: the table is not understood.
    """
    convention_type, csr, responsible, domains = parts
    terms = Terms(
        convention_type=convention_type,
        csr=csr,
        responsible=responsible,
        domains=parse_feed_terms(domains),
    )
    encoded = msgspec.json.encode(format_terms(terms), order="deterministic")
    return FeedTerms(terms, hashlib.sha256(encoded).digest())


def _find_same_previous(values: dict[str, list[Any]]) -> list[int]:
    previous = values["previous_nir"]
    if not any(previous):
        return []
    pairs = enumerate(zip(values["insured_nir"], previous, strict=True))
    return [place for place, (now, before) in pairs if now == before and isinstance(now, str)]


def _gather_good(
    lines: Sequence[int], values: dict[str, list[Any]], findings: list[Finding], bad: set[int]
) -> ParsedRows:
    """Leave the bad rows out."""
    values["removes"] = values["action"]
    columns: dict[str, Sequence[Any]] = {name: values[name] for name in _FIELDS}
    good_lines = lines
    if bad:
        good = [place not in bad for place in range(len(lines))]
        good_lines = list(compress(lines, good))
        columns = {name: list(compress(column, good)) for name, column in columns.items()}
    return ParsedRows(good_lines, columns, findings, len(bad), _find_persons(lines, values, bad))


def _find_persons(
    lines: Sequence[int], values: dict[str, list[Any]], bad: set[int]
) -> list[RejectedPerson]:
    """Return whom the rejected rows are about, where insurer and identifiers are readable."""
    persons = []
    for place in sorted(bad):
        key = [values[name][place] for name in ("insured_nir", "birth_date", "birth_rank")]
        if all(isinstance(part, str) for part in (*key, values["amc_number"][place])):
            persons.append(RejectedPerson(lines[place], *key))
    return persons
