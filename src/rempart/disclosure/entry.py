"""One disclosure: what is recorded of it, and the 42 bytes that the Merkle tree commits to.

Refuses to know where entries are kept. The layout below is for ever: a change takes a new version
byte. It is described with test vectors in docs/reference/ledger-format.md.

A leaf holds no personal data: it commits to *who*, *whom* and *what* separately, each under its own
salt, so that one group can be opened to somebody without opening the other two.

Source: RFC 6962 (S12) for the hash of a leaf; RFC 9901 (S14) for one salt for each opened part.
"""

import enum
import hashlib
import hmac
import struct
from collections.abc import Iterable
from typing import Any, NamedTuple

LEAF_VERSION = 1
LEAF_SIZE = 42
SALT_SIZE = 16
NO_KEY = bytes(16)


class Kind(enum.IntEnum):
    """What an entry is about."""

    DISCLOSE = 1  # an answer about one known person
    NEGATIVE = 2  # an answer about nobody we know
    BULK = 3  # a file about many people
    LEDGER_READ = 4  # somebody read the ledger
    ERASE = 5  # an opening was erased
    SEAL = 6  # a segment was closed and exported
    KEY = 7  # a key of the log changed
    RECOVERY = 8  # the log was taken up again after a loss
    SESSION = 9  # an account came in: how, from where, with what


class Outcome(enum.IntEnum):
    """What a rights check answered; recorded exactly, whatever was shown."""

    OPEN = 1
    CLOSED_OUT_OF_PERIOD = 2
    CLOSED_SUSPENDED = 3
    CLOSED_DOMAIN = 4
    UNKNOWN = 5
    CUT = 6  # the person's insurer was cut: nothing but that was said
    CLAIM = 7  # what became of a claim was read by who billed it


class Mode(enum.IntEnum):
    """How the person was designated."""

    CARD = 1
    TYPED = 2
    VITALE = 3
    CODE = 4  # typed, and the six digits of the electronic card
    OFFLINE = 5  # verified without us, reported afterwards
    CLAIM = 6  # by a claim sent before: who reads it billed it


class Purpose(enum.IntEnum):
    """What the professional asked for."""

    BILLING = 1
    QUOTE = 2
    ADMISSION = 3
    RECHECK = 4


class Entry(NamedTuple):
    """One entry, in the order of the columns of `ledger.entry`.

    Holds whatever the database holds: an auditor must be able to carry a falsified entry. Keys
    (`lookup_key`, `request_id`) are their 16 bytes.
    """

    log_id: int
    idx: int
    kind: int
    t_ms: int
    salt: bytes
    # who
    account_ref: int
    session_ref: int
    acct_seq: int
    # whom
    person_ref: int
    insurer_id: int
    ins_seq: int
    lookup_key: bytes
    # what
    purpose: int
    mode: int
    domain: int
    care_day: int
    outcome: int
    fields: int
    schema_version: int
    data_version: int
    request_id: bytes


class Draft(NamedTuple):
    """An entry before it has a place: everything but index, time, salt and counters.

    Attributes:
        kind: A `Kind`.
        account_ref: The professional's account; 0 when no account acts.
        session_ref: The session the account acted through; 0 for none.
        person_ref: The person the answer was about; 0 when nobody was found.
        insurer_id: The person's insurer; 0 for none.
        lookup_key: What was asked, keyed: 16 bytes.
        purpose: A `Purpose`, or 0.
        mode: A `Mode`, or 0.
        domain: Number of the domain of care, or 0.
        care_day: Care date in days since 1970-01-01, or 0.
        outcome: An `Outcome`, or 0.
        fields: Bitmap of `fields.Field`: what the bytes sent carry.
        schema_version: The `FIELDS_SCHEMA_VERSION` the bitmap is written in.
        data_version: The version of the sheet that was shown.
        request_id: 16 bytes that name the request.
    """

    kind: int
    account_ref: int
    session_ref: int
    person_ref: int
    insurer_id: int
    lookup_key: bytes
    purpose: int
    mode: int
    domain: int
    care_day: int
    outcome: int
    fields: int
    schema_version: int
    data_version: int
    request_id: bytes


WHO = struct.Struct(">qqq")
WHOM = struct.Struct(">qiq16s")
WHAT = struct.Struct(">hhhihqhq16s")
LEAF = struct.Struct(">BBQ32s")

SALT_LABEL = b"rempart ledger v1 salts"
LEAF_HASH_PREFIX = b"\x00"


