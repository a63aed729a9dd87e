"""The chain of a day: who hosts, operates and processes for whom."""

from datetime import date

from rempart.accounts.chain import Link, draw_chain
from rempart.kernel.periods import OPEN_END, Period

FIRST, LAST = date(2026, 1, 1), date(2026, 6, 30)
NAMES = {1: "Plateforme", 2: "Kappa", 3: "mu Gestion", 7: "Aubelune", 8: "Brisemer"}


def link(kind, principal, agent, *, starts=FIRST, ends=OPEN_END) -> Link:
    return Link(
        kind=kind,
        principal_ref=principal,
        principal=NAMES[principal],
        insurer_id=principal if principal >= 7 else None,
        agent_ref=agent,
        agent=NAMES[agent],
        period=Period(starts, ends),
    )


LINKS = [
    link("hosts", 2, 1),
    link("operates", 8, 2),
    link("operates", 7, 2, ends=LAST),
    link("operates", 7, 1, starts=date(2026, 7, 1)),
    link("sub_processes", 7, 3),
]


def draw(day: date) -> dict[str, list[tuple[str, list[str]]]]:
    return {
        party.name: [
            (one.name, [worker.agent for worker in one.sub_processors]) for one in party.insurers
        ]
        for party in draw_chain(LINKS, day)
    }


def test_a_link_counts_from_its_first_day_to_its_last():
    assert draw(date(2025, 12, 31)) == {}
    both = {
        "Kappa": [("Aubelune", ["mu Gestion"]), ("Brisemer", [])],
        "mu Gestion": [("Aubelune", [])],
    }
    assert draw(FIRST) == draw(LAST) == both
    assert draw(date(2026, 7, 1)) == {
        "Kappa": [("Brisemer", [])],
        "Plateforme": [("Aubelune", ["mu Gestion"])],
        "mu Gestion": [("Aubelune", [])],
    }


def test_only_a_hosted_operator_has_a_host_and_it_is_there_without_an_insurer():
    parties = draw_chain([link("hosts", 2, 1)], FIRST)
    assert [(p.name, p.insurers, p.hosting and p.hosting.agent) for p in parties] == [
        ("Kappa", (), "Plateforme")
    ]
    assert [p.hosting for p in draw_chain(LINKS, date(2026, 7, 1)) if p.name != "Kappa"] == [
        None,
        None,
    ]
