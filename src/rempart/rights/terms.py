"""Terms to and from the JSON in which they are stored and answered.

Refuses unknown shapes: a guarantee that is not understood must not be promised.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rempart.kernel.errors import InconsistentRecord
from rempart.rights.coverage import DomainTerms, Forfait, Rate, Terms, TicketModerateur
from rempart.tariffs.domains import DOMAINS


def format_domain_terms(terms: DomainTerms) -> dict[str, Any]:
    """Return the JSON object of what is paid in one domain.

    >>> format_domain_terms(Rate(rate_bp=10000, circuit="IS"))
    {'kind': 'rate', 'rate_bp': 10000, 'circuit': 'IS', 'conditions': []}
    """
    record: dict[str, Any] = {"kind": terms.kind}
    if isinstance(terms, Rate):
        record["rate_bp"] = terms.rate_bp
    elif isinstance(terms, Forfait):
        record["amount_cents"] = terms.amount_cents
    return record | {"circuit": terms.circuit, "conditions": list(terms.conditions)}


def parse_domain_terms(record: Mapping[str, Any]) -> DomainTerms:
    """Read the JSON object of what is paid in one domain.

    Raises:
        InconsistentRecord: the kind is unknown, or its figure is missing or impossible.
    """
    try:
        return _build_domain_terms(record)
    except KeyError as missing:
        raise InconsistentRecord(f"Stored terms lack {missing}: publish the feed again.") from None
    except (TypeError, ValueError) as impossible:
        raise InconsistentRecord(f"Stored terms are impossible: {impossible}") from None


def format_domains(domains: Mapping[str, DomainTerms]) -> dict[str, dict[str, Any]]:
    """Return the JSON object of a guarantee's domains, in the order cards print them."""
    return {code: format_domain_terms(domains[code]) for code in DOMAINS if code in domains}


def parse_domains(record: Mapping[str, Mapping[str, Any]]) -> Mapping[str, DomainTerms]:
    """Read the JSON object of a guarantee's domains.

    Raises:
        InconsistentRecord: a domain or its terms are not understood.
    """
    unknown = sorted(record.keys() - DOMAINS.keys())
    if unknown:
        raise InconsistentRecord(f"Stored terms name unknown domains: {', '.join(unknown)}.")
    return MappingProxyType({code: parse_domain_terms(one) for code, one in record.items()})


def format_terms(terms: Terms) -> dict[str, Any]:
    """Return the whole guarantee as a JSON object; the inverse of `parse_terms`."""
    return {
        "convention_type": terms.convention_type,
        "csr": terms.csr,
        "responsible": terms.responsible,
        "domains": format_domains(terms.domains),
    }


def parse_terms(record: Mapping[str, Any]) -> Terms:
    """Read a whole guarantee: a stored row or a JSON object with these four keys, others ignored.

    Raises:
        InconsistentRecord: a domain or its terms are not understood.
    """
    return Terms(
        convention_type=record["convention_type"],
        csr=record["csr"],
        responsible=record["responsible"],
        domains=parse_domains(record["domains"]),
    )


def _build_domain_terms(record: Mapping[str, Any]) -> DomainTerms:
    circuit = record.get("circuit")
    conditions = tuple(record.get("conditions", ()))
    match record["kind"]:
        case Rate.kind:
            return Rate(rate_bp=record["rate_bp"], circuit=circuit, conditions=conditions)
        case Forfait.kind:
            cents = record["amount_cents"]
            return Forfait(amount_cents=cents, circuit=circuit, conditions=conditions)
        case TicketModerateur.kind:
            return TicketModerateur(circuit=circuit, conditions=conditions)
        case unknown:
            raise ValueError(f"there is no kind called {unknown!r}.")
