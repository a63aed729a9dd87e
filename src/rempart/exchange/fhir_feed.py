"""Feeds in FHIR R4B: bundles of Patient and Coverage, turned into the rows of a CSV feed.

Refuses a coverage whose people are not in the same bundle: nothing is fetched from anywhere, and no
patient is remembered from one bundle to the next, so that memory stays bounded.

France has no profile for Coverage; docs/reference/feed-format.md gives the mapping.
"""

from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from datetime import date
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import msgspec

from rempart.exchange.feed_columns import COLUMNS, Layout
from rempart.exchange.feed_pieces import CellsPiece, Dialect, Piece
from rempart.exchange.feed_rules import FHIR_PROFILE
from rempart.exchange.feed_stream import FeedStream
from rempart.kernel.errors import FeedRefused
from rempart.kernel.findings import BadValue, Finding, Language, format_finding

BASE: Final = "https://rempart.invalid/fhir"
AMC_SYSTEM: Final = f"{BASE}/amc-number"
CONTRACT_SYSTEM: Final = f"{BASE}/contract-number"
CARD_SYSTEM: Final = f"{BASE}/card-code"
EXTENSIONS: Final = f"{BASE}/StructureDefinition"
INS_SYSTEMS: Final = tuple(f"urn:oid:1.2.250.1.213.1.4.{arc}" for arc in (8, 9, 10, 11))
"""Under which a national health identity travels: a NIR, a NIA, a test, a demonstration (S9)."""
MAX_BUNDLE_BYTES: Final = 64 << 20

_PIECE_ROWS: Final = 5_000
_QUALITIES: Final = {"self": "1", "spouse": "2", "common": "2", "child": "3"}
_ACTIONS: Final = {"active": "", "cancelled": "remove", "entered-in-error": "remove"}
_TOO_LARGE: Final = (
    "a bundle is over 64 MB. Nothing was changed: send one bundle per household, "
    "each on its own line (ndjson)"
)


