"""One line of the table of who may do what."""

from dataclasses import dataclass

from rempart.accounts.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One line of the table.

    Args:
        roles: Who may.
        purpose: Why, in a few words of plain English; the documentation prints it.
        step_up: Whether a fresh ceremony is needed each time.
    """

    roles: frozenset[Role]
    purpose: str
    step_up: bool = False
