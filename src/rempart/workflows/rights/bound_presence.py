"""Say what may be asked without presence, and which readers of Vitale cards are believed.

Refuses a policy for a professional or an establishment that does not exist, and a key that is not
public or not strong enough.
"""

from collections.abc import Mapping, Sequence

from rempart.accounts.registration import read_jwk
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.rights.presence import PresencePolicy
from rempart.storage import continuity
from rempart.storage.connect import Transaction
from rempart.storage.continuity import PolicyRow, TerminalRow, list_policies, list_terminals

__all__ = ["PolicyRow", "TerminalRow", "list_policies", "list_terminals"]


def set_policy(
    tx: Transaction,
    policy: PresencePolicy,
    *,
    rpps: str | None,
    establishment: str | None,
    policy_ref: int,
    set_by: int | None = None,
) -> None:
    """Set a policy in the place of the one there was; for everybody when nobody is named.

    Args:
        tx: An open transaction.
        policy: What may be asked.
        rpps: One professional, or None.
        establishment: One FINESS or SIRET, or None.
        policy_ref: A reference drawn for it.
        set_by: Who sets it; None at the command line.

    Raises:
        InvalidRequest: both are named.
        NotFound: no such professional or establishment.
    """
    establishment_ref, account_ref = find_whom(tx, rpps, establishment)
    row = PolicyRow(establishment_ref, account_ref, policy)
    continuity.save_policy(tx, policy_ref, row, set_by=set_by)


def lend_policy(
    tx: Transaction, policy: PresencePolicy, account_refs: Sequence[int], *, first_ref: int
) -> list[int]:
    """Give accounts a policy for an exercise, but for those that have their own.

    Args:
        tx: An open transaction.
        policy: The policy.
        account_refs: Whose.
        first_ref: A reference drawn for it; those after it are used too.

    Returns:
        What `take_back_policies` takes back.
    """
    return continuity.lend_policy(tx, policy, account_refs, first_ref=first_ref)


def take_back_policies(tx: Transaction, policy_refs: Sequence[int]) -> None:
    """Take policies lent for an exercise back."""
    continuity.take_back_policies(tx, policy_refs)


def remove_policy(tx: Transaction, *, rpps: str | None, establishment: str | None) -> None:
    """Take a policy back.

    Raises:
        InvalidRequest: both are named.
        NotFound: no such professional, establishment or policy.
    """
    establishment_ref, account_ref = find_whom(tx, rpps, establishment)
    if not continuity.delete_policy(
        tx, establishment_ref=establishment_ref, account_ref=account_ref
    ):
        raise NotFound("there is no such policy: see `rempart continuity policy list`")


def register_terminal(
    tx: Transaction,
    jwk: Mapping[str, object],
    *,
    establishment: str,
    label: str,
    terminal_ref: int,
    registered_by: int | None = None,
) -> str:
    """Register a terminal; return the name of its key.

    Args:
        tx: An open transaction.
        jwk: Its public key.
        establishment: FINESS or SIRET of where it stands.
        label: What people call it.
        terminal_ref: A reference drawn for it.
        registered_by: Who registers it; None at the command line.

    Raises:
        InvalidRequest: not a public key that counts, or no label.
        NotFound: no such establishment.
        Conflict: the key is registered already.
    """
    kid, public = read_jwk(jwk)
    if not 1 <= len(label.strip()) <= 80:
        raise InvalidRequest("label: 1 to 80 letters")
    establishment_ref = continuity.find_establishment(tx, establishment)
    if establishment_ref is None:
        raise NotFound("no establishment has this number")
    if not continuity.insert_terminal(
        tx,
        terminal_ref=terminal_ref,
        establishment_ref=establishment_ref,
        kid=kid,
        jwk=public,
        label=label.strip(),
        registered_by=registered_by,
    ):
        raise Conflict("this key is registered already")
    return kid


def revoke_terminal(tx: Transaction, kid: str) -> bool:
    """Stop a terminal for ever; False when none in use has this key."""
    return continuity.revoke_terminal(tx, kid)


def find_whom(
    tx: Transaction, rpps: str | None, establishment: str | None
) -> tuple[int | None, int | None]:
    """Return the establishment, or the account, that numbers name; neither for everybody.

    Raises:
        InvalidRequest: both are named.
        NotFound: no such professional or establishment.
    """
    if rpps is not None and establishment is not None:
        raise InvalidRequest("name a professional or an establishment, not both")
    if rpps is not None:
        account_ref = continuity.find_account(tx, rpps)
        if account_ref is None:
            raise NotFound("no professional has this number")
        return None, account_ref
    if establishment is None:
        return None, None
    establishment_ref = continuity.find_establishment(tx, establishment)
    if establishment_ref is None:
        raise NotFound("no establishment has this number")
    return establishment_ref, None
