"""Acts on the ledger, and disclosures outside the gateway: what each states, and its entry.

An act is an entry of the acts log (log 0) that commits to a *statement*: canonical JSON, kept
beside it. A statement names no person: the entry's `person_ref` does, which can be erased alone.

Refuses a statement that can be written in two ways, and an act that lacks what its kind demands.
"""

import functools
import hashlib
import json
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    NamedTuple,
    TypeAlias,
    get_args,
    get_origin,
    get_type_hints,
)

from rempart.disclosure.entry import LEAF_HASH_PREFIX, Draft, Entry, Kind
from rempart.disclosure.fields import FIELDS_SCHEMA_VERSION
from rempart.disclosure.tree import compute_root

# The log that holds acts; gateways write the others.
ACTS_LOG: Final = 0
STATEMENT_LABEL: Final = b"rempart act v1\x00"
ACT_KINDS: Final = frozenset(range(Kind.BULK, Kind.RECOVERY + 1))
# What a look at the ledger may be about.
SUBJECTS: Final = frozenset(
    {"everything", "persons", "accounts", "sessions", "insurers", "organisations", "incidents"}
)
MAX_REFERENCES: Final = 1000
MAX_TEXT: Final = 200

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_COMMITTED = struct.Struct(">16sq")
_INDEX = struct.Struct(">Q")
_REFERENCE = struct.Struct(">q")


class ActRefused(ValueError):
    """An act or its statement is not what the format allows; nothing of it may be believed."""


class Statement(NamedTuple):
    """One row of `ledger.statement`, without its place.

    Attributes:
        kind: The `Kind` of the entry it belongs to.
        body: Canonical JSON.
    """

    kind: int
    body: str


class Author(NamedTuple):
    """Who acts.

    Attributes:
        account_ref: Their account; 0 for the host's command line.
        session_ref: Public reference of their web session; 0 for none.
    """

    account_ref: int
    session_ref: int


COMMAND_LINE: Final = Author(0, 0)


class Subject(NamedTuple):
    """The one person or insurer an act is about; zeroes for none."""

    person_ref: int
    insurer_id: int


NOBODY: Final = Subject(0, 0)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT and value.isprintable()


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _is_reference(value: Any) -> bool:
    return type(value) is int and -(1 << 63) <= value < 1 << 63


def _is_number(value: Any) -> bool:
    return _is_reference(value) and value >= 0


def _is_log(value: Any) -> bool:
    return _is_number(value) and value < 1 << 15


def _are_references(value: Any) -> bool:
    return (
        isinstance(value, tuple) and len(value) <= MAX_REFERENCES and all(map(_is_reference, value))
    )


Name: TypeAlias = Annotated[str, _is_name]
Text: TypeAlias = Annotated[str, _is_text]
Digest: TypeAlias = Annotated[str, _is_digest]
Reference: TypeAlias = Annotated[int, _is_reference]
Number: TypeAlias = Annotated[int, _is_number]
Log: TypeAlias = Annotated[int, _is_log]
References: TypeAlias = Annotated[tuple[int, ...], _are_references]
SubjectKind: TypeAlias = Annotated[str, SUBJECTS.__contains__]


class _Stated:
    """Checks each field of a dataclass against the rule its type carries."""

    def __post_init__(self) -> None:
        stated: Any = type(self)
        for name, hint in _read_hints(stated).items():
            if not _satisfies(getattr(self, name), hint):
                raise ActRefused(f"{type(self).__name__}: {name} is not what the format allows")


@functools.cache
def _read_hints(stated: Any) -> Mapping[str, Any]:
    hints = get_type_hints(stated, include_extras=True)
    return {one.name: hints[one.name] for one in fields(stated)}