class _Element(msgspec.Struct, frozen=True):
    """What the structures of FHIR have in common here: they do not print what they hold."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Identifier(_Element, frozen=True):
    """FHIR Identifier."""

    value: str = ""
    system: str = ""
    use: str = ""


class HumanName(_Element, frozen=True):
    """FHIR HumanName."""

    use: str = ""
    family: str = ""
    given: tuple[str, ...] = ()


class ContactPoint(_Element, frozen=True):
    """FHIR ContactPoint."""

    system: str = ""
    value: str = ""


class Address(_Element, frozen=True, rename="camel"):
    """FHIR Address."""

    line: tuple[str, ...] = ()
    postal_code: str = ""
    city: str = ""


class Span(_Element, frozen=True):
    """FHIR Period, by the day."""

    start: date | None = None
    end: date | None = None


class Extension(_Element, frozen=True, rename="camel"):
    """FHIR Extension, of the types that the mapping uses."""

    url: str = ""
    value_string: str = ""
    value_boolean: bool | None = None
    value_period: Span = Span()


class Patient(_Element, frozen=True, rename="camel"):
    """FHIR Patient, as far as a feed needs it."""

    id: str = ""
    identifier: tuple[Identifier, ...] = ()
    name: tuple[HumanName, ...] = ()
    telecom: tuple[ContactPoint, ...] = ()
    birth_date: str = ""
    address: tuple[Address, ...] = ()
    multiple_birth_integer: int = 1
    extension: tuple[Extension, ...] = ()


class Reference(_Element, frozen=True):
    """FHIR Reference, literal or logical."""

    reference: str = ""
    identifier: Identifier = Identifier()


class Coding(_Element, frozen=True):
    """FHIR Coding."""

    code: str = ""


class CodeableConcept(_Element, frozen=True):
    """FHIR CodeableConcept."""

    coding: tuple[Coding, ...] = ()


class CoverageClass(_Element, frozen=True):
    """FHIR Coverage.class."""

    type: CodeableConcept = CodeableConcept()
    value: str = ""


class Coverage(
    _Element, frozen=True, rename={"subscriber_id": "subscriberId", "insurers": "payor"}
):
    """FHIR Coverage, as far as a feed needs it."""

    status: str = ""
    identifier: tuple[Identifier, ...] = ()
    subscriber: Reference = Reference()
    subscriber_id: str = ""
    beneficiary: Reference = Reference()
    relationship: CodeableConcept = CodeableConcept()
    period: Span = Span()
    insurers: tuple[Reference, ...] = ()
    classes: tuple[CoverageClass, ...] = msgspec.field(default=(), name="class")
    extension: tuple[Extension, ...] = ()


class _Kind(_Element, frozen=True):
    resourceType: str = ""  # noqa: N815 - FHIR's spelling


class _Entry(_Element, frozen=True, rename="camel"):
    resource: msgspec.Raw = msgspec.Raw(b"{}")
    full_url: str = ""


class _Bundle(_Element, frozen=True):
    entry: tuple[_Entry, ...] = ()


Row: TypeAlias = tuple[str, ...]


class FhirFeed:
    """A feed made of one bundle, or of one bundle a line (ndjson).

    A row's line is the rank of its Coverage in the file, from 1.

    Args:
        stream: The bytes, at their beginning.
        language: In which to write the findings.

    Raises:
        FeedRefused: it is neither.
    """

    def __init__(self, stream: FeedStream, *, language: Language) -> None:
        self._stream = stream
        layout = Layout(len(COLUMNS), tuple(range(len(COLUMNS))))
        self.dialect = Dialect(layout=layout, language=language)
        self.header_findings: list[Finding] = []

    def pieces(self, *, skip: int = 0) -> Iterator[Piece]:
        """Return the coverages in order, without the first `skip`.

        Raises:
            FeedRefused: what follows is not a bundle, or too large a one.
        """
        cells: list[tuple[int, Row]] = []
        findings: list[Finding] = []
        first = skip + 1
        for line, row in enumerate(self._read_rows(), start=1):
            if line <= skip:
                continue
            if isinstance(row, str):
                findings.append(self._refuse(line, row))
            else:
                cells.append((line, row))
            if line - first + 1 >= _PIECE_ROWS:
                yield CellsPiece(first, line - first + 1, tuple(cells), tuple(findings))
                cells, findings, first = [], [], line + 1
        if cells or findings:
            count = len(cells) + len(findings)
            yield CellsPiece(first, count, tuple(cells), tuple(findings))

    def done_share(self) -> float:
        """Return how much of the file was read, from 0 to 1."""
        return self._stream.done_share()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def _refuse(self, line: int, field: str) -> Finding:
        language = self.dialect.language
        return format_finding(BadValue(FHIR_PROFILE), field=field, line=line, language=language)

    def _read_rows(self) -> Iterator[Row | str]:
        """Return the row of each coverage, or the path of the field that is wrong."""
        for text in self._read_documents():
            yield from read_bundle(text)

    def _read_documents(self) -> Iterator[bytes]:
        """Return each bundle's text: the lines if the first is a whole one, else all the file."""
        self._stream.rewind()
        blocks = self._stream.blocks()
        start = bytearray()
        for block in blocks:
            start += block
            if b"\n" in block or len(start) > MAX_BUNDLE_BYTES:
                break
        start = start.removeprefix(BOM_UTF8)
        if _is_json(start.partition(b"\n")[0]):
            yield from _cut_documents(bytes(start), blocks)
            return
        for block in blocks:
            start += block
            if len(start) > MAX_BUNDLE_BYTES:
                raise FeedRefused(_TOO_LARGE)
        yield bytes(start)


def read_bundle(text: bytes) -> Iterator[Row | str]:
    """Return the row of each Coverage of a bundle, in order, in the columns of a CSV feed.

    Returns:
        Rows of text; or, for a coverage that lacks something, the path of the field at fault.

    Raises:
        FeedRefused: the text is not a bundle.
    """
    try:
        kind = msgspec.json.decode(text, type=_Kind).resourceType
        entries = msgspec.json.decode(text, type=_Bundle).entry
    except (ValueError, RecursionError) as failure:
        raise FeedRefused(
            "the file is not FHIR JSON. Nothing was changed: send a Bundle, or one Bundle a line"
        ) from failure
    if kind != "Bundle":
        raise FeedRefused(
            "a FHIR document is not a Bundle. Nothing was changed: put Patient and Coverage of a "
            "household in one Bundle"
        )
    patients: dict[str, Patient] = {}
    coverages: list[msgspec.Raw] = []
    for entry in entries:
        match _find_kind(entry):
            case "Patient":
                patients |= _read_patient(entry)
            case "Coverage":
                coverages.append(entry.resource)
    for resource in coverages:
        yield _read_coverage(resource, patients)


def _find_kind(entry: _Entry) -> str:
    """Return the type of a resource; none when it is not understood."""
    try:
        return msgspec.json.decode(entry.resource, type=_Kind).resourceType
    except (ValueError, RecursionError):
        return ""


def _read_patient(entry: _Entry) -> dict[str, Patient]:
    """Return a patient under each reference that leads to it; none when it is not understood."""
    try:
        patient = msgspec.json.decode(entry.resource, type=Patient)
    except (ValueError, RecursionError):
        return {}
    named = (entry.full_url, f"Patient/{patient.id}" if patient.id else "")
    return {reference: patient for reference in named if reference}


