"""Who may do what, as a page: docs/reference/permissions.md says what the tables say."""

import os
from pathlib import Path

from rempart.accounts.invitations import (
    AGENT_LIFETIME,
    CODE_BITS,
    INVITATION_STEPS,
    MEMBER_LIFETIME,
    RECOVERY_STEPS,
)
from rempart.accounts.permissions import GRANTS, STEP_UP_LIFETIME, Permission
from rempart.accounts.role_names import KIND_NAMES, ROLE_NAMES
from rempart.accounts.roles import ADMINISTRATORS, ROLES_OF, UNDER_SOMEBODY, Role
from rempart.accounts.session_limits import find_session_limits

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "permissions.md"
HOW_TO_WRITE = (
    "the permissions changed: run `REMPART_WRITE_DOCS=1 pytest tests/spec` and read the diff"
)
YES, FRESH = "yes", "**fresh**"
ABOUT_PERSONS = """\
- Nobody changes, suspends or restores themselves.
- A role is given within its own kind of organisation, by its administrators.
- The last person who administers an organisation keeps the role.
- Holders come from the register of professionals, never from a page.
- A holder answers for the locums and assistants they bring; nobody makes somebody else answer.
- Only a holder stops a holder, in whatever role.
- A recovery is decided by another person than who asked and who gets it.
- Who asks and the colleague who approves were both there for 30 days, neither invited by the other;
  else the host operator approves, and at the host itself `rempart organisation recover`.
- Only the host operator stops an organisation, and never itself."""


def write_role_row(role):
    limits = find_session_limits(role)
    marks = []
    if role in ADMINISTRATORS.values() or role is Role.HOLDER:
        marks.append("administers people")
    if role in UNDER_SOMEBODY:
        marks.append("a holder answers for them")
    idle, absolute = limits.idle.total_seconds() / 60, limits.absolute.total_seconds() / 3600
    return (f"`{role}`", ROLE_NAMES[role].fr, f"{idle:.0f} min", f"{absolute:.0f} h", *marks)


def write_grants(roles, write_table):
    """Return the table of what some roles may do; permissions none of them has are left out."""
    rows = []
    for permission, grant in GRANTS.items():
        if grant.roles & set(roles):
            mark = FRESH if grant.step_up else YES
            rows.append(
                (
                    f"`{permission}`",
                    grant.purpose,
                    *(mark if r in grant.roles else "" for r in roles),
                )
            )
    return write_table(("permission", "purpose", *(ROLE_NAMES[r].fr for r in roles)), rows)


def write_steps(steps, write_table):
    rows = [
        (f"`{state}`", f"`{after}`", f"`{event}`" if event else "none: time passed")
        for state, nexts in steps.items()
        for after, event in nexts.items()
    ]
    return write_table(("from", "to", "event"), rows)


def write_page(write_table):
    minutes = STEP_UP_LIFETIME.total_seconds() / 60
    hours, days = AGENT_LIFETIME.total_seconds() / 3600, MEMBER_LIFETIME.days
    parts = [
        "# Permissions",
        (
            "Generated from `accounts/permissions.py`, `roles.py` and `invitations.py`. A session "
            "has one role; what the table does not grant is refused. *yes*: the role may. "
            f"{FRESH}: the role may, after a fresh ceremony (passkey or Pro Santé Connect) less "
            f"than {minutes:.0f} minutes old. The database's row policies stand behind every line: "
            "a permission never reaches the rows of somebody else."
        ),
    ]
    groups = [(f"{n.fr} (`{kind}`)", ROLES_OF[kind]) for kind, n in KIND_NAMES.items()]
    groups.append((f"{ROLE_NAMES[Role.MEMBER].fr} (`member`)", (Role.MEMBER,)))
    for title, roles in groups:
        header = ("role", "nom", "idle", "in all", "")
        rows = [(*row, *[""] * (5 - len(row))) for row in map(write_role_row, roles)]
        parts += [f"## {title}", write_table(header, rows), write_grants(roles, write_table)]
    parts += [
        "## About persons",
        ABOUT_PERSONS,
        "## Invitations and recoveries",
        (
            f"A code has {CODE_BITS} random bits; only its digest is kept. It waits "
            f"{hours:.0f} hours for an agent, {days} days for a member."
        ),
        write_steps(INVITATION_STEPS, write_table),
        write_steps(RECOVERY_STEPS, write_table),
    ]
    return "\n\n".join(parts) + "\n"


def test_the_page_of_permissions_says_what_the_tables_say(write_table):
    text = write_page(write_table)
    if os.environ.get("REMPART_WRITE_DOCS") == "1":
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.is_file(), HOW_TO_WRITE
    assert PAGE.read_text(encoding="utf-8") == text, HOW_TO_WRITE


def test_mutation_a_grant_given_without_a_word_is_noticed(write_table, monkeypatch):
    before = write_page(write_table)
    wider = GRANTS[Permission.READ_LEDGER]
    wider = type(wider)(roles=wider.roles | {Role.MEMBER}, purpose=wider.purpose)
    monkeypatch.setitem(globals(), "GRANTS", {**GRANTS, Permission.READ_LEDGER: wider})
    assert write_page(write_table) != before


def test_every_permission_is_granted_to_somebody_for_a_purpose():
    assert set(GRANTS) == set(Permission)
    for grant in GRANTS.values():
        assert grant.roles
        assert grant.purpose[0].islower()
        assert not grant.purpose.endswith(".")


def test_every_role_has_a_french_name_that_its_colleagues_do_not_share():
    assert set(ROLE_NAMES) == set(Role)
    for roles in ROLES_OF.values():
        for language in (0, 1):
            assert len({ROLE_NAMES[role][language] for role in roles}) == len(roles)
