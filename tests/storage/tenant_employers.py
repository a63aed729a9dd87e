"""Rows of employers: contracts, prices, lists, movements, files and statements."""

from datetime import date

from tests.storage.tenants import GONE, World, draw, of

from rempart.storage.connect import Transaction


def plant_employers(world: World, tx: Transaction) -> None:
    """Plant of each employer a contract with everything that hangs on it."""
    for insurer_id, letter in ((1, "A"), (2, "B")):
        staff, agents = of(f"employer {letter}"), of(f"insurer {letter}")
        group_ref, terms_id = draw(), draw()
        whose = {"org_ref": world.orgs[f"employer {letter}"], "insurer_id": insurer_id}
        tx.execute(
            "INSERT INTO rights.terms (terms_id, insurer_id, digest, convention_type, csr,"
            " responsible, domains) VALUES (%s, %s, sha256(%s::text::bytea), 'TP', '01', true,"
            " '{}')",
            [terms_id, insurer_id, f"employers {letter}"],
        )
        contract = {"group_ref": group_ref}
        world.plant(
            tx,
            "employers.group_contract",
            contract,
            {
                **whose,
                "number": f"COLL-{letter}",
                "employer_name": world.name(f"employer of {letter}"),
                "insurer_name": world.name(f"insurer of employer {letter}"),
                "starts_on": "2026-01-01",
            },
            readers=staff | agents,
        )
        price = {**contract, "structure": "single", "starts_on": date(2026, 1, 1)}
        world.plant(
            tx,
            "employers.tariff",
            price,
            {**whose, "monthly_cents": 4_000, "terms_id": terms_id},
            readers=staff | agents,
        )
        _plant_list(world, tx, letter, contract, whose)
        _plant_told(world, tx, letter, contract, whose)


def _plant_list(
    world: World, tx: Transaction, letter: str, contract: dict[str, int], whose: dict[str, int]
) -> None:
    """Plant somebody on the list, and what the month was called for."""
    staff, agents = of(f"employer {letter}"), of(f"insurer {letter}")
    world.plant(
        tx,
        "employers.staff",
        {"staff_ref": draw()},
        {
            **contract,
            **whose,
            "staff_number": f"S-{world.marks.setdefault(f'staff {letter}', letter * 8)}",
            "structure": "single",
            "person_ref": world.persons[f"member {letter}"],
            "contract_ref": draw(),
            "work_from": "2026-01-01",
            "joined_on": "2026-01-01",
        },
        readers=staff | agents,
    )
    statement = {"statement_ref": draw()}
    world.plant(
        tx,
        "employers.statement",
        statement,
        {**contract, **whose, "month": "2026-10-01", "amount_cents": 4_000}
        | {"active": 1, "ported": 0},
        readers=staff | agents,
    )
    world.plant(
        tx,
        "employers.statement_line",
        {**statement, "place": 1},
        {**whose, "about": "2026-10-01", "structure": "single", "active": 1, "ported": 0}
        | {"unit_cents": 4_000, "amount_cents": 4_000},
        readers=staff | agents,
    )


def _plant_told(
    world: World, tx: Transaction, letter: str, contract: dict[str, int], whose: dict[str, int]
) -> None:
    """Plant a file with a mistake, and somebody who leaves."""
    staff, agents = of(f"employer {letter}"), of(f"insurer {letter}")
    upload = {"upload_ref": draw()}
    world.plant(
        tx,
        "employers.upload",
        upload,
        {
            **contract,
            "org_ref": whose["org_ref"],
            "lines": 3,
            "findings": 1,
            "uploaded_by": world.actors[GONE],
        },
        readers=staff,
        adders=staff,
    )
    world.plant(
        tx,
        "employers.finding",
        {**upload, "line": 2, "field": "nir", "rule": "nir"},
        {"org_ref": whose["org_ref"]},
        readers=staff,
        adders=staff,
    )
    world.plant(
        tx,
        "employers.movement",
        {"movement_ref": draw()},
        {
            **contract,
            **whose,
            "kind": "leave",
            "staff_number": f"M-{letter}",
            "happens_on": "2026-11-30",
            "cover_ends_on": "2026-11-30",
            "declared_by": world.actors[GONE],
        },
        readers=staff | agents,
        changers=staff | agents,
        adders=staff,
    )
