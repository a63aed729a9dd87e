"""Which provider each organisation trusts with its agents. Reads and writes nothing of a person."""

from typing import Final

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("identity_providers")


def trust_provider(tx: Transaction, org_ref: int, provider: str | None) -> bool:
    """Note the provider of an organisation; False when there is no such organisation."""
    parameters = {"org_ref": org_ref, "provider": provider}
    return tx.execute(QUERIES.trust_provider, parameters).fetchone() is not None


def list_other_sessions(tx: Transaction, org_ref: int, provider: str | None) -> list[int]:
    """Return the live sessions that came through another provider."""
    parameters = {"org_ref": org_ref, "provider": provider}
    return [int(ref) for (ref,) in tx.execute(QUERIES.list_other_sessions, parameters)]
