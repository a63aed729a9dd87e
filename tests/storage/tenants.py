"""Rows of several tenants, each with the visitors who may see, change or add it: said by hand here.

What row policies grant is compared with this, so nothing here is read from them.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from psycopg import sql

from rempart.storage.connect import Database, Transaction

# Whoever acts in the web, by name; "A" and "B" are two tenants of one kind.
ROLES: Final = {
    "insurer admin A": ("insurer_admin", "insurer A"),
    "insurer manager A": ("insurer_manager", "insurer A"),
    "insurer admin B": ("insurer_admin", "insurer B"),
    "holder A": ("holder", "establishment A"),
    "assistant A": ("assistant", "establishment A"),
    "manager A": ("establishment_manager", "establishment A"),
    "holder B": ("holder", "establishment B"),
    "manager B": ("establishment_manager", "establishment B"),
    "publisher admin A": ("publisher_admin", "publisher A"),
    "publisher developer A": ("publisher_developer", "publisher A"),
    "publisher admin B": ("publisher_admin", "publisher B"),
    "employer admin A": ("employer_admin", "employer A"),
    "employer admin B": ("employer_admin", "employer B"),
    "hosted admin": ("operator_admin", "hosted operator"),
    "host admin": ("operator_admin", "host"),
    "host security": ("operator_security", "host"),
    "host ops": ("operator_ops", "host"),
    "member A": ("member", None),
    "member A2": ("member", None),
    "member B": ("member", None),
}
HOST: Final = frozenset({"host admin", "host security", "host ops"})
SECURES: Final = frozenset({"host admin", "host security"})
ADMINISTERS: Final = frozenset(
    name
    for name, (role, _) in ROLES.items()
    if role.endswith("_admin") or role in {"holder", "establishment_manager"}
)
# Whoever opens a public page, signed in or not.
EVERYBODY: Final = frozenset({*ROLES, "nobody"})
# Somebody without a role any more: nobody's colleague.
GONE: Final = "somebody who left"
INSURER_OF: Final = {"member A": "A", "member A2": "A", "member B": "B"}
# Who acted, in the rows that say it: an attacker also writes their own name there.
AUTHOR: Final = {
    "accounts.invitation": "invited_by",
    "accounts.recovery_request": "asked_by",
    "accounts.software": "created_by",
    "accounts.bank_details": "proposed_by",
    "accounts.security_event": "by_ref",
    "accounts.event_report": "actor_ref",
    "rights.card_order": "asked_by",
    "accounts.display_hold": "asked_by",
    "accounts.erasure_request": "asked_by",
    "rights.cut": "asked_by",
    "guard.measure": "asked_by",
    "incidents.sealing_key": "proposed_by",
    "incidents.insurer_note": "author_ref",
    "incidents.room_event": "author_ref",
    "incidents.clock_owner": "author_ref",
    "incidents.party_trait": "author_ref",
    "incidents.severity": "author_ref",
    "incidents.authority_report": "author_ref",
    "retention.hold": "placed_by_ref",
    "rights.presence_policy": "set_by",
    "accounts.terminal": "registered_by",
    "claims.benefit_file": "proposed_by",
    "claims.watch": "placed_by",
    "claims.hold": "placed_by",
    "notices.campaign": "made_by",
    "notices.contact_file": "uploaded_by",
    "claims.exposure_watch": "started_by",
    "rights.insurer_limit": "set_by",
    "notices.incident_page": "made_by",
    "notices.page_version": "written_by",
    "rights.own_copy": "asked_by",
    "retention.schedule": "proposed_by",
    "retention.event": "told_by",
    "retention.data_hold": "placed_by",
    "retention.request": "made_by",
    "employers.upload": "uploaded_by",
    "employers.movement": "declared_by",
}


def of(org: str) -> frozenset[str]:
    """Return the agents of an organisation."""
    return frozenset(name for name, (_, place) in ROLES.items() if place == org)


def working_for(letter: str) -> frozenset[str]:
    """Return those who work for the members of an insurer."""
    return of(f"insurer {letter}") | (frozenset({"hosted admin"}) if letter == "A" else frozenset())


def members_of(letter: str) -> frozenset[str]:
    """Return the members of an insurer."""
    return frozenset(name for name, insurer in INSURER_OF.items() if insurer == letter)


@dataclass(frozen=True)
class Row:
    """One planted row. `adders` may insert such a row in their own name."""

    table: str
    key: Mapping[str, Any]
    values: Mapping[str, Any]
    readers: frozenset[str]
    changers: frozenset[str]
    adders: frozenset[str]

    def closed(self) -> "Row":
        """Return the same row, lawful for nobody; what is public stays readable."""
        nobody: frozenset[str] = frozenset()
        readers = self.readers if self.readers == EVERYBODY else nobody
        return replace(self, readers=readers, changers=nobody, adders=nobody)


@dataclass
class World:
    """Everything planted, and what opens each visitor's session."""

    database: Database
    rows: list[Row] = field(default_factory=list)
    actors: dict[str, int] = field(default_factory=dict)
    orgs: dict[str, int] = field(default_factory=dict)
    memberships: dict[str, int] = field(default_factory=dict)
    establishments: dict[str, int] = field(default_factory=dict)
    persons: dict[str, int] = field(default_factory=dict)
    digests: dict[str, bytes] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    # Names that somebody is told about rows they do not see.
    told: dict[str, list[str]] = field(default_factory=dict)

    def name(self, what: str) -> str:
        """Return how something is called in its row: with a mark found nowhere else."""
        return f"{what} {self.marks.setdefault(what, secrets.token_hex(8))}"

    def tables(self) -> list[str]:
        """Return every table that rows were planted in."""
        return sorted({row.table for row in self.rows})

    def of_table(self, table: str) -> list[Row]:
        """Return the rows of one table."""
        return [row for row in self.rows if row.table == table]

    def plant(
        self,
        tx: Transaction,
        table: str,
        key: Mapping[str, Any],
        values: Mapping[str, Any],
        *,
        readers: frozenset[str],
        changers: frozenset[str] = frozenset(),
        adders: frozenset[str] = frozenset(),
    ) -> None:
        """Insert a row as the owner and remember who may do what with it."""
        everything = {**key, **values}
        tx.execute(insertion(table, everything), everything)
        self.rows.append(Row(table, key, everything, readers, changers, adders))


def insertion(table: str, values: Mapping[str, Any]) -> sql.Composed:
    """Return the statement that inserts named values."""
    return sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
        sql.Identifier(*table.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Placeholder, values)),
    )


def draw() -> int:
    """Return a random reference."""
    return secrets.randbits(62) + 1
