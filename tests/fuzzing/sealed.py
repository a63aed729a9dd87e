"""What comes under a seal or a signature, pictures, and what mail servers and banks answer."""

import contextlib
import hashlib
import io
import json
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from tests.delivery.post_office import KEY
from tests.delivery.test_bounce_reader import plain, report
from tests.fuzzing.target import Target, reading_file, reading_text, texts
from tests.package_samples import NOW, SIGNER, format_private_key, make_certificate, make_rsa_key
from tests.portals import device
from tests.portals.authenticator import Authenticator
from tests.settlement.bank import write_bank_file
from tests.settlement.practice import PAYER_IBAN
from tests.unit.exchange.test_backup_sealing import KEY as AGE_KEY
from tests.unit.exchange.test_backup_sealing import SEALED as AGE_SEALED
from tests.unit.exchange.test_package_files import NOTE
from tests.unit.exchange.test_passkey_messages import CHALLENGE, OWNER, PARTY
from tests.unit.exchange.test_photo_file import make as make_photo
from tests.unit.exchange.test_psc import published
from tests.unit.settlement.test_bank_files import BOOKINGS

from rempart.disclosure.witness import AddCheckpoint
from rempart.exchange.backup_sealing import Identities, open_stream, parse_recipients
from rempart.exchange.bank_statement import read_bank_file
from rempart.exchange.bounce_reader import read_report
from rempart.exchange.card_symbol import draw_png, read_picture
from rempart.exchange.device_proofs import read_device_proof
from rempart.exchange.package_archive import make_archive, read_archive
from rempart.exchange.package_note import (
    CERTIFICATE_NAME,
    MANIFEST_NAME,
    NOTE_NAME,
    SEALED_SUFFIX,
    PackageRefused,
    SealedFile,
    format_text,
    parse_text,
    sign_package,
)
from rempart.exchange.package_reader import PrivateKey, open_package
from rempart.exchange.package_rows import COLUMNS, read_list
from rempart.exchange.package_sealing import (
    Opener,
    SealRefused,
    format_certificate,
    read_recipient,
    seal_file,
)
from rempart.exchange.passkey_messages import (
    DECOY_KEY,
    ProofRefused,
    make_authentication_options,
    make_registration_options,
    read_credential_id,
    read_proof,
    read_registration,
    read_user_handle,
)
from rempart.exchange.photo_file import PhotoRefused, read_photo
from rempart.exchange.psc import PscAnswerRefused, parse_psc_identity
from rempart.exchange.psc_introspection import parse_introspection
from rempart.exchange.witness_client import WitnessClient, WitnessUnreachable
from rempart.kernel.errors import SetupError
from rempart.kernel.findings import BadValue

LISTED, LIST = "list-001.csv", b"reference\r\n"
IN_MS = 1_795_000_000
ISSUER = "https://psc.example/auth/realms/esante-wallet"
ADDRESS = "http://localhost/session/bind"


@cache
def _certificate() -> bytes:
    return make_certificate()


@cache
def _opener() -> Opener:
    recipient = read_recipient(_certificate(), at=NOW)
    return Opener(recipient.certificate, format_private_key(make_rsa_key()), None)


def _open_cms(data: bytes) -> bytes:
    return _opener().open(data)


def _open_whole_package(data: bytes) -> None:
    """A package whose note was really signed, whatever its files and its manifest are."""
    key = PrivateKey(format_private_key(make_rsa_key()))
    open_package(io.BytesIO(data), [SIGNER.verifier], key)


def _read_manifest(data: bytes) -> None:
    """What a sender who is trusted signed may be wrong all the same."""
    _open_whole_package(_make_package(data))


def _make_package(manifest: bytes, listed: bytes = LIST) -> bytes:
    """Return a package with this manifest, signed and sealed as the real ones."""
    recipient = read_recipient(_certificate(), at=NOW)
    sealed = [
        (name + SEALED_SUFFIX, seal_file(recipient.certificate, content))
        for name, content in ((MANIFEST_NAME, manifest), (LISTED, listed))
    ]
    files = tuple(
        SealedFile(name, len(content), hashlib.sha256(content).hexdigest())
        for name, content in sealed
    )
    note = replace(NOTE, files=files, recipient=recipient.fingerprint.hex(), exercise=False)
    inside = [
        (NOTE_NAME, sign_package(note, SIGNER).encode()),
        (CERTIFICATE_NAME, format_certificate(recipient.certificate)),
        *sealed,
    ]
    return make_archive(inside, mtime=1)


def _drain(rows: Iterable[object]) -> None:
    for _ in rows:
        pass


def _open_age(data: bytes) -> None:
    open_stream(io.BytesIO(data), io.BytesIO(), Identities.parse(AGE_KEY))


def _read_keys(text: str) -> None:
    for parse in (parse_recipients, Identities.parse):
        with contextlib.suppress(SetupError):
            parse(text)


@cache
def _authenticator() -> tuple[bytes, bytes]:
    authenticator = Authenticator()
    made = authenticator.make(
        make_registration_options(PARTY, OWNER, challenge=CHALLENGE, known=[])
    )
    proof = authenticator.prove(make_authentication_options(PARTY, challenge=CHALLENGE))
    return json.dumps(made).encode(), json.dumps(proof).encode()


def _read_passkey(data: bytes) -> None:
    message = _read_object(data)
    read_credential_id(message)
    read_user_handle(message)
    for read in (
        lambda: read_registration(message, PARTY, challenge=CHALLENGE),
        lambda: read_proof(message, PARTY, challenge=CHALLENGE, public_key=DECOY_KEY),
    ):
        with contextlib.suppress(ProofRefused):
            read()


