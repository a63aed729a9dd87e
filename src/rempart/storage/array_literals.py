"""Columns of a batch as PostgreSQL array literals, for what every rights check waits for.

The driver writes an array element by element and looks at the type of each: for the twenty columns
of a batch of checks that took longer than hashing them. A literal is joined in one go, and the
server reads it as fast as the binary form. Refuses what would need quoting: numbers, digits and
bytes only.
"""

from collections.abc import Iterable

_NULL = "NULL"


def format_numbers(values: Iterable[int]) -> str:
    """Write integers.

    >>> format_numbers([1, -2])
    '{1,-2}'
    """
    return f"{{{','.join(map(str, values))}}}"


def format_uuids(values: Iterable[bytes]) -> str:
    """Write uuids, each given as its 16 bytes.

    >>> format_uuids([bytes(16)])
    '{00000000000000000000000000000000}'
    """
    return f"{{{','.join(map(bytes.hex, values))}}}"


def format_bytes(values: Iterable[bytes]) -> str:
    r"""Write bytea values.

    >>> print(format_bytes([b"no"]))
    {"\\x6e6f"}
    """
    return "{" + ",".join([f'"\\\\x{value.hex()}"' for value in values]) + "}"


def format_optional(values: Iterable[int | str | None]) -> str:
    """Write integers, or texts of digits, that may be absent.

    >>> format_optional([1, None, "0099"])
    '{1,NULL,0099}'
    """
    return f"{{{','.join([_NULL if value is None else str(value) for value in values])}}}"
