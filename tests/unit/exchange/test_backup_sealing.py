"""Backups are sealed as age does, and open with its keys and nothing else."""

import base64
import io

import pytest

from rempart.exchange.backup_sealing import (
    Identities,
    draw_backup_key,
    open_stream,
    parse_recipients,
    seal_stream,
)
from rempart.kernel.errors import InconsistentRecord, SetupError

# Written by the age of Debian 12 (1.1.1), for a key drawn for this test.
KEY = "AGE-SECRET-KEY-1EZS6RYK3ZN0EWZ4P0F88EZ2AYJHTRUH9WGR4ULGXHYJS9MZK0ZXS2EVYT8"
SEALED = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSAybGJ6TE53dWN4SzV5TVdSZUIyZ0pkRldVQ3Jtbzg1cnFMalcxK05NZ0U0CjVhOUxGVjV2Wm9XRzNlYmpQRjRWNUFadXU5M29YOUJGWE80aTgyelhoWVkKLS0tIGthZDNMUnFCZldOTktCVC9uTG9GelBQY0FsSDJTNC9BeDlOM0JVdFZjS1UK0nZppyndnADwzmvqBmHiCkAXcBNl7TF6YKfm0wcBZMSr2yfbPNN663Obc3P4Ow=="
)
SIZES = (0, 1, 65_535, 65_536, 65_537, 300_000)


def seal(content: bytes, *recipients: str) -> bytes:
    sealed = io.BytesIO()
    seal_stream(io.BytesIO(content), sealed, recipients)
    return sealed.getvalue()


def unseal(sealed: bytes, secret: str) -> bytes:
    content = io.BytesIO()
    open_stream(io.BytesIO(sealed), content, Identities.parse(secret))
    return content.getvalue()


def test_what_age_wrote_opens():
    assert unseal(SEALED, f"# a remark\n\n{KEY}\n") == b"written by age"


@pytest.mark.parametrize("size", SIZES)
def test_each_recipient_opens_what_was_sealed(size: int):
    ours, theirs = draw_backup_key(), draw_backup_key()
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    sealed = seal(content, ours.recipient, theirs.recipient)
    assert unseal(sealed, ours.secret) == unseal(sealed, theirs.secret) == content
    # A byte or two may stand there by chance.
    assert size < 100 or content[:100] not in sealed


def test_another_key_opens_nothing():
    sealed = seal(b"x" * 1000, draw_backup_key().recipient)
    with pytest.raises(InconsistentRecord, match="sealed for another recipient"):
        unseal(sealed, KEY)


@pytest.mark.parametrize("cut", [1, 100, 199, 300, 65_752, 131_304])
def test_mutation_a_file_that_was_cut_short_is_refused(cut: int):
    key = draw_backup_key()
    sealed = seal(bytes(200_000), key.recipient)
    with pytest.raises(InconsistentRecord, match="changed, or cut short"):
        unseal(sealed[:-cut], key.secret)


@pytest.mark.parametrize("place", [0, 30, 100, 190, 250, 70_000, -1])
def test_mutation_a_file_that_was_changed_is_refused(place: int):
    key = draw_backup_key()
    sealed = bytearray(seal(bytes(100_000), key.recipient))
    sealed[place] ^= 1
    with pytest.raises(InconsistentRecord):
        unseal(bytes(sealed), key.secret)


@pytest.mark.parametrize("sealed", [b"", b"PGDMP", b"age-encryption.org/v1\n", SEALED + b"x"])
def test_what_is_no_sealed_file_is_refused(sealed: bytes):
    with pytest.raises(InconsistentRecord):
        unseal(sealed, KEY)


class Full(io.BytesIO):
    """A disk without room, or one that cannot be read."""

    def write(self, _content: object, /) -> int:
        raise OSError(28, "No space left on device")

    def read(self, _size: object = -1, /) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_disk_that_fails_is_told_as_itself():
    recipient = draw_backup_key().recipient
    with pytest.raises(OSError, match="No space left"):
        seal_stream(io.BytesIO(bytes(100_000)), Full(), [recipient])
    with pytest.raises(OSError, match="Input/output"):
        seal_stream(Full(), io.BytesIO(), [recipient])
    with pytest.raises(OSError, match="No space left"):
        open_stream(io.BytesIO(SEALED), Full(), Identities.parse(KEY))


def test_nothing_is_sealed_for_nobody():
    with pytest.raises(SetupError, match="rempart backup key"):
        seal(b"x")


def test_a_file_of_keys_says_which_line_is_wrong_and_never_what_it_holds():
    with pytest.raises(SetupError, match="line 2 ") as refusal:
        Identities.parse(f"# mine\n{KEY[:-1]}Q\n")
    assert KEY[20:40] not in str(refusal.value)
    with pytest.raises(SetupError, match="holds no key"):
        Identities.parse("# nothing\n")


def test_a_secret_key_among_recipients_is_named_as_such():
    good = draw_backup_key().recipient
    assert parse_recipients(f"# the safe\n{good}\n\n") == (good,)
    assert parse_recipients("") == ()
    with pytest.raises(SetupError, match=r"line 2 .* is a secret key") as refusal:
        parse_recipients(f"{good}\n{KEY}\n")
    assert KEY[20:40] not in str(refusal.value)
    with pytest.raises(SetupError, match=r"line 1 .* wrong letter"):
        parse_recipients(f"{good[:-1]}b")


def test_keys_print_without_what_is_secret():
    key = draw_backup_key()
    assert key.secret[20:40] not in repr(key)
    assert key.secret[20:40] not in repr(Identities.parse(key.secret))