def _read_object(data: bytes) -> dict[str, Any]:
    """Return an object as the pages give it: read by the standard library, or nothing."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read_device(text: str) -> None:
    read_device_proof(text, address=ADDRESS, known_key=None)


def _device_seeds() -> list[bytes]:
    key = device.make_key()
    claims = {"jti": "challenge", "aud": ADDRESS}
    return [device.sign(key, claims, jwk=device.describe(key)).encode()]


def _ask_witness(data: bytes) -> None:
    """Whatever a witness answers; the first byte is its status."""
    status = (200, 400, 404, 409, 409, 422, 500, 302)[data[0] % 8] if data else 200
    headers = {"Content-Type": "text/x.tlog.size"}
    reply = httpx.Response(status, content=data[1:], headers=headers)
    with WitnessClient(transport=httpx.MockTransport(lambda _: reply)) as client:
        client.add_checkpoint("https://w.example", AddCheckpoint(3, (bytes(32),), "a note\n"))


def _bank_seeds() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return [
            write_bank_file(Path(folder) / "camt.xml", BOOKINGS, number=number).read_bytes()
            for number in ("053", "054")
        ]


def _picture_seeds() -> list[bytes]:
    picture = Image.new("L", (24, 24), 255)
    found = [draw_png("RP1ABC", scale=2)]
    for kind in ("JPEG", "GIF", "BMP", "TIFF", "WEBP"):
        out = io.BytesIO()
        picture.save(out, kind)
        found.append(out.getvalue())
    return found


def _psc_seeds() -> list[bytes]:
    return [json.dumps(published(), ensure_ascii=False).encode()]


def _introspection_seeds() -> list[bytes]:
    told = {
        "active": True,
        "iss": ISSUER,
        "client_id": "officine-plus",
        "azp": "officine-plus",
        "acr": "eidas1",
        "exp": IN_MS + 120,
        "SubjectNameID": "899700000005",
    }
    return [json.dumps(told).encode()]


def _psc(data: bytes) -> None:
    parse_psc_identity(_read_object(data))


def _manifest_seeds() -> list[bytes]:
    listed = {"name": LISTED, "sha256": hashlib.sha256(LIST).hexdigest()}
    return [json.dumps({"package": {"number": NOTE.number}, "files": [listed]}).encode()]


BOTH = (PackageRefused, SealRefused)
TARGETS = (
    Target(
        name="bank_file",
        read=reading_file(lambda path: read_bank_file(path, account=PAYER_IBAN), ".xml"),
        seeds=_bank_seeds,
    ),
    Target(
        name="delivery_report",
        read=lambda data: read_report(data, KEY),
        seeds=lambda: [report(), report(failed=False), plain("550 5.2.2 <lou@mel.invalid>: full")],
    ),
    Target(
        name="photo",
        read=lambda data: read_photo(data, name="photo.jpg"),
        seeds=lambda: [make_photo("JPEG"), make_photo("JPEG", orientation=6)],
        refusals=(PhotoRefused,),
    ),
    Target(
        name="photo_png",
        read=lambda data: read_photo(data, name="photo.png"),
        seeds=lambda: [make_photo("PNG")],
        refusals=(PhotoRefused,),
    ),
    Target(name="card_picture", read=read_picture, seeds=_picture_seeds, refusals=(BadValue,)),
    Target(
        name="certificate",
        read=lambda data: read_recipient(data, at=NOW),
        seeds=lambda: [_certificate(), read_recipient(_certificate(), at=NOW).certificate],
    ),
    Target(
        name="sealed_file",
        read=_open_cms,
        seeds=lambda: [seal_file(read_recipient(_certificate(), at=NOW).certificate, b"abc")],
        refusals=(SealRefused,),
    ),
    Target(
        name="package",
        read=_open_whole_package,
        seeds=lambda: [_make_package(*_manifest_seeds())],
        refusals=BOTH,
    ),
    Target(name="package_manifest", read=_read_manifest, seeds=_manifest_seeds, refusals=BOTH),
    Target(
        name="package_archive",
        read=lambda data: _drain(read_archive(io.BytesIO(data))),
        seeds=lambda: [make_archive([("a", b"1"), ("b", b"2" * 600)], mtime=1)],
        refusals=BOTH,
    ),
    Target(
        name="package_note",
        read=reading_text(parse_text),
        seeds=lambda: [format_text(NOTE).encode()],
        refusals=BOTH,
    ),
    Target(
        name="package_list",
        read=lambda data: _drain(read_list(data)),
        seeds=lambda: [(";".join(COLUMNS) + "\r\n" + ";" * (len(COLUMNS) - 1)).encode()],
        refusals=(ValueError,),
    ),
    Target(name="backup", read=_open_age, seeds=lambda: [AGE_SEALED]),
    Target(
        name="backup_keys",
        read=reading_text(_read_keys),
        seeds=texts(f"# a remark\n{AGE_KEY}\n"),
    ),
    Target(name="passkey", read=_read_passkey, seeds=lambda: list(_authenticator())),
    Target(name="device_proof", read=reading_text(_read_device), seeds=_device_seeds),
    Target(name="psc_identity", read=_psc, seeds=_psc_seeds, refusals=(PscAnswerRefused,)),
    Target(
        name="psc_introspection",
        read=lambda data: parse_introspection(data, issuer=ISSUER, now_s=IN_MS),
        seeds=_introspection_seeds,
    ),
    Target(
        name="witness_answer",
        read=_ask_witness,
        seeds=texts("\x00— w x\n", "\x037\n", "\x05because"),
        refusals=(WitnessUnreachable,),
    ),
)
