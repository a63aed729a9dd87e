"""Members of an insurer with their rights, for the pages of its space."""

import json
from dataclasses import dataclass

from tests.portals import people
from tests.portals.conftest import KEY

from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.nir import Nir
from rempart.rights.lookup import TypedIdentifiers, compute_lookup_key
from rempart.workflows.feeds.keys import FeedKeys

CONTRACT = "C-2026/0001"
TERMS_ID = 77


@dataclass(frozen=True)
class Member:
    """Somebody with rights; `nir` with its key, as a form is given it."""

    person_ref: int
    nir: Nir
    contract: str

    @property
    def typed(self) -> dict[str, str]:
        """What the form of exact identifiers is sent."""
        return {
            "act": "saisie",
            "saisie-insured_nir": self.nir.format_compact(),
            "saisie-birth_date": "12/05/1984",
            "saisie-birth_rank": "1",
            "saisie-motive": "service",
        }


def name_contract(insurer, number: str) -> int:
    """Return the reference of a contract of an insurer."""
    return FeedKeys(amc_of(insurer), KEY, KEY).contract(number)


def amc_of(insurer) -> str:
    """Return the number under which an insurer's members are known."""
    return f"9{insurer.insurer_id:09d}"


def add_member(
    desk,
    insurer,
    order: int = 1,
    *,
    contract: str = CONTRACT,
    other_contract: str | None = None,
    left: bool = False,
    planted: bool = False,
) -> Member:
    """Add a member, or somebody who left, with the key of their typed identifiers."""
    who = Member(people.draw(), Nir(f"2840500001{order:03d}"), contract)
    refs = [name_contract(insurer, one) for one in (contract, other_contract) if one]
    table, ends = ("past_coverage", "2026-06-30") if left else ("coverage", "infinity")
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE rights.insurer SET published_version = 3 WHERE insurer_id = %s",
            (insurer.insurer_id,),
        )
        tx.execute(
            "INSERT INTO rights.terms VALUES (%s, %s, %s, 'RP', 'RESP', true, %s)"
            " ON CONFLICT DO NOTHING",
            (
                TERMS_ID,
                insurer.insurer_id,
                bytes(32),
                json.dumps({"PHAR": {"kind": "rate", "rate_bp": 10000, "circuit": "IS"}}),
            ),
        )
        tx.execute(
            f"INSERT INTO rights.{table} (person_ref, opened_in, insurer_id, contract_ref,"
            " starts_on, ends_on, suspended_from, suspended_to, terms_id)"
            " VALUES (%s, 2, %s, %s, %s::date[], %s::date[], %s::date[], %s::date[], %s)",
            (
                *(who.person_ref, insurer.insurer_id, refs),
                *(["2020-01-01", "2019-01-01"][: len(refs)], [ends, "2019-12-31"][: len(refs)]),
                *(["infinity"] * len(refs), ["infinity"] * len(refs), [TERMS_ID] * len(refs)),
            ),
        )
        key = designate(insurer, who)
        keys = "identity.person_key (person_key, person_ref, added_in)" if left else "rights.lookup"
        tx.execute(
            f"INSERT INTO {keys} VALUES (encode(%s, 'hex')::uuid, %s{', 1' if left else ''})",
            (key, who.person_ref),
        )
        tx.execute("SELECT rights.index_contracts()")
        if planted:
            tx.execute(
                "INSERT INTO guard.canary (lookup_key, person_ref, insurer_id)"
                " VALUES (encode(%s, 'hex')::uuid, %s, %s)",
                (key, who.person_ref, insurer.insurer_id),
            )
    return who


def designate(insurer, who: Member) -> bytes:
    """Return the key of somebody's typed identifiers at an insurer."""
    typed = TypedIdentifiers(
        amc_number=AmcNumber(amc_of(insurer)),
        insured_nir=who.nir,
        birth_date=BirthDate("19840512"),
        birth_rank=BirthRank(1),
    )
    return compute_lookup_key(KEY, typed)
