"""The table of terms as feeds write it: `PHAR=R100@IS|MEDG=T|OPTI=F20000`.

Refuses what it does not know: a domain or a value that is not understood is never guessed.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rempart.exchange.feed_rules import (
    REQUIRED,
    TERMS_CIRCUIT,
    TERMS_FORMAT,
    TERMS_REPEATED,
    TERMS_VALUE,
)
from rempart.kernel.findings import BadValue
from rempart.rights.coverage import DomainTerms, Forfait, Rate, TicketModerateur
from rempart.tariffs.domains import Domain

_RATE: Final = re.compile(r"R(\d{1,4})(?:\.(\d{1,2}))?", re.ASCII)
_FORFAIT: Final = re.compile(r"F(\d{1,8})", re.ASCII)
_CIRCUIT: Final = re.compile(r"[A-Z0-9]{1,8}", re.ASCII)


def parse_feed_terms(text: str) -> Mapping[str, DomainTerms]:
    """Read a table of terms.

    `R` is a share of the base de remboursement in percent, compulsory insurance included; `F` a
    forfait in cents; `T` the ticket modérateur and no more; `@` a circuit.

    >>> sorted(parse_feed_terms("MEDG=T|PHAR=R100@IS"))
    ['MEDG', 'PHAR']

    Raises:
        BadValue: the first entry that is not understood.
    """
    stripped = text.strip()
    if not stripped:
        raise BadValue(REQUIRED)
    domains: dict[str, DomainTerms] = {}
    for entry in stripped.split("|"):
        code, equals, value = entry.strip().partition("=")
        if not equals:
            raise BadValue(TERMS_FORMAT)
        domain = Domain.parse(code.strip())
        if domain.code in domains:
            raise BadValue(TERMS_REPEATED)
        domains[domain.code] = _parse_value(value.strip())
    return MappingProxyType(domains)


def _parse_value(text: str) -> DomainTerms:
    value, at, circuit = text.partition("@")
    if at and not _CIRCUIT.fullmatch(circuit):
        raise BadValue(TERMS_CIRCUIT)
    network = circuit or None
    if value == "T":
        return TicketModerateur(circuit=network)
    try:
        if rate := _RATE.fullmatch(value):
            percent, hundredths = rate[1], (rate[2] or "").ljust(2, "0")
            return Rate(rate_bp=int(percent + hundredths), circuit=network)
        if forfait := _FORFAIT.fullmatch(value):
            return Forfait(amount_cents=int(forfait[1]), circuit=network)
    except ValueError as impossible:
        raise BadValue(TERMS_VALUE) from impossible
    raise BadValue(TERMS_VALUE)
