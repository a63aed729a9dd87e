"""A proof as one square code: its text when that fits, otherwise the text packed.

The packed form is `REMPART1:` and the deflated text in base 45 (S39), which a code holds in
its alphanumeric mode. It is transport only: what is verified is the text. Refuses a packed text
that would unfold into more than a proof can be.
"""

import zlib
from typing import Final

from rempart.disclosure.proof_file import MAX_TEXT, Disagreement, EvidenceRefused

PREFIX: Final = "REMPART1:"
# A code of version 40 holds 2 953 bytes at level L; readers differ on its edge.
PLAIN_LIMIT: Final = 2_900
PACKED_LIMIT: Final = 4_200
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}


class TooLargeForACode(ValueError):
    """A proof does not fit in one square code: it goes as a file."""


def make_proof_code(text: str) -> str:
    """Return what the square code of a proof holds.

    Raises:
        TooLargeForACode: Not even the packed text fits.
    """
    if len(text.encode()) <= PLAIN_LIMIT:
        return text
    packed = PREFIX + encode_base45(zlib.compress(text.encode(), 9))
    if len(packed) > PACKED_LIMIT:
        raise TooLargeForACode(f"the proof needs {len(packed)} characters, a code holds fewer")
    return packed


def read_proof_bytes(content: bytes) -> str:
    """Return the text of a proof file, or of the code printed for it.

    Raises:
        EvidenceRefused: It is no text; of a PDF, it says where its text is.
    """
    if content.startswith(b"%PDF-"):
        raise EvidenceRefused(
            Disagreement.TEXT,
            "this is the printed proof: give its text (.tlog-proof), or what its square code holds",
        )
    try:
        return read_proof_code(content.decode())
    except UnicodeDecodeError as failure:
        raise EvidenceRefused(Disagreement.TEXT, "the file is not UTF-8 text") from failure


def read_proof_code(code: str) -> str:
    """Return the text of a proof, packed or not.

    Raises:
        EvidenceRefused: What is packed is damaged, or unfolds too far.
    """
    if not code.startswith(PREFIX):
        return code
    unfolding = zlib.decompressobj()
    try:
        text = unfolding.decompress(decode_base45(code[len(PREFIX) :].rstrip("\r\n")), MAX_TEXT)
        if not unfolding.eof or unfolding.unused_data:
            raise EvidenceRefused(Disagreement.TEXT, "the code is not whole")
        return text.decode()
    except (zlib.error, ValueError) as failure:
        if isinstance(failure, EvidenceRefused):
            raise
        raise EvidenceRefused(Disagreement.TEXT, "the code is damaged: scan it again") from failure


def encode_base45(content: bytes) -> str:
    """Write bytes in base 45: two bytes in three letters, a last one in two."""
    letters = []
    for start in range(0, len(content), 2):
        pair = content[start : start + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, rest = divmod(value, 45)
            letters.append(_ALPHABET[rest])
    return "".join(letters)


def decode_base45(text: str) -> bytes:
    """Read bytes written in base 45.

    Raises:
        ValueError: It is not base 45.
    """
    content = bytearray()
    for start in range(0, len(text), 3):
        group = text[start : start + 3]
        if len(group) < 2 or any(letter not in _VALUES for letter in group):
            raise ValueError("this is not base 45")
        value = sum(_VALUES[letter] * 45**place for place, letter in enumerate(group))
        if value >= 256 ** (len(group) - 1):
            raise ValueError("this is not base 45")
        content += value.to_bytes(len(group) - 1, "big")
    return bytes(content)
