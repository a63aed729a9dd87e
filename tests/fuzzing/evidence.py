"""Cards, proofs, signed notes: what anybody may be given by anybody."""

import base64
import zlib
from datetime import date
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.card_samples import ROOT, SIGNER, make_card, make_issue, make_keys, make_list
from tests.fuzzing.target import Target, reading_text, texts
from tests.unit.disclosure.proofs import SIGNER as LOG_SIGNER
from tests.unit.disclosure.proofs import WITNESS, SmallLog, make_entry

from rempart.disclosure.checkpoint import parse_checkpoint
from rempart.disclosure.consistency_file import parse_consistency
from rempart.disclosure.cosignature import CosignatureVerifier
from rempart.disclosure.erasure import parse_indexes
from rempart.disclosure.note import NoteRefused, NoteVerifier, parse_note
from rempart.disclosure.opening import (
    Audience,
    OpeningRefused,
    decode_opening,
    encode_opening,
    make_opening,
)
from rempart.disclosure.proof_file import EvidenceRefused, parse_proof
from rempart.disclosure.publishing import BadTilePath, parse_tile_path
from rempart.disclosure.witness import AddCheckpoint, format_add_checkpoint, parse_add_checkpoint
from rempart.exchange.card_readers import read_two_d_doc
from rempart.exchange.proof_code import (
    PREFIX,
    decode_base45,
    encode_base45,
    make_proof_code,
    read_proof_bytes,
)
from rempart.rights.card_documents import (
    DOMAINS_TYPE,
    KEYS_TYPE,
    REVOCATIONS_TYPE,
    DocumentRefused,
    parse_domains,
    parse_keys,
    parse_revocations,
)
from rempart.rights.card_payload import PayloadRefused, decode_payload, encode_payload
from rempart.rights.card_signature import read_symbol
from rempart.rights.card_verdict import verify_card

_ROOT_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))


@cache
def _log() -> SmallLog:
    return SmallLog()


def _scan(text: str) -> None:
    """A symbol gets a verdict, whatever it is."""
    keys = make_keys()
    verify_card(text, keys, make_list(make_card()), date(2027, 6, 1), readers=[read_two_d_doc])


def _decode(payload: bytes) -> None:
    """A payload that is read is written again the same."""
    card, key_id = decode_payload(payload)
    assert encode_payload(card, key_id) == payload


def _read_documents(data: bytes) -> None:
    """What the operator's root signed may be malformed all the same."""
    text = data.decode("utf-8", "replace")
    for kind, parse in (
        (KEYS_TYPE, parse_keys),
        (REVOCATIONS_TYPE, parse_revocations),
        (DOMAINS_TYPE, parse_domains),
    ):
        signature = _ROOT_KEY.sign(kind.encode() + b"\0" + text.encode())
        signed = f"{kind}\n{text}\n{base64.b64encode(signature).decode()}\n"
        for one in (signed, text):
            try:
                found: Any = parse(one, ROOT.public_key)
            except DocumentRefused:
                continue
            issue = found[0] if isinstance(found, tuple) else found.issue
            issue.is_too_old(date(2027, 1, 1))


def _document_seeds() -> list[bytes]:
    signed = [
        ROOT.sign_keys(make_issue(), list(make_keys().keys.values())),
        ROOT.sign_revocations(make_list(make_card())),
        ROOT.sign_domains(make_issue()),
    ]
    return [*(one.encode() for one in signed), *(one.split("\n")[1].encode() for one in signed)]


def _symbols() -> list[bytes]:
    return [SIGNER.sign(make_card()).encode(), b"DC04FR00AV01", b"RP2ABC"]


def _read_code(data: bytes) -> None:
    parse_proof(read_proof_bytes(data))


def _note_parts(text: str) -> None:
    note = parse_note(text)
    parse_checkpoint(note.text)


def _read_vkeys(text: str) -> None:
    for parse in (NoteVerifier.parse, CosignatureVerifier.parse):
        try:
            parse(text)
        except NoteRefused:
            continue


def _submission() -> list[bytes]:
    request = AddCheckpoint(3, (bytes(32), bytes(32)), _log().note())
    return [format_add_checkpoint(request).encode()]


def _open(data: bytes) -> None:
    opening = decode_opening(data)
    assert encode_opening(opening) == data


def _openings() -> list[bytes]:
    return [
        encode_opening(make_opening(make_entry(1), audience, session=None)) for audience in Audience
    ]


TEXT_REFUSALS = (EvidenceRefused, NoteRefused)
TARGETS = (
    Target(name="card_symbol", read=reading_text(_scan), seeds=_symbols),
    Target(
        name="card_letters",
        read=reading_text(read_symbol),
        seeds=_symbols,
        refusals=(PayloadRefused,),
    ),
    Target(
        name="card_payload",
        read=_decode,
        seeds=lambda: [encode_payload(make_card(n), SIGNER.key_id) for n in (1, 2, 4)],
        refusals=(PayloadRefused,),
    ),
    Target(name="card_documents", read=_read_documents, seeds=_document_seeds),
    Target(
        name="proof",
        read=reading_text(parse_proof),
        seeds=lambda: [_log().prove(4).encode(), _log().prove(3).encode()],
        refusals=TEXT_REFUSALS,
    ),
    Target(
        name="proof_code",
        read=_read_code,
        seeds=lambda: [
            make_proof_code(_log().prove(4)).encode(),
            (PREFIX + encode_base45(zlib.compress(_log().prove(4).encode()))).encode(),
            b"%PDF-1.7",
        ],
        refusals=TEXT_REFUSALS,
    ),
    Target(
        name="base45",
        read=reading_text(decode_base45),
        seeds=texts("QED8WEX0", "BB8"),
        refusals=(ValueError,),
    ),
    Target(
        name="consistency",
        read=reading_text(parse_consistency),
        seeds=lambda: [_log().prove_growth(5, 11).encode()],
        refusals=TEXT_REFUSALS,
    ),
    Target(
        name="note",
        read=reading_text(_note_parts),
        seeds=lambda: [_log().note().encode()],
        refusals=TEXT_REFUSALS,
    ),
    Target(
        name="verifier_key",
        read=reading_text(_read_vkeys),
        seeds=lambda: [LOG_SIGNER.verifier.vkey.encode(), WITNESS.verifier.vkey.encode()],
    ),
    Target(name="opening", read=_open, seeds=_openings, refusals=(OpeningRefused,)),
    Target(
        name="witness_request",
        read=reading_text(parse_add_checkpoint),
        seeds=_submission,
        refusals=(NoteRefused,),
    ),
    Target(
        name="tile_path",
        read=reading_text(parse_tile_path),
        seeds=texts("0/x001/234.p/5", "1/000"),
        refusals=(BadTilePath,),
    ),
    Target(
        name="erasure_indexes",
        read=reading_text(parse_indexes),
        seeds=texts("1-5, 7 9\n12"),
    ),
)
