"""Short names for accounts and sessions: enough to tell them apart and to talk about them.

A reference is random already; its pseudonym only shortens it. Refuses to lead to a person.
"""

from typing import Final

from rempart.kernel.crockford import encode_number, format_groups

_LETTERS: Final = 8
_MASK: Final = (1 << (5 * _LETTERS)) - 1


def format_account(account_ref: int) -> str:
    """Return the pseudonym of an account, for example `C-7K3M-Q2ZX`."""
    return f"C-{_shorten(account_ref)}"


def format_session(session_ref: int) -> str:
    """Return the pseudonym of a session, for example `S-7K3M-Q2ZX`."""
    return f"S-{_shorten(session_ref)}"


def format_contract(contract_ref: int) -> str:
    """Return the pseudonym of a contract, for example `K-7K3M-Q2ZX`."""
    return f"K-{_shorten(contract_ref)}"


def _shorten(ref: int) -> str:
    return format_groups(encode_number(ref & _MASK, _LETTERS))
