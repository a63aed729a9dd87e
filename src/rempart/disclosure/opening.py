"""What a proof opens of one entry: some of its three groups, and the commitments of the others.

Refuses to be more than it shows: a group that is closed is a hash under a salt of its own, which
tells nothing of what it holds. What is opened is believed only once the leaf it makes is shown to
stand in a signed tree (`proof_file`).

Source: RFC 9901 (S14) for one salt for each opened part.
"""

import enum
import hashlib
import hmac
import json
import struct
from typing import Any, NamedTuple, TypeAlias

from rempart.disclosure.acts import ACT_KINDS, Statement, compute_statement_digest
from rempart.disclosure.entry import (
    LEAF,
    LEAF_HASH_PREFIX,
    LEAF_VERSION,
    SALT_SIZE,
    WHAT,
    WHO,
    WHOM,
    Entry,
    Kind,
    compute_commitments,
    compute_group_salts,
)
from rempart.disclosure.session import SessionFacts, compute_session_digest

OPENING_VERSION = 1
COMMITMENT_SIZE = 32
_DIGEST_PART = struct.Struct(">16sq")


class Audience(enum.StrEnum):
    """Who is shown which groups."""

    MEMBER = "member"  # what and who: not the references that name the person
    INSURER = "insurer"  # whom and what: not the professional
    AUTHORITY = "all"  # everything


class OpeningRefused(ValueError):
    """What is said to be an opening is not one, or does not agree with itself."""


class Who(NamedTuple):
    """The opened group *who*."""

    salt: bytes
    account_ref: int
    session_ref: int
    acct_seq: int


class Whom(NamedTuple):
    """The opened group *whom*."""

    salt: bytes
    person_ref: int
    insurer_id: int
    ins_seq: int
    lookup_key: bytes


class What(NamedTuple):
    """The opened group *what*."""

    salt: bytes
    purpose: int
    mode: int
    domain: int
    care_day: int
    outcome: int
    fields: int
    schema_version: int
    data_version: int
    request_id: bytes


Commitment: TypeAlias = bytes


class Opening(NamedTuple):
    """One entry as far as it is shown.

    Attributes:
        kind: A `Kind`, as the leaf holds it.
        t_ms: When, Unix milliseconds, as the leaf holds it.
        who: The group, or the 32 bytes of its commitment.
        whom: The same.
        what: The same.
        statement: What an act of the log itself says, for the kinds that say something.
        session: The facts of a SESSION entry.
    """

    kind: int
    t_ms: int
    who: Who | Commitment
    whom: Whom | Commitment
    what: What | Commitment
    statement: str | None = None
    session: SessionFacts | None = None

    @property
    def audience(self) -> Audience:
        """Whom these groups are opened for."""
        if isinstance(self.who, bytes):
            return Audience.INSURER
        return Audience.MEMBER if isinstance(self.whom, bytes) else Audience.AUTHORITY


_SALTED = {"who": (Who, WHO), "whom": (Whom, WHOM), "what": (What, WHAT)}
_OPENED_FOR = {
    Audience.MEMBER: frozenset({"who", "what"}),
    Audience.INSURER: frozenset({"whom", "what"}),
    Audience.AUTHORITY: frozenset({"who", "whom", "what"}),
}


def make_opening(
    entry: Entry,
    audience: Audience,
    *,
    statement: str | None = None,
    session: SessionFacts | None = None,
) -> Opening:
    """Open an entry for somebody.

    Args:
        entry: The whole entry, salt included.
        audience: For whom.
        statement: What the entry says when it is an act. Left out unless the two groups that commit
            to it are opened.
        session: The facts of a SESSION entry. Left out likewise.
    """
    salts = compute_group_salts(entry.salt)
    opened: dict[str, tuple[Any, ...]] = {
        "who": Who(salts[0], entry.account_ref, entry.session_ref, entry.acct_seq),
        "whom": Whom(salts[1], entry.person_ref, entry.insurer_id, entry.ins_seq, entry.lookup_key),
        "what": What(
            salts[2],
            entry.purpose,
            entry.mode,
            entry.domain,
            entry.care_day,
            entry.outcome,
            entry.fields,
            entry.schema_version,
            entry.data_version,
            entry.request_id,
        ),
    }
    closed = dict(zip(opened, compute_commitments(entry), strict=True))
    shown = _OPENED_FOR[audience]
    groups: dict[str, Any] = {
        name: opened[name] if name in shown else closed[name] for name in opened
    }
    return Opening(
        kind=entry.kind,
        t_ms=entry.t_ms,
        **groups,
        statement=None if audience is Audience.MEMBER else statement,
        session=session if audience is Audience.AUTHORITY else None,
    )


def compute_opened_leaf_hash(opening: Opening) -> bytes:
    """Return the RFC 6962 hash of the leaf that an opening leads to.

    Raises:
        OpeningRefused: A value does not fit its column, or what the entry says beside is not what
            it commits to.
    """
    _check_beside(opening)
    try:
        commitments = b"".join(
            _commit(layout, group)
            for (_, layout), group in zip(
                _SALTED.values(), (opening.who, opening.whom, opening.what), strict=True
            )
        )
        digest = hashlib.sha256(commitments).digest()
        leaf = LEAF.pack(LEAF_VERSION, opening.kind, opening.t_ms, digest)
    except struct.error as failure:
        raise OpeningRefused("a number is too large for its column") from failure
    return hashlib.sha256(LEAF_HASH_PREFIX + leaf).digest()


