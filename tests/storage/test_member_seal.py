"""What members write opens where it was sealed, and nowhere else."""

import pytest

from rempart.kernel.errors import InconsistentRecord
from rempart.storage.member_seal import MemberSeal

SEAL = MemberSeal(bytes(range(32)))
PLAIN = "Je n’ai pas vu ce médecin".encode()


def test_what_is_sealed_opens_again_and_never_looks_the_same():
    first, second = (SEAL.seal(1, "dispute", 9, PLAIN) for _ in range(2))
    assert first != second
    assert SEAL.open(1, "dispute", 9, first) == PLAIN


@pytest.mark.parametrize(
    ("insurer_id", "what", "ref"), [(2, "dispute", 9), (1, "answer", 9), (1, "dispute", 8)]
)
def test_it_opens_for_no_other_insurer_thing_or_row(insurer_id, what, ref):
    sealed = SEAL.seal(1, "dispute", 9, PLAIN)
    with pytest.raises(InconsistentRecord):
        SEAL.open(insurer_id, what, ref, sealed)


def test_a_changed_byte_another_key_or_another_version_opens_nothing():
    sealed = bytearray(SEAL.seal(1, "photo", 9, PLAIN))
    with pytest.raises(InconsistentRecord):
        MemberSeal(bytes(32)).open(1, "photo", 9, bytes(sealed))
    for place in (0, 1, len(sealed) - 1):
        sealed[place] ^= 1
        with pytest.raises(InconsistentRecord) as refused:
            SEAL.open(1, "photo", 9, bytes(sealed))
        assert "médecin" not in str(refused.value)
        sealed[place] ^= 1


def test_marks_of_two_insurers_are_made_with_two_keys():
    assert SEAL.derive_marks_key(1) != SEAL.derive_marks_key(2)