def _satisfies(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return bool(hint.__metadata__[0](value))
    if isinstance(hint, type):
        return isinstance(value, hint)
    return any(_satisfies(value, option) for option in get_args(hint))


@dataclass(frozen=True, slots=True, kw_only=True)
class About(_Stated):
    """Whom or what a look at the ledger was about.

    Attributes:
        kind: One of `SUBJECTS`.
        refs: Their references; none for persons, who are counted only.
        count: How many they are.
    """

    kind: SubjectKind
    refs: References = ()
    count: Number

    def __post_init__(self) -> None:
        _Stated.__post_init__(self)
        if self.refs and (self.kind == "persons" or len(self.refs) != self.count):
            raise ActRefused("About: references are counted, and never those of persons")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile(_Stated):
    """One file of a sealed segment, by its name in the store.

    Attributes:
        name: Its path within the store.
        sha256: Of its bytes, in hexadecimal.
        bytes: How many they are.
    """

    name: Text
    sha256: Digest
    bytes: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk(_Stated):
    """A file about many people left for one organisation.

    Attributes:
        purpose: What for.
        org_ref: The organisation that receives it.
        count: How many people are in it.
        list_root: Root of the list of them, in hexadecimal: see `compute_list_root`.
    """

    KIND: ClassVar[Kind] = Kind.BULK
    purpose: Text
    org_ref: Reference
    count: Number
    list_root: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRead(_Stated):
    """Somebody reads entries of the ledger.

    Attributes:
        question: Stable name of what is asked.
        purpose: What for.
        from_ms: Start of the period asked about, Unix milliseconds; 0 for the beginning.
        to_ms: End of it, excluded.
        about: Whom or what it is about.
        until_ms: End of the reading when it goes on (a page that refreshes itself); 0 for one look.
        inquiry_ref: The inquiry it belongs to; 0 for none.
    """

    KIND: ClassVar[Kind] = Kind.LEDGER_READ
    question: Name
    purpose: Text
    from_ms: Number
    to_ms: Number
    about: About
    until_ms: Number = 0
    inquiry_ref: Reference = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase(_Stated):
    """Openings are erased: some, one by one, or those of a whole segment.

    Attributes:
        log: The log they are in.
        ground: Why: the law or decision.
        signers: The two different people who decided it. None when a segment's time is over: that
            is retention, which nobody decides case by case.
        count: How many openings.
        digest: Of their indexes, in hexadecimal (see `compute_indexes_digest`), or None.
        segment: The segment dropped, or None. Exactly one of the two is given.
    """

    KIND: ClassVar[Kind] = Kind.ERASE
    log: Log
    ground: Text
    signers: References
    count: Number
    digest: Digest | None = None
    segment: Number | None = None

    def __post_init__(self) -> None:
        _Stated.__post_init__(self)
        nobody = self.segment is not None and not self.signers
        if not nobody and (len(self.signers) != 2 or self.signers[0] == self.signers[1]):
            raise ActRefused("Erase: two different people sign")
        if (self.digest is None) == (self.segment is None):
            raise ActRefused("Erase: either the digest of indexes or a segment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal(_Stated):
    """A segment is sealed: its openings are in two files whose rows lead to `root`.

    Attributes:
        log: The log.
        segment: Number of the segment.
        leaves: How many it has.
        root: Root of their subtree, in hexadecimal.
        first_ms: Time of its first entry.
        last_ms: Time of its last entry.
        by_account: The file sorted by account.
        by_person: The file sorted by person.
    """

    KIND: ClassVar[Kind] = Kind.SEAL
    log: Log
    segment: Number
    leaves: Number
    root: Digest
    first_ms: Number
    last_ms: Number
    by_account: SealedFile
    by_person: SealedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange(_Stated):
    """Another key signs a log from now on.

    Attributes:
        log: The log.
        from_size: The old key signs sizes up to this one, the new key those above.
        old_vkey: The old key.
        new_vkey: The new key, of the same name.
        reason: Why.
    """

    KIND: ClassVar[Kind] = Kind.KEY
    log: Log
    from_size: Number
    old_vkey: Text
    new_vkey: Text
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery(_Stated):
    """A log that was lost is taken up again under another number.

    Attributes:
        log: The log that goes on.
        old_log: The log that does not.
        size: Its last known size.
        root: Its root at that size, in hexadecimal.
        reason: What happened.
    """

    KIND: ClassVar[Kind] = Kind.RECOVERY
    log: Log
    old_log: Log
    size: Number
    root: Digest
    reason: Text


Act: TypeAlias = Bulk | LedgerRead | Erase | Seal | KeyChange | Recovery

_ACTS: Final[Mapping[int, Any]] = {
    int(act.KIND): act for act in (Bulk, LedgerRead, Erase, Seal, KeyChange, Recovery)
}
_PARTS: Final[Mapping[str, Any]] = {
    "about": About,
    "by_account": SealedFile,
    "by_person": SealedFile,
}


def make_statement(act: Act) -> Statement:
    """Return an act as canonical JSON: sorted keys, no spaces, no key that is not set."""
    return Statement(int(act.KIND), _write(_describe(act)))


def parse_statement(statement: Statement) -> Act:
    """Read a statement back.

    Raises:
        ActRefused: Its kind states nothing, or it is not exactly what `make_statement` writes.
    """
    act_type = _ACTS.get(statement.kind)
    if act_type is None:
        raise ActRefused("no act has this kind")
    try:
        values = json.loads(statement.body, parse_float=_refuse, parse_constant=_refuse)
        act: Act = _build(act_type, values)
    except (ValueError, TypeError, RecursionError) as failure:
        raise ActRefused(f"the statement is not that of a {act_type.__name__}") from failure
    if make_statement(act) != statement:
        raise ActRefused("the statement is not written in its one form")
    return act


def compute_statement_digest(statement: Statement) -> bytes:
    """Return the SHA-256 an entry commits to: label, kind, bytes of the body."""
    kind = statement.kind.to_bytes(1)
    return hashlib.sha256(STATEMENT_LABEL + kind + statement.body.encode()).digest()


def draft_act(
    act: Act,
    *,
    account_ref: int,
    session_ref: int,
    request_id: bytes,
    subject: Subject = NOBODY,
) -> tuple[Draft, Statement]:
    """Return the entry of an act, not placed yet, and the statement it commits to.

    Args:
        act: What is done.
        account_ref: Who does it; 0 for the host's command line.
        session_ref: Public reference of their web session; 0 for none.
        request_id: 16 bytes that name the request.
        subject: The one person or insurer it is about.
    """
    statement = make_statement(act)
    lookup_key, data_version = _COMMITTED.unpack(compute_statement_digest(statement)[:24])
    draft = Draft(
        kind=statement.kind,
        account_ref=account_ref,
        session_ref=session_ref,
        person_ref=subject.person_ref,
        insurer_id=subject.insurer_id,
        lookup_key=lookup_key,
        purpose=0,
        mode=0,
        domain=0,
        care_day=0,
        outcome=0,
        fields=0,
        schema_version=FIELDS_SCHEMA_VERSION,
        data_version=data_version,
        request_id=request_id,
    )
    return draft, statement


def act_commits_to(entry: Entry | Draft, statement: Statement) -> bool:
    """Say whether an entry commits to this statement: 192 bits of its digest."""
    try:
        digest = compute_statement_digest(statement)
        committed = _COMMITTED.pack(entry.lookup_key, entry.data_version)
    except (OverflowError, UnicodeEncodeError, struct.error):
        return False
    return entry.kind == statement.kind and committed == digest[:24]


def check_statements(drafts: Sequence[Draft], statements: Sequence[Statement]) -> None:
    """Check that drafts of acts and the statements to store with them belong together, in order.

    Raises:
        ValueError: A draft commits to no statement, or a statement has no draft.
    """
    acts = [draft for draft in drafts if draft.kind in ACT_KINDS]
    if len(acts) != len(statements) or not all(map(act_commits_to, acts, statements)):
        raise ValueError("each act goes with the statement it commits to, in the same order")


def compute_indexes_digest(indexes: Iterable[int]) -> str:
    """Return the SHA-256 of indexes, sorted, eight bytes each: what an ERASE act covers."""
    return hashlib.sha256(b"".join(map(_INDEX.pack, sorted(indexes)))).hexdigest()


def compute_list_root(person_refs: Iterable[int]) -> str:
    """Return the Merkle root (RFC 6962) of a list of people: sorted, eight bytes a leaf."""
    leaves = (
        hashlib.sha256(LEAF_HASH_PREFIX + _REFERENCE.pack(ref)).digest()
        for ref in sorted(person_refs)
    )
    return compute_root(leaves).hex()


def _describe(stated: Any) -> dict[str, Any]:
    values = {one.name: getattr(stated, one.name) for one in fields(stated)}
    return {
        name: _describe(value) if is_dataclass(value) else value
        for name, value in values.items()
        if value is not None
    }


def _write(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _build(stated: Any, values: Any) -> Any:
    """Make an act or a part of one from JSON values; lists become tuples."""
    if not isinstance(values, dict):
        raise ActRefused("a statement is an object")
    return stated(
        **{
            name: _build(_PARTS[name], value)
            if name in _PARTS
            else tuple(value)
            if isinstance(value, list)
            else value
            for name, value in values.items()
        }
    )


def _refuse(_: str) -> None:
    raise ActRefused("a statement has integers only")
