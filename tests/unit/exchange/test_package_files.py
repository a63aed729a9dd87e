"""Certificates, notes and archives of packages: what is taken, what is refused in which words."""

import io
import tarfile
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.package_samples import (
    NOW,
    SIGNER,
    format_private_key,
    make_certificate,
    make_rsa_key,
)

from rempart.exchange.package_archive import (
    Entry,
    compute_size,
    iterate_archive,
    make_archive,
    read_archive,
)
from rempart.exchange.package_note import (
    PackageNote,
    PackageRefused,
    SealedFile,
    format_text,
    parse_text,
    read_package,
    sign_package,
)
from rempart.exchange.package_sealing import (
    Opener,
    SealRefused,
    format_fingerprint,
    read_recipient,
    seal_file,
)
from rempart.kernel.errors import InvalidRequest

NOTE = PackageNote(
    incident=3,
    exercise=False,
    insurer="9000000001",
    number=2,
    basis=1,
    made="2026-11-23T03:00:00Z",
    recipient="00" * 32,
    files=(SealedFile("manifeste.json.cms", 12, "11" * 32),),
)


def make_usage(*, encipher: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=encipher,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def test_a_certificate_is_read_in_pem_and_in_der():
    pem = make_certificate(usage=make_usage(encipher=True))
    recipient = read_recipient(pem, at=NOW)
    assert read_recipient(recipient.certificate, at=NOW) == recipient
    assert len(format_fingerprint(recipient.fingerprint)) == 95


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: b"bonjour", "not one X.509"),
        (lambda: make_certificate() * 2, "not one X.509"),
        (lambda: format_private_key(make_rsa_key()), "never send it to anybody"),
        (lambda: b"x" * 20_000, "longer than"),
        (lambda: make_certificate(ec.generate_private_key(ec.SECP256R1())), "not RSA"),
        (lambda: make_certificate(make_rsa_key(2048)), "has 2048 bits"),
        (
            lambda: make_certificate(starts=NOW - timedelta(days=9), ends=NOW),
            "it ended on 2026-11-23",
        ),
        (lambda: make_certificate(usage=make_usage(encipher=False)), "for signing only"),
    ],
)
def test_a_certificate_that_cannot_serve_is_refused(content, words):
    with pytest.raises(InvalidRequest, match=words) as refusal:
        read_recipient(content(), at=NOW)
    assert refusal.value.fields[0][0] == "certificate"


def test_what_is_sealed_opens_with_its_key_only():
    recipient = read_recipient(make_certificate(), at=NOW)
    for content in (b"", b"a\r\nb\n", bytes(range(256)) * 100):
        sealed = seal_file(recipient.certificate, content)
        key = format_private_key(make_rsa_key(), b"mot de passe")
        assert Opener(recipient.certificate, key, b"mot de passe").open(sealed) == content
    der = make_rsa_key().private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(SealRefused, match="does not open"):
        Opener(recipient.certificate, der, None).open(sealed[:-7])
    for key, password, words in (
        (b"bonjour", None, "cannot be read"),
        (format_private_key(make_rsa_key(), b"x"), b"y", "wrong file, or password"),
        (format_private_key(make_rsa_key()), b"y", "has no password"),
    ):
        with pytest.raises(SealRefused, match=words):
            Opener(recipient.certificate, key, password)


def test_a_note_says_what_was_signed():
    message = sign_package(NOTE, SIGNER)
    assert read_package(message, [SIGNER.verifier]) == NOTE


@pytest.mark.parametrize(
    "change",
    [
        ("number 2", "number 02"),
        ("exercise no", "exercise maybe"),
        ("rempart-package/1", "rempart-package/2"),
        ("insurer 9", "assureur 9"),
        ("manifeste.json.cms", "../manifeste"),
        (" 12 ", " douze "),
        ("basis 1\n", ""),
    ],
)
def test_a_note_that_is_not_written_as_it_must_be_is_refused(change):
    with pytest.raises(PackageRefused):
        parse_text(format_text(NOTE).replace(*change))


def test_mutation_a_note_of_another_key_or_changed_is_refused():
    message = sign_package(NOTE, SIGNER)
    with pytest.raises(PackageRefused, match="call the host"):
        read_package(message.replace("number 2", "number 3"), [SIGNER.verifier])
    with pytest.raises(PackageRefused, match="call the host"):
        read_package(message, [])
    with pytest.raises(PackageRefused, match="damaged"):
        read_package("bonjour", [SIGNER.verifier])


def test_an_archive_is_a_tar_that_begins_anywhere():
    files = [("a.txt", b"x" * 700), ("b.txt", b""), ("c.txt", b"z" * 512)]
    whole = make_archive(files, mtime=5)
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        assert archive.getnames() == ["a.txt", "b.txt", "c.txt"]
    assert list(read_archive(io.BytesIO(whole))) == files
    loaded: list[str] = []

    def load(name: str, body: bytes):
        def now() -> bytes:
            loaded.append(name)
            return body

        return now

    entries = [Entry(name, len(body), load(name, body)) for name, body in files]
    assert compute_size(entries) == len(whole)
    for start in range(0, len(whole) + 1, 97):
        assert b"".join(iterate_archive(entries, mtime=5, start=start)) == whole[start:]
    loaded.clear()
    list(iterate_archive(entries, mtime=5, start=len(whole) - 1100))
    assert "a.txt" not in loaded


def test_a_file_that_changed_its_length_is_refused_while_it_is_sent():
    with pytest.raises(PackageRefused, match="length"):
        list(iterate_archive([Entry("a", 3, lambda: b"xx")], mtime=0))


def test_an_archive_with_anything_but_files_is_refused():
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        link = tarfile.TarInfo("lien")
        link.type = tarfile.SYMTYPE
        link.linkname = "/etc/passwd"
        archive.addfile(link)
    content.seek(0)
    with pytest.raises(PackageRefused, match="no package holds"):
        list(read_archive(content))


@pytest.mark.parametrize(
    "kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE, tarfile.XHDTYPE]
)
def test_a_header_that_announces_gigabytes_of_a_name_is_not_followed(kind):
    """Before a signature is looked at, whoever sends a package is nobody."""
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 4 << 30
    content = io.BytesIO(header.tobuf(tarfile.GNU_FORMAT) + bytes(10 * tarfile.BLOCKSIZE))
    with pytest.raises(PackageRefused, match="no package holds"):
        list(read_archive(content))
    assert content.tell() == tarfile.BLOCKSIZE


@pytest.mark.parametrize("kept", [0, 1, 511, 512, 700, 1024])
def test_an_archive_cut_anywhere_is_refused(kept):
    whole = make_archive([("a", b"1" * 300)], mtime=1)
    with pytest.raises(PackageRefused, match="cut short"):
        list(read_archive(io.BytesIO(whole[:kept])))