def _commit(layout: struct.Struct, group: tuple[Any, ...] | Commitment) -> bytes:
    if isinstance(group, bytes):
        return group
    salt, *values = group
    return hmac.digest(salt, layout.pack(*values), "sha256")


def _check_beside(opening: Opening) -> None:
    """Compare the statement or the session's facts with what the opened groups commit to."""
    whom, what = opening.whom, opening.what
    if opening.statement is None and opening.session is None:
        return
    if isinstance(whom, bytes) or isinstance(what, bytes):
        raise OpeningRefused("what the entry says cannot be checked: the groups are closed")
    try:
        committed = _DIGEST_PART.pack(whom.lookup_key, what.data_version)
        if opening.session is not None:
            _check_session(opening, opening.session, committed)
        if opening.statement is not None:
            if opening.kind not in ACT_KINDS:
                raise OpeningRefused("an entry of this kind makes no statement")
            digest = compute_statement_digest(Statement(opening.kind, opening.statement))
            if digest[: _DIGEST_PART.size] != committed:
                raise OpeningRefused("the statement is not the one the entry commits to")
    except (struct.error, OverflowError, UnicodeEncodeError) as failure:
        raise OpeningRefused("a number is too large for its column") from failure


def _check_session(opening: Opening, facts: SessionFacts, committed: bytes) -> None:
    who = opening.who
    if opening.kind != Kind.SESSION or isinstance(who, bytes):
        raise OpeningRefused("only an opened SESSION entry has a session's facts")
    try:
        digest = compute_session_digest(facts)
    except ValueError as failure:
        raise OpeningRefused("a session's fact is not text the ledger keeps") from failure
    if (facts.session_ref, facts.account_ref) != (who.session_ref, who.account_ref) or digest[
        : _DIGEST_PART.size
    ] != committed:
        raise OpeningRefused("the session is not the one the entry commits to")


def encode_opening(opening: Opening) -> bytes:
    """Return an opening as canonical JSON: keys in order, no spaces, bytes in hexadecimal."""
    said: dict[str, object] = {"kind": opening.kind, "t_ms": opening.t_ms, "v": OPENING_VERSION}
    for name in _SALTED:
        group = getattr(opening, name)
        said[name] = group.hex() if isinstance(group, bytes) else _to_json(group)
    if opening.statement is not None:
        said["statement"] = opening.statement
    if opening.session is not None:
        said["session"] = _to_json(opening.session)
    return json.dumps(
        said, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def decode_opening(encoded: bytes) -> Opening:
    """Read what `encode_opening` wrote, and nothing that is written in another way.

    Raises:
        OpeningRefused: It is not exactly that.
    """
    try:
        said = json.loads(encoded.decode())
        if not isinstance(said, dict) or said.get("v") != OPENING_VERSION:
            raise OpeningRefused(f"the opening is not of version {OPENING_VERSION}")
        opening = Opening(
            kind=_read_number(said["kind"]),
            t_ms=_read_number(said["t_ms"]),
            who=_read_group(said["who"], Who),
            whom=_read_group(said["whom"], Whom),
            what=_read_group(said["what"], What),
            statement=_read_text(said["statement"]) if "statement" in said else None,
            session=_read_session(said["session"]) if "session" in said else None,
        )
        written = encode_opening(opening)
    except (ValueError, KeyError, TypeError, RecursionError) as failure:
        if isinstance(failure, OpeningRefused):
            raise
        raise OpeningRefused("the opening is not written as this program writes it") from failure
    if written != encoded:
        raise OpeningRefused("the opening is not written as this program writes it")
    shown = {name for name in _SALTED if not isinstance(getattr(opening, name), bytes)}
    if shown not in _OPENED_FOR.values():
        raise OpeningRefused("the opening opens no set of groups that anybody is shown")
    return opening


def _to_json(group: tuple[Any, ...]) -> dict[str, object]:
    names: tuple[str, ...] = group._fields  # type: ignore[attr-defined]
    return {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in zip(names, group, strict=True)
    }


def _read_group(said: object, shape: Any) -> Any:
    if isinstance(said, str):
        return _read_bytes(said, COMMITMENT_SIZE)
    if not isinstance(said, dict) or set(said) != set(shape._fields):
        raise OpeningRefused("a group of the opening lacks a value, or has one too many")
    return shape(
        *(
            _read_bytes(said[name], SALT_SIZE)
            if name in {"salt", "lookup_key", "request_id"}
            else _read_number(said[name])
            for name in shape._fields
        )
    )


def _read_session(said: object) -> SessionFacts:
    if not isinstance(said, dict) or set(said) != set(SessionFacts._fields):
        raise OpeningRefused("the session of the opening lacks a value, or has one too many")
    numbers = (_read_number(said[name]) for name in SessionFacts._fields[:4])
    texts = (_read_text(said[name]) for name in SessionFacts._fields[4:])
    return SessionFacts._make((*numbers, *texts))


def _read_number(said: object) -> int:
    if type(said) is not int:
        raise OpeningRefused("a number of the opening is not one")
    return said


def _read_text(said: object) -> str:
    if not isinstance(said, str):
        raise OpeningRefused("a text of the opening is not one")
    return said


def _read_bytes(said: object, size: int) -> bytes:
    value = bytes.fromhex(_read_text(said))
    if len(value) != size:
        raise OpeningRefused(f"a value of the opening is not {size} bytes")
    return value
