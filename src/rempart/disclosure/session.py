"""The facts of a session, and the SESSION entry that commits to them.

Refuses to judge a session: it records how, from where and with what an account came in, so that a
stolen login can be told from its owner later.
"""

import hashlib
import struct
from typing import NamedTuple

from rempart.disclosure.entry import Draft, Entry, Kind
from rempart.disclosure.fields import FIELDS_SCHEMA_VERSION

SESSION_LABEL = b"rempart session v1\x00"
_NUMBERS = struct.Struct(">qqqq")
_LENGTH = struct.Struct(">I")
_DIGEST_PART = struct.Struct(">16sq")


class SessionFacts(NamedTuple):
    """One row of `ledger.session`, in the order of its columns.

    Attributes:
        session_ref: Random 64-bit reference.
        account_ref: The account that came in.
        client_ref: The key it came in with.
        opened_ms: When, Unix milliseconds.
        method: How it was authenticated.
        address: Network address of the caller.
        agent: Software the caller says it uses.
    """

    session_ref: int
    account_ref: int
    client_ref: int
    opened_ms: int
    method: str
    address: str
    agent: str


def compute_session_digest(facts: SessionFacts) -> bytes:
    """Return the SHA-256 of the canonical bytes of a session's facts.

    The numbers come first, eight bytes each; every text follows its length in bytes, so that no two
    sessions share their bytes.

    Raises:
        ValueError: A text cannot be stored: it holds a NUL or is not valid Unicode.
    """
    parts = [
        SESSION_LABEL,
        _NUMBERS.pack(facts.session_ref, facts.account_ref, facts.client_ref, facts.opened_ms),
    ]
    for text in (facts.method, facts.address, facts.agent):
        if "\x00" in text:
            raise ValueError("a session's fact holds a NUL character: the database cannot keep it")
        encoded = text.encode("utf-8")
        parts += (_LENGTH.pack(len(encoded)), encoded)
    return hashlib.sha256(b"".join(parts)).digest()


def draft_session(facts: SessionFacts, *, request_id: bytes) -> Draft:
    """Return the SESSION entry that commits to `facts`: 192 bits of their digest.

    Args:
        facts: The session being opened.
        request_id: 16 bytes naming the request that opened it.
    """
    lookup_key, data_version = _DIGEST_PART.unpack(compute_session_digest(facts)[:24])
    return Draft(
        kind=Kind.SESSION,
        account_ref=facts.account_ref,
        session_ref=facts.session_ref,
        person_ref=0,
        insurer_id=0,
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


def commits_to(entry: Entry | Draft, facts: SessionFacts) -> bool:
    """Say whether a SESSION entry commits to these facts."""
    return (
        entry.session_ref == facts.session_ref
        and entry.account_ref == facts.account_ref
        and _DIGEST_PART.pack(entry.lookup_key, entry.data_version)
        == compute_session_digest(facts)[:24]
    )
