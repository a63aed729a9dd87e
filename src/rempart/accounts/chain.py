"""The chain between insurers and the host: who hosts, operates and processes for whom, that day.

Refuses to guess: an insurer that names nobody has no link, and is the host's own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from rempart.accounts.organisations import MandateKind
from rempart.kernel.periods import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What one organisation does for another, with its days.

    Args:
        kind: What is done.
        principal_ref, principal: For whom: an insurer, or a hosted operator.
        insurer_id: Which insurer that is; None for an operator.
        agent_ref, agent: By whom.
        period: Its two ends count.
    """

    kind: MandateKind
    principal_ref: int
    principal: str
    insurer_id: int | None
    agent_ref: int
    agent: str
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class InsurerLink:
    """An insurer under whoever runs its tiers payant, and who processes for it."""

    insurer_id: int
    name: str
    period: Period
    sub_processors: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Somebody between insurers and the host, and the insurers it works for that day.

    Args:
        org_ref, name: Who.
        kind: `operates` for an operator, `sub_processes` for who processes for insurers.
        insurers: By name.
        hosting: The link to its host, for a hosted operator.
    """

    org_ref: int
    name: str
    kind: MandateKind
    insurers: tuple[InsurerLink, ...]
    hosting: Link | None = None


def draw_chain(links: Iterable[Link], day: date) -> tuple[Party, ...]:
    """Return who stands between insurers and the host on a day.

    Args:
        links: Those the reader may see, any order.
        day: Both ends of a link count.

    Returns:
        Operators by name, hosted or not, then who processes for insurers, by name. A hosted
        operator without an insurer is there; so is one whose host the reader does not see.
    """
    now = [link for link in links if link.period.contains(day)]
    hosting = {link.principal_ref: link for link in now if link.kind == "hosts"}
    names = {link.agent_ref: link.agent for link in now if link.kind == "operates"}
    names |= {link.principal_ref: link.principal for link in hosting.values()}
    workers: dict[int, list[Link]] = {}
    for link in now:
        if link.kind == "sub_processes":
            workers.setdefault(link.principal_ref, []).append(link)
    operators = [
        Party(
            org_ref=ref,
            name=name,
            kind="operates",
            insurers=_list_insurers(now, "operates", ref, workers),
            hosting=hosting.get(ref),
        )
        for ref, name in names.items()
    ]
    processors = {link.agent_ref: link.agent for link in now if link.kind == "sub_processes"}
    others = [
        Party(
            org_ref=ref,
            name=name,
            kind="sub_processes",
            insurers=_list_insurers(now, "sub_processes", ref, {}),
        )
        for ref, name in processors.items()
    ]
    return (*sorted(operators, key=_rank), *sorted(others, key=_rank))


def _list_insurers(
    links: Iterable[Link], kind: MandateKind, agent_ref: int, workers: dict[int, list[Link]]
) -> tuple[InsurerLink, ...]:
    found = [
        InsurerLink(
            insurer_id=link.insurer_id,
            name=link.principal,
            period=link.period,
            sub_processors=tuple(
                sorted(workers.get(link.principal_ref, ()), key=lambda one: one.agent.casefold())
            ),
        )
        for link in links
        if link.kind == kind and link.agent_ref == agent_ref and link.insurer_id is not None
    ]
    return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.insurer_id)))


def _rank(party: Party) -> tuple[str, int]:
    return party.name.casefold(), party.org_ref
