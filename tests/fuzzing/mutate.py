"""Makes wrong inputs out of good ones: bytes changed, and JSON changed where it means something.

The same seed gives the same inputs. Blind: what guides it is the corpus.
"""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

MOST_ROUNDS: Final = 5
INTERESTING: Final = (
    *(
        b"",
        b"\0",
        b"\n",
        b"\r\n",
        b'"',
        b"'",
        b";",
        b",",
        b"\t",
        b"\xff",
        b"\xc3\x28",
        b"\xef\xbb\xbf",
    ),
    *(b"-1", b"0", b"00", b"1e999", b"NaN", b"-0", b"9" * 20, b"9" * 400, b"0x10", b"1_000"),
    *("٣".encode(), "²".encode(), "Ⅷ".encode(), "\u202e".encode(), "İ".encode(), "ß".encode()),
    *(b"[" * 3000, b"{" * 200, b'{"a":' * 1500, b"(" * 50, b"a=" * 20),
    *(b"=cmd|' /C calc'!A0", b"../../etc/passwd", b"%00", b"%n", b"\\u0000", b"\\ud800"),
    *(b"0000-00-00", b"9999-12-31", b"0001-01-01", b"2026-02-30", b"24:60:60", b"+99:99"),
    *(
        b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
        b"&b;",
        b"<a/>",
        b"]]>",
        b"<?x?>",
        b"PK\x03\x04",
        b"\x1f\x8b",
    ),
)
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1.5, 10**30, -(10**30), 2**63, 1e308, float("nan")),
    *("", " ", "\0", "\ud800", "é" * 300, "9" * 400, "1e999", "2026-02-30", "=1+1", "../x"),
    *([], {}, [[]], [None], {"": None}, [{}], {"a": []}, "٣", "\u202eabc"),
)


def mutate(corpus: Sequence[bytes], chance: random.Random, *, most: int) -> bytes:
    """Return an input made of some of the corpus, `most` bytes at most."""
    data = chance.choice(corpus)
    for _ in range(chance.randint(1, MOST_ROUNDS)):
        if chance.random() < 0.4:
            data = mutate_json(data, chance)
        else:
            data = chance.choice(_WAYS)(data, corpus, chance)
    return data[:most]


def mutate_json(data: bytes, chance: random.Random) -> bytes:
    """Return a document with one value changed, removed or added; other bytes as they are."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    places = list(_list_places(document))
    if not places:
        return json.dumps(chance.choice(VALUES)).encode()
    holder, key = chance.choice(places)
    match chance.randrange(4):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[f"{key}{chance.choice(['', 'x', '_'])}"] = chance.choice(VALUES)
        case 2:
            holder[key] = [holder[key]] * chance.choice([1, 2, 40])
        case _:
            holder[key] = chance.choice(VALUES)
    return json.dumps(document).encode()


def _list_places(node: Any) -> list[tuple[Any, Any]]:
    """Return each holder and key of a document, breadth first, the first thousand."""
    found: list[tuple[Any, Any]] = []
    waiting = [node]
    while waiting and len(found) < 1000:
        one = waiting.pop(0)
        keys: list[Any] = list(one) if isinstance(one, dict) else []
        if isinstance(one, list):
            keys = list(range(len(one)))
        for key in keys:
            found.append((one, key))
            waiting.append(one[key])
    return found


def _flip(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _round in range(chance.randint(1, 4) if changed else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _set(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _cut(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start, stop = sorted(chance.randint(0, len(data)) for _end in range(2))
    return data[:start] + data[stop:]


def _end_early(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def _repeat(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start = chance.randint(0, len(data))
    part = data[start : start + chance.choice([1, 4, 30, 200])]
    return data[:start] + part * chance.choice([2, 3, 50]) + data[start:]


def _put(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    at = chance.randint(0, len(data))
    over = chance.choice([0, 0, 1, 4, 10])
    return data[:at] + chance.choice(INTERESTING) + data[at + over :]


def _splice(data: bytes, corpus: Sequence[bytes], chance: random.Random) -> bytes:
    other = chance.choice(corpus)
    return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]


def _swap_token(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    """Replace what stands between two separators."""
    for separator in chance.sample([b";", b",", b"\n", b'"', b" ", b"|", b"="], 7):
        parts = data.split(separator)
        if len(parts) > 1:
            parts[chance.randrange(len(parts))] = chance.choice([*INTERESTING, *parts])
            return separator.join(parts)
    return data


_WAYS: Final[Sequence[Callable[[bytes, Sequence[bytes], random.Random], bytes]]] = (
    *(_flip, _set, _cut, _end_early, _repeat, _put, _splice, _swap_token, _swap_token),
)