def compute_group_salts(salt: bytes) -> tuple[bytes, bytes, bytes]:
    """Derive the salts of who, whom and what from an entry's salt.

    The three are disjoint parts of one HMAC-SHA-512 output: knowing one tells nothing about the
    others, nor about the entry's salt.
    """
    stream = hmac.digest(salt, SALT_LABEL, "sha512")
    return stream[0:16], stream[16:32], stream[32:48]


def compute_commitments(entry: Entry) -> tuple[bytes, bytes, bytes]:
    """Return the commitments to who, whom and what: HMAC-SHA-256 under each group's salt."""
    salt_who, salt_whom, salt_what = compute_group_salts(entry.salt)
    who = WHO.pack(entry.account_ref, entry.session_ref, entry.acct_seq)
    whom = WHOM.pack(entry.person_ref, entry.insurer_id, entry.ins_seq, entry.lookup_key)
    what = WHAT.pack(
        entry.purpose,
        entry.mode,
        entry.domain,
        entry.care_day,
        entry.outcome,
        entry.fields,
        entry.schema_version,
        entry.data_version,
        entry.request_id,
    )
    return (
        hmac.digest(salt_who, who, "sha256"),
        hmac.digest(salt_whom, whom, "sha256"),
        hmac.digest(salt_what, what, "sha256"),
    )


def compute_leaf(entry: Entry) -> bytes:
    """Return the 42 bytes the tree commits to: version, kind, time, commitment.

    Raises:
        struct.error: A value does not fit its column.
    """
    commitment = hashlib.sha256(b"".join(compute_commitments(entry))).digest()
    return LEAF.pack(LEAF_VERSION, entry.kind, entry.t_ms, commitment)


def compute_leaf_hash(entry: Entry) -> bytes:
    """Return the RFC 6962 hash of the entry's leaf."""
    return hashlib.sha256(LEAF_HASH_PREFIX + compute_leaf(entry)).digest()


# HMAC pads its key to one block with zeroes and xors it with two constants (RFC 2104).
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_PAD_SHA512 = (b"\x36" * (128 - SALT_SIZE) + SALT_LABEL, b"\x5c" * (128 - SALT_SIZE))
_PAD_SHA256 = (b"\x36" * (64 - SALT_SIZE), b"\x5c" * (64 - SALT_SIZE))
_LEAF_HEAD = struct.Struct(">BBBQ")


def compute_leaf_hashes(entries: Iterable[tuple[Any, ...]]) -> list[bytes]:
    """Return the leaf hashes of many entries: `compute_leaf_hash` of each, faster.

    HMAC is unrolled because its keys are used once: setting `hmac` up costs more than hashing.

    Args:
        entries: Entries, or plain tuples in the order of `Entry`.

    Raises:
        struct.error: A value does not fit its column.
    """
    sha256, sha512 = hashlib.sha256, hashlib.sha512
    pack_who, pack_whom, pack_what = WHO.pack, WHOM.pack, WHAT.pack
    pack_head = _LEAF_HEAD.pack
    inner, outer = _INNER, _OUTER
    inner_512, outer_512 = _PAD_SHA512
    inner_256, outer_256 = _PAD_SHA256
    hashes: list[bytes] = []
    for (
        _log_id,
        _idx,
        kind,
        t_ms,
        salt,
        account,
        session,
        acct_seq,
        person,
        insurer,
        ins_seq,
        lookup_key,
        *what,
    ) in entries:
        stream = sha512(
            salt.translate(outer) + outer_512 + sha512(salt.translate(inner) + inner_512).digest()
        ).digest()
        keys_in, keys_out = stream.translate(inner), stream.translate(outer)
        who = pack_who(account, session, acct_seq)
        whom = pack_whom(person, insurer, ins_seq, lookup_key)
        commitment = sha256(
            sha256(
                keys_out[0:16] + outer_256 + sha256(keys_in[0:16] + inner_256 + who).digest()
            ).digest()
            + sha256(
                keys_out[16:32] + outer_256 + sha256(keys_in[16:32] + inner_256 + whom).digest()
            ).digest()
            + sha256(
                keys_out[32:48]
                + outer_256
                + sha256(keys_in[32:48] + inner_256 + pack_what(*what)).digest()
            ).digest()
        ).digest()
        head = pack_head(0, LEAF_VERSION, kind, t_ms)
        hashes.append(sha256(head + commitment).digest())
    return hashes