def _read_coverage(resource: msgspec.Raw, patients: Mapping[str, Patient]) -> Row | str:
    try:
        coverage = msgspec.json.decode(resource, type=Coverage)
    except (ValueError, RecursionError):
        return "Coverage"
    beneficiary = patients.get(coverage.beneficiary.reference)
    if beneficiary is None:
        return "Coverage.beneficiary"
    # One named by an identifier only is somebody else, whom nothing here describes.
    stated = coverage.subscriber if coverage.subscriber != Reference() else coverage.beneficiary
    subscriber = patients.get(stated.reference)
    if subscriber is None:
        return "Coverage.subscriber"
    if coverage.status not in _ACTIONS:
        return "Coverage.status"
    fields = _describe_person(beneficiary, subscriber) | _describe_line(coverage)
    return tuple(fields.get(name, "") for name in COLUMNS)


def _describe_person(beneficiary: Patient, subscriber: Patient) -> dict[str, str]:
    insured_nir = find_ins(subscriber)
    own_nir = find_ins(beneficiary)
    names = {name.use: name for name in reversed(beneficiary.name)}
    usual = names.get("usual") or names.get("official") or names.get("") or HumanName()
    official = names.get("official") or usual
    lunar = find_extension(beneficiary.extension, "lunar-birth-date").value_string
    telecom = {point.system: point.value for point in reversed(beneficiary.telecom)}
    address = beneficiary.address[0] if beneficiary.address else Address()
    return {
        "insured_nir": insured_nir,
        "own_nir": own_nir if own_nir != insured_nir else "",
        "previous_nir": find_ins(subscriber, use="old"),
        "family_name": usual.family,
        "birth_name": official.family if official.family != usual.family else "",
        "first_names": " ".join(official.given or usual.given),
        "birth_date": lunar or beneficiary.birth_date.replace("-", ""),
        "birth_rank": str(beneficiary.multiple_birth_integer),
        "email": telecom.get("email", ""),
        "phone": telecom.get("phone", ""),
        "address": " ".join(address.line),
        "postcode": address.postal_code,
        "city": address.city,
    }


def _describe_line(coverage: Coverage) -> dict[str, str]:
    identifiers = {each.system: each.value for each in coverage.identifier}
    classes = {_find_code(each.type): each.value for each in coverage.classes}
    suspended = find_extension(coverage.extension, "suspension").value_period
    agreement = find_extension(coverage.extension, "agreement").value_period
    responsible = find_extension(coverage.extension, "responsible").value_boolean
    insurer = coverage.insurers[0].identifier if coverage.insurers else Identifier()
    return {
        "amc_number": insurer.value if insurer.system == AMC_SYSTEM else "",
        "contract_number": identifiers.get(CONTRACT_SYSTEM, ""),
        "member_number": coverage.subscriber_id,
        "quality": _QUALITIES.get(_find_code(coverage.relationship), "4"),
        "convention_type": classes.get("group", ""),
        "csr": classes.get("subgroup", ""),
        "responsible": "" if responsible is None else str(int(responsible)),
        "period_start": _format_day(coverage.period.start),
        "period_end": _format_day(coverage.period.end),
        "suspended_from": _format_day(suspended.start),
        "suspended_to": _format_day(suspended.end),
        "terms": find_extension(coverage.extension, "terms").value_string,
        "card_code": identifiers.get(CARD_SYSTEM, ""),
        "agreement_start": _format_day(agreement.start),
        "agreement_end": _format_day(agreement.end),
        "action": _ACTIONS[coverage.status],
    }


def find_ins(patient: Patient, *, use: str = "") -> str:
    """Return the patient's INS; with a use, only one of that use; otherwise never an old one."""
    for identifier in patient.identifier:
        of_the_use = identifier.use == use if use else identifier.use != "old"
        if identifier.system in INS_SYSTEMS and of_the_use:
            return identifier.value
    return ""


def find_extension(extensions: tuple[Extension, ...], name: str) -> Extension:
    """Return the extension of a name of this project; an empty one when there is none."""
    url = f"{EXTENSIONS}/{name}"
    return next((each for each in extensions if each.url == url), Extension())


def _find_code(concept: CodeableConcept) -> str:
    return concept.coding[0].code if concept.coding else ""


def _format_day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _is_json(text: bytes | bytearray) -> bool:
    try:
        msgspec.json.decode(text, type=dict[str, Any])
    except (ValueError, RecursionError):
        return False
    return True


def _cut_documents(pending: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Cut ndjson into its lines, leaving out the empty ones."""
    for block in blocks:
        *lines, pending = (pending + block).split(b"\n")
        yield from (line for line in lines if line.strip())
        if len(pending) > MAX_BUNDLE_BYTES:
            raise FeedRefused(_TOO_LARGE)
    yield from (line for line in pending.split(b"\n") if line.strip())
